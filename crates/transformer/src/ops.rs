//! The operations of a forward pass: with candle's tensors on any device, and with [`kernels`] on a CPU.

mod convolution;
mod gate;

pub(crate) use convolution::{Convolutions, PositionalConvolution};
pub(crate) use gate::BiasGate;

use crate::architecture::{Activation, Architecture, Norm, Span};
use crate::error::Result;
use crate::kernels::{
    self, DistanceVectors, Finish, HeadVectors, NormWeights, PackedLinear, Rounding,
};
use crate::positions::{Alibi, Disentangled, RelativeBias};
use crate::weights::{SomeRows, StoredWeight, Weights};
use candle_core::{D, DType, Device, Tensor};
use std::sync::Arc;

/// `x W^T + b`.
pub(crate) enum Linear {
    /// For any device.
    Plain {
        /// `[in, out]`, a view of the `[out, in]` of the checkpoint.
        weight: Tensor,
        /// `[out]`.
        bias: Option<Tensor>,
    },
    /// For the kernels.
    Packed(PackedLinear, Rounding),
}

impl Linear {
    /// A layer for each group of outputs, from the rows of one weight.
    pub(crate) fn groups(weights: &mut Weights, name: &str, n_groups: usize) -> Result<Vec<Self>> {
        let weight = weights.open(&format!("{name}.weight"))?;
        let bias = weights.take_if_expected(&format!("{name}.bias"))?;
        let own = weight.shape()[0] / n_groups.max(1);
        let group = |i: usize| -> Result<Self> {
            let part: Arc<dyn StoredWeight> =
                Arc::new(SomeRows::new(weight.clone(), i * own..(i + 1) * own));
            let bias = bias.as_ref().map(|bias| bias.narrow(0, i * own, own)).transpose()?;
            match weights.kernels() {
                Some(rounding) => {
                    let bias = bias.map_or_else(|| Ok(vec![0.0; own]), |bias| values(&bias))?;
                    let layer = PackedLinear::read(&[part], bias, rounding, &mut Vec::new())?;
                    Ok(Self::Packed(layer, rounding))
                }
                None => Ok(Self::Plain { weight: weights.placed(&*part)?.t()?, bias }),
            }
        };
        (0..n_groups).map(group).collect()
    }

    /// The packed weights, if it is for the kernels.
    pub(crate) fn packed(&self) -> Option<&PackedLinear> {
        match self {
            Self::Plain { .. } => None,
            Self::Packed(layer, _) => Some(layer),
        }
    }

    /// One layer from several, with their outputs side by side. All have a bias, or none has.
    pub(crate) fn new(weights: &mut Weights, names: &[String]) -> Result<Self> {
        let mut biases = Vec::new();
        for name in names {
            biases.extend(weights.take_if_expected(&format!("{name}.bias"))?);
        }
        let bias = if biases.is_empty() { None } else { Some(Tensor::cat(&biases, 0)?) };
        let parts = names.iter().map(|name| format!("{name}.weight"));
        if let Some(rounding) = weights.kernels() {
            let parts = parts.map(|name| weights.open(&name)).collect::<Result<Vec<_>>>()?;
            let outputs = parts.iter().map(|part| part.shape()[0]).sum();
            let bias = bias.map_or_else(|| Ok(vec![0.0; outputs]), |bias| values(&bias))?;
            let layer = PackedLinear::read(&parts, bias, rounding, &mut weights.spare)?;
            return Ok(Self::Packed(layer, rounding));
        }
        let parts = parts.map(|name| weights.take(&name)).collect::<Result<Vec<_>>>()?;
        Ok(Self::Plain { weight: Tensor::cat(&parts, 0)?.t()?, bias })
    }

    /// The memory of packed weights, for another layer.
    pub(crate) fn into_values(self) -> Option<kernels::Values> {
        match self {
            Self::Plain { .. } => None,
            Self::Packed(layer, _) => Some(layer.into_values()),
        }
    }

    /// `[tokens, in]` to `[tokens, out]`.
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Plain { weight, bias: None } => x.matmul(weight)?,
            Self::Plain { weight, bias: Some(bias) } => x.matmul(weight)?.broadcast_add(bias)?,
            Self::Packed(layer, rounding) => {
                kernels::apply("linear", x, layer.inputs(), layer.outputs(), |x| {
                    kernels::linear(x, layer, Finish::plain(*rounding))
                })?
            }
        })
    }
}

/// The MLP, `[tokens, d_model]` to the same shape: two layers with the activation between them. In a
/// gated MLP the first layer gives the gate and the values that it multiplies, side by side; `limit` is
/// that of [`Mixture`](crate::Mixture::limit).
pub(crate) fn mlp(
    x: &Tensor,
    first: &Linear,
    mlp: crate::Mlp,
    limit: Option<f64>,
    second: &Linear,
) -> Result<Tensor> {
    if let (Linear::Packed(first, rounding), Linear::Packed(second, _)) = (first, second) {
        return Ok(kernels::apply("mlp", x, first.inputs(), second.outputs(), |x| {
            kernels::mlp(x, first, (mlp, limit), second, *rounding)
        })?);
    }
    let inner = first.apply(x)?;
    if !mlp.gated {
        return second.apply(&activate(mlp.activation, &inner)?);
    }
    let half = inner.dim(1)? / 2;
    let mut gate = inner.narrow(1, 0, half)?.contiguous()?;
    let mut values = inner.narrow(1, half, half)?;
    if let Some(limit) = limit {
        gate = gate.minimum(limit)?;
        values = (values.clamp(-limit, limit)? + 1.0)?;
    }
    second.apply(&(activate(mlp.activation, &gate)? * values)?)
}

/// Rows times the sigmoid of a gate for each: `[tokens, d]` and `[tokens, 1]` to `[tokens, d]`.
pub(crate) fn times_sigmoid(
    x: &Tensor,
    gates: &Tensor,
    kernels: Option<Rounding>,
) -> Result<Tensor> {
    let Some(rounding) = kernels else {
        return Ok(x.broadcast_mul(&candle_nn::ops::sigmoid(gates)?)?);
    };
    let shape = x.dims2()?;
    let run = |x: &[f32], gates: &[f32]| kernels::times_sigmoid(x, gates, rounding);
    Ok(kernels::apply_pair("gate", [x, gates], [shape, (shape.0, 1)], shape, run)?)
}

/// A normalisation with its weights.
pub(crate) struct NormLayer {
    norm: Norm,
    /// `[d]`, or `[groups, d]`: rows `i` and `i + groups` have the same weight.
    weight: Tensor,
    bias: Option<Tensor>,
    /// Copies of weight and bias, for the kernels.
    values: Option<(Vec<f32>, Vec<f32>)>,
    rounding: Rounding,
}

impl NormLayer {
    pub(crate) fn new(weights: &mut Weights, norm: Norm, name: &str) -> Result<Self> {
        let mut weight = weights.take(&format!("{name}.weight"))?.to_dtype(DType::F32)?;
        if let Norm::Rms { unit_offset: true, .. } = norm {
            weight = (weight + 1.0)?;
        }
        let bias = weights.take_if_expected(&format!("{name}.bias"))?;
        let bias = bias.map(|bias| bias.to_dtype(DType::F32)).transpose()?;
        let values = if weights.kernels().is_some() {
            let bias = bias.as_ref().map_or_else(|| Ok(Vec::new()), values)?;
            Some((values(&weight)?, bias))
        } else {
            None
        };
        Ok(Self { norm, weight, bias, values, rounding: weights.kernels().unwrap_or_default() })
    }

    /// The width of a row.
    pub(crate) fn width(&self) -> usize {
        self.weight.dims().last().copied().unwrap_or(1)
    }

    /// The norm of each row, `[rows, d]` to the same shape.
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        if let Some(weights) = self.weights() {
            let d = weights.width;
            return Ok(kernels::apply("norm", x, d, d, |x| kernels::norm(x, None, weights))?);
        }
        let dtype = x.dtype();
        let x = x.to_dtype(DType::F32)?;
        let (x, eps) = match self.norm {
            // The mean first, then the variance of the centred values: a single pass over the squares
            // loses digits if the mean is large.
            Norm::Layer { eps, .. } => (x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?, eps),
            Norm::Rms { eps, .. } => (x, eps),
        };
        let deviation = (x.sqr()?.mean_keepdim(D::Minus1)? + eps)?.sqrt()?;
        let normed = x.broadcast_div(&deviation)?;
        let mut normed = match self.weight.rank() {
            1 => normed.broadcast_mul(&self.weight)?,
            _ => {
                let (groups, d) = self.weight.dims2()?;
                let by_group = normed.reshape(((), groups, d))?;
                by_group.broadcast_mul(&self.weight)?.reshape(normed.shape())?
            }
        };
        if let Some(bias) = &self.bias {
            normed = normed.broadcast_add(bias)?;
        }
        Ok(normed.to_dtype(dtype)?)
    }

    /// The norm of `x + y`, `[tokens, d_model]`.
    pub(crate) fn apply_to_sum(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        match self.weights() {
            Some(weights) => {
                let shape = x.dims2()?;
                let run = |x: &[f32], y: &[f32]| kernels::norm(x, Some(y), weights);
                Ok(kernels::apply_pair("norm of a sum", [x, y], [shape; 2], shape, run)?)
            }
            None => self.apply(&(x + y)?),
        }
    }

    fn weights(&self) -> Option<NormWeights<'_>> {
        let (weight, bias) = self.values.as_ref()?;
        let (centred, eps) = match self.norm {
            Norm::Layer { eps, .. } => (true, eps),
            Norm::Rms { eps, .. } => (false, eps),
        };
        let (width, rounding) = (self.width(), self.rounding);
        Some(NormWeights { weight, bias, width, centred, eps, rounding })
    }
}

/// `x + y`, both `[tokens, d]`; on the kernels with a rounding. Candle's sum on a CPU uses a thread pool
/// that serves one caller at a time; the kernel does not.
pub(crate) fn sum(x: &Tensor, y: &Tensor, kernels: Option<Rounding>) -> Result<Tensor> {
    let Some(rounding) = kernels else { return Ok((x + y)?) };
    let shape = x.dims2()?;
    let run = |x: &[f32], y: &[f32]| kernels::sum(x, y, rounding);
    Ok(kernels::apply_pair("sum", [x, y], [shape; 2], shape, run)?)
}

/// The values `[tokens, d]`, rounded on the kernels.
pub(crate) fn rounded(x: Tensor, kernels: Option<Rounding>) -> Result<Tensor> {
    let Some(rounding) = kernels.filter(|&rounding| rounding != Rounding::None) else {
        return Ok(x);
    };
    let shape = x.dims2()?;
    Ok(kernels::apply_to("rounding", &x, shape, shape, |x| kernels::round(x, rounding))?)
}

/// The values of a tensor in row-major order.
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
        Activation::ReluSquared => x.relu()?.sqr()?,
        Activation::Silu => x.silu()?,
    })
}

/// `c tanh(x / c)`.
pub(crate) fn soft_cap(x: &Tensor, cap: f64) -> Result<Tensor> {
    Ok(((x / cap)?.tanh()? * cap)?)
}

/// Rotates the first `2 × pairs` values of each head: `x` `[tokens, heads, d_head]`, cosines and sines
/// `[tokens, pairs]`.
pub(crate) fn rotate(x: &Tensor, cosines: &Tensor, sines: &Tensor) -> Result<Tensor> {
    let (pairs, d_head) = (cosines.dim(1)?, x.dim(2)?);
    let table = |t: &Tensor| -> Result<Tensor> { Ok(t.to_dtype(x.dtype())?.unsqueeze(1)?) };
    let (cosines, sines) = (table(cosines)?, table(sines)?);
    let (a, b) = (x.narrow(2, 0, pairs)?, x.narrow(2, pairs, pairs)?);
    let first = (a.broadcast_mul(&cosines)? - b.broadcast_mul(&sines)?)?;
    let second = (b.broadcast_mul(&cosines)? + a.broadcast_mul(&sines)?)?;
    let rest = d_head - 2 * pairs;
    Ok(match rest {
        0 => Tensor::cat(&[first, second], 2)?,
        _ => Tensor::cat(&[first, second, x.narrow(2, 2 * pairs, rest)?], 2)?,
    })
}

/// From scores to probabilities, for one sequence of `n` tokens.
pub(crate) struct Scores<'a> {
    /// The factor of the products of queries and keys.
    pub(crate) scale: f64,
    /// `c` of `c tanh(s / c)`, after scaling.
    pub(crate) soft_cap: Option<f64>,
    /// Added after the soft cap, `[n_heads, n, n]`.
    pub(crate) bias: Option<Tensor>,
    /// 0 if the query sees the key, else −∞, `[n, n]`.
    pub(crate) mask: Option<Tensor>,
    /// `[n_heads]`: a score of each head that takes part in the softmax and mixes no value.
    pub(crate) sinks: Option<&'a Tensor>,
}

/// Attention probabilities of one sequence: `q`, `k` `[n_heads, n, d_head]`; result
/// `[n_heads, n, n]`.
pub(crate) fn pattern(q: &Tensor, k: &Tensor, scores: &Scores) -> Result<Tensor> {
    let dtype = q.dtype();
    let products = q.matmul(&k.transpose(1, 2)?.contiguous()?)?.to_dtype(DType::F32)?;
    let mut x = (products * scores.scale)?;
    if let Some(cap) = scores.soft_cap {
        x = soft_cap(&x, cap)?;
    }
    if let Some(bias) = &scores.bias {
        x = (x + bias.to_dtype(DType::F32)?)?;
    }
    if let Some(mask) = &scores.mask {
        x = x.broadcast_add(mask)?;
    }
    let Some(sinks) = scores.sinks else {
        return Ok(candle_nn::ops::softmax_last_dim(&x)?.to_dtype(dtype)?);
    };
    let (n_heads, n, keys) = x.dims3()?;
    let sinks = sinks.to_dtype(DType::F32)?.reshape((n_heads, 1, 1))?;
    let with_sinks = Tensor::cat(&[&x, &sinks.broadcast_as((n_heads, n, 1))?], 2)?;
    let all = candle_nn::ops::softmax_last_dim(&with_sinks.contiguous()?)?;
    Ok(all.narrow(2, 0, keys)?.contiguous()?.to_dtype(dtype)?)
}

/// The mask `[n, n]`: 0 if the query sees the key, else −∞. None if every query sees every key.
pub(crate) fn mask(span: Span, n: usize, device: &Device) -> Result<Option<Tensor>> {
    if span == Span::ALL {
        return Ok(None);
    }
    let rows = (0..n).flat_map(|query| {
        let seen = span.keys(query, query + 1, n);
        (0..n).map(move |key| if seen.contains(&key) { 0.0 } else { f32::NEG_INFINITY })
    });
    Ok(Some(Tensor::from_iter(rows, device)?.reshape((n, n))?))
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

/// The bias of one sequence of `n` tokens by slopes, `[n_heads, n, n]`.
pub(crate) fn alibi(alibi: Alibi, a: &Architecture, n: usize, device: &Device) -> Result<Tensor> {
    let of_head = |slope: f32| {
        let query =
            move |query: usize| (0..n).map(move |key| alibi.bias(slope, query, key, a.d_head));
        (0..n).flat_map(query)
    };
    let biases: Vec<f32> = Alibi::slopes(a.n_heads).into_iter().flat_map(of_head).collect();
    Ok(Tensor::from_vec(biases, (a.n_heads, n, n), device)?)
}

/// The vectors of distances in one block.
pub(crate) enum PositionVectors {
    /// For any device.
    Plain(PlainVectors),
    /// For the kernels.
    Packed(DistanceVectors),
}

impl PositionVectors {
    /// From the vectors that queries, and that keys are multiplied with: all heads side by side,
    /// `[2 span, n_heads d_head]` each.
    pub(crate) fn new(
        a: &Architecture,
        keys: Option<Tensor>,
        queries: Option<Tensor>,
        fast: bool,
    ) -> Result<Self> {
        if fast {
            let packed = |x: Option<Tensor>| -> Result<Option<HeadVectors>> {
                x.map(|x| Ok(HeadVectors::new(&values(&x)?, a.n_heads, a.d_head))).transpose()
            };
            let (keys, queries) = (packed(keys)?, packed(queries)?);
            return Ok(Self::Packed(DistanceVectors { keys, queries }));
        }
        let heads = |x: Option<Tensor>| -> Result<Option<Tensor>> {
            let heads = |x: Tensor| -> candle_core::Result<Tensor> {
                x.reshape(((), a.n_heads, a.d_head))?.transpose(0, 1)?.contiguous()
            };
            Ok(x.map(heads).transpose()?)
        };
        Ok(Self::Plain(PlainVectors { keys: heads(keys)?, queries: heads(queries)? }))
    }
}

/// The vectors of distances as queries and as keys, `[n_heads, 2 span, d_head]` each.
pub(crate) struct PlainVectors {
    /// The vectors that queries are multiplied with.
    pub(crate) keys: Option<Tensor>,
    /// The vectors that keys are multiplied with.
    pub(crate) queries: Option<Tensor>,
}

/// The products with vectors of distances for one sequence: `q`, `k` `[n_heads, n, d_head]`;
/// result `[n_heads, n, n]`.
pub(crate) fn disentangled(
    table: Disentangled,
    vectors: &PlainVectors,
    q: &Tensor,
    k: &Tensor,
    scale: f64,
) -> Result<Tensor> {
    let (n_heads, n, _) = q.dims3()?;
    // Rows ascend with the distance, and a short sequence needs few of them.
    let reach = n as i64 - 1;
    let (first, last) = (table.row(-reach), table.row(reach));
    // At row i and column j: the vector for i at `sign (i - j)` tokens after j.
    let rows = |sign: i64| -> Result<Tensor> {
        let rows = (0..n as i64)
            .flat_map(|i| (0..n as i64).map(move |j| (table.row(sign * (i - j)) - first) as u32))
            .collect();
        let rows = Tensor::from_vec(rows, (1, n, n), q.device())?;
        Ok(rows.broadcast_as((n_heads, n, n))?.contiguous()?)
    };
    let products = |x: &Tensor, vectors: &Tensor, sign| -> Result<Tensor> {
        let vectors = vectors.narrow(1, first, last - first + 1)?;
        let all = x.matmul(&vectors.transpose(1, 2)?.contiguous()?)?.to_dtype(DType::F32)?;
        Ok(all.gather(&rows(sign)?, 2)?)
    };
    let mut sum = Tensor::zeros((n_heads, n, n), DType::F32, q.device())?;
    if let Some(vectors) = &vectors.keys {
        sum = (sum + products(q, vectors, 1)?)?;
    }
    if let Some(vectors) = &vectors.queries {
        sum = (sum + products(k, vectors, -1)?.transpose(1, 2)?)?;
    }
    Ok((sum * scale)?)
}
