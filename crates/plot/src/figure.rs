//! A finished figure: its SVG, its PNG and PDF on demand, and its description in words.

use crate::canvas::Canvas;
use crate::error::PlotError;
use crate::pdf;
use crate::pixels;

/// A drawn figure. SVG, PNG and PDF show the same picture; the same input gives the same bytes.
#[derive(Debug)]
pub struct Figure {
    pub(crate) canvas: Canvas,
    pub(crate) svg: String,
    pub(crate) title: String,
    pub(crate) caption: String,
    pub(crate) description: String,
    /// Width and height in pt.
    pub(crate) size: (f64, f64),
}

impl Figure {
    /// The SVG document. Its `<title>` and `<desc>` tell a screen reader what it shows.
    ///
    /// Text stays text and is drawn with the viewer's own font; widths are those of DejaVu Sans.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The figure as PNG, `width` pixels wide, on opaque white, with the bundled fonts alone.
    ///
    /// # Errors
    /// [`PlotError::PngSize`] if `width` is 0 or the picture has more than 100 million pixels.
    pub fn png(&self, width: u32) -> Result<Vec<u8>, PlotError> {
        pixels::png(&self.canvas, self.size, width)
    }

    /// The figure as PDF, on one page of its size, with the bundled fonts alone: embedded, and reduced
    /// to the characters that it has. Text stays text. The file has the title, and no date.
    ///
    /// # Errors
    /// [`PlotError::Font`] for a bundled font that cannot be reduced; this does not happen.
    pub fn pdf(&self) -> Result<Vec<u8>, PlotError> {
        pdf::document(&self.canvas, self.size, &self.title, &self.description)
    }

    /// The width in pixels that prints at `dots_per_inch`.
    pub fn width_at(&self, dots_per_inch: u32) -> u32 {
        (self.size.0 / 72.0 * f64::from(dots_per_inch)).round() as u32
    }

    /// Width and height on paper, in points (1/72 inch).
    pub fn size(&self) -> (f64, f64) {
        self.size
    }

    /// The title, as text.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The caption as one line of text, with what was left out of the picture.
    pub fn caption(&self) -> &str {
        &self.caption
    }

    /// What the figure shows, in plain words.
    pub fn description(&self) -> &str {
        &self.description
    }
}
