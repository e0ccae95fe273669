//! Helium (Kyutai 2025): Llama with interleaved pairs.

use super::Family;
use super::llama::{self, DEFAULTS, Defaults};
use super::rope::{ROPE, Rope};
use stratoscope_transformer::{Architecture, Attention};

pub(super) const FAMILY: Family = Family {
    name: "Helium",
    types: &[("helium", "Helium")],
    architecture: |config| {
        let llama = llama::with_biases(config, llama::architecture(config, &HELIUM)?)?;
        Ok(Architecture { attention: Attention { output_bias: false, ..llama.attention }, ..llama })
    },
    names: llama::INTERLEAVED,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const HELIUM: Defaults = Defaults {
    d_vocab: 48000,
    d_model: 2560,
    n_layers: 24,
    n_heads: 20,
    n_kv_heads: Some(20),
    d_head: Some(128),
    d_mlp: 7040,
    context: 4096,
    eps: 1e-8,
    rope: Rope { default_theta: 100_000.0, ..ROPE },
    ..DEFAULTS
};
