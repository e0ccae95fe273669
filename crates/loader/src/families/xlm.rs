//! XLM (Conneau & Lample 2019) without language ids, and FlauBERT (Le et al. 2020): BERT's blocks under other
//! names, without token types.

use super::Family;
use super::rules::take;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Head, Layout, Mlp, Norm, Numbering, Positions,
    Span,
};

pub(super) const FAMILY: Family = Family {
    name: "XLM / FlauBERT",
    types: &[("xlm", "XLM"), ("flaubert", "Flaubert")],
    architecture: |config| {
        config.only("causal", false.into())?;
        config.only("is_encoder", true.into())?;
        config.only("pre_norm", false.into())?;
        let n_layers = config.size(&["n_layers", "num_hidden_layers"], 12)?;
        let d_model = config.size(&["emb_dim", "hidden_size"], 2048)?;
        let n_heads = config.size(&["n_heads", "num_attention_heads"], 16)?;
        let d_head = config.d_head("n_heads", d_model, n_heads)?;
        let rows = config.size(&["max_position_embeddings"], 512)?;
        let gelu = config.flag("gelu_activation", true)?;
        // A head of another kind, for which several layers share the vocabulary.
        let shared = config.flag("asm", false)?;
        let tied = config.flag("tie_word_embeddings", true)?;
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size", "n_words"], 30145)?,
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: n_heads,
            d_head,
            d_mlp: d_model.saturating_mul(4),
            embedding: Embedding {
                positions: Some(Positions { rows, numbering: Numbering::From(0) }),
                norm: true,
                ..Embedding::default()
            },
            norm: Norm::Layer { eps: config.epsilon(&["layer_norm_eps"], 1e-12)?, bias: true },
            layout: Layout::PostNorm,
            attention: Attention::uniform(n_layers, d_head, Span::ALL),
            mlp: Mlp {
                activation: if gelu { Activation::Gelu } else { Activation::Relu },
                gated: false,
                bias: true,
            },
            head: (!shared).then_some(Head { tied, bias: true, ..Head::TIED }),
            ..Architecture::BASE
        })
    },
    names: &[
        take(&["embed.token"], "embeddings"),
        take(&["embed.position"], "position_embeddings"),
        take(&["embed.norm"], "layer_norm_emb"),
        take(&["blocks.{i}.attn.q"], "attentions.{i}.q_lin"),
        take(&["blocks.{i}.attn.k"], "attentions.{i}.k_lin"),
        take(&["blocks.{i}.attn.v"], "attentions.{i}.v_lin"),
        take(&["blocks.{i}.attn.o"], "attentions.{i}.out_lin"),
        take(&["blocks.{i}.attn.norm"], "layer_norm1.{i}"),
        take(&["blocks.{i}.mlp.in"], "ffns.{i}.lin1"),
        take(&["blocks.{i}.mlp.out"], "ffns.{i}.lin2"),
        take(&["blocks.{i}.mlp.norm"], "layer_norm2.{i}"),
    ],
    head: &[take(&["head.unembed"], "pred_layer.proj")],
    prefixes: &["transformer."],
    // The reference adds them only where each token is given a language.
    unused: &["lang_embeddings."],
};
