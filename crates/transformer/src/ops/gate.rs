//! The factors of a relative bias that depend on the state of the query (Chi et al. 2022; Chen et al. 2022).

use crate::error::Result;
use crate::weights::Weights;
use candle_core::{DType, Tensor};

/// The outputs of the linear layer of each gate, which are added up.
const SUMMANDS: usize = 4;

/// Two gates for each query and head, from its part of the input of attention.
pub(crate) struct BiasGate {
    /// `[d_head, 2 × 4]`: those of the first gate, then those of the second.
    weight: Tensor,
    /// `[2 × 4]`.
    bias: Tensor,
    /// `[n_heads]`.
    scale: Tensor,
}

impl BiasGate {
    /// The rows of the linear layer of both gates.
    pub(crate) const OUTPUTS: usize = 2 * SUMMANDS;

    /// The gates `NAME.gate` and `NAME.gate_scale`.
    pub(crate) fn new(weights: &Weights, name: &str) -> Result<Self> {
        let wide = |part: &str| -> Result<Tensor> {
            Ok(weights.take(&format!("{name}.{part}"))?.to_dtype(DType::F32)?)
        };
        let weight = wide("gate.weight")?.t()?.contiguous()?;
        Ok(Self { weight, bias: wide("gate.bias")?, scale: wide("gate_scale.weight")? })
    }

    /// The factors of the bias, `[tokens, n_heads]` in f32, from the input of attention `[tokens, d_model]`:
    /// `a (b scale - 1) + 2` with the gates `a` and `b` from 0 to 1.
    pub(crate) fn factors(&self, x: &Tensor) -> Result<Tensor> {
        let (tokens, width) = x.dims2()?;
        let n_heads = self.scale.dim(0)?;
        let heads = x.to_dtype(DType::F32)?.reshape((tokens * n_heads, width / n_heads))?;
        let sums = heads.matmul(&self.weight)?.broadcast_add(&self.bias)?;
        let sums = sums.reshape((tokens, n_heads, 2, SUMMANDS))?.sum(3)?;
        let gates = candle_nn::ops::sigmoid(&sums)?;
        let gate = |i: usize| -> Result<Tensor> { Ok(gates.narrow(2, i, 1)?.squeeze(2)?) };
        let second = (gate(1)?.broadcast_mul(&self.scale)? - 1.0)?;
        Ok(((gate(0)? * second)? + 2.0)?)
    }
}
