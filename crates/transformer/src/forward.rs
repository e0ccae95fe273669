//! The forward pass, written once for all architectures.

use crate::kernels::{self, Attention, Distances};
use crate::ops::{self, Linear, NormLayer, Weights};
use crate::{Architecture, Batch, HookPoint, Hooks, RelativeBias, Result};
use candle_core::{Device, Tensor};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
    project: Option<Linear>,
}

struct Block {
    /// Queries, keys and values side by side.
    qkv: Linear,
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
        Self::build(architecture, weights, device, true)
    }

    /// Builds a transformer that runs through the kernels where they fit, or never.
    fn build(
        architecture: Architecture,
        weights: HashMap<String, Tensor>,
        device: &Device,
        kernels: bool,
    ) -> Result<Self> {
        architecture.check()?;
        let weights = &mut Weights::new(&architecture, weights);
        let fast = kernels && device.is_cpu() && weights.fit_kernels();
        let norm = architecture.norm;
        let embedding = Embedding {
            token: weights.table("embed.token")?,
            position: weights.table("embed.position")?,
            token_type: match architecture.token_types {
                0 => None,
                _ => Some(weights.table("embed.token_type")?),
            },
            norm: NormLayer::new(weights, norm, "embed.norm", fast)?,
            project: match architecture.d_embed {
                None => None,
                Some(_) => Some(Linear::new(weights, &["embed.project".to_owned()], fast)?),
            },
        };
        let relative_bias = match architecture.relative_bias {
            Some(bias) => Some((bias, weights.table("relative_bias")?)),
            None => None,
        };
        let mut blocks = Vec::with_capacity(architecture.n_weight_sets);
        for i in 0..architecture.n_weight_sets {
            let mut linear = |parts: &[&str]| {
                let names: Vec<_> = parts.iter().map(|p| format!("blocks.{i}.{p}")).collect();
                Linear::new(weights, &names, fast)
            };
            let (qkv, o) = (linear(&["attn.q", "attn.k", "attn.v"])?, linear(&["attn.o"])?);
            let (mlp_in, mlp_out) = (linear(&["mlp.in"])?, linear(&["mlp.out"])?);
            let mut norm =
                |name| NormLayer::new(weights, norm, &format!("blocks.{i}.{name}.norm"), fast);
            let (attention_norm, mlp_norm) = (norm("attn")?, norm("mlp")?);
            blocks.push(Block { qkv, o, attention_norm, mlp_in, mlp_out, mlp_norm });
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
        let n_layers = self.architecture.n_layers;
        let mut states = Vec::with_capacity(n_layers + 1);
        states.push(x.clone());
        let mut biases = Biases::default();
        for i in 0..n_layers {
            let block = &self.blocks[self.architecture.weight_set(i)];
            x = hooked(hooks, HookPoint::ResidPre(i), x)?;
            let attention = self.attention(i, block, &x, batch, &mut biases, hooks)?;
            let attention = hooked(hooks, HookPoint::AttnOut(i), attention)?;
            x = block.attention_norm.apply_to_sum(&x, &attention)?;
            x = hooked(hooks, HookPoint::ResidMid(i), x)?;
            let activation = self.architecture.activation;
            let mlp = ops::mlp(&x, &block.mlp_in, activation, &block.mlp_out)?;
            let mlp = hooked(hooks, HookPoint::MlpOut(i), mlp)?;
            x = block.mlp_norm.apply_to_sum(&x, &mlp)?;
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
        let positions = rows(&self.embedding.position, &batch.positions)?;
        let x = self.embedding.norm.apply_to_sum(&x, &positions)?;
        match &self.embedding.project {
            Some(project) => project.apply(&x),
            None => Ok(x),
        }
    }

    /// `[tokens, d_model]` to the same; each sequence attends to itself alone.
    fn attention(
        &self,
        layer: usize,
        block: &Block,
        x: &Tensor,
        batch: &Batch,
        biases: &mut Biases,
        hooks: &mut dyn Hooks,
    ) -> Result<Tensor> {
        let qkv = block.qkv.apply(x)?;
        if matches!(block.qkv, Linear::Packed(_)) && !hooks.wants(HookPoint::Pattern(layer)) {
            return block.o.apply(&self.mixed(&qkv, batch, biases)?);
        }
        let (n_heads, d_head) = (self.architecture.n_heads, self.architecture.d_head);
        let qkv = qkv.reshape(((), 3, n_heads, d_head))?;
        // The rows of one sequence by head: `[n_heads, n, d_head]`.
        let heads = |part: usize, rows: &Range<usize>| -> Result<Tensor> {
            let own = qkv.narrow(0, rows.start, rows.len())?.narrow(1, part, 1)?.squeeze(1)?;
            Ok(own.transpose(0, 1)?.contiguous()?)
        };
        let mut patterns = Vec::with_capacity(batch.sequence_offsets.len());
        for rows in batch.sequences() {
            let bias = match &self.relative_bias {
                Some((bias, table)) => Some(biases.of_length(*bias, table, rows.len())?),
                None => None,
            };
            patterns.push(ops::pattern(&heads(0, &rows)?, &heads(1, &rows)?, bias)?);
        }
        if hooks.wants(HookPoint::Pattern(layer)) {
            patterns = self.hooked_patterns(layer, patterns, hooks)?;
        }
        let mut mixed = Vec::with_capacity(patterns.len());
        for (rows, pattern) in batch.sequences().zip(&patterns) {
            let values = pattern.matmul(&heads(2, &rows)?)?;
            mixed.push(values.transpose(0, 1)?.flatten_from(1)?);
        }
        block.o.apply(&Tensor::cat(&mixed, 0)?)
    }

    /// `[tokens, 3 heads]` to the mixed values `[tokens, heads]`, through the kernel.
    fn mixed(&self, qkv: &Tensor, batch: &Batch, biases: &mut Biases) -> Result<Tensor> {
        let (n_heads, d_head) = (self.architecture.n_heads, self.architecture.d_head);
        let distances = match &self.relative_bias {
            Some((bias, table)) => Some(biases.by_distance(*bias, table, batch)?),
            None => None,
        };
        let sequence_offsets = &batch.sequence_offsets;
        let attention = Attention { sequence_offsets, distances, n_heads, d_head };
        let heads = n_heads * d_head;
        Ok(kernels::apply("attention", qkv, 3 * heads, heads, |qkv| {
            kernels::attention(qkv, attention)
        })?)
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

/// The relative biases of one batch, made when they are first asked for.
#[derive(Default)]
struct Biases {
    by_length: HashMap<usize, Tensor>,
    by_distance: Option<Distances>,
}

impl Biases {
    /// The bias of a sequence of `n` tokens, `[n_heads, n, n]`.
    fn of_length(&mut self, bias: RelativeBias, table: &Tensor, n: usize) -> Result<&Tensor> {
        Ok(match self.by_length.entry(n) {
            Entry::Occupied(slot) => slot.into_mut(),
            Entry::Vacant(slot) => slot.insert(ops::relative_bias(bias, table, n)?),
        })
    }

    /// The bias by distance, as far as the longest sequence needs it.
    fn by_distance(
        &mut self,
        bias: RelativeBias,
        table: &Tensor,
        batch: &Batch,
    ) -> Result<&Distances> {
        Ok(match &mut self.by_distance {
            Some(distances) => distances,
            slot => {
                let longest = batch.sequences().map(|rows| rows.len()).max().unwrap_or_default();
                slot.insert(Distances::new(bias, &ops::values(table)?, longest))
            }
        })
    }
}

/// Shows a value to the hooks, if they want it.
fn hooked(hooks: &mut dyn Hooks, point: HookPoint, value: Tensor) -> Result<Tensor> {
    if hooks.wants(point) { hooks.at(point, value) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, NoHooks, Norm, Numbering, Positions, Recorder, Sequence};
    use rand::{Rng, SeedableRng, rngs::StdRng};

    fn architecture(activation: Activation, token_types: usize, bias: bool) -> Architecture {
        Architecture {
            d_vocab: 50,
            d_model: 48,
            d_embed: None,
            n_layers: 3,
            n_weight_sets: 3,
            n_heads: 4,
            d_head: 12,
            d_mlp: 100,
            norm: Norm::Layer { eps: 1e-12 },
            positions: Positions::Learned { rows: 80, numbering: Numbering::FromZero },
            token_types,
            relative_bias: bias.then_some(RelativeBias { buckets: 8, max_distance: 20 }),
            activation,
        }
    }

    fn weights(architecture: &Architecture) -> HashMap<String, Tensor> {
        let mut rng = StdRng::seed_from_u64(7);
        let specs = architecture.weights().into_iter();
        specs
            .map(|w| {
                let n: usize = w.shape.iter().product();
                let values: Vec<f32> = (0..n).map(|_| rng.gen_range(-0.4..0.4)).collect();
                (w.name, Tensor::from_vec(values, w.shape, &Device::Cpu).unwrap())
            })
            .collect()
    }

    fn points() -> Vec<HookPoint> {
        let each = (0..3).flat_map(|i| {
            use HookPoint::*;
            [ResidPre(i), Pattern(i), AttnOut(i), ResidMid(i), MlpOut(i), ResidPost(i)]
        });
        each.chain([HookPoint::Embed]).collect()
    }

    #[test]
    fn models_on_kernels_are_their_plain_twins() {
        for (activation, token_types, bias) in [
            (Activation::Gelu, 2, false),
            (Activation::GeluTanh, 0, true),
            (Activation::GeluSigmoid, 1, true),
            (Activation::Relu, 2, true),
            (Activation::Silu, 0, false),
        ] {
            let architecture = architecture(activation, token_types, bias);
            let build = |kernels| {
                let weights = weights(&architecture);
                Transformer::build(architecture.clone(), weights, &Device::Cpu, kernels).unwrap()
            };
            let (fast, plain) = (build(true), build(false));
            let mut rng = StdRng::seed_from_u64(8);
            let sequences: Vec<Sequence> = [1, 17, 80, 5, 33]
                .map(|n| Sequence::from_ids((0..n).map(|_| rng.gen_range(0..50)).collect()))
                .to_vec();
            let batch = Batch::new(&architecture, &sequences).unwrap();
            let mut seen = [Recorder::new(points()), Recorder::new(points())];
            let with_patterns = fast.forward(&batch, &mut seen[0]).unwrap();
            let twin = plain.forward(&batch, &mut seen[1]).unwrap();
            let states = fast.forward(&batch, &mut NoHooks).unwrap();
            let near = |a: &Tensor, b: &Tensor, what: &str| {
                let (a, b) = (ops::values(a).unwrap(), ops::values(b).unwrap());
                let largest = b.iter().fold(0.0f32, |a, b| a.max(b.abs()));
                let apart = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(apart <= 3e-6 * largest, "{activation:?} {what}: {apart} of {largest}");
            };
            for (layer, ((a, b), c)) in states.iter().zip(&twin).zip(&with_patterns).enumerate() {
                near(a, b, &format!("layer {layer}"));
                near(c, b, &format!("layer {layer} with patterns"));
            }
            assert_eq!(seen[0].values.len(), points().len());
            for (point, value) in &seen[0].values {
                near(value, &seen[1].values[point], &point.to_string());
            }
            // A sequence's digits do not depend on what it is packed with.
            let alone = Batch::new(&architecture, &sequences[2..3]).unwrap();
            let alone = fast.forward(&alone, &mut NoHooks).unwrap();
            for (all, own) in states.iter().zip(&alone) {
                let all = all.narrow(0, 18, 80).unwrap();
                assert_eq!(ops::values(&all).unwrap(), ops::values(own).unwrap());
            }
        }
    }
}
