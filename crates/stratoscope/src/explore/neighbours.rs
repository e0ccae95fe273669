//! The nearest neighbours of every token at every layer, and how they change with depth: computed
//! once for an exploration, with its metric.

use super::similarity::ordinary;
use crate::{Omitted, Part, Result, Why};
use ndarray::{Array2, ArrayView2, Axis};
use serde::Serialize;
use stratoscope_extractor::Activations;
use stratoscope_geometry::{Metric, Reference};

/// Tokens above which neighbours take too long: the time grows with the square of their number.
pub(super) const MAX_TOKENS: usize = 5_000;

/// Neighbours that are listed for each token, and where there are many tokens.
const LISTED: usize = 8;
const LISTED_OF_MANY: usize = 5;

/// A number of tokens that counts as many.
const MANY: usize = 1_000;

/// Neighbours that are compared between layers, at most.
const MAX_COMPARED: usize = 10;

/// The nearest neighbours of every token that is not special, at every layer, in the full space.
#[derive(Debug, Clone)]
pub struct Neighbours {
    /// The rows of the states that they are among, ascending.
    pub rows: Vec<usize>,
    /// How many are listed for each token.
    pub k: usize,
    /// How many are compared between layers.
    compared: usize,
    /// `[layers][rows]`: places in `rows`, nearest first.
    nearest: Vec<Vec<Vec<usize>>>,
}

/// How the neighbours of tokens change from layer to layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NeighbourChange {
    /// How many nearest neighbours are compared.
    pub neighbours: usize,
    /// The number of tokens, without special ones.
    pub n: usize,
    /// The mean change of unrelated neighbourhoods.
    pub by_chance: f64,
    /// One entry per pair of consecutive layers.
    pub steps: Vec<ChangeStep>,
}

/// From one layer to the next.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChangeStep {
    /// The layer before.
    pub from: usize,
    /// The layer after.
    pub to: usize,
    /// The share of neighbours that changed, mean over tokens: 0 to 1.
    pub change: f64,
    /// The tokens, the largest change first.
    pub tokens: Vec<TokenChange>,
}

/// A token in a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TokenChange {
    /// The row of the states.
    pub row: usize,
    /// The share of its neighbours that changed, 0 to 1.
    pub change: f64,
}

impl Neighbours {
    /// Among the rows of the states that are not special and are in `rows`.
    ///
    /// # Errors
    /// An entry that is not finite.
    pub(super) fn of(
        states: &Activations,
        rows: &[usize],
        metric: Metric,
    ) -> Result<Result<Self, Omitted>> {
        let rows = ordinary(states, rows);
        let n = rows.len();
        let omit = |why| Ok(Err(Omitted::new(Part::Neighbours, why)));
        if n < 3 {
            return omit(Why::TooFew { what: "tokens", needed: 3, found: n });
        }
        if n > MAX_TOKENS {
            return omit(Why::TooMany { what: "tokens", found: n, hint: "choose fewer texts" });
        }
        // Of few tokens, half: a list of nearly all others has no content.
        let k = if n > MANY { LISTED_OF_MANY } else { LISTED }.min((n - 1) / 2);
        let compared = (n / 4).clamp(1, MAX_COMPARED);
        // All of one sentence: intervals are not needed, and so not computed.
        let sentences = vec![0; n];
        let most = k.max(compared);
        let of_layer = |layer: usize| -> Result<Vec<Vec<usize>>> {
            let x = states.layer(layer).select(Axis(0), &rows);
            let x = prepared(x.view(), metric)?;
            let found = stratoscope_geometry::Neighbours::of(x.view(), &sentences, most, 0)?;
            Ok((0..n).map(|row| found.nearest(row).collect()).collect())
        };
        let nearest = (0..states.layers.len()).map(of_layer).collect::<Result<_>>()?;
        Ok(Ok(Self { rows, k, compared, nearest }))
    }

    /// `[rows]`: the listed neighbours at a layer, by its index, as places in `rows`.
    pub fn at(&self, layer: usize) -> impl Iterator<Item = &[usize]> {
        self.nearest[layer].iter().map(|nearest| &nearest[..self.k])
    }

    /// How they change; why that is not defined, where it is not.
    pub(super) fn change(&self, layers: &[usize]) -> Result<NeighbourChange, Omitted> {
        let (n, k) = (self.rows.len(), self.compared);
        let omit = |why| Err(Omitted::new(Part::NeighbourChange, why));
        if layers.len() < 2 {
            return omit(Why::OneLayer);
        }
        if n < 4 {
            return omit(Why::TooFew { what: "tokens", needed: 4, found: n });
        }
        let steps = self.nearest.windows(2).zip(layers.windows(2)).map(|(pair, names)| {
            let mut tokens: Vec<(usize, usize)> = (pair[0].iter().zip(&pair[1]).zip(&self.rows))
                .map(|((a, b), &row)| {
                    (a[..k].iter().filter(|near| b[..k].contains(near)).count(), row)
                })
                .collect();
            tokens.sort_unstable();
            let tokens: Vec<TokenChange> = (tokens.into_iter())
                .map(|(kept, row)| TokenChange { row, change: 1.0 - kept as f64 / k as f64 })
                .collect();
            let change = tokens.iter().map(|t| t.change).sum::<f64>() / n as f64;
            ChangeStep { from: names[0], to: names[1], change, tokens }
        });
        let by_chance = 1.0 - k as f64 / (n - 1) as f64;
        Ok(NeighbourChange { neighbours: k, n, by_chance, steps: steps.collect() })
    }
}

impl NeighbourChange {
    /// The step with the largest change; the first of equal ones.
    pub fn largest(&self) -> Option<&ChangeStep> {
        self.steps.iter().rev().max_by(|a, b| a.change.total_cmp(&b.change))
    }
}

/// `[n, d_model]`: rows whose Euclidean distances order neighbours as the metric does. Vectors of
/// length 1 do so for cosines.
fn prepared(x: ArrayView2<'_, f32>, metric: Metric) -> Result<Array2<f32>> {
    let mut x = match metric {
        Metric::Cosine | Metric::Euclidean => x.to_owned(),
        Metric::Centred | Metric::Standardised => {
            Reference::of(x)?.prepared(x, metric)?.mapv(|v| v as f32)
        }
    };
    if metric == Metric::Euclidean {
        return Ok(x);
    }
    for mut row in x.rows_mut() {
        let length = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            row.mapv_inplace(|v| (f64::from(v) / length) as f32);
        }
    }
    Ok(x)
}
