//! Images: from a file to the pixels that a model's processor reads.

mod decode;
mod exif;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::open::read_limited;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stratoscope_loader::{Picture, path_text};

/// The largest file of an image.
const MAX_BYTES: u64 = 128 << 20;

/// Extensions of the files of a folder that are read as images, in lower case.
const EXTENSIONS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

/// An image, and its name.
#[derive(Debug, Clone)]
pub struct Image {
    /// The name in results: the name of its file.
    name: String,
    /// The name in messages: the path of its file.
    place: String,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    /// The bytes of a file, which are decoded when the image is prepared.
    File(Arc<[u8]>),
    /// Pixels, and the bytes that determine them: width, height and values.
    Picture(Arc<Picture>, Arc<[u8]>),
}

impl Image {
    /// An image of pixels.
    pub fn new(name: impl Into<String>, picture: Picture) -> Self {
        let name = name.into();
        let size = [picture.width, picture.height].into_iter().flat_map(u32::to_le_bytes);
        let bytes = size.chain(picture.rgb.iter().copied()).collect();
        Self { place: name.clone(), name, content: Content::Picture(Arc::new(picture), bytes) }
    }

    /// Reads a PNG, JPEG or WebP file. It is decoded when it is prepared for a model.
    ///
    /// # Errors
    /// A file that cannot be read, or is larger than 128 MiB.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = read_limited(path, MAX_BYTES)?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = path_text(name.as_ref());
        Ok(Self { name, place: path_text(path), content: Content::File(bytes.into()) })
    }

    /// The name in results.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name in messages.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// The pixels, upright and in red, green and blue: as
    /// `ImageOps.exif_transpose(image).convert("RGB")` of Pillow gives them, which is how transformers
    /// loads an image. Transparency is dropped. Of an animation the first frame.
    ///
    /// # Errors
    /// [`Error::Image`] for a file of another kind, a damaged file, and one of more than 50 million
    /// pixels.
    pub fn picture(&self) -> Result<Arc<Picture>> {
        match &self.content {
            Content::Picture(picture, _) => Ok(picture.clone()),
            Content::File(bytes) => {
                let wrong = |reason| Error::Image { place: self.place.clone(), reason };
                decode::decode(bytes).map(Arc::new).map_err(wrong)
            }
        }
    }

    /// The bytes that determine the pixels.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::File(bytes) | Content::Picture(_, bytes) => bytes,
        }
    }
}

/// The images of a folder, by the extensions of their names (`png`, `jpg`, `jpeg`, `webp`), in the order
/// of the names. Files in folders within it are not read.
///
/// # Errors
/// A folder that cannot be read, or without an image.
pub fn image_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if EXTENSIONS.contains(&extension.as_str()) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(Error::NoImage { path: folder.to_owned() }),
        false => Ok(files),
    }
}
