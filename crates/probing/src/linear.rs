//! The linear probe: what can be read off a layer by a weighted sum, beside what needs no layer.

use crate::fit::{hold_out, largest};
use crate::logistic::{BLOCK, log_probabilities};
use crate::score::{ByCluster, bootstrap};
use crate::standardise::Standardiser;
use crate::{Prober, ProbingError, Result, Scored};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A fitted linear probe: multinomial logistic regression on standardised vectors,
/// p(k | x) = softmax_k(Wᵀ (x − mean) / sd + b).
#[derive(Debug, Clone, PartialEq)]
pub struct LinearProbe {
    classes: Vec<usize>,
    weights: Array2<f32>,
    intercept: Array1<f32>,
    standardiser: Standardiser,
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
        let (width, outputs) = weights.dim();
        for (what, expected, found) in [
            ("classes", outputs, classes.len()),
            ("intercept", outputs, intercept.len()),
            ("mean", width, mean.len()),
            ("sd", width, sd.len()),
        ] {
            if found != expected {
                return Err(ProbingError::Length { what, expected, found });
            }
        }
        if outputs < 2 {
            return Err(ProbingError::Task { needed: "two classes or more", found: outputs });
        }
        let mut numbers = weights.iter().chain(&intercept).chain(&mean).chain(&sd);
        if let Some(&value) = numbers.find(|v| !v.is_finite()) {
            return Err(ProbingError::RowNotFinite { row: 0, value });
        }
        if let Some(&sd) = sd.iter().find(|&&sd| sd < 0.0) {
            let (value, expected) = (f64::from(sd), "0 or above");
            return Err(ProbingError::Setting { name: "sd", value, expected });
        }
        Ok(Self { classes, weights, intercept, standardiser: Standardiser { mean, sd } })
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
        &self.standardiser.mean
    }

    /// The standard deviation of the training rows, `[d_model]`; 0 for a dimension that does not
    /// vary.
    pub fn sd(&self) -> &Array1<f32> {
        &self.standardiser.sd
    }

    /// The probability of every class for vectors `[rows, d_model]`: `[rows, classes]`, rows that
    /// sum to 1.
    ///
    /// # Errors
    /// Vectors of another width, an entry that is not finite.
    pub fn predict(&self, vectors: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        if vectors.ncols() != self.weights.nrows() {
            let (expected, found) = (self.weights.nrows(), vectors.ncols());
            return Err(ProbingError::Length { what: "width of the vectors", expected, found });
        }
        let rows: Vec<usize> = (0..vectors.nrows()).collect();
        Ok(self.log_probabilities(vectors, &rows)?.mapv_into(f64::exp))
    }

    /// log p of every class for some rows of vectors of the probe's width: `[of, classes]`.
    pub(crate) fn log_probabilities(
        &self,
        vectors: ArrayView2<'_, f32>,
        of: &[usize],
    ) -> Result<Array2<f64>> {
        let mut logs = Array2::zeros((of.len(), self.classes.len()));
        for (rows, mut out) in of.chunks(BLOCK).zip(logs.axis_chunks_iter_mut(Axis(0), BLOCK)) {
            let x = self.standardiser.apply(vectors, rows)?;
            out.assign(&log_probabilities(x.view(), self.weights.view(), self.intercept.view()));
            for (log, &row) in out.outer_iter().zip(rows) {
                if let Some(&value) = log.iter().find(|v| !v.is_finite()) {
                    return Err(ProbingError::RowNotFinite { row, value: value as f32 });
                }
            }
        }
        Ok(logs)
    }

    /// The most probable class of some rows, `[of]`.
    pub(crate) fn told(&self, vectors: ArrayView2<'_, f32>, of: &[usize]) -> Result<Vec<usize>> {
        let logs = self.log_probabilities(vectors, of)?;
        Ok(logs.outer_iter().map(|log| self.classes[largest(log)]).collect())
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
        let mut counts = vec![0usize; self.names.len()];
        self.train.iter().for_each(|&row| counts[self.labels[row]] += 1);
        let majority = vec![most(counts.iter().copied().enumerate()); self.test.len()];
        Ok(Baselines { majority: self.score(&majority)?, lookup: self.score(&self.looked_up())? })
    }

    /// Fits the probe to the training rows of one layer, `[rows, d_model]` with the rows of the task,
    /// and scores it on the test rows.
    ///
    /// # Errors
    /// Another number of rows than the task has, an entry that is not finite, no test rows, nothing
    /// to choose a strength on.
    pub fn linear(&self, vectors: ArrayView2<'_, f32>) -> Result<(LinearProbe, LayerScores)> {
        self.check_test()?;
        let fitted = self.problem(vectors)?.fit(&self.train, &self.dev)?;
        let told = fitted.probe.told(vectors, &self.test)?;
        let (right, lookup) = (self.right(&told), self.right(&self.looked_up()));
        let wrong = self.wrong(&self.looked_up());
        let [gain] = bootstrap(self.n_clusters, self.seed, |counts| {
            let open = wrong.sum(counts);
            [(open > 0.0).then(|| (right.sum(counts) - lookup.sum(counts)) / open)]
        });
        let scores = LayerScores {
            scores: self.score(&told)?,
            gain_over_lookup: gain,
            strength: fitted.strength,
            held_out_accuracy: fitted.held_out_accuracy,
            converged: fitted.converged,
        };
        Ok((self.named(fitted.probe), scores))
    }

    /// Fits the probe alone: no test rows are needed. With its `C`.
    ///
    /// # Errors
    /// As [`linear`](Self::linear), but for the test rows.
    pub fn fit(&self, vectors: ArrayView2<'_, f32>) -> Result<(LinearProbe, f64)> {
        let fitted = self.problem(vectors)?.fit(&self.train, &self.dev)?;
        Ok((self.named(fitted.probe), fitted.strength))
    }

    /// Accuracy on held-out rows, to choose a layer by: those of [`Part::Dev`](crate::Part::Dev), or
    /// else a seeded tenth of the training clusters, with a probe fitted to the others.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); nothing can be held out of a single cluster.
    pub fn held_out_accuracy(&self, vectors: ArrayView2<'_, f32>) -> Result<f64> {
        let (rest, held) = match self.dev.as_slice() {
            [] => hold_out(&self.task.clusters, &self.train, self.seed),
            dev => (self.train.clone(), dev.to_vec()),
        };
        let nothing = ProbingError::Task { needed: "a cluster that can be held out", found: 0 };
        self.problem(vectors)?.fit(&rest, &held)?.held_out_accuracy.ok_or(nothing)
    }

    /// The probe with labels for its dense classes.
    fn named(&self, mut probe: LinearProbe) -> LinearProbe {
        probe.classes.iter_mut().for_each(|class| *class = self.names[*class]);
        probe
    }

    /// `[test]`: what looking the type up in the training rows says.
    fn looked_up(&self) -> Vec<usize> {
        let mut majority: BTreeMap<usize, usize> = BTreeMap::new();
        let mut by_type: BTreeMap<usize, BTreeMap<usize, usize>> = BTreeMap::new();
        for &row in &self.train {
            let label = self.labels[row];
            *majority.entry(label).or_default() += 1;
            *by_type.entry(self.task.types[row]).or_default().entry(label).or_default() += 1;
        }
        let look = |row: &usize| {
            let counts = by_type.get(&self.task.types[*row]).unwrap_or(&majority);
            most(counts.iter().map(|(&label, &count)| (label, count)))
        };
        self.test.iter().map(look).collect()
    }

    /// `[clusters]`: how many test rows were told right.
    pub(crate) fn right(&self, told: &[usize]) -> ByCluster {
        self.where_told(told, true)
    }

    fn wrong(&self, told: &[usize]) -> ByCluster {
        self.where_told(told, false)
    }

    fn where_told(&self, told: &[usize], right: bool) -> ByCluster {
        let hit = |(&row, &told): (&usize, &usize)| {
            f64::from(u8::from((self.labels[row] == told) == right))
        };
        ByCluster::new(self.n_clusters, &self.clusters, self.test.iter().zip(told).map(hit))
    }

    /// Scores what was told of the test rows, as dense classes `[test]`.
    fn score(&self, told: &[usize]) -> Result<Scores> {
        self.check_test()?;
        let (right, all) = (self.right(told), self.all());
        let only = |sums: &dyn Fn(usize) -> bool| {
            let values = (0..self.test.len()).map(|i| f64::from(u8::from(sums(i))));
            ByCluster::new(self.n_clusters, &self.clusters, values)
        };
        let truth: Vec<usize> = self.test.iter().map(|&row| self.labels[row]).collect();
        let unseen = only(&|i| self.unseen[i]);
        let unseen_right = only(&|i| self.unseen[i] && truth[i] == told[i]);
        let mut tally = Tally::new(self.names.len());
        let [accuracy, macro_f1, unseen_lemma_accuracy] =
            bootstrap(self.n_clusters, self.seed, |counts| {
                let weights = self.clusters.iter().map(|&cluster| u64::from(counts[cluster]));
                let macro_f1 = tally.macro_f1(&truth, told, weights);
                [right.over(&all, counts), macro_f1, unseen_right.over(&unseen, counts)]
            });
        match (accuracy, macro_f1) {
            (Some(accuracy), Some(macro_f1)) => {
                Ok(Scores { accuracy, macro_f1, unseen_lemma_accuracy })
            }
            _ => Err(ProbingError::Task { needed: "a test row or more", found: 0 }),
        }
    }

    /// `[clusters]`: the test rows.
    pub(crate) fn all(&self) -> ByCluster {
        ByCluster::new(self.n_clusters, &self.clusters, self.test.iter().map(|_| 1.0))
    }
}

/// The class with the highest count, the first of those that tie.
fn most(counts: impl Iterator<Item = (usize, usize)>) -> usize {
    let mut best = (0, 0);
    for (class, count) in counts {
        if count > best.1 {
            best = (class, count);
        }
    }
    best.0
}

/// Counts by class: rows of the class, rows told to be of it, and rows where both hold.
struct Tally(Vec<[u64; 3]>);

impl Tally {
    fn new(classes: usize) -> Self {
        Self(vec![[0; 3]; classes])
    }

    /// F1 = 2 both / (truth + told), averaged over the classes with either.
    fn macro_f1(
        &mut self,
        truth: &[usize],
        told: &[usize],
        weights: impl Iterator<Item = u64>,
    ) -> Option<f64> {
        self.0.fill([0; 3]);
        for ((&truth, &told), weight) in truth.iter().zip(told).zip(weights) {
            self.0[truth][0] += weight;
            self.0[told][1] += weight;
            if truth == told {
                self.0[truth][2] += weight;
            }
        }
        let (mut sum, mut n) = (0.0, 0.0);
        for &[truth, told, both] in &self.0 {
            if truth + told > 0 {
                sum += 2.0 * both as f64 / (truth + told) as f64;
                n += 1.0;
            }
        }
        (n > 0.0).then(|| sum / n)
    }
}
