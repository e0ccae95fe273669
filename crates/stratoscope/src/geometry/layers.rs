//! Computes the measures of one layer, and collects the measures that are not defined.

use super::measure::Measure;
use super::report::{LayerGeometry, RogueShare};
use crate::{Estimate, Omitted, Part, Why};
use ndarray::{Array3, ArrayView2, Axis};
use std::collections::BTreeMap;
use stratoscope_geometry::{
    GeometryError, LayerSums, MIN_UNITS, Neighbours, SpectrumEstimates,
    maximum_explainable_variance, self_similarity,
};

/// The smallest number of occurrences of a form for explainable variance (Ethayarajh 2019).
const MIN_OCCURRENCES: usize = 5;

/// The number of dimensions for which the share of the cosine is reported.
const ROGUE: usize = 3;

/// The parts that are not defined, with their layers and reasons.
pub(super) struct Undefined {
    layers: usize,
    /// In the order of computation; each part has its layers and reasons.
    found: Vec<(Part, Vec<(usize, Why)>)>,
}

impl Undefined {
    pub(super) fn new(layers: usize) -> Self {
        Self { layers, found: Vec::new() }
    }

    pub(super) fn add(&mut self, layer: usize, undefined: Vec<(Part, Why)>) {
        for (part, why) in undefined {
            match self.found.iter_mut().find(|(known, _)| *known == part) {
                Some((_, layers)) => layers.push((layer, why)),
                None => self.found.push((part, vec![(layer, why)])),
            }
        }
    }

    /// Returns the value. If it is not defined, stores the reason and returns `None`.
    pub(super) fn known<T>(
        &mut self,
        part: Part,
        layer: usize,
        found: Result<T, GeometryError>,
    ) -> Option<T> {
        found.map_err(|error| self.add(layer, vec![(part, error.into())])).ok()
    }

    /// Stores a reason for all layers.
    pub(super) fn of_all(&mut self, part: &Part, error: &GeometryError) {
        for layer in 0..self.layers {
            self.add(layer, vec![(part.clone(), error.clone().into())]);
        }
    }

    /// The omitted parts: one entry for all layers if they have the same reason, otherwise one
    /// entry for each layer.
    pub(super) fn omitted(self) -> Vec<Omitted> {
        let mut all = Vec::new();
        for (what, layers) in self.found {
            let same = layers.windows(2).all(|pair| pair[0].1 == pair[1].1);
            match layers.first() {
                Some((_, why)) if same && layers.len() == self.layers => {
                    all.push(Omitted { what, layer: None, why: why.clone() });
                }
                _ => all.extend(layers.into_iter().map(|(layer, why)| Omitted {
                    what: what.clone(),
                    layer: Some(layer),
                    why,
                })),
            }
        }
        all
    }
}

/// The sampled occurrences of word forms, with their states at all layers.
pub(super) struct Occurrences<'a> {
    pub(super) forms: &'a [usize],
    pub(super) sentences: Vec<usize>,
    pub(super) states: &'a Array3<f32>,
}

impl Occurrences<'_> {
    /// The states of a layer, `[occurrences, d_model]`, and the form and the sentence of each
    /// occurrence.
    fn at(&self, layer: usize) -> (ArrayView2<'_, f32>, &[usize], &[usize]) {
        (self.states.index_axis(Axis(0), layer), self.forms, &self.sentences)
    }
}

/// A measure, and the function that selects its value.
type Picked<T> = (Measure, fn(&T) -> Option<Estimate>);

/// The measures of one layer.
struct Measures {
    measures: BTreeMap<Measure, Option<Estimate>>,
    undefined: Vec<(Part, Why)>,
}

impl Measures {
    fn put(
        &mut self,
        measure: Measure,
        found: Result<Estimate, GeometryError>,
    ) -> Option<Estimate> {
        let found = found.map_err(|e| self.undefined.push((Part::Measure(measure), e.into()))).ok();
        self.measures.insert(measure, found);
        found
    }

    /// Stores the difference of two measures, if both are defined.
    fn adjusted(&mut self, measure: Measure, found: Option<Estimate>, by: Option<Estimate>) {
        let value = match (found, by) {
            (Some(found), Some(by)) => Some(found.minus(&by)),
            _ => {
                self.undefined.push((Part::Measure(measure), Why::NeedsBoth));
                None
            }
        };
        self.measures.insert(measure, value);
    }

    /// Stores several measures that are fields of one result, which may not be defined. `why` is
    /// the reason for a field that is not defined.
    fn all<T>(&mut self, found: Result<T, GeometryError>, measures: &[Picked<T>], why: &Why) {
        for (measure, of) in measures {
            let (value, why) = match &found {
                Ok(found) => (of(found), why.clone()),
                Err(error) => (None, error.clone().into()),
            };
            if value.is_none() {
                self.undefined.push((Part::Measure(*measure), why));
            }
            self.measures.insert(*measure, value);
        }
    }
}

/// All measures of a layer, and the measures that are not defined. `own` and `before` are the
/// neighbours at this layer and at the layer before.
pub(super) fn measures_of(
    layer: usize,
    sums: &LayerSums,
    occurrences: &Occurrences<'_>,
    own: Option<&Neighbours>,
    before: Option<&Neighbours>,
    seed: u64,
) -> (LayerGeometry, Vec<(Part, Why)>) {
    let mut found = Measures { measures: BTreeMap::new(), undefined: Vec::new() };
    let anisotropy = found.put(Measure::Anisotropy, sums.anisotropy());
    let intra = found.put(Measure::IntraSentenceSimilarity, sums.intra_sentence_similarity());
    found.adjusted(Measure::IntraSentenceSimilarityAdjusted, intra, anisotropy);
    found.put(Measure::Norm, sums.norm());
    found.put(Measure::Curvature, sums.curvature());
    found.put(Measure::IdentityRetention, sums.identity_retention());

    let (x, forms, sentences) = occurrences.at(layer);
    let own_similarity = self_similarity(x, forms, sentences, seed).map(|found| found.mean);
    let own_similarity = found.put(Measure::SelfSimilarity, own_similarity);
    found.adjusted(Measure::SelfSimilarityAdjusted, own_similarity, anisotropy);

    let spectrum = sums.spectrum();
    let explainable = maximum_explainable_variance(x, forms, MIN_OCCURRENCES, seed);
    let explainable = explainable.map(|found| found.mean);
    let explainable = found.put(Measure::MaximumExplainableVariance, explainable);
    let first = spectrum.as_ref().ok().map(|spectrum| spectrum.first);
    found.adjusted(Measure::MaximumExplainableVarianceAdjusted, explainable, first);
    let measures: [(_, fn(&SpectrumEstimates) -> _); 3] = [
        (Measure::MatrixEntropy, |s| Some(s.entropy)),
        (Measure::RelativeEntropy, |s| s.relative_entropy),
        (Measure::EffectiveRank, |s| Some(s.effective_rank)),
    ];
    found.all(spectrum, &measures, &Why::OneWord);
    let centred = sums.centred_spectrum().map(|spectrum| spectrum.effective_rank);
    found.put(Measure::CentredEffectiveRank, centred);

    let rogue = sums.rogue_dimensions(ROGUE);
    let largest = rogue.as_ref().map_err(Clone::clone).and_then(|all| {
        let nothing = GeometryError::TooFew { measure: "a share", needed: 1, found: 0 };
        all.first().map(|rogue| rogue.share).ok_or(nothing)
    });
    found.put(Measure::RogueShare, largest);
    let rogue_dimensions = rogue.into_iter().flatten();
    let rogue_dimensions = rogue_dimensions
        .map(|rogue| RogueShare { dimension: rogue.index, share: rogue.share })
        .collect();

    match own {
        Some(own) => {
            let dimension = own.intrinsic_dimension();
            let of = |pick: fn(&stratoscope_geometry::TwoNn) -> Estimate| {
                dimension.as_ref().map(pick).map_err(Clone::clone)
            };
            found.put(Measure::IntrinsicDimension, of(|d| d.regression));
            found.put(Measure::IntrinsicDimensionLikelihood, of(|d| d.likelihood));
        }
        None => {
            found.missing(Measure::IntrinsicDimension);
            found.missing(Measure::IntrinsicDimensionLikelihood);
        }
    }
    match (own, before) {
        (Some(own), Some(before)) => {
            found.put(Measure::NeighbourOverlap, before.overlap(own));
        }
        // The first layer has no layer before it.
        _ if layer == 0 => {
            found.measures.insert(Measure::NeighbourOverlap, None);
        }
        _ => found.missing(Measure::NeighbourOverlap),
    }
    let Measures { measures, mut undefined } = found;
    for (measure, found) in &measures {
        let few = found.filter(Estimate::has_few_units).map(|found| found.n);
        undefined.extend(few.map(|found| {
            let why = Why::TooFew { what: "resampled units", needed: MIN_UNITS, found };
            (Part::Interval(measure.name()), why)
        }));
    }
    (LayerGeometry { layer, measures, rogue_dimensions }, undefined)
}

impl Measures {
    /// Stores that a measure of neighbours is not defined, because there are no neighbours.
    fn missing(&mut self, measure: Measure) {
        self.undefined.push((Part::Measure(measure), Why::NeedsNeighbours));
        self.measures.insert(measure, None);
    }
}
