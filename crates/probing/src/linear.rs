//! The linear probe: what can be read off a layer by a weighted sum, beside what needs no layer.

use crate::{Prober, Result, Scored};
use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// A fitted linear probe: multinomial logistic regression on standardised vectors,
/// p(k | x) = softmax_k(Wᵀ (x − mean) / sd + b).
#[derive(Debug, Clone, PartialEq)]
pub struct LinearProbe {
    classes: Vec<usize>,
    weights: Array2<f32>,
    intercept: Array1<f32>,
    mean: Array1<f32>,
    sd: Array1<f32>,
}

impl LinearProbe {
    /// A probe from its parts, as they were saved. `classes` `[classes]` are the labels of the
    /// columns of `weights` `[d_model, classes]`; `intercept` is `[classes]`, `mean` and `sd` are
    /// `[d_model]`. A dimension with an `sd` of 0 is left out.
    ///
    /// # Errors
    /// Sizes that do not fit, fewer than two classes, an entry that is not finite, an `sd` below 0.
    pub fn new(
        classes: Vec<usize>,
        weights: Array2<f32>,
        intercept: Array1<f32>,
        mean: Array1<f32>,
        sd: Array1<f32>,
    ) -> Result<Self> {
        Ok(Self { classes, weights, intercept, mean, sd })
    }

    /// The label of each column of [`predict`](Self::predict), `[classes]`.
    pub fn classes(&self) -> &[usize] {
        &self.classes
    }

    /// `[d_model, classes]`.
    pub fn weights(&self) -> &Array2<f32> {
        &self.weights
    }

    /// `[classes]`.
    pub fn intercept(&self) -> &Array1<f32> {
        &self.intercept
    }

    /// The mean of the training rows, `[d_model]`.
    pub fn mean(&self) -> &Array1<f32> {
        &self.mean
    }

    /// The standard deviation of the training rows, `[d_model]`; 0 for a dimension that does not
    /// vary.
    pub fn sd(&self) -> &Array1<f32> {
        &self.sd
    }

    /// The probability of every class for vectors `[rows, d_model]`: `[rows, classes]`, rows that
    /// sum to 1.
    ///
    /// # Errors
    /// Vectors of another width, an entry that is not finite.
    pub fn predict(&self, vectors: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        let _ = vectors;
        todo!()
    }
}

/// How well test rows are told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The share of test rows that got their class. A class that training lacks is never got.
    pub accuracy: Scored,
    /// F1 averaged over the classes that occur among the truth or the predictions of the test rows,
    /// as scikit-learn's `f1_score(average="macro")` does.
    pub macro_f1: Scored,
    /// Accuracy on the rows whose lemma does not occur in training; None where there are none.
    pub unseen_lemma_accuracy: Option<Scored>,
}

/// What needs no layer at all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// Always the most frequent class of training.
    pub majority: Scores,
    /// The most frequent class of the row's type in training; the majority for a type that is not
    /// in it. Of classes that are equally frequent, the smallest number.
    pub lookup: Scores,
}

/// The linear probe of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerScores {
    /// How well it does.
    #[serde(flatten)]
    pub scores: Scores,
    /// (accuracy − lookup's) / (1 − lookup's): the share of what looking the type up leaves open.
    /// None where it leaves nothing open.
    pub gain_over_lookup: Option<Scored>,
    /// The `C` that it was fitted with.
    pub strength: f64,
    /// Accuracy on held-out rows with that `C`, which layers can be compared by; None where there
    /// are none ([`Strength::Fixed`](crate::Strength::Fixed) without rows of
    /// [`Part::Dev`](crate::Part::Dev)).
    pub held_out_accuracy: Option<f64>,
    /// Whether the fit came to an end within its iterations.
    pub converged: bool,
}

impl Prober {
    /// The scores that need no vectors.
    ///
    /// # Errors
    /// No test rows.
    pub fn baselines(&self) -> Result<Baselines> {
        todo!()
    }

    /// Fits the probe to the training rows of one layer, `[rows, d_model]` with the rows of the task,
    /// and scores it on the test rows.
    ///
    /// # Errors
    /// Another number of rows than the task has, an entry that is not finite, no test rows.
    pub fn linear(&self, vectors: ArrayView2<'_, f32>) -> Result<(LinearProbe, LayerScores)> {
        let _ = vectors;
        todo!()
    }

    /// Fits the probe alone: no test rows are needed. With its `C`.
    ///
    /// # Errors
    /// As [`linear`](Self::linear), but for the test rows.
    pub fn fit(&self, vectors: ArrayView2<'_, f32>) -> Result<(LinearProbe, f64)> {
        let _ = vectors;
        todo!()
    }

    /// Accuracy on held-out rows, to choose a layer by: those of [`Part::Dev`](crate::Part::Dev), or
    /// else a seeded tenth of the training clusters, with a probe fitted to the others.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); nothing can be held out of a single cluster.
    pub fn held_out_accuracy(&self, vectors: ArrayView2<'_, f32>) -> Result<f64> {
        let _ = vectors;
        todo!()
    }
}
