//! The forward pass, written once for all architectures.

mod layers;
mod shared;

use crate::architecture::{Architecture, ProjectionPlace, Relative};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::hooks::{HookPoint, HookRunner, Hooks};
use crate::kernels::{self, Distances};
use crate::ops::{self, NormLayer, Scores, Weights};
use candle_core::{DType, Device, Tensor};
use layers::{Block, Embedding, Head};
use shared::Shared;
use std::collections::HashMap;
use std::ops::Range;

/// `n_layers + 1` tensors `[tokens, d_model]`, as Hugging Face's `output_hidden_states`: entry 0 is
/// the embedding output, entry `i` the output of block `i`. If there is a final norm, the last entry
/// is the output of that norm; the output of the last block is [`HookPoint::ResidPost`].
pub type HiddenStates = Vec<Tensor>;

/// A transformer with its weights, ready to run.
pub struct Transformer {
    architecture: Architecture,
    device: Device,
    embedding: Embedding,
    /// The relative bias, `[buckets, n_heads]`.
    relative_bias: Option<Tensor>,
    blocks: Vec<Block>,
    final_norm: Option<NormLayer>,
    head: Option<Head>,
    /// Whether it runs on kernels.
    fast: bool,
}

impl std::fmt::Debug for Transformer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transformer").field("architecture", &self.architecture).finish()
    }
}

impl Transformer {
    /// Builds a transformer from weights on `device`, by canonical name ([`Architecture::weights`]).
    /// For f32 on a CPU it runs on vectorised kernels. Its matrices may be in f16 or bf16: they stay so
    /// in memory, and products compute with their exact values in f32.
    ///
    /// # Errors
    /// A weight that is missing or has another shape, or sizes that do not fit together.
    pub fn new(
        architecture: Architecture,
        weights: HashMap<String, Tensor>,
        device: &Device,
    ) -> Result<Self> {
        Self::build(architecture, weights, device, true)
    }

    /// Builds a transformer without the kernels: with candle's operations, on which other devices and
    /// number types run.
    ///
    /// # Errors
    /// The errors of [`new`](Self::new).
    pub fn plain(
        architecture: Architecture,
        weights: HashMap<String, Tensor>,
        device: &Device,
    ) -> Result<Self> {
        Self::build(architecture, weights, device, false)
    }

    fn build(
        architecture: Architecture,
        weights: HashMap<String, Tensor>,
        device: &Device,
        kernels: bool,
    ) -> Result<Self> {
        architecture.check()?;
        let a = &architecture;
        let weights = &mut Weights::new(a, weights, kernels && device.is_cpu());
        let embedding = Embedding::new(a, weights)?;
        let mut relative = weights.take_if_expected("relative.weight".to_owned())?;
        let mut distances = None;
        if let Some(Relative::Disentangled(table)) = a.attention.relative {
            distances = relative.take();
            if let (Some(vectors), true) = (&mut distances, table.norm) {
                *vectors = NormLayer::new(weights, a.norm, "relative.norm")?.apply(vectors)?;
            }
        }
        let mut blocks = Vec::with_capacity(a.n_weight_sets);
        for i in 0..a.n_weight_sets {
            blocks.push(Block::new(a, weights, i, distances.as_ref())?);
        }
        let final_norm = match a.final_norm {
            true => Some(NormLayer::new(weights, a.norm, "final_norm")?),
            false => None,
        };
        let head = match a.head {
            Some(head) => Some(Head::new(a, head, weights, &embedding.token)?),
            None => None,
        };
        let (relative_bias, device, fast) = (relative, device.clone(), weights.fast);
        Ok(Self { architecture, device, embedding, relative_bias, blocks, final_norm, head, fast })
    }

    /// The architecture.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The device of the weights.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The number type of the states. On kernels it is f32, also with 16-bit weights.
    pub fn dtype(&self) -> DType {
        if self.fast { DType::F32 } else { self.embedding.token.dtype() }
    }

    /// Runs a batch: `n_layers + 1` hidden states of shape `[tokens, d_model]`.
    ///
    /// The result of a sequence does not depend on the other sequences of the batch, except for the
    /// rounding of candle's matrix products.
    ///
    /// # Errors
    /// A hook at a point that this architecture does not have, a tensor operation that fails (out of
    /// memory, a lost device), or an error of a hook.
    pub fn forward(&self, batch: &Batch, hooks: &mut dyn Hooks) -> Result<HiddenStates> {
        let a = &self.architecture;
        let hooks = &mut HookRunner::new(hooks, a)?;
        let mut x = hooks.at(HookPoint::Embed, self.embed(batch)?)?;
        let mut states = Vec::with_capacity(a.n_layers + 1);
        states.push(x.clone());
        let mut shared = Shared::default();
        for i in 0..a.n_layers {
            let block = &self.blocks[a.weight_set(i)];
            x = hooks.at(HookPoint::ResidPre(i), x)?;
            let read = block.attention.read(&x)?;
            let attention = self.attention(i, block, &read, batch, &mut shared, hooks)?;
            let attention = block.attention.given(attention)?;
            let attention = hooks.at(HookPoint::AttnOut(i), attention)?;
            let mlp = match a.layout {
                crate::Layout::Parallel { one_norm } => {
                    let read = if one_norm { read } else { block.mlp.read(&x)? };
                    x = ops::sum(&x, &attention, self.fast)?;
                    read
                }
                _ => {
                    x = block.attention.add(&x, &attention)?;
                    x = hooks.at(HookPoint::ResidMid(i), x)?;
                    block.mlp.read(&x)?
                }
            };
            let mlp = ops::mlp(&mlp, &block.mlp_in, a.mlp, &block.mlp_out)?;
            let mlp = hooks.at(HookPoint::MlpOut(i), block.mlp.given(mlp)?)?;
            x = block.mlp.add(&x, &mlp)?;
            x = hooks.at(HookPoint::ResidPost(i), x)?;
            if i + 1 == a.n_layers && self.final_norm.is_some() {
                x = hooks.at(HookPoint::FinalNorm, self.final_norm(&x)?)?;
            }
            states.push(x.clone());
        }
        if hooks.wants(HookPoint::Logits) {
            hooks.at(HookPoint::Logits, self.unembed(&x)?)?;
        }
        Ok(states)
    }

    /// The norm after the last block, `[tokens, d_model]` to the same shape; without such a norm, the
    /// input.
    ///
    /// # Errors
    /// A tensor operation that fails.
    pub fn final_norm(&self, x: &Tensor) -> Result<Tensor> {
        match &self.final_norm {
            Some(norm) => norm.apply(x),
            None => Ok(x.clone()),
        }
    }

    /// The head: states after the final norm, `[tokens, d_model]`, to logits `[tokens, d_vocab]`. On
    /// the states of an earlier layer it is the logit lens (nostalgebraist 2020).
    ///
    /// # Errors
    /// [`Error::NoHead`], or a tensor operation that fails.
    pub fn unembed(&self, normed: &Tensor) -> Result<Tensor> {
        let (Some(head), Some(data)) = (&self.head, self.architecture.head) else {
            return Err(Error::NoHead);
        };
        let mut x = normed.clone();
        if let Some((linear, activation, norm)) = &head.transform {
            x = norm.apply(&ops::activate(*activation, &linear.apply(&x)?)?)?;
        }
        if let Some(project) = &head.project {
            x = project.apply(&x)?;
        }
        let mut logits = ops::unembed(&x, &head.unembed)?;
        if let Some(bias) = &head.bias {
            logits = logits.broadcast_add(bias)?;
        }
        match data.soft_cap {
            Some(cap) => ops::soft_cap(&logits, cap),
            None => Ok(logits),
        }
    }

    /// Value-weighted attention: the probability of each key times the norm of its value after the
    /// output weights of the head (Kobayashi et al. 2020), `[n_heads, Σ n²]`, from the values and the
    /// pattern of block `layer` at [`HookPoint::Value`] and [`HookPoint::Pattern`].
    ///
    /// # Errors
    /// Tensors that do not fit the batch, or a tensor operation that fails.
    pub fn value_weighted_norms(
        &self,
        layer: usize,
        values: &Tensor,
        pattern: &Tensor,
        batch: &Batch,
    ) -> Result<Tensor> {
        let a = &self.architecture;
        let block = &self.blocks[a.weight_set(layer)];
        let (tokens, shared) = (batch.tokens(), a.n_heads / a.n_kv_heads);
        let zero = Tensor::zeros((tokens, a.n_heads * a.d_head), values.dtype(), values.device())?;
        let bias = block.o.apply(&zero)?;
        let mut norms = Vec::with_capacity(a.n_heads);
        for head in 0..a.n_heads {
            let own = values.narrow(1, head / shared * a.d_head, a.d_head)?;
            let (before, after) = (head * a.d_head, (a.n_heads - head - 1) * a.d_head);
            let alone = own.pad_with_zeros(1, before, after)?;
            let moved = (block.o.apply(&alone)? - &bias)?;
            norms.push(moved.to_dtype(DType::F32)?.sqr()?.sum(1)?.sqrt()?);
        }
        let norms = Tensor::stack(&norms, 0)?;
        let mut weighted = Vec::new();
        let mut start = 0;
        for rows in batch.sequences() {
            let n = rows.len();
            let own = pattern.narrow(1, start, n * n)?.reshape((a.n_heads, n, n))?;
            let keys = norms.narrow(1, rows.start, n)?.unsqueeze(1)?;
            weighted.push(own.to_dtype(DType::F32)?.broadcast_mul(&keys)?.flatten_from(1)?);
            start += n * n;
        }
        Ok(Tensor::cat(&weighted, 1)?)
    }

    fn embed(&self, batch: &Batch) -> Result<Tensor> {
        let rows = |table: &Tensor, ids: &[u32]| -> Result<Tensor> {
            let rows = table.index_select(&Tensor::new(ids, &self.device)?, 0)?;
            Ok(rows.to_dtype(self.dtype())?)
        };
        let data = &self.architecture.embedding;
        let project =
            |at: ProjectionPlace, x: Tensor| match (&self.embedding.project, data.projection) {
                (Some(project), Some(projection)) if projection.place == at => project.apply(&x),
                _ => Ok(x),
            };
        let mut x = rows(&self.embedding.token, &batch.token_ids)?;
        if let Some(scale) = data.scale {
            x = (x * scale)?;
        }
        x = project(ProjectionPlace::Tokens, x)?;
        if let Some(token_type) = &self.embedding.token_type {
            x = ops::sum(&x, &rows(token_type, &batch.token_types)?, self.fast)?;
        }
        if let Some(position) = &self.embedding.position {
            x = ops::sum(&x, &rows(position, &batch.positions)?, self.fast)?;
        }
        x = project(ProjectionPlace::Sum, x)?;
        if let Some(norm) = &self.embedding.norm {
            x = norm.apply(&x)?;
        }
        project(ProjectionPlace::Normed, x)
    }

    /// Attention within each sequence, `[tokens, d_model]` to the same shape.
    fn attention(
        &self,
        layer: usize,
        block: &Block,
        x: &Tensor,
        batch: &Batch,
        shared: &mut Shared,
        hooks: &mut HookRunner,
    ) -> Result<Tensor> {
        let a = &self.architecture;
        let mut qkv = self.placed(layer, block, block.qkv.apply(x)?, batch, shared)?;
        if hooks.wants(HookPoint::Value(layer)) {
            let keys = a.n_kv_heads * a.d_head;
            let start = qkv.dim(1)? - keys;
            let values = qkv.narrow(1, start, keys)?.contiguous()?;
            let values = hooks.at(HookPoint::Value(layer), values)?;
            qkv = Tensor::cat(&[&qkv.narrow(1, 0, start)?, &values], 1)?;
        }
        let kernel = self.fast && block.positions.is_none();
        if kernel && !hooks.wants(HookPoint::Pattern(layer)) {
            return block.o.apply(&self.mixed(layer, &qkv, batch, shared)?);
        }
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
                (Some(Relative::Disentangled(table)), Some(vectors), _) => {
                    Some(ops::disentangled(table, vectors, &q, &k, data.scale)?)
                }
                (Some(Relative::Bias(bias)), _, Some(table)) => {
                    Some(shared.bias(rows.len(), || ops::relative_bias(bias, table, rows.len()))?)
                }
                _ => None,
            };
            let mask = shared.mask(data.span, rows.len(), &self.device)?;
            let soft_cap = a.attention.soft_cap;
            let scores = Scores { scale: data.scale, soft_cap, bias, mask };
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
        block.o.apply(&Tensor::cat(&mixed, 0)?)
    }

    /// Norms and rotates queries and keys; values do not change.
    fn placed(
        &self,
        layer: usize,
        block: &Block,
        qkv: Tensor,
        batch: &Batch,
        shared: &mut Shared,
    ) -> Result<Tensor> {
        let a = &self.architecture;
        let (queries, keys) = (a.n_heads * a.d_head, a.n_kv_heads * a.d_head);
        let mut qkv = qkv;
        if let (Some(query_norm), Some(key_norm)) = (&block.query_norm, &block.key_norm) {
            let normed = |start: usize, width: usize, norm: &NormLayer| -> Result<Tensor> {
                let own = qkv.narrow(1, start, width)?.contiguous()?;
                let rows = own.reshape(((), norm.width()))?;
                Ok(norm.apply(&rows)?.reshape(own.shape())?)
            };
            let q = normed(0, queries, query_norm)?;
            let k = normed(queries, keys, key_norm)?;
            qkv = Tensor::cat(&[&q, &k, &qkv.narrow(1, queries + keys, keys)?], 1)?;
        }
        let Some(rotary) = &a.attention.layers[layer].rotary else { return Ok(qkv) };
        let turned = a.n_heads + a.n_kv_heads;
        let tables = shared.rotation(rotary, batch, &self.device)?;
        if self.fast {
            let width = queries + 2 * keys;
            let rotation = kernels::Rotation {
                cosines: &tables.values.0,
                sines: &tables.values.1,
                pairs: rotary.width / 2,
                heads: turned,
                d_head: a.d_head,
            };
            let run = |x: &[f32]| kernels::rotate(x, width, rotation);
            return Ok(kernels::apply("rotation", &qkv, width, width, run)?);
        }
        let both = qkv.narrow(1, 0, queries + keys)?.reshape(((), turned, a.d_head))?;
        let both = ops::rotate(&both, &tables.tensors.0, &tables.tensors.1)?.flatten_from(1)?;
        Ok(Tensor::cat(&[&both, &qkv.narrow(1, queries + keys, keys)?], 1)?)
    }

    /// Queries, keys and values `[tokens, (n_heads + 2 n_kv_heads) d_head]` to the mixed values
    /// `[tokens, n_heads d_head]`, through the kernel.
    fn mixed(
        &self,
        layer: usize,
        qkv: &Tensor,
        batch: &Batch,
        shared: &mut Shared,
    ) -> Result<Tensor> {
        let a = &self.architecture;
        let distances = match (a.attention.relative, &self.relative_bias) {
            (Some(Relative::Bias(bias)), Some(table)) => {
                let longest = batch.sequences().map(|rows| rows.len()).max().unwrap_or_default();
                Some(shared.distances(|| Ok(Distances::new(bias, &ops::values(table)?, longest)))?)
            }
            _ => None,
        };
        let data = &a.attention.layers[layer];
        let attention = kernels::Attention {
            sequence_offsets: &batch.sequence_offsets,
            distances,
            n_heads: a.n_heads,
            n_kv_heads: a.n_kv_heads,
            d_head: a.d_head,
            span: data.span,
            scale: data.scale as f32,
            soft_cap: a.attention.soft_cap.map(|cap| cap as f32),
        };
        let (inputs, outputs) = ((a.n_heads + 2 * a.n_kv_heads) * a.d_head, a.n_heads * a.d_head);
        Ok(kernels::apply("attention", qkv, inputs, outputs, |qkv| {
            kernels::attention(qkv, attention)
        })?)
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

#[cfg(test)]
mod tests;
