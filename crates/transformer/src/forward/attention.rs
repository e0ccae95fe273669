//! Attention within each sequence: through the kernels, and with candle's operations.

use super::Transformer;
use super::latent::{narrowed, widened};
use super::layers::Block;
use super::shared::Shared;
use crate::architecture::{QueryKeyNorm, Relative};
use crate::batch::Batch;
use crate::error::Result;
use crate::hooks::{HookPoint, HookRunner};
use crate::kernels::{self, Distances, OffsetRows};
use crate::ops::{self, NormLayer, PositionVectors, Scores};
use candle_core::Tensor;
use std::ops::Range;

/// What attention within sequences is computed from.
#[derive(Clone, Copy)]
struct Given<'a> {
    /// `[tokens, (n_heads + 2 n_kv_heads) d_head]`.
    qkv: &'a Tensor,
    /// The factors of the relative bias, `[tokens, n_heads]`.
    factors: Option<&'a Tensor>,
}

impl Transformer {
    /// Attention within each sequence, `[tokens, d_model]` to the same shape.
    pub(super) fn attention(
        &self,
        layer: usize,
        block: &Block,
        x: &Tensor,
        batch: &Batch,
        shared: &mut Shared,
        hooks: &mut HookRunner,
    ) -> Result<Tensor> {
        let a = &self.architecture;
        let mut qkv = self.placed(layer, block, block.qkv.apply(a, x)?, batch, shared, hooks)?;
        if hooks.wants(HookPoint::Value(layer)) {
            let keys = a.n_kv_heads * a.d_head;
            let start = qkv.dim(1)? - keys;
            let values = narrowed(a, &qkv.narrow(1, start, keys)?.contiguous()?)?;
            let values = hooks.at(HookPoint::Value(layer), values)?;
            qkv = Tensor::cat(&[&qkv.narrow(1, 0, start)?, &widened(a, &values)?], 1)?;
        }
        // [tokens, n_heads]
        let factors = block.gate.as_ref().map(|gate| gate.factors(x)).transpose()?;
        let given = Given { qkv: &qkv, factors: factors.as_ref() };
        let mixed = match self.kernels {
            Some(_) => self.mixed(layer, block, given, batch, shared, hooks)?,
            None => self.mixed_plainly(layer, block, given, batch, shared, hooks)?,
        };
        self.done_with(&qkv, hooks)?;
        let out = block.o.apply(&narrowed(a, &mixed)?)?;
        self.done_with(&mixed, hooks)?;
        Ok(out)
    }

    /// Queries, keys and values `[tokens, (n_heads + 2 n_kv_heads) d_head]` to the mixed values
    /// `[tokens, n_heads d_head]`, through the kernels.
    fn mixed(
        &self,
        layer: usize,
        block: &Block,
        Given { qkv, factors }: Given,
        batch: &Batch,
        shared: &mut Shared,
        hooks: &mut HookRunner,
    ) -> Result<Tensor> {
        let a = &self.architecture;
        let factors = factors.map(ops::values).transpose()?;
        let factors = factors.as_deref();
        let longest = batch.sequences().map(|rows| rows.len()).max().unwrap_or_default();
        let own;
        let relative = match (a.attention.relative, &self.relative_bias, &block.positions) {
            (Some(Relative::Bias(bias)), of_all, _) => {
                let make = |table: &Tensor| -> Result<Distances> {
                    Ok(Distances::new(bias, &ops::values(table)?, longest))
                };
                match (&block.relative_bias, of_all) {
                    (Some(table), _) => {
                        own = make(table)?;
                        Some(kernels::Relative::Bias(&own, factors))
                    }
                    (None, Some(table)) => {
                        let distances = shared.distances(|| make(table))?;
                        Some(kernels::Relative::Bias(distances, factors))
                    }
                    (None, None) => None,
                }
            }
            (Some(Relative::Alibi(alibi)), ..) => {
                let make = || Ok(Distances::alibi(alibi, a.n_heads, a.d_head, longest));
                Some(kernels::Relative::Bias(shared.distances(make)?, None))
            }
            (Some(Relative::Disentangled(table)), _, Some(PositionVectors::Packed(vectors))) => {
                let rows = shared.offset_rows(|| OffsetRows::new(table, longest));
                Some(kernels::Relative::Vectors(vectors, rows))
            }
            _ => None,
        };
        let data = &a.attention.layers[layer];
        let attention = kernels::Attention {
            sequence_offsets: &batch.sequence_offsets,
            relative,
            n_heads: a.n_heads,
            n_kv_heads: a.n_kv_heads,
            d_head: a.d_head,
            span: data.span,
            scale: data.scale as f32,
            soft_cap: a.attention.soft_cap.map(|cap| cap as f32),
            sinks: block.sinks.as_ref().map(|(_, values)| &values[..]),
            rounding: self.kernels.unwrap_or_default(),
        };
        let packed = (batch.tokens(), (a.n_heads + 2 * a.n_kv_heads) * a.d_head);
        let mixed = (batch.tokens(), a.n_heads * a.d_head);
        if !hooks.wants(HookPoint::Pattern(layer)) {
            let run = |qkv: &[f32]| kernels::attention(qkv, attention);
            return Ok(kernels::apply_to("attention", qkv, packed, mixed, run)?);
        }
        let shape = (a.n_heads, attention.pattern_len());
        let run = |qkv: &[f32]| kernels::patterns(qkv, attention);
        let patterns = kernels::apply_to("patterns", qkv, packed, shape, run)?;
        let patterns = hooks.at(HookPoint::Pattern(layer), patterns)?;
        let run = |qkv: &[f32], patterns: &[f32]| kernels::mix(qkv, patterns, attention);
        Ok(kernels::apply_pair("mix", [qkv, &patterns], [packed, shape], mixed, run)?)
    }

    /// [`mixed`](Self::mixed) with candle's operations.
    fn mixed_plainly(
        &self,
        layer: usize,
        block: &Block,
        Given { qkv, factors }: Given,
        batch: &Batch,
        shared: &mut Shared,
        hooks: &mut HookRunner,
    ) -> Result<Tensor> {
        let a = &self.architecture;
        let (queries, keys) = (a.n_heads, a.n_kv_heads);
        // Heads of the rows of one sequence: `[n_heads, n, d_head]`.
        let heads = |first: usize, n_heads: usize, rows: &Range<usize>| -> Result<Tensor> {
            let own = qkv.narrow(0, rows.start, rows.len())?;
            let own = own.narrow(1, first * a.d_head, n_heads * a.d_head)?;
            let own = own.reshape((rows.len(), n_heads, a.d_head))?.transpose(0, 1)?;
            if n_heads == queries {
                return Ok(own.contiguous()?);
            }
            // Repeat each key-value head for the query heads that share it.
            let shape = (n_heads, queries / n_heads, rows.len(), a.d_head);
            Ok(own.unsqueeze(1)?.broadcast_as(shape)?.flatten(0, 1)?.contiguous()?)
        };
        let mut patterns = Vec::with_capacity(batch.sequence_offsets.len());
        let data = &a.attention.layers[layer];
        for rows in batch.sequences() {
            let (q, k) = (heads(0, queries, &rows)?, heads(queries, keys, &rows)?);
            let bias = match (a.attention.relative, &block.positions, &self.relative_bias) {
                (Some(Relative::Disentangled(table)), Some(PositionVectors::Plain(vectors)), _) => {
                    Some(ops::disentangled(table, vectors, &q, &k, data.scale)?)
                }
                (Some(Relative::Bias(bias)), _, of_all) => {
                    let make = |table: &Tensor| ops::relative_bias(bias, table, rows.len());
                    let bias = match (&block.relative_bias, of_all) {
                        (Some(table), _) => Some(make(table)?),
                        (None, Some(table)) => Some(shared.bias(rows.len(), || make(table))?),
                        (None, None) => None,
                    };
                    match (bias, factors) {
                        (Some(bias), Some(factors)) => {
                            let own = factors.narrow(0, rows.start, rows.len())?.t()?;
                            Some(bias.to_dtype(own.dtype())?.broadcast_mul(&own.unsqueeze(2)?)?)
                        }
                        (bias, _) => bias,
                    }
                }
                (Some(Relative::Alibi(alibi)), ..) => {
                    let make = || ops::alibi(alibi, a, rows.len(), self.device());
                    Some(shared.bias(rows.len(), make)?)
                }
                _ => None,
            };
            let mask = shared.mask(data.span, rows.len(), self.device())?;
            let soft_cap = a.attention.soft_cap;
            let sinks = block.sinks.as_ref().map(|(tensor, _)| tensor);
            let scores = Scores { scale: data.scale, soft_cap, bias, mask, sinks };
            patterns.push(ops::pattern(&q, &k, &scores)?);
        }
        if hooks.wants(HookPoint::Pattern(layer)) {
            patterns = self.hooked_patterns(layer, patterns, hooks)?;
        }
        let mut mixed = Vec::with_capacity(patterns.len());
        for (rows, pattern) in batch.sequences().zip(&patterns) {
            let values = pattern.matmul(&heads(queries + keys, keys, &rows)?)?;
            mixed.push(values.transpose(0, 1)?.flatten_from(1)?);
        }
        Ok(Tensor::cat(&mixed, 0)?)
    }

    /// Norms and rotates queries and keys; values do not change.
    fn placed(
        &self,
        layer: usize,
        block: &Block,
        mut qkv: Tensor,
        batch: &Batch,
        shared: &mut Shared,
        hooks: &HookRunner,
    ) -> Result<Tensor> {
        let a = &self.architecture;
        let norm_last = a.attention.query_key_norm == Some(QueryKeyNorm::RotatedHead);
        if !norm_last {
            qkv = self.normed(block, qkv)?;
        }
        qkv = self.rotated(layer, qkv, batch, shared, hooks)?;
        if norm_last {
            qkv = self.normed(block, qkv)?;
        }
        let lengths = batch.sequences().map(|rows| rows.len());
        let Some(factors) = a.attention.query_growth.and_then(|growth| growth.factors(lengths))
        else {
            return Ok(qkv);
        };
        let factors = Tensor::from_vec(factors, (batch.tokens(), 1), self.device())?;
        let queries = a.n_heads * a.d_head;
        let q = qkv.narrow(1, 0, queries)?.broadcast_mul(&factors.to_dtype(qkv.dtype())?)?;
        let q = ops::rounded(q, self.kernels)?;
        Ok(Tensor::cat(&[&q, &qkv.narrow(1, queries, qkv.dim(1)? - queries)?], 1)?)
    }

    /// Norms queries and keys, if they have norms.
    fn normed(&self, block: &Block, qkv: Tensor) -> Result<Tensor> {
        let a = &self.architecture;
        let (Some(query_norm), Some(key_norm)) = (&block.query_norm, &block.key_norm) else {
            return Ok(qkv);
        };
        let (queries, keys) = (a.n_heads * a.d_head, a.n_kv_heads * a.d_head);
        let normed = |start: usize, width: usize, norm: &NormLayer| -> Result<Tensor> {
            let own = qkv.narrow(1, start, width)?.contiguous()?;
            let rows = own.reshape(((), norm.width()))?;
            Ok(norm.apply(&rows)?.reshape(own.shape())?)
        };
        let q = normed(0, queries, query_norm)?;
        let k = normed(queries, keys, key_norm)?;
        Ok(Tensor::cat(&[&q, &k, &qkv.narrow(1, queries + keys, keys)?], 1)?)
    }

    /// Rotates queries and keys, if the block has rotary positions.
    fn rotated(
        &self,
        layer: usize,
        qkv: Tensor,
        batch: &Batch,
        shared: &mut Shared,
        hooks: &HookRunner,
    ) -> Result<Tensor> {
        let a = &self.architecture;
        let (queries, keys) = (a.n_heads * a.d_head, a.n_kv_heads * a.d_head);
        let Some(rotary) = &a.attention.layers[layer].rotary else { return Ok(qkv) };
        let turned = a.n_heads + a.n_kv_heads;
        let tables = shared.rotation(rotary, batch, self.device())?;
        if let Some(rounding) = self.kernels {
            let width = queries + 2 * keys;
            let rotation = kernels::Rotation {
                cosines: &tables.values.0,
                sines: &tables.values.1,
                pairs: rotary.width / 2,
                heads: turned,
                d_head: a.d_head,
                rounding,
            };
            let run = |x: &[f32]| kernels::rotate(x, width, rotation);
            let rotated = kernels::apply("rotation", &qkv, width, width, run)?;
            self.done_with(&qkv, hooks)?;
            return Ok(rotated);
        }
        let both = qkv.narrow(1, 0, queries + keys)?.reshape(((), turned, a.d_head))?;
        let both = ops::rotate(&both, &tables.tensors.0, &tables.tensors.1)?.flatten_from(1)?;
        Ok(Tensor::cat(&[&both, &qkv.narrow(1, queries + keys, keys)?], 1)?)
    }

    /// Passes the patterns `[n_heads, n, n]` through the hook in packed form, `[n_heads, Σ n²]`.
    fn hooked_patterns(
        &self,
        layer: usize,
        patterns: Vec<Tensor>,
        hooks: &mut HookRunner,
    ) -> Result<Vec<Tensor>> {
        let flat: Vec<Tensor> =
            patterns.iter().map(|p| p.flatten_from(1)).collect::<Result<_, _>>()?;
        let packed = hooks.at(HookPoint::Pattern(layer), Tensor::cat(&flat, 1)?)?;
        let mut start = 0;
        patterns
            .iter()
            .map(|p| {
                let n = p.dim(1)?;
                let own =
                    packed.narrow(1, start, n * n)?.reshape((self.architecture.n_heads, n, n));
                start += n * n;
                Ok(own?.contiguous()?)
            })
            .collect()
    }
}
