//! The numbers behind the figures: curves by depth, similarities, CKA.

use crate::{Activations, Baseline, Estimate, LayerSummary, LeftOut, Metric, Result, Settings};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Serialize, Serializer};
use stratoscope_geometry::{
    Interval, Reference, debiased_cka, intra_sentence_similarity, norms, rowwise_cosine,
    similarity_matrix,
};

/// Token × token similarities, one matrix a layer, row by row.
#[derive(Debug, Clone, Serialize)]
pub struct Similarities {
    /// Cosines, `[layers][tokens * tokens]`.
    pub raw: Vec<Vec<f64>>,
    /// Cosines after the mean of the layer's tokens that are not special is subtracted, alike.
    pub centred: Vec<Vec<f64>>,
}

impl Similarities {
    pub(crate) fn of(states: &Activations) -> Result<Self> {
        let ordinary = ordinary(states);
        let flat = |matrix: Array2<f64>| matrix.into_iter().collect::<Vec<f64>>();
        let mut found = Self { raw: Vec::new(), centred: Vec::new() };
        for layer in 0..states.layers.len() {
            let x = states.layer(layer);
            let reference = Reference::of(x.select(Axis(0), &ordinary).view())?;
            found.raw.push(flat(similarity_matrix(x, Metric::Cosine, None)?));
            found.centred.push(flat(similarity_matrix(x, Metric::Centred, Some(&reference))?));
        }
        Ok(found)
    }
}

/// The curves by depth, over the tokens that are not special.
pub(crate) fn by_layer(
    states: &Activations,
    settings: &Settings,
    baseline: Option<&Baseline>,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<LayerSummary>> {
    let rows = ordinary(states);
    let sentences: Vec<usize> = rows.iter().map(|&r| states.rows[r].sequence).collect();
    let groups = groups(&sentences);
    let metric = settings.metric;
    let mut leave = |name, reason: &str| left_out.push(LeftOut { name, reason: reason.to_owned() });
    let first = (states.layers.first() == Some(&0)).then(|| states.layer(0).select(Axis(0), &rows));
    if first.is_none() {
        leave("similarity to layer 0", "layer 0 is not among the layers chosen");
    }
    if rows.len() == sentences.iter().collect::<std::collections::BTreeSet<_>>().len() {
        leave("similarity within the sentence", "no sentence has two tokens");
    }
    let baseline = match (baseline, metric) {
        (Some(baseline), Metric::Cosine) => Some(baseline),
        (Some(_), _) => {
            leave("baseline", "it is of raw cosines");
            None
        }
        (None, _) => {
            leave("baseline", "none is known for this model");
            None
        }
    };
    let mean = |values: &[f64], groups: &[usize]| -> Result<Option<Estimate>> {
        Ok(Interval::of_mean(values, groups, settings.seed)?.map(Estimate::from))
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
            baseline: baseline.and_then(|b| {
                let value = b.values.get(layer)?;
                let (low, high) = (Some(value.low), Some(value.high));
                Some(Estimate { value: value.value, low, high, n: b.n })
            }),
            norm: norms(x.view())?.mean().unwrap_or(0.0),
        });
    }
    Ok(summaries)
}

/// Layer × layer debiased linear CKA over the tokens that are not special, row by row.
pub(crate) fn cka(states: &Activations) -> Result<Vec<f64>> {
    let rows = ordinary(states);
    let layers: Vec<Array2<f32>> =
        (0..states.layers.len()).map(|l| states.layer(l).select(Axis(0), &rows)).collect();
    let n = layers.len();
    let mut values = vec![1.0; n * n];
    for a in 0..n {
        // The diagonal too: it is 1, or an error where the layer does not vary.
        for b in a..n {
            let value = debiased_cka(layers[a].view(), layers[b].view())?;
            values[a * n + b] = value;
            values[b * n + a] = value;
        }
    }
    Ok(values)
}

/// Rows of tokens that are not special; all where there are no others.
pub(crate) fn ordinary(states: &Activations) -> Vec<usize> {
    let all = 0..states.rows.len();
    let rows: Vec<usize> = all.clone().filter(|&r| !states.rows[r].special).collect();
    if rows.is_empty() { all.collect() } else { rows }
}

/// What the bootstrap resamples: sentences, or the tokens of a single one.
fn groups(sentences: &[usize]) -> Vec<usize> {
    if sentences.iter().any(|s| Some(s) != sentences.first()) {
        sentences.to_vec()
    } else {
        (0..sentences.len()).collect()
    }
}

/// Each row of `x` against the same row of `first`, both `[n, d_model]`, each centred or
/// standardised by its own layer where the metric asks for it.
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

/// A metric by the name that the command line has for it.
pub(crate) fn metric_name<S: Serializer>(
    metric: &Metric,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match metric {
        Metric::Cosine => "cosine",
        Metric::Centred => "centred",
        Metric::Standardised => "standardised",
        Metric::Euclidean => "euclidean",
    })
}
