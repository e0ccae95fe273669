//! Words that are compared with each other, and the nearest of them.

use super::{ContextWords, NEIGHBOURS};
use crate::error::Result;
use crate::standardise::Standardiser;
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;
use std::collections::HashMap;
use stratoscope_numerics::product_into;

/// The rows and the columns of one matrix product.
const QUERIES: usize = 256;
const CANDIDATES: usize = 1024;

/// Words that are compared with each other. All lists are `[pool]`.
pub(super) struct Pool {
    /// The row of each word among the vectors of a layer.
    pub(super) rows: Vec<usize>,
    pub(super) sentences: Vec<usize>,
    pub(super) lemmas: Vec<usize>,
}

impl Pool {
    /// The words of some rows.
    pub(super) fn new(words: &ContextWords, rows: Vec<usize>) -> Self {
        let of = |values: &[usize]| rows.iter().map(|&word| values[word]).collect();
        let (sentences, lemmas) = (of(&words.sentences), of(&words.lemmas));
        Self { rows, sentences, lemmas }
    }

    /// The words of each word's sentence and of its lemma, itself too.
    pub(super) fn barred(&self) -> Vec<Vec<u32>> {
        let (of_sentence, of_lemma) = (places(&self.sentences), places(&self.lemmas));
        let barred = |(sentence, lemma): (&usize, &usize)| {
            let mut barred = [&of_sentence[sentence][..], &of_lemma[lemma]].concat();
            barred.sort_unstable();
            barred.dedup();
            barred
        };
        self.sentences.iter().zip(&self.lemmas).map(barred).collect()
    }

    /// The number of words of another lemma in the sentence of each word.
    pub(super) fn own_candidates(&self) -> Vec<usize> {
        let of_sentence = places(&self.sentences);
        let own = |(sentence, lemma): (&usize, &usize)| {
            let others = of_sentence[sentence].iter();
            others.filter(|&&other| self.lemmas[other as usize] != *lemma).count()
        };
        self.sentences.iter().zip(&self.lemmas).map(own).collect()
    }

    /// The vectors of the pool, `[pool, d_model]`: standardised over the pool, of length 1. A vector
    /// that equals the mean stays 0, and its cosines are 0.
    ///
    /// # Errors
    /// An entry that is not finite.
    pub(super) fn unit(&self, vectors: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let standardiser = Standardiser::new(vectors, &self.rows)?.without_rounding();
        let mut unit = standardiser.apply(vectors, &self.rows)?;
        for mut row in unit.outer_iter_mut() {
            let length = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
            if length > 0.0 {
                row.mapv_inplace(|v| (f64::from(v) / length) as f32);
            }
        }
        Ok(unit)
    }

    /// The nearest [`NEIGHBOURS`] words of every word among those that `allowed` permits (pool, query,
    /// candidate), the nearest first; of equally near words, the first. A list is shorter where fewer
    /// words are permitted. `unit` is `[pool, d_model]`, rows of length 1.
    pub(super) fn nearest(
        &self,
        unit: ArrayView2<'_, f32>,
        allowed: impl Fn(&Self, usize, usize) -> bool + Sync,
    ) -> Vec<Vec<u32>> {
        let n = unit.nrows();
        let block = |first: usize| {
            let queries = unit.slice(s![first..(first + QUERIES).min(n), ..]);
            let mut nearest: Vec<Nearest> = vec![Nearest::default(); queries.nrows()];
            let mut cosines = Array2::<f32>::zeros((queries.nrows(), CANDIDATES.min(n)));
            for from in (0..n).step_by(CANDIDATES) {
                let candidates = unit.slice(s![from..(from + CANDIDATES).min(n), ..]);
                let mut cosines = cosines.slice_mut(s![.., ..candidates.nrows()]);
                product_into(queries, candidates.t(), cosines.view_mut());
                for (query, (row, nearest)) in cosines.outer_iter().zip(&mut nearest).enumerate() {
                    for (candidate, &cosine) in row.iter().enumerate() {
                        let candidate = from + candidate;
                        if cosine > nearest.limit && allowed(self, first + query, candidate) {
                            nearest.insert(cosine, candidate as u32);
                        }
                    }
                }
            }
            nearest.into_iter().map(|near| near.found.into_iter().map(|(_, word)| word).collect())
        };
        let firsts: Vec<usize> = (0..n).step_by(QUERIES).collect();
        firsts.into_par_iter().flat_map_iter(block).collect()
    }
}

/// The nearest words that are found so far.
#[derive(Clone)]
struct Nearest {
    /// The cosine that a further word must exceed.
    limit: f32,
    /// At most [`NEIGHBOURS`] words, the nearest first.
    found: Vec<(f32, u32)>,
}

impl Default for Nearest {
    fn default() -> Self {
        Self { limit: f32::NEG_INFINITY, found: Vec::with_capacity(NEIGHBOURS + 1) }
    }
}

impl Nearest {
    /// Adds a word whose cosine is above the limit.
    fn insert(&mut self, cosine: f32, word: u32) {
        let at = self.found.partition_point(|&(other, _)| other >= cosine);
        self.found.insert(at, (cosine, word));
        self.found.truncate(NEIGHBOURS);
        if self.found.len() == NEIGHBOURS {
            self.limit = self.found[NEIGHBOURS - 1].0;
        }
    }
}

/// The places of each value.
fn places(values: &[usize]) -> HashMap<usize, Vec<u32>> {
    let mut places: HashMap<usize, Vec<u32>> = HashMap::new();
    for (place, &value) in values.iter().enumerate() {
        places.entry(value).or_default().push(place as u32);
    }
    places
}
