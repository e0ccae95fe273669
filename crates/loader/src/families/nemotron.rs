//! Nemotron-4 (Parmar et al. 2024) and Minitron (Muralidharan et al. 2024): Llama with layer norms that
//! store their weight − 1, half of each head rotated, and a plain MLP with squared ReLU.

use super::Family;
use super::llama::{self, DEFAULTS, Defaults};
use super::rope::{ROPE, Rope};
use super::rules::{Rule, Transform, tables};
use stratoscope_transformer::{Activation, Architecture, Mlp, Norm};

pub(super) const FAMILY: Family = Family {
    name: "Nemotron",
    types: &[("nemotron", "Nemotron")],
    architecture: |config| {
        let llama = llama::with_biases(config, llama::architecture(config, &NEMOTRON)?)?;
        let activation = config.activation("hidden_act", Activation::ReluSquared)?;
        Ok(Architecture {
            norm: Norm::Layer { eps: config.epsilon(&["norm_eps"], 1e-5)?, bias: true },
            mlp: Mlp { activation, gated: false, ..llama.mlp },
            ..llama
        })
    },
    names: tables![
        llama::EMBED,
        llama::ATTENTION,
        llama::MLP,
        [
            plus_one(&["blocks.{i}.attn.norm"], "layers.{i}.input_layernorm"),
            plus_one(&["blocks.{i}.mlp.norm"], "layers.{i}.post_attention_layernorm"),
            plus_one(&["final_norm"], "norm"),
        ],
    ],
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const fn plus_one(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::PlusOne }
}

const NEMOTRON: Defaults = Defaults {
    d_vocab: 256_000,
    d_model: 6144,
    n_heads: 48,
    d_mlp: 24576,
    context: 4096,
    rope: Rope { partial: Some(("partial_rotary_factor", 0.5)), ..ROPE },
    ..DEFAULTS
};
