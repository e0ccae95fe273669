//! MPNet (Song et al. 2020): RoBERTa's positions and a bias of attention by distance that all
//! blocks share.

use super::Family;
use crate::tokenizer::Vocabulary;
use stratoscope_transformer::{Activation, Architecture, Norm, Numbering, Positions, RelativeBias};

pub(super) const FAMILY: Family = Family {
    name: "MPNet",
    model_types: &["mpnet"],
    architecture: |config| {
        super::refuse_decoders(config)?;
        let n_layers = config.size(&["num_hidden_layers"], 12)?;
        let d_model = config.size(&["hidden_size"], 768)?;
        let n_heads = config.size(&["num_attention_heads"], 12)?;
        // The reference always computes 32 buckets up to distance 128; the config's number is the
        // height of the table alone, and other tables have no published model.
        config.only("relative_attention_num_buckets", 32.into())?;
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], 30527)?,
            d_model,
            d_embed: None,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            d_head: config.d_head("num_attention_heads", d_model, n_heads)?,
            d_mlp: config.size(&["intermediate_size"], 3072)?,
            norm: Norm::Layer { eps: config.epsilon("layer_norm_eps", 1e-12)? },
            // The padding id is a constant of the reference, whatever the config's is.
            positions: Positions::Learned {
                rows: config.size(&["max_position_embeddings"], 512)?,
                numbering: Numbering::AfterPadding { padding_id: 1 },
            },
            token_types: 0,
            relative_bias: Some(RelativeBias { buckets: 32, max_distance: 128 }),
            activation: config.activation("hidden_act", Activation::Gelu)?,
        })
    },
    names: &[
        ("embed.token", "embeddings.word_embeddings"),
        ("embed.position", "embeddings.position_embeddings"),
        ("embed.norm", "embeddings.LayerNorm"),
        ("relative_bias", "encoder.relative_attention_bias"),
        ("blocks.{i}.attn.q", "encoder.layer.{i}.attention.attn.q"),
        ("blocks.{i}.attn.k", "encoder.layer.{i}.attention.attn.k"),
        ("blocks.{i}.attn.v", "encoder.layer.{i}.attention.attn.v"),
        ("blocks.{i}.attn.o", "encoder.layer.{i}.attention.attn.o"),
        ("blocks.{i}.attn.norm", "encoder.layer.{i}.attention.LayerNorm"),
        ("blocks.{i}.mlp.in", "encoder.layer.{i}.intermediate.dense"),
        ("blocks.{i}.mlp.out", "encoder.layer.{i}.output.dense"),
        ("blocks.{i}.mlp.norm", "encoder.layer.{i}.output.LayerNorm"),
    ],
    prefix: "mpnet.",
    unused: &["pooler.", "lm_head.", "classifier.", "qa_outputs.", "embeddings.position_ids"],
    vocabulary: Some(Vocabulary::WordPieceSentence),
};
