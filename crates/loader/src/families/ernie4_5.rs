//! ERNIE 4.5 (Baidu ERNIE team 2025), its dense models: Llama with interleaved pairs.

use super::Family;
use super::llama::{self, Defaults};
use super::rope::{ROPE, Rope};
use stratoscope_transformer::{Architecture, Attention, Mlp};

pub(super) const FAMILY: Family = Family {
    name: "ERNIE 4.5",
    types: &[("ernie4_5", "Ernie4_5")],
    architecture: |config| {
        let bias = config.flag("use_bias", false)?;
        let llama = llama::architecture(config, &ERNIE)?;
        Ok(Architecture {
            attention: Attention { input_bias: bias, output_bias: bias, ..llama.attention },
            mlp: Mlp { bias, ..llama.mlp },
            ..llama
        })
    },
    names: llama::INTERLEAVED,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const ERNIE: Defaults = Defaults {
    d_vocab: 103_424,
    d_model: 1024,
    n_layers: 18,
    n_heads: 16,
    n_kv_heads: Some(2),
    d_head: Some(128),
    d_mlp: 3072,
    context: 131_072,
    eps: 1e-5,
    tied: true,
    rope: Rope { default_theta: 500_000.0, ..ROPE },
};
