//! Bootstrap intervals of scores over clusters of test rows.

use crate::fit::{Draw, generator};
use stratoscope_numerics::{Estimate, resample as draw};

/// Calls `visit` with the number of times that each of `n` clusters counts: first once each, then for
/// every resample. The same `n` and `seed` give the same resamples, so that scores of several calls
/// are paired.
pub(crate) fn resample(n: usize, seed: u64, mut visit: impl FnMut(&[u32])) {
    visit(&vec![1; n]);
    draw(n, &mut generator(seed, Draw::Resamples), visit);
}

/// Scores with their intervals over `n` clusters. `measure` computes the scores from the number of
/// times that each cluster counts. A score that is None on the whole sample is None; resamples where
/// it is None are left out.
pub(crate) fn bootstrap<const N: usize>(
    n: usize,
    seed: u64,
    mut measure: impl FnMut(&[u32]) -> [Option<f64>; N],
) -> [Option<Estimate>; N] {
    let mut all = [const { Samples::new() }; N];
    resample(n, seed, |counts| {
        for (samples, value) in all.iter_mut().zip(measure(counts)) {
            samples.push(value);
        }
    });
    all.map(|samples| samples.estimate(n))
}

/// A score on the whole sample, which is pushed first, and on resamples.
#[derive(Clone)]
pub(crate) struct Samples {
    whole: Option<Option<f64>>,
    resampled: Vec<f64>,
}

impl Samples {
    pub(crate) const fn new() -> Self {
        Self { whole: None, resampled: Vec::new() }
    }

    pub(crate) fn push(&mut self, value: Option<f64>) {
        match self.whole {
            None => self.whole = Some(value),
            Some(_) => self.resampled.extend(value),
        }
    }

    /// The estimate over `n` clusters; None where the score is not defined on the whole sample.
    pub(crate) fn estimate(self, n: usize) -> Option<Estimate> {
        Some(Estimate::of_samples(self.whole??, n, self.resampled))
    }
}

/// Sums over the rows of each cluster.
#[derive(Debug, Clone)]
pub(crate) struct ByCluster(Vec<f64>);

impl ByCluster {
    /// Sums one value per row; `clusters` `[rows]` are below `n`.
    pub(crate) fn new(n: usize, clusters: &[usize], values: impl Iterator<Item = f64>) -> Self {
        let mut sums = vec![0.0; n];
        clusters.iter().zip(values).for_each(|(&cluster, value)| sums[cluster] += value);
        Self(sums)
    }

    /// The sum over clusters, each weighted by its count.
    pub(crate) fn sum(&self, counts: &[u32]) -> f64 {
        self.0.iter().zip(counts).map(|(sum, &count)| f64::from(count) * sum).sum()
    }

    /// This sum divided by another; None where the other is 0.
    pub(crate) fn over(&self, all: &Self, counts: &[u32]) -> Option<f64> {
        let all = all.sum(counts);
        (all != 0.0).then(|| self.sum(counts) / all)
    }
}
