//! Tensors as a checkpoint holds them, whatever its format.

use crate::Result;
use std::collections::BTreeMap;

/// A tensor in a file: its shape at once, its values when they are asked for.
pub(crate) trait Stored {
    /// Its shape, outermost dimension first.
    fn shape(&self) -> &[usize];

    /// Its values in row-major order, widened to f32; `name` is for messages.
    ///
    /// # Errors
    /// A number type that weights do not have, or bytes that cannot be read.
    fn values(&self, name: &str) -> Result<Vec<f32>>;
}

/// All tensors of a checkpoint by the names that transformers gives them.
pub(crate) type StoredTensors<'a> = BTreeMap<String, Box<dyn Stored + 'a>>;
