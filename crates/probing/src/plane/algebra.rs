//! The small linear algebra behind the plane: a shrunk spread solved for, and leading directions.

use super::SHRINKAGE;
use crate::least_squares::orthonormal;
use crate::partition::ROUNDING;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

/// A spread that is shrunk towards a sphere, as the lower factor of Cholesky.
pub(super) struct Ridge {
    factor: Array2<f64>,
}

impl Ridge {
    /// Shrinks the spread `scatter / freedom`, `[width, width]`, which lies in `d_model` dimensions.
    /// None where nothing varies.
    pub(super) fn new(scatter: Array2<f64>, freedom: f64, d_model: usize) -> Option<Self> {
        let mut factor = scatter * ((1.0 - SHRINKAGE) / freedom);
        let mean = factor.diag().sum() / (1.0 - SHRINKAGE) / d_model.max(1) as f64;
        if !mean.is_finite() || mean <= 0.0 {
            return None;
        }
        factor.diag_mut().mapv_inplace(|v| v + SHRINKAGE * mean);
        for i in 0..factor.nrows() {
            let (above, mut rest) = factor.view_mut().split_at(Axis(0), i);
            let mut row = rest.row_mut(0);
            for j in 0..i {
                let known = row.slice(s![..j]).dot(&above.slice(s![j, ..j]));
                row[j] = (row[j] - known) / above[[j, j]];
            }
            let known = row.slice(s![..i]).dot(&row.slice(s![..i]));
            // What was added keeps it well above 0.
            row[i] = (row[i] - known).max(SHRINKAGE * mean * 1e-6).sqrt();
            row.slice_mut(s![i + 1..]).fill(0.0);
        }
        Some(Self { factor })
    }

    /// The spread's inverse times `right`, `[width, columns]`.
    pub(super) fn solve(&self, right: Array2<f64>) -> Array2<f64> {
        let n = self.factor.nrows();
        // Row by row, so that columns lie side by side in memory.
        let mut x = right.as_standard_layout().into_owned();
        for i in 0..n {
            let (above, mut rest) = x.view_mut().split_at(Axis(0), i);
            let mut row = rest.row_mut(0);
            for (j, known) in above.outer_iter().enumerate() {
                row.scaled_add(-self.factor[[i, j]], &known);
            }
            row /= self.factor[[i, i]];
        }
        for i in (0..n).rev() {
            let (mut upper, below) = x.view_mut().split_at(Axis(0), i + 1);
            let mut row = upper.row_mut(i);
            for (j, known) in below.outer_iter().enumerate() {
                row.scaled_add(-self.factor[[i + 1 + j, i]], &known);
            }
            row /= self.factor[[i, i]];
        }
        x
    }

    /// `[rank, width]`, orthonormal: the leading discriminants of means `[rows, width]`, which are
    /// the spread's inverse times the leading directions of the means in the space where the spread
    /// is a sphere. None where the means do not span as many.
    pub(super) fn discriminants(&self, means: &Array2<f64>, rank: usize) -> Option<Array2<f64>> {
        let solved = self.solve(means.t().to_owned());
        let (values, vectors) = eigen(means.dot(&solved));
        if values.len() < rank || values[rank - 1] <= ROUNDING * values[0] {
            return None;
        }
        let basis = orthonormal(solved.dot(&vectors.slice(s![.., ..rank])));
        (basis.ncols() == rank).then(|| basis.reversed_axes().as_standard_layout().into_owned())
    }
}

/// Eigenvalues, falling, and eigenvectors (columns) of a symmetric matrix, by Jacobi's rotations.
pub(super) fn eigen(mut a: Array2<f64>) -> (Array1<f64>, Array2<f64>) {
    let n = a.nrows();
    let mut v = Array2::eye(n);
    let size: f64 = a.iter().map(|x| x * x).sum();
    for _ in 0..60 {
        let beside: f64 =
            (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|at| a[at] * a[at]).sum();
        if beside <= 1e-26 * size {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[[p, q]] == 0.0 {
                    continue;
                }
                let theta = (a[[q, q]] - a[[p, p]]) / (2.0 * a[[p, q]]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let t = if theta == 0.0 { 1.0 } else { t };
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for k in 0..n {
                    let (x, y) = (a[[k, p]], a[[k, q]]);
                    (a[[k, p]], a[[k, q]]) = (c * x - s * y, s * x + c * y);
                }
                for k in 0..n {
                    let (x, y) = (a[[p, k]], a[[q, k]]);
                    (a[[p, k]], a[[q, k]]) = (c * x - s * y, s * x + c * y);
                    let (x, y) = (v[[k, p]], v[[k, q]]);
                    (v[[k, p]], v[[k, q]]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[[j, j]].total_cmp(&a[[i, i]]));
    (order.iter().map(|&i| a[[i, i]]).collect(), v.select(Axis(1), &order))
}

/// The leading directions `[k, width]` of rows, orthonormal, and the sum of squares of the rows along
/// each; `k` is at most `most`. By subspace iteration: what matters is the space that they span.
pub(super) fn leading(rows: ArrayView2<'_, f64>, most: usize) -> (Array2<f64>, Array1<f64>) {
    let most = most.min(rows.nrows()).min(rows.ncols());
    let mut basis = orthonormal(rows.slice(s![..most, ..]).t().to_owned());
    for _ in 0..6 {
        basis = orthonormal(rows.t().dot(&rows.dot(&basis)));
    }
    let along = rows.dot(&basis);
    let (weights, turn) = eigen(along.t().dot(&along));
    let directions = basis.dot(&turn).reversed_axes().as_standard_layout().into_owned();
    (directions, weights.mapv(|w| w.max(0.0)))
}
