//! Squared Euclidean distances of one row to all rows, in blocks and across threads.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, Axis, s};
use rayon::prelude::*;

use stratoscope_numerics::add_product;

/// Rows of one matrix product.
const BLOCK: usize = 64;

/// Below this share of the two squared lengths, a distance is computed again from differences,
/// because the product form has lost its digits. The distance of duplicates is exactly 0.
const CANCELLATION: f64 = 1e-5;

/// Points whose distances are computed block by block.
pub(crate) struct Cloud {
    /// Rows less their mean, `[n, d]`: distances are unchanged and lose fewer digits.
    rows: Array2<f64>,
    /// Squared length of every row, `[n]`.
    lengths: Array1<f64>,
}

impl Cloud {
    /// Of the rows of a finite, non-empty matrix.
    pub(crate) fn new(mut rows: Array2<f64>) -> Self {
        if let Some(mean) = rows.mean_axis(Axis(0)) {
            rows -= &mean;
        }
        let lengths = rows.rows().into_iter().map(|row| row.dot(&row)).collect();
        Self { rows, lengths }
    }

    /// The number of points.
    pub(crate) fn len(&self) -> usize {
        self.rows.nrows()
    }

    /// Calls `visit(i, distances)` for every point i with its squared distances to all points
    /// (`[n]`, 0 to itself). The results are in the order of i, on any number of threads.
    pub(crate) fn map_rows<T: Send>(
        &self,
        visit: impl Fn(usize, &[f64]) -> T + Sync + Send,
    ) -> Vec<T> {
        self.map_range(0..self.len(), visit)
    }

    /// [`Cloud::map_rows`] for a range of points.
    pub(crate) fn map_range<T: Send>(
        &self,
        points: Range<usize>,
        visit: impl Fn(usize, &[f64]) -> T + Sync + Send,
    ) -> Vec<T> {
        let n = self.len();
        let blocks: Vec<Vec<T>> = (0..points.len().div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let start = points.start + block * BLOCK;
                let end = (start + BLOCK).min(points.end);
                let mut products = Array2::zeros((end - start, n));
                let rows = self.rows.slice(s![start..end, ..]);
                add_product(rows, self.rows.t(), products.view_mut());
                let mut distances = vec![0.0; n];
                (start..end)
                    .map(|i| {
                        self.fill(i, products.row(i - start), &mut distances);
                        visit(i, &distances)
                    })
                    .collect()
            })
            .collect();
        blocks.into_iter().flatten().collect()
    }

    /// The squared distances of point i to every point, `[n]`.
    pub(crate) fn distances_from(&self, i: usize) -> Vec<f64> {
        let products = self.rows.dot(&self.rows.row(i));
        let mut distances = vec![0.0; self.len()];
        self.fill(i, products.view(), &mut distances);
        distances
    }

    /// Turns the inner products of row i into squared distances.
    fn fill(&self, i: usize, products: ArrayView1<f64>, distances: &mut [f64]) {
        let own = self.lengths[i];
        let others = products.iter().zip(&self.lengths);
        for (distance, (&product, &other)) in distances.iter_mut().zip(others) {
            *distance = own + other - 2.0 * product;
        }
        for (j, distance) in distances.iter_mut().enumerate() {
            if *distance <= CANCELLATION * (own + self.lengths[j]) {
                let pairs = self.rows.row(i).into_iter().zip(self.rows.row(j));
                *distance = pairs.map(|(a, b)| (a - b) * (a - b)).sum();
            }
        }
    }
}

/// The `k` nearest points to point i (i excluded) from its distances to all points: `(distance,
/// index)`, ascending; of equal distances the lower index is first.
pub(crate) fn nearest(distances: &[f64], i: usize, k: usize) -> Vec<(f64, usize)> {
    let order = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    let room = 4 * k + 64;
    let mut found: Vec<(f64, usize)> = Vec::with_capacity(room.min(distances.len()));
    // Once k are known, only distances below the farthest of them matter.
    let mut limit = f64::INFINITY;
    for (j, &distance) in distances.iter().enumerate() {
        if distance < limit && j != i {
            found.push((distance, j));
            if found.len() == room {
                let (_, &mut (farthest, _), _) = found.select_nth_unstable_by(k - 1, order);
                found.truncate(k);
                limit = farthest;
            }
        }
    }
    found.sort_unstable_by(order);
    found.truncate(k);
    found
}
