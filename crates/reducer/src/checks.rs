//! Checks of an input matrix, made once before anything is computed.

use linfa::Float;
use ndarray::{Array2, ArrayView2};

use crate::error::{ReducerError, Result};

/// Copies a `[rows, columns]` matrix to f64 in row-major order.
///
/// # Errors
/// [`ReducerError::Empty`] without rows or columns, [`ReducerError::NotFinite`] at the first
/// entry that is not a finite number.
pub(crate) fn finite_f64<F: Float>(x: ArrayView2<F>) -> Result<Array2<f64>> {
    largest_magnitude(x)?;
    Ok(Array2::from_shape_fn(x.dim(), |at| to_f64(x[at])))
}

/// The largest absolute value of a matrix.
///
/// # Errors
/// As [`finite_f64`].
pub(crate) fn largest_magnitude<F: Float>(x: ArrayView2<F>) -> Result<f64> {
    if x.is_empty() {
        return Err(ReducerError::Empty {
            rows: x.nrows(),
            columns: x.ncols(),
        });
    }
    let mut largest = F::zero();
    for (row, values) in x.rows().into_iter().enumerate() {
        // 0 x is 0 for every finite x, and NaN otherwise: no branch per entry.
        let mut poison = F::zero();
        for &value in values {
            poison += value * F::zero();
            let size = value.abs();
            largest = if size > largest { size } else { largest };
        }
        if !poison.is_zero() {
            for (column, &value) in values.iter().enumerate() {
                if !value.is_finite() {
                    return Err(ReducerError::NotFinite {
                        row,
                        column,
                        value: to_f64(value),
                    });
                }
            }
        }
    }
    Ok(to_f64(largest))
}

/// Widens one entry; f32 and f64 both fit.
pub(crate) fn to_f64<F: Float>(value: F) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}
