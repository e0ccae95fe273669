//! The result of `geometry` as data and CSV.

use super::Options;
use super::measure::Measure;
use crate::analysis::ModelFile;
use crate::{Estimate, Omitted};
use serde::Serialize;
use std::collections::BTreeMap;
use stratoscope_chart::csv_field;
use stratoscope_extractor::{Origin, Warning};

/// The measures of the representation spaces of one or several models, by layer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The corpus.
    pub input: Input,
    /// The options.
    pub options: Options,
    /// One per model, in the order given.
    pub models: Vec<ModelGeometry>,
    /// CKA between the layers of every pair of models, over words that all models have.
    pub across: Vec<Across>,
}

/// The corpus.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Input {
    /// The name of the corpus.
    pub name: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The sha256 in lower-case hexadecimal. For texts that are not in a file, it is the sha256 of
    /// their JSON.
    pub sha256: String,
    /// The number of texts. Each text counts as a sentence.
    pub texts: usize,
    /// The number of texts that are equal to an earlier text. Words are sampled from the other
    /// texts.
    pub repeated_texts: usize,
    /// The number of blank lines and empty texts. They are skipped.
    pub blank_lines: usize,
}

/// The measures of one model.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ModelGeometry {
    /// The model.
    pub model: Origin,
    /// The sizes of the samples.
    pub counts: Counts,
    /// `[n_layers + 1]`: the measures of each layer.
    pub layers: Vec<LayerGeometry>,
    /// The measures of pairs of layers; `None` if a measure is not defined.
    #[serde(flatten)]
    pub layer_pairs: BTreeMap<PairMeasure, Option<LayerPairs>>,
    /// One entry for each step from a layer to the next: the change of nearest neighbours.
    pub neighbour_change: Vec<ChangeStep>,
    /// The measures that are not defined, with the reasons.
    pub omitted: Vec<Omitted>,
    /// The files from which the model was loaded.
    #[serde(skip)]
    pub files: Vec<ModelFile>,
    /// Warnings about texts that were too long for the model.
    #[serde(skip)]
    pub warnings: Vec<Warning>,
}

/// A measure of pairs of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PairMeasure {
    /// Centred kernel alignment.
    Cka,
    /// Representational similarity analysis; only within each model.
    Rsa,
}

/// A kind of a [`PairMeasure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PairKind {
    /// Linear CKA (Kornblith et al. 2019).
    Linear,
    /// Debiased linear CKA (Murphy et al. 2024).
    Debiased,
    /// CKA with a Gaussian kernel whose width is half the median distance.
    Rbf,
    /// RSA of the dissimilarities 1 − cosine (Kriegeskorte et al. 2008).
    Cosine,
}

/// The values of a measure of pairs of layers over the same words.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LayerPairs {
    /// The number of words.
    pub words: usize,
    /// The layers of the rows.
    pub row_layers: Vec<usize>,
    /// The layers of the columns.
    pub column_layers: Vec<usize>,
    /// `[row_layers][column_layers]` for each kind; `None` if a value is not defined.
    #[serde(flatten)]
    pub kinds: BTreeMap<PairKind, Vec<Vec<Option<Estimate>>>>,
}

/// The sizes of the samples of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// The number of words with tokens. Measures of sentences and spectra use all of them.
    pub words: usize,
    /// The number of annotated words without a token. They are omitted.
    pub words_without_tokens: usize,
    /// The number of words sampled for neighbours, intrinsic dimension and CKA.
    pub sampled_words: usize,
    /// The number of texts with these words.
    pub sampled_texts: usize,
    /// The number of words sampled for self-similarity and explainable variance.
    pub occurrences: usize,
    /// The number of word forms among these words.
    pub forms: usize,
}

/// The measures of one layer.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LayerGeometry {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// All measures; `None` if a measure is not defined.
    #[serde(flatten)]
    pub measures: BTreeMap<Measure, Option<Estimate>>,
    /// The dimensions with the largest shares of the expected cosine, largest first.
    pub rogue_dimensions: Vec<RogueShare>,
}

/// A dimension and its share of the expected cosine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RogueShare {
    /// The dimension, from 0.
    pub dimension: usize,
    /// The share, 0 to 1.
    pub share: Estimate,
}

/// CKA between the layers of two models.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Across {
    /// The model of the rows.
    pub row_model: String,
    /// The model of the columns.
    pub column_model: String,
    /// CKA; `None` if the models share too few words.
    #[serde(flatten)]
    pub cka: Option<LayerPairs>,
}

/// The change of nearest neighbours from one layer to the next.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ChangeStep {
    /// The layer before.
    pub from: usize,
    /// The layer after.
    pub to: usize,
    /// `[neighbours + 1]`: the number of sampled words that kept 0, 1, …, all of their nearest
    /// neighbours.
    pub kept: Vec<usize>,
    /// The words that kept the fewest neighbours; of words with the same number, the first in the
    /// text come first.
    pub words: Vec<WordChange>,
}

/// A word, and the change of its neighbours.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WordChange {
    /// The word.
    pub word: String,
    /// The share of nearest neighbours that the word lost, 0 to 1.
    pub change: f64,
    /// The number of the text, from 1.
    pub text: usize,
    /// The line of the text, or the first line of the sentence; `None` if there is no file.
    pub line: Option<usize>,
    /// The place in the text: the first character, from 0, and the character after the last.
    pub place: [usize; 2],
    /// The text before the word, cut to 60 characters.
    pub before: String,
    /// The text after the word, cut to 60 characters.
    pub after: String,
}

impl ModelGeometry {
    /// Gives the layers their numbers, which were counted from 0.
    pub(super) fn number_layers(&mut self, numbers: &[usize]) {
        let of = |layer: &mut usize| *layer = numbers.get(*layer).copied().unwrap_or(*layer);
        self.layers.iter_mut().for_each(|layer| of(&mut layer.layer));
        self.omitted.iter_mut().filter_map(|omitted| omitted.layer.as_mut()).for_each(of);
        for step in &mut self.neighbour_change {
            of(&mut step.from);
            of(&mut step.to);
        }
        for pairs in self.layer_pairs.values_mut().flatten() {
            pairs.row_layers.iter_mut().chain(&mut pairs.column_layers).for_each(of);
        }
    }
}

impl Report {
    /// The measures of layers as CSV: the header `model,layer,measure,value,low,high,n`, and one
    /// line for each number that is defined.
    pub fn csv(&self) -> String {
        let mut text = "model,layer,measure,value,low,high,n\n".to_owned();
        let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        for model in &self.models {
            let name = csv_field(&model.model.model);
            for layer in &model.layers {
                for measure in Measure::ALL {
                    let Some(Some(found)) = layer.measures.get(&measure) else { continue };
                    let (value, low, high) =
                        (number(Some(found.value)), number(found.low()), number(found.high()));
                    let (layer, measure, n) = (layer.layer, measure.name(), found.n);
                    text += &format!("{name},{layer},{measure},{value},{low},{high},{n}\n");
                }
            }
        }
        text
    }
}
