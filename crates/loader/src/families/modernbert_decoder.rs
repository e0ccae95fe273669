//! The decoder of ModernBERT, such as Ettin (Weller et al. 2025): ModernBERT with causal attention.

use super::rules::{tables, take};
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
    names: tables![
        modernbert::NAMES,
        [
            take(&["blocks.{i}.attn.q"], "layers.{i}.attn.q_proj"),
            take(&["blocks.{i}.attn.k"], "layers.{i}.attn.k_proj"),
            take(&["blocks.{i}.attn.v"], "layers.{i}.attn.v_proj"),
        ],
    ],
    head: &[
        take(&["head.transform"], "lm_head.dense"),
        take(&["head.norm"], "lm_head.norm"),
        take(&["head.unembed"], "decoder"),
    ],
    prefixes: &["model."],
    unused: &[],
};
