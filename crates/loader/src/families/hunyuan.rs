//! Hunyuan's dense models (Tencent 2025): Llama with norms of queries and keys after the rotation.

use super::Family;
use super::llama::{self, DEFAULTS, Defaults};
use super::rules::{tables, take};
use stratoscope_transformer::{Architecture, Attention, QueryKeyNorm, RotaryScaling};

pub(super) const FAMILY: Family = Family {
    name: "Hunyuan",
    types: &[("hunyuan_v1_dense", "HunYuanDenseV1")],
    architecture: |config| {
        let defaults = Defaults { d_vocab: 290_943, eps: 1e-5, ..DEFAULTS };
        let llama = llama::architecture(config, &defaults)?;
        let mut llama = llama::with_attention_biases(config, llama)?;
        let scaling = match config.within("rope_scaling")? {
            None => config.within("rope_parameters")?,
            scaling => scaling,
        };
        // "dynamic" with a factor of the base, at any length.
        let alpha = scaling.map_or(Ok(None), |scaling| scaling.positive(&["alpha"]))?;
        let rotaries = llama.attention.layers.iter_mut().filter_map(|l| l.rotary.as_mut());
        for rotary in rotaries.filter(|rotary| rotary.scaling == RotaryScaling::Within) {
            if let Some(alpha) = alpha {
                let d = llama.d_head as f64;
                (rotary.base, rotary.scaling) =
                    (rotary.base * alpha.powf(d / (d - 2.0)), RotaryScaling::None);
            }
        }
        Ok(Architecture {
            attention: Attention {
                query_key_norm: Some(QueryKeyNorm::RotatedHead),
                ..llama.attention
            },
            ..llama
        })
    },
    names: tables![
        llama::EMBED,
        llama::NORMS,
        llama::ATTENTION,
        [
            take(&["blocks.{i}.attn.q_norm"], "layers.{i}.self_attn.query_layernorm"),
            take(&["blocks.{i}.attn.k_norm"], "layers.{i}.self_attn.key_layernorm"),
        ],
        llama::MLP,
        llama::FINAL,
    ],
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};
