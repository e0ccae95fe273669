//! A fitted linear probe: its parameters and its predictions.

use crate::error::{ProbingError, Result};
use crate::logistic::{BLOCK, log_probabilities};
use crate::standardise::Standardiser;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// A fitted linear probe: multinomial logistic regression on standardised vectors,
/// p(k | x) = softmax_k(Wᵀ (x − mean) / sd + b).
#[derive(Debug, Clone, PartialEq)]
pub struct LinearProbe {
    classes: Vec<usize>,
    weights: Array2<f32>,
    intercept: Array1<f32>,
    standardiser: Standardiser,
}

impl LinearProbe {
    /// A probe from saved parameters. `classes` `[classes]` are the labels of the columns of `weights`
    /// `[d_model, classes]`; `intercept` is `[classes]`, `mean` and `sd` are `[d_model]`. A dimension
    /// with an `sd` of 0 is ignored.
    ///
    /// # Errors
    /// Sizes that do not fit, fewer than two classes, an entry that is not finite, an `sd` below 0.
    pub fn new(
        classes: Vec<usize>,
        weights: Array2<f32>,
        intercept: Array1<f32>,
        mean: Array1<f32>,
        sd: Array1<f32>,
    ) -> Result<Self> {
        let (width, outputs) = weights.dim();
        for (what, expected, found) in [
            ("classes", outputs, classes.len()),
            ("intercept", outputs, intercept.len()),
            ("mean", width, mean.len()),
            ("sd", width, sd.len()),
        ] {
            if found != expected {
                return Err(ProbingError::Length { what, expected, found });
            }
        }
        if outputs < 2 {
            return Err(ProbingError::Task { needed: "at least two classes", found: outputs });
        }
        let mut numbers = weights.iter().chain(&intercept).chain(&mean).chain(&sd);
        if let Some(&value) = numbers.find(|v| !v.is_finite()) {
            return Err(ProbingError::RowNotFinite { row: 0, value });
        }
        if let Some(&sd) = sd.iter().find(|&&sd| sd < 0.0) {
            let (value, expected) = (f64::from(sd), "0 or above");
            return Err(ProbingError::Setting { name: "sd", value, expected });
        }
        Ok(Self { classes, weights, intercept, standardiser: Standardiser { mean, sd } })
    }

    /// The label of each column of [`predict`](Self::predict), `[classes]`.
    pub fn classes(&self) -> &[usize] {
        &self.classes
    }

    /// `[d_model, classes]`.
    pub fn weights(&self) -> &Array2<f32> {
        &self.weights
    }

    /// `[classes]`.
    pub fn intercept(&self) -> &Array1<f32> {
        &self.intercept
    }

    /// The mean of the training rows, `[d_model]`.
    pub fn mean(&self) -> &Array1<f32> {
        &self.standardiser.mean
    }

    /// The standard deviation of the training rows, `[d_model]`; 0 for a constant dimension.
    pub fn sd(&self) -> &Array1<f32> {
        &self.standardiser.sd
    }

    /// The probability of every class for vectors `[rows, d_model]`: `[rows, classes]`; each row sums
    /// to 1.
    ///
    /// # Errors
    /// Vectors of a different width, an entry that is not finite.
    pub fn predict(&self, vectors: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        if vectors.ncols() != self.weights.nrows() {
            let (expected, found) = (self.weights.nrows(), vectors.ncols());
            return Err(ProbingError::Length { what: "width of the vectors", expected, found });
        }
        let rows: Vec<usize> = (0..vectors.nrows()).collect();
        Ok(self.log_probabilities(vectors, &rows)?.mapv_into(f64::exp))
    }

    /// log p of every class for the rows `of` of vectors `[rows, d_model]`: `[of, classes]`.
    pub(crate) fn log_probabilities(
        &self,
        vectors: ArrayView2<'_, f32>,
        of: &[usize],
    ) -> Result<Array2<f64>> {
        let mut logs = Array2::zeros((of.len(), self.classes.len()));
        for (rows, mut out) in of.chunks(BLOCK).zip(logs.axis_chunks_iter_mut(Axis(0), BLOCK)) {
            let x = self.standardiser.apply(vectors, rows)?;
            out.assign(&log_probabilities(x.view(), self.weights.view(), self.intercept.view()));
            for (log, &row) in out.outer_iter().zip(rows) {
                if let Some(&value) = log.iter().find(|v| !v.is_finite()) {
                    return Err(ProbingError::RowNotFinite { row, value: value as f32 });
                }
            }
        }
        Ok(logs)
    }

    /// The probe with `names[class]` in the place of each class.
    pub(crate) fn with_names(mut self, names: &[usize]) -> Self {
        self.classes.iter_mut().for_each(|class| *class = names[*class]);
        self
    }

    /// The most probable class of the rows `of`, `[of]`.
    pub(crate) fn predicted(
        &self,
        vectors: ArrayView2<'_, f32>,
        of: &[usize],
    ) -> Result<Vec<usize>> {
        let logs = self.log_probabilities(vectors, of)?;
        Ok(logs.outer_iter().map(|log| self.classes[largest(log)]).collect())
    }
}

/// The index of the first of the largest entries.
pub(crate) fn largest(row: ArrayView1<'_, f64>) -> usize {
    let mut best = 0;
    for (place, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = place;
        }
    }
    best
}
