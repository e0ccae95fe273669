//! The nearest neighbours of every token at every layer, and their change from layer to layer. They
//! are computed once for an exploration, with its metric.

use super::{counted_tokens, too_few};
use crate::sinks::ordinary_rows;
use crate::{Omitted, Part, Result, Why};
use ndarray::{Array2, ArrayView2, Axis};
use serde::Serialize;
use stratoscope_extractor::Activations;
use stratoscope_geometry::{Metric, Reference};
use stratoscope_numerics::largest;

/// Among fewer tokens, half of the others are no neighbours.
const MIN_LISTED: usize = 4;

/// Neighbours of more tokens take too long: the time grows with the square of the number of tokens.
pub(super) const MAX_TOKENS: usize = 5_000;

/// The number of neighbours that are listed for each token, and the number if there are many
/// tokens.
const LISTED: usize = 8;
const LISTED_OF_MANY: usize = 5;

/// More tokens than this count as many.
const MANY: usize = 1_000;

/// The largest number of neighbours that are compared between layers.
const MAX_COMPARED: usize = 10;

/// The nearest neighbours of every token that is neither special nor an attention sink, at every layer, in the full space.
#[derive(Debug, Clone)]
pub struct Neighbours {
    /// The rows of the states among which neighbours are searched, ascending.
    pub rows: Vec<usize>,
    /// What the rows are.
    counted: &'static str,
    /// The number of neighbours that are listed for each token.
    pub k: usize,
    /// The number of neighbours that are compared between layers.
    compared: usize,
    /// `[layers][rows]`: indices into `rows`, nearest first.
    nearest: Vec<Vec<Vec<usize>>>,
}

/// The change of nearest neighbours from layer to layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NeighbourChange {
    /// The number of nearest neighbours that are compared.
    pub neighbours: usize,
    /// The number of tokens that are neither special nor attention sinks.
    pub n: usize,
    /// The expected change with random neighbours, 0 to 1.
    pub by_chance: f64,
    /// One entry per pair of consecutive layers.
    pub steps: Vec<ChangeStep>,
}

/// The change from one layer to the next.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChangeStep {
    /// The layer before.
    pub from: usize,
    /// The layer after.
    pub to: usize,
    /// The share of neighbours that changed, 0 to 1; mean over tokens.
    pub change: f64,
    /// The tokens, with the largest change first.
    pub tokens: Vec<TokenChange>,
}

/// The change of the neighbours of one token.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TokenChange {
    /// The row of the token in the states.
    pub row: usize,
    /// The share of its neighbours that changed, 0 to 1.
    pub change: f64,
}

impl Neighbours {
    /// The neighbours among the ordinary tokens in `rows`. The inner error is the reason
    /// why neighbours are omitted.
    ///
    /// # Errors
    /// An entry of the states that is not finite.
    pub(super) fn of(
        states: &Activations,
        rows: &[usize],
        metric: Metric,
    ) -> Result<Result<Self, Omitted>> {
        let ordinary = ordinary_rows(states);
        let counted = counted_tokens(states, ordinary.len());
        let kept = |row: &usize| ordinary.binary_search(row).is_ok();
        let rows: Vec<usize> = rows.iter().copied().filter(kept).collect();
        let n = rows.len();
        let omit = |why| Ok(Err(Omitted::new(Part::Neighbours, why)));
        if n < MIN_LISTED {
            return omit(Why::TooFew { what: counted, needed: MIN_LISTED, found: n });
        }
        if n > MAX_TOKENS {
            return omit(Why::TooMany { what: "tokens", found: n, hint: "choose fewer texts" });
        }
        // Half of the tokens at most: a list of nearly all tokens has no information.
        let k = if n > MANY { LISTED_OF_MANY } else { LISTED }.min((n - 1) / 2);
        let compared = (n / 4).clamp(1, MAX_COMPARED);
        // As one sentence, so that no intervals are computed: they are not needed.
        let sentences = vec![0; n];
        let most = k.max(compared);
        let of_layer = |layer: usize| -> Result<Vec<Vec<usize>>> {
            let x = states.layer(layer).select(Axis(0), &rows);
            let x = prepared(x.view(), metric)?;
            let found = stratoscope_geometry::Neighbours::of(x.view(), &sentences, most, 0)?;
            Ok((0..n).map(|row| found.nearest(row).collect()).collect())
        };
        let nearest = (0..states.layers.len()).map(of_layer).collect::<Result<_>>()?;
        Ok(Ok(Self { rows, counted, k, compared, nearest }))
    }

    /// `[rows]`: the listed neighbours at a layer, as indices into `rows`. `layer` is the index of
    /// the layer among the layers of the states.
    pub fn at(&self, layer: usize) -> impl Iterator<Item = &[usize]> {
        self.nearest[layer].iter().map(|nearest| &nearest[..self.k])
    }

    /// The change of neighbours from layer to layer, or the reason why it is omitted.
    pub(super) fn change(&self, layers: &[usize]) -> Result<NeighbourChange, Omitted> {
        let (n, k) = (self.rows.len(), self.compared);
        let omit = |why| Err(Omitted::new(Part::NeighbourChange, why));
        if layers.len() < 2 {
            return omit(Why::OneLayer);
        }
        if let Some(why) = too_few(self.counted, n) {
            return omit(why);
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

impl Omitted {
    /// That the change of neighbours is omitted, because the neighbours are.
    pub(super) fn of_change(&self) -> Self {
        let why = match self.why {
            Why::TooFew { what, found, .. } => too_few(what, found),
            _ => None,
        };
        Self::new(Part::NeighbourChange, why.unwrap_or_else(|| self.why.clone()))
    }
}

impl NeighbourChange {
    /// The step with the largest change; of equal steps, the first.
    pub fn largest(&self) -> Option<&ChangeStep> {
        largest(self.steps.iter().map(|step| step.change)).map(|index| &self.steps[index])
    }
}

/// `[n, d_model]`: vectors that are prepared so that Euclidean distances give the neighbours of the
/// metric. For cosines, these are vectors of length 1.
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
