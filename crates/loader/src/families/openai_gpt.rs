//! GPT (Radford et al. 2018): GPT-2 with the norms after the residual sums.

use super::rules::{Rule, Transform, take, transpose};
use super::{Family, gpt2};
use stratoscope_transformer::{Activation, Architecture, Layout, Mlp};

pub(super) const FAMILY: Family = Family {
    name: "GPT",
    types: &[("openai-gpt", "OpenAIGPT")],
    architecture: |config| {
        let gpt2 = gpt2::architecture(config)?;
        // Here gelu means the tanh approximation.
        let activation = match config.activation("afn", Activation::GeluTanh)? {
            Activation::Gelu => Activation::GeluTanh,
            other => other,
        };
        Ok(Architecture {
            layout: Layout::PostNorm,
            final_norm: false,
            mlp: Mlp { activation, ..gpt2.mlp },
            ..gpt2
        })
    },
    names: &[
        take(&["embed.token"], "tokens_embed"),
        take(&["embed.position"], "positions_embed"),
        Rule {
            to: &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"],
            from: "h.{i}.attn.c_attn",
            transform: Transform::TransposeSplit,
        },
        transpose(&["blocks.{i}.attn.o"], "h.{i}.attn.c_proj"),
        take(&["blocks.{i}.attn.norm"], "h.{i}.ln_1"),
        transpose(&["blocks.{i}.mlp.in"], "h.{i}.mlp.c_fc"),
        transpose(&["blocks.{i}.mlp.out"], "h.{i}.mlp.c_proj"),
        take(&["blocks.{i}.mlp.norm"], "h.{i}.ln_2"),
    ],
    head: &[take(&["head.unembed"], "lm_head")],
    prefixes: &["transformer."],
    unused: &[],
};
