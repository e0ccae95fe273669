//! Distances of vectors at every layer, and their reference distribution: the distances of word
//! pairs from unrelated sentences.

use super::word_vectors::{TextPlaces, Vectors, words_of};
use super::{Options, digest};
use crate::baseline::builtin_sentences;
use crate::store::{self, MadeWith, Stored};
use crate::{Estimate, Explorer, Result};
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use stratoscope_geometry::{
    Metric, Reference as Centre, percentiles, random_pairs, rowwise_cosine,
};
use stratoscope_numerics::percentile;

/// The version of the stored file and of the computation.
const FORMAT: u32 = 1;

/// The number of random word pairs.
const PAIRS: usize = 5000;

/// The largest number of pairs of one word.
const MAX_PER_WORD: usize = 20;

/// A metric at every layer, with the distances of reference pairs.
#[derive(Serialize, Deserialize)]
pub(super) struct ReferenceDistribution {
    format: u32,
    /// The sha256 that identifies the model (`Origin::states`).
    model: String,
    /// The type of number of the computation.
    dtype: String,
    #[serde(skip)]
    metric: Metric,
    /// `[n_layers + 1]`: mean and standard deviation for centred and standardised cosines; empty if
    /// the metric does not need them.
    #[serde(with = "centres")]
    centres: Vec<Centre>,
    /// `[n_layers + 1]`: the distances of random words from unrelated sentences, ascending; empty
    /// if they are not needed.
    random: Vec<Vec<f64>>,
    /// `[n_layers + 1]`: the distances of one word in two unrelated sentences, ascending.
    same: Vec<Vec<f64>>,
}

/// The kinds of reference pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    /// Random words from unrelated sentences.
    Random,
    /// One word in two unrelated sentences.
    SameWord,
}

/// A reference in JSON: mean and standard deviation.
mod centres {
    use super::Centre;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(all: &[Centre], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(all.iter().map(|own| [own.mean().to_vec(), own.deviation().to_vec()]))
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<Centre>, D::Error> {
        let all = Vec::<[Vec<f64>; 2]>::deserialize(from)?.into_iter();
        Ok(all.map(|[mean, deviation]| Centre::new(mean.into(), deviation.into())).collect())
    }
}

impl Stored for ReferenceDistribution {
    const WHAT: &'static str = "reference";
    const FORMAT: u32 = FORMAT;

    fn made_with(&self) -> MadeWith<'_> {
        let Self { format, model, dtype, random, .. } = self;
        MadeWith { format: *format, model, dtype, layers: random.len() }
    }
}

impl ReferenceDistribution {
    /// The stored distribution of a model and its options; otherwise it is computed and stored.
    pub(super) fn of(explorer: &Explorer, options: &Options) -> Result<Self> {
        let key = Self::key(explorer, options)?;
        let d_model = explorer.model().transformer.architecture().d_model;
        let fits = |own: &Self| own.is_complete(d_model, options.metric);
        let stored = store::find(None, key.clone(), &explorer.origin(), explorer.store(), fits);
        if let Some(stored) = stored {
            return Ok(Self { metric: options.metric, ..stored });
        }
        let computed = Self::compute(explorer, options)?;
        explorer.keep(key, &serde_json::to_vec(&computed)?);
        Ok(computed)
    }

    /// The key in the store: the model, and the sha256 of everything else that decides the distances.
    /// `None` if the model is not known.
    fn key(explorer: &Explorer, options: &Options) -> Result<Option<String>> {
        let origin = explorer.origin();
        let sentences: Vec<&str> = builtin_sentences().collect();
        let hash = digest(&[json!([FORMAT, sentences, origin.dtype, options])])?;
        Ok(store::key("references", &origin, &format!("-{hash}.json")))
    }

    /// Whether all layers are there, with ascending distances.
    fn is_complete(&self, d_model: usize, metric: Metric) -> bool {
        let layers = self.random.len();
        let centres = if needs_centres(metric) { layers } else { 0 };
        let fits = |own: &Centre| own.mean().len() == d_model && own.deviation().len() == d_model;
        (self.same.len(), self.centres.len()) == (layers, centres)
            && self.centres.iter().all(fits)
            && self.random.iter().chain(&self.same).all(|distances| distances.is_sorted())
    }

    /// Runs the model on the 200 built-in sentences. Their words give the reference pairs, and the
    /// mean and the standard deviation for centred and standardised cosines. Punctuation is
    /// omitted, and so is the first word of each sentence, because its state is an outlier in many
    /// decoders.
    fn compute(explorer: &Explorer, options: &Options) -> Result<Self> {
        let mut forms = Vec::new();
        let wanted: Vec<TextPlaces<'_>> = builtin_sentences()
            .map(|text| {
                let words = words_of(text).into_iter().skip(1).filter(|w| w.has_letters());
                let (own, places) = words.map(|w| (w.text, w.place)).unzip();
                forms.push(own);
                TextPlaces { text, line: None, places }
            })
            .collect();
        let vectors = Vectors::of_builtin(explorer, &wanted, options.pooling)?;
        let (mut rows, mut sentences) = (Vec::new(), Vec::new());
        for (sentence, own) in vectors.rows.iter().enumerate() {
            rows.extend(own.iter().flatten());
            sentences.resize(rows.len(), sentence);
        }
        let n_layers = vectors.n_layers();
        let mut reference = Self::without_pairs(explorer, options);
        if needs_centres(options.metric) {
            for layer in 0..n_layers {
                reference.centres.push(Centre::of(vectors.some(layer, &rows).view())?);
            }
        }
        let random: Vec<(usize, usize)> = random_pairs(&sentences, PAIRS, options.seed)
            .unwrap_or_default()
            .into_iter()
            .map(|(a, b)| (rows[a], rows[b]))
            .collect();
        let same = same_words(&forms, &vectors.rows);
        for layer in 0..n_layers {
            let sorted = |pairs: &[(usize, usize)]| -> Result<Vec<f64>> {
                let (a, b): (Vec<usize>, Vec<usize>) = pairs.iter().copied().unzip();
                let (a, b) = (vectors.some(layer, &a), vectors.some(layer, &b));
                let mut distances = reference.distances(layer, a.view(), b.view())?;
                distances.sort_unstable_by(f64::total_cmp);
                Ok(distances)
            };
            let (random, same) = (sorted(&random)?, sorted(&same)?);
            reference.random.push(random);
            reference.same.push(same);
        }
        Ok(reference)
    }

    /// A distribution without reference pairs. The sentences are read only if the metric needs
    /// them.
    pub(super) fn plain(explorer: &Explorer, options: &Options) -> Result<Self> {
        match needs_centres(options.metric) {
            true => Self::of(explorer, options),
            false => Ok(Self::without_pairs(explorer, options)),
        }
    }

    fn without_pairs(explorer: &Explorer, options: &Options) -> Self {
        let origin = explorer.origin();
        Self {
            format: FORMAT,
            model: origin.states,
            dtype: origin.dtype,
            metric: options.metric,
            centres: Vec::new(),
            random: Vec::new(),
            same: Vec::new(),
        }
    }

    /// The distance between each row of `a` and the same row of `b`, both `[n, d_model]`: `[n]`. It
    /// is 1 − cosine or the Euclidean distance, and exactly 0 for equal vectors.
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
                let (a, b) = (self.prepared(layer, a)?, self.prepared(layer, b)?);
                rowwise_cosine(a.view(), b.view())?.mapv(|cosine| 1.0 - cosine).to_vec()
            }
        };
        let rows = a.outer_iter().zip(b.outer_iter()).zip(far);
        Ok(rows.map(|((a, b), far)| if a == b { 0.0 } else { far.max(0.0) }).collect())
    }

    /// The similarity of each row of `a` to the same row of `b`, both `[n, d_model]`: `[n]`. It is
    /// the cosine, or minus the Euclidean distance.
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

    /// The percentile of each distance: the percentage of reference pairs that are closer. An equal
    /// distance counts half. The percentile of distance 0 is 0.
    pub(super) fn percentiles(
        &self,
        layer: usize,
        distances: &[f64],
        among: Reference,
    ) -> Result<Vec<f64>> {
        let at = percentiles(distances, self.among(layer, among))?;
        Ok(distances.iter().zip(at).map(|(&far, at)| if far > 0.0 { at } else { 0.0 }).collect())
    }

    /// [`percentiles`](Self::percentiles) of a mean distance, if there is one.
    pub(super) fn percentile(
        &self,
        layer: usize,
        mean: Option<Estimate>,
        among: Reference,
    ) -> Result<Option<f64>> {
        let Some(mean) = mean else { return Ok(None) };
        Ok(self.percentiles(layer, &[mean.value], among)?.first().copied())
    }

    /// The median of the distances of reference pairs, with the interval of their middle 90 %.
    pub(super) fn spread(&self, layer: usize, among: Reference) -> Estimate {
        let sorted = self.among(layer, among);
        let at = |share: f64| percentile(sorted, share);
        let interval = at(0.05).zip(at(0.95)).map(|(low, high)| [low, high]);
        Estimate { value: at(0.5).unwrap_or(0.0), interval, n: sorted.len() }
    }

    fn among(&self, layer: usize, among: Reference) -> &[f64] {
        let all = if among == Reference::Random { &self.random } else { &self.same };
        all.get(layer).map_or(&[], Vec::as_slice)
    }

    fn prepared(&self, layer: usize, x: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        Ok(match self.centres.get(layer) {
            Some(centre) => centre.prepared(x, self.metric)?.mapv(|v| v as f32),
            None => x.to_owned(),
        })
    }
}

/// Whether a metric needs the mean and the standard deviation of the words.
fn needs_centres(metric: Metric) -> bool {
    matches!(metric, Metric::Centred | Metric::Standardised)
}

/// Pairs of rows of one word in two sentences: each occurrence with the next one. Each word has at
/// most [`MAX_PER_WORD`] pairs, so that articles do not dominate.
fn same_words(forms: &[Vec<String>], rows: &[Vec<Option<usize>>]) -> Vec<(usize, usize)> {
    let mut occurrences: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for (sentence, (forms, rows)) in forms.iter().zip(rows).enumerate() {
        for (form, row) in forms.iter().zip(rows) {
            if let Some(row) = row {
                occurrences.entry(form).or_default().push((sentence, *row));
            }
        }
    }
    let pairs = occurrences.values().flat_map(|own| {
        let apart = own.windows(2).filter(|pair| pair[0].0 != pair[1].0);
        apart.map(|pair| (pair[0].1, pair[1].1)).take(MAX_PER_WORD)
    });
    pairs.collect()
}
