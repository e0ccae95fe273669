//! The numbers of a probe.

use super::corpus::{PartCounts, ProbeFile};
use super::saved::SavedProbe;
use crate::Result;
use crate::analysis::{Analysis, Figure, ModelFile, ModelRecord, Provenance};
use serde::Serialize;
use serde_json::{Value, json};
use stratoscope_extractor::Origin;
use stratoscope_geometry::Estimate;
use stratoscope_probing::{
    Control, Counts, CurvePoint, LayerScores, Mdl, Mixes, Scores, StructuralLayer,
    StructuralSample, StructuralScores,
};

/// What each layer of a model knows of some labels.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The program that computed it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// What it was computed from, and how.
    pub data: Data,
    /// One per label, in the order of the options.
    pub labels: Vec<LabelReport>,
    /// The structural probe, where it was asked for.
    pub structural: Option<StructuralReport>,
    /// Of a task the probe of the layer that is best on held-out texts.
    pub saved: Option<SavedProbe>,
    /// The files that the model was read from.
    pub files: Vec<ModelFile>,
}

/// What probes were fitted to and scored on.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Data {
    /// The files.
    pub files: Vec<ProbeFile>,
    /// The seed of the split, where the files were split here.
    pub split_seed: Option<u64>,
    /// What a row is: `word`, `span` or `text`.
    pub unit: &'static str,
    /// Sentences of the files (of an own task, texts).
    pub sentences: PartCounts,
    /// The filters, as they were written.
    #[serde(rename = "where")]
    pub filters: Vec<String>,
    /// How the sub-words of a word became one vector.
    pub pooling: &'static str,
    /// The fixed strength of all probes, scikit-learn's `C`; none where it was chosen.
    pub strength: Option<f64>,
    /// The seed of everything that was drawn.
    pub seed: u64,
    /// Words that passed the filters and lack a label; they are left out.
    pub unlabelled: usize,
    /// Words that no token stands for; they are left out.
    pub without_tokens: usize,
}

/// How often a class occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The class.
    pub class: String,
    /// In training.
    pub train: usize,
    /// In the test.
    pub test: usize,
}

/// What each layer knows of one label.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LabelReport {
    /// The label.
    pub label: String,
    /// How many rows and classes there are.
    pub counts: Counts,
    /// The classes in their order, which is that of their names.
    pub classes: Vec<ClassCount>,
    /// What needs no layer, or no context.
    pub baselines: Baselines,
    /// By layer.
    pub layers: Vec<LayerReport>,
    /// The mixes of layers, where they were asked for.
    pub mixes: Option<Mixes>,
    /// Of an own task the layer that was best on the held-out texts, by its number.
    pub chosen_layer: Option<usize>,
    /// Of an own task what fewer training texts would give at that layer.
    pub learning_curve: Vec<CurvePoint>,
}

/// What needs no layer, or no context.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Baselines {
    /// Always the most frequent class.
    pub majority: Scores,
    /// The most frequent class of the word form (in lower case) in training; none where rows are
    /// whole texts.
    pub form_lookup: Option<Scores>,
    /// The same by lemma, where lemmas are annotated.
    pub lemma_lookup: Option<Scores>,
    /// The probe of layer 0, the embedding, where it is among the layers: what a word is by itself.
    pub layer_0: Option<Scores>,
}

/// What one layer knows of one label.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LayerReport {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The linear probe.
    #[serde(flatten)]
    pub linear: LayerScores,
    /// The control task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// The same probe on the same architecture with random weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random_weights: Option<Scores>,
    /// The online code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mdl: Option<Mdl>,
}

/// The structural probe by layer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StructuralReport {
    /// Training sentences with a tree.
    pub train_sentences: usize,
    /// What the scores are of.
    pub sample: StructuralSample,
    /// What a chain of neighbours scores.
    pub chain: StructuralScores,
    /// The layers with what they score.
    pub layers: Vec<(usize, StructuralLayer)>,
}

impl Report {
    /// The accuracy at every layer, of the first label.
    pub fn accuracy(&self) -> Vec<(usize, Estimate)> {
        self.labels.first().map_or_else(Vec::new, LabelReport::accuracy)
    }
}

impl LabelReport {
    /// The accuracy at every layer.
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
        let settings = json!({
            "labels": labels,
            "structural": self.structural.is_some(),
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
        self.terminal_text()
    }

    fn title(&self) -> String {
        self.page_title()
    }
}
