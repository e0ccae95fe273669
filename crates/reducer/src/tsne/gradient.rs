//! Attraction and repulsion of the points of a map.

use barnes_hut_tree::{BarnesHutTree, Dim, Morton};
use rayon::prelude::*;

use super::affinity::Affinities;

/// Up to this many points repulsion is summed over all pairs.
const EXACT: usize = 2000;
/// A cell is taken as one point where its half width is less than this share of its distance.
/// The tree measures half widths: 0.25 is the 0.5 of scikit-learn's `angle`.
const THETA: f64 = 0.25;
/// Independent partial sums in the exact loop, so that it runs in vector registers.
const LANES: usize = 8;

type Tree = BarnesHutTree<f64, <Dim<2> as Morton<2>>::Word, 2>;

/// The gradient of the map and the space that it is computed in.
pub(super) struct Forces {
    repulsion: Repulsion,
    /// Per point: attraction, repulsion (not yet divided by Z), and its part of Z.
    parts: Vec<([f64; 2], [f64; 2], f64)>,
    gradient: Vec<[f64; 2]>,
}

/// How repulsion is summed.
enum Repulsion {
    /// Over all pairs; coordinates by axis, padded to whole lanes.
    Exact { xs: Vec<f64>, ys: Vec<f64> },
    /// Over the cells of a tree; coordinates by point.
    Tree { tree: Box<Tree>, flat: Vec<f64> },
}

impl Forces {
    /// For `n` points.
    pub(super) fn new(n: usize) -> Self {
        let repulsion = if n <= EXACT {
            Repulsion::Exact { xs: Vec::new(), ys: Vec::new() }
        } else {
            Repulsion::Tree { tree: Box::new(Tree::empty()), flat: Vec::new() }
        };
        Self { repulsion, parts: vec![([0.0; 2], [0.0; 2], 0.0); n], gradient: vec![[0.0; 2]; n] }
    }

    /// A quarter of the gradient of the Kullback-Leibler divergence with attraction multiplied by
    /// `exaggeration`: Σ_j (a p(i, j) − q(i, j)) (y_i − y_j) / (1 + |y_i − y_j|²).
    pub(super) fn gradient(
        &mut self,
        map: &[[f64; 2]],
        affinities: &Affinities,
        exaggeration: f64,
    ) -> &[[f64; 2]] {
        self.repulsion.prepare(map);
        let repulsion = &self.repulsion;
        self.parts.par_iter_mut().with_min_len(32).enumerate().for_each(|(i, part)| {
            let (force, z) = repulsion.at(i, map[i]);
            *part = (attraction(i, map, affinities), force, z);
        });
        // In the order of the points, so that the sum is the same on any number of threads.
        let z: f64 = self.parts.iter().map(|part| part.2).sum();
        let scale = if z > 0.0 { 1.0 / z } else { 0.0 };
        for (slope, (pull, push, _)) in self.gradient.iter_mut().zip(&self.parts) {
            for axis in 0..2 {
                slope[axis] = exaggeration * pull[axis] - scale * push[axis];
            }
        }
        &self.gradient
    }
}

/// Σ_j p(i, j) (y_i − y_j) / (1 + |y_i − y_j|²).
fn attraction(i: usize, map: &[[f64; 2]], affinities: &Affinities) -> [f64; 2] {
    let [x, y] = map[i];
    let mut force = [0.0; 2];
    for &(j, p) in affinities.row(i) {
        let [other_x, other_y] = map[j as usize];
        let (dx, dy) = (x - other_x, y - other_y);
        let weight = p / (1.0 + dx * dx + dy * dy);
        force[0] += weight * dx;
        force[1] += weight * dy;
    }
    force
}

impl Repulsion {
    fn prepare(&mut self, map: &[[f64; 2]]) {
        match self {
            Self::Exact { xs, ys } => {
                // Padding lies infinitely far away: it adds 0 to every sum.
                let padded = map.len().next_multiple_of(LANES);
                for (axis, values) in [xs, ys].into_iter().enumerate() {
                    values.clear();
                    values.extend(map.iter().map(|point| point[axis]));
                    values.resize(padded, FAR);
                }
            }
            Self::Tree { tree, flat } => {
                flat.clear();
                flat.extend(map.iter().flatten());
                tree.rebuild_uniform(flat);
            }
        }
    }

    /// Σ_j (y_i − y_j) / (1 + |y_i − y_j|²)² and Σ_{j ≠ i} 1 / (1 + |y_i − y_j|²).
    fn at(&self, i: usize, point: [f64; 2]) -> ([f64; 2], f64) {
        match self {
            Self::Exact { xs, ys } => exact(point, xs, ys),
            Self::Tree { tree, flat } => {
                let mut force = [0.0; 2];
                let mut z = 0.0;
                let mut stack = <Dim<2> as Morton<2>>::empty_stack();
                let theta_squared = THETA * THETA;
                tree.compute_non_edge_forces(
                    i,
                    theta_squared,
                    flat,
                    &mut force,
                    &mut z,
                    stack.as_mut(),
                );
                (force, z)
            }
        }
    }
}

/// A coordinate whose square is finite and whose weight vanishes beside any other.
const FAR: f64 = 1e150;

fn exact([x, y]: [f64; 2], xs: &[f64], ys: &[f64]) -> ([f64; 2], f64) {
    let (mut force_x, mut force_y, mut z) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for (other_x, other_y) in xs.chunks_exact(LANES).zip(ys.chunks_exact(LANES)) {
        for lane in 0..LANES {
            let (dx, dy) = (x - other_x[lane], y - other_y[lane]);
            let q = 1.0 / (1.0 + dx * dx + dy * dy);
            z[lane] += q;
            force_x[lane] += q * q * dx;
            force_y[lane] += q * q * dy;
        }
    }
    // The point's own term is 1.
    let total = z.iter().sum::<f64>() - 1.0;
    ([force_x.iter().sum(), force_y.iter().sum()], total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_near_the_sum_over_all_pairs() {
        // A spiral: dense in the middle, thin outside, no symmetry.
        let map: Vec<[f64; 2]> = (0..1500)
            .map(|i| {
                let angle = f64::from(i) * 0.7;
                let radius = f64::from(i).powi(2) * 2e-5;
                [radius * angle.cos(), radius * angle.sin()]
            })
            .collect();
        let mut exact = Repulsion::Exact { xs: Vec::new(), ys: Vec::new() };
        let mut tree = Repulsion::Tree { tree: Box::new(Tree::empty()), flat: Vec::new() };
        exact.prepare(&map);
        tree.prepare(&map);
        let (mut error, mut size, mut z_exact, mut z_tree) = (0.0, 0.0, 0.0, 0.0);
        for (i, &point) in map.iter().enumerate() {
            let ((a, z_a), (b, z_b)) = (exact.at(i, point), tree.at(i, point));
            error += (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
            size += a[0].powi(2) + a[1].powi(2);
            z_exact += z_a;
            z_tree += z_b;
        }
        assert!((error / size).sqrt() < 0.01, "{}", (error / size).sqrt());
        assert!((z_tree / z_exact - 1.0).abs() < 0.01, "{}", z_tree / z_exact);
    }
}
