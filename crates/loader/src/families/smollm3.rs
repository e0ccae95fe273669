//! SmolLM3 (Bakouch et al. 2025): Llama without positions in every fourth block.

use super::llama::{self, DEFAULTS, Defaults};
use super::rope::{ROPE, Rope};
use super::{Family, spans};

pub(super) const FAMILY: Family = Family {
    name: "SmolLM3",
    types: &[("smollm3", "SmolLM3")],
    architecture: |config| {
        // Windows would be in the blocks without positions.
        config.only("use_sliding_window", false.into())?;
        let mut llama = llama::with_biases(config, llama::architecture(config, &SMOLLM3)?)?;
        const KEY: &str = "no_rope_layers";
        if !config.has(KEY) {
            let period = config.size(&["no_rope_layer_interval"], 4)?.max(1);
            let blocks = (1..=llama.n_layers).map(|i| i % period == 0);
            spans::unrotate(&mut llama.attention, blocks);
            return Ok(llama);
        }
        // 1 means a block with positions.
        let rotated = config.numbers(KEY)?;
        if rotated.len() != llama.n_layers {
            let reason = format!("a number for each of the {} blocks is expected", llama.n_layers);
            return Err(config.error(KEY, &rotated.len().into(), &reason));
        }
        spans::unrotate(&mut llama.attention, rotated.into_iter().map(|rotated| rotated == 0.0));
        Ok(llama)
    },
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const SMOLLM3: Defaults = Defaults {
    d_vocab: 128_256,
    d_model: 2048,
    n_layers: 36,
    n_heads: 16,
    n_kv_heads: Some(4),
    context: 32768,
    tied: true,
    rope: Rope { default_theta: 2_000_000.0, ..ROPE },
    ..DEFAULTS
};
