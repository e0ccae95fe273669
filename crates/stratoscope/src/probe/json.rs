//! The numbers of a probe as one JSON object.

use super::report::{LabelReport, LayerReport, Report};
use crate::Result;
use serde_json::{Map, Value, json};

impl Report {
    /// All numbers as one JSON object: the data and settings, `baselines`, and `layers` with one
    /// object per layer. With one label, the scores are in the object of the layer
    /// (`layers[].accuracy`), and the baselines are in `baselines`. With several labels, each layer
    /// and `baselines` have one object per label, with the label as key; `labels` has the counts
    /// and classes of each label. The scores of the structural probe (`uuas`, `dspr`, `nspr`,
    /// `root_accuracy`) are always in the object of the layer.
    ///
    /// # Errors
    /// A number that JSON cannot represent.
    pub(super) fn all_numbers(&self) -> Result<Value> {
        let one = self.labels.len() == 1;
        let mut all = Map::new();
        all.insert("tool".into(), self.tool.clone().into());
        all.insert("model".into(), serde_json::to_value(&self.model)?);
        all.insert("data".into(), serde_json::to_value(&self.data)?);
        let mut baselines = Map::new();
        let mut labels = Map::new();
        for label in &self.labels {
            let own = object(serde_json::to_value(label.baselines)?);
            if one {
                all.insert("label".into(), label.label.clone().into());
                all.extend(about(label)?);
                baselines.extend(own);
            } else {
                labels.insert(label.label.clone(), about(label)?.into());
                baselines.insert(label.label.clone(), own.into());
            }
        }
        if self.labels.len() > 1 {
            all.insert("labels".into(), labels.into());
        }
        if let Some(structural) = &self.structural {
            baselines.insert("linear_chain".into(), serde_json::to_value(&structural.chain)?);
            let about = json!({
                "train_sentences": structural.train_sentences,
                "sample": structural.sample,
            });
            all.insert("structural".into(), about);
        }
        all.insert("baselines".into(), baselines.into());
        let layers = self.layers().into_iter().map(|layer| self.layer(layer, one));
        all.insert("layers".into(), layers.collect::<Result<Value>>()?);
        Ok(all.into())
    }

    /// The probed layers.
    pub fn layers(&self) -> Vec<usize> {
        match (self.labels.first(), &self.structural) {
            (Some(label), _) => label.layers.iter().map(|l| l.layer).collect(),
            (None, Some(structural)) => structural.layers.iter().map(|(l, _)| *l).collect(),
            (None, None) => Vec::new(),
        }
    }

    fn layer(&self, layer: usize, one: bool) -> Result<Value> {
        let mut all = Map::new();
        all.insert("layer".into(), layer.into());
        let mut labels = Map::new();
        for label in &self.labels {
            let Some(own) = label.layers.iter().find(|l| l.layer == layer) else { continue };
            let own = scores(own)?;
            match one {
                true => all.extend(own),
                false => drop(labels.insert(label.label.clone(), own.into())),
            }
        }
        if !labels.is_empty() {
            all.insert("labels".into(), labels.into());
        }
        let trees = self.structural.iter().flat_map(|s| &s.layers).find(|(l, _)| *l == layer);
        if let Some((_, trees)) = trees {
            all.extend(object(serde_json::to_value(trees)?));
        }
        Ok(all.into())
    }
}

/// The scores of one layer, without the number of the layer.
fn scores(layer: &LayerReport) -> Result<Map<String, Value>> {
    let mut own = object(serde_json::to_value(layer)?);
    own.shift_remove("layer");
    Ok(own)
}

/// The values of a label that do not belong to a layer.
fn about(label: &LabelReport) -> Result<Map<String, Value>> {
    let mut about = Map::new();
    about.insert("counts".into(), serde_json::to_value(label.counts)?);
    about.insert("classes".into(), serde_json::to_value(&label.classes)?);
    if let Some(mixes) = &label.mixes {
        about.insert("mixes".into(), serde_json::to_value(mixes)?);
    }
    if let Some(layer) = label.chosen_layer {
        about.insert("chosen_layer".into(), layer.into());
        about.insert("learning_curve".into(), serde_json::to_value(&label.learning_curve)?);
    }
    Ok(about)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
