//! BERT (Devlin et al. 2019), and models with the same architecture, such as MiniLM, BGE, E5 and GTE.

use super::rules::take;
use super::{Family, Rule};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Head, HeadTransform, Layout, Mlp, Norm,
    Numbering, Positions, Span,
};

pub(super) const FAMILY: Family = Family {
    name: "BERT",
    types: &[("bert", "Bert")],
    architecture: |config| architecture(config, Numbering::From(0), &BASE),
    names: NAMES,
    head: HEAD,
    prefixes: &["bert."],
    unused: &["pooler."],
};

/// The head of BERT.
pub(super) const HEAD: &[Rule] = &[
    take(&["head.transform"], "cls.predictions.transform.dense"),
    take(&["head.norm"], "cls.predictions.transform.LayerNorm"),
    take(&["head.unembed"], "cls.predictions.decoder"),
    take(&["head.unembed"], "cls.predictions"),
];

/// The names of a BERT checkpoint, which ELECTRA and the RoBERTa family share.
pub(super) const NAMES: &[Rule] = &[
    take(&["embed.token"], "embeddings.word_embeddings"),
    take(&["embed.position"], "embeddings.position_embeddings"),
    take(&["embed.token_type"], "embeddings.token_type_embeddings"),
    take(&["embed.norm"], "embeddings.LayerNorm"),
    // Of ELECTRA, if the embedding is narrower than the blocks.
    take(&["embed.project"], "embeddings_project"),
    take(&["blocks.{i}.attn.q"], "encoder.layer.{i}.attention.self.query"),
    take(&["blocks.{i}.attn.k"], "encoder.layer.{i}.attention.self.key"),
    take(&["blocks.{i}.attn.v"], "encoder.layer.{i}.attention.self.value"),
    take(&["blocks.{i}.attn.o"], "encoder.layer.{i}.attention.output.dense"),
    take(&["blocks.{i}.attn.norm"], "encoder.layer.{i}.attention.output.LayerNorm"),
    take(&["blocks.{i}.mlp.in"], "encoder.layer.{i}.intermediate.dense"),
    take(&["blocks.{i}.mlp.out"], "encoder.layer.{i}.output.dense"),
    take(&["blocks.{i}.mlp.norm"], "encoder.layer.{i}.output.LayerNorm"),
];

/// The head of the RoBERTa family, which MPNet shares.
pub(super) const LM_HEAD: &[Rule] = &[
    take(&["head.transform"], "lm_head.dense"),
    take(&["head.norm"], "lm_head.layer_norm"),
    take(&["head.unembed"], "lm_head.decoder"),
    take(&["head.unembed"], "lm_head"),
];

/// A masked-language-model head with an activation, tied by default.
pub(super) fn head(config: &Config, activation: Activation) -> Result<Option<Head>> {
    Ok(Some(Head {
        transform: Some(HeadTransform { activation, bias: true }),
        tied: config.flag("tie_word_embeddings", true)?,
        bias: true,
        ..Head::TIED
    }))
}

/// The sizes that a config leaves out.
pub(super) struct Sizes {
    pub(super) d_vocab: usize,
    pub(super) d_model: usize,
    pub(super) n_heads: usize,
    pub(super) d_mlp: usize,
}

/// The sizes of BERT-base.
pub(super) const BASE: Sizes = Sizes { d_vocab: 30522, d_model: 768, n_heads: 12, d_mlp: 3072 };

/// The architecture of a config with BERT's keys.
pub(super) fn architecture(
    config: &Config,
    numbering: Numbering,
    sizes: &Sizes,
) -> Result<Architecture> {
    super::refuse_decoders(config)?;
    config.only("position_embedding_type", "absolute".into())?;
    let n_layers = config.size(&["num_hidden_layers"], 12)?;
    let d_model = config.size(&["hidden_size"], sizes.d_model)?;
    let n_heads = config.size(&["num_attention_heads"], sizes.n_heads)?;
    let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
    let activation = config.activation("hidden_act", Activation::Gelu)?;
    let rows = config.size(&["max_position_embeddings"], 512)?;
    Ok(Architecture {
        d_vocab: config.size(&["vocab_size"], sizes.d_vocab)?,
        d_model,
        n_layers,
        n_weight_sets: n_layers,
        n_heads,
        n_kv_heads: n_heads,
        d_head,
        d_mlp: config.size(&["intermediate_size"], sizes.d_mlp)?,
        embedding: Embedding {
            positions: Some(Positions { rows, numbering }),
            token_types: config.size(&["type_vocab_size"], 2)?,
            norm: true,
            ..Embedding::default()
        },
        norm: Norm::Layer { eps: config.epsilon(&["layer_norm_eps"], 1e-12)?, bias: true },
        layout: Layout::PostNorm,
        attention: Attention::uniform(n_layers, d_head, Span::ALL),
        mlp: Mlp { activation, gated: false, bias: true },
        head: head(config, activation)?,
        ..Architecture::BASE
    })
}
