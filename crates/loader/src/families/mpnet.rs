//! MPNet (Song et al. 2020): RoBERTa's positions, and a relative attention bias that all blocks share.

use super::bert::Sizes;
use super::rules::take;
use super::{Family, bert};
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Numbering, Relative, RelativeBias,
};

pub(super) const FAMILY: Family = Family {
    name: "MPNet",
    types: &[("mpnet", "MPNet")],
    architecture: |config| {
        // The reference always computes 32 buckets up to distance 128. The number in the config is
        // that of the rows of the table; no published model has another.
        config.only("relative_attention_num_buckets", 32.into())?;
        let bias = RelativeBias { buckets: 32, max_distance: 128, per_block: false, gated: false };
        // A constant of the reference, whatever the padding id of the config is.
        let sizes = Sizes { d_vocab: 30527, ..bert::BASE };
        let numbering = Numbering::AfterPadding { padding_id: 1 };
        let bert = bert::architecture(config, numbering, &sizes)?;
        Ok(Architecture {
            embedding: Embedding { token_types: 0, ..bert.embedding },
            attention: Attention { relative: Some(Relative::Bias(bias)), ..bert.attention },
            head: bert::head(config, Activation::Gelu)?,
            ..bert
        })
    },
    names: &[
        take(&["embed.token"], "embeddings.word_embeddings"),
        take(&["embed.position"], "embeddings.position_embeddings"),
        take(&["embed.norm"], "embeddings.LayerNorm"),
        take(&["relative"], "encoder.relative_attention_bias"),
        take(&["blocks.{i}.attn.q"], "encoder.layer.{i}.attention.attn.q"),
        take(&["blocks.{i}.attn.k"], "encoder.layer.{i}.attention.attn.k"),
        take(&["blocks.{i}.attn.v"], "encoder.layer.{i}.attention.attn.v"),
        take(&["blocks.{i}.attn.o"], "encoder.layer.{i}.attention.attn.o"),
        take(&["blocks.{i}.attn.norm"], "encoder.layer.{i}.attention.LayerNorm"),
        take(&["blocks.{i}.mlp.in"], "encoder.layer.{i}.intermediate.dense"),
        take(&["blocks.{i}.mlp.out"], "encoder.layer.{i}.output.dense"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layer.{i}.output.LayerNorm"),
    ],
    head: bert::LM_HEAD,
    prefixes: &["mpnet."],
    unused: &["pooler."],
};
