//! Word grid: two sentences word by word, and how far apart their words are at every layer.

use crate::canvas::{Cells, Look};
use crate::colour::{self, INK, MUTED, PAPER, SOFT, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::fonts;
use crate::input::{self, check_count, check_len, check_value};
use crate::labels::Rect;
use crate::layout::{self, Bar, COLUMN, MARGIN, Page, SMALL};

/// Layers beyond which only some have a column.
const MOST_LAYERS: usize = 60;
/// Words beyond which only the first have a row.
const MOST_ROWS: usize = 150;
/// The most that can be given.
const MOST_GIVEN: usize = 100_000;
/// The height of a row.
const PITCH: f64 = 11.0;
/// The widest column.
const WIDEST: f64 = 40.0;
/// The widest label of a row, its two words together.
const LABEL: f64 = 150.0;

/// Words of two sentences, aligned, by layer, as a table of colours. Percentages, 0 to 100.
#[derive(Clone, Debug)]
pub struct WordGrid {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// What the percentages are, at the colour bar.
    pub measure: String,
    /// The rows, in the order of the sentences.
    pub words: Vec<GridWord>,
    /// Layer of each column, ascending; 0 is the embedding.
    pub layers: Vec<usize>,
}

/// One row: a word of the first sentence, of the second, or one of each.
#[derive(Clone, Debug)]
pub struct GridWord {
    /// The word of the first sentence.
    pub first: Option<String>,
    /// The word of the second; where both are the same it is written once.
    pub second: Option<String>,
    /// `[layers]`: 0 to 100; none where there is nothing to compare.
    pub values: Vec<Option<f64>>,
    /// The place in `values` that is framed.
    pub framed: Option<usize>,
}

impl WordGrid {
    /// Draws the figure, the first word on top and layer 0 at the left. Of many layers and words it
    /// shows as many as fit and says so.
    ///
    /// # Errors
    /// No words or layers; lists of unequal length; a value outside of 0 to 100 (named).
    pub fn draw(&self) -> Result<Figure, PlotError> {
        self.check()?;
        let picked = input::evenly(self.layers.len(), MOST_LAYERS);
        let words = &self.words[..self.words.len().min(MOST_ROWS)];
        let mut page = Page::new(&self.title, COLUMN);
        if picked.len() < self.layers.len() {
            let (some, all) = (picked.len(), self.layers.len());
            page.note(&format!("{some} of {all} layers shown, evenly spaced."));
        }
        if words.len() < self.words.len() {
            let (some, all) = (words.len(), self.words.len());
            page.note(&format!("The first {some} of {all} rows shown."));
        }
        let labels: Vec<String> = words.iter().map(|word| label(&mut page, word)).collect();
        let widest = labels.iter().map(|l| fonts::width(l, SMALL)).fold(30.0, f64::max);
        let left = MARGIN + widest + 5.0;
        let pitch = ((COLUMN - MARGIN - left) / picked.len() as f64).min(WIDEST);
        let top = page.y + SMALL + 5.0;
        let rect = Rect::new(left, top, pitch * picked.len() as f64, PITCH * words.len() as f64);
        let scale = Scale::Size { low: 0.0, high: 100.0 };
        let values = |word: &GridWord| -> Vec<Option<f64>> {
            picked.iter().map(|&at| word.values.get(at).copied().flatten()).collect()
        };
        let colour = |value: Option<f64>| value.map_or(PAPER, |value| scale.colour(value));
        let colours = words.iter().flat_map(values).map(colour).collect();
        page.canvas.picture(rect, Cells { columns: picked.len(), rows: words.len(), colours });
        page.canvas.frame(rect, 0.5, SOFT);
        self.layer_names(&mut page, &picked, rect, pitch);
        for (row, (word, label)) in words.iter().zip(&labels).enumerate() {
            let y = rect.y0 + PITCH * row as f64;
            let baseline = y + PITCH / 2.0 + 0.36 * SMALL;
            let both = word.first.is_some() && word.second.is_some();
            let ink = if both { INK } else { MUTED };
            page.canvas.text((rect.x0 - 4.0, baseline), label, Look::new(SMALL, ink).end());
            for (column, value) in values(word).into_iter().enumerate() {
                let Some(value) = value else { continue };
                let x = rect.x0 + pitch * column as f64;
                let ink = colour::over(scale.colour(value));
                let number = format!("{value:.0}");
                if pitch >= fonts::width("100", SMALL) + 2.0 {
                    let look = Look::new(SMALL, ink).middle();
                    page.canvas.text((x + pitch / 2.0, baseline), &number, look);
                }
                if word.framed.is_some() && word.framed == picked.get(column).copied() {
                    let inside = Rect::new(x + 0.8, y + 0.8, pitch - 1.6, PITCH - 1.6);
                    page.canvas.frame(inside, 1.0, ink);
                }
            }
        }
        page.y = rect.y1 + 10.0;
        let bar = Bar { scale, label: &self.measure, whole: false, clipped: false };
        layout::colour_bar(&mut page, left, (COLUMN - MARGIN - left).min(320.0), &bar);
        let shows =
            format!("{} rows of words by {} layers, in percent.", words.len(), picked.len());
        page.finish(&self.caption, &shows)
    }

    /// Above the columns, as many as do not touch.
    fn layer_names(&self, page: &mut Page, picked: &[usize], rect: Rect, pitch: f64) {
        let last = self.layers.last().copied().unwrap_or(0);
        let need = fonts::width(&last.to_string(), SMALL) + 4.0;
        let step = ((need / pitch).ceil() as usize).max(1);
        let y = rect.y0 - 3.0;
        page.canvas.text((rect.x0 - 4.0, y), "layer", Look::new(SMALL, SOFT).end());
        for (column, &at) in picked.iter().enumerate().step_by(step) {
            if let Some(layer) = self.layers.get(at) {
                let x = rect.x0 + pitch * (column as f64 + 0.5);
                let look = Look::new(SMALL, SOFT).middle();
                page.canvas.text((x, y), &layer.to_string(), look);
            }
        }
    }

    fn check(&self) -> Result<(), PlotError> {
        check_count("words", self.words.len(), MOST_GIVEN)?;
        input::check_layers(self.layers.len())?;
        for (row, word) in self.words.iter().enumerate() {
            let n = self.layers.len();
            check_len(|| format!("values of row {row}"), word.values.len(), n)?;
            for (value, layer) in word.values.iter().zip(&self.layers) {
                let Some(value) = *value else { continue };
                let what = || format!("the value of row {row} at layer {layer}");
                check_value(what, value)?;
                if !(0.0..=100.0).contains(&value) {
                    return Err(PlotError::OutOfRange {
                        what: what(),
                        value,
                        low: 0.0,
                        high: 100.0,
                    });
                }
            }
        }
        Ok(())
    }
}

/// `bank`, `bank → shore`, `+ shore`, `− bank`.
fn label(page: &mut Page, word: &GridWord) -> String {
    match (&word.first, &word.second) {
        (Some(first), Some(second)) if first == second => page.label(first, SMALL, LABEL),
        (Some(first), Some(second)) => {
            let half = (LABEL - fonts::width(" → ", SMALL)) / 2.0;
            let first = page.label(first, SMALL, half);
            format!("{first} → {}", page.label(second, SMALL, half))
        }
        (Some(first), None) => format!("− {}", page.label(first, SMALL, LABEL - 12.0)),
        (None, Some(second)) => format!("+ {}", page.label(second, SMALL, LABEL - 12.0)),
        (None, None) => String::new(),
    }
}
