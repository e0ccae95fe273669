//! The scalar mix of layers: its joint fit with the logistic regression on it.

use crate::error::{ProbingError, Result};
use crate::fit::{places, seen};
use crate::lbfgs::{Minimum, Objective, minimise};
use crate::linear_probe::largest;
use crate::logistic::{BLOCK, Curvature, Work, finish, log_probabilities, penalty};
use crate::standardise::Standardiser;
use ndarray::{Array1, Array2, ArrayView1, ArrayView3, Axis, s};
use serde::{Deserialize, Serialize};
use stratoscope_numerics::product_into;

/// A scalar mix of layers (Peters et al. 2018; Tenney et al. 2019): h = γ Σ_l s_l h_l with
/// s = softmax(a), of standardised layers, fitted jointly with a linear probe on h.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// s, one weight per layer; they sum to 1.
    pub weights: Vec<f64>,
    /// γ, with which the mean variance of the dimensions of h is 1, as that of each layer.
    pub gamma: f64,
    /// Σ_l l s_l.
    pub centre_of_gravity: f64,
    /// K(s) = KL(s ‖ uniform), in bits: 0 for equal weights, log2 of the number of layers for one
    /// layer alone.
    pub kl_bits: f64,
}

/// The training rows of all layers.
pub(crate) struct Data {
    standardisers: Vec<Standardiser>,
    /// The standardised layers, `[train, d_model]` each.
    layers: Vec<Array2<f32>>,
    /// `[layers, layers]`: the mean product of the entries of two layers; 1 for a layer with itself.
    moments: Array2<f64>,
    /// Dense classes of the training rows.
    pub(crate) classes: Vec<usize>,
    y: Vec<usize>,
}

/// A mix of the first layers with its regression.
pub(crate) struct Fitted {
    /// a, W and b, one after the other.
    at: Vec<f64>,
    scale: Scale,
}

/// The weights of layers, and γ.
struct Scale {
    s: Vec<f64>,
    gamma: f64,
    /// `[layers]`: moments × s.
    moment: Array1<f64>,
}

impl Data {
    /// The training rows of `layers` `[layers, rows, d_model]` with dense `labels` `[rows]`.
    pub(crate) fn new(
        layers: ArrayView3<'_, f32>,
        labels: &[usize],
        train: &[usize],
    ) -> Result<Self> {
        let classes = seen(labels, train);
        if classes.len() < 2 {
            let needed = "at least two classes among its training rows";
            return Err(ProbingError::Task { needed, found: classes.len() });
        }
        let y = places(&classes, labels, train);
        let mut standardisers = Vec::with_capacity(layers.len_of(Axis(0)));
        let mut all = Vec::with_capacity(standardisers.capacity());
        for layer in layers.outer_iter() {
            let standardiser = Standardiser::new(layer, train)?;
            all.push(standardiser.apply(layer, train)?);
            standardisers.push(standardiser);
        }
        let n = all.len();
        let mut moments = Array2::zeros((n, n));
        for i in 0..n {
            for j in 0..=i {
                let mean = inner(&all[i], &all[j]) / all[i].len().max(1) as f64;
                moments[[i, j]] = mean;
                moments[[j, i]] = mean;
            }
        }
        Ok(Self { standardisers, layers: all, moments, classes, y })
    }

    /// Fits the mix of the first `depth` layers, from `start` (of the same depth) or from equal weights.
    pub(crate) fn fit(&self, depth: usize, strength: f64, start: Option<&Fitted>) -> Fitted {
        let (width, classes) = (self.layers[0].ncols(), self.classes.len());
        let penalty = penalty(strength, self.y.len(), classes);
        let Scale { s, gamma, .. } = self.scale(&vec![0.0; depth]);
        let mut equal = Array2::zeros(self.layers[0].dim());
        for (layer, s) in self.layers.iter().zip(s) {
            equal.scaled_add((gamma * s) as f32, layer);
        }
        let curvature = Curvature::new(equal.view(), &self.y, classes, penalty);
        drop(equal);
        let mut problem = MixProblem {
            curvature,
            data: self,
            depth,
            penalty,
            work: Work::new(width, classes),
            mixed: Array2::zeros((BLOCK, width)),
            back: Array2::zeros((BLOCK, width)),
        };
        let zero = || vec![0.0; depth + (width + 1) * classes];
        let Minimum { at, .. } = minimise(&mut problem, start.map_or_else(zero, |f| f.at.clone()));
        let scale = self.scale(&at[..depth]);
        Fitted { at, scale }
    }

    /// s = softmax(a), and γ = 1 / √(sᵀ M s), M the moments.
    fn scale(&self, a: &[f64]) -> Scale {
        let largest = a.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut s: Vec<f64> = a.iter().map(|a| (a - largest).exp()).collect();
        let sum: f64 = s.iter().sum();
        s.iter_mut().for_each(|s| *s /= sum);
        let depth = s.len();
        let moments = self.moments.slice(s![..depth, ..depth]);
        let view = ArrayView1::from(&s);
        let moment = moments.dot(&view);
        let square = moment.dot(&view);
        // 0 where no dimension of any layer varies.
        let gamma = if square > f64::MIN_POSITIVE { 1.0 / square.sqrt() } else { 1.0 };
        Scale { s, gamma, moment }
    }
}

/// Σ a b.
fn inner(a: &Array2<f32>, b: &Array2<f32>) -> f64 {
    let row = |(a, b): (ArrayView1<'_, f32>, ArrayView1<'_, f32>)| f64::from(a.dot(&b));
    a.outer_iter().zip(b.outer_iter()).map(row).sum()
}

impl Fitted {
    /// The mix of the fit.
    pub(crate) fn mix(&self) -> Mix {
        let s = &self.scale.s;
        let n = s.len() as f64;
        Mix {
            weights: s.clone(),
            gamma: self.scale.gamma,
            centre_of_gravity: s.iter().zip(0u32..).map(|(s, l)| f64::from(l) * s).sum(),
            kl_bits: s
                .iter()
                .filter(|&&s| s > 0.0)
                .map(|s| s * (s * n).log2())
                .sum::<f64>()
                .max(0.0),
        }
    }

    /// log p of every class for the rows `of` of the layers `[layers, rows, d_model]`.
    pub(crate) fn log_probabilities(
        &self,
        data: &Data,
        layers: ArrayView3<'_, f32>,
        of: &[usize],
    ) -> Result<Array2<f64>> {
        let depth = self.scale.s.len();
        let (width, classes) = (layers.len_of(Axis(2)), data.classes.len());
        let (weights, intercept) = self.at[depth..].split_at(width * classes);
        let weights = weights.iter().map(|&w| w as f32).collect();
        let weights = Array2::from_shape_vec((width, classes), weights).unwrap_or_default();
        let intercept: Array1<f32> = intercept.iter().map(|&b| b as f32).collect();
        let mut logs = Array2::zeros((of.len(), classes));
        for (rows, mut out) in of.chunks(BLOCK).zip(logs.axis_chunks_iter_mut(Axis(0), BLOCK)) {
            let mut mixed = Array2::zeros((rows.len(), width));
            let by_layer = layers.outer_iter().zip(&data.standardisers).zip(&self.scale.s);
            for ((layer, standardiser), s) in by_layer {
                let x = standardiser.apply(layer, rows)?;
                mixed.scaled_add((self.scale.gamma * s) as f32, &x);
            }
            out.assign(&log_probabilities(mixed.view(), weights.view(), intercept.view()));
            for (log, &row) in out.outer_iter().zip(rows) {
                if let Some(&value) = log.iter().find(|v| !v.is_finite()) {
                    return Err(ProbingError::RowNotFinite { row, value: value as f32 });
                }
            }
        }
        Ok(logs)
    }

    /// The most probable dense class of the rows `of`, `[of]`.
    pub(crate) fn predicted(
        &self,
        data: &Data,
        layers: ArrayView3<'_, f32>,
        of: &[usize],
    ) -> Result<Vec<usize>> {
        let logs = self.log_probabilities(data, layers, of)?;
        Ok(logs.outer_iter().map(|log| data.classes[largest(log)]).collect())
    }
}

struct MixProblem<'a> {
    /// That of the mix with equal weights.
    curvature: Curvature,
    data: &'a Data,
    depth: usize,
    penalty: f64,
    work: Work,
    /// `[BLOCK, d_model]`: γ Σ s_l h_l.
    mixed: Array2<f32>,
    /// `[BLOCK, d_model]`: the gradient with respect to `mixed`.
    back: Array2<f32>,
}

impl Objective for MixProblem<'_> {
    fn evaluate(&mut self, at: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let (a, rest) = at.split_at(self.depth);
        let (by_a, by_rest) = gradient.split_at_mut(self.depth);
        let Scale { s, gamma, moment } = self.data.scale(a);
        self.work.set_weights(rest);
        let mut loss = 0.0;
        for (block, y) in self.data.y.chunks(BLOCK).enumerate() {
            let rows = block * BLOCK..block * BLOCK + y.len();
            let mut mixed = self.mixed.slice_mut(s![..y.len(), ..]);
            mixed.fill(0.0);
            for (layer, s) in self.data.layers.iter().zip(&s) {
                mixed.scaled_add((gamma * s) as f32, &layer.slice(s![rows.clone(), ..]));
            }
            loss += self.work.add_block(mixed.view(), y, rest, by_rest);
            let mut back = self.back.slice_mut(s![..y.len(), ..]);
            let errors = self.work.errors.slice(s![..y.len(), ..]);
            product_into(errors, self.work.weights.t(), back.view_mut());
            for (by, layer) in by_a.iter_mut().zip(&self.data.layers) {
                let layer = layer.slice(s![rows.clone(), ..]);
                let row = |(a, b): (ArrayView1<'_, f32>, ArrayView1<'_, f32>)| f64::from(a.dot(&b));
                *by += back.outer_iter().zip(layer.outer_iter()).map(row).sum::<f64>();
            }
        }
        // The chain rule through h = γ(s) Σ s_l h_l to s, then through the softmax to a.
        let along: f64 = by_a.iter().zip(&s).map(|(by, s)| by * s).sum();
        for (by, moment) in by_a.iter_mut().zip(&moment) {
            *by = gamma * *by - gamma.powi(3) * moment * along;
        }
        let mean: f64 = by_a.iter().zip(&s).map(|(by, s)| by * s).sum();
        by_a.iter_mut().zip(&s).for_each(|(by, s)| *by = s * (*by - mean));
        let rows = self.data.y.len();
        by_a.iter_mut().for_each(|by| *by /= rows as f64);
        let penalised = self.work.weights.len();
        finish(loss, rows, self.penalty, penalised, rest, by_rest)
    }

    fn precondition(&self, vector: &mut [f64]) {
        let (a, rest) = vector.split_at_mut(self.depth);
        self.curvature.divide(rest);
        a.iter_mut().for_each(|a| *a /= self.curvature.of_intercept);
    }
}
