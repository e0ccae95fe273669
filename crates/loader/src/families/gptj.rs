//! GPT-J (Wang & Komatsuzaki 2021): attention and MLP in parallel after one norm, with a part of each head
//! rotated.

use super::rules::{interleaved, take};
use super::{Family, gpt2};
use crate::config::Config;
use crate::error::Result;
use serde_json::Value;
use stratoscope_transformer::{Architecture, Attention, Embedding, Head, Layout, Rotary};

pub(super) const FAMILY: Family = Family {
    name: "GPT-J",
    types: &[("gptj", "GPTJ")],
    architecture,
    names: &[
        take(&["embed.token"], "wte"),
        take(&["blocks.{i}.attn.norm"], "h.{i}.ln_1"),
        interleaved(&["blocks.{i}.attn.q"], "h.{i}.attn.q_proj"),
        interleaved(&["blocks.{i}.attn.k"], "h.{i}.attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "h.{i}.attn.v_proj"),
        take(&["blocks.{i}.attn.o"], "h.{i}.attn.out_proj"),
        take(&["blocks.{i}.mlp.in"], "h.{i}.mlp.fc_in"),
        take(&["blocks.{i}.mlp.out"], "h.{i}.mlp.fc_out"),
        take(&["final_norm"], "ln_f"),
    ],
    head: &[take(&["head.unembed"], "lm_head")],
    prefixes: &["transformer."],
    unused: &[],
};

/// The architecture of GPT-J and CodeGen.
pub(super) fn architecture(config: &Config) -> Result<Architecture> {
    const WIDTH: &str = "rotary_dim";
    if config.is_null(WIDTH) {
        return Err(config.error(WIDTH, &Value::Null, "a whole number is expected"));
    }
    let rotary = Rotary::new(10_000.0, config.size(&[WIDTH], 64)?);
    let mut gpt2 = gpt2::architecture(config)?;
    gpt2.attention.layers.iter_mut().for_each(|layer| layer.rotary = Some(rotary.clone()));
    let tied = config.flag("tie_word_embeddings", false)?;
    Ok(Architecture {
        context: gpt2.embedding.positions.map(|positions| positions.rows),
        embedding: Embedding::default(),
        layout: Layout::Parallel { one_norm: true },
        attention: Attention { input_bias: false, output_bias: false, ..gpt2.attention },
        head: Some(Head { tied, bias: true, ..Head::TIED }),
        ..gpt2
    })
}
