//! Images for models that read them: pictures as pixels.

/// An image in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels of a row.
    pub width: u32,
    /// Rows of pixels.
    pub height: u32,
    /// `[height, width, 3]`: red, green and blue of each pixel.
    pub rgb: Vec<u8>,
}
