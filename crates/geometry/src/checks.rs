//! Checks of the input.

use ndarray::{Array2, ArrayView2};

use crate::error::{GeometryError, Result};

/// Copies a matrix to f64, row-major.
///
/// # Errors
/// An entry that is not finite.
pub(crate) fn finite(x: ArrayView2<f32>) -> Result<Array2<f64>> {
    all_finite(x)?;
    Ok(Array2::from_shape_fn(x.dim(), |at| f64::from(x[at])))
}

/// # Errors
/// An entry that is not finite.
pub(crate) fn all_finite(x: ArrayView2<f32>) -> Result<()> {
    match x.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => Err(GeometryError::NotFinite { row, column, value }),
        None => Ok(()),
    }
}

/// # Errors
/// Two sizes that differ.
pub(crate) fn same_length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(GeometryError::Length { what, expected, found }) }
}
