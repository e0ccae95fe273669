//! Distances of vectors at every layer, and what they are held against: any two words.

use super::places::{Vectors, Wanted, words_of};
use super::{CompareSettings, RandomWords};
use crate::{Explorer, Metric, Result, Step, builtin_sentences};
use ndarray::{Array2, ArrayView2, Axis};
use stratoscope_geometry::{Reference, percentiles, random_pairs, rowwise_cosine};

/// Pairs of words whose distances make the distribution.
const PAIRS: usize = 5000;

/// How far apart vectors are at every layer.
pub(super) struct Ruler {
    metric: Metric,
    /// `[n_layers + 1]`: what the metric is relative to; empty where it is to nothing.
    references: Vec<Reference>,
    /// `[n_layers + 1]`: distances of random words of unrelated sentences, ascending; empty where
    /// they are not asked for.
    random: Vec<Vec<f64>>,
}

impl Ruler {
    /// Reads the 200 built-in sentences: their words are what centred and standardised vectors are
    /// relative to, and pairs of them from different sentences are the random words. The first word
    /// of a sentence, to which many decoders give a state like no other, and punctuation are not
    /// among them.
    pub(super) fn of(
        explorer: &Explorer,
        settings: &CompareSettings,
        progress: &mut dyn FnMut(Step),
    ) -> Result<Self> {
        let wanted: Vec<Wanted<'_>> = builtin_sentences()
            .map(|text| {
                let words = words_of(text).into_iter().skip(1).filter(|w| w.has_letters());
                Wanted { text, line: None, places: words.map(|w| w.place).collect() }
            })
            .collect();
        let vectors = Vectors::of_builtin(explorer, &wanted, settings.pooling, progress)?;
        let (mut rows, mut sentences) = (Vec::new(), Vec::new());
        for (sentence, own) in vectors.rows.iter().enumerate() {
            rows.extend(own.iter().flatten());
            sentences.resize(rows.len(), sentence);
        }
        let mut ruler = Self {
            metric: settings.metric,
            references: Vec::new(),
            random: vec![Vec::new(); vectors.n_layers()],
        };
        for layer in 0..vectors.n_layers() {
            ruler.references.push(Reference::of(vectors.some(layer, &rows).view())?);
        }
        let pairs = random_pairs(&sentences, PAIRS, settings.seed).unwrap_or_default();
        let first: Vec<usize> = pairs.iter().map(|&(a, _)| rows[a]).collect();
        let second: Vec<usize> = pairs.iter().map(|&(_, b)| rows[b]).collect();
        for layer in 0..vectors.n_layers() {
            let (a, b) = (vectors.some(layer, &first), vectors.some(layer, &second));
            let mut distances = ruler.distances(layer, a.view(), b.view())?;
            distances.sort_unstable_by(f64::total_cmp);
            ruler.random[layer] = distances;
        }
        Ok(ruler)
    }

    /// The same without random words; no sentences are read where the metric needs none.
    pub(super) fn plain(
        explorer: &Explorer,
        settings: &CompareSettings,
        progress: &mut dyn FnMut(Step),
    ) -> Result<Self> {
        match settings.metric {
            Metric::Cosine | Metric::Euclidean => {
                Ok(Self { metric: settings.metric, references: Vec::new(), random: Vec::new() })
            }
            _ => Self::of(explorer, settings, progress),
        }
    }

    /// The distance of each row of `a` from the same row of `b`, both `[n, d_model]`: 1 − cosine,
    /// or the Euclidean one. Exactly 0 of equal vectors.
    pub(super) fn distances(
        &self,
        layer: usize,
        a: ArrayView2<'_, f32>,
        b: ArrayView2<'_, f32>,
    ) -> Result<Vec<f64>> {
        let far: Vec<f64> = match self.metric {
            Metric::Euclidean => {
                let squares = (a.mapv(f64::from) - b.mapv(f64::from)).mapv(|v| v * v);
                squares.sum_axis(Axis(1)).mapv(f64::sqrt).to_vec()
            }
            _ => {
                let (a, b) = (self.prepared(layer, a), self.prepared(layer, b));
                rowwise_cosine(a.view(), b.view())?.mapv(|cosine| 1.0 - cosine).to_vec()
            }
        };
        let rows = a.outer_iter().zip(b.outer_iter()).zip(far);
        Ok(rows.map(|((a, b), far)| if a == b { 0.0 } else { far.max(0.0) }).collect())
    }

    /// How alike they are: the cosine, or the Euclidean distance with its sign turned.
    pub(super) fn similarities(
        &self,
        layer: usize,
        a: ArrayView2<'_, f32>,
        b: ArrayView2<'_, f32>,
    ) -> Result<Vec<f64>> {
        let far = self.distances(layer, a, b)?;
        let most = if self.metric == Metric::Euclidean { 0.0 } else { 1.0 };
        Ok(far.into_iter().map(|far| most - far).collect())
    }

    /// Where distances stand among those of random words, in percent.
    pub(super) fn percentiles(&self, layer: usize, distances: &[f64]) -> Result<Vec<f64>> {
        Ok(percentiles(distances, &self.random[layer])?)
    }

    /// How far apart random words are.
    pub(super) fn random(&self, layer: usize) -> RandomWords {
        let sorted = &self.random[layer];
        let at = |share: f64| {
            let place = share * sorted.len().saturating_sub(1) as f64;
            sorted.get(place.round() as usize).copied().unwrap_or(0.0)
        };
        RandomWords { median: at(0.5), low: at(0.05), high: at(0.95), n: sorted.len() }
    }

    fn prepared(&self, layer: usize, x: ArrayView2<'_, f32>) -> Array2<f32> {
        let Some(reference) = self.references.get(layer) else { return x.to_owned() };
        let centred = || x.mapv(f64::from) - reference.mean();
        match self.metric {
            Metric::Cosine | Metric::Euclidean => x.to_owned(),
            Metric::Centred => centred().mapv(|v| v as f32),
            Metric::Standardised => {
                let inverse = reference.deviation().mapv(|s| if s > 0.0 { 1.0 / s } else { 0.0 });
                (centred() * &inverse).mapv(|v| v as f32)
            }
        }
    }
}
