//! Attraction and repulsion of the points of a map.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::affinity::{Affinities, LANES, Neighbours, Pairs};
use super::grid::Grid;

/// The largest number of points whose repulsion is summed over all pairs, which is exact and not
/// slower than the grid.
pub(super) const MAX_EXACT: usize = 2000;
/// The largest number of points for which one thread is faster than several.
const MAX_SERIAL: usize = 192;
/// A coordinate whose square is finite and whose weight is negligible.
const FAR: f64 = 1e150;
/// Points of one parallel task, where each has few neighbours.
const POINTS: usize = 128;

/// The force on a point, and its part of the normalisation Z of the map probabilities.
type Sum = ([f64; 2], f64);

/// The gradient of the divergence of a map, with its buffers.
pub(super) struct Forces<'a> {
    method: Method<'a>,
    attraction: Vec<[f64; 2]>,
    /// Repulsion before division by Z.
    repulsion: Vec<Sum>,
    gradient: Vec<[f64; 2]>,
}

/// How the forces are summed.
enum Method<'a> {
    /// Both over all pairs.
    Pairs(&'a Pairs, Axes),
    /// Attraction over neighbours, repulsion over all pairs.
    Mixed(&'a Neighbours, Axes),
    /// Attraction over neighbours, repulsion by interpolation.
    Neighbours(&'a Neighbours, Box<Grid>),
}

/// The coordinates of a map by axis, padded to whole lanes.
#[derive(Default)]
struct Axes([Vec<f64>; 2]);

impl Axes {
    fn of(&mut self, map: &[[f64; 2]]) -> [&[f64]; 2] {
        for (axis, values) in self.0.iter_mut().enumerate() {
            values.clear();
            values.extend(map.iter().map(|point| point[axis]));
            // Padding is so far away that it adds 0 to every sum.
            values.resize(map.len().next_multiple_of(LANES), FAR);
        }
        self.0.each_ref().map(Vec::as_slice)
    }
}

impl<'a> Forces<'a> {
    /// The forces of the `n` points of `affinities`.
    pub(super) fn new(affinities: &'a Affinities, n: usize) -> Self {
        let method = match affinities {
            Affinities::Pairs(pairs) => Method::Pairs(pairs, Axes::default()),
            Affinities::Neighbours(near) if n <= MAX_EXACT => Method::Mixed(near, Axes::default()),
            Affinities::Neighbours(near) => Method::Neighbours(near, Box::new(Grid::new())),
        };
        Self {
            method,
            attraction: vec![[0.0; 2]; n],
            repulsion: vec![([0.0; 2], 0.0); n],
            gradient: vec![[0.0; 2]; n],
        }
    }

    /// A quarter of the gradient of the Kullback-Leibler divergence with attraction multiplied by
    /// `exaggeration`: Σ_j (a p(i, j) − q(i, j)) (y_i − y_j) / (1 + |y_i − y_j|²).
    pub(super) fn gradient(&mut self, map: &[[f64; 2]], exaggeration: f64) -> &[[f64; 2]] {
        // The sums of a point are one loop, compiled for every vector width. Each loop is a struct,
        // because `dispatch` does not inline closures.
        let arch = Arch::new();
        match &mut self.method {
            Method::Pairs(pairs, axes) => {
                let axes = axes.of(map);
                let one = |(i, (pull, push)): (usize, (&mut [f64; 2], &mut Sum))| {
                    (*pull, *push) =
                        arch.dispatch(OverPairs { point: map[i], joint: pairs.row(i), axes });
                };
                if map.len() <= MAX_SERIAL {
                    self.attraction.iter_mut().zip(&mut self.repulsion).enumerate().for_each(one);
                } else {
                    let both = self.attraction.par_iter_mut().zip(&mut self.repulsion);
                    both.with_min_len(MAX_SERIAL / 4).enumerate().for_each(one);
                }
            }
            Method::Mixed(neighbours, axes) => {
                let axes = axes.of(map);
                let both = self.attraction.par_iter_mut().zip(&mut self.repulsion);
                both.with_min_len(MAX_SERIAL / 4).enumerate().for_each(|(i, (pull, push))| {
                    *pull = arch.dispatch(OverNeighbours { i, neighbours: neighbours.row(i), map });
                    *push = arch.dispatch(FromPairs { point: map[i], axes });
                });
            }
            Method::Neighbours(neighbours, grid) => {
                let pulls = self.attraction.par_iter_mut().with_min_len(POINTS);
                pulls.enumerate().for_each(|(i, pull)| {
                    *pull = arch.dispatch(OverNeighbours { i, neighbours: neighbours.row(i), map });
                });
                grid.repel(map, &mut self.repulsion);
            }
        }
        // In the order of the points: the sum does not depend on the number of threads.
        let z: f64 = self.repulsion.iter().map(|(_, part)| part).sum();
        let scale = if z > 0.0 { 1.0 / z } else { 0.0 };
        let forces = self.attraction.iter().zip(&self.repulsion);
        for (slope, (pull, (push, _))) in self.gradient.iter_mut().zip(forces) {
            for axis in 0..2 {
                slope[axis] = exaggeration * pull[axis] - scale * push[axis];
            }
        }
        &self.gradient
    }
}

/// Σ_j p(i, j) (y_i − y_j) / (1 + |y_i − y_j|²) and [`FromPairs`], over all j.
struct OverPairs<'a> {
    point: [f64; 2],
    joint: &'a [f64],
    axes: [&'a [f64]; 2],
}

impl WithSimd for OverPairs<'_> {
    type Output = ([f64; 2], Sum);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let zero = simd.splat_f64s(0.0);
        let (mut pull, mut push, mut z) = ([zero; 2], [zero; 2], zero);
        let [xs, ys] = self.axes.map(|values| S::as_simd_f64s(values).0);
        let (joint, _) = S::as_simd_f64s(self.joint);
        for ((&other_x, &other_y), &p) in xs.iter().zip(ys).zip(joint) {
            let (dx, dy, q) = differences(simd, self.point, other_x, other_y);
            let (weight, square) = (simd.mul_f64s(p, q), simd.mul_f64s(q, q));
            z = simd.add_f64s(z, q);
            pull = [simd.mul_add_f64s(weight, dx, pull[0]), simd.mul_add_f64s(weight, dy, pull[1])];
            push = [simd.mul_add_f64s(square, dx, push[0]), simd.mul_add_f64s(square, dy, push[1])];
        }
        let sum = |v| simd.reduce_sum_f64s(v);
        (pull.map(sum), (push.map(sum), sum(z) - 1.0))
    }
}

/// Σ_j (y_i − y_j) / (1 + |y_i − y_j|²)² and Σ_{j ≠ i} 1 / (1 + |y_i − y_j|²), over all j.
struct FromPairs<'a> {
    point: [f64; 2],
    axes: [&'a [f64]; 2],
}

impl WithSimd for FromPairs<'_> {
    type Output = Sum;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sum {
        let zero = simd.splat_f64s(0.0);
        let (mut push, mut z) = ([zero; 2], zero);
        let [xs, ys] = self.axes.map(|values| S::as_simd_f64s(values).0);
        for (&other_x, &other_y) in xs.iter().zip(ys) {
            let (dx, dy, q) = differences(simd, self.point, other_x, other_y);
            let square = simd.mul_f64s(q, q);
            z = simd.add_f64s(z, q);
            push = [simd.mul_add_f64s(square, dx, push[0]), simd.mul_add_f64s(square, dy, push[1])];
        }
        let sum = |v| simd.reduce_sum_f64s(v);
        // The part of the point itself in z is 1.
        (push.map(sum), sum(z) - 1.0)
    }
}

/// Σ_j p(i, j) (y_i − y_j) / (1 + |y_i − y_j|²) over the neighbours `(j, p(i, j))` of point i.
struct OverNeighbours<'a> {
    i: usize,
    neighbours: &'a [(u32, f32)],
    map: &'a [[f64; 2]],
}

impl WithSimd for OverNeighbours<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f64; 2] {
        let Self { i, neighbours, map } = self;
        let zero = simd.splat_f64s(0.0);
        let mut pull = [zero; 2];
        for group in neighbours.chunks(LANES) {
            // Lanes without a neighbour have probability 0.
            let (mut xs, mut ys, mut ps) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
            for (lane, &(j, p)) in group.iter().enumerate() {
                [xs[lane], ys[lane]] = map[j as usize];
                ps[lane] = f64::from(p);
            }
            let [xs, ys, ps] = [&xs, &ys, &ps].map(|values| S::as_simd_f64s(values).0);
            for ((&x, &y), &p) in xs.iter().zip(ys).zip(ps) {
                let (dx, dy, q) = differences(simd, map[i], x, y);
                let weight = simd.mul_f64s(p, q);
                pull = [
                    simd.mul_add_f64s(weight, dx, pull[0]),
                    simd.mul_add_f64s(weight, dy, pull[1]),
                ];
            }
        }
        pull.map(|v| simd.reduce_sum_f64s(v))
    }
}

/// The differences d of a point to other points, and 1 / (1 + |d|²).
#[inline(always)]
fn differences<S: Simd>(
    simd: S,
    [x, y]: [f64; 2],
    other_x: S::f64s,
    other_y: S::f64s,
) -> (S::f64s, S::f64s, S::f64s) {
    let one = simd.splat_f64s(1.0);
    let dx = simd.sub_f64s(simd.splat_f64s(x), other_x);
    let dy = simd.sub_f64s(simd.splat_f64s(y), other_y);
    let squared = simd.mul_add_f64s(dx, dx, simd.mul_add_f64s(dy, dy, one));
    (dx, dy, simd.div_f64s(one, squared))
}
