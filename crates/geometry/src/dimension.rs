//! How many dimensions a cloud has about each of its points.

use crate::interval::Interval;
use crate::neighbours::Near;

/// The intrinsic dimension of a cloud by TwoNN (Facco et al. 2017), estimated in two ways; see
/// [`crate::Neighbours::intrinsic_dimension`].
///
/// It takes the cloud to be of even density over two neighbours; whether such estimates mean what
/// they say of language models is debated.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TwoNn {
    /// The slope through the origin of −log(1 − i / N) on the i-th smallest log μ, over the lowest
    /// 90 %.
    pub regression: Interval,
    /// The maximum likelihood estimate (N − 1) / Σ log μ.
    pub likelihood: Interval,
    /// Distinct points, N.
    pub points: usize,
    /// Exact copies of other points, which were dropped: they are at distance 0.
    pub copies: usize,
}

/// The share of the smallest ratios that the regression is over; the largest ones are noisy.
const KEPT: f64 = 0.9;

/// Both estimates from the two nearest neighbours of every point; None where they are no numbers.
pub(crate) fn dimensions(lists: &[Vec<Near>]) -> Option<(f64, f64)> {
    let log = |list: &Vec<Near>| match list.as_slice() {
        [first, second, ..] => Some((second.0 / first.0).ln() / 2.0).filter(|log| log.is_finite()),
        _ => None,
    };
    let mut logs: Vec<f64> = lists.iter().map(log).collect::<Option<_>>()?;
    let n = logs.len();
    if n < 3 {
        return None;
    }
    logs.sort_unstable_by(f64::total_cmp);
    let lowest = (n as f64 * KEPT) as usize;
    let (products, squares) =
        logs.iter().take(lowest).zip(1..).fold((0.0, 0.0), |(products, squares), (log, i)| {
            let y = -(1.0 - f64::from(i) / n as f64).ln();
            (products + log * y, squares + log * log)
        });
    let found = (products / squares, (n - 1) as f64 / logs.iter().sum::<f64>());
    (found.0.is_finite() && found.1.is_finite()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{GeometryError, Result};
    use crate::interval::generator;
    use crate::neighbours::Neighbours;
    use ndarray::{Array2, Axis, s};
    use rand::Rng;

    const ROLL: u64 = 2;

    fn cloud(n: usize, d: usize, seed: u64) -> Array2<f32> {
        let mut rng = generator(seed);
        Array2::from_shape_simple_fn((n, d), || rng.gen_range(0.0..1.0f32))
    }

    fn of(x: &Array2<f32>) -> Result<TwoNn> {
        let sentences: Vec<usize> = (0..x.nrows()).collect();
        Neighbours::of(x.view(), &sentences, 2, 0)?.intrinsic_dimension()
    }

    #[test]
    fn a_swiss_roll_has_two_dimensions() {
        // Over seeds it is 1.98 with a standard deviation of 0.02.
        let mut rng = generator(ROLL);
        let mut roll = Array2::zeros((5000, 3));
        for mut row in roll.rows_mut() {
            let turn = 1.5 * std::f64::consts::PI * (1.0 + 2.0 * rng.gen_range(0.0..1.0));
            let point = [turn * turn.cos(), 21.0 * rng.gen_range(0.0..1.0), turn * turn.sin()];
            row.iter_mut().zip(point).for_each(|(to, v)| *to = v as f32);
        }
        let found = of(&roll).unwrap();
        assert!((found.regression.value - 1.96).abs() < 0.05, "{found:?}");
        assert!((found.likelihood.value - 1.96).abs() < 0.05, "{found:?}");
        assert!(found.regression.high - found.regression.low < 0.2, "{found:?}");
    }

    #[test]
    fn dimensions_of_cubes() {
        for d in [1, 2, 3] {
            let found = of(&cloud(2000, d, 5)).unwrap();
            let near = |i: Interval| i.low - 0.1 < d as f64 && (d as f64) < i.high + 0.1;
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
        let width = |f: &TwoNn| f.regression.high - f.regression.low;
        let half = found.iter().map(width).sum::<f64>() / 80.0;
        let held = found.iter().filter(|f| (f.regression.value - mean).abs() < width(f) / 2.0);
        assert!((1.4..3.2).contains(&(half / spread)), "{half} {spread}");
        assert!(held.count() >= 34);
    }

    #[test]
    fn what_has_no_dimension() {
        let same = Array2::from_elem((30, 2), 1.0f32);
        assert!(matches!(of(&same), Err(GeometryError::TooFew { found: 1, .. })));
        // The corners of a simplex are all at one distance.
        let simplex = of(&Array2::eye(9));
        assert!(matches!(simplex, Err(GeometryError::NoVariance { .. })), "{simplex:?}");
    }
}
