//! The result of `probe`.

use super::corpus::{PartCounts, ProbeFile};
use super::saved::SavedProbe;
use crate::analysis::ModelFile;
use serde::Serialize;
use stratoscope_extractor::Origin;
use stratoscope_geometry::Estimate;
use stratoscope_probing::{
    Control, Counts, CurvePoint, LayerScores, Mdl, Mixes, MlpScores, Scores, StructuralLayer,
    StructuralSample, StructuralScores,
};

/// The scores of the probes of every layer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The program that computed it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// The data and the settings.
    pub data: Data,
    /// `[labels]`, in the order of the options.
    pub labels: Vec<LabelReport>,
    /// The structural probe; only if the options ask for it.
    pub structural: Option<StructuralReport>,
    /// The probe of the layer that is best on held-out texts; only for a
    /// [`TsvTask`](super::TsvTask).
    pub saved: Option<SavedProbe>,
    /// The files from which the model was loaded.
    pub files: Vec<ModelFile>,
}

/// The data of the probes, and the settings.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Data {
    /// The data files.
    pub files: Vec<ProbeFile>,
    /// The seed of the split; `None` if the files were already split.
    pub split_seed: Option<u64>,
    /// The unit of a row: `word`, `span` or `text`.
    pub unit: &'static str,
    /// The number of sentences in each part; for a task, the number of texts.
    pub sentences: PartCounts,
    /// The filters of words, as the user wrote them.
    #[serde(rename = "where")]
    pub filters: Vec<String>,
    /// The pooling of the sub-words of a word, or of the tokens of a text.
    pub pooling: &'static str,
    /// The inverse regularization strength of all probes (scikit-learn's `C`); `None` if it was
    /// chosen for each layer.
    pub strength: Option<f64>,
    /// The seed of every random draw.
    pub seed: u64,
    /// The number of words that passed the filters and have no label. They are omitted.
    pub unlabelled: usize,
    /// The number of words without a token. They are omitted.
    pub without_tokens: usize,
}

/// The number of rows of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The class.
    pub class: String,
    /// The number of training rows.
    pub train: usize,
    /// The number of test rows.
    pub test: usize,
}

/// The scores of the probes of one label.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LabelReport {
    /// The label.
    pub label: String,
    /// The number of rows and classes.
    pub counts: Counts,
    /// The classes, sorted by name.
    pub classes: Vec<ClassCount>,
    /// The baselines.
    pub baselines: Baselines,
    /// `[layers]`: the scores of each layer.
    pub layers: Vec<LayerReport>,
    /// The mixes of layers; only if the options ask for them.
    pub mixes: Option<Mixes>,
    /// The layer that is best on the held-out texts; only for a task.
    pub chosen_layer: Option<usize>,
    /// The accuracy of the chosen layer with fewer training texts; only for a task.
    pub learning_curve: Vec<CurvePoint>,
}

/// Baselines that use no layer, or no context.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Baselines {
    /// The most frequent class of the training rows.
    pub majority: Scores,
    /// The most frequent class of the word form (in lower case) in the training rows; `None` if
    /// rows are whole texts.
    pub form_lookup: Option<Scores>,
    /// The most frequent class of the lemma in the training rows; `None` without annotated lemmas.
    pub lemma_lookup: Option<Scores>,
    /// The probe of layer 0 (the embedding output): a word without context. `None` if layer 0 was
    /// not probed.
    pub layer_0: Option<Scores>,
}

/// The scores of the probes of one layer and label.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LayerReport {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The linear probe.
    #[serde(flatten)]
    pub linear: LayerScores,
    /// The control task; only if the options ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// The linear probe of the model with random weights; only if the options ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random_weights: Option<Scores>,
    /// The online code; only if the options ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mdl: Option<Mdl>,
    /// The probe with one hidden layer; only if the options ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mlp: Option<MlpScores>,
}

/// The scores of the structural probe.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StructuralReport {
    /// The number of training sentences with a tree.
    pub train_sentences: usize,
    /// The number of test sentences and edges.
    pub sample: StructuralSample,
    /// The scores of the baseline: a chain of neighbouring words.
    pub chain: StructuralScores,
    /// The layers with the scores of their probes.
    pub layers: Vec<(usize, StructuralLayer)>,
}

impl Report {
    /// The layers, with the accuracy of the first label.
    pub fn accuracy(&self) -> Vec<(usize, Estimate)> {
        self.labels.first().map_or_else(Vec::new, LabelReport::accuracy)
    }
}

impl LabelReport {
    /// The layers, with the accuracy of the linear probe.
    pub fn accuracy(&self) -> Vec<(usize, Estimate)> {
        self.layers.iter().map(|layer| (layer.layer, layer.accuracy())).collect()
    }
}

impl LayerReport {
    /// The scores of the linear probe.
    pub fn scores(&self) -> Scores {
        self.linear.scores
    }

    /// The accuracy of the linear probe.
    pub fn accuracy(&self) -> Estimate {
        self.linear.scores.accuracy
    }
}
