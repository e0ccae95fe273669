//! The forward pass, written once for all architectures.

use crate::ops::{self, Linear, NormLayer, Weights};
use crate::{Architecture, Batch, HookPoint, Hooks, RelativeBias, Result};
use candle_core::{Device, Tensor};
use std::collections::HashMap;
use std::ops::Range;

/// `n_layers + 1` tensors `[tokens, d_model]`: entry 0 is the embedding output, entry `i` the
/// output of block `i`, as Hugging Face's `output_hidden_states` gives them.
pub type HiddenStates = Vec<Tensor>;

/// A transformer with its weights, ready to run.
pub struct Transformer {
    architecture: Architecture,
    device: Device,
    embedding: Embedding,
    relative_bias: Option<(RelativeBias, Tensor)>,
    blocks: Vec<Block>,
}

struct Embedding {
    token: Tensor,
    position: Tensor,
    token_type: Option<Tensor>,
    norm: NormLayer,
}

struct Block {
    q: Linear,
    k: Linear,
    v: Linear,
    o: Linear,
    attention_norm: NormLayer,
    mlp_in: Linear,
    mlp_out: Linear,
    mlp_norm: NormLayer,
}

impl std::fmt::Debug for Transformer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transformer").field("architecture", &self.architecture).finish()
    }
}

impl Transformer {
    /// Builds a transformer from weights by canonical name ([`Architecture::weights`]), which lie
    /// on `device`.
    ///
    /// # Errors
    /// A weight that is missing or has another shape, or sizes that do not fit together.
    pub fn new(
        architecture: Architecture,
        weights: HashMap<String, Tensor>,
        device: &Device,
    ) -> Result<Self> {
        architecture.check()?;
        let weights = &mut Weights::new(&architecture, weights);
        let norm = architecture.norm;
        let embedding = Embedding {
            token: weights.table("embed.token")?,
            position: weights.table("embed.position")?,
            token_type: match architecture.token_types {
                0 => None,
                _ => Some(weights.table("embed.token_type")?),
            },
            norm: NormLayer::new(weights, norm, "embed.norm")?,
        };
        let relative_bias = match architecture.relative_bias {
            Some(bias) => Some((bias, weights.table("relative_bias")?)),
            None => None,
        };
        let mut blocks = Vec::with_capacity(architecture.n_layers);
        for i in 0..architecture.n_layers {
            let mut linear = |name| Linear::new(weights, &format!("blocks.{i}.{name}"));
            blocks.push(Block {
                q: linear("attn.q")?,
                k: linear("attn.k")?,
                v: linear("attn.v")?,
                o: linear("attn.o")?,
                mlp_in: linear("mlp.in")?,
                mlp_out: linear("mlp.out")?,
                attention_norm: NormLayer::new(weights, norm, &format!("blocks.{i}.attn.norm"))?,
                mlp_norm: NormLayer::new(weights, norm, &format!("blocks.{i}.mlp.norm"))?,
            });
        }
        Ok(Self { architecture, device: device.clone(), embedding, relative_bias, blocks })
    }

    /// The sizes and choices of this transformer.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Where the weights lie.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs a batch: `n_layers + 1` hidden states of shape `[tokens, d_model]`.
    ///
    /// The result for a sequence does not depend on what it is packed with, beyond the rounding of
    /// matrix products that block their rows differently.
    ///
    /// # Errors
    /// A tensor operation that fails (out of memory, a device lost), or a hook's own error.
    pub fn forward(&self, batch: &Batch, hooks: &mut dyn Hooks) -> Result<HiddenStates> {
        let mut x = hooked(hooks, HookPoint::Embed, self.embed(batch)?)?;
        let mut states = Vec::with_capacity(self.blocks.len() + 1);
        states.push(x.clone());
        let mut biases = HashMap::new();
        if let Some((bias, table)) = &self.relative_bias {
            for rows in batch.sequences() {
                if let std::collections::hash_map::Entry::Vacant(slot) = biases.entry(rows.len()) {
                    slot.insert(ops::relative_bias(*bias, table, rows.len(), &self.device)?);
                }
            }
        }
        for (i, block) in self.blocks.iter().enumerate() {
            x = hooked(hooks, HookPoint::ResidPre(i), x)?;
            let attention = self.attention(i, block, &x, batch, &biases, hooks)?;
            let attention = hooked(hooks, HookPoint::AttnOut(i), attention)?;
            x = block.attention_norm.apply(&(x + attention)?)?;
            x = hooked(hooks, HookPoint::ResidMid(i), x)?;
            let inner = ops::activate(self.architecture.activation, &block.mlp_in.apply(&x)?)?;
            let mlp = hooked(hooks, HookPoint::MlpOut(i), block.mlp_out.apply(&inner)?)?;
            x = block.mlp_norm.apply(&(x + mlp)?)?;
            x = hooked(hooks, HookPoint::ResidPost(i), x)?;
            states.push(x.clone());
        }
        Ok(states)
    }

    fn embed(&self, batch: &Batch) -> Result<Tensor> {
        let rows = |table: &Tensor, ids: &[u32]| -> Result<Tensor> {
            Ok(table.index_select(&Tensor::new(ids, &self.device)?, 0)?)
        };
        let mut x = rows(&self.embedding.token, &batch.token_ids)?;
        if let Some(token_type) = &self.embedding.token_type {
            x = (x + rows(token_type, &batch.token_types)?)?;
        }
        x = (x + rows(&self.embedding.position, &batch.positions)?)?;
        self.embedding.norm.apply(&x)
    }

    /// `[tokens, d_model]` to the same; each sequence attends to itself alone.
    fn attention(
        &self,
        layer: usize,
        block: &Block,
        x: &Tensor,
        batch: &Batch,
        biases: &HashMap<usize, Tensor>,
        hooks: &mut dyn Hooks,
    ) -> Result<Tensor> {
        let (q, k, v) = (block.q.apply(x)?, block.k.apply(x)?, block.v.apply(x)?);
        let heads = |t: &Tensor, rows: &Range<usize>| self.heads(t, rows);
        let mut patterns = Vec::with_capacity(batch.sequence_offsets.len());
        for rows in batch.sequences() {
            let bias = biases.get(&rows.len());
            patterns.push(ops::pattern(&heads(&q, &rows)?, &heads(&k, &rows)?, bias)?);
        }
        if hooks.wants(HookPoint::Pattern(layer)) {
            patterns = self.hooked_patterns(layer, patterns, hooks)?;
        }
        let mut mixed = Vec::with_capacity(patterns.len());
        for (rows, pattern) in batch.sequences().zip(&patterns) {
            let values = pattern.matmul(&heads(&v, &rows)?)?;
            mixed.push(values.transpose(0, 1)?.flatten_from(1)?);
        }
        block.o.apply(&Tensor::cat(&mixed, 0)?)
    }

    /// The rows of one sequence by head: `[n_heads, n, d_head]`.
    fn heads(&self, t: &Tensor, rows: &Range<usize>) -> Result<Tensor> {
        let (n_heads, d_head) = (self.architecture.n_heads, self.architecture.d_head);
        let rows = t.narrow(0, rows.start, rows.len())?.reshape(((), n_heads, d_head))?;
        Ok(rows.transpose(0, 1)?.contiguous()?)
    }

    /// Shows the patterns `[n_heads, n, n]` to the hook in their packed form `[n_heads, Σ n²]`.
    fn hooked_patterns(
        &self,
        layer: usize,
        patterns: Vec<Tensor>,
        hooks: &mut dyn Hooks,
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

/// Shows a value to the hooks, if they want it.
fn hooked(hooks: &mut dyn Hooks, point: HookPoint, value: Tensor) -> Result<Tensor> {
    if hooks.wants(point) { hooks.at(point, value) } else { Ok(value) }
}
