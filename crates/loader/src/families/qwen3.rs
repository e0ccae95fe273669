//! Qwen3 (Yang et al. 2025): Llama with norms of queries and keys.

use super::llama::Defaults;
use super::qwen2::QWEN;
use super::{Family, llama, qwen2};
use stratoscope_transformer::{Architecture, Attention, QueryKeyNorm};

pub(super) const FAMILY: Family = Family {
    name: "Qwen3",
    types: &[("qwen3", "Qwen3")],
    architecture: |config| {
        let bias = config.flag("attention_bias", false)?;
        let llama = qwen2::architecture(config, &Defaults { d_head: Some(128), ..QWEN })?;
        Ok(Architecture {
            attention: Attention {
                input_bias: bias,
                output_bias: bias,
                query_key_norm: Some(QueryKeyNorm::Head),
                ..llama.attention
            },
            ..llama
        })
    },
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};
