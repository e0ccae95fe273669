//! `compare`: two sentences, one word in several contexts, minimal pairs and word-in-context pairs, by
//! depth: how far apart vectors are at every layer, beside reference pairs.

mod charts;
mod error;
mod homographs;
mod page;
mod pairs;
mod reference_distribution;
mod sentences;
mod summary;
mod wic;
mod word;
mod word_vectors;

pub use error::CompareError;
pub use pairs::{MinimalPair, PairsComparison, PairsLayer, parse_minimal_pairs};
pub use sentences::{AlignedWord, EditKind, SentenceComparison, SentenceLayer, WordDistance};
pub use wic::{WicComparison, WicLayer, WicPair, parse_wic};
pub use word::{WordComparison, WordContext, WordLayer, WordPair};

use crate::analysis::{Analysis, Figure, ModelFile, ModelRecord, Provenance, TOOL};
use crate::artifacts::ModelArtifacts;
use crate::{Explorer, Omitted, Part, Result, Why, serial};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use stratoscope_extractor::{Activations, Origin};
use stratoscope_geometry::Metric;
use stratoscope_loader::{Pooling, hexadecimal};

/// How vectors are made and compared.
#[derive(Debug, Clone, Serialize)]
pub struct Options {
    /// What a distance is: 1 − cosine, after centring or standardising by the words of the built-in
    /// sentences where that is asked for, or Euclidean.
    #[serde(serialize_with = "serial::metric")]
    pub metric: Metric,
    /// How the sub-words of a word become one vector.
    #[serde(serialize_with = "serial::pooling")]
    pub pooling: Pooling,
    /// The seed of the bootstrap and of the random words.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { metric: Metric::Cosine, pooling: Pooling::Mean, seed: 0 }
    }
}

/// How far apart vectors are at every layer, beside reference pairs. As JSON one object.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The program that computed it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// The options.
    pub settings: Options,
    /// The numbers.
    #[serde(flatten)]
    pub result: Compared,
    /// What is missing, and why.
    pub omitted: Vec<Omitted>,
    /// The files that the model was read from.
    #[serde(skip)]
    files: Vec<ModelFile>,
    /// Of two sentences their states and what is known of the model, for the page.
    #[serde(skip)]
    states: Option<(Activations, ModelArtifacts)>,
}

/// The numbers, by what was compared.
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

/// How far apart two words of unrelated sentences are at a layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RandomWords {
    /// The median distance.
    pub median: f64,
    /// 5 % are nearer.
    pub low: f64,
    /// 5 % are farther apart.
    pub high: f64,
    /// How many pairs.
    pub n: usize,
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
        self.drawn()
    }

    fn numbers(&self) -> Result<Value> {
        Ok(serde_json::to_value(self)?)
    }

    fn summary(&self) -> String {
        self.terminal_text()
    }

    fn pages(&self) -> Result<Vec<(String, stratoscope_report::Report)>> {
        Ok(vec![("report.html".to_owned(), self.page()?)])
    }

    fn omitted(&self) -> Vec<Omitted> {
        self.omitted.clone()
    }
}

/// A number that is missing for these texts.
fn omitted(name: &'static str, reason: impl Into<String>) -> Omitted {
    Omitted::new(Part::Number(name), Why::Texts(reason.into()))
}

/// The sha256 of a list as JSON.
fn digest(of: &[impl Serialize]) -> Result<String> {
    Ok(hexadecimal(&Sha256::digest(serde_json::to_vec(of)?)))
}
