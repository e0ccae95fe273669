//! Which tokens' neighbourhoods change most from one layer to the next.

use crate::numbers::ordinary;
use crate::{Activations, Result};
use ndarray::Axis;
use serde::Serialize;
use stratoscope_geometry::Neighbours;
use stratoscope_plot::{Heat, HeatPanel};

/// How tokens' neighbourhoods change from layer to layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Moves {
    /// How many nearest neighbours are compared, by Euclidean distance in the full space.
    pub neighbours: usize,
    /// The tokens: those that are not special.
    pub n: usize,
    /// The mean change of neighbourhoods that have nothing to do with each other.
    pub by_chance: f64,
    /// One entry for each two layers that follow each other.
    pub steps: Vec<MoveStep>,
}

/// From one layer to the next.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MoveStep {
    /// The layer before.
    pub from: usize,
    /// The layer after.
    pub to: usize,
    /// The share of neighbours that changed, mean over tokens: 0 to 1.
    pub change: f64,
    /// The tokens, those whose neighbours changed most first.
    pub tokens: Vec<Move>,
}

/// A token in a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Move {
    /// The row of the states.
    pub row: usize,
    /// The share of its neighbours that changed, 0 to 1.
    pub change: f64,
}

/// All pairs of more tokens than this take seconds.
const MOST_TOKENS: usize = 4_000;

/// Rows of the figure.
const DRAWN: usize = 40;

impl Moves {
    /// The moves of some states; why there are none, where there are none.
    pub(crate) fn of(states: &Activations) -> Result<Result<Self, String>> {
        let rows = ordinary(states);
        let n = rows.len();
        if states.layers.len() < 2 {
            return Ok(Err("a step needs two layers".to_owned()));
        }
        if n < 4 {
            return Ok(Err(format!(
                "neighbourhoods need 4 tokens that are not special, found {n}"
            )));
        }
        if n > MOST_TOKENS {
            return Ok(Err(format!("{n} tokens are too many; `geometry` takes a sample")));
        }
        let k = (n / 4).clamp(1, 10);
        // All of one sentence: intervals are not asked for, and so not computed.
        let sentences = vec![0; n];
        let layers = (0..states.layers.len())
            .map(|l| {
                Neighbours::of(states.layer(l).select(Axis(0), &rows).view(), &sentences, k, 0)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut steps = Vec::new();
        for (pair, names) in layers.windows(2).zip(states.layers.windows(2)) {
            let moved = pair[0].moved(&pair[1])?;
            let tokens: Vec<Move> =
                moved.iter().map(|m| Move { row: rows[m.row], change: m.change }).collect();
            let change = tokens.iter().map(|t| t.change).sum::<f64>() / n as f64;
            steps.push(MoveStep { from: names[0], to: names[1], change, tokens });
        }
        let by_chance = 1.0 - k as f64 / (n - 1) as f64;
        Ok(Ok(Self { neighbours: k, n, by_chance, steps }))
    }

    /// The step in which most changed; the first of equal ones.
    pub fn largest(&self) -> Option<&MoveStep> {
        self.steps.iter().rev().max_by(|a, b| a.change.total_cmp(&b.change))
    }

    /// Tokens by steps; `names` are those of all rows of the states.
    pub(crate) fn figure(&self, title: String, names: &[String], unit: &str) -> Heat {
        // Every token is in every step: each has as many changes as there are steps.
        let mut table: std::collections::BTreeMap<usize, Vec<f64>> = Default::default();
        for token in self.steps.iter().flat_map(|step| &step.tokens) {
            table.entry(token.row).or_default().push(token.change);
        }
        let total = |changes: &[f64]| changes.iter().sum::<f64>();
        let mut most: Vec<(&usize, &Vec<f64>)> = table.iter().collect();
        most.sort_by(|a, b| total(b.1).total_cmp(&total(a.1)).then(a.0.cmp(b.0)));
        most.truncate(DRAWN);
        most.sort_by_key(|(row, _)| **row);
        let left = match table.len() - most.len() {
            0 => String::new(),
            n => format!(" {n} {unit} that changed less over all steps are left out."),
        };
        let means: Vec<String> =
            (self.steps.iter()).map(|s| format!("{}→{} {:.2}", s.from, s.to, s.change)).collect();
        Heat {
            title,
            caption: format!(
                "The share of each token's {} nearest neighbours (Euclidean distance in the full \
                 space, among the {} {unit} that are not special) that are others after the step. \
                 Neighbourhoods that have nothing to do with each other would change by {:.2}. Mean \
                 over all {unit}: {}.{left} A change says that others are near now, not that the \
                 token's own vector moved far.",
                self.neighbours,
                self.n,
                self.by_chance,
                means.join(", "),
            ),
            across: 1,
            shared: false,
            panels: vec![HeatPanel {
                measure: "share of neighbours that changed".to_owned(),
                rows: most.iter().map(|(row, _)| names[**row].clone()).collect(),
                column_axis: "from layer → to layer".to_owned(),
                columns: self.steps.iter().map(|s| format!("{}→{}", s.from, s.to)).collect(),
                values: most.iter().flat_map(|(_, changes)| *changes).copied().map(Some).collect(),
                range: Some((0.0, 1.0)),
                ..HeatPanel::default()
            }],
        }
    }
}
