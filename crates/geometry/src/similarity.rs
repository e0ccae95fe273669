//! Similarity of vectors: plain, centred and standardised cosine, and Euclidean distance.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::checks::{finite, same_length};
use crate::error::{GeometryError, Result};

/// How two vectors are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metric {
    /// The cosine of the angle between them, −1 to 1.
    #[default]
    Cosine,
    /// The cosine after the mean of the reference is subtracted from both, −1 to 1.
    Centred,
    /// The cosine of z-scores by the mean and deviation of the reference, −1 to 1: no dimension
    /// dominates (Timkey & van Schijndel 2021).
    Standardised,
    /// The Euclidean **distance**, 0 or above, in the unit of the vectors: small means similar.
    Euclidean,
}

impl Metric {
    /// All metrics, in display order.
    pub const ALL: [Self; 4] = [Self::Cosine, Self::Centred, Self::Standardised, Self::Euclidean];

    /// The name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Centred => "centred",
            Self::Standardised => "standardised",
            Self::Euclidean => "euclidean",
        }
    }

    /// The label of its values in figures.
    pub fn label(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Centred => "centred cosine",
            Self::Standardised => "standardised cosine",
            Self::Euclidean => "Euclidean distance",
        }
    }
}

/// The mean and standard deviation of a population of vectors (a layer over a corpus, for example),
/// for [`Metric::Centred`] and [`Metric::Standardised`].
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    mean: Array1<f64>,
    deviation: Array1<f64>,
}

impl Reference {
    /// Computes the reference of the rows of `x` `[n, d_model]`. The divisor of the variance is n.
    ///
    /// # Errors
    /// No rows, or an entry that is not finite.
    pub fn of(x: ArrayView2<f32>) -> Result<Self> {
        let x = finite(x)?;
        let n = x.nrows();
        if n == 0 {
            return Err(GeometryError::TooFew { measure: "a mean", needed: 1, found: 0 });
        }
        let mean = x.sum_axis(Axis(0)) / n as f64;
        let squares = (&x - &mean).mapv(|v| v * v).sum_axis(Axis(0));
        let deviation = (squares / n as f64).mapv(f64::sqrt);
        // The deviation of a constant dimension is rounding of its mean.
        let deviation = ndarray::Zip::from(&deviation)
            .and(&mean)
            .map_collect(|&s, &m| if s <= 1e-12 * m.abs() { 0.0 } else { s });
        Ok(Self { mean, deviation })
    }

    /// A reference from its mean and its standard deviation, both `[d_model]`.
    pub fn new(mean: Array1<f64>, deviation: Array1<f64>) -> Self {
        Self { mean, deviation }
    }

    /// The mean vector, `[d_model]`.
    pub fn mean(&self) -> &Array1<f64> {
        &self.mean
    }

    /// The standard deviation of each dimension, `[d_model]`.
    pub fn deviation(&self) -> &Array1<f64> {
        &self.deviation
    }

    /// The rows of `x` `[n, d_model]` prepared for a metric: less the mean for [`Metric::Centred`],
    /// z-scores for [`Metric::Standardised`] (0 in a dimension without variance), unchanged for the
    /// other metrics.
    ///
    /// # Errors
    /// An entry that is not finite; a reference of a different width.
    pub fn prepared(&self, x: ArrayView2<f32>, metric: Metric) -> Result<Array2<f64>> {
        let rows = finite(x)?;
        same_length("dimensions of the reference", x.ncols(), self.mean.len())?;
        Ok(match metric {
            Metric::Cosine | Metric::Euclidean => rows,
            Metric::Centred => rows - &self.mean,
            Metric::Standardised => {
                let inverse = self.deviation.mapv(|s| if s > 0.0 { 1.0 / s } else { 0.0 });
                (rows - &self.mean) * &inverse
            }
        })
    }
}

/// The similarity of all pairs of rows of `x` `[n, d_model]`: `[n, n]`, symmetric.
///
/// [`Metric::Euclidean`] gives distances, the other metrics cosines. The default `reference` is the
/// rows of `x`. A vector of length 0 (after centring or standardising) has cosine 0 with every
/// vector, itself included; the standardised cosine ignores a dimension without variance in the
/// reference. So no entry is NaN.
///
/// # Errors
/// An entry that is not finite; a reference of a different width.
pub fn similarity_matrix(
    x: ArrayView2<f32>,
    metric: Metric,
    reference: Option<&Reference>,
) -> Result<Array2<f64>> {
    if x.nrows() == 0 {
        return Ok(Array2::zeros((0, 0)));
    }
    let rows = match (metric, reference) {
        (Metric::Euclidean, _) => return Ok(distances(&finite(x)?)),
        (Metric::Cosine, _) => finite(x)?,
        (_, Some(reference)) => reference.prepared(x, metric)?,
        (_, None) => Reference::of(x)?.prepared(x, metric)?,
    };
    let directions = unit_rows(rows);
    Ok(directions.dot(&directions.t()).mapv(|v| v.clamp(-1.0, 1.0)))
}

/// The similarity of some rows of `x` `[n, d_model]` to all of its rows: `[chosen, n]`, the rows of
/// [`similarity_matrix`] at `chosen` without the others. Places beyond the rows are ignored.
///
/// # Errors
/// An entry that is not finite; a reference of a different width.
pub fn similarity_to(
    x: ArrayView2<f32>,
    chosen: &[usize],
    metric: Metric,
    reference: &Reference,
) -> Result<Array2<f64>> {
    let chosen: Vec<usize> = chosen.iter().copied().filter(|&row| row < x.nrows()).collect();
    let rows = reference.prepared(x, metric)?;
    if metric == Metric::Euclidean {
        let mut all = Array2::zeros((chosen.len(), rows.nrows()));
        for (&from, mut distances) in chosen.iter().zip(all.rows_mut()) {
            for (distance, to) in distances.iter_mut().zip(rows.rows()) {
                let difference = &rows.row(from) - &to;
                *distance = difference.dot(&difference).sqrt();
            }
        }
        return Ok(all);
    }
    let directions = unit_rows(rows);
    let from = directions.select(Axis(0), &chosen);
    Ok(from.dot(&directions.t()).mapv(|v| v.clamp(-1.0, 1.0)))
}

/// The cosine of two vectors of `[d_model]`; 0 where one of them has length 0.
///
/// # Errors
/// Different lengths, or an entry that is not finite.
pub fn cosine(a: ArrayView1<f32>, b: ArrayView1<f32>) -> Result<f64> {
    let cosines = rowwise_cosine(a.insert_axis(Axis(0)), b.insert_axis(Axis(0)))?;
    Ok(cosines[0])
}

/// The cosine of each row of `a` with the same row of `b`, both `[n, d_model]`: `[n]`. For a layer
/// and layer 0, it is the change of direction of each token. 0 where a row has length 0.
///
/// # Errors
/// Different shapes, or an entry that is not finite.
pub fn rowwise_cosine(a: ArrayView2<f32>, b: ArrayView2<f32>) -> Result<Array1<f64>> {
    same_length("rows", a.nrows(), b.nrows())?;
    same_length("columns", a.ncols(), b.ncols())?;
    let (a, b) = (unit_rows(finite(a)?), unit_rows(finite(b)?));
    let pairs = a.rows().into_iter().zip(b.rows());
    Ok(pairs.map(|(a, b)| a.dot(&b).clamp(-1.0, 1.0)).collect())
}

/// The rows scaled to length 1; rows of length 0 stay 0.
pub(crate) fn unit_rows(mut x: Array2<f64>) -> Array2<f64> {
    for mut row in x.rows_mut() {
        let length = row.dot(&row).sqrt();
        if length > 0.0 {
            row /= length;
        }
    }
    x
}

/// Euclidean distances of all pairs of rows, from differences: the distance of equal rows is 0.
fn distances(x: &Array2<f64>) -> Array2<f64> {
    let n = x.nrows();
    let mut out = Array2::zeros((n, n));
    for i in 0..n {
        for j in 0..i {
            let pairs = x.row(i).into_iter().zip(x.row(j));
            let squared: f64 = pairs.map(|(a, b)| (a - b) * (a - b)).sum();
            out[[i, j]] = squared.sqrt();
            out[[j, i]] = out[[i, j]];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_rows_are_those_of_the_whole_matrix() {
        let x = Array2::from_shape_fn((7, 5), |(i, j)| ((i * 5 + j * 3) as f32 * 0.7).sin());
        let reference = Reference::of(x.view()).unwrap();
        for metric in Metric::ALL {
            let all = similarity_matrix(x.view(), metric, Some(&reference)).unwrap();
            let some = similarity_to(x.view(), &[5, 0, 9], metric, &reference).unwrap();
            assert_eq!(some.dim(), (2, 7));
            for (row, own) in [5, 0].into_iter().zip(some.rows()) {
                let apart = (&own - &all.row(row)).mapv(f64::abs);
                // The square root of a difference of products is less precise.
                let room = if metric == Metric::Euclidean { 1e-6 } else { 1e-12 };
                assert!(apart.iter().all(|d| *d < room), "{metric:?} {apart}");
            }
        }
    }
}
