//! `probe --contrast`: the direction from one list of texts to another at every layer, how well it
//! separates texts that it was not computed from, and what adding it does to predictions.

mod charts;
mod compute;
mod data;
mod direction;
mod error;
mod report;
mod steer;
mod summary;

pub use data::{ContrastLists, Side};
pub use direction::Directions;
pub use error::ContrastError;
pub use report::{Along, Data, LayerReport, Report};
pub use steer::{Dose, Steering, TokenChange};

use crate::analysis::{Analysis, Figure, ModelRecord, Provenance};
use crate::text::written;
use crate::{Omitted, Result};
use serde_json::{Value, json};
use stratoscope_extractor::{LayerSelection, LongText};
use stratoscope_loader::Pooling;

/// The figures, by their ids; `steering` needs [`Options::steer`].
pub const FIGURES: [&str; 3] = ["contrast", "directions", "steering"];

/// The options of `probe --contrast`.
#[derive(Debug, Clone)]
pub struct Options {
    /// The layers.
    pub layers: LayerSelection,
    /// The pooling of the tokens of a text, or of the tokens of a word.
    pub pooling: Pooling,
    /// What to do with texts that have more tokens than the model can read.
    pub long: LongText,
    /// Whether the direction is added to the states of texts of the second list, to see what it does to
    /// predictions. The model needs a language-model head.
    pub steer: bool,
    /// The seed of folds, random directions and intervals.
    pub seed: u64,
    /// The approximate limit for vectors in memory, in bytes.
    pub memory: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            layers: LayerSelection::All,
            pooling: Pooling::Mean,
            long: LongText::Refuse,
            steer: false,
            seed: 0,
            memory: 4 << 30,
        }
    }
}

impl Analysis for Report {
    fn kind(&self) -> &'static str {
        "contrast"
    }

    fn provenance(&self) -> Provenance {
        let record = ModelRecord { origin: self.model.clone(), files: self.files.clone() };
        let settings = json!({
            "pooling": self.data.pooling,
            "steer": self.steering.is_some(),
            "seed": self.data.seed,
            "layers": self.layers.iter().map(|layer| layer.layer).collect::<Vec<_>>(),
        });
        let subject = self.data.names.join(" ");
        Provenance::new(vec![record], settings, json!({ "lists": self.data }), subject)
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        Ok(self.charts().into_iter().map(Figure::from).collect())
    }

    fn numbers(&self) -> Result<Value> {
        Ok(json!({
            "tool": self.tool,
            "model": self.model,
            "data": self.data,
            "layers": self.layers,
            "best_layer": self.best_layer,
            "along": self.along,
            "cosines": self.cosines,
            "steering": self.steering,
        }))
    }

    fn summary(&self) -> String {
        written(|text| summary::write(text, self))
    }

    fn omitted(&self) -> Vec<Omitted> {
        let auc = self.layers.first().and_then(|layer| layer.auc);
        Omitted::interval("AUC", "texts", auc).into_iter().collect()
    }

    fn title(&self) -> String {
        self.page_title()
    }
}
