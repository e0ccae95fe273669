//! Words on coloured cells: what every layer would predict at every token, and how sure it is.

use crate::canvas::{Cells, Look};
use crate::colour::{self, INK, RULE, Rgb, SOFT, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::fonts;
use crate::input::{self, Places, check_count, check_value};
use crate::labels::Rect;
use crate::layout::{self, Bar, Page};
use crate::style::Style;
use crate::text;
use std::ops::Range;
use stratoscope_chart::{AxisKind, Chart, Grid, GridCell};

/// Rows beyond which only some are drawn.
const MAX_ROWS: usize = 40;
const MAX_COLUMNS: usize = 2_000;
const MAX_GIVEN: usize = 1_000;
/// The widest column.
const WIDEST: f64 = 78.0;
/// Between a cell's text and its edges, both together.
const PADDING: f64 = 4.0;
/// The height of a row.
fn pitch(style: Style) -> f64 {
    style.small + 4.0
}

/// Room for the names of the rows.
fn gutter(style: Style) -> f64 {
    style.either(48.0, 52.0)
}

/// Draws the grid, a long text in several bands. Of a text that is longer still, and of many rows,
/// it shows as many as fit and says so.
pub(crate) fn draw(chart: &Chart, grid: &Grid, style: Style) -> Result<Figure, PlotError> {
    check(grid)?;
    let n = grid.columns.len();
    let picked = input::evenly(grid.rows.len(), MAX_ROWS);
    let tall = pitch(style);
    let header = if grid.truth.is_some() { tall + 3.0 } else { 0.0 };
    let height = tall * picked.len() as f64;
    let band = header + height + tall + 11.0;
    let bands = ((style.tall / band) as usize).max(1);
    let focus = grid.focus.unwrap_or(0);
    let around = |shown: usize| {
        let first = focus.saturating_sub(shown / 2).min(n - shown);
        first..first + shown
    };
    let left = style.margin + gutter(style);
    let width = style.column - style.margin - left;
    // Columns side by side: most where their texts are short, fewest where they are long.
    let range = style.either([6, 11], [4, 6]);
    let most = across(grid, &picked, around((bands * range[1]).min(n)), width, style);
    let most = most.clamp(range[0], range[1]);
    let shown = (bands * most).min(n);
    let first = around(shown).start;
    // Bands of about one length.
    let columns = shown.div_ceil(shown.div_ceil(most));
    let pitch = (width / columns as f64).min(WIDEST);

    let mut page = Page::new(&chart.full_title(), style);
    if picked.len() < grid.rows.len() {
        let (some, all) = (picked.len(), grid.rows.len());
        page.note(&format!("{some} of {all} layers shown, evenly spaced."));
    }
    if shown < n {
        page.note(&format!("Tokens {} to {} of {n} shown.", first + 1, first + shown));
    }
    if !grid.framed.is_empty() {
        page.note(&format!("Framed: {}.", grid.framed.trim_end_matches('.')));
    }
    let places = Places::of(&grid.columns);
    let rows: Vec<usize> = match grid.rows.rises() {
        true => picked.iter().rev().copied().collect(),
        false => picked.clone(),
    };
    for from in (first..first + shown).step_by(columns) {
        let band_of = Band {
            grid,
            places: &places,
            rect: Rect::new(left, page.y + header, 0.0, height),
            pitch,
            columns: from..(from + columns).min(first + shown),
            rows: &rows,
        };
        band_of.draw(&mut page);
        page.y += band;
    }
    let scale = Scale::from(&grid.scale);
    let bar = Bar { scale, label: &grid.value, whole: false, clipped: false };
    layout::colour_bar(&mut page, left, width.min(320.0), &bar);
    let shows = format!(
        "{} at {} rows ({}) for {shown} of {n} columns ({}).",
        grid.value,
        picked.len(),
        grid.rows.title,
        grid.columns.title,
    );
    page.finish(&chart.caption, &shows)
}

/// How many columns go side by side, so that most of what is written is not shortened.
fn across(grid: &Grid, rows: &[usize], columns: Range<usize>, width: f64, style: Style) -> usize {
    let cells = rows.iter().filter_map(|&i| grid.cells.get(i)?.get(columns.clone()));
    let words = cells.flatten().map(|cell| cell.text.as_str());
    let read = grid.columns.labels.get(columns.clone()).into_iter().flatten();
    let mut widths: Vec<f64> = (words.chain(read.map(String::as_str)))
        .map(|word| fonts::width(&text::label(word, style.small, WIDEST).0, style.small))
        .collect();
    widths.sort_by(f64::total_cmp);
    let need = widths.get(widths.len() * 9 / 10).copied().unwrap_or(0.0) + PADDING;
    (width / need) as usize
}

fn check(grid: &Grid) -> Result<(), PlotError> {
    check_count("columns of a grid", grid.columns.len(), MAX_COLUMNS)?;
    check_count("rows of a grid", grid.rows.len(), MAX_GIVEN)?;
    let mut values = grid.cells.iter().flatten().filter_map(|cell| cell.value);
    values.try_for_each(|value| check_value(|| grid.value.clone(), value))
}

/// Some columns side by side, all rows above each other.
struct Band<'a> {
    grid: &'a Grid,
    places: &'a Places,
    /// The cells; how wide follows from the columns.
    rect: Rect,
    pitch: f64,
    columns: Range<usize>,
    /// From the top.
    rows: &'a [usize],
}

impl Band<'_> {
    fn draw(&self, page: &mut Page) {
        let (small, tall) = (page.style.small, pitch(page.style));
        let scale = Scale::from(&self.grid.scale);
        let colour = |cell: &GridCell| -> Rgb { cell.value.map_or(RULE, |v| scale.colour(v)) };
        let width = self.pitch * self.columns.len() as f64;
        let rect = Rect::new(self.rect.x0, self.rect.y0, width, self.rect.height());
        let rows: Vec<(usize, &[GridCell])> = (self.rows.iter())
            .filter_map(|&i| Some((i, self.grid.cells.get(i)?.get(self.columns.clone())?)))
            .collect();
        let colours: Vec<_> = rows.iter().flat_map(|(_, cells)| cells.iter()).map(colour).collect();
        let cells = Cells { columns: self.columns.len(), rows: rows.len(), colours, fine: false };
        page.canvas.picture(rect, cells);
        page.canvas.frame(rect, 0.5, SOFT);
        for (row, (index, cells)) in rows.iter().enumerate() {
            let top = rect.y0 + tall * row as f64;
            let baseline = top + tall / 2.0 + 0.36 * small;
            let name = self.row_name(page, *index);
            page.canvas.text((rect.x0 - 3.0, baseline), &name, Look::new(small, SOFT).end());
            for (column, cell) in cells.iter().enumerate() {
                let x = rect.x0 + self.pitch * column as f64;
                let ink = colour::over(colour(cell));
                let label = self.label(page, &cell.text);
                let look = Look::new(small, ink).middle();
                page.canvas.text((x + self.pitch / 2.0, baseline), &label, look);
                if cell.framed {
                    let inside = Rect::new(x + 1.0, top + 1.0, self.pitch - 2.0, tall - 2.0);
                    page.canvas.frame(inside, 0.9, ink);
                }
            }
        }
        self.names(page, rect);
    }

    fn row_name(&self, page: &mut Page, row: usize) -> String {
        let label = self.grid.rows.labels.get(row).map_or("", String::as_str);
        match (self.grid.rows.kind, label) {
            (AxisKind::Layers, "0") => "embedding".to_owned(),
            (AxisKind::Layers, _) => format!("layer {label}"),
            _ => page.label(label, page.style.small, gutter(page.style) - 4.0),
        }
    }

    /// A label that fits into a column.
    fn label(&self, page: &mut Page, content: &str) -> String {
        page.label(content, page.style.small, self.pitch - PADDING)
    }

    /// The columns' labels below the cells, what was to be predicted above them.
    fn names(&self, page: &mut Page, rect: Rect) {
        let (small, room) = (page.style.small, gutter(page.style) - 4.0);
        let (above, below) = (rect.y0 - 4.0, rect.y1 + 3.0 + small);
        let side = |page: &mut Page, name: &str, y: f64| {
            if !name.is_empty() {
                let name = page.label(name, small, room);
                page.canvas.text((rect.x0 - 3.0, y), &name, Look::new(small, INK).end());
            }
        };
        side(page, &self.grid.columns.title, below);
        if let Some(truth) = &self.grid.truth {
            side(page, &truth.name, above);
        }
        for (column, place) in self.columns.clone().enumerate() {
            let x = rect.x0 + self.pitch * (column as f64 + 0.5);
            if let Some(label) = self.places.labels.get(place) {
                let label = self.label(page, label);
                let ink = self.places.ink(place).unwrap_or(INK);
                page.canvas.text((x, below), &label, Look::new(small, ink).middle());
            }
            let truth = self.grid.truth.as_ref().and_then(|truth| truth.labels.get(place));
            if let Some(Some(label)) = truth {
                let label = self.label(page, label);
                page.canvas.text((x, above), &label, Look::new(small, INK).middle());
            }
        }
    }
}
