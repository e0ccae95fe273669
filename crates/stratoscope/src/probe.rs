//! `probe`: linear and structural probes of every layer, with their baselines and controls. The
//! data are an annotated corpus, or texts with labels.

mod charts;
mod column;
mod compute;
mod corpus;
mod error;
mod json;
mod report;
mod rows;
mod saved;
mod summary;
mod task;
#[cfg(test)]
mod tests;

pub use column::{Column, Filter};
pub use compute::Labelled;
pub use corpus::{ConlluCorpus, PartCounts, ProbeFile};
pub use error::ProbeError;
pub use report::{Baselines, ClassCount, Data, LabelReport, LayerReport, Report, StructuralReport};
pub(crate) use saved::check_model;
pub use saved::{Prediction, SavedProbe};
pub use task::{Span, TaskRow, TsvTask};

use crate::analysis::{Analysis, Figure, ModelRecord, Provenance};
use crate::text::written;
use crate::{Omitted, Result};
use serde_json::{Value, json};
use stratoscope_extractor::{LayerSelection, LongText};
use stratoscope_loader::Pooling;
use stratoscope_probing::Split;

/// The figure of `probe`, by its id.
pub const FIGURES: [&str; 1] = ["probe"];

/// The options of `probe`.
#[derive(Debug, Clone)]
pub struct Options {
    /// The labels to predict. All labels are predicted for the same words. A [`TsvTask`] has its
    /// own labels and ignores this option.
    pub labels: Vec<Column>,
    /// The filters of words; a word must pass all of them.
    pub filters: Vec<Filter>,
    /// The layers.
    pub layers: LayerSelection,
    /// The pooling of the sub-words of a word, or of the tokens of a text.
    pub pooling: Pooling,
    /// What to do with sentences that have more tokens than the model can read.
    pub long: LongText,
    /// The inverse regularization strength of the probe (scikit-learn's `C`); `None` to choose it
    /// on held-out sentences.
    pub strength: Option<f64>,
    /// Whether the control task is fitted (Hewitt & Liang 2019).
    pub control: bool,
    /// Whether a model with the same architecture and random weights is probed.
    pub random_weights: bool,
    /// Whether a probe with one hidden layer is fitted beside the linear one. It has the control task
    /// and the online code too, if these are computed.
    pub mlp: bool,
    /// Whether the online code is computed (Voita & Titov 2020).
    pub mdl: bool,
    /// Whether probes of mixed layers are fitted, for the expected layer and the centre of gravity
    /// (Tenney et al. 2019).
    pub mix: bool,
    /// Whether the structural probe is fitted (Hewitt & Manning 2019).
    pub structural: bool,
    /// The seed of every random draw.
    pub seed: u64,
    /// The approximate limit for states in memory, in bytes. If all layers together exceed it, they
    /// are computed in several passes.
    pub memory: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            labels: Vec::new(),
            filters: Vec::new(),
            layers: LayerSelection::All,
            pooling: Pooling::Mean,
            long: LongText::Refuse,
            strength: None,
            control: false,
            random_weights: false,
            mlp: false,
            mdl: false,
            mix: false,
            structural: false,
            seed: 0,
            memory: 4 << 30,
        }
    }
}

/// `[texts]`: the part of each text, by a seeded random split.
fn split(texts: &[&str], seed: u64, place: &str, unit: &'static str) -> Result<Vec<Split>> {
    task::parts_of(texts, seed).ok_or_else(|| {
        let different: std::collections::BTreeSet<_> = texts.iter().collect();
        ProbeError::TooFew { place: place.to_owned(), found: different.len(), unit }.into()
    })
}

impl Analysis for Report {
    fn kind(&self) -> &'static str {
        "probe"
    }

    fn provenance(&self) -> Provenance {
        let record = ModelRecord { origin: self.model.clone(), files: self.files.clone() };
        let labels: Vec<&str> = self.labels.iter().map(|l| l.label.as_str()).collect();
        let trees = self.structural.as_ref().map(|_| "trees");
        let subject: Vec<&str> = labels.iter().copied().chain(trees).collect();
        let data = &self.data;
        let layers = || self.labels.iter().flat_map(|label| &label.layers);
        let settings = json!({
            "labels": labels,
            "structural": self.structural.is_some(),
            "control": layers().any(|layer| layer.control.is_some()),
            "random_weights": layers().any(|layer| layer.random_weights.is_some()),
            "mlp": layers().any(|layer| layer.mlp.is_some()),
            "mdl": layers().any(|layer| layer.mdl.is_some()),
            "mix": self.labels.iter().any(|label| label.mixes.is_some()),
            "where": data.filters,
            "pooling": data.pooling,
            "strength": data.strength,
            "seed": data.seed,
            "layers": self.layers(),
        });
        let input = json!({
            "files": data.files,
            "split_seed": data.split_seed,
            "unit": data.unit,
            "classes": self.labels.iter().map(|l| &l.classes).collect::<Vec<_>>(),
        });
        Provenance::new(vec![record], settings, input, subject.join(" "))
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        Ok(vec![self.chart().into()])
    }

    fn numbers(&self) -> Result<Value> {
        self.all_numbers()
    }

    fn summary(&self) -> String {
        written(|text| summary::write(text, self))
    }

    fn omitted(&self) -> Vec<Omitted> {
        let clusters = if self.data.unit == "word" { "test sentences" } else { "test texts" };
        let accuracy = self.labels.iter().filter_map(|label| label.layers.first());
        let accuracy = accuracy.map(|layer| ("accuracy", clusters, Some(layer.accuracy())));
        let trees = self.structural.iter().filter_map(|of| of.layers.first());
        let trees =
            trees.map(|(_, layer)| ("tree score (UUAS)", "test sentences", layer.scores.uuas));
        let interval = |(name, units, of)| Omitted::interval(name, units, of);
        accuracy.take(1).chain(trees).filter_map(interval).collect()
    }

    fn title(&self) -> String {
        self.page_title()
    }
}
