//! Pictures of a chart: from a PNG file in base64 to pixels, at the size of the figure.

use std::io::Cursor;

use crate::colour::Rgb;
use crate::error::PlotError;
use stratoscope_chart::{PNG_URI, PicturePanel};

/// The memory of the decoder, in bytes: a picture of 16 million pixels.
const MAX_BYTES: usize = 64 << 20;

/// The pixels of a picture.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// `[height, width]`
    pub(crate) pixels: Vec<Rgb>,
}

impl Picture {
    /// Decodes the picture of a panel.
    ///
    /// # Errors
    /// [`PlotError::Picture`] for bytes that are no PNG file, and for a picture that is too large.
    pub(crate) fn of(panel: &PicturePanel) -> Result<Self, PlotError> {
        let wrong = |message: String| PlotError::Picture { name: panel.title.clone(), message };
        let text = panel.picture.strip_prefix(PNG_URI).unwrap_or_default();
        let bytes = from_base64(text).ok_or_else(|| wrong("it is not base64".to_owned()))?;
        Self::decode(&bytes).map_err(wrong)
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let limits = png::Limits { bytes: MAX_BYTES };
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let failed = |error: png::DecodingError| error.to_string();
        let mut reader = decoder.read_info().map_err(failed)?;
        let size = reader.output_buffer_size().filter(|size| *size <= MAX_BYTES);
        let mut samples = vec![0; size.ok_or("it is too large")?];
        let frame = reader.next_frame(&mut samples).map_err(failed)?;
        let per_pixel = frame.color_type.samples();
        let pixels = samples.chunks_exact(per_pixel).map(|pixel| match *pixel {
            [r, g, b, ..] => [r, g, b],
            [grey, ..] => [grey; 3],
            [] => [0; 3],
        });
        let (width, height) = (frame.width as usize, frame.height as usize);
        Ok(Self { width, height, pixels: pixels.take(width * height).collect() })
    }

    /// The picture in another size; each pixel is the mean of those that it covers.
    pub(crate) fn resized(&self, width: usize, height: usize) -> Self {
        // At least one pixel.
        let span = |at: usize, of: usize, from: usize| {
            let first = (at * from / of).min(from.saturating_sub(1));
            first..((at + 1) * from).div_ceil(of).clamp(first + 1, from.max(first + 1))
        };
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let (mut sum, mut n) = ([0u64; 3], 0u64);
                for row in span(y, height, self.height) {
                    for column in span(x, width, self.width) {
                        let Some(pixel) = self.pixels.get(row * self.width + column) else {
                            continue;
                        };
                        sum.iter_mut().zip(pixel).for_each(|(sum, &v)| *sum += u64::from(v));
                        n += 1;
                    }
                }
                pixels.push(sum.map(|sum| ((sum + n / 2) / n.max(1)) as u8));
            }
        }
        Self { width, height, pixels }
    }

    /// The lightness of a pixel, 0 to 1 (ITU-R BT.601).
    pub(crate) fn lightness(pixel: Rgb) -> f64 {
        let [r, g, b] = pixel.map(|v| f64::from(v) / 255.0);
        0.299 * r + 0.587 * g + 0.114 * b
    }
}

/// The bytes of base64 (RFC 4648) with its padding; none for another text.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let content = text.trim_end_matches('=');
    if text.len() % 4 != 0 || text.len() - content.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in content.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for letter in group {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'a'..=b'z' => letter - b'a' + 26,
                b'0'..=b'9' => letter - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        bytes.extend_from_slice(bits.to_be_bytes().get(1..group.len())?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_back() {
        for (text, code) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foobar", "Zm9vYmFy")] {
            assert_eq!(from_base64(code).unwrap(), text.as_bytes());
        }
        for wrong in ["Z", "Zg=", "Zm9v!mFy", "====", "Z==="] {
            assert_eq!(from_base64(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_keep_the_mean() {
        let pixels = (0..6u8).map(|i| [10 * i, 0, 255]).collect();
        let picture = Picture { width: 3, height: 2, pixels };
        assert_eq!(picture.resized(1, 1).pixels, [[25, 0, 255]]);
        assert_eq!(picture.resized(3, 2).pixels, picture.pixels);
        let large = picture.resized(6, 2);
        assert_eq!(large.pixels[..4], [[0, 0, 255], [0, 0, 255], [10, 0, 255], [10, 0, 255]]);
    }
}
