//! DINOv3 (Siméoni et al. 2025): rotary positions by row and column, registers, and learned factors of what
//! attention and MLP add.

use super::Family;
use super::patches::{Vision, architecture, with_patches};
use super::rules::{no_bias, reshape, take};
use serde_json::Value;
use stratoscope_transformer::{Activation, Architecture, Axes, Mlp, ResidualScale, Rotary};

pub(super) const FAMILY: Family = Family {
    name: "DINOv3",
    types: &[("dinov3_vit", "DINOv3ViT")],
    architecture: |config| {
        let vision = architecture(
            config,
            &Vision {
                sizes: [384, 6, 1536],
                patch: 16,
                activation: Activation::Gelu,
                eps: 1e-5,
                prefix: &[1],
                patch_bias: true,
            },
        )?;
        let base = match config.within("rope_parameters")? {
            Some(rope) => rope.positive(&["rope_theta"])?,
            None => config.positive(&["rope_theta"])?,
        };
        let rotary =
            Rotary { axes: Axes::Grid, ..Rotary::new(base.unwrap_or(100.0), vision.d_head) };
        let registers = config.size(&["num_register_tokens"], 0)?;
        let biases = ["query_bias", "key_bias", "value_bias"];
        let defaults = [true, false, true];
        let mut input_bias = false;
        for (key, default) in biases.into_iter().zip(defaults) {
            input_bias |= config.flag(key, default)?;
        }
        let mut architecture = Architecture {
            residual_scale: Some(ResidualScale::Learned),
            mlp: Mlp {
                gated: config.flag("use_gated_mlp", false)?,
                bias: config.flag("mlp_bias", true)?,
                ..vision.mlp
            },
            ..with_patches(vision, |patches| {
                patches.prefix.extend((registers > 0).then_some(registers));
                patches.positions = None;
            })
        };
        if !architecture.d_head.is_multiple_of(4) {
            let value = config.get("num_attention_heads").cloned().unwrap_or(Value::Null);
            let reason = "heads whose width is a multiple of 4 are expected";
            return Err(config.error("num_attention_heads", &value, reason));
        }
        architecture.attention.input_bias = input_bias;
        architecture.attention.output_bias = config.flag("proj_bias", true)?;
        for layer in &mut architecture.attention.layers {
            layer.rotary = Some(rotary.clone());
        }
        Ok(architecture)
    },
    names: &[
        reshape(&["embed.patch"], "embeddings.patch_embeddings"),
        reshape(&["embed.prefix.0"], "embeddings.cls_token"),
        reshape(&["embed.prefix.1"], "embeddings.register_tokens"),
        take(&["blocks.{i}.attn.norm"], "layer.{i}.norm1"),
        take(&["blocks.{i}.attn.q"], "layer.{i}.attention.q_proj"),
        take(&["blocks.{i}.attn.k"], "layer.{i}.attention.k_proj"),
        take(&["blocks.{i}.attn.v"], "layer.{i}.attention.v_proj"),
        take(&["blocks.{i}.attn.o"], "layer.{i}.attention.o_proj"),
        no_bias(&["blocks.{i}.attn.q"], "layer.{i}.attention.q_proj"),
        no_bias(&["blocks.{i}.attn.k"], "layer.{i}.attention.k_proj"),
        no_bias(&["blocks.{i}.attn.v"], "layer.{i}.attention.v_proj"),
        take(&["blocks.{i}.attn.scale"], "layer.{i}.layer_scale1.lambda1"),
        take(&["blocks.{i}.mlp.norm"], "layer.{i}.norm2"),
        take(&["blocks.{i}.mlp.gate"], "layer.{i}.mlp.gate_proj"),
        take(&["blocks.{i}.mlp.in"], "layer.{i}.mlp.up_proj"),
        take(&["blocks.{i}.mlp.out"], "layer.{i}.mlp.down_proj"),
        take(&["blocks.{i}.mlp.scale"], "layer.{i}.layer_scale2.lambda1"),
        take(&["final_norm"], "norm"),
    ],
    head: &[],
    prefixes: &["dinov3_vit."],
    unused: &["embeddings.mask_token", "embeddings.register_tokens"],
};
