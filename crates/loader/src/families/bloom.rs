//! BLOOM (Le Scao et al. 2022): pre-norm blocks with ALiBi over a normed embedding.

use super::rules::{tables, take};
use super::{Family, falcon};
use stratoscope_transformer::{
    Activation, Alibi, Architecture, Attention, Embedding, Head, Layout, Mlp, Norm, Relative, Span,
};

pub(super) const FAMILY: Family = Family {
    name: "BLOOM",
    types: &[("bloom", "Bloom")],
    architecture: |config| {
        config.only("apply_residual_connection_post_layernorm", false.into())?;
        let n_layers = config.size(&["n_layer", "num_hidden_layers"], 2)?;
        let d_model = config.size(&["n_embed", "hidden_size"], 64)?;
        let n_heads = config.size(&["n_head", "num_attention_heads"], 8)?;
        let d_head = config.d_head("n_head", d_model, n_heads)?;
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], 250_880)?,
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: n_heads,
            d_head,
            d_mlp: d_model.saturating_mul(4),
            embedding: Embedding { norm: true, ..Embedding::default() },
            norm: Norm::Layer { eps: config.epsilon(&["layer_norm_epsilon"], 1e-5)?, bias: true },
            layout: Layout::PreNorm { first: true },
            final_norm: true,
            attention: Attention {
                relative: Some(Relative::Alibi(Alibi { bf16: false })),
                ..Attention::uniform(n_layers, d_head, Span::CAUSAL)
            },
            // A constant in the reference's code.
            mlp: Mlp { activation: Activation::GeluTanh, gated: false, bias: true },
            head: Some(Head { tied: config.flag("tie_word_embeddings", true)?, ..Head::TIED }),
            ..Architecture::BASE
        })
    },
    names: tables![falcon::NAMES, [take(&["embed.norm"], "word_embeddings_layernorm")]],
    head: &[take(&["head.unembed"], "lm_head")],
    prefixes: &["transformer."],
    unused: &[],
};
