//! Code World Model (Meta FAIR 2025): Llama with a window in three of four blocks.

use super::llama::{self, DEFAULTS, Defaults};
use super::rope::{ROPE, Rope};
use super::{Family, spans};
use serde_json::Value;
use stratoscope_transformer::{Architecture, Mlp};

pub(super) const FAMILY: Family = Family {
    name: "CWM",
    types: &[("cwm", "Cwm")],
    architecture: |config| {
        if !config.has("rope_parameters") && !config.has("rope_scaling") {
            return Err(config.error("rope_parameters", &Value::Null, "an object is expected"));
        }
        let mut llama = llama::architecture(config, &CWM)?;
        let windowed = spans::windowed(config, llama.n_layers, |i| i % 4 != 0)?;
        let window = spans::window(config, Some(8192))?;
        spans::set_windows(config, &mut llama.attention, &windowed, window)?;
        let bias = config.flag("mlp_bias", false)?;
        Ok(Architecture { mlp: Mlp { bias, ..llama.mlp }, ..llama })
    },
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const CWM: Defaults = Defaults {
    d_vocab: 128_256,
    d_model: 6144,
    n_layers: 64,
    n_heads: 48,
    n_kv_heads: Some(8),
    d_head: Some(128),
    d_mlp: 21504,
    context: 131_072,
    eps: 1e-5,
    rope: Rope { default_theta: 1_000_000.0, ..ROPE },
    ..DEFAULTS
};
