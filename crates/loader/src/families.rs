//! The families, each a file of data: how a config reads as an architecture, and which tensor of
//! the checkpoint is which weight.

mod albert;
mod bert;
mod deberta;
mod distilbert;
mod electra;
mod gemma;
mod gemma2;
mod gemma3;
mod gpt2;
mod gpt_neox;
mod llama;
mod mistral;
mod modernbert;
mod mpnet;
mod nomic_bert;
mod olmo2;
mod opt;
mod phi;
mod phi3;
mod qwen2;
mod qwen3;
mod roberta;
mod t5;

mod rope;
mod rules;
mod spans;

pub(crate) use rules::{Rule, Transform};

use crate::config::Config;
use crate::tokenizer::Vocabulary;
use crate::{Error, Result};
use stratoscope_transformer::Architecture;

/// All families; a new one is a file and a line here.
const FAMILIES: &[&Family] = &[
    &albert::FAMILY,
    &bert::FAMILY,
    &deberta::FAMILY,
    &distilbert::FAMILY,
    &electra::FAMILY,
    &gemma::FAMILY,
    &gemma2::FAMILY,
    &gemma3::FAMILY,
    &gpt2::FAMILY,
    &gpt_neox::FAMILY,
    &llama::FAMILY,
    &mistral::FAMILY,
    &modernbert::FAMILY,
    &mpnet::FAMILY,
    &nomic_bert::FAMILY,
    &olmo2::FAMILY,
    &opt::FAMILY,
    &phi::FAMILY,
    &phi3::FAMILY,
    &qwen2::FAMILY,
    &qwen3::FAMILY,
    &roberta::FAMILY,
    &t5::FAMILY,
];

/// What the loader has to know of a family.
pub(crate) struct Family {
    /// What people call it.
    pub(crate) name: &'static str,
    /// Its `model_type`s in `config.json`.
    pub(crate) model_types: &'static [&'static str],
    /// `config.json` to architecture; its head is the one that the family's checkpoints have, if
    /// they have one.
    pub(crate) architecture: fn(&Config) -> Result<Architecture>,
    /// Where the weights are in the checkpoint. Of several rules for one weight the first whose
    /// tensor is there counts.
    pub(crate) names: &'static [Rule],
    /// The same for the head, whose names never have a prefix.
    pub(crate) head: &'static [Rule],
    /// What checkpoints put before the names; the bare names are always tried.
    pub(crate) prefixes: &'static [&'static str],
    /// Beginnings of the names, with or without a prefix, of heads and buffers that hidden states
    /// do not need.
    pub(crate) unused: &'static [&'static str],
    /// The tokenizer that is built where there is no `tokenizer.json`; none where that needs it.
    pub(crate) vocabulary: Option<Vocabulary>,
}

/// Ends of the names of buffers that checkpoints of any family may carry: tables that are computed,
/// and masks.
pub(crate) const BUFFERS: &[&str] = &[
    "rotary_emb.inv_freq",
    ".position_ids",
    ".token_type_ids",
    ".attn.bias",
    ".attn.masked_bias",
    ".attention.bias",
    ".attention.masked_bias",
];

/// The names of all families, for messages and tables.
pub fn supported_families() -> Vec<&'static str> {
    FAMILIES.iter().map(|f| f.name).collect()
}

/// The names of the families whose checkpoints may have a language-model head.
pub fn families_with_heads() -> Vec<&'static str> {
    FAMILIES.iter().filter(|f| !f.head.is_empty()).map(|f| f.name).collect()
}

/// The family that a `config.json` asks for, by its `model_type`.
///
/// # Errors
/// A file that is no config, or a family that is not among [`supported_families`].
pub fn family_of(config: &[u8]) -> Result<&'static str> {
    Ok(of(&Config::parse(config)?.of_text()?)?.name)
}

/// The family that a config names.
pub(crate) fn of(config: &Config) -> Result<&'static Family> {
    let model_type = config.text("model_type")?;
    FAMILIES.iter().find(|f| f.model_types.contains(&model_type)).copied().ok_or_else(|| {
        let types: Vec<_> = FAMILIES.iter().flat_map(|f| f.model_types).copied().collect();
        let model_type = model_type.chars().take(80).collect();
        Error::Family { model_type, supported: types.join(", ") }
    })
}

/// What the encoders share: no config may turn them into a decoder.
fn refuse_decoders(config: &Config) -> Result<()> {
    config.only("is_decoder", false.into())?;
    config.only("add_cross_attention", false.into())
}
