//! The families, each a file of data: how a config reads as an architecture, and which tensor of
//! the checkpoint is which weight.

mod albert;
mod bert;
mod distilbert;
mod electra;
mod mpnet;
mod roberta;

use crate::config::Config;
use crate::tokenizer::Vocabulary;
use crate::{Error, Result};
use stratoscope_transformer::Architecture;

/// All families; a new one is a file and a line here.
const FAMILIES: &[&Family] = &[
    &albert::FAMILY,
    &bert::FAMILY,
    &distilbert::FAMILY,
    &electra::FAMILY,
    &mpnet::FAMILY,
    &roberta::FAMILY,
];

/// What the loader has to know of a family.
pub(crate) struct Family {
    /// What people call it.
    pub(crate) name: &'static str,
    /// Its `model_type`s in `config.json`.
    pub(crate) model_types: &'static [&'static str],
    /// `config.json` to architecture.
    pub(crate) architecture: fn(&Config) -> Result<Architecture>,
    /// Canonical module to the checkpoint's, without `.weight` and `.bias`; `{i}` is the layer.
    pub(crate) names: &'static [(&'static str, &'static str)],
    /// What checkpoints with a head put before these names; the bare names are always tried.
    pub(crate) prefix: &'static str,
    /// Beginnings of the names (after the prefix) of heads and buffers that hidden states do not
    /// need.
    pub(crate) unused: &'static [&'static str],
    /// The tokenizer that is built where there is no `tokenizer.json`; none where that needs it.
    pub(crate) vocabulary: Option<Vocabulary>,
}

/// The names of all families, for messages and tables.
pub fn supported_families() -> Vec<&'static str> {
    FAMILIES.iter().map(|f| f.name).collect()
}

/// The family that a `config.json` asks for, by its `model_type`.
///
/// # Errors
/// A file that is no config, or a family that is not among [`supported_families`].
pub fn family_of(config: &[u8]) -> Result<&'static str> {
    Ok(of(&Config::parse(config)?)?.name)
}

/// The family that a config names.
pub(crate) fn of(config: &Config) -> Result<&'static Family> {
    let model_type = config.text("model_type")?;
    FAMILIES.iter().find(|f| f.model_types.contains(&model_type)).copied().ok_or_else(|| {
        let types: Vec<_> = FAMILIES.iter().flat_map(|f| f.model_types).copied().collect();
        Error::Family { model_type: model_type.to_owned(), supported: types.join(", ") }
    })
}

/// What every family here shares: post-norm blocks that no config may turn into a decoder.
fn refuse_decoders(config: &Config) -> Result<()> {
    config.only("is_decoder", false.into())?;
    config.only("add_cross_attention", false.into())
}
