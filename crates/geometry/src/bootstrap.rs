//! A number over a sample, with its interval and its n.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;

/// Bootstrap samples behind every interval.
const RESAMPLES: usize = 1000;

/// A measure over sentences and its 95 % interval over them.
///
/// Means have a percentile bootstrap interval (Efron 1979; 1,000 resamples of whole sentences, or
/// of words where it says so). A resample with replacement holds points that coincide, which
/// breaks measures of pairs, neighbours and spectra: these are taken again on parts of the
/// sentences, without replacement ([`Interval::leaving_out`]).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Interval {
    /// The measure on the whole sample.
    pub value: f64,
    /// The lower end, 2.5 %.
    pub low: f64,
    /// The upper end, 97.5 %.
    pub high: f64,
    /// Sentences behind the interval. Below 2 there is none, and its ends are the value: of a
    /// single sentence, or (0) where the measure is not defined on parts of so few.
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
    /// The two ends, where there is an interval.
    pub fn ends(&self) -> Option<(f64, f64)> {
        (self.n > 1).then_some((self.low, self.high))
    }

    /// This less another, a baseline say, with the interval of the difference of independent
    /// estimates: distances to the ends add up as squares (Zou & Donner 2008).
    pub fn minus(&self, other: &Self) -> Self {
        let value = self.value - other.value;
        let n = self.n.min(other.n);
        if n < 2 {
            return Self::point(value, n);
        }
        let down = (self.value - self.low).hypot(other.high - other.value);
        let up = (self.high - self.value).hypot(other.value - other.low);
        Self { value, low: value - down, high: value + up, n }
    }

    /// A value without an interval; `n` is 0 or 1.
    pub(crate) fn point(value: f64, n: usize) -> Self {
        Self { value, low: value, high: value, n: n.min(1) }
    }

    /// Ends that are values that the measure can take.
    pub(crate) fn within(self, least: f64, most: f64) -> Self {
        Self { low: self.low.max(least), high: self.high.min(most), ..self }
    }

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
        Ok(Self::of_ratio(&sums, seed))
    }

    /// Σ value / Σ weight of pairs (value, weight), one for each group that is resampled. None
    /// where all weights are 0.
    pub(crate) fn of_ratio(pairs: &[(f64, f64)], seed: u64) -> Option<Self> {
        let mean = |counts: &[u32]| {
            let (sum, n) = pairs.iter().zip(counts).fold((0.0, 0.0), |(sum, n), (pair, &count)| {
                (sum + f64::from(count) * pair.0, n + f64::from(count) * pair.1)
            });
            (n > 0.0).then_some(sum / n)
        };
        let value = mean(&vec![1; pairs.len()])?;
        Some(bootstrap(value, pairs.len(), &mut generator(seed), mean))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_the_spread_of_both() {
        let a = Interval { value: 5.0, low: 2.0, high: 9.0, n: 10 };
        let b = Interval { value: 1.0, low: -2.0, high: 5.0, n: 7 };
        let found = a.minus(&b);
        assert_eq!((found.value, found.low, found.high, found.n), (4.0, -1.0, 9.0, 7));
        let alone = a.minus(&Interval::point(1.0, 1));
        assert_eq!((alone.value, alone.ends()), (4.0, None));
    }

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
