//! Pages of comparisons: two sentences word by word, and one word in two contexts.

use crate::Noise;
use crate::story::{RISING, told};
use stratoscope_chart::{Axis, Chart, Curves, MatrixPanel, Panel, Scale, Series, Slice};
use stratoscope_report::{Contexts, Exploration, Overlay, OverlayDisplaced, OverlayStep, Report};

/// Every page, with its name.
pub(crate) fn pages() -> Vec<(&'static str, Report)> {
    vec![
        (
            "story-pair",
            sentences("She put the money in the old bank.", PITCHED, &DEPOSITED, Some(2)),
        ),
        ("story-edited", sentences("Dog bit man.", CHASED, &BITTEN, None)),
        ("story-word", word()),
    ]
}

/// A sentence in which words change places, and many are inserted.
const CHASED: &str = "Man walked along the wide muddy river bank and bit dog.";

/// The words of both.
const BITTEN: [(&str, &str, bool); 11] = [
    ("Dog", "Man", true),
    ("", "walked", true),
    ("", "along", true),
    ("", "the", true),
    ("", "wide", true),
    ("", "muddy", true),
    ("", "river", true),
    ("", "bank", true),
    ("", "and", true),
    ("bit", "bit", true),
    ("man", "dog", true),
];

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
    // The words of both sentences that stand at other places, by form.
    let form =
        |step: &OverlayStep, side: usize| step.words[side].as_ref().map(|w| w.to_lowercase());
    let apart = |(_, step): &(usize, &OverlayStep)| step.edit != "kept" && step.content;
    let pairs = steps.iter().enumerate().filter(apart).filter_map(|(i, step)| {
        let word = form(step, 0)?;
        let other =
            steps.iter().position(|s| s.edit != "kept" && form(s, 1).as_ref() == Some(&word))?;
        Some(OverlayDisplaced {
            word: step.words[0].clone()?,
            steps: [i, other],
            parts: (i == 0).then_some(2),
            distances: layers.iter().map(|&l| Some(0.05 * l as f64)).collect(),
        })
    });
    let displaced: Vec<OverlayDisplaced> = pairs.collect();
    for word in &displaced {
        let [a, b] = [steps[word.steps[0]].tokens[0], steps[word.steps[1]].tokens[1]];
        if let (Some(a), Some(b)) = (a, b) {
            report.aligned.retain(|pair| pair[0] != a && pair[1] != b);
            report.aligned.push([a, b]);
        }
    }
    let inserted = steps.iter().position(|step| step.edit == "inserted");
    let run = steps.iter().filter(|step| step.edit == "inserted").count();
    let folds = inserted.filter(|_| run >= 5).map(|from| [from + 1, from + run - 1]);
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
    report.overlay = Some(Overlay {
        steps,
        same_word,
        random,
        moved,
        displaced,
        folds: folds.into_iter().collect(),
    });
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
        let function = ["the", "by", "on", "in", "up", "she", "along", "and"]
            .contains(&a.to_lowercase().as_str());
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

/// One word in two contexts.
fn word() -> Report {
    let mut report =
        Report::new("compare", "stratoscope pages", "Similarity of one word in its contexts");
    report.verdict = [
        "The two contexts of “bank” part at layer 2.",
        "From there to layer 6, fewer than half of their 10 nearest words in other sentences are the same.",
    ]
    .map(str::to_owned)
    .to_vec();
    report.manifest = serde_json::json!({ "model": "a/made-up-model", "settings": { "seed": 0 } });
    let texts = ["The old bank refused the loan.", PITCHED];
    for text in texts {
        let mut side = told(&[text], &RISING, &[]);
        side.story = None;
        if let Some(journeys) = &mut side.journeys {
            journeys.words.retain(|word| word.word == "bank");
            journeys.telling = Some(0);
        }
        report.explorations.push(side);
    }
    let token = |side: usize| {
        let tokens = &report.explorations[side].tokens;
        tokens.iter().position(|token| token.text == "bank").unwrap_or(0)
    };
    let tokens = [token(0), token(1)];
    let places = [0, 1].map(|side| report.explorations[side].tokens[tokens[side]].char_offsets);
    report.aligned = vec![tokens];
    report.one_basis = true;
    let layers: Vec<usize> = (0..7).collect();
    let in_common: Vec<[usize; 2]> = [9, 6, 4, 2, 2, 1, 0].map(|n| [n, 10]).into();
    let curve = Series::new("1 and 2").values(layers.iter().map(|&l| Some(1.0 - 0.1 * l as f64)));
    let similarity = Panel::new("", Axis::layers(&layers), "cosine", [curve]);
    let shares = [
        Series::new("in both contexts")
            .values(in_common.iter().map(|[n, _]| Some(*n as f64 / 10.0))),
        Series::new("half").values(layers.iter().map(|_| Some(0.5))).baseline(),
    ];
    let title = "nearest words in other sentences";
    let common = Panel::new(title, Axis::layers(&layers), "share of the 10 nearest", shares);
    let drawing = Curves::rows([vec![similarity], vec![common.range(0.0, 1.0)]]);
    report.charts =
        vec![Chart::new("compare", "Similarity of one word", drawing).caption("Made up.")];
    report.contexts = Some(Contexts {
        words: ["bank".to_owned(), "bank".to_owned()],
        tokens,
        places,
        parts: Some(2),
        in_common,
    });
    report
}
