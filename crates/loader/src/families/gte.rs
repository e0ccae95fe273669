//! GTE v1.5 and mGTE (Zhang et al. 2024) and jina-embeddings-v3 (Sturua et al. 2024): BERT with rotary
//! positions. GTE has gated MLPs.

use super::bert::Sizes;
use super::rope::{self, ROPE, Rope};
use super::rules::{no_bias, split, take};
use super::{Family, bert};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Activation, Architecture, Embedding, Mlp, Norm, Numbering, Rotary, RotaryScaling,
};

pub(super) const FAMILY: Family = Family {
    name: "GTE / jina-embeddings-v3",
    types: &[("gte", "Gte"), ("new", "New"), ("jina_embeddings_v3", "JinaEmbeddingsV3")],
    architecture: |config| {
        let jina = config.text("model_type")? == "jina_embeddings_v3";
        // The settings of the published code of GTE.
        config.only("pack_qkv", true.into())?;
        config.only("layer_norm_type", "layer_norm".into())?;
        config.only("logn_attention_scale", false.into())?;
        if config.text("model_type")? == "new" {
            config.only("position_embedding_type", "rope".into())?;
        }
        let sizes = match jina {
            true => Sizes {
                d_vocab: 250_002,
                d_model: 1024,
                n_layers: 24,
                n_heads: 16,
                d_mlp: 4096,
                ..bert::BASE
            },
            false => Sizes { d_vocab: 250_048, ..bert::BASE },
        };
        let bert = bert::blocks(config, Numbering::From(0), &sizes)?;
        let default_theta = if jina { 20_000.0 } else { 160_000.0 };
        let rotary = rotation(config, bert.d_head, &Rope { default_theta, ..ROPE })?;
        let mut attention = bert.attention;
        attention.layers.iter_mut().for_each(|layer| layer.rotary = Some(rotary.clone()));
        let eps = config.epsilon(&["layer_norm_eps"], if jina { 1e-5 } else { 1e-12 })?;
        Ok(Architecture {
            context: Some(
                config.size(&["max_position_embeddings"], if jina { 8194 } else { 8192 })?,
            ),
            embedding: Embedding {
                positions: None,
                token_types: config.size(&["type_vocab_size"], 1)?,
                ..bert.embedding
            },
            norm: Norm::Layer { eps, bias: true },
            attention,
            mlp: Mlp { gated: !jina, ..bert.mlp },
            head: bert::head(config, Activation::Gelu)?,
            ..bert
        })
    },
    // The names of transformers, then those of the published checkpoints.
    names: &[
        take(&["embed.token"], "embeddings.word_embeddings"),
        take(&["embed.token_type"], "embeddings.token_type_embeddings"),
        take(&["embed.norm"], "embeddings.LayerNorm"),
        take(&["embed.norm"], "emb_ln"),
        take(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_proj"),
        take(&["blocks.{i}.attn.k"], "layers.{i}.self_attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "layers.{i}.self_attn.v_proj"),
        split(QKV, "encoder.layer.{i}.attention.qkv_proj"),
        split(QKV, "encoder.layers.{i}.mixer.Wqkv"),
        take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.o_proj"),
        take(&["blocks.{i}.attn.o"], "encoder.layer.{i}.attention.o_proj"),
        take(&["blocks.{i}.attn.o"], "encoder.layers.{i}.mixer.out_proj"),
        take(&["blocks.{i}.attn.norm"], "layers.{i}.post_attention_layernorm"),
        take(&["blocks.{i}.attn.norm"], "encoder.layer.{i}.attn_ln"),
        take(&["blocks.{i}.attn.norm"], "encoder.layers.{i}.norm1"),
        take(&["blocks.{i}.mlp.gate"], "layers.{i}.mlp.gate_proj"),
        no_bias(&["blocks.{i}.mlp.gate"], "layers.{i}.mlp.gate_proj"),
        take(&["blocks.{i}.mlp.in"], "layers.{i}.mlp.up_proj"),
        no_bias(&["blocks.{i}.mlp.in"], "layers.{i}.mlp.up_proj"),
        split(IN_GATE, "encoder.layer.{i}.mlp.up_gate_proj"),
        no_bias(IN_GATE, "encoder.layer.{i}.mlp.up_gate_proj"),
        take(&["blocks.{i}.mlp.in"], "layers.{i}.mlp.fc1"),
        take(&["blocks.{i}.mlp.in"], "encoder.layers.{i}.mlp.fc1"),
        take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.down_proj"),
        take(&["blocks.{i}.mlp.out"], "encoder.layer.{i}.mlp.down_proj"),
        take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.fc2"),
        take(&["blocks.{i}.mlp.out"], "encoder.layers.{i}.mlp.fc2"),
        take(&["blocks.{i}.mlp.norm"], "layers.{i}.post_mlp_layernorm"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layer.{i}.mlp_ln"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layers.{i}.norm2"),
    ],
    head: &[
        take(&["head.transform"], "lm_head.dense"),
        take(&["head.norm"], "lm_head.layer_norm"),
        take(&["head.norm"], "lm_head.norm"),
        take(&["head.unembed"], "lm_head.decoder"),
        take(&["head.unembed"], "lm_head"),
    ],
    prefixes: &["gte.", "new.", "roberta."],
    unused: &["pooler."],
};

/// The rotation. The published code of GTE has a type `ntk`: the base and all wavelengths grow.
fn rotation(config: &Config, d_head: usize, rope_of: &Rope) -> Result<Rotary> {
    match config.within("rope_scaling")? {
        Some(own) if own.get("type").is_some_and(|kind| kind == "ntk") => {
            own.absent("mixed_b")?;
            let factor = own.needed("factor")?;
            let base = config.positive(&["rope_theta"])?.unwrap_or(rope_of.default_theta) * factor;
            let factor = factor.powf(2.0 / d_head as f64);
            let scaling = RotaryScaling::Linear { factor };
            Ok(Rotary { scaling, ..Rotary::new(base, d_head) })
        }
        _ => rope::rotary(config, d_head, rope_of),
    }
}

const QKV: &[&str] = &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"];
const IN_GATE: &[&str] = &["blocks.{i}.mlp.in", "blocks.{i}.mlp.gate"];
