//! Pictures whose cells have values: the patches of an image or the frames of a sound, layer by layer.

use crate::scale::Scale;
use serde::{Deserialize, Serialize};

/// Pictures under a grid of cells, with the values of the cells at every layer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pictures {
    /// What the values of a cell are. One channel is drawn by a colour map; three channels are the red,
    /// the green and the blue of the cell.
    pub channels: Vec<Channel>,
    /// The pictures.
    pub panels: Vec<PicturePanel>,
}

/// One of the values of a cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// What the value is, with its unit.
    pub value: String,
    /// How it becomes a colour, or the strength of one.
    pub scale: Scale,
}

/// A picture and the values of its cells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PicturePanel {
    /// The name of the picture, such as its file.
    pub title: String,
    /// The picture, as the model reads it: a PNG file as `data:image/png;base64,…`.
    pub picture: String,
    /// Rows and columns of cells. They cover the picture. One row of cells is a strip: a sound.
    pub grid: [usize; 2],
    /// The duration of a sound in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The cell that has a frame, as its place row by row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<usize>,
    /// The values, layer by layer.
    pub slices: Vec<PictureSlice>,
}

/// The values of the cells of a picture at a layer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PictureSlice {
    /// The layer.
    pub layer: usize,
    /// `[cells * channels]`, cell by cell and row by row; none where a value is not defined.
    pub values: Vec<Option<f64>>,
}

/// How the text of a picture begins.
pub const PNG_URI: &str = "data:image/png;base64,";

impl Pictures {
    /// Pictures whose cells have one value, drawn by a colour map; `value` is what it is, with its unit.
    pub fn new(
        value: impl Into<String>,
        scale: Scale,
        panels: impl IntoIterator<Item = PicturePanel>,
    ) -> Self {
        let channels = vec![Channel { value: value.into(), scale }];
        Self { channels, panels: panels.into_iter().collect() }
    }

    /// Pictures whose cells have three values: their red, green and blue.
    pub fn colours(
        channels: [(String, Scale); 3],
        panels: impl IntoIterator<Item = PicturePanel>,
    ) -> Self {
        let channels = channels.map(|(value, scale)| Channel { value, scale }).into();
        Self { channels, panels: panels.into_iter().collect() }
    }
}

impl PicturePanel {
    /// The number of cells.
    pub fn cells(&self) -> usize {
        self.grid[0].saturating_mul(self.grid[1])
    }

    /// Whether the cells are one row: moments of a sound.
    pub fn is_strip(&self) -> bool {
        self.grid[0] == 1
    }
}
