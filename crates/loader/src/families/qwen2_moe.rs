//! Qwen2-MoE (Yang et al. 2024): Qwen2 with a mixture of experts, and an expert that every token uses.

use super::llama::{self, Defaults};
use super::mixture::{self, mixture, sparse_blocks, weighting};
use super::qwen2::QWEN;
use super::rules::{tables, take};
use super::{Family, Rule, spans};
use stratoscope_transformer::{Architecture, Attention, Mixture, SharedExpert};

pub(super) const FAMILY: Family = Family {
    name: "Qwen2-MoE",
    types: &[("qwen2_moe", "Qwen2Moe")],
    architecture: |config| {
        let defaults = Defaults {
            d_model: 2048,
            n_layers: 24,
            n_heads: 16,
            n_kv_heads: Some(16),
            d_mlp: 5632,
            ..QWEN
        };
        let mut llama = llama::architecture(config, &defaults)?;
        let window = match config.flag("use_sliding_window", false)? {
            true => spans::window(config, Some(4096))?,
            false => None,
        };
        let last = config.size(&["max_window_layers"], 28)?;
        let rule = |i: usize| window.is_some() && i < last && i.is_multiple_of(2);
        let windowed = spans::windowed(config, llama.n_layers, rule)?;
        spans::set_windows(config, &mut llama.attention, &windowed, window)?;
        let d_expert = config.size(&["moe_intermediate_size"], 1408)?;
        let shared = config.size(&["shared_expert_intermediate_size"], 5632)?;
        let mut mixture = Mixture {
            weighting: weighting(config)?,
            shared: Some(SharedExpert { d_mlp: shared, gated: true }),
            ..mixture(config, llama.n_layers, d_expert, [60, 4])?
        };
        sparse_blocks(config, &mut mixture)?;
        let input_bias = config.flag("qkv_bias", true)?;
        Ok(Architecture {
            attention: Attention { input_bias, ..llama.attention },
            mixture: Some(mixture),
            ..llama
        })
    },
    names: NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

/// The names of Qwen's mixtures, and of OLMoE.
pub(super) const NAMES: &[Rule] = tables![
    llama::EMBED,
    llama::NORMS,
    llama::ATTENTION,
    llama::MLP,
    [
        take(&["blocks.{i}.mlp.experts.{e}.gate"], "layers.{i}.mlp.experts.{e}.gate_proj"),
        take(&["blocks.{i}.mlp.experts.{e}.in"], "layers.{i}.mlp.experts.{e}.up_proj"),
        take(&["blocks.{i}.mlp.experts.{e}.out"], "layers.{i}.mlp.experts.{e}.down_proj"),
        take(&["blocks.{i}.mlp.shared.gate"], "layers.{i}.mlp.shared_expert.gate_proj"),
        take(&["blocks.{i}.mlp.shared.in"], "layers.{i}.mlp.shared_expert.up_proj"),
        take(&["blocks.{i}.mlp.shared.out"], "layers.{i}.mlp.shared_expert.down_proj"),
        take(&["blocks.{i}.mlp.shared_gate"], "layers.{i}.mlp.shared_expert_gate"),
    ],
    mixture::STACKED,
    llama::FINAL,
];
