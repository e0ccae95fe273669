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

/// The head of BERT and of most models with its names.
pub(super) const HEAD: &[Rule] = &[
    take(&["head.transform"], "cls.predictions.transform.dense"),
    take(&["head.norm"], "cls.predictions.transform.LayerNorm"),
    // Of RemBERT.
    take(&["head.transform"], "cls.predictions.dense"),
    take(&["head.norm"], "cls.predictions.LayerNorm"),
    take(&["head.unembed"], "cls.predictions.decoder"),
    take(&["head.unembed"], "cls.predictions"),
];

/// The names of a BERT checkpoint, which its relatives share.
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
    // Of relatives with pre-norm blocks: RoBERTa-PreLayerNorm and ESM, XLM-RoBERTa-XL, Megatron-BERT.
    take(&["blocks.{i}.attn.norm"], "encoder.layer.{i}.attention.LayerNorm"),
    take(&["blocks.{i}.attn.norm"], "encoder.layer.{i}.attention.self_attn_layer_norm"),
    take(&["blocks.{i}.attn.norm"], "encoder.layer.{i}.attention.ln"),
    take(&["blocks.{i}.mlp.norm"], "encoder.layer.{i}.intermediate.LayerNorm"),
    take(&["blocks.{i}.mlp.norm"], "encoder.layer.{i}.LayerNorm"),
    take(&["blocks.{i}.mlp.norm"], "encoder.layer.{i}.ln"),
    take(&["final_norm"], "LayerNorm"),
    take(&["final_norm"], "encoder.emb_layer_norm_after"),
    take(&["final_norm"], "encoder.LayerNorm"),
    take(&["final_norm"], "encoder.ln"),
    take(&["embed.norm"], "embeddings.layer_norm"),
    // Of RemBERT.
    take(&["embed.project"], "encoder.embedding_hidden_mapping_in"),
    // Of ERNIE, and of LayoutLM.
    take(&["embed.constant.0"], "embeddings.task_type_embeddings"),
    take(&["embed.constant.0"], "embeddings.x_position_embeddings"),
    take(&["embed.constant.1"], "embeddings.y_position_embeddings"),
    take(&["embed.constant.2"], "embeddings.h_position_embeddings"),
    take(&["embed.constant.3"], "embeddings.w_position_embeddings"),
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
    pub(super) n_layers: usize,
    pub(super) n_heads: usize,
    pub(super) d_mlp: usize,
    /// Rows of the position embedding.
    pub(super) rows: usize,
}

/// The sizes of BERT-base.
pub(super) const BASE: Sizes =
    Sizes { d_vocab: 30522, d_model: 768, n_layers: 12, n_heads: 12, d_mlp: 3072, rows: 512 };

/// The architecture of a config with BERT's keys.
pub(super) fn architecture(
    config: &Config,
    numbering: Numbering,
    sizes: &Sizes,
) -> Result<Architecture> {
    config.only("position_embedding_type", "absolute".into())?;
    blocks(config, numbering, sizes)
}

/// The architecture, whatever the config says of positions.
pub(super) fn blocks(config: &Config, numbering: Numbering, sizes: &Sizes) -> Result<Architecture> {
    super::refuse_decoders(config)?;
    let n_layers = config.size(&["num_hidden_layers"], sizes.n_layers)?;
    let d_model = config.size(&["hidden_size"], sizes.d_model)?;
    let n_heads = config.size(&["num_attention_heads"], sizes.n_heads)?;
    let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
    let activation = config.activation("hidden_act", Activation::Gelu)?;
    let rows = config.size(&["max_position_embeddings"], sizes.rows)?;
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
