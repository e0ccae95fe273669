//! The page of a comparison.

use super::{Compared, Comparison};
use crate::Result;
use crate::explore::{self, Exploration};
use crate::page::curves;
use crate::progress::Silent;
use serde_json::json;
use stratoscope_report::{Axis, Chart, Drawing, Matrix, Report, Scale, Slice};

impl Comparison {
    /// A chart for each panel of the figure; of two sentences their words by layer, and the two
    /// beside each other in one basis.
    pub(super) fn page(&self) -> Result<Report> {
        let figure = self.curves();
        let mut report = Report::new("compare", &self.tool, &figure.title);
        report.manifest = json!({
            "model": self.model,
            "settings": self.settings,
            "omitted": self.omitted,
        });
        let panels = figure.rows.concat();
        let chart = |(place, panel): (usize, &stratoscope_plot::Panel)| {
            let mut chart = curves(&format!("compare-{place}"), panel, &figure.caption, None);
            if chart.title.is_empty() {
                chart.title.clone_from(&figure.title);
            }
            chart
        };
        report.charts = panels.iter().enumerate().map(chart).collect();
        if let Compared::Sentences(of) = &self.result {
            let grid = self.grid(of);
            let name = |word: &stratoscope_plot::GridWord| match (&word.first, &word.second) {
                (Some(a), Some(b)) if a == b => a.clone(),
                (Some(a), Some(b)) => format!("{a} → {b}"),
                (Some(a), None) => format!("− {a}"),
                (None, Some(b)) => format!("+ {b}"),
                (None, None) => String::new(),
            };
            report.charts.push(Chart {
                id: "words".to_owned(),
                title: grid.title.clone(),
                shows: grid.caption.clone(),
                drawing: Drawing::Matrix(Matrix {
                    rows: Axis::named("word", grid.words.iter().map(name).collect()),
                    columns: Axis::layers(&grid.layers),
                    value: grid.measure.clone(),
                    scale: Scale { low: 0.0, high: 100.0, signed: false },
                    slices: vec![Slice {
                        values: grid.words.iter().flat_map(|w| w.values.clone()).collect(),
                        ..Slice::default()
                    }],
                }),
                ..Chart::default()
            });
        }
        if let Some((states, artifacts)) = &self.states {
            let options = explore::Options {
                metric: self.settings.metric,
                seed: self.settings.seed,
                ..explore::Options::default()
            };
            let exploration = Exploration::of(states.clone(), &options, artifacts, &Silent)?;
            explore::beside(&mut report, &exploration)?;
        }
        Ok(report)
    }
}
