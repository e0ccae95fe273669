//! Measures of attention heads.

use ndarray::{Array2, ArrayView1, ArrayView3, Axis};

use crate::checks::same_length;
use crate::error::{GeometryError, Result};

/// Measures of one head: means over the queries that are not special tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct HeadAttention {
    /// The entropy −Σ a log a of the weights in nats: 0 where all weight is on one position.
    pub entropy: f64,
    /// The entropy divided by the log of the number of visible positions, 0 to 1, over the queries
    /// that see more than one position. None where there is no such query.
    pub relative_entropy: Option<f64>,
    /// The attention distance in positions, Σ a |i − j| / Σ a over queries i and keys j that are not
    /// special (Vig & Belinkov 2019). None where all weight is on special tokens.
    pub distance: Option<f64>,
    /// The share of the weight on special tokens.
    pub to_special: f64,
}

/// Entropy, distance and attention to special tokens of every head of a layer.
///
/// `pattern` is `[heads, queries, keys]`, and its rows are distributions. `special` `[n]` marks
/// special tokens. `visible` `[n]` is the number of positions that each query can attend to: n in a
/// bidirectional model, i + 1 in a causal one, at most the window where there is one. Weights are
/// divided by their sum, which differs from 1 in half precision.
///
/// # Errors
/// Different sizes, only special queries, a weight that is negative or not finite, a query without
/// weight.
pub fn attention_heads(
    pattern: ArrayView3<f32>,
    special: &[bool],
    visible: &[usize],
) -> Result<Vec<HeadAttention>> {
    let (_, n, keys) = pattern.dim();
    same_length("keys of a pattern", n, keys)?;
    same_length("marks of special tokens", n, special.len())?;
    same_length("numbers of visible positions", n, visible.len())?;
    let queries: Vec<usize> = (0..n).filter(|&i| !special[i]).collect();
    if queries.is_empty() {
        let measure = "attention (queries that are not special)";
        return Err(GeometryError::TooFew { measure, needed: 1, found: 0 });
    }
    let one = |(head, pattern): (usize, ndarray::ArrayView2<f32>)| {
        let (mut entropies, mut relative, mut choices) = (0.0, 0.0, 0usize);
        let (mut distances, mut ordinary, mut to_special) = (0.0, 0.0, 0.0);
        for &i in &queries {
            let weights = distribution(pattern.row(i), head, i)?;
            let logs = weights.iter().filter(|&&a| a > 0.0).map(|a| a * a.ln());
            let entropy = (-logs.sum::<f64>()).max(0.0);
            entropies += entropy;
            if visible[i] > 1 {
                relative += (entropy / (visible[i] as f64).ln()).min(1.0);
                choices += 1;
            }
            for (j, a) in weights.iter().enumerate() {
                if special[j] {
                    to_special += a;
                } else {
                    ordinary += a;
                    distances += a * i.abs_diff(j) as f64;
                }
            }
        }
        let n = queries.len() as f64;
        Ok(HeadAttention {
            entropy: entropies / n,
            relative_entropy: (choices > 0).then(|| relative / choices as f64),
            distance: (ordinary > 0.0).then(|| distances / ordinary),
            to_special: (to_special / n).min(1.0),
        })
    };
    pattern.axis_iter(Axis(0)).enumerate().map(one).collect()
}

/// Attention rollout (Abnar & Zuidema 2020): the share of each input token in each token after every
/// layer, under the assumption that only attention mixes the states. `[n, n]` per layer; rows are
/// distributions.
///
/// The mixing of a layer is Ā = (A + I) / 2, where A is the mean over its heads and I the residual
/// stream; the rollout after layer l is Ā_l … Ā_1. `patterns` are `[heads, n, n]`, in the order of
/// the layers.
///
/// # Errors
/// Different sizes, a layer without heads, a weight that is negative or not finite, a query without
/// weight.
pub fn rollout(patterns: &[ArrayView3<f32>]) -> Result<Vec<Array2<f64>>> {
    let mut rolled: Vec<Array2<f64>> = Vec::with_capacity(patterns.len());
    for pattern in patterns {
        let (heads, n, keys) = pattern.dim();
        same_length("keys of a pattern", n, keys)?;
        if heads == 0 {
            return Err(GeometryError::TooFew { measure: "rollout (heads)", needed: 1, found: 0 });
        }
        let mut mixing = Array2::<f64>::eye(n) / 2.0;
        for (head, pattern) in pattern.axis_iter(Axis(0)).enumerate() {
            for (i, mut row) in mixing.rows_mut().into_iter().enumerate() {
                let weights = distribution(pattern.row(i), head, i)?;
                row.iter_mut().zip(weights).for_each(|(to, a)| *to += a / (2.0 * heads as f64));
            }
        }
        let next = match rolled.last() {
            Some(before) => {
                same_length("tokens of a layer", before.nrows(), n)?;
                mixing.dot(before)
            }
            None => mixing,
        };
        rolled.push(next);
    }
    Ok(rolled)
}

/// The weights of a query, divided by their sum.
fn distribution(weights: ArrayView1<f32>, head: usize, query: usize) -> Result<Vec<f64>> {
    if let Some((column, &value)) = weights.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(GeometryError::NotFinite { row: query, column, value });
    }
    let sum: f64 = weights.iter().map(|&a| f64::from(a)).sum();
    if sum <= 0.0 || weights.iter().any(|&a| a < 0.0) {
        return Err(GeometryError::NotAttention { head, query, sum });
    }
    Ok(weights.iter().map(|&a| f64::from(a) / sum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array};

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-7, "{a} {b}");
    }

    #[test]
    fn heads_with_known_answers() {
        // Four tokens, the first one special; a uniform head, a previous-token head, and a head on
        // the special token.
        let mut pattern = Array3::zeros((3, 4, 4));
        for i in 0..4usize {
            (0..4).for_each(|j| pattern[[0, i, j]] = 0.25f32);
            pattern[[1, i, i.saturating_sub(1)]] = 1.0;
            pattern[[2, i, 0]] = 1.0;
        }
        let special = [true, false, false, false];
        let found = attention_heads(pattern.view(), &special, &[4; 4]).unwrap();
        near(found[0].entropy, 4f64.ln());
        near(found[0].relative_entropy.unwrap(), 1.0);
        near(found[0].to_special, 0.25);
        near(found[0].distance.unwrap(), 8.0 / 9.0);
        assert_eq!((found[1].entropy, found[1].distance), (0.0, Some(1.0)));
        near(found[1].to_special, 1.0 / 3.0);
        assert_eq!((found[2].distance, found[2].to_special), (None, 1.0));

        // Causal and uniform: the maximum entropy.
        let causal =
            Array3::from_shape_fn(
                (1, 3, 3),
                |(_, i, j)| {
                    if j <= i { 1.0 / (i as f32 + 1.0) } else { 0.0 }
                },
            );
        let found = attention_heads(causal.view(), &[false; 3], &[1, 2, 3]).unwrap();
        near(found[0].entropy, (2f64.ln() + 3f64.ln()) / 3.0);
        near(found[0].relative_entropy.unwrap(), 1.0);
        let one = attention_heads(Array3::ones((2, 1, 1)).view(), &[false], &[1]).unwrap();
        assert_eq!((one[1].relative_entropy, one[1].distance), (None, Some(0.0)));
    }

    #[test]
    fn rollout_is_the_product_of_mixings() {
        let first = array![[[1.0f32, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]];
        let second = array![[[0.0f32, 1.0], [1.0, 0.0]]];
        let found = rollout(&[first.view(), second.view()]).unwrap();
        assert_eq!(found[0], array![[0.75, 0.25], [0.25, 0.75]]);
        assert_eq!(found[1], array![[0.5, 0.5], [0.5, 0.5]]);
        assert!(rollout(&[]).unwrap().is_empty());
        let wide = Array3::ones((1, 3, 3));
        assert!(rollout(&[first.view(), wide.view()]).is_err());
        assert!(rollout(&[Array3::zeros((0, 2, 2)).view()]).is_err());
    }

    #[test]
    fn what_is_no_attention() {
        let of = |pattern: &Array3<f32>| attention_heads(pattern.view(), &[false, true], &[2, 2]);
        let even = Array3::from_elem((1, 2, 2), 0.5f32);
        assert!(of(&even).is_ok());
        for bad in [f32::NAN, -0.5, f32::INFINITY] {
            let mut pattern = even.clone();
            pattern[[0, 0, 1]] = bad;
            assert!(of(&pattern).is_err() && rollout(&[pattern.view()]).is_err());
        }
        let none = Array3::zeros((1, 2, 2));
        assert!(matches!(of(&none), Err(GeometryError::NotAttention { head: 0, query: 0, .. })));
        assert!(attention_heads(even.view(), &[true, true], &[2, 2]).is_err());
        assert!(attention_heads(even.view(), &[false], &[2, 2]).is_err());
        assert!(attention_heads(even.view(), &[false, true], &[2]).is_err());
    }
}
