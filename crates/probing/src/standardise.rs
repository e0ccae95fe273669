//! Standardises vectors by the training rows.

use crate::error::{ProbingError, Result};
use ndarray::{Array1, Array2, ArrayView2};

/// Mean and standard deviation of some rows. A dimension with a deviation of 0 is ignored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standardiser {
    /// `[d_model]`.
    pub(crate) mean: Array1<f32>,
    /// `[d_model]`.
    pub(crate) sd: Array1<f32>,
}

/// A deviation below this share of the mean, or of the deviations of other dimensions, is rounding in
/// f32.
const ROUNDING: f64 = 1e-6;

impl Standardiser {
    /// Computes it of the rows `of` of vectors `[rows, d_model]`.
    ///
    /// # Errors
    /// An entry that is not finite.
    pub(crate) fn new(vectors: ArrayView2<'_, f32>, of: &[usize]) -> Result<Self> {
        let n = of.len().max(1) as f64;
        let mut mean = Array1::<f64>::zeros(vectors.ncols());
        for &row in of {
            let values = vectors.row(row);
            if let Some(&value) = values.iter().find(|v| !v.is_finite()) {
                return Err(ProbingError::RowNotFinite { row, value });
            }
            mean.zip_mut_with(&values, |m, &v| *m += f64::from(v));
        }
        mean /= n;
        let mut square = Array1::<f64>::zeros(vectors.ncols());
        for &row in of {
            ndarray::Zip::from(&mut square).and(&mean).and(vectors.row(row)).for_each(
                |s, m, &v| {
                    *s += (f64::from(v) - m).powi(2);
                },
            );
        }
        let sd = ndarray::Zip::from(&square).and(&mean).map_collect(|s, m| {
            let sd = (s / n).sqrt();
            if sd > ROUNDING * m.abs() { sd as f32 } else { 0.0 }
        });
        Ok(Self { mean: mean.mapv(|m| m as f32), sd })
    }

    /// Ignores also the dimensions of which the deviation is small beside those of the others: it is
    /// rounding, and would be raised to the weight of the others.
    pub(crate) fn without_rounding(mut self) -> Self {
        let mut sorted = self.sd.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
        let limit = (ROUNDING * f64::from(median)) as f32;
        self.sd.mapv_inplace(|sd| if sd > limit { sd } else { 0.0 });
        self
    }

    /// The rows `of` of vectors, standardised: `[of, d_model]`.
    ///
    /// # Errors
    /// An entry that is not finite, or whose z-score is not.
    pub(crate) fn apply(&self, vectors: ArrayView2<'_, f32>, of: &[usize]) -> Result<Array2<f32>> {
        let mut out = Array2::zeros((of.len(), vectors.ncols()));
        for (mut to, &row) in out.outer_iter_mut().zip(of) {
            let mut wrong = None;
            ndarray::Zip::from(&mut to)
                .and(vectors.row(row))
                .and(&self.mean)
                .and(&self.sd)
                .for_each(|to, &value, &mean, &sd| {
                    let z = (f64::from(value) - f64::from(mean)) / f64::from(sd);
                    *to = if sd > 0.0 { z as f32 } else { 0.0 };
                    if !value.is_finite() || !to.is_finite() {
                        wrong = Some(value);
                    }
                });
            if let Some(value) = wrong {
                return Err(ProbingError::RowNotFinite { row, value });
            }
        }
        Ok(out)
    }
}
