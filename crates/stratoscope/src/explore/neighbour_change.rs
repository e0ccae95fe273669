//! The chart of the change of nearest neighbours from layer to layer.

use super::Exploration;
use super::charts::Described;
use super::neighbours::NeighbourChange;
use crate::text::words_first;
use std::collections::BTreeMap;
use stratoscope_chart::{Axis, Cell, Chart, Column, Drawing, MatrixPanel, Scale, Table};

/// A matrix of more tokens is not readable: the chart is then a table of the largest changes.
const MAX_ROWS: usize = 60;

/// The number of tokens of each step in the table.
const LISTED: usize = 10;

impl NeighbourChange {
    /// The number of tokens that are listed for each step.
    pub(super) fn listed(&self) -> usize {
        if self.n <= MAX_ROWS { self.n } else { LISTED }
    }
}

impl Exploration {
    /// The chart of new neighbours at each step, for all tokens or for those with the largest
    /// changes.
    pub(super) fn neighbour_change_chart(&self) -> Option<Described> {
        let change = self.neighbour_change.as_ref()?;
        let (drawing, which) = match change.n <= MAX_ROWS {
            true => (self.change_matrix(change), String::new()),
            false => {
                let which = format!(
                    " The table has the {LISTED} tokens with the largest change of each step."
                );
                (self.change_table(change), which)
            }
        };
        let units = self.units();
        let means: Vec<String> =
            change.steps.iter().map(|s| format!("{}→{} {:.2}", s.from, s.to, s.change)).collect();
        let caption = format!(
            "The share of the {k} nearest neighbours of each {unit} that were not among its {k} \
             nearest neighbours at the layer before ({metric} in the full space, among the {n} \
             {ordinary}). With random neighbours, the share would be \
             {chance:.2}. Mean over all {units}: {means}.{which} A change shows that other {units} \
             are near, not that the vector of the {unit} changed much. With few {units}, a single \
             neighbour can change by chance.",
            k = change.neighbours,
            unit = self.unit_name(),
            metric = self.options.metric.label(),
            n = change.n,
            ordinary = self.ordinary(),
            chance = change.by_chance,
            means = means.join(", "),
        );
        let chart =
            Chart::new("neighbour_change", "Share of new nearest neighbours by layer", drawing);
        Some(Described { chart: chart.caption(caption), headline: self.change_headline(change) })
    }

    fn change_matrix(&self, change: &NeighbourChange) -> Drawing {
        // Every step has every token, so that each row of the matrix is complete.
        let mut rows: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for token in change.steps.iter().flat_map(|step| &step.tokens) {
            rows.entry(token.row).or_default().push(token.change);
        }
        let steps: Vec<usize> = change.steps.iter().map(|step| step.to).collect();
        let columns = Axis::layers(&steps).title("step to layer");
        let axis = self.token_axis(&rows.keys().copied().collect::<Vec<_>>());
        MatrixPanel::new(axis, columns, "share of new neighbours", Scale::unit())
            .n(change.n)
            .values(rows.into_values().flatten().map(Some))
            .into()
    }

    fn change_table(&self, change: &NeighbourChange) -> Drawing {
        let names = self.token_axis(&(0..self.states.rows.len()).collect::<Vec<_>>()).labels;
        let rows = change.steps.iter().flat_map(|step| {
            let name = format!("{} → {}", step.from, step.to);
            let row = |token: &super::TokenChange| -> Vec<Cell> {
                let text = self.states.rows[token.row].sequence + 1;
                vec![
                    name.clone().into(),
                    names[token.row].clone().into(),
                    text.into(),
                    token.change.into(),
                ]
            };
            step.tokens.iter().take(LISTED).map(row).collect::<Vec<_>>()
        });
        let columns =
            ["step".into(), self.unit_name().into(), Column::end("text"), Column::end("new")];
        Table::new(columns, rows).into()
    }

    /// The step with the largest change, and the tokens with the largest changes.
    fn change_headline(&self, change: &NeighbourChange) -> Option<(&'static str, String)> {
        let step = change.largest()?;
        let names = step.tokens.iter().map(|token| self.states.rows[token.row].label.as_str());
        let most: Vec<&str> = words_first(names).into_iter().take(3).collect();
        let text = format!(
            "layer {} to {}: {:.0} % of nearest neighbours are new (random: {:.0} %), most for: {}",
            step.from,
            step.to,
            100.0 * step.change,
            100.0 * change.by_chance,
            most.join(", ")
        );
        Some(("largest change", text))
    }
}
