//! The mixtures of experts of candle-transformers, and the configs that they can express. They read one
//! tensor per expert, as published checkpoints have them.

use super::checkpoint::Checkpoint;
use super::decoders::{defaults, even_heads, settings};
use super::{Error, Result, Run, row};
use candle_transformers::models::{mixtral, qwen2_moe, qwen3_moe};
use serde_json::{Value, json};

/// Refuses checkpoints with one tensor for all experts.
fn one_tensor_per_expert(checkpoint: &Checkpoint) -> Result<()> {
    let stacked = |name: &&String| name.ends_with(".experts.gate_up_proj");
    match checkpoint.tensors.keys().filter(stacked).min() {
        None => Ok(()),
        Some(name) => Err(Error::CannotExpress {
            key: name.clone(),
            value: "a tensor".to_owned(),
            reason: "it reads one tensor per expert".to_owned(),
        }),
    }
}

/// Refuses more chosen experts than there are, which it does not check.
fn enough_experts(checkpoint: &Checkpoint, keys: &[&str], default: usize) -> Result<usize> {
    let experts = keys.iter().find_map(|key| checkpoint.size(key)).unwrap_or(default);
    const CHOSEN: &str = "num_experts_per_tok";
    let chosen = checkpoint.size(CHOSEN).unwrap_or(1);
    if (1..=experts).contains(&chosen) && experts <= checkpoint.tensors.len() {
        return Ok(experts);
    }
    Err(Error::CannotExpress {
        key: CHOSEN.to_owned(),
        value: chosen.to_string(),
        reason: format!("there are {experts} experts"),
    })
}

pub(super) fn mixtral(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    even_heads(checkpoint)?;
    one_tensor_per_expert(checkpoint)?;
    checkpoint.only("tie_word_embeddings", false.into(), "it reads a head")?;
    let keys = ["num_local_experts", "num_experts"];
    let mut settings = settings(checkpoint, longest);
    settings["num_local_experts"] = enough_experts(checkpoint, &keys, 8)?.into();
    // Its window has one token more; without a window it is longer than every sequence.
    let window = checkpoint.size("sliding_window").unwrap_or(usize::MAX);
    settings["sliding_window"] = window.min(longest + 1).into();
    settings["use_flash_attn"] = false.into();
    let mut defaults = defaults();
    defaults["rms_norm_eps"] = 1e-5.into();
    defaults["rope_theta"] = 1e6.into();
    defaults["num_experts_per_tok"] = 2.into();
    let config: mixtral::Config = checkpoint.config(defaults, settings)?;
    let weights = checkpoint.weights();
    // It cannot forget what it has read.
    mixtral::Model::new(&config, weights.clone())?;
    Ok(Box::new(move |s| {
        mixtral::Model::new(&config, weights.clone())?.forward(&row(s.token_ids())?, 0)
    }))
}

/// Settings of Qwen's mixtures.
fn qwen(checkpoint: &Checkpoint, longest: usize, experts: usize) -> Result<Value> {
    checkpoint.no_rope_scaling()?;
    one_tensor_per_expert(checkpoint)?;
    checkpoint.only("use_sliding_window", false.into(), "its windows are in other layers")?;
    checkpoint.only("mlp_only_layers", json!([]), "it has no such layers")?;
    if checkpoint.size("decoder_sparse_step") == Some(0) {
        checkpoint.only("decoder_sparse_step", 1.into(), "it divides by the step")?;
    }
    let mut settings = settings(checkpoint, longest);
    let keys = ["num_experts", "num_local_experts"];
    settings["num_experts"] = enough_experts(checkpoint, &keys, experts)?.into();
    settings["use_sliding_window"] = false.into();
    settings["max_window_layers"] = 0.into();
    Ok(settings)
}

/// Defaults of Qwen's mixtures.
fn qwen_defaults() -> Value {
    let mut all = defaults();
    all["decoder_sparse_step"] = 1.into();
    all["norm_topk_prob"] = false.into();
    all
}

pub(super) fn qwen2_moe(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    even_heads(checkpoint)?;
    checkpoint.only("qkv_bias", true.into(), "it always has these biases")?;
    let mut settings = qwen(checkpoint, longest, 60)?;
    // It always has a window.
    settings["sliding_window"] = (longest + 1).into();
    let config: qwen2_moe::Config = checkpoint.config(qwen_defaults(), settings)?;
    let mut model = qwen2_moe::Model::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}

pub(super) fn qwen3_moe(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    let mut settings = qwen(checkpoint, longest, 128)?;
    settings["sliding_window"] = Value::Null;
    settings["head_dim"] = checkpoint.size("head_dim").unwrap_or(128).into();
    let config: qwen3_moe::Config = checkpoint.config(qwen_defaults(), settings)?;
    let mut model = qwen3_moe::ModelForCausalLM::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}
