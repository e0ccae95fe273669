//! A score over test rows with its interval.

use crate::RESAMPLES;
use crate::fit::{Draw, generator};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// A score with its 95 % percentile bootstrap interval over clusters of test rows (sentences;
/// Efron & Tibshirani 1993; [`RESAMPLES`](crate::RESAMPLES) resamples).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The score on all test rows.
    pub value: f64,
    /// The low end, 2.5 %.
    pub low: f64,
    /// The high end, 97.5 %.
    pub high: f64,
}

impl Scored {
    /// A value, and what resamples make of it.
    pub(crate) fn new(value: f64, mut samples: Vec<f64>) -> Self {
        samples.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            // numpy's linear percentile.
            let place = share * samples.len().saturating_sub(1) as f64;
            let (below, part) = (place.floor() as usize, place.fract());
            match (samples.get(below), samples.get(below + 1)) {
                (Some(a), Some(b)) => a + part * (b - a),
                (Some(a), None) => *a,
                _ => value,
            }
        };
        Self { value, low: at(0.025), high: at(0.975) }
    }
}

/// Tells `heard` how often each of `n` clusters counts: once each first, then in every resample. The
/// same `n` and `seed` give the same resamples, so that scores of several calls are paired.
pub(crate) fn resample(n: usize, seed: u64, mut heard: impl FnMut(&[u32])) {
    let mut counts = vec![1u32; n];
    heard(&counts);
    let mut rng = generator(seed, Draw::Resamples);
    for _ in 0..RESAMPLES {
        counts.fill(0);
        (0..n).for_each(|_| counts[rng.gen_range(0..n)] += 1);
        heard(&counts);
    }
}

/// Scores with their intervals. `measure` is given how often each of the `n` clusters counts; a
/// score that is None on the whole is None, one that is None on a resample leaves that one out.
pub(crate) fn bootstrap<const N: usize>(
    n: usize,
    seed: u64,
    mut measure: impl FnMut(&[u32]) -> [Option<f64>; N],
) -> [Option<Scored>; N] {
    let mut values = [const { Values(None, Vec::new()) }; N];
    let mut whole = true;
    resample(n, seed, |counts| {
        for (all, one) in values.iter_mut().zip(measure(counts)) {
            all.push(whole, one);
        }
        whole = false;
    });
    values.map(Values::scored)
}

/// A score of the whole, and of resamples.
#[derive(Clone)]
pub(crate) struct Values(pub(crate) Option<f64>, pub(crate) Vec<f64>);

impl Values {
    pub(crate) fn push(&mut self, whole: bool, value: Option<f64>) {
        match whole {
            true => self.0 = value,
            false => self.1.extend(value),
        }
    }

    pub(crate) fn scored(self) -> Option<Scored> {
        Some(Scored::new(self.0?, self.1))
    }
}

/// Sums over the rows of each cluster.
#[derive(Debug, Clone)]
pub(crate) struct ByCluster(Vec<f64>);

impl ByCluster {
    /// Of one value a row; `clusters` `[rows]` are below `n`.
    pub(crate) fn new(n: usize, clusters: &[usize], values: impl Iterator<Item = f64>) -> Self {
        let mut sums = vec![0.0; n];
        clusters.iter().zip(values).for_each(|(&cluster, value)| sums[cluster] += value);
        Self(sums)
    }

    /// The sum, where clusters count so often.
    pub(crate) fn sum(&self, counts: &[u32]) -> f64 {
        self.0.iter().zip(counts).map(|(sum, &count)| f64::from(count) * sum).sum()
    }

    /// This sum over another; None where that is 0.
    pub(crate) fn over(&self, all: &Self, counts: &[u32]) -> Option<f64> {
        let all = all.sum(counts);
        (all != 0.0).then(|| self.sum(counts) / all)
    }
}
