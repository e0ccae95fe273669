//! GLM and GLM-4 (GLM team 2024): Llama with interleaved pairs, half of each head rotated, and the gate and
//! the values of the MLP in one matrix. GLM-4-0414 has norms before and after each half of a block.

use super::Family;
use super::llama::{self, DEFAULTS, Defaults};
use super::rope::{ROPE, Rope};
use super::rules::{split, tables, take};
use stratoscope_transformer::{Architecture, Attention, Layout};

pub(super) const FAMILY: Family = Family {
    name: "GLM",
    types: &[("glm", "Glm"), ("glm4", "Glm4")],
    architecture: |config| {
        let llama = llama::architecture(config, &GLM)?;
        let sandwich = config.text("model_type")? == "glm4";
        let input_bias = config.flag("attention_bias", true)?;
        Ok(Architecture {
            layout: if sandwich { Layout::Sandwich } else { llama.layout },
            attention: Attention { input_bias, ..llama.attention },
            ..llama
        })
    },
    names: tables![
        llama::EMBED,
        llama::NORMS,
        llama::INTERLEAVED_ATTENTION,
        [
            take(&["blocks.{i}.attn.norm_out"], "layers.{i}.post_self_attn_layernorm"),
            split(&["blocks.{i}.mlp.gate", "blocks.{i}.mlp.in"], "layers.{i}.mlp.gate_up_proj"),
            take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.down_proj"),
            take(&["blocks.{i}.mlp.norm_out"], "layers.{i}.post_mlp_layernorm"),
        ],
        llama::FINAL,
    ],
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const GLM: Defaults = Defaults {
    d_vocab: 151_552,
    n_layers: 40,
    n_kv_heads: Some(2),
    d_head: Some(128),
    d_mlp: 13696,
    context: 131_072,
    eps: 1.5625e-7,
    rope: Rope { partial: Some(("partial_rotary_factor", 0.5)), ..ROPE },
    ..DEFAULTS
};
