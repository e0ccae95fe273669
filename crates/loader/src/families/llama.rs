//! Llama 1 to 3 (Touvron et al. 2023; Grattafiori et al. 2024), and models with the same architecture,
//! such as SmolLM2 and TinyLlama.

use super::rope::{ROPE, Rope, rotary};
use super::rules::{interleaved, tables, take};
use super::{Family, Rule, spans};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Activation, Architecture, Attention, AttentionLayer, Head, Layout, Mlp, Norm,
};

pub(super) const FAMILY: Family = Family {
    name: "Llama / SmolLM2",
    types: &[("llama", "Llama")],
    architecture: |config| {
        let llama = architecture(config, &DEFAULTS)?;
        with_biases(config, llama)
    },
    names: NAMES,
    head: HEAD,
    prefixes: PREFIXES,
    unused: &[],
};

/// The names of a Llama checkpoint, which most later decoders share.
pub(super) const NAMES: &[Rule] = tables![EMBED, NORMS, ATTENTION, MLP, FINAL];

/// Llama's names where the rotating pairs are interleaved.
pub(super) const INTERLEAVED: &[Rule] = tables![EMBED, NORMS, INTERLEAVED_ATTENTION, MLP, FINAL];

/// The embedding. It is the first rule of a table, which finds the prefix of the names.
pub(super) const EMBED: [Rule; 1] = [take(&["embed.token"], "embed_tokens")];

/// The norm after the last block.
pub(super) const FINAL: [Rule; 1] = [take(&["final_norm"], "norm")];

/// The norms of a pre-norm block.
pub(super) const NORMS: [Rule; 2] = [
    take(&["blocks.{i}.attn.norm"], "layers.{i}.input_layernorm"),
    take(&["blocks.{i}.mlp.norm"], "layers.{i}.post_attention_layernorm"),
];

/// Attention.
pub(super) const ATTENTION: [Rule; 6] = [
    take(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_proj"),
    take(&["blocks.{i}.attn.k"], "layers.{i}.self_attn.k_proj"),
    take(&["blocks.{i}.attn.v"], "layers.{i}.self_attn.v_proj"),
    take(&["blocks.{i}.attn.q_norm"], "layers.{i}.self_attn.q_norm"),
    take(&["blocks.{i}.attn.k_norm"], "layers.{i}.self_attn.k_norm"),
    take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.o_proj"),
];

/// Attention with interleaved rotating pairs.
pub(super) const INTERLEAVED_ATTENTION: [Rule; 6] = [
    interleaved(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_proj"),
    interleaved(&["blocks.{i}.attn.k"], "layers.{i}.self_attn.k_proj"),
    take(&["blocks.{i}.attn.v"], "layers.{i}.self_attn.v_proj"),
    interleaved(&["blocks.{i}.attn.q_norm"], "layers.{i}.self_attn.q_norm"),
    interleaved(&["blocks.{i}.attn.k_norm"], "layers.{i}.self_attn.k_norm"),
    take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.o_proj"),
];

/// The MLP.
pub(super) const MLP: [Rule; 3] = [
    take(&["blocks.{i}.mlp.gate"], "layers.{i}.mlp.gate_proj"),
    take(&["blocks.{i}.mlp.in"], "layers.{i}.mlp.up_proj"),
    take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.down_proj"),
];

/// The head of most decoders; its second name is that of multimodal checkpoints.
pub(super) const HEAD: &[Rule] =
    &[take(&["head.unembed"], "lm_head"), take(&["head.unembed"], "language_model.lm_head")];

/// The prefixes of most decoders. Models that were saved without a head have none.
pub(super) const PREFIXES: &[&str] = &[
    "model.",
    "language_model.model.",
    "model.language_model.",
    "language_model.",
    // Models for question answering.
    "transformer.",
];

/// The values of keys that a config leaves out.
pub(super) struct Defaults {
    pub(super) d_vocab: usize,
    pub(super) d_model: usize,
    pub(super) n_layers: usize,
    pub(super) n_heads: usize,
    /// None: the number of query heads.
    pub(super) n_kv_heads: Option<usize>,
    /// None: the width of the model divided by the number of heads.
    pub(super) d_head: Option<usize>,
    pub(super) d_mlp: usize,
    pub(super) context: usize,
    pub(super) eps: f64,
    pub(super) tied: bool,
    pub(super) rope: Rope,
}

pub(super) const DEFAULTS: Defaults = Defaults {
    d_vocab: 32000,
    d_model: 4096,
    n_layers: 32,
    n_heads: 32,
    n_kv_heads: None,
    d_head: None,
    d_mlp: 11008,
    context: 2048,
    eps: 1e-6,
    tied: false,
    rope: ROPE,
};

/// Adds the biases that a config has.
pub(super) fn with_biases(config: &Config, llama: Architecture) -> Result<Architecture> {
    let llama = with_attention_biases(config, llama)?;
    Ok(Architecture { mlp: Mlp { bias: config.flag("mlp_bias", false)?, ..llama.mlp }, ..llama })
}

/// Adds the biases of attention that a config has.
pub(super) fn with_attention_biases(config: &Config, llama: Architecture) -> Result<Architecture> {
    let bias = config.flag("attention_bias", false)?;
    let attention = Attention { input_bias: bias, output_bias: bias, ..llama.attention };
    Ok(Architecture { attention, ..llama })
}

/// The architecture of a config with Llama's keys, without biases.
pub(super) fn architecture(config: &Config, defaults: &Defaults) -> Result<Architecture> {
    let n_layers = config.size(&["num_hidden_layers"], defaults.n_layers)?;
    let d_model = config.size(&["hidden_size"], defaults.d_model)?;
    let n_heads = config.size(&["num_attention_heads"], defaults.n_heads)?;
    // Null means the number of query heads, a missing key the default.
    let n_kv_heads = match config.is_null("num_key_value_heads") {
        true => n_heads,
        false => defaults.n_kv_heads.unwrap_or(n_heads),
    };
    let d_head = match config.optional_size(&["head_dim"])?.or(defaults.d_head) {
        Some(d_head) => d_head,
        None => config.d_head("num_attention_heads", d_model, n_heads)?,
    };
    let layer = AttentionLayer {
        rotary: Some(rotary(config, d_head, &defaults.rope)?),
        ..Attention::uniform(1, d_head, spans::causal(None)).layers.remove(0)
    };
    let mut attention = Attention::uniform(n_layers, d_head, spans::causal(None));
    attention.layers.fill(layer);
    Ok(Architecture {
        d_vocab: config.size(&["vocab_size"], defaults.d_vocab)?,
        d_model,
        n_layers,
        n_weight_sets: n_layers,
        n_heads,
        n_kv_heads: config.size(&["num_key_value_heads"], n_kv_heads)?,
        d_head,
        d_mlp: config.size(&["intermediate_size"], defaults.d_mlp)?,
        context: Some(config.size(&["max_position_embeddings"], defaults.context)?),
        norm: Norm::Rms {
            eps: config.epsilon(&["rms_norm_eps"], defaults.eps)?,
            unit_offset: false,
        },
        layout: Layout::PreNorm { first: true },
        final_norm: true,
        attention: Attention { input_bias: false, output_bias: false, ..attention },
        mlp: Mlp {
            activation: config.activation("hidden_act", Activation::Silu)?,
            gated: true,
            bias: false,
        },
        head: Some(Head { tied: config.flag("tie_word_embeddings", defaults.tied)?, ..Head::TIED }),
        ..Architecture::BASE
    })
}
