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

impl Interval {
    /// The mean of some values with its interval; values of one group (a sentence) are resampled
    /// together. None where there is no value.
    ///
    /// `values` and `groups` are `[n]`, and `n` of the result is the number of groups.
    ///
    /// # Errors
    /// Lengths that differ.
    pub fn of_mean(values: &[f64], groups: &[usize], seed: u64) -> crate::Result<Option<Self>> {
        crate::similarity::same_length("groups", values.len(), groups.len())?;
        let sums: Vec<(f64, f64)> = crate::anisotropy::by_sentence(groups)
            .values()
            .map(|rows| (rows.iter().map(|&r| values[r]).sum(), rows.len() as f64))
            .collect();
        let mean = |counts: &[u32]| {
            let (sum, n) = sums.iter().zip(counts).fold((0.0, 0.0), |(sum, n), (s, &count)| {
                (sum + f64::from(count) * s.0, n + f64::from(count) * s.1)
            });
            (n > 0.0).then_some(sum / n)
        };
        let value = mean(&vec![1; sums.len()]);
        Ok(value.map(|value| bootstrap(value, sums.len(), &mut generator(seed), mean)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_lies_in_its_interval_and_groups_widen_it() {
        let values: Vec<f64> = (0..40).map(|i| f64::from(i / 10)).collect();
        let alone: Vec<usize> = (0..40).collect();
        let grouped: Vec<usize> = (0..40).map(|i| i / 10).collect();
        let a = Interval::of_mean(&values, &alone, 7).unwrap().unwrap();
        let b = Interval::of_mean(&values, &grouped, 7).unwrap().unwrap();
        assert_eq!((a.value, a.n), (1.5, 40));
        assert_eq!((b.value, b.n), (1.5, 4));
        assert!(a.low < 1.5 && 1.5 < a.high);
        assert!(b.high - b.low > a.high - a.low);
        assert_eq!(Interval::of_mean(&[], &[], 7).unwrap(), None);
        assert!(Interval::of_mean(&[1.0], &[], 7).is_err());
    }
}
