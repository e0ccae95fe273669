//! Draws every figure from synthetic data, in several sizes, to the folder given: for looking.
//!
//! `cargo run -p stratoscope-plot --example gallery -- FOLDER`

use std::error::Error;
use std::path::Path;

use stratoscope_plot::{
    Activations, Depth, Figure, LayerMatrix, Lens, LensTruth, Map, MapColour, Maps, Panel,
    Prediction, SensePlane, SenseWord, Series, SeriesKind, Similarity, Token, Trajectory, XAxis,
};

const CAPTION: &str = "Synthetic data: a random walk from word to context. Distances in the picture are \
    those of the plane only; neighbours have to be read from the full space.";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("a folder to write to is needed")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    for (name, n_tokens, n_layers, n_sentences) in [
        ("t1", 1, 1, 1),
        ("t5", 5, 7, 1),
        ("t20", 20, 13, 3),
        ("t60", 60, 31, 2),
        ("t200", 200, 7, 9),
    ] {
        let data = Data::new(n_tokens, n_layers, n_sentences);
        for (kind, figure) in data.figures()? {
            write(folder, &format!("{name}-{kind}"), &figure)?;
        }
    }
    for n in [5, 12, 40, 200] {
        for n_layers in [7, 13, 31] {
            write(folder, &format!("t{n}-l{n_layers}-lens"), &lens(n, n_layers)?)?;
        }
    }
    Ok(())
}

fn write(folder: &Path, name: &str, figure: &Figure) -> Result<(), Box<dyn Error>> {
    std::fs::write(folder.join(format!("{name}.svg")), figure.svg())?;
    std::fs::write(folder.join(format!("{name}.png")), figure.png(figure.width_at(150))?)?;
    Ok(())
}

/// Words of many scripts, and hostile ones.
const WORDS: [&str; 28] = [
    "[CLS]",
    "the",
    "bank",
    "##s",
    "raised",
    "interest",
    "🛸",
    "中文",
    "مرحبا",
    "\u{7}",
    "हिन्दी",
    "ไทย",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    " of",
    "שלום",
    "<script>",
    "\u{202E}evil",
    "한국",
    "river",
    "👩\u{200D}🔬",
    "Ġcafé",
    "",
    ",",
    "…",
    "мир",
    "日本語",
    "∑",
    "[SEP]",
];

struct Data {
    tokens: Vec<Token>,
    layers: Vec<usize>,
    /// `[layers][tokens][D]`
    states: Vec<Vec<Vec<f64>>>,
}

const D: usize = 384;

impl Data {
    fn new(n_tokens: usize, n_layers: usize, n_sentences: usize) -> Self {
        let mut noise = Noise(7);
        let tokens: Vec<Token> = (0..n_tokens)
            .map(|i| {
                let text = WORDS[i % WORDS.len()].to_owned();
                let special = text.starts_with('[');
                Token { text, sentence: i * n_sentences / n_tokens, special }
            })
            .collect();
        let mut now: Vec<Vec<f64>> = (0..n_tokens).map(|_| noise.vector()).collect();
        let mut states = vec![now.clone()];
        for _ in 1..n_layers {
            let drift = noise.vector();
            for state in &mut now {
                let step = noise.vector();
                for ((x, d), s) in state.iter_mut().zip(&drift).zip(&step) {
                    *x = 0.95 * *x + 0.3 * d + 0.35 * s;
                }
            }
            states.push(now.clone());
        }
        Self { tokens, layers: (0..n_layers).collect(), states }
    }

    fn figures(&self) -> Result<Vec<(&'static str, Figure)>, Box<dyn Error>> {
        let caption = CAPTION.to_owned();
        let (tokens, layers) = (self.tokens.clone(), self.layers.clone());
        let points: Vec<Vec<[f64; 2]>> = self
            .states
            .iter()
            .map(|s| s.iter().map(|v| [3.0 * v[0] + v[2], v[1]]).collect())
            .collect();
        let n = tokens.len();
        let word = |(index, token): (usize, &Token)| SenseWord {
            text: token.text.clone(),
            sentence: token.sentence,
            emphasised: index % 2 == 1,
            points: self.states.iter().map(|s| Some([s[index][2], s[index][1]])).collect(),
        };
        let plane = SensePlane {
            title: "Between role and sense".to_owned(),
            caption: caption.clone(),
            layers: layers.clone(),
            words: tokens.iter().enumerate().map(word).collect(),
        };
        let mut figures = vec![(
            "trajectory",
            Trajectory {
                title: "Every token through the layers".to_owned(),
                caption: caption.clone(),
                tokens: tokens.clone(),
                layers: layers.clone(),
                points: points.clone(),
                shares: Some([0.31, 0.12]),
            }
            .draw()?,
        )];
        let maps = layers.iter().zip(points).map(|(&layer, points)| Map {
            layer,
            note: format!("trustworthiness 0.9{}, continuity 0.93", layer % 10),
            points,
        });
        figures.push((
            "maps",
            Maps {
                title: "Maps by layer".to_owned(),
                caption: caption.clone(),
                tokens: tokens.clone(),
                maps: maps.collect(),
                colour: MapColour::Position,
            }
            .draw()?,
        ));
        figures.push((
            "similarity",
            Similarity {
                title: "Similarity of tokens".to_owned(),
                caption: caption.clone(),
                tokens: tokens.clone(),
                layers: layers.clone(),
                raw: self.states.iter().map(|s| cosines(s, 0.8)).collect(),
                centred: self.states.iter().map(|s| cosines(s, 0.0)).collect(),
            }
            .draw()?,
        ));
        let curve = |start: f64| -> Vec<Option<f64>> {
            layers.iter().map(|&l| Some(start + 0.1 * (l as f64 * 0.9).sin())).collect()
        };
        let band = |start: f64| {
            curve(start).iter().map(|v| v.map(|v| (v - 0.03, v + 0.04))).collect::<Vec<_>>()
        };
        let mut broken = Series::line("with a gap", curve(0.62));
        broken.values.iter_mut().skip(2).take(1).for_each(|v| *v = None);
        let panel = |title: &str, start: f64| Panel {
            title: title.to_owned(),
            y_label: "accuracy".to_owned(),
            layers: layers.clone(),
            x: XAxis::Layers,
            range: None,
            series: vec![
                Series {
                    interval: band(start),
                    n: Some(1040),
                    peak: true,
                    ..Series::line("deprel", curve(start))
                },
                Series {
                    interval: band(start + 0.05),
                    n: Some(1040),
                    ..Series::line("supersense", curve(start + 0.05))
                },
                if layers.len() > 3 { broken.clone() } else { Series::line("short", curve(0.6)) },
                Series {
                    kind: SeriesKind::Baseline,
                    ..Series::line("lemma lookup", vec![Some(0.45); layers.len()])
                },
            ],
        };
        figures.push((
            "depth",
            Depth {
                title: "What a layer knows".to_owned(),
                caption: caption.clone(),
                rows: vec![vec![panel("", 0.5)], vec![panel("target", 0.4), panel("carrier", 0.7)]],
            }
            .draw()?,
        ));
        let l = layers.len();
        let between = |i: usize| 1.0 - 0.9 * ((i / l).abs_diff(i % l) as f64 / l as f64).sqrt();
        figures.push((
            "layers",
            LayerMatrix {
                title: "Layer against layer".to_owned(),
                caption: caption.clone(),
                measure: "debiased linear CKA".to_owned(),
                n,
                layers: layers.clone(),
                values: (0..l * l).map(between).collect(),
            }
            .draw()?,
        ));
        let flat = |s: &Vec<Vec<f64>>| s.iter().flatten().map(|&v| v as f32).collect();
        figures.push((
            "activations",
            Activations {
                title: "Activations".to_owned(),
                caption,
                tokens,
                layers,
                d_model: D,
                values: self.states.iter().map(flat).collect(),
                clip_percentile: 99.5,
            }
            .draw()?,
        ));
        figures.push(("plane", plane.draw()?));
        Ok(figures)
    }
}

/// A lens whose layers come to the next word one after the other.
fn lens(n: usize, n_layers: usize) -> Result<Figure, Box<dyn Error>> {
    let mut noise = Noise(11);
    let word = |i: usize| WORDS[i % WORDS.len()].to_owned();
    let mut predictions = Vec::new();
    for layer in 0..n_layers {
        let depth = (layer + 1) as f64 / n_layers as f64;
        let one = |position: usize| {
            let correct = position + 1 < n && noise.next() + 0.5 < 0.8 * depth * depth;
            let other = ((noise.next() + 0.5) * 28.0) as usize;
            Prediction {
                token: word(if correct { position + 1 } else { other }),
                probability: depth * (noise.next() + 0.5).powf(if correct { 0.3 } else { 3.0 }),
                correct,
            }
        };
        predictions.push((0..n).map(one).collect());
    }
    let special = |text: &str| text.starts_with('[');
    let token = |text: String| Token { special: special(&text), text, sentence: 0 };
    let figure = Lens {
        title: "What every layer would predict".to_owned(),
        caption: CAPTION.to_owned(),
        tokens: (0..n).map(|i| token(word(i))).collect(),
        layers: (0..n_layers).collect(),
        predictions,
        truth: Some(LensTruth {
            name: "next token".to_owned(),
            tokens: (0..n).map(|i| (i + 1 < n).then(|| word(i + 1))).collect(),
        }),
        focus: n - 1,
    };
    Ok(figure.draw()?)
}

/// Cosines of the rows of `states`, after adding `shift` to every entry.
fn cosines(states: &[Vec<f64>], shift: f64) -> Vec<f64> {
    let dot =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x + shift) * (y + shift)).sum::<f64>();
    let one = |a: &Vec<f64>| {
        states.iter().map(|b| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).collect::<Vec<_>>()
    };
    states.iter().flat_map(one).collect()
}

/// A small repeatable generator (xorshift64*; Vigna 2016).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    }

    fn vector(&mut self) -> Vec<f64> {
        (0..D).map(|_| 2.0 * (self.next() + self.next() + self.next())).collect()
    }
}
