//! `compare`: two sentences, one word in several contexts, minimal pairs, or word-in-context pairs.
//! It measures the distance of their vectors at every layer, relative to reference pairs.

mod charts;
mod displaced;
mod error;
mod folds;
mod homographs;
mod page;
mod pairs;
mod reference_distribution;
mod sentences;
mod summary;
mod verdict;
mod wic;
mod word;
mod word_vectors;

pub use displaced::DisplacedWord;
pub use error::CompareError;
pub use pairs::{MinimalPair, PairsComparison, PairsLayer, parse_minimal_pairs};
pub use sentences::{
    AlignedWord, EditKind, Moved, SentenceComparison, SentenceLayer, WordDistance,
};
pub use wic::{WicComparison, WicLayer, WicPair, parse_wic};
pub use word::{WordComparison, WordContext, WordLayer, WordPair};

use crate::analysis::{Analysis, Figure, ModelFile, ModelRecord, PAGE, Provenance, TOOL};
use crate::artifacts::ModelArtifacts;
use crate::text::written;
use crate::{Explorer, Omitted, Part, Result, Why, serial};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use stratoscope_extractor::{Activations, Origin};
use stratoscope_geometry::Metric;
use stratoscope_loader::{Pooling, hexadecimal};
use stratoscope_report::Report;

/// The figures of `compare`, by their ids. Only a comparison of two sentences has `words`, and only one
/// of a word in two contexts has `journeys`.
pub const FIGURES: [&str; 3] = ["compare", "words", "journeys"];

/// Options of a comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Options {
    /// The metric of distances: 1 − cosine, or Euclidean. Centred and standardised cosines use the
    /// mean and the standard deviation of the words of the built-in sentences.
    #[serde(serialize_with = "serial::metric")]
    pub metric: Metric,
    /// The pooling of the sub-words of a word.
    #[serde(serialize_with = "serial::pooling")]
    pub pooling: Pooling,
    /// The seed of the bootstrap and of the random word pairs.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { metric: Metric::Cosine, pooling: Pooling::Mean, seed: 0 }
    }
}

/// Distances of vectors at every layer, relative to reference pairs.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The program that computed it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// The options.
    pub settings: Options,
    /// What was found, in sentences, the finding first; none for pairs from a file.
    pub verdict: Vec<String>,
    /// The numbers.
    #[serde(flatten)]
    pub result: Compared,
    /// The numbers that are missing for this input, with the reasons.
    pub omitted: Vec<Omitted>,
    /// The files from which the model was loaded.
    #[serde(skip)]
    files: Vec<ModelFile>,
    /// For two sentences: their states, and what the page needs of the model: its baseline, and the
    /// states of the reference bank.
    #[serde(skip)]
    states: Option<(Activations, ModelArtifacts)>,
}

/// The numbers, for each kind of input.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "comparison", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Compared {
    /// Two sentences, word by word.
    Sentences(SentenceComparison),
    /// One word in several contexts.
    Word(WordComparison),
    /// Minimal pairs.
    Pairs(PairsComparison),
    /// Word-in-context pairs with labels.
    Wic(WicComparison),
}

impl Comparison {
    fn new(
        explorer: &Explorer,
        options: &Options,
        result: Compared,
        omitted: Vec<Omitted>,
    ) -> Self {
        let ModelRecord { origin, files } = explorer.record();
        Self {
            tool: TOOL.to_owned(),
            verdict: verdict::of(&result, origin.causal),
            model: origin,
            settings: options.clone(),
            result,
            omitted,
            files,
            states: None,
        }
    }
}

impl Analysis for Comparison {
    fn kind(&self) -> &'static str {
        "compare"
    }

    fn provenance(&self) -> Provenance {
        let record = ModelRecord { origin: self.model.clone(), files: self.files.clone() };
        let stem = |file: &str| {
            Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned()
        };
        let (input, subject) = match &self.result {
            Compared::Sentences(of) => (json!({ "texts": of.texts }), of.texts[0].clone()),
            Compared::Word(of) => {
                let mut words: Vec<&str> = of.contexts.iter().map(|c| c.word.as_str()).collect();
                words.dedup();
                (json!({ "contexts": of.contexts }), words.join(" "))
            }
            Compared::Pairs(of) => {
                (json!({ "pairs": of.file, "sha256": of.sha256 }), stem(&of.file))
            }
            Compared::Wic(of) => (json!({ "wic": of.file, "sha256": of.sha256 }), stem(&of.file)),
        };
        Provenance::new(vec![record], &self.settings, input, subject)
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        Ok(self.charts().into_iter().map(Figure::from).collect())
    }

    fn numbers(&self) -> Result<Value> {
        Ok(serde_json::to_value(self)?)
    }

    fn summary(&self) -> String {
        written(|text| summary::write(text, self))
    }

    fn title(&self) -> String {
        self.by_depth().full_title()
    }

    fn pages(&self, figures: &[Figure]) -> Result<Vec<(String, Report)>> {
        Ok(vec![(PAGE.to_owned(), self.page(figures)?)])
    }

    fn omitted(&self) -> Vec<Omitted> {
        self.omitted.clone()
    }
}

/// A number that is missing for this input, with the reason.
fn omitted(name: &'static str, reason: impl Into<String>) -> Omitted {
    Omitted::new(Part::Number(name), Why::Texts(reason.into()))
}

/// The sha256 of a list, written as JSON.
fn digest(of: &[impl Serialize]) -> Result<String> {
    Ok(hexadecimal(&Sha256::digest(serde_json::to_vec(of)?)))
}
