//! The encoders of images of candle-transformers. They read pixels, which are put together from patches.

use super::checkpoint::Checkpoint;
use super::{Error, Result, Run};
use candle_core::{Device, Module, Tensor, bail};
use candle_nn::layer_norm;
use candle_transformers::models::{siglip, vit};
use serde_json::{Value, json};
use stratoscope_transformer::{Features, Sequence};

/// The pixels of an image, `[1, 3, height, width]`, from its patches of `size` × `size` pixels.
fn pixels(sequence: &Sequence, size: usize) -> candle_core::Result<Tensor> {
    let Sequence::Features(Features { values, grid: Some([rows, columns]), .. }) = sequence else {
        bail!("an image is expected")
    };
    let patches = (*rows, *columns, 3, size, size);
    let patches = Tensor::from_slice(values, patches, &Device::Cpu)?;
    // Channel, row of patches, row within, column of patches, column within.
    let pixels = patches.permute((2, 0, 3, 1, 4))?.contiguous()?;
    pixels.reshape((1, 3, rows * size, columns * size))
}

/// Refuses images and patches that are not square, and sizes that make candle-transformers panic.
fn square(checkpoint: &Checkpoint) -> Result<()> {
    for key in ["image_size", "patch_size"] {
        let is_side = |value: &Value| value.as_u64().is_some_and(|n| (1..=1 << 14).contains(&n));
        if let Some(value) = checkpoint.value(key).filter(|value| !is_side(value)) {
            return Err(Error::CannotExpress {
                key: key.to_owned(),
                value: value.to_string(),
                reason: "one number from 1 to 16384 is expected".to_owned(),
            });
        }
    }
    Ok(())
}

/// A model with fewer blocks than the checkpoint has ends before its last norm.
pub(super) fn vit(checkpoint: &Checkpoint, _: usize) -> Result<Run> {
    square(checkpoint)?;
    let defaults = json!({
        "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "image_size": 224,
        "patch_size": 16, "num_channels": 3, "qkv_bias": true,
    });
    let config: vit::Config = checkpoint.config(defaults, Value::Null)?;
    let weights = checkpoint.weights().pp("vit");
    let embeddings = vit::Embeddings::new(&config, false, weights.pp("embeddings"))?;
    let encoder = vit::Encoder::new(&config, weights.pp("encoder"))?;
    let next = format!("vit.encoder.layer.{}.", config.num_hidden_layers);
    let norm = match checkpoint.tensors.keys().any(|name| name.starts_with(&next)) {
        true => None,
        false => {
            let eps = config.layer_norm_eps;
            Some(layer_norm(config.hidden_size, eps, weights.pp("layernorm"))?)
        }
    };
    Ok(Box::new(move |s| {
        let rows = embeddings.forward(&pixels(s, config.patch_size)?, None, false)?;
        let states = encoder.forward(&rows)?;
        match &norm {
            Some(norm) => norm.forward(&states),
            None => Ok(states),
        }
    }))
}

pub(super) fn siglip(checkpoint: &Checkpoint, _: usize) -> Result<Run> {
    square(checkpoint)?;
    let config: siglip::VisionConfig = checkpoint.config(Value::Null, Value::Null)?;
    let weights = checkpoint.weights().pp("vision_model");
    let model = siglip::VisionModel::new(&config, false, weights)?;
    Ok(Box::new(move |s| model.forward(&pixels(s, config.patch_size)?)))
}
