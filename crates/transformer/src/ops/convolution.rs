//! Convolutions over time, as products of windows with a matrix: with candle's operations on any device,
//! and with the kernels on a CPU.

use super::{Linear, NormLayer, activate, rounded, values};
use crate::architecture::{self, Activation, ConvolutionNorm, Frames, Norm};
use crate::error::Result;
use crate::kernels::{self, ChannelNorm, Rounding, TimeConvolution};
use crate::weights::{Weights, values_in_f32};
use candle_core::{DType, Tensor};

/// The convolutions of frames, one after the other.
pub(crate) struct Convolutions {
    layers: Vec<Layer>,
    activation: Activation,
    kernels: Option<Rounding>,
}

struct Layer {
    data: architecture::Convolution,
    /// The width of its input.
    inputs: usize,
    /// From windows `[rows, kernel × inputs]`.
    linear: Linear,
    norm: LayerNorm,
}

enum LayerNorm {
    None,
    /// Over the channels of a row.
    Channels(NormLayer),
    /// Over the rows of a channel.
    Time(TimeNorm),
}

/// A norm of each channel over the rows of a sequence.
struct TimeNorm {
    /// `[channels]`.
    weight: Tensor,
    bias: Tensor,
    eps: f64,
    /// For the kernels.
    kernel: ChannelNorm,
}

impl Convolutions {
    /// The convolutions `embed.conv.{i}`.
    pub(crate) fn new(frames: &Frames, weights: &mut Weights) -> Result<Self> {
        let mut layers = Vec::with_capacity(frames.convolutions.len());
        for (i, (&data, inputs)) in frames.convolutions.iter().zip(frames.inputs()).enumerate() {
            let name = format!("embed.conv.{i}");
            let norm = match data.norm {
                ConvolutionNorm::None => LayerNorm::None,
                ConvolutionNorm::Channels { eps } => {
                    let norm = Norm::Layer { eps, bias: true };
                    LayerNorm::Channels(NormLayer::new(weights, norm, &format!("{name}.norm"))?)
                }
                ConvolutionNorm::Time { eps } => {
                    LayerNorm::Time(TimeNorm::new(weights, &name, data, eps)?)
                }
            };
            let linear = Linear::new(weights, std::slice::from_ref(&name))?;
            layers.push(Layer { data, inputs, linear, norm });
        }
        let (activation, kernels) = (frames.activation, weights.kernels());
        Ok(Self { layers, activation, kernels })
    }

    /// The rows of one sequence, `[rows, width]`, to its frames `[frames, channels]`.
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let Some(rounding) = self.kernels else { return self.apply_plainly(x) };
        let (rows, width) = x.dims2()?;
        let mut stack = Vec::with_capacity(self.layers.len());
        let mut frames = (rows, width);
        for Layer { data, inputs, linear, norm } in &self.layers {
            let Linear::Packed(linear, _) = linear else { return self.apply_plainly(x) };
            let norm = match norm {
                LayerNorm::None => kernels::ConvolutionNorm::None,
                LayerNorm::Channels(norm) => match norm.weights() {
                    Some(weights) => kernels::ConvolutionNorm::Rows(weights),
                    None => return self.apply_plainly(x),
                },
                LayerNorm::Time(norm) => kernels::ConvolutionNorm::Channels(&norm.kernel),
            };
            let (kernel, stride, padding, inputs) =
                (data.kernel, data.stride, data.padding, *inputs);
            stack.push(TimeConvolution { linear, inputs, kernel, stride, padding, norm });
            frames = (data.rows(frames.0), data.channels);
        }
        let run = |x: &[f32]| kernels::convolve(x, &stack, self.activation, rounding);
        Ok(kernels::apply_to("convolutions", x, (rows, width), frames, run)?)
    }

    fn apply_plainly(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        for Layer { data, linear, norm, .. } in &self.layers {
            let read = windows(&x, data.kernel, data.stride, [data.padding; 2])?;
            x = linear.apply(&read)?;
            x = match norm {
                LayerNorm::None => x,
                LayerNorm::Channels(norm) => norm.apply(&x)?,
                LayerNorm::Time(norm) => norm.apply(&x)?,
            };
            x = activate(self.activation, &x)?;
        }
        Ok(x)
    }
}

impl TimeNorm {
    fn new(
        weights: &mut Weights,
        name: &str,
        data: architecture::Convolution,
        eps: f64,
    ) -> Result<Self> {
        let weight = weights.take(&format!("{name}.norm.weight"))?.to_dtype(DType::F32)?;
        let bias = weights.take(&format!("{name}.norm.bias"))?.to_dtype(DType::F32)?;
        let mut matrix = values_in_f32(&*weights.open(&format!("{name}.weight"))?)?;
        weights.kernels().unwrap_or_default().round(&mut matrix);
        let offsets = match weights.take_if_expected(&format!("{name}.bias"))? {
            Some(bias) => values(&bias.to_dtype(DType::F32)?)?,
            None => vec![0.0; data.channels],
        };
        let (own, own_bias) = (values(&weight)?, values(&bias)?);
        let kernel = ChannelNorm { matrix, offsets, weight: own, bias: own_bias, eps };
        Ok(Self { weight, bias, eps, kernel })
    }

    /// The norm of each column, `[rows, channels]` to the same shape.
    fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let wide = x.to_dtype(DType::F32)?;
        let centred = wide.broadcast_sub(&wide.mean_keepdim(0)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(0)? + self.eps)?.sqrt()?;
        let normed = centred.broadcast_div(&deviation)?.broadcast_mul(&self.weight)?;
        Ok(normed.broadcast_add(&self.bias)?.to_dtype(x.dtype())?)
    }
}

/// The rows that each row of a convolution reads, side by side: `[rows, width]` to
/// `[(rows + padding - kernel) / stride + 1, kernel × width]`. Rows of zeros are before and after `x`.
fn windows(x: &Tensor, kernel: usize, stride: usize, padding: [usize; 2]) -> Result<Tensor> {
    let x = x.pad_with_zeros(0, padding[0], padding[1])?.contiguous()?;
    let (rows, width) = x.dims2()?;
    let n = rows.saturating_sub(kernel) / stride + 1;
    let read: Vec<u32> =
        (0..n).flat_map(|row| (row * stride..row * stride + kernel).map(|r| r as u32)).collect();
    let read = Tensor::from_vec(read, n * kernel, x.device())?;
    Ok(x.index_select(&read, 0)?.reshape((n, kernel * width))?)
}

/// A convolution over the frames around each frame, in groups of channels.
pub(crate) struct PositionalConvolution {
    /// One layer for each group, from windows `[frames, kernel × channels of the group]`.
    groups: Vec<Linear>,
    kernel: usize,
    activation: Activation,
    kernels: Option<Rounding>,
}

impl PositionalConvolution {
    /// The convolution `embed.position_conv`.
    pub(crate) fn new(
        weights: &mut Weights,
        kernel: usize,
        groups: usize,
        activation: Activation,
    ) -> Result<Self> {
        let groups = Linear::groups(weights, "embed.position_conv", groups)?;
        Ok(Self { groups, kernel, activation, kernels: weights.kernels() })
    }

    /// The values for each frame, `[frames, d_model]` to the same shape.
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let shape = x.dims2()?;
        let packed: Option<Vec<_>> = self.groups.iter().map(Linear::packed).collect();
        if let (Some(layers), Some(rounding)) = (packed, self.kernels) {
            let run = |x: &[f32]| {
                kernels::convolve_groups(x, &layers, self.kernel, self.activation, rounding)
            };
            return Ok(kernels::apply_to("positional convolution", x, shape, shape, run)?);
        }
        let own = shape.1 / self.groups.len().max(1);
        let padding = [self.kernel / 2, self.kernel - 1 - self.kernel / 2];
        let group = |(i, layer): (usize, &Linear)| -> Result<Tensor> {
            let read = x.narrow(1, i * own, own)?.contiguous()?;
            layer.apply(&windows(&read, self.kernel, 1, padding)?)
        };
        let parts = self.groups.iter().enumerate().map(group).collect::<Result<Vec<_>>>()?;
        rounded(activate(self.activation, &Tensor::cat(&parts, 1)?)?, self.kernels)
    }
}
