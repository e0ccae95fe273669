//! The operations of a forward pass: with candle's tensors on any device, and with [`kernels`] for f32
//! on a CPU.

use crate::architecture::{Activation, Architecture, Norm, Span};
use crate::error::{Error, Result};
use crate::kernels::{self, NormWeights, PackedLinear, Rows};
use crate::positions::{Disentangled, RelativeBias};
use candle_core::{CpuStorage, D, DType, Device, Storage, Tensor, bail};
use std::collections::HashMap;

/// Weights by canonical name. Each is taken once, and its shape is checked.
pub(crate) struct Weights {
    map: HashMap<String, Tensor>,
    expected: HashMap<String, Vec<usize>>,
    /// Whether they are for the kernels: f32 on a CPU.
    pub(crate) fast: bool,
}

impl Weights {
    /// For the kernels, if they are wanted and can use these weights.
    pub(crate) fn new(
        architecture: &Architecture,
        map: HashMap<String, Tensor>,
        kernels: bool,
    ) -> Self {
        let expected = architecture.weights().into_iter().map(|w| (w.name, w.shape)).collect();
        let wide = |w: &Tensor| w.dtype() == DType::F32;
        let half = |w: &Tensor| matches!(w.dtype(), DType::F16 | DType::BF16) && w.rank() == 2;
        let fit = |w: &Tensor| w.device().is_cpu() && (wide(w) || half(w));
        let fast = kernels && map.values().all(fit);
        Self { map, expected, fast }
    }

    /// A weight, for the kernels in f32.
    pub(crate) fn take(&mut self, name: String) -> Result<Tensor> {
        let tensor = self.stored(name)?;
        Ok(if self.fast { tensor.to_dtype(DType::F32)? } else { tensor })
    }

    /// A weight in its number type.
    pub(crate) fn stored(&mut self, name: String) -> Result<Tensor> {
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

    /// A weight, if the architecture has it.
    pub(crate) fn take_if_expected(&mut self, name: String) -> Result<Option<Tensor>> {
        if self.expected.contains_key(&name) { self.take(name).map(Some) } else { Ok(None) }
    }

    /// A table of rows, `[rows, width]`, in its number type.
    pub(crate) fn table(&mut self, name: &str) -> Result<Tensor> {
        self.stored(format!("{name}.weight"))
    }
}

/// `x W^T + b`.
pub(crate) enum Linear {
    /// For any device.
    Plain {
        /// `[in, out]`, a view of the `[out, in]` of the checkpoint.
        weight: Tensor,
        /// `[out]`.
        bias: Option<Tensor>,
    },
    /// For f32 on a CPU.
    Packed(PackedLinear),
}

impl Linear {
    /// One layer from several, with their outputs side by side. All have a bias, or none has.
    pub(crate) fn new(weights: &mut Weights, names: &[String]) -> Result<Self> {
        let mut parts = (Vec::new(), Vec::new());
        for name in names {
            parts.0.push(weights.table(name)?);
            parts.1.extend(weights.take_if_expected(format!("{name}.bias"))?);
        }
        let bias = if parts.1.is_empty() { None } else { Some(Tensor::cat(&parts.1, 0)?) };
        if weights.fast {
            return Ok(Self::Packed(packed(&parts.0, bias.as_ref())?));
        }
        Ok(Self::Plain { weight: Tensor::cat(&parts.0, 0)?.t()?, bias })
    }

    /// `[tokens, in]` to `[tokens, out]`.
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Plain { weight, bias: None } => x.matmul(weight)?,
            Self::Plain { weight, bias: Some(bias) } => x.matmul(weight)?.broadcast_add(bias)?,
            Self::Packed(layer) => {
                kernels::apply("linear", x, layer.inputs(), layer.outputs(), |x| {
                    kernels::linear(x, layer, None)
                })?
            }
        })
    }
}

/// Weights `[out, in]` in one part or several, packed for the kernels.
fn packed(parts: &[Tensor], bias: Option<&Tensor>) -> Result<PackedLinear> {
    let parts: Vec<_> = parts.iter().map(Tensor::contiguous).collect::<Result<_, _>>()?;
    let stored: Vec<_> = parts.iter().map(Tensor::storage_and_layout).collect();
    let rows = stored.iter().map(|(storage, layout)| {
        let values = layout.start_offset()..layout.start_offset() + layout.shape().elem_count();
        match &**storage {
            Storage::Cpu(CpuStorage::F32(all)) => Ok(Rows::F32(&all[values])),
            Storage::Cpu(CpuStorage::F16(all)) => Ok(Rows::F16(&all[values])),
            Storage::Cpu(CpuStorage::BF16(all)) => Ok(Rows::Bf16(&all[values])),
            other => bail!("the kernels cannot use weights in {:?}", other.dtype()),
        }
    });
    let rows = rows.collect::<candle_core::Result<Vec<_>>>()?;
    let outputs = parts.iter().map(|part| part.dim(0)).sum::<candle_core::Result<usize>>()?;
    let inputs = parts[0].dim(1)?;
    let bias = bias.map_or_else(|| Ok(vec![0.0; outputs]), values)?;
    Ok(PackedLinear::new(&rows, &bias, inputs))
}

/// The MLP, `[tokens, d_model]` to the same shape: two layers with the activation between them. In a
/// gated MLP the first layer gives the gate and the values that it multiplies, side by side.
pub(crate) fn mlp(x: &Tensor, first: &Linear, mlp: crate::Mlp, second: &Linear) -> Result<Tensor> {
    if let (Linear::Packed(first), Linear::Packed(second)) = (first, second) {
        return Ok(kernels::apply("mlp", x, first.inputs(), second.outputs(), |x| {
            kernels::mlp(x, first, mlp, second)
        })?);
    }
    let inner = first.apply(x)?;
    if !mlp.gated {
        return second.apply(&activate(mlp.activation, &inner)?);
    }
    let half = inner.dim(1)? / 2;
    let gate = activate(mlp.activation, &inner.narrow(1, 0, half)?.contiguous()?)?;
    second.apply(&(gate * inner.narrow(1, half, half)?)?)
}

/// States `[tokens, d_embed]` times the rows of a table `[d_vocab, d_embed]`: `[tokens, d_vocab]`. A
/// table in another number type is converted part by part, so that it is in memory only once.
pub(crate) fn unembed(x: &Tensor, table: &Tensor) -> Result<Tensor> {
    /// Rows that are converted together.
    const ROWS: usize = 8192;
    if table.dtype() == x.dtype() {
        return Ok(x.matmul(&table.t()?)?);
    }
    let n_rows = table.dim(0)?;
    let part = |first: usize| -> Result<Tensor> {
        let rows = table.narrow(0, first, ROWS.min(n_rows - first))?.to_dtype(x.dtype())?;
        Ok(x.matmul(&rows.t()?)?)
    };
    let parts: Vec<_> = (0..n_rows).step_by(ROWS).map(part).collect::<Result<_>>()?;
    Ok(Tensor::cat(&parts, 1)?)
}

/// A normalisation with its weights.
pub(crate) struct NormLayer {
    norm: Norm,
    weight: Tensor,
    bias: Option<Tensor>,
    /// Copies of weight and bias, for f32 on a CPU.
    values: Option<(Vec<f32>, Vec<f32>)>,
}

impl NormLayer {
    pub(crate) fn new(weights: &mut Weights, norm: Norm, name: &str) -> Result<Self> {
        let mut weight = weights.take(format!("{name}.weight"))?.to_dtype(DType::F32)?;
        if let Norm::Rms { unit_offset: true, .. } = norm {
            weight = (weight + 1.0)?;
        }
        let bias = weights.take_if_expected(format!("{name}.bias"))?;
        let bias = bias.map(|bias| bias.to_dtype(DType::F32)).transpose()?;
        let values = if weights.fast {
            let bias = bias.as_ref().map_or_else(|| Ok(Vec::new()), values)?;
            Some((values(&weight)?, bias))
        } else {
            None
        };
        Ok(Self { norm, weight, bias, values })
    }

    /// The width of a row.
    pub(crate) fn width(&self) -> usize {
        self.weight.elem_count()
    }

    /// The norm of each row, `[rows, d]` to the same shape.
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        if let Some(weights) = self.weights() {
            let d = weights.weight.len();
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
        let mut normed = x.broadcast_div(&deviation)?.broadcast_mul(&self.weight)?;
        if let Some(bias) = &self.bias {
            normed = normed.broadcast_add(bias)?;
        }
        Ok(normed.to_dtype(dtype)?)
    }

    /// The norm of `x + y`, `[tokens, d_model]`.
    pub(crate) fn apply_to_sum(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        match self.weights() {
            Some(weights) => {
                let d = weights.weight.len();
                let run = |x: &[f32], y: &[f32]| kernels::norm(x, Some(y), weights);
                Ok(kernels::apply_pair("norm of a sum", x, y, d, run)?)
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
        Some(NormWeights { weight, bias, centred, eps })
    }
}

/// `x + y`, both `[tokens, d]`. Candle's sum on a CPU uses a thread pool that serves one caller at a
/// time; the kernel does not.
pub(crate) fn sum(x: &Tensor, y: &Tensor, fast: bool) -> Result<Tensor> {
    match fast {
        true => {
            let d = x.dim(1)?;
            Ok(kernels::apply_pair("sum", x, y, d, kernels::sum)?)
        }
        false => Ok((x + y)?),
    }
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
pub(crate) struct Scores {
    /// The factor of the products of queries and keys.
    pub(crate) scale: f64,
    /// `c` of `c tanh(s / c)`, after scaling.
    pub(crate) soft_cap: Option<f64>,
    /// Added after the soft cap, `[n_heads, n, n]`.
    pub(crate) bias: Option<Tensor>,
    /// 0 if the query sees the key, else −∞, `[n, n]`.
    pub(crate) mask: Option<Tensor>,
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
    Ok(candle_nn::ops::softmax_last_dim(&x)?.to_dtype(dtype)?)
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

/// The vectors of distances as queries and as keys, `[n_heads, 2 span, d_head]` each.
pub(crate) struct PositionVectors {
    /// The vectors that queries are multiplied with.
    pub(crate) keys: Option<Tensor>,
    /// The vectors that keys are multiplied with.
    pub(crate) queries: Option<Tensor>,
}

/// The products with vectors of distances for one sequence: `q`, `k` `[n_heads, n, d_head]`;
/// result `[n_heads, n, n]`.
pub(crate) fn disentangled(
    table: Disentangled,
    vectors: &PositionVectors,
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
