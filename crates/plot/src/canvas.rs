//! A list of marks in points (1/72 inch). SVG, PNG and PDF are drawn from one list, so they show the
//! same picture: SVG and PNG through plotters' backend interface, PDF mark by mark.

use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontFamily, FontTransform,
};

use crate::colour::Rgb;
use crate::error::PlotError;
use crate::fonts;
use crate::labels::Rect;

/// Backend units in one point: backends count in whole units.
pub(crate) const UNITS: f64 = 20.0;
/// plotters writes `size / 1.24` into SVG, so sizes are multiplied by this.
pub(crate) const PLOTTERS_EM: f64 = 1.24;
/// plotters puts the baseline of a text 0.76 em below its top.
pub(crate) const BASELINE: f64 = 0.76;

type Point = (f64, f64);

/// The point of a text that its position refers to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) size: f64,
    pub(crate) colour: Rgb,
    pub(crate) anchor: Anchor,
    /// Reads from bottom to top.
    pub(crate) upward: bool,
}

impl Look {
    pub(crate) fn new(size: f64, colour: Rgb) -> Self {
        Self { size, colour, anchor: Anchor::Start, upward: false }
    }

    pub(crate) fn middle(self) -> Self {
        Self { anchor: Anchor::Middle, ..self }
    }

    pub(crate) fn end(self) -> Self {
        Self { anchor: Anchor::End, ..self }
    }

    pub(crate) fn upward(self) -> Self {
        Self { upward: true, ..self }
    }
}

/// A line's or an area's colour; `alpha` 1 is opaque.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink {
    pub(crate) colour: Rgb,
    pub(crate) alpha: f64,
}

impl From<Rgb> for Ink {
    fn from(colour: Rgb) -> Self {
        Self { colour, alpha: 1.0 }
    }
}

/// A small picture of `columns x rows` cells.
#[derive(Debug)]
pub(crate) struct Cells {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// `[rows, columns]`
    pub(crate) colours: Vec<Rgb>,
    /// Whether it is a picture of many pixels, which may be smoothed, rather than cells.
    pub(crate) fine: bool,
}

#[derive(Debug)]
pub(crate) enum Mark {
    Line { points: Vec<Point>, width: f64, ink: Ink },
    Area { points: Vec<Point>, ink: Ink },
    Disc { centre: Point, radius: f64, ink: Ink },
    Text { at: Point, text: String, look: Look },
    Picture { rect: Rect, cells: Cells },
}

/// Marks in the order drawn.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    pub(crate) marks: Vec<Mark>,
}

impl Canvas {
    pub(crate) fn line(&mut self, points: &[Point], width: f64, ink: impl Into<Ink>) {
        if points.len() > 1 {
            self.marks.push(Mark::Line { points: points.to_vec(), width, ink: ink.into() });
        }
    }

    /// A line of dashes `on` long with gaps of `off`, in pt.
    pub(crate) fn dashed(&mut self, points: &[Point], width: f64, ink: Rgb, on: f64, off: f64) {
        let mut walked = 0.0;
        for (&a, &b) in points.iter().zip(points.iter().skip(1)) {
            let (dx, dy) = (b.0 - a.0, b.1 - a.1);
            let length = (dx * dx + dy * dy).sqrt();
            let at = |d: f64| (a.0 + dx * d / length, a.1 + dy * d / length);
            let mut start = 0.0;
            while start < length {
                let phase = (walked + start) % (on + off);
                let left = if phase < on { on - phase } else { on + off - phase };
                let end = (start + left.max(0.05)).min(length);
                if phase < on {
                    self.line(&[at(start), at(end)], width, ink);
                }
                start = end;
            }
            walked += length;
        }
    }

    pub(crate) fn area(&mut self, points: &[Point], ink: impl Into<Ink>) {
        if points.len() > 2 {
            self.marks.push(Mark::Area { points: points.to_vec(), ink: ink.into() });
        }
    }

    pub(crate) fn rect(&mut self, rect: Rect, ink: impl Into<Ink>) {
        self.area(
            &[(rect.x0, rect.y0), (rect.x1, rect.y0), (rect.x1, rect.y1), (rect.x0, rect.y1)],
            ink,
        );
    }

    pub(crate) fn frame(&mut self, r: Rect, width: f64, ink: impl Into<Ink>) {
        let round =
            [(r.x0, r.y0), (r.x1, r.y0), (r.x1, r.y1), (r.x0, r.y1), (r.x0, r.y0), (r.x1, r.y0)];
        self.line(&round, width, ink);
    }

    pub(crate) fn disc(&mut self, centre: Point, radius: f64, ink: impl Into<Ink>) {
        self.marks.push(Mark::Disc { centre, radius, ink: ink.into() });
    }

    /// `at` is on the baseline. `text` has gone through [`crate::text`].
    pub(crate) fn text(&mut self, at: Point, text: &str, look: Look) {
        if !text.is_empty() {
            self.marks.push(Mark::Text { at, text: text.to_owned(), look });
        }
    }

    pub(crate) fn picture(&mut self, rect: Rect, cells: Cells) {
        self.marks.push(Mark::Picture { rect, cells });
    }
}

pub(crate) fn draw<B: DrawingBackend>(
    mark: &Mark,
    backend: &mut B,
) -> Result<(), DrawingErrorKind<B::ErrorType>> {
    match mark {
        Mark::Line { points, width, ink } => {
            let stroke = Stroke { ink: *ink, width: units(*width).max(1) as u32 };
            backend.draw_path(points.iter().map(|&p| point(p)), &stroke)
        }
        Mark::Area { points, ink } => {
            let fill = Stroke { ink: *ink, width: 0 };
            backend.fill_polygon(points.iter().map(|&p| point(p)), &fill)
        }
        Mark::Disc { centre, radius, ink } => {
            let fill = Stroke { ink: *ink, width: 0 };
            backend.draw_circle(point(*centre), units(*radius).max(1) as u32, &fill, true)
        }
        Mark::Text { at, text, look } => {
            let rise = BASELINE * look.size;
            // Turned text turns about the point itself, so the shift is along its own "down".
            let top = if look.upward { (at.0 - rise, at.1) } else { (at.0, at.1 - rise) };
            backend.draw_text(text, &Style(*look), point(top))
        }
        Mark::Picture { .. } => Ok(()),
    }
}

fn point((x, y): Point) -> BackendCoord {
    (units(x), units(y))
}

pub(crate) fn units(length: f64) -> i32 {
    (length * UNITS).round() as i32
}

pub(crate) fn backend_error<E: std::error::Error + Send + Sync>(
    error: DrawingErrorKind<E>,
) -> PlotError {
    PlotError::Backend { message: error.to_string() }
}

struct Stroke {
    ink: Ink,
    width: u32,
}

impl BackendStyle for Stroke {
    fn color(&self) -> BackendColor {
        let [r, g, b] = self.ink.colour;
        BackendColor {
            // Two decimals: no digit of noise reaches the SVG.
            alpha: (self.ink.alpha * 100.0).round() / 100.0,
            rgb: (r, g, b),
        }
    }

    fn stroke_width(&self) -> u32 {
        self.width
    }
}

struct Style(Look);

impl BackendTextStyle for Style {
    type FontError = std::convert::Infallible;

    fn color(&self) -> BackendColor {
        let [r, g, b] = self.0.colour;
        BackendColor { alpha: 1.0, rgb: (r, g, b) }
    }

    fn size(&self) -> f64 {
        // Rounded, so that no digit of noise reaches the SVG.
        (self.0.size * UNITS).round() * PLOTTERS_EM
    }

    fn transform(&self) -> FontTransform {
        if self.0.upward { FontTransform::Rotate270 } else { FontTransform::None }
    }

    fn anchor(&self) -> Pos {
        let h = match self.0.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        Pos::new(h, VPos::Top)
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(fonts::FAMILY)
    }

    fn layout_box(&self, text: &str) -> Result<((i32, i32), (i32, i32)), Self::FontError> {
        Ok(((0, 0), (units(fonts::width(text, self.0.size)), units(self.0.size))))
    }

    // Both backends draw text themselves; only bitmaps without fonts would ask for single pixels.
    fn draw<E, F: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        _: &str,
        _: BackendCoord,
        _: F,
    ) -> Result<Result<(), E>, Self::FontError> {
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::PAPER;

    #[test]
    fn dashes_end_and_cover_about_their_share() {
        let mut canvas = Canvas::default();
        canvas.dashed(&[(0.0, 0.0), (100.0, 0.0), (100.0, 0.0)], 1.0, PAPER, 3.0, 2.0);
        assert_eq!(canvas.marks.len(), 20);
    }
}
