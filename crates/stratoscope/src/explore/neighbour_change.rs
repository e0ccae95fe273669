//! The figure of how neighbours change from layer to layer.

use super::neighbours::NeighbourChange;
use crate::text::metric_label;
use stratoscope_geometry::Metric;
use stratoscope_plot::{Heat, HeatPanel};

/// Rows of the figure.
const DRAWN: usize = 40;

impl NeighbourChange {
    /// Tokens by steps; `names` are the names of all rows of the states.
    pub(super) fn figure(
        &self,
        title: String,
        names: &[String],
        unit: &str,
        metric: Metric,
    ) -> Heat {
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
            n => format!(" {n} {unit} that changed less over all steps are omitted."),
        };
        let means: Vec<String> =
            (self.steps.iter()).map(|s| format!("{}→{} {:.2}", s.from, s.to, s.change)).collect();
        Heat {
            title,
            caption: format!(
                "The share of each token's {} nearest neighbours ({} in the full space, among the {} {unit} that \
                 are not special) that the token did not have at the layer before. Unrelated \
                 neighbourhoods would change by {:.2}. Mean over all {unit}: {}.{left} A change \
                 means that other tokens are near, not that the vector of the token moved far.",
                self.neighbours,
                metric_label(metric),
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
