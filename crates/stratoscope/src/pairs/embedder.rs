//! A model cut at one layer, as a file: layer, pooling and metric that suit a task, applied to new texts.

use super::{PairsError, TextPairs, Way};
use crate::analysis::TOOL;
use crate::probe::check_model;
use crate::progress::TextWarnings;
use crate::{Explorer, Result};
use ndarray::{Array1, Array2, Axis, Ix1};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use stratoscope_extractor::{ChosenWords, LongText, Origin, Text, read_tensors, write_tensors};
use stratoscope_geometry::{Metric, Reference};
use stratoscope_loader::Pooling;

/// How the vector of a text is made: the blocks up to a layer, a pooling, and what the metric does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Embedder {
    /// The program that made it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// Layer, pooling and metric.
    pub way: Way,
    /// The mean and the deviation of the texts on which it was chosen; none for the plain cosine.
    pub reference: Option<Reference>,
}

/// How long texts take with all blocks, and with those of an embedder.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Speed {
    /// The number of texts.
    pub texts: usize,
    /// The median time of all blocks.
    pub all: Duration,
    /// The median time of the blocks of the embedder.
    pub cut: Duration,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    kind: String,
    format: u32,
    tool: String,
    model: Origin,
    layer: usize,
    pooling: String,
    metric: String,
}

const KIND: &str = "embedder";
const FORMAT: u32 = 1;

/// The most texts whose time is measured.
const TIMED: usize = 256;
/// How often each time is measured.
const TIMES: usize = 5;

impl Explorer {
    /// The embedder of a layer, a pooling and a metric; the mean and the deviation of centred and
    /// standardised vectors are those of the texts of `pairs`.
    ///
    /// # Errors
    /// A text that is blank or too long; a layer that the model does not have; a forward pass that fails.
    pub fn embedder(&self, pairs: &TextPairs, way: Way, long: LongText) -> Result<Embedder> {
        let reference = match way.metric {
            Metric::Cosine | Metric::Euclidean => None,
            Metric::Centred | Metric::Standardised => {
                let texts = pairs.texts().iter().map(|text| text.as_str().into()).collect();
                let chosen = ChosenWords::whole_texts(self.model(), texts, way.pooling, long)?;
                let states = chosen.states(self.model(), &[way.layer], &mut |_| {})?;
                Some(Reference::of(states.index_axis(Axis(0), 0))?)
            }
        };
        Ok(Embedder { tool: TOOL.to_owned(), model: self.origin(), way, reference })
    }
}

impl Embedder {
    /// Writes a safetensors file: `mean` and `deviation` `[d_model]` f32, if the metric needs them, and
    /// the model, the layer, the pooling and the metric as metadata. The file is written atomically.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let metadata = Metadata {
            kind: KIND.to_owned(),
            format: FORMAT,
            tool: self.tool.clone(),
            model: self.model.clone(),
            layer: self.way.layer,
            pooling: self.way.pooling.name().to_owned(),
            metric: self.way.metric.name().to_owned(),
        };
        let f32 = |of: &Array1<f64>| of.mapv(|v| v as f32).into_dyn();
        let of = self.reference.as_ref();
        let tensors = of.map(|of| [("mean", f32(of.mean())), ("deviation", f32(of.deviation()))]);
        let views: Vec<_> =
            tensors.iter().flatten().map(|(name, values)| (*name, values.view())).collect();
        Ok(write_tensors(path, &views, &[], &serde_json::to_string(&metadata)?)?)
    }

    /// Whether a file says that it is an embedder.
    pub fn is_embedder(path: &Path) -> bool {
        let metadata = read_tensors(path).ok().map(|stored| stored.metadata);
        let metadata: Option<Value> = metadata.and_then(|text| serde_json::from_str(&text).ok());
        metadata.is_some_and(|metadata| metadata["kind"] == KIND)
    }

    /// Reads a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// A file that cannot be read or is not a saved embedder.
    pub fn load(path: &Path) -> Result<Self> {
        let wrong = |reason: String| PairsError::Saved { path: path.to_owned(), reason };
        let mut stored = read_tensors(path)?;
        let metadata: Metadata = serde_json::from_str(&stored.metadata)
            .map_err(|e| wrong(format!("it has no metadata of an embedder ({e})")))?;
        if metadata.kind != KIND || metadata.format != FORMAT {
            let (kind, format) = (metadata.kind, metadata.format);
            return Err(wrong(format!("it is {kind:?} of format {format}")).into());
        }
        let pooling = Pooling::ALL.into_iter().find(|p| p.name() == metadata.pooling);
        let metric = Metric::ALL.into_iter().find(|m| m.name() == metadata.metric);
        let (Some(pooling), Some(metric)) = (pooling, metric) else {
            let (pooling, metric) = (metadata.pooling, metadata.metric);
            return Err(
                wrong(format!("there is no pooling {pooling:?} or metric {metric:?}")).into()
            );
        };
        if metadata.layer > metadata.model.n_layers {
            return Err(wrong(format!("the model has no layer {}", metadata.layer)).into());
        }
        let mut vector = |name: &str| -> Result<Option<Array1<f64>>> {
            let Some(values) = stored.floats.remove(name) else { return Ok(None) };
            let shape = values.shape().to_vec();
            let flat = values.into_dimensionality::<Ix1>();
            Ok(Some(flat.map_err(|_| wrong(format!("{name} is {shape:?}")))?.mapv(f64::from)))
        };
        let reference = match (vector("mean")?, vector("deviation")?) {
            (Some(mean), Some(deviation)) if mean.len() == deviation.len() => {
                Some(Reference::new(mean, deviation))
            }
            (None, None) => None,
            _ => return Err(wrong("mean and deviation do not fit together".to_owned()).into()),
        };
        if reference.is_none() && matches!(metric, Metric::Centred | Metric::Standardised) {
            return Err(wrong(format!("{} needs a mean and a deviation", metric.name())).into());
        }
        let way = Way { layer: metadata.layer, pooling, metric };
        Ok(Self { tool: metadata.tool, model: metadata.model, way, reference })
    }

    /// Checks that a model is that of the embedder. `path` names the embedder in the message.
    ///
    /// # Errors
    /// [`ProbeError::OtherModel`](crate::probe::ProbeError::OtherModel).
    pub fn check_model(&self, origin: &Origin, path: &Path) -> Result<()> {
        check_model(&self.model, origin, path)
    }

    /// The vectors of texts, `[texts, d_model]`, each of length 1: their products are the similarities of
    /// the metric. Blocks after the layer do not run.
    ///
    /// # Errors
    /// A text that is blank or too long; another width of the model; a forward pass that fails.
    pub fn embed(
        &self,
        explorer: &Explorer,
        texts: Vec<Text>,
        long: LongText,
    ) -> Result<Array2<f32>> {
        let model = explorer.model();
        let chosen = ChosenWords::whole_texts(model, texts, self.way.pooling, long)?;
        TextWarnings::from(&chosen).report(explorer.progress());
        let states = chosen.states(model, &[self.way.layer], &mut |_| {})?;
        let own = states.index_axis(Axis(0), 0);
        let mut vectors = match &self.reference {
            Some(reference) => reference.prepared(own, self.way.metric)?,
            None => own.mapv(f64::from),
        };
        for mut vector in vectors.rows_mut() {
            let length = vector.dot(&vector).sqrt();
            if length > 0.0 {
                vector /= length;
            }
        }
        Ok(vectors.mapv(|v| v as f32))
    }

    /// Measures how long texts take with all blocks and with those of the embedder, in turns.
    ///
    /// # Errors
    /// The errors of [`embed`](Self::embed).
    pub fn speed(&self, explorer: &Explorer, texts: &[Text], long: LongText) -> Result<Speed> {
        let texts: Vec<Text> = texts.iter().take(TIMED).cloned().collect();
        let n = texts.len();
        let model = explorer.model();
        let chosen = ChosenWords::whole_texts(model, texts, self.way.pooling, long)?;
        let time = |layer: usize| -> Result<Duration> {
            let start = Instant::now();
            chosen.states(model, &[layer], &mut |_| {})?;
            Ok(start.elapsed())
        };
        let (mut all, mut cut) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            all.push(time(self.model.n_layers)?);
            cut.push(time(self.way.layer)?);
        }
        all.sort_unstable();
        cut.sort_unstable();
        Ok(Speed { texts: n, all: all[TIMES / 2], cut: cut[TIMES / 2] })
    }
}
