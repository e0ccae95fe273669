//! Pages of made-up reports, of every kind and size, for the browser suite and to be looked at:
//! `cargo run -p stratoscope-report --example pages -- FOLDER`.

mod charts;
mod media;
mod overlay;
mod pictures;
mod story;
mod tokens;

use charts::charts;
use std::path::PathBuf;
use stratoscope_chart::Chart;
use stratoscope_report::{
    Estimate, Exploration, Layer, MapAbout, MapLayer, Omitted, Report, Sampled, Similarity, Token,
    TokenChange,
};

/// Texts that break pages which trust them.
pub(crate) const HOSTILE: [&str; 14] = [
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<!--<script>",
    "\u{202e}gnp.exe\u{2066}",
    "\u{0}\u{7}\u{1b}[31m",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "-2+3",
    "\t=HYPERLINK(\"http://x.invalid\")",
    "\u{2028}\u{2029}&amp;&lt;\"'`${1}",
    "\u{200b}\u{feff}",
    "\u{0645}\u{0631}\u{062d}\u{0628}\u{0627}",
    "z\u{0301}\u{0302}\u{0303}\u{0304}\u{0305}\u{0306}\u{0307}\u{0308}👩‍👩‍👧‍👦",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: PathBuf =
        std::env::args_os().nth(1).unwrap_or_else(|| "target/pages".into()).into();
    std::fs::create_dir_all(&folder)?;
    let mut hostile = words(HOSTILE.len());
    for (token, text) in hostile.iter_mut().zip(HOSTILE) {
        token.text = text.to_owned();
    }
    let long = Token { text: "=1+1 ".repeat(2_000), ..hostile[0].clone() };
    hostile.push(long);
    let pages = [
        ("tiny", one(words(2), 3, "Two words")),
        ("five", one(words(5), 7, "Five tokens")),
        ("twenty", one(words(20), 13, "Twenty tokens at thirteen layers")),
        ("many", one(words(200), 7, "Two hundred tokens of texts")),
        ("large", one(words(5_000), 13, "Five thousand tokens at thirteen layers")),
        ("hostile", one(hostile, 7, HOSTILE[0])),
        ("pair", pair()),
        ("texts", two_texts()),
        ("charts", charts_alone()),
    ];
    for (name, report) in
        pages.into_iter().chain(story::pages()).chain(overlay::pages()).chain(media::pages())
    {
        let page = report.html()?;
        std::fs::write(folder.join(format!("{name}.html")), page)?;
    }
    Ok(())
}

/// Numbers that look like chance and are the same every time, −1 to 1.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

const WORDS: &str = "the bank by river refused loan spring seal walked a light sentence they plant \
                     match unbreak ##able pitcher crane over under bridge cold water letter judge";

/// Tokens of texts of ten, each with special tokens around them.
fn words(n: usize) -> Vec<Token> {
    let all: Vec<&str> = WORDS.split_whitespace().collect();
    let mut tokens: Vec<Token> = Vec::new();
    let (mut at, mut word, mut sentence) = (0, 0, 0);
    let length = if n <= 20 { n } else { 12 };
    while tokens.len() < n {
        let place = tokens.len() % length;
        let edge = n > 2 && (place == 0 || place == length - 1);
        let text = match (edge, place) {
            (true, 0) => "[CLS]",
            (true, _) => "[SEP]",
            _ => all[(tokens.len() * 7 + sentence) % all.len()],
        };
        if !edge && !text.starts_with("##") {
            word += 1;
        }
        let end = at + text.len();
        tokens.push(Token {
            text: text.to_owned(),
            sentence,
            token_id: Some(tokens.len() as u32),
            char_offsets: if edge { [0, 0] } else { [at, end] },
            word_id: (!edge).then_some(word),
            special: edge,
            unknown: false,
        });
        at = end + 1;
        if place == length - 1 {
            (at, word, sentence) = (0, 0, sentence + 1);
        }
    }
    tokens
}

pub(crate) fn exploration(tokens: Vec<Token>, layers: usize) -> Exploration {
    let n = tokens.len();
    let mut noise = Noise(n as u64);
    let ordinary: Vec<usize> = (0..n).filter(|&t| !tokens[t].special).collect();
    let special: Vec<usize> = (0..n).filter(|&t| tokens[t].special).collect();
    let cells = n <= 300;
    let start: Vec<[f64; 3]> = (0..n).map(|_| [0; 3].map(|_| noise.next())).collect();
    let mut at = start.clone();
    let k = if cells { 8 } else { 5 }.min(ordinary.len().saturating_sub(2));
    let estimate =
        |value: f64| Some(Estimate { value, interval: Some([value - 0.05, value + 0.04]), n: 9 });
    let mut all = Vec::new();
    for layer in 0..layers {
        for point in &mut at {
            for (axis, value) in point.iter_mut().enumerate() {
                *value += 0.25 * noise.next() + if axis == 0 { 0.12 } else { 0.0 };
            }
        }
        let near = |a: usize, b: usize| -> f64 {
            (0..3).map(|axis| (at[a][axis] - at[b][axis]).powi(2)).sum::<f64>().sqrt()
        };
        let triangle = |of: &dyn Fn(f64) -> f64| -> Option<Vec<f64>> {
            cells.then(|| {
                (0..n)
                    .flat_map(|i| (i..n).map(move |j| (i, j)))
                    .map(|(i, j)| of(near(i, j)))
                    .collect()
            })
        };
        let neighbours = (0..n).map(|t| {
            if tokens[t].special {
                return Vec::new();
            }
            // Of many tokens the nearest would take long to find, and any will do here.
            let mut others: Vec<usize> = match cells {
                true => ordinary.iter().copied().filter(|&o| o != t).collect(),
                false => (1..=k).map(|step| ordinary[(t + step * 37) % ordinary.len()]).collect(),
            };
            others.sort_by(|&a, &b| near(t, a).total_cmp(&near(t, b)));
            others.truncate(k);
            others
        });
        let depth = layer as f64 / layers as f64;
        all.push(Layer {
            layer,
            to_layer_0: estimate(1.0 - 0.6 * depth),
            to_sentence: estimate(0.1 + 0.5 * depth),
            baseline: estimate(0.05 + 0.2 * depth),
            norm: 9.0 + layer as f64,
            trajectory: Some(MapLayer {
                points: at.iter().map(|p| [p[0], p[1]]).collect(),
                third: Some(at.iter().map(|p| p[2]).collect()),
                trustworthiness: Some(0.8),
                continuity: Some(0.9),
            }),
            tsne: cells.then(|| MapLayer {
                points: ordinary.iter().map(|&t| [9.0 * at[t][1], 7.0 * at[t][2]]).collect(),
                trustworthiness: Some(0.95),
                continuity: Some(0.9),
                ..MapLayer::default()
            }),
            similarity: cells.then(|| Similarity {
                cosine: triangle(&|d| 1.0 / (1.0 + d)),
                centred: triangle(&|d| 2.0 / (1.0 + d) - 1.0),
                standardised: triangle(&|d| 1.9 / (1.0 + d) - 0.9),
                euclidean: triangle(&|d| 10.0 * d),
            }),
            neighbours: Some(neighbours.collect()),
            neighbour_change: (layer > 0).then(|| {
                let some = ordinary.iter().take(10).enumerate();
                some.map(|(i, &token)| TokenChange { token, change: 1.0 - 0.1 * i as f64 })
                    .collect()
            }),
            ..Layer::default()
        });
    }
    let about = |reducer: &str, rows: Vec<usize>, placed: Vec<usize>| MapAbout {
        reducer: reducer.to_owned(),
        alignment: "joint".to_owned(),
        unit_length: false,
        rows,
        placed,
        share_of_variance: (reducer == "pca").then_some([0.31, 0.12]),
        third_share: (reducer == "pca").then_some(0.08),
        perplexity: (reducer == "tsne").then_some(5.0),
        neighbours: Some(5),
    };
    Exploration {
        tool: "stratoscope pages".to_owned(),
        model: "a/made-up-model".to_owned(),
        family: "BERT".to_owned(),
        n_layers: layers - 1,
        d_model: 384,
        unit: "token".to_owned(),
        settings: serde_json::json!({ "seed": 0 }),
        texts: (0..=tokens.last().map_or(0, |t| t.sentence)).map(|t| format!("text {t}")).collect(),
        sampled: (n >= 5_000).then_some(Sampled { of: 3 * n, seed: 0 }),
        trajectory: Some(about("pca", (0..n).collect(), special)),
        tsne: cells.then(|| about("tsne", ordinary.clone(), Vec::new())),
        neighbours: Some(k),
        layers: all,
        omitted: vec![Omitted { what: "profile".to_owned(), why: "none is known".to_owned() }],
        tokens,
        ..Exploration::default()
    }
}

fn one(tokens: Vec<Token>, layers: usize, title: &str) -> Report {
    let mut report = Report::new("explore", "stratoscope pages", title);
    report.manifest = serde_json::json!({ "model": "a/made-up-model", "settings": { "seed": 0 } });
    report.explorations.push(exploration(tokens, layers));
    report.charts = charts(&report.explorations[0], Some(0));
    report
}

/// Two models of unequal depth.
fn pair() -> Report {
    let mut report = one(words(10), 7, "One text in two models");
    let second = exploration(words(12), 13);
    report.charts.extend(
        charts(&second, Some(1))
            .into_iter()
            .map(|chart| Chart { id: format!("{}-2", chart.id), ..chart }),
    );
    report.explorations.push(second);
    report.aligned = (1..9).map(|t| [t, t + 1]).collect();
    report
}

/// Two texts in one model, on one basis.
fn two_texts() -> Report {
    let mut report = one(words(5), 4, "Two texts in one model");
    report.explorations.push(exploration(words(6), 4));
    report.aligned = (0..4).map(|t| [t, t]).collect();
    report.one_basis = true;
    report
}

fn charts_alone() -> Report {
    let mut report = Report::new("profile", "stratoscope pages", "Charts without a text");
    report.verdict = vec!["These numbers are made up.".to_owned(), "They say nothing.".to_owned()];
    report.charts = charts(&exploration(words(12), 25), None);
    report
}
