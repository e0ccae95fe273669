//! Mixtral (Jiang et al. 2024): Mistral with a mixture of experts in every block.

use super::llama::{self, DEFAULTS, Defaults};
use super::mixture::mixture;
use super::rope::{ROPE, Rope};
use super::rules::{split, take};
use super::{Family, Rule, spans};
use stratoscope_transformer::Architecture;

pub(super) const FAMILY: Family = Family {
    name: "Mixtral",
    types: &[("mixtral", "Mixtral")],
    architecture: |config| {
        let mut llama = llama::architecture(
            config,
            &Defaults {
                n_kv_heads: Some(8),
                d_mlp: 14336,
                context: 131_072,
                eps: 1e-5,
                rope: Rope { default_theta: 1e6, ..ROPE },
                ..DEFAULTS
            },
        )?;
        spans::set_window(&mut llama.attention, spans::window(config, None)?);
        let mixture = mixture(config, llama.n_layers, llama.d_mlp, [8, 2])?;
        Ok(Architecture { mixture: Some(mixture), ..llama })
    },
    names: NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const NAMES: &[Rule] = &[
    take(&["embed.token"], "embed_tokens"),
    take(&["blocks.{i}.attn.norm"], "layers.{i}.input_layernorm"),
    take(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_proj"),
    take(&["blocks.{i}.attn.k"], "layers.{i}.self_attn.k_proj"),
    take(&["blocks.{i}.attn.v"], "layers.{i}.self_attn.v_proj"),
    take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.o_proj"),
    take(&["blocks.{i}.mlp.norm"], "layers.{i}.post_attention_layernorm"),
    take(&["blocks.{i}.mlp.experts.{e}.gate"], "layers.{i}.block_sparse_moe.experts.{e}.w1"),
    take(&["blocks.{i}.mlp.experts.{e}.in"], "layers.{i}.block_sparse_moe.experts.{e}.w3"),
    take(&["blocks.{i}.mlp.experts.{e}.out"], "layers.{i}.block_sparse_moe.experts.{e}.w2"),
    take(&["blocks.{i}.mlp.router"], "layers.{i}.block_sparse_moe.gate"),
    // The names of transformers 5.
    split(
        &["blocks.{i}.mlp.experts.{e}.gate", "blocks.{i}.mlp.experts.{e}.in"],
        "layers.{i}.mlp.experts.gate_up_proj",
    ),
    take(&["blocks.{i}.mlp.experts.{e}.out"], "layers.{i}.mlp.experts.down_proj"),
    // A GGUF file has gate and values apart.
    take(&["blocks.{i}.mlp.experts.{e}.gate"], "layers.{i}.mlp.experts.gate_proj"),
    take(&["blocks.{i}.mlp.experts.{e}.in"], "layers.{i}.mlp.experts.up_proj"),
    take(&["blocks.{i}.mlp.router"], "layers.{i}.mlp.gate"),
    take(&["final_norm"], "norm"),
];
