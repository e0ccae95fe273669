//! The curves of all layers, with intervals from the same resamples of the sentences.

use super::{InContext, LayerSums, OF_AGREEMENT, SUMS};
use ndarray::{Array2, ArrayView2, Axis, s};
use serde::{Deserialize, Serialize};
use stratoscope_numerics::{Estimate, MIN_UNITS, RESAMPLES, add_product, generator, resample};

/// The curves of all layers.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextCurves {
    /// `[layers]`: the values.
    pub layers: Vec<ContextLayer>,
    /// `[layers]`: the values on each resample of the sentences.
    pub resampled: Vec<ResampledLayer>,
}

/// The three curves at one layer. A value is None where the bank has no query for it, or where the
/// label of every candidate is the same.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ContextLayer {
    /// The agreement above chance of syntactic relations.
    pub grammar: Option<ByClass>,
    /// The agreement above chance of supersenses.
    pub word_meaning: Option<ByClass>,
    /// The sentence share.
    pub sentence: Option<Estimate>,
}

/// A value of nouns and verbs. The `n` of every estimate is the number of sentences with a query.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ByClass {
    /// The mean of nouns and verbs; the value of one class if the other has none.
    #[serde(flatten)]
    pub mean: Estimate,
    /// The value of nouns.
    pub nouns: Option<Estimate>,
    /// The value of verbs.
    pub verbs: Option<Estimate>,
}

/// The values of one layer on each resample, `[RESAMPLES]`; empty where there is no interval.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResampledLayer {
    /// The mean of nouns and verbs.
    pub grammar: Vec<f64>,
    /// The mean of nouns and verbs.
    pub word_meaning: Vec<f64>,
    /// The sentence share.
    pub sentence: Vec<f64>,
}

impl InContext {
    /// The curves of the layers. A value has no interval where fewer than
    /// [`MIN_UNITS`] sentences have a query, or where a resample has
    /// no value.
    pub fn curves(&self, layers: &[LayerSums]) -> ContextCurves {
        let mut curves = ContextCurves { layers: Vec::new(), resampled: Vec::new() };
        let mut counts = Array2::zeros((RESAMPLES, self.sentences));
        let mut rows = counts.outer_iter_mut();
        resample(self.sentences, &mut generator(self.seed), |drawn| {
            if let Some(mut row) = rows.next() {
                row.iter_mut().zip(drawn).for_each(|(to, &count)| *to = f64::from(count));
            }
        });
        for LayerSums(sums) in layers {
            let mut drawn = Array2::zeros((RESAMPLES, SUMS));
            add_product(counts.view(), sums.view(), drawn.view_mut());
            let agreement = |place: usize| {
                let columns = s![.., place * OF_AGREEMENT..(place + 1) * OF_AGREEMENT];
                Curve::of(sums.slice(columns), drawn.slice(columns), |row| {
                    let [queries, agree, chance] = [row[0], row[1], row[2]];
                    // No rest: the label of every candidate is the same.
                    (queries - chance > 1e-9 * queries)
                        .then(|| (agree - chance) / (queries - chance))
                })
            };
            let columns = s![.., 4 * OF_AGREEMENT..];
            let sentence = Curve::of(sums.slice(columns), drawn.slice(columns), |row| {
                (row[0] > 0.0).then(|| row[1] / row[0])
            });
            // The order of the columns: nouns, then verbs; the relation, then the supersense.
            let (grammar, grammar_drawn) = by_class(agreement(0), agreement(2));
            let (word_meaning, meaning_drawn) = by_class(agreement(1), agreement(3));
            let own = sentence.as_ref().map(Curve::estimate);
            curves.layers.push(ContextLayer { grammar, word_meaning, sentence: own });
            curves.resampled.push(ResampledLayer {
                grammar: grammar_drawn,
                word_meaning: meaning_drawn,
                sentence: sentence.map(|curve| curve.drawn).unwrap_or_default(),
            });
        }
        curves
    }
}

/// A value at one layer.
struct Curve {
    value: f64,
    /// `[sentences]`: whether the sentence has a query.
    has_query: Vec<bool>,
    /// `[RESAMPLES]`, or empty.
    drawn: Vec<f64>,
}

impl Curve {
    /// `sums` is `[sentences, columns]`, `drawn` is `[RESAMPLES, columns]`, with the number of queries
    /// first. None where `measure` has no value of all sentences.
    fn of(
        sums: ArrayView2<'_, f64>,
        drawn: ArrayView2<'_, f64>,
        measure: impl Fn(&[f64]) -> Option<f64>,
    ) -> Option<Self> {
        let value = measure(&sums.sum_axis(Axis(0)).to_vec())?;
        let has_query = sums.column(0).iter().map(|&queries| queries > 0.0).collect();
        let drawn: Option<Vec<f64>> =
            drawn.outer_iter().map(|row| measure(&row.to_vec())).collect();
        let mut curve = Self { value, has_query, drawn: drawn.unwrap_or_default() };
        if curve.n() < MIN_UNITS {
            curve.drawn.clear();
        }
        Some(curve)
    }

    fn n(&self) -> usize {
        self.has_query.iter().filter(|&&has| has).count()
    }

    fn estimate(&self) -> Estimate {
        Estimate::of_samples(self.value, self.n(), self.drawn.clone())
    }
}

/// The mean of nouns and verbs, with its value on each resample.
fn by_class(nouns: Option<Curve>, verbs: Option<Curve>) -> (Option<ByClass>, Vec<f64>) {
    let of = |curve: &Option<Curve>| curve.as_ref().map(Curve::estimate);
    let (of_nouns, of_verbs) = (of(&nouns), of(&verbs));
    let mean = match (nouns, verbs) {
        (Some(nouns), Some(verbs)) => Curve {
            value: (nouns.value + verbs.value) / 2.0,
            has_query: nouns.has_query.iter().zip(&verbs.has_query).map(|(a, b)| a | b).collect(),
            // Empty where one of them is.
            drawn: nouns.drawn.iter().zip(&verbs.drawn).map(|(a, b)| (a + b) / 2.0).collect(),
        },
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return (None, Vec::new()),
    };
    let found = ByClass { mean: mean.estimate(), nouns: of_nouns, verbs: of_verbs };
    (Some(found), mean.drawn)
}
