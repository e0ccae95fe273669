//! Trustworthiness and continuity: how well a map keeps neighbourhoods.

use linfa::Float;
use ndarray::ArrayView2;

use crate::checks::{finite_f64, same_rows};
use crate::distance::{Cloud, nearest};
use crate::error::{ReducerError, Result};

/// A neighbourhood measure of a map with its number of neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Neighbourhood {
    /// The measure, from 0 (worst) to 1 (all neighbourhoods are kept).
    pub value: f64,
    /// The number of neighbours: the requested one, or a smaller one (below n / 2) for small n.
    pub k: usize,
}

/// How far neighbours in the map `y` `[n, m]` are neighbours in the data `x` `[n, d]`.
///
/// 1 − 2 / (n k (2n − 3k − 1)) Σ_i Σ_{j among the k nearest of i in y} max(0, r(i, j) − k),
/// where r(i, j) is the rank of j by its distance to i in x (Venna & Kaski 2001). Distances are
/// Euclidean. Of equal distances the lower row number ranks first. `k` is reduced to stay below
/// n / 2, as the formula requires.
///
/// # Errors
/// Different numbers of rows, fewer than 3 rows, `k` = 0, empty or non-finite input.
pub fn trustworthiness<F: Float, G: Float>(
    x: ArrayView2<F>,
    y: ArrayView2<G>,
    k: usize,
) -> Result<Neighbourhood> {
    let n = x.nrows();
    same_rows(n, y.view())?;
    if k == 0 {
        return Err(ReducerError::Setting { name: "k", value: 0.0, expected: "at least 1" });
    }
    let (data, map) = (Cloud::new(finite_f64(x)?), Cloud::new(finite_f64(y)?));
    if n < 3 {
        return Err(ReducerError::TooFewRows { method: "trustworthiness", needed: 3, found: n });
    }
    let k = k.min((n - 1) / 2);
    let neighbours = map.map_rows(|i, distances| nearest(distances, i, k));
    let excess: Vec<u64> = data.map_rows(|i, distances| {
        let ranks = neighbours[i].iter().map(|&(_, j)| rank(distances, i, j));
        ranks.map(|r| r.saturating_sub(k) as u64).sum()
    });
    let total: u64 = excess.iter().sum();
    let (n, k_real) = (n as f64, k as f64);
    let value = 1.0 - 2.0 / (n * k_real * (2.0 * n - 3.0 * k_real - 1.0)) * total as f64;
    Ok(Neighbourhood { value, k })
}

/// How far neighbours in the data `x` are neighbours in the map `y`: [`trustworthiness`] with `x`
/// and `y` exchanged (Venna & Kaski 2001).
///
/// # Errors
/// As [`trustworthiness`].
pub fn continuity<F: Float, G: Float>(
    x: ArrayView2<F>,
    y: ArrayView2<G>,
    k: usize,
) -> Result<Neighbourhood> {
    trustworthiness(y, x, k)
}

/// The rank of j by its distance to i, from 1; i itself has no rank.
fn rank(distances: &[f64], i: usize, j: usize) -> usize {
    let own = distances[j];
    let before = distances
        .iter()
        .enumerate()
        .filter(|&(other, &d)| other != i && (d < own || (d == own && other < j)));
    before.count() + 1
}
