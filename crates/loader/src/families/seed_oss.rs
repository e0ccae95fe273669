//! Seed-OSS (ByteDance Seed team 2025): Llama with biases of queries, keys and values.

use super::Family;
use super::llama::{self, DEFAULTS, Defaults};
use stratoscope_transformer::{Architecture, Attention, Mlp};

pub(super) const FAMILY: Family = Family {
    name: "Seed-OSS",
    types: &[("seed_oss", "SeedOss")],
    architecture: |config| {
        let llama = llama::architecture(config, &SEED)?;
        Ok(Architecture {
            attention: Attention {
                input_bias: config.flag("attention_bias", true)?,
                output_bias: config.flag("attention_out_bias", false)?,
                ..llama.attention
            },
            mlp: Mlp { bias: config.flag("mlp_bias", false)?, ..llama.mlp },
            ..llama
        })
    },
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const SEED: Defaults = Defaults {
    d_vocab: 155_136,
    n_layers: 64,
    n_heads: 80,
    n_kv_heads: Some(8),
    d_head: Some(128),
    d_mlp: 27648,
    context: 524_288,
    ..DEFAULTS
};
