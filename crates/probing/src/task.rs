//! What is to be predicted of which rows, and everything that probes of it share.

use crate::fit::{Outputs, Problem, places, seen};
use crate::{ProbingError, Result};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a row is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Probes are fitted to it.
    Train,
    /// Strengths and layers are chosen on it.
    Dev,
    /// Scores are of it; nothing is chosen on it.
    Test,
}

/// What is to be predicted of which rows (words of a corpus, or texts). All lists are `[rows]`, in
/// the order of the rows of every layer. Labels, types, lemmas and clusters are any numbers, equal
/// for what is the same.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Task {
    /// The class of each row. Where classes tie, the smaller number wins.
    pub labels: Vec<usize>,
    /// The type (the word form, say): what the lookup looks up, and what the control task gives one
    /// label.
    pub types: Vec<usize>,
    /// The lemma: what has to be new for a row to count as unseen.
    pub lemmas: Vec<usize>,
    /// The sentence: what is drawn together in a bootstrap and never split.
    pub clusters: Vec<usize>,
    /// What each row is for.
    pub parts: Vec<Part>,
}

/// The strengths that are tried where one is chosen, from the strongest penalty to the weakest.
pub const STRENGTHS: [f64; 5] = [1e-3, 1e-2, 1e-1, 1.0, 1e1];

/// How strongly weights are held back: scikit-learn's `C`, the weight of the loss against ½‖W‖².
/// The smaller, the stronger the penalty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strength {
    /// This `C`, above 0.
    Fixed(f64),
    /// The `C` of [`STRENGTHS`](crate::STRENGTHS) that is best on held-out rows: those of
    /// [`Part::Dev`] where there are any, or else those of a seeded tenth of the training clusters,
    /// which the final fit has back.
    Chosen,
}

/// How many rows and classes a task has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Training rows.
    pub train: usize,
    /// Held-out rows, 0 where a part of the training rows is held out.
    pub dev: usize,
    /// Test rows.
    pub test: usize,
    /// Test rows whose lemma does not occur in training.
    pub unseen_lemmas: usize,
    /// Clusters (sentences) among the test rows, which the intervals are over.
    pub test_clusters: usize,
    /// Classes in training.
    pub classes: usize,
}

/// Everything that the probes of a task need, made once for the vectors of all layers.
///
/// Every method that takes vectors runs on the calling thread alone (but for
/// [`mixes`](Self::mixes)), so that layers can be run side by side with the same numbers on any
/// number of threads.
pub struct Prober {
    pub(crate) task: Task,
    pub(crate) strength: Strength,
    pub(crate) seed: u64,
    /// The label of every dense class, rising.
    pub(crate) names: Vec<usize>,
    /// `[rows]`: the dense class.
    pub(crate) labels: Vec<usize>,
    /// Rows of each part.
    pub(crate) train: Vec<usize>,
    pub(crate) dev: Vec<usize>,
    pub(crate) test: Vec<usize>,
    /// `[test]`: the cluster, dense among test rows.
    pub(crate) clusters: Vec<usize>,
    /// How many of them there are.
    pub(crate) n_clusters: usize,
    /// `[test]`: whether its lemma does not occur in training.
    pub(crate) unseen: Vec<bool>,
}

impl Prober {
    /// Makes a task ready. `seed` is that of the bootstrap, of held-out clusters, of the control
    /// task's labels and of the order of an online code.
    ///
    /// # Errors
    /// Lists of unequal length, fewer than two classes in training, a strength that is not above 0
    /// and finite.
    pub fn new(task: Task, strength: Strength, seed: u64) -> Result<Self> {
        let rows = task.labels.len();
        for (what, found) in [
            ("types", task.types.len()),
            ("lemmas", task.lemmas.len()),
            ("clusters", task.clusters.len()),
            ("parts", task.parts.len()),
        ] {
            if found != rows {
                return Err(ProbingError::Length { what, expected: rows, found });
            }
        }
        if let Strength::Fixed(value) = strength
            && !(value > 0.0 && value.is_finite())
        {
            let expected = "a number above 0";
            return Err(ProbingError::Setting { name: "strength", value, expected });
        }
        let part =
            |part: Part| (0..rows).filter(|&r| task.parts[r] == part).collect::<Vec<usize>>();
        let (train, dev, test) = (part(Part::Train), part(Part::Dev), part(Part::Test));
        let everything: Vec<usize> = (0..rows).collect();
        let names = seen(&task.labels, &everything);
        let labels = places(&names, &task.labels, &everything);
        let classes = seen(&labels, &train).len();
        if classes < 2 {
            let needed = "two classes or more among its training rows";
            return Err(ProbingError::Task { needed, found: classes });
        }
        let of_test = seen(&task.clusters, &test);
        let clusters = places(&of_test, &task.clusters, &test);
        let known: BTreeSet<usize> = train.iter().map(|&r| task.lemmas[r]).collect();
        let unseen = test.iter().map(|&r| !known.contains(&task.lemmas[r])).collect();
        let n_clusters = of_test.len();
        Ok(Self {
            task,
            strength,
            seed,
            names,
            labels,
            train,
            dev,
            test,
            clusters,
            n_clusters,
            unseen,
        })
    }

    /// How many rows and classes there are.
    pub fn counts(&self) -> Counts {
        Counts {
            train: self.train.len(),
            dev: self.dev.len(),
            test: self.test.len(),
            unseen_lemmas: self.unseen.iter().filter(|&&unseen| unseen).count(),
            test_clusters: self.n_clusters,
            classes: seen(&self.labels, &self.train).len(),
        }
    }

    /// What a probe of the task's labels is fitted to.
    pub(crate) fn problem<'a, 'v: 'a>(
        &'a self,
        vectors: ArrayView2<'v, f32>,
    ) -> Result<Problem<'a>> {
        self.check(vectors.nrows())?;
        Ok(Problem {
            vectors: vectors.reborrow(),
            labels: &self.labels,
            clusters: &self.task.clusters,
            strength: self.strength,
            seed: self.seed,
            outputs: Outputs::Seen,
        })
    }

    /// Whether vectors have the rows of the task.
    pub(crate) fn check(&self, found: usize) -> Result<()> {
        let expected = self.labels.len();
        if found != expected {
            return Err(ProbingError::Length { what: "vectors", expected, found });
        }
        Ok(())
    }

    /// Whether there is anything to score.
    pub(crate) fn check_test(&self) -> Result<()> {
        if self.test.is_empty() {
            return Err(ProbingError::Task { needed: "a test row or more", found: 0 });
        }
        Ok(())
    }
}
