//! Attention sinks: tokens with a norm far from the norms of other tokens. Statistics of a layer leave
//! them out, because a few sinks can have almost all of the variance.

use ndarray::ArrayView2;
use stratoscope_extractor::Activations;

/// A token is an attention sink if its norm is more than this many times the median of a layer.
pub(crate) const SINK: f64 = 10.0;

/// The rows over which statistics are computed, ascending: all tokens except special tokens and
/// attention sinks, or all rows if there are no other tokens.
pub(crate) fn ordinary_rows(states: &Activations) -> Vec<usize> {
    ordinary_of(states, &norms_by_layer(states))
}

/// [`ordinary_rows`] by the norms of all states, `[layers][tokens]`.
pub(crate) fn ordinary_of(states: &Activations, norms: &[Vec<f64>]) -> Vec<usize> {
    let sink = sinks(norms, &medians(norms));
    let ordinary = |&r: &usize| !states.rows[r].special && !sink[r];
    let found: Vec<usize> = (0..sink.len()).filter(ordinary).collect();
    if found.is_empty() { (0..sink.len()).collect() } else { found }
}

/// The rows of attention sinks that are not special tokens, ascending.
pub(crate) fn sink_rows(states: &Activations) -> Vec<usize> {
    let norms = norms_by_layer(states);
    let sink = sinks(&norms, &medians(&norms));
    (0..sink.len()).filter(|&r| !states.rows[r].special && sink[r]).collect()
}

/// Whether the norms are so far apart that the largest decide every picture of the vectors: some
/// token is a sink, or the median norms of two layers differ by more than a factor of 10.
pub(crate) fn are_norms_far_apart(norms: &[Vec<f64>]) -> bool {
    let medians = medians(norms);
    let (least, most) =
        medians.iter().fold((f64::MAX, 0.0), |(low, high), &m| (m.min(low), m.max(high)));
    most > SINK * least || sinks(norms, &medians).contains(&true)
}

/// The norms of all states, `[layers][tokens]`.
pub(crate) fn norms_by_layer(states: &Activations) -> Vec<Vec<f64>> {
    (0..states.layers.len()).map(|layer| norms(states.layer(layer))).collect()
}

/// The Euclidean norms of the rows of a layer, `[tokens]`.
pub(crate) fn norms(layer: ArrayView2<'_, f32>) -> Vec<f64> {
    let norm = |row: ndarray::ArrayView1<'_, f32>| {
        row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt()
    };
    layer.rows().into_iter().map(norm).collect()
}

/// The median norm of each layer; of an even number of tokens, the larger of the two in the middle.
/// `norms` is `[layers][tokens]`. The median of no tokens is 0.
pub(crate) fn medians(norms: &[Vec<f64>]) -> Vec<f64> {
    let median = |norms: &Vec<f64>| {
        let mut sorted = norms.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
    };
    norms.iter().map(median).collect()
}

/// Whether each token is a sink at any layer, `[tokens]`; `norms` is `[layers][tokens]`, `medians`
/// `[layers]`.
pub(crate) fn sinks(norms: &[Vec<f64>], medians: &[f64]) -> Vec<bool> {
    let mut sinks = vec![false; norms.first().map_or(0, Vec::len)];
    for (norms, &median) in norms.iter().zip(medians) {
        for (sink, &norm) in sinks.iter_mut().zip(norms) {
            *sink |= norm > SINK * median && median > 0.0;
        }
    }
    sinks
}
