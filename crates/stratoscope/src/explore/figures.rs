//! The figures of an exploration and their captions.

use super::maps::LayerMaps;
use super::neighbours::NeighbourChange;
use super::options::{Alignment, Reducer};
use super::{Exploration, LayerSummary};
use crate::analysis::Figure;
use crate::text::{display_names, metric_label, short_name};
use crate::{Estimate, Part};
use serde_json::{Value, json};
use stratoscope_extractor::{LayerSelection, Unit};
use stratoscope_plot::{
    Activations, Depth, LayerMatrix, Map, MapColour, Maps, Panel, Series, SeriesKind, Similarity,
    Token, Trajectory, XAxis,
};

/// Absolute values beyond this percentile share the last colour of the activations.
const CLIP: f64 = 99.0;

impl Exploration {
    /// Every figure that is not omitted.
    pub(super) fn drawn(&self) -> Vec<Figure> {
        let figure = |id: &str, drawn, numbers| Figure::new(id, drawn, numbers);
        let mut figures = Vec::new();
        if let Some(maps) = &self.trajectory {
            let drawn = self.trajectory_figure(maps).draw();
            figures.push(figure("trajectory", drawn, self.maps_numbers(maps)));
        }
        if let Some(maps) = &self.tsne {
            let drawn = self.tsne_figure(maps).draw();
            figures.push(figure("tsne", drawn, self.maps_numbers(maps)));
        }
        if let Some(similarity) = &self.similarity {
            let drawn = Similarity {
                title: self.title("Similarity of tokens by layer"),
                caption: "Cosine of every token with every other. Upper block: raw; it is high \
                          between any two words where the space is a narrow cone, and a few large \
                          dimensions can carry it. Lower block: after the mean of the layer's \
                          tokens (without special ones) is subtracted; with few tokens that mean \
                          makes unlike tokens look opposed. All panels of a block share one scale."
                    .to_owned(),
                tokens: self.tokens(None),
                layers: self.states.layers.clone(),
                raw: similarity.raw.clone(),
                centred: similarity.centred.clone(),
            }
            .draw();
            let numbers = json!({
                "tokens": self.tokens_numbers(None),
                "layers": self.states.layers.iter().enumerate().map(|(l, layer)| json!({
                    "layer": layer,
                    "cosine": similarity.raw[l],
                    "centred_cosine": similarity.centred[l],
                })).collect::<Value>(),
            });
            figures.push(figure("similarity", drawn, numbers));
        }
        let series = self.depth_series();
        if !series.is_empty() {
            let own = Panel {
                title: match self.profile {
                    Some(_) => "this text".to_owned(),
                    None => String::new(),
                },
                y_label: metric_label(self.options.metric).to_owned(),
                layers: self.states.layers.clone(),
                x: XAxis::Layers,
                range: None,
                series,
            };
            let mut rows = vec![vec![own]];
            rows.extend(self.profile.iter().flat_map(|p| p.panels("the model's profile, ")));
            let depth = Depth {
                title: self.title("What changes with depth"),
                caption: self.depth_caption(),
                rows,
            };
            let numbers = json!({
                "metric": metric_label(self.options.metric),
                "layers": self.layers,
                "profile": self.profile,
            });
            figures.push(figure("depth", depth.draw(), numbers));
        }
        if let Some((values, n)) = &self.cka {
            let drawn = LayerMatrix {
                title: self.title("How alike the layers are"),
                caption: format!(
                    "Debiased linear CKA (Kornblith et al. 2019; Murphy et al. 2024) over the \
                     {unit} that are not special: 1 where two layers arrange them alike up to rotation and scale, about \
                     0 for unrelated arrangements, which may come out below 0. Few {unit} make it \
                     noisy.",
                    unit = self.unit(),
                ),
                measure: "debiased linear CKA".to_owned(),
                n: *n,
                layers: self.states.layers.clone(),
                values: values.clone(),
            }
            .draw();
            let side = self.states.layers.len();
            let numbers = json!({
                "measure": "debiased linear CKA",
                "n": n,
                "layers": self.states.layers.iter().enumerate().map(|(l, layer)| json!({
                    "layer": layer,
                    "cka": &values[l * side..(l + 1) * side],
                })).collect::<Value>(),
            });
            figures.push(figure("cka", drawn, numbers));
        }
        if let Some(change) = &self.neighbour_change {
            let title = self.title("Change of nearest neighbours");
            let names = display_names(&self.states.rows);
            let drawn = change.figure(title, &names, self.unit(), self.options.metric).draw();
            figures.push(figure("neighbour_change", drawn, self.change_numbers(change)));
        }
        if let Some(attention) = &self.attention {
            if !attention.blocks.is_empty() {
                let drawn = attention.figure(self.title("Where heads look")).draw();
                let numbers = json!({ "n": attention.n, "layers": attention.blocks });
                figures.push(figure("attention", drawn, numbers));
            }
            if let Some(rollout) = &attention.rollout {
                let title = self.title("Attention rollout");
                let drawn = rollout.figure(title, self.states.texts.len()).draw();
                let numbers = json!({
                    "tokens": rollout.tokens,
                    "layers": rollout.weights.iter().zip(1..).map(|(weights, layer)| json!({
                        "layer": layer,
                        "weights": weights,
                    })).collect::<Value>(),
                });
                figures.push(figure("rollout", drawn, numbers));
            }
        }
        let (drawn, numbers) = self.activations_figure();
        figures.push(figure("activations", drawn.draw(), numbers));
        figures
    }

    fn trajectory_figure(&self, maps: &LayerMaps) -> Trajectory {
        let basis = match (maps.reducer, maps.alignment) {
            (Reducer::Pca, Alignment::Joint) => {
                "One basis for all layers: the two directions in which the tokens of all layers \
                 together vary most (PCA). Much of it may be the drift that all tokens share."
            }
            (Reducer::Pca, _) => {
                "Each layer has its own two directions of greatest variance (PCA), turned and \
                 mirrored to lie on the layer before (Procrustes): the drift that all tokens share \
                 is gone."
            }
            (Reducer::Random, _) => {
                "Two random directions, the control: what this picture shows too is not the \
                 reducer's doing."
            }
            (Reducer::Tsne, Alignment::Joint) => {
                "One t-SNE map of the tokens of all layers: only near neighbours mean something, \
                 distances, directions and empty space do not."
            }
            (Reducer::Tsne, _) => {
                "A t-SNE map a layer, each turned, mirrored and scaled to lie on the layer before \
                 (Procrustes): only near neighbours mean something."
            }
        };
        let pick = |of: &[Option<f64>]| {
            let known: Vec<f64> = of.iter().flatten().copied().collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        let trust = match (pick(&maps.trustworthiness), pick(&maps.continuity), maps.k) {
            (Some(t), Some(c), Some(k)) => format!(
                " Neighbours kept by the plane, mean over layers (k = {k}): trustworthiness {t:.2}, \
                 continuity {c:.2}."
            ),
            _ => String::new(),
        };
        let mut tokens = self.tokens(Some(&maps.rows));
        let mut points = maps.points.clone();
        let mut left_out = String::new();
        let far = far_from_the_rest(maps);
        if !far.is_empty() {
            let names: Vec<String> =
                far.iter().map(|&column| format!("“{}”", tokens[column].text)).collect();
            left_out = format!(
                " Not drawn, since their trails leave the plane of the others by more than its \
                 width: {} (in the numbers).",
                names.join(", ")
            );
            let kept = |column: usize| far.binary_search(&column).is_err();
            tokens = (tokens.into_iter().enumerate())
                .filter(|(column, _)| kept(*column))
                .map(|(_, token)| token)
                .collect();
            for layer in &mut points {
                let all = std::mem::take(layer).into_iter().enumerate();
                *layer = all.filter(|(column, _)| kept(*column)).map(|(_, point)| point).collect();
            }
        }
        Trajectory {
            title: self.title("Trails through depth"),
            caption: format!(
                "{basis}{trust}{}{left_out}{}",
                self.placed_note(maps),
                self.norm_note()
            ),
            tokens,
            layers: self.states.layers.clone(),
            points,
            shares: maps.shares,
        }
    }

    fn tsne_figure(&self, maps: &LayerMaps) -> Maps {
        let how = match maps.alignment {
            Alignment::Joint => "One map of the tokens of all layers, shown layer by layer.",
            Alignment::Procrustes => {
                "A map a layer, each turned, mirrored and scaled to lie on the layer before."
            }
            Alignment::None => "A map a layer, not aligned: layers cannot be compared.",
        };
        let perplexity = maps.perplexity.unwrap_or(0.0);
        let of = maps
            .components
            .map_or_else(String::new, |k| format!(", of the first {k} principal components"));
        let left = self.states.rows.len() - maps.rows.len();
        let left = match left {
            0 => String::new(),
            n => format!(" {n} special or outlying tokens are left out."),
        };
        let sentences = self.states.texts.len();
        Maps {
            title: self.title("t-SNE by layer"),
            caption: format!(
                "{how} Perplexity {perplexity:.1}{of}. Near neighbours mean something; distances, \
                 sizes of groups and empty space do not. T: trustworthiness, C: continuity, the \
                 shares of neighbourhoods that are true and that are kept (k = {}).{left}",
                maps.k.map_or_else(|| "undefined".to_owned(), |k| k.to_string()),
            ),
            tokens: self.tokens(Some(&maps.rows)),
            maps: (self.states.layers.iter().enumerate())
                .map(|(l, &layer)| Map {
                    layer,
                    note: match (maps.trustworthiness[l], maps.continuity[l]) {
                        (Some(t), Some(c)) => format!("T {t:.2}, C {c:.2}"),
                        _ => String::new(),
                    },
                    points: maps.points[l].clone(),
                })
                .collect(),
            colour: if sentences > 1 { MapColour::Sentence } else { MapColour::Position },
        }
    }

    pub(super) fn depth_series(&self) -> Vec<Series> {
        type Pick = fn(&LayerSummary) -> Option<Estimate>;
        let curves: [(&str, SeriesKind, Pick); 3] = [
            ("to itself at layer 0", SeriesKind::Measure, |l| l.to_layer_0),
            ("to the others of its sentence", SeriesKind::Measure, |l| l.to_sentence),
            ("any two words", SeriesKind::Baseline, |l| l.baseline),
        ];
        let series = curves.into_iter().map(|(name, kind, pick)| {
            let values: Vec<_> = self.layers.iter().map(pick).collect();
            Series {
                name: name.to_owned(),
                values: values.iter().map(|v| v.map(|v| v.value)).collect(),
                interval: values.iter().map(|v| v.and_then(|v| v.low.zip(v.high))).collect(),
                n: values.iter().flatten().map(|v| v.n).next(),
                kind,
                peak: false,
            }
        });
        series.filter(|s| s.values.iter().any(Option::is_some)).collect()
    }

    pub(super) fn depth_caption(&self) -> String {
        let of = match self.states.texts.len() {
            1 => format!("the {} of one text, so they say nothing of other texts", self.unit()),
            n => format!("{n} texts"),
        };
        let baseline = match self.layers.first().and_then(|l| l.baseline) {
            Some(b) => format!(
                " Dashed: the mean cosine of words from {} unrelated sentences (Ethayarajh 2019); \
                 a cosine says something only where it leaves that line.",
                b.n
            ),
            None => self
                .omitted
                .iter()
                .find(|omitted| omitted.what == Part::Baseline)
                .map_or_else(String::new, |omitted| format!(" No baseline: {}.", omitted.why)),
        };
        format!(
            "Means over the {} that are not special, with 95 % bootstrap intervals over \
             {of}.{baseline}{}",
            self.unit(),
            self.profile.as_ref().map_or_else(String::new, |profile| format!(
                " Below the text's own curves: the profile of the model, not of this text. {}",
                profile.caption()
            ))
        )
    }

    fn activations_figure(&self) -> (Activations, Value) {
        let all = 0..self.states.layers.len();
        let chosen: Vec<usize> = match &self.options.layers {
            LayerSelection::All => all.last().into_iter().collect(),
            LayerSelection::Some(_) => all.collect(),
        };
        let values: Vec<Vec<f32>> =
            chosen.iter().map(|&l| self.states.layer(l).iter().copied().collect()).collect();
        let layers: Vec<usize> = chosen.iter().map(|&l| self.states.layers[l]).collect();
        let d_model = self.states.d_model();
        let numbers = json!({
            "tokens": self.tokens_numbers(None),
            "layers": layers.iter().zip(&values).map(|(layer, values)| json!({
                "layer": layer,
                "values": values.chunks(d_model).collect::<Vec<_>>(),
            })).collect::<Value>(),
        });
        let figure = Activations {
            title: self.title("Activations"),
            caption: "The hidden states themselves: one row a token, one column a dimension. A \
                      dark column is a dimension that is large for every token; what a dimension \
                      means cannot be read off."
                .to_owned(),
            tokens: self.tokens(None),
            layers,
            d_model,
            values,
            clip_percentile: CLIP,
        };
        (figure, numbers)
    }

    /// The numbers of maps: what is on them and where.
    fn maps_numbers(&self, maps: &LayerMaps) -> Value {
        json!({
            "reducer": maps.reducer,
            "alignment": maps.alignment,
            "share_of_variance": maps.shares,
            "perplexity": maps.perplexity,
            "neighbours": maps.k,
            "tokens": self.tokens_numbers(Some(&maps.rows)),
            "placed_not_fitted": maps.placed,
            "layers": self.states.layers.iter().enumerate().map(|(l, layer)| json!({
                "layer": layer,
                "trustworthiness": maps.trustworthiness[l],
                "continuity": maps.continuity[l],
                "points": maps.points[l],
            })).collect::<Value>(),
        })
    }

    /// The change of neighbours, with the texts of the tokens.
    fn change_numbers(&self, change: &NeighbourChange) -> Value {
        json!({
            "neighbours": change.neighbours,
            "metric": metric_label(self.options.metric),
            "n": change.n,
            "by_chance": change.by_chance,
            "steps": change.steps.iter().map(|step| json!({
                "from": step.from,
                "to": step.to,
                "change": step.change,
                "tokens": step.tokens.iter().map(|token| json!({
                    "token": token.row,
                    "text": self.states.rows[token.row].label,
                    "change": token.change,
                })).collect::<Value>(),
            })).collect::<Value>(),
        })
    }

    fn placed_note(&self, maps: &LayerMaps) -> String {
        let special = maps.placed.iter().filter(|&&r| self.states.rows[r].special).count();
        let sinks = maps.placed.len() - special;
        match (special, sinks) {
            (0, 0) => String::new(),
            (_, 0) => " Special tokens are placed on this basis, not fitted.".to_owned(),
            _ => format!(
                " Special tokens and {sinks} tokens of outlying norm are placed on this basis, not \
                 fitted."
            ),
        }
    }

    /// That the last step is not of a block alone.
    fn norm_note(&self) -> &'static str {
        let origin = &self.states.origin;
        match origin.final_norm && self.states.layers.last() == Some(&origin.n_layers) {
            true => {
                " The last layer is after the model's final norm, which has a scale of its own: \
                 much of the last step is that norm's."
            }
            false => "",
        }
    }

    fn title(&self, what: &str) -> String {
        format!("{what}: {}", short_name(&self.states.origin.model))
    }

    pub(super) fn unit(&self) -> &'static str {
        match self.states.unit {
            Unit::Token => "tokens",
            Unit::Word => "words",
            Unit::Sentence => "sentences",
        }
    }

    fn tokens(&self, rows: Option<&[usize]>) -> Vec<Token> {
        let names = display_names(&self.states.rows);
        let named = self.states.rows.iter().zip(names).enumerate();
        named
            .filter(|(index, _)| rows.is_none_or(|rows| rows.binary_search(index).is_ok()))
            .map(|(_, (row, text))| Token { text, sentence: row.sequence, special: row.special })
            .collect()
    }

    fn tokens_numbers(&self, rows: Option<&[usize]>) -> Value {
        let all = self.states.rows.iter().enumerate();
        all.filter(|(index, _)| rows.is_none_or(|rows| rows.binary_search(index).is_ok()))
            .map(|(_, row)| {
                json!({ "text": row.label, "sentence": row.sequence, "special": row.special })
            })
            .collect()
    }
}

/// The columns of maps whose tokens were placed on a basis that was fitted without them, and which
/// somewhere leave the plane of the others by more than its width: attention sinks, beside which
/// nothing else would be seen.
fn far_from_the_rest(maps: &LayerMaps) -> Vec<usize> {
    let placed = |column: &usize| maps.placed.contains(&maps.rows[*column]);
    let (aside, fitted): (Vec<usize>, Vec<usize>) = (0..maps.rows.len()).partition(placed);
    if fitted.is_empty() {
        return Vec::new();
    }
    let range = |axis: usize| {
        let values = maps.points.iter().flat_map(|l| fitted.iter().map(move |&c| l[c][axis]));
        let (low, high) =
            values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        (low, high)
    };
    let ranges = [range(0), range(1)];
    let width = ranges.iter().map(|(low, high)| high - low).fold(0.0, f64::max);
    let beyond = |point: &[f64; 2]| {
        (point.iter().zip(ranges)).any(|(v, (low, high))| *v < low - width || *v > high + width)
    };
    aside.into_iter().filter(|&c| maps.points.iter().any(|layer| beyond(&layer[c]))).collect()
}
