//! The probabilities that t-SNE gives to pairs of points in the data.

use ndarray::Array2;

use crate::distance::{Cloud, nearest};

/// Up to this many points every pair counts; above, the 3 × perplexity nearest of each point.
const DENSE: usize = 1000;
/// The conditional entropy is met to this many nats.
const ENTROPY_TOLERANCE: f64 = 1e-8;

/// A point's Gaussian: the conditional probability of j given i is
/// exp(−precision (d²(i, j) − nearest)) / sum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    precision: f64,
    nearest: f64,
    sum: f64,
}

impl Kernel {
    /// Finds the width at which the entropy of the point's conditional distribution over the
    /// given squared distances (itself excluded, not empty) is ln `perplexity`.
    ///
    /// Where no width does it (all distances equal, say) the nearest possible one is taken.
    pub(super) fn fit(distances: impl Iterator<Item = f64> + Clone, perplexity: f64) -> Self {
        let nearest = distances.clone().fold(f64::INFINITY, f64::min);
        let (count, total) =
            distances.clone().fold((0.0, 0.0), |(n, sum), d| (n + 1.0, sum + (d - nearest)));
        if total <= 0.0 {
            return Self { precision: 0.0, nearest, sum: count };
        }
        let target = perplexity.ln();
        let mut precision = count / total;
        let (mut low, mut high) = (0.0, f64::INFINITY);
        let mut sum = count;
        for _ in 0..200 {
            let (weights, moment) = distances.clone().fold((0.0, 0.0), |(sum, moment), d| {
                let weight = (-precision * (d - nearest)).exp();
                (sum + weight, moment + weight * (d - nearest))
            });
            sum = weights;
            let entropy = sum.ln() + precision * moment / sum;
            if (entropy - target).abs() < ENTROPY_TOLERANCE {
                break;
            }
            let next = if entropy > target {
                low = precision;
                if high.is_finite() { (low + high) / 2.0 } else { precision * 2.0 }
            } else {
                high = precision;
                (low + high) / 2.0
            };
            if !next.is_finite() || next == precision {
                break;
            }
            precision = next;
        }
        Self { precision, nearest, sum }
    }

    /// The conditional probability of a point at a squared distance.
    pub(super) fn probability(&self, distance: f64) -> f64 {
        (-self.precision * (distance - self.nearest)).exp() / self.sum
    }
}

/// Joint probabilities p(i, j) = (p(j|i) + p(i|j)) / 2n, by rows; they sum to 1.
pub(super) struct Affinities {
    rows: Vec<Vec<(u32, f64)>>,
}

impl Affinities {
    /// Of the rows of a finite matrix with at least 4 rows.
    pub(super) fn new(x: Array2<f64>, perplexity: f64) -> Self {
        let n = x.nrows();
        let k = if n <= DENSE { n - 1 } else { ((3.0 * perplexity) as usize).clamp(1, n - 1) };
        let cloud = Cloud::new(x);
        let conditional = cloud.map_rows(|i, distances| {
            let near = nearest(distances, i, k);
            let kernel = Kernel::fit(near.iter().map(|&(d, _)| d), perplexity);
            near.into_iter().map(|(d, j)| (j as u32, kernel.probability(d))).collect::<Vec<_>>()
        });
        let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::with_capacity(2 * k); n];
        for (i, near) in conditional.into_iter().enumerate() {
            for (j, p) in near {
                let half = p / (2.0 * n as f64);
                rows[i].push((j, half));
                rows[j as usize].push((i as u32, half));
            }
        }
        for row in &mut rows {
            row.sort_by_key(|&(j, _)| j);
            row.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1 += next.1;
                }
                same
            });
        }
        Self { rows }
    }

    /// The points tied to point i, `(j, p(i, j))`, ascending in j.
    pub(super) fn row(&self, i: usize) -> &[(u32, f64)] {
        &self.rows[i]
    }
}
