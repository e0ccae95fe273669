//! The cosine distance of each token between consecutive layers, and its chart.

use super::Exploration;
use super::charts::Described;
use crate::Result;
use crate::sinks::ordinary_rows;
use crate::text::highest;
use stratoscope_chart::{Axis, Chart, MatrixPanel, Scale};
use stratoscope_extractor::Activations;
use stratoscope_geometry::rowwise_cosine;

/// A matrix of more tokens is not readable.
pub(super) const MAX_ROWS: usize = 300;

/// The cosine distance (1 − cosine) between the state of each token and its state at the layer
/// before, `[layers - 1][tokens]`.
///
/// # Errors
/// An entry of the states that is not finite.
pub(super) fn steps(states: &Activations) -> Result<Vec<Vec<f64>>> {
    (1..states.layers.len())
        .map(|layer| {
            let cosine = rowwise_cosine(states.layer(layer), states.layer(layer - 1))?;
            Ok(cosine.iter().map(|cosine| 1.0 - cosine).collect())
        })
        .collect()
}

impl Exploration {
    /// The chart of tokens by steps; `None` for one layer, for too many tokens, and for images and sounds,
    /// over which the steps are drawn.
    pub(super) fn steps_chart(&self) -> Option<Described> {
        let rows: Vec<usize> = (0..self.states.rows.len()).collect();
        let is_over_picture = self.cells.is_some();
        if self.steps.is_empty() || is_over_picture || rows.is_empty() || rows.len() > MAX_ROWS {
            return None;
        }
        let layers = &self.states.layers;
        let columns = Axis::layers(&layers[1..]).title("step to layer");
        let all = || self.steps.iter().flatten().copied();
        let panel = MatrixPanel::new(
            self.token_axis(&rows).title(""),
            columns,
            "1 − cosine to the layer before",
            Scale::from_zero(all()),
        )
        .values(rows.iter().flat_map(|&row| self.steps.iter().map(move |step| Some(step[row]))));
        let chart = Chart::new("steps", "Change of each token from layer to layer", panel);
        let chart = chart.caption(self.steps_caption());
        Some(Described { chart, headline: self.steps_headline() })
    }

    pub(super) fn steps_caption(&self) -> String {
        let norm = match self.ends_after_norm() {
            true => " The last step includes the final norm of the model.",
            false => "",
        };
        format!(
            "The cosine distance between the states of each {} at a layer and at the layer before. \
             0: the direction does not change. 1: the two states are orthogonal. A large step \
             shows a change of direction, not a change of meaning. A few large dimensions can \
             dominate the cosine, and changes of length have no influence.{norm}",
            self.unit_name()
        )
    }

    /// The step with the largest mean over the ordinary tokens.
    pub(super) fn steps_headline(&self) -> Option<(&'static str, String)> {
        let ordinary = ordinary_rows(&self.states);
        let mean = |step: &Vec<f64>| {
            ordinary.iter().map(|&row| step[row]).sum::<f64>() / ordinary.len().max(1) as f64
        };
        let means: Vec<f64> = self.steps.iter().map(mean).collect();
        let index = highest(means.iter().copied())?;
        let (from, to) = (self.states.layers[index], self.states.layers[index + 1]);
        let (mean, over) = (means[index], self.ordinary());
        Some(("largest step", format!("layer {from} to {to}: mean 1 − cosine {mean:.2} ({over})")))
    }
}
