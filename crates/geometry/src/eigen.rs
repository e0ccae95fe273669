//! Eigenvalues of a symmetric matrix.

use ndarray::{Array2, ArrayViewMut1, Axis, s};
use pulp::Arch;

use crate::error::{GeometryError, Result};

/// The eigenvalues of the lower triangle of a square matrix, falling, `[n]`: Householder's
/// reduction to tridiagonal form, then implicit QL (Golub & Van Loan 2013, section 8.3).
///
/// # Errors
/// [`GeometryError::NoConvergence`], not met on finite input.
pub(crate) fn eigenvalues(mut matrix: Array2<f64>) -> Result<Vec<f64>> {
    // Entries of at most 1: their squares can be added without a care for overflow. A power of two
    // changes no digit.
    let largest = matrix.iter().fold(0.0f64, |top, v| top.max(v.abs()));
    let unit =
        if largest > 0.0 { largest.log2().ceil().clamp(-1000.0, 1000.0).exp2() } else { 1.0 };
    matrix.mapv_inplace(|v| v / unit);
    // With the widest vectors of the machine.
    let (mut diagonal, beside) = Arch::new().dispatch(|| tridiagonal(&mut matrix));
    implicit_ql(&mut diagonal, beside)?;
    diagonal.iter_mut().for_each(|v| *v *= unit);
    diagonal.sort_unstable_by(|a, b| b.total_cmp(a));
    Ok(diagonal)
}

/// Diagonal `[n]` and off-diagonal `[n − 1]` after reflections I − u uᵀ that clear the rows of the
/// lower triangle, the last one first.
#[inline(always)]
fn tridiagonal(matrix: &mut Array2<f64>) -> (Vec<f64>, Vec<f64>) {
    let n = matrix.nrows();
    let (mut diagonal, mut beside) = (vec![0.0; n], vec![0.0; n.saturating_sub(1)]);
    for i in (0..n).rev() {
        let (mut above, mut below) = matrix.view_mut().split_at(Axis(0), i);
        let mut row = below.slice_mut(s![0, ..=i]);
        diagonal[i] = row[i];
        if i == 0 {
            break;
        }
        let mut u = row.slice_mut(s![..i]);
        beside[i - 1] = reflection(&mut u);
        let u: Vec<f64> = u.to_vec();
        // p = A u from the lower triangle: each row also stands for a column.
        let mut p = vec![0.0; i];
        for (r, row) in above.rows().into_iter().enumerate() {
            let Some(row) = row.to_slice() else { continue };
            let (sums, own) = p.split_at_mut(r);
            own[0] += row[r] * u[r] + row_and_column(&row[..r], &u[..r], u[r], sums);
        }
        // A − u wᵀ − w uᵀ with w = p − (pᵀu / 2) u.
        let half = p.iter().zip(&u).map(|(p, u)| p * u).sum::<f64>() / 2.0;
        p.iter_mut().zip(&u).for_each(|(p, u)| *p -= half * u);
        for (r, mut row) in above.rows_mut().into_iter().enumerate() {
            let Some(row) = row.as_slice_mut() else { continue };
            let (u_r, w_r) = (u[r], p[r]);
            let steps = u.iter().zip(&p);
            for (a, (u, w)) in row[..=r].iter_mut().zip(steps) {
                *a -= u_r * w + w_r * u;
            }
        }
    }
    (diagonal, beside)
}

/// `sums += factor row`, and the product of `row` and `u`, all of one length. Eight sums side by
/// side, which fit vector registers.
#[inline(always)]
fn row_and_column(row: &[f64], u: &[f64], factor: f64, sums: &mut [f64]) -> f64 {
    let mut products = [0.0; 8];
    let ((rows, row_end), (us, u_end)) = (row.as_chunks::<8>(), u.as_chunks::<8>());
    let (all, sums_end) = sums.as_chunks_mut::<8>();
    for ((row, u), sums) in rows.iter().zip(us).zip(all) {
        for lane in 0..8 {
            products[lane] += row[lane] * u[lane];
            sums[lane] += factor * row[lane];
        }
    }
    sums_end.iter_mut().zip(row_end).for_each(|(sum, a)| *sum += factor * a);
    products.iter().sum::<f64>() + row_end.iter().zip(u_end).map(|(a, u)| a * u).sum::<f64>()
}

/// Turns x into the u of the reflection I − u uᵀ that leaves its last entry alone, and returns
/// what that becomes; u is 0 where there is nothing to clear.
fn reflection(x: &mut ArrayViewMut1<f64>) -> f64 {
    let last = x.len() - 1;
    let largest = x.iter().take(last).fold(0.0f64, |top, v| top.max(v.abs()));
    if largest == 0.0 {
        let kept = x[last];
        x.fill(0.0);
        return kept;
    }
    let largest = largest.max(x[last].abs());
    x.mapv_inplace(|v| v / largest);
    let length = x.dot(x).sqrt();
    let target = if x[last] > 0.0 { -length } else { length };
    x[last] -= target;
    let scale = (2.0 / x.dot(x)).sqrt();
    x.mapv_inplace(|v| v * scale);
    target * largest
}

/// Sweeps that an eigenvalue may take; two or three are usual.
const MAX_SWEEPS: usize = 100;

/// The eigenvalues of a symmetric tridiagonal matrix in place of its diagonal, in no order: QL
/// with implicit shifts (Wilkinson's).
fn implicit_ql(d: &mut [f64], mut e: Vec<f64>) -> Result<()> {
    let n = d.len();
    e.push(0.0);
    for l in 0..n {
        for sweep in 0.. {
            let small = |m: usize| e[m].abs() <= f64::EPSILON * (d[m].abs() + d[m + 1].abs());
            let m = (l..n - 1).find(|&m| small(m)).unwrap_or(n - 1);
            if m == l {
                break;
            }
            if sweep == MAX_SWEEPS {
                return Err(GeometryError::NoConvergence { size: n });
            }
            let shift = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let mut g = d[m] - d[l] + e[l] / (shift + shift.hypot(1.0).copysign(shift));
            let (mut sine, mut cosine, mut p) = (1.0, 1.0, 0.0);
            let mut whole = true;
            for i in (l..m).rev() {
                let (f, b) = (sine * e[i], cosine * e[i]);
                let r = (f * f + g * g).sqrt();
                e[i + 1] = r;
                if r == 0.0 {
                    // The matrix falls apart here: go on with the lower part.
                    d[i + 1] -= p;
                    whole = false;
                    break;
                }
                (sine, cosine) = (f / r, g / r);
                g = d[i + 1] - p;
                let step = (d[i] - g) * sine + 2.0 * cosine * b;
                p = sine * step;
                d[i + 1] = g + p;
                g = cosine * step - b;
            }
            if whole {
                d[l] -= p;
                e[l] = g;
            }
            e[m] = 0.0;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::generator;
    use ndarray::Array1;
    use rand::Rng;

    /// Against the traces of the matrix, its square and its cube.
    fn check(name: &str, matrix: Array2<f64>) {
        let norm = matrix.iter().fold(f64::MIN_POSITIVE, |top, v| top.max(v.abs()));
        let matrix = matrix / norm;
        let found = eigenvalues(matrix.clone()).unwrap();
        assert!(found.windows(2).all(|w| w[0] >= w[1]), "{name}: order");
        let (square, n) = (matrix.dot(&matrix), matrix.nrows() as f64);
        let traces = [matrix.diag().sum(), square.diag().sum(), square.dot(&matrix).diag().sum()];
        for (power, trace) in (1..).zip(traces) {
            let sum: f64 = found.iter().map(|v| v.powi(power)).sum();
            let error = (sum - trace).abs() / n.powi(power + 1);
            assert!(error < 1e-14, "{name} {n} power {power}: {sum} {trace}");
        }
    }

    #[test]
    fn eigenvalues_of_hard_matrices() {
        let mut rng = generator(9);
        let mut noise = |n, m| Array2::from_shape_simple_fn((n, m), || rng.gen_range(-0.5..0.5));
        for n in [1, 2, 3, 4, 9, 40, 100] {
            let full: Array2<f64> = noise(2 * n, n);
            check("noise", full.t().dot(&full));
            let thin = noise(n.div_ceil(3), n);
            check("rank deficient", thin.t().dot(&thin));
            check("identity", Array2::eye(n));
            check("zero", Array2::zeros((n, n)));
            check("one", Array2::ones((n, n)));
            let falling = Array1::from_shape_fn(n, |i| 0.5f64.powi(i as i32));
            let graded = &full * &falling;
            check("graded", graded.t().dot(&graded));
            check("diagonal", Array2::from_diag(&falling));
            let wilkinson = |(i, j): (usize, usize)| match i.abs_diff(j) {
                0 => (n as f64 / 2.0 - i as f64).abs(),
                1 => 1.0,
                _ => 0.0,
            };
            check("close pairs", Array2::from_shape_fn((n, n), wilkinson));
        }
        assert_eq!(eigenvalues(Array2::zeros((0, 0))).unwrap(), [] as [f64; 0]);
        // A path of n points: 2 − 2 cos(k π / n) of its Laplacian.
        let n = 50;
        let path = Array2::from_shape_fn((n, n), |(i, j)| match i.abs_diff(j) {
            0 => {
                if i == 0 || i == n - 1 {
                    1.0
                } else {
                    2.0
                }
            }
            1 => -1.0,
            _ => 0.0,
        });
        for (k, found) in eigenvalues(path).unwrap().iter().rev().enumerate() {
            let exact = 2.0 - 2.0 * (k as f64 * std::f64::consts::PI / n as f64).cos();
            assert!((found - exact).abs() < 1e-13, "{k}: {found} {exact}");
        }
    }
}
