//! The image encoders of CLIP (Radford et al. 2021), with a norm before the first block, and of SigLIP (Zhai
//! et al. 2023), without a class token.

use super::Family;
use super::patches::{Vision, architecture};
use super::rules::{reshape, take};
use stratoscope_transformer::{Activation, Architecture, Embedding};

pub(super) const FAMILY: Family = Family {
    name: "CLIP / SigLIP images",
    types: &[("clip_vision_model", "CLIPVision"), ("siglip_vision_model", "SiglipVision")],
    architecture: |config| {
        let clip = config.text("model_type")? == "clip_vision_model";
        let (activation, eps) = match clip {
            true => (Activation::GeluSigmoid, 1e-5),
            false => (Activation::GeluTanh, 1e-6),
        };
        let vision = architecture(
            config,
            &Vision {
                sizes: [768, 12, 3072],
                patch: if clip { 32 } else { 16 },
                activation,
                eps,
                prefix: if clip { &[1] } else { &[] },
                patch_bias: !clip,
            },
        )?;
        Ok(Architecture {
            embedding: Embedding { norm: clip, ..vision.embedding },
            // CLIP's norm after the last block is for the class token alone.
            final_norm: !clip,
            ..vision
        })
    },
    names: &[
        reshape(&["embed.patch"], "embeddings.patch_embedding"),
        reshape(&["embed.prefix.0"], "embeddings.class_embedding"),
        take(&["embed.position"], "embeddings.position_embedding"),
        take(&["embed.norm"], "pre_layrnorm"),
        take(&["blocks.{i}.attn.norm"], "encoder.layers.{i}.layer_norm1"),
        take(&["blocks.{i}.attn.q"], "encoder.layers.{i}.self_attn.q_proj"),
        take(&["blocks.{i}.attn.k"], "encoder.layers.{i}.self_attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "encoder.layers.{i}.self_attn.v_proj"),
        take(&["blocks.{i}.attn.o"], "encoder.layers.{i}.self_attn.out_proj"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layers.{i}.layer_norm2"),
        take(&["blocks.{i}.mlp.in"], "encoder.layers.{i}.mlp.fc1"),
        take(&["blocks.{i}.mlp.out"], "encoder.layers.{i}.mlp.fc2"),
        take(&["final_norm"], "post_layernorm"),
    ],
    head: &[],
    prefixes: &["vision_model."],
    // CLIP's norm for the class token, and SigLIP's pooling.
    unused: &["post_layernorm.", "head."],
};
