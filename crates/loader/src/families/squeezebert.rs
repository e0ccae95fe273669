//! SqueezeBERT (Iandola et al. 2020): BERT whose linear layers are grouped convolutions.

use super::rules::{Rule, Transform, take};
use super::{Family, bert};
use stratoscope_transformer::Numbering;

pub(super) const FAMILY: Family = Family {
    name: "SqueezeBERT",
    types: &[("squeezebert", "SqueezeBert")],
    architecture: |config| {
        let bert = bert::architecture(config, Numbering::From(0), &bert::BASE)?;
        config.only("embedding_size", bert.d_model.into())?;
        // A constant of the blocks; that of the embedding is in the config.
        config.only("layer_norm_eps", 1e-12.into())?;
        Ok(bert)
    },
    names: &[
        take(&["embed.token"], "embeddings.word_embeddings"),
        take(&["embed.position"], "embeddings.position_embeddings"),
        take(&["embed.token_type"], "embeddings.token_type_embeddings"),
        take(&["embed.norm"], "embeddings.LayerNorm"),
        grouped(&["blocks.{i}.attn.q"], "encoder.layers.{i}.attention.query"),
        grouped(&["blocks.{i}.attn.k"], "encoder.layers.{i}.attention.key"),
        grouped(&["blocks.{i}.attn.v"], "encoder.layers.{i}.attention.value"),
        grouped(&["blocks.{i}.attn.o"], "encoder.layers.{i}.post_attention.conv1d"),
        take(&["blocks.{i}.attn.norm"], "encoder.layers.{i}.post_attention.layernorm"),
        grouped(&["blocks.{i}.mlp.in"], "encoder.layers.{i}.intermediate.conv1d"),
        grouped(&["blocks.{i}.mlp.out"], "encoder.layers.{i}.output.conv1d"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layers.{i}.output.layernorm"),
    ],
    head: bert::HEAD,
    prefixes: &["transformer."],
    unused: &["pooler."],
};

const fn grouped(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Grouped }
}
