//! Draws every figure from synthetic data, in several sizes, to the folder given: for looking.
//!
//! `cargo run -p stratoscope-plot --example gallery -- FOLDER [paper]`

use std::error::Error;
use std::path::Path;

use stratoscope_chart::{
    Axis, Cell, Chart, Column, Curves, Drawing, Grid, GridCell, Matrix, MatrixPanel, Panel, Scale,
    Series, Slice, Table, Trails,
};
use stratoscope_plot::{Activations, Figure, Style, Trajectory, draw};

const CAPTION: &str = "Synthetic data: a random walk from word to context. Distances in the picture are \
    those of the plane only; neighbours have to be read from the full space.";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("a folder to write to is needed")?;
    let folder = Path::new(&folder);
    let style = match std::env::args_os().nth(2).as_deref().and_then(|name| name.to_str()) {
        Some("paper") => Style::PAPER,
        _ => Style::REPORT,
    };
    let draw = |chart: &Chart| draw(chart, style);
    std::fs::create_dir_all(folder)?;
    for (name, n_tokens, n_layers, n_sentences) in [
        ("t1", 1, 1, 1),
        ("t5", 5, 7, 1),
        ("t20", 20, 13, 3),
        ("t60", 60, 31, 2),
        ("t200", 200, 7, 9),
    ] {
        let data = Data::new(n_tokens, n_layers, n_sentences);
        for (kind, figure) in data.figures(style)? {
            write(folder, &format!("{name}-{kind}"), &figure)?;
        }
    }
    for n in [5, 12, 40, 200] {
        for n_layers in [7, 13, 31] {
            write(folder, &format!("t{n}-l{n_layers}-lens"), &draw(&lens(n, n_layers))?)?;
        }
    }
    for (name, n_words, n_layers) in [("s", 6, 7), ("m", 12, 13), ("l", 40, 31)] {
        for chart in plain(n_words, n_layers) {
            write(folder, &format!("{name}-{}", chart.id), &draw(&chart)?)?;
        }
    }
    Ok(())
}

fn write(folder: &Path, name: &str, figure: &Figure) -> Result<(), Box<dyn Error>> {
    std::fs::write(folder.join(format!("{name}.svg")), figure.svg())?;
    std::fs::write(folder.join(format!("{name}.png")), figure.png(figure.width_at(150).max(900))?)?;
    std::fs::write(folder.join(format!("{name}.pdf")), figure.pdf()?)?;
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

/// Tokens of some sentences.
fn tokens(n: usize, n_sentences: usize) -> Axis {
    let labels: Vec<String> = (0..n).map(|i| WORDS[i % WORDS.len()].to_owned()).collect();
    let special: Vec<usize> = (0..n).filter(|&i| labels[i].starts_with('[')).collect();
    let sentences = (0..n).map(|i| i * n_sentences / n).collect();
    Axis::tokens(labels, (0..n).collect()).groups(sentences).muted(special)
}

struct Data {
    tokens: Axis,
    layers: Vec<usize>,
    /// `[layers][tokens][D]`
    states: Vec<Vec<Vec<f64>>>,
}

const D: usize = 384;

impl Data {
    fn new(n_tokens: usize, n_layers: usize, n_sentences: usize) -> Self {
        let mut noise = Noise(7);
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
        Self { tokens: tokens(n_tokens, n_sentences), layers: (0..n_layers).collect(), states }
    }

    fn figures(&self, style: Style) -> Result<Vec<(String, Figure)>, Box<dyn Error>> {
        let caption = CAPTION.to_owned();
        let (tokens, layers) = (self.tokens.clone(), self.layers.clone());
        let points: Vec<Vec<[f64; 2]>> = self
            .states
            .iter()
            .map(|s| s.iter().map(|v| [3.0 * v[0] + v[2], v[1]]).collect())
            .collect();
        let charts = [self.maps(&points), self.similarity(), self.curves(), self.layers()];
        let mut figures: Vec<(String, Figure)> = charts
            .into_iter()
            .map(|chart| Ok((chart.id.clone(), draw(&chart.caption(CAPTION), style)?)))
            .collect::<Result<_, Box<dyn Error>>>()?;
        let trajectory = Trajectory {
            title: "Every token through the layers".to_owned(),
            caption: caption.clone(),
            tokens: tokens.clone(),
            layers: layers.clone(),
            points,
            shares: Some([0.31, 0.12]),
        };
        figures.push(("trajectory".to_owned(), trajectory.draw(style)?));
        let flat = |s: &Vec<Vec<f64>>| s.iter().flatten().map(|&v| v as f32).collect();
        let activations = Activations {
            title: "Activations".to_owned(),
            caption,
            tokens,
            layers,
            d_model: D,
            values: self.states.iter().map(flat).collect(),
            clip_percentile: 99.5,
        };
        figures.push(("activations".to_owned(), activations.draw(style)?));
        Ok(figures)
    }

    fn maps(&self, points: &[Vec<[f64; 2]>]) -> Chart {
        let steps = Axis::layers(&self.layers);
        let notes =
            self.layers.iter().map(|l| format!("trustworthiness 0.9{}, continuity 0.93", l % 10));
        let points = points.iter().map(|layer| layer.iter().copied().map(Some).collect()).collect();
        let trails = Trails::new(steps, self.tokens.clone(), points).notes(notes.collect());
        Chart::new("maps", "Maps by layer", trails)
    }

    fn similarity(&self) -> Chart {
        let slices = |shift: f64| -> Vec<Slice> {
            let cosines = |(layer, states): (&usize, &Vec<Vec<f64>>)| {
                Slice::new(cosines(states, shift).into_iter().map(Some)).layer(*layer)
            };
            self.layers.iter().zip(&self.states).map(cosines).collect()
        };
        let panel = |title: &str, shift: f64, signed: bool| {
            let slices = slices(shift);
            let known = slices.iter().flat_map(|s| s.values.iter().flatten().copied());
            let scale = if signed { Scale::symmetric(1.0) } else { Scale::to_one(known) };
            let axis = || self.tokens.clone().title("");
            MatrixPanel::new(axis(), axis(), title.to_lowercase(), scale)
                .title(title)
                .slices(slices)
        };
        let panels = [panel("Raw cosine", 0.8, false), panel("Centred cosine", 0.0, true)];
        Chart::new("similarity", "Similarity of tokens", Matrix::new(panels))
    }

    fn curves(&self) -> Chart {
        let n = self.layers.len();
        let value = |start: f64, layer: usize| start + 0.1 * (layer as f64 * 0.9).sin();
        let banded = |name: &str, start: f64| {
            let estimate = |layer: &usize| {
                let value = value(start, *layer);
                Some((value, Some([value - 0.03, value + 0.04])))
            };
            Series::new(name).n(1040).estimates(self.layers.iter().map(estimate))
        };
        let broken = |layer: &usize| (n <= 3 || *layer != 2).then(|| value(0.62, *layer));
        let panel = |title: &str, start: f64| {
            let series = [
                banded("deprel", start).peak(),
                banded("supersense", start + 0.05),
                Series::new("with a gap").values(self.layers.iter().map(broken)),
                Series::new("lemma lookup").baseline().values(vec![Some(0.45); n]),
            ];
            Panel::new(title, Axis::layers(&self.layers), "accuracy", series)
        };
        let rows = [vec![panel("", 0.5)], vec![panel("target", 0.4), panel("carrier", 0.7)]];
        Chart::new("depth", "What a layer knows", Curves::rows(rows))
    }

    fn layers(&self) -> Chart {
        let l = self.layers.len();
        let between = |i: usize| 1.0 - 0.9 * ((i / l).abs_diff(i % l) as f64 / l as f64).sqrt();
        let values: Vec<f64> = (0..l * l).map(between).collect();
        let axis = || Axis::layers(&self.layers);
        let scale = Scale::to_one(values.iter().copied());
        let panel = MatrixPanel::new(axis(), axis(), "debiased linear CKA", scale)
            .n(self.tokens.len())
            .values(values.into_iter().map(Some));
        Chart::new("layers", "Layer against layer", panel)
    }
}

/// A lens whose layers come to the next word one after the other.
fn lens(n: usize, n_layers: usize) -> Chart {
    let mut noise = Noise(11);
    let word = |i: usize| WORDS[i % WORDS.len()].to_owned();
    let mut cells = Vec::new();
    for layer in 0..n_layers {
        let depth = (layer + 1) as f64 / n_layers as f64;
        let one = |position: usize| {
            let framed = position + 1 < n && noise.next() + 0.5 < 0.8 * depth * depth;
            let other = ((noise.next() + 0.5) * 28.0) as usize;
            let value = depth * (noise.next() + 0.5).powf(if framed { 0.3 } else { 3.0 });
            let text = word(if framed { position + 1 } else { other });
            GridCell { framed, ..GridCell::new(text, Some(value)) }
        };
        cells.push((0..n).map(one).collect());
    }
    let rows = Axis::layers(&(0..n_layers).collect::<Vec<_>>());
    let columns = tokens(n, 1).title("read");
    let grid =
        Grid::new(rows, columns, "probability of the most probable token", Scale::unit(), cells)
            .truth("next token", (0..n).map(|i| (i + 1 < n).then(|| word(i + 1))).collect())
            .framed("the most probable token is the next token")
            .focus(n - 1);
    Chart::new("lens", "What every layer would predict", grid).caption(CAPTION)
}

/// Everyday words, for the charts that compare layers, models or sentences.
const PLAIN: [&str; 13] = [
    "the",
    "bank",
    "by",
    "the (2)",
    "river",
    "refused",
    "the (3)",
    "loan",
    "because",
    "of",
    "Donaudampfschiff",
    "interest",
    "“.”",
];

/// Charts of made-up numbers, of each kind that the commands draw.
fn plain(n: usize, n_layers: usize) -> Vec<Chart> {
    let layers: Vec<usize> = (0..n_layers).collect();
    let words: Vec<String> = (0..n).map(|i| PLAIN[i % PLAIN.len()].to_owned()).collect();
    let named = || Axis::tokens(words.clone(), Vec::new()).title("");
    let numbers = |count: usize| (0..count).map(|i| i.to_string()).collect::<Vec<_>>();
    let chart = |id: &str, title: &str, drawing: Drawing| {
        Chart::new(id, title, drawing).subject("a/model").caption(CAPTION)
    };

    let n_heads = if n_layers == 7 { 4 } else { 12 };
    let heads = |title: &str, value: &str, most: f64| {
        let cell = |i: usize| (i % 17 != 5).then(|| most * wave(i).abs());
        let columns = Axis::named("head", numbers(n_heads));
        MatrixPanel::new(Axis::layers(&layers[1..]), columns, value, Scale::new(0.0, most))
            .title(title)
            .values((0..(n_layers - 1) * n_heads).map(cell))
    };
    let heads = Matrix::new([
        heads("Entropy", "entropy in nats", 2.5),
        heads("Relative entropy", "entropy / the largest possible", 1.0),
        heads("Distance", "mean distance in tokens", 6.0),
        heads("To special tokens", "share of the weight", 1.0),
    ])
    .across(2);

    let steps: Vec<String> = (1..n_layers).map(|l| format!("{}→{l}", l - 1)).collect();
    let value = "share of neighbours that changed";
    let columns = Axis::named("from layer → to layer", steps.clone());
    let moves = MatrixPanel::new(named(), columns, value, Scale::unit())
        .values((0..n * (n_layers - 1)).map(|i| Some(wave(i).abs())));

    let square = |i: usize| (0..n * n).map(move |c| wave(c + i).abs().powi(3)).map(Some);
    let rollout = MatrixPanel::new(named(), named(), "share of the row's token", Scale::unit())
        .slices(layers[1..].iter().map(|&l| Slice::new(square(l)).layer(l)));

    let models = 3;
    let side = |i: usize| {
        let cell = move |c: usize| Some(if c.is_multiple_of(n + 1) { 1.0 } else { wave(c + i) });
        let name = format!("model-{}: layer {}", i % models, i / models * n_layers / 4);
        Slice::new((0..n * n).map(cell)).name(name)
    };
    let side = MatrixPanel::new(named(), named(), "centred cosine", Scale::symmetric(1.0))
        .slices((0..4 * models).map(side));

    let curve = |model: usize, panel: usize| {
        let estimate = |l: usize| {
            let value = 0.5 + 0.4 * ((l + 3 * model + panel) as f64 / 4.0).sin();
            Some((value, Some([value - 0.05, value + 0.05])))
        };
        Series::new(format!("model-{model}")).estimates((0..n_layers).map(estimate))
    };
    let by_layer = (0..8).map(|p| {
        Panel::new(format!("measure {p}"), Axis::layers(&layers), "cosine", [curve(0, p)])
    });
    let by_share = (0..8).map(|p| {
        let series = (0..3).map(|m| curve(m, p).shares(&layers, n_layers - 1));
        Panel::new(format!("measure {p}"), Axis::share(), "cosine", series)
    });

    let cka = |title: &str, names: [&str; 2], sides: [usize; 2]| {
        let [rows, columns] = sides;
        let at = |i: usize, of: usize| i as f64 / of as f64;
        let cell = |i: usize| {
            let apart = (at(i / columns, rows) - at(i % columns, columns)).abs();
            (i % 23 != 7).then_some(1.0 - apart)
        };
        let axis = |name: &str, n: usize| Axis::layers_of(name, &(0..n).collect::<Vec<_>>());
        let values: Vec<Option<f64>> = (0..rows * columns).map(cell).collect();
        MatrixPanel::new(axis(names[0], rows), axis(names[1], columns), "CKA", Scale::unit())
            .title(title)
            .values(values)
    };
    let of_one = |title: &str, n: usize| cka(title, ["layer", "layer"], [n, n]);
    let kinds = ["linear", "debiased", "RBF"].map(|kind| of_one(kind, n_layers));
    let between = cka("A × B", ["layer of model-a", "layer of model-b"], [n_layers, 7]);
    let models = [of_one("A", n_layers), of_one("B", 7), between];

    let before = "She pitched the tent on the far side of the cold";
    let after = "while the young row them home in the evening light";
    let moved = (1..n_layers).flat_map(|step| {
        let row = move |w: usize| {
            let word = PLAIN[(w + step) % PLAIN.len()];
            let step = format!("{} → {step}", step - 1);
            vec![step.into(), (w / 3).into(), before.into(), word.into(), after.into()]
        };
        (0..10).map(row).collect::<Vec<Vec<Cell>>>()
    });
    let columns =
        ["step".into(), Column::end("kept"), Column::end("before"), "word".into(), "after".into()];
    let moved = Table::new(columns, moved);
    let kept = (0..steps.len() * 11).map(|i| Some(0.02 + 0.08 * (wave(i) + 1.0)));
    let kept = MatrixPanel::new(
        Axis::layers(&layers[1..]).title("step to layer"),
        Axis::named("neighbours kept", numbers(11)),
        "share of words",
        Scale::new(0.0, 0.2),
    )
    .values(kept);

    let label = |i: usize| match i % 7 {
        5 => format!("+ {}", words[i]),
        6 => format!("− {}", words[i]),
        3 => format!("{} → {}", words[i], PLAIN[(i + 1) % PLAIN.len()]),
        _ => words[i].clone(),
    };
    let alone = (0..n).filter(|i| i % 7 > 4);
    let rows = Axis::named("word", (0..n).map(label).collect()).muted(alone);
    let of_words = |i: usize| {
        let (word, layer) = (i / n_layers, i % n_layers);
        (word % 7 < 5).then(|| 100.0 * wave(word + layer).abs())
    };
    let framed = (0..n).filter(|i| i % 3 == 0 && i % 7 < 5).map(|i| i * n_layers + n_layers / 2);
    let of_words = Slice::new((0..n * n_layers).map(of_words)).framed(framed);
    let value = "pairs from unrelated sentences that are closer, in percent";
    let of_words = MatrixPanel::new(rows, Axis::layers(&layers), value, Scale::new(0.0, 100.0))
        .decimals(0)
        .slices([of_words]);

    vec![
        chart("heads", "Where heads look", heads.into()),
        chart("moves", "Neighbourhoods that change", moves.into()),
        chart("rollout", "Attention rollout", rollout.into()),
        chart("side-similarity", "Similarity of words", Matrix::new([side]).across(3).into()),
        chart(
            "multiples-true",
            "Measures of the space of words by layer",
            Curves::multiples(by_layer).into(),
        ),
        chart(
            "multiples-false",
            "Measures of the space of words by layer",
            Curves::multiples(by_share).into(),
        ),
        chart("cka", "How alike the layers are", Matrix::new(kinds).into()),
        chart("cka-models", "How alike the layers are", Matrix::new(models).into()),
        chart("moved", "Words whose neighbours change most", moved.into()),
        chart("kept", "Neighbours that words keep", kept.into()),
        chart("words", "Distance of each word, as a percentile by layer", of_words.into()),
    ]
}

/// Repeatable values in −1 to 1.
fn wave(i: usize) -> f64 {
    (i as f64 * 0.754_877_666 + 0.3).fract() * 2.0 - 1.0
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
