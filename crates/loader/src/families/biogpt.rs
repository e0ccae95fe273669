//! BioGPT (Luo et al. 2022): pre-norm blocks over learned positions, with scaled embeddings.

use super::rules::take;
use super::{Family, Rule};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Head, Layout, Mlp, Norm, Numbering, Positions,
    Span,
};

pub(super) const FAMILY: Family = Family {
    name: "BioGPT",
    types: &[("biogpt", "BioGpt")],
    architecture: |config| {
        super::refuse_decoders(config)?;
        architecture(
            config,
            Sizes {
                d_vocab: config.size(&["vocab_size"], 42384)?,
                d_model: config.size(&["hidden_size"], 1024)?,
                n_layers: config.size(&["num_hidden_layers"], 24)?,
                n_heads: config.size(&["num_attention_heads"], 16)?,
                d_mlp: config.size(&["intermediate_size"], 4096)?,
                positions: config.size(&["max_position_embeddings"], 1024)?,
            },
            config.activation("hidden_act", Activation::Gelu)?,
        )
    },
    names: NAMES,
    head: &[take(&["head.unembed"], "output_projection")],
    prefixes: &["biogpt."],
    unused: &[],
};

/// The names of fairseq's decoders, of which XGLM has all but the positions.
pub(super) const NAMES: &[Rule] = &[
    take(&["embed.token"], "embed_tokens"),
    take(&["embed.position"], "embed_positions"),
    take(&["blocks.{i}.attn.norm"], "layers.{i}.self_attn_layer_norm"),
    take(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_proj"),
    take(&["blocks.{i}.attn.k"], "layers.{i}.self_attn.k_proj"),
    take(&["blocks.{i}.attn.v"], "layers.{i}.self_attn.v_proj"),
    take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.out_proj"),
    take(&["blocks.{i}.mlp.norm"], "layers.{i}.final_layer_norm"),
    take(&["blocks.{i}.mlp.in"], "layers.{i}.fc1"),
    take(&["blocks.{i}.mlp.out"], "layers.{i}.fc2"),
    take(&["final_norm"], "layer_norm"),
];

/// The sizes of a config.
pub(super) struct Sizes {
    pub(super) d_vocab: usize,
    pub(super) d_model: usize,
    pub(super) n_layers: usize,
    pub(super) n_heads: usize,
    pub(super) d_mlp: usize,
    pub(super) positions: usize,
}

/// The architecture of fairseq's decoders.
pub(super) fn architecture(
    config: &Config,
    Sizes { d_vocab, d_model, n_layers, n_heads, d_mlp, positions }: Sizes,
    activation: Activation,
) -> Result<Architecture> {
    let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
    let scaled = config.flag("scale_embedding", true)?;
    // The first two rows of the table are not positions.
    let (rows, numbering) = (positions.saturating_add(2), Numbering::From(2));
    Ok(Architecture {
        d_vocab,
        d_model,
        n_layers,
        n_weight_sets: n_layers,
        n_heads,
        n_kv_heads: n_heads,
        d_head,
        d_mlp,
        embedding: Embedding {
            positions: Some(Positions { rows, numbering }),
            scale: scaled.then(|| (d_model as f64).sqrt()),
            ..Embedding::default()
        },
        // A constant in the reference's code.
        norm: Norm::Layer { eps: 1e-5, bias: true },
        layout: Layout::PreNorm { first: true },
        final_norm: true,
        attention: Attention::uniform(n_layers, d_head, Span::CAUSAL),
        mlp: Mlp { activation, gated: false, bias: true },
        head: Some(Head { tied: config.flag("tie_word_embeddings", true)?, ..Head::TIED }),
        ..Architecture::BASE
    })
}
