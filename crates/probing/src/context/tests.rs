//! Curves of neighbours in context: golden values of numpy, laws, planted labels, bad input.

#![allow(clippy::unwrap_used)]

use super::*;
use ndarray::Array2;
use rand::Rng;
use stratoscope_numerics::{Estimate, RESAMPLES, generator};

fn golden(name: &str) -> Vec<f64> {
    let lines = include_str!("../../tests/fixtures/context.txt").lines();
    let line = lines
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .find(|rest| rest.starts_with(|c: char| c == '-' || c.is_ascii_digit()));
    line.unwrap().split(' ').map(|number| number.parse().unwrap()).collect()
}

fn golden_words() -> (ContextWords, Array2<f32>) {
    let list = |name: &str| golden(name).iter().map(|&v| v as usize).collect();
    let label = |name: &str| -> Vec<Option<usize>> {
        golden(name).iter().map(|&v| (v >= 0.0).then_some(v as usize)).collect()
    };
    let class = |class: Option<usize>| class.map(|c| [WordClass::Noun, WordClass::Verb][c]);
    let words = ContextWords {
        sentences: list("sentences"),
        lemmas: list("lemmas"),
        positions: list("positions"),
        classes: label("classes").into_iter().map(class).collect(),
        relations: label("relations"),
        supersenses: label("supersenses"),
    };
    let (numbers, _) = include_bytes!("../../tests/fixtures/context.f32").as_chunks::<4>();
    let values = numbers.iter().map(|&b| f32::from_le_bytes(b)).collect();
    (words, Array2::from_shape_vec((240, 12), values).unwrap())
}

#[test]
fn as_numpy() {
    let (words, x) = golden_words();
    let context = InContext::new(words, 30, 0).unwrap();
    let sums = context.layer(x.view()).unwrap();
    let columns = [
        ("nouns grammar", 0..3),
        ("nouns meaning", 3..6),
        ("verbs grammar", 6..9),
        ("verbs meaning", 9..12),
        ("sentence", 12..14),
    ];
    for (name, columns) in columns {
        let found = sums.0.slice(s![.., columns]);
        let expected = golden(&format!("{name} sums"));
        assert_eq!(found.len(), expected.len());
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-6, "{name}: {found}");
        }
    }
    let curves = context.curves(&[sums]);
    let [layer] = curves.layers[..] else { panic!() };
    let (grammar, meaning) = (layer.grammar.unwrap(), layer.word_meaning.unwrap());
    for (name, found) in [
        ("nouns grammar", grammar.nouns),
        ("nouns meaning", meaning.nouns),
        ("verbs grammar", grammar.verbs),
        ("verbs meaning", meaning.verbs),
        ("sentence", layer.sentence),
    ] {
        assert!((found.unwrap().value - golden(name)[0]).abs() < 1e-6, "{name}: {found:?}");
    }
    let mean = (grammar.nouns.unwrap().value + grammar.verbs.unwrap().value) / 2.0;
    assert!((grammar.mean.value - mean).abs() < 1e-12);
}

/// Words in sentences of 12, half of them nouns and half verbs, of many lemmas, with 6 relations and 5
/// supersenses at random.
fn words(sentences: usize, seed: u64) -> ContextWords {
    let mut rng = generator(seed);
    let n = 12 * sentences;
    let mut list =
        |below: usize| -> Vec<usize> { (0..n).map(|_| rng.gen_range(0..below)).collect() };
    ContextWords {
        lemmas: list(n / 3),
        relations: list(6).into_iter().map(Some).collect(),
        supersenses: list(5).into_iter().map(Some).collect(),
        sentences: (0..n).map(|word| word / 12).collect(),
        positions: (0..n).map(|word| 1 + word % 12).collect(),
        classes: (0..n).map(|w| Some([WordClass::Noun, WordClass::Verb][w % 2])).collect(),
    }
}

fn noise(n: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut rng = generator(seed);
    Array2::from_shape_simple_fn((n, d), || (0..12).map(|_| rng.gen_range(-0.5f32..0.5)).sum())
}

fn layer_of(words: &ContextWords, sentences: usize, x: &Array2<f32>) -> ContextLayer {
    let context = InContext::new(words.clone(), sentences, 0).unwrap();
    context.curves(&[context.layer(x.view()).unwrap()]).layers[0]
}

fn holds(estimate: Estimate, value: f64) -> bool {
    estimate.interval.is_some_and(|[low, high]| low <= value && value <= high)
}

#[test]
fn random_vectors_show_nothing_even_where_positions_tell_the_label() {
    let mut words = words(100, 1);
    // The position tells half of the relations, and the vector tells the position.
    for (label, position) in words.relations.iter_mut().zip(&words.positions).step_by(3) {
        *label = Some(position / 2);
    }
    let mut x = noise(1200, 16, 2);
    for (mut row, &position) in x.outer_iter_mut().zip(&words.positions) {
        row[position % 12] += 6.0;
    }
    let found = layer_of(&words, 100, &x);
    let (grammar, meaning) = (found.grammar.unwrap(), found.word_meaning.unwrap());
    assert!(grammar.mean.value.abs() < 0.02, "{grammar:?}");
    let shuffled = words.positions.iter().map(|_| 1).collect();
    let uncontrolled = ContextWords { positions: shuffled, ..words.clone() };
    assert!(layer_of(&uncontrolled, 100, &x).grammar.unwrap().mean.value > 0.05);
    assert!(meaning.mean.value.abs() < 0.02 && holds(meaning.mean, 0.0), "{meaning:?}");
    // One candidate of 1,188 in about 108 is of the sentence.
    let chance = 11.0 / 1199.0;
    let sentence = layer_of(&words, 100, &noise(1200, 16, 3)).sentence.unwrap();
    assert!((sentence.value - chance).abs() < 0.003, "{sentence:?}");
}

#[test]
fn planted_labels_are_found() {
    let words = words(100, 4);
    let mut x = noise(1200, 16, 5) * 0.2;
    let (relations, supersenses) = (noise(6, 16, 6), noise(5, 16, 7));
    let plant = |x: &mut Array2<f32>, of: &Array2<f32>, labels: &[Option<usize>]| {
        for (mut row, label) in x.outer_iter_mut().zip(labels) {
            row += &of.row(label.unwrap());
        }
    };
    plant(&mut x, &relations, &words.relations);
    let found = layer_of(&words, 100, &x);
    let grammar = found.grammar.unwrap();
    assert!(grammar.nouns.unwrap().value > 0.95 && grammar.verbs.unwrap().value > 0.95);
    assert!(found.word_meaning.unwrap().mean.value.abs() < 0.02, "{found:?}");
    assert_eq!((grammar.mean.n, found.sentence.unwrap().n), (100, 100));
    // A shift and a scale of each dimension, and a dimension of rounding, change nothing.
    let mut moved = &x * 30.0 - 4.0;
    moved.column_mut(3).mapv_inplace(|v| v * 1e-2);
    let wide = ndarray::concatenate![ndarray::Axis(1), moved, noise(1200, 1, 8) * 1e-12];
    let again = layer_of(&words, 100, &wide);
    assert!((again.grammar.unwrap().mean.value - grammar.mean.value).abs() < 1e-3);
    plant(&mut x, &supersenses, &words.supersenses);
    let both = layer_of(&words, 100, &x);
    assert!(both.word_meaning.unwrap().mean.value > 0.3, "{both:?}");
}

#[test]
fn a_constant_of_a_sentence_raises_the_sentence_share_alone() {
    let words = words(60, 9);
    let mut x = noise(720, 16, 10);
    for (mut row, label) in x.outer_iter_mut().zip(&words.relations) {
        row[label.unwrap()] += 3.0;
    }
    let before = layer_of(&words, 60, &x);
    let constants = noise(60, 16, 11) * 3.0;
    for (mut row, &sentence) in x.outer_iter_mut().zip(&words.sentences) {
        row += &constants.row(sentence);
    }
    let after = layer_of(&words, 60, &x);
    assert!(before.sentence.unwrap().value < 0.05, "{before:?}");
    assert!(after.sentence.unwrap().value > 0.8, "{after:?}");
    assert!(after.grammar.unwrap().mean.value < before.grammar.unwrap().mean.value);
    assert!(after.word_meaning.unwrap().mean.value.abs() < 0.05, "{after:?}");
}

#[test]
fn the_resamples_are_paired_and_threads_change_nothing() {
    let words = words(80, 12);
    let context = InContext::new(words.clone(), 80, 3).unwrap();
    let near = noise(960, 16, 13);
    let x = [near.clone(), &near + &(noise(960, 16, 14) * 0.1)];
    let all = |context: &InContext| {
        let sums: Vec<LayerSums> = x.iter().map(|x| context.layer(x.view()).unwrap()).collect();
        context.curves(&sums)
    };
    let curves = all(&context);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| all(&context)), curves);
    }
    let [a, b] = &curves.resampled[..] else { panic!() };
    assert_eq!((a.grammar.len(), a.sentence.len()), (RESAMPLES, RESAMPLES));
    let spread = |values: Vec<f64>| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|v| (v - mean).powi(2)).sum::<f64>()
    };
    let difference = a.grammar.iter().zip(&b.grammar).map(|(a, b)| a - b).collect();
    assert!(spread(difference) < 0.7 * spread(a.grammar.clone()));
    // Sentences without a word take part in the resamples: a bank has the same ones for every model.
    let more = InContext::new(words, 81, 3).unwrap();
    assert_eq!(
        all(&more).layers[0].sentence.unwrap().value,
        curves.layers[0].sentence.unwrap().value
    );
    assert_ne!(all(&more).resampled, curves.resampled);
}

#[test]
fn poor_banks_have_no_values_or_no_intervals() {
    let empty = InContext::new(ContextWords::default(), 0, 0).unwrap();
    let sums = empty.layer(Array2::zeros((0, 4)).view()).unwrap();
    assert_eq!(empty.curves(&[sums]).layers, [ContextLayer::default()]);
    // One sentence: no neighbours in other sentences.
    let one = words(1, 15);
    let found = layer_of(&one, 1, &noise(12, 8, 16));
    assert_eq!((found.grammar, found.word_meaning), (None, None));
    assert_eq!(found.sentence.unwrap(), Estimate::exact(found.sentence.unwrap().value, 1));
    // Four sentences: values without intervals.
    let four = words(4, 17);
    let context = InContext::new(four, 4, 0).unwrap();
    let curves = context.curves(&[context.layer(noise(48, 8, 18).view()).unwrap()]);
    let grammar = curves.layers[0].grammar.unwrap();
    assert_eq!((grammar.mean.interval, grammar.mean.n), (None, 4));
    assert_eq!(curves.resampled, [ResampledLayer::default()]);
    // One label: nothing is above chance. No label, no class.
    let mut words = words(20, 19);
    words.relations = vec![Some(7); 240];
    words.supersenses = vec![None; 240];
    let x = noise(240, 8, 20);
    let found = layer_of(&words, 20, &x);
    assert_eq!((found.grammar, found.word_meaning), (None, None));
    assert!(found.sentence.unwrap().interval.is_some());
    words.relations = (0..240).map(|w| Some(w % 5)).collect();
    words.classes = (0..240).map(|w| (w % 2 == 0).then_some(WordClass::Verb)).collect();
    let found = layer_of(&words, 20, &x).grammar.unwrap();
    assert_eq!((found.nouns, Some(found.mean)), (None, found.verbs));
    // Vectors without variance.
    let flat = layer_of(&words, 20, &Array2::from_elem((240, 3), 2.5));
    assert!(flat.sentence.unwrap().value.is_finite());
}

#[test]
fn bad_input_is_refused() {
    let words = words(6, 21);
    let context = InContext::new(words.clone(), 6, 0).unwrap();
    let mut x = noise(72, 4, 22);
    let rows = context.layer(x.slice(s![..70, ..]));
    assert!(matches!(rows, Err(ProbingError::Length { expected: 72, found: 70, .. })));
    for value in [f32::NAN, f32::INFINITY] {
        x[[31, 2]] = value;
        let found = context.layer(x.view());
        assert!(matches!(found, Err(ProbingError::RowNotFinite { row: 31, .. })), "{found:?}");
    }
    let few = InContext::new(words.clone(), 5, 0).err().unwrap();
    assert!(matches!(few, ProbingError::Length { expected: 5, found: 6, .. }), "{few}");
    let short = ContextWords { lemmas: vec![0; 3], ..words };
    let short = InContext::new(short, 6, 0).err().unwrap();
    assert_eq!(short.to_string(), "lemmas: expected 72, found 3");
}
