//! ELECTRA (Clark et al. 2020), generators and discriminators: BERT's blocks over an embedding that
//! may be narrower.

use super::{Family, bert};
use crate::tokenizer::Vocabulary;
use stratoscope_transformer::{Architecture, Numbering};

pub(super) const FAMILY: Family = Family {
    name: "ELECTRA",
    model_types: &["electra"],
    architecture: |config| {
        let width = config.size(&["embedding_size"], 128)?;
        let bert = bert::architecture(config, Numbering::FromZero, 30522)?;
        Ok(Architecture { d_embed: (width != bert.d_model).then_some(width), ..bert })
    },
    names: NAMES,
    prefix: "electra.",
    unused: &[
        "generator_predictions.",
        "generator_lm_head.",
        "discriminator_predictions.",
        "classifier.",
        "qa_outputs.",
        "sequence_summary.",
        "embeddings.position_ids",
    ],
    vocabulary: Some(Vocabulary::WordPiece),
};

const NAMES: &[(&str, &str)] = &[
    ("embed.token", "embeddings.word_embeddings"),
    ("embed.position", "embeddings.position_embeddings"),
    ("embed.token_type", "embeddings.token_type_embeddings"),
    ("embed.norm", "embeddings.LayerNorm"),
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
