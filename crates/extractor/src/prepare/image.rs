//! An image as the model reads it: its patches, and their rows.

use super::prepared::Prepared;
use crate::error::{Error, Result};
use crate::files::sha256;
use crate::images::Image;
use crate::input::Text;
use crate::media::{Cell, Media};
use std::sync::Arc;
use stratoscope_loader::{Model, ProcessedImage};

/// Decodes an image, resizes it as the processor of the model says, and adds its patches.
pub(super) fn add(prepared: &mut Prepared, model: &Model, image: &Image) -> Result<()> {
    let Some(processor) = &model.images else {
        return Err(Error::NoProcessor { model: model.info.id.clone() });
    };
    let ProcessedImage { sequence, grid, prefix, crop, seen } =
        processor.process(&*image.picture()?)?;
    let [_, columns] = grid;
    let first = prefix.len();
    let patches = (0..sequence.tokens().saturating_sub(first))
        .map(|cell| (format!("patch {},{}", cell / columns.max(1), cell % columns.max(1)), false));
    let labels = prefix.into_iter().map(|label| (label, true)).chain(patches);
    prepared.add_cells(sequence, labels.collect());
    prepared.media.push(Media {
        name: image.name().to_owned(),
        cell: Cell::Patch,
        picture: Arc::new(seen),
        grid,
        first,
        crop: Some(crop),
        seconds: None,
        hertz: None,
        sha256: sha256(image.bytes()),
    });
    prepared.texts.push(Text::from(image.name()));
    Ok(())
}
