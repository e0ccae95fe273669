//! Phi 1, 1.5 and 2 (Li et al. 2023): parallel attention and MLP after one norm.

use super::Family;
use super::llama::{self, DEFAULTS, Defaults};
use super::rope::{ROPE, Rope};
use super::rules::take;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Head, Layout, Mlp, Norm, QueryKeyNorm,
};

pub(super) const FAMILY: Family = Family {
    name: "Phi",
    types: &[("phi", "Phi")],
    architecture: |config| {
        let llama = llama::architecture(config, &PHI)?;
        let normed = config.flag("qk_layernorm", false)?;
        let head = llama.head.unwrap_or(Head::TIED);
        Ok(Architecture {
            norm: Norm::Layer { eps: config.epsilon(&["layer_norm_eps"], 1e-5)?, bias: true },
            layout: Layout::Parallel { one_norm: true },
            attention: Attention {
                input_bias: true,
                output_bias: true,
                query_key_norm: normed.then_some(QueryKeyNorm::Head),
                ..llama.attention
            },
            mlp: Mlp {
                activation: config.activation("hidden_act", Activation::GeluTanh)?,
                gated: false,
                bias: true,
            },
            head: Some(Head { bias: true, ..head }),
            ..llama
        })
    },
    names: &[
        take(&["embed.token"], "embed_tokens"),
        take(&["blocks.{i}.attn.norm"], "layers.{i}.input_layernorm"),
        take(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_proj"),
        take(&["blocks.{i}.attn.k"], "layers.{i}.self_attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "layers.{i}.self_attn.v_proj"),
        take(&["blocks.{i}.attn.q_norm"], "layers.{i}.self_attn.q_layernorm"),
        take(&["blocks.{i}.attn.k_norm"], "layers.{i}.self_attn.k_layernorm"),
        take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.dense"),
        take(&["blocks.{i}.mlp.in"], "layers.{i}.mlp.fc1"),
        take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.fc2"),
        take(&["final_norm"], "final_layernorm"),
    ],
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const PHI: Defaults = Defaults {
    d_vocab: 51200,
    d_model: 2048,
    n_layers: 24,
    d_mlp: 8192,
    rope: Rope { partial: Some(("partial_rotary_factor", 0.5)), ..ROPE },
    ..DEFAULTS
};
