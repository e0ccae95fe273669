//! OLMoE (Muennighoff et al. 2024): Llama with a mixture of experts, and norms over all heads of queries
//! and keys.

use super::llama::{self, DEFAULTS, Defaults};
use super::mixture::{mixture, weighting};
use super::{Family, qwen2_moe};
use stratoscope_transformer::{Architecture, Attention, Mixture, QueryKeyNorm};

pub(super) const FAMILY: Family = Family {
    name: "OLMoE",
    types: &[("olmoe", "Olmoe")],
    architecture: |config| {
        // Values of queries, keys and values would be cut.
        config.absent("clip_qkv")?;
        let bias = config.flag("attention_bias", false)?;
        let defaults = Defaults {
            d_vocab: 50304,
            d_model: 2048,
            n_layers: 16,
            n_heads: 16,
            d_mlp: 2048,
            context: 4096,
            eps: 1e-5,
            ..DEFAULTS
        };
        let llama = llama::architecture(config, &defaults)?;
        let mixture = mixture(config, llama.n_layers, llama.d_mlp, [64, 8])?;
        Ok(Architecture {
            attention: Attention {
                input_bias: bias,
                output_bias: bias,
                query_key_norm: Some(QueryKeyNorm::Projection),
                ..llama.attention
            },
            mixture: Some(Mixture { weighting: weighting(config)?, ..mixture }),
            ..llama
        })
    },
    names: qwen2_moe::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};
