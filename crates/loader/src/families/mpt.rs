//! MPT (MosaicML 2023): pre-norm blocks with ALiBi and without any bias.

use super::rules::{split, take};
use super::{Family, spans};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Activation, Alibi, Architecture, Attention, Head, Layout, Mlp, Norm, Relative,
};

pub(super) const FAMILY: Family = Family {
    name: "MPT",
    types: &[("mpt", "Mpt")],
    architecture: |config| {
        let n_layers = config.size(&["n_layers", "num_hidden_layers"], 24)?;
        let d_model = config.size(&["d_model", "hidden_size"], 2048)?;
        let n_heads = config.size(&["n_heads", "num_attention_heads"], 16)?;
        let d_head = config.d_head("n_heads", d_model, n_heads)?;
        config.only("no_bias", true.into())?;
        config.absent("logit_scale")?;
        config.only("embedding_fraction", 1.into())?;
        // The reference has no other width.
        config.only("expansion_ratio", 4.into())?;
        let mut attention = Attention {
            input_bias: false,
            output_bias: false,
            relative: Some(Relative::Alibi(Alibi { bf16: false })),
            ..Attention::uniform(n_layers, d_head, spans::causal(None))
        };
        if let Some(own) = config.within("attn_config")? {
            check(&own)?;
            if let Some(scale) = own.positive(&["softmax_scale"])? {
                attention.layers.iter_mut().for_each(|layer| layer.scale = scale);
            }
        }
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], 50368)?,
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: n_heads,
            d_head,
            d_mlp: d_model.saturating_mul(4),
            context: Some(config.size(&["max_seq_len"], 2048)?),
            norm: Norm::Layer { eps: config.epsilon(&["layer_norm_epsilon"], 1e-5)?, bias: false },
            layout: Layout::PreNorm { first: true },
            final_norm: true,
            attention,
            mlp: Mlp { activation: Activation::Gelu, gated: false, bias: false },
            head: Some(Head { tied: config.flag("tie_word_embeddings", true)?, ..Head::TIED }),
            ..Architecture::BASE
        })
    },
    names: &[
        take(&["embed.token"], "wte"),
        take(&["blocks.{i}.attn.norm"], "blocks.{i}.norm_1"),
        split(
            &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"],
            "blocks.{i}.attn.Wqkv",
        ),
        take(&["blocks.{i}.attn.o"], "blocks.{i}.attn.out_proj"),
        take(&["blocks.{i}.mlp.norm"], "blocks.{i}.norm_2"),
        take(&["blocks.{i}.mlp.in"], "blocks.{i}.ffn.up_proj"),
        take(&["blocks.{i}.mlp.out"], "blocks.{i}.ffn.down_proj"),
        take(&["final_norm"], "norm_f"),
    ],
    head: &[take(&["head.unembed"], "lm_head")],
    prefixes: &["transformer."],
    unused: &[],
};

/// Refuses other attention than that of the reference, which reads few of these keys.
fn check(attention: &Config) -> Result<()> {
    attention.only("attn_type", "multihead_attention".into())?;
    attention.absent("clip_qkv")?;
    attention.only("alibi", true.into())?;
    attention.only("alibi_bias_max", 8.into())?;
    ["prefix_lm", "qk_ln"].iter().try_for_each(|key| attention.only(key, false.into()))
}
