//! PNG, JPEG and WebP files to upright pixels in red, green and blue, within limits.

use super::exif::Turn;
use std::io::Cursor;
use stratoscope_loader::Picture;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The most pixels of an image: 200 MB in the decoder.
const MAX_PIXELS: usize = 50_000_000;

/// Pixels as a file has them.
struct Decoded {
    width: usize,
    height: usize,
    /// `[height, width, 3]`
    rgb: Vec<u8>,
    turn: Option<Turn>,
}

/// The pixels of a file; the error is the reason in words.
pub(super) fn decode(bytes: &[u8]) -> Result<Picture, String> {
    let decoded = match bytes {
        [0x89, b'P', b'N', b'G', ..] => png(bytes)?,
        [0xff, 0xd8, ..] => jpeg(bytes)?,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp(bytes)?,
        _ => return Err(format!("it is not a PNG, JPEG or WebP file, but {}", kind(bytes))),
    };
    let Decoded { width, height, rgb, turn } = decoded;
    if rgb.len() != 3 * width * height {
        return Err("it has fewer pixels than its header says".to_owned());
    }
    let (rgb, width, height) = match turn {
        Some(turn) => turn.apply(&rgb, width, height),
        None => (rgb, width, height),
    };
    let side = |n: usize| u32::try_from(n).map_err(|_| "its sides are too long".to_owned());
    Ok(Picture { width: side(width)?, height: side(height)?, rgb })
}

/// What a file of another kind is, in words.
fn kind(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "an empty file",
        [b'G', b'I', b'F', b'8', ..] => "a GIF file; save it as PNG",
        [b'B', b'M', ..] => "a BMP file; save it as PNG",
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => "a TIFF file; save it as PNG",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => {
            "a HEIC or AVIF file, or a video; save an image as PNG"
        }
        [b'<', ..] => "a text, such as SVG; save it as PNG",
        _ => "a file of another kind",
    }
}

/// Refuses a size that is 0 or too large, before any memory is taken for it.
fn check_size(width: usize, height: usize) -> Result<(), String> {
    match width.saturating_mul(height) {
        0 => Err("it has no pixels".to_owned()),
        n if n > MAX_PIXELS => Err(format!(
            "it has {width} x {height} pixels, and {} million are the maximum",
            MAX_PIXELS / 1_000_000
        )),
        _ => Ok(()),
    }
}

/// A damaged file, in words.
fn damaged(error: impl std::fmt::Display) -> String {
    format!("it is damaged: {error}")
}

fn png(bytes: &[u8]) -> Result<Decoded, String> {
    use png::{BitDepth, ColorType, Decoder, Limits, Transformations};
    let limits = Limits { bytes: 8 * MAX_PIXELS + (1 << 20) };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    // Palettes become colours, and small depths 8 bits.
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    check_size(width, height)?;
    let size = reader.output_buffer_size().ok_or("its sides are too long")?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(damaged)?;
    samples.truncate(frame.buffer_size());
    if (frame.width as usize, frame.height as usize) != (width, height) {
        return Err("its first frame has another size than the image".to_owned());
    }
    let deep = frame.bit_depth == BitDepth::Sixteen;
    let samples = match (deep, frame.color_type) {
        (false, _) => samples,
        // Pillow reads grey of 16 bits as whole numbers, and all above 255 become white.
        (true, ColorType::Grayscale) => samples
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[high, low]| if *high > 0 { 255 } else { *low })
            .collect(),
        (true, _) => samples.as_chunks::<2>().0.iter().map(|[high, _]| *high).collect(),
    };
    let rgb = rgb_of(&samples, frame.color_type.samples());
    // Exif data may follow the pixels.
    let _ = reader.finish();
    let turn = reader.info().exif_metadata.as_deref().and_then(Turn::of);
    Ok(Decoded { width, height, rgb, turn })
}

fn jpeg(bytes: &[u8]) -> Result<Decoded, String> {
    let options = DecoderOptions::default()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().ok_or("it has no size")?;
    check_size(width, height)?;
    let samples = decoder.decode().map_err(damaged)?;
    let channels = decoder.output_colorspace().map_or(3, |colours| colours.num_components());
    let turn = decoder.exif().and_then(|exif| Turn::of(exif));
    Ok(Decoded { width, height, rgb: rgb_of(&samples, channels), turn })
}

fn webp(bytes: &[u8]) -> Result<Decoded, String> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    check_size(width, height)?;
    decoder.set_memory_limit(8 * MAX_PIXELS);
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let size = decoder.output_buffer_size().ok_or("its sides are too long")?;
    let mut samples = vec![0; size];
    decoder.read_image(&mut samples).map_err(damaged)?;
    let turn = decoder.exif_metadata().ok().flatten().and_then(|exif| Turn::of(&exif));
    Ok(Decoded { width, height, rgb: rgb_of(&samples, channels), turn })
}

/// Red, green and blue of pixels of 1 to 4 channels: grey, grey and alpha, colours, colours and alpha.
/// Alpha is dropped.
fn rgb_of(samples: &[u8], channels: usize) -> Vec<u8> {
    if channels == 3 {
        return samples.to_vec();
    }
    let pixels = samples.chunks_exact(channels.max(1));
    pixels
        .flat_map(|pixel| match *pixel {
            [r, g, b, _] => [r, g, b],
            [grey, ..] => [grey; 3],
            [] => [0; 3],
        })
        .collect()
}
