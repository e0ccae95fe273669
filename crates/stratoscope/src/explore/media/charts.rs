//! The figures of images and sounds: values of the cells over the picture, by layer.

use super::{CellComponents, png};
use crate::Result;
use crate::explore::Exploration;
use crate::explore::charts::centred;
use crate::text::short_name;
use stratoscope_chart::{Chart, PicturePanel, PictureSlice, Pictures, Scale};
use stratoscope_geometry::Metric;

impl Exploration {
    /// The figures of the pictures.
    ///
    /// # Errors
    /// A picture that cannot be encoded.
    pub(in crate::explore) fn picture_charts(&self) -> Result<Vec<Chart>> {
        let Some(values) = &self.cells else { return Ok(Vec::new()) };
        let pictures: Vec<String> =
            self.states.media.iter().map(png::uri).collect::<Result<_>>()?;
        let mut charts = Vec::new();
        if self.options.figures.has("similarity") {
            let panels = self.panels(&pictures, Some(values.chosen), &|layer, row, out| {
                out.push(values.similarity[layer][row]);
            });
            charts.push(self.similarity_of_chosen(panels));
        }
        if let Some(components) = &values.components
            && self.options.figures.has("components")
        {
            let panels = self.panels(&pictures, None, &|layer, row, out| {
                out.extend(components.places[layer][row]);
            });
            charts.push(self.components_chart(components, panels));
        }
        charts.extend(self.steps_of_cells(&pictures));
        charts.extend(self.first_attention_chart(&pictures));
        let named = |chart: Chart| chart.subject(short_name(&self.states.origin.model));
        Ok(charts.into_iter().map(named).collect())
    }

    /// The pictures with the values of their cells at every layer; `push` adds those of a row.
    fn panels(
        &self,
        pictures: &[String],
        chosen: Option<usize>,
        push: &dyn Fn(usize, usize, &mut Vec<f64>),
    ) -> Vec<PicturePanel> {
        let layers: Vec<usize> = (0..self.states.layers.len()).collect();
        self.panels_of(pictures, chosen, &layers, &|index| self.states.layers[index], push)
    }

    fn panels_of(
        &self,
        pictures: &[String],
        chosen: Option<usize>,
        slices: &[usize],
        layer: &dyn Fn(usize) -> usize,
        push: &dyn Fn(usize, usize, &mut Vec<f64>),
    ) -> Vec<PicturePanel> {
        let all = self.states.media.iter().zip(pictures).zip(self.cells_of());
        all.map(|((media, picture), cells)| PicturePanel {
            title: media.name.clone(),
            picture: picture.clone(),
            grid: media.grid,
            seconds: media.seconds,
            chosen: chosen.filter(|row| cells.contains(row)).map(|row| row - cells.start),
            slices: (slices.iter())
                .map(|&index| {
                    let mut values = Vec::new();
                    cells.clone().for_each(|row| push(index, row, &mut values));
                    let values = values.into_iter().map(Some).collect();
                    PictureSlice { layer: layer(index), values }
                })
                .collect(),
        })
        .collect()
    }

    fn similarity_of_chosen(&self, panels: Vec<PicturePanel>) -> Chart {
        let Some(values) = &self.cells else { return Chart::default() };
        let known = || panels.iter().flat_map(|p| &p.slices).flat_map(|s| &s.values).flatten();
        let scale = match values.metric {
            Metric::Euclidean => Scale::from_zero(known().copied()),
            _ => Scale::symmetric(1.0),
        };
        let (unit, units, metric) = (self.unit_name(), self.units(), values.metric.label());
        let chosen = &self.states.rows[values.chosen].label;
        let what = match values.metric {
            Metric::Centred => {
                format!(" Centred: {}", centred(units))
            }
            Metric::Standardised => format!(
                " Every dimension of the layer is standardised over the {units} first, so that no \
                 few large dimensions dominate."
            ),
            _ => String::new(),
        };
        let is_grid = self.states.media.iter().any(|media| media.grid[0] > 1);
        let counted = if is_grid { " (row, column, counted from 0)" } else { "" };
        let caption = format!(
            "The {metric} between {chosen}{counted}, which is framed, and every {unit}, at every layer.{what} \
             A high value says that two states are similar, not why: a state can have information \
             from the whole {}.",
            self.inputs()[0],
        );
        let title = format!("Similarity of {chosen} to every {unit}, by layer");
        Chart::new("similarity", title, Pictures::new(metric, scale, panels)).caption(caption)
    }

    fn components_chart(&self, of: &CellComponents, panels: Vec<PicturePanel>) -> Chart {
        let channel = |nth: &str| (format!("place along the {nth} direction"), Scale::unit());
        let pictures = Pictures::colours(["first", "second", "third"].map(channel), panels);
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        let shares = of.shares.iter().copied();
        let low = percent(shares.clone().fold(f64::INFINITY, f64::min));
        let high = percent(shares.fold(0.0, f64::max));
        let shares = if low == high { low } else { format!("between {low} and {high}") };
        let units = self.units();
        let caption = format!(
            "Red, green and blue are the places of each {} along the three directions of the largest \
             variance of its layer (PCA over the {}), from the smallest (0) to the largest (1). So \
             {units} of one colour are near each other in these directions, which have {shares} of \
             the variance. Each layer is rotated and mirrored to fit the layer before (Procrustes), \
             so that colours can be followed from layer to layer; how strong they are cannot be \
             compared between layers.",
            self.unit_name(),
            self.ordinary(),
        );
        let title = format!("Principal components of the {units} as colours, by layer");
        Chart::new("components", title, pictures).caption(caption)
    }

    /// The change of each cell from layer to layer.
    fn steps_of_cells(&self, pictures: &[String]) -> Option<Chart> {
        if self.steps.is_empty() {
            return None;
        }
        let indices: Vec<usize> = (0..self.steps.len()).collect();
        let layer = |index: usize| self.states.layers[index + 1];
        let panels = self.panels_of(pictures, None, &indices, &layer, &|index, row, out| {
            out.push(self.steps[index][row]);
        });
        let known = panels.iter().flat_map(|p| &p.slices).flat_map(|s| &s.values).flatten();
        let scale = Scale::from_zero(known.copied());
        let title = format!("Change of each {} from layer to layer", self.unit_name());
        let pictures = Pictures::new("1 − cosine to the layer before", scale, panels);
        Some(Chart::new("steps", title, pictures).caption(self.steps_caption()))
    }

    /// The attention of the first tokens, a class token say, to the cells.
    fn first_attention_chart(&self, pictures: &[String]) -> Option<Chart> {
        let blocks = self.from_first.as_ref()?;
        let means: Vec<Vec<f64>> = blocks.iter().map(super::FromFirst::mean).collect();
        let indices: Vec<usize> = (0..blocks.len()).collect();
        let panels = self.panels_of(
            pictures,
            None,
            &indices,
            &|index| blocks[index].layer,
            &|index, row, out| out.push(means[index][row]),
        );
        let known = panels.iter().flat_map(|p| &p.slices).flat_map(|s| &s.values).flatten();
        let scale = Scale::from_zero(known.copied());
        let special = |means: &Vec<f64>| {
            let rows = self.states.rows.iter().zip(means).filter(|(row, _)| row.special);
            rows.map(|(_, weight)| weight).sum::<f64>() / self.states.media.len().max(1) as f64
        };
        let special: Vec<f64> = means.iter().map(special).collect();
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        let low = percent(special.iter().copied().fold(f64::INFINITY, f64::min));
        let high = percent(special.iter().copied().fold(0.0, f64::max));
        let rest = if low == high { low } else { format!("between {low} and {high}") };
        let first = &self.states.rows.first()?.label;
        let (unit, units) = (self.unit_name(), self.units());
        let caption = format!(
            "The attention weight from {first} to every {unit}, in the block that computes the \
             layer: the mean of its heads. All weights of a layer sum to 1; the special tokens have \
             the rest, {rest}. All layers have one colour scale. A weight does not show how a head \
             uses what it reads.",
        );
        let title = format!("Attention of {first} to the {units}, by layer");
        let pictures = Pictures::new("attention weight, mean of heads", scale, panels);
        let chart = Chart::new("first_attention", title, pictures).caption(caption);
        Some(chart.paper("Jain & Wallace 2019", "10.18653/v1/N19-1357"))
    }
}
