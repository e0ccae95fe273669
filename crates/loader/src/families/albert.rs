//! ALBERT (Lan et al. 2020): BERT's blocks with shared weights, over a narrow embedding.

use super::bert::Sizes;
use super::rules::take;
use super::{Family, bert};
use stratoscope_transformer::{
    Activation, Architecture, Embedding, Mlp, Numbering, Projection, ProjectionPlace,
};

pub(super) const FAMILY: Family = Family {
    name: "ALBERT",
    types: &[("albert", "Albert")],
    architecture: |config| {
        // A group of several blocks gives one layer of hidden states. No published model has it.
        config.only("inner_group_num", 1.into())?;
        let sizes =
            Sizes { d_vocab: 30000, d_model: 4096, n_heads: 64, d_mlp: 16384, ..bert::BASE };
        let bert = bert::architecture(config, Numbering::From(0), &sizes)?;
        let activation = config.activation("hidden_act", Activation::GeluTanh)?;
        // Projected even if the widths are equal.
        let width = config.size(&["embedding_size"], 128)?;
        let projection = Projection { width, place: ProjectionPlace::Normed, bias: true };
        Ok(Architecture {
            n_weight_sets: config.size(&["num_hidden_groups"], 1)?,
            embedding: Embedding { projection: Some(projection), ..bert.embedding },
            mlp: Mlp { activation, ..bert.mlp },
            head: bert::head(config, activation)?,
            ..bert
        })
    },
    names: &[
        take(&["embed.token"], "embeddings.word_embeddings"),
        take(&["embed.position"], "embeddings.position_embeddings"),
        take(&["embed.token_type"], "embeddings.token_type_embeddings"),
        take(&["embed.norm"], "embeddings.LayerNorm"),
        take(&["embed.project"], "encoder.embedding_hidden_mapping_in"),
        take(
            &["blocks.{i}.attn.q"],
            "encoder.albert_layer_groups.{i}.albert_layers.0.attention.query",
        ),
        take(
            &["blocks.{i}.attn.k"],
            "encoder.albert_layer_groups.{i}.albert_layers.0.attention.key",
        ),
        take(
            &["blocks.{i}.attn.v"],
            "encoder.albert_layer_groups.{i}.albert_layers.0.attention.value",
        ),
        take(
            &["blocks.{i}.attn.o"],
            "encoder.albert_layer_groups.{i}.albert_layers.0.attention.dense",
        ),
        take(
            &["blocks.{i}.attn.norm"],
            "encoder.albert_layer_groups.{i}.albert_layers.0.attention.LayerNorm",
        ),
        take(&["blocks.{i}.mlp.in"], "encoder.albert_layer_groups.{i}.albert_layers.0.ffn"),
        take(&["blocks.{i}.mlp.out"], "encoder.albert_layer_groups.{i}.albert_layers.0.ffn_output"),
        take(
            &["blocks.{i}.mlp.norm"],
            "encoder.albert_layer_groups.{i}.albert_layers.0.full_layer_layer_norm",
        ),
    ],
    head: &[
        take(&["head.transform"], "predictions.dense"),
        take(&["head.norm"], "predictions.LayerNorm"),
        take(&["head.unembed"], "predictions.decoder"),
        take(&["head.unembed"], "predictions"),
    ],
    prefixes: &["albert."],
    unused: &["pooler."],
};
