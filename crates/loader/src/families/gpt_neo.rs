//! GPT-Neo (Black et al. 2021): GPT-2's blocks with scores that are not scaled, and a window in every other
//! block.

use super::rules::take;
use super::{Family, gpt2, spans};
use crate::config::Config;
use crate::error::Result;
use serde_json::{Value, json};
use stratoscope_transformer::Attention;

pub(super) const FAMILY: Family = Family {
    name: "GPT-Neo",
    types: &[("gpt_neo", "GPTNeo")],
    architecture: |config| {
        let n_layers = config.size(&["num_layers", "num_hidden_layers"], 24)?;
        let d_model = config.size(&["hidden_size"], 2048)?;
        let n_heads = config.size(&["num_heads", "num_attention_heads"], 16)?;
        let d_head = config.d_head("num_heads", d_model, n_heads)?;
        let rows = config.size(&["max_position_embeddings"], 2048)?;
        let mut attention = Attention {
            input_bias: false,
            ..Attention::uniform(n_layers, d_head, spans::causal(None))
        };
        let window = config.size(&["window_size"], 256)?;
        for (layer, local) in attention.layers.iter_mut().zip(local(config, n_layers)?) {
            (layer.span, layer.scale) = (spans::causal(local.then_some(window)), 1.0);
        }
        let d_mlp = config.size(&["intermediate_size"], d_model.saturating_mul(4))?;
        let sizes = gpt2::Sizes { d_model, n_layers, n_heads, d_head, d_mlp, rows };
        gpt2::over_positions(config, attention, sizes)
    },
    names: &[
        take(&["embed.token"], "wte"),
        take(&["embed.position"], "wpe"),
        take(&["blocks.{i}.attn.norm"], "h.{i}.ln_1"),
        take(&["blocks.{i}.attn.q"], "h.{i}.attn.attention.q_proj"),
        take(&["blocks.{i}.attn.k"], "h.{i}.attn.attention.k_proj"),
        take(&["blocks.{i}.attn.v"], "h.{i}.attn.attention.v_proj"),
        take(&["blocks.{i}.attn.o"], "h.{i}.attn.attention.out_proj"),
        take(&["blocks.{i}.mlp.norm"], "h.{i}.ln_2"),
        take(&["blocks.{i}.mlp.in"], "h.{i}.mlp.c_fc"),
        take(&["blocks.{i}.mlp.out"], "h.{i}.mlp.c_proj"),
        take(&["final_norm"], "ln_f"),
    ],
    head: &[take(&["head.unembed"], "lm_head")],
    prefixes: &["transformer."],
    unused: &[],
};

/// `[n_layers]`: whether each block has a window, from `attention_types`: a list of lists of names, each
/// with the number of times that it is repeated.
fn local(config: &Config, n_layers: usize) -> Result<Vec<bool>> {
    const KEY: &str = "attention_types";
    let default = json!([[["global", "local"], 12]]);
    let types = config.get(KEY).unwrap_or(&default);
    let part = |part: &Value| -> Option<Vec<bool>> {
        let names = part[0].as_array()?.iter().map(|name| match name.as_str()? {
            "global" => Some(false),
            "local" => Some(true),
            _ => None,
        });
        let names: Vec<bool> = names.collect::<Option<_>>()?;
        let times = part[1].as_u64().filter(|&times| times <= n_layers as u64)?;
        Some(names.repeat(times as usize))
    };
    let all = types.as_array().and_then(|all| all.iter().map(part).collect::<Option<Vec<_>>>());
    all.map(|parts| parts.concat()).filter(|blocks| blocks.len() == n_layers).ok_or_else(|| {
        let reason = format!("global or local for each of the {n_layers} blocks is expected");
        config.error(KEY, types, &reason)
    })
}
