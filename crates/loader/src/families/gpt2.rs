//! GPT-2 (Radford et al. 2019): pre-norm blocks over learned positions. Its matrices are transposed,
//! with queries, keys and values in one.

use super::Family;
use super::rules::{Rule, Transform, take, transpose};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Head, Layout, Mlp, Norm, Numbering, Positions,
    Span,
};

pub(super) const FAMILY: Family = Family {
    name: "GPT-2",
    types: &[("gpt2", "GPT2")],
    architecture,
    names: &[
        take(&["embed.token"], "wte"),
        take(&["embed.position"], "wpe"),
        take(&["blocks.{i}.attn.norm"], "h.{i}.ln_1"),
        Rule {
            to: &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"],
            from: "h.{i}.attn.c_attn",
            transform: Transform::TransposeSplit,
        },
        transpose(&["blocks.{i}.attn.o"], "h.{i}.attn.c_proj"),
        take(&["blocks.{i}.mlp.norm"], "h.{i}.ln_2"),
        transpose(&["blocks.{i}.mlp.in"], "h.{i}.mlp.c_fc"),
        transpose(&["blocks.{i}.mlp.out"], "h.{i}.mlp.c_proj"),
        take(&["final_norm"], "ln_f"),
    ],
    head: &[take(&["head.unembed"], "lm_head")],
    prefixes: &["transformer."],
    unused: &[],
};

/// The architecture of a config with GPT-2's keys.
pub(super) fn architecture(config: &Config) -> Result<Architecture> {
    config.only("add_cross_attention", false.into())?;
    let n_layers = config.size(&["n_layer", "num_hidden_layers"], 12)?;
    let d_model = config.size(&["n_embd", "hidden_size"], 768)?;
    let n_heads = config.size(&["n_head", "num_attention_heads"], 12)?;
    let d_head = config.d_head("n_head", d_model, n_heads)?;
    let rows = config.size(&["n_positions", "max_position_embeddings"], 1024)?;
    let mut attention = Attention::uniform(n_layers, d_head, Span::CAUSAL);
    let scaled = config.flag("scale_attn_weights", true)?;
    let by_layer = config.flag("scale_attn_by_inverse_layer_idx", false)?;
    for (i, layer) in attention.layers.iter_mut().enumerate() {
        if !scaled {
            layer.scale = 1.0;
        }
        if by_layer {
            layer.scale /= (i + 1) as f64;
        }
    }
    let d_mlp = config.size(&["n_inner"], d_model.saturating_mul(4))?;
    over_positions(config, attention, Sizes { d_model, n_layers, n_heads, d_head, d_mlp, rows })
}

/// Sizes of GPT-2 and its relatives.
pub(super) struct Sizes {
    pub(super) d_model: usize,
    pub(super) n_layers: usize,
    pub(super) n_heads: usize,
    pub(super) d_head: usize,
    pub(super) d_mlp: usize,
    /// The rows of the table of positions.
    pub(super) rows: usize,
}

/// GPT-2's blocks over learned positions.
pub(super) fn over_positions(
    config: &Config,
    attention: Attention,
    sizes: Sizes,
) -> Result<Architecture> {
    let Sizes { d_model, n_layers, n_heads, d_head, d_mlp, rows } = sizes;
    Ok(Architecture {
        d_vocab: config.size(&["vocab_size"], 50257)?,
        d_model,
        n_layers,
        n_weight_sets: n_layers,
        n_heads,
        n_kv_heads: n_heads,
        d_head,
        d_mlp,
        embedding: Embedding {
            positions: Some(Positions { rows, numbering: Numbering::From(0) }),
            ..Embedding::default()
        },
        norm: Norm::Layer { eps: config.epsilon(&["layer_norm_epsilon"], 1e-5)?, bias: true },
        layout: Layout::PreNorm { first: true },
        final_norm: true,
        attention,
        mlp: Mlp {
            activation: config.activation("activation_function", Activation::GeluTanh)?,
            gated: false,
            bias: true,
        },
        head: Some(Head { tied: config.flag("tie_word_embeddings", true)?, ..Head::TIED }),
        ..Architecture::BASE
    })
}
