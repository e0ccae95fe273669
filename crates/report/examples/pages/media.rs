//! Pages of images and sounds: states that mix place, colour or loudness, and content, by depth.

use crate::Noise;
use crate::charts::charts;
use crate::pictures::{Object, Picture, draw, house, lake, spectrogram};
use crate::tokens::add_attention;
use stratoscope_report::{
    Exploration, Layer, MapAbout, MapLayer, Media, MediaKind, QuerySimilarity, Report, Similarity,
    Token,
};

/// Every page, with its name.
pub(crate) fn pages() -> Vec<(&'static str, Report)> {
    let mut one = build(&[image("house.png", house, 14, 4)], 13);
    add_from_first(&mut one, 4);
    let mut two = build(&[image("house.png", house, 8, 0), image("lake.png", lake, 8, 0)], 7);
    add_from_first(&mut two, 3);
    add_attention(&mut two, false);
    let many = build(&[image("house.png", house, 28, 0)], 13);
    let several = ["a.png", "b.png", "c.png", "</script><b>.png"];
    let several = several.map(|name| image(name, if name < "b" { house } else { lake }, 7, 0));
    let mut several = build(&several, 5);
    several.layers.iter_mut().for_each(|layer| layer.similarity = None);
    let sound = build(&[speech("speech.wav", 120, 0, 0.0)], 13);
    let sounds = [speech("speech.wav", 100, 0, 0.0), speech("other.flac", 70, 15, 0.31)];
    vec![
        ("media-image", page(one, "house.png")),
        ("media-two", page(two, "house.png and lake.png")),
        ("media-queries", page(many, "house.png in small patches")),
        ("media-several", page(several, "Four images")),
        ("media-sound", page(sound, "speech.wav")),
        ("media-long", page(build(&[speech("long.wav", 600, 150, 0.0)], 5), "long.wav")),
        ("media-sounds", page(build(&sounds, 7), "speech.wav and other.flac")),
    ]
}

fn page(e: Exploration, title: &str) -> Report {
    let mut report = Report::new("explore", "stratoscope pages", title);
    report.manifest = serde_json::json!({ "model": e.model, "settings": { "seed": 0 } });
    report.charts = charts(&e, Some(0)).into_iter().filter(|c| c.id == "depth").collect();
    report.explorations.push(e);
    report
}

/// An image or a sound, and what its cells are made of.
struct Input {
    media: Media,
    prefix: Vec<String>,
    labels: Vec<String>,
    /// Cells without content, at the end.
    padding: usize,
    /// `[cells]`: what is seen or heard, where it is, and what it is.
    cells: Vec<[Vec<f64>; 3]>,
}

/// Slow and fast waves over places, so that near places have similar numbers.
fn waves(places: &[f64]) -> Vec<f64> {
    let all = places.iter().flat_map(|p| [1.0, 2.0, 4.0].map(|rate| 3.1 * rate * p));
    all.flat_map(|angle| [angle.sin(), angle.cos()]).collect()
}

type Scene = fn(f64, f64) -> (Object, [f64; 3]);

fn image(name: &str, scene: Scene, side: usize, registers: usize) -> Input {
    let pixels = 224 / side * side;
    let share = |place: usize| (place as f64 + 0.5) / pixels as f64;
    let picture: Picture = draw(pixels, pixels, |x, y| scene(share(x), share(y)).1);
    let mut cells = Vec::new();
    let mut labels = Vec::new();
    for (row, column) in (0..side).flat_map(|row| (0..side).map(move |column| (row, column))) {
        let (mut colour, mut content) = ([0.0; 3], vec![0.0; Object::COUNT]);
        let patch = pixels / side;
        for (y, x) in (0..patch).flat_map(|y| (0..patch).map(move |x| (y, x))) {
            let (object, rgb) = scene(share(column * patch + x), share(row * patch + y));
            content[object as usize] += 1.0 / (patch * patch) as f64;
            for (sum, value) in colour.iter_mut().zip(rgb) {
                *sum += (value / 127.5 - 1.0) / (patch * patch) as f64;
            }
        }
        let place = [row, column].map(|at| at as f64 / side as f64);
        cells.push([colour.to_vec(), waves(&place), content]);
        labels.push(format!("patch {row},{column}"));
    }
    let prefix = (0..=registers).map(|i| match i {
        0 => "[CLS]".to_owned(),
        i => format!("[REG {i}]"),
    });
    let media = Media {
        name: name.to_owned(),
        picture: picture.uri(),
        width: pixels,
        height: pixels,
        grid: [side, side],
        ..Media::default()
    };
    Input { media, prefix: prefix.collect(), labels, padding: 0, cells }
}

/// Sounds of a made-up language: each has its bands of frequency.
const SOUNDS: &str = "_aasiiuu__sshaaii_uuss__aasii_ooaa__";

fn speech(name: &str, frames: usize, padding: usize, shift: f64) -> Input {
    let sound = |time: f64| {
        let at = ((time + shift).fract() * SOUNDS.len() as f64) as usize;
        SOUNDS.as_bytes()[at.min(SOUNDS.len() - 1)]
    };
    let loud = |time: f64, pitch: f64| {
        let band = |centre: f64| (-((pitch - centre) / 0.05).powi(2)).exp();
        let hum = 0.75 + 0.25 * (170.0 * pitch + 9.0 * time).sin();
        match sound(time) {
            b'a' => hum * (band(0.18) + 0.8 * band(0.32) + 0.3 * band(0.62)),
            b'i' => hum * (band(0.08) + 0.8 * band(0.56) + 0.5 * band(0.68)),
            b'u' => hum * (band(0.07) + 0.7 * band(0.2)),
            b'o' => hum * (band(0.12) + 0.7 * band(0.24)),
            b's' => 0.7 * (pitch - 0.35).max(0.0) * (1.0 + (900.0 * pitch * time).sin()),
            b'h' => 0.3 * pitch * (1.0 + (700.0 * pitch * time).sin()),
            _ => 0.03,
        }
    };
    let heard = frames - padding;
    let cells = (0..frames).map(|frame| {
        let time = (frame as f64 + 0.5) / heard as f64;
        let content = b"aiuosh_".iter().map(|&one| f64::from(u8::from(sound(time) == one)));
        let bands = (0..12).map(|b| loud(time.min(0.999), f64::from(b) / 12.0) - 0.15);
        [bands.collect(), waves(&[frame as f64 / frames as f64]), content.collect()]
    });
    let cells = cells.collect();
    let picture = spectrogram(4 * frames, 100, |time, pitch| {
        let time = time * frames as f64 / heard as f64;
        if time < 1.0 { loud(time, pitch) } else { 0.0 }
    });
    let media = Media {
        name: name.to_owned(),
        kind: MediaKind::Sound,
        picture: picture.uri(),
        width: 4 * frames,
        height: 100,
        grid: [1, frames],
        seconds: Some(0.02 * frames as f64),
        hertz: Some([0.0, 8_000.0]),
        ..Media::default()
    };
    let labels = (0..frames).map(|frame| format!("{:.2} s", 0.02 * frame as f64)).collect();
    Input { media, prefix: Vec::new(), labels, padding, cells }
}

/// The state of a cell at a depth of 0 to 1: place fades, content comes.
fn state(cell: &[Vec<f64>; 3], depth: f64, noise: &mut Noise) -> Vec<f64> {
    let scales = [1.1 - 0.7 * depth, 0.1 + 0.8 * (1.0 - depth).powi(2), 2.2 * depth.powi(2)];
    let parts = cell.iter().zip(scales).flat_map(|(part, s)| part.iter().map(move |v| s * v));
    let mut state: Vec<f64> = parts.collect();
    state.extend((0..6).map(|_| 0.22 * noise.next()));
    // All states share a direction, as those of models do.
    state.push(0.8 + depth);
    state
}

fn build(inputs: &[Input], layers: usize) -> Exploration {
    let mut tokens = Vec::new();
    let mut media = Vec::new();
    for (sentence, input) in inputs.iter().enumerate() {
        let token = |text: &str, special| Token {
            text: text.to_owned(),
            sentence,
            special,
            ..Token::default()
        };
        tokens.extend(input.prefix.iter().map(|text| token(text, true)));
        media.push(Media { first: tokens.len(), ..input.media.clone() });
        let heard = input.labels.len() - input.padding;
        tokens.extend(input.labels.iter().enumerate().map(|(i, text)| token(text, i >= heard)));
    }
    let n = tokens.len();
    let ordinary: Vec<usize> = (0..n).filter(|&t| !tokens[t].special).collect();
    let special: Vec<usize> = (0..n).filter(|&t| tokens[t].special).collect();
    let mut noise = Noise(n as u64);
    let states: Vec<Vec<Vec<f64>>> = (0..layers)
        .map(|layer| {
            let depth = layer as f64 / (layers - 1) as f64;
            let mut all = Vec::new();
            for input in inputs {
                for at in 0..input.prefix.len() {
                    let mut own = state(&input.cells[at], 1.0, &mut noise);
                    own.iter_mut().for_each(|value| *value *= 3.0);
                    all.push(own);
                }
                all.extend(input.cells.iter().map(|cell| state(cell, depth, &mut noise)));
            }
            all
        })
        .collect();
    let (axes, shares) = components(&states, &ordinary);
    // Evenly spread cells, where all pairs would be too many.
    let queries: Option<Vec<usize>> = (n > 300).then(|| {
        let [rows, columns] = media[0].grid;
        let some = ordinary.iter().copied();
        some.filter(|t| {
            let at = t - media[0].first;
            match rows {
                1 => at % 12 == 6,
                _ => (at / columns) % 4 == 2 && (at % columns) % 4 == 2,
            }
        })
        .collect()
    });
    let layers = states.iter().enumerate().map(|(layer, states)| {
        let mean = mean_of(ordinary.iter().map(|&t| &states[t]));
        let centred: Vec<Vec<f64>> = states.iter().map(|s| minus(s, &mean)).collect();
        let triangle = |of: &[Vec<f64>]| {
            Some((0..n).flat_map(|i| (i..n).map(move |j| cosine(&of[i], &of[j]))).collect())
        };
        let rows = |of: &[Vec<f64>]| {
            let row = |&query: &usize| of.iter().map(|s| cosine(&of[query], s)).collect();
            queries.as_ref().map(|queries| queries.iter().map(row).collect())
        };
        let place = |axis: usize, s: &Vec<f64>| dot(s, &axes[axis]);
        Layer {
            layer,
            norm: dot(&mean, &mean).sqrt(),
            similarity: queries.is_none().then(|| Similarity {
                cosine: triangle(states),
                centred: triangle(&centred),
                ..Similarity::default()
            }),
            query_similarity: queries
                .is_some()
                .then(|| QuerySimilarity { cosine: rows(states), centred: rows(&centred) }),
            trajectory: Some(MapLayer {
                points: states.iter().map(|s| [place(0, s), place(1, s)]).collect(),
                third: Some(states.iter().map(|s| place(2, s)).collect()),
                trustworthiness: Some(0.8),
                continuity: Some(0.9),
            }),
            ..Layer::default()
        }
    });
    let sound = media[0].kind == MediaKind::Sound;
    Exploration {
        tool: "stratoscope pages".to_owned(),
        model: "a/made-up-model".to_owned(),
        family: "ViT".to_owned(),
        n_layers: layers.len() - 1,
        d_model: 384,
        unit: if sound { "frame" } else { "patch" }.to_owned(),
        settings: serde_json::json!({ "seed": 0, "metric": "cosine" }),
        texts: media.iter().map(|m| m.name.clone()).collect(),
        trajectory: Some(MapAbout {
            reducer: "pca".to_owned(),
            alignment: "joint".to_owned(),
            rows: (0..n).collect(),
            placed: special,
            share_of_variance: Some([shares[0], shares[1]]),
            third_share: Some(shares[2]),
            neighbours: Some(5),
            ..MapAbout::default()
        }),
        layers: layers.collect(),
        media: Some(media),
        queries,
        tokens,
        ..Exploration::default()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    // As the program writes them.
    (cosine * 1_000.0).round() / 1_000.0
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn mean_of<'a>(all: impl ExactSizeIterator<Item = &'a Vec<f64>>) -> Vec<f64> {
    let n = all.len() as f64;
    let sum = |sum: Vec<f64>, one: &Vec<f64>| match sum.is_empty() {
        true => one.clone(),
        false => sum.iter().zip(one).map(|(a, b)| a + b).collect(),
    };
    all.fold(Vec::new(), sum).iter().map(|value| value / n).collect()
}

/// Three principal components of all layers together, by iteration, and their shares of the variance.
fn components(states: &[Vec<Vec<f64>>], rows: &[usize]) -> (Vec<Vec<f64>>, Vec<f64>) {
    let all: Vec<&Vec<f64>> = states.iter().flat_map(|s| rows.iter().map(|&t| &s[t])).collect();
    let mean = mean_of(all.iter().copied());
    let mut centred: Vec<Vec<f64>> = all.iter().map(|s| minus(s, &mean)).collect();
    let whole: f64 = centred.iter().map(|s| dot(s, s)).sum();
    let (mut axes, mut shares) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let mut axis: Vec<f64> = (0..mean.len()).map(|i| 1.0 + i as f64 % 3.0).collect();
        for _ in 0..40 {
            let mut next = vec![0.0; axis.len()];
            for s in &centred {
                let along = dot(s, &axis);
                next.iter_mut().zip(s).for_each(|(sum, value)| *sum += along * value);
            }
            let norm = dot(&next, &next).sqrt();
            axis = next.iter().map(|value| value / norm).collect();
        }
        let along: f64 = centred.iter().map(|s| dot(s, &axis).powi(2)).sum();
        shares.push(along / whole);
        for s in &mut centred {
            let part = dot(s, &axis);
            s.iter_mut().zip(&axis).for_each(|(value, a)| *value -= part * a);
        }
        axes.push(axis);
    }
    (axes, shares)
}

/// Attention of the first token of each image: each head has a part of the image that it likes.
fn add_from_first(e: &mut Exploration, heads: usize) {
    let (tokens, media) = (&e.tokens, e.media.clone().unwrap_or_default());
    let mut noise = Noise(31);
    for layer in e.layers.iter_mut().filter(|layer| layer.layer > 0) {
        let mut of_head = |head: usize| -> Vec<u32> {
            let mut raw: Vec<f64> = tokens.iter().map(|_| 0.2 * noise.next().abs()).collect();
            for Media { grid: [rows, columns], first, .. } in &media {
                let corner = [head % 2, head / 2].map(|at| 0.25 + 0.5 * at as f64);
                for cell in 0..rows * columns {
                    let place = [cell / columns, cell % columns].map(|at| at as f64);
                    let away = (place[0] / *rows as f64 - corner[0])
                        .hypot(place[1] / *columns as f64 - corner[1]);
                    raw[first + cell] += (-8.0 * away).exp();
                }
            }
            let sum = |sentence: usize| -> f64 {
                let own = tokens.iter().zip(&raw).filter(|(t, _)| t.sentence == sentence);
                own.map(|(_, weight)| weight).sum()
            };
            let share = |(token, weight): (&Token, &f64)| 1e5 * weight / sum(token.sentence);
            tokens.iter().zip(&raw).map(|pair| share(pair) as u32).collect()
        };
        layer.from_first = Some((0..heads).map(&mut of_head).collect());
    }
}
