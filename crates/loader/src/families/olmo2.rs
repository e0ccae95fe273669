//! OLMo 2 (OLMo team 2024): Llama with norms of the outputs of attention and MLP, not of the inputs, and
//! norms over all heads of queries and keys.

use super::llama::{self, DEFAULTS, Defaults};
use super::rules::{tables, take};
use super::{Family, Rule};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{Architecture, Attention, Layout, QueryKeyNorm};

pub(super) const FAMILY: Family = Family {
    name: "OLMo 2",
    types: &[("olmo2", "Olmo2")],
    architecture: |config| architecture(config, &OLMO, QueryKeyNorm::Projection),
    names: NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

/// The values of keys that OLMo's configs leave out.
pub(super) const OLMO: Defaults = Defaults { d_vocab: 50304, eps: 1e-5, ..DEFAULTS };

/// Llama's names where the norms are those of the outputs.
pub(super) const NAMES: &[Rule] = tables![
    llama::EMBED,
    llama::ATTENTION,
    [
        take(&["blocks.{i}.attn.norm_out"], "layers.{i}.post_attention_layernorm"),
        take(&["blocks.{i}.mlp.norm_out"], "layers.{i}.post_feedforward_layernorm"),
    ],
    llama::MLP,
    llama::FINAL,
];

/// Llama's architecture with norms of the outputs, and with norms of queries and keys.
pub(super) fn architecture(
    config: &Config,
    defaults: &Defaults,
    norm: QueryKeyNorm,
) -> Result<Architecture> {
    let llama = llama::with_attention_biases(config, llama::architecture(config, defaults)?)?;
    Ok(Architecture {
        layout: Layout::OutputNorm,
        attention: Attention { query_key_norm: Some(norm), ..llama.attention },
        ..llama
    })
}
