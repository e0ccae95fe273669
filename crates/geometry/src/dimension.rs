//! The intrinsic dimension of a cloud by TwoNN.

use stratoscope_numerics::Estimate;

/// The intrinsic dimension of a cloud by TwoNN (Facco et al. 2017), with two estimators; see
/// [`crate::Neighbours::intrinsic_dimension`].
///
/// TwoNN assumes that the density is constant up to the second neighbour. Whether the assumption
/// holds for the states of language models is debated.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TwoNn {
    /// The regression estimate: the slope through the origin of −log(1 − i / N) against the i-th
    /// smallest log μ, over the lowest 90 %.
    pub regression: Estimate,
    /// The maximum likelihood estimate, (N − 1) / Σ log μ.
    pub likelihood: Estimate,
    /// The number of distinct points, N.
    pub points: usize,
    /// The number of exact copies of other points, which are dropped because their distance is 0.
    pub copies: usize,
}

/// The share of the ratios in the regression, smallest first; the largest ones are noisy.
const KEPT: f64 = 0.9;

/// Both estimates from the squared distances of every point to its two nearest neighbours; None where
/// they are not defined.
pub(crate) fn dimensions(nearest: impl Iterator<Item = Option<(f64, f64)>>) -> Option<(f64, f64)> {
    let log = |pair: Option<(f64, f64)>| {
        let (first, second) = pair?;
        Some((second / first).ln() / 2.0).filter(|log| log.is_finite())
    };
    let mut logs: Vec<f64> = nearest.map(log).collect::<Option<_>>()?;
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
