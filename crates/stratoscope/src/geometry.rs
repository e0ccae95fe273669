//! `geometry`: measures of the representation space of a model over a corpus: for each layer,
//! between layers, and between models.

mod charts;
mod compute;
mod layer_pairs;
mod layers;
mod measure;
mod report;
mod sampling;
mod summary;

pub use compute::measure;
pub(crate) use compute::measured;
pub use measure::Measure;
pub use report::{
    Across, ChangeStep, Counts, Input, LayerGeometry, LayerPairs, ModelGeometry, PairKind,
    PairMeasure, Report, RogueShare, WordChange,
};

use crate::analysis::{Analysis, Figure, ModelRecord, Provenance, TOOL, joined};
use crate::text::written;
use crate::{Explorer, FigureSelection, Omitted, Result, serial};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use stratoscope_extractor::{Corpus, LongText};
use stratoscope_loader::Pooling;

/// The number of nearest neighbours of a word.
const NEIGHBOURS: usize = 10;

/// The options of `geometry`.
#[derive(Debug, Clone, Serialize)]
pub struct Options {
    /// The number of words that are sampled for measures of pairs of words: neighbours, intrinsic
    /// dimension, CKA and RSA. A second sample of this size is for self-similarity and explainable
    /// variance. The time grows with the square of this number.
    pub sample: usize,
    /// The seed of all samples and intervals.
    pub seed: u64,
    /// The pooling of the sub-words of a word.
    #[serde(serialize_with = "serial::pooling")]
    pub pooling: Pooling,
    /// What to do with texts that have more tokens than the model can read.
    #[serde(serialize_with = "serial::long")]
    pub long: LongText,
    /// The figures for which measures are computed.
    #[serde(skip)]
    pub figures: FigureSelection,
}

/// The figures of `geometry`, by their ids.
pub const FIGURES: [&str; 5] = ["geometry", "cka", "rsa", "neighbour_change", "neighbours_kept"];

impl Default for Options {
    fn default() -> Self {
        Self {
            sample: 2000,
            seed: 0,
            pooling: Pooling::Mean,
            long: LongText::Refuse,
            figures: FigureSelection::All,
        }
    }
}

impl Explorer {
    /// Measures the representation space over a corpus: [`measure`] for one model.
    ///
    /// # Errors
    /// The errors of [`measure`].
    pub fn geometry(&self, corpus: &Corpus, options: &Options) -> Result<Report> {
        measure(std::slice::from_ref(self), corpus, options)
    }
}

impl Analysis for Report {
    fn kind(&self) -> &'static str {
        "geometry"
    }

    fn provenance(&self) -> Provenance {
        let record = |model: &ModelGeometry| ModelRecord {
            origin: model.model.clone(),
            files: model.files.clone(),
        };
        let models = self.models.iter().map(record).collect();
        let file = Path::new(&self.input.name).file_stem().unwrap_or_default().to_string_lossy();
        Provenance::new(models, &self.options, &self.input, file)
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        let figures = self.all_figures().into_iter();
        Ok(figures.filter(|figure| self.options.figures.has(&figure.id)).collect())
    }

    fn selected(&self) -> FigureSelection {
        self.options.figures.clone()
    }

    /// For one model, the object has its keys (`layers`, `cka`, …). For several models, `models`
    /// has an object with these keys for each model, and `across` has CKA between models.
    fn numbers(&self) -> Result<Value> {
        let all = json!({ "tool": TOOL, "input": self.input, "settings": self.options });
        let own = match &self.models[..] {
            [one] => serde_json::to_value(one)?,
            models => json!({ "models": models, "across": self.across }),
        };
        Ok(joined(all, own))
    }

    fn summary(&self) -> String {
        written(|text| summary::write(text, self))
    }

    fn title(&self) -> String {
        self.by_depth().full_title()
    }

    fn omitted(&self) -> Vec<Omitted> {
        self.models.iter().flat_map(|model| model.omitted.clone()).collect()
    }
}
