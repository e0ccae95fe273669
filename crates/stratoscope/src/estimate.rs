//! A number with its interval.

use serde::Serialize;
use stratoscope_geometry::Interval;

/// A mean with its 95 % bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// The low end of the interval; none where there is a single group to resample.
    pub low: Option<f64>,
    /// The high end.
    pub high: Option<f64>,
    /// How many groups were resampled: sentences, or the tokens of a single one.
    pub n: usize,
}

impl From<Interval> for Estimate {
    fn from(interval: Interval) -> Self {
        let ends = (interval.n > 1).then_some((interval.low, interval.high));
        Self {
            value: interval.value,
            low: ends.map(|e| e.0),
            high: ends.map(|e| e.1),
            n: interval.n,
        }
    }
}
