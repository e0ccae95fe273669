//! GPT-NeoX (Black et al. 2022) and Pythia (Biderman et al. 2023): parallel attention and MLP, with a
//! part of each head rotated.

use super::rope::{ROPE, Rope, rotary};
use super::rules::{Rule, Transform, take};
use super::{Family, spans};
use stratoscope_transformer::{Activation, Architecture, Attention, Head, Layout, Mlp, Norm};

pub(super) const FAMILY: Family = Family {
    name: "GPT-NeoX / Pythia",
    types: &[("gpt_neox", "GPTNeoX")],
    architecture: |config| {
        let n_layers = config.size(&["num_hidden_layers"], 44)?;
        let d_model = config.size(&["hidden_size"], 6144)?;
        let n_heads = config.size(&["num_attention_heads"], 64)?;
        let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
        let rope = Rope { theta: "rotary_emb_base", partial: Some(("rotary_pct", 0.25)), ..ROPE };
        let rotary = rotary(config, d_head, &rope)?;
        let bias = config.flag("attention_bias", true)?;
        let mut attention = Attention {
            input_bias: bias,
            output_bias: bias,
            ..Attention::uniform(n_layers, d_head, spans::causal(None))
        };
        for layer in &mut attention.layers {
            layer.rotary = Some(rotary.clone());
        }
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], 50432)?,
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: n_heads,
            d_head,
            d_mlp: config.size(&["intermediate_size"], 24576)?,
            context: Some(config.size(&["max_position_embeddings"], 2048)?),
            norm: Norm::Layer { eps: config.epsilon(&["layer_norm_eps"], 1e-5)?, bias: true },
            layout: match config.flag("use_parallel_residual", true)? {
                true => Layout::Parallel { one_norm: false },
                false => Layout::PreNorm { first: true },
            },
            final_norm: true,
            attention,
            mlp: Mlp {
                activation: config.activation("hidden_act", Activation::Gelu)?,
                gated: false,
                bias: true,
            },
            head: Some(Head { tied: config.flag("tie_word_embeddings", false)?, ..Head::TIED }),
            ..Architecture::BASE
        })
    },
    names: &[
        take(&["embed.token"], "embed_in"),
        take(&["blocks.{i}.attn.norm"], "layers.{i}.input_layernorm"),
        Rule {
            to: &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"],
            from: "layers.{i}.attention.query_key_value",
            transform: Transform::SplitHeads,
        },
        take(&["blocks.{i}.attn.o"], "layers.{i}.attention.dense"),
        take(&["blocks.{i}.mlp.norm"], "layers.{i}.post_attention_layernorm"),
        take(&["blocks.{i}.mlp.in"], "layers.{i}.mlp.dense_h_to_4h"),
        take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.dense_4h_to_h"),
        take(&["final_norm"], "final_layer_norm"),
    ],
    head: &[take(&["head.unembed"], "embed_out"), take(&["head.unembed"], "lm_head")],
    prefixes: &["gpt_neox."],
    unused: &[],
};
