//! Procrustes alignment of one map to another by rotation or reflection, shift and scale.

use linfa::Float;
use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::checks::finite_f64;
use crate::error::{ReducerError, Result};

/// Whether an alignment changes the scale of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// Distances within the map are unchanged.
    Keep,
    /// One factor for all axes, that of the best fit.
    Fit,
}

/// The transformation that aligns one map to another: x ↦ scale · x · rotation + translation.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Procrustes {
    /// An orthogonal matrix `[m, m]`, applied from the right; it may contain a reflection.
    pub rotation: Array2<f64>,
    /// The shift, `[m]`, in units of the target.
    pub translation: Array1<f64>,
    /// The factor of the source; 1 under [`Scaling::Keep`].
    pub scale: f64,
    /// The sum of squared distances to the target, divided by the sum of squared distances of the
    /// target to its mean. 0 is a perfect fit, a target of one point that is met included. Under
    /// [`Scaling::Fit`] it is at most 1, and equals the disparity of `scipy.spatial.procrustes`.
    pub disparity: f64,
}

impl Procrustes {
    /// Applies the transformation to rows `[r, m]`.
    ///
    /// # Errors
    /// A different number of columns, empty or non-finite input.
    pub fn apply<F: Float>(&self, x: ArrayView2<F>) -> Result<Array2<f64>> {
        let x = finite_f64(x)?;
        if x.ncols() != self.rotation.nrows() {
            return Err(ReducerError::Shape {
                what: "columns of the map to align",
                expected: [x.nrows(), self.rotation.nrows()],
                found: [x.nrows(), x.ncols()],
            });
        }
        Ok(x.dot(&self.rotation) * self.scale + &self.translation)
    }
}

/// Finds the orthogonal matrix, shift and scale that minimise the sum of squared distances between
/// the rows of `source` `[n, m]` and the same rows of `target` `[n, m]` (Schönemann 1966; Gower
/// 1975).
///
/// Where several transformations fit equally well (points on a line, for example), the choice is
/// deterministic.
///
/// # Errors
/// Shapes that differ, empty or non-finite input.
pub fn procrustes<F: Float, G: Float>(
    source: ArrayView2<F>,
    target: ArrayView2<G>,
    scaling: Scaling,
) -> Result<Procrustes> {
    if source.dim() != target.dim() {
        return Err(ReducerError::Shape {
            what: "the map to align",
            expected: [target.nrows(), target.ncols()],
            found: [source.nrows(), source.ncols()],
        });
    }
    let (source, source_mean) = centred(finite_f64(source)?);
    let (target, target_mean) = centred(finite_f64(target)?);
    let (rotation, nuclear) = nearest_orthogonal(source.t().dot(&target));
    let squares = |x: &Array2<f64>| x.iter().map(|v| v * v).sum::<f64>();
    let (source_size, target_size) = (squares(&source), squares(&target));
    let scale = match scaling {
        Scaling::Fit if source_size > 0.0 => nuclear / source_size,
        Scaling::Fit | Scaling::Keep => 1.0,
    };
    let left = squares(&(source.dot(&rotation) * scale - &target));
    let disparity = if left == 0.0 { 0.0 } else { left / target_size };
    let translation = target_mean - source_mean.dot(&rotation) * scale;
    Ok(Procrustes { rotation, translation, scale, disparity })
}

/// The rows less their mean, and the mean. The input is not empty.
fn centred(x: Array2<f64>) -> (Array2<f64>, Array1<f64>) {
    let mean = x.sum_axis(Axis(0)) / x.nrows() as f64;
    (x - &mean, mean)
}

/// U Vᵀ and Σ σ of a square matrix U S Vᵀ, by one-sided Jacobi rotations (Golub & Van Loan 2013,
/// section 8.6.3): small singular values are as accurate as large ones.
fn nearest_orthogonal(mut matrix: Array2<f64>) -> (Array2<f64>, f64) {
    let m = matrix.nrows();
    // Work on the transposes, so that rotations act on contiguous rows.
    matrix = matrix.reversed_axes().as_standard_layout().into_owned();
    let mut right = Array2::<f64>::eye(m);
    for _ in 0..60 {
        let mut rotated = false;
        for i in 0..m {
            for j in i + 1..m {
                let (row_i, row_j) = (matrix.row(i), matrix.row(j));
                let (a, b, overlap) = (row_i.dot(&row_i), row_j.dot(&row_j), row_i.dot(&row_j));
                if overlap.abs() <= f64::EPSILON * (a * b).sqrt() || overlap == 0.0 {
                    continue;
                }
                rotated = true;
                let zeta = (b - a) / (2.0 * overlap);
                let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                rotate(&mut matrix, i, j, cosine, cosine * tangent);
                rotate(&mut right, i, j, cosine, cosine * tangent);
            }
        }
        if !rotated {
            break;
        }
    }
    let lengths: Vec<f64> = matrix.rows().into_iter().map(|r| r.dot(&r).sqrt()).collect();
    let top = lengths.iter().fold(0.0f64, |a, &b| a.max(b));
    let small = top * f64::EPSILON * m as f64;
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&a, &b| lengths[b].total_cmp(&lengths[a]));
    let mut left = Array2::<f64>::zeros((m, m));
    for (done, &i) in order.iter().enumerate() {
        let mut vector = matrix.row(i).to_owned();
        if lengths[i] > small {
            vector /= lengths[i];
        } else {
            // The data does not determine this direction: take the axis that is farthest from the
            // directions before it, and make it orthogonal to them.
            let taken = |axis: usize| order[..done].iter().map(move |&k| (k, axis));
            let share = |axis: usize| -> f64 {
                taken(axis).map(|(k, a)| left[[k, a]] * left[[k, a]]).sum()
            };
            let axis = (0..m).fold(
                0,
                |best, axis| {
                    if share(axis) < share(best) - 1e-12 { axis } else { best }
                },
            );
            vector.fill(0.0);
            vector[axis] = 1.0;
            for _ in 0..2 {
                for &k in &order[..done] {
                    let overlap = left.row(k).dot(&vector);
                    vector.scaled_add(-overlap, &left.row(k));
                }
                let length = vector.dot(&vector).sqrt();
                vector /= length;
            }
        }
        left.row_mut(i).assign(&vector);
    }
    (left.t().dot(&right), lengths.iter().sum())
}

/// Rotates rows i and j: (c r_i − s r_j, s r_i + c r_j).
fn rotate(matrix: &mut Array2<f64>, i: usize, j: usize, c: f64, s: f64) {
    let (mut above, mut below) = matrix.view_mut().split_at(Axis(0), j);
    for (a, b) in above.row_mut(i).iter_mut().zip(below.row_mut(0)) {
        (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
    }
}
