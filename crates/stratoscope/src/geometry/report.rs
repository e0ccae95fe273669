//! What was measured.

use super::Options;
use super::measure::Measure;
use crate::analysis::{Analysis, Figure, ModelFile, ModelRecord, Provenance};
use crate::{Estimate, Omitted, Result};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use stratoscope_extractor::{Origin, Warning};

/// The measures of the representation space of one or several models, by layer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// What was read.
    pub input: Input,
    /// The options.
    pub options: Options,
    /// One per model, in the order given.
    pub models: Vec<ModelGeometry>,
    /// CKA between the layers of every two models, over words that all of them have.
    pub across: Vec<Across>,
}

/// What was read.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its sha256, in lower-case hexadecimal; of texts that are no file, of their JSON.
    pub sha256: String,
    /// Its texts: what the measures call sentences.
    pub texts: usize,
    /// Texts that equal an earlier one. Samples of words are drawn from the others.
    pub repeated_texts: usize,
    /// Blank lines and empty texts, which were skipped.
    pub blank_lines: usize,
}

/// The measures of one model.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ModelGeometry {
    /// The model.
    pub model: Origin,
    /// How many of what they are over.
    pub counts: Counts,
    /// By layer.
    pub layers: Vec<LayerGeometry>,
    /// CKA between its layers; none where there are too few words.
    pub cka: Option<Cka>,
    /// One entry per step from a layer to the next: the words whose neighbours changed most.
    pub neighbour_change: Vec<ChangeStep>,
    /// What is not defined, and why.
    pub omitted: Vec<Omitted>,
    /// The files that the model was read from.
    #[serde(skip)]
    pub files: Vec<ModelFile>,
    /// What was done to texts that are too long for the model.
    #[serde(skip)]
    pub warnings: Vec<Warning>,
}

/// How many of what a model's measures are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Words that have tokens: what the measures of sentences and of the spectrum are over.
    pub words: usize,
    /// Annotated words that no token stands for; they are left out.
    pub words_without_tokens: usize,
    /// Words drawn for neighbours, intrinsic dimension and CKA.
    pub sampled_words: usize,
    /// The texts that these are from.
    pub sampled_texts: usize,
    /// Words drawn for self-similarity and explainable variance.
    pub occurrences: usize,
    /// Their different forms.
    pub forms: usize,
}

/// The measures of one layer.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LayerGeometry {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// Every measure; none where it is not defined.
    #[serde(flatten)]
    pub measures: BTreeMap<Measure, Option<Estimate>>,
    /// The dimensions with the largest shares in the expected cosine, largest first.
    pub rogue_dimensions: Vec<RogueShare>,
}

/// A dimension and its share in the expected cosine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RogueShare {
    /// The dimension, from 0.
    pub dimension: usize,
    /// Its share.
    pub share: Estimate,
}

/// Layers against layers, over the same words; none where a value is not defined.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Cka {
    /// The words that it is over.
    pub words: usize,
    /// The layers that the rows of each map are.
    pub row_layers: Vec<usize>,
    /// The layers that the columns are.
    pub column_layers: Vec<usize>,
    /// Linear CKA (Kornblith et al. 2019).
    pub linear: Vec<Vec<Option<Estimate>>>,
    /// The same debiased (Murphy et al. 2024).
    pub debiased: Vec<Vec<Option<Estimate>>>,
    /// With a Gaussian kernel half as wide as the median distance.
    pub rbf: Vec<Vec<Option<Estimate>>>,
}

/// The layers of one model against those of another.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Across {
    /// The model of the rows.
    pub row_model: String,
    /// The model of the columns.
    pub column_model: String,
    /// The maps; none where the models share too few words.
    #[serde(flatten)]
    pub cka: Option<Cka>,
}

/// What changes from one layer to the next.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ChangeStep {
    /// The layer before.
    pub from: usize,
    /// The layer after.
    pub to: usize,
    /// Sampled words by how many of their nearest neighbours they kept: none, one, …, all.
    pub kept: Vec<usize>,
    /// The words that kept the fewest, of equal ones those that come first in the text.
    pub words: Vec<WordChange>,
}

/// A word and how much of its neighbourhood changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WordChange {
    /// The word.
    pub word: String,
    /// The share of its nearest neighbours that it lost, 0 to 1.
    pub change: f64,
    /// Its text, counted from 1.
    pub text: usize,
    /// The line that it stood on, or that its sentence begins with, where it comes from a file.
    pub line: Option<usize>,
    /// Where it stands in the text, in characters from 0; the end is not part of it.
    pub place: [usize; 2],
    /// What stands before it, cut to some characters.
    pub before: String,
    /// What stands after it.
    pub after: String,
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
        self.drawn()
    }

    /// Of one model `layers`, `cka` and the others are keys of the object; of several, `models` has
    /// such an object for each, and `across` has CKA between them.
    fn numbers(&self) -> Result<Value> {
        let mut all = json!({
            "tool": crate::analysis::TOOL,
            "input": self.input,
            "settings": self.options,
        });
        match &self.models[..] {
            [one] => {
                if let (Value::Object(all), Value::Object(one)) =
                    (&mut all, serde_json::to_value(one)?)
                {
                    all.extend(one);
                }
            }
            models => {
                all["models"] = serde_json::to_value(models)?;
                all["across"] = serde_json::to_value(&self.across)?;
            }
        }
        Ok(all)
    }

    fn summary(&self) -> String {
        self.terminal_text()
    }

    fn pages(&self) -> Result<Vec<(String, stratoscope_report::Report)>> {
        Ok(vec![("report.html".to_owned(), self.page())])
    }

    fn attachments(&self) -> Result<Vec<(String, Vec<u8>)>> {
        Ok(vec![("geometry.csv".to_owned(), self.csv().into_bytes())])
    }

    fn omitted(&self) -> Vec<Omitted> {
        self.models.iter().flat_map(|model| model.omitted.clone()).collect()
    }
}

impl Report {
    /// One line per number, `model,layer,measure,value,low,high,n`, with a header. Undefined
    /// numbers have no line.
    pub fn csv(&self) -> String {
        let mut text = "model,layer,measure,value,low,high,n\n".to_owned();
        let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        for model in &self.models {
            let name = quoted(&model.model.model);
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

/// A field of a CSV file: quoted where it has to be, and never a formula.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@']);
    match formula || text.contains(['"', ',', '\n', '\r']) {
        true => {
            let quote = if formula { "'" } else { "" };
            format!("\"{quote}{}\"", text.replace('"', "\"\""))
        }
        false => text.to_owned(),
    }
}
