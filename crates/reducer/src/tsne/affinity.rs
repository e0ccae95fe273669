//! The joint probabilities of pairs of points in the data.

use ndarray::Array2;
use rayon::prelude::*;

use crate::distance::{Cloud, nearest};

/// Lanes of the widest vectors. Rows of probabilities are padded to whole lanes.
pub(super) const LANES: usize = 8;
/// The largest number of points of which all pairs are kept; of more points, the 3 × perplexity
/// nearest neighbours are.
const MAX_DENSE: usize = 1000;
/// Points whose neighbours are found in one step of progress: a second of work for 30,000 points.
const PART: usize = 1024;
/// The largest error of the conditional entropy, in nats.
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
    /// Where no width has this entropy (all distances equal, for example), the nearest possible one
    /// is taken.
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

/// Joint probabilities p(i, j) = (p(j|i) + p(i|j)) / 2n; they sum to 1.
pub(super) enum Affinities {
    /// All pairs.
    Pairs(Pairs),
    /// Neighbours only; all other pairs have 0.
    Neighbours(Neighbours),
}

/// The joint probabilities of all pairs.
pub(super) struct Pairs {
    joint: Vec<f64>,
    stride: usize,
}

impl Pairs {
    /// p(i, j) for all j (p(i, i) is 0), followed by zeros up to whole lanes.
    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.joint[i * self.stride..][..self.stride]
    }
}

/// The joint probabilities of neighbours, by row.
pub(super) struct Neighbours {
    neighbours: Vec<(u32, f32)>,
    starts: Vec<usize>,
}

impl Neighbours {
    /// The neighbours of point i as `(j, p(i, j))`, ascending in j.
    pub(super) fn row(&self, i: usize) -> &[(u32, f32)] {
        &self.neighbours[self.starts[i]..self.starts[i + 1]]
    }
}

impl Affinities {
    /// The number of progress steps of [`Affinities::new`] for n points.
    pub(super) fn parts(n: usize) -> usize {
        n / PART
    }

    /// The probabilities of the rows of a finite matrix with at least 4 rows. `step_done` is called
    /// [`Affinities::parts`] times.
    pub(super) fn new(x: Array2<f64>, perplexity: f64, step_done: &mut dyn FnMut()) -> Self {
        let n = x.nrows();
        let k = if n <= MAX_DENSE { n - 1 } else { ((3.0 * perplexity) as usize).clamp(1, n - 1) };
        let conditional_of = |i, distances: &[f64]| {
            let near = nearest(distances, i, k);
            let kernel = Kernel::fit(near.iter().map(|&(d, _)| d), perplexity);
            let half = 1.0 / (2.0 * n as f64);
            near.into_iter().map(|(d, j)| (j, kernel.probability(d) * half)).collect::<Vec<_>>()
        };
        let cloud = Cloud::new(x);
        let mut conditional = Vec::with_capacity(n);
        for start in (0..n).step_by(PART) {
            let part = start..(start + PART).min(n);
            conditional.extend(cloud.map_range(part, conditional_of));
            if start + PART <= n {
                step_done();
            }
        }
        if n <= MAX_DENSE {
            let stride = n.next_multiple_of(LANES);
            let mut joint = vec![0.0; n * stride];
            for (i, near) in conditional.into_iter().enumerate() {
                for (j, half) in near {
                    joint[i * stride + j] += half;
                    joint[j * stride + i] += half;
                }
            }
            return Self::Pairs(Pairs { joint, stride });
        }
        let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::with_capacity(2 * k); n];
        for (i, near) in conditional.into_iter().enumerate() {
            for (j, half) in near {
                rows[i].push((j as u32, half));
                rows[j].push((i as u32, half));
            }
        }
        rows.par_iter_mut().for_each(|row| {
            row.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            row.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1 += next.1;
                }
                same
            });
        });
        let mut starts = vec![0; n + 1];
        for (i, row) in rows.iter().enumerate() {
            starts[i + 1] = starts[i] + row.len();
        }
        let neighbours = rows.into_iter().flatten().map(|(j, p)| (j, p as f32)).collect();
        Self::Neighbours(Neighbours { neighbours, starts })
    }
}
