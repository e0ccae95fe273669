//! Ministral (Mistral AI 2024) and Ministral 3 (Mistral AI 2025): Mistral with windows that may be in some
//! blocks alone, or with queries that grow beyond the first training length.

use super::llama::{self, DEFAULTS, Defaults};
use super::rope::{ROPE, Rope};
use super::{Family, spans};
use serde_json::Value;
use stratoscope_transformer::QueryGrowth;

pub(super) const FAMILY: Family = Family {
    name: "Ministral",
    types: &[("ministral", "Ministral"), ("ministral3", "Ministral3")],
    architecture: |config| {
        if config.text("model_type")? == "ministral" {
            let mut llama = llama::architecture(config, &MINISTRAL)?;
            let window = spans::window(config, Some(4096))?;
            let windowed = spans::windowed(config, llama.n_layers, |_| window.is_some())?;
            spans::set_windows(config, &mut llama.attention, &windowed, window)?;
            return Ok(llama);
        }
        let mut llama = llama::architecture(config, &MINISTRAL3)?;
        spans::set_window(&mut llama.attention, spans::window(config, None)?);
        let Some(rope) = config.within("rope_parameters")? else {
            return Err(config.error("rope_parameters", &Value::Null, "an object is expected"));
        };
        if let (Some(rate), Some(every)) = (
            rope.positive(&["llama_4_scaling_beta"])?,
            rope.optional_size(&["original_max_position_embeddings"])?,
        ) {
            llama.attention.query_growth = Some(QueryGrowth { rate, every });
        }
        Ok(llama)
    },
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const MINISTRAL: Defaults =
    Defaults { n_kv_heads: Some(8), d_mlp: 14336, context: 131_072, ..DEFAULTS };

const MINISTRAL3: Defaults = Defaults {
    d_vocab: 131_072,
    n_layers: 34,
    d_head: Some(128),
    context: 262_144,
    eps: 1e-5,
    rope: Rope { default_theta: 1_000_000.0, ..ROPE },
    ..MINISTRAL
};
