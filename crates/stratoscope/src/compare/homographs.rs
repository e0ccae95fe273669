//! The built-in homographs as a reference: the similarity of a word in two contexts of the same
//! sense and in two contexts of two senses, by layer.

use super::Options;
use super::reference_distribution::ReferenceDistribution;
use super::word_vectors::{TextPlaces, Vectors};
use crate::profile::NamedStimuli;
use crate::{Estimate, Explorer, Result};
use std::collections::BTreeMap;
use stratoscope_geometry::{auc_by_group, grouped_mean, percentiles};

/// The number of contexts of each word in each sense and role. There are enough for causal models.
const CONTEXTS: usize = 2;

/// The similarities of homographs at every layer.
pub(super) struct Homographs {
    /// The number of words.
    pub(super) words: usize,
    /// The number of sentences.
    pub(super) sentences: usize,
    /// `[n_layers + 1]`: the pairs at each layer.
    layers: Vec<Layer>,
}

/// Similarities of pairs of contexts of one word.
#[derive(Default)]
struct Layer {
    same: Pairs,
    other: Pairs,
}

/// The similarity and the word of each pair, both `[pairs]`.
#[derive(Default)]
struct Pairs {
    values: Vec<f64>,
    words: Vec<usize>,
}

impl Homographs {
    /// Runs the model on the first two contexts of each homograph in each sense and role. A causal
    /// model reads only contexts with the cue before the word. The two contexts have different
    /// lead-ins, so that the word has two positions. Only pairs with different positions are used,
    /// because the words of a user's texts rarely have the same position.
    pub(super) fn of(
        explorer: &Explorer,
        reference: &ReferenceDistribution,
        options: &Options,
    ) -> Result<Self> {
        let stimuli = NamedStimuli::homographs()?.for_model(&explorer.origin())?.stimuli;
        let contexts = stimuli.contexts();
        let mut taken: BTreeMap<(usize, usize, usize), usize> = BTreeMap::new();
        let all = stimuli.items();
        let mut items = Vec::new();
        for own in all.chunk_by(|a, b| a.context == b.context) {
            let c = &contexts[own[0].context];
            let n = taken.entry((c.word, c.sense, c.role)).or_default();
            if *n < CONTEXTS {
                items.push((*n, &own[*n % own.len()]));
            }
            *n += 1;
        }
        let wanted: Vec<TextPlaces<'_>> = items
            .iter()
            .map(|(_, item)| TextPlaces {
                text: &item.text,
                line: Some(contexts[item.context].line),
                places: std::iter::once(item.target[0]..item.target[1]).collect(),
            })
            .collect();
        let vectors = Vectors::of_builtin(explorer, &wanted, options.pooling)?;
        let known: Vec<(usize, usize, usize, usize)> = items
            .iter()
            .zip(&vectors.rows)
            .filter_map(|(&(place, item), rows)| {
                let context = &contexts[item.context];
                Some((context.word, context.sense, rows[0]?, place))
            })
            .collect();
        let mut pairs = Vec::new();
        for (index, a) in known.iter().enumerate() {
            pairs.extend(
                known[index + 1..].iter().filter(|b| a.0 == b.0 && a.3 != b.3).map(|b| (a, b)),
            );
        }
        let first: Vec<usize> = pairs.iter().map(|(a, _)| a.2).collect();
        let second: Vec<usize> = pairs.iter().map(|(_, b)| b.2).collect();
        let mut layers = Vec::new();
        for layer in 0..vectors.n_layers() {
            let (a, b) = (vectors.some(layer, &first), vectors.some(layer, &second));
            let mut own = Layer::default();
            let values = reference.similarities(layer, a.view(), b.view())?;
            for ((a, b), value) in pairs.iter().zip(values) {
                let of = if a.1 == b.1 { &mut own.same } else { &mut own.other };
                of.values.push(value);
                of.words.push(a.0);
            }
            layers.push(own);
        }
        Ok(Self { words: stimuli.words().len(), sentences: items.len(), layers })
    }

    /// The mean similarity of pairs of the same sense and of pairs of two senses, with intervals
    /// over words.
    pub(super) fn means(&self, layer: usize, seed: u64) -> Result<[Option<Estimate>; 2]> {
        let Layer { same, other } = &self.layers[layer];
        let mean = |p: &Pairs| -> Result<Option<Estimate>> {
            Ok(grouped_mean(&p.values, &p.words, seed)?)
        };
        Ok([mean(same)?, mean(other)?])
    }

    /// The probability that a pair of the same sense is more similar than a pair of two senses
    /// (AUC).
    pub(super) fn auc(&self, layer: usize, seed: u64) -> Result<Estimate> {
        let Layer { same, other } = &self.layers[layer];
        let scores = [&same.values[..], &other.values].concat();
        let words = [&same.words[..], &other.words].concat();
        let labels: Vec<bool> = (0..scores.len()).map(|i| i < same.values.len()).collect();
        Ok(auc_by_group(&scores, &labels, &words, seed)?)
    }

    /// The percentiles of similarities among pairs of the same sense, and among pairs of two
    /// senses.
    pub(super) fn percentiles(&self, layer: usize, values: &[f64]) -> Result<[Vec<f64>; 2]> {
        let Layer { same, other } = &self.layers[layer];
        Ok([percentiles(values, &same.values)?, percentiles(values, &other.values)?])
    }
}
