//! A fitted probe that can be saved, loaded, and applied to new texts.

use super::{ProbeError, Span};
use crate::progress::TextWarnings;
use crate::{Explorer, Result};
use ndarray::{Array1, Array2, ArrayD, Axis, Ix1, Ix2};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use stratoscope_extractor::{ChosenWords, LongText, Origin, Text, read_tensors, write_tensors};
use stratoscope_loader::Pooling;
use stratoscope_numerics::largest;
use stratoscope_probing::{Estimate, LinearProbe};

/// A fitted probe with all settings that are needed for new texts.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SavedProbe {
    /// The program that fitted it.
    pub tool: String,
    /// The model; the probe was fitted to its states.
    pub model: Origin,
    /// The layer to which it was fitted.
    pub layer: usize,
    /// The pooling of the vectors of several tokens.
    pub pooling: Pooling,
    /// Whether it predicts labels of places in texts; otherwise, it predicts labels of whole texts.
    pub spans: bool,
    /// The labels; the classes of the probe are indices into this list.
    pub labels: Vec<String>,
    /// The accuracy on the test texts.
    pub accuracy: Estimate,
    /// The probe.
    pub probe: LinearProbe,
}

/// Checks that a model is the one that a saved file names: config, weights and tokenizer; for a file of
/// an older version, which holds only the weights, the weights.
pub(crate) fn check_model(fitted: &Origin, given: &Origin, path: &Path) -> Result<()> {
    let same = match fitted.states.as_str() {
        "" => !given.weights.is_empty() && given.weights == fitted.weights,
        states => states == given.states,
    };
    let (fitted, given) = (fitted.model.clone(), given.model.clone());
    match same {
        true => Ok(()),
        false => Err(ProbeError::OtherModel { path: path.to_owned(), fitted, given }.into()),
    }
}

/// The prediction of a probe for a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The most probable label.
    pub label: String,
    /// Its probability.
    pub probability: f64,
    /// The probabilities of all labels, in the order of [`SavedProbe::classes`]; they sum to 1.
    pub probabilities: Vec<f64>,
}

/// The metadata of the file.
#[derive(Serialize, Deserialize)]
struct Metadata {
    format: u32,
    tool: String,
    model: Origin,
    layer: usize,
    pooling: String,
    unit: String,
    labels: Vec<String>,
    /// The classes as indices into `labels`, in the order of the columns of `weights`.
    classes: Vec<usize>,
    accuracy: Estimate,
}

const FORMAT: u32 = 2;

impl SavedProbe {
    /// The labels that the probe can predict (the labels of the training rows), in the order of
    /// [`Prediction::probabilities`].
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        self.probe.classes().iter().filter_map(|&class| self.labels.get(class)).map(String::as_str)
    }

    /// Writes the probe as safetensors: `weights` f32 `[d_model, classes]`, `intercept`
    /// `[classes]`, `mean` and `sd` `[d_model]`, where p = softmax((x − mean) / sd · weights +
    /// intercept). The metadata has the model, the layer, the pooling and the classes. The file is
    /// written atomically.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let metadata = Metadata {
            format: FORMAT,
            tool: self.tool.clone(),
            model: self.model.clone(),
            layer: self.layer,
            pooling: self.pooling.name().to_owned(),
            unit: if self.spans { "span" } else { "text" }.to_owned(),
            labels: self.labels.clone(),
            classes: self.probe.classes().to_vec(),
            accuracy: self.accuracy,
        };
        let probe = &self.probe;
        let floats = [
            ("weights", probe.weights().view().into_dyn()),
            ("intercept", probe.intercept().view().into_dyn()),
            ("mean", probe.mean().view().into_dyn()),
            ("sd", probe.sd().view().into_dyn()),
        ];
        Ok(write_tensors(path, &floats, &[], &serde_json::to_string(&metadata)?)?)
    }

    /// Reads a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// A file that cannot be read or is not a saved probe.
    pub fn load(path: &Path) -> Result<Self> {
        let wrong = |reason: String| ProbeError::Saved { path: path.to_owned(), reason };
        let mut stored = read_tensors(path).map_err(|error| match error {
            stratoscope_extractor::Error::States { reason, .. } => {
                crate::Error::from(wrong(reason))
            }
            other => other.into(),
        })?;
        let not_a_probe =
            |e: serde_json::Error| wrong(format!("it has no metadata of a probe ({e})"));
        let metadata: Value = serde_json::from_str(&stored.metadata).map_err(not_a_probe)?;
        if let Some(format) = metadata["format"].as_u64().filter(|f| *f != u64::from(FORMAT)) {
            let other = format!(
                "another version of this program wrote it (format {format}, not {FORMAT}); fit \
                 the probe again"
            );
            return Err(wrong(other).into());
        }
        let m: Metadata = serde_json::from_value(metadata).map_err(not_a_probe)?;
        let mut tensor = |name: &str| {
            stored.floats.remove(name).ok_or_else(|| wrong(format!("it has no {name}")))
        };
        let flat = |name: &str, values: ArrayD<f32>| -> Result<Array1<f32>, ProbeError> {
            let shape = values.shape().to_vec();
            values.into_dimensionality::<Ix1>().map_err(|_| wrong(format!("{name} is {shape:?}")))
        };
        let weights: Array2<f32> = tensor("weights")?
            .into_dimensionality::<Ix2>()
            .map_err(|_| wrong("weights is not [d_model, classes]".to_owned()))?;
        let intercept = flat("intercept", tensor("intercept")?)?;
        let (mean, sd) = (flat("mean", tensor("mean")?)?, flat("sd", tensor("sd")?)?);
        let Some(pooling) = Pooling::ALL.into_iter().find(|p| p.name() == m.pooling) else {
            return Err(wrong(format!("there is no pooling {:?}", m.pooling)).into());
        };
        if m.layer > m.model.n_layers || m.classes.iter().any(|&c| c >= m.labels.len()) {
            return Err(wrong("its layer or its classes do not exist".to_owned()).into());
        }
        let probe = LinearProbe::new(m.classes, weights, intercept, mean, sd)
            .map_err(|e| wrong(e.to_string()))?;
        Ok(Self {
            tool: m.tool,
            model: m.model,
            layer: m.layer,
            pooling,
            spans: m.unit == "span",
            labels: m.labels,
            accuracy: m.accuracy,
            probe,
        })
    }

    /// Checks that a model has the config, the weights and the tokenizer of the model to which the probe
    /// was fitted; for a probe of an older version, which holds only the weights, the weights. `path`
    /// names the probe in the message.
    ///
    /// # Errors
    /// [`ProbeError::OtherModel`].
    pub fn check_model(&self, origin: &Origin, path: &Path) -> Result<()> {
        check_model(&self.model, origin, path)
    }

    /// Parses a line: a text, or `text TAB START-END` for a probe of places.
    ///
    /// # Errors
    /// [`ProbeError::Span`] for a line without a place, or with a place outside the text.
    pub fn text(&self, text: Text) -> Result<Text> {
        if !self.spans {
            return Ok(text);
        }
        let place = match text.line {
            Some(line) => format!("line {line}"),
            None => format!("{:?}", text.text.chars().take(40).collect::<String>()),
        };
        let wrong = |reason: String| ProbeError::Span { place: place.clone(), reason };
        let Some((own, span)) = text.text.split_once('\t') else {
            let reason = "this probe predicts labels of places; write a text, a tab and START-END";
            return Err(wrong(reason.to_owned()).into());
        };
        let span: Span = span.parse().map_err(wrong)?;
        Ok(Text { line: text.line, ..span.of(own).map_err(wrong)? })
    }

    /// Predicts the label of every text; [`text`](Self::text) makes the texts from lines.
    ///
    /// # Errors
    /// A model with another d_model; a text that is blank or too long; a place without a token; a
    /// forward pass that fails.
    pub fn predict(
        &self,
        explorer: &Explorer,
        texts: Vec<Text>,
        long: LongText,
    ) -> Result<Vec<Prediction>> {
        let model = explorer.model();
        let places: Vec<Option<usize>> = texts.iter().map(|text| text.line).collect();
        let chosen = match self.spans {
            false => ChosenWords::whole_texts(model, texts, self.pooling, long)?,
            true => {
                let all = texts.iter().map(|text| (0..text.words.len()).collect()).collect();
                ChosenWords::words(model, texts, all, self.pooling, long)?
            }
        };
        TextWarnings::from(&chosen).report(explorer.progress());
        let has: Vec<usize> = chosen.rows().map(|(text, _)| text).collect();
        if let Some(missing) = (0..places.len()).find(|text| has.binary_search(text).is_err()) {
            let place = match places[missing] {
                Some(line) => format!("line {line}"),
                None => format!("text {}", missing + 1),
            };
            let reason = "the place has no token".to_owned();
            return Err(ProbeError::Span { place, reason }.into());
        }
        let states = chosen.states(model, &[self.layer], &mut |_| {})?;
        let all = self.probe.predict(states.index_axis(Axis(0), 0))?;
        let prediction = |row: ndarray::ArrayView1<'_, f64>| {
            let best = largest(row.iter().copied()).unwrap_or(0);
            Prediction {
                label: self.classes().nth(best).unwrap_or_default().to_owned(),
                probability: row.get(best).copied().unwrap_or_default(),
                probabilities: row.to_vec(),
            }
        };
        Ok(all.outer_iter().map(prediction).collect())
    }
}
