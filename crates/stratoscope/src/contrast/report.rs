//! The result of a contrast of two lists of texts.

use super::direction::Directions;
use super::steer::Steering;
use crate::analysis::ModelFile;
use serde::Serialize;
use stratoscope_extractor::Origin;
use stratoscope_geometry::Estimate;

/// The direction of every layer, and how well it separates the two lists.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The program that computed it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// The files from which the model was loaded.
    pub files: Vec<ModelFile>,
    /// The data and the settings.
    pub data: Data,
    /// The layers.
    pub layers: Vec<LayerReport>,
    /// The layer with the highest AUC.
    pub best_layer: Option<usize>,
    /// The texts that lie farthest along the direction of this layer, at both ends.
    pub along: Vec<Along>,
    /// The cosine of the directions of every two layers, row by row.
    pub cosines: Vec<f64>,
    /// What adding the direction does to predictions; only if the options ask for it.
    pub steering: Option<Steering>,
    /// The directions.
    pub directions: Directions,
}

/// The data and the settings.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Data {
    /// The names of the two lists.
    pub names: [String; 2],
    /// The files; none for lists from memory.
    pub lists: [Option<ModelFile>; 2],
    /// The number of items of each list.
    pub n: [usize; 2],
    /// `text`, or `word`.
    pub unit: &'static str,
    /// The number of items without a token. They are omitted.
    pub without_tokens: usize,
    /// The pooling of the tokens.
    pub pooling: &'static str,
    /// The seed.
    pub seed: u64,
    /// The AUC of the number of tokens alone.
    pub auc_of_length: Option<Estimate>,
}

/// One layer.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LayerReport {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The probability that an item of the first list lies farther along the direction than one of the
    /// second; neither was used for the direction.
    pub auc: Option<Estimate>,
    /// The same among items with equal numbers of tokens.
    pub auc_same_length: Option<Estimate>,
    /// The areas of 95 of 100 random directions.
    pub random: Option<[f64; 2]>,
    /// The length of the direction, as a share of the mean length of the vectors.
    pub share_of_norm: f64,
}

/// An item that lies far along the direction.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Along {
    /// The place: 0 is the middle of the means of the two lists, and ±½ are the means.
    pub place: f64,
    /// The list of the item, 0 or 1.
    pub list: usize,
    /// The text.
    pub text: String,
    /// The word, if items are words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
}
