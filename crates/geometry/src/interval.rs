//! A number over a sample, with its interval and its n.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;

/// Bootstrap samples behind every interval.
const RESAMPLES: usize = 1000;

/// A measure over sentences and its 95 % percentile bootstrap interval over them (Efron 1979;
/// 1,000 resamples).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Interval {
    /// The measure on the whole sample.
    pub value: f64,
    /// The lower end, 2.5 %.
    pub low: f64,
    /// The upper end, 97.5 %.
    pub high: f64,
    /// Sentences in the sample.
    pub n: usize,
}

/// Resamples `n` sentences with replacement, as counts `[n]`; `measure` is None for a resample
/// that it is not defined on, which is then left out.
pub(crate) fn bootstrap(
    value: f64,
    n: usize,
    rng: &mut Xoshiro256Plus,
    measure: impl Fn(&[u32]) -> Option<f64>,
) -> Interval {
    let mut counts = vec![0u32; n];
    let mut values = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        counts.fill(0);
        (0..n).for_each(|_| counts[rng.gen_range(0..n)] += 1);
        values.extend(measure(&counts));
    }
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        // numpy's linear percentile.
        let place = share * values.len().saturating_sub(1) as f64;
        let (below, part) = (place.floor() as usize, place.fract());
        match (values.get(below), values.get(below + 1)) {
            (Some(a), Some(b)) => a + part * (b - a),
            (Some(a), None) => *a,
            _ => value,
        }
    };
    Interval { value, low: at(0.025), high: at(0.975), n }
}

/// The generator behind every seeded choice of this crate.
pub(crate) fn generator(seed: u64) -> Xoshiro256Plus {
    Xoshiro256Plus::seed_from_u64(seed)
}
