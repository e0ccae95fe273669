//! The two figures of an exploration that are not charts: the trajectory and the activations.

use super::Exploration;
use super::maps::LayerMaps;
use super::options::{Alignment, Reducer};
use crate::analysis::{Bespoke, Figure, Picture};
use crate::text::{counted, short_name};
use serde_json::{Value, json};
use stratoscope_chart::csv_field;
use stratoscope_extractor::LayerSelection;
use stratoscope_plot::{Activations, Trajectory};

/// In the figure of activations, absolute values above this percentile have the last colour.
const CLIP: f64 = 99.0;

impl Exploration {
    /// The figure of the path of every token through the layers.
    pub(super) fn trajectory_figure(&self) -> Option<Figure> {
        let maps = self.trajectory.as_ref()?;
        let far = far_from_the_rest(maps);
        let is_drawn = |column: &usize| far.binary_search(column).is_err();
        let drawn: Vec<usize> = (0..maps.rows.len()).filter(is_drawn).collect();
        let rows: Vec<usize> = drawn.iter().map(|&column| maps.rows[column]).collect();
        let units = if self.cells.is_some() { self.units() } else { "tokens" };
        let title = &format!("Paths of {units} through the layers");
        let caption = self.trajectory_caption(maps, &far);
        let mut json = self.described("trajectory", title, &caption);
        let picture = Trajectory {
            title: self.full_title(title),
            caption,
            tokens: self.token_axis(&rows),
            layers: self.states.layers.clone(),
            points: (maps.points.iter())
                .map(|points| drawn.iter().map(|&column| points[column]).collect())
                .collect(),
            shares: maps.shares,
        };
        json["reducer"] = json!(maps.reducer);
        json["alignment"] = json!(maps.alignment);
        json["unit_length"] = json!(maps.unit_length);
        json["share_of_variance"] = json!(maps.shares);
        json["perplexity"] = json!(maps.perplexity);
        json["neighbours"] = json!(maps.k);
        json["tokens"] = self.tokens(&maps.rows);
        json["placed_not_fitted"] = json!(maps.placed);
        let layer = |(index, layer): (usize, &usize)| {
            json!({
                "layer": layer,
                "trustworthiness": maps.trustworthiness[index],
                "continuity": maps.continuity[index],
                "points": maps.points[index],
            })
        };
        json["layers"] = self.states.layers.iter().enumerate().map(layer).collect();
        let mut csv = "layer,token,text,x,y\r\n".to_owned();
        for (layer, points) in self.states.layers.iter().zip(&maps.points) {
            for (&row, [x, y]) in maps.rows.iter().zip(points) {
                let text = csv_field(&self.states.rows[row].label);
                csv += &format!("{layer},{row},{text},{x},{y}\r\n");
            }
        }
        let picture = Picture::Trajectory(picture);
        Some(Figure::bespoke("trajectory", Bespoke { picture, json, csv }))
    }

    fn trajectory_caption(&self, maps: &LayerMaps, far: &[usize]) -> String {
        let basis = match (maps.reducer, maps.alignment) {
            (Reducer::Pca, Alignment::Joint) => {
                "One basis for all layers: the two directions of the largest variance of the \
                 tokens of all layers together (PCA). A shift that all tokens share can be a large \
                 part of this variance."
            }
            (Reducer::Pca, _) => {
                "One map per layer: the two directions of the largest variance of this layer \
                 (PCA). Each map is rotated and mirrored to fit the map of the layer before \
                 (Procrustes). This removes a shift that all tokens share."
            }
            (Reducer::Random, _) => {
                "Two random directions: a control. A structure that is visible here does not come \
                 from the reducer."
            }
            (Reducer::Tsne, Alignment::Joint) => {
                "One t-SNE map of the tokens of all layers. Only near neighbours have a meaning; \
                 long distances, directions and empty space have none."
            }
            (Reducer::Tsne, _) => {
                "One t-SNE map per layer. Each map is rotated, mirrored and scaled to fit the map \
                 of the layer before (Procrustes). Only near neighbours have a meaning."
            }
        };
        let mean = |of: &[Option<f64>]| {
            let known: Vec<f64> = of.iter().flatten().copied().collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        let quality = match (mean(&maps.trustworthiness), mean(&maps.continuity), maps.k) {
            (Some(t), Some(c), Some(k)) => format!(
                " How well the plane keeps neighbours (mean over layers, k = {k}): trustworthiness \
                 {t:.2}, continuity {c:.2}."
            ),
            _ => String::new(),
        };
        let names = self.token_axis(&maps.rows).labels;
        let far: Vec<String> = far.iter().map(|&column| format!("“{}”", names[column])).collect();
        let far = match far.is_empty() {
            true => String::new(),
            false => format!(
                " Not drawn, because their paths leave the area of the other tokens by more than \
                 its width: {} (they are in the JSON and CSV files).",
                far.join(", ")
            ),
        };
        let last = match self.ends_after_norm() {
            true => {
                " The last layer is the output of the final norm, which changes the scale of every \
                 dimension: a large part of the last step is due to this norm."
            }
            false => "",
        };
        let length = maps.length_note();
        format!("{basis}{length}{quality}{}{far}{last}", self.placed_note(maps))
    }

    fn placed_note(&self, maps: &LayerMaps) -> String {
        let special = maps.placed.iter().filter(|&&r| self.states.rows[r].special).count();
        let sinks = maps.placed.len() - special;
        let outlying = counted(sinks, "attention sink", "attention sinks");
        let placed = match (special, sinks) {
            (0, 0) => return String::new(),
            (_, 0) => "special tokens".to_owned(),
            (0, _) => outlying,
            _ => format!("special tokens and {outlying}"),
        };
        format!(" The map was fitted without {placed}; these are placed on it afterwards.")
    }

    /// The figure of the hidden states of the chosen layers, or of the last layer.
    pub(super) fn activations_figure(&self) -> Figure {
        let all = 0..self.states.layers.len();
        let chosen: Vec<usize> = match &self.options.layers {
            LayerSelection::All => all.last().into_iter().collect(),
            LayerSelection::Some(_) => all.collect(),
        };
        let values: Vec<Vec<f32>> =
            chosen.iter().map(|&l| self.states.layer(l).iter().copied().collect()).collect();
        let layers: Vec<usize> = chosen.iter().map(|&l| self.states.layers[l]).collect();
        let d_model = self.states.d_model();
        let title = "Activations";
        let caption = "The hidden states: one row per token, one column per dimension. A dark \
                       column is a dimension with a large absolute value in every token. The \
                       figure does not show what a dimension means."
            .to_owned();
        let rows: Vec<usize> = (0..self.states.rows.len()).collect();
        let mut json = self.described("activations", title, &caption);
        json["tokens"] = self.tokens(&rows);
        let layer = |(layer, values): (&usize, &Vec<f32>)| json!({ "layer": layer, "values": values.chunks(d_model).collect::<Vec<_>>() });
        json["layers"] = layers.iter().zip(&values).map(layer).collect();
        let mut csv = "layer,token,text,dimension,value\r\n".to_owned();
        for (layer, values) in layers.iter().zip(&values) {
            for (row, values) in values.chunks(d_model).enumerate() {
                let text = csv_field(&self.states.rows[row].label);
                for (dimension, value) in values.iter().enumerate() {
                    csv += &format!("{layer},{row},{text},{dimension},{value}\r\n");
                }
            }
        }
        let picture = Picture::Activations(Activations {
            title: self.full_title(title),
            caption,
            tokens: self.token_axis(&rows),
            layers,
            d_model,
            values,
            clip_percentile: CLIP,
        });
        Figure::bespoke("activations", Bespoke { picture, json, csv })
    }

    /// The first keys of the JSON of a figure; charts have the same keys.
    fn described(&self, id: &str, title: &str, caption: &str) -> Value {
        let subject = short_name(&self.states.origin.model);
        json!({ "id": id, "title": title, "subject": subject, "caption": caption })
    }

    fn full_title(&self, title: &str) -> String {
        format!("{title}: {}", short_name(&self.states.origin.model))
    }

    fn tokens(&self, rows: &[usize]) -> Value {
        let token = |&row: &usize| {
            let row = &self.states.rows[row];
            json!({
                "text": row.label,
                "sentence": row.sequence,
                "special": row.special,
                "unknown": row.unknown,
            })
        };
        rows.iter().map(token).collect()
    }

    /// Whether the last layer is the output of the final norm.
    pub(super) fn ends_after_norm(&self) -> bool {
        let origin = &self.states.origin;
        origin.final_norm && self.states.layers.last() == Some(&origin.n_layers)
    }
}

/// The columns of tokens to which the map was not fitted and which, at some layer, are outside the
/// area of the fitted tokens by more than its width. These are attention sinks; drawing them would
/// hide the differences between all other tokens.
fn far_from_the_rest(maps: &LayerMaps) -> Vec<usize> {
    let placed = |column: &usize| maps.placed.contains(&maps.rows[*column]);
    let (aside, fitted): (Vec<usize>, Vec<usize>) = (0..maps.rows.len()).partition(placed);
    if fitted.is_empty() {
        return Vec::new();
    }
    let range = |axis: usize| {
        let values = maps.points.iter().flat_map(|l| fitted.iter().map(move |&c| l[c][axis]));
        values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)))
    };
    let ranges = [range(0), range(1)];
    let width = ranges.iter().map(|(low, high)| high - low).fold(0.0, f64::max);
    let beyond = |point: &[f64; 2]| {
        (point.iter().zip(ranges)).any(|(v, (low, high))| *v < low - width || *v > high + width)
    };
    aside.into_iter().filter(|&c| maps.points.iter().any(|layer| beyond(&layer[c]))).collect()
}
