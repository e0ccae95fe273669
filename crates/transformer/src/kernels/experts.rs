//! The experts of a mixture: each multiplies the rows of the tokens that use it.

use super::buffers::output;
use super::linear::mlp;
use super::packed::PackedLinear;
use super::rounding::Rounding;
use crate::architecture::Mlp;
use rayon::prelude::*;

/// An expert with the tokens that use it.
pub(crate) struct Expert<'a> {
    /// The first layer: of a gated MLP the gate, then the values that it multiplies.
    pub(crate) first: &'a PackedLinear,
    pub(crate) second: &'a PackedLinear,
    /// The rows of the tokens, with the weight of the expert for each.
    pub(crate) group: &'a [(usize, f32)],
}

/// The sum of the outputs of experts, each times its weight: `[rows, d]` to the same shape. The sum of a
/// row is in the order of the experts, so that its digits do not depend on the other rows.
pub(crate) fn experts(
    x: &[f32],
    experts: &[Expert],
    settings: (Mlp, Option<f64>),
    d: usize,
    rounding: Rounding,
) -> Vec<f32> {
    let outputs: Vec<Vec<f32>> = experts
        .par_iter()
        .map(|Expert { first, second, group }| {
            let rows = group.iter().flat_map(|(row, _)| &x[row * d..(row + 1) * d]);
            let rows: Vec<f32> = rows.copied().collect();
            mlp(&rows, first, settings, second, rounding)
        })
        .collect();
    let mut out = output(x.len());
    out.fill(0.0);
    for (Expert { group, .. }, outputs) in experts.iter().zip(&outputs) {
        for (&(row, weight), own) in group.iter().zip(outputs.chunks(d)) {
            let weight = rounding.of(weight);
            let sum = &mut out[row * d..(row + 1) * d];
            for (sum, own) in sum.iter_mut().zip(own) {
                *sum = rounding.of(*sum + rounding.of(weight * own));
            }
        }
    }
    out
}

/// Rows times the sigmoid of a gate for each: `[rows, d]` and `[rows, 1]` to `[rows, d]`.
pub(crate) fn times_sigmoid(x: &[f32], gates: &[f32], rounding: Rounding) -> Vec<f32> {
    let mut out = output(x.len());
    let d = x.len() / gates.len().max(1);
    let rows = out.chunks_mut(d.max(1)).zip(x.chunks(d.max(1)));
    for (&gate, (out, x)) in gates.iter().zip(rows) {
        let gate = rounding.of(1.0 / (1.0 + (-gate).exp()));
        out.iter_mut().zip(x).for_each(|(out, x)| *out = rounding.of(x * gate));
    }
    out
}
