//! A probe with one hidden layer, beside the linear one: what a layer has in a form that is not linear.

use crate::control::Control;
use crate::error::{ProbingError, Result};
use crate::fit::{Draw, Outputs, Problem, generator, hold_out, places, seen};
use crate::linear::Scores;
use crate::linear_probe::{LinearProbe, largest};
use crate::logistic::BLOCK;
use crate::mdl::Mdl;
use crate::score::bootstrap;
use crate::standardise::Standardiser;
use crate::task::Prober;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use stratoscope_numerics::{Estimate, add_product, product_into};

/// The width of the hidden layer.
pub const MLP_HIDDEN: usize = 64;

/// The rows of a step.
const BATCH: usize = 128;
/// The most passes over the training rows.
const EPOCHS: usize = 40;
/// Passes without a lower loss on held-out rows, after which the fit ends.
const PATIENCE: usize = 4;
/// With fewer training clusters, nothing can be held out, and class frequencies are the fit.
const MIN_CLUSTERS: usize = 10;
/// Adam (Kingma & Ba 2015), with its usual constants.
const RATE: f32 = 1e-3;
const MOMENTS: [f32; 2] = [0.9, 0.999];

/// A fitted probe with one hidden layer of [`MLP_HIDDEN`] rectified units on standardised vectors:
/// p(k | x) = softmax_k(Vᵀ max(0, Wᵀ (x − mean) / sd + b) + c).
#[derive(Debug, Clone)]
pub(crate) struct MlpProbe {
    classes: Vec<usize>,
    standardiser: Standardiser,
    weights: Weights,
}

/// The scores of a probe with one hidden layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MlpScores {
    /// The scores on the test rows.
    #[serde(flatten)]
    pub scores: Scores,
    /// The accuracy less that of the linear probe, with paired resamples: what is there, but not
    /// linearly.
    pub beyond_linear: Estimate,
    /// Accuracy on held-out rows; none where there were none.
    pub held_out_accuracy: Option<f64>,
    /// The passes over the training rows of the weights that were kept: those with the lowest loss on
    /// held-out rows. 0: class frequencies alone were best.
    pub epochs: usize,
    /// The control task with this probe; only if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// The online code with this probe; only if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mdl: Option<Mdl>,
}

/// What is computed for a probe with one hidden layer, beside its scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MlpOptions {
    /// The control task.
    pub control: bool,
    /// The online code.
    pub mdl: bool,
}

/// The parameters, and with the same shapes their gradients and moments.
#[derive(Debug, Clone)]
struct Weights {
    /// `[d_model, hidden]`.
    inner: Array2<f32>,
    inner_bias: Array1<f32>,
    /// `[hidden, classes]`.
    outer: Array2<f32>,
    outer_bias: Array1<f32>,
}

impl Weights {
    fn zeros(d_model: usize, classes: usize) -> Self {
        Self {
            inner: Array2::zeros((d_model, MLP_HIDDEN)),
            inner_bias: Array1::zeros(MLP_HIDDEN),
            outer: Array2::zeros((MLP_HIDDEN, classes)),
            outer_bias: Array1::zeros(classes),
        }
    }

    fn parts(&mut self) -> [&mut [f32]; 4] {
        // All are contiguous.
        [
            self.inner.as_slice_mut().unwrap_or_default(),
            self.inner_bias.as_slice_mut().unwrap_or_default(),
            self.outer.as_slice_mut().unwrap_or_default(),
            self.outer_bias.as_slice_mut().unwrap_or_default(),
        ]
    }

    /// The rectified hidden values of standardised rows, and log p of every class.
    fn forward(&self, x: ArrayView2<'_, f32>) -> (Array2<f32>, Array2<f64>) {
        let mut hidden = Array2::zeros((x.nrows(), MLP_HIDDEN));
        product_into(x, self.inner.view(), hidden.view_mut());
        hidden += &self.inner_bias;
        hidden.mapv_inplace(|value| value.max(0.0));
        let mut logits = Array2::zeros((x.nrows(), self.outer.ncols()));
        product_into(hidden.view(), self.outer.view(), logits.view_mut());
        logits += &self.outer_bias;
        let mut logs = logits.mapv(f64::from);
        for mut row in logs.rows_mut() {
            let most = row.fold(f64::NEG_INFINITY, |most, value| most.max(*value));
            let sum: f64 = row.iter().map(|value| (value - most).exp()).sum();
            row.mapv_inplace(|value| value - most - sum.ln());
        }
        (hidden, logs)
    }
}

/// A fit, with its held-out accuracy and its passes.
struct Fitted {
    probe: MlpProbe,
    held_out_accuracy: Option<f64>,
    epochs: usize,
}

impl MlpProbe {
    /// log p of every class for the rows `of` of vectors `[rows, d_model]`: `[of, classes]`.
    fn log_probabilities(&self, vectors: ArrayView2<'_, f32>, of: &[usize]) -> Result<Array2<f64>> {
        let mut logs = Array2::zeros((of.len(), self.classes.len()));
        for (rows, mut out) in of.chunks(BLOCK).zip(logs.axis_chunks_iter_mut(Axis(0), BLOCK)) {
            let x = self.standardiser.apply(vectors, rows)?;
            out.assign(&self.weights.forward(x.view()).1);
            for (log, &row) in out.outer_iter().zip(rows) {
                if let Some(&value) = log.iter().find(|v| !v.is_finite()) {
                    return Err(ProbingError::RowNotFinite { row, value: value as f32 });
                }
            }
        }
        Ok(logs)
    }

    /// The most probable class of the rows `of`, `[of]`.
    fn predicted(&self, vectors: ArrayView2<'_, f32>, of: &[usize]) -> Result<Vec<usize>> {
        let logs = self.log_probabilities(vectors, of)?;
        Ok(logs.outer_iter().map(|log| self.classes[largest(log)]).collect())
    }
}

impl Problem<'_> {
    /// Fits a probe with one hidden layer to the rows `train`: Adam on the mean cross entropy, from class
    /// frequencies on, until the loss on held-out rows (`dev`, or a tenth of the training clusters) no
    /// longer falls.
    fn fit_mlp(&self, train: &[usize], dev: &[usize]) -> Result<Fitted> {
        let (own, held) = match dev {
            [] => hold_out(self.clusters, train, self.seed),
            dev => (train.to_vec(), dev.to_vec()),
        };
        let classes = match self.outputs {
            Outputs::All(all) => all.to_vec(),
            Outputs::Seen => seen(self.labels, train),
        };
        if classes.len() < 2 {
            let needed = "at least two classes among its training rows";
            return Err(ProbingError::Task { needed, found: classes.len() });
        }
        let few = dev.is_empty() && seen(self.clusters, train).len() < MIN_CLUSTERS;
        let own = if few { train.to_vec() } else { own };
        let standardiser = Standardiser::new(self.vectors, &own)?;
        let x = standardiser.apply(self.vectors, &own)?;
        let y = places(&classes, self.labels, &own);
        let mut probe =
            MlpProbe { weights: self.start(x.ncols(), &y, classes.len()), classes, standardiser };
        if few || held.is_empty() {
            return Ok(Fitted { probe, held_out_accuracy: None, epochs: 0 });
        }
        let truth = places(&probe.classes, self.labels, &held);
        // A class without training rows has no output, and its rows no probability.
        let known: Vec<bool> = held
            .iter()
            .map(|&row| probe.classes.binary_search(&self.labels[row]).is_ok())
            .collect();
        let score = |probe: &MlpProbe| -> Result<[f64; 2]> {
            let logs = probe.log_probabilities(self.vectors, &held)?;
            let (mut loss, mut right, mut n) = (0.0, 0.0, 0.0);
            for ((log, &truth), &known) in logs.outer_iter().zip(&truth).zip(&known) {
                if known {
                    loss -= log[truth];
                    n += 1.0;
                    right += f64::from(u8::from(largest(log) == truth));
                }
            }
            Ok([loss / f64::max(n, 1.0), right / held.len() as f64])
        };
        let mut rng = generator(self.seed, Draw::Mlp);
        let mut order: Vec<usize> = (0..own.len()).collect();
        let mut adam = Adam::new(x.ncols(), probe.classes.len());
        let [loss, accuracy] = score(&probe)?;
        let (mut lowest, mut best) =
            (loss, Fitted { probe: probe.clone(), held_out_accuracy: Some(accuracy), epochs: 0 });
        for epoch in 1..=EPOCHS {
            order.shuffle(&mut rng);
            for batch in order.chunks(BATCH) {
                let rows = x.select(Axis(0), batch);
                let labels: Vec<usize> = batch.iter().map(|&row| y[row]).collect();
                adam.step(&mut probe.weights, rows.view(), &labels);
            }
            let [loss, accuracy] = score(&probe)?;
            if loss < lowest {
                lowest = loss;
                best = Fitted {
                    probe: probe.clone(),
                    held_out_accuracy: Some(accuracy),
                    epochs: epoch,
                };
            } else if epoch >= best.epochs + PATIENCE {
                break;
            }
        }
        Ok(best)
    }

    /// Random hidden weights (He et al. 2015), and outputs that are the class frequencies.
    fn start(&self, d_model: usize, y: &[usize], classes: usize) -> Weights {
        let mut weights = Weights::zeros(d_model, classes);
        let mut rng = generator(self.seed, Draw::Mlp);
        let limit = (6.0 / d_model.max(1) as f32).sqrt();
        weights.inner.mapv_inplace(|_| rng.gen_range(-limit..=limit));
        let mut counts = vec![1.0f32; classes];
        y.iter().for_each(|&class| counts[class] += 1.0);
        let all = (y.len() + classes) as f32;
        weights.outer_bias = counts.iter().map(|count| (count / all).ln()).collect();
        weights
    }
}

/// Adam: the moments of the gradients, and memory for gradients.
struct Adam {
    steps: i32,
    gradient: Weights,
    first: Weights,
    second: Weights,
}

impl Adam {
    fn new(d_model: usize, classes: usize) -> Self {
        let zeros = || Weights::zeros(d_model, classes);
        Self { steps: 0, gradient: zeros(), first: zeros(), second: zeros() }
    }

    /// One step on the mean cross entropy of some rows.
    fn step(&mut self, weights: &mut Weights, x: ArrayView2<'_, f32>, y: &[usize]) {
        let (hidden, logs) = weights.forward(x);
        let share = 1.0 / y.len().max(1) as f32;
        let mut output = logs.mapv(|log| log.exp() as f32);
        for (mut row, &label) in output.rows_mut().into_iter().zip(y) {
            row[label] -= 1.0;
            row *= share;
        }
        let gradient = &mut self.gradient;
        product_into(hidden.t(), output.view(), gradient.outer.view_mut());
        gradient.outer_bias = output.sum_axis(Axis(0));
        let mut inner = Array2::zeros(hidden.dim());
        add_product(output.view(), weights.outer.t(), inner.view_mut());
        inner.zip_mut_with(&hidden, |inner, &hidden| {
            if hidden <= 0.0 {
                *inner = 0.0;
            }
        });
        product_into(x.t(), inner.view(), gradient.inner.view_mut());
        gradient.inner_bias = inner.sum_axis(Axis(0));
        self.steps += 1;
        let [a, b] = MOMENTS.map(|moment| 1.0 - moment.powi(self.steps));
        let parts = weights.parts().into_iter().zip(self.gradient.parts());
        let moments = self.first.parts().into_iter().zip(self.second.parts());
        for ((weights, gradients), (first, second)) in parts.zip(moments) {
            let of = weights.iter_mut().zip(gradients).zip(first.iter_mut().zip(second));
            for ((weight, gradient), (first, second)) in of {
                *first = MOMENTS[0] * *first + (1.0 - MOMENTS[0]) * *gradient;
                *second = MOMENTS[1] * *second + (1.0 - MOMENTS[1]) * *gradient * *gradient;
                *weight -= RATE * (*first / a) / ((*second / b).sqrt() + 1e-8);
            }
        }
    }
}

impl Prober {
    /// Fits a probe with one hidden layer to the training rows of one layer, `[rows, d_model]`, and scores
    /// it on the test rows beside `linear`, the [linear probe](Self::linear) of the layer.
    ///
    /// # Errors
    /// As [`linear`](Self::linear).
    pub fn mlp(
        &self,
        vectors: ArrayView2<'_, f32>,
        linear: &LinearProbe,
        options: MlpOptions,
    ) -> Result<MlpScores> {
        self.check_test()?;
        let fitted = self.problem(vectors)?.fit_mlp(&self.train, &self.dev)?;
        let predicted = fitted.probe.predicted(vectors, &self.test)?;
        let (own, all) = (self.correct(&predicted), self.all());
        let beside = self.correct_names(&linear.predicted(vectors, &self.test)?);
        let [beyond] = bootstrap(self.n_clusters, self.seed, |counts| {
            let [own, beside] = [own.over(&all, counts), beside.over(&all, counts)];
            [own.zip(beside).map(|(own, beside)| own - beside)]
        });
        let nothing = ProbingError::Task { needed: "at least one test row", found: 0 };
        let control = match options.control {
            true => Some(self.mlp_control(vectors, &predicted)?),
            false => None,
        };
        let mdl = match options.mdl {
            true => Some(self.online_code(vectors, &mut |problem, before, coded| {
                let fitted = problem.fit_mlp(before, &[])?;
                Ok((fitted.probe.log_probabilities(vectors, coded)?, None))
            })?),
            false => None,
        };
        Ok(MlpScores {
            scores: self.score(&predicted)?,
            beyond_linear: beyond.ok_or(nothing)?,
            held_out_accuracy: fitted.held_out_accuracy,
            epochs: fitted.epochs,
            control,
            mdl,
        })
    }

    fn mlp_control(&self, vectors: ArrayView2<'_, f32>, own: &[usize]) -> Result<Control> {
        let labels = self.control_labels();
        let problem = Problem { labels: &labels, ..self.problem(vectors)? };
        let fitted = problem.fit_mlp(&self.train, &self.dev)?;
        let control = fitted.probe.predicted(vectors, &self.test)?;
        self.selectivity(&self.correct(own), &labels, &control, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::Strength;
    use crate::task::{Split, Task};
    use stratoscope_numerics::generator as seeded;

    /// Rows of two classes by the signs of two of the dimensions; every row is a cluster and a type.
    fn task(rows: usize, label: impl Fn([bool; 2]) -> bool) -> (Prober, Array2<f32>) {
        let mut rng = seeded(5);
        let x = Array2::from_shape_simple_fn((rows, 8), || rng.gen_range(-1.0f32..1.0));
        let of = |i: usize| usize::from(label([x[[i, 0]] > 0.0, x[[i, 1]] > 0.0]));
        let split = |i: usize| if i.is_multiple_of(5) { Split::Test } else { Split::Train };
        let task = Task {
            labels: (0..rows).map(of).collect(),
            types: (0..rows).collect(),
            lemmas: (0..rows).collect(),
            clusters: (0..rows).collect(),
            splits: (0..rows).map(split).collect(),
        };
        (Prober::new(task, Strength::Chosen, 0).unwrap(), x)
    }

    #[test]
    fn what_is_not_linear_separates_the_probes() {
        let (prober, x) = task(3000, |[a, b]| a != b);
        let (linear, scores) = prober.linear(x.view()).unwrap();
        assert!(scores.scores.accuracy.value < 0.6, "{scores:?}");
        let options = MlpOptions { control: true, mdl: true };
        let mlp = prober.mlp(x.view(), &linear, options).unwrap();
        assert!(mlp.scores.accuracy.value > 0.9, "{mlp:?}");
        assert!(mlp.beyond_linear.low().unwrap() > 0.2, "{mlp:?}");
        assert!(mlp.control.unwrap().selectivity.value > 0.3, "{mlp:?}");
        let code = prober.mdl(x.view()).unwrap();
        let own = mlp.mdl.as_ref().unwrap();
        assert!(own.compression.value > 1.3 * code.compression.value, "{own:?}");
        assert_eq!(mlp, prober.mlp(x.view(), &linear, options).unwrap());
    }

    #[test]
    fn what_is_linear_gives_no_gain_and_noise_gives_nothing() {
        let (prober, x) = task(2000, |[a, _]| a);
        let (linear, _) = prober.linear(x.view()).unwrap();
        let mlp = prober.mlp(x.view(), &linear, MlpOptions::default()).unwrap();
        assert!(
            mlp.scores.accuracy.value > 0.95 && mlp.beyond_linear.value.abs() < 0.03,
            "{mlp:?}"
        );
        let mut rng = seeded(9);
        let noise = Array2::from_shape_simple_fn((2000, 8), || rng.gen_range(-1.0f32..1.0));
        let (linear, _) = prober.linear(noise.view()).unwrap();
        let mlp =
            prober.mlp(noise.view(), &linear, MlpOptions { control: false, mdl: true }).unwrap();
        let [low, high] = mlp.beyond_linear.interval.unwrap();
        assert!(low <= 0.0 && high >= 0.0, "{mlp:?}");
        // The code starts from class frequencies, and noise does not make it much longer.
        let code = mlp.mdl.unwrap();
        assert!(code.compression.value > 0.9 * code.compression_by_frequency, "{code:?}");
    }
}
