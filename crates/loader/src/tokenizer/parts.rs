//! A `tokenizer.json`, in parts: a class takes some of them.

use super::guard;
use super::settings::Listed;
use serde::Deserialize;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::models::ModelWrapper;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{PaddingParams, PostProcessor, PostProcessorWrapper};

/// The parts of a `tokenizer.json`. Truncation, which a file may ask for, is left out, and padding gives
/// the padding token alone.
#[derive(Deserialize)]
pub(super) struct Parts {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    pub(super) added_tokens: Vec<Listed>,
    #[serde(default)]
    pub(super) normalizer: Option<NormalizerWrapper>,
    #[serde(default)]
    pub(super) pre_tokenizer: Option<PreTokenizerWrapper>,
    #[serde(default)]
    pub(super) post_processor: Option<PostProcessorWrapper>,
    #[serde(default)]
    pub(super) decoder: Option<DecoderWrapper>,
    #[serde(default)]
    pub(super) padding: Option<PaddingParams>,
    pub(super) model: ModelWrapper,
    /// The unknown piece of a Unigram model.
    #[serde(skip)]
    pub(super) unknown: Option<u32>,
}

impl Parts {
    /// Reads and checks a `tokenizer.json`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let outline = guard::check(bytes)?;
        let parts = guard::caught(|| serde_json::from_slice::<Self>(bytes))?;
        let mut parts = parts.map_err(|error| error.to_string())?;
        if let Some(version) = parts.version.take().filter(|version| version != "1.0") {
            return Err(format!("version {version:?} is not known"));
        }
        let around = |processor: &PostProcessorWrapper| {
            processor.added_tokens(true).max(processor.added_tokens(false))
        };
        let around = parts.post_processor.as_ref().map_or(0, around);
        if around > guard::MAX_ADDED {
            return Err(format!("it puts {around} special tokens around a text"));
        }
        if let ModelWrapper::Unigram(_) = &parts.model {
            parts.unknown = outline.model.unk_id;
        }
        Ok(parts)
    }

    /// The table of characters in the normalizer.
    pub(super) fn characters(&self) -> Option<NormalizerWrapper> {
        let steps = match &self.normalizer {
            Some(NormalizerWrapper::Sequence(steps)) => steps.as_ref(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        steps.iter().find(|step| matches!(step, NormalizerWrapper::Precompiled(_))).cloned()
    }
}
