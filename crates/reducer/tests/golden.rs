//! The reducers against the values of scikit-learn, their laws, and bad input.
#![allow(clippy::unwrap_used)] // The helpers of a test are test code too.

use linfa::traits::{Fit, Transformer};
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array2, ArrayView2, Axis, array, concatenate, s};
use stratoscope_reducer::{
    Moments, Pca, ReducerError, Result, Scaling, Tsne, continuity, kl_divergence, procrustes,
    random_projection, trustworthiness,
};

const TALL: &[u8] = include_bytes!("fixtures/tall.f32");
const WIDE: &[u8] = include_bytes!("fixtures/wide.f32");
const LEAST: &[u8] = include_bytes!("fixtures/least.f32");
const MAP: &[u8] = include_bytes!("fixtures/map.f32");

fn matrix(bytes: &[u8], columns: usize) -> Array2<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    let values = numbers.iter().map(|&b| f32::from_le_bytes(b)).collect();
    Array2::from_shape_vec((numbers.len() / columns, columns), values).unwrap()
}

fn lines(text: &str) -> Vec<Vec<f64>> {
    let numbers = |line: &str| line.split(' ').map(|v| v.parse().unwrap()).collect();
    text.lines().map(numbers).collect()
}

fn fit(x: ArrayView2<f32>, k: usize) -> Result<Pca> {
    Pca::params(k).fit(&DatasetBase::from(x))
}

fn near<'a>(what: &str, found: impl IntoIterator<Item = &'a f64>, expected: &[f64], bound: f64) {
    let found: Vec<f64> = found.into_iter().copied().collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= bound, "{what}: expected {b}, found {a}");
    }
}

#[test]
fn pca_is_that_of_a_full_svd() {
    for (bytes, d, text) in [
        (TALL, 30, include_str!("fixtures/tall.txt")),
        (WIDE, 96, include_str!("fixtures/wide.txt")),
        (LEAST, 64, include_str!("fixtures/least.txt")),
    ] {
        let expected = lines(text);
        let x = matrix(bytes, d);
        let pca = fit(x.view(), 6).unwrap();
        near("mean", pca.mean(), &expected[0], 1e-9);
        near("components", pca.components(), &expected[1], 1e-9);
        near("singular values", pca.singular_values(), &expected[2], 1e-9 * expected[2][0]);
        near("variance", &pca.explained_variance(), &expected[3], 1e-9 * expected[3][0]);
        near("ratio", &pca.explained_variance_ratio(), &expected[4], 1e-9);
        // The input as f64, and in column-major order.
        let wide = x.mapv(f64::from).reversed_axes().as_standard_layout().into_owned();
        let other = Pca::params(6).fit(&DatasetBase::from(wide.reversed_axes())).unwrap();
        near("f64", other.singular_values(), &expected[2], 1e-9 * expected[2][0]);
    }
}

#[test]
fn pca_laws() {
    for (bytes, d) in [(TALL, 30), (WIDE, 96), (LEAST, 64)] {
        let x = matrix(bytes, d);
        let pca = fit(x.view(), d).unwrap();
        let rank = pca.components().nrows();
        assert_eq!(rank, d.min(x.nrows() - 1));
        let gram = pca.components().dot(&pca.components().t());
        near("orthonormal", &gram, Array2::eye(rank).as_slice().unwrap(), 1e-12);
        let variance = pca.explained_variance();
        assert!(variance.windows(2).into_iter().all(|w| w[0] >= w[1]));
        let total = pca.total_variance();
        assert!((variance.sum() - total).abs() < 1e-10 * total);
        // Scores have the reported variance, and reconstruct the rows.
        let scores = pca.transform(&x).unwrap();
        near("scores", &scores.var_axis(Axis(0), 1.0), &variance.to_vec(), 1e-9 * total);
        let back = scores.dot(pca.components()) + pca.mean();
        near("rows", &back, x.mapv(f64::from).as_slice().unwrap(), 1e-9);
        let shifted = fit((&x + 64.0).view(), d).unwrap();
        let scale = pca.singular_values()[0];
        let values = pca.singular_values().to_vec();
        near("shift", shifted.singular_values(), &values, 1e-5 * scale);
        for component in pca.components().rows() {
            let top = component.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()));
            assert!(top.unwrap() > 0.0);
        }
    }
}

#[test]
fn pca_of_a_stream_is_that_of_all_rows() {
    let x = matrix(TALL, 30);
    let whole = fit(x.view(), 6).unwrap();
    // In blocks of several sizes, of f32 and f64, and merged from two parts.
    let mut moments = Moments::new(30);
    let mut elsewhere = Moments::new(30);
    for (block, rows) in x.axis_chunks_iter(Axis(0), 17).enumerate() {
        match block {
            0..3 => moments.add(rows).unwrap(),
            3..5 => moments.add(rows.mapv(f64::from).view()).unwrap(),
            _ => elsewhere.add(rows).unwrap(),
        }
    }
    moments.merge(&elsewhere).unwrap();
    let settings = Pca::params(6).check().unwrap();
    let pca = settings.fit_moments(&moments).unwrap();
    let scale = whole.singular_values()[0];
    near("mean", pca.mean(), &whole.mean().to_vec(), 1e-12);
    near("components", pca.components(), whole.components().as_slice().unwrap(), 1e-10);
    near("values", pca.singular_values(), &whole.singular_values().to_vec(), 1e-12 * scale);
    assert!((pca.total_variance() / whole.total_variance() - 1.0).abs() < 1e-12);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| fit(x.view(), 6)).unwrap(), whole);
    let mut one = Moments::new(30);
    one.add(x.slice(s![..1, ..])).unwrap();
    let error = settings.fit_moments(&one);
    assert!(matches!(error, Err(ReducerError::TooFewRows { needed: 2, found: 1, .. })));
    assert!(settings.fit_moments(&Moments::new(0)).is_err());
}

#[test]
fn pca_of_a_subset_projects_all_rows() {
    let x = matrix(TALL, 30);
    let pca = fit(x.slice(s![..40, ..]), 3).unwrap();
    let all = pca.transform(&x).unwrap();
    let some = pca.transform(&x.slice(s![..40, ..])).unwrap();
    assert_eq!(all.dim(), (120, 3));
    near("same rows", &all.slice(s![..40, ..]).to_owned(), some.as_slice().unwrap(), 1e-12);
}

#[test]
fn pca_accepts_any_shape() {
    let rank = |x: &Array2<f32>| fit(x.view(), 5).unwrap().components().nrows();
    assert_eq!(rank(&Array2::from_elem((9, 7), 0.1)), 0);
    assert_eq!(rank(&Array2::zeros((9, 20))), 0);
    let line = Array2::from_shape_fn((50, 20), |(i, j)| (i * (j + 1)) as f32);
    assert_eq!(rank(&line), 1);
    let twice = matrix(LEAST, 64);
    let twice = concatenate(Axis(0), &[twice.view(), twice.view()]).unwrap();
    assert_eq!(rank(&twice), 2);
    for scale in [f32::MAX / 100.0, 1e-30] {
        let pca = fit((matrix(TALL, 30) * scale).view(), 5).unwrap();
        assert_eq!(pca.components().nrows(), 5);
        assert!(pca.singular_values().iter().all(|v| v.is_finite() && *v > 0.0));
    }
    let none = fit(Array2::from_elem((9, 7), 0.1).view(), 5).unwrap();
    assert_eq!(none.transform(&Array2::<f32>::zeros((4, 7))).unwrap().dim(), (4, 0));
    assert!(none.explained_variance_ratio().is_empty());
}

#[test]
fn bad_input_is_an_error_with_its_position() {
    let x = matrix(TALL, 30);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut spoilt = x.clone();
        spoilt[[17, 4]] = bad;
        let settings = Tsne::params().check().unwrap();
        for error in [
            fit(spoilt.view(), 2).err(),
            fit(x.view(), 2).unwrap().transform(&spoilt).err(),
            settings.embed(spoilt.view(), |_, _| ()).err(),
            random_projection(spoilt.view(), 2, 1).err(),
            trustworthiness(x.view(), spoilt.view(), 5).err(),
            kl_divergence(spoilt.view(), x.view(), 5.0).err(),
            procrustes(x.view(), spoilt.view(), Scaling::Fit).err(),
        ] {
            let place = matches!(error, Some(ReducerError::NotFinite { row: 17, column: 4, .. }));
            assert!(place, "{error:?}");
        }
    }
    let few = fit(x.slice(s![..1, ..]), 2);
    assert!(matches!(few, Err(ReducerError::TooFewRows { needed: 2, found: 1, .. })), "{few:?}");
    let empty = fit(x.slice(s![..0, ..]), 2);
    assert!(matches!(empty, Err(ReducerError::Empty { rows: 0, columns: 30 })), "{empty:?}");
    let zero = fit(x.view(), 0);
    assert!(matches!(zero, Err(ReducerError::Setting { name: "n_components", .. })), "{zero:?}");
    let narrow = fit(x.view(), 2).unwrap().transform(&x.slice(s![.., ..9]));
    assert!(matches!(narrow, Err(ReducerError::Shape { found: [120, 9], .. })), "{narrow:?}");
    let tiny = Tsne::params().check().unwrap().transform(x.slice(s![..3, ..]));
    assert!(matches!(tiny, Err(ReducerError::TooFewRows { needed: 4, found: 3, .. })), "{tiny:?}");
    for perplexity in [0.5, f64::NAN, f64::INFINITY] {
        let error = Tsne::params().perplexity(perplexity).check();
        assert!(matches!(error, Err(ReducerError::Setting { name: "perplexity", .. })));
    }
    assert!(Tsne::params().epochs(0).check().is_err());
    assert!(trustworthiness(x.view(), x.slice(s![..9, ..]), 3).is_err());
    assert!(random_projection(x.view(), 31, 1).is_err());
}

#[test]
fn trust_and_divergence_are_scikit_learns() {
    let expected = lines(include_str!("fixtures/map.txt"));
    let (x, y) = (matrix(TALL, 30), matrix(MAP, 2));
    for (i, k) in [1, 5, 20].into_iter().enumerate() {
        let trust = trustworthiness(x.view(), y.view(), k).unwrap();
        let continuity = continuity(x.view(), y.view(), k).unwrap();
        near("trustworthiness", [&trust.value], &[expected[0][i]], 1e-12);
        near("continuity", [&continuity.value], &[expected[1][i]], 1e-12);
        assert_eq!((trust.k, continuity.k), (k, k));
    }
    // scikit-learn finds the widths in f32 and stops at 1e-5 nats of entropy.
    let kl = kl_divergence(x.view(), y.view(), 12.0).unwrap();
    near("KL", [&kl], &expected[2], 2e-4);
    let itself = trustworthiness(x.view(), x.view(), 1000).unwrap();
    assert_eq!((itself.value, itself.k), (1.0, 59));
    let fitted = procrustes(y.view(), x.slice(s![.., ..2]), Scaling::Fit).unwrap();
    near("disparity", [&fitted.disparity], &expected[3], 1e-9);
}

#[test]
fn tsne_keeps_clusters_and_repeats_to_the_byte() {
    let x = matrix(TALL, 30);
    let settings = Tsne::params().perplexity(12.0).seed(3).check().unwrap();
    let mut calls = 0;
    let map = settings
        .embed(x.view(), |done, all| {
            calls += 1;
            assert_eq!((done, all), (calls, 1000));
        })
        .unwrap();
    assert_eq!((calls, map.perplexity), (1000, 12.0));
    let kl = |y: &Array2<f64>| kl_divergence(x.view(), y.view(), 12.0).unwrap();
    let pca = fit(x.view(), 2).unwrap().transform(&x).unwrap();
    assert!(kl(&map.embedding) < 0.6 * kl(&pca), "{} {}", kl(&map.embedding), kl(&pca));
    let trust = trustworthiness(x.view(), map.embedding.view(), 12).unwrap();
    assert!(trust.value > 0.9, "{trust:?}");
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let again = pool.install(|| settings.transform(x.view())).unwrap();
        assert_eq!(again, map, "{threads} threads");
    }
    let other = Tsne::params().perplexity(12.0).seed(4).check().unwrap();
    assert_ne!(other.transform(x.view()).unwrap().embedding, map.embedding);
}

#[test]
fn tsne_of_many_points_repeats_on_any_number_of_threads() {
    // Above 2,000 points: the grid.
    let x = random_projection(Array2::<f32>::eye(2100).slice(s![.., ..]), 8, 5).unwrap();
    let settings = Tsne::params().epochs(40).check().unwrap();
    let maps: Vec<Tsne> = [1, 2, 3]
        .into_iter()
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| settings.transform(x.view())).unwrap()
        })
        .collect();
    assert_eq!(maps[0], maps[1]);
    assert_eq!(maps[0], maps[2]);
    assert!(maps[0].embedding.iter().all(|v| v.is_finite()));
}

#[test]
fn tsne_of_few_or_equal_points_is_finite() {
    let settings = Tsne::params().check().unwrap();
    let x = matrix(TALL, 30);
    for n in [4, 5, 7, 11] {
        let map = settings.embed(x.slice(s![..n, ..]), |_, _| ()).unwrap();
        assert_eq!(map.perplexity, (n - 1) as f64 / 3.0);
        assert!(map.embedding.iter().all(|v| v.is_finite()), "{n}");
    }
    let same = Array2::from_elem((30, 5), 0.1f32);
    let line = Array2::from_shape_fn((30, 5), |(i, _)| (i / 3) as f32 * 1e-20);
    for x in [same, line] {
        let map = settings.transform(x.view()).unwrap();
        assert!(map.embedding.iter().all(|v| v.is_finite()));
        assert!(kl_divergence(x.view(), map.embedding.view(), 30.0).unwrap().is_finite());
    }
}

#[test]
fn random_projection_is_seeded_and_keeps_lengths_on_average() {
    let x = Array2::<f64>::eye(400);
    let placed = random_projection(x.view(), 100, 1).unwrap();
    assert_eq!(placed, random_projection(x.view(), 100, 1).unwrap());
    assert_ne!(placed, random_projection(x.view(), 100, 2).unwrap());
    // 40,000 entries of variance 1/400.
    let mean_square = placed.mapv(|v| v * v).mean().unwrap();
    assert!((mean_square * 400.0 - 1.0).abs() < 0.05, "{mean_square}");
}

#[test]
fn procrustes_recovers_the_transformation() {
    let y = matrix(MAP, 2).mapv(f64::from);
    // A rotation with a reflection, a shift and a scale.
    let turn = array![[0.6, 0.8], [0.8, -0.6]];
    let moved = y.dot(&turn) * 2.5 + &array![3.0, -1.0];
    let found = procrustes(y.view(), moved.view(), Scaling::Fit).unwrap();
    near("rotation", &found.rotation, turn.as_slice().unwrap(), 1e-12);
    near("translation", &found.translation, &[3.0, -1.0], 1e-12);
    assert!((found.scale - 2.5).abs() < 1e-12 && found.disparity < 1e-24);
    near("map", &found.apply(y.view()).unwrap(), moved.as_slice().unwrap(), 1e-11);
    let kept = procrustes(y.view(), moved.view(), Scaling::Keep).unwrap();
    near("rotation", &kept.rotation, turn.as_slice().unwrap(), 1e-12);
    assert!(kept.scale == 1.0 && kept.disparity > 0.1);
    // Points on a line, or equal points, do not determine the rotation: it is still orthogonal.
    let line = Array2::from_shape_fn((9, 3), |(i, j)| (i * (j + 1)) as f64);
    for target in [line.clone(), Array2::zeros((9, 3))] {
        let found = procrustes(line.view(), target.view(), Scaling::Fit).unwrap();
        let gram = found.rotation.dot(&found.rotation.t());
        near("orthogonal", &gram, Array2::eye(3).as_slice().unwrap(), 1e-12);
        assert!(found.disparity < 1e-20, "{found:?}");
    }
    assert!(procrustes(y.view(), line.view(), Scaling::Fit).is_err());
}
