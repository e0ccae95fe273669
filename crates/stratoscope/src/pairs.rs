//! `probe --pairs`: which layer suits the similarity of texts. Pairs of texts with scores of people
//! (Spearman's correlation of similarity and score), or queries with relevant texts (recall).

mod charts;
mod choice;
mod compute;
mod data;
mod embedder;
mod error;
mod measure;
mod report;
mod summary;

pub use choice::MIN_HALF;
pub use data::{TextPair, TextPairs};
pub use embedder::{Embedder, Speed};
pub use error::PairsError;
pub use report::{Choice, Data, LayerReport, Report, Scores, SetReport, Way, WayScore};

use crate::analysis::{Analysis, Figure, ModelRecord, Provenance};
use crate::text::written;
use crate::{Omitted, Result};
use serde_json::{Value, json};
use stratoscope_extractor::{LayerSelection, LongText};
use stratoscope_geometry::Metric;
use stratoscope_loader::Pooling;

/// The figure, by its id.
pub const FIGURES: [&str; 1] = ["pairs"];

/// The poolings that are compared.
pub const POOLINGS: [Pooling; 5] =
    [Pooling::First, Pooling::Last, Pooling::Mean, Pooling::Max, Pooling::WeightedMean];

/// The metrics that are compared. The mean and the deviation are those of the texts of the file.
pub const METRICS: [Metric; 3] = [Metric::Cosine, Metric::Centred, Metric::Standardised];

/// The options of `probe --pairs`.
#[derive(Debug, Clone)]
pub struct Options {
    /// The layers.
    pub layers: LayerSelection,
    /// The pooling of the scores by layer. The [usual ones](POOLINGS) are compared beside it.
    pub pooling: Pooling,
    /// The metric of the scores by layer, one of [`METRICS`].
    pub metric: Metric,
    /// What to do with texts that have more tokens than the model can read.
    pub long: LongText,
    /// The seed of the halves and of the intervals.
    pub seed: u64,
    /// The approximate limit for vectors in memory, in bytes. If those of all layers exceed it, they are
    /// computed in several passes.
    pub memory: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            layers: LayerSelection::All,
            pooling: Pooling::Mean,
            metric: Metric::Cosine,
            long: LongText::Refuse,
            seed: 0,
            memory: 4 << 30,
        }
    }
}

impl Analysis for Report {
    fn kind(&self) -> &'static str {
        "pairs"
    }

    fn provenance(&self) -> Provenance {
        let record = ModelRecord { origin: self.model.clone(), files: self.files.clone() };
        let settings = json!({
            "pooling": self.data.pooling,
            "metric": self.data.metric,
            "seed": self.data.seed,
            "layers": self.layers.iter().map(|layer| layer.layer).collect::<Vec<_>>(),
        });
        let input = json!({ "file": self.data.file, "task": self.data.task, "n": self.data.n });
        Provenance::new(vec![record], settings, input, self.data.name.clone())
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        Ok(vec![self.chart().into()])
    }

    fn numbers(&self) -> Result<Value> {
        Ok(json!({
            "tool": self.tool,
            "model": self.model,
            "data": self.data,
            "layers": self.layers,
            "choice": self.choice,
            "sets": self.sets,
        }))
    }

    fn summary(&self) -> String {
        written(|text| summary::write(text, self))
    }

    fn omitted(&self) -> Vec<Omitted> {
        let main = self.layers.first().and_then(|layer| layer.scores.main());
        let units = if self.data.candidates.is_some() { "queries" } else { "pairs" };
        Omitted::interval("the score", units, main).into_iter().collect()
    }

    fn title(&self) -> String {
        self.page_title()
    }
}
