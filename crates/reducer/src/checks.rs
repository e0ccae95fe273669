//! Checks of an input matrix, before anything is computed.

use linfa::Float;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

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
        return Err(ReducerError::Empty { rows: x.nrows(), columns: x.ncols() });
    }
    let chunks: Vec<_> = x.axis_chunks_iter(Axis(0), ROWS).collect();
    let tops: Vec<Option<F>> = chunks.into_par_iter().map(largest_if_finite).collect();
    tops.into_iter()
        .try_fold(F::zero(), |top, chunk| chunk.map(|value| if value > top { value } else { top }))
        .map_or_else(|| Err(first_not_finite(x)), |top| Ok(to_f64(top)))
}

/// # Errors
/// A map `y` with a different number of rows than the data.
pub(crate) fn same_rows<G: Float>(rows: usize, y: ArrayView2<G>) -> Result<()> {
    if y.nrows() == rows {
        return Ok(());
    }
    Err(ReducerError::Shape {
        what: "rows of the map and of the data",
        expected: [rows, y.ncols()],
        found: [y.nrows(), y.ncols()],
    })
}

/// Rows of one parallel task.
pub(crate) const ROWS: usize = 1024;

/// The largest absolute value of some rows, or None where one is not finite.
fn largest_if_finite<F: Float>(rows: ArrayView2<F>) -> Option<F> {
    // By column, without a branch: 0 · x is 0 for every finite x, and NaN otherwise.
    let mut tops = vec![F::zero(); rows.ncols()];
    let mut poison = vec![F::zero(); rows.ncols()];
    for row in rows.rows() {
        let slots = tops.iter_mut().zip(&mut poison);
        match row.as_slice() {
            Some(row) => slots.zip(row).for_each(|((top, bad), &v)| update(top, bad, v)),
            None => slots.zip(row).for_each(|((top, bad), &v)| update(top, bad, v)),
        }
    }
    let clean = poison.iter().all(|value| value.is_zero());
    clean.then(|| tops.into_iter().fold(F::zero(), |a, b| if b > a { b } else { a }))
}

#[inline(always)]
fn update<F: Float>(top: &mut F, poison: &mut F, value: F) {
    let size = value.abs();
    *top = if size > *top { size } else { *top };
    *poison += value * F::zero();
}

/// The error that names the first entry that is not a finite number.
fn first_not_finite<F: Float>(x: ArrayView2<F>) -> ReducerError {
    let found = x.indexed_iter().find(|(_, value)| !value.is_finite());
    let ((row, column), value) = found.map_or(((0, 0), f64::NAN), |(at, &v)| (at, to_f64(v)));
    ReducerError::NotFinite { row, column, value }
}

/// Converts an f32 or f64 entry to f64.
pub(crate) fn to_f64<F: Float>(value: F) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}
