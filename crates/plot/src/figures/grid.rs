//! What the heat-maps share: a matrix of cells with labels at its sides and lines between sentences.

use crate::canvas::{Cells, Look};
use crate::colour::{INK, MUTED, PAPER, RULE, SOFT, Scale};
use crate::fonts;
use crate::input::Token;
use crate::labels::Rect;
use crate::layout::{BODY, Page, SMALL};
use crate::text;

/// Cells of a heat-map, with what surrounds them.
pub(crate) struct Matrix<'a> {
    pub(crate) rect: Rect,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) scale: Scale,
    pub(crate) title: &'a str,
    /// Baseline of the title.
    pub(crate) title_at: f64,
}

impl Matrix<'_> {
    /// Draws `value(row, column)` with title and frame.
    pub(crate) fn draw(&self, page: &mut Page, value: impl Fn(usize, usize) -> f64) {
        self.draw_known(page, |row, column| Some(value(row, column)));
    }

    /// The same where some values are not known: these are grey.
    pub(crate) fn draw_known(&self, page: &mut Page, value: impl Fn(usize, usize) -> Option<f64>) {
        let colour = |value: Option<f64>| value.map_or(RULE, |v| self.scale.colour(v));
        let colours = (0..self.rows)
            .flat_map(|row| (0..self.columns).map(move |column| (row, column)))
            .map(|(row, column)| colour(value(row, column)))
            .collect();
        let cells = Cells { columns: self.columns, rows: self.rows, colours };
        page.canvas.picture(self.rect, cells);
        page.canvas.frame(self.rect, 0.5, SOFT);
        page.canvas.text((self.rect.x0, self.title_at), self.title, Look::new(BODY, INK));
    }

    fn row(&self, index: f64) -> f64 {
        self.rect.y0 + self.rect.height() * index / self.rows.max(1) as f64
    }

    fn column(&self, index: f64) -> f64 {
        self.rect.x0 + self.rect.width() * index / self.columns.max(1) as f64
    }

    /// Labels left of the rows.
    pub(crate) fn row_labels(
        &self,
        page: &mut Page,
        labels: &[String],
        tokens: &[Token],
        step: usize,
    ) {
        for (index, label) in labels.iter().enumerate().step_by(step.max(1)) {
            let y = self.row(index as f64 + 0.5) + 0.36 * SMALL;
            let look = Look::new(SMALL, ink(tokens, index)).end();
            page.canvas.text((self.rect.x0 - 3.0, y), label, look);
        }
    }

    /// Labels above the columns, reading upward.
    pub(crate) fn column_labels(
        &self,
        page: &mut Page,
        labels: &[String],
        tokens: &[Token],
        step: usize,
    ) {
        for (index, label) in labels.iter().enumerate().step_by(step.max(1)) {
            let x = self.column(index as f64 + 0.5);
            let look = Look::new(SMALL, ink(tokens, index));
            page.canvas.text((x + 0.36 * SMALL, self.rect.y0 - 3.0), label, look.upward());
        }
    }

    /// White lines where one sentence ends; `both` for columns too.
    pub(crate) fn boundaries(&self, page: &mut Page, tokens: &[Token], both: bool) {
        for (index, pair) in tokens.windows(2).enumerate() {
            if let [a, b] = pair
                && a.sentence != b.sentence
            {
                let at = index as f64 + 1.0;
                let (x, y) = (self.column(at), self.row(at));
                let across = [(self.rect.x0, y), (self.rect.x1, y)];
                let down = [(x, self.rect.y0), (x, self.rect.y1)];
                // Thinner than a quarter of a cell, so that no cell is hidden.
                let wide = (0.25 * self.rect.height() / self.rows.max(1) as f64).clamp(0.3, 2.0);
                for line in [Some(across), both.then_some(down)].into_iter().flatten() {
                    page.canvas.line(&line, wide, PAPER);
                    page.canvas.line(&line, 0.4 * wide, INK);
                }
            }
        }
    }
}

fn ink(tokens: &[Token], index: usize) -> [u8; 3] {
    if tokens.get(index).is_some_and(|t| t.special) { MUTED } else { INK }
}

/// The height of a row in which every label can be read: higher for scripts above ASCII's size.
pub(crate) fn pitch(tokens: &[Token]) -> f64 {
    let tall = |token: &Token| token.text.chars().any(|c| c >= '\u{590}');
    if tokens.iter().any(tall) { 9.0 } else { 7.3 }
}

/// Every how many rows a label fits, where rows are `pitch` pt high.
pub(crate) fn label_step(pitch: f64) -> usize {
    if pitch >= 1.02 * SMALL { 1 } else { (1.02 * SMALL / pitch).ceil() as usize }
}

/// The width of the widest label, none wider than `limit`.
pub(crate) fn widest(tokens: &[Token], limit: f64) -> f64 {
    let labels = tokens.iter().map(|token| text::label(&token.text, SMALL, limit).0);
    labels.map(|label| fonts::width(&label, SMALL)).fold(0.0, f64::max)
}
