//! Weights that are in no file: their values follow from their shape.

use crate::error::Result;
use crate::stored::{Stored, width};
use std::ops::Range;
use stratoscope_transformer::Encoding;

/// A tensor that no file has.
pub(super) struct MadeTensor {
    pub(super) shape: Vec<usize>,
    /// In row-major order.
    pub(super) values: Vec<f32>,
}

impl Stored for MadeTensor {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self, _: &str) -> Result<Encoding> {
        Ok(Encoding::F32)
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let values = &self.values[rows.start * width(&self.shape)..];
        for (out, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
            *out = value.to_le_bytes();
        }
        Ok(())
    }
}
