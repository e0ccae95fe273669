//! A chart as Markdown tables, for reading: three significant digits.

use crate::axis::Axis;
use crate::chart::{Chart, Drawing};
use crate::curves::{Curves, Panel, Series};
use crate::grid::Grid;
use crate::matrix::Matrix;
use crate::number::brief;
use crate::table::{Cell, Table};

impl Chart {
    /// The chart as Markdown tables, one for each panel or matrix. Values have three significant
    /// digits; the full precision is in [`csv`](Self::csv).
    ///
    /// - curves: a row for each place, a column for each curve; intervals in brackets
    /// - matrix: its rows and columns
    /// - grid: its rows and columns; values in brackets, framed cells bold
    /// - trails and pictures: the lines of the CSV
    /// - table: its rows and columns
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        match &self.drawing {
            Drawing::Curves(of) => curves(&mut text, of),
            Drawing::Matrix(of) => matrix(&mut text, of),
            Drawing::Grid(of) => grid(&mut text, of),
            Drawing::Trails(_) | Drawing::Pictures(_) => text = csv_as_markdown(&self.csv()),
            Drawing::Table(of) => table(&mut text, of),
        }
        text
    }
}

fn curves(text: &mut String, curves: &Curves) {
    for panel in curves.panels() {
        heading(text, &[&panel.title, &panel.y]);
        if panel.is_by_share() {
            by_share(text, panel);
            continue;
        }
        let name = |series: &Series| match series.n {
            Some(n) => format!("{} (n = {n})", series.name),
            None => series.name.clone(),
        };
        let head = std::iter::once(panel.x.title.clone()).chain(panel.series.iter().map(name));
        row(text, head);
        rule(text, 1 + panel.series.len());
        for (place, label) in panel.x.labels.iter().enumerate() {
            let cells = panel.series.iter().map(|series| estimate(series, place));
            row(text, std::iter::once(label.clone()).chain(cells));
        }
    }
}

/// Curves that have places of their own.
fn by_share(text: &mut String, panel: &Panel) {
    row(text, ["curve", "layer", "depth", "value"].map(str::to_owned));
    rule(text, 4);
    for series in &panel.series {
        for (place, at) in series.at.iter().enumerate() {
            let layer = series.layers.get(place).map_or_else(String::new, usize::to_string);
            row(text, [series.name.clone(), layer, brief(*at), estimate(series, place)]);
        }
    }
}

/// A value with its interval.
fn estimate(series: &Series, place: usize) -> String {
    let value = number(series.values.get(place).copied().flatten());
    match series.intervals.get(place).copied().flatten() {
        Some([low, high]) => format!("{value} [{}, {}]", brief(low), brief(high)),
        None => value,
    }
}

fn matrix(text: &mut String, matrix: &Matrix) {
    for panel in &matrix.panels {
        let n = panel.n.map_or_else(String::new, |n| format!("n = {n}"));
        for slice in &panel.slices {
            let layer = slice.layer.map_or_else(String::new, |layer| format!("layer {layer}"));
            heading(text, &[&panel.title, &slice.name, &layer, &panel.value, &n]);
            let corner = match (panel.rows.title.as_str(), panel.columns.title.as_str()) {
                (rows, "") => rows.to_owned(),
                ("", columns) => columns.to_owned(),
                (rows, columns) => format!("{rows} / {columns}"),
            };
            let values = slice.values.chunks(panel.columns.len().max(1));
            let rows = values.map(|row| row.iter().map(|value| number(*value)).collect());
            cells(text, corner, &panel.rows, &panel.columns, rows);
        }
    }
}

fn grid(text: &mut String, grid: &Grid) {
    heading(text, &[&grid.value]);
    let rows = grid.cells.iter().map(|row| {
        let cell = |cell: &crate::GridCell| {
            let value = cell.value.map_or_else(String::new, |value| format!(" ({})", brief(value)));
            let bold = if cell.framed { "**" } else { "" };
            format!("{bold}{}{bold}{value}", escaped(&cell.text))
        };
        row.iter().map(cell).collect()
    });
    cells(text, grid.columns.title.clone(), &grid.rows, &grid.columns, rows);
}

/// A table of rows and columns with their labels; the cells are Markdown.
fn cells(
    text: &mut String,
    corner: String,
    rows: &Axis,
    columns: &Axis,
    values: impl Iterator<Item = Vec<String>>,
) {
    row(text, std::iter::once(corner).chain(columns.labels.iter().cloned()));
    rule(text, 1 + columns.len());
    for (label, values) in rows.labels.iter().zip(values) {
        let values = std::iter::once(escaped(label)).chain(values).collect::<Vec<_>>();
        text.push_str(&format!("| {} |\n", values.join(" | ")));
    }
}

fn table(text: &mut String, table: &Table) {
    row(text, table.columns.iter().map(|column| column.title.clone()));
    rule(text, table.columns.len());
    for cells in &table.rows {
        let cell = |cell: &Cell| match cell {
            Cell::Number(value) => number(Some(*value)),
            Cell::Text(text) => text.clone(),
            Cell::None => String::new(),
        };
        row(text, cells.iter().map(cell));
    }
}

/// CSV (RFC 4180, with a line of names) as a Markdown table.
pub fn csv_as_markdown(csv: &str) -> String {
    let mut text = String::new();
    let (mut fields, mut field) = (Vec::new(), String::new());
    let mut quoted = false;
    let mut is_head = true;
    let mut letters = csv.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                fields.push(std::mem::take(&mut field));
                let count = fields.len();
                row(&mut text, fields.drain(..));
                if std::mem::take(&mut is_head) {
                    rule(&mut text, count);
                }
            }
            other => field.push(other),
        }
    }
    text
}

/// Begins a table: a blank line after the table before, and its name in bold.
fn heading(text: &mut String, parts: &[&str]) {
    let known: Vec<String> =
        parts.iter().filter(|part| !part.is_empty()).map(|part| escaped(part)).collect();
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&format!("**{}**\n\n", known.join(", ")));
}

fn row(text: &mut String, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().map(|cell| escaped(&cell)).collect();
    text.push_str(&format!("| {} |\n", cells.join(" | ")));
}

fn rule(text: &mut String, columns: usize) {
    text.push_str(&format!("|{}\n", " --- |".repeat(columns)));
}

/// A text as the content of a cell: on one line, with the signs of tables and tags escaped.
fn escaped(text: &str) -> String {
    let text =
        text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "\\<").replace('*', "\\*");
    text.replace(['\n', '\r', '\t'], " ")
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| match value.fract() == 0.0 {
        true => crate::number(value, 0),
        false => brief(value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GridCell, MatrixPanel, Scale, Slice, Trails};

    #[track_caller]
    fn check(drawing: impl Into<Drawing>, expected: &str) {
        assert_eq!(Chart::new("id", "Title", drawing).markdown(), expected);
    }

    #[test]
    fn curves_have_a_column_each() {
        let both = [Some((0.5, Some([0.41, 0.6]))), None];
        let series = [
            Series::new("a|b").n(9).estimates(both),
            Series::new("majority").baseline().values([Some(0.25), Some(1.0)]),
        ];
        let panel = Panel::new("upos", Axis::layers(&[0, 3]), "accuracy", series);
        check(
            Curves::one(panel),
            "**upos, accuracy**\n\n\
             | layer | a\\|b (n = 9) | majority |\n| --- | --- | --- |\n\
             | 0 | 0.500 [0.410, 0.600] | 0.250 |\n| 3 |  | 1 |\n",
        );
        let series = Series::new("small").values([Some(-0.25), Some(0.5)]).shares(&[0, 2], 4);
        let panel = Panel::new("", Axis::share(), "cosine", [series]);
        check(
            Curves::one(panel),
            "**cosine**\n\n| curve | layer | depth | value |\n| --- | --- | --- | --- |\n\
             | small | 0 | 0 | −0.250 |\n| small | 2 | 0.500 | 0.500 |\n",
        );
    }

    #[test]
    fn matrices_and_grids_keep_their_shape() {
        let axis = || Axis::tokens(vec!["<s>".to_owned(), "b".to_owned()], Vec::new()).title("");
        let slice = |layer| Slice::new([Some(1.0), Some(0.123), None, Some(1.0)]).layer(layer);
        let panel = MatrixPanel::new(axis(), axis(), "cosine", Scale::unit());
        let table = "|  | \\<s> | b |\n| --- | --- | --- |\n| \\<s> | 1 | 0.123 |\n| b |  | 1 |\n";
        check(
            panel.title("Raw").slices([slice(0), slice(2)]),
            &format!("**Raw, layer 0, cosine**\n\n{table}\n**Raw, layer 2, cosine**\n\n{table}"),
        );
        let cell = |text: &str, framed| GridCell { framed, ..GridCell::new(text, Some(0.5)) };
        let cells = vec![vec![cell("a*", true), cell("b", false)]];
        check(
            Grid::new(
                Axis::layers(&[4]),
                axis().title("read"),
                "probability",
                Scale::unit(),
                cells,
            ),
            "**probability**\n\n| read | \\<s> | b |\n| --- | --- | --- |\n\
             | 4 | **a\\*** (0.500) | b (0.500) |\n",
        );
    }

    #[test]
    fn lines_of_csv_become_rows() {
        let points = vec![vec![Some([0.5, -1.0])]];
        let items = Axis::tokens(vec!["a \"b\", c\nd".to_owned()], Vec::new());
        check(
            Trails::new(Axis::layers(&[0]), items, points),
            "| step | item | x | y |\n| --- | --- | --- | --- |\n| 0 | a \"b\", c d | 0.5 | -1 |\n",
        );
        let rows = [vec![Cell::from(2.0), "x".into(), Cell::None]];
        check(
            Table::new(["n", "word", "share"], rows),
            "| n | word | share |\n| --- | --- | --- |\n| 2 | x |  |\n",
        );
    }
}
