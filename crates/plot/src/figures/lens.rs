//! Lens: what every layer would predict at every token, and how sure it is.

use crate::canvas::{Cells, Look};
use crate::colour::{self, INK, MUTED, SOFT, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::fonts;
use crate::input::{self, Token, check_len, check_value};
use crate::labels::Rect;
use crate::layout::{self, Bar, COLUMN, MARGIN, Page, SMALL};
use crate::text;
use std::ops::Range;

/// Layers beyond which only some have a row.
const MOST_LAYERS: usize = 40;
/// Tokens side by side: most where they are short, least where they are long.
const MOST_COLUMNS: usize = 11;
const LEAST_COLUMNS: usize = 6;
/// The widest column.
const WIDEST: f64 = 78.0;
/// Between a cell's text and its edges, both together.
const PADDING: f64 = 4.0;
/// The height of a row.
const PITCH: f64 = 11.0;
/// Room for the layers' names.
const GUTTER: f64 = 48.0;
/// The height that the rows of tokens share.
const TALL: f64 = 1_500.0;

/// The most probable token at every layer and position, as a table of words on colours.
#[derive(Clone, Debug)]
pub struct Lens {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// The tokens that the model read, of one text.
    pub tokens: Vec<Token>,
    /// Layer of each entry of `predictions`, ascending; 0 is the embedding.
    pub layers: Vec<usize>,
    /// `[layers][tokens]`.
    pub predictions: Vec<Vec<Prediction>>,
    /// What was to be predicted, where that is known.
    pub truth: Option<LensTruth>,
    /// The position that is shown in any case, where not all fit.
    pub focus: usize,
}

/// What one layer would predict at one token.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Its most probable token.
    pub token: String,
    /// How probable it is, 0 to 1.
    pub probability: f64,
    /// Whether it is what was to be predicted: such cells are framed.
    pub correct: bool,
}

/// What was to be predicted.
#[derive(Clone, Debug)]
pub struct LensTruth {
    /// What it is called, e.g. `next token`.
    pub name: String,
    /// `[tokens]`; none where nothing was. Empty where it is the token itself.
    pub tokens: Vec<Option<String>>,
}

impl Lens {
    /// Draws the figure: layer 0 at the bottom, a long text as several rows of tokens. Of a text
    /// that is longer still, and of many layers, it shows as many as fit and says so.
    ///
    /// # Errors
    /// No tokens or layers; lists of unequal length; a probability outside of 0 to 1 (named).
    pub fn draw(&self) -> Result<Figure, PlotError> {
        self.check()?;
        let n = self.tokens.len();
        let picked = input::evenly(self.layers.len(), MOST_LAYERS);
        let named = self.truth.as_ref().is_some_and(|truth| !truth.tokens.is_empty());
        let header = if named { PITCH + 3.0 } else { 0.0 };
        let height = PITCH * picked.len() as f64;
        let band = header + height + PITCH + 11.0;
        let bands = ((TALL / band) as usize).max(1);
        let around = |shown: usize| {
            let first = self.focus.saturating_sub(shown / 2).min(n - shown);
            first..first + shown
        };
        let left = MARGIN + GUTTER;
        let width = COLUMN - MARGIN - left;
        let most = self.columns(&picked, around((bands * MOST_COLUMNS).min(n)), width);
        let shown = (bands * most).min(n);
        let first = around(shown).start;
        // Rows of tokens of about one length.
        let columns = shown.div_ceil(shown.div_ceil(most));
        let pitch = (width / columns as f64).min(WIDEST);

        let mut page = Page::new(&self.title, COLUMN);
        if picked.len() < self.layers.len() {
            let (some, all) = (picked.len(), self.layers.len());
            page.note(&format!("{some} of {all} layers shown, evenly spaced."));
        }
        if shown < n {
            page.note(&format!("Tokens {} to {} of {n} shown.", first + 1, first + shown));
        }
        if let Some(truth) = &self.truth {
            let name = page.label(&truth.name, SMALL, 200.0);
            page.note(&format!("Framed: the most probable token is the {name}."));
        }
        for from in (first..first + shown).step_by(columns) {
            let grid = Grid {
                of: self,
                rect: Rect::new(left, page.y + header, 0.0, height),
                pitch,
                positions: from..(from + columns).min(first + shown),
                layers: &picked,
            };
            grid.draw(&mut page);
            page.y += band;
        }
        let scale = Scale::Size { low: 0.0, high: 1.0 };
        let label = "probability of the most probable token, by layer";
        let bar = Bar { scale, label, whole: false, clipped: false };
        layout::colour_bar(&mut page, left, width.min(320.0), &bar);
        let shows = format!(
            "The most probable token at {} layers for {shown} of {n} tokens, with its probability.",
            picked.len()
        );
        page.finish(&self.caption, &shows)
    }

    /// How many tokens go side by side, so that most of what is written is not shortened.
    fn columns(&self, layers: &[usize], positions: Range<usize>, width: f64) -> usize {
        let cells = layers.iter().filter_map(|&i| self.predictions.get(i)?.get(positions.clone()));
        let words = cells.flatten().map(|cell| cell.token.as_str());
        let read = self.tokens.get(positions.clone()).into_iter().flatten();
        let mut widths: Vec<f64> = (words.chain(read.map(|token| token.text.as_str())))
            .map(|word| fonts::width(&text::label(word, SMALL, WIDEST).0, SMALL))
            .collect();
        widths.sort_by(f64::total_cmp);
        let need = widths.get(widths.len() * 9 / 10).copied().unwrap_or(0.0) + PADDING;
        ((width / need) as usize).clamp(LEAST_COLUMNS, MOST_COLUMNS)
    }

    fn check(&self) -> Result<(), PlotError> {
        input::check_tokens(&self.tokens)?;
        input::check_layers(self.layers.len())?;
        let n = self.tokens.len();
        check_len(
            || "layers of predictions".to_owned(),
            self.predictions.len(),
            self.layers.len(),
        )?;
        for (layer, predictions) in self.layers.iter().zip(&self.predictions) {
            check_len(|| format!("predictions of layer {layer}"), predictions.len(), n)?;
            for (position, prediction) in predictions.iter().enumerate() {
                let what = || format!("the probability at layer {layer}, token {position}");
                let value = prediction.probability;
                check_value(what, value)?;
                // A sum may pass 1 by rounding.
                if !(0.0..=1.001).contains(&value) {
                    return Err(PlotError::OutOfRange { what: what(), value, low: 0.0, high: 1.0 });
                }
            }
        }
        match &self.truth {
            Some(LensTruth { tokens, .. }) if !tokens.is_empty() => {
                check_len(|| "tokens to be predicted".to_owned(), tokens.len(), n)
            }
            _ => Ok(()),
        }
    }
}

/// Some positions side by side, all layers above each other.
struct Grid<'a> {
    of: &'a Lens,
    /// The cells; how wide follows from the positions.
    rect: Rect,
    pitch: f64,
    positions: Range<usize>,
    layers: &'a [usize],
}

impl Grid<'_> {
    fn draw(&self, page: &mut Page) {
        let scale = Scale::Size { low: 0.0, high: 1.0 };
        let width = self.pitch * self.positions.len() as f64;
        let rect = Rect::new(self.rect.x0, self.rect.y0, width, self.rect.height());
        // The last layer on top.
        let rows: Vec<(usize, &[Prediction])> = (self.layers.iter().rev())
            .filter_map(|&i| {
                let cells = self.of.predictions.get(i)?.get(self.positions.clone())?;
                Some((*self.of.layers.get(i)?, cells))
            })
            .collect();
        let all = || rows.iter().flat_map(|(_, cells)| cells.iter());
        let colours: Vec<_> = all().map(|cell| scale.colour(cell.probability)).collect();
        let cells = Cells { columns: self.positions.len(), rows: rows.len(), colours };
        page.canvas.picture(rect, cells);
        page.canvas.frame(rect, 0.5, SOFT);
        for (row, (layer, cells)) in rows.iter().enumerate() {
            let top = rect.y0 + PITCH * row as f64;
            let baseline = top + PITCH / 2.0 + 0.36 * SMALL;
            let name = if *layer == 0 { "embedding".to_owned() } else { format!("layer {layer}") };
            page.canvas.text((rect.x0 - 3.0, baseline), &name, Look::new(SMALL, SOFT).end());
            for (column, cell) in cells.iter().enumerate() {
                let x = rect.x0 + self.pitch * column as f64;
                let ink = colour::over(scale.colour(cell.probability));
                let label = self.label(page, &cell.token);
                let look = Look::new(SMALL, ink).middle();
                page.canvas.text((x + self.pitch / 2.0, baseline), &label, look);
                if cell.correct {
                    let inside = Rect::new(x + 1.0, top + 1.0, self.pitch - 2.0, PITCH - 2.0);
                    page.canvas.frame(inside, 0.9, ink);
                }
            }
        }
        self.names(page, rect);
    }

    /// A label that fits into a column; only the sign that something is left out where nothing does.
    fn label(&self, page: &mut Page, content: &str) -> String {
        let limit = self.pitch - PADDING;
        let label = page.label(content, SMALL, limit);
        if fonts::width(&label, SMALL) <= limit { label } else { "…".to_owned() }
    }

    /// What the model read below the cells, what was to be predicted above them.
    fn names(&self, page: &mut Page, rect: Rect) {
        let below = rect.y1 + 3.0 + SMALL;
        page.canvas.text((rect.x0 - 3.0, below), "read", Look::new(SMALL, INK).end());
        let truth = self.of.truth.as_ref().filter(|truth| !truth.tokens.is_empty());
        let above = rect.y0 - 4.0;
        if let Some(truth) = truth {
            let name = page.label(&truth.name, SMALL, GUTTER - 4.0);
            page.canvas.text((rect.x0 - 3.0, above), &name, Look::new(SMALL, INK).end());
        }
        for (column, position) in self.positions.clone().enumerate() {
            let x = rect.x0 + self.pitch * (column as f64 + 0.5);
            if let Some(token) = self.of.tokens.get(position) {
                let label = self.label(page, &token.text);
                let ink = if token.special { MUTED } else { INK };
                page.canvas.text((x, below), &label, Look::new(SMALL, ink).middle());
            }
            if let Some(Some(token)) = truth.and_then(|truth| truth.tokens.get(position)) {
                let label = self.label(page, token);
                page.canvas.text((x, above), &label, Look::new(SMALL, INK).middle());
            }
        }
    }
}
