//! Positions inside attention: rotations, and biases by distance.

pub(crate) mod grid;

use crate::batch::Batch;
use crate::error::{Error, Result};
use half::bf16;

/// Positions as rotations: pair `i` of the first `width` values of a head, `x[i]` and
/// `x[i + width / 2]`, rotates by `position × frequency[i]` (Su et al. 2021).
#[derive(Debug, Clone, PartialEq)]
pub struct Rotary {
    /// Frequency `i` is `base^(-2i / width)`, before scaling.
    pub base: f64,
    /// The number of values of a head that rotate; even.
    pub width: usize,
    /// The change of the frequencies for longer texts.
    pub scaling: RotaryScaling,
    /// What the position of a token is.
    pub axes: Axes,
}

/// What the position of a token is, for rotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axes {
    /// Its place in the sequence.
    Sequence,
    /// The centre of its cell in a grid: −2π to 2π from edge to edge. The first half of the pairs rotates
    /// by the row, the second half by the column, with the same frequencies. Rows before the grid do not
    /// rotate (Siméoni et al. 2025).
    Grid,
}

/// A change of the frequencies, so that a model reads longer texts than it was trained on.
#[derive(Debug, Clone, PartialEq)]
pub enum RotaryScaling {
    /// No change.
    None,
    /// No change for sequences within the length for which the model was made. Longer ones, whose
    /// frequencies depend on their length, cannot be computed.
    Within,
    /// All frequencies are divided by one factor (Chen et al. 2023).
    Linear {
        /// The factor.
        factor: f64,
    },
    /// Low frequencies are divided and high ones kept, with a ramp over the wavelength between them
    /// (Grattafiori et al. 2024).
    ByWavelength {
        /// What low frequencies are divided by.
        factor: f64,
        /// Wavelengths above `original / low` are long.
        low: f64,
        /// Wavelengths below `original / high` are short.
        high: f64,
        /// The length of text that the model was trained on first.
        original: f64,
    },
    /// Low frequencies are divided and high ones kept, with a ramp over the index between them;
    /// cosines and sines are multiplied by `attention` (YaRN: Peng et al. 2023).
    Yarn {
        /// What low frequencies are divided by.
        factor: f64,
        /// A frequency with at least this many turns over the original length is kept.
        fast: f64,
        /// A frequency with at most this many turns over the original length is divided.
        slow: f64,
        /// The length of text that the model was trained on first.
        original: f64,
        /// Whether the ends of the ramp are whole indices.
        truncate: bool,
        /// What cosines and sines are multiplied by.
        attention: f64,
    },
    /// Each frequency is divided by a factor of its own: from one list for sequences of up to
    /// `original` tokens, from another for longer ones (LongRoPE: Ding et al. 2024).
    ByIndex {
        /// The divisors of short sequences, `[width / 2]`.
        short: Vec<f64>,
        /// The divisors of long sequences, `[width / 2]`.
        long: Vec<f64>,
        /// The longest short sequence, in tokens.
        original: usize,
        /// What cosines and sines are multiplied by.
        attention: f64,
    },
}

impl Rotary {
    /// A rotation without scaling.
    pub fn new(base: f64, width: usize) -> Self {
        Self { base, width, scaling: RotaryScaling::None, axes: Axes::Sequence }
    }

    pub(crate) fn check(&self, d_head: usize) -> Result<()> {
        let half = self.width / 2;
        let fits = match &self.scaling {
            RotaryScaling::ByIndex { short, long, .. } => short.len() == half && long.len() == half,
            _ => true,
        };
        let even = if self.axes == Axes::Grid { 4 } else { 2 };
        if self.width == 0 || !self.width.is_multiple_of(even) || self.width > d_head || !fits {
            let reason = match &self.scaling {
                RotaryScaling::ByIndex { short, long, .. } if !fits => {
                    let (short, long) = (short.len(), long.len());
                    format!("{short} and {long} divisors for a rotation of {half} pairs")
                }
                _ => format!("a rotation of {} of {d_head} values", self.width),
            };
            return Err(Error::Architecture { reason });
        }
        Ok(())
    }

    /// The frequencies for a sequence of `tokens` tokens, `[width / 2]`, in radians per token. Every
    /// step is in f32, as in the reference.
    pub fn frequencies(&self, tokens: usize) -> Vec<f32> {
        let base = self.base as f32;
        let period = |i: usize| base.powf((2 * i) as f32 / self.width as f32);
        let plain = (0..self.width / 2).map(|i| 1.0 / period(i));
        match &self.scaling {
            RotaryScaling::None | RotaryScaling::Within => plain.collect(),
            RotaryScaling::Linear { factor } => plain.map(|f| f / *factor as f32).collect(),
            RotaryScaling::ByWavelength { factor, low, high, original } => plain
                .map(|f| {
                    let wavelength = 2.0 * std::f64::consts::PI / f64::from(f);
                    let slow = f / *factor as f32;
                    if wavelength > original / low {
                        slow
                    } else if wavelength < original / high {
                        f
                    } else {
                        let kept = ((original / wavelength - low) / (high - low)) as f32;
                        (1.0 - kept) * slow + kept * f
                    }
                })
                .collect(),
            RotaryScaling::Yarn { factor, fast, slow, original, truncate, .. } => {
                let width = self.width as f64;
                let index = |turns: f64| {
                    width * (original / (turns * 2.0 * std::f64::consts::PI)).ln()
                        / (2.0 * self.base.ln())
                };
                let (mut from, mut to) = (index(*fast), index(*slow));
                if *truncate {
                    (from, to) = (from.floor(), to.ceil());
                }
                let (from, mut to) = (from.max(0.0), to.min(width - 1.0));
                if from == to {
                    to += 0.001;
                }
                plain
                    .enumerate()
                    .map(|(i, f)| {
                        let divided = ((i as f64 - from) / (to - from)).clamp(0.0, 1.0) as f32;
                        f / *factor as f32 * divided + f * (1.0 - divided)
                    })
                    .collect()
            }
            RotaryScaling::ByIndex { short, long, original, .. } => {
                let divisors = if tokens > *original { long } else { short };
                (divisors.iter().enumerate()).map(|(i, &d)| 1.0 / (d as f32 * period(i))).collect()
            }
        }
    }

    /// What cosines and sines are multiplied by.
    pub fn attention_factor(&self) -> f64 {
        match self.scaling {
            RotaryScaling::Yarn { attention, .. } | RotaryScaling::ByIndex { attention, .. } => {
                attention
            }
            _ => 1.0,
        }
    }

    /// Cosines and sines of the sequences of a batch, `[tokens, width / 2]` each.
    pub(crate) fn tables(&self, batch: &Batch) -> (Vec<f32>, Vec<f32>) {
        let factor = self.attention_factor();
        let (mut cosines, mut sines) = (Vec::new(), Vec::new());
        let mut turn = |angle: f32| {
            // The angle in f32, as in the reference; its functions in f64.
            let (sine, cosine) = f64::from(angle).sin_cos();
            cosines.push((cosine * factor) as f32);
            sines.push((sine * factor) as f32);
        };
        for (index, rows) in batch.sequences().enumerate() {
            let n = rows.len();
            match (self.axes, batch.features.get(index).and_then(|features| features.grid)) {
                (Axes::Grid, Some(cells)) => {
                    let frequencies = Self::new(self.base, self.width / 2).frequencies(n);
                    let before = n.saturating_sub(cells[0] * cells[1]);
                    (0..before * self.width / 2).for_each(|_| turn(0.0));
                    for centre in grid::centres(cells) {
                        for coordinate in centre {
                            frequencies.iter().for_each(|f| turn(coordinate * f));
                        }
                    }
                }
                _ => {
                    let frequencies = self.frequencies(n);
                    for position in 0..n {
                        frequencies.iter().for_each(|f| turn(position as f32 * f));
                    }
                }
            }
        }
        (cosines, sines)
    }
}

/// A bidirectional attention bias by bucket of distances (Raffel et al. 2020).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelativeBias {
    /// The number of buckets; half for each direction.
    pub buckets: usize,
    /// Distances from here on have the last bucket.
    pub max_distance: usize,
    /// Whether each block has numbers of its own, not one table for all (Chung et al. 2023).
    pub per_block: bool,
    /// Whether the state of the query decides a factor of the number, in each head (Chen et al. 2022).
    pub gated: bool,
}

impl RelativeBias {
    pub(crate) fn check(self) -> Result<()> {
        if self.buckets < 4 || self.max_distance <= self.buckets / 4 {
            let (buckets, distance) = (self.buckets, self.max_distance);
            let reason = format!("{buckets} relative buckets for distances up to {distance}");
            return Err(Error::Architecture { reason });
        }
        Ok(())
    }

    /// The bucket of a key `offset` tokens after the query (negative: before it). Half of the buckets
    /// are for keys after the query. In each half, the first half has one distance per bucket, the
    /// rest is logarithmic up to `max_distance`.
    pub fn bucket(&self, offset: i64) -> usize {
        let half = self.buckets / 2;
        let exact = half / 2;
        let side = if offset > 0 { half } else { 0 };
        let distance = offset.unsigned_abs() as usize;
        let within = if distance < exact {
            distance
        } else {
            // In f32 and truncated, as in the reference.
            let ratio = (distance as f32 / exact as f32).ln()
                / ((self.max_distance as f64 / exact as f64).ln() as f32);
            (exact + (ratio * (half - exact) as f32) as usize).min(half - 1)
        };
        side + within
    }
}

/// A bias that falls with the distance of two tokens, with a slope for each head (ALiBi: Press et al. 2022).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alibi {
    /// Whether the bias is the number `slope × place of the key` of bf16, divided by `√d_head`. It has
    /// few digits, so that it is not a function of the distance.
    pub bf16: bool,
}

impl Alibi {
    /// The slope of each head, `[n_heads]`: of a power of two `n` of heads, head `i` from 1 has
    /// `2^(-8 i / n)`. Heads beyond a power of two have the slopes between those.
    pub fn slopes(n_heads: usize) -> Vec<f32> {
        let power = 1 << n_heads.max(1).ilog2();
        let slope = |step: f64| (-8.0 * step / power as f64).exp2() as f32;
        let own = (1..=power).map(|i| slope(i as f64));
        let between = (power..n_heads).map(|i| slope((i - power) as f64 + 0.5));
        own.chain(between).collect()
    }

    /// The bias of a key for a query, in a head with this slope.
    pub(crate) fn bias(self, slope: f32, query: usize, key: usize, d_head: usize) -> f32 {
        if self.bf16 {
            let round = |x: f32| bf16::from_f32(x).to_f32();
            return round(round(slope) * round(key as f32)) / (d_head as f32).sqrt();
        }
        slope * (key as f32 - query as f32)
    }
}

/// Queries that grow with their place in the text: the factor of place `i` is
/// `1 + rate × ln(1 + ⌊i / every⌋)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueryGrowth {
    /// The factor of the logarithm.
    pub rate: f64,
    /// The places with one factor; those before it have the factor 1.
    pub every: usize,
}

impl QueryGrowth {
    /// The factors of the queries of sequences of these lengths, `[tokens]`; none if all are 1.
    pub(crate) fn factors(self, lengths: impl Iterator<Item = usize>) -> Option<Vec<f32>> {
        let factor = |i: usize| 1.0 + self.rate * ((1 + i / self.every.max(1)) as f64).ln();
        let factors: Vec<f32> = lengths.flat_map(|n| (0..n).map(|i| factor(i) as f32)).collect();
        factors.iter().any(|&factor| factor != 1.0).then_some(factors)
    }
}

/// Disentangled attention: queries and keys are multiplied with vectors for distances, which all
/// blocks share (He et al. 2021).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disentangled {
    /// The number of vectors for each direction: half of the rows of the table.
    pub span: usize,
    /// The last distance with a vector of its own, where far distances share vectors in logarithmic
    /// buckets; none if each distance up to `span` has a vector.
    pub log_buckets_up_to: Option<usize>,
    /// Whether queries are multiplied with the vectors.
    pub content_to_position: bool,
    /// Whether keys are multiplied with the vectors.
    pub position_to_content: bool,
    /// Whether the vectors pass through the query and key weights of the blocks, not through weights
    /// of their own.
    pub shared_weights: bool,
    /// Whether the vectors pass through a norm first.
    pub norm: bool,
}

impl Disentangled {
    /// The row of the vector for a query `offset` tokens after the key (negative: before it).
    pub fn row(&self, offset: i64) -> usize {
        let distance = offset.unsigned_abs() as usize;
        let middle = self.span / 2;
        let bucket = match self.log_buckets_up_to {
            Some(last) if distance > middle => {
                // In f32 and rounded up, as in the reference.
                let ratio = (distance as f32 / middle as f32).ln()
                    / ((last - 1) as f32 / middle as f32).ln();
                (ratio * (middle - 1) as f32).ceil() as usize + middle
            }
            _ => distance,
        };
        let row = if offset < 0 {
            self.span.saturating_sub(bucket)
        } else {
            self.span.saturating_add(bucket)
        };
        row.min(2 * self.span - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_exact_near_and_shared_far() {
        let bias = RelativeBias { buckets: 32, max_distance: 128, per_block: false, gated: false };
        assert_eq!(bias.bucket(0), 0);
        assert_eq!(bias.bucket(-7), 7);
        assert_eq!(bias.bucket(7), 23);
        assert_eq!(bias.bucket(-8), 8);
        assert_eq!(bias.bucket(-1000), 15);
        assert_eq!(bias.bucket(1000), 31);
    }

    #[test]
    fn slopes_are_those_of_the_paper() {
        assert_eq!(Alibi::slopes(1), [1.0 / 256.0]);
        assert_eq!(Alibi::slopes(4), [0.25, 0.0625, 0.015_625, 0.003_906_25]);
        // Of six heads, two have slopes of eight heads that four do not have: 2^-1 and 2^-3.
        assert_eq!(Alibi::slopes(6)[4..], [0.5, 0.125]);
        assert_eq!(Alibi { bf16: false }.bias(0.25, 7, 3, 64), -1.0);
        // In bf16, 1001 is 1000, and 312.5 is 312.
        assert_eq!(Alibi { bf16: true }.bias(0.3125, 0, 1001, 64), 312.0 / 8.0);
    }

    #[test]
    fn rows_are_exact_near_and_clamped_far() {
        let mut table = Disentangled {
            span: 8,
            log_buckets_up_to: None,
            content_to_position: true,
            position_to_content: true,
            shared_weights: true,
            norm: false,
        };
        let rows = |table: &Disentangled| [-100, -8, -3, 0, 3, 7, 8].map(|o| table.row(o));
        assert_eq!(rows(&table), [0, 0, 5, 8, 11, 15, 15]);
        table.log_buckets_up_to = Some(32);
        // ceil(ln(7/4) / ln(31/4) × 3) + 4 = 5; 8: 6.
        assert_eq!(rows(&table), [0, 2, 5, 8, 11, 13, 14]);
    }

    #[test]
    fn wavelengths_between_are_mixed() {
        // Wavelengths from 2048 to 8192 tokens are between.
        let scaling =
            RotaryScaling::ByWavelength { factor: 8.0, low: 1.0, high: 4.0, original: 8192.0 };
        let rotary = Rotary { scaling, ..Rotary::new(500_000.0, 128) };
        let plain = Rotary::new(500_000.0, 128).frequencies(1);
        let scaled = rotary.frequencies(1);
        assert_eq!(scaled[..29], plain[..29]);
        assert!(scaled[30] < plain[30] && scaled[30] > plain[30] / 8.0);
        assert!(scaled[40..].iter().zip(&plain[40..]).all(|(a, b)| *a == b / 8.0));
    }
}
