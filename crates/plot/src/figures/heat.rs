//! Matrices with named sides: heads by layer, tokens by step, layers of one model by another's.

use crate::canvas::Look;
use crate::colour::{self, INK, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::figures::grid::{self, Matrix};
use crate::fonts;
use crate::input::{check_count, check_len, check_value};
use crate::labels::Rect;
use crate::layout::{self, BODY, Bar, COLUMN, MARGIN, Page, SMALL};

const GAP: f64 = 18.0;
/// Longest label of a row or column.
const LABEL: f64 = 70.0;
/// The widest and the tallest cell.
const WIDEST: f64 = 34.0;
const TALLEST: f64 = 18.0;
const MOST_PANELS: usize = 64;
const MOST_SIDE: usize = 2_000;

/// Matrices side by side.
#[derive(Clone, Debug)]
pub struct Heat {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// How many panels stand beside each other, at most.
    pub across: usize,
    /// Whether all panels share the scale of their values, and one colour bar, which bears the
    /// first panel's measure.
    pub shared: bool,
    /// The matrices.
    pub panels: Vec<HeatPanel>,
}

/// One matrix.
#[derive(Clone, Debug, Default)]
pub struct HeatPanel {
    /// Above the panel; may be empty.
    pub title: String,
    /// What the values are, with their unit: named on the colour bar.
    pub measure: String,
    /// What the rows are.
    pub row_axis: String,
    /// The name of each row, from the top.
    pub rows: Vec<String>,
    /// What the columns are.
    pub column_axis: String,
    /// The name of each column.
    pub columns: Vec<String>,
    /// `[rows * columns]`, row by row; none is drawn grey.
    pub values: Vec<Option<f64>>,
    /// The ends of the scale; of the values where there is none. Ends that are as far below 0 as
    /// above it are of signed values: white at 0.
    pub range: Option<(f64, f64)>,
}

impl Heat {
    /// Draws the figure.
    ///
    /// # Errors
    /// No panels, rows or columns, or too many; lists of unequal length; a value that is not finite
    /// (named); no value at all.
    pub fn draw(&self) -> Result<Figure, PlotError> {
        check_count("panels", self.panels.len(), MOST_PANELS)?;
        self.panels.iter().try_for_each(HeatPanel::check)?;
        let mut page = Page::new(&self.title, COLUMN);
        let across = self.across.clamp(1, self.panels.len());
        let gaps = GAP * (across as f64 - 1.0);
        let width = (COLUMN - 2.0 * MARGIN - gaps) / across as f64;
        let all = self.shared.then(|| scale(&self.panels));
        for (row, panels) in self.panels.chunks(across).enumerate() {
            let top = page.y;
            let mut bottom = top;
            // Side by side, matrices begin at one height.
            let head = panels.iter().map(|p| p.head(width)).fold(0.0, f64::max);
            for (column, panel) in panels.iter().enumerate() {
                page.y = top;
                let x = MARGIN + column as f64 * (width + GAP);
                let scale = all.unwrap_or_else(|| scale(std::slice::from_ref(panel)));
                // Of one row of panels the first names what all share.
                panel.draw(&mut page, (x, width, head), scale, !self.shared);
                bottom = bottom.max(page.y);
            }
            page.y = bottom + if row * across + across < self.panels.len() { 8.0 } else { 0.0 };
        }
        if let (Some(scale), Some(first)) = (all, self.panels.first()) {
            let bar = Bar { scale, label: &first.measure, whole: false, clipped: false };
            layout::colour_bar(&mut page, MARGIN, 320.0, &bar);
        }
        let mut caption = self.caption.trim_end().to_owned();
        if self.panels.iter().any(|p| p.values.iter().any(Option::is_none)) {
            caption += " Grey: not defined.";
        }
        let measures: Vec<&str> = self.panels.iter().map(|p| p.measure.as_str()).collect();
        let shows = match self.panels.first() {
            Some(first) if self.shared => format!(
                "{} of {} by {}, {} matrices.",
                first.measure,
                first.row_axis,
                first.column_axis,
                self.panels.len()
            ),
            Some(first) => {
                format!("{} of {} by {}.", measures.join("; "), first.row_axis, first.column_axis)
            }
            None => String::new(),
        };
        page.finish(&caption, &shows)
    }
}

/// The scale of the values of some panels.
fn scale(panels: &[HeatPanel]) -> Scale {
    let range = panels.iter().find_map(|p| p.range);
    let known = panels.iter().flat_map(|p| p.values.iter().flatten().copied());
    let (low, high) = range.unwrap_or_else(|| layout::extent(known));
    if low < 0.0 && low == -high {
        Scale::Signed { limit: high }
    } else {
        Scale::Size { low, high }
    }
}

impl HeatPanel {
    fn check(&self) -> Result<(), PlotError> {
        check_count("rows of a matrix", self.rows.len(), MOST_SIDE)?;
        check_count("columns of a matrix", self.columns.len(), MOST_SIDE)?;
        let (rows, columns) = (self.rows.len(), self.columns.len());
        check_len(|| format!("values of “{}”", self.measure), self.values.len(), rows * columns)?;
        for (i, value) in self.values.iter().enumerate() {
            let what =
                || format!("{} of row {} and column {}", self.measure, i / columns, i % columns);
            if let Some(value) = *value {
                check_value(what, value)?;
            }
        }
        for end in self.range.iter().flat_map(|r| [r.0, r.1]) {
            check_value(|| format!("the scale of {}", self.measure), end)?;
        }
        Ok(())
    }

    /// Room left of the matrix.
    fn side(&self) -> f64 {
        widest(&self.rows) + 6.0 + if self.row_axis.is_empty() { 0.0 } else { BODY + 4.0 }
    }

    /// The width of a column, where the panel may be `width` wide.
    fn pitch(&self, width: f64) -> f64 {
        ((width - self.side()) / self.columns.len() as f64).min(WIDEST)
    }

    /// Whether names of columns fit as they are; else they read upward.
    fn level(&self, width: f64) -> bool {
        widest(&self.columns) <= 40.0 && self.columns.iter().all(|c| c.chars().count() <= 3)
            || widest(&self.columns) + 2.0 <= self.pitch(width)
    }

    /// Room above the matrix: the title, and names that read upward.
    fn head(&self, width: f64) -> f64 {
        let title = if self.title.is_empty() { 2.0 } else { BODY + 5.0 };
        title + if self.level(width) { 0.0 } else { widest(&self.columns) + 4.0 }
    }

    fn draw(&self, page: &mut Page, place: (f64, f64, f64), scale: Scale, bar: bool) {
        let (x, width, head) = place;
        let (rows, columns) = (self.rows.len(), self.columns.len());
        let pitch = self.pitch(width);
        let tall = pitch.clamp(7.5, TALLEST).min((560.0 / rows as f64).max(1.0));
        let left = x + self.side();
        let top = page.y + head;
        let size = (pitch * columns as f64, tall * rows as f64);
        let title = named(page, &self.title, BODY, width);
        let matrix = Matrix {
            rect: Rect::new(left, top, size.0, size.1),
            columns,
            rows,
            scale,
            title: &title,
            title_at: page.y + BODY,
        };
        let value = |row: usize, column: usize| self.values.get(row * columns + column).copied();
        matrix.draw_known(page, |row, column| value(row, column).flatten());
        self.numbers(page, &matrix, (pitch, tall));
        let names = |page: &mut Page, names: &[String]| -> Vec<String> {
            names.iter().map(|name| page.label(name, SMALL, LABEL)).collect()
        };
        let row_names = names(page, &self.rows);
        let column_names = names(page, &self.columns);
        matrix.row_labels(page, &row_names, &[], grid::label_step(tall));
        let mut below = matrix.rect.y1;
        if self.level(width) {
            let step = ((widest(&self.columns) + 3.0) / pitch).ceil().max(1.0) as usize;
            for (i, name) in column_names.iter().enumerate().step_by(step) {
                let at = (left + (i as f64 + 0.5) * pitch, below + 2.0 + SMALL);
                page.canvas.text(at, name, Look::new(SMALL, INK).middle());
            }
            below += 4.0 + SMALL;
        } else {
            matrix.column_labels(page, &column_names, &[], grid::label_step(pitch));
        }
        let middle = (left + size.0 / 2.0, top + size.1 / 2.0);
        if !self.column_axis.is_empty() {
            below += 3.0 + BODY;
            let axis = named(page, &self.column_axis, BODY, width);
            page.canvas.text((middle.0, below), &axis, Look::new(BODY, INK).middle());
        }
        if !self.row_axis.is_empty() {
            let axis = named(page, &self.row_axis, BODY, size.1.max(60.0));
            let look = Look::new(BODY, INK).middle().upward();
            page.canvas.text((x + BODY, middle.1), &axis, look);
        }
        page.y = below + 8.0;
        if bar {
            let label = named(page, &self.measure, SMALL, width);
            let bar = Bar { scale, label: &label, whole: false, clipped: false };
            layout::colour_bar(page, left, (width - self.side()).min(size.0.max(110.0)), &bar);
        }
    }

    /// The values, where they fit into their cells.
    fn numbers(&self, page: &mut Page, matrix: &Matrix, (pitch, tall): (f64, f64)) {
        let columns = self.columns.len();
        let text = |value: Option<f64>| value.map_or_else(String::new, |v| layout::number(v, 2));
        let texts: Vec<String> = self.values.iter().map(|v| text(*v)).collect();
        if widest(&texts) + 3.0 > pitch || SMALL + 2.0 > tall {
            return;
        }
        for (i, (number, value)) in texts.iter().zip(&self.values).enumerate() {
            let Some(value) = *value else { continue };
            let (row, column) = ((i / columns) as f64, (i % columns) as f64);
            let at = (
                matrix.rect.x0 + (column + 0.5) * pitch,
                matrix.rect.y0 + (row + 0.5) * tall + 0.36 * SMALL,
            );
            let ink = colour::over(matrix.scale.colour(value));
            page.canvas.text(at, number, Look::new(SMALL, ink).middle());
        }
    }
}

/// A label; nothing where there is no name.
fn named(page: &mut Page, name: &str, size: f64, limit: f64) -> String {
    if name.is_empty() { String::new() } else { page.label(name, size, limit) }
}

fn widest(names: &[String]) -> f64 {
    names.iter().map(|name| fonts::width(name, SMALL)).fold(0.0, f64::max).min(LABEL)
}
