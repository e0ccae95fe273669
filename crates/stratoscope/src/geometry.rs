//! `geometry`: measures of a model's representation space over a corpus, by layer, between layers and
//! between models.

mod charts;
mod compute;
mod layers;
mod measure;
mod page;
mod report;
mod sampling;
mod summary;

pub use compute::measure;
pub use measure::Measure;
pub use report::{
    Across, ChangeStep, Cka, Counts, Input, LayerGeometry, ModelGeometry, Report, RogueShare,
    WordChange,
};

use crate::{Explorer, Result, serial};
use serde::Serialize;
use stratoscope_extractor::{Corpus, LongText};
use stratoscope_loader::Pooling;

/// The nearest neighbours that are compared.
const NEIGHBOURS: usize = 10;

/// How a corpus is measured.
#[derive(Debug, Clone, Serialize)]
pub struct Options {
    /// Words that are drawn for measures of pairs: neighbours, intrinsic dimension and CKA; and again
    /// as many for self-similarity and explainable variance. The time grows with its square.
    pub sample: usize,
    /// The seed of all draws and intervals.
    pub seed: u64,
    /// How the sub-words of a word become one vector.
    #[serde(serialize_with = "serial::pooling")]
    pub pooling: Pooling,
    /// What to do with texts that are too long for the model.
    #[serde(serialize_with = "serial::long")]
    pub long: LongText,
}

impl Default for Options {
    fn default() -> Self {
        Self { sample: 2000, seed: 0, pooling: Pooling::Mean, long: LongText::Refuse }
    }
}

impl Explorer {
    /// Measures the representation space over a corpus: [`measure`] for one model.
    ///
    /// # Errors
    /// As [`measure`].
    pub fn geometry(&self, corpus: &Corpus, options: &Options) -> Result<Report> {
        measure(std::slice::from_ref(self), corpus, options)
    }
}
