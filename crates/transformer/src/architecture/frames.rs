//! Frames of a sound: convolutions over time that turn samples, or mel bands, into rows.

use super::{Activation, Architecture};
use crate::batch::Features;
use crate::error::{Error, Result};

/// Frames of a sound, which convolutions over time make of its samples or of its mel spectrogram
/// (Baevski et al. 2020; Radford et al. 2023).
#[derive(Debug, Clone, PartialEq)]
pub struct Frames {
    /// The values of a row of the input: 1 of samples, or the number of mel bands.
    pub width: usize,
    /// The convolutions, one after the other.
    pub convolutions: Vec<Convolution>,
    /// The activation after each convolution, also after that of the positions.
    pub activation: Activation,
    /// The linear layer between the last convolution and the residual stream.
    pub projection: Option<FrameProjection>,
    /// The positions of frames.
    pub positions: FramePositions,
}

/// A convolution over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Convolution {
    /// The width of its output.
    pub channels: usize,
    /// The rows of its input that one row of its output reads.
    pub kernel: usize,
    /// The rows of its input between two rows of its output.
    pub stride: usize,
    /// The rows of zeros before its input, and after it.
    pub padding: usize,
    /// Whether it has a bias.
    pub bias: bool,
    /// The norm between convolution and activation.
    pub norm: ConvolutionNorm,
}

/// The norm of the output of a convolution, with a weight and a bias for each channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ConvolutionNorm {
    /// No norm.
    None,
    /// Each channel, over all rows of a sequence: a group norm whose groups are the channels (Wu & He
    /// 2018). Only the first convolution may have it.
    Time {
        /// Added to the variance.
        eps: f64,
    },
    /// Each row, over its channels: a layer norm.
    Channels {
        /// Added to the variance.
        eps: f64,
    },
}

/// A linear layer with bias from the channels of the last convolution to `d_model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameProjection {
    /// Whether its input has a norm.
    pub norm: bool,
}

/// The positions of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramePositions {
    /// A table with a row for each frame, which is added.
    Table {
        /// Its rows.
        rows: usize,
    },
    /// The activation of a convolution over the frames around each frame, which is added (Mohamed et al.
    /// 2019). Frame `t` reads frames from `t - kernel / 2` on.
    Convolution {
        /// The frames that it reads.
        kernel: usize,
        /// Groups of channels: an output reads the inputs of its own group.
        groups: usize,
    },
}

/// More convolutions than any model has.
const MAX_CONVOLUTIONS: usize = 32;
/// A kernel longer than any model has.
const MAX_KERNEL: usize = 1 << 12;

impl Convolution {
    /// The rows of its output for so many rows of input.
    pub fn rows(&self, rows: usize) -> usize {
        let all = rows.saturating_add(2 * self.padding);
        all.checked_sub(self.kernel).map_or(0, |rest| rest / self.stride.max(1) + 1)
    }

    /// The fewest rows of input for so many rows of output.
    fn needed(&self, rows: usize) -> usize {
        let last = rows.saturating_sub(1).saturating_mul(self.stride);
        last.saturating_add(self.kernel).saturating_sub(2 * self.padding).max(1)
    }
}

impl Frames {
    /// The frames of so many rows of input; 0 if these are too few.
    pub fn frames(&self, rows: usize) -> usize {
        self.convolutions.iter().fold(rows, |rows, convolution| convolution.rows(rows))
    }

    /// The fewest rows of input for so many frames.
    pub fn needed(&self, frames: usize) -> usize {
        self.convolutions.iter().rev().fold(frames, |rows, convolution| convolution.needed(rows))
    }

    /// The rows of input between two frames.
    pub fn stride(&self) -> usize {
        self.convolutions.iter().map(|convolution| convolution.stride).product()
    }

    /// The channels of the last convolution.
    pub(super) fn channels(&self) -> usize {
        self.convolutions.last().map_or(0, |convolution| convolution.channels)
    }

    /// The inputs of each convolution.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = usize> {
        let channels = self.convolutions.iter().map(|convolution| convolution.channels);
        std::iter::once(self.width).chain(channels)
    }

    pub(super) fn check(&self, a: &Architecture) -> Result<()> {
        let fail = |reason: String| Err(Error::Architecture { reason });
        let wrong = |size: usize, most: usize| size == 0 || size > most;
        if wrong(self.width, 1 << 16) {
            return fail(format!("rows of {} values for the convolutions", self.width));
        }
        if wrong(self.convolutions.len(), MAX_CONVOLUTIONS) {
            return fail(format!("{} convolutions", self.convolutions.len()));
        }
        for (i, own) in self.convolutions.iter().enumerate() {
            if wrong(own.channels, 1 << 16)
                || wrong(own.kernel, MAX_KERNEL)
                || wrong(own.stride, MAX_KERNEL)
                || own.padding >= own.kernel
            {
                return fail(format!("convolution {i}: {own:?}"));
            }
            if i > 0 && matches!(own.norm, ConvolutionNorm::Time { .. }) {
                return fail(format!("a norm over time after convolution {i}"));
            }
        }
        if self.projection.is_none() && self.channels() != a.d_model {
            let channels = self.channels();
            return fail(format!("frames of {channels} channels for a stream of {}", a.d_model));
        }
        match self.positions {
            FramePositions::Table { rows } if wrong(rows, 1 << 20) => {
                fail(format!("{rows} positions of frames"))
            }
            FramePositions::Convolution { kernel, groups }
                if wrong(kernel, MAX_KERNEL)
                    || groups == 0
                    || !a.d_model.is_multiple_of(groups) =>
            {
                let d_model = a.d_model;
                fail(format!("positions by {groups} groups of {d_model} channels, {kernel} frames"))
            }
            _ => Ok(()),
        }
    }

    /// Checks the features of a sequence.
    pub(super) fn check_features(&self, index: usize, features: &Features) -> Result<()> {
        let fail = |reason| Err(Error::Features { sequence: index, reason });
        if features.width != self.width {
            let (found, expected) = (features.width, self.width);
            return fail(format!("a row has {found} values, and the model reads {expected}"));
        }
        let rows = features.rows();
        if self.frames(rows) == 0 {
            let needed = self.needed(1);
            return fail(format!("{rows} rows, and the first frame needs {needed}"));
        }
        if let Some(value) = features.values.iter().find(|value| !value.is_finite()) {
            return fail(format!("it has the value {value}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_frames_are_inverse() {
        let own = |kernel, stride, padding| Convolution {
            channels: 3,
            kernel,
            stride,
            padding,
            bias: false,
            norm: ConvolutionNorm::None,
        };
        let mut frames = Frames {
            width: 1,
            convolutions: vec![own(10, 5, 0), own(3, 2, 0), own(3, 2, 0), own(2, 2, 0)],
            activation: Activation::Gelu,
            projection: None,
            positions: FramePositions::Table { rows: 9 },
        };
        for convolutions in [frames.convolutions.clone(), vec![own(3, 1, 1), own(3, 2, 1)]] {
            frames.convolutions = convolutions;
            for n in 1..30 {
                assert_eq!(frames.frames(frames.needed(n)), n);
                assert_eq!(frames.frames(frames.needed(n) - 1), n - 1);
            }
        }
        assert_eq!(frames.frames(3000), 1500);
        assert_eq!(frames.stride(), 2);
    }
}
