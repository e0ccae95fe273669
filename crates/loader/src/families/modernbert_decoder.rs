//! The decoder of ModernBERT, such as Ettin (Weller et al. 2025): ModernBERT with causal attention.

use super::rules::{split, take};
use super::{Family, modernbert, spans};
use stratoscope_transformer::Span;

pub(super) const FAMILY: Family = Family {
    name: "ModernBERT decoder",
    types: &[("modernbert-decoder", "ModernBertDecoder")],
    architecture: |config| {
        let mut decoder = modernbert::architecture(config)?;
        for layer in &mut decoder.attention.layers {
            // Here the number is that of a causal window, the query included.
            layer.span = match layer.span {
                Span { before: None, .. } => Span::CAUSAL,
                Span { before, .. } => spans::causal(before),
            };
        }
        Ok(decoder)
    },
    names: &[
        take(&["embed.token"], "embeddings.tok_embeddings"),
        take(&["embed.norm"], "embeddings.norm"),
        take(&["blocks.{i}.attn.norm"], "layers.{i}.attn_norm"),
        take(&["blocks.{i}.attn.q"], "layers.{i}.attn.q_proj"),
        take(&["blocks.{i}.attn.k"], "layers.{i}.attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "layers.{i}.attn.v_proj"),
        take(&["blocks.{i}.attn.o"], "layers.{i}.attn.Wo"),
        take(&["blocks.{i}.mlp.norm"], "layers.{i}.mlp_norm"),
        split(&["blocks.{i}.mlp.gate", "blocks.{i}.mlp.in"], "layers.{i}.mlp.Wi"),
        take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.Wo"),
        take(&["final_norm"], "final_norm"),
    ],
    head: &[
        take(&["head.transform"], "lm_head.dense"),
        take(&["head.norm"], "lm_head.norm"),
        take(&["head.unembed"], "decoder"),
    ],
    prefixes: &["model."],
    unused: &[],
};
