//! The text model of Gemma 3 (Gemma team 2025): Gemma 2 with norms of queries and keys instead of soft
//! caps, and two rotations. Also EmbeddingGemma, whose attention is bidirectional.

use super::gemma2::{self, capped};
use super::llama::{self, Defaults};
use super::rope::{ROPE, Rope, rotary};
use super::{Family, gemma, spans};
use stratoscope_transformer::{QueryKeyNorm, Span};

pub(super) const FAMILY: Family = Family {
    name: "Gemma 3",
    types: &[("gemma3_text", "Gemma3")],
    architecture: |config| {
        // The reference's eager attention does not apply it.
        config.absent("attn_logit_softcapping")?;
        let mut gemma = gemma2::sandwich(config, &GEMMA3)?;
        gemma.attention.query_key_norm = Some(QueryKeyNorm::Head);
        if let Some(head) = &mut gemma.head {
            head.soft_cap = capped(config, "final_logit_softcapping", None)?;
        }
        let period = config.size(&["sliding_window_pattern", "_sliding_window_pattern"], 6)?.max(1);
        let windowed = spans::windowed(config, gemma.n_layers, |i| (i + 1) % period != 0)?;
        let window = spans::window(config, Some(4096))?;
        spans::set_windows(config, &mut gemma.attention, &windowed, window)?;
        if config.flag("use_bidirectional_attention", false)? {
            // Half of the window to either side.
            let side = window.map(|w| w / 2);
            for (layer, &windowed) in gemma.attention.layers.iter_mut().zip(&windowed) {
                layer.span = if windowed { Span { before: side, after: side } } else { Span::ALL };
            }
        }
        let local = Rope {
            set: Some("sliding_attention"),
            theta: "rope_local_base_freq",
            default_theta: 10_000.0,
            scaled: false,
            ..ROPE
        };
        let local = rotary(config, gemma.d_head, &local)?;
        for (layer, &windowed) in gemma.attention.layers.iter_mut().zip(&windowed) {
            if windowed {
                layer.rotary = Some(local.clone());
            }
        }
        Ok(gemma)
    },
    names: gemma2::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const GEMMA3: Defaults = Defaults {
    d_vocab: 262_208,
    d_model: 2304,
    n_layers: 26,
    n_heads: 8,
    n_kv_heads: Some(4),
    d_mlp: 9216,
    context: 131_072,
    rope: Rope { set: Some("full_attention"), default_theta: 1_000_000.0, ..ROPE },
    ..gemma::GEMMA
};
