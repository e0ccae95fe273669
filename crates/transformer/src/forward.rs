//! The forward pass, written once for all architectures.

mod attention;
mod blocks;
mod frames;
mod latent;
mod layers;
mod mixture;
mod pass;
mod patches;
mod shared;

use crate::architecture::{Architecture, ProjectionPlace, Relative, Routing};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::hooks::{HookRunner, Hooks};
use crate::kernels::{self, Rounding};
use crate::ops::{self, NormLayer};
use crate::weights::{Placement, WeightSource, Weights};
use blocks::Blocks;
use candle_core::{DType, Device, Tensor};
use layers::{Block, Embedding, Head, Input};
pub use pass::Pass;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// `n_layers + 1` tensors `[tokens, d_model]`, as Hugging Face's `output_hidden_states`: entry 0 is
/// the embedding output, entry `i` the output of block `i`. If there is a final norm, the last entry
/// is the output of that norm; the output of the last block is [`HookPoint::ResidPost`](crate::HookPoint::ResidPost).
pub type HiddenStates = Vec<Tensor>;

/// A transformer with its weights, ready to run.
pub struct Transformer {
    architecture: Architecture,
    place: Placement,
    embedding: Embedding,
    /// The relative bias, `[buckets, n_heads]`.
    relative_bias: Option<Tensor>,
    blocks: Blocks,
    final_norm: Option<NormLayer>,
    head: Option<Head>,
    /// What the kernels round values to; none: it does not run on the kernels.
    kernels: Option<Rounding>,
    /// `[n_weight_sets, n_experts]`: what is added to the scores of experts when they are chosen; empty
    /// where nothing is.
    corrections: Vec<Vec<f32>>,
}

impl std::fmt::Debug for Transformer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transformer").field("architecture", &self.architecture).finish()
    }
}

impl Transformer {
    /// Builds a transformer from tensors, by canonical name ([`Architecture::weights`]). On a CPU it runs
    /// on vectorised kernels, in the number type of the weights:
    ///
    /// - Vectors in f32: it computes in f32. Matrices may be in f16 or bf16: they stay so in memory, and
    ///   products compute with their exact values.
    /// - All weights in f16, or all in bf16: what each operation gives is rounded to that type (linear
    ///   layers with their bias, activations, norms, sums, rotations, attention probabilities and mixed
    ///   values); sums, scores, and what is within an activation or a norm, are f32.
    ///
    /// # Errors
    /// A weight that is missing or has another shape, or sizes that do not fit together.
    pub fn new(
        architecture: Architecture,
        weights: HashMap<String, Tensor>,
        device: &Device,
    ) -> Result<Self> {
        let all = |fit: &dyn Fn(&Tensor) -> bool| weights.values().all(fit);
        let matrix = |w: &Tensor| matches!(w.dtype(), DType::F16 | DType::BF16) && w.rank() == 2;
        let dtype = match all(&|w| w.device().is_cpu()) {
            true if all(&|w| w.dtype() == DType::F16) => Some(DType::F16),
            true if all(&|w| w.dtype() == DType::BF16) => Some(DType::BF16),
            true if all(&|w| w.dtype() == DType::F32 || matrix(w)) => Some(DType::F32),
            _ => None,
        };
        Self::of_tensors(architecture, weights, device, dtype)
    }

    /// Builds a transformer without the kernels: with candle's operations, on which other devices run.
    ///
    /// # Errors
    /// The errors of [`new`](Self::new).
    pub fn plain(
        architecture: Architecture,
        weights: HashMap<String, Tensor>,
        device: &Device,
    ) -> Result<Self> {
        Self::of_tensors(architecture, weights, device, None)
    }

    fn of_tensors(
        architecture: Architecture,
        weights: HashMap<String, Tensor>,
        device: &Device,
        kernels: Option<DType>,
    ) -> Result<Self> {
        let first = architecture.weights().into_iter().next();
        let own = || first.and_then(|w| weights.get(&w.name)).map_or(DType::F32, Tensor::dtype);
        let (device, dtype) = (device.clone(), kernels.unwrap_or_else(own));
        let place = Placement { device, dtype, kernels: kernels.is_some(), resident: true };
        Self::from_source(architecture, Arc::new(weights), place)
    }

    /// Builds a transformer from a source of weights. If its blocks do not stay in memory, it keeps the
    /// source, and reads each weight when it is needed: the states are the same, to the byte.
    ///
    /// # Errors
    /// A weight that is missing, cannot be read or has another shape, or sizes that do not fit together.
    pub fn from_source(
        architecture: Architecture,
        source: Arc<dyn WeightSource>,
        place: Placement,
    ) -> Result<Self> {
        architecture.check()?;
        let a = &architecture;
        let shapes = a.weights().into_iter().map(|w| (w.name, w.shape)).collect();
        let weights =
            &mut Weights { source: &*source, shapes: &shapes, place: &place, spare: Vec::new() };
        let embedding = Embedding::new(a, weights)?;
        let mut relative = weights.take_if_expected("relative.weight")?;
        let mut distances = None;
        if let Some(Relative::Disentangled(table)) = a.attention.relative {
            distances = relative.take();
            if let (Some(vectors), true) = (&mut distances, table.norm) {
                *vectors = NormLayer::new(weights, a.norm, "relative.norm")?.apply(vectors)?;
            }
        }
        let final_norm = match a.final_norm {
            true => Some(NormLayer::new(weights, a.norm, "final_norm")?),
            false => None,
        };
        let head = match a.head {
            Some(head) => Some(Head::new(a, head, weights, &embedding.input)?),
            None => None,
        };
        let corrections = corrections(a, weights)?;
        let blocks = Blocks::new(a, source, shapes, place.clone(), distances)?;
        let (relative_bias, kernels) = (relative, place.rounding());
        Ok(Self {
            architecture,
            place,
            embedding,
            relative_bias,
            blocks,
            final_norm,
            head,
            kernels,
            corrections,
        })
    }

    /// The architecture.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The experts of a token in block `block`, from its router logits `[n_experts]`, as at
    /// [`HookPoint::Router`](crate::HookPoint::Router); none if the block has no mixture of experts.
    pub fn routing(&self, block: usize, logits: &[f32]) -> Option<Routing> {
        let mixture = self.architecture.mixture_of(block)?;
        Some(mixture.route(logits, self.correction(block)))
    }

    /// What is added to the scores of the experts of a block when they are chosen.
    fn correction(&self, block: usize) -> &[f32] {
        let set = self.architecture.weight_set(block);
        self.corrections.get(set).map_or(&[], Vec::as_slice)
    }

    /// The device of the weights.
    pub fn device(&self) -> &Device {
        &self.place.device
    }

    /// The number type of the tensors of states. On kernels it is f32, also where their values are
    /// numbers of a 16-bit type.
    pub fn dtype(&self) -> DType {
        if self.kernels.is_some() { DType::F32 } else { self.place.dtype }
    }

    /// The vector instructions of the kernels ([`vectors`](crate::vectors())); none without kernels.
    pub fn vectors(&self) -> Option<&'static str> {
        self.kernels.map(kernels::vectors)
    }

    /// Whether all blocks stay in memory. If they do not, each block is read when it runs: batches then
    /// pass block by block side by side ([`start`](Self::start)), so that a block is read once for all.
    pub fn is_resident(&self) -> bool {
        self.place.resident
    }

    /// Reads block `i`, if it is not in memory, before batches pass it side by side.
    ///
    /// # Errors
    /// A weight that cannot be read.
    pub fn read_block(&self, i: usize) -> Result<()> {
        self.block(i).map(drop)
    }

    /// Block `i`, from memory or from the source of the weights.
    fn block(&self, i: usize) -> Result<Arc<Block>> {
        self.blocks.get(&self.architecture, self.architecture.weight_set(i))
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
        let mut pass = self.start(batch, hooks)?;
        let mut states = vec![pass.state().clone()];
        while pass.layer() < self.architecture.n_layers {
            pass.advance(hooks)?;
            states.push(pass.state().clone());
        }
        pass.finish(hooks)?;
        Ok(states)
    }

    /// Begins the forward pass of a batch: its state is the embedding output.
    ///
    /// # Errors
    /// The errors of [`forward`](Self::forward).
    pub fn start<'a>(
        &'a self,
        batch: impl Into<Cow<'a, Batch>>,
        hooks: &mut dyn Hooks,
    ) -> Result<Pass<'a>> {
        Pass::new(self, batch.into(), hooks)
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
            let activated = ops::activate(*activation, &linear.apply(&x)?)?;
            x = norm.apply(&ops::rounded(activated, self.kernels)?)?;
        }
        if let Some(project) = &head.project {
            x = project.apply(&x)?;
        }
        let mut logits = head.unembed.products(&x)?;
        if let Some(bias) = &head.bias {
            logits = logits.broadcast_add(bias)?;
        }
        if let Some(scale) = data.scale {
            logits = (ops::rounded(logits, self.kernels)? * scale)?;
        }
        logits = ops::rounded(logits, self.kernels)?;
        match data.soft_cap {
            Some(cap) => ops::rounded(ops::soft_cap(&logits, cap)?, self.kernels),
            None => Ok(logits),
        }
    }

    /// Value-weighted attention: the probability of each key times the norm of its value after the
    /// output weights of the head (Kobayashi et al. 2020), `[n_heads, Σ n²]`, from the values and the
    /// pattern of block `layer` at
    /// [`HookPoint::Value`](crate::HookPoint::Value) and [`HookPoint::Pattern`](crate::HookPoint::Pattern).
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
        let block = self.block(layer)?;
        let (tokens, shared) = (batch.tokens(), a.n_heads / a.n_kv_heads);
        let d_value = a.d_value();
        let zero = Tensor::zeros((tokens, a.n_heads * d_value), values.dtype(), values.device())?;
        let bias = block.o.apply(&zero)?;
        let mut norms = Vec::with_capacity(a.n_heads);
        for head in 0..a.n_heads {
            let own = values.narrow(1, head / shared * d_value, d_value)?;
            let (before, after) = (head * d_value, (a.n_heads - head - 1) * d_value);
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

    /// Lets later operations use the memory of a value that nothing reads any more. A hook may have kept
    /// it.
    fn done_with(&self, x: &Tensor, hooks: &HookRunner) -> Result<()> {
        if self.kernels.is_some() && hooks.is_empty() {
            kernels::reuse(x)?;
        }
        Ok(())
    }

    fn embed(&self, batch: &Batch) -> Result<Tensor> {
        let rows = |table: &Tensor, ids: &[u32]| -> Result<Tensor> {
            Ok(table.index_select(&Tensor::new(ids, self.device())?, 0)?)
        };
        let data = &self.architecture.embedding;
        let project =
            |at: ProjectionPlace, x: Tensor| match (&self.embedding.project, data.projection) {
                (Some(project), Some(projection)) if projection.place == at => project.apply(&x),
                _ => Ok(x),
            };
        let mut x = match &self.embedding.input {
            Input::Tokens(table) => table.rows(&batch.token_ids)?,
            Input::Patches(patches) => patches.embed(batch, &self.place)?,
            Input::Frames(frames) => frames.embed(batch, &self.place)?,
        };
        if let Some(scale) = data.scale {
            x = ops::rounded((x * scale)?, self.kernels)?;
        }
        if let Some(factors) = data.dropped.and_then(|id| dropped(id, batch)) {
            let factors = Tensor::from_vec(factors, (batch.tokens(), 1), self.device())?;
            x = ops::rounded(x.broadcast_mul(&factors.to_dtype(x.dtype())?)?, self.kernels)?;
        }
        x = project(ProjectionPlace::Tokens, x)?;
        if let Some(token_type) = &self.embedding.token_type {
            x = ops::sum(&x, &rows(token_type, &batch.token_types)?, self.kernels)?;
        }
        if let Some(position) = &self.embedding.position {
            x = ops::sum(&x, &rows(position, &batch.positions)?, self.kernels)?;
        }
        if let Some(constant) = &self.embedding.constant {
            x = ops::rounded(x.broadcast_add(constant)?, self.kernels)?;
        }
        x = project(ProjectionPlace::Sum, x)?;
        if let Some(norm) = &self.embedding.norm {
            x = norm.apply(&x)?;
        }
        project(ProjectionPlace::Normed, x)
    }
}

/// `[n_weight_sets, n_experts]`: what is added to the scores of experts when they are chosen.
fn corrections(a: &Architecture, weights: &Weights) -> Result<Vec<Vec<f32>>> {
    let name = |set: usize| format!("blocks.{set}.mlp.router_correction.weight");
    let of_set = |set: usize| match weights.take_if_expected(&name(set))? {
        Some(values) => ops::values(&values.to_dtype(DType::F32)?),
        None => Ok(Vec::new()),
    };
    (0..a.n_weight_sets).map(of_set).collect()
}

/// `[tokens]`: the factors of the embeddings where one token has none: 0 for this token, and for the
/// others the tokens of their sequence per token that is left. None if no sequence has the token.
fn dropped(id: u32, batch: &Batch) -> Option<Vec<f32>> {
    if !batch.token_ids.contains(&id) {
        return None;
    }
    let mut factors = Vec::with_capacity(batch.tokens());
    for rows in batch.sequences() {
        let tokens = &batch.token_ids[rows];
        let left = tokens.iter().filter(|&&token| token != id).count();
        let factor = tokens.len() as f32 / left as f32;
        factors.extend(tokens.iter().map(|&token| if token == id { 0.0 } else { factor }));
    }
    Some(factors)
}

#[cfg(test)]
mod tests;
