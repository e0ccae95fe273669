//! Measures against golden values, and their laws.
#![allow(clippy::unwrap_used)] // The helpers of a test are test code too.

mod rsa;

use ndarray::{Array2, ArrayView2, Axis, array, s};
use stratoscope_geometry::{
    GeometryError, Metric, Reference, anisotropy, cosine, debiased_cka, identity_retention,
    intra_sentence_similarity, linear_cka, norms, rbf_cka, rowwise_cosine, similarity_matrix,
};

fn matrix(bytes: &[u8]) -> Array2<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    let values = numbers.iter().map(|&b| f32::from_le_bytes(b)).collect();
    Array2::from_shape_vec((100, 10), values).unwrap()
}

fn x() -> Array2<f32> {
    matrix(include_bytes!("../fixtures/x.f32"))
}

fn y() -> Array2<f32> {
    matrix(include_bytes!("../fixtures/y.f32"))
}

fn check(name: &str, found: f64) {
    check_in(include_str!("../fixtures/expected.txt"), name, found, 1e-9);
}

/// Compares a number with a file that has one `name value` per line.
fn check_in(lines: &str, name: &str, found: f64, tolerance: f64) {
    let line = lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let expected: f64 = line.unwrap().parse().unwrap();
    assert!((found - expected).abs() < tolerance, "{name}: expected {expected}, found {found}");
}

#[test]
fn golden_values() {
    let (x, y) = (x(), y());
    check("linear", linear_cka(x.view(), y.view()).unwrap());
    check("debiased", debiased_cka(x.view(), y.view()).unwrap());
    check("rbf", rbf_cka(x.view(), y.view(), 0.5).unwrap());
    let (w, v) = (x.slice(s![..8, ..]), y.slice(s![..8, ..]));
    check("linear_wide", linear_cka(w, v).unwrap());
    check("debiased_wide", debiased_cka(w, v).unwrap());
    check("rbf_wide", rbf_cka(w, v, 0.5).unwrap());
    for (name, metric) in [
        ("cosine", Metric::Cosine),
        ("centred", Metric::Centred),
        ("standardised", Metric::Standardised),
        ("euclidean", Metric::Euclidean),
    ] {
        check(name, similarity_matrix(x.view(), metric, None).unwrap()[[1, 2]]);
    }
}

#[test]
fn published_values_of_cka() {
    let (x, y) = (x(), y());
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-4, "{found}");
    near(linear_cka(x.view(), y.view()).unwrap(), 0.55761);
    near(debiased_cka(x.view(), y.view()).unwrap(), 0.51346);
    near(rbf_cka(x.view(), y.view(), 0.5).unwrap(), 0.65483);
}

#[test]
fn cka_is_invariant_to_rotation_shift_and_scale() {
    let x = x();
    // A rotation of each pair of adjacent columns.
    let mut turned = x.clone();
    for j in 0..9 {
        for i in 0..100 {
            let (a, b) = (turned[[i, j]], turned[[i, j + 1]]);
            (turned[[i, j]], turned[[i, j + 1]]) = (0.6 * a - 0.8 * b, 0.8 * a + 0.6 * b);
        }
    }
    let turned = turned * 3.0 + 5.0;
    for cka in
        [linear_cka, debiased_cka, |a: ArrayView2<f32>, b: ArrayView2<f32>| rbf_cka(a, b, 0.5)]
    {
        let found = cka(x.view(), turned.view()).unwrap();
        assert!((found - 1.0).abs() < 1e-5, "{found}");
    }
}

#[test]
fn debiased_cka_of_unrelated_wide_clouds_is_small() {
    let (x, y) = (x(), y());
    // 20 points in 50 dimensions each: x, and the noise y − x, which is independent of x.
    let noise = y - &x;
    let wide = |m: &Array2<f32>| m.clone().into_shape_with_order((20, 50)).unwrap();
    let plain = linear_cka(wide(&x).view(), wide(&noise).view()).unwrap();
    let debiased = debiased_cka(wide(&x).view(), wide(&noise).view()).unwrap();
    assert!(plain > 0.6 && debiased.abs() < 0.3, "{plain} {debiased}");
}

#[test]
fn degenerate_input_is_defined() {
    let zeros = array![[0.0f32, 0.0], [0.0, 0.0], [1.0, 2.0], [2.0, 2.0]];
    for metric in [Metric::Cosine, Metric::Centred, Metric::Standardised, Metric::Euclidean] {
        for rows in 0..5 {
            let found = similarity_matrix(zeros.slice(s![..rows, ..]), metric, None).unwrap();
            assert_eq!(found.dim(), (rows, rows));
            assert!(found.iter().all(|v| v.is_finite()), "{metric:?} {found}");
        }
    }
    assert_eq!(cosine(zeros.row(0), zeros.row(2)).unwrap(), 0.0);
    // A constant dimension whose mean is not exact has no spread.
    let constant = Array2::from_shape_fn((7, 2), |(i, j)| if j == 0 { 0.1 } else { i as f32 });
    assert_eq!(Reference::of(constant.view()).unwrap().deviation()[0], 0.0);
    let same = Array2::from_elem((9, 3), 0.1f32);
    let found = linear_cka(same.view(), same.view());
    assert!(matches!(found, Err(GeometryError::NoVariance { .. })), "{found:?}");
    let few = debiased_cka(zeros.slice(s![..3, ..]), zeros.slice(s![..3, ..]));
    assert!(matches!(few, Err(GeometryError::TooFew { needed: 4, found: 3, .. })), "{few:?}");
    let width = rbf_cka(zeros.view(), zeros.view(), 0.0);
    assert!(matches!(width, Err(GeometryError::Setting { name: "t", .. })), "{width:?}");
    let mut nan = zeros.clone();
    nan[[2, 1]] = f32::NAN;
    let found = norms(nan.view());
    assert!(matches!(found, Err(GeometryError::NotFinite { row: 2, column: 1, .. })), "{found:?}");
}

#[test]
fn rows_prepared_for_a_metric() {
    let x = array![[1.0f32, 10.0, 7.0], [3.0, 30.0, 7.0]];
    let reference = Reference::of(x.view()).unwrap();
    let prepared = |metric| reference.prepared(x.view(), metric).unwrap();
    for metric in [Metric::Cosine, Metric::Euclidean] {
        assert_eq!(prepared(metric), x.mapv(f64::from));
    }
    assert_eq!(prepared(Metric::Centred), array![[-1.0, -10.0, 0.0], [1.0, 10.0, 0.0]]);
    assert_eq!(prepared(Metric::Standardised), array![[-1.0, -1.0, 0.0], [1.0, 1.0, 0.0]]);
    // Other rows, which vary where the reference does not.
    let other = array![[4.0f32, 10.0, 9.0]];
    let found = reference.prepared(other.view(), Metric::Standardised).unwrap();
    assert_eq!(found, array![[2.0, -1.0, 0.0]]);
    let narrow = reference.prepared(x.slice(s![.., ..2]), Metric::Centred);
    assert!(matches!(narrow, Err(GeometryError::Length { expected: 2, found: 3, .. })));
    let hole = array![[1.0f32, f32::INFINITY, 7.0]];
    let hole = reference.prepared(hole.view(), Metric::Cosine);
    assert!(matches!(hole, Err(GeometryError::NotFinite { row: 0, column: 1, .. })));
}

#[test]
fn rowwise_cosine_and_norms() {
    let a = array![[3.0f32, 4.0], [1.0, 0.0], [0.0, 0.0]];
    let b = array![[6.0f32, 8.0], [0.0, 2.0], [1.0, 1.0]];
    let found = rowwise_cosine(a.view(), b.view()).unwrap();
    assert!((found[0] - 1.0).abs() < 1e-15);
    assert_eq!(found.to_vec()[1..], [0.0, 0.0]);
    assert_eq!(norms(a.view()).unwrap(), array![5.0, 1.0, 0.0]);
    let short = rowwise_cosine(a.view(), b.slice(s![..2, ..]));
    assert!(matches!(short, Err(GeometryError::Length { expected: 3, found: 2, .. })));
}

#[test]
fn similarity_within_a_sentence() {
    let x = array![[1.0f32, 0.0], [5.0, 5.0], [0.0, 1.0], [1.0, 1.0]];
    let found = intra_sentence_similarity(x.view(), &[4, 9, 4, 4], Metric::Cosine, None).unwrap();
    let half = 0.5f64.sqrt();
    let expected = [Some(half / 2.0), None, Some(half / 2.0), Some(half)];
    for (found, expected) in found.iter().zip(expected) {
        match (found, expected) {
            (Some(a), Some(b)) => assert!((a - b).abs() < 1e-12, "{a} {b}"),
            (a, b) => assert_eq!(*a, b),
        }
    }
    // The reference of the centred cosine is all rows, not those of the sentence.
    let all = intra_sentence_similarity(x.view(), &[4, 9, 4, 4], Metric::Centred, None).unwrap();
    let reference = Reference::of(x.view()).unwrap();
    let members = x.select(Axis(0), &[0, 2, 3]);
    let matrix = similarity_matrix(members.view(), Metric::Centred, Some(&reference)).unwrap();
    let first = (matrix[[0, 1]] + matrix[[0, 2]]) / 2.0;
    assert!((all[0].unwrap() - first).abs() < 1e-12);
}

#[test]
fn retention_of_identity() {
    let x = x();
    let sentences: Vec<usize> = (0..100).map(|i| i / 5).collect();
    let same = identity_retention(x.view(), x.view(), &sentences, 1).unwrap();
    assert_eq!((same.value, same.interval, same.n), (1.0, Some([1.0; 2]), 20));
    let negated = -&x;
    let none = identity_retention(negated.view(), x.view(), &sentences, 1).unwrap();
    assert_eq!(none.value, 0.0);
    let noisy = identity_retention(y().view(), x.view(), &sentences, 1).unwrap();
    let [low, high] = noisy.interval.unwrap();
    assert!(low < noisy.value && noisy.value < high, "{noisy:?}");
    // Equal layer-0 vectors count as one.
    let twins = array![[1.0f32, 0.0], [1.0, 0.0]];
    let found = identity_retention(twins.view(), twins.view(), &[0, 0], 1).unwrap();
    assert_eq!(found.value, 1.0);
    let alone = identity_retention(twins.view(), twins.view(), &[0, 1], 1);
    assert!(matches!(alone, Err(GeometryError::TooFew { .. })), "{alone:?}");
}

#[test]
fn anisotropy_of_noise_and_of_a_cone() {
    let x = x();
    let sentences: Vec<usize> = (0..100).map(|i| i / 2).collect();
    let noise = anisotropy(x.view(), &sentences, 3).unwrap();
    let [low, high] = noise.interval.unwrap();
    assert!(low < 0.0 && high > 0.0 && noise.n == 50, "{noise:?}");
    let cone = anisotropy((&x + 5.0).view(), &sentences, 3).unwrap();
    let [low, high] = cone.interval.unwrap();
    assert!(low > 0.9 && low <= cone.value && cone.value <= high, "{cone:?}");
    // The seed only assigns the sentences to the parts of the interval.
    let other = anisotropy(x.view(), &sentences, 4).unwrap();
    assert_eq!((noise.value, noise.interval == other.interval), (other.value, false));
}

#[test]
fn anisotropy_is_the_mean_over_pairs_of_sentences_and_of_their_words() {
    let x = x();
    let cosines = &similarity_matrix(x.view(), Metric::Cosine, None).unwrap();
    // Sentences of 1 to 7 words.
    let lengths: Vec<usize> = (0..30).map(|sentence| 1 + sentence % 7).collect();
    let sentences: Vec<usize> =
        lengths.iter().enumerate().flat_map(|(s, &n)| vec![s; n]).take(100).collect();
    let of =
        |sentence: usize| (0..100).filter(|&row| sentences[row] == sentence).collect::<Vec<_>>();
    let count = sentences[99] + 1;
    let (mut sum, mut pairs) = (0.0, 0.0);
    for s in 0..count {
        for t in (0..count).filter(|&t| t != s) {
            let (s, t) = (of(s), of(t));
            let products = s.iter().flat_map(|&i| t.iter().map(move |&j| cosines[[i, j]]));
            sum += products.sum::<f64>() / (s.len() * t.len()) as f64;
            pairs += 1.0;
        }
    }
    let found = anisotropy(x.view(), &sentences, 3).unwrap();
    assert_eq!(found.n, count);
    assert!((found.value - sum / pairs).abs() < 1e-12, "{found:?} {}", sum / pairs);
    let two = anisotropy(x.view(), &vec![0; 100], 3);
    assert!(matches!(two, Err(GeometryError::TooFew { found: 1, .. })), "{two:?}");
}
