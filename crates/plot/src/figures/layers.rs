//! Layer against layer: one matrix of similarities, such as CKA, with its values where they fit.

use crate::canvas::Look;
use crate::colour::{self, INK, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::figures::grid::{self, Matrix};
use crate::fonts;
use crate::input::{self, check_len, check_value};
use crate::labels::Rect;
use crate::layout::{self, BODY, Bar, COLUMN, MARGIN, Page, SMALL};

/// A layer by layer matrix.
#[derive(Clone, Debug)]
pub struct LayerMatrix {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// What the values are, e.g. `debiased linear CKA`: named on the colour bar.
    pub measure: String,
    /// How many tokens or words the values are computed from: stated in the caption.
    pub n: usize,
    /// The layers; 0 is the embedding.
    pub layers: Vec<usize>,
    /// `[layers * layers]`, row by row. Debiased measures may pass 0 and 1 a little.
    pub values: Vec<f64>,
}

impl LayerMatrix {
    /// Draws the figure.
    ///
    /// # Errors
    /// No layers; a wrong length; a value that is not finite (named).
    pub fn draw(&self) -> Result<Figure, PlotError> {
        input::check_layers(self.layers.len())?;
        let n = self.layers.len();
        check_len(|| "values".to_owned(), self.values.len(), n * n)?;
        for (i, &value) in self.values.iter().enumerate() {
            let name = |i: usize| self.layers.get(i).copied().unwrap_or(i);
            check_value(
                || format!("the value of layers {} and {}", name(i / n), name(i % n)),
                value,
            )?;
        }
        let mut page = Page::new(&self.title, COLUMN);
        let left = MARGIN + 36.0;
        let most = COLUMN - MARGIN - left;
        let side = (n as f64 * 34.0).clamp(120.0, most.min(400.0));
        let found = layout::extent(self.values.iter().copied());
        let low = ((found.0 * 10.0).floor() / 10.0).min(0.9);
        let scale = Scale::Size { low, high: found.1.max(1.0) };
        let matrix = Matrix {
            rect: Rect::new(left, page.y + 2.0, side, side),
            columns: n,
            rows: n,
            scale,
            title: "",
            title_at: page.y,
        };
        let value =
            |row: usize, column: usize| self.values.get(row * n + column).copied().unwrap_or(0.0);
        matrix.draw(&mut page, value);
        self.numbers(&mut page, &matrix, value);

        let pitch = side / n as f64;
        let names: Vec<String> = self.layers.iter().map(ToString::to_string).collect();
        let rows = grid::label_step(pitch);
        let widest = names.iter().map(|name| fonts::width(name, SMALL)).fold(0.0, f64::max) + 3.0;
        let columns = (widest / pitch).ceil().max(1.0) as usize;
        matrix.row_labels(&mut page, &names, &[], rows);
        for (i, name) in names.iter().enumerate().step_by(columns) {
            let x = left + (i as f64 + 0.5) * pitch;
            let at = (x, matrix.rect.y1 + 3.0 + SMALL);
            page.canvas.text(at, name, Look::new(SMALL, INK).middle());
        }
        let middle = (left + side / 2.0, matrix.rect.y0 + side / 2.0);
        let below = matrix.rect.y1 + 24.0;
        page.canvas.text((middle.0, below), "layer (0: embedding)", Look::new(BODY, INK).middle());
        page.canvas.text(
            (MARGIN + BODY, middle.1),
            "layer",
            Look::new(BODY, INK).middle().upward(),
        );
        page.y = below + 10.0;
        let label = format!("{}, n = {}", page.label(&self.measure, SMALL, 260.0), self.n);
        let bar = Bar { scale, label: &label, whole: false, clipped: false };
        layout::colour_bar(&mut page, left, side.max(200.0), &bar);

        let caption = format!("{} n = {}.", self.caption.trim_end(), self.n);
        let shows = format!("{} between {n} layers, from n = {}.", self.measure, self.n);
        page.finish(&caption, &shows)
    }

    fn numbers(&self, page: &mut Page, matrix: &Matrix, value: impl Fn(usize, usize) -> f64) {
        let n = self.layers.len();
        let pitch = matrix.rect.width() / n as f64;
        let texts: Vec<String> = self.values.iter().map(|&v| layout::number(v, 2)).collect();
        let widest = texts.iter().map(|t| fonts::width(t, SMALL)).fold(0.0, f64::max);
        if widest + 3.0 > pitch {
            return;
        }
        for (i, number) in texts.iter().enumerate() {
            let (row, column) = (i / n, i % n);
            let at = (
                matrix.rect.x0 + (column as f64 + 0.5) * pitch,
                matrix.rect.y0 + (row as f64 + 0.5) * pitch + 0.36 * SMALL,
            );
            let ink = colour::over(matrix.scale.colour(value(row, column)));
            page.canvas.text(at, number, Look::new(SMALL, ink).middle());
        }
    }
}
