//! Attention sinks: tokens with a norm far from the norms of other tokens. Statistics of a layer leave
//! them out, because a few sinks can have almost all of the variance.

use ndarray::ArrayView2;

/// A token is an attention sink if its norm is more than this many times the median of a layer.
const SINK: f64 = 10.0;

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
