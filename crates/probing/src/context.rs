//! Neighbours in context: whether the nearest occurrences of a word, in other sentences, share its
//! syntactic relation (grammar) or its supersense (word meaning), and how many of its neighbours are
//! in its own sentence.
//!
//! **Neighbours.** The words of a class (nouns; verbs) are compared with each other by the cosine of
//! standardised vectors: each dimension has mean 0 and variance 1 over the words that are compared
//! (Timkey & van Schijndel 2021), and a dimension of which the deviation is rounding is left out. Every
//! word is a query; its neighbours are the [`NEIGHBOURS`] nearest words of the class with another lemma in
//! another sentence.
//!
//! **Agreement above chance** = (a − e) / (1 − e), the form of Cohen's κ (1960): a is the mean share of
//! neighbours that have the label of the query. e is the share by chance: for every neighbour, the share
//! of the label of the query among the words at the position of the neighbour that could have been a
//! neighbour, shrunk to its share at all positions with [`PSEUDO_COUNTS`] pseudo-counts. Vectors carry
//! positions, and positions predict relations: without this control, a model with random weights is
//! above 0. Positions from [`LAST_POSITION`] on count as one.
//!
//! **Sentence share**: among all content words, the share of the [`NEIGHBOURS`] nearest words of another lemma
//! that are in the sentence of the query, of the most that there could be. Queries with fewer than
//! [`MIN_OWN`] candidates in their sentence are left out.
//!
//! **Intervals**: the sentences of the queries are resampled; the words that can be neighbours are
//! fixed. All curves and layers have the same resamples, so that differences between them are paired.

mod neighbours;
mod resampled;
#[cfg(test)]
mod tests;

pub use resampled::{ByClass, ContextCurves, ContextLayer, ResampledLayer};

use crate::error::{ProbingError, Result};
use ndarray::{Array2, ArrayView2, s};
use neighbours::Pool;
use std::collections::HashMap;

/// The number of neighbours.
pub const NEIGHBOURS: usize = 10;
/// The weight of the share at all positions, in words, against the share at one position.
pub const PSEUDO_COUNTS: f64 = 5.0;
/// Positions from this one on count as one position.
pub const LAST_POSITION: usize = 40;
/// The fewest candidates in its own sentence with which a word is a query of the sentence share.
pub const MIN_OWN: usize = 3;

/// A class of words: labels are compared within a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WordClass {
    /// Nouns.
    Noun,
    /// Verbs.
    Verb,
}

/// The content words of a bank. All lists are `[words]`, in the order of the rows of every layer. Equal
/// numbers mean the same lemma, relation or supersense.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContextWords {
    /// The sentence of each word, from 0.
    pub sentences: Vec<usize>,
    /// The lemma.
    pub lemmas: Vec<usize>,
    /// The position: the index of the first token of the word in its sequence.
    pub positions: Vec<usize>,
    /// The class in which the word is compared; None for a word of the sentence share alone.
    pub classes: Vec<Option<WordClass>>,
    /// The syntactic relation. A word without one is a candidate, but no query.
    pub relations: Vec<Option<usize>>,
    /// The supersense. A word without one is a candidate, but no query.
    pub supersenses: Vec<Option<usize>>,
}

/// The words of a bank, prepared for the vectors of all layers.
pub struct InContext {
    words: usize,
    sentences: usize,
    nouns: Class,
    verbs: Class,
    content: Pool,
    /// `[content]`: the number of candidates in the own sentence of each word.
    own: Vec<usize>,
    seed: u64,
}

/// What the queries of each sentence contribute at one layer, `[sentences, SUMS]`.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSums(Array2<f64>);

/// The columns of an agreement: the number of queries, the sums of agreement and of chance.
const OF_AGREEMENT: usize = 3;
/// The columns of [`LayerSums`]: grammar and meaning of nouns and of verbs; then the number of queries
/// and the sum of the sentence share.
const SUMS: usize = 4 * OF_AGREEMENT + 2;

impl InContext {
    /// Prepares the words of a bank of `sentences` sentences. `seed` is that of the bootstrap: banks of
    /// the same size have the same resamples.
    ///
    /// # Errors
    /// Lists of different lengths, or the number of a sentence that the bank does not have.
    pub fn new(words: ContextWords, sentences: usize, seed: u64) -> Result<Self> {
        let n = words.sentences.len();
        for (what, found) in [
            ("lemmas", words.lemmas.len()),
            ("positions", words.positions.len()),
            ("classes", words.classes.len()),
            ("relations", words.relations.len()),
            ("supersenses", words.supersenses.len()),
        ] {
            if found != n {
                return Err(ProbingError::Length { what, expected: n, found });
            }
        }
        let found = words.sentences.iter().max().map_or(0, |last| last + 1);
        if found > sentences {
            let what = "the sentences of the words";
            return Err(ProbingError::Length { what, expected: sentences, found });
        }
        let class = |of: WordClass| {
            let rows = (0..n).filter(|&word| words.classes[word] == Some(of)).collect();
            Class::new(Pool::new(&words, rows), &words)
        };
        let content = Pool::new(&words, (0..n).collect());
        let own = content.own_candidates();
        let (nouns, verbs) = (class(WordClass::Noun), class(WordClass::Verb));
        Ok(Self { words: n, sentences, nouns, verbs, content, own, seed })
    }

    /// Finds the neighbours at one layer; `vectors` is `[words, d_model]` on any scale. The result does
    /// not depend on the number of threads.
    ///
    /// # Errors
    /// A number of vectors that is not that of the words, or a value that is not finite.
    pub fn layer(&self, vectors: ArrayView2<'_, f32>) -> Result<LayerSums> {
        let (expected, found) = (self.words, vectors.nrows());
        if found != expected {
            return Err(ProbingError::Length { what: "vectors", expected, found });
        }
        let mut sums = Array2::zeros((self.sentences, SUMS));
        for (class, first) in [(&self.nouns, 0), (&self.verbs, 2 * OF_AGREEMENT)] {
            let unit = class.pool.unit(vectors)?;
            let nearest = class.pool.nearest(unit.view(), |pool, query, candidate| {
                pool.lemmas[query] != pool.lemmas[candidate]
                    && pool.sentences[query] != pool.sentences[candidate]
            });
            for (labels, at) in [(&class.relations, 0), (&class.supersenses, OF_AGREEMENT)] {
                for (query, near) in nearest.iter().enumerate() {
                    if let Some((agree, chance)) = labels.agreement(query, near) {
                        let sentence = class.pool.sentences[query];
                        let at = first + at;
                        let mut own = sums.slice_mut(s![sentence, at..at + OF_AGREEMENT]);
                        own[0] += 1.0;
                        own[1] += agree;
                        own[2] += chance;
                    }
                }
            }
        }
        let unit = self.content.unit(vectors)?;
        let near = self.content.nearest(unit.view(), |pool, query, candidate| {
            pool.lemmas[query] != pool.lemmas[candidate]
        });
        for (query, (near, &own)) in near.iter().zip(&self.own).enumerate() {
            if own >= MIN_OWN {
                let sentence = self.content.sentences[query];
                let same = |&&near: &&u32| self.content.sentences[near as usize] == sentence;
                let inside = near.iter().filter(same).count();
                sums[[sentence, SUMS - 2]] += 1.0;
                sums[[sentence, SUMS - 1]] += inside as f64 / own.min(NEIGHBOURS) as f64;
            }
        }
        Ok(LayerSums(sums))
    }
}

/// The words of a class, with their labels.
struct Class {
    pool: Pool,
    relations: Labels,
    supersenses: Labels,
}

impl Class {
    fn new(pool: Pool, words: &ContextWords) -> Self {
        let positions: Vec<usize> =
            pool.rows.iter().map(|&word| words.positions[word].min(LAST_POSITION)).collect();
        let barred = pool.barred();
        let labels = |of: &[Option<usize>]| {
            let labels = pool.rows.iter().map(|&word| of[word]).collect();
            Labels::new(labels, positions.clone(), &barred)
        };
        let (relations, supersenses) = (labels(&words.relations), labels(&words.supersenses));
        Self { pool, relations, supersenses }
    }
}

/// One label of the words of a class, with its share by chance.
struct Labels {
    /// `[class]`.
    labels: Vec<Option<usize>>,
    /// `[class]`: the position of each word, at most [`LAST_POSITION`].
    positions: Vec<usize>,
    /// `[class, LAST_POSITION + 1]`: for each query, the share of its label at each position among the
    /// words that can be its neighbours; 0 for a word without a label.
    chance: Array2<f64>,
}

impl Labels {
    /// `barred`, `[class]`, has the words that cannot be neighbours of each word.
    fn new(labels: Vec<Option<usize>>, positions: Vec<usize>, barred: &[Vec<u32>]) -> Self {
        let width = LAST_POSITION + 1;
        let mut all = vec![0.0; width];
        let mut of_label: HashMap<usize, Vec<f64>> = HashMap::new();
        for (label, &position) in labels.iter().zip(&positions) {
            all[position] += 1.0;
            if let Some(label) = label {
                of_label.entry(*label).or_insert_with(|| vec![0.0; width])[position] += 1.0;
            }
        }
        let mut chance = Array2::zeros((labels.len(), width));
        for (query, barred) in barred.iter().enumerate() {
            let Some(mut with) = labels[query].and_then(|own| of_label.get(&own)).cloned() else {
                continue;
            };
            let mut any = all.clone();
            for &word in barred {
                let position = positions[word as usize];
                any[position] -= 1.0;
                with[position] -= f64::from(u8::from(labels[word as usize] == labels[query]));
            }
            let overall = with.iter().sum::<f64>() / any.iter().sum::<f64>().max(1.0);
            for (to, (with, any)) in chance.row_mut(query).iter_mut().zip(with.iter().zip(&any)) {
                *to = (with + PSEUDO_COUNTS * overall) / (any + PSEUDO_COUNTS);
            }
        }
        Self { labels, positions, chance }
    }

    /// The share of the neighbours that have the label of the query, and the share by chance. None for
    /// a query without a label or without neighbours.
    fn agreement(&self, query: usize, near: &[u32]) -> Option<(f64, f64)> {
        let own = self.labels[query]?;
        let mut sums = (0.0, 0.0);
        for &near in near {
            let near = near as usize;
            sums.0 += f64::from(u8::from(self.labels[near] == Some(own)));
            sums.1 += self.chance[[query, self.positions[near]]];
        }
        let n = near.len() as f64;
        (n > 0.0).then_some((sums.0 / n, sums.1 / n))
    }
}
