//! A score over test rows with its interval.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
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

/// Scores of the whole sample and their intervals. `measure` is given how often each of the `n`
/// clusters counts; a score that is None on the whole is None, and one that is None on a resample
/// leaves that one out. The same `n` and `seed` give the same resamples, so that scores of several
/// calls are paired.
pub(crate) fn bootstrap<const N: usize>(
    n: usize,
    seed: u64,
    mut measure: impl FnMut(&[u32]) -> [Option<f64>; N],
) -> [Option<Scored>; N] {
    let mut counts = vec![1u32; n];
    let values = measure(&counts);
    let mut rng = Xoshiro256Plus::seed_from_u64(seed);
    let mut samples = [const { Vec::new() }; N];
    for _ in 0..crate::RESAMPLES {
        counts.fill(0);
        (0..n).for_each(|_| counts[rng.gen_range(0..n)] += 1);
        for (all, one) in samples.iter_mut().zip(measure(&counts)) {
            all.extend(one);
        }
    }
    let mut samples = samples.into_iter();
    values.map(|value| Some(Scored::new(value?, samples.next().unwrap_or_default())))
}
