//! The tensors of a checkpoint of any format.

use crate::error::Result;
use std::collections::BTreeMap;

/// A tensor in a file, whose values are read on demand.
pub(crate) trait Stored {
    /// The shape, outermost dimension first.
    fn shape(&self) -> &[usize];

    /// The values in row-major order, as f32; `name` is for error messages.
    ///
    /// # Errors
    /// A number type that is not supported, or bytes that cannot be read.
    fn values(&self, name: &str) -> Result<Vec<f32>>;
}

/// All tensors of a checkpoint by transformers' names.
pub(crate) type StoredTensors<'a> = BTreeMap<String, Box<dyn Stored + 'a>>;
