//! Convolutions over time: windows of rows times a matrix, with a norm and an activation.
//!
//! A block of frames passes all convolutions before the next block begins, so that the values between
//! them stay in the cache, and the memory does not grow with the length of a sound.

use super::buffers::output;
use super::linear::{Finish, finish, linear};
use super::norm::{NormWeights, norm};
use super::packed::PackedLinear;
use super::rounding::Rounding;
use crate::architecture::Activation;
use rayon::prelude::*;
use std::ops::Range;

/// Frames that pass all convolutions together.
const FRAMES: usize = 16;

/// Windows of a convolution over frames that are copied together.
const WINDOWS: usize = 64;

/// A convolution over the rows of a sequence.
pub(crate) struct TimeConvolution<'a> {
    /// From windows `[kernel × inputs]`.
    pub(crate) linear: &'a PackedLinear,
    /// The width of an input row.
    pub(crate) inputs: usize,
    /// The rows of a window.
    pub(crate) kernel: usize,
    /// The rows between two windows.
    pub(crate) stride: usize,
    /// The rows of zeros before the input, and after it.
    pub(crate) padding: usize,
    /// The norm of the output.
    pub(crate) norm: ConvolutionNorm<'a>,
}

/// The norm between a convolution and its activation.
pub(crate) enum ConvolutionNorm<'a> {
    None,
    /// Of each row.
    Rows(NormWeights<'a>),
    /// Of each channel, over all rows. Only the first convolution can have it.
    Channels(&'a ChannelNorm),
}

/// A norm of each output of a convolution over all rows of a sequence.
pub(crate) struct ChannelNorm {
    /// The convolution, `[channels, kernel × inputs]`.
    pub(crate) matrix: Vec<f32>,
    /// Its bias, `[channels]`.
    pub(crate) offsets: Vec<f32>,
    /// The factor of each channel.
    pub(crate) weight: Vec<f32>,
    /// The bias of each channel.
    pub(crate) bias: Vec<f32>,
    /// Added to the variance.
    pub(crate) eps: f64,
}

impl ChannelNorm {
    /// The factor of each channel and what is added then. Outputs of a convolution are sums of products
    /// with its windows, so that their means and variances follow from the mean and the covariance of
    /// the windows, in f64.
    fn factors(&self, x: &[f32], first: &TimeConvolution) -> (Vec<f32>, Vec<f32>) {
        let depth = first.kernel * first.inputs;
        let n = first.outputs(x.len() / first.inputs);
        let mut window = vec![0.0; depth];
        let mut means = vec![0.0; depth];
        for row in 0..n {
            first.window(x, 0, row, &mut window);
            means.iter_mut().zip(&window).for_each(|(mean, &value)| *mean += f64::from(value));
        }
        means.iter_mut().for_each(|mean| *mean /= n as f64);
        let mut covariance = vec![0.0; depth * depth];
        let mut centred = vec![0.0; depth];
        for row in 0..n {
            first.window(x, 0, row, &mut window);
            let values = centred.iter_mut().zip(window.iter().zip(&means));
            values.for_each(|(out, (&value, mean))| *out = f64::from(value) - mean);
            for (own, &value) in covariance.chunks_mut(depth).zip(&centred) {
                own.iter_mut().zip(&centred).for_each(|(sum, other)| *sum += value * other);
            }
        }
        let channels = self.matrix.chunks(depth).zip(&self.offsets);
        let own = channels.zip(self.weight.iter().zip(&self.bias));
        let factors = own.map(|((row, &offset), (&weight, &bias))| {
            let row: Vec<f64> = row.iter().map(|&value| f64::from(value)).collect();
            let dot = |values: &[f64]| -> f64 { row.iter().zip(values).map(|(a, b)| a * b).sum() };
            let products: Vec<f64> = covariance.chunks(depth).map(dot).collect();
            let variance = (dot(&products) / n as f64).max(0.0);
            let factor = f64::from(weight) / (variance + self.eps).sqrt();
            let mean = dot(&means) + f64::from(offset);
            (factor as f32, (f64::from(bias) - mean * factor) as f32)
        });
        factors.unzip()
    }
}

impl TimeConvolution<'_> {
    /// The rows of its output.
    fn outputs(&self, rows: usize) -> usize {
        (rows + 2 * self.padding).checked_sub(self.kernel).map_or(0, |rest| rest / self.stride + 1)
    }

    /// The input rows that some output rows read, without those of zeros.
    fn read(&self, rows: &Range<usize>, all: usize) -> Range<usize> {
        let start = (rows.start * self.stride).saturating_sub(self.padding);
        let end = (rows.end.max(1) - 1) * self.stride + self.kernel;
        start..end.saturating_sub(self.padding).min(all)
    }

    /// The window of an output row, `[kernel × inputs]`, from input rows of which the first is `first`.
    fn window(&self, x: &[f32], first: usize, row: usize, out: &mut [f32]) {
        let start = row * self.stride;
        let before = (self.padding + first).saturating_sub(start);
        let from = (start + before - self.padding - first) * self.inputs;
        let zeros = before.min(self.kernel) * self.inputs;
        let read = (x.len().saturating_sub(from)).min(out.len() - zeros);
        out[..zeros].fill(0.0);
        if read > 0 {
            out[zeros..zeros + read].copy_from_slice(&x[from..from + read]);
        }
        out[zeros + read..].fill(0.0);
    }
}

/// The rows of one sequence, `[rows, inputs]` of the first convolution, to the output of the last.
pub(crate) fn convolve(
    x: &[f32],
    stack: &[TimeConvolution],
    activation: Activation,
    rounding: Rounding,
) -> Vec<f32> {
    let Some((first, last)) = stack.first().zip(stack.last()) else { return x.to_vec() };
    // The rows before each convolution, and after the last.
    let mut rows = vec![x.len() / first.inputs];
    rows.extend(stack.iter().scan(rows[0], |rows, convolution| {
        *rows = convolution.outputs(*rows);
        Some(*rows)
    }));
    let factors = match &first.norm {
        ConvolutionNorm::Channels(norm) => norm.factors(x, first),
        _ => (Vec::new(), Vec::new()),
    };
    let width = last.linear.outputs();
    let mut out = output(rows[stack.len()] * width);
    out.par_chunks_mut(FRAMES * width).enumerate().for_each(|(block, out)| {
        // What each convolution gives for this block, from the last to the first.
        let mut last = block * FRAMES..block * FRAMES + out.len() / width;
        let mut needed = Vec::with_capacity(rows.len());
        for (convolution, &all) in stack.iter().zip(&rows).rev() {
            let read = convolution.read(&last, all);
            needed.push(std::mem::replace(&mut last, read));
        }
        needed.push(last);
        needed.reverse();
        let from = needed[0].clone();
        let mut values = x[from.start * first.inputs..from.end * first.inputs].to_vec();
        for (i, convolution) in stack.iter().enumerate() {
            let depth = convolution.kernel * convolution.inputs;
            let mut windows = vec![0.0; needed[i + 1].len() * depth];
            for (row, window) in needed[i + 1].clone().zip(windows.chunks_mut(depth)) {
                convolution.window(&values, needed[i].start, row, window);
            }
            let done = Finish { activation: Some(activation), rounding };
            values = match &convolution.norm {
                ConvolutionNorm::None => linear(&windows, convolution.linear, done),
                ConvolutionNorm::Rows(weights) => {
                    let values = linear(&windows, convolution.linear, Finish::plain(rounding));
                    let mut values = norm(&values, None, *weights);
                    finish(done, &mut values);
                    values
                }
                ConvolutionNorm::Channels(_) => {
                    let mut values = linear(&windows, convolution.linear, Finish::plain(rounding));
                    for row in values.chunks_mut(convolution.linear.outputs()) {
                        let factors = factors.0.iter().zip(&factors.1);
                        for (value, (factor, added)) in row.iter_mut().zip(factors) {
                            *value = *value * factor + added;
                        }
                    }
                    finish(done, &mut values);
                    values
                }
            };
        }
        out.copy_from_slice(&values);
    });
    out
}

/// A convolution over the frames around each frame, `[frames, channels]` to the same shape: frame `t` reads
/// `kernel` frames from `t - kernel / 2` on. Each layer has the channels of one group.
pub(crate) fn convolve_groups(
    x: &[f32],
    layers: &[&PackedLinear],
    kernel: usize,
    activation: Activation,
    rounding: Rounding,
) -> Vec<f32> {
    let Some(own) = layers.first().map(|layer| layer.outputs()) else { return x.to_vec() };
    let channels = own * layers.len();
    let frames = x.len() / channels;
    let done = Finish { activation: Some(activation), rounding };
    let groups: Vec<Vec<f32>> = layers
        .par_iter()
        .enumerate()
        .map(|(group, layer)| {
            // The inputs of the group, with zeros on both sides: windows are runs of it.
            let mut padded = vec![0.0; (frames + kernel - 1) * own];
            let rows = padded.chunks_mut(own).skip(kernel / 2);
            for (row, x) in rows.zip(x.chunks(channels)) {
                row.copy_from_slice(&x[group * own..(group + 1) * own]);
            }
            let depth = kernel * own;
            let mut windows = Vec::new();
            let mut out = Vec::with_capacity(frames * own);
            for first in (0..frames).step_by(WINDOWS) {
                windows.clear();
                for frame in first..frames.min(first + WINDOWS) {
                    windows.extend_from_slice(&padded[frame * own..frame * own + depth]);
                }
                out.extend(linear(&windows, layer, done));
            }
            out
        })
        .collect();
    let mut out = output(x.len());
    out.par_chunks_mut(channels).enumerate().for_each(|(frame, out)| {
        for (out, group) in out.chunks_mut(own).zip(&groups) {
            out.copy_from_slice(&group[frame * own..(frame + 1) * own]);
        }
    });
    out
}
