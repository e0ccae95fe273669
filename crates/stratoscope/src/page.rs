//! Panels and matrices of figures as charts of the page.

use stratoscope_plot::{LayerMatrix, Panel, SeriesKind, XAxis};
use stratoscope_report as schema;
use stratoscope_report::{Axis, Chart, Curves, Drawing, Matrix, Paper, Scale, Slice};

/// A panel of curves as a chart.
pub(crate) fn curves(id: &str, panel: &Panel, shows: &str, paper: Option<Paper>) -> Chart {
    let series = panel.series.iter().map(|s| {
        let ends = |pick: fn((f64, f64)) -> f64| -> Vec<Option<f64>> {
            match s.interval.iter().any(Option::is_some) {
                true => s.interval.iter().map(|i| i.map(pick)).collect(),
                false => Vec::new(),
            }
        };
        schema::Series {
            name: s.name.clone(),
            values: s.values.clone(),
            low: ends(|i| i.0),
            high: ends(|i| i.1),
            n: s.n,
            kind: match s.kind {
                SeriesKind::Measure => schema::SeriesKind::Measure,
                SeriesKind::Baseline => schema::SeriesKind::Baseline,
            },
        }
    });
    Chart {
        id: id.to_owned(),
        title: panel.title.clone(),
        shows: shows.to_owned(),
        paper,
        exploration: None,
        drawing: Drawing::Curves(Curves {
            x: match &panel.x {
                XAxis::Layers => Axis::layers(&panel.layers),
                XAxis::Counts(what) => {
                    Axis::named(what, panel.layers.iter().map(usize::to_string).collect())
                }
            },
            y: panel.y_label.clone(),
            range: panel.range.map(|(low, high)| [low, high]),
            series: series.collect(),
        }),
    }
}

/// A layer × layer matrix as a chart.
pub(crate) fn layer_matrix(id: &str, matrix: &LayerMatrix, paper: Option<Paper>) -> Chart {
    Chart {
        id: id.to_owned(),
        title: format!("{} (n = {})", matrix.title, matrix.n),
        shows: matrix.caption.clone(),
        paper,
        exploration: None,
        drawing: Drawing::Matrix(Matrix {
            rows: Axis::layers(&matrix.layers),
            columns: Axis::layers(&matrix.layers),
            value: matrix.measure.clone(),
            scale: Scale::of(matrix.values.iter().copied()),
            slices: vec![Slice {
                values: matrix.values.iter().copied().map(Some).collect(),
                ..Slice::default()
            }],
        }),
    }
}
