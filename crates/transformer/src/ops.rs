//! The operations of a forward pass as plain candle tensors, on any device.

use crate::{Activation, Architecture, Error, Norm, RelativeBias, Result};
use candle_core::{D, Device, Tensor};
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
pub(crate) struct Linear {
    /// `[in, out]`, a view of the checkpoint's `[out, in]`.
    weight: Tensor,
    /// `[out]`.
    bias: Tensor,
}

impl Linear {
    pub(crate) fn new(weights: &mut Weights, name: &str) -> Result<Self> {
        let weight = weights.take(format!("{name}.weight"))?.t()?;
        Ok(Self { weight, bias: weights.take(format!("{name}.bias"))? })
    }

    /// `[tokens, in]` to `[tokens, out]`.
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.matmul(&self.weight)?.broadcast_add(&self.bias)?)
    }
}

/// A normalisation with its weights.
pub(crate) struct NormLayer {
    norm: Norm,
    weight: Tensor,
    bias: Tensor,
}

impl NormLayer {
    pub(crate) fn new(weights: &mut Weights, norm: Norm, name: &str) -> Result<Self> {
        Ok(Self {
            norm,
            weight: weights.take(format!("{name}.weight"))?,
            bias: weights.take(format!("{name}.bias"))?,
        })
    }

    /// `[tokens, d_model]` to the same.
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        match self.norm {
            Norm::Layer { eps } => {
                // Mean first, then the variance of the centred values: one pass over sums of
                // squares would lose digits where the mean is large.
                let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
                let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
                let normed = centred.broadcast_div(&(variance + eps)?.sqrt()?)?;
                Ok(normed.broadcast_mul(&self.weight)?.broadcast_add(&self.bias)?)
            }
        }
    }
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
pub(crate) fn relative_bias(
    bias: RelativeBias,
    table: &Tensor,
    n: usize,
    device: &Device,
) -> Result<Tensor> {
    let buckets: Vec<u32> = (0..n as i64)
        .flat_map(|query| (0..n as i64).map(move |key| bias.bucket(key - query) as u32))
        .collect();
    let buckets = Tensor::from_vec(buckets, n * n, device)?;
    let rows = table.index_select(&buckets, 0)?.reshape((n, n, ()))?;
    Ok(rows.permute((2, 0, 1))?.contiguous()?)
}
