//! A figure as PDF: the marks of the canvas on one page, with text as text.
//!
//! Coordinates and sizes are rounded as in the SVG. Fonts are embedded and reduced to their glyphs in
//! use ([`crate::pdf::font`]).

mod font;

use std::collections::BTreeMap;

use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{LineCapStyle, LineJoinStyle};
use pdf_writer::{
    Chunk, Content, Filter, Finish, Name, Pdf, Rect as Box, Ref, Settings, Str, TextStr,
};

use crate::canvas::{Anchor, Canvas, Cells, Ink, Look, Mark, UNITS, units};
use crate::colour::{PAPER, Rgb};
use crate::error::PlotError;
use crate::fonts::{self, Glyph};
use crate::labels::Rect;
use crate::pixels;
use font::Fonts;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const INFO: Ref = Ref::new(5);
/// The first object of pictures and fonts.
const FIRST: i32 = 6;
/// The level of compression of zlib's default.
const LEVEL: u8 = 6;
/// The share of a radius at which the control points of a quarter of a circle are.
const QUARTER: f64 = 0.552_284_75;

/// The canvas as a PDF file of one page; `(width, height)` is its size in pt.
pub(crate) fn document(
    canvas: &Canvas,
    (width, height): (f64, f64),
    title: &str,
    description: &str,
) -> Result<Vec<u8>, PlotError> {
    // The SVG has its size in tenths of a point.
    let size = [width, height].map(|length| ((10.0 * length).round() / 10.0) as f32);
    let mut page = Page {
        content: Content::with_settings(SETTINGS),
        objects: Chunk::with_settings(SETTINGS),
        next: FIRST,
        fonts: Fonts::default(),
        alphas: BTreeMap::new(),
        pictures: Vec::new(),
    };
    // From here on, lengths are units from the upper left corner, y down.
    let unit = (1.0 / UNITS) as f32;
    page.content.transform([unit, 0.0, 0.0, -unit, 0.0, size[1]]);
    page.content.set_line_join(LineJoinStyle::MiterJoin).set_line_cap(LineCapStyle::ButtCap);
    page.fill(PAPER);
    page.content.rect(0.0, 0.0, units(width) as f32, units(height) as f32).fill_nonzero();
    canvas.marks.iter().for_each(|mark| page.mark(mark));
    page.finish(size, title, description)
}

const SETTINGS: Settings = Settings { pretty: false };

/// A page that is written.
struct Page {
    content: Content,
    /// Pictures and fonts.
    objects: Chunk,
    next: i32,
    fonts: Fonts,
    /// The opacities in use, in hundredths, with the number of their graphics state.
    alphas: BTreeMap<u8, usize>,
    pictures: Vec<Ref>,
}

impl Page {
    fn mark(&mut self, mark: &Mark) {
        match mark {
            Mark::Line { points, width, ink } => {
                let width = units(*width).max(1) as f32;
                self.with(ink, |content, [r, g, b]| {
                    content.set_stroke_rgb(r, g, b).set_line_width(width);
                    path(content, points);
                    content.stroke();
                });
            }
            Mark::Area { points, ink } => self.with(ink, |content, [r, g, b]| {
                content.set_fill_rgb(r, g, b);
                path(content, points);
                content.close_path().fill_nonzero();
            }),
            Mark::Disc { centre, radius, ink } => {
                let radius = f64::from(units(*radius).max(1));
                self.with(ink, |content, [r, g, b]| {
                    content.set_fill_rgb(r, g, b);
                    circle(content, [units(centre.0), units(centre.1)].map(f64::from), radius);
                    content.fill_nonzero();
                });
            }
            Mark::Text { at, text, look } => self.text(*at, text, look),
            Mark::Picture { rect, cells } => self.picture(*rect, cells),
        }
    }

    /// Draws in a colour and an opacity.
    fn with(&mut self, ink: &Ink, draw: impl FnOnce(&mut Content, [f32; 3])) {
        let hundredths = (ink.alpha.clamp(0.0, 1.0) * 100.0).round() as u8;
        if hundredths == 100 {
            return draw(&mut self.content, rgb(ink.colour));
        }
        let new = self.alphas.len();
        let state = *self.alphas.entry(hundredths).or_insert(new);
        self.content.save_state().set_parameters(Name(format!("A{state}").as_bytes()));
        draw(&mut self.content, rgb(ink.colour));
        self.content.restore_state();
    }

    fn fill(&mut self, colour: Rgb) {
        let [r, g, b] = rgb(colour);
        self.content.set_fill_rgb(r, g, b);
    }

    /// Writes a text whose baseline is at `at`.
    fn text(&mut self, at: (f64, f64), text: &str, look: &Look) {
        let size = (look.size * UNITS).round();
        let shaped = fonts::shape(text);
        let left = match look.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -shaped.width / 2.0,
            Anchor::End => -shaped.width,
        };
        let (x, y) = (f64::from(units(at.0)), f64::from(units(at.1)));
        self.fill(look.colour);
        // Viewers put right-to-left text into its order themselves, also the text that a file says.
        let plain = self.fonts.is_plain(text, &shaped.glyphs) || shaped.has_rtl;
        if !plain {
            let mut mark = self.content.begin_marked_content_with_properties(Name(b"Span"));
            mark.properties().actual_text(TextStr(text));
        }
        self.content.begin_text();
        // Glyphs of one font on one baseline are one string.
        for run in shaped.glyphs.chunk_by(|a, b| a.face == b.face && a.y == b.y) {
            let Some(first) = run.first() else { continue };
            let (along, up) = (size * (left + first.x), size * first.y);
            let (matrix, name) = (
                match look.upward {
                    // A positive step along the text goes up on the page.
                    true => [0.0, -1.0, -1.0, 0.0, (x - up) as f32, (y - along) as f32],
                    false => [1.0, 0.0, 0.0, -1.0, (x + along) as f32, (y - up) as f32],
                },
                self.fonts.name(first.face),
            );
            self.content.set_font(Name(name.as_bytes()), size as f32);
            self.content.set_text_matrix(matrix);
            self.run(text, run, first.x);
        }
        self.content.end_text();
        if !plain {
            self.content.end_marked_content();
        }
    }

    /// Writes glyphs of one font from `start` on; where one is not where the widths of those before
    /// put it, the distance is adjusted.
    fn run(&mut self, text: &str, glyphs: &[Glyph], start: f64) {
        let mut shown = self.content.show_positioned();
        let mut items = shown.items();
        let (mut pen, mut codes) = (start, Vec::new());
        for glyph in glyphs {
            let adjust = (1000.0 * (pen - glyph.x)).round();
            // Widths in the file are rounded; the error of a few glyphs is not seen.
            if adjust.abs() > 1.0 {
                if !codes.is_empty() {
                    items.show(Str(&codes));
                    codes.clear();
                }
                items.adjust(adjust as f32);
                pen -= adjust / 1000.0;
            }
            let (code, width) = self.fonts.glyph(text, glyph);
            codes.extend(code.to_be_bytes());
            pen += width;
        }
        items.show(Str(&codes));
    }

    fn picture(&mut self, rect: Rect, cells: &Cells) {
        let Some((width, height, colours)) = pixels::cells_rgb(cells) else { return };
        let id = self.id();
        let data = compress_to_vec_zlib(&colours, LEVEL);
        let mut image = self.objects.image_xobject(id, &data);
        image.filter(Filter::FlateDecode);
        image.width(width).height(height).bits_per_component(8).interpolate(false);
        image.color_space().device_rgb();
        image.finish();
        let place = [rect.x0, rect.y0, rect.width(), rect.height()].map(|v| units(v) as f32);
        let [x, y, wide, tall] = place;
        let name = format!("P{}", self.pictures.len());
        self.pictures.push(id);
        // The unit square of a picture has y up.
        self.content.save_state().transform([wide, 0.0, 0.0, -tall, x, y + tall]);
        self.content.x_object(Name(name.as_bytes())).restore_state();
    }

    fn id(&mut self) -> Ref {
        let id = Ref::new(self.next);
        self.next += 1;
        id
    }

    fn finish(
        mut self,
        [width, height]: [f32; 2],
        title: &str,
        description: &str,
    ) -> Result<Vec<u8>, PlotError> {
        let fonts = self.fonts.write(&mut self.objects, &mut self.next)?;
        let mut pdf = Pdf::with_settings(SETTINGS);
        let mut catalog = pdf.catalog(CATALOG);
        catalog.pages(PAGES).viewer_preferences().display_doc_title(true);
        catalog.finish();
        let mut info = pdf.document_info(INFO);
        info.title(TextStr(title)).subject(TextStr(description));
        info.producer(TextStr(concat!("stratoscope ", env!("CARGO_PKG_VERSION"))));
        info.finish();
        pdf.pages(PAGES).kids([PAGE]).count(1);
        let mut page = pdf.page(PAGE);
        page.parent(PAGES).media_box(Box::new(0.0, 0.0, width, height)).contents(CONTENT);
        let mut resources = page.resources();
        let mut dict = resources.fonts();
        fonts.iter().for_each(|(name, id)| {
            dict.pair(Name(name.as_bytes()), id);
        });
        dict.finish();
        let mut dict = resources.x_objects();
        for (index, id) in self.pictures.iter().enumerate() {
            dict.pair(Name(format!("P{index}").as_bytes()), id);
        }
        dict.finish();
        let mut states = resources.ext_g_states();
        for (hundredths, index) in &self.alphas {
            let mut state = states
                .insert(Name(format!("A{index}").as_bytes()))
                .start::<pdf_writer::writers::ExtGraphicsState<'_>>();
            let alpha = f32::from(*hundredths) / 100.0;
            state.stroking_alpha(alpha).non_stroking_alpha(alpha);
        }
        states.finish();
        resources.finish();
        page.finish();
        let content = compress_to_vec_zlib(&self.content.finish(), LEVEL);
        pdf.stream(CONTENT, &content).filter(Filter::FlateDecode);
        pdf.extend(&self.objects);
        Ok(pdf.finish())
    }
}

fn rgb(colour: Rgb) -> [f32; 3] {
    // Three decimals tell all 256 values apart.
    colour.map(|channel| (f32::from(channel) / 0.255).round() / 1000.0)
}

fn path(content: &mut Content, points: &[(f64, f64)]) {
    for (place, point) in points.iter().enumerate() {
        let (x, y) = (units(point.0) as f32, units(point.1) as f32);
        if place == 0 {
            content.move_to(x, y)
        } else {
            content.line_to(x, y)
        };
    }
}

/// A circle of four cubic curves.
fn circle(content: &mut Content, [x, y]: [f64; 2], radius: f64) {
    let control = radius * QUARTER;
    content.move_to((x + radius) as f32, y as f32);
    // Each quarter turns the one before by 90 degrees.
    let (mut ux, mut uy) = (1.0, 0.0);
    for _ in 0..4 {
        let (vx, vy) = (-uy, ux);
        let at = |along: f64, across: f64| {
            ((x + along * ux + across * vx) as f32, (y + along * uy + across * vy) as f32)
        };
        let (first, second, end) = (at(radius, control), at(control, radius), at(0.0, radius));
        content.cubic_to(first.0, first.1, second.0, second.1, end.0, end.1);
        (ux, uy) = (vx, vy);
    }
    content.close_path();
}

#[cfg(test)]
mod tests;
