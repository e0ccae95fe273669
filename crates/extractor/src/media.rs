//! What a model reads besides texts, and what a picture of it needs: the image or the spectrogram, and
//! the grid of cells whose states are the rows.

use crate::images::Image;
use crate::input::Text;
use crate::rows::Row;
use crate::sounds::Sound;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use stratoscope_loader::{Picture, Reads};

/// What a model reads. After [`prepare`](crate::prepare) nothing depends on its kind: states are rows,
/// with labels, and [`Media`] where there is a picture.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// A text, or a pair of texts.
    Text(Text),
    /// An image.
    Image(Image),
    /// A sound.
    Sound(Sound),
}

impl From<Text> for Input {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Image> for Input {
    fn from(image: Image) -> Self {
        Self::Image(image)
    }
}

impl From<Sound> for Input {
    fn from(sound: Sound) -> Self {
        Self::Sound(sound)
    }
}

impl Input {
    /// What a model must read.
    pub fn kind(&self) -> Reads {
        match self {
            Self::Text(_) => Reads::Text,
            Self::Image(_) => Reads::Image,
            Self::Sound(_) => Reads::Sound,
        }
    }

    /// The name of the input in messages; `index` inputs come before it.
    pub(crate) fn place(&self, index: usize) -> String {
        match self {
            Self::Text(text) => text.place(index),
            Self::Image(image) => image.place().to_owned(),
            Self::Sound(sound) => sound.place().to_owned(),
        }
    }

    /// The number of its annotated words.
    pub(crate) fn annotated_words(&self) -> usize {
        match self {
            Self::Text(text) => text.words.len(),
            Self::Image(_) | Self::Sound(_) => 0,
        }
    }

    /// The size of its content in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.text.len(),
            Self::Image(image) => image.bytes().len(),
            Self::Sound(sound) => sound.bytes().len(),
        }
    }

    /// Adds everything that determines its states and their rows to a hash.
    pub(crate) fn hash_into(&self, hash: &mut Sha256) {
        match self {
            Self::Text(text) => text.hash_into(hash),
            Self::Image(image) => hash_file(hash, image.name(), image.bytes()),
            Self::Sound(sound) => hash_file(hash, sound.name(), sound.bytes()),
        }
    }
}

/// Adds a name and the bytes of a file to a hash.
fn hash_file(hash: &mut Sha256, name: &str, bytes: &[u8]) {
    hash.update((name.len() as u64).to_le_bytes());
    hash.update(name);
    hash.update(bytes);
}

/// An image or a sound as the model sees it, and its cells: the patches of an image, the frames of a
/// sound. Each cell is a row of the states.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// The name of its file.
    pub name: String,
    /// What its cells are.
    pub cell: Cell,
    /// The image after it was resized and cropped, or the spectrogram of a sound.
    pub picture: Arc<Picture>,
    /// The rows and the columns of cells, which cover the picture. A sound has one row.
    pub grid: [usize; 2],
    /// The first cell among the rows of its sequence. The other cells follow it, row by row; the rows
    /// before are special.
    pub first: usize,
    /// What the picture shows of the image before: left, top, width and height in pixels.
    pub crop: Option<[f64; 4]>,
    /// The seconds that the picture shows of a sound.
    pub seconds: Option<f64>,
    /// The frequencies at the bottom and at the top of a spectrogram, in hertz.
    pub hertz: Option<[f64; 2]>,
    /// The sha256 of its file, or of its pixels if there is no file.
    pub sha256: String,
}

/// A cell of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cell {
    /// A square of an image.
    Patch,
    /// A moment of a sound.
    Frame,
}

impl Cell {
    /// The name, singular.
    pub fn name(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Frame => "frame",
        }
    }

    /// The name, plural.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Patch => "patches",
            Self::Frame => "frames",
        }
    }

    /// What has the cells, singular and plural.
    pub fn of(self) -> [&'static str; 2] {
        match self {
            Self::Patch => ["image", "images"],
            Self::Frame => ["sound", "sounds"],
        }
    }
}

impl Media {
    /// The number of cells.
    pub fn cells(&self) -> usize {
        self.grid[0].saturating_mul(self.grid[1])
    }
}

/// The media of chosen rows: the same if every cell is still there, with its first cell among the rows
/// that are left. Else none, since a picture needs all of its cells. `rows` are all rows, `kept` the
/// ascending places of those that are left.
pub(crate) fn of_rows(media: &[Media], rows: &[Row], kept: &[usize]) -> Vec<Media> {
    let mut all = Vec::with_capacity(media.len());
    for (sequence, of) in media.iter().enumerate() {
        let begin = rows.partition_point(|row| row.sequence < sequence);
        let cells = begin + of.first..begin + of.first + of.cells();
        let first = kept.partition_point(|&row| row < begin);
        let first_cell = kept.partition_point(|&row| row < cells.start);
        let end = kept.partition_point(|&row| row < cells.end);
        if end - first_cell != of.cells() {
            return Vec::new();
        }
        all.push(Media { first: first_cell - first, ..of.clone() });
    }
    all
}
