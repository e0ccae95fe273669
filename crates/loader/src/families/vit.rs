//! ViT (Dosovitskiy et al. 2021), DeiT with its distillation token (Touvron et al. 2021), MSN (Assran et al.
//! 2022) and I-JEPA without a class token (Assran et al. 2023).

use super::Family;
use super::patches::{Vision, architecture};
use super::rules::{reshape, take};
use stratoscope_transformer::Activation;

pub(super) const FAMILY: Family = Family {
    name: "ViT",
    types: &[("vit", "ViT"), ("deit", "DeiT"), ("vit_msn", "ViTMSN"), ("ijepa", "IJepa")],
    architecture: |config| {
        let (prefix, eps): (&'static [usize], f64) = match config.text("model_type")? {
            "deit" => (&[1, 1], 1e-12),
            "ijepa" => (&[], 1e-12),
            "vit_msn" => (&[1], 1e-6),
            _ => (&[1], 1e-12),
        };
        let sizes = [768, 12, 3072];
        let activation = Activation::Gelu;
        architecture(
            config,
            &Vision { sizes, patch: 16, activation, eps, prefix, patch_bias: true },
        )
    },
    names: &[
        reshape(&["embed.patch"], "embeddings.patch_embeddings.projection"),
        reshape(&["embed.prefix.0"], "embeddings.cls_token"),
        reshape(&["embed.prefix.1"], "embeddings.distillation_token"),
        reshape(&["embed.position"], "embeddings.position_embeddings"),
        take(&["blocks.{i}.attn.norm"], "encoder.layer.{i}.layernorm_before"),
        take(&["blocks.{i}.attn.q"], "encoder.layer.{i}.attention.attention.query"),
        take(&["blocks.{i}.attn.k"], "encoder.layer.{i}.attention.attention.key"),
        take(&["blocks.{i}.attn.v"], "encoder.layer.{i}.attention.attention.value"),
        take(&["blocks.{i}.attn.o"], "encoder.layer.{i}.attention.output.dense"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layer.{i}.layernorm_after"),
        take(&["blocks.{i}.mlp.in"], "encoder.layer.{i}.intermediate.dense"),
        take(&["blocks.{i}.mlp.out"], "encoder.layer.{i}.output.dense"),
        // transformers 5.
        take(&["blocks.{i}.attn.norm"], "layers.{i}.layernorm_before"),
        take(&["blocks.{i}.attn.q"], "layers.{i}.attention.q_proj"),
        take(&["blocks.{i}.attn.k"], "layers.{i}.attention.k_proj"),
        take(&["blocks.{i}.attn.v"], "layers.{i}.attention.v_proj"),
        take(&["blocks.{i}.attn.o"], "layers.{i}.attention.o_proj"),
        take(&["blocks.{i}.mlp.norm"], "layers.{i}.layernorm_after"),
        take(&["blocks.{i}.mlp.in"], "layers.{i}.mlp.fc1"),
        take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.fc2"),
        take(&["final_norm"], "layernorm"),
    ],
    head: &[],
    prefixes: &["vit.", "deit.", "ijepa."],
    unused: &["pooler.", "embeddings.mask_token"],
};
