//! A number over a sample, with its interval and its n.

use serde::{Deserialize, Serialize};

/// The fewest units over which an interval is given. With fewer units, resamples take so few values
/// that the interval is much too narrow.
pub const MIN_UNITS: usize = 5;

/// A value over a sample with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value on the whole sample.
    pub value: f64,
    /// The low end (2.5 %) and the high end (97.5 %). None where there are too few units (`n` below
    /// [`MIN_UNITS`]), or where the measure is not defined on resamples.
    pub interval: Option<[f64; 2]>,
    /// The number of units that are resampled: sentences, words or pairs.
    pub n: usize,
}

impl Estimate {
    /// A value over `n` units without an interval.
    pub fn exact(value: f64, n: usize) -> Self {
        Self { value, interval: None, n }
    }

    /// A value over `n` units with the ends of its interval. There is no interval where `n` is below
    /// [`MIN_UNITS`].
    pub fn with_ends(value: f64, n: usize, ends: Option<[f64; 2]>) -> Self {
        Self { value, interval: ends.filter(|_| n >= MIN_UNITS), n }
    }

    /// A value over `n` units with the percentile interval of its resamples (Efron & Tibshirani
    /// 1993). There is no interval where `n` is below [`MIN_UNITS`] or `samples` is empty.
    pub fn of_samples(value: f64, n: usize, mut samples: Vec<f64>) -> Self {
        samples.sort_unstable_by(f64::total_cmp);
        let ends = percentile(&samples, 0.025).zip(percentile(&samples, 0.975));
        Self::with_ends(value, n, ends.map(|(low, high)| [low, high]))
    }

    /// Whether there are units, but too few for an interval.
    pub fn has_few_units(&self) -> bool {
        self.n < MIN_UNITS
    }

    /// The low end of the interval.
    pub fn low(&self) -> Option<f64> {
        self.interval.map(|[low, _]| low)
    }

    /// The high end of the interval.
    pub fn high(&self) -> Option<f64> {
        self.interval.map(|[_, high]| high)
    }

    /// The difference to another estimate, a baseline for example. The interval is that of the
    /// difference of independent estimates (Zou & Donner 2008), and `n` the smaller of the two.
    pub fn minus(&self, other: &Self) -> Self {
        let value = self.value - other.value;
        let ends = self.interval.zip(other.interval);
        let interval = ends.map(|([low, high], [other_low, other_high])| {
            let down = (self.value - low).hypot(other_high - other.value);
            let up = (high - self.value).hypot(other.value - other_low);
            [value - down, value + up]
        });
        Self { value, interval, n: self.n.min(other.n) }
    }

    /// Whether the interval lies above that of another estimate. False where one of them has no
    /// interval.
    pub fn is_above(&self, other: &Self) -> bool {
        self.interval.zip(other.interval).is_some_and(|([low, _], [_, high])| low > high)
    }

    /// The estimate with an interval that is cut to `min..=max`, the range of the measure.
    pub fn within(self, min: f64, max: f64) -> Self {
        Self { interval: self.interval.map(|[low, high]| [low.max(min), high.min(max)]), ..self }
    }
}

/// The percentile of ascending values at `share` (0 to 1), interpolated linearly as numpy's default
/// does. None where there is no value.
pub fn percentile(ascending: &[f64], share: f64) -> Option<f64> {
    let place = share * ascending.len().saturating_sub(1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let lower = *ascending.get(below)?;
    Some(ascending.get(below + 1).map_or(lower, |upper| lower + part * (upper - lower)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_numpy() {
        let values = [1.0, 2.0, 4.0, 8.0];
        for (share, expected) in [(0.0, 1.0), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            assert!((percentile(&values, share).unwrap() - expected).abs() < 1e-12);
        }
        assert_eq!((percentile(&[7.0], 0.4), percentile(&[], 0.4)), (Some(7.0), None));
    }

    #[test]
    fn a_difference_has_the_spread_of_both() {
        let a = Estimate { value: 5.0, interval: Some([2.0, 9.0]), n: 10 };
        let b = Estimate { value: 1.0, interval: Some([-2.0, 5.0]), n: 7 };
        let expected = Estimate { value: 4.0, interval: Some([-1.0, 9.0]), n: 7 };
        assert_eq!(a.minus(&b), expected);
        assert_eq!(a.minus(&Estimate::exact(1.0, 1)), Estimate::exact(4.0, 1));
        assert_eq!(a.within(3.0, 6.0).interval, Some([3.0, 6.0]));
    }

    #[test]
    fn intervals_that_overlap_are_not_above_each_other() {
        let a = Estimate { value: 5.0, interval: Some([4.0, 6.0]), n: 10 };
        let b = Estimate { value: 3.0, interval: Some([2.0, 4.0]), n: 10 };
        assert!(!a.is_above(&b) && !b.is_above(&a));
        let c = Estimate { interval: Some([2.0, 3.9]), ..b };
        assert!(a.is_above(&c) && !c.is_above(&a));
        assert!(!a.is_above(&Estimate::exact(1.0, 9)));
    }

    #[test]
    fn few_units_and_no_resamples_give_no_interval() {
        for n in 0..MIN_UNITS {
            assert_eq!(Estimate::of_samples(2.0, n, vec![2.0; 9]), Estimate::exact(2.0, n));
            assert_eq!(Estimate::with_ends(2.0, n, Some([1.0, 3.0])), Estimate::exact(2.0, n));
        }
        assert_eq!(Estimate::of_samples(2.0, 5, vec![]).interval, None);
        let found = Estimate::of_samples(2.0, 5, vec![3.0, 1.0]);
        assert_eq!((found.low(), found.high()), (Some(1.05), Some(2.95)));
    }
}
