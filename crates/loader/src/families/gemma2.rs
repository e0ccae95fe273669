//! Gemma 2 (Gemma team 2024): norms before and after each half of a block, soft caps, and a window
//! in every other block.

use super::gemma::{self, GEMMA};
use super::llama::{self, Defaults};
use super::rules::take;
use super::{Family, Rule, spans};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{Activation, Architecture, Attention, Layout};

pub(super) const FAMILY: Family = Family {
    name: "Gemma 2",
    types: &[("gemma2", "Gemma2")],
    architecture: |config| {
        config.only("use_bidirectional_attention", false.into())?;
        let mut gemma = architecture(config, &GEMMA2)?;
        gemma.attention.soft_cap = capped(config, "attn_logit_softcapping", Some(50.0))?;
        if let Some(head) = &mut gemma.head {
            head.soft_cap = capped(config, "final_logit_softcapping", Some(30.0))?;
        }
        let windowed = spans::windowed(config, gemma.n_layers, |i| i % 2 == 0)?;
        let window = spans::window(config, Some(4096))?;
        spans::set_windows(config, &mut gemma.attention, &windowed, window)?;
        Ok(gemma)
    },
    names: NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

pub(super) const GEMMA2: Defaults =
    Defaults { d_model: 2304, n_layers: 26, n_heads: 8, n_kv_heads: Some(4), d_mlp: 9216, ..GEMMA };

/// Llama's names with four norms per block, which Gemma 3 shares.
pub(super) const NAMES: &[Rule] = &[
    take(&["embed.token"], "embed_tokens"),
    take(&["blocks.{i}.attn.norm"], "layers.{i}.input_layernorm"),
    take(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_proj"),
    take(&["blocks.{i}.attn.k"], "layers.{i}.self_attn.k_proj"),
    take(&["blocks.{i}.attn.v"], "layers.{i}.self_attn.v_proj"),
    take(&["blocks.{i}.attn.q_norm"], "layers.{i}.self_attn.q_norm"),
    take(&["blocks.{i}.attn.k_norm"], "layers.{i}.self_attn.k_norm"),
    take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.o_proj"),
    take(&["blocks.{i}.attn.norm_out"], "layers.{i}.post_attention_layernorm"),
    take(&["blocks.{i}.mlp.norm"], "layers.{i}.pre_feedforward_layernorm"),
    take(&["blocks.{i}.mlp.gate"], "layers.{i}.mlp.gate_proj"),
    take(&["blocks.{i}.mlp.in"], "layers.{i}.mlp.up_proj"),
    take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.down_proj"),
    take(&["blocks.{i}.mlp.norm_out"], "layers.{i}.post_feedforward_layernorm"),
    take(&["final_norm"], "norm"),
];

/// The architecture of Gemma 2 and 3.
pub(super) fn architecture(config: &Config, defaults: &Defaults) -> Result<Architecture> {
    let activation = config.activation("hidden_activation", Activation::GeluTanh)?;
    let gemma = gemma::architecture(config, defaults, activation)?;
    let scalar = config.positive(&["query_pre_attn_scalar"])?.unwrap_or(256.0);
    let mut layers = gemma.attention.layers;
    for layer in &mut layers {
        layer.scale = scalar.powf(-0.5);
    }
    Ok(Architecture {
        layout: Layout::Sandwich,
        attention: Attention { layers, ..gemma.attention },
        ..gemma
    })
}

/// A soft cap. Null means none, a missing key the default.
pub(super) fn capped(config: &Config, key: &str, default: Option<f64>) -> Result<Option<f64>> {
    if config.is_null(key) {
        return Ok(None);
    }
    Ok(config.positive(&[key])?.or(default))
}
