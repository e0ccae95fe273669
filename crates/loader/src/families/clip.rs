//! The text encoders of CLIP (Radford et al. 2021), in which no token sees later ones, and of SigLIP (Zhai et
//! al. 2023): pre-norm blocks over learned positions.

use super::Family;
use super::rules::take;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Layout, Mlp, Norm, Numbering, Positions, Span,
};

pub(super) const FAMILY: Family = Family {
    name: "CLIP / SigLIP text",
    types: &[("clip_text_model", "CLIPText"), ("siglip_text_model", "SiglipText")],
    architecture: |config| {
        let clip = config.text("model_type")? == "clip_text_model";
        let (width, heads, rows) = if clip { (512, 8, 77) } else { (768, 12, 64) };
        let (activation, eps) = match clip {
            true => (Activation::GeluSigmoid, 1e-5),
            false => (Activation::GeluTanh, 1e-6),
        };
        let n_layers = config.size(&["num_hidden_layers"], 12)?;
        let d_model = config.size(&["hidden_size"], width)?;
        let n_heads = config.size(&["num_attention_heads"], heads)?;
        let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
        let rows = config.size(&["max_position_embeddings"], rows)?;
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], if clip { 49408 } else { 32000 })?,
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: n_heads,
            d_head,
            d_mlp: config.size(&["intermediate_size"], 4 * width)?,
            embedding: Embedding {
                positions: Some(Positions { rows, numbering: Numbering::From(0) }),
                ..Embedding::default()
            },
            norm: Norm::Layer { eps: config.epsilon(&["layer_norm_eps"], eps)?, bias: true },
            layout: Layout::PreNorm { first: true },
            final_norm: true,
            attention: Attention::uniform(
                n_layers,
                d_head,
                if clip { Span::CAUSAL } else { Span::ALL },
            ),
            mlp: Mlp {
                activation: config.activation("hidden_act", activation)?,
                gated: false,
                bias: true,
            },
            ..Architecture::BASE
        })
    },
    names: &[
        take(&["embed.token"], "embeddings.token_embedding"),
        take(&["embed.position"], "embeddings.position_embedding"),
        take(&["blocks.{i}.attn.norm"], "encoder.layers.{i}.layer_norm1"),
        take(&["blocks.{i}.attn.q"], "encoder.layers.{i}.self_attn.q_proj"),
        take(&["blocks.{i}.attn.k"], "encoder.layers.{i}.self_attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "encoder.layers.{i}.self_attn.v_proj"),
        take(&["blocks.{i}.attn.o"], "encoder.layers.{i}.self_attn.out_proj"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layers.{i}.layer_norm2"),
        take(&["blocks.{i}.mlp.in"], "encoder.layers.{i}.mlp.fc1"),
        take(&["blocks.{i}.mlp.out"], "encoder.layers.{i}.mlp.fc2"),
        take(&["final_norm"], "final_layer_norm"),
    ],
    head: &[],
    prefixes: &["text_model."],
    // SigLIP's layer after the pooling.
    unused: &["head."],
};
