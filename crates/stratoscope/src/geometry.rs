//! The measures of a model's representation space over a corpus, by layer, between layers and
//! between models.

mod kinds;
mod layers;
mod report;
mod run;
mod shown;
mod words;

pub use kinds::Measure;
pub use report::{
    Across, Cka, Geometry, GeometryCounts, GeometryInput, LayerGeometry, ModelGeometry, MovedStep,
    MovedWord, RogueShare, Undefined,
};
pub use run::measure_geometry;

use crate::{LongText, Pooling};
use serde::{Serialize, Serializer};

/// Nearest neighbours that are looked at.
const NEIGHBOURS: usize = 10;

/// How a corpus is measured.
#[derive(Debug, Clone, Serialize)]
pub struct GeometrySettings {
    /// Words that are drawn for what needs all pairs: neighbours, intrinsic dimension and CKA, and as
    /// many again for self-similarity and explainable variance. Time grows with its square.
    pub sample: usize,
    /// The seed of all draws and intervals.
    pub seed: u64,
    /// How the sub-words of a word become one vector.
    #[serde(serialize_with = "pooling_name")]
    pub pooling: Pooling,
    /// What to do with texts that are too long for the model.
    #[serde(serialize_with = "long_name")]
    pub long: LongText,
}

impl Default for GeometrySettings {
    fn default() -> Self {
        Self { sample: 2000, seed: 0, pooling: Pooling::Mean, long: LongText::Refuse }
    }
}

fn pooling_name<S: Serializer>(pooling: &Pooling, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(pooling.name())
}

fn long_name<S: Serializer>(long: &LongText, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(long.name())
}
