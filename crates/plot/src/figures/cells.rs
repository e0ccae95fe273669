//! What pictures of cells share: a block of cells with labels at its sides and lines between groups.

use crate::canvas::{Cells, Look};
use crate::colour::{INK, PAPER, Rgb, SOFT};
use crate::fonts;
use crate::input::Places;
use crate::labels::Rect;
use crate::layout::Page;
use crate::style::Style;
use crate::text;

/// Cells, with what surrounds them.
pub(crate) struct Block<'a> {
    pub(crate) rect: Rect,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) title: &'a str,
    /// Baseline of the title.
    pub(crate) title_at: f64,
}

impl Block<'_> {
    /// Draws the cells, `[rows, columns]`, with title and frame.
    pub(crate) fn draw(&self, page: &mut Page, colours: Vec<Rgb>) {
        let cells = Cells { columns: self.columns, rows: self.rows, colours, fine: false };
        page.canvas.picture(self.rect, cells);
        page.canvas.frame(self.rect, 0.5, SOFT);
        page.canvas.text(
            (self.rect.x0, self.title_at),
            self.title,
            Look::new(page.style.body, INK),
        );
    }

    /// The place of a cell.
    pub(crate) fn cell(&self, row: usize, column: usize) -> Rect {
        let (x0, y0) = (self.column(column as f64), self.row(row as f64));
        let (x1, y1) = (self.column(column as f64 + 1.0), self.row(row as f64 + 1.0));
        Rect { x0, y0, x1, y1 }
    }

    fn row(&self, index: f64) -> f64 {
        self.rect.y0 + self.rect.height() * index / self.rows.max(1) as f64
    }

    fn column(&self, index: f64) -> f64 {
        self.rect.x0 + self.rect.width() * index / self.columns.max(1) as f64
    }

    /// Labels left of the rows, every `step` of them.
    pub(crate) fn row_labels(&self, page: &mut Page, labels: &[String], of: &Places, step: usize) {
        for (index, label) in labels.iter().enumerate().step_by(step.max(1)) {
            let y = self.row(index as f64 + 0.5) + 0.36 * page.style.small;
            let look = Look::new(page.style.small, ink(of, index)).end();
            page.canvas.text((self.rect.x0 - 3.0, y), label, look);
        }
    }

    /// Labels above the columns, reading upward.
    pub(crate) fn upright_labels(
        &self,
        page: &mut Page,
        labels: &[String],
        of: &Places,
        step: usize,
    ) {
        for (index, label) in labels.iter().enumerate().step_by(step.max(1)) {
            let x = self.column(index as f64 + 0.5);
            let look = Look::new(page.style.small, ink(of, index));
            page.canvas.text(
                (x + 0.36 * page.style.small, self.rect.y0 - 3.0),
                label,
                look.upward(),
            );
        }
    }

    /// Labels across the columns, with the baseline at `y`.
    pub(crate) fn level_labels(
        &self,
        page: &mut Page,
        labels: &[String],
        of: &Places,
        step: usize,
        y: f64,
    ) {
        for (index, label) in labels.iter().enumerate().step_by(step.max(1)) {
            let at = (self.column(index as f64 + 0.5), y);
            page.canvas.text(at, label, Look::new(page.style.small, ink(of, index)).middle());
        }
    }

    /// White lines across where one group of rows ends.
    pub(crate) fn row_boundaries(&self, page: &mut Page, of: &Places) {
        for index in of.boundaries() {
            let y = self.row(index as f64);
            self.boundary(page, [(self.rect.x0, y), (self.rect.x1, y)]);
        }
    }

    /// White lines down where one group of columns ends.
    pub(crate) fn column_boundaries(&self, page: &mut Page, of: &Places) {
        for index in of.boundaries() {
            let x = self.column(index as f64);
            self.boundary(page, [(x, self.rect.y0), (x, self.rect.y1)]);
        }
    }

    fn boundary(&self, page: &mut Page, line: [(f64, f64); 2]) {
        // Thinner than a quarter of a cell, so that no cell is hidden.
        let wide = (0.25 * self.rect.height() / self.rows.max(1) as f64).clamp(0.3, 2.0);
        page.canvas.line(&line, wide, PAPER);
        page.canvas.line(&line, 0.4 * wide, INK);
    }
}

fn ink(of: &Places, index: usize) -> Rgb {
    of.ink(index).unwrap_or(INK)
}

/// The height of a row in which every label can be read: higher for scripts above ASCII's size.
pub(crate) fn pitch(of: &Places, style: Style) -> f64 {
    let tall = |label: &String| label.chars().any(|c| c >= '\u{590}');
    let tallest = if of.labels.iter().any(tall) { 2.0 } else { 0.3 };
    style.small + tallest
}

/// Every how many rows a label fits, where rows are `pitch` pt high.
pub(crate) fn label_step(pitch: f64, style: Style) -> usize {
    let need = 1.02 * style.small;
    if pitch >= need { 1 } else { (need / pitch).ceil() as usize }
}

/// The width of the widest label, none wider than `limit`.
pub(crate) fn widest(labels: &[String], limit: f64, style: Style) -> f64 {
    let labels = labels.iter().map(|label| text::label(label, style.small, limit).0);
    labels.map(|label| fonts::width(&label, style.small)).fold(0.0, f64::max)
}
