//! Pictures as PNG files in base64.

use crate::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use stratoscope_chart::PNG_URI;
use stratoscope_extractor::Media;

/// The picture of an image or a sound as `data:image/png;base64,…`.
///
/// # Errors
/// [`Error::Picture`] for a picture whose pixels do not fit its size.
pub(super) fn uri(media: &Media) -> Result<String> {
    let picture = &media.picture;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&picture.rgb)?;
        writer.finish()
    });
    written.map_err(|source| Error::Picture { name: media.name.clone(), source })?;
    Ok(format!("{PNG_URI}{}", STANDARD.encode(&bytes)))
}
