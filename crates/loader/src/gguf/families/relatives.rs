//! The configs of decoders that are near Llama.

use super::{Gguf, Keys, RMS, Result, Rope, decoder, partial_rotation, whole_rotation};
use serde_json::{Map, Value};

/// Whether the first block has a tensor.
fn has(gguf: &Gguf, tensor: &str) -> bool {
    gguf.header.tensors.contains_key(&format!("blk.0.{tensor}"))
}

fn attention_bias(gguf: &Gguf, config: &mut Map<String, Value>) {
    config.insert("attention_bias".to_owned(), has(gguf, "attn_q.bias").into());
}

/// A decoder whose whole head rotates.
fn rotated(
    gguf: &Gguf,
    keys: &Keys<'_>,
    config: &mut Map<String, Value>,
    eps: (&str, &str),
) -> Result<u64> {
    let d_head = decoder(gguf, keys, config, eps)?;
    whole_rotation(keys, d_head)?;
    config.insert("head_dim".to_owned(), d_head.into());
    rope(keys, config)?;
    Ok(d_head)
}

fn rope(keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    let rope = Rope::read(keys, 10000.0)?;
    rope.write(rope.scaling(keys)?, config);
    Ok(())
}

/// The key of the epsilon of layer norms.
const LAYER: &str = "attention.layer_norm_epsilon";

pub(super) fn olmo2(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    rotated(gguf, keys, config, RMS)?;
    attention_bias(gguf, config);
    Ok(())
}

pub(super) fn granite(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    let d_head = rotated(gguf, keys, config, RMS)?;
    attention_bias(gguf, config);
    config.insert("mlp_bias".to_owned(), has(gguf, "ffn_gate.bias").into());
    let usual = (d_head as f64).powf(-0.5);
    for (key, name, default) in [
        ("attention.scale", "attention_multiplier", usual),
        ("embedding_scale", "embedding_multiplier", 1.0),
        ("residual_scale", "residual_multiplier", 1.0),
        ("logit_scale", "logits_scaling", 1.0),
    ] {
        let value = keys.float(key)?.filter(|value| *value != 0.0).unwrap_or(default);
        config.insert(name.to_owned(), value.into());
    }
    Ok(())
}

pub(super) fn command_r(
    gguf: &Gguf,
    keys: &Keys<'_>,
    config: &mut Map<String, Value>,
) -> Result<()> {
    rotated(gguf, keys, config, (LAYER, "layer_norm_eps"))?;
    attention_bias(gguf, config);
    let scale = "logit_scale";
    config.insert(scale.to_owned(), keys.need(scale, keys.float(scale))?.into());
    config.insert("use_qk_norm".to_owned(), has(gguf, "attn_q_norm.weight").into());
    Ok(())
}

pub(super) fn starcoder2(
    gguf: &Gguf,
    keys: &Keys<'_>,
    config: &mut Map<String, Value>,
) -> Result<()> {
    rotated(gguf, keys, config, (LAYER, "norm_epsilon"))?;
    config.insert("use_bias".to_owned(), has(gguf, "attn_q.bias").into());
    config.insert("hidden_act".to_owned(), "gelu_pytorch_tanh".into());
    let window = keys.size("attention.sliding_window")?.filter(|window| *window > 0);
    config.insert("sliding_window".to_owned(), window.into());
    Ok(())
}

pub(super) fn stablelm(
    gguf: &Gguf,
    keys: &Keys<'_>,
    config: &mut Map<String, Value>,
) -> Result<()> {
    let d_head = decoder(gguf, keys, config, (LAYER, "layer_norm_eps"))?;
    partial_rotation(keys, config, d_head)?;
    config.insert("head_dim".to_owned(), d_head.into());
    config.insert("use_qkv_bias".to_owned(), has(gguf, "attn_q.bias").into());
    // As in llama.cpp, the norm of the MLP decides.
    keys.flag("use_parallel_residual")?;
    let parallel = !has(gguf, "ffn_norm.weight");
    config.insert("use_parallel_residual".to_owned(), parallel.into());
    rope(keys, config)
}

pub(super) fn phi2(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    let d_head = decoder(gguf, keys, config, (LAYER, "layer_norm_eps"))?;
    partial_rotation(keys, config, d_head)?;
    config.insert("hidden_act".to_owned(), "gelu_new".into());
    if config.get("num_key_value_heads") == config.get("num_attention_heads") {
        config.insert("num_key_value_heads".to_owned(), Value::Null);
    }
    rope(keys, config)
}

pub(super) fn smollm3(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    rotated(gguf, keys, config, RMS)?;
    attention_bias(gguf, config);
    config.insert("mlp_bias".to_owned(), has(gguf, "ffn_gate.bias").into());
    // No key has it.
    config.insert("no_rope_layer_interval".to_owned(), 4.into());
    Ok(())
}

pub(super) fn glm4(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    let d_head = decoder(gguf, keys, config, RMS)?;
    partial_rotation(keys, config, d_head)?;
    config.insert("head_dim".to_owned(), d_head.into());
    attention_bias(gguf, config);
    rope(keys, config)
}
