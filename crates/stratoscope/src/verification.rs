//! A model compared with candle-transformers' own forward of the same checkpoint.

use crate::progress::{Step, StepUnit};
use crate::source::IntoSource;
use crate::{Error, Explorer, Result};
use serde::Serialize;
use stratoscope_extractor::{LongText, Prepared, Text, prepare, prepare_ids};
use stratoscope_loader::Source;
use stratoscope_loader::second_opinion::{self, Comparison, SecondOpinion};
use stratoscope_transformer::{Batch, NoHooks};

/// How far two forwards in f32 may be apart and still agree, relative to the largest number of a
/// token. Sums in another order move MiniLM's states by 2e-6 of it and those of tiny checkpoints by
/// 3e-6, more in deeper models; the mildest known fault, the tanh GELU for the exact one, by 2e-4.
pub const VERIFY_TOLERANCE: f64 = 5e-5;

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within [`VERIFY_TOLERANCE`].
    Agree,
    /// Beyond it, where candle-transformers is known to differ from transformers.
    KnownDeviation,
    /// Beyond it, for no known reason.
    Differ,
}

/// One text, compared.
#[derive(Debug, Clone)]
pub struct VerifiedText {
    /// The text, or which sequence of token ids it is.
    pub text: String,
    /// Its tokens.
    pub tokens: usize,
    /// Every quantity that both sides have.
    pub quantities: Vec<Comparison>,
    /// Why candle-transformers is known to differ on it.
    pub deviations: Vec<&'static str>,
    /// What it came to.
    pub verdict: Verdict,
}

/// A model, compared on some texts.
#[derive(Debug, Clone)]
pub struct Verification {
    /// What the model is called.
    pub model: String,
    /// The texts.
    pub texts: Vec<VerifiedText>,
}

impl Verification {
    /// The worst verdict of all texts.
    pub fn verdict(&self) -> Verdict {
        self.texts.iter().map(|t| t.verdict).max().unwrap_or(Verdict::Agree)
    }
}

impl Explorer {
    /// Compares the model with candle-transformers' forward of the same checkpoint, which is read
    /// from `source` again.
    ///
    /// # Errors
    /// A text as for [`Explorer::extract`]; a family or config that candle-transformers does not
    /// have; a checkpoint that is no longer the one that was loaded.
    pub fn verify<T: Clone + Into<Text>>(
        &self,
        source: impl IntoSource,
        texts: &[T],
    ) -> Result<Verification> {
        let texts: Vec<Text> = texts.iter().cloned().map(Into::into).collect();
        let labels = texts.iter().map(|t| t.text.clone()).collect();
        let prepared = prepare(self.model(), texts, LongText::Refuse)?;
        self.verified(&source.into_source()?, prepared, labels)
    }

    /// Compares the model for sequences of token ids.
    ///
    /// # Errors
    /// As [`Explorer::verify`], and for an id beyond the embedding.
    pub fn verify_ids(&self, source: impl IntoSource, ids: &[Vec<u32>]) -> Result<Verification> {
        let labels = (1..=ids.len()).map(|n| format!("token ids {n}")).collect();
        let ids = ids.iter().enumerate().map(|(index, ids)| (index + 1, ids.clone())).collect();
        let prepared = prepare_ids(self.model(), ids)?;
        self.verified(&source.into_source()?, prepared, labels)
    }

    fn verified(
        &self,
        source: &Source,
        prepared: Prepared,
        labels: Vec<String>,
    ) -> Result<Verification> {
        let model = self.model();
        let mut fetching = |file: &str, done: u64, total: u64| {
            let what = format!("fetching {file}");
            self.progress().step(Step { what: &what, done, total, unit: StepUnit::Parts });
        };
        let other = SecondOpinion::read(source, &mut fetching)?;
        for file in other.files() {
            let same = |f: &stratoscope_loader::FileRecord| f == file || f.name != file.name;
            if !model.info.files.iter().all(same) {
                return Err(Error::Changed { file: file.name.clone() });
            }
        }
        let sequences = prepared.sequences();
        let mut texts = Vec::new();
        for ((sequence, text), theirs) in
            sequences.iter().zip(labels).zip(other.opinions(sequences)?)
        {
            let one = std::slice::from_ref(sequence);
            let transformer = &model.transformer;
            let states = Batch::new(transformer.architecture(), one)
                .and_then(|batch| transformer.forward(&batch, &mut NoHooks))
                .map_err(stratoscope_extractor::Error::from)?;
            let logits = match (transformer.architecture().head, states.last()) {
                (Some(_), Some(last)) => {
                    Some(transformer.unembed(last).map_err(stratoscope_extractor::Error::from)?)
                }
                _ => None,
            };
            let quantities = second_opinion::compare(&states, logits.as_ref(), &theirs)?;
            let tokens = sequence.token_ids.len();
            let deviations = other.deviations(tokens);
            let agree =
                quantities.iter().all(|q| f64::from(q.largest_relative) <= VERIFY_TOLERANCE);
            let verdict = match agree {
                true => Verdict::Agree,
                false if deviations.is_empty() => Verdict::Differ,
                false => Verdict::KnownDeviation,
            };
            texts.push(VerifiedText { text, tokens, quantities, deviations, verdict });
        }
        Ok(Verification { model: model.info.id.clone(), texts })
    }
}
