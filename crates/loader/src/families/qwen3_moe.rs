//! Qwen3-MoE (Yang et al. 2025): Qwen3 with a mixture of experts.

use super::llama::{self, Defaults};
use super::mixture::{mixture, sparse_blocks, weighting};
use super::qwen2::QWEN;
use super::{Family, qwen2_moe, spans};
use stratoscope_transformer::{Architecture, Attention, Mixture, QueryKeyNorm};

pub(super) const FAMILY: Family = Family {
    name: "Qwen3-MoE",
    types: &[("qwen3_moe", "Qwen3Moe")],
    architecture: |config| {
        let bias = config.flag("attention_bias", false)?;
        let sizes = Defaults { d_model: 2048, n_layers: 24, n_kv_heads: Some(4), ..QWEN };
        let mut llama = llama::architecture(config, &Defaults { d_mlp: 6144, ..sizes })?;
        if config.flag("use_sliding_window", false)? {
            spans::set_window(&mut llama.attention, spans::window(config, Some(4096))?);
        }
        let d_expert = config.size(&["moe_intermediate_size"], 768)?;
        let mut mixture = Mixture {
            weighting: weighting(config)?,
            ..mixture(config, llama.n_layers, d_expert, [128, 8])?
        };
        sparse_blocks(config, &mut mixture)?;
        Ok(Architecture {
            attention: Attention {
                input_bias: bias,
                output_bias: bias,
                query_key_norm: Some(QueryKeyNorm::Head),
                ..llama.attention
            },
            mixture: Some(mixture),
            ..llama
        })
    },
    names: qwen2_moe::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};
