//! Similarity: token by token matrices by layer, raw and centred, each on one scale for all layers.

use crate::canvas::Look;
use crate::colour::{INK, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::figures::grid::{self, Matrix};
use crate::input::{self, Token, check_len, check_value};
use crate::labels::Rect;
use crate::layout::{self, BODY, Bar, COLUMN, MARGIN, Page, SMALL};

const GAP: f64 = 12.0;
/// Longest label of a row or column.
const LABEL: f64 = 62.0;
/// The tallest panel.
const TALLEST: f64 = 550.0;

/// Token by token similarity at each layer: raw cosines above, centred cosines below.
#[derive(Clone, Debug)]
pub struct Similarity {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// The tokens.
    pub tokens: Vec<Token>,
    /// Layer of each matrix; 0 is the embedding.
    pub layers: Vec<usize>,
    /// `[layers][tokens * tokens]`, row by row: cosines, −1 to 1.
    pub raw: Vec<Vec<f64>>,
    /// `[layers][tokens * tokens]`, row by row: cosines after the layer's mean is subtracted.
    pub centred: Vec<Vec<f64>>,
}

impl Similarity {
    /// Draws the figure. Many tokens make larger and fewer panels; the figure says which it left out.
    ///
    /// # Errors
    /// No tokens or layers; lists of unequal length; a value that is not finite (named).
    pub fn draw(&self) -> Result<Figure, PlotError> {
        self.check()?;
        let n = self.tokens.len();
        let (columns, most) = match n {
            0..=12 => (4, 8),
            13..=30 => (3, 9),
            _ => (2, 4),
        };
        let picked = input::evenly(self.layers.len(), most);
        let columns = columns.min(picked.len());
        let side_room = grid::widest(&self.tokens, LABEL) + 6.0;
        let least =
            (COLUMN - 2.0 * MARGIN - side_room - GAP * (columns as f64 - 1.0)) / columns as f64;
        let panel =
            least.clamp(60.0, 210.0).max((grid::pitch(&self.tokens) * n as f64).min(TALLEST));
        let width = (2.0 * MARGIN + side_room + columns as f64 * (panel + GAP) - GAP).max(COLUMN);

        let mut page = Page::new(&self.title, width);
        let labels = page.labels(&self.tokens, SMALL, LABEL);
        if picked.len() < self.layers.len() {
            let (some, all) = (picked.len(), self.layers.len());
            page.note(&format!("{some} of {all} layers shown, evenly spaced."));
        }
        let step = grid::label_step(panel / n as f64);
        if step > 1 {
            page.note(&format!("One token in {step} is labelled."));
        }
        let low = layout::extent(self.raw.iter().flatten().copied()).0;
        let low = ((low * 10.0).floor() / 10.0).clamp(-1.0, 0.9);
        let raw = Scale::Size { low, high: 1.0 };
        let signed = Scale::Signed { limit: 1.0 };
        let blocks = [
            ("Raw cosine", &self.raw, raw),
            ("Centred cosine (the layer's mean vector subtracted)", &self.centred, signed),
        ];
        for (name, matrices, scale) in blocks {
            page.canvas.text((MARGIN, page.y + 9.0), name, Look::new(9.0, INK));
            page.y += 14.0;
            for row in picked.chunks(columns) {
                let top = page.y + 12.0 + side_room;
                for (column, &index) in row.iter().enumerate() {
                    let (Some(values), Some(&layer)) =
                        (matrices.get(index), self.layers.get(index))
                    else {
                        continue;
                    };
                    let x = MARGIN + side_room + column as f64 * (panel + GAP);
                    let matrix = Matrix {
                        rect: Rect::new(x, top, panel, panel),
                        columns: n,
                        rows: n,
                        scale,
                        title: &input::layer_name(layer),
                        title_at: page.y + BODY,
                    };
                    matrix.draw(&mut page, |r, c| values.get(r * n + c).copied().unwrap_or(0.0));
                    matrix.boundaries(&mut page, &self.tokens, true);
                    matrix.column_labels(&mut page, &labels, &self.tokens, step);
                    if column == 0 {
                        matrix.row_labels(&mut page, &labels, &self.tokens, step);
                    }
                }
                page.y = top + panel + 8.0;
            }
            let label = format!("{}, one scale for all layers", name.to_lowercase());
            let bar = Bar { scale, label: &label, whole: false, clipped: false };
            let bar_width = (width - 2.0 * MARGIN).min(320.0);
            layout::colour_bar(&mut page, MARGIN, bar_width, &bar);
            page.y += 8.0;
        }
        let shows = format!(
            "Cosine similarity of {n} tokens with each other at {} layers, raw and centred.",
            picked.len()
        );
        page.finish(&self.caption, &shows)
    }

    fn check(&self) -> Result<(), PlotError> {
        input::check_tokens(&self.tokens)?;
        input::check_layers(self.layers.len())?;
        let n = self.tokens.len();
        for (name, matrices) in [("raw", &self.raw), ("centred", &self.centred)] {
            check_len(|| format!("{name} matrices"), matrices.len(), self.layers.len())?;
            for (layer, values) in self.layers.iter().zip(matrices) {
                check_len(|| format!("{name} cosines of layer {layer}"), values.len(), n * n)?;
                for (i, &value) in values.iter().enumerate() {
                    let what = || {
                        format!(
                            "the {name} cosine of layer {layer}, tokens {} and {}",
                            i / n,
                            i % n
                        )
                    };
                    check_value(what, value)?;
                    // A cosine may pass 1 by rounding.
                    if value.abs() > 1.001 {
                        return Err(PlotError::OutOfRange {
                            what: what(),
                            value,
                            low: -1.0,
                            high: 1.0,
                        });
                    }
                }
            }
        }
        Ok(())
    }
}
