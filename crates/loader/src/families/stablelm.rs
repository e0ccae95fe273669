//! StableLM (Stability AI 2023) and StableLM 2 (Bellagente et al. 2024): Llama with layer norms, and with a
//! part of each head rotated.

use super::Family;
use super::llama::{self, DEFAULTS, Defaults};
use super::rope::{ROPE, Rope};
use stratoscope_transformer::{Architecture, Attention, Layout, Norm};

pub(super) const FAMILY: Family = Family {
    name: "StableLM",
    types: &[("stablelm", "StableLm")],
    architecture: |config| {
        // Each head would have a tensor of its own.
        config.only("qk_layernorm", false.into())?;
        let llama = llama::architecture(config, &STABLELM)?;
        let input_bias = config.flag("use_qkv_bias", false)?;
        Ok(Architecture {
            norm: Norm::Layer { eps: config.epsilon(&["layer_norm_eps"], 1e-5)?, bias: true },
            layout: match config.flag("use_parallel_residual", false)? {
                true => Layout::Parallel { one_norm: true },
                false => llama.layout,
            },
            attention: Attention { input_bias, ..llama.attention },
            ..llama
        })
    },
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const STABLELM: Defaults = Defaults {
    d_vocab: 50304,
    d_model: 2560,
    n_kv_heads: Some(32),
    d_mlp: 6912,
    context: 4096,
    rope: Rope { partial: Some(("partial_rotary_factor", 0.25)), ..ROPE },
    ..DEFAULTS
};
