//! How many dimensions a cloud has about each of its points.

use crate::error::{GeometryError, Result};
use crate::interval::Interval;
use crate::neighbours::Neighbours;

/// The intrinsic dimension of a cloud by TwoNN (Facco et al. 2017), estimated in two ways, with
/// intervals that leave sentences out.
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
const MEASURE: &str = "intrinsic dimension (distinct vectors)";

impl Neighbours {
    /// The intrinsic dimension from the ratios μ = r2 / r1 of the distances to the two nearest
    /// other points.
    ///
    /// # Errors
    /// Fewer than 3 distinct points, or points whose two nearest are all at one distance.
    pub fn intrinsic_dimension(&self) -> Result<TwoNn> {
        let (parts, lists, copies) = self.distinct();
        let points = lists.len();
        if points < 3 {
            return Err(GeometryError::TooFew { measure: MEASURE, needed: 3, found: points });
        }
        let estimate = |without: Option<usize>| -> Option<(f64, f64)> {
            let kept = |row: usize| Some(parts.of_row[row]) != without;
            let logs: Option<Vec<f64>> = (0..points)
                .filter(|&row| kept(row))
                .map(|row| {
                    let mut near = lists.with_distances(row).filter(|&(j, _)| kept(j));
                    let (first, second) = (near.next()?.1, near.next()?.1);
                    Some((second / first).ln() / 2.0)
                })
                .collect();
            dimensions(logs?)
        };
        let (regression, likelihood) =
            estimate(None).ok_or(GeometryError::NoVariance { measure: MEASURE })?;
        let without: Vec<Option<(f64, f64)>> =
            (0..parts.count).map(|part| estimate(Some(part))).collect();
        let positive = |found: Interval| found.within(0.0, f64::INFINITY);
        Ok(TwoNn {
            regression: positive(parts.interval(regression, |p| Some(without[p]?.0))),
            likelihood: positive(parts.interval(likelihood, |p| Some(without[p]?.1))),
            points,
            copies,
        })
    }
}

/// Both estimates from log μ; None where they are no numbers.
fn dimensions(mut logs: Vec<f64>) -> Option<(f64, f64)> {
    let n = logs.len();
    if n < 3 || logs.iter().any(|log| !log.is_finite()) {
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
    use crate::interval::generator;
    use ndarray::{Array2, Axis, s};
    use rand::Rng;

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
        let mut rng = generator(1);
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
    fn leaving_out_is_taking_the_others() {
        let x = cloud(120, 3, 2);
        let sentences: Vec<usize> = (0..120).map(|i| i / 6).collect();
        let found = Neighbours::of(x.view(), &sentences, 2, 9).unwrap();
        let found = found.intrinsic_dimension().unwrap().regression;
        let direct = Interval::leaving_out(&sentences, 9, |rows| {
            Ok(of(&x.select(Axis(0), rows))?.regression.value)
        });
        let direct = direct.unwrap();
        assert!((found.value - direct.value).abs() < 1e-9);
        assert!((found.low - direct.low).abs() < 1e-9, "{found:?} {direct:?}");
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
