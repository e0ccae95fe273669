//! The configs of mixtures of experts.

use super::{Gguf, Keys, RMS, Result, Rope, decoder, llama, qwen2, qwen3, whole_rotation};
use serde_json::{Map, Value, json};

/// The keys of mixtures of experts; `width` is the key of the width of an expert, if it has one.
fn mixture(keys: &Keys<'_>, config: &mut Map<String, Value>, width: Option<&str>) -> Result<()> {
    for (key, name) in
        [("expert_count", "num_experts"), ("expert_used_count", "num_experts_per_tok")]
    {
        config.insert(name.to_owned(), keys.need(key, keys.size(key))?.into());
    }
    if let Some(width) = width {
        let d_expert = keys.need(width, keys.size(width))?;
        config.insert("moe_intermediate_size".to_owned(), d_expert.into());
    }
    Ok(())
}

pub(super) fn mixtral(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    llama(gguf, keys, config)?;
    mixture(keys, config, None)
}

pub(super) fn qwen2_moe(
    gguf: &Gguf,
    keys: &Keys<'_>,
    config: &mut Map<String, Value>,
) -> Result<()> {
    qwen2(gguf, keys, config)?;
    mixture(keys, config, Some("expert_feed_forward_length"))?;
    let shared = "expert_shared_feed_forward_length";
    let d_mlp = keys.need(shared, keys.size(shared))?;
    config.insert("shared_expert_intermediate_size".to_owned(), d_mlp.into());
    Ok(())
}

pub(super) fn qwen3_moe(
    gguf: &Gguf,
    keys: &Keys<'_>,
    config: &mut Map<String, Value>,
) -> Result<()> {
    qwen3(gguf, keys, config)?;
    mixture(keys, config, Some("expert_feed_forward_length"))?;
    // llama.cpp divides the weights of this architecture, and has no key for it.
    config.insert("norm_topk_prob".to_owned(), true.into());
    Ok(())
}

pub(super) fn olmoe(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    qwen3(gguf, keys, config)?;
    mixture(keys, config, None)
}

pub(super) fn gpt_oss(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    let d_head = decoder(gguf, keys, config, RMS)?;
    whole_rotation(keys, d_head)?;
    config.insert("head_dim".to_owned(), d_head.into());
    let window = "attention.sliding_window";
    config.insert("sliding_window".to_owned(), keys.need(window, keys.size(window))?.into());
    // The width of an expert has a key of its own, which must be the same.
    let width = keys.need("feed_forward_length", keys.size("feed_forward_length"))?;
    keys.only("expert_feed_forward_length", width as f64)?;
    let rope = Rope::read(keys, 150_000.0)?;
    let mut scaling = rope.scaling(keys)?;
    if let Some(scaling) = &mut scaling {
        // As transformers computes this family; no key says it.
        scaling["truncate"] = false.into();
    }
    rope.write(Some(scaling.unwrap_or_else(|| json!({ "rope_type": "default" }))), config);
    mixture(keys, config, None)
}
