//! Mean and scatter of rows that come in blocks: the sufficient statistics of PCA.

use linfa::Float;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, s};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::checks::{largest_magnitude, to_f64};
use crate::error::{ReducerError, Result};
use stratoscope_numerics::add_scatter;

/// Rows of one product, less the one that is added: 256 x 384 in f64 stay in the cache of a core.
const ROWS: usize = 255;
/// Rows of the scatter matrix per product.
const PANEL: usize = 48;
/// The largest number of partial sums: fixed, so that the number of threads changes no digit.
const MAX_PARTS: usize = 8;

/// The number, mean and scatter matrix Σ (x − mean)(x − mean)ᵀ of rows of one length.
///
/// Rows are read once, in blocks of any size, and the moments of two parts of the data can be merged
/// (Chan, Golub & LeVeque 1983): memory is d², for any number of rows. Sums are in f64, in a unit
/// that grows with the entries, so that no square overflows. The block size changes the result by
/// rounding; the number of threads does not.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    n: usize,
    /// The unit of the mean and the scatter: a power of two, so that division is exact.
    unit: f64,
    mean: Array1<f64>,
    /// The lower triangle, `[d, d]`.
    scatter: Array2<f64>,
}

impl Moments {
    /// The moments of no rows, of length `d`.
    pub fn new(d: usize) -> Self {
        Self { n: 0, unit: MIN_UNIT, mean: Array1::zeros(d), scatter: Array2::zeros((d, d)) }
    }

    /// The number of rows so far.
    pub fn n_rows(&self) -> usize {
        self.n
    }

    /// The length of a row.
    pub fn n_columns(&self) -> usize {
        self.mean.len()
    }

    /// Adds rows `[n, d]`, f32 or f64; no rows are allowed.
    ///
    /// # Errors
    /// A different number of columns; an entry that is not finite, with its row in this block. After
    /// an error, the moments are unchanged.
    pub fn add<F: Float>(&mut self, rows: ArrayView2<F>) -> Result<()> {
        let (n, d) = rows.dim();
        if d != self.n_columns() {
            return Err(ReducerError::Shape {
                what: "rows to add",
                expected: [n, self.n_columns()],
                found: [n, d],
            });
        }
        if n == 0 || d == 0 {
            return Ok(());
        }
        let unit = unit_of(largest_magnitude(rows)?);
        let per_part = n.div_ceil(MAX_PARTS).max(ROWS);
        let parts: Vec<_> = rows.axis_chunks_iter(Axis(0), per_part).collect();
        let parts: Vec<Self> = parts.into_par_iter().map(|part| Self::of(part, unit)).collect();
        parts.iter().try_for_each(|part| self.merge(part))
    }

    /// Adds the moments of other rows.
    ///
    /// # Errors
    /// A different number of columns.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if other.n_columns() != self.n_columns() {
            return Err(ReducerError::Shape {
                what: "moments to merge",
                expected: [other.n, self.n_columns()],
                found: [other.n, other.n_columns()],
            });
        }
        if other.n == 0 {
            return Ok(());
        }
        if self.n == 0 {
            self.clone_from(other);
            return Ok(());
        }
        let unit = self.unit.max(other.unit);
        self.scale_to(unit);
        let factor = other.unit / unit;
        let mut step = &other.mean * factor;
        step -= &self.mean;
        let n = (self.n + other.n) as f64;
        self.scatter.scaled_add(factor * factor, &other.scatter);
        // The scatter of the two means about the common mean: one additional row.
        let weight = (self.n as f64 * (other.n as f64 / n)).sqrt();
        let row = (&step * weight).insert_axis(Axis(0));
        add_scatter(row.view(), &mut self.scatter, PANEL);
        self.mean.scaled_add(other.n as f64 / n, &step);
        self.n += other.n;
        Ok(())
    }

    /// The mean of the rows, `[d]`.
    pub fn mean(&self) -> Array1<f64> {
        &self.mean * self.unit
    }

    /// The lower triangle of the scatter matrix, `[d, d]`, in the square of the unit; and the unit.
    pub(crate) fn scatter(&self) -> (&Array2<f64>, f64) {
        (&self.scatter, self.unit)
    }

    /// Changes the unit to one that is not smaller.
    fn scale_to(&mut self, unit: f64) {
        let factor = self.unit / unit;
        if factor != 1.0 {
            self.mean *= factor;
            self.scatter *= factor * factor;
            self.unit = unit;
        }
    }

    /// The moments of finite rows, in a unit in which their entries are below 2.
    fn of<F: Float>(rows: ArrayView2<F>, unit: f64) -> Self {
        let d = rows.ncols();
        let mut sum = Self { n: 0, unit, mean: Array1::zeros(d), scatter: Array2::zeros((d, d)) };
        // One additional row: the step from one mean to the next.
        let mut room = Array2::zeros((ROWS.min(rows.nrows()) + 1, d));
        for block in rows.axis_chunks_iter(Axis(0), ROWS) {
            let mut centred = room.slice_mut(s![..=block.nrows(), ..]);
            let mean = centre(block, 1.0 / unit, centred.slice_mut(s![1.., ..]));
            let step = mean - &sum.mean;
            let (before, added) = (sum.n as f64, block.nrows() as f64);
            let share = added / (before + added);
            centred.row_mut(0).assign(&(&step * (before * share).sqrt()));
            add_scatter(centred.view(), &mut sum.scatter, PANEL);
            // The mean of the first block is exact: equal rows have no scatter.
            sum.mean.scaled_add(share, &step);
            sum.n += block.nrows();
        }
        sum
    }
}

/// The unit of data that is all 0.
const MIN_UNIT: f64 = f64::MIN_POSITIVE;

/// The largest power of two that is not above a magnitude.
pub(crate) fn unit_of(largest: f64) -> f64 {
    if largest > 0.0 { largest.log2().floor().clamp(-1000.0, 1000.0).exp2() } else { MIN_UNIT }
}

/// Writes the rows, scaled and less their mean, to `out`, and returns this mean.
pub(crate) fn centre<F: Float>(
    rows: ArrayView2<F>,
    scale: f64,
    mut out: ArrayViewMut2<f64>,
) -> Array1<f64> {
    // Relative to the first row: the mean of equal rows is exact.
    let first: Array1<f64> = rows.row(0).iter().map(|&value| to_f64(value) * scale).collect();
    let mut sum = Array1::<f64>::zeros(rows.ncols());
    for (row, mut target) in rows.rows().into_iter().zip(out.rows_mut()) {
        subtract(row, scale, first.as_slice().unwrap_or(&[]), &mut target);
        sum += &target;
    }
    sum /= rows.nrows() as f64;
    out -= &sum;
    first + sum
}

/// Writes a row, scaled and less `minus`, to `target`.
#[inline(always)]
pub(crate) fn subtract<F: Float>(
    row: ArrayView1<F>,
    scale: f64,
    minus: &[f64],
    target: &mut ndarray::ArrayViewMut1<f64>,
) {
    // On slices the compiler uses vector registers.
    match (row.as_slice(), target.as_slice_mut()) {
        (Some(row), Some(target)) => Arch::new().dispatch(Subtract { row, scale, minus, target }),
        _ => {
            let slots = target.iter_mut().zip(minus);
            slots.zip(row).for_each(|((slot, less), &v)| *slot = to_f64(v) * scale - less);
        }
    }
}

/// [`subtract`] for a contiguous row.
struct Subtract<'a, F> {
    row: &'a [F],
    scale: f64,
    minus: &'a [f64],
    target: &'a mut [f64],
}

impl<F: Float> WithSimd for Subtract<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((slot, less), &value) in self.target.iter_mut().zip(self.minus).zip(self.row) {
            *slot = to_f64(value) * self.scale - less;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize, d: usize) -> Array2<f64> {
        let mut state = 7u64;
        Array2::from_shape_simple_fn((n, d), || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            (state >> 11) as f64 / (1u64 << 53) as f64 + 3.0
        })
    }

    fn gathered(blocks: &[ArrayView2<f64>], d: usize) -> Moments {
        let mut moments = Moments::new(d);
        blocks.iter().for_each(|block| moments.add(*block).unwrap());
        moments
    }

    /// Mean and lower triangle of the scatter, in unit 1.
    fn plain(moments: &Moments) -> Vec<f64> {
        let (scatter, unit) = moments.scatter();
        let lower = scatter.indexed_iter().filter(|((i, j), _)| j <= i);
        let lower = lower.map(|(_, v)| v * unit * unit);
        moments.mean().into_iter().chain(lower).collect()
    }

    #[test]
    fn moments_are_the_mean_and_the_product() {
        for (n, d) in [(1, 1), (5, 3), (700, 5), (3000, 100), (300, 200)] {
            let x = rows(n, d);
            let mean = x.mean_axis(Axis(0)).unwrap();
            let centred = &x - &mean;
            let product = centred.t().dot(&centred);
            let lower = product.indexed_iter().filter(|((i, j), _)| j <= i).map(|(_, v)| *v);
            let expected: Vec<f64> = mean.iter().copied().chain(lower).collect();
            // At once, in blocks, and merged from two parts.
            let whole = gathered(&[x.view()], d);
            let (a, b) = x.view().split_at(Axis(0), n / 3);
            let blocks = gathered(&[a, b], d);
            let mut merged = gathered(&[b], d);
            merged.merge(&gathered(&[a], d)).unwrap();
            for found in [whole, blocks, merged] {
                assert_eq!(found.n_rows(), n);
                for (a, b) in plain(&found).iter().zip(&expected) {
                    assert!((a - b).abs() < 1e-11, "{n} x {d}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn moments_take_any_size_of_numbers() {
        let x = rows(600, 4);
        let exact = plain(&gathered(&[x.view()], 4));
        // Small rows before large ones: the unit grows, and the sums stay exact enough.
        for scale in [2f64.powi(-400), 2f64.powi(400)] {
            let scaled = x.mapv(|v| v * scale);
            let (a, b) = scaled.view().split_at(Axis(0), 250);
            let found = gathered(&[a, b], 4);
            let (scatter, unit) = found.scatter();
            assert!(scatter.iter().chain(&found.mean()).all(|v| v.is_finite()));
            let first = scatter[[0, 0]] * (unit / scale).powi(2);
            assert!((first / exact[4] - 1.0).abs() < 1e-12);
        }
        let mut mixed = gathered(&[x.mapv(|v| v * 1e-300).view()], 4);
        mixed.add(x.mapv(|v| v * 1e300).view()).unwrap();
        assert!(plain(&mixed)[..4].iter().all(|v| (v / 1.75e300 - 1.0).abs() < 0.05));
        let same = gathered(&[Array2::from_elem((700, 3), 0.1).view()], 3);
        assert!(same.mean().iter().all(|&v| v == 0.1));
        assert!(same.scatter().0.iter().all(|&v| v == 0.0));
    }

    #[test]
    fn what_does_not_fit_is_not_added() {
        let mut moments = gathered(&[rows(9, 3).view()], 3);
        let before = moments.clone();
        assert!(moments.add(rows(9, 4).view()).is_err());
        assert!(moments.merge(&Moments::new(2)).is_err());
        let mut spoilt = rows(900, 3);
        spoilt[[700, 1]] = f64::NAN;
        let error = moments.add(spoilt.view());
        assert!(matches!(error, Err(ReducerError::NotFinite { row: 700, column: 1, .. })));
        moments.add(rows(0, 3).view()).unwrap();
        assert_eq!(moments, before);
    }
}
