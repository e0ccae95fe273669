//! Pixels: a plotters backend over tiny-skia, with text as outlines of the bundled fonts.

use plotters_backend::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontTransform,
};
use rustybuzz::ttf_parser::OutlineBuilder;
use tiny_skia::{
    Color, FillRule, FilterQuality, LineCap, LineJoin, Paint, PathBuilder, Pixmap, PixmapPaint,
    Stroke, Transform,
};

use crate::canvas::{self, BASELINE, Canvas, Cells, Mark, PLOTTERS_EM, UNITS};
use crate::error::PlotError;
use crate::fonts;
use crate::labels::Rect;

/// The largest number of pixels of a PNG: 400 MB while it is drawn.
const LIMIT: u64 = 100_000_000;
/// Figures are flat. Without filters and with little search, the PNG files of `explore` are about half as
/// large again as with the defaults of the encoder, and take a small part of the time.
const DEFLATE: png::DeflateCompression = png::DeflateCompression::Level(1);
/// Cells of an embedded picture are repeated until each side has about this many pixels, so that
/// cells stay sharp in viewers that smooth pictures.
const SHARP: usize = 600;

/// The canvas as PNG, `width` pixels wide; `page` is its size in pt.
pub(crate) fn png(canvas: &Canvas, page: (f64, f64), width: u32) -> Result<Vec<u8>, PlotError> {
    let mut pixels = Pixels::new(page, width)?;
    for mark in &canvas.marks {
        match mark {
            Mark::Picture { rect, cells } => pixels.picture(*rect, cells),
            other => canvas::draw(other, &mut pixels).map_err(canvas::backend_error)?,
        }
    }
    encoded(&pixels.map)
}

/// Opaque pixels as PNG.
fn encoded(map: &Pixmap) -> Result<Vec<u8>, PlotError> {
    let mut rgb = Vec::with_capacity(3 * map.pixels().len());
    for pixel in map.data().as_chunks::<4>().0 {
        rgb.extend_from_slice(&pixel[..3]);
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, map.width(), map.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_deflate_compression(DEFLATE);
    encoder.set_filter(png::Filter::NoFilter);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&rgb)?;
        writer.finish()
    });
    written.map_err(|e| PlotError::Encode { message: e.to_string() })?;
    Ok(bytes)
}

/// A page of pixels.
struct Pixels {
    map: Pixmap,
    /// Pixels per backend unit.
    scale: f32,
}

impl Pixels {
    /// A white page `width` pixels wide; `page` is its size in pt.
    fn new(page: (f64, f64), width: u32) -> Result<Self, PlotError> {
        let height = (f64::from(width) * page.1 / page.0).round().max(1.0);
        let error =
            PlotError::PngSize { width: u64::from(width), height: height as u64, limit: LIMIT };
        if width == 0 || f64::from(width) * height > LIMIT as f64 {
            return Err(error);
        }
        let Some(mut map) = Pixmap::new(width, height as u32) else {
            return Err(error);
        };
        map.fill(Color::WHITE);
        Ok(Self { map, scale: (f64::from(width) / (page.0 * UNITS)) as f32 })
    }

    /// Draws a picture, or cells edge to edge.
    fn picture(&mut self, rect: Rect, cells: &Cells) {
        let Some(source) = pixmap(cells, 1, 1) else {
            return;
        };
        let per_pt = self.scale * UNITS as f32;
        let across = (rect.width() / cells.columns.max(1) as f64) as f32 * per_pt;
        let down = (rect.height() / cells.rows.max(1) as f64) as f32 * per_pt;
        let place = Transform::from_row(
            across,
            0.0,
            0.0,
            down,
            rect.x0 as f32 * per_pt,
            rect.y0 as f32 * per_pt,
        );
        let quality = if cells.fine { FilterQuality::Bilinear } else { FilterQuality::Nearest };
        let paint = PixmapPaint { quality, ..PixmapPaint::default() };
        self.map.draw_pixmap(0, 0, source.as_ref(), &paint, place, None);
    }

    fn path(points: impl IntoIterator<Item = BackendCoord>) -> Option<tiny_skia::Path> {
        let mut path = PathBuilder::new();
        for (x, y) in points {
            if path.is_empty() {
                path.move_to(x as f32, y as f32);
            } else {
                path.line_to(x as f32, y as f32);
            }
        }
        path.finish()
    }

    fn stroke(&mut self, path: &tiny_skia::Path, colour: BackendColor, width: u32) {
        let stroke = Stroke {
            width: width as f32,
            line_cap: LineCap::Butt,
            line_join: LineJoin::Miter,
            ..Stroke::default()
        };
        self.map.stroke_path(path, &paint(colour), &stroke, self.transform(), None);
    }

    fn fill(&mut self, path: &tiny_skia::Path, colour: BackendColor, to_page: Transform) {
        self.map.fill_path(path, &paint(colour), FillRule::Winding, to_page, None);
    }

    fn transform(&self) -> Transform {
        Transform::from_scale(self.scale, self.scale)
    }
}

/// `cells` as a picture to embed, in which every cell is repeated.
fn embedded(cells: &Cells) -> Option<Pixmap> {
    let repeat = |n: usize| if cells.fine { 1 } else { (SHARP / n.max(1)).clamp(1, 16) };
    pixmap(cells, repeat(cells.columns), repeat(cells.rows))
}

/// The width, the height and the colours of the picture that a PDF embeds for `cells`.
pub(crate) fn cells_rgb(cells: &Cells) -> Option<(i32, i32, Vec<u8>)> {
    let map = embedded(cells)?;
    let colours = map.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    Some((i32::try_from(map.width()).ok()?, i32::try_from(map.height()).ok()?, colours))
}

/// The PNG that an SVG embeds for `cells`.
pub(crate) fn cells_png(cells: &Cells) -> Result<Vec<u8>, PlotError> {
    let map = embedded(cells).ok_or(PlotError::PngSize {
        width: cells.columns as u64,
        height: cells.rows as u64,
        limit: LIMIT,
    })?;
    // Small, and a part of an SVG: it is encoded with more care than a page.
    map.encode_png().map_err(|e| PlotError::Encode { message: e.to_string() })
}

/// `cells` with each repeated `across x down` times.
fn pixmap(cells: &Cells, across: usize, down: usize) -> Option<Pixmap> {
    let width = u32::try_from(cells.columns.checked_mul(across)?).ok()?;
    let height = u32::try_from(cells.rows.checked_mul(down)?).ok()?;
    let mut map = Pixmap::new(width, height)?;
    let rows = cells.colours.chunks(cells.columns.max(1));
    let repeated = rows.flat_map(|row| std::iter::repeat_n(row, down));
    let colours = repeated.flatten().flat_map(|c| std::iter::repeat_n(c, across));
    for (pixel, &[r, g, b]) in map.pixels_mut().iter_mut().zip(colours) {
        *pixel = tiny_skia::ColorU8::from_rgba(r, g, b, 255).premultiply();
    }
    Some(map)
}

fn paint(colour: BackendColor) -> Paint<'static> {
    let mut paint = Paint::default();
    let (r, g, b) = colour.rgb;
    paint.set_color_rgba8(r, g, b, (colour.alpha.clamp(0.0, 1.0) * 255.0).round() as u8);
    paint.anti_alias = true;
    paint
}

/// After the page is created, this backend cannot fail.
type Drawn = Result<(), DrawingErrorKind<std::convert::Infallible>>;

impl DrawingBackend for Pixels {
    type ErrorType = std::convert::Infallible;

    fn get_size(&self) -> (u32, u32) {
        let units = |pixels: u32| (pixels as f32 / self.scale) as u32;
        (units(self.map.width()), units(self.map.height()))
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        if let Some(path) = Self::path([(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]) {
            self.fill(&path, colour, self.transform());
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        points: I,
        style: &S,
    ) -> Drawn {
        if let Some(path) = Self::path(points) {
            self.stroke(&path, style.color(), style.stroke_width());
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        points: I,
        style: &S,
    ) -> Drawn {
        if let Some(path) = Self::path(points) {
            self.fill(&path, style.color(), self.transform());
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if let Some(path) = PathBuilder::from_circle(x as f32, y as f32, radius as f32) {
            if fill {
                self.fill(&path, style.color(), self.transform());
            } else {
                self.stroke(&path, style.color(), style.stroke_width());
            }
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Drawn {
        let size = style.size() / PLOTTERS_EM;
        let shaped = fonts::shape(text);
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -shaped.width / 2.0,
            HPos::Right => -shaped.width,
        };
        let mut outline = Outline { path: PathBuilder::new(), x: 0.0, y: 0.0, em: 1.0 };
        for glyph in &shaped.glyphs {
            if let Some(face) = fonts::faces().get(glyph.face) {
                outline.em = face.units_per_em() as f32;
                (outline.x, outline.y) = ((left + glyph.x) as f32, glyph.y as f32);
                face.outline_glyph(glyph.id, &mut outline);
            }
        }
        let Some(path) = outline.path.finish() else {
            return Ok(());
        };
        let turn = match style.transform() {
            FontTransform::None => Transform::identity(),
            FontTransform::Rotate90 => Transform::from_row(0.0, 1.0, -1.0, 0.0, 0.0, 0.0),
            FontTransform::Rotate180 => Transform::from_row(-1.0, 0.0, 0.0, -1.0, 0.0, 0.0),
            FontTransform::Rotate270 => Transform::from_row(0.0, -1.0, 1.0, 0.0, 0.0, 0.0),
        };
        // em -> units about the text's own baseline, then turned, moved and scaled to pixels.
        let to_page = Transform::from_scale(size as f32, size as f32)
            .post_translate(0.0, (BASELINE * size) as f32)
            .post_concat(turn)
            .post_translate(x as f32, y as f32)
            .post_concat(self.transform());
        self.fill(&path, style.color(), to_page);
        Ok(())
    }
}

/// Collects glyphs, in em, y down.
struct Outline {
    path: PathBuilder,
    x: f32,
    y: f32,
    em: f32,
}

impl Outline {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x / self.em, -(self.y + y / self.em))
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
