//! BERT (Devlin et al. 2019), and all that is built on it: MiniLM, BGE, E5, GTE and others.

use super::Family;
use crate::Result;
use crate::config::Config;
use crate::tokenizer::Vocabulary;
use stratoscope_transformer::{Activation, Architecture, Norm, Numbering, Positions};

pub(super) const FAMILY: Family = Family {
    name: "BERT",
    model_types: &["bert"],
    architecture: |config| architecture(config, Numbering::FromZero, 30522),
    names: NAMES,
    prefix: "bert.",
    unused: &["pooler.", "cls.", "classifier.", "qa_outputs.", "embeddings.position_ids"],
    vocabulary: Some(Vocabulary::WordPiece),
};

/// The names of a BERT checkpoint, which ELECTRA and RoBERTa's kin share.
pub(super) const NAMES: &[(&str, &str)] = &[
    ("embed.token", "embeddings.word_embeddings"),
    ("embed.position", "embeddings.position_embeddings"),
    ("embed.token_type", "embeddings.token_type_embeddings"),
    ("embed.norm", "embeddings.LayerNorm"),
    // Only where the embedding is narrower than the rest.
    ("embed.project", "embeddings_project"),
    ("blocks.{i}.attn.q", "encoder.layer.{i}.attention.self.query"),
    ("blocks.{i}.attn.k", "encoder.layer.{i}.attention.self.key"),
    ("blocks.{i}.attn.v", "encoder.layer.{i}.attention.self.value"),
    ("blocks.{i}.attn.o", "encoder.layer.{i}.attention.output.dense"),
    ("blocks.{i}.attn.norm", "encoder.layer.{i}.attention.output.LayerNorm"),
    ("blocks.{i}.mlp.in", "encoder.layer.{i}.intermediate.dense"),
    ("blocks.{i}.mlp.out", "encoder.layer.{i}.output.dense"),
    ("blocks.{i}.mlp.norm", "encoder.layer.{i}.output.LayerNorm"),
];

/// The architecture of a config with BERT's keys.
pub(super) fn architecture(
    config: &Config,
    numbering: Numbering,
    d_vocab: usize,
) -> Result<Architecture> {
    super::refuse_decoders(config)?;
    config.only("position_embedding_type", "absolute".into())?;
    let n_layers = config.size(&["num_hidden_layers"], 12)?;
    let d_model = config.size(&["hidden_size"], 768)?;
    let n_heads = config.size(&["num_attention_heads"], 12)?;
    Ok(Architecture {
        d_vocab: config.size(&["vocab_size"], d_vocab)?,
        d_model,
        d_embed: None,
        n_layers,
        n_weight_sets: n_layers,
        n_heads,
        d_head: config.d_head("num_attention_heads", d_model, n_heads)?,
        d_mlp: config.size(&["intermediate_size"], 3072)?,
        norm: Norm::Layer { eps: config.epsilon("layer_norm_eps", 1e-12)? },
        positions: Positions::Learned {
            rows: config.size(&["max_position_embeddings"], 512)?,
            numbering,
        },
        token_types: config.size(&["type_vocab_size"], 2)?,
        relative_bias: None,
        activation: config.activation("hidden_act", Activation::Gelu)?,
    })
}
