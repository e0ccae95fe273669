//! Similarities: curves by depth, matrices between tokens, and CKA between layers.

use super::{LayerSummary, Options, counted_tokens, too_few};
use crate::baseline::Baseline;
use crate::sinks::ordinary_rows;
use crate::{Estimate, Omitted, Part, Result, Why};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::Serialize;
use stratoscope_extractor::Activations;
use stratoscope_geometry::{
    GeometryError, Metric, Reference, debiased_cka, grouped_mean, intra_sentence_similarity, norms,
    rowwise_cosine, similarity_matrix,
};

/// The similarities between tokens: one matrix per layer, row by row.
#[derive(Debug, Clone, Serialize)]
pub struct Similarities {
    /// Cosines, `[layers][tokens * tokens]`.
    pub raw: Vec<Vec<f64>>,
    /// Centred cosines, `[layers][tokens * tokens]`. The mean over the tokens of the layer that are
    /// neither special nor attention sinks is subtracted first.
    pub centred: Vec<Vec<f64>>,
    /// Similarities by the metric of the options if it is another one, `[layers][tokens * tokens]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Vec<Vec<f64>>>,
}

impl Similarities {
    pub(super) fn of(states: &Activations, metric: Metric) -> Result<Self> {
        let ordinary = ordinary_rows(states);
        let flat = |matrix: Array2<f64>| matrix.into_iter().collect::<Vec<f64>>();
        let is_other = !matches!(metric, Metric::Cosine | Metric::Centred);
        let other = is_other.then(Vec::new);
        let mut found = Self { raw: Vec::new(), centred: Vec::new(), other };
        for layer in 0..states.layers.len() {
            let x = states.layer(layer);
            let reference = Reference::of(x.select(Axis(0), &ordinary).view())?;
            found.raw.push(flat(similarity_matrix(x, Metric::Cosine, None)?));
            found.centred.push(flat(similarity_matrix(x, Metric::Centred, Some(&reference))?));
            if let Some(other) = &mut found.other {
                other.push(flat(similarity_matrix(x, metric, Some(&reference))?));
            }
        }
        Ok(found)
    }
}

/// The curves by depth, over the tokens that are neither special nor attention sinks.
pub(super) fn by_layer(
    states: &Activations,
    options: &Options,
    baseline: Option<&Baseline>,
    omitted: &mut Vec<Omitted>,
) -> Result<Vec<LayerSummary>> {
    let rows = ordinary_rows(states);
    if !options.figures.has("depth") {
        let norm = |(index, &layer): (usize, &usize)| {
            let x = states.layer(index).select(Axis(0), &rows);
            let norm = norms(x.view())?.mean().unwrap_or(0.0);
            let (to_layer_0, to_sentence, baseline) = (None, None, None);
            Ok(LayerSummary { layer, to_layer_0, to_sentence, baseline, norm })
        };
        return states.layers.iter().enumerate().map(norm).collect();
    }
    let sentences: Vec<usize> = rows.iter().map(|&r| states.rows[r].sequence).collect();
    let groups = groups(&sentences);
    let metric = options.metric;
    let mut omit = |what, why| omitted.push(Omitted::new(what, why));
    let first = (states.layers.first() == Some(&0)).then(|| states.layer(0).select(Axis(0), &rows));
    if first.is_none() {
        omit(Part::SimilarityToLayer0, Why::NoLayer0);
    }
    if rows.len() == sentences.iter().collect::<std::collections::BTreeSet<_>>().len() {
        omit(Part::SimilarityInSentence, Why::NoSentenceOfTwo);
    }
    let baseline = match (baseline, metric) {
        (Some(baseline), Metric::Cosine) => Some(baseline),
        (Some(_), _) => {
            omit(Part::Baseline, Why::RawCosinesOnly);
            None
        }
        (None, _) => {
            let why = match states.media.is_empty() {
                true => Why::not_stored(&states.origin),
                false => Why::OfWords,
            };
            omit(Part::Baseline, why);
            None
        }
    };
    let mean = |values: &[f64], groups: &[usize]| -> Result<Option<Estimate>> {
        Ok(grouped_mean(values, groups, options.seed)?)
    };
    let mut summaries = Vec::new();
    for (index, &layer) in states.layers.iter().enumerate() {
        let x = states.layer(index).select(Axis(0), &rows);
        let to_layer_0 = match &first {
            Some(first) => {
                let own = own_similarity(x.view(), first.view(), metric)?;
                mean(&own.to_vec(), &groups)?
            }
            None => None,
        };
        let within = intra_sentence_similarity(x.view(), &sentences, metric, None)?;
        let (within, within_groups): (Vec<f64>, Vec<usize>) =
            within.iter().zip(&groups).filter_map(|(v, g)| Some(((*v)?, *g))).unzip();
        summaries.push(LayerSummary {
            layer,
            to_layer_0,
            to_sentence: mean(&within, &within_groups)?,
            baseline: baseline.and_then(|b| b.values.get(layer).copied()),
            norm: norms(x.view())?.mean().unwrap_or(0.0),
        });
    }
    let units = match sentences.iter().any(|s| Some(s) != sentences.first()) {
        true => "texts",
        false => counted_tokens(states, rows.len()),
    };
    if let Some(layer) = summaries.first() {
        let means = [
            ("similarity to layer 0", layer.to_layer_0),
            ("similarity within the sentence", layer.to_sentence),
        ];
        let interval = |(name, of)| Omitted::interval(name, units, of);
        omitted.extend(means.into_iter().filter_map(interval));
    }
    Ok(summaries)
}

/// Debiased linear CKA between all pairs of layers, `[layers * layers]` row by row, and the number of
/// tokens. The inner error is the reason why it is omitted.
///
/// # Errors
/// An entry of the states that is not finite.
pub(super) fn cka(states: &Activations) -> Result<Result<(Vec<f64>, usize), Why>> {
    let rows = ordinary_rows(states);
    let tokens = rows.len();
    if let Some(why) = too_few(counted_tokens(states, tokens), tokens) {
        return Ok(Err(why));
    }
    let layers: Vec<Array2<f32>> =
        (0..states.layers.len()).map(|l| states.layer(l).select(Axis(0), &rows)).collect();
    let n = layers.len();
    let mut values = vec![1.0; n * n];
    for a in 0..n {
        // The diagonal too: it is 1, or an error if the layer has no variance.
        for b in a..n {
            let value = match debiased_cka(layers[a].view(), layers[b].view()) {
                Err(error @ GeometryError::NoVariance { .. }) => return Ok(Err(error.into())),
                value => value?,
            };
            values[a * n + b] = value;
            values[b * n + a] = value;
        }
    }
    Ok(Ok((values, tokens)))
}

/// The units that the bootstrap resamples: sentences, or tokens if there is one sentence.
fn groups(sentences: &[usize]) -> Vec<usize> {
    if sentences.iter().any(|s| Some(s) != sentences.first()) {
        sentences.to_vec()
    } else {
        (0..sentences.len()).collect()
    }
}

/// The similarity of each row of `x` to the same row of `first`, both `[n, d_model]`: `[n]`.
/// Centred and standardised cosines use the mean and the standard deviation of each layer. With the
/// Euclidean metric, it is a distance.
fn own_similarity(
    x: ArrayView2<'_, f32>,
    first: ArrayView2<'_, f32>,
    metric: Metric,
) -> Result<Array1<f64>> {
    let prepared = |x: ArrayView2<'_, f32>| -> Result<Array2<f32>> {
        Ok(Reference::of(x)?.prepared(x, metric)?.mapv(|v| v as f32))
    };
    let (x, first) = (prepared(x)?, prepared(first)?);
    if metric == Metric::Euclidean {
        let squares = (&x - &first).mapv(|v| f64::from(v).powi(2));
        return Ok(squares.sum_axis(Axis(1)).mapv(f64::sqrt));
    }
    Ok(rowwise_cosine(x.view(), first.view())?)
}
