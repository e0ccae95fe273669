//! The encoder of T5Gemma (Zhang et al. 2025): Gemma 2 with attention in both directions.

use super::gemma2;
use super::rules::take;
use super::{Family, spans};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{Architecture, Span};

pub(super) const FAMILY: Family = Family {
    name: "T5Gemma encoder",
    types: &[("t5gemma", "T5Gemma"), ("t5_gemma_module", "T5GemmaModule")],
    architecture: |config| match config.within("encoder")? {
        Some(encoder) => architecture(&encoder),
        None => architecture(config),
    },
    names: &[
        take(&["embed.token"], "encoder.embed_tokens"),
        take(&["blocks.{i}.attn.norm"], "encoder.layers.{i}.pre_self_attn_layernorm"),
        take(&["blocks.{i}.attn.q"], "encoder.layers.{i}.self_attn.q_proj"),
        take(&["blocks.{i}.attn.k"], "encoder.layers.{i}.self_attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "encoder.layers.{i}.self_attn.v_proj"),
        take(&["blocks.{i}.attn.o"], "encoder.layers.{i}.self_attn.o_proj"),
        take(&["blocks.{i}.attn.norm_out"], "encoder.layers.{i}.post_self_attn_layernorm"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layers.{i}.pre_feedforward_layernorm"),
        take(&["blocks.{i}.mlp.gate"], "encoder.layers.{i}.mlp.gate_proj"),
        take(&["blocks.{i}.mlp.in"], "encoder.layers.{i}.mlp.up_proj"),
        take(&["blocks.{i}.mlp.out"], "encoder.layers.{i}.mlp.down_proj"),
        take(&["blocks.{i}.mlp.norm_out"], "encoder.layers.{i}.post_feedforward_layernorm"),
        take(&["final_norm"], "encoder.norm"),
    ],
    head: &[],
    prefixes: &["model."],
    unused: &["decoder."],
};

fn architecture(config: &Config) -> Result<Architecture> {
    let mut gemma = gemma2::architecture(config)?;
    let window = spans::window(config, Some(4096))?;
    for layer in &mut gemma.attention.layers {
        // As many keys to either side of the query.
        let side = window.filter(|_| layer.span != Span::CAUSAL);
        layer.span = Span { before: side, after: side };
    }
    // No head: it belongs to the decoder.
    Ok(Architecture { head: None, ..gemma })
}
