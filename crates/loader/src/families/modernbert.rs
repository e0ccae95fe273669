//! ModernBERT (Warner et al. 2024): pre-norm blocks with rotary positions, most of them with a
//! bidirectional window.

use super::rope::{ROPE, Rope, rotary};
use super::rules::{Rule, split, tables, take};
use super::{Family, spans};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Head, HeadTransform, Layout, Mlp, Norm, Span,
};

pub(super) const FAMILY: Family = Family {
    name: "ModernBERT",
    types: &[("modernbert", "ModernBert")],
    architecture,
    names: tables![
        NAMES,
        [split(
            &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"],
            "layers.{i}.attn.Wqkv",
        )],
    ],
    head: &[
        take(&["head.transform"], "head.dense"),
        take(&["head.norm"], "head.norm"),
        take(&["head.unembed"], "decoder"),
    ],
    prefixes: &["model."],
    unused: &[],
};

/// The names without those of queries, keys and values.
pub(super) const NAMES: [Rule; 8] = [
    take(&["embed.token"], "embeddings.tok_embeddings"),
    take(&["embed.norm"], "embeddings.norm"),
    take(&["blocks.{i}.attn.norm"], "layers.{i}.attn_norm"),
    take(&["blocks.{i}.attn.o"], "layers.{i}.attn.Wo"),
    take(&["blocks.{i}.mlp.norm"], "layers.{i}.mlp_norm"),
    split(&["blocks.{i}.mlp.gate", "blocks.{i}.mlp.in"], "layers.{i}.mlp.Wi"),
    take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.Wo"),
    take(&["final_norm"], "final_norm"),
];

/// The architecture of a config with ModernBERT's keys.
pub(super) fn architecture(config: &Config) -> Result<Architecture> {
    let n_layers = config.size(&["num_hidden_layers"], 22)?;
    let d_model = config.size(&["hidden_size"], 768)?;
    let n_heads = config.size(&["num_attention_heads"], 12)?;
    let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
    let period = config.size(&["global_attn_every_n_layers"], 3)?.max(1);
    let windowed = spans::windowed(config, n_layers, |i| i % period != 0)?;
    let half = config.size(&["local_attention"], 128)? / 2;
    let side = Some(config.size(&["sliding_window"], half)?);
    let whole = Rope {
        set: Some("full_attention"),
        theta: "global_rope_theta",
        default_theta: 160_000.0,
        ..ROPE
    };
    let local = Rope {
        set: Some("sliding_attention"),
        theta: "local_rope_theta",
        default_theta: 10_000.0,
        ..ROPE
    };
    let whole = (Span::ALL, rotary(config, d_head, &whole)?);
    let local = (Span { before: side, after: side }, rotary(config, d_head, &local)?);
    let bias = config.flag("attention_bias", false)?;
    let mut attention = Attention {
        input_bias: bias,
        output_bias: bias,
        ..Attention::uniform(n_layers, d_head, Span::ALL)
    };
    for (layer, windowed) in attention.layers.iter_mut().zip(windowed) {
        let (span, rotary) = if windowed { &local } else { &whole };
        (layer.span, layer.rotary) = (*span, Some(rotary.clone()));
    }
    #[allow(clippy::needless_update, reason = "fields that are added later")]
    let architecture = Architecture {
        d_vocab: config.size(&["vocab_size"], 50368)?,
        d_model,
        n_layers,
        n_weight_sets: n_layers,
        n_heads,
        n_kv_heads: n_heads,
        d_head,
        d_mlp: config.size(&["intermediate_size"], 1152)?,
        context: Some(config.size(&["max_position_embeddings"], 8192)?),
        embedding: Embedding { norm: true, ..Embedding::default() },
        norm: Norm::Layer {
            eps: config.epsilon(&["norm_eps"], 1e-5)?,
            bias: config.flag("norm_bias", false)?,
        },
        layout: Layout::PreNorm { first: false },
        final_norm: true,
        attention,
        mlp: Mlp {
            activation: config.activation("hidden_activation", Activation::Gelu)?,
            gated: true,
            bias: config.flag("mlp_bias", false)?,
        },
        head: Some(Head {
            transform: Some(HeadTransform {
                activation: config.activation("classifier_activation", Activation::Gelu)?,
                bias: config.flag("classifier_bias", false)?,
            }),
            tied: config.flag("tie_word_embeddings", true)?,
            bias: config.flag("decoder_bias", true)?,
            ..Head::TIED
        }),
        ..Architecture::BASE
    };
    Ok(architecture)
}
