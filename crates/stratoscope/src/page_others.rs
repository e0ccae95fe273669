//! The reports of a profile, a lens, a comparison and the measures of a corpus.

use super::charts;
use crate::figures::short_name;
use crate::{Compared, Comparison, Exploration, Geometry, Lens, Manifest, Profile, Result};
use serde_json::json;
use stratoscope_report::{
    Axis, Cell, Chart, Curves, Drawing, Grid, GridCell, Matrix, Paper, Report, Scale, Series,
    Slice, Table,
};

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

impl Comparison {
    /// The report: a chart for each panel of the figure, and of two sentences their words by layer;
    /// where they were explored together, the two beside each other.
    ///
    /// # Errors
    /// Measuring likenesses and neighbours fails: an entry that is not finite.
    pub fn report(&self, explored: Option<(&Exploration, &Manifest)>) -> Result<Report> {
        let figure = self.curves();
        let mut report = Report::new("compare", &self.tool, &figure.title);
        report.manifest = json!({
            "model": self.model,
            "settings": self.settings,
            "left_out": self.left_out,
        });
        let panels = figure.rows.concat();
        let chart = |(place, panel): (usize, &stratoscope_plot::Panel)| {
            let mut chart =
                charts::curves(&format!("compare-{place}"), panel, &figure.caption, None);
            if chart.title.is_empty() {
                chart.title.clone_from(&figure.title);
            }
            chart
        };
        report.charts = panels.iter().enumerate().map(chart).collect();
        if let Compared::Sentences(of) = &self.found {
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
        if let Some((exploration, manifest)) = explored {
            super::beside(&mut report, exploration, manifest)?;
        }
        Ok(report)
    }
}

impl Geometry {
    /// The report: a chart for each measure, the maps of CKA, and the words that move most.
    pub fn report(&self) -> Report {
        let figure = self.multiples();
        let mut report = Report::new("geometry", &self.tool, &figure.title);
        report.manifest = json!({
            "models": self.models.iter().map(|m| &m.model).collect::<Vec<_>>(),
            "input": self.input,
            "settings": self.settings,
            "left_out": self.models.iter().map(|m| &m.left_out).collect::<Vec<_>>(),
        });
        let several = figure.names.len() > 1;
        for (place, panel) in figure.panels.iter().enumerate() {
            let points = panel.curves.iter().flatten();
            let ends = points.flat_map(|point| {
                let interval = point.interval.map(|(low, high)| [low, high]);
                point.value.into_iter().chain(interval.into_iter().flatten())
            });
            let [low, high] = ends.fold([f64::MAX, f64::MIN], |[a, b], v| [a.min(v), b.max(v)]);
            // A chart a model, on one scale: layers of models of unlike depth are not the same places.
            for (model, (curve, name)) in panel.curves.iter().zip(&figure.names).enumerate() {
                let end = |pick: fn((f64, f64)) -> f64| -> Vec<Option<f64>> {
                    curve.iter().map(|point| point.interval.map(pick)).collect()
                };
                let series = Series {
                    name: name.clone(),
                    values: curve.iter().map(|point| point.value).collect(),
                    low: end(|ends| ends.0),
                    high: end(|ends| ends.1),
                    ..Series::default()
                };
                if series.values.iter().all(Option::is_none) {
                    continue;
                }
                let (id, title) = match several {
                    true => (format!("-{}", model + 1), format!("{}: {name}", panel.title)),
                    false => (String::new(), panel.title.clone()),
                };
                report.charts.push(Chart {
                    id: format!("geometry-{place}{id}"),
                    title,
                    shows: figure.caption.clone(),
                    drawing: Drawing::Curves(Curves {
                        x: Axis::layers(&(0..curve.len()).collect::<Vec<_>>()),
                        y: panel.unit.clone(),
                        range: (several && high > low).then_some([low, high]),
                        series: vec![series],
                    }),
                    ..Chart::default()
                });
            }
        }
        let maps = self.cka_maps();
        for (place, map) in maps.iter().flat_map(|maps| maps.maps.iter().enumerate()) {
            let Some(maps) = &maps else { continue };
            let axis = |side: usize| match map.names[side].as_str() {
                "layer" => Axis::layers(&map.layers[side]),
                name => {
                    let labels = map.layers[side].iter().map(usize::to_string).collect();
                    Axis::named(&format!("layer of {name}"), labels)
                }
            };
            report.charts.push(Chart {
                id: format!("cka-{place}"),
                title: format!("{}: {}", maps.title, map.title),
                shows: maps.caption.clone(),
                paper: Some(Paper::new("Kornblith et al. 2019", "10.48550/arXiv.1905.00414")),
                drawing: Drawing::Matrix(Matrix {
                    rows: axis(0),
                    columns: axis(1),
                    value: maps.measure.clone(),
                    scale: Scale { low: 0.0, high: 1.0, signed: false },
                    slices: vec![Slice { values: map.values.clone(), ..Slice::default() }],
                }),
                ..Chart::default()
            });
        }
        if let Some(moved) = self.moved_figure() {
            let rows = moved.steps.iter().flat_map(|step| {
                step.words.iter().map(|(kept, word, [before, after])| {
                    vec![
                        Cell::Text(step.title.clone()),
                        Cell::Text(word.clone()),
                        Cell::Number(*kept as f64),
                        Cell::Text(format!("{before} [{word}] {after}")),
                    ]
                })
            });
            let columns = ["step", "word", "neighbours kept", "where"];
            report.charts.push(Chart {
                id: "moved".to_owned(),
                title: moved.title.clone(),
                shows: moved.caption.clone(),
                drawing: Drawing::Table(Table {
                    columns: columns.map(str::to_owned).to_vec(),
                    rows: rows.collect(),
                }),
                ..Chart::default()
            });
        }
        report
    }
}
