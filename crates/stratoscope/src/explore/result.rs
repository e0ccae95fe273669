//! An exploration as a result that is written.

use super::{Exploration, report_of, summary};
use crate::analysis::{Analysis, Figure, ModelRecord, PAGE, Provenance};
use crate::text::written;
use crate::{FigureSelection, Omitted, Result};
use serde_json::{Value, json};
use stratoscope_extractor::{Media, states_bytes};
use stratoscope_loader::files::sha256;
use stratoscope_probing::BANK;
use stratoscope_report::Report;

/// The largest number of characters of a title.
const MAX_TITLE: usize = 90;

impl Analysis for Exploration {
    fn kind(&self) -> &'static str {
        "explore"
    }

    fn provenance(&self) -> Provenance {
        let record = ModelRecord { origin: self.states.origin.clone(), files: self.files.clone() };
        let words = self.states.texts.first().map_or("", |text| text.text.as_str());
        let mut input = json!({ "texts": self.texts() });
        if !self.states.media.is_empty() {
            let of = |media: &Media| json!({ "name": media.name, "sha256": media.sha256 });
            input["media"] = self.states.media.iter().map(of).collect();
        }
        let mut provenance = Provenance::new(vec![record], &self.options, input, words);
        provenance.settings["unit"] = json!(self.states.unit);
        provenance.settings["artifacts"] = json!({
            "baseline_sentences": self.layers.iter().find_map(|l| l.baseline).map(|b| b.n),
            "profile_bank": self.curves.as_ref().map(|c| &c.bank.summary.sha256),
            "profile_stimuli": self.crossed.as_ref().map(|c| &c.stimuli.sha256),
            "bank": self.journeys.as_ref().map(|_| sha256(BANK.as_bytes())),
        });
        provenance
    }

    /// The first text, cut if it is long.
    fn title(&self) -> String {
        let Some(first) = self.states.texts.first() else {
            return self.states.origin.model.clone();
        };
        let mut title: String = first.text.chars().take(MAX_TITLE).collect();
        if first.text.chars().nth(MAX_TITLE).is_some() {
            title.push('…');
        }
        match self.states.texts.len() {
            1 => title,
            n => format!("{title} and {} more", n - 1),
        }
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        let mut figures = Vec::new();
        figures.extend(self.curves.as_ref().map(|curves| Figure::from(curves.chart())));
        figures.extend(self.journey_chart().map(Figure::from));
        figures.extend(self.trajectory_figure());
        figures.extend(self.tsne_chart().map(Figure::from));
        match self.cells {
            Some(_) => figures.extend(self.picture_charts()?.into_iter().map(Figure::from)),
            None => figures.extend(self.similarity_chart().map(Figure::from)),
        }
        figures.extend(self.charts().iter().map(|described| described.chart.clone().into()));
        if self.options.figures.has("activations") {
            figures.push(self.activations_figure());
        }
        Ok(figures.into_iter().filter(|figure| self.options.figures.has(&figure.id)).collect())
    }

    fn selected(&self) -> FigureSelection {
        self.options.figures.clone()
    }

    fn numbers(&self) -> Result<Value> {
        Ok(serde_json::to_value(self.data()?)?)
    }

    fn summary(&self) -> String {
        written(|text| summary::write(text, self))
    }

    fn pages(&self, _: &[Figure]) -> Result<Vec<(String, Report)>> {
        Ok(vec![(PAGE.to_owned(), report_of(&[self])?)])
    }

    fn attachments(&self) -> Result<Vec<(String, Vec<u8>)>> {
        Ok(vec![("states.safetensors".to_owned(), states_bytes(&self.states)?)])
    }

    fn omitted(&self) -> Vec<Omitted> {
        self.omitted.clone()
    }
}
