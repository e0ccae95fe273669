//! Images and sounds of an exploration: their pictures, and the cells whose states are the tokens.

use serde::{Deserialize, Serialize};

/// An image or a sound, cut into cells: the patches of an image, the frames of a sound. Each cell is a
/// token of the exploration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Media {
    /// The name of its file.
    pub name: String,
    /// What it is.
    pub kind: MediaKind,
    /// The image as the model sees it, or the spectrogram of a sound, as a data URI of a PNG. The cells
    /// cover the whole picture.
    pub picture: String,
    /// The width of the picture in pixels.
    pub width: usize,
    /// The height of the picture in pixels.
    pub height: usize,
    /// The rows and the columns of cells; a sound has one row.
    pub grid: [usize; 2],
    /// The first cell, as an index of `tokens`; the other cells follow it, row by row.
    pub first: usize,
    /// The length of the sound that the picture shows, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The frequencies at the bottom and at the top of a spectrogram, in hertz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hertz: Option<[f64; 2]>,
}

/// What is cut into cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// An image, cut into patches.
    #[default]
    Image,
    /// A sound, cut into frames.
    Sound,
}

/// Similarities of some tokens to all tokens at one layer, where all pairs would be too many.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct QuerySimilarity {
    /// `[queries][tokens]`: cosines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<Vec<Vec<f64>>>,
    /// `[queries][tokens]`: cosines after the mean of the layer's tokens is subtracted, without special
    /// tokens and attention sinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centred: Option<Vec<Vec<f64>>>,
}
