//! The charts of explorations by several models.

use super::SideBySide;
use crate::explore::charts::{CURVES, Pick, centred, cka_caption, curve};
use crate::profile::{Curves as Story, story_of_models};
use crate::text::display_names;
use stratoscope_chart::{Axis, Chart, Curves, Matrix, MatrixPanel, Panel, Scale, Slice};

/// A matrix of more words is not readable.
pub(super) const MAX_WORDS: usize = 60;

/// The largest number of matrices in a row.
const MAX_ACROSS: usize = 3;

/// The relative depths at which similarities are shown.
const DEPTHS: [f64; 4] = [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0];

impl SideBySide {
    /// The charts of all models that are both figures and part of the page.
    pub(super) fn charts(&self) -> Vec<Chart> {
        [self.depth(), self.cross_cka()].into_iter().flatten().collect()
    }

    /// The curves of all models over the reference bank, if they are known. On the page, a strip
    /// shows them.
    pub(super) fn story(&self) -> Option<Chart> {
        let all: Option<Vec<&Story>> =
            self.explorations.iter().map(|e| e.curves.as_ref()).collect();
        all.filter(|all| !all.is_empty()).map(|all| story_of_models(&all))
    }

    fn depth(&self) -> Option<Chart> {
        let names = self.names();
        let y = self.explorations.first().map_or("", |e| e.options.metric.label());
        let panel = |(title, _, pick): (&str, &str, Pick)| {
            let series = self.explorations.iter().zip(&names).map(|(e, name)| {
                let layers: Vec<usize> = e.layers.iter().map(|l| l.layer).collect();
                curve(name, &e.layers, pick).shares(&layers, e.states.origin.n_layers)
            });
            Panel::new(title, Axis::share(), y, series)
        };
        let missing: Vec<&str> = (self.explorations.iter().zip(&names))
            .filter(|(e, _)| e.layers.iter().all(|layer| layer.baseline.is_none()))
            .map(|(_, name)| name.as_str())
            .collect();
        let missing = match missing.is_empty() {
            true => String::new(),
            false => format!(" No baseline (any two words) is stored for {}.", missing.join(", ")),
        };
        let caption = format!(
            "Means over the same words. Models have different spaces: do not compare the heights of \
             their curves, but the distance of each curve from the baseline of its model (any two \
             words).{missing}"
        );
        let chart = Chart::new(
            "depth",
            format!("Mean {y} of words by depth and model"),
            Curves::multiples(CURVES.map(panel)),
        );
        (!chart.is_empty()).then(|| chart.caption(caption))
    }

    /// Similarities between words at four depths of each model, on one scale. On the page, a
    /// separate panel shows them.
    pub(super) fn similarity(&self) -> Option<Chart> {
        let first = self.explorations.first()?;
        if first.states.rows.len() > MAX_WORDS {
            return None;
        }
        let names = self.names();
        let mut slices = Vec::new();
        for share in DEPTHS {
            for (exploration, name) in self.explorations.iter().zip(&names) {
                let layers = &exploration.states.layers;
                let index = (share * (layers.len() - 1) as f64).round() as usize;
                let values = exploration.similarity.as_ref()?.centred[index].iter();
                let slice = Slice::new(values.map(|value| Some(*value)));
                slices.push(slice.name(name.as_str()).layer(layers[index]));
            }
        }
        let rows = &first.states.rows;
        let axis = Axis::tokens(display_names(rows), Vec::new()).title("");
        let axis = axis.unknown((0..rows.len()).filter(|&row| rows[row].unknown));
        let panel = MatrixPanel::new(axis.clone(), axis, "centred cosine", Scale::symmetric(1.0))
            .slices(slices);
        let across = self.explorations.len().min(MAX_ACROSS);
        let caption = format!(
            "Centred cosines between all pairs of words at the first layer, at one third and two \
             thirds of the depth, and at the last layer of each model: {}",
            centred("words")
        );
        let title = "Similarity of words by model";
        let chart = Chart::new("similarity", title, Matrix::new([panel]).across(across));
        Some(chart.caption(caption))
    }

    fn cross_cka(&self) -> Option<Chart> {
        let names = self.names();
        let axis = |model: usize| {
            let layers = &self.explorations[model].states.layers;
            Axis::layers_of(format!("layer of {}", names[model]), layers)
        };
        let all = self.cka.iter().flat_map(|pair| &pair.values).flatten();
        let scale = Scale::to_one(all.copied());
        let panel = |pair: &super::CrossCka| {
            MatrixPanel::new(axis(pair.a), axis(pair.b), "debiased linear CKA", scale)
                .title(format!("{} and {}", names[pair.a], names[pair.b]))
                .n(pair.n)
                .values(pair.values.iter().flatten().map(|value| Some(*value)))
        };
        let chart = Chart::new(
            "cka",
            "Similarity of the layers of two models",
            Matrix::new(self.cka.iter().map(panel)),
        );
        let chart = chart
            .caption(cka_caption("of the same words in two models"))
            .paper("Kornblith et al. 2019", "10.48550/arXiv.1905.00414");
        (!chart.is_empty()).then_some(chart)
    }
}
