//! Laws of extraction for any weights: words, cut texts, windows and files.

use crate::command::{Place, tiny};
use crate::fixtures::load;
use std::ops::Range;
use stratoscope::crates::extractor::{Prepared, extract, prepare, read_states, write_states};
use stratoscope::explore::{Alignment, Exploration, Reducer, reduce};
use stratoscope::{
    Activations, ExploreOptions, HookSelection, LayerSelection, LongText, ModelArtifacts, Pooling,
    Silent, Text, Unit,
};
use stratoscope_extractor::StatesReader;
use stratoscope_loader::Model;

fn model() -> Model {
    load(&tiny().source()).unwrap()
}

fn prepared(model: &Model, text: &str, long: LongText) -> Prepared {
    prepare(model, vec![Text::from(text)], long).unwrap()
}

fn states(model: &Model, text: &str, long: LongText) -> Activations {
    let prepared = prepared(model, text, long);
    extract(model, prepared, &LayerSelection::All, &HookSelection::default(), &mut |_| {}).unwrap()
}

/// Asserts that rows of two states are equal at every layer.
fn same_rows(a: &Activations, rows: Range<usize>, b: &Activations, start: usize) {
    for layer in 0..a.layers.len() {
        for (i, row) in rows.clone().enumerate() {
            let (x, y) =
                (a.layer(layer).row(row).to_owned(), b.layer(layer).row(start + i).to_owned());
            let worst = (&x - &y).iter().fold(0f32, |worst, d| worst.max(d.abs()));
            assert!(worst < 1e-6, "layer {layer}, row {row}: {worst:e}");
        }
    }
}

/// Sixty words of one token each, in an irregular order. The model reads 37 tokens, with 2 special
/// ones.
fn long_text() -> Vec<&'static str> {
    const WORDS: [&str; 11] = [
        "the", "river", "bank", "walked", "sleeping", "and", "refused", "along", "seal", "loan",
        "past",
    ];
    (0..60).map(|i| WORDS[(i * i + 3 * i) % WORDS.len()]).collect()
}

#[test]
fn a_cut_text_has_the_states_of_its_beginning() {
    let (model, words) = (model(), long_text());
    let text = words.join(" ");
    assert!(prepare(&model, vec![Text::from(text.as_str())], LongText::Refuse).is_err());
    let cut = states(&model, &text, LongText::Cut);
    let plain = states(&model, &words[..35].join(" "), LongText::Refuse);
    assert_eq!(cut.rows, plain.rows);
    same_rows(&cut, 0..37, &plain, 0);
}

#[test]
fn a_window_has_the_states_of_its_words() {
    let (model, words) = (model(), long_text());
    let windowed = states(&model, &words.join(" "), LongText::Window);
    assert_eq!(windowed.rows.len(), 62);
    // Windows of 35 words with an overlap of 17: words 0 to 34, 18 to 52, and 36 to 59. Each word
    // is taken from the window in which it is farthest from a cut.
    let plain = |words: &[&str]| states(&model, &words.join(" "), LongText::Refuse);
    same_rows(&windowed, 0..28, &plain(&words[..35]), 0);
    same_rows(&windowed, 28..46, &plain(&words[18..53]), 10);
    same_rows(&windowed, 46..62, &plain(&words[36..]), 10);
    let labels: Vec<&str> = windowed.rows.iter().map(|r| r.label.as_str()).collect();
    assert_eq!(labels[1..61], words);
    // Offsets in the text increase from window to window.
    let starts: Vec<usize> = windowed.rows[1..61].iter().map(|r| r.char_offsets[0]).collect();
    assert!(starts.windows(2).all(|w| w[0] < w[1]), "{starts:?}");
    let word_ids: Vec<_> = windowed.rows[1..61].iter().map(|r| r.word_id.unwrap()).collect();
    assert!(word_ids.iter().copied().eq(0..60), "{word_ids:?}");
}

#[test]
fn a_short_text_has_the_same_states_with_every_policy() {
    let model = model();
    let text = long_text()[..35].join(" ");
    let plain = states(&model, &text, LongText::Refuse);
    assert_eq!(plain.rows.len(), 37);
    for long in [LongText::Cut, LongText::Window] {
        assert!(prepared(&model, &text, long).warnings.is_empty());
        assert_eq!(states(&model, &text, long), plain);
    }
}

#[test]
fn words_are_pooled_from_their_tokens() {
    let model = model();
    let tokens = states(&model, "the riverbank rerested unhappily", LongText::Refuse);
    for pooling in Pooling::ALL {
        let words = tokens.pooled(Unit::Word, pooling).unwrap();
        assert_eq!(words.rows.len(), 4);
        assert!(tokens.rows.len() > 6);
        for (index, word) in words.rows.iter().enumerate() {
            let own: Vec<usize> = (0..tokens.rows.len())
                .filter(|&r| tokens.rows[r].word_id == word.word_id)
                .collect();
            for layer in 0..tokens.layers.len() {
                let from = tokens.layer(layer);
                for column in 0..tokens.d_model() {
                    let values = own.iter().map(|&r| from[[r, column]]);
                    let n = own.len() as f32;
                    let expected = match pooling {
                        Pooling::First => from[[own[0], column]],
                        Pooling::Last => from[[own[own.len() - 1], column]],
                        Pooling::Mean => values.sum::<f32>() / n,
                        Pooling::MeanSqrtLen => values.sum::<f32>() / n.sqrt(),
                        Pooling::WeightedMean => {
                            let weighted = values.zip(1_u8..).map(|(v, w)| v * f32::from(w));
                            weighted.sum::<f32>() / (1..=own.len()).sum::<usize>() as f32
                        }
                        Pooling::Max => values.fold(f32::MIN, f32::max),
                    };
                    let found = words.layer(layer)[[index, column]];
                    assert!((found - expected).abs() < 1e-6, "{pooling:?} {}", word.label);
                }
            }
        }
    }
}

#[test]
fn states_are_read_back_from_a_file() {
    let (model, place) = (model(), Place::new());
    let texts = vec![
        Text::from("the river — ünïcödé 🌊"),
        Text { pair: Some("refused".into()), line: Some(7), ..Text::from("a loan") },
    ];
    let prepared = prepare(&model, texts, LongText::Refuse).unwrap();
    let layers: LayerSelection = "0,2-3".parse().unwrap();
    let tokens =
        extract(&model, prepared, &layers, &HookSelection::default(), &mut |_| {}).unwrap();
    let words = tokens.pooled(Unit::Word, Pooling::Mean).unwrap();
    let sentences = tokens.pooled(Unit::Sentence, Pooling::Max).unwrap();
    let path = place.path("x.safetensors");
    for states in [tokens, words] {
        write_states(&path, &states).unwrap();
        assert_eq!(read_states(&path).unwrap(), states);
    }
    write_states(&path, &sentences).unwrap();
    let read = read_states(&path).unwrap();
    assert_eq!((read.hidden_states, read.unit), (sentences.hidden_states, Unit::Sentence));
    assert_eq!(place.files("").into_keys().collect::<Vec<_>>(), ["x.safetensors"]);
}

#[test]
fn a_file_of_hidden_states_alone_is_enough() {
    use safetensors::{Dtype, tensor::TensorView};
    let place = Place::new();
    let values: Vec<u8> =
        (0..2 * 5 * 3).flat_map(|v| (v as f32 * 0.7).cos().to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, vec![2, 5, 3], &values).unwrap();
    place.write(
        "python.safetensors",
        safetensors::serialize([("hidden_states", view)], None).unwrap(),
    );
    let axes = Some("layers,tokens,d".parse().unwrap());
    let reader = StatesReader { axes, ..StatesReader::default() };
    let states = reader.read(&place.path("python.safetensors")).unwrap();
    assert_eq!(states.hidden_states.dim(), (2, 5, 3));
    assert_eq!((states.layers, states.unit, states.texts.len()), (vec![0, 1], Unit::Token, 1));
    assert_eq!(states.hidden_states[[1, 4, 2]], (29f32 * 0.7).cos());
    let unnamed = place.line("explore --from python.safetensors --output out");
    assert!(unnamed.stderr.contains("name the order with --axes"), "{}", unnamed.stderr);
    place.line("explore --from python.safetensors --axes layers,tokens,d --output out").done();
    assert!(place.path("out/trajectory.svg").is_file());
}

#[test]
fn a_sink_decides_no_statistic_and_no_map() {
    let plain = states(&model(), "the river bank walked past the loan", LongText::Refuse);
    let explored = |states: &Activations| {
        let (options, artifacts) = (ExploreOptions::default(), ModelArtifacts::default());
        Exploration::of(states.clone(), &options, &artifacts, &Silent).unwrap()
    };
    let sink = plain.rows.iter().position(|row| row.label == "walked").unwrap();
    // The state of one token at the layers from 2 on, times a factor.
    let with_sink = |factor: f32| {
        let mut states = plain.clone();
        for layer in 2..states.layers.len() {
            let mut state = states.hidden_states.slice_mut(ndarray::s![layer, sink, ..]);
            state.mapv_inplace(|v| v * factor);
        }
        states
    };
    let trajectory = |of: &Exploration| of.figure("trajectory").unwrap().json().unwrap();
    let ordinary = explored(&plain);
    assert_eq!(trajectory(&ordinary)["unit_length"], false);
    assert!(ordinary.omitted.iter().all(|omitted| !omitted.to_string().contains("sink")));

    let (one, other) = (explored(&with_sink(1e4)), explored(&with_sink(3e5)));
    let named = one.omitted.iter().map(ToString::to_string).find(|text| text.contains("sink"));
    assert!(named.as_ref().is_some_and(|text| text.starts_with("“walked” in means")), "{named:?}");
    // The norm of the sink has no influence: its direction alone is on the map.
    let (one_map, other_map) = (trajectory(&one), trajectory(&other));
    assert_eq!(one_map["unit_length"], true);
    for (a, b) in
        one_map["layers"].as_array().unwrap().iter().zip(other_map["layers"].as_array().unwrap())
    {
        let points = |of: &serde_json::Value| -> Vec<[f64; 2]> {
            serde_json::from_value(of["points"].clone()).unwrap()
        };
        assert_eq!(points(a).len(), plain.rows.len());
        for (p, q) in points(a).iter().zip(points(b)) {
            assert!((p[0] - q[0]).abs() < 1e-6 && (p[1] - q[1]).abs() < 1e-6, "{p:?} {q:?}");
        }
    }
    // Centred cosines between other tokens are those of a text without the token.
    let keep: Vec<usize> = (0..plain.rows.len()).filter(|&row| row != sink).collect();
    let mut without = plain.clone();
    without.rows = keep.iter().map(|&row| plain.rows[row].clone()).collect();
    without.hidden_states = plain.hidden_states.select(ndarray::Axis(1), &keep);
    let without = explored(&without);
    let (n, m) = (plain.rows.len(), keep.len());
    let last = plain.layers.len() - 1;
    let centred = |of: &Exploration| of.similarity.as_ref().unwrap().centred[last].clone();
    for (i, &a) in keep.iter().enumerate() {
        for (j, &b) in keep.iter().enumerate() {
            let (found, right) = (centred(&one)[a * n + b], centred(&without)[i * m + j]);
            assert!((found - right).abs() < 1e-9, "{a} {b}: {found} {right}");
        }
    }
    assert_eq!(one.layers[last].norm, without.layers[last].norm);
    assert_eq!(one.layers[last].to_sentence, without.layers[last].to_sentence);
}

#[test]
fn a_map_of_norms_that_are_far_apart_compares_directions() {
    let plain = states(&model(), "the river bank walked past the loan", LongText::Refuse);
    // The norms grow with depth, as in decoders; directions are unchanged.
    let grown = |base: f32| {
        let mut states = plain.clone();
        for layer in 0..states.layers.len() {
            let scale = base.powi(layer as i32);
            states.hidden_states.slice_mut(ndarray::s![layer, .., ..]).mapv_inplace(|v| v * scale);
        }
        states
    };
    let map = |states: &Activations| {
        reduce(states, Reducer::Pca, Alignment::Joint, 0, &mut |_, _| {}).unwrap()
    };
    let (slow, fast) = (map(&grown(16.0)), map(&grown(64.0)));
    assert!(slow.unit_length && fast.unit_length && !map(&plain).unit_length);
    for (a, b) in slow.points.iter().flatten().zip(fast.points.iter().flatten()) {
        assert!((a[0] - b[0]).abs() < 1e-6 && (a[1] - b[1]).abs() < 1e-6, "{a:?} {b:?}");
    }
}
