//! Tables: rows of words and numbers.

use crate::canvas::Look;
use crate::colour::{INK, RULE, SOFT};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::fonts;
use crate::input::{self, check_count};
use crate::layout::{self, Page};
use crate::style::Style;
use stratoscope_chart::{Align, Cell, Chart, Table};

const MAX_COLUMNS: usize = 12;
const MAX_GIVEN: usize = 1_000_000;
/// Of a table in groups: the rows of each.
const SHOWN_OF_GROUP: usize = 6;

pub(crate) fn draw(chart: &Chart, table: &Table, style: Style) -> Result<Figure, PlotError> {
    check_count("columns of a table", table.columns.len(), MAX_COLUMNS)?;
    check_count("rows of a table", table.rows.len(), MAX_GIVEN)?;
    let groups = groups(table);
    let several = groups.len() > 1 && groups.iter().any(|group| group.len() > 1);
    let style = style.for_columns(table.columns.len());
    let mut page = Page::new(&chart.full_title(), style);
    // Of a table in groups as many groups, evenly spaced.
    let (most_groups, most_rows) = style.either((12, 72), (8, 48));
    let shown: Vec<&[Vec<Cell>]> = match several {
        true => (input::evenly(groups.len(), most_groups).into_iter())
            .filter_map(|i| groups.get(i))
            .map(|group| &group[..group.len().min(SHOWN_OF_GROUP)])
            .collect(),
        false => vec![&table.rows[..table.rows.len().min(most_rows)]],
    };
    let rows: usize = shown.iter().map(|group| group.len()).sum();
    if rows < table.rows.len() {
        let groups = match several && shown.len() < groups.len() {
            true => format!(" from {} of {} groups, evenly spaced", shown.len(), groups.len()),
            false => String::new(),
        };
        page.note(&format!("{rows} of {} rows shown{groups}.", table.rows.len()));
    }
    let gap = style.either(10.0, 6.0);
    let widths = widths(table, &shown, gap, style);
    let edges = Edges { table, widths, gap };
    let titles: Vec<String> = table.columns.iter().map(|column| column.title.clone()).collect();
    edges.line(&mut page, &titles, true);
    let across = [(style.margin, page.y), (page.right(), page.y)];
    page.canvas.line(&across, 0.6, SOFT);
    for (index, group) in shown.iter().enumerate() {
        if index > 0 {
            let y = page.y + 1.5;
            page.canvas.line(&[(style.margin, y), (page.right(), y)], 0.4, RULE);
            page.y += 3.0;
        }
        for (row, cells) in group.iter().enumerate() {
            let mut texts: Vec<String> = cells.iter().map(written).collect();
            // The name of a group stands once.
            if let (true, Some(first)) = (several && row > 0, texts.first_mut()) {
                first.clear();
            }
            edges.line(&mut page, &texts, false);
        }
    }
    page.y += 4.0;
    let names: Vec<&str> = table.columns.iter().map(|column| column.title.as_str()).collect();
    let shows = format!("A table of {} rows: {}.", table.rows.len(), names.join(", "));
    page.finish(&chart.caption, &shows)
}

/// Neighbouring rows with the same text in the first column.
fn groups(table: &Table) -> Vec<&[Vec<Cell>]> {
    let name = |row: &Vec<Cell>| match row.first() {
        Some(Cell::Text(text)) => Some(text.clone()),
        _ => None,
    };
    table.rows.chunk_by(|a, b| name(a).is_some() && name(a) == name(b)).collect()
}

fn written(cell: &Cell) -> String {
    match cell {
        Cell::Number(value) if value.fract() == 0.0 => layout::number(*value, 0),
        Cell::Number(value) => layout::brief(*value),
        Cell::Text(text) => text.clone(),
        Cell::None => "–".to_owned(),
    }
}

/// `[columns]`: as wide as the texts are; where they do not fit, the widest are made narrower.
fn widths(table: &Table, shown: &[&[Vec<Cell>]], gap: f64, style: Style) -> Vec<f64> {
    let room = style.column - 2.0 * style.margin - gap * (table.columns.len() as f64 - 1.0);
    let mut widths: Vec<f64> =
        table.columns.iter().map(|column| fonts::width(&column.title, style.small) + 3.0).collect();
    for row in shown.iter().flat_map(|group| group.iter()) {
        for (width, cell) in widths.iter_mut().zip(row) {
            let start: String = written(cell).chars().take(400).collect();
            *width = width.max(fonts::width(&start, style.small) + 3.0);
        }
    }
    let mut limit = room;
    while limit > 1.0 && widths.iter().map(|width| width.min(limit)).sum::<f64>() > room {
        limit -= 1.0;
    }
    widths.iter().map(|width| width.min(limit)).collect()
}

/// The columns on the page.
struct Edges<'a> {
    table: &'a Table,
    widths: Vec<f64>,
    /// Between columns.
    gap: f64,
}

impl Edges<'_> {
    /// Draws one line and moves the page below it.
    fn line(&self, page: &mut Page, texts: &[String], head: bool) {
        let Style { small, margin, .. } = page.style;
        let baseline = page.y + small + 1.0;
        let mut x = margin;
        for (place, text) in texts.iter().enumerate() {
            let width = self.widths.get(place).copied().unwrap_or(0.0);
            let column = self.table.columns.get(place);
            let end = column.is_some_and(|column| column.align == Align::End);
            let ink = if head { SOFT } else { INK };
            let shown = cut(page, text, width, end);
            let (at, look) = match end {
                true => (x + width, Look::new(small, ink).end()),
                false => (x, Look::new(small, ink)),
            };
            page.canvas.text((at, baseline), &shown, look);
            x += width + self.gap;
        }
        page.y += small + 2.6;
    }
}

/// The end of a text, or its beginning, that is at most `limit` wide: whole words, where it was
/// cut.
fn cut(page: &mut Page, text: &str, limit: f64, end: bool) -> String {
    if text.is_empty() {
        return String::new();
    }
    let small = page.style.small;
    let fits = |shown: &str| fonts::width(shown, small) <= limit - 2.0;
    let spaces = text.match_indices(' ').map(|(i, _)| i);
    let shown = if fits(text) {
        Some(text.to_owned())
    } else if end {
        spaces.map(|i| format!("…{}", &text[i + 1..])).find(|shown| fits(shown))
    } else {
        spaces.rev().map(|i| format!("{}…", &text[..i])).find(|shown| fits(shown))
    };
    // A word that is too long is shortened in its middle.
    let word = if end { text.rsplit(' ').next() } else { text.split(' ').next() };
    page.label(&shown.unwrap_or_else(|| word.unwrap_or(text).to_owned()), small, limit)
}
