//! Arcee's AFM (Arcee AI 2025): Llama with a plain MLP and squared ReLU.

use super::Family;
use super::llama::{self, DEFAULTS, Defaults};
use stratoscope_transformer::{Activation, Architecture, Mlp};

pub(super) const FAMILY: Family = Family {
    name: "Arcee",
    types: &[("arcee", "Arcee")],
    architecture: |config| {
        let llama = llama::with_biases(config, llama::architecture(config, &ARCEE)?)?;
        let activation = config.activation("hidden_act", Activation::ReluSquared)?;
        Ok(Architecture { mlp: Mlp { activation, gated: false, ..llama.mlp }, ..llama })
    },
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const ARCEE: Defaults =
    Defaults { d_model: 2560, d_mlp: 18432, context: 4096, eps: 1e-5, ..DEFAULTS };
