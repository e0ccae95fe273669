//! The exact Kullback-Leibler divergence that t-SNE minimises.

use linfa::Float;
use ndarray::ArrayView2;

use super::affinity::Kernel;
use crate::checks::{finite_f64, same_rows};
use crate::distance::Cloud;
use crate::error::{ReducerError, Result};

/// The Kullback-Leibler divergence of a map `y` `[n, m]` from the data `x` `[n, d]`, in nats:
/// Σ_{i ≠ j} p(i, j) ln(p(i, j) / q(i, j)) (van der Maaten & Hinton 2008, equation 2).
///
/// The sum is over all pairs, without approximation, so that t-SNE maps of any program can be
/// compared. `perplexity` is reduced to (n − 1) / 3. Time is n² (d + m), memory small.
///
/// # Errors
/// Different numbers of rows, fewer than 4 rows, a perplexity below 1, empty or non-finite input.
pub fn kl_divergence<F: Float, G: Float>(
    x: ArrayView2<F>,
    y: ArrayView2<G>,
    perplexity: f64,
) -> Result<f64> {
    let n = x.nrows();
    same_rows(n, y.view())?;
    if !(perplexity.is_finite() && perplexity >= 1.0) {
        return Err(ReducerError::Setting {
            name: "perplexity",
            value: perplexity,
            expected: "a finite number, at least 1",
        });
    }
    let (data, map) = (Cloud::new(finite_f64(x)?), Cloud::new(finite_f64(y)?));
    if n < 4 {
        return Err(ReducerError::TooFewRows { method: "t-SNE", needed: 4, found: n });
    }
    let perplexity = perplexity.min((n - 1) as f64 / 3.0);
    let others = |i: usize| (0..n).filter(move |&j| j != i);
    let kernels: Vec<Kernel> =
        data.map_rows(|i, distances| Kernel::fit(others(i).map(|j| distances[j]), perplexity));
    // Σ p ln p depends on the data alone, Σ p ln q = −Σ p ln(1 + d²) − ln Z on the map: two passes,
    // because only one row of each distance matrix is held.
    let sums: Vec<(f64, f64)> = map.map_rows(|i, in_map| {
        let row = data.distances_from(i);
        others(i).fold((0.0, 0.0), |(divergence, z), j| {
            let joint = (kernels[i].probability(row[j]) + kernels[j].probability(row[j]))
                / (2.0 * n as f64);
            let term = if joint > 0.0 { joint * (joint.ln() + in_map[j].ln_1p()) } else { 0.0 };
            (divergence + term, z + 1.0 / (1.0 + in_map[j]))
        })
    });
    let divergence: f64 = sums.iter().map(|sum| sum.0).sum();
    let z: f64 = sums.iter().map(|sum| sum.1).sum();
    Ok(divergence + z.ln())
}
