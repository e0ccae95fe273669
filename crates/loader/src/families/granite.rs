//! Granite 3 (Granite team 2024): Llama with four factors: of embeddings, scores, residuals and logits.

use super::Family;
use super::llama::{self, DEFAULTS};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{Architecture, Embedding, Head, ResidualScale};

pub(super) const FAMILY: Family = Family {
    name: "Granite",
    types: &[("granite", "Granite")],
    architecture,
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

/// The architecture of a config with Granite's keys.
pub(super) fn architecture(config: &Config) -> Result<Architecture> {
    let factor = |key: &str| -> Result<f64> { Ok(config.positive(&[key])?.unwrap_or(1.0)) };
    let mut llama = llama::with_biases(config, llama::architecture(config, &DEFAULTS)?)?;
    let scale = factor("attention_multiplier")?;
    llama.attention.layers.iter_mut().for_each(|layer| layer.scale = scale);
    let logits = 1.0 / factor("logits_scaling")?;
    Ok(Architecture {
        embedding: Embedding { scale: Some(factor("embedding_multiplier")?), ..llama.embedding },
        residual_scale: Some(ResidualScale::Factor(factor("residual_multiplier")?)),
        head: llama.head.map(|head| Head { scale: Some(logits), ..head }),
        ..llama
    })
}
