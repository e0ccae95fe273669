//! OLMo (Groeneveld et al. 2024): Llama with layer norms that have no weights.

use super::Family;
use super::llama;
use super::olmo2::OLMO;
use super::rules::{Made, made, tables};
use stratoscope_transformer::{Architecture, Norm};

pub(super) const FAMILY: Family = Family {
    name: "OLMo",
    types: &[("olmo", "Olmo")],
    architecture: |config| {
        // It limits queries, keys and values.
        config.absent("clip_qkv")?;
        let llama = llama::with_attention_biases(config, llama::architecture(config, &OLMO)?)?;
        // A constant in the reference's code.
        Ok(Architecture { norm: Norm::Layer { eps: 1e-5, bias: false }, ..llama })
    },
    names: tables![
        llama::EMBED,
        llama::ATTENTION,
        llama::MLP,
        [made(&["blocks.{i}.attn.norm", "blocks.{i}.mlp.norm", "final_norm"], Made::Ones)],
    ],
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};
