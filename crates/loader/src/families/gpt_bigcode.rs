//! GPT-BigCode: SantaCoder (Ben Allal et al. 2023) and StarCoder (Li et al. 2023), GPT-2 with one head of
//! keys and values.

use super::rules::{Rule, Transform, take};
use super::{Family, gpt2};
use stratoscope_transformer::Architecture;

pub(super) const FAMILY: Family = Family {
    name: "GPT-BigCode",
    types: &[("gpt_bigcode", "GPTBigCode")],
    architecture: |config| {
        let gpt2 = gpt2::architecture(config)?;
        let n_kv_heads = if config.flag("multi_query", true)? { 1 } else { gpt2.n_heads };
        Ok(Architecture { n_kv_heads, ..gpt2 })
    },
    names: &[
        take(&["embed.token"], "wte"),
        take(&["embed.position"], "wpe"),
        take(&["blocks.{i}.attn.norm"], "h.{i}.ln_1"),
        Rule {
            to: &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"],
            from: "h.{i}.attn.c_attn",
            transform: Transform::SplitHeads,
        },
        take(&["blocks.{i}.attn.o"], "h.{i}.attn.c_proj"),
        take(&["blocks.{i}.mlp.norm"], "h.{i}.ln_2"),
        take(&["blocks.{i}.mlp.in"], "h.{i}.mlp.c_fc"),
        take(&["blocks.{i}.mlp.out"], "h.{i}.mlp.c_proj"),
        take(&["final_norm"], "ln_f"),
    ],
    head: &[take(&["head.unembed"], "lm_head")],
    prefixes: &["transformer."],
    unused: &[],
};
