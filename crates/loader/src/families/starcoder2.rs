//! StarCoder2 (Lozhkov et al. 2024): Llama's attention with biases, layer norms and a plain MLP.

use super::llama::{self, DEFAULTS, Defaults};
use super::rules::take;
use super::{Family, spans};
use stratoscope_transformer::{Activation, Architecture, Attention, Mlp, Norm};

pub(super) const FAMILY: Family = Family {
    name: "StarCoder2",
    types: &[("starcoder2", "Starcoder2")],
    architecture: |config| {
        let bias = config.flag("use_bias", true)?;
        let mut llama = llama::architecture(config, &STARCODER2)?;
        spans::set_window(&mut llama.attention, spans::window(config, None)?);
        Ok(Architecture {
            norm: Norm::Layer { eps: config.epsilon(&["norm_epsilon"], 1e-5)?, bias: true },
            attention: Attention { input_bias: bias, output_bias: bias, ..llama.attention },
            mlp: Mlp {
                activation: config.activation("hidden_act", Activation::GeluTanh)?,
                gated: false,
                bias,
            },
            ..llama
        })
    },
    names: &[
        take(&["embed.token"], "embed_tokens"),
        take(&["blocks.{i}.attn.norm"], "layers.{i}.input_layernorm"),
        take(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_proj"),
        take(&["blocks.{i}.attn.k"], "layers.{i}.self_attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "layers.{i}.self_attn.v_proj"),
        take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.o_proj"),
        take(&["blocks.{i}.mlp.norm"], "layers.{i}.post_attention_layernorm"),
        take(&["blocks.{i}.mlp.in"], "layers.{i}.mlp.c_fc"),
        take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.c_proj"),
        take(&["final_norm"], "norm"),
    ],
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const STARCODER2: Defaults = Defaults {
    d_vocab: 49152,
    d_model: 3072,
    n_layers: 30,
    n_heads: 24,
    n_kv_heads: Some(2),
    d_mlp: 12288,
    context: 4096,
    tied: true,
    ..DEFAULTS
};
