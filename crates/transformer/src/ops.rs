//! The operations of a forward pass: as plain candle tensors on any device, and through
//! [`kernels`] where they fit.

use crate::kernels::{self, NormWeights, PackedLinear};
use crate::{Activation, Architecture, Error, Norm, RelativeBias, Result};
use candle_core::{D, DType, Tensor};
use std::collections::HashMap;

/// The weights by canonical name; each is taken once, its shape checked.
pub(crate) struct Weights {
    map: HashMap<String, Tensor>,
    expected: HashMap<String, Vec<usize>>,
}

impl Weights {
    pub(crate) fn new(architecture: &Architecture, map: HashMap<String, Tensor>) -> Self {
        let expected = architecture.weights().into_iter().map(|w| (w.name, w.shape)).collect();
        Self { map, expected }
    }

    /// Whether the kernels can read all weights.
    pub(crate) fn fit_kernels(&self) -> bool {
        self.map.values().all(|w| w.device().is_cpu() && w.dtype() == DType::F32)
    }

    fn take(&mut self, name: String) -> Result<Tensor> {
        let Some(tensor) = self.map.remove(&name) else {
            return Err(Error::MissingWeight { name });
        };
        match self.expected.get(&name) {
            Some(expected) if expected == tensor.dims() => Ok(tensor),
            expected => Err(Error::WeightShape {
                expected: expected.cloned().unwrap_or_default(),
                found: tensor.dims().to_vec(),
                name,
            }),
        }
    }

    /// A table of rows: `[rows, d_model]`.
    pub(crate) fn table(&mut self, name: &str) -> Result<Tensor> {
        self.take(format!("{name}.weight"))
    }
}

/// `x W^T + b`.
pub(crate) enum Linear {
    /// For any device.
    Plain {
        /// `[in, out]`, a view of the checkpoint's `[out, in]`.
        weight: Tensor,
        /// `[out]`.
        bias: Tensor,
    },
    /// For f32 on a CPU.
    Packed(PackedLinear),
}

impl Linear {
    /// The layers of these names as one: their outputs side by side.
    pub(crate) fn new(weights: &mut Weights, names: &[String], fast: bool) -> Result<Self> {
        let mut parts = (Vec::new(), Vec::new());
        for name in names {
            parts.0.push(weights.take(format!("{name}.weight"))?);
            parts.1.push(weights.take(format!("{name}.bias"))?);
        }
        let (weight, bias) = (Tensor::cat(&parts.0, 0)?, Tensor::cat(&parts.1, 0)?);
        if fast {
            let inputs = weight.dim(1)?;
            let (weight, bias) = (values(&weight)?, values(&bias)?);
            return Ok(Self::Packed(PackedLinear::new(&weight, &bias, inputs)));
        }
        Ok(Self::Plain { weight: weight.t()?, bias })
    }

    /// `[tokens, in]` to `[tokens, out]`.
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Plain { weight, bias } => x.matmul(weight)?.broadcast_add(bias)?,
            Self::Packed(layer) => {
                kernels::apply("linear", x, layer.inputs(), layer.outputs(), |x| {
                    kernels::linear(x, layer, None)
                })?
            }
        })
    }
}

/// `[tokens, d_model]` through two layers and the activation between them.
pub(crate) fn mlp(
    x: &Tensor,
    first: &Linear,
    activation: Activation,
    second: &Linear,
) -> Result<Tensor> {
    if let (Linear::Packed(first), Linear::Packed(second)) = (first, second) {
        return Ok(kernels::apply("mlp", x, first.inputs(), second.outputs(), |x| {
            kernels::mlp(x, first, activation, second)
        })?);
    }
    second.apply(&activate(activation, &first.apply(x)?)?)
}

/// A normalisation with its weights.
pub(crate) struct NormLayer {
    norm: Norm,
    weight: Tensor,
    bias: Tensor,
    /// Weight and bias again, for f32 on a CPU.
    values: Option<(Vec<f32>, Vec<f32>)>,
}

impl NormLayer {
    pub(crate) fn new(weights: &mut Weights, norm: Norm, name: &str, fast: bool) -> Result<Self> {
        let weight = weights.take(format!("{name}.weight"))?;
        let bias = weights.take(format!("{name}.bias"))?;
        let values = if fast { Some((values(&weight)?, values(&bias)?)) } else { None };
        Ok(Self { norm, weight, bias, values })
    }

    /// `[tokens, d_model]` to the same.
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let Norm::Layer { eps } = self.norm;
        if let Some(weights) = self.weights(eps) {
            let d = weights.weight.len();
            return Ok(kernels::apply("norm", x, d, d, |x| kernels::norm(x, None, weights))?);
        }
        // Mean first, then the variance of the centred values: one pass over sums of squares
        // would lose digits where the mean is large.
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let normed = centred.broadcast_div(&(variance + eps)?.sqrt()?)?;
        Ok(normed.broadcast_mul(&self.weight)?.broadcast_add(&self.bias)?)
    }

    /// The norm of `x + y`, `[tokens, d_model]`.
    pub(crate) fn apply_to_sum(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let Norm::Layer { eps } = self.norm;
        match self.weights(eps) {
            Some(weights) => {
                let d = weights.weight.len();
                let run = |x: &[f32], y: &[f32]| kernels::norm(x, Some(y), weights);
                Ok(kernels::apply_pair("norm of a sum", x, y, d, run)?)
            }
            None => self.apply(&(x + y)?),
        }
    }

    fn weights(&self, eps: f64) -> Option<NormWeights<'_>> {
        let (weight, bias) = self.values.as_ref()?;
        Some(NormWeights { weight, bias, eps })
    }
}

/// The values of a tensor, row after row.
pub(crate) fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.flatten_all()?.to_vec1()?)
}

/// The activation, value by value.
pub(crate) fn activate(activation: Activation, x: &Tensor) -> Result<Tensor> {
    Ok(match activation {
        Activation::Gelu => x.gelu_erf()?,
        Activation::GeluTanh => x.gelu()?,
        Activation::GeluSigmoid => (x * candle_nn::ops::sigmoid(&(x * 1.702)?)?)?,
        Activation::Relu => x.relu()?,
        Activation::Silu => x.silu()?,
    })
}

/// Attention probabilities of one sequence: `q`, `k` `[n_heads, n, d_head]`, `bias`
/// `[n_heads, n, n]` added to the scaled scores; result `[n_heads, n, n]`.
pub(crate) fn pattern(q: &Tensor, k: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let scale = 1.0 / (q.dim(D::Minus1)? as f64).sqrt();
    let mut scores = (q.matmul(&k.transpose(1, 2)?.contiguous()?)? * scale)?;
    if let Some(bias) = bias {
        scores = (scores + bias)?;
    }
    Ok(candle_nn::ops::softmax_last_dim(&scores)?)
}

/// The bias of one sequence of `n` tokens, `[n_heads, n, n]`, from the table `[buckets, n_heads]`.
pub(crate) fn relative_bias(bias: RelativeBias, table: &Tensor, n: usize) -> Result<Tensor> {
    let buckets: Vec<u32> = (0..n as i64)
        .flat_map(|query| (0..n as i64).map(move |key| bias.bucket(key - query) as u32))
        .collect();
    let buckets = Tensor::from_vec(buckets, n * n, table.device())?;
    let rows = table.index_select(&buckets, 0)?.reshape((n, n, ()))?;
    Ok(rows.permute((2, 0, 1))?.contiguous()?)
}
