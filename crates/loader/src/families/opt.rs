//! OPT (Zhang et al. 2022): GPT-2's blocks. OPT-350m is post-norm and has a narrow embedding.

use super::Family;
use super::rules::take;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Head, Layout, Mlp, Norm, Numbering, Positions,
    Projection, ProjectionPlace, Span,
};

pub(super) const FAMILY: Family = Family {
    name: "OPT",
    types: &[("opt", "OPT")],
    architecture: |config| {
        config.only("layer_norm_elementwise_affine", true.into())?;
        let n_layers = config.size(&["num_hidden_layers"], 12)?;
        let d_model = config.size(&["hidden_size"], 768)?;
        let n_heads = config.size(&["num_attention_heads"], 12)?;
        let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
        let width = config.size(&["word_embed_proj_dim"], d_model)?;
        let projected = width != d_model;
        let pre_norm = config.flag("do_layer_norm_before", true)?;
        let bias = config.flag("enable_bias", true)?;
        // The first two rows of the table are not positions.
        let rows = config.size(&["max_position_embeddings"], 2048)?.saturating_add(2);
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], 50272)?,
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: n_heads,
            d_head,
            d_mlp: config.size(&["ffn_dim"], 3072)?,
            embedding: Embedding {
                projection: projected.then_some(Projection {
                    width,
                    place: ProjectionPlace::Tokens,
                    bias: false,
                }),
                positions: Some(Positions { rows, numbering: Numbering::From(2) }),
                ..Embedding::default()
            },
            // A constant in the reference's code, not in the config.
            norm: Norm::Layer { eps: 1e-5, bias: true },
            layout: match pre_norm {
                true => Layout::PreNorm { first: true },
                false => Layout::PostNorm,
            },
            final_norm: pre_norm && !config.flag("_remove_final_layer_norm", false)?,
            attention: Attention {
                input_bias: bias,
                output_bias: bias,
                ..Attention::uniform(n_layers, d_head, Span::CAUSAL)
            },
            mlp: Mlp {
                activation: config.activation("activation_function", Activation::Relu)?,
                gated: false,
                bias,
            },
            head: Some(Head {
                projection: projected,
                tied: config.flag("tie_word_embeddings", true)?,
                ..Head::TIED
            }),
            ..Architecture::BASE
        })
    },
    names: &[
        take(&["embed.token"], "embed_tokens"),
        take(&["embed.position"], "embed_positions"),
        take(&["embed.project"], "project_in"),
        take(&["blocks.{i}.attn.norm"], "layers.{i}.self_attn_layer_norm"),
        take(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_proj"),
        take(&["blocks.{i}.attn.k"], "layers.{i}.self_attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "layers.{i}.self_attn.v_proj"),
        take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.out_proj"),
        take(&["blocks.{i}.mlp.norm"], "layers.{i}.final_layer_norm"),
        take(&["blocks.{i}.mlp.in"], "layers.{i}.fc1"),
        take(&["blocks.{i}.mlp.out"], "layers.{i}.fc2"),
        take(&["final_norm"], "final_layer_norm"),
        take(&["head.project"], "project_out"),
    ],
    head: &[take(&["head.unembed"], "lm_head")],
    prefixes: &["model.decoder.", "decoder."],
    unused: &[],
};
