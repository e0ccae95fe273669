//! The reports of a profile and of a lens.

use super::charts;
use crate::figures::short_name;
use crate::{Lens, Profile};
use serde_json::json;
use stratoscope_report::{Axis, Chart, Drawing, Grid, GridCell, Paper, Report, Scale};

impl Profile {
    /// The report of one or several models: a chart for each panel of the figure of each.
    pub fn report(profiles: &[Self]) -> Report {
        let names: Vec<&str> = profiles.iter().map(|p| short_name(&p.model.model)).collect();
        let title = format!("Sense and role by depth: {}", names.join(", "));
        let tool = profiles.first().map_or("", |profile| &profile.tool);
        let mut report = Report::new("profile", tool, &title);
        let made_with = |profile: &Self| json!({ "model": profile.model, "stimuli": profile.stimuli, "seed": profile.seed });
        report.manifest = match profiles {
            [one] => made_with(one),
            several => several.iter().map(made_with).collect(),
        };
        for (index, (profile, name)) in profiles.iter().zip(names).enumerate() {
            let caption = profile.caption();
            let (of, id) = match profiles.len() {
                1 => (String::new(), "profile".to_owned()),
                _ => (format!("{name}, "), format!("profile-{}", index + 1)),
            };
            let panels = profile.panels(&of).concat();
            let chart =
                |(place, panel)| charts::curves(&format!("{id}-{place}"), panel, &caption, None);
            report.charts.extend(panels.iter().enumerate().map(chart));
        }
        report
    }
}

impl Lens {
    /// The report: the grid of predictions, with what came next in every cell, and how sure and how
    /// far from the last layer each layer is.
    pub fn report(&self) -> Report {
        let drawing = self.drawing();
        let mut report = Report::new("lens", &self.tool, &drawing.title);
        report.manifest = json!({
            "model": self.model,
            "settings": self.settings,
            "texts": [self.text],
        });
        let rows = self.layers.iter().zip(&drawing.predictions);
        let cells = rows.map(|(layer, predictions)| {
            let cells = layer.cells.iter().zip(predictions);
            let cell = |(cell, prediction): (&crate::LensCell, &stratoscope_plot::Prediction)| {
                let top = cell.top.iter().skip(1);
                let mut more: Vec<String> =
                    top.map(|t| format!("{} {:.3}", t.text, t.probability)).collect();
                more.push(format!("entropy {:.2} nats", cell.entropy_nats));
                more.push(format!("KL from the last layer {:.2} nats", cell.kl_nats));
                GridCell {
                    text: prediction.token.clone(),
                    value: Some(prediction.probability),
                    framed: prediction.correct,
                    more,
                }
            };
            cells.map(cell).collect()
        });
        let names: Vec<String> = drawing.tokens.iter().map(|t| t.text.clone()).collect();
        report.charts.push(Chart {
            id: "lens".to_owned(),
            title: drawing.title.clone(),
            shows: drawing.caption.clone(),
            paper: Some(Paper::new("Belrose et al. 2023", "10.48550/arXiv.2303.08112")),
            exploration: None,
            drawing: Drawing::Grid(Grid {
                rows: Axis::layers(&drawing.layers),
                columns: Axis::named("token", names),
                value: "probability of the first prediction".to_owned(),
                scale: Scale { low: 0.0, high: 1.0, signed: false },
                cells: cells.collect(),
            }),
        });
        report
    }
}
