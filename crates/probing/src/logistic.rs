//! Multinomial logistic regression with the objective of scikit-learn.
//!
//! C Σ_i −log p(y_i | x_i) + ½‖W‖², p = softmax(Wᵀ x + b). The objective is divided by C n, as in
//! scikit-learn since 1.4, so that `tol` has the same meaning. For two classes scikit-learn fits one
//! vector w, the difference of the two columns here: ½‖w‖² = ‖W‖².

use crate::lbfgs::{Minimum, Objective, minimise};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, s};
use stratoscope_numerics::{add_product, product_into};

/// Rows of one block, which stays in the cache of a core between two products.
pub(crate) const BLOCK: usize = 512;

/// Whether the penalty includes b.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intercept {
    Free,
    Penalised,
}

/// W `[d_model, classes]` and b `[classes]`.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    pub(crate) weights: Array2<f64>,
    pub(crate) intercept: Array1<f64>,
    pub(crate) converged: bool,
}

/// λ: the penalty of the objective divided by C n is ½λ‖W‖².
pub(crate) fn penalty(strength: f64, rows: usize, classes: usize) -> f64 {
    let twice = if classes == 2 { 2.0 } else { 1.0 };
    twice / (strength * rows as f64)
}

/// Fits the classes `y` `[rows]`, each below `classes`, to standardised vectors `x` `[rows, d_model]`,
/// from `start` or from zero.
pub(crate) fn fit(
    x: ArrayView2<'_, f32>,
    y: &[usize],
    classes: usize,
    strength: f64,
    intercept: Intercept,
    start: Option<&Weights>,
) -> Weights {
    let width = x.ncols();
    let penalty = penalty(strength, x.nrows(), classes);
    let mut problem = Logistic {
        curvature: Curvature::new(x.view(), y, classes, penalty),
        x: x.reborrow(),
        y,
        classes,
        penalty,
        intercept,
        work: Work::new(width, classes),
    };
    let start = match start {
        Some(w) => w.weights.iter().chain(&w.intercept).copied().collect(),
        None => vec![0.0; (width + 1) * classes],
    };
    let Minimum { mut at, converged } = minimise(&mut problem, start);
    let intercept = Array1::from(at.split_off(width * classes));
    let weights = Array2::from_shape_vec((width, classes), at).unwrap_or_default();
    Weights { weights, intercept, converged }
}

struct Logistic<'a> {
    curvature: Curvature,
    x: ArrayView2<'a, f32>,
    y: &'a [usize],
    classes: usize,
    penalty: f64,
    intercept: Intercept,
    work: Work,
}

/// The buffers of an evaluation.
pub(crate) struct Work {
    /// `[d_model, classes]`: W in f32.
    pub(crate) weights: Array2<f32>,
    /// `[BLOCK, classes]`: logits, then probabilities minus the one-hot labels.
    pub(crate) errors: Array2<f32>,
    /// `[d_model, classes]`: the gradient of one block.
    pub(crate) block: Array2<f32>,
}

impl Work {
    pub(crate) fn new(width: usize, classes: usize) -> Self {
        Self {
            weights: Array2::zeros((width, classes)),
            errors: Array2::zeros((BLOCK, classes)),
            block: Array2::zeros((width, classes)),
        }
    }

    /// Copies W from `at`, which is W and b one after the other.
    pub(crate) fn set_weights(&mut self, at: &[f64]) {
        self.weights.iter_mut().zip(at).for_each(|(to, from)| *to = *from as f32);
    }

    /// Adds the loss of one block `x` `[rows ≤ BLOCK, d_model]` and its gradient; `at` is W and b one
    /// after the other. Afterwards `errors` is the gradient with respect to the logits.
    pub(crate) fn add_block(
        &mut self,
        x: ArrayView2<'_, f32>,
        y: &[usize],
        at: &[f64],
        gradient: &mut [f64],
    ) -> f64 {
        let (weights, intercept) = at.split_at(self.weights.len());
        debug_assert_eq!(weights.len() + self.weights.ncols(), at.len());
        let mut errors = self.errors.slice_mut(s![..x.nrows(), ..]);
        let bias: Array1<f32> = intercept.iter().map(|&b| b as f32).collect();
        errors.assign(&bias);
        add_product(x, self.weights.view(), errors.view_mut());
        let loss = softmax_minus_one_hot(errors.view_mut(), y);
        product_into(x.t(), errors.view(), self.block.view_mut());
        let (by_weights, by_intercept) = gradient.split_at_mut(self.block.len());
        by_weights.iter_mut().zip(&self.block).for_each(|(g, b)| *g += f64::from(*b));
        for (g, column) in by_intercept.iter_mut().zip(errors.axis_iter(Axis(1))) {
            *g += column.iter().map(|&e| f64::from(e)).sum::<f64>();
        }
        loss
    }
}

/// Replaces logits `[rows, classes]` by softmax(logits) − one-hot(y), and returns −Σ log p(y).
fn softmax_minus_one_hot(mut logits: ArrayViewMut2<'_, f32>, y: &[usize]) -> f64 {
    let mut loss = 0.0;
    for (mut row, &truth) in logits.outer_iter_mut().zip(y) {
        let largest = row.fold(f32::NEG_INFINITY, |m, &v| m.max(v));
        let own = row[truth] - largest;
        let mut sum = 0.0f32;
        for value in &mut row {
            *value = (*value - largest).exp();
            sum += *value;
        }
        loss += f64::from(sum).ln() - f64::from(own);
        row.iter_mut().for_each(|v| *v /= sum);
        row[truth] -= 1.0;
    }
    loss
}

/// Divides loss and gradient by the number of rows, adds ½λ‖·‖² of the first `penalised` entries to
/// both, and returns the value.
pub(crate) fn finish(
    loss: f64,
    rows: usize,
    penalty: f64,
    penalised: usize,
    at: &[f64],
    gradient: &mut [f64],
) -> f64 {
    let n = rows as f64;
    gradient.iter_mut().for_each(|g| *g /= n);
    let mut squares = 0.0;
    for (g, w) in gradient.iter_mut().zip(at).take(penalised) {
        *g += penalty * w;
        squares += w * w;
    }
    loss / n + 0.5 * penalty * squares
}

impl Objective for Logistic<'_> {
    fn evaluate(&mut self, at: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        self.work.set_weights(at);
        let mut loss = 0.0;
        for (x, y) in self.x.axis_chunks_iter(Axis(0), BLOCK).zip(self.y.chunks(BLOCK)) {
            loss += self.work.add_block(x, y, at, gradient);
        }
        let penalised = match self.intercept {
            Intercept::Free => self.x.ncols() * self.classes,
            Intercept::Penalised => at.len(),
        };
        finish(loss, self.x.nrows(), self.penalty, penalised, at, gradient)
    }

    fn precondition(&self, vector: &mut [f64]) {
        self.curvature.divide(vector);
    }
}

/// An approximate Hessian, the same for every class: q ZᵀZ / n + λ for the weights and q for the
/// intercept, where q is p (1 − p) averaged over classes and p their shares. With weak penalties the
/// fit converges only with it, because the dimensions of hidden states are correlated.
pub(crate) struct Curvature {
    /// `[d_model, d_model]`.
    inverse: Array2<f32>,
    pub(crate) of_intercept: f64,
    classes: usize,
}

/// The smallest curvature, as a share of the mean: products are in f32.
const MIN_CURVATURE: f64 = 1e-3;

impl Curvature {
    /// The curvature at the start of a fit of `y` `[rows]` to standardised `x` `[rows, d_model]`.
    pub(crate) fn new(x: ArrayView2<'_, f32>, y: &[usize], classes: usize, penalty: f64) -> Self {
        let n = y.len() as f64;
        let mut counts = vec![0.0; classes];
        y.iter().for_each(|&class| counts[class] += 1.0);
        let q = counts.iter().map(|c| c / n * (1.0 - c / n)).sum::<f64>() / classes as f64;
        let q = q.max(1e-6);
        let mut all = Array2::zeros((x.ncols(), x.ncols()));
        product_into(x.t(), x, all.view_mut());
        all *= (q / n) as f32;
        all.diag_mut().map_inplace(|v| *v += penalty.max(MIN_CURVATURE * q) as f32);
        Self { inverse: inverse(all.view()), of_intercept: q + penalty, classes }
    }

    /// Divides W and b, one after the other, by the curvature.
    pub(crate) fn divide(&self, vector: &mut [f64]) {
        let width = self.inverse.nrows();
        let (weights, intercept) = vector.split_at_mut(width * self.classes);
        let of: Vec<f32> = weights.iter().map(|&v| v as f32).collect();
        let of = Array2::from_shape_vec((width, self.classes), of).unwrap_or_default();
        let mut out = Array2::zeros((width, self.classes));
        product_into(self.inverse.view(), of.view(), out.view_mut());
        weights.iter_mut().zip(&out).for_each(|(to, from)| *to = f64::from(*from));
        intercept.iter_mut().for_each(|v| *v /= self.of_intercept);
    }
}

/// The inverse of a symmetric positive definite matrix by recursion on halves: all work is in products.
fn inverse(of: ArrayView2<'_, f32>) -> Array2<f32> {
    let n = of.nrows();
    if n <= 1 {
        return of.mapv(|v| 1.0 / v);
    }
    let half = n / 2;
    let (a, b) = (of.slice(s![..half, ..half]), of.slice(s![..half, half..]));
    let a = inverse(a);
    let mut ab = Array2::zeros(b.dim());
    product_into(a.view(), b, ab.view_mut());
    // The Schur complement of the first block.
    let mut rest = of.slice(s![half.., half..]).to_owned();
    let mut known = Array2::zeros(rest.dim());
    product_into(b.t(), ab.view(), known.view_mut());
    rest -= &known;
    let rest = inverse(rest.view());
    let mut corner = Array2::zeros(ab.dim());
    product_into(ab.view(), rest.view(), corner.view_mut());
    let mut out = Array2::zeros((n, n));
    let mut first = out.slice_mut(s![..half, ..half]);
    first.assign(&a);
    add_product(corner.view(), ab.t(), first);
    corner.mapv_inplace(|v| -v);
    out.slice_mut(s![..half, half..]).assign(&corner);
    out.slice_mut(s![half.., ..half]).assign(&corner.t());
    out.slice_mut(s![half.., half..]).assign(&rest);
    out
}

/// log p of every class for standardised vectors: `[rows, classes]`, never NaN for finite logits.
pub(crate) fn log_probabilities(
    x: ArrayView2<'_, f32>,
    weights: ArrayView2<'_, f32>,
    intercept: ArrayView1<'_, f32>,
) -> Array2<f64> {
    let mut logits = Array2::zeros((x.nrows(), weights.ncols()));
    logits.assign(&intercept);
    add_product(x, weights, logits.view_mut());
    let mut logits = logits.mapv(f64::from);
    for mut row in logits.outer_iter_mut() {
        let largest = row.fold(f64::NEG_INFINITY, |m, &v| m.max(v));
        let sum = row.iter().map(|v| (v - largest).exp()).sum::<f64>().ln();
        row.mapv_inplace(|v| v - largest - sum);
    }
    logits
}
