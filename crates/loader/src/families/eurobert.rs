//! EuroBERT (Boizard et al. 2025) and UltraBERT: Llama's blocks with attention in both directions.
//! UltraBERT has windows.

use super::llama::{DEFAULTS, Defaults};
use super::rope::{ROPE, Rope, rotary};
use super::rules::take;
use super::{Family, llama, spans};
use stratoscope_transformer::{Architecture, Attention, Head, Mlp, Span};

pub(super) const FAMILY: Family = Family {
    name: "EuroBERT / UltraBERT",
    types: &[("eurobert", "EuroBert"), ("ultrabert", "Ultrabert")],
    architecture: |config| {
        let ultra = config.text("model_type")? == "ultrabert";
        let defaults = match ultra {
            true => Defaults { context: 32768, ..DEFAULTS },
            false => Defaults {
                d_vocab: 128_256,
                d_model: 768,
                n_layers: 12,
                n_heads: 12,
                d_mlp: 3072,
                context: 8192,
                eps: 1e-5,
                ..DEFAULTS
            },
        };
        // The older keys of UltraBERT, with an entry for each block.
        config.absent("attention_windows")?;
        let bias = config.flag("attention_bias", false)?;
        let mlp_bias = config.flag("mlp_bias", false)?;
        let llama = llama::architecture(config, &defaults)?;
        let mut attention = Attention { input_bias: bias, output_bias: bias, ..llama.attention };
        attention.layers.iter_mut().for_each(|layer| layer.span = Span::ALL);
        if ultra {
            let kind = |set, default_theta| {
                rotary(config, llama.d_head, &Rope { set: Some(set), default_theta, ..ROPE })
            };
            let (whole, local) =
                (kind("full_attention", 2_560_000.0)?, kind("sliding_attention", 10_000.0)?);
            // The keys to either side.
            let side = Some(config.size(&["sliding_window"], 128)?);
            let windowed = spans::windowed(config, llama.n_layers, |i| (i + 1) % 3 != 0)?;
            for (layer, windowed) in attention.layers.iter_mut().zip(windowed) {
                layer.rotary = Some(if windowed { &local } else { &whole }.clone());
                if windowed {
                    layer.span = Span { before: side, after: side };
                }
            }
        }
        Ok(Architecture {
            attention,
            mlp: Mlp { bias: mlp_bias, ..llama.mlp },
            // The head of UltraBERT, of two layers without a norm, is not supported.
            head: llama.head.filter(|_| !ultra).map(|head| Head { bias: mlp_bias, ..head }),
            ..llama
        })
    },
    names: llama::NAMES,
    head: &[take(&["head.unembed"], "lm_head")],
    prefixes: &["model.", "ultrabert."],
    unused: &[],
};
