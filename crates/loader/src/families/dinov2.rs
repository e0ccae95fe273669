//! DINOv2 (Oquab et al. 2024), also with registers (Darcet et al. 2024): images of any size, and learned
//! factors of what attention and MLP add.

use super::Family;
use super::patches::{Vision, architecture, with_patches};
use super::rules::{reshape, split, take};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{Activation, Architecture, Mlp, OtherGrids, ResidualScale};

pub(super) const FAMILY: Family = Family {
    name: "DINOv2",
    types: &[("dinov2", "Dinov2"), ("dinov2_with_registers", "Dinov2WithRegisters")],
    architecture: |config| {
        let registers = match config.text("model_type")? {
            "dinov2" => None,
            _ => Some(config.size(&["num_register_tokens"], 4)?),
        };
        let vision = architecture(
            config,
            &Vision {
                sizes: [768, 12, 3072],
                patch: if registers.is_some() { 16 } else { 14 },
                activation: Activation::Gelu,
                eps: 1e-6,
                prefix: &[1],
                patch_bias: true,
            },
        )?;
        let gated = config.flag("use_swiglu_ffn", false)?;
        let activation = if gated { Activation::Silu } else { vision.mlp.activation };
        let d_mlp = d_mlp(config, vision.d_model, gated)?;
        let square = |[rows, columns]: [usize; 2]| rows == columns;
        let mut is_square = true;
        let vision = with_patches(vision, |patches| {
            // Positions are those of the first row of the prefix and of the patches.
            patches.prefix.extend(registers.filter(|&n| n > 0));
            if let Some(positions) = &mut patches.positions {
                positions.other_grids = OtherGrids::Bicubic { smooth: registers.is_some() };
                is_square = square(positions.grid);
            }
        });
        if !is_square {
            let value = config.get("image_size").cloned().unwrap_or_default();
            return Err(config.error("image_size", &value, "a square grid of patches is expected"));
        }
        Ok(Architecture {
            d_mlp,
            residual_scale: Some(ResidualScale::Learned),
            mlp: Mlp { activation, gated, bias: true },
            ..vision
        })
    },
    names: &[
        reshape(&["embed.patch"], "embeddings.patch_embeddings.projection"),
        reshape(&["embed.prefix.0"], "embeddings.cls_token"),
        reshape(&["embed.prefix.1"], "embeddings.register_tokens"),
        reshape(&["embed.position"], "embeddings.position_embeddings"),
        take(&["blocks.{i}.attn.norm"], "encoder.layer.{i}.norm1"),
        take(&["blocks.{i}.attn.q"], "encoder.layer.{i}.attention.attention.query"),
        take(&["blocks.{i}.attn.k"], "encoder.layer.{i}.attention.attention.key"),
        take(&["blocks.{i}.attn.v"], "encoder.layer.{i}.attention.attention.value"),
        take(&["blocks.{i}.attn.o"], "encoder.layer.{i}.attention.output.dense"),
        // transformers 5.
        take(&["blocks.{i}.attn.q"], "encoder.layer.{i}.attention.q_proj"),
        take(&["blocks.{i}.attn.k"], "encoder.layer.{i}.attention.k_proj"),
        take(&["blocks.{i}.attn.v"], "encoder.layer.{i}.attention.v_proj"),
        take(&["blocks.{i}.attn.o"], "encoder.layer.{i}.attention.o_proj"),
        take(&["blocks.{i}.attn.scale"], "encoder.layer.{i}.layer_scale1.lambda1"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layer.{i}.norm2"),
        take(&["blocks.{i}.mlp.in"], "encoder.layer.{i}.mlp.fc1"),
        take(&["blocks.{i}.mlp.out"], "encoder.layer.{i}.mlp.fc2"),
        split(&["blocks.{i}.mlp.gate", "blocks.{i}.mlp.in"], "encoder.layer.{i}.mlp.weights_in"),
        take(&["blocks.{i}.mlp.out"], "encoder.layer.{i}.mlp.weights_out"),
        take(&["blocks.{i}.mlp.gate"], "encoder.layer.{i}.mlp.gate_proj"),
        take(&["blocks.{i}.mlp.in"], "encoder.layer.{i}.mlp.up_proj"),
        take(&["blocks.{i}.mlp.out"], "encoder.layer.{i}.mlp.down_proj"),
        take(&["blocks.{i}.mlp.scale"], "encoder.layer.{i}.layer_scale2.lambda1"),
        take(&["final_norm"], "layernorm"),
    ],
    head: &[],
    prefixes: &["dinov2.", "dinov2_with_registers."],
    unused: &["embeddings.mask_token"],
};

/// The width of the MLP: a gated one has two thirds of it, as a multiple of 8.
fn d_mlp(config: &Config, d_model: usize, gated: bool) -> Result<usize> {
    let ratio = config.positive(&["mlp_ratio"])?.unwrap_or(4.0);
    let width = (d_model as f64 * ratio) as usize;
    Ok(match gated {
        true => ((width as f64 * 2.0 / 3.0) as usize).div_ceil(8) * 8,
        false => width,
    })
}
