//! Eigenvalues and eigenvectors of a symmetric matrix.

use ndarray::{Array1, Array2, ArrayViewMut1, Axis, s};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// The iteration for the eigenvalues of a matrix did not converge. This was never seen on finite
/// input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the eigenvalues of a {size} x {size} matrix did not converge")]
pub struct NoConvergence {
    /// The number of rows of the matrix.
    pub size: usize,
}

/// The eigenvalues of a symmetric matrix `[n, n]`, descending, `[n]`: those of [`SymmetricEigen`],
/// without the work for the vectors. Only the lower triangle is read.
///
/// # Errors
/// [`NoConvergence`].
pub fn eigenvalues(mut matrix: Array2<f64>) -> Result<Vec<f64>, NoConvergence> {
    let (diagonal, off_diagonal) = tridiagonalise(&mut matrix);
    let mut values = implicit_ql(diagonal, off_diagonal, |_| ())?;
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    Ok(values)
}

/// The eigenvalues and eigenvectors of a symmetric matrix.
///
/// Householder reduction to tridiagonal form, then the implicit QL iteration (Golub & Van Loan 2013,
/// section 8.3). Equal, clustered and vanishing eigenvalues have orthonormal vectors too.
#[derive(Debug, Clone)]
pub struct SymmetricEigen {
    values: Array1<f64>,
    /// The row of `tridiagonal` that belongs to each eigenvalue, `[n]`.
    order: Vec<usize>,
    /// The eigenvectors of the tridiagonal matrix as rows, `[n, n]`.
    tridiagonal: Array2<f64>,
    /// Row i holds in `..i` the vector of the reflection that cleared row i of the matrix.
    reflections: Array2<f64>,
}

impl SymmetricEigen {
    /// Decomposes a square matrix `[n, n]`, of which only the lower triangle is read.
    ///
    /// # Errors
    /// [`NoConvergence`].
    pub fn new(mut matrix: Array2<f64>) -> Result<Self, NoConvergence> {
        let (diagonal, off_diagonal) = tridiagonalise(&mut matrix);
        let n = diagonal.len();
        let mut strips = strips_of_identity(n);
        let values = implicit_ql(diagonal, off_diagonal, |rotations| {
            rotate(&mut strips, rotations);
        })?;
        let tridiagonal =
            Array2::from_shape_fn((n, n), |(i, j)| strips[j / STRIP][i * STRIP + j % STRIP]);
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        Ok(Self {
            values: order.iter().map(|&i| values[i]).collect(),
            order,
            tridiagonal,
            reflections: matrix,
        })
    }

    /// The eigenvalues, descending, `[n]`.
    pub fn values(&self) -> &Array1<f64> {
        &self.values
    }

    /// The eigenvectors of the `k` largest eigenvalues (all, where `k` is above n) as orthonormal
    /// rows, `[k, n]`.
    pub fn vectors(&self, k: usize) -> Array2<f64> {
        let k = k.min(self.order.len());
        let mut vectors = self.tridiagonal.select(Axis(0), &self.order[..k]);
        // Undo the reflections, the last one first.
        vectors.axis_chunks_iter_mut(Axis(0), 8).into_par_iter().for_each(|mut rows| {
            for i in 2..self.order.len() {
                let reflection = self.reflections.slice(s![i, ..i]);
                for row in rows.rows_mut() {
                    let mut part = row.slice_move(s![..i]);
                    let overlap = reflection.dot(&part);
                    part.scaled_add(-overlap, &reflection);
                }
            }
        });
        vectors
    }
}

/// Reduces the lower triangle to a diagonal `[n]` and an off-diagonal `[n − 1]` by reflections
/// I − u uᵀ, from the last row up. Each u (of squared length 2, or 0) is stored in the row that it
/// cleared.
fn tridiagonalise(matrix: &mut Array2<f64>) -> (Vec<f64>, Vec<f64>) {
    let n = matrix.nrows();
    let mut diagonal = vec![0.0; n];
    let mut off_diagonal = vec![0.0; n.saturating_sub(1)];
    // u and w of the last reflection, which is not yet applied to the rows above, and of the next.
    let (mut u, mut w) = (vec![0.0; n], vec![0.0; n]);
    let (mut next_u, mut next_w) = (vec![0.0; n], vec![0.0; n]);
    let arch = Arch::new();
    for i in (0..n).rev() {
        let (mut above, mut below) = matrix.view_mut().split_at(Axis(0), i);
        let mut row = below.slice_mut(s![0, ..=i]);
        for (value, (u_c, w_c)) in row.iter_mut().zip(u.iter().zip(&w)) {
            *value -= u[i] * w_c + w[i] * u_c;
        }
        diagonal[i] = row[i];
        let mut cleared = row.slice_mut(s![..i]);
        match i {
            0 => break,
            1 => off_diagonal[0] = cleared[0],
            _ => off_diagonal[i - 1] = reflection(&mut cleared),
        }
        let used = if i == 1 { 0.0 } else { 1.0 };
        next_u.truncate(i);
        next_u.iter_mut().zip(&cleared).for_each(|(to, from)| *to = used * from);
        next_w.truncate(i);
        next_w.fill(0.0);
        for (r, mut row) in above.rows_mut().into_iter().enumerate() {
            let Some(row) = row.as_slice_mut() else { continue };
            arch.dispatch(Step {
                row: &mut row[..=r],
                u: &u,
                w: &w,
                with: &next_u,
                product: &mut next_w,
            });
        }
        // A − u wᵀ − w uᵀ with w = p − (pᵀu / 2) u, p = A u.
        let half = next_w.iter().zip(&next_u).map(|(p, u)| p * u).sum::<f64>() / 2.0;
        next_w.iter_mut().zip(&next_u).for_each(|(p, u)| *p -= half * u);
        std::mem::swap(&mut u, &mut next_u);
        std::mem::swap(&mut w, &mut next_w);
    }
    (diagonal, off_diagonal)
}

/// One pass over row r of the lower triangle, `[r + 1]`: applies the last reflection to the row, and
/// multiplies the row, as a row and as a column, by the vector of the next one.
struct Step<'a> {
    row: &'a mut [f64],
    u: &'a [f64],
    w: &'a [f64],
    with: &'a [f64],
    product: &'a mut [f64],
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let r = self.row.len() - 1;
        let (u_r, w_r, with_r) = (self.u[r], self.w[r], self.with[r]);
        let (sums, last) = self.product.split_at_mut(r);
        let (row, diagonal) = self.row.split_at_mut(r);
        let (rows, row) = S::as_mut_simd_f64s(row);
        let (us, u) = S::as_simd_f64s(&self.u[..r]);
        let (ws, w) = S::as_simd_f64s(&self.w[..r]);
        let (withs, with) = S::as_simd_f64s(&self.with[..r]);
        let (all_sums, sums) = S::as_mut_simd_f64s(sums);
        let [minus_u, minus_w, factor] = [-u_r, -w_r, with_r].map(|v| simd.splat_f64s(v));
        let mut dot = simd.splat_f64s(0.0);
        for ((((value, &u), &w), &with), sum) in
            rows.iter_mut().zip(us).zip(ws).zip(withs).zip(all_sums)
        {
            let new = simd.mul_add_f64s(minus_w, u, simd.mul_add_f64s(minus_u, w, *value));
            *value = new;
            dot = simd.mul_add_f64s(new, with, dot);
            *sum = simd.mul_add_f64s(factor, new, *sum);
        }
        let mut total = simd.reduce_sum_f64s(dot);
        for ((((value, u), w), with), sum) in row.iter_mut().zip(u).zip(w).zip(with).zip(sums) {
            *value -= u_r * w + w_r * u;
            total += *value * with;
            *sum += with_r * *value;
        }
        if let ([corner], [last, ..]) = (diagonal, last) {
            *corner -= 2.0 * u_r * w_r;
            *last += total + *corner * with_r;
        }
    }
}

/// Replaces x by the u of the reflection I − u uᵀ that clears all entries of x but the last, and
/// returns the last entry after the reflection. u is 0 where x is.
fn reflection(x: &mut ArrayViewMut1<f64>) -> f64 {
    let last = x.len() - 1;
    let largest = x.iter().fold(0.0f64, |top, v| top.max(v.abs()));
    if largest == 0.0 {
        return 0.0;
    }
    x.mapv_inplace(|v| v / largest);
    let length = x.dot(x).sqrt();
    let target = if x[last] > 0.0 { -length } else { length };
    x[last] -= target;
    let scale = (2.0 / x.dot(x)).sqrt();
    x.mapv_inplace(|v| v * scale);
    target * largest
}

/// A rotation of rows i and i + 1 of the eigenvectors: i, the cosine and the sine.
type Rotation = (usize, f64, f64);

/// The eigenvalues of a symmetric tridiagonal matrix, in no order: implicit QL with Wilkinson's
/// shift (the algorithm imtql2 of EISPACK). `rotate` receives the rotations that make the
/// eigenvectors from the identity, in their order and in batches.
fn implicit_ql(
    mut d: Vec<f64>,
    mut e: Vec<f64>,
    mut rotate: impl FnMut(&[Rotation]),
) -> Result<Vec<f64>, NoConvergence> {
    let n = d.len();
    e.push(0.0);
    let norm = d.iter().chain(&e).fold(0.0f64, |top, v| top.max(v.abs()));
    let negligible = norm * f64::EPSILON / 16.0;
    let mut rotations = Vec::with_capacity(MAX_BATCH + n);
    for l in 0..n {
        for sweep in 0.. {
            let small = |m: usize| {
                e[m].abs() <= negligible.max(f64::EPSILON * (d[m].abs() + d[m + 1].abs()))
            };
            let m = (l..n - 1).find(|&m| small(m)).unwrap_or(n - 1);
            if m == l {
                break;
            }
            if sweep == MAX_SWEEPS {
                return Err(NoConvergence { size: n });
            }
            let mut g = (d[l + 1] - d[l]) / (2.0 * e[l]);
            g = d[m] - d[l] + e[l] / (g + g.hypot(1.0).copysign(g));
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            let mut split = false;
            for i in (l..m).rev() {
                let (f, b) = (s * e[i], c * e[i]);
                let r = f.hypot(g);
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    split = true;
                    break;
                }
                (s, c) = (f / r, g / r);
                g = d[i + 1] - p;
                let r = (d[i] - g) * s + 2.0 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
                rotations.push((i, c, s));
            }
            e[m] = 0.0;
            if !split {
                d[l] -= p;
                e[l] = g;
            }
            if rotations.len() >= MAX_BATCH {
                rotate(&rotations);
                rotations.clear();
            }
        }
    }
    rotate(&rotations);
    Ok(d)
}

/// The largest number of sweeps for one eigenvalue; two or three are usual.
const MAX_SWEEPS: usize = 100;
/// Columns of the vectors that one task rotates; they are contiguous in memory.
const STRIP: usize = 32;
/// Rotations of one batch: large enough that threads seldom wait for each other.
const MAX_BATCH: usize = 4096;

/// The identity `[n, n]` in strips of [`STRIP`] columns, each row-major and padded with 0.
fn strips_of_identity(n: usize) -> Vec<Vec<f64>> {
    let mut strips = vec![vec![0.0; n * STRIP]; n.div_ceil(STRIP)];
    (0..n).for_each(|i| strips[i / STRIP][i * STRIP + i % STRIP] = 1.0);
    strips
}

/// Applies the rotations, in their order, to rows i and i + 1 of all strips.
fn rotate(strips: &mut [Vec<f64>], rotations: &[Rotation]) {
    let arch = Arch::new();
    strips.par_iter_mut().for_each(|strip| arch.dispatch(Rotate { strip, rotations }));
}

/// The rotations of one strip.
struct Rotate<'a> {
    strip: &'a mut [f64],
    rotations: &'a [Rotation],
}

impl WithSimd for Rotate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (rows, _) = self.strip.as_chunks_mut::<STRIP>();
        for &(i, c, s) in self.rotations {
            let [upper, lower] = &mut rows[i..i + 2] else { continue };
            let [c, s, minus_s] = [c, s, -s].map(|v| simd.splat_f64s(v));
            let (upper, _) = S::as_mut_simd_f64s(upper);
            let (lower, _) = S::as_mut_simd_f64s(lower);
            for (a, b) in upper.iter_mut().zip(lower) {
                let turned = simd.mul_add_f64s(c, *a, simd.mul_f64s(minus_s, *b));
                *b = simd.mul_add_f64s(s, *a, simd.mul_f64s(c, *b));
                *a = turned;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks A v = λ v and V Vᵀ = 1.
    fn check(name: &str, matrix: Array2<f64>) {
        let n = matrix.nrows();
        let eigen = SymmetricEigen::new(matrix.clone()).unwrap();
        let vectors = eigen.vectors(n);
        let norm = matrix.iter().fold(f64::MIN_POSITIVE, |top, v| top.max(v.abs()));
        let mut scaled = vectors.t().to_owned();
        scaled *= &eigen.values;
        let residual = (matrix.dot(&vectors.t()) - scaled) / norm;
        let gram = vectors.dot(&vectors.t()) - Array2::<f64>::eye(n);
        let size = |m: &Array2<f64>| m.iter().fold(0.0f64, |top, v| top.max(v.abs()));
        let bound = 2e-15 * (n as f64).max(8.0);
        assert!(size(&residual) < bound, "{name}: residual {:e}", size(&residual));
        assert!(size(&gram) < bound, "{name}: orthogonality {:e}", size(&gram));
        let trace = matrix.diag().sum();
        assert!((eigen.values.sum() - trace).abs() <= bound * norm * n as f64, "{name}: trace");
        assert!(eigen.values.windows(2).into_iter().all(|w| w[0] >= w[1]), "{name}: order");
        // Without vectors: the same bits.
        assert_eq!(eigenvalues(matrix).unwrap(), eigen.values.to_vec(), "{name}: values alone");
    }

    fn noise(n: usize, m: usize) -> Array2<f64> {
        let mut state = 7u64;
        Array2::from_shape_simple_fn((n, m), || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        })
    }

    #[test]
    fn eigenvectors_of_hard_matrices() {
        let gram = |x: Array2<f64>| x.t().dot(&x);
        for n in [1, 2, 3, 4, 7, 40, 100] {
            check("noise", gram(noise(2 * n, n)));
            check("rank deficient", gram(noise(n.div_ceil(3), n)));
            check("identity", Array2::eye(n));
            check("zero", Array2::zeros((n, n)));
            check("one", Array2::ones((n, n)));
            let falling = Array1::from_shape_fn(n, |i| 0.5f64.powi(i as i32));
            check("graded", gram(noise(2 * n, n) * &falling));
            check("diagonal", Array2::from_diag(&falling));
            check("tiny", gram(noise(n, n)) * 1e-200);
            check("huge", gram(noise(n, n)) * 1e200);
            // Pairs of eigenvalues that agree to many digits (Wilkinson's W+).
            let wilkinson = Array2::from_shape_fn((n, n), |(i, j)| match i.abs_diff(j) {
                0 => (n as f64 / 2.0 - i as f64).abs(),
                1 => 1.0,
                _ => 0.0,
            });
            check("wilkinson", wilkinson);
            let blocks = Array2::from_shape_fn((n, n), |(i, j)| (i / 3 == j / 3) as u8 as f64);
            check("equal blocks", blocks);
        }
    }

    #[test]
    fn eigenvalues_with_a_closed_form() {
        assert_eq!(eigenvalues(Array2::zeros((0, 0))).unwrap(), [] as [f64; 0]);
        // The Laplacian of a path of n points: 2 − 2 cos(k π / n).
        let n = 50;
        let path = Array2::from_shape_fn((n, n), |(i, j)| match i.abs_diff(j) {
            0 if i == 0 || i == n - 1 => 1.0,
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        });
        for (k, found) in eigenvalues(path).unwrap().iter().rev().enumerate() {
            let exact = 2.0 - 2.0 * (k as f64 * std::f64::consts::PI / n as f64).cos();
            assert!((found - exact).abs() < 1e-13, "{k}: {found} {exact}");
        }
    }
}
