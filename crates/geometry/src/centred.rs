//! Matrix products in f64, with the widest vector instructions of the machine.

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, s};

use crate::error::{GeometryError, Result};

/// `out += a b` on this thread alone, so that no digit depends on the threads.
#[allow(unsafe_code)]
pub(crate) fn add_product(a: ArrayView2<f64>, b: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
    let ((m, k), (k_b, n)) = (a.dim(), b.dim());
    assert!(k == k_b && out.dim() == (m, n), "shapes of a product");
    // SAFETY: pointers, sizes and strides are those of live views, whose shapes fit each other
    // (asserted above), and `out` is borrowed mutably, so that nothing else points into it.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            out.strides()[1],
            out.strides()[0],
            true,
            a.as_ptr(),
            a.strides()[1],
            a.strides()[0],
            b.as_ptr(),
            b.strides()[1],
            b.strides()[0],
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Columns of the result that [`add_scatter`] computes at once.
const PANEL: usize = 96;

/// Adds xᵀ x of rows `x` `[n, d]` to the lower triangle of `sum` `[d, d]`; what is above the
/// diagonal is not defined afterwards.
pub(crate) fn add_scatter(x: ArrayView2<f64>, sum: &mut Array2<f64>) {
    let d = x.ncols();
    for left in (0..d).step_by(PANEL) {
        let right = (left + PANEL).min(d);
        add_product(
            x.slice(s![.., left..right]).t(),
            x.slice(s![.., ..right]),
            sum.slice_mut(s![left..right, ..right]),
        );
    }
}

/// Rows of f32 that are centred and scaled when they are looked at, so that a layer is held once
/// and at half the width.
#[derive(Debug)]
pub(crate) struct Centred<'a> {
    rows: ArrayView2<'a, f32>,
    mean: Array1<f64>,
    /// What centred rows are multiplied by.
    scale: f64,
    /// Squared lengths after that, `[n]`.
    pub(crate) lengths: Vec<f64>,
}

impl<'a> Centred<'a> {
    /// With squared lengths that add up to 1, or all 0 where the rows are equal.
    ///
    /// # Errors
    /// An entry that is not finite.
    pub(crate) fn new(rows: ArrayView2<'a, f32>) -> Result<Self> {
        let bad = rows.indexed_iter().find(|(_, value)| !value.is_finite());
        if let Some(((row, column), &value)) = bad {
            return Err(GeometryError::NotFinite { row, column, value });
        }
        let (n, d) = rows.dim();
        // Relative to the first row: equal rows have exactly their own mean.
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

    /// Whether any two rows differ.
    pub(crate) fn varies(&self) -> bool {
        self.lengths.iter().any(|&length| length > 0.0)
    }

    /// Writes some rows, centred and scaled, into `out` `[rows, d]`.
    pub(crate) fn write(&self, rows: &[usize], mut out: ArrayViewMut2<f64>) {
        let mean = self.mean.as_slice().unwrap_or(&[]);
        for (&row, mut target) in rows.iter().zip(out.rows_mut()) {
            let row = self.rows.row(row);
            match (row.as_slice(), target.as_slice_mut()) {
                // Slices let the compiler use vector registers.
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

    /// The squared distance of two rows, from their differences: no digit is lost, and that of
    /// equal rows is 0.
    pub(crate) fn squared_distance(&self, a: usize, b: usize) -> f64 {
        let pairs = self.rows.row(a).into_iter().zip(self.rows.row(b));
        let squares = pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)) * self.scale);
        squares.map(|step| step * step).sum()
    }

    /// The squared distance of two rows, given their product after centring and scaling.
    pub(crate) fn distance_from_product(&self, a: usize, b: usize, product: f64) -> f64 {
        let lengths = self.lengths[a] + self.lengths[b];
        let distance = lengths - 2.0 * product;
        if distance > self.unsure(lengths) { distance } else { self.squared_distance(a, b) }
    }
}

impl Centred<'_> {
    /// Below which distance between rows of these squared lengths, in sum, a product is no answer.
    pub(crate) fn unsure(&self, lengths: f64) -> f64 {
        CANCELLATION * lengths
    }
}

/// Below this share of the two squared lengths, a distance from a product has lost its digits.
const CANCELLATION: f64 = 1e-5;
