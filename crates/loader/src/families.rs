//! The families, each a file of data: from a config to an architecture, and from the tensors of a
//! checkpoint to its weights.

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
mod starcoder2;
mod t5;

mod rope;
mod rules;
mod spans;

pub(crate) use rules::{Rule, Transform};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::tokenizer::Vocabulary;
use stratoscope_transformer::Architecture;

/// All families.
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
    &starcoder2::FAMILY,
    &t5::FAMILY,
];

/// A family.
pub(crate) struct Family {
    /// The name for readers.
    pub(crate) name: &'static str,
    /// The `model_type`s in `config.json`.
    pub(crate) model_types: &'static [&'static str],
    /// From `config.json` to the architecture, with the head that checkpoints of the family may have.
    pub(crate) architecture: fn(&Config) -> Result<Architecture>,
    /// The tensors of the weights. Of several rules for one weight, the first with a tensor in the
    /// checkpoint counts.
    pub(crate) names: &'static [Rule],
    /// The tensors of the head, whose names have no prefix.
    pub(crate) head: &'static [Rule],
    /// Prefixes of the names. Names without a prefix are always tried.
    pub(crate) prefixes: &'static [&'static str],
    /// How the names of unused heads and buffers begin, with or without a prefix.
    pub(crate) unused: &'static [&'static str],
    /// The tokenizer that is built if there is no `tokenizer.json`; none if `tokenizer.json` is
    /// required.
    pub(crate) vocabulary: Option<Vocabulary>,
}

/// How the names of unused buffers end, in any family: computed tables, and masks.
pub(crate) const BUFFERS: &[&str] = &[
    "rotary_emb.inv_freq",
    ".position_ids",
    ".token_type_ids",
    ".attn.bias",
    ".attn.masked_bias",
    ".attention.bias",
    ".attention.masked_bias",
];

/// The names of all families.
pub fn supported_families() -> Vec<&'static str> {
    FAMILIES.iter().map(|f| f.name).collect()
}

/// The names of the families whose checkpoints may have a language-model head.
pub fn families_with_heads() -> Vec<&'static str> {
    FAMILIES.iter().filter(|f| !f.head.is_empty()).map(|f| f.name).collect()
}

/// The family of a `config.json`, by its `model_type`.
///
/// # Errors
/// A file that is not a config, or a family that is not among [`supported_families`].
pub fn family_of(config: &[u8]) -> Result<&'static str> {
    Ok(of(&Config::parse(config)?.of_text()?)?.name)
}

/// The family of a config.
pub(crate) fn of(config: &Config) -> Result<&'static Family> {
    let model_type = config.text("model_type")?;
    FAMILIES.iter().find(|f| f.model_types.contains(&model_type)).copied().ok_or_else(|| {
        let types: Vec<_> = FAMILIES.iter().flat_map(|f| f.model_types).copied().collect();
        let model_type = model_type.chars().take(80).collect();
        Error::Family { model_type, supported: types.join(", ") }
    })
}

/// Refuses configs that turn an encoder into a decoder.
fn refuse_decoders(config: &Config) -> Result<()> {
    config.only("is_decoder", false.into())?;
    config.only("add_cross_attention", false.into())
}
