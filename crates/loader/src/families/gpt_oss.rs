//! gpt-oss (OpenAI 2025): a mixture of experts with limits, sinks of attention, and a window in every
//! other block.

use super::llama::{self, DEFAULTS, Defaults};
use super::mixture::mixture;
use super::rope::{ROPE, Rope};
use super::rules::{alternate, tables, take, transpose};
use super::{Family, Rule, spans};
use serde_json::Value;
use stratoscope_transformer::{Activation, Architecture, Attention, Mixture, Mlp};

pub(super) const FAMILY: Family = Family {
    name: "gpt-oss",
    types: &[("gpt_oss", "GptOss")],
    architecture: |config| {
        // Without it transformers scales the rotation by numbers of its own.
        if !config.has("rope_scaling") && !config.has("rope_parameters") {
            let reason = "the scaling of the rotation is expected";
            return Err(config.error("rope_scaling", &Value::Null, reason));
        }
        let bias = config.flag("attention_bias", true)?;
        let defaults = Defaults {
            d_vocab: 201_088,
            d_model: 2880,
            n_layers: 36,
            n_heads: 64,
            n_kv_heads: Some(8),
            d_head: Some(64),
            d_mlp: 2880,
            context: 131_072,
            eps: 1e-5,
            rope: Rope { default_theta: 150_000.0, ..ROPE },
            ..DEFAULTS
        };
        let mut llama = llama::architecture(config, &defaults)?;
        let windowed = spans::windowed(config, llama.n_layers, |i| i.is_multiple_of(2))?;
        let window = spans::window(config, Some(128))?;
        spans::set_windows(config, &mut llama.attention, &windowed, window)?;
        // The gate is `x σ(1.702 x)`, whatever `hidden_act` says.
        config.only("swiglu_alpha", 1.702.into())?;
        let limit = config.positive(&["swiglu_limit"])?.unwrap_or(7.0);
        let mixture = mixture(config, llama.n_layers, llama.d_mlp, [128, 4])?;
        Ok(Architecture {
            attention: Attention {
                input_bias: bias,
                output_bias: bias,
                sinks: true,
                ..llama.attention
            },
            mlp: Mlp { activation: Activation::GeluSigmoid, gated: true, bias: true },
            mixture: Some(Mixture { router_bias: true, limit: Some(limit), ..mixture }),
            ..llama
        })
    },
    names: NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const NAMES: &[Rule] = tables![
    llama::EMBED,
    llama::NORMS,
    llama::ATTENTION,
    [
        take(&["blocks.{i}.attn.sinks"], "layers.{i}.self_attn.sinks"),
        alternate(
            &["blocks.{i}.mlp.experts.{e}.gate", "blocks.{i}.mlp.experts.{e}.in"],
            "layers.{i}.mlp.experts.gate_up_proj",
        ),
        transpose(&["blocks.{i}.mlp.experts.{e}.out"], "layers.{i}.mlp.experts.down_proj"),
        // A GGUF file has gate and values apart, and outputs as rows.
        take(&["blocks.{i}.mlp.experts.{e}.gate"], "layers.{i}.mlp.experts.gate"),
        take(&["blocks.{i}.mlp.experts.{e}.in"], "layers.{i}.mlp.experts.up"),
        take(&["blocks.{i}.mlp.experts.{e}.out"], "layers.{i}.mlp.experts.down"),
        take(&["blocks.{i}.mlp.router"], "layers.{i}.mlp.router"),
    ],
    llama::FINAL,
];
