//! The values on the resamples of the sentences: how they are stored, and differences between layers
//! and between models, which are paired because all curves over a bank have the same resamples.

use super::{Curve, Curves};
use crate::Estimate;
use serde::{Deserialize, Serialize};
use stratoscope_numerics::RESAMPLES;
use stratoscope_probing::context::ContextCurves;

/// The unit of stored values.
const UNIT: f64 = 1e-4;

/// The values of one layer on the resamples, less the value on all sentences, in units of 0.0001;
/// `[RESAMPLES]`, or empty if there is no interval.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Deviations {
    grammar: Vec<i32>,
    word_meaning: Vec<i32>,
    sentence: Vec<i32>,
}

impl Deviations {
    /// Rounds the values of all layers.
    pub(super) fn of(curves: &ContextCurves) -> Vec<Self> {
        let layers = curves.layers.iter().zip(&curves.resampled);
        let rounded = |value: Option<f64>, drawn: &[f64]| -> Vec<i32> {
            let Some(value) = value else { return Vec::new() };
            drawn.iter().map(|drawn| ((drawn - value) / UNIT).round() as i32).collect()
        };
        let of = |(layer, drawn): (
            &stratoscope_probing::context::ContextLayer,
            &stratoscope_probing::context::ResampledLayer,
        )| Self {
            grammar: rounded(layer.grammar.map(|of| of.mean.value), &drawn.grammar),
            word_meaning: rounded(layer.word_meaning.map(|of| of.mean.value), &drawn.word_meaning),
            sentence: rounded(layer.sentence.map(|of| of.value), &drawn.sentence),
        };
        layers.map(of).collect()
    }

    fn curve(&self, curve: Curve) -> &[i32] {
        match curve {
            Curve::Grammar => &self.grammar,
            Curve::WordMeaning => &self.word_meaning,
            Curve::Sentence => &self.sentence,
        }
    }
}

/// A curve with its values on the resamples.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::profile) struct Drawn {
    /// `[layers]`: the values.
    pub(in crate::profile) estimates: Vec<Estimate>,
    /// `[layers][RESAMPLES]`.
    drawn: Vec<Vec<f64>>,
}

impl Drawn {
    /// A curve that has an interval at every layer.
    pub(in crate::profile) fn of(curves: &Curves, curve: Curve) -> Option<Self> {
        let estimates: Vec<Estimate> =
            curves.estimates(curve).into_iter().collect::<Option<_>>()?;
        let mut drawn = Vec::with_capacity(estimates.len());
        for (estimate, deviations) in estimates.iter().zip(&curves.resampled) {
            let deviations = deviations.curve(curve);
            if deviations.len() != RESAMPLES {
                return None;
            }
            let value = |deviation: &i32| estimate.value + UNIT * f64::from(*deviation);
            drawn.push(deviations.iter().map(value).collect());
        }
        Some(Self { estimates, drawn })
    }

    /// The value of one layer less that of another.
    pub(in crate::profile) fn difference(&self, layer: usize, other: usize) -> Estimate {
        self.at(layer as f64).minus(&self.at(other as f64))
    }

    /// The share of the resamples in which each layer has the highest value, `[layers]`; of equal
    /// values, the first.
    pub(in crate::profile) fn highest(&self) -> Vec<f64> {
        let mut times = vec![0.0; self.drawn.len()];
        for draw in 0..RESAMPLES {
            let values = self.drawn.iter().map(|layer| layer[draw]);
            if let Some(layer) = stratoscope_numerics::largest(values) {
                times[layer] += 1.0 / RESAMPLES as f64;
            }
        }
        times
    }

    /// The values at a place between two layers, on a straight line between them. `place` is at most
    /// the last layer.
    fn at(&self, place: f64) -> Point {
        let (below, part) = (place.floor() as usize, place.fract());
        let above = (below + 1).min(self.estimates.len() - 1);
        let between = |a: f64, b: f64| a + part * (b - a);
        let (a, b) = (&self.estimates[below], &self.estimates[above]);
        Point {
            value: between(a.value, b.value),
            n: a.n.min(b.n),
            drawn: self.drawn[below]
                .iter()
                .zip(&self.drawn[above])
                .map(|(a, b)| between(*a, *b))
                .collect(),
        }
    }
}

/// A value with its values on the resamples.
struct Point {
    value: f64,
    n: usize,
    drawn: Vec<f64>,
}

impl Point {
    fn minus(self, other: &Self) -> Estimate {
        let drawn = self.drawn.iter().zip(&other.drawn).map(|(a, b)| a - b).collect();
        Estimate::of_samples(self.value - other.value, self.n.min(other.n), drawn)
    }
}

/// The curves of one model less those of another, over one bank.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The model.
    pub model: String,
    /// Its commit, if it comes from the hub.
    pub revision: Option<String>,
    /// The model whose values are subtracted.
    pub minus: String,
    /// Its commit, if it comes from the hub.
    pub minus_revision: Option<String>,
    /// The differences at the layers of the model with fewer layers. Between two layers of the other
    /// model, its values are on a straight line.
    pub depths: Vec<DifferenceAt>,
}

/// The differences at one depth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DifferenceAt {
    /// The depth as a share of the whole, 0 to 1.
    pub depth: f64,
    /// The difference in grammar.
    pub grammar: Option<Estimate>,
    /// The difference in word meaning.
    pub word_meaning: Option<Estimate>,
    /// The difference in the sentence share.
    pub sentence: Option<Estimate>,
}

impl DifferenceAt {
    /// The difference in a curve.
    pub(super) fn of(&self, curve: Curve) -> Option<Estimate> {
        match curve {
            Curve::Grammar => self.grammar,
            Curve::WordMeaning => self.word_meaning,
            Curve::Sentence => self.sentence,
        }
    }
}

impl Curves {
    /// The differences to another model. None if the banks are different.
    pub fn minus(&self, other: &Self) -> Option<Difference> {
        if self.bank.summary.sha256 != other.bank.summary.sha256 {
            return None;
        }
        let last = [self.layers.len(), other.layers.len()].map(|n| n.saturating_sub(1) as f64);
        let steps = last[0].min(last[1]) as usize;
        let drawn = |curve| Drawn::of(self, curve).zip(Drawn::of(other, curve));
        let [grammar, word_meaning, sentence] = Curve::ALL.map(drawn);
        let depth = |step: usize| {
            let depth = step as f64 / steps.max(1) as f64;
            // A layer of the model with fewer layers is met exactly.
            let place = |last: f64| step as f64 * last / steps.max(1) as f64;
            let of = |both: &Option<(Drawn, Drawn)>| {
                let (own, other) = both.as_ref()?;
                Some(own.at(place(last[0])).minus(&other.at(place(last[1]))))
            };
            DifferenceAt {
                depth,
                grammar: of(&grammar),
                word_meaning: of(&word_meaning),
                sentence: of(&sentence),
            }
        };
        Some(Difference {
            model: self.model.model.clone(),
            revision: self.model.revision.clone(),
            minus: other.model.model.clone(),
            minus_revision: other.model.revision.clone(),
            depths: (0..=steps).map(depth).collect(),
        })
    }
}
