//! Gemma (Gemma team 2024): Llama with scaled embeddings, and norms that multiply by 1 + weight.

use super::Family;
use super::llama::{self, DEFAULTS, Defaults};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{Activation, Architecture, Attention, Embedding, Mlp, Norm};

pub(super) const FAMILY: Family = Family {
    name: "Gemma",
    types: &[("gemma", "Gemma")],
    architecture: |config| {
        // In early files gelu means its tanh approximation.
        let activation = match config.activation("hidden_act", Activation::GeluTanh)? {
            Activation::Gelu => Activation::GeluTanh,
            other => other,
        };
        let sizes = Defaults { d_model: 3072, n_layers: 28, n_heads: 16, d_mlp: 24576, ..GEMMA };
        architecture(config, &Defaults { n_kv_heads: Some(16), ..sizes }, activation)
    },
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

/// The values of keys that Gemma's configs leave out.
pub(super) const GEMMA: Defaults =
    Defaults { d_vocab: 256_000, d_head: Some(256), context: 8192, tied: true, ..DEFAULTS };

/// The architecture of all Gemmas.
pub(super) fn architecture(
    config: &Config,
    defaults: &Defaults,
    activation: Activation,
) -> Result<Architecture> {
    let llama = llama::architecture(config, defaults)?;
    let eps = config.epsilon(&["rms_norm_eps"], defaults.eps)?;
    let bias = config.flag("attention_bias", false)?;
    Ok(Architecture {
        embedding: Embedding { scale: Some((llama.d_model as f64).sqrt()), ..llama.embedding },
        norm: Norm::Rms { eps, unit_offset: true },
        attention: Attention { input_bias: bias, output_bias: bias, ..llama.attention },
        mlp: Mlp { activation, ..llama.mlp },
        ..llama
    })
}
