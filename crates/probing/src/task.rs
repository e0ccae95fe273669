//! What is to be predicted of which rows, and everything that probes of it share.

use crate::Result;
use serde::{Deserialize, Serialize};

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
    task: Task,
    strength: Strength,
    seed: u64,
}

impl Prober {
    /// Makes a task ready. `seed` is that of the bootstrap, of held-out clusters, of the control
    /// task's labels and of the order of an online code.
    ///
    /// # Errors
    /// Lists of unequal length, no training rows, fewer than two classes in training, a strength
    /// that is not above 0 and finite.
    pub fn new(task: Task, strength: Strength, seed: u64) -> Result<Self> {
        Ok(Self { task, strength, seed })
    }

    /// How many rows and classes there are.
    pub fn counts(&self) -> Counts {
        todo!()
    }
}
