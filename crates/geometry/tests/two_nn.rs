//! The intrinsic dimension of clouds of known dimension.
#![allow(clippy::unwrap_used)] // The helpers of a test are test code too.

use ndarray::{Array2, Axis, s};
use rand::Rng;
use stratoscope_geometry::{Estimate, GeometryError, Neighbours, Result, TwoNn};
use stratoscope_numerics::generator;

fn cloud(n: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut rng = generator(seed);
    Array2::from_shape_simple_fn((n, d), || rng.gen_range(0.0..1.0f32))
}

fn width(estimate: Estimate) -> f64 {
    estimate.high().unwrap() - estimate.low().unwrap()
}

fn of(x: &Array2<f32>) -> Result<TwoNn> {
    let sentences: Vec<usize> = (0..x.nrows()).collect();
    Neighbours::of(x.view(), &sentences, 2, 0)?.intrinsic_dimension()
}

#[test]
fn a_swiss_roll_has_two_dimensions() {
    let mut rng = generator(2);
    let mut roll = Array2::zeros((5000, 3));
    for mut row in roll.rows_mut() {
        let turn = 1.5 * std::f64::consts::PI * (1.0 + 2.0 * rng.gen_range(0.0..1.0));
        let point = [turn * turn.cos(), 21.0 * rng.gen_range(0.0..1.0), turn * turn.sin()];
        row.iter_mut().zip(point).for_each(|(to, v)| *to = v as f32);
    }
    let found = of(&roll).unwrap();
    assert!((found.regression.value - 1.96).abs() < 0.05, "{found:?}");
    assert!((found.likelihood.value - 1.96).abs() < 0.05, "{found:?}");
    assert!(width(found.regression) < 0.2, "{found:?}");
}

#[test]
fn dimensions_of_cubes() {
    for d in [1, 2, 3] {
        let found = of(&cloud(2000, d, 5)).unwrap();
        let near = |e: Estimate| {
            let [low, high] = e.interval.unwrap();
            low - 0.1 < d as f64 && (d as f64) < high + 0.1
        };
        assert!(near(found.regression) && near(found.likelihood), "{d}: {found:?}");
    }
}

#[test]
fn copies_are_dropped() {
    let x = cloud(300, 4, 7);
    let twice = ndarray::concatenate![Axis(0), x, x.slice(s![..100, ..])];
    let (once, twice) = (of(&x).unwrap(), of(&twice).unwrap());
    assert_eq!((twice.points, twice.copies, once.copies), (300, 100, 0));
    assert_eq!(once.regression.value, twice.regression.value);
    assert_eq!(once.likelihood.value, twice.likelihood.value);
}

#[test]
fn the_interval_is_as_wide_as_samples_differ() {
    let found: Vec<TwoNn> = (0..40).map(|seed| of(&cloud(800, 2, seed)).unwrap()).collect();
    let values: Vec<f64> = found.iter().map(|f| f.regression.value).collect();
    let mean = values.iter().sum::<f64>() / 40.0;
    let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 39.0).sqrt();
    let half = found.iter().map(|f| width(f.regression)).sum::<f64>() / 80.0;
    let held =
        found.iter().filter(|f| (f.regression.value - mean).abs() < width(f.regression) / 2.0);
    assert!((1.4..3.2).contains(&(half / spread)), "{half} {spread}");
    assert!(held.count() >= 34);
}

#[test]
fn equal_points_and_equal_distances_have_no_dimension() {
    let same = Array2::from_elem((30, 2), 1.0f32);
    assert!(matches!(of(&same), Err(GeometryError::TooFew { found: 1, .. })));
    // The corners of a simplex are equally far from each other.
    let simplex = of(&Array2::eye(9));
    assert!(matches!(simplex, Err(GeometryError::NoVariance { .. })), "{simplex:?}");
}
