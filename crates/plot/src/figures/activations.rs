//! Activations: tokens by dimensions, signed, zero-centred, one scale for all layers shown.

use crate::canvas::Look;
use crate::colour::{INK, SOFT, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::figures::cells::{self, Block};
use crate::input::{self, Places, check_count, check_len, check_value};
use crate::labels::Rect;
use crate::layout::{self, Bar, Page};
use crate::style::Style;
use stratoscope_chart::{Axis, ChartError};

/// The largest number of columns: beyond it, neighbouring dimensions share one.
const MAX_COLUMNS: usize = 1_600;
const MAX_DIMENSIONS: usize = 100_000;
/// Longest label of a row.
const LABEL: f64 = 70.0;

/// Hidden states as they are: one row per token, one column per dimension.
#[derive(Clone, Debug)]
pub struct Activations {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// The tokens, with their groups and the special ones muted.
    pub tokens: Axis,
    /// Layer of each entry of `values`; 0 is the embedding.
    pub layers: Vec<usize>,
    /// Dimensions of a hidden state.
    pub d_model: usize,
    /// `[layers][tokens * d_model]`, token by token.
    pub values: Vec<Vec<f32>>,
    /// Percentile of the absolute values, 50 to 100, at which colours are clipped; the bar names it.
    pub clip_percentile: f64,
}

impl Activations {
    /// Draws the figure in a style. If not all layers fit, it shows some of them and says so.
    ///
    /// # Errors
    /// No tokens, layers or dimensions; lists of different length; a value that is not finite (named);
    /// a percentile outside of 50 to 100.
    pub fn draw(&self, style: Style) -> Result<Figure, PlotError> {
        self.check()?;
        let tokens = Places::of(&self.tokens);
        let n = tokens.len();
        let pitch = if n <= 12 { 12.0 } else { cells::pitch(&tokens, style) };
        let panel_height = (pitch * n as f64).clamp(24.0, 560.0);
        let most = ((style.tall / (panel_height + 24.0)) as usize).clamp(1, 8);
        let picked = input::evenly(self.layers.len(), most);

        let mut page = Page::new(&self.title, style);
        let labels = page.labels(&tokens, style.small, LABEL);
        if picked.len() < self.layers.len() {
            let (some, all) = (picked.len(), self.layers.len());
            page.note(&format!("{some} of {all} layers shown, evenly spaced."));
        }
        let step = cells::label_step(panel_height / n as f64, style);
        if step > 1 {
            page.note(&format!("One token in {step} is labelled."));
        }
        let together = self.d_model.div_ceil(MAX_COLUMNS);
        let columns = self.d_model.div_ceil(together);
        if together > 1 {
            page.note(&format!(
                "Each column is {together} neighbouring dimensions: the one of largest magnitude, with its sign."
            ));
        }
        layout::note_unknown(&mut page, [&tokens]);
        let left = style.margin + cells::widest(&self.tokens.labels, LABEL, style) + 6.0;
        let width = page.right() - left;
        let shown: Vec<(usize, &[f32])> = picked
            .iter()
            .filter_map(|&i| Some((*self.layers.get(i)?, self.values.get(i)?.as_slice())))
            .collect();
        let (limit, largest) = self.limit(&shown);
        let scale = Scale::Signed { limit };
        for (layer, values) in &shown {
            let block = Block {
                rect: Rect::new(left, page.y + 12.0, width, panel_height),
                columns,
                rows: n,
                title: &input::layer_name(*layer),
                title_at: page.y + style.body,
            };
            let colour = |token: usize, column: usize| {
                let from = token * self.d_model + column * together;
                let upto = (from + together).min((token + 1) * self.d_model);
                let values = values.get(from..upto).unwrap_or_default();
                let strongest =
                    values.iter().copied().reduce(|a, b| if b.abs() > a.abs() { b } else { a });
                scale.colour(f64::from(strongest.unwrap_or(0.0)))
            };
            let all = (0..n).flat_map(|token| (0..columns).map(move |column| (token, column)));
            block.draw(&mut page, all.map(|(token, column)| colour(token, column)).collect());
            block.row_boundaries(&mut page, &tokens);
            block.row_labels(&mut page, &labels, &tokens, step);
            page.y = block.rect.y1 + 6.0;
        }
        self.dimension_axis(&mut page, left, width);
        let clipped = largest > limit;
        let label = if clipped {
            format!(
                "activation, clipped at ±{} (percentile {} of the magnitudes shown; the largest is {})",
                layout::brief(limit),
                self.clip_percentile,
                layout::brief(largest)
            )
        } else {
            format!("activation (the largest magnitude is {})", layout::brief(largest))
        };
        let bar = Bar { scale, label: &label, whole: false, clipped };
        layout::colour_bar(&mut page, left, width, &bar);
        let shows = format!(
            "Activations of {n} tokens in {} dimensions at {} layers.",
            self.d_model,
            shown.len()
        );
        page.finish(&self.caption, &shows)
    }

    fn check(&self) -> Result<(), PlotError> {
        self.tokens.check(&self.title)?;
        input::check_tokens(&self.tokens)?;
        input::check_layers(self.layers.len())?;
        check_count("dimensions", self.d_model, MAX_DIMENSIONS)?;
        check_len(|| "layers of values".to_owned(), self.values.len(), self.layers.len())?;
        let d = self.d_model;
        for (layer, values) in self.layers.iter().zip(&self.values) {
            check_len(|| format!("values of layer {layer}"), values.len(), self.tokens.len() * d)?;
            for (i, &value) in values.iter().enumerate() {
                let what = || format!("layer {layer}, token {}, dimension {}", i / d, i % d);
                check_value(what, f64::from(value))?;
            }
        }
        if (50.0..=100.0).contains(&self.clip_percentile) {
            return Ok(());
        }
        Err(ChartError::OutOfRange {
            what: "the clip percentile".to_owned(),
            value: self.clip_percentile,
            low: 50.0,
            high: 100.0,
        }
        .into())
    }

    /// The clip and the largest magnitude. (A percentile of 0 would show nothing: then the largest.)
    fn limit(&self, shown: &[(usize, &[f32])]) -> (f64, f64) {
        let mut sizes: Vec<f32> =
            shown.iter().flat_map(|(_, values)| values.iter().map(|v| v.abs())).collect();
        sizes.sort_by(f32::total_cmp);
        let largest = f64::from(sizes.last().copied().unwrap_or(0.0));
        let rank = (self.clip_percentile / 100.0 * (sizes.len().saturating_sub(1)) as f64).round();
        let clip = f64::from(sizes.get(rank as usize).copied().unwrap_or(0.0));
        let limit = if clip > 0.0 { clip } else { largest };
        (if limit > 0.0 { limit } else { 1.0 }, largest)
    }

    fn dimension_axis(&self, page: &mut Page, left: f64, width: f64) {
        let Style { small, body, .. } = page.style;
        let y = page.y - 6.0;
        let last = self.d_model.saturating_sub(1) as f64;
        let mut marks = layout::ticks(0.0, last, page.style.either(6, 4));
        marks.retain(|(value, _)| value.fract() == 0.0);
        for (value, label) in marks {
            let x = left + (value + 0.5) / self.d_model as f64 * width;
            page.canvas.line(&[(x, y), (x, y + 2.5)], 0.5, SOFT);
            page.canvas.text((x, y + 4.0 + small), &label, Look::new(small, SOFT).middle());
        }
        let middle = (left + width / 2.0, y + 22.0);
        page.canvas.text(middle, "dimension", Look::new(body, INK).middle());
        page.y = y + 32.0;
    }
}
