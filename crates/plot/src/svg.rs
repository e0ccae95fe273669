//! A canvas as an SVG document.

use plotters::backend::SVGBackend;
use plotters_backend::DrawingBackend;

use crate::canvas::{Canvas, Cells, Mark, UNITS, backend_error, draw, units};
use crate::colour::{PAPER, Rgb};
use crate::error::PlotError;
use crate::labels::Rect;
use crate::pixels;

/// The whole SVG document, `width x height` pt.
pub(crate) fn document(
    canvas: &Canvas,
    (width, height): (f64, f64),
    title: &str,
    description: &str,
) -> Result<String, PlotError> {
    let size = ((width * UNITS).round() as u32, (height * UNITS).round() as u32);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.1}pt\" height=\"{height:.1}pt\" \
         viewBox=\"0 0 {} {}\" role=\"img\">\n<title>{}</title>\n<desc>{}</desc>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
        size.0,
        size.1,
        escape(title),
        escape(description),
        hex(PAPER),
    );
    // plotters writes vectors and this file writes pictures, in the order of the marks.
    let mut rest = canvas.marks.as_slice();
    while !rest.is_empty() {
        let upto = rest.iter().position(|m| matches!(m, Mark::Picture { .. }));
        let (vectors, after) = rest.split_at(upto.unwrap_or(rest.len()));
        svg.push_str(&vectors_svg(vectors, size)?);
        rest = after;
        if let Some((Mark::Picture { rect, cells }, after)) = rest.split_first() {
            svg.push_str(&picture_svg(*rect, cells)?);
            rest = after;
        }
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn vectors_svg(marks: &[Mark], size: (u32, u32)) -> Result<String, PlotError> {
    let mut text = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut text, size);
        for mark in marks {
            draw(mark, &mut backend).map_err(backend_error)?;
        }
        backend.present().map_err(backend_error)?;
    }
    let body = text.split_once('\n').map_or("", |(_, body)| body);
    Ok(body.trim_end().trim_end_matches("</svg>").to_owned())
}

fn picture_svg(rect: Rect, cells: &Cells) -> Result<String, PlotError> {
    let png = pixels::cells_png(cells)?;
    let place = [rect.x0, rect.y0, rect.width(), rect.height()].map(units);
    Ok(format!(
        "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
         {}href=\"data:image/png;base64,{}\"/>\n",
        place[0],
        place[1],
        place[2],
        place[3],
        if cells.fine { "" } else { "style=\"image-rendering:pixelated\" " },
        base64(&png)
    ))
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Base64 (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            (0..3).fold(0u32, |g, i| g << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let letter = ALPHABET.get((group >> (18 - 6 * i) & 63) as usize).copied();
            out.push(if i <= chunk.len() { char::from(letter.unwrap_or(b'A')) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_rfc() {
        for (text, code) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(text.as_bytes()), code);
        }
    }
}
