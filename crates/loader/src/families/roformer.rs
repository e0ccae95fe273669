//! RoFormer (Su et al. 2021): BERT with rotary positions, whose pairs are interleaved.

use super::Family;
use super::bert::{self, Sizes};
use super::rules::{interleaved, take};
use stratoscope_transformer::{
    Architecture, Embedding, Numbering, Projection, ProjectionPlace, Rotary,
};

pub(super) const FAMILY: Family = Family {
    name: "RoFormer",
    types: &[("roformer", "RoFormer")],
    architecture: |config| {
        config.only("rotary_value", false.into())?;
        let sizes = Sizes { d_vocab: 50000, ..bert::BASE };
        let mut bert = bert::architecture(config, Numbering::From(0), &sizes)?;
        let rotary = Rotary::new(10_000.0, bert.d_head);
        bert.attention.layers.iter_mut().for_each(|layer| layer.rotary = Some(rotary.clone()));
        let width = config.size(&["embedding_size"], bert.d_model)?;
        let projection = Projection { width, place: ProjectionPlace::Normed, bias: true };
        Ok(Architecture {
            context: Some(config.size(&["max_position_embeddings"], 1536)?),
            embedding: Embedding {
                projection: (width != bert.d_model).then_some(projection),
                positions: None,
                ..bert.embedding
            },
            ..bert
        })
    },
    names: &[
        take(&["embed.token"], "embeddings.word_embeddings"),
        take(&["embed.token_type"], "embeddings.token_type_embeddings"),
        take(&["embed.norm"], "embeddings.LayerNorm"),
        take(&["embed.project"], "embeddings_project"),
        interleaved(&["blocks.{i}.attn.q"], "encoder.layer.{i}.attention.self.query"),
        interleaved(&["blocks.{i}.attn.k"], "encoder.layer.{i}.attention.self.key"),
        take(&["blocks.{i}.attn.v"], "encoder.layer.{i}.attention.self.value"),
        take(&["blocks.{i}.attn.o"], "encoder.layer.{i}.attention.output.dense"),
        take(&["blocks.{i}.attn.norm"], "encoder.layer.{i}.attention.output.LayerNorm"),
        take(&["blocks.{i}.mlp.in"], "encoder.layer.{i}.intermediate.dense"),
        take(&["blocks.{i}.mlp.out"], "encoder.layer.{i}.output.dense"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layer.{i}.output.LayerNorm"),
    ],
    head: bert::HEAD,
    prefixes: &["roformer."],
    // The sines and cosines of the rotation.
    unused: &["pooler.", "encoder.embed_positions."],
};
