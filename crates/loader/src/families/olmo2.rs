//! OLMo 2 (OLMo team 2024): Llama with norms of the outputs of attention and MLP, not of the inputs, and
//! norms over all heads of queries and keys.

use super::Family;
use super::llama::{self, DEFAULTS, Defaults};
use super::rules::take;
use stratoscope_transformer::{Architecture, Attention, Layout, QueryKeyNorm};

pub(super) const FAMILY: Family = Family {
    name: "OLMo 2",
    types: &[("olmo2", "Olmo2")],
    architecture: |config| {
        let bias = config.flag("attention_bias", false)?;
        let llama =
            llama::architecture(config, &Defaults { d_vocab: 50304, eps: 1e-5, ..DEFAULTS })?;
        Ok(Architecture {
            layout: Layout::OutputNorm,
            attention: Attention {
                input_bias: bias,
                output_bias: bias,
                query_key_norm: Some(QueryKeyNorm::Projection),
                ..llama.attention
            },
            ..llama
        })
    },
    names: &[
        take(&["embed.token"], "embed_tokens"),
        take(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_proj"),
        take(&["blocks.{i}.attn.k"], "layers.{i}.self_attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "layers.{i}.self_attn.v_proj"),
        take(&["blocks.{i}.attn.q_norm"], "layers.{i}.self_attn.q_norm"),
        take(&["blocks.{i}.attn.k_norm"], "layers.{i}.self_attn.k_norm"),
        take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.o_proj"),
        take(&["blocks.{i}.attn.norm_out"], "layers.{i}.post_attention_layernorm"),
        take(&["blocks.{i}.mlp.gate"], "layers.{i}.mlp.gate_proj"),
        take(&["blocks.{i}.mlp.in"], "layers.{i}.mlp.up_proj"),
        take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.down_proj"),
        take(&["blocks.{i}.mlp.norm_out"], "layers.{i}.post_feedforward_layernorm"),
        take(&["final_norm"], "norm"),
    ],
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};
