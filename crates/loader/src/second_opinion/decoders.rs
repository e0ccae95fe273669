//! The decoders of candle-transformers, and the configs that they can express. Each returns the logits
//! of the last token; no run depends on an earlier one.

use super::checkpoint::Checkpoint;
use super::encoders::layer_types;
use super::{Error, Result, Run, row};
use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use candle_transformers::models::{
    gemma, gemma2, gemma3, glm4_new, helium, llama, mistral, olmo, olmo2, phi, phi3, qwen2, qwen3,
    stable_lm, starcoder2,
};
use serde_json::{Value, json};

/// Refuses heads of another width than `hidden_size / num_attention_heads`.
pub(super) fn even_heads(checkpoint: &Checkpoint) -> Result<()> {
    let (Some(head), Some(width), Some(heads)) = (
        checkpoint.size("head_dim"),
        checkpoint.size("hidden_size"),
        checkpoint.size("num_attention_heads"),
    ) else {
        return Ok(());
    };
    if head.checked_mul(heads) == Some(width) {
        return Ok(());
    }
    Err(Error::CannotExpress {
        key: "head_dim".to_owned(),
        value: head.to_string(),
        reason: format!("its heads divide hidden_size, {width}, by their number, {heads}"),
    })
}

/// Settings that most decoders share; `longest` limits the tables of positions.
pub(super) fn settings(checkpoint: &Checkpoint, longest: usize) -> Value {
    let heads = checkpoint.value("num_key_value_heads").or(checkpoint.value("num_attention_heads"));
    json!({
        "max_position_embeddings": longest,
        "num_key_value_heads": heads,
        "tie_word_embeddings": checkpoint.flag("tie_word_embeddings"),
    })
}

/// Defaults that most decoders share.
pub(super) fn defaults() -> Value {
    json!({
        "attention_bias": false, "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "tie_word_embeddings": false,
    })
}

/// The window; longer than every sequence if there is none.
fn window(checkpoint: &Checkpoint, longest: usize) -> usize {
    checkpoint.window().unwrap_or(usize::MAX).min(longest + 1)
}

pub(super) fn llama(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    even_heads(checkpoint)?;
    checkpoint.only("hidden_act", "silu".into(), "it has silu alone")?;
    for key in ["attention_bias", "mlp_bias"] {
        checkpoint.only(key, false.into(), "it has no such biases")?;
    }
    if checkpoint.value("rope_scaling").is_some_and(|s| s["rope_type"] != "llama3") {
        checkpoint.no_rope_scaling()?;
    }
    let config: llama::LlamaConfig =
        checkpoint.config(defaults(), settings(checkpoint, longest))?;
    let config = config.into_config(false);
    let weights = checkpoint.weights();
    // It panics if a tensor of a block is missing.
    llama_blocks(&config, &weights)?;
    let model = llama::Llama::load(weights, &config)?;
    let cache = llama::Cache::new(false, DType::F32, &config, &Device::Cpu)?;
    Ok(Box::new(move |s| model.forward(&row(s.token_ids())?, 0, &mut cache.clone())))
}

/// Checks that all tensors of the blocks exist, in their shapes.
fn llama_blocks(config: &llama::Config, weights: &VarBuilder<'_>) -> Result<()> {
    let (d, mlp) = (config.hidden_size, config.intermediate_size);
    let head = d / config.num_attention_heads;
    let (q, kv) = (head * config.num_attention_heads, head * config.num_key_value_heads);
    for layer in 0..config.num_hidden_layers {
        let block = weights.pp("model.layers").pp(layer);
        for (name, shape) in [
            ("self_attn.q_proj.weight", (q, d)),
            ("self_attn.k_proj.weight", (kv, d)),
            ("self_attn.v_proj.weight", (kv, d)),
            ("self_attn.o_proj.weight", (d, q)),
            ("mlp.gate_proj.weight", (mlp, d)),
            ("mlp.up_proj.weight", (mlp, d)),
            ("mlp.down_proj.weight", (d, mlp)),
        ] {
            block.get(shape, name)?;
        }
        for name in ["input_layernorm.weight", "post_attention_layernorm.weight"] {
            block.get(d, name)?;
        }
    }
    Ok(())
}

pub(super) fn mistral(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    let mut settings = settings(checkpoint, longest);
    settings["sliding_window"] = window(checkpoint, longest).into();
    let config: mistral::Config = checkpoint.config(defaults(), settings)?;
    let mut model = mistral::Model::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}

pub(super) fn qwen2(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    even_heads(checkpoint)?;
    let mut settings = settings(checkpoint, longest);
    // It always has a window.
    let used = checkpoint.flag("use_sliding_window");
    let window = if used { window(checkpoint, longest) } else { longest + 1 };
    settings["sliding_window"] = window.into();
    settings["use_sliding_window"] = used.into();
    settings["max_window_layers"] = 0.into();
    let config: qwen2::Config = checkpoint.config(defaults(), settings)?;
    let mut model = qwen2::ModelForCausalLM::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}

pub(super) fn qwen3(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    checkpoint.only("use_sliding_window", false.into(), "it has no windows")?;
    let mut settings = settings(checkpoint, longest);
    settings["sliding_window"] = Value::Null;
    settings["use_sliding_window"] = false.into();
    settings["max_window_layers"] = 0.into();
    settings["head_dim"] = checkpoint.size("head_dim").unwrap_or(128).into();
    let config: qwen3::Config = checkpoint.config(defaults(), settings)?;
    let mut model = qwen3::ModelForCausalLM::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}

/// Settings of all Gemmas.
fn gemma_settings(checkpoint: &Checkpoint, longest: usize) -> Result<Value> {
    checkpoint.only("use_bidirectional_attention", false.into(), "its attention is causal")?;
    let mut settings = settings(checkpoint, longest);
    // `gelu` in their older key means the tanh approximation.
    let activation = checkpoint.text("hidden_activation").unwrap_or("gelu_pytorch_tanh");
    settings["hidden_act"] = Value::Null;
    settings["hidden_activation"] = activation.into();
    settings["head_dim"] = checkpoint.size("head_dim").unwrap_or(256).into();
    let scalar = checkpoint.number("query_pre_attn_scalar").unwrap_or(256.0);
    // It requires a whole number, and does not use it.
    settings["query_pre_attn_scalar"] = (scalar as u64).into();
    Ok(settings)
}

pub(super) fn gemma(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    let settings = gemma_settings(checkpoint, longest)?;
    let config: gemma::Config = checkpoint.config(defaults(), settings)?;
    let mut model = gemma::Model::new(false, &config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}

pub(super) fn gemma2(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    let mut settings = gemma_settings(checkpoint, longest)?;
    settings["sliding_window"] = window(checkpoint, longest).into();
    let config: gemma2::Config = checkpoint.config(defaults(), settings)?;
    let mut model = gemma2::Model::new(false, &config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}

pub(super) fn gemma3(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    let mut settings = gemma_settings(checkpoint, longest)?;
    settings["sliding_window"] = window(checkpoint, longest).into();
    settings["rope_theta"] = checkpoint.number("rope_theta").unwrap_or(1e6).into();
    settings["rope_local_base_freq"] =
        checkpoint.number("rope_local_base_freq").unwrap_or(1e4).into();
    // Full attention in every so many layers.
    settings["sliding_window_pattern"] =
        match checkpoint.value("layer_types").and_then(Value::as_array) {
            None => checkpoint.size("sliding_window_pattern").unwrap_or(6).into(),
            Some(types) => {
                let full = |i: usize| types[i] == "full_attention";
                let every = (1..=types.len() + 1)
                    .find(|n| (0..types.len()).all(|i| full(i) == ((i + 1) % n == 0)));
                every.ok_or_else(|| layer_types(types))?.into()
            }
        };
    let config: gemma3::Config = checkpoint.config(defaults(), settings)?;
    let mut model = gemma3::Model::new(false, &config, checkpoint.weights())?;
    // Several tokens at once fail in a layer without a window and with more than one key head. So
    // tokens run one by one, and a sequence that continues the last one continues its run.
    let mut read: Vec<u32> = Vec::new();
    Ok(Box::new(move |s| {
        if s.token_ids().len() <= read.len() || !s.token_ids().starts_with(&read) {
            model.clear_kv_cache();
            read.clear();
        }
        let mut last = None;
        for &id in &s.token_ids()[read.len()..] {
            last = Some(model.forward(&row(&[id])?, read.len())?);
            read.push(id);
        }
        last.ok_or_else(|| candle_core::Error::Msg("an empty sequence".to_owned()))
    }))
}

pub(super) fn phi(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    checkpoint.only("qk_layernorm", false.into(), "it norms before it splits into heads")?;
    let defaults = json!({
        "hidden_act": "gelu_new", "layer_norm_eps": 1e-5, "partial_rotary_factor": 0.5,
        "qk_layernorm": false, "rope_theta": 10000.0,
    });
    let config: phi::Config = checkpoint.config(defaults, settings(checkpoint, longest))?;
    let mut model = phi::Model::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?)
    }))
}

pub(super) fn phi3(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    if let Some(window) = checkpoint.size("sliding_window").filter(|w| *w < longest) {
        return Err(Error::CannotExpress {
            key: "sliding_window".to_owned(),
            value: window.to_string(),
            reason: format!("it has no windows; give texts of at most {window} tokens"),
        });
    }
    let mut settings = settings(checkpoint, longest);
    if checkpoint.size("original_max_position_embeddings").is_some_and(|n| n >= longest) {
        settings["original_max_position_embeddings"] = Value::Null;
    }
    if checkpoint.number("partial_rotary_factor") == Some(1.0) {
        settings["partial_rotary_factor"] = Value::Null;
    }
    // Not used, and a list in some files.
    settings["bos_token_id"] = Value::Null;
    settings["eos_token_id"] = Value::Null;
    let mut defaults = defaults();
    defaults["rms_norm_eps"] = 1e-5.into();
    let config: phi3::Config = checkpoint.config(defaults, settings)?;
    let mut model = phi3::Model::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}

pub(super) fn olmo2(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    even_heads(checkpoint)?;
    let mut defaults = defaults();
    defaults["rms_norm_eps"] = 1e-5.into();
    let config: olmo2::Config = checkpoint.config(defaults, settings(checkpoint, longest))?;
    let mut model = olmo2::Model::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}

pub(super) fn starcoder2(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    even_heads(checkpoint)?;
    checkpoint.only("tie_word_embeddings", true.into(), "its head is the embedding")?;
    let mut defaults = defaults();
    defaults["hidden_act"] = "gelu_pytorch_tanh".into();
    defaults["norm_epsilon"] = 1e-5.into();
    defaults["use_bias"] = true.into();
    let config: starcoder2::Config = checkpoint.config(defaults, settings(checkpoint, longest))?;
    let mut model = starcoder2::Model::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}

pub(super) fn olmo(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    let config: olmo::Config = checkpoint.config(defaults(), settings(checkpoint, longest))?;
    let mut model = olmo::Model::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}

pub(super) fn stablelm(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    let reason = "its blocks run one half after the other";
    checkpoint.only("use_parallel_residual", false.into(), reason)?;
    let mut settings = settings(checkpoint, longest);
    // Its cache cannot be cleared.
    settings["use_cache"] = false.into();
    settings["partial_rotary_factor"] =
        checkpoint.number("partial_rotary_factor").unwrap_or(0.25).into();
    let mut defaults = defaults();
    defaults["layer_norm_eps"] = 1e-5.into();
    let config: stable_lm::Config = checkpoint.config(defaults, settings)?;
    let mut model = stable_lm::Model::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| model.forward(&row(s.token_ids())?, 0)))
}

pub(super) fn helium(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    let mut defaults = defaults();
    for (key, value) in [("bos_token_id", 1), ("eos_token_id", 2), ("head_dim", 128)] {
        defaults[key] = value.into();
    }
    (defaults["mlp_bias"], defaults["rope_theta"]) = (false.into(), 1e5.into());
    let config: helium::Config = checkpoint.config(defaults, settings(checkpoint, longest))?;
    let mut model = helium::Model::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}

pub(super) fn glm4(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    let mut settings = settings(checkpoint, longest);
    for (key, default) in [("partial_rotary_factor", 0.5), ("rms_norm_eps", 1.5625e-7)] {
        settings[key] = checkpoint.number(key).unwrap_or(default).into();
    }
    let mut defaults = defaults();
    (defaults["head_dim"], defaults["attention_bias"]) = (128.into(), true.into());
    let config: glm4_new::Config = checkpoint.config(defaults, settings)?;
    let mut model = glm4_new::ModelForCausalLM::new(&config, checkpoint.weights())?;
    Ok(Box::new(move |s| {
        model.clear_kv_cache();
        model.forward(&row(s.token_ids())?, 0)
    }))
}
