//! Centred kernel alignment (CKA): the similarity of two spaces, invariant to rotation and scale.

use ndarray::{Array2, ArrayView2, Axis};

use crate::checks::{finite, same_length};
use crate::error::{GeometryError, Result};

/// Linear CKA of the same n items in two spaces, `x` `[n, d]` and `y` `[n, e]`: 0 to 1.
///
/// ‖XᵀY‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F) of centred columns (Kornblith et al. 2019). 1 for a space and any
/// rotation, shift and scaling of it. For few points in many dimensions it is near 1 even between
/// unrelated clouds: use [`debiased_cka`].
///
/// # Errors
/// Different numbers of rows, fewer than 2 rows, a space without variance, an entry that is not
/// finite.
pub fn linear_cka(x: ArrayView2<f32>, y: ArrayView2<f32>) -> Result<f64> {
    let pair = Pair::new("linear CKA", 2, x, y)?;
    pair.ratio(pair.inner_xy, pair.inner_xx, pair.inner_yy)
}

/// Linear CKA without the bias of few points in many dimensions: about 0 between unrelated clouds,
/// where it can be negative, and at most 1.
///
/// D(X,Y) / √(D(X,X) D(Y,Y)) with D(X,Y) = ‖XᵀY‖²_F − n/(n−2) Σ ‖x_i‖²‖y_i‖² +
/// ‖X‖²_F ‖Y‖²_F / ((n−1)(n−2)) of centred columns (Kornblith et al.'s code, after Song et al.
/// 2007; also Nguyen et al. 2021).
///
/// # Errors
/// As [`linear_cka`], and fewer than 4 rows.
pub fn debiased_cka(x: ArrayView2<f32>, y: ArrayView2<f32>) -> Result<f64> {
    let pair = Pair::new("debiased CKA", 4, x, y)?;
    let n = pair.lengths_x.len() as f64;
    let correct = |inner: f64, a: &[f64], b: &[f64]| {
        let products: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        let totals = a.iter().sum::<f64>() * b.iter().sum::<f64>();
        inner - n / (n - 2.0) * products + totals / ((n - 1.0) * (n - 2.0))
    };
    let (x, y) = (&pair.lengths_x, &pair.lengths_y);
    pair.ratio(
        correct(pair.inner_xy, x, y),
        correct(pair.inner_xx, x, x),
        correct(pair.inner_yy, y, y),
    )
}

/// CKA with Gaussian kernels, which is sensitive to nonlinear similarity too: 0 to 1.
///
/// K = exp(−d² / (2 t² median(d²))) with the median over all n² squared distances of a space,
/// the zero diagonal included (Kornblith et al. 2019 and their code); `t` is the width, 0.5 in the
/// paper. Memory and time are n²: take a sample of about 4,000 points.
///
/// # Errors
/// As [`linear_cka`]; a `t` that is not positive; a space where most pairs coincide.
pub fn rbf_cka(x: ArrayView2<f32>, y: ArrayView2<f32>, t: f64) -> Result<f64> {
    let measure = "RBF CKA";
    check_rows(measure, 2, x.nrows(), y.nrows())?;
    if !(t.is_finite() && t > 0.0) {
        return Err(GeometryError::Setting { name: "t", value: t, expected: "a positive number" });
    }
    let (a, b) = (gaussian(measure, x, t)?, gaussian(measure, y, t)?);
    let inner = |a: &Array2<f64>, b: &Array2<f64>| (a * b).sum();
    ratio(measure, inner(&a, &b), inner(&a, &a), inner(&b, &b))
}

/// The inner products of both linear measures.
struct Pair {
    measure: &'static str,
    /// ‖XᵀY‖²_F, ‖XᵀX‖²_F and ‖YᵀY‖²_F.
    inner_xy: f64,
    inner_xx: f64,
    inner_yy: f64,
    /// ‖x_i‖² and ‖y_i‖², `[n]`.
    lengths_x: Vec<f64>,
    lengths_y: Vec<f64>,
}

impl Pair {
    fn new(
        measure: &'static str,
        needed: usize,
        x: ArrayView2<f32>,
        y: ArrayView2<f32>,
    ) -> Result<Self> {
        check_rows(measure, needed, x.nrows(), y.nrows())?;
        let n = x.nrows();
        let (x, y) = (centred(measure, x)?, centred(measure, y)?);
        let lengths = |m: &Array2<f64>| m.rows().into_iter().map(|r| r.dot(&r)).collect();
        let (lengths_x, lengths_y) = (lengths(&x), lengths(&y));
        let squares = |m: Array2<f64>| m.iter().map(|v| v * v).sum::<f64>();
        // ‖XᵀY‖²_F = Σ (XXᵀ ∘ YYᵀ), whose [n, n] products are smaller where n < d.
        let (inner_xy, inner_xx, inner_yy) = if n < x.ncols().max(y.ncols()) {
            let (a, b) = (x.dot(&x.t()), y.dot(&y.t()));
            let cross = (&a * &b).sum();
            (cross, squares(a), squares(b))
        } else {
            let product = |a: &Array2<f64>, b: &Array2<f64>| squares(a.t().dot(b));
            (product(&x, &y), product(&x, &x), product(&y, &y))
        };
        Ok(Self { measure, inner_xy, inner_xx, inner_yy, lengths_x, lengths_y })
    }

    fn ratio(&self, xy: f64, xx: f64, yy: f64) -> Result<f64> {
        ratio(self.measure, xy, xx, yy)
    }
}

/// xy / √(xx yy), where it is defined.
fn ratio(measure: &'static str, xy: f64, xx: f64, yy: f64) -> Result<f64> {
    let value = xy / (xx.sqrt() * yy.sqrt());
    if xx > 0.0 && yy > 0.0 && value.is_finite() {
        Ok(value.min(1.0))
    } else {
        Err(GeometryError::NoVariance { measure })
    }
}

fn check_rows(measure: &'static str, needed: usize, n: usize, n_y: usize) -> Result<()> {
    same_length("rows of the two spaces", n, n_y)?;
    if n < needed {
        return Err(GeometryError::TooFew { measure, needed, found: n });
    }
    Ok(())
}

/// Centred columns, scaled to a Frobenius norm of 1: CKA is invariant to scale, and no square overflows.
fn centred(measure: &'static str, x: ArrayView2<f32>) -> Result<Array2<f64>> {
    let x = finite(x)?;
    // Relative to the first row: equal rows become exactly 0.
    let shifted = &x - &x.row(0);
    let mean = shifted.sum_axis(Axis(0)) / x.nrows() as f64;
    let x = shifted - &mean;
    let size = x.iter().map(|v| v * v).sum::<f64>().sqrt();
    if size > 0.0 { Ok(x / size) } else { Err(GeometryError::NoVariance { measure }) }
}

/// The doubly centred Gaussian kernel of the rows, `[n, n]`.
fn gaussian(measure: &'static str, x: ArrayView2<f32>, t: f64) -> Result<Array2<f64>> {
    let x = centred(measure, x)?;
    let mut kernel = x.dot(&x.t());
    let lengths = kernel.diag().to_owned();
    let n = x.nrows();
    for ((i, j), value) in kernel.indexed_iter_mut() {
        let squared = lengths[i] + lengths[j] - 2.0 * *value;
        *value = if i == j { 0.0 } else { squared.max(0.0) };
    }
    let median = median(kernel.iter().copied().collect());
    if median <= 0.0 {
        return Err(GeometryError::NoVariance { measure });
    }
    kernel.mapv_inplace(|squared| (-squared / (2.0 * t * t * median)).exp());
    let rows = kernel.sum_axis(Axis(1)) / n as f64;
    let whole = rows.sum() / n as f64;
    for ((i, j), value) in kernel.indexed_iter_mut() {
        *value += whole - rows[i] - rows[j];
    }
    Ok(kernel)
}

/// The median, as numpy's: the mean of the two middle values of an even number. Not empty.
fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if even {
        let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (lower + upper) / 2.0
    } else {
        upper
    }
}
