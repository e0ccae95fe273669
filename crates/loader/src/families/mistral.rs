//! Mistral (Jiang et al. 2023): Llama with fewer key-value heads and a sliding window.

use super::llama::{self, DEFAULTS, Defaults};
use super::{Family, spans};

pub(super) const FAMILY: Family = Family {
    name: "Mistral",
    types: &[("mistral", "Mistral")],
    architecture: |config| {
        let mut llama = llama::architecture(
            config,
            &Defaults { n_kv_heads: Some(8), d_mlp: 14336, context: 131_072, ..DEFAULTS },
        )?;
        spans::set_window(&mut llama.attention, spans::window(config, Some(4096))?);
        Ok(llama)
    },
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};
