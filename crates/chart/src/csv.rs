//! A chart as long-form CSV: one line for each value.

use crate::axis::{Axis, AxisKind};
use crate::chart::{Chart, Drawing};
use crate::curves::Curves;
use crate::grid::Grid;
use crate::matrix::Matrix;
use crate::pictures::Pictures;
use crate::table::{Cell, Table};
use crate::trails::Trails;
use std::borrow::Cow;

impl Chart {
    /// The chart as CSV (RFC 4180), one line for each value that is defined, in full precision.
    ///
    /// - curves: `panel, series, layer, x, value, low, high, n`
    /// - matrix: `panel, slice, layer, row, column, value, n`
    /// - grid: `row, column, text, value, framed`
    /// - trails: `step, item, x, y`
    /// - table: its own columns
    /// - pictures: `picture, layer, row, column`, and each channel
    pub fn csv(&self) -> String {
        let mut lines = Lines::default();
        match &self.drawing {
            Drawing::Curves(of) => curves(&mut lines, of),
            Drawing::Matrix(of) => matrix(&mut lines, of),
            Drawing::Grid(of) => grid(&mut lines, of),
            Drawing::Trails(of) => trails(&mut lines, of),
            Drawing::Table(of) => table(&mut lines, of),
            Drawing::Pictures(of) => pictures(&mut lines, of),
        }
        lines.text
    }
}

fn curves(lines: &mut Lines, curves: &Curves) {
    lines.head(&["panel", "series", "layer", "x", "value", "low", "high", "n"]);
    for panel in curves.panels() {
        for series in &panel.series {
            for (place, value) in series.values.iter().enumerate() {
                let Some(value) = value else { continue };
                let layer = match panel.x.kind {
                    AxisKind::Layers => panel.x.labels.get(place).cloned(),
                    _ => series.layers.get(place).map(usize::to_string),
                };
                let x = match series.at.get(place) {
                    Some(at) => at.to_string(),
                    None => label(&panel.x, place),
                };
                let interval = series.intervals.get(place).copied().flatten();
                let [low, high] = [0, 1].map(|end| number(interval.map(|ends| ends[end])));
                let n = series.n.map_or_else(String::new, |n| n.to_string());
                let (panel, series) = (&panel.title, &series.name);
                let layer = layer.unwrap_or_default();
                lines.add([panel, series, &layer, &x, &value.to_string(), &low, &high, &n]);
            }
        }
    }
}

fn matrix(lines: &mut Lines, matrix: &Matrix) {
    lines.head(&["panel", "slice", "layer", "row", "column", "value", "n"]);
    for panel in &matrix.panels {
        let n = panel.n.map_or_else(String::new, |n| n.to_string());
        for slice in &panel.slices {
            let layer = slice.layer.map_or_else(String::new, |layer| layer.to_string());
            for (i, value) in slice.values.iter().enumerate() {
                let Some(value) = value else { continue };
                let row = label(&panel.rows, i / panel.columns.len());
                let column = label(&panel.columns, i % panel.columns.len());
                let (panel, value) = (&panel.title, value.to_string());
                lines.add([panel, &slice.name, &layer, &row, &column, &value, &n]);
            }
        }
    }
}

fn grid(lines: &mut Lines, grid: &Grid) {
    lines.head(&["row", "column", "text", "value", "framed"]);
    for (row, cells) in grid.cells.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            let (row, column) = (label(&grid.rows, row), label(&grid.columns, column));
            let (value, framed) = (number(cell.value), cell.framed.to_string());
            lines.add([&row, &column, &cell.text, &value, &framed]);
        }
    }
}

fn trails(lines: &mut Lines, trails: &Trails) {
    lines.head(&["step", "item", "x", "y"]);
    for (step, points) in trails.points.iter().enumerate() {
        for (item, point) in points.iter().enumerate() {
            let Some([x, y]) = point else { continue };
            let (step, item) = (label(&trails.steps, step), label(&trails.items, item));
            lines.add([&step, &item, &x.to_string(), &y.to_string()]);
        }
    }
}

fn table(lines: &mut Lines, table: &Table) {
    lines.add(table.columns.iter().map(|column| &column.title));
    for row in &table.rows {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| match cell {
                Cell::Number(value) => value.to_string(),
                Cell::Text(text) => text.clone(),
                Cell::None => String::new(),
            })
            .collect();
        lines.add(&cells);
    }
}

fn pictures(lines: &mut Lines, pictures: &Pictures) {
    let names = ["picture", "layer", "row", "column"].map(str::to_owned);
    lines.add(names.iter().chain(pictures.channels.iter().map(|channel| &channel.value)));
    for panel in &pictures.panels {
        for slice in &panel.slices {
            let cells = slice.values.chunks(pictures.channels.len().max(1));
            for (cell, values) in cells.enumerate().filter(|(_, v)| v.iter().any(Option::is_some)) {
                let columns = panel.grid[1].max(1);
                let place = [slice.layer, cell / columns, cell % columns].map(|n| n.to_string());
                let values: Vec<String> = values.iter().map(|value| number(*value)).collect();
                lines.add(std::iter::once(&panel.title).chain(&place).chain(&values));
            }
        }
    }
}

fn label(axis: &Axis, place: usize) -> String {
    axis.labels.get(place).cloned().unwrap_or_default()
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// A text as a field of CSV (RFC 4180): in quotes if this is necessary.
pub fn csv_field(text: &str) -> Cow<'_, str> {
    match text.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")).into(),
        false => text.into(),
    }
}

/// Lines of CSV.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn head(&mut self, names: &[&str]) {
        self.add(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().iter());
    }

    fn add<'a>(&mut self, cells: impl IntoIterator<Item = &'a String>) {
        for (place, cell) in cells.into_iter().enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            self.text.push_str(&csv_field(cell));
        }
        self.text.push_str("\r\n");
    }
}
