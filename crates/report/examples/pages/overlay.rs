//! Pages of comparisons: two sentences word by word, and one word in two contexts.

use crate::Noise;
use crate::story::{RISING, told};
use stratoscope_chart::{
    Axis, Cell, Chart, Column, Curves, MatrixPanel, Panel, Scale, Series, Slice, Table,
};
use stratoscope_report::{Exploration, Overlay, OverlayStep, Report};

/// Every page, with its name.
pub(crate) fn pages() -> Vec<(&'static str, Report)> {
    vec![
        (
            "story-pair",
            sentences("She put the money in the old bank.", PITCHED, &DEPOSITED, Some(2)),
        ),
        (
            "story-edited",
            sentences(
                "The bank by the river refused the loan.",
                "The bank by the market refused the loan.",
                &[
                    ("The", "The", true),
                    ("bank", "bank", true),
                    ("by", "by", true),
                    ("the", "the", true),
                    ("river", "market", true),
                    ("refused", "refused", true),
                    ("the", "the", true),
                    ("loan", "loan", true),
                ],
                None,
            ),
        ),
        ("word", word()),
    ]
}

const PITCHED: &str = "She put up the small tent on the muddy river bank.";

/// The words of two sentences; an empty word is none. Whether both are known to the tokenizer.
const DEPOSITED: [(&str, &str, bool); 11] = [
    ("She", "She", true),
    ("put", "put", true),
    ("", "up", true),
    ("the", "the", true),
    ("", "small", true),
    ("money", "tent", true),
    ("in", "on", true),
    ("the", "the", true),
    ("old", "muddy", false),
    ("", "river", true),
    ("bank", "bank", true),
];

/// A comparison of two sentences, whose distances are made up.
fn sentences(
    first: &str,
    second: &str,
    words: &[(&str, &str, bool)],
    parts: Option<usize>,
) -> Report {
    let mut report =
        Report::new("compare", "stratoscope pages", "Distance of two sentences by layer");
    report.manifest = serde_json::json!({ "model": "a/made-up-model", "settings": { "seed": 0 } });
    report.verdict = match parts {
        Some(_) => vec![
            "The two contexts of “put” part at layer 2, those of “bank” at layer 2.",
            "From there on, fewer than half of their 10 nearest words in other sentences are the same.",
            "By distance, the content words that are in both sentences begin to differ at layer 1.",
        ],
        None => vec![
            "The content words that are in both sentences stay near.",
            "From layer 1 on, no more than 5 % of pairs of one word in unrelated sentences are closer.",
        ],
    }
    .into_iter()
    .map(str::to_owned)
    .collect();
    for text in [first, second] {
        let mut side = told(&[text], &RISING, &[]);
        side.story = None;
        report.explorations.push(side);
    }
    let mut steps = steps(&report.explorations, words, parts);
    report.aligned = steps.iter().filter_map(|s| Some([s.tokens[0]?, s.tokens[1]?])).collect();
    report.one_basis = true;
    let layers: Vec<usize> = report.explorations[0].layers.iter().map(|l| l.layer).collect();
    let mut noise = Noise(23);
    for step in &mut steps {
        let known = step.tokens[0].is_some() && step.tokens[1].is_some();
        let share = if step.content { 1.0 } else { 0.3 };
        let mut distance = |layer: usize| {
            let hill = 0.3 - 0.05 * (layer as f64 - 4.0).abs();
            known.then(|| (share * (hill + 0.06 * noise.next())).max(0.0))
        };
        step.distances = layers.iter().map(|&layer| distance(layer)).collect();
    }
    let mean = |edit: &str, at: usize| -> Option<f64> {
        let own = steps.iter().filter(|s| s.edit == edit && s.content);
        let own: Vec<f64> = own.filter_map(|s| s.distances[at]).collect();
        (!own.is_empty()).then(|| own.iter().sum::<f64>() / own.len() as f64)
    };
    let curve = |name: &str, edit: &str| {
        Series::new(name).values((0..layers.len()).map(|at| mean(edit, at)))
    };
    let median = |name: &str, values: &[f64]| {
        Series::new(name).values(values.iter().copied().map(Some)).baseline()
    };
    let same_word: Vec<f64> = layers.iter().map(|&l| 0.1 + 0.07 * l as f64).collect();
    let random: Vec<f64> = layers.iter().map(|&l| 0.6 + 0.03 * l as f64).collect();
    let rows = |kind: &str| {
        let series = [
            curve("kept content words", "kept"),
            curve("replaced words", "replaced"),
            Series::new("sentence means").values(layers.iter().map(|_| Some(0.2))),
            median("random words", &random),
            median("same word, unrelated sentences", &same_word),
        ];
        vec![Panel::new(kind, Axis::layers(&layers), "distance (1 − cosine)", series)]
    };
    let values: Vec<Option<f64>> =
        steps.iter().flat_map(|step| step.distances.iter().map(|d| d.map(|d| 60.0 * d))).collect();
    let moved = steps.iter().enumerate().filter(|(_, s)| s.edit == "kept" && s.content);
    let moved = moved.flat_map(|(i, s)| {
        let shares = s.distances.iter().zip(&same_word).enumerate().skip(1);
        shares.filter_map(move |(at, (d, median))| Some(((*d)? / median, [i, at])))
    });
    let moved = moved.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, at)| at);
    let names = steps.iter().map(|s| match &s.words {
        [Some(a), Some(b)] if a == b => a.clone(),
        [Some(a), Some(b)] => format!("{a} → {b}"),
        [a, b] => a.clone().or(b.clone()).unwrap_or_default(),
    });
    let axis = Axis::named("word", names.collect());
    let unit = "pairs from unrelated sentences that are closer, in percent";
    let panel = MatrixPanel::new(axis, Axis::layers(&layers), unit, Scale::new(0.0, 100.0));
    let caption = "These numbers are made up.";
    report.charts = vec![
        Chart::new(
            "compare",
            "Distance of two sentences by layer",
            Curves::rows([rows("distances"), rows("among reference pairs")]),
        )
        .caption(caption),
        Chart::new(
            "words",
            "Distance of each word",
            panel.decimals(0).slices([Slice::new(values)]),
        )
        .caption(caption),
    ];
    report.overlay = Some(Overlay { steps, same_word, random, moved });
    report
}

/// The steps of these words, with their tokens.
fn steps(
    sides: &[Exploration],
    words: &[(&str, &str, bool)],
    parts: Option<usize>,
) -> Vec<OverlayStep> {
    let mut at = [0, 0];
    let mut token = |side: usize, word: &str| {
        let e = &sides[side];
        let found = e.tokens.iter().skip(at[side]).position(|t| t.text == word.to_lowercase());
        let place = found.map(|place| at[side] + place);
        at[side] = place.map_or(at[side], |place| place + 1);
        place
    };
    let step = |&(a, b, known): &(&str, &str, bool)| {
        let found = [(0, a), (1, b)].map(|(side, word)| token(side, word).filter(|_| known));
        let some = |word: &str| (!word.is_empty()).then(|| word.to_owned());
        let function = ["the", "by", "on", "in", "up", "she"].contains(&a.to_lowercase().as_str());
        let kept = a == b;
        OverlayStep {
            edit: match (a.is_empty(), b.is_empty()) {
                (true, _) => "inserted",
                (_, true) => "deleted",
                _ if kept => "kept",
                _ => "replaced",
            }
            .to_owned(),
            words: [some(a), some(b)],
            tokens: found,
            content: !function && !a.is_empty(),
            begins: kept.then_some(1),
            parts: parts.filter(|_| kept && !function),
            distances: Vec::new(),
        }
    };
    words.iter().map(step).collect()
}

/// One word in two contexts: curves, and the table of its nearest words.
fn word() -> Report {
    let mut report =
        Report::new("compare", "stratoscope pages", "Similarity of one word in its contexts");
    report.verdict = [
        "The two contexts of “bank” part at layer 1.",
        "From there to layer 6, fewer than half of their 10 nearest words in other sentences are the same.",
    ]
    .map(str::to_owned)
    .to_vec();
    let layers: Vec<usize> = (0..7).collect();
    let curve = Series::new("1 and 2").values(layers.iter().map(|&l| Some(1.0 - 0.1 * l as f64)));
    let panel = Panel::new("", Axis::layers(&layers), "cosine", [curve]);
    let columns = ["layer".into(), Column::end("before"), "context 1".into(), "sense".into()];
    let row = |layer: usize, place: usize| {
        let sense = if layer < 2 { "natural object" } else { "group" };
        vec![
            Cell::Text(layer.to_string()),
            Cell::Text("…early last March the".to_owned()),
            Cell::Text(format!("bank on the corner raised its fees ({place})")),
            Cell::Text(sense.to_owned()),
        ]
    };
    let rows = layers.iter().flat_map(|&layer| (0..3).map(move |place| row(layer, place)));
    report.charts = vec![
        Chart::new("compare", "Similarity of one word", Curves::one(panel)).caption("Made up."),
        Chart::new(
            "journeys",
            "What is nearest to “bank”",
            Table::new(columns, rows.collect::<Vec<_>>()),
        )
        .caption("Made up."),
    ];
    report
}
