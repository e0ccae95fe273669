//! Repulsion by interpolation on a grid, on which the sum over all pairs is a convolution.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

/// The distance between nodes, in the unit of the map; the kernel 1 / (1 + r²) has width 1.
const SPACING: f64 = 0.4;
/// The smallest distance between nodes: below, differences of the potential are rounding.
const MIN_SPACING: f64 = 1e-3;
/// The shortest transform: the nodes of a small map are closer.
const MIN_LENGTH: usize = 128;
/// The longest transform, which bounds the memory (60 MB). The nodes of a map wider than 750 units
/// are farther apart; maps of less than a million points are that wide only with an outlier.
const MAX_LENGTH: usize = 3072;
/// Rows and columns that are moved together; lengths are multiples of it.
const BLOCK: usize = 8;
/// Points of one parallel task.
const POINTS: usize = 512;
/// The nodes along an axis over which the quintic spline of a point extends.
const SUPPORT: usize = 6;
/// The index of the node at a point with offset 0: the third.
const MIDDLE: f64 = (SUPPORT / 2 - 1) as f64;

/// The position of a point on the grid.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The first of its nodes along x and y.
    node: [u32; 2],
    /// The distance from its third node, 0 to 1 in units of the spacing.
    offset: [f64; 2],
}

/// The sums of t-SNE's repulsion at all points, from splines on a square grid.
///
/// Linderman et al. 2019 (FIt-SNE) put the points' charges on a grid, convolve it with the kernel
/// by Fourier transforms and interpolate at the points. Here, as in the smooth particle mesh of
/// Essmann et al. 1995, the interpolation is by quintic B-splines, whose derivatives are the forces:
/// one forward and one inverse transform give the forces and the normalisation.
pub(super) struct Grid {
    plans: Option<Plans>,
    spacing: f64,
    /// The transform of the kernel, `[columns, length]`: real, because the kernel is even.
    kernel: Vec<f64>,
    places: Vec<Place>,
    /// The points, sorted by their first node along y; and the start of the points of each node.
    order: Vec<u32>,
    starts: Vec<u32>,
    /// The charges after the transform along x, `[nodes, columns]`.
    rows: Vec<Complex<f64>>,
    /// The potential before the inverse transform along x, `[columns, nodes]`.
    columns: Vec<Complex<f64>>,
    /// The potential, `[nodes, nodes]`.
    potential: Vec<f64>,
}

/// Transforms of one length, twice the number of nodes, so that the convolution does not wrap around.
struct Plans {
    length: usize,
    forward: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
}

impl Plans {
    fn new(length: usize) -> Self {
        let mut planner = FftPlanner::new();
        let (forward, inverse) =
            (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
        Self { length, forward, inverse }
    }

    fn nodes(&self) -> usize {
        self.length / 2
    }

    /// The number of columns of a real transform; the others are their conjugates.
    fn columns(&self) -> usize {
        self.length / 2 + 1
    }

    /// A buffer of `lines` lines and the scratch space of the transforms.
    fn buffers(&self, lines: usize) -> (Vec<Complex<f64>>, Vec<Complex<f64>>) {
        let scratch =
            self.forward.get_inplace_scratch_len().max(self.inverse.get_inplace_scratch_len());
        (vec![ZERO; lines * self.length], vec![ZERO; scratch])
    }
}

const ZERO: Complex<f64> = Complex::new(0.0, 0.0);

impl Grid {
    /// A grid for any number of points; its size is adapted to the map.
    pub(super) fn new() -> Self {
        Self {
            plans: None,
            spacing: 0.0,
            kernel: Vec::new(),
            places: Vec::new(),
            order: Vec::new(),
            starts: Vec::new(),
            rows: Vec::new(),
            columns: Vec::new(),
            potential: Vec::new(),
        }
    }

    /// Computes for every point of a finite map Σ_j (y_i − y_j) / (1 + |y_i − y_j|²)² and
    /// Σ_{j ≠ i} 1 / (1 + |y_i − y_j|²).
    pub(super) fn repel(&mut self, map: &[[f64; 2]], sums: &mut [([f64; 2], f64)]) {
        let lowest = self.fit(map);
        let Some(plans) = &self.plans else { return };
        let nodes = plans.nodes();
        place(map, lowest, self.spacing, nodes, &mut self.places);
        sort(&self.places, nodes, &mut self.order, &mut self.starts);
        let points = Points { places: &self.places, order: &self.order, starts: &self.starts };
        spread(plans, &points, &mut self.rows);
        convolve(plans, &self.kernel, &self.rows, &mut self.columns);
        to_potential(plans, &self.columns, &mut self.potential);
        let (potential, scale) = (&self.potential, -0.5 / self.spacing);
        sums.par_iter_mut().with_min_len(POINTS).zip(&self.places).for_each(|(sum, place)| {
            let (value, slope) = interpolate(potential, nodes, place);
            // The share of the point itself in the potential is 1.
            *sum = (slope.map(|v| scale * v), value - 1.0);
        });
    }

    /// Fits the grid to the extent of the map, and returns the lowest corner of the map.
    fn fit(&mut self, map: &[[f64; 2]]) -> [f64; 2] {
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for point in map {
            for axis in 0..2 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        let extent = (high[0] - low[0]).max(high[1] - low[1]).max(0.0);
        // Two nodes before the first point and three after the last.
        let needed = (extent / SPACING).min(MAX_LENGTH as f64) as usize + 1 + SUPPORT;
        let length = smooth_length((2 * needed).clamp(MIN_LENGTH, MAX_LENGTH));
        let tight = extent / (length / 2 - SUPPORT) as f64;
        let spacing =
            if length == MIN_LENGTH { tight.max(MIN_SPACING) } else { tight.max(SPACING) };
        if self.plans.as_ref().is_none_or(|plans| plans.length != length) {
            let plans = Plans::new(length);
            let (nodes, columns) = (plans.nodes(), plans.columns());
            self.rows = vec![ZERO; nodes * columns];
            self.columns = vec![ZERO; nodes * columns];
            self.potential = vec![0.0; nodes * nodes];
            self.plans = Some(plans);
            self.spacing = 0.0;
        }
        if let Some(plans) = &self.plans
            && self.spacing != spacing
        {
            self.kernel = transformed_kernel(plans, spacing);
            self.spacing = spacing;
        }
        low
    }
}

/// The smallest length of at least `min` (a multiple of two blocks) without prime factors above 5:
/// such transforms are fast.
fn smooth_length(min: usize) -> usize {
    let smooth = |mut n: usize| {
        for factor in [2, 3, 5] {
            while n.is_multiple_of(factor) {
                n /= factor;
            }
        }
        n == 1
    };
    let step = 2 * BLOCK;
    (min.div_ceil(step)..).map(|n| n * step).find(|&n| smooth(n)).unwrap_or(min)
}

/// The transform of c, `[columns, length]`, where Σ_ab B(u − a) B(v − b) c(a − b) with the quintic
/// spline B is 1 / (1 + |u − v|²) at nodes u and v: the transform of the kernel, divided by the
/// square of the transform of the spline. It contains the factor of the inverse transform.
fn transformed_kernel(plans: &Plans, spacing: f64) -> Vec<f64> {
    let (length, nodes, columns) = (plans.length, plans.nodes(), plans.columns());
    // Even along both axes: one half of the rows is enough.
    let mut half = vec![0.0; (nodes + 1) * columns];
    half.par_chunks_mut(columns).enumerate().for_each_init(
        || plans.buffers(1),
        |(line, scratch), (y, out)| {
            for (x, value) in line.iter_mut().enumerate() {
                let lag = x.min(length - x) as f64;
                let squared = spacing * spacing * (lag * lag + (y * y) as f64);
                *value = Complex::new(1.0 / (1.0 + squared), 0.0);
            }
            plans.forward.process_with_scratch(line, scratch);
            out.iter_mut().zip(line).for_each(|(value, term)| *value = term.re);
        },
    );
    let (at_nodes, _) = spline(0.0);
    let transform = |k: usize| {
        let angle = std::f64::consts::TAU * k as f64 / length as f64;
        let terms = at_nodes.iter().enumerate();
        terms.map(|(a, share)| share * (angle * (a as f64 - MIDDLE)).cos()).sum::<f64>()
    };
    let squares: Vec<f64> = (0..length).map(|k| transform(k).powi(2)).collect();
    let mut kernel = vec![0.0; columns * length];
    kernel.par_chunks_mut(length).enumerate().for_each_init(
        || plans.buffers(1),
        |(line, scratch), (x, out)| {
            for (y, value) in line.iter_mut().enumerate() {
                *value = Complex::new(half[y.min(length - y) * columns + x], 0.0);
            }
            plans.forward.process_with_scratch(line, scratch);
            let scale = 1.0 / (squares[x] * (length * length) as f64);
            for ((value, term), square) in out.iter_mut().zip(line).zip(&squares) {
                *value = term.re * scale / square;
            }
        },
    );
    kernel
}

/// Finds the nodes of every point.
fn place(map: &[[f64; 2]], low: [f64; 2], spacing: f64, nodes: usize, places: &mut Vec<Place>) {
    places.resize(map.len(), Place::default());
    let last = (nodes - SUPPORT) as f64;
    places.par_iter_mut().with_min_len(POINTS).zip(map).for_each(|(place, point)| {
        for axis in 0..2 {
            let along = (point[axis] - low[axis]) / spacing;
            let node = along.floor().clamp(0.0, last);
            place.node[axis] = node as u32;
            place.offset[axis] = along - node;
        }
    });
}

/// Sorts the points by their first node along y; the order within a node is kept.
fn sort(places: &[Place], nodes: usize, order: &mut Vec<u32>, starts: &mut Vec<u32>) {
    starts.clear();
    starts.resize(nodes + 2, 0);
    for place in places {
        starts[place.node[1] as usize + 2] += 1;
    }
    for node in 2..starts.len() {
        starts[node] += starts[node - 1];
    }
    order.resize(places.len(), 0);
    for (point, place) in places.iter().enumerate() {
        let next = &mut starts[place.node[1] as usize + 1];
        order[*next as usize] = point as u32;
        *next += 1;
    }
}

/// The points, sorted along y.
struct Points<'a> {
    places: &'a [Place],
    order: &'a [u32],
    starts: &'a [u32],
}

impl Points<'_> {
    /// The points whose first node along y is `node`.
    fn at(&self, node: usize) -> impl Iterator<Item = &Place> {
        let range: Range<usize> = self.starts[node] as usize..self.starts[node + 1] as usize;
        self.order[range].iter().map(|&point| &self.places[point as usize])
    }
}

/// Spreads a charge of 1 for each point over its nodes and transforms along x. Each row of nodes is
/// summed by one task in a fixed order: the number of threads does not change the sums.
fn spread(plans: &Plans, points: &Points, rows: &mut [Complex<f64>]) {
    let (length, columns) = (plans.length, plans.columns());
    // Two real rows are transformed as one complex row.
    rows.par_chunks_mut(2 * columns).enumerate().for_each_init(
        || plans.buffers(1),
        |(line, scratch), (pair, out)| {
            line.fill(ZERO);
            for half in 0..2 {
                let row = 2 * pair + half;
                for (share, node) in (0..SUPPORT).filter_map(|k| Some((k, row.checked_sub(k)?))) {
                    for place in points.at(node) {
                        let charge = spline(place.offset[1]).0[share];
                        let first = place.node[0] as usize;
                        let targets = &mut line[first..first + SUPPORT];
                        for (target, weight) in targets.iter_mut().zip(spline(place.offset[0]).0) {
                            let part = if half == 0 { &mut target.re } else { &mut target.im };
                            *part += charge * weight;
                        }
                    }
                }
            }
            plans.forward.process_with_scratch(line, scratch);
            let (even, odd) = out.split_at_mut(columns);
            for (k, (even, odd)) in even.iter_mut().zip(odd).enumerate() {
                let (term, mirror) = (line[k], line[(length - k) % length].conj());
                *even = (term + mirror) * 0.5;
                let difference = (term - mirror) * 0.5;
                *odd = Complex::new(difference.im, -difference.re);
            }
        },
    );
}

/// Transforms along y, multiplies by the kernel and transforms back.
fn convolve(plans: &Plans, kernel: &[f64], rows: &[Complex<f64>], out: &mut [Complex<f64>]) {
    let (length, nodes, columns) = (plans.length, plans.nodes(), plans.columns());
    out.par_chunks_mut(BLOCK * nodes).enumerate().for_each_init(
        || plans.buffers(BLOCK),
        |(lines, scratch), (block, out)| {
            let first = block * BLOCK;
            let count = out.len() / nodes;
            let lines = &mut lines[..count * length];
            for (y, row) in rows.chunks_exact(columns).enumerate() {
                for (x, &term) in row[first..first + count].iter().enumerate() {
                    lines[x * length + y] = term;
                }
            }
            for line in lines.chunks_exact_mut(length) {
                line[nodes..].fill(ZERO);
            }
            plans.forward.process_with_scratch(lines, scratch);
            let factors = &kernel[first * length..];
            lines.iter_mut().zip(factors).for_each(|(term, &factor)| *term *= factor);
            plans.inverse.process_with_scratch(lines, scratch);
            for (out, line) in out.chunks_exact_mut(nodes).zip(lines.chunks_exact(length)) {
                out.copy_from_slice(&line[..nodes]);
            }
        },
    );
}

/// Transforms back along x, two real rows as one complex row.
fn to_potential(plans: &Plans, columns: &[Complex<f64>], out: &mut [f64]) {
    let (length, nodes) = (plans.length, plans.nodes());
    out.par_chunks_mut(BLOCK * nodes).enumerate().for_each_init(
        || plans.buffers(BLOCK / 2),
        |(lines, scratch), (block, out)| {
            for (k, column) in columns.chunks_exact(nodes).enumerate() {
                let (pairs, _) = column[block * BLOCK..][..BLOCK].as_chunks::<2>();
                for (line, &[even, odd]) in lines.chunks_exact_mut(length).zip(pairs) {
                    let rotated = Complex::new(-odd.im, odd.re);
                    line[(length - k) % length] = (even - rotated).conj();
                    line[k] = even + rotated;
                }
            }
            plans.inverse.process_with_scratch(lines, scratch);
            for (out, line) in out.chunks_exact_mut(2 * nodes).zip(lines.chunks_exact(length)) {
                let (even, odd) = out.split_at_mut(nodes);
                for ((even, odd), term) in even.iter_mut().zip(odd).zip(line) {
                    (*even, *odd) = (term.re, term.im);
                }
            }
        },
    );
}

/// The potential at a point and its derivatives along x and y, in units of the spacing.
fn interpolate(potential: &[f64], nodes: usize, place: &Place) -> (f64, [f64; 2]) {
    let [(along_x, slope_x), (along_y, slope_y)] = place.offset.map(spline);
    let (mut value, mut slope) = (0.0, [0.0; 2]);
    let [x, y] = place.node.map(|node| node as usize);
    for k in 0..SUPPORT {
        let row = &potential[(y + k) * nodes + x..][..SUPPORT];
        let (mut level, mut change) = (0.0, 0.0);
        for a in 0..SUPPORT {
            level += along_x[a] * row[a];
            change += slope_x[a] * row[a];
        }
        value += along_y[k] * level;
        slope[0] += along_y[k] * change;
        slope[1] += slope_y[k] * level;
    }
    (value, slope)
}

/// The spline weights of the nodes of a point at offset `t` from its third node, and their
/// derivatives, by the recursion of de Boor (1978, chapter X).
#[inline(always)]
fn spline(t: f64) -> ([f64; SUPPORT], [f64; SUPPORT]) {
    let mut shares = [0.0; SUPPORT];
    let mut slopes = [0.0; SUPPORT];
    shares[0] = 1.0;
    for order in 2..=SUPPORT {
        if order == SUPPORT {
            slopes[0] = -shares[0];
            for k in 1..SUPPORT {
                slopes[k] = shares[k - 1] - shares[k];
            }
        }
        let divisor = 1.0 / (order - 1) as f64;
        for k in (0..order).rev() {
            let from = if k > 0 { (t + (order - 1 - k) as f64) * shares[k - 1] } else { 0.0 };
            shares[k] = divisor * (from + ((k + 1) as f64 - t) * shares[k]);
        }
    }
    (shares, slopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A spiral: dense in the middle, sparse outside, without symmetry.
    fn spiral(n: usize, radius: f64) -> Vec<[f64; 2]> {
        let point = |i: usize| {
            let (angle, share) = (i as f64 * 0.7, (i as f64 / n as f64).powi(2));
            [radius * share * angle.cos(), radius * share * angle.sin()]
        };
        (0..n).map(point).collect()
    }

    /// The relative errors of the forces (root mean square) and of their normalisation.
    fn errors(map: &[[f64; 2]]) -> (f64, f64) {
        let mut sums = vec![([0.0; 2], 0.0); map.len()];
        Grid::new().repel(map, &mut sums);
        let (mut error, mut size, mut z, mut z_exact) = (0.0, 0.0, 0.0, 0.0);
        for (i, (force, part)) in sums.into_iter().enumerate() {
            let mut exact = [0.0; 2];
            for (_, other) in map.iter().enumerate().filter(|&(j, _)| j != i) {
                let (dx, dy) = (map[i][0] - other[0], map[i][1] - other[1]);
                let q = 1.0 / (1.0 + dx * dx + dy * dy);
                exact[0] += q * q * dx;
                exact[1] += q * q * dy;
                z_exact += q;
            }
            z += part;
            error += (force[0] - exact[0]).powi(2) + (force[1] - exact[1]).powi(2);
            size += exact[0].powi(2) + exact[1].powi(2);
        }
        ((error / size).sqrt(), (z / z_exact - 1.0).abs())
    }

    #[test]
    fn interpolation_is_near_the_sum_over_all_pairs() {
        for radius in [1e-4, 0.1, 3.0, 20.0, 60.0, 300.0] {
            let (force, z) = errors(&spiral(1500, radius));
            let bound = if radius < 10.0 { 1e-5 } else { 0.01 };
            assert!(force < bound && z < bound / 10.0, "{radius}: {force:e} {z:e}");
        }
    }

    /// The sums of a map on a grid that may have been used before.
    fn sums(grid: &mut Grid, map: &[[f64; 2]]) -> Vec<([f64; 2], f64)> {
        let mut sums = vec![([0.0; 2], 0.0); map.len()];
        grid.repel(map, &mut sums);
        sums
    }

    #[test]
    fn maps_without_extent_or_with_too_much_have_finite_forces() {
        let mut grid = Grid::new();
        let near = |found: f64, expected: f64| (found - expected).abs() < 1e-6 * expected;
        let equal = sums(&mut grid, &[[0.3, -0.1]; 50]);
        assert!(
            equal.iter().all(|(force, z)| force.iter().all(|v| v.abs() < 1e-6) && near(*z, 49.0))
        );
        // Two distant clusters, and an outlier: the grid is coarse, and its size is bounded.
        let apart: Vec<_> = (0..60).map(|i| [f64::from(i % 2) * 1e4, f64::from(i) * 0.1]).collect();
        let mut outlier = spiral(100, 5.0);
        outlier[7] = [1e9, -1e8];
        for map in [apart, outlier] {
            let found = sums(&mut grid, &map);
            assert!(found.iter().all(|(force, z)| force.iter().chain([z]).all(|v| v.is_finite())));
            assert!(grid.kernel.len() <= MAX_LENGTH * (MAX_LENGTH / 2 + 1));
        }
        // A grid that was used for other maps gives the same bytes.
        let map = spiral(300, 30.0);
        assert_eq!(sums(&mut grid, &map), sums(&mut Grid::new(), &map));
    }
}
