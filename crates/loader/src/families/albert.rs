//! ALBERT (Lan et al. 2020): BERT's blocks with one set of weights for many, over a narrow embedding.

use super::Family;
use stratoscope_transformer::{Activation, Architecture, Norm, Numbering, Positions};

pub(super) const FAMILY: Family = Family {
    name: "ALBERT",
    model_types: &["albert"],
    architecture: |config| {
        super::refuse_decoders(config)?;
        config.only("position_embedding_type", "absolute".into())?;
        // A group of several blocks would be one layer of hidden states; no published model has it.
        config.only("inner_group_num", 1.into())?;
        let d_model = config.size(&["hidden_size"], 4096)?;
        let n_heads = config.size(&["num_attention_heads"], 64)?;
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], 30000)?,
            d_model,
            // Projected even where the widths are equal.
            d_embed: Some(config.size(&["embedding_size"], 128)?),
            n_layers: config.size(&["num_hidden_layers"], 12)?,
            n_weight_sets: config.size(&["num_hidden_groups"], 1)?,
            n_heads,
            d_head: config.d_head("num_attention_heads", d_model, n_heads)?,
            d_mlp: config.size(&["intermediate_size"], 16384)?,
            norm: Norm::Layer { eps: config.epsilon("layer_norm_eps", 1e-12)? },
            positions: Positions::Learned {
                rows: config.size(&["max_position_embeddings"], 512)?,
                numbering: Numbering::FromZero,
            },
            token_types: config.size(&["type_vocab_size"], 2)?,
            relative_bias: None,
            activation: config.activation("hidden_act", Activation::GeluTanh)?,
        })
    },
    names: &[
        ("embed.token", "embeddings.word_embeddings"),
        ("embed.position", "embeddings.position_embeddings"),
        ("embed.token_type", "embeddings.token_type_embeddings"),
        ("embed.norm", "embeddings.LayerNorm"),
        ("embed.project", "encoder.embedding_hidden_mapping_in"),
        ("blocks.{i}.attn.q", "encoder.albert_layer_groups.{i}.albert_layers.0.attention.query"),
        ("blocks.{i}.attn.k", "encoder.albert_layer_groups.{i}.albert_layers.0.attention.key"),
        ("blocks.{i}.attn.v", "encoder.albert_layer_groups.{i}.albert_layers.0.attention.value"),
        ("blocks.{i}.attn.o", "encoder.albert_layer_groups.{i}.albert_layers.0.attention.dense"),
        (
            "blocks.{i}.attn.norm",
            "encoder.albert_layer_groups.{i}.albert_layers.0.attention.LayerNorm",
        ),
        ("blocks.{i}.mlp.in", "encoder.albert_layer_groups.{i}.albert_layers.0.ffn"),
        ("blocks.{i}.mlp.out", "encoder.albert_layer_groups.{i}.albert_layers.0.ffn_output"),
        (
            "blocks.{i}.mlp.norm",
            "encoder.albert_layer_groups.{i}.albert_layers.0.full_layer_layer_norm",
        ),
    ],
    prefix: "albert.",
    unused: &[
        "pooler.",
        "predictions.",
        "sop_classifier.",
        "classifier.",
        "qa_outputs.",
        "embeddings.position_ids",
    ],
    // Its other files are SentencePiece's.
    vocabulary: None,
};
