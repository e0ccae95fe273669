//! Falcon (Almazrouei et al. 2023): attention and MLP in parallel, with few heads of keys and values. The
//! models that were trained on RefinedWeb alone have ALiBi and one half of a block after the other.

use super::rope::{ROPE, rotary};
use super::rules::{Rule, Transform, split, take};
use super::{Family, spans};
use stratoscope_transformer::{
    Activation, Alibi, Architecture, Attention, Head, Layout, Mlp, Norm, Relative,
};

pub(super) const FAMILY: Family = Family {
    name: "Falcon",
    types: &[("falcon", "Falcon")],
    architecture: |config| {
        let n_layers = config.size(&["num_hidden_layers"], 32)?;
        let d_model = config.size(&["n_embed", "hidden_size"], 4544)?;
        let n_heads = config.size(&["num_attention_heads"], 71)?;
        let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
        let bias = config.flag("bias", false)?;
        let groups = config.flag("new_decoder_architecture", false)?;
        let two_norms = match config.optional_size(&["num_ln_in_parallel_attn"])? {
            None => groups,
            Some(norms) => norms == 2,
        };
        if groups {
            config.only("parallel_attn", true.into())?;
        } else if two_norms {
            config.only("num_ln_in_parallel_attn", 1.into())?;
        }
        let mut attention = Attention {
            input_bias: bias,
            output_bias: bias,
            ..Attention::uniform(n_layers, d_head, spans::causal(None))
        };
        if config.flag("alibi", false)? {
            attention.relative = Some(Relative::Alibi(Alibi { bf16: true }));
        } else {
            let rotary = rotary(config, d_head, &ROPE)?;
            attention.layers.iter_mut().for_each(|layer| layer.rotary = Some(rotary.clone()));
        }
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], 65024)?,
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: match config.flag("multi_query", true)? {
                true if !groups => 1,
                _ => config.size(&["num_kv_heads"], n_heads)?,
            },
            d_head,
            d_mlp: config.size(&["ffn_hidden_size"], d_model.saturating_mul(4))?,
            context: Some(config.size(&["max_position_embeddings"], 2048)?),
            norm: Norm::Layer { eps: config.epsilon(&["layer_norm_epsilon"], 1e-5)?, bias: true },
            layout: match groups || config.flag("parallel_attn", true)? {
                true => Layout::Parallel { one_norm: !two_norms },
                false => Layout::PreNorm { first: true },
            },
            final_norm: true,
            attention,
            mlp: Mlp {
                activation: config.activation("activation", Activation::Gelu)?,
                gated: false,
                bias,
            },
            head: Some(Head { tied: config.flag("tie_word_embeddings", true)?, ..Head::TIED }),
            ..Architecture::BASE
        })
    },
    names: &NAMES,
    head: &[take(&["head.unembed"], "lm_head")],
    prefixes: &["transformer."],
    unused: &[],
};

/// The names of a Falcon checkpoint, which BLOOM shares.
pub(super) const NAMES: [Rule; 11] = [
    take(&["embed.token"], "word_embeddings"),
    take(&["blocks.{i}.attn.norm"], "h.{i}.input_layernorm"),
    take(&["blocks.{i}.attn.norm"], "h.{i}.ln_attn"),
    // With the groups of queries that share a head of keys.
    Rule {
        to: &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"],
        from: "h.{i}.self_attention.query_key_value",
        transform: Transform::SplitHeads,
    },
    // A GGUF file has the queries, keys and values of all heads one after the other.
    split(
        &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"],
        "h.{i}.self_attention.qkv",
    ),
    take(&["blocks.{i}.attn.o"], "h.{i}.self_attention.dense"),
    take(&["blocks.{i}.mlp.norm"], "h.{i}.post_attention_layernorm"),
    take(&["blocks.{i}.mlp.norm"], "h.{i}.ln_mlp"),
    take(&["blocks.{i}.mlp.in"], "h.{i}.mlp.dense_h_to_4h"),
    take(&["blocks.{i}.mlp.out"], "h.{i}.mlp.dense_4h_to_h"),
    take(&["final_norm"], "ln_f"),
];
