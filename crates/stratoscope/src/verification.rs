//! Compares a model with the forward pass of candle-transformers for the same checkpoint.

use crate::source::IntoSource;
use crate::{Error, Explorer, Result};
use serde::Serialize;
use stratoscope_extractor::{LongText, Prepared, Text, prepare, prepare_ids};
use stratoscope_loader::Source;
use stratoscope_loader::second_opinion::{self, Comparison, SecondOpinion};
use stratoscope_transformer::{Batch, NoHooks};

/// The largest difference at which two forward passes in f32 agree, relative to the largest
/// absolute value of a token. Another order of summation changes the states of MiniLM by 2e-6 and
/// those of tiny checkpoints by 3e-6 (more in deeper models). The smallest known fault, tanh GELU
/// in place of exact GELU, changes them by 2e-4.
pub const VERIFY_TOLERANCE: f64 = 5e-5;

/// The verdict of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All differences are within [`VERIFY_TOLERANCE`].
    Agree,
    /// A difference is larger, and candle-transformers is known to differ from transformers here.
    KnownDeviation,
    /// A difference is larger, and no reason is known.
    Differ,
}

/// The comparison for one text.
#[derive(Debug, Clone)]
pub struct VerifiedText {
    /// The text; for token ids, the number of the sequence.
    pub text: String,
    /// The number of tokens.
    pub tokens: usize,
    /// The quantities that both implementations give.
    pub quantities: Vec<Comparison>,
    /// The known reasons why candle-transformers differs for this text.
    pub deviations: Vec<&'static str>,
    /// The verdict.
    pub verdict: Verdict,
}

/// The comparison of a model on several texts.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The id of the model.
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
    /// Compares the model with the forward pass of candle-transformers, which reads the checkpoint
    /// from `source` again.
    ///
    /// # Errors
    /// The errors of [`Explorer::extract`]; a family or config that candle-transformers does not
    /// support; [`Error::Changed`] for a checkpoint that has changed since it was loaded.
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

    /// Compares the model on sequences of token ids.
    ///
    /// # Errors
    /// The errors of [`Explorer::verify`]; an id that is not in the vocabulary.
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
        let progress = self.progress();
        let mut fetching = |file: &str, done, total| progress.fetching(file, done, total);
        let other = SecondOpinion::read(source, &mut fetching)?;
        for file in other.files() {
            let same = |f: &stratoscope_loader::FileRecord| f == file || f.name != file.name;
            if !model.info.files.all()?.iter().all(same) {
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
            let tokens = sequence.tokens();
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
