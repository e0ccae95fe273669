//! Phi-3, Phi-3.5 and Phi-4 (Abdin et al. 2024): Llama with queries, keys and values in one matrix, and
//! the gate and the values of the MLP in one.

use super::llama::{self, DEFAULTS, Defaults};
use super::rope::{ROPE, Rope};
use super::rules::{split, take};
use super::{Family, spans};

pub(super) const FAMILY: Family = Family {
    name: "Phi-3",
    types: &[("phi3", "Phi3")],
    architecture: |config| {
        let mut llama = llama::architecture(config, &PHI3)?;
        spans::set_window(&mut llama.attention, spans::window(config, None)?);
        Ok(llama)
    },
    names: &[
        take(&["embed.token"], "embed_tokens"),
        take(&["blocks.{i}.attn.norm"], "layers.{i}.input_layernorm"),
        split(
            &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"],
            "layers.{i}.self_attn.qkv_proj",
        ),
        take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.o_proj"),
        take(&["blocks.{i}.mlp.norm"], "layers.{i}.post_attention_layernorm"),
        split(&["blocks.{i}.mlp.gate", "blocks.{i}.mlp.in"], "layers.{i}.mlp.gate_up_proj"),
        take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.down_proj"),
        take(&["final_norm"], "norm"),
    ],
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const PHI3: Defaults = Defaults {
    d_vocab: 32064,
    d_model: 3072,
    d_mlp: 8192,
    context: 4096,
    eps: 1e-5,
    rope: Rope {
        partial: Some(("partial_rotary_factor", 1.0)),
        longrope_names: &["su", "yarn"],
        default_original: Some(4096.0),
        ..ROPE
    },
    ..DEFAULTS
};
