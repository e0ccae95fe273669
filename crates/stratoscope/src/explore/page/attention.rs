//! The charts of attention, where it was captured.

use crate::explore::{Attention, Exploration, HeadSummary};
use stratoscope_extractor::{Capture, Unit};
use stratoscope_report as schema;
use stratoscope_report::{Axis, Chart, Drawing, Matrix, Paper, Scale, Slice};
use stratoscope_transformer::HookPoint;

/// More cells of patterns than this make a page too heavy: then they are means over heads.
const MAX_CELLS: usize = 30_000;

impl Exploration {
    /// What heads do by layer, where they look in the first text, and rollout.
    pub(super) fn attention_charts(&self, data: &schema::Exploration) -> Vec<Chart> {
        let Some(attention) = &self.attention else { return Vec::new() };
        let mut charts = Vec::new();
        type Pick = fn(&HeadSummary) -> Option<f64>;
        let measures: [(&str, &str, &str, Pick); 3] = [
            ("entropy", "Entropy of heads", "entropy in nats", |h| Some(h.entropy)),
            ("distance", "How far heads look", "mean distance in tokens", |h| h.distance),
            ("special", "Attention to special tokens", "share of the weight", |h| h.to_special),
        ];
        for (id, title, value, pick) in measures {
            charts.extend(heads(attention, id, title, value, pick));
        }
        let of = match data.texts.len() {
            1 => "",
            _ => " Of the first text.",
        };
        if let Some(rollout) = &attention.rollout {
            let tokens = self.first_text(&rollout.tokens, data);
            let paper = Paper::new("Abnar & Zuidema 2020", "10.18653/v1/2020.acl-main.385");
            let largest = rollout.weights.iter().flatten().copied().fold(0.0, f64::max);
            let slice = |(index, weights): (usize, &Vec<f64>)| Slice {
                name: String::new(),
                layer: Some(index + 1),
                values: weights.iter().copied().map(Some).collect(),
            };
            charts.push(Chart {
                id: "rollout".to_owned(),
                title: "Attention rollout".to_owned(),
                shows: format!(
                    "How much of each token of the text (column) is in each token of the layer \
                     (row), if attention alone moved them: the mean over heads, half of it the \
                     residual stream, multiplied from the text upward. It knows nothing of values, \
                     MLPs and norms.{of}"
                ),
                paper: Some(paper),
                exploration: None,
                drawing: Drawing::Matrix(Matrix {
                    rows: tokens.clone(),
                    columns: tokens,
                    value: "share of the row's token".to_owned(),
                    scale: Scale { low: 0.0, high: largest, signed: false },
                    slices: rollout.weights.iter().enumerate().map(slice).collect(),
                }),
            });
            charts.extend(self.patterns(&rollout.tokens, data, of));
        }
        charts
    }

    /// The patterns of the first text, head by head or as means over heads.
    fn patterns(&self, names: &[String], data: &schema::Exploration, of: &str) -> Option<Chart> {
        let n = names.len();
        let mut slices = Vec::new();
        let patterns = self.states.hooks.iter().filter_map(|hook| match hook.capture {
            Capture::Hook(HookPoint::Pattern(block)) => Some((block + 1, &hook.values)),
            _ => None,
        });
        let patterns: Vec<_> = patterns.collect();
        let cells: usize = patterns.iter().map(|(_, values)| values.nrows() * n * n).sum();
        for (layer, values) in patterns {
            let heads = values.nrows();
            let cell = |head: usize, cell: usize| f64::from(values[[head, cell]]);
            if cells <= MAX_CELLS {
                slices.extend((0..heads).map(|head| Slice {
                    name: format!("head {head}"),
                    layer: Some(layer),
                    values: (0..n * n).map(|c| Some(cell(head, c))).collect(),
                }));
            } else {
                let mean = |c: usize| (0..heads).map(|h| cell(h, c)).sum::<f64>() / heads as f64;
                slices.push(Slice {
                    name: "mean over heads".to_owned(),
                    layer: Some(layer),
                    values: (0..n * n).map(|c| Some(mean(c))).collect(),
                });
            }
        }
        let tokens = self.first_text(names, data);
        (!slices.is_empty()).then(|| Chart {
            id: "attention".to_owned(),
            title: "Attention patterns".to_owned(),
            shows: format!(
                "How much each token (row) looks at each other (column) in the block that makes the \
                 layer; every row adds up to 1. Where a head looks does not say what it does with \
                 what it finds.{of}"
            ),
            paper: Some(Paper::new("Jain & Wallace 2019", "10.18653/v1/N19-1357")),
            exploration: None,
            drawing: Drawing::Matrix(Matrix {
                rows: tokens.clone(),
                columns: tokens,
                value: "weight".to_owned(),
                scale: Scale { low: 0.0, high: 1.0, signed: false },
                slices,
            }),
        })
    }

    /// The tokens of the first text as an axis, which the page links with all else where its rows
    /// are tokens.
    fn first_text(&self, names: &[String], data: &schema::Exploration) -> Axis {
        let here = self.states.unit == Unit::Token && data.sampled.is_none();
        let first = data.tokens.iter().filter(|token| token.sentence == 0).count();
        match here && first == names.len() {
            true => Axis::tokens(names.to_vec(), (0..names.len()).collect()),
            false => Axis::named("token", names.to_vec()),
        }
    }
}

/// Heads by layer; nothing where no head has a value.
fn heads(
    attention: &Attention,
    id: &str,
    title: &str,
    value: &str,
    pick: fn(&HeadSummary) -> Option<f64>,
) -> Option<Chart> {
    let n = attention.blocks.iter().map(|block| block.heads.len()).max().unwrap_or(0);
    let values: Vec<Option<f64>> = (attention.blocks.iter())
        .flat_map(|block| (0..n).map(move |head| block.heads.get(head).and_then(pick)))
        .collect();
    let largest = values.iter().flatten().copied().fold(0.0, f64::max);
    let layers: Vec<usize> = attention.blocks.iter().map(|block| block.layer).collect();
    let known = values.iter().any(Option::is_some);
    known.then(|| Chart {
        id: format!("heads-{id}"),
        title: title.to_owned(),
        shows: format!(
            "What each head does, as the mean over the {} tokens that are not special; row: the \
             layer that its block makes. A mean over tokens hides heads that do one thing at some \
             tokens and another at others.",
            attention.n
        ),
        paper: Some(Paper::new("Vig & Belinkov 2019", "10.18653/v1/W19-4808")),
        exploration: None,
        drawing: Drawing::Matrix(Matrix {
            rows: Axis::layers(&layers),
            columns: Axis::named("head", (0..n).map(|head| head.to_string()).collect()),
            value: value.to_owned(),
            scale: Scale { low: 0.0, high: largest.max(f64::MIN_POSITIVE), signed: false },
            slices: vec![Slice { values, ..Slice::default() }],
        }),
    })
}
