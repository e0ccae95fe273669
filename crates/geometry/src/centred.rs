//! Centred and scaled rows of f32, without a copy in f64.

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis};

use crate::checks::all_finite;
use crate::error::Result;

/// Rows of f32 that are centred and scaled when they are read: a layer is held once, in f32.
#[derive(Debug)]
pub(crate) struct Centred<'a> {
    rows: ArrayView2<'a, f32>,
    mean: Array1<f64>,
    /// The factor of the centred rows.
    scale: f64,
    /// The squared lengths of the centred and scaled rows, `[n]`.
    pub(crate) lengths: Vec<f64>,
}

impl<'a> Centred<'a> {
    /// Scales the rows so that their squared lengths add up to 1; all are 0 where the rows are equal.
    ///
    /// # Errors
    /// An entry that is not finite.
    pub(crate) fn new(rows: ArrayView2<'a, f32>) -> Result<Self> {
        all_finite(rows)?;
        let (n, d) = rows.dim();
        // Relative to the first row: the mean of equal rows is exact.
        let first: Vec<f64> =
            rows.rows().into_iter().take(1).flatten().map(|&v| v.into()).collect();
        let mut sum = vec![0.0; d];
        for row in rows.rows() {
            let steps = row.iter().zip(&first).map(|(&v, first)| f64::from(v) - first);
            sum.iter_mut().zip(steps).for_each(|(sum, step)| *sum += step);
        }
        let mean = first.iter().zip(sum).map(|(first, sum)| first + sum / n as f64).collect();
        let mut centred = Self { rows, mean, scale: 1.0, lengths: Vec::with_capacity(n) };
        let mut room = Array2::zeros((1, d));
        for row in 0..n {
            centred.write(&[row], room.view_mut());
            centred.lengths.push(room.iter().map(|v| v * v).sum());
        }
        let total: f64 = centred.lengths.iter().sum();
        if total > 0.0 {
            centred.scale = 1.0 / total.sqrt();
            centred.lengths.iter_mut().for_each(|length| *length /= total);
        }
        Ok(centred)
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.nrows()
    }

    /// The length of a row.
    pub(crate) fn width(&self) -> usize {
        self.rows.ncols()
    }

    /// Whether two rows differ.
    pub(crate) fn varies(&self) -> bool {
        self.lengths.iter().any(|&length| length > 0.0)
    }

    /// Writes some rows, centred and scaled, to `out` `[rows, d]`.
    pub(crate) fn write(&self, rows: &[usize], mut out: ArrayViewMut2<f64>) {
        let mean = self.mean.as_slice().unwrap_or(&[]);
        for (&row, mut target) in rows.iter().zip(out.rows_mut()) {
            let row = self.rows.row(row);
            match (row.as_slice(), target.as_slice_mut()) {
                // On slices the compiler uses vector registers.
                (Some(row), Some(target)) => {
                    for ((to, &value), mean) in target.iter_mut().zip(row).zip(mean) {
                        *to = (f64::from(value) - mean) * self.scale;
                    }
                }
                _ => {
                    for ((to, &value), mean) in target.iter_mut().zip(row).zip(mean) {
                        *to = (f64::from(value) - mean) * self.scale;
                    }
                }
            }
        }
    }

    /// All rows, centred and scaled, `[n, d]`.
    pub(crate) fn all(&self) -> Array2<f64> {
        let mut out = Array2::zeros(self.rows.dim());
        for (row, chunk) in out.axis_chunks_iter_mut(Axis(0), 1).enumerate() {
            self.write(&[row], chunk);
        }
        out
    }

    /// The squared distance of two rows from their differences: no digit is lost, and the distance of
    /// equal rows is 0.
    pub(crate) fn squared_distance(&self, a: usize, b: usize) -> f64 {
        let pairs = self.rows.row(a).into_iter().zip(self.rows.row(b));
        let squares = pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)) * self.scale);
        squares.map(|step| step * step).sum()
    }

    /// The squared distance of two rows from their product after centring and scaling.
    pub(crate) fn distance_from_product(&self, a: usize, b: usize, product: f64) -> f64 {
        let lengths = self.lengths[a] + self.lengths[b];
        let distance = lengths - 2.0 * product;
        if distance > self.cancellation(lengths) { distance } else { self.squared_distance(a, b) }
    }

    /// The smallest squared distance that a product gives with enough digits, for two rows whose
    /// squared lengths add up to `lengths`.
    pub(crate) fn cancellation(&self, lengths: f64) -> f64 {
        CANCELLATION * lengths
    }
}

/// Below this share of the two squared lengths, a distance from a product has lost its digits.
const CANCELLATION: f64 = 1e-5;
