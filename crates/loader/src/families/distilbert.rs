//! DistilBERT (Sanh et al. 2019): BERT's blocks under other names, without token types.

use super::rules::take;
use super::{Family, bert};
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Layout, Mlp, Norm, Numbering, Positions, Span,
};

pub(super) const FAMILY: Family = Family {
    name: "DistilBERT",
    types: &[("distilbert", "DistilBert")],
    architecture: |config| {
        let n_layers = config.size(&["n_layers", "num_hidden_layers"], 6)?;
        let d_model = config.size(&["dim", "hidden_size"], 768)?;
        let n_heads = config.size(&["n_heads", "num_attention_heads"], 12)?;
        let d_head = config.d_head("n_heads", d_model, n_heads)?;
        let activation = config.activation("activation", Activation::Gelu)?;
        let rows = config.size(&["max_position_embeddings"], 512)?;
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], 30522)?,
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: n_heads,
            d_head,
            d_mlp: config.size(&["hidden_dim"], 3072)?,
            embedding: Embedding {
                positions: Some(Positions { rows, numbering: Numbering::From(0) }),
                norm: true,
                ..Embedding::default()
            },
            // A constant in the reference's code, not in the config.
            norm: Norm::Layer { eps: 1e-12, bias: true },
            layout: Layout::PostNorm,
            attention: Attention::uniform(n_layers, d_head, Span::ALL),
            mlp: Mlp { activation, gated: false, bias: true },
            head: bert::head(config, activation)?,
            ..Architecture::BASE
        })
    },
    names: &[
        take(&["embed.token"], "embeddings.word_embeddings"),
        take(&["embed.position"], "embeddings.position_embeddings"),
        take(&["embed.norm"], "embeddings.LayerNorm"),
        take(&["blocks.{i}.attn.q"], "transformer.layer.{i}.attention.q_lin"),
        take(&["blocks.{i}.attn.k"], "transformer.layer.{i}.attention.k_lin"),
        take(&["blocks.{i}.attn.v"], "transformer.layer.{i}.attention.v_lin"),
        take(&["blocks.{i}.attn.o"], "transformer.layer.{i}.attention.out_lin"),
        take(&["blocks.{i}.attn.norm"], "transformer.layer.{i}.sa_layer_norm"),
        take(&["blocks.{i}.mlp.in"], "transformer.layer.{i}.ffn.lin1"),
        take(&["blocks.{i}.mlp.out"], "transformer.layer.{i}.ffn.lin2"),
        take(&["blocks.{i}.mlp.norm"], "transformer.layer.{i}.output_layer_norm"),
    ],
    head: &[
        take(&["head.transform"], "vocab_transform"),
        take(&["head.norm"], "vocab_layer_norm"),
        take(&["head.unembed"], "vocab_projector"),
    ],
    prefixes: &["distilbert."],
    unused: &[],
};
