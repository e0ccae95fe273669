//! DistilBERT (Sanh et al. 2019): BERT's blocks under other names, without token types.

use super::Family;
use crate::tokenizer::Vocabulary;
use stratoscope_transformer::{Activation, Architecture, Norm, Numbering, Positions};

pub(super) const FAMILY: Family = Family {
    name: "DistilBERT",
    model_types: &["distilbert"],
    architecture: |config| {
        let n_layers = config.size(&["n_layers", "num_hidden_layers"], 6)?;
        let d_model = config.size(&["dim", "hidden_size"], 768)?;
        let n_heads = config.size(&["n_heads", "num_attention_heads"], 12)?;
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], 30522)?,
            d_model,
            d_embed: None,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            d_head: config.d_head("n_heads", d_model, n_heads)?,
            d_mlp: config.size(&["hidden_dim"], 3072)?,
            // No key of the config: the reference has it in its code.
            norm: Norm::Layer { eps: 1e-12 },
            positions: Positions::Learned {
                rows: config.size(&["max_position_embeddings"], 512)?,
                numbering: Numbering::FromZero,
            },
            token_types: 0,
            relative_bias: None,
            activation: config.activation("activation", Activation::Gelu)?,
        })
    },
    names: &[
        ("embed.token", "embeddings.word_embeddings"),
        ("embed.position", "embeddings.position_embeddings"),
        ("embed.norm", "embeddings.LayerNorm"),
        ("blocks.{i}.attn.q", "transformer.layer.{i}.attention.q_lin"),
        ("blocks.{i}.attn.k", "transformer.layer.{i}.attention.k_lin"),
        ("blocks.{i}.attn.v", "transformer.layer.{i}.attention.v_lin"),
        ("blocks.{i}.attn.o", "transformer.layer.{i}.attention.out_lin"),
        ("blocks.{i}.attn.norm", "transformer.layer.{i}.sa_layer_norm"),
        ("blocks.{i}.mlp.in", "transformer.layer.{i}.ffn.lin1"),
        ("blocks.{i}.mlp.out", "transformer.layer.{i}.ffn.lin2"),
        ("blocks.{i}.mlp.norm", "transformer.layer.{i}.output_layer_norm"),
    ],
    prefix: "distilbert.",
    unused: &[
        "vocab_transform.",
        "vocab_layer_norm.",
        "vocab_projector.",
        "pre_classifier.",
        "classifier.",
        "qa_outputs.",
        "embeddings.position_ids",
    ],
    vocabulary: Some(Vocabulary::WordPiece),
};
