//! Exact principal component analysis.

use linfa::traits::{Fit, Transformer};
use linfa::{DatasetBase, Float, ParamGuard};
use ndarray::{Array1, Array2, ArrayBase, ArrayView1, ArrayView2, Axis, Data, Ix2, s};
use rayon::prelude::*;

use crate::checks::largest_magnitude;
use crate::error::{ReducerError, Result};
use crate::moments::{Moments, centre, subtract, unit_of};
use stratoscope_numerics::{SymmetricEigen, add_product};

/// Rows of one projection task: 128 x 384 in f64 stay in the cache of a core.
const ROWS: usize = 128;
/// Loadings within this relative distance of the largest loading count as equal to it.
const TIE: f64 = 1e-9;

/// Principal components of the rows of a matrix `[n, d]`.
///
/// Computed from the eigenvectors of the covariance `[d, d]` or of the Gram matrix `[n, n]`,
/// whichever is smaller, in f64 (Jolliffe 2002, chapter 3). A direction is kept while its singular
/// value is above max(n, d)^½ · 1.5e-8 of the largest; a smaller one is rounding. So there may be
/// fewer components than requested, and none where all rows are equal.
///
/// Signs are fixed: the loading of largest magnitude is positive; of loadings within 1e-9 of the
/// largest, the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    mean: Array1<f64>,
    components: Array2<f64>,
    singular_values: Array1<f64>,
    n_rows: usize,
    total_variance: f64,
}

impl Pca {
    /// Settings for at most `n_components` components.
    pub fn params(n_components: usize) -> PcaParams {
        PcaParams(PcaValidParams { n_components })
    }

    /// `squares` (σ² of the kept directions) and `trace` (Σ σ² of all directions) are in the square
    /// of the unit.
    fn new(
        mean: Array1<f64>,
        mut components: Array2<f64>,
        squares: ArrayView1<f64>,
        n_rows: usize,
        trace: f64,
        unit: f64,
    ) -> Self {
        components.rows_mut().into_iter().for_each(fix_sign);
        Self {
            mean,
            components,
            singular_values: squares.mapv(|square| square.sqrt() * unit),
            n_rows,
            total_variance: trace * unit * unit / (n_rows - 1) as f64,
        }
    }

    /// The mean of the fitted rows, `[d]`.
    pub fn mean(&self) -> &Array1<f64> {
        &self.mean
    }

    /// The components `[k, d]`, orthonormal, by descending variance.
    pub fn components(&self) -> &Array2<f64> {
        &self.components
    }

    /// The singular values of the centred rows, `[k]`, descending.
    pub fn singular_values(&self) -> &Array1<f64> {
        &self.singular_values
    }

    /// The variance along each component, `[k]`: σ² / (n − 1).
    pub fn explained_variance(&self) -> Array1<f64> {
        let divisor = (self.n_rows - 1) as f64;
        self.singular_values.mapv(|sigma| sigma * sigma / divisor)
    }

    /// The share of [`Pca::total_variance`] along each component, `[k]`.
    pub fn explained_variance_ratio(&self) -> Array1<f64> {
        self.explained_variance() / self.total_variance
    }

    /// The variance of the rows, summed over all d dimensions; the divisor is n − 1.
    pub fn total_variance(&self) -> f64 {
        self.total_variance
    }
}

impl<F: Float, D: Data<Elem = F>> Transformer<&ArrayBase<D, Ix2>, Result<Array2<f64>>> for Pca {
    /// Projects rows `[m, d]`, fitted or not, on the components: `[m, k]`.
    ///
    /// Errors: a different number of columns, empty or non-finite rows.
    fn transform(&self, x: &ArrayBase<D, Ix2>) -> Result<Array2<f64>> {
        largest_magnitude(x.view())?;
        if x.ncols() != self.mean.len() {
            return Err(ReducerError::Shape {
                what: "columns of the rows to project",
                expected: [x.nrows(), self.mean.len()],
                found: [x.nrows(), x.ncols()],
            });
        }
        let mut projected = Array2::zeros((x.nrows(), self.components.nrows()));
        let basis = self.components.t();
        let mean = self.mean.as_slice().unwrap_or(&[]);
        let x = x.view();
        let chunks: Vec<_> = x.axis_chunks_iter(Axis(0), ROWS).collect();
        chunks.into_par_iter().zip(projected.axis_chunks_iter_mut(Axis(0), ROWS)).for_each_init(
            || Array2::zeros((ROWS.min(x.nrows()), x.ncols())),
            |room, (rows, out)| {
                let mut centred = room.slice_mut(s![..rows.nrows(), ..]);
                for (row, mut target) in rows.rows().into_iter().zip(centred.rows_mut()) {
                    subtract(row, 1.0, mean, &mut target);
                }
                add_product(centred.view(), basis, out);
            },
        );
        Ok(projected)
    }
}

/// Unchecked settings of [`Pca`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PcaParams(PcaValidParams);

/// Checked settings of [`Pca`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PcaValidParams {
    n_components: usize,
}

impl ParamGuard for PcaParams {
    type Checked = PcaValidParams;
    type Error = ReducerError;

    fn check_ref(&self) -> Result<&PcaValidParams> {
        if self.0.n_components == 0 {
            return Err(ReducerError::Setting {
                name: "n_components",
                value: 0.0,
                expected: "at least 1",
            });
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<PcaValidParams> {
        self.check_ref()?;
        Ok(self.0)
    }
}

impl<F: Float, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, ReducerError> for PcaValidParams {
    type Object = Pca;

    /// Fits the records of the dataset, rows `[n, d]` of f32 or f64; targets are not used.
    ///
    /// Errors: fewer than 2 rows, no columns, an entry that is not finite.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Pca> {
        self.fit_rows(dataset.records.view())
    }
}

impl PcaValidParams {
    /// Fits rows that are given by their [`Moments`]: a corpus that was read in blocks.
    ///
    /// # Errors
    /// Fewer than 2 rows, no columns.
    pub fn fit_moments(&self, moments: &Moments) -> Result<Pca> {
        let (n, d) = (moments.n_rows(), moments.n_columns());
        if d == 0 {
            return Err(ReducerError::Empty { rows: n, columns: d });
        }
        if n < 2 {
            return Err(ReducerError::TooFewRows { method: "PCA", needed: 2, found: n });
        }
        let (scatter, unit) = moments.scatter();
        let trace = scatter.diag().sum();
        let eigen = SymmetricEigen::new(scatter.clone())?;
        let k = rank(eigen.values(), n, d).min(self.n_components);
        let squares = eigen.values().slice(s![..k]);
        Ok(Pca::new(moments.mean(), eigen.vectors(k), squares, n, trace, unit))
    }

    fn fit_rows<F: Float>(&self, x: ArrayView2<F>) -> Result<Pca> {
        let (n, d) = x.dim();
        if d <= n && n >= 2 {
            let mut moments = Moments::new(d);
            moments.add(x)?;
            return self.fit_moments(&moments);
        }
        let unit = unit_of(largest_magnitude(x)?);
        if n < 2 {
            return Err(ReducerError::TooFewRows { method: "PCA", needed: 2, found: n });
        }
        let mut centred = Array2::zeros((n, d));
        let mean = centre(x, 1.0 / unit, centred.view_mut()) * unit;
        let matrix = centred.dot(&centred.t());
        let trace = matrix.diag().sum();
        let eigen = SymmetricEigen::new(matrix)?;
        let k = rank(eigen.values(), n, d).min(self.n_components);
        let mut components = eigen.vectors(k).dot(&centred);
        orthonormalise(&mut components);
        Ok(Pca::new(mean, components, eigen.values().slice(s![..k]), n, trace, unit))
    }
}

/// Gram-Schmidt on the rows, twice, because the error of one pass grows with the condition number.
fn orthonormalise(rows: &mut Array2<f64>) {
    for i in 0..rows.nrows() {
        let (before, mut rest) = rows.view_mut().split_at(Axis(0), i);
        let mut row = rest.row_mut(0);
        for _ in 0..2 {
            let length = row.dot(&row).sqrt();
            row /= length;
            let overlap = before.dot(&row);
            row -= &overlap.dot(&before);
        }
        let length = row.dot(&row).sqrt();
        row /= length;
    }
}

/// The number of squared singular values (descending) that are above rounding.
fn rank(squares: &Array1<f64>, n: usize, d: usize) -> usize {
    let top = squares.first().copied().unwrap_or(0.0);
    let relative = top * n.max(d) as f64 * f64::EPSILON;
    // Entries are below 2, so the error of each centred entry is a few epsilon at most.
    let absolute = (n * d) as f64 * (8.0 * f64::EPSILON).powi(2);
    let threshold = relative.max(absolute);
    squares.iter().take_while(|&&square| square > threshold).count()
}

/// Flips a component where its largest loading is negative.
fn fix_sign(mut component: ndarray::ArrayViewMut1<f64>) {
    let largest = component.iter().fold(0.0f64, |top, v| top.max(v.abs()));
    let first = component.iter().find(|v| v.abs() >= largest * (1.0 - TIE));
    if first.is_some_and(|&v| v < 0.0) {
        component.mapv_inplace(|v| -v);
    }
}
