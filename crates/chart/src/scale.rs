//! How values become colours.

use serde::{Deserialize, Serialize};

/// How values become colours: viridis for sizes, blue to red for signed values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// The value of the first colour.
    pub low: f64,
    /// The value of the last colour.
    pub high: f64,
    /// Whether the sign matters: then the ends are opposite numbers, and 0 has a neutral colour.
    pub signed: bool,
}

impl Scale {
    /// Sizes from `low` to `high`.
    pub fn new(low: f64, high: f64) -> Self {
        Self { low, high, signed: false }
    }

    /// Shares and probabilities: 0 to 1.
    pub fn unit() -> Self {
        Self::new(0.0, 1.0)
    }

    /// From the smallest to the largest of some values; 0 to 1 where there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        match extent(values) {
            Some([low, high]) => Self::new(low, high),
            None => Self::unit(),
        }
    }

    /// From 0 to the largest of some values, which are not negative.
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let high = extent(values).map_or(1.0, |[_, high]| high);
        Self::new(0.0, high.max(f64::MIN_POSITIVE))
    }

    /// From a tenth below the smallest value (0.9 at most) to 1: cosines and CKA. A value above 1
    /// is the end of the scale.
    pub fn to_one(values: impl IntoIterator<Item = f64>) -> Self {
        let [low, high] = extent(values).unwrap_or([0.0, 1.0]);
        Self::new(((low * 10.0).floor() / 10.0).min(0.9), high.max(1.0))
    }

    /// Signed values, with the same length on both sides of 0.
    pub fn signed(values: impl IntoIterator<Item = f64>) -> Self {
        let largest = values.into_iter().fold(0.0, |largest: f64, v| largest.max(v.abs()));
        Self::symmetric(largest)
    }

    /// Signed values from `-limit` to `limit`.
    pub fn symmetric(limit: f64) -> Self {
        Self { low: -limit, high: limit, signed: true }
    }
}

/// The smallest and the largest of some values; none of none.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>) -> Option<[f64; 2]> {
    values.into_iter().fold(None, |ends: Option<[f64; 2]>, v| {
        Some(ends.map_or([v, v], |[low, high]| [low.min(v), high.max(v)]))
    })
}
