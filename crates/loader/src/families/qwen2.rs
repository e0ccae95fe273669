//! Qwen2 and Qwen2.5 (Yang et al. 2024): Llama with biases of queries, keys and values.

use super::llama::{self, DEFAULTS, Defaults};
use super::{Family, spans};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{Architecture, Attention};

pub(super) const FAMILY: Family = Family {
    name: "Qwen2",
    types: &[("qwen2", "Qwen2")],
    architecture: |config| {
        let llama = architecture(config, &Defaults { d_vocab: 151_936, d_mlp: 22016, ..QWEN })?;
        Ok(Architecture { attention: Attention { input_bias: true, ..llama.attention }, ..llama })
    },
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

/// The values of keys that Qwen's configs leave out.
pub(super) const QWEN: Defaults =
    Defaults { d_vocab: 151_936, n_kv_heads: Some(32), d_mlp: 22016, context: 32768, ..DEFAULTS };

/// Llama's architecture with Qwen's windows, which are off by default and only in later blocks.
pub(super) fn architecture(config: &Config, defaults: &Defaults) -> Result<Architecture> {
    let mut llama = llama::architecture(config, defaults)?;
    let window = match config.flag("use_sliding_window", false)? {
        true => spans::window(config, Some(4096))?,
        false => None,
    };
    let first = config.size(&["max_window_layers"], 28)?;
    let windowed = spans::windowed(config, llama.n_layers, |i| window.is_some() && i >= first)?;
    spans::set_windows(config, &mut llama.attention, &windowed, window)?;
    Ok(llama)
}
