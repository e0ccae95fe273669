//! Grammar, word meaning and sentence by layer: the nearest neighbours of words in a bank of annotated
//! sentences. The measures are those of [`stratoscope_probing::context`].

mod charts;
mod compute;
mod draws;
mod story;
mod summary;
#[cfg(test)]
pub(crate) mod tests;

pub(super) use charts::TITLE;
pub(crate) use charts::side_by_side;
pub use compute::not_measured;
pub use draws::Difference;
pub(super) use draws::Drawn;

use super::headline::Findings;
use crate::analysis::TOOL;
use crate::bank::{Bank, BankSummary};
use crate::store::{self, MadeWith, Store, Stored};
use crate::text::short_name;
use crate::{Estimate, Explorer, Result};
use draws::Deviations;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stratoscope_extractor::Origin;
use stratoscope_numerics::RESAMPLES;
use stratoscope_probing::context::{ByClass, ContextLayer};

/// Grammar, word meaning and sentence by layer, over one bank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// The version of this format and of the computation.
    format: u32,
    /// The program that computed it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// The bank.
    pub bank: BankOfCurves,
    /// The seed of the bootstrap and of the random weights.
    pub seed: u64,
    /// The number of bootstrap resamples of the sentences.
    pub resamples: usize,
    /// `[n_layers + 1]`: the curves.
    pub layers: Vec<CurvesLayer>,
    /// `[n_layers + 1]`: the curves of a model with the same architecture and random weights; empty if
    /// they were not computed, because only states were given.
    pub random_weights: Vec<CurvesLayer>,
    /// `[n_layers + 1]`: the values on the resamples.
    resampled: Vec<Deviations>,
}

/// The bank of some curves, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankOfCurves {
    /// The bank.
    #[serde(flatten)]
    pub summary: BankSummary,
    /// The number of nouns that are compared.
    pub nouns: usize,
    /// The number of verbs that are compared.
    pub verbs: usize,
}

/// The curves at one layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvesLayer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The values.
    #[serde(flatten)]
    pub values: ContextLayer,
}

/// One of the three curves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// Neighbours in other sentences with the syntactic relation of the word.
    Grammar,
    /// Neighbours in other sentences with the supersense of the word.
    WordMeaning,
    /// Neighbours in the sentence of the word.
    Sentence,
}

impl Curve {
    /// The curves, in display order.
    pub const ALL: [Self; 3] = [Self::Grammar, Self::WordMeaning, Self::Sentence];

    /// The name in text and figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grammar => "grammar",
            Self::WordMeaning => "word meaning",
            Self::Sentence => "sentence",
        }
    }

    /// The value at a layer.
    pub fn of(self, layer: &CurvesLayer) -> Option<Estimate> {
        let mean = |both: &ByClass| both.mean;
        match self {
            Self::Grammar => layer.values.grammar.as_ref().map(mean),
            Self::WordMeaning => layer.values.word_meaning.as_ref().map(mean),
            Self::Sentence => layer.values.sentence,
        }
    }
}

/// The version of the stored file and of the computation.
const FORMAT: u32 = 2;

/// The seed of the bootstrap and of the random weights. It is fixed, so that a model has one result for
/// each bank.
const SEED: u64 = 0;

impl Explorer {
    /// Grammar, word meaning and sentence by layer, of the model and of one with random weights. Stored
    /// curves are used if there are any; otherwise, they are computed and stored.
    ///
    /// # Errors
    /// The errors of [`bank_states`](Self::bank_states).
    pub fn curves(&self, bank: &Bank) -> Result<Curves> {
        let origin = self.origin();
        if let Some(stored) = Curves::find(&origin, bank, self.store()) {
            self.warn_of_bank(bank)?;
            return Ok(stored);
        }
        let curves = Curves::compute(self, bank)?;
        self.keep(Curves::key(&origin, bank), &serde_json::to_vec(&curves)?);
        Ok(curves)
    }
}

impl Curves {
    /// The headline: one or two sentences from the numbers, by the rules of [`super::headline`]. Empty
    /// if nothing was measured.
    pub fn headline(&self) -> Vec<String> {
        self.headline_of(short_name(&self.model.model))
    }

    /// The headline with another name of the model.
    pub(super) fn headline_of(&self, name: &str) -> Vec<String> {
        // A note on the weights follows the name of the bundled model, in parentheses.
        Findings::of(self).in_words(name.split(" (").next().unwrap_or(name))
    }

    /// Reads stored curves and checks that they belong to the model of `origin`. The
    /// curves get the name of the model from `origin`.
    ///
    /// # Errors
    /// [`Error::Stored`](crate::Error::Stored) for curves of another model, with another type of number,
    /// or in another format.
    pub fn parse(json: &str, origin: &Origin) -> Result<Self> {
        Ok(Self { model: origin.clone(), ..store::parse(json, origin)? })
    }

    /// The curves of the library or of the store for a bank.
    pub(crate) fn find(origin: &Origin, bank: &Bank, store: &dyn Store) -> Option<Self> {
        #[cfg(feature = "bundled")]
        let shipped = Some(stratoscope_bundled::CURVES);
        #[cfg(not(feature = "bundled"))]
        let shipped = None;
        let key = Self::key(origin, bank);
        let fits = |found: &Self| {
            found.bank.summary.sha256 == bank.sha256
                && [found.layers.len(), found.random_weights.len(), found.resampled.len()]
                    .iter()
                    .all(|layers| *layers == origin.n_layers + 1)
        };
        let mut found: Self = store::find(shipped, key, origin, store, fits)?;
        found.model = origin.clone();
        found.bank.summary.name.clone_from(&bank.name);
        Some(found)
    }

    /// The key in the store; `None` if the model is not known.
    pub(crate) fn key(origin: &Origin, bank: &Bank) -> Option<String> {
        store::key("curves", origin, &format!("-{}.json", bank.sha256))
    }

    /// The numbers, without the resampled values.
    pub(super) fn numbers(&self) -> Result<Value> {
        let mut all = serde_json::to_value(self)?;
        if let Value::Object(all) = &mut all {
            for key in ["format", "resampled"] {
                all.shift_remove(key);
            }
            all.insert("headline".to_owned(), json!(self.headline()));
        }
        Ok(all)
    }

    /// The curves of the model at its layers.
    pub(super) fn estimates(&self, curve: Curve) -> Vec<Option<Estimate>> {
        self.layers.iter().map(|layer| curve.of(layer)).collect()
    }
}

impl Stored for Curves {
    const WHAT: &'static str = "curves";
    const FORMAT: u32 = FORMAT;

    fn made_with(&self) -> MadeWith<'_> {
        let Origin { states, dtype, .. } = &self.model;
        MadeWith { format: self.format, model: states, dtype, layers: self.layers.len() }
    }
}
