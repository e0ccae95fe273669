//! The options of an exploration.

use crate::{FigureSelection, serial};
use serde::Serialize;
use serde_json::Value;
use stratoscope_extractor::{LayerSelection, LongText, Unit};
use stratoscope_geometry::Metric;
use stratoscope_loader::Pooling;

/// The options of an exploration: how texts are read, measured and reduced.
///
/// ```
/// use stratoscope::{Metric, explore::Options};
///
/// let options = Options { metric: Metric::Centred, seed: 7, ..Options::default() };
/// ```
#[derive(Debug, Clone, Serialize)]
pub struct Options {
    /// The metric of the curves by depth and of nearest neighbours.
    #[serde(serialize_with = "serial::metric")]
    pub metric: Metric,
    /// The reduction of the trajectory to a plane.
    pub reducer: Reducer,
    /// The alignment of the maps of layers.
    pub align: Alignment,
    /// The seed of t-SNE, the random projection and the bootstrap.
    pub seed: u64,
    /// The layers that are kept.
    // In JSON, `layers` is the list of per-layer objects.
    #[serde(rename = "layers_chosen", serialize_with = "serial::layers")]
    pub layers: LayerSelection,
    /// The unit of a row. Tokens can be pooled to words or sentences.
    pub unit: Unit,
    /// The pooling of the tokens of a word; the default is the mean.
    #[serde(serialize_with = "serial::some_pooling")]
    pub pooling: Option<Pooling>,
    /// Whether special tokens are kept. The model always reads them.
    pub special_tokens: bool,
    /// What to do with a text that has more tokens than the model can read.
    #[serde(serialize_with = "serial::long")]
    pub long: LongText,
    /// Of images and sounds: the row and the column of the cell of the first picture whose similarity to
    /// all others is drawn; the default is the cell in the middle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<[usize; 2]>,
    /// Whether the attention of every head is measured.
    pub attention: bool,
    /// The figures for which states are measured.
    #[serde(skip)]
    pub figures: FigureSelection,
    /// Whether a missing anisotropy baseline is computed and stored.
    #[serde(skip)]
    pub compute_baseline: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            metric: Metric::Cosine,
            reducer: Reducer::Pca,
            align: Alignment::Joint,
            seed: 0,
            layers: LayerSelection::All,
            unit: Unit::Token,
            pooling: None,
            special_tokens: true,
            long: LongText::Refuse,
            cell: None,
            attention: false,
            figures: FigureSelection::All,
            compute_baseline: false,
        }
    }
}

/// A reduction of states to a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reducer {
    /// The two directions of the largest variance.
    #[default]
    Pca,
    /// t-SNE: it keeps near neighbours near; distances have no meaning.
    Tsne,
    /// Two random directions: a control. Structure that is visible here does not come from the
    /// reducer.
    Random,
}

/// An alignment of the maps of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Alignment {
    /// One basis for all layers.
    #[default]
    Joint,
    /// One map per layer, each aligned with the layer before (Procrustes).
    Procrustes,
    /// One map per layer, not aligned: layers cannot be compared.
    None,
}

/// The figures that need the attention patterns.
const OF_ATTENTION: [&str; 4] = ["first_attention", "attention", "rollout", "patterns"];

impl Options {
    /// Whether attention is measured: because the options ask for it, or for a selected figure.
    pub(super) fn needs_attention(&self) -> bool {
        match &self.figures {
            FigureSelection::All => self.attention,
            some => some.has_any(&OF_ATTENTION),
        }
    }

    /// The options that say how states are measured, for the data of the page. Which states are
    /// measured is in the manifest.
    pub(super) fn of_measures(&self) -> Value {
        match serde_json::to_value(self) {
            Ok(Value::Object(all)) => {
                let measures = ["metric", "reducer", "align", "seed"];
                all.into_iter().filter(|(key, _)| measures.contains(&key.as_str())).collect()
            }
            _ => Value::Null,
        }
    }
}
