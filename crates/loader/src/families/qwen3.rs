//! Qwen3 (Yang et al. 2025): Llama with norms of queries and keys.

use super::llama::Defaults;
use super::qwen2::QWEN;
use super::{Family, llama, qwen2};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{Architecture, Attention, QueryKeyNorm};

pub(super) const FAMILY: Family = Family {
    name: "Qwen3",
    types: &[("qwen3", "Qwen3")],
    architecture: |config| {
        let llama = qwen2::architecture(config, &Defaults { d_head: Some(128), ..QWEN })?;
        with_norms(config, llama)
    },
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

/// Adds the biases that a config has, and norms of queries and keys.
pub(super) fn with_norms(config: &Config, llama: Architecture) -> Result<Architecture> {
    let llama = llama::with_attention_biases(config, llama)?;
    let query_key_norm = Some(QueryKeyNorm::Head);
    Ok(Architecture { attention: Attention { query_key_norm, ..llama.attention }, ..llama })
}
