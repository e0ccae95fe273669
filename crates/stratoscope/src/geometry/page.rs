//! The page of the measures.

use super::report::Report;
use serde_json::json;
use stratoscope_report::{
    Axis, Cell, Chart, Curves, Drawing, Matrix, Paper, Report as Page, Scale, Series, Slice, Table,
};

impl Report {
    /// A chart for each measure, the maps of CKA, and the words whose neighbours change most.
    pub(super) fn page(&self) -> Page {
        let figure = self.multiples();
        let mut report = Page::new("geometry", crate::analysis::TOOL, &figure.title);
        report.manifest = json!({
            "models": self.models.iter().map(|m| &m.model).collect::<Vec<_>>(),
            "input": self.input,
            "settings": self.options,
            "omitted": self.models.iter().map(|m| &m.omitted).collect::<Vec<_>>(),
        });
        let several = figure.names.len() > 1;
        for (place, panel) in figure.panels.iter().enumerate() {
            let points = panel.curves.iter().flatten();
            let ends = points.flat_map(|point| {
                let interval = point.interval.map(|(low, high)| [low, high]);
                point.value.into_iter().chain(interval.into_iter().flatten())
            });
            let [low, high] = ends.fold([f64::MAX, f64::MIN], |[a, b], v| [a.min(v), b.max(v)]);
            // One chart per model, on one scale: layers of models of different depth do not correspond.
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
        if let Some(change) = self.change_figure() {
            let rows = change.steps.iter().flat_map(|step| {
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
                id: "neighbour_change".to_owned(),
                title: change.title.clone(),
                shows: change.caption.clone(),
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
