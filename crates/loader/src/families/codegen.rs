//! CodeGen (Nijkamp et al. 2023): GPT-J with queries, values and keys in one matrix, a quarter of the heads
//! after the other.

use super::rules::{Rule, Transform, take};
use super::{Family, gptj};
use stratoscope_transformer::Architecture;

pub(super) const FAMILY: Family = Family {
    name: "CodeGen",
    types: &[("codegen", "CodeGen")],
    architecture: |config| {
        let gptj: Architecture = gptj::architecture(config)?;
        if !gptj.n_heads.is_multiple_of(4) {
            return Err(config.error("n_head", &gptj.n_heads.into(), "it must be divisible by 4"));
        }
        Ok(gptj)
    },
    names: &[
        take(&["embed.token"], "wte"),
        take(&["blocks.{i}.attn.norm"], "h.{i}.ln_1"),
        Rule {
            to: &["blocks.{i}.attn.q", "blocks.{i}.attn.v", "blocks.{i}.attn.k"],
            from: "h.{i}.attn.qkv_proj",
            transform: Transform::SplitQuarters,
        },
        take(&["blocks.{i}.attn.o"], "h.{i}.attn.out_proj"),
        take(&["blocks.{i}.mlp.in"], "h.{i}.mlp.fc_in"),
        take(&["blocks.{i}.mlp.out"], "h.{i}.mlp.fc_out"),
        take(&["final_norm"], "ln_f"),
    ],
    head: &[take(&["head.unembed"], "lm_head")],
    prefixes: &["transformer."],
    unused: &[],
};
