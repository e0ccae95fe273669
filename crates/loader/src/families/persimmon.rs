//! Persimmon (Adept 2023): layer norms also of queries and keys, half of each head rotated, and a plain MLP
//! with squared ReLU.

use super::Family;
use super::llama::{self, DEFAULTS, Defaults};
use super::rope::{ROPE, Rope};
use super::rules::{Rule, Transform, tables, take};
use stratoscope_transformer::{Activation, Architecture, Attention, Mlp, Norm, QueryKeyNorm};

pub(super) const FAMILY: Family = Family {
    name: "Persimmon",
    types: &[("persimmon", "Persimmon")],
    architecture: |config| {
        let llama = llama::architecture(config, &PERSIMMON)?;
        let normed = config.flag("qk_layernorm", true)?;
        Ok(Architecture {
            n_kv_heads: llama.n_heads,
            norm: Norm::Layer { eps: config.epsilon(&["layer_norm_eps"], 1e-5)?, bias: true },
            attention: Attention {
                input_bias: true,
                output_bias: true,
                query_key_norm: normed.then_some(QueryKeyNorm::Head),
                ..llama.attention
            },
            mlp: Mlp {
                activation: config.activation("hidden_act", Activation::ReluSquared)?,
                gated: false,
                bias: true,
            },
            ..llama
        })
    },
    names: tables![
        llama::EMBED,
        llama::NORMS,
        [
            Rule {
                to: &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"],
                from: "layers.{i}.self_attn.query_key_value",
                transform: Transform::SplitHeads,
            },
            take(&["blocks.{i}.attn.q_norm"], "layers.{i}.self_attn.q_layernorm"),
            take(&["blocks.{i}.attn.k_norm"], "layers.{i}.self_attn.k_layernorm"),
            take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.dense"),
            take(&["blocks.{i}.mlp.in"], "layers.{i}.mlp.dense_h_to_4h"),
            take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.dense_4h_to_h"),
            take(&["final_norm"], "final_layernorm"),
        ],
    ],
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const PERSIMMON: Defaults = Defaults {
    d_vocab: 262_144,
    n_layers: 36,
    n_heads: 64,
    d_mlp: 16384,
    context: 16384,
    rope: Rope { partial: Some(("partial_rotary_factor", 0.5)), ..ROPE },
    ..DEFAULTS
};
