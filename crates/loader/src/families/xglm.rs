//! XGLM (Lin et al. 2022): BioGPT's blocks over computed positions.

use super::Family;
use super::biogpt::{self, Sizes};
use super::rules::{Made, made, tables, take};
use stratoscope_transformer::Activation;

pub(super) const FAMILY: Family = Family {
    name: "XGLM",
    types: &[("xglm", "XGLM")],
    architecture: |config| {
        super::refuse_decoders(config)?;
        biogpt::architecture(
            config,
            Sizes {
                d_vocab: config.size(&["vocab_size"], 256_008)?,
                d_model: config.size(&["d_model", "hidden_size"], 1024)?,
                n_layers: config.size(&["num_layers", "num_hidden_layers"], 24)?,
                n_heads: config.size(&["attention_heads", "num_attention_heads"], 16)?,
                d_mlp: config.size(&["ffn_dim"], 4096)?,
                positions: config.size(&["max_position_embeddings"], 2048)?,
            },
            config.activation("activation_function", Activation::Gelu)?,
        )
    },
    names: tables![biogpt::NAMES, [made(&["embed.position"], Made::SpacedSines { padding_id: 1 })]],
    head: &[take(&["head.unembed"], "lm_head")],
    prefixes: &["model."],
    unused: &[],
};
