//! Where the heads of every block look in some texts, and what that adds up to.

use crate::{Error, Explorer, Result};
use ndarray::{ArrayView3, s};
use serde::Serialize;
use std::ops::Range;
use stratoscope_extractor::{Activations, Capture, HookSelection, Unit};
use stratoscope_geometry::{attention_heads, rollout};
use stratoscope_plot::{Heat, HeatPanel};
use stratoscope_transformer::HookPoint;

/// What the heads of every block do in some texts.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Attention {
    /// One entry a block, the lowest first; none where all tokens are special.
    pub blocks: Vec<AttentionBlock>,
    /// How many tokens look: those that are not special, of all texts.
    pub n: usize,
    /// Attention rollout of the first text; none where it is too long to be seen.
    pub rollout: Option<Rollout>,
}

/// The heads of a block.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AttentionBlock {
    /// The layer that the block makes: 1 for the first block.
    pub layer: usize,
    /// One entry a head: means over the tokens that are not special.
    pub heads: Vec<HeadSummary>,
}

/// What a head does, as a mean over the tokens that are not special.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HeadSummary {
    /// Entropy of a token's weights, in nats.
    pub entropy: f64,
    /// That entropy over the largest that it can be, 0 to 1; none where tokens see one position.
    pub relative_entropy: Option<f64>,
    /// How many tokens away it looks, special ones aside; none where it looks at special ones alone.
    pub distance: Option<f64>,
    /// The share of the weight that goes to special tokens; none where a text has none.
    pub to_special: Option<f64>,
}

/// How much of each token of a text is in each of its tokens at every layer, if attention alone
/// moved them (Abnar & Zuidema 2020).
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Rollout {
    /// The names of the text's tokens.
    pub tokens: Vec<String>,
    /// `[n_layers][tokens * tokens]`, rows are tokens of the layer, columns those of the text;
    /// every row adds up to 1. The first entry is of layer 1.
    pub weights: Vec<Vec<f64>>,
}

/// More tokens than this make no readable matrix.
const ROLLOUT_TOKENS: usize = 80;

/// The hook points that [`Explorer::attention`] needs.
pub(crate) const PATTERNS: &str = "blocks.*.attn.hook_pattern";

impl Attention {
    /// The hook points that it is made from: the pattern of every block. To show them, a model
    /// on a CPU computes attention without its kernel: its states differ from those of a run
    /// without, of three real models by up to 4e-7 of the largest.
    pub fn hooks() -> HookSelection {
        match PATTERNS.parse() {
            Ok(hooks) => hooks,
            Err(never) => match never {},
        }
    }
}

impl Explorer {
    /// What the heads do in the texts of `states`, which are of tokens and have the pattern of
    /// every block ([`Attention::hooks`]).
    ///
    /// # Errors
    /// [`Error::NoPattern`] where one is not there, or numbers that are no attention.
    pub fn attention(&self, states: &Activations) -> Result<Attention> {
        let spans: Vec<_> = {
            let layers = &self.model().transformer.architecture().attention.layers;
            layers.iter().map(|layer| layer.span).collect()
        };
        let offsets = states.sequence_offsets();
        let texts: Vec<Range<usize>> = offsets.windows(2).map(|w| w[0]..w[1]).collect();
        let special = |text: &Range<usize>| -> Vec<bool> {
            states.rows[text.clone()].iter().map(|row| row.special).collect()
        };
        let n = states.rows.iter().filter(|row| !row.special).count();
        let any_special = n < states.rows.len();
        let mut attention = Attention { blocks: Vec::new(), n, rollout: None };
        let mut of_first = Vec::new();
        let small = texts.first().is_some_and(|text| text.len() <= ROLLOUT_TOKENS);
        for (block, span) in spans.iter().enumerate() {
            let wanted = Capture::Hook(HookPoint::Pattern(block));
            let captured = states.hooks.iter().find(|hook| hook.capture == wanted);
            let missing = || Error::NoPattern { block };
            let captured = captured.filter(|_| states.unit == Unit::Token).ok_or_else(missing)?;
            let mut begin = 0;
            let mut sums = Sums::default();
            for text in &texts {
                let tokens = text.len();
                let values = captured.values.slice(s![.., begin..begin + tokens * tokens]);
                begin += tokens * tokens;
                let values = values.as_standard_layout();
                let heads = values.nrows();
                let pattern = values.view().into_shape_with_order((heads, tokens, tokens));
                let pattern: ArrayView3<'_, f32> = pattern.map_err(|_| missing())?;
                let special = special(text);
                if special.contains(&false) {
                    let visible: Vec<usize> =
                        (0..tokens).map(|q| span.keys(q, q + 1, tokens).len()).collect();
                    let queries = special.iter().filter(|special| !**special).count();
                    sums.add(&attention_heads(pattern, &special, &visible)?, queries);
                }
                if small && of_first.len() == block {
                    of_first.push(pattern.to_owned());
                }
            }
            if n > 0 {
                let heads = sums.means(any_special);
                attention.blocks.push(AttentionBlock { layer: block + 1, heads });
            }
        }
        if let (true, Some(text)) = (small, texts.first()) {
            let views: Vec<_> = of_first.iter().map(|pattern| pattern.view()).collect();
            let weights = rollout(&views)?.into_iter().map(|w| w.into_iter().collect()).collect();
            let names = crate::text::display_names(&states.rows[text.clone()]);
            attention.rollout = Some(Rollout { tokens: names, weights });
        }
        Ok(attention)
    }
}

/// Sums over texts, weighted by the tokens that look.
#[derive(Default)]
struct Sums {
    heads: Vec<[(f64, f64); 4]>,
}

impl Sums {
    fn add(&mut self, heads: &[stratoscope_geometry::HeadAttention], queries: usize) {
        self.heads.resize(heads.len(), [(0.0, 0.0); 4]);
        let weight = queries as f64;
        for (sums, head) in self.heads.iter_mut().zip(heads) {
            let values =
                [Some(head.entropy), head.relative_entropy, head.distance, Some(head.to_special)];
            for (sum, value) in sums.iter_mut().zip(values) {
                if let Some(value) = value {
                    *sum = (sum.0 + weight * value, sum.1 + weight);
                }
            }
        }
    }

    fn means(&self, any_special: bool) -> Vec<HeadSummary> {
        let mean = |(sum, weight): (f64, f64)| (weight > 0.0).then(|| sum / weight);
        let head = |sums: &[(f64, f64); 4]| HeadSummary {
            entropy: mean(sums[0]).unwrap_or(0.0),
            relative_entropy: mean(sums[1]),
            distance: mean(sums[2]),
            to_special: mean(sums[3]).filter(|_| any_special),
        };
        self.heads.iter().map(head).collect()
    }
}

impl Attention {
    /// What the heads of the block do that makes a layer; none for the embedding.
    pub fn at(&self, layer: usize) -> Option<&[HeadSummary]> {
        self.blocks.iter().find(|block| block.layer == layer).map(|block| &block.heads[..])
    }

    /// Head × layer maps of what the heads do.
    pub(super) fn figure(&self, title: String) -> Heat {
        type Pick = fn(&HeadSummary) -> Option<f64>;
        let measures: [(&str, &str, Pick, bool); 4] = [
            ("Entropy", "entropy in nats", |h| Some(h.entropy), false),
            ("Relative entropy", "entropy / the largest possible", |h| h.relative_entropy, true),
            ("Distance", "mean distance in tokens", |h| h.distance, false),
            ("To special tokens", "share of the weight", |h| h.to_special, true),
        ];
        let heads = self.blocks.iter().map(|b| b.heads.len()).max().unwrap_or(0);
        let panels = measures.into_iter().map(|(title, measure, pick, share)| {
            let values: Vec<Option<f64>> = (self.blocks.iter())
                .flat_map(|block| (0..heads).map(move |h| block.heads.get(h).and_then(pick)))
                .collect();
            let largest = values.iter().flatten().copied().fold(0.0, f64::max);
            HeatPanel {
                title: title.to_owned(),
                measure: measure.to_owned(),
                row_axis: "layer".to_owned(),
                rows: self.blocks.iter().map(|b| b.layer.to_string()).collect(),
                column_axis: "head".to_owned(),
                columns: (0..heads).map(|h| h.to_string()).collect(),
                values,
                range: Some((0.0, if share { 1.0 } else { largest.max(f64::MIN_POSITIVE) })),
            }
        });
        let panels: Vec<HeatPanel> =
            panels.filter(|p| p.values.iter().any(Option::is_some)).collect();
        let special = match panels.iter().any(|p| p.title.starts_with("To special")) {
            true => {
                "Weight on special tokens is often a place to rest (Clark et al. 2019), and is not \
                 part of the distance. "
            }
            false => "This model puts no special tokens around a text. ",
        };
        Heat {
            title,
            caption: format!(
                "What each head does, as the mean over the {} tokens that are not special; row: the \
                 layer that its block makes. Entropy: low where a token looks at few others \
                 (relative: divided by log of the positions that it may see). Distance: how many \
                 tokens away it looks (Vig & Belinkov 2019). {special}Where a head looks does not \
                 say what it does with what it finds (Jain & Wallace 2019).",
                self.n,
            ),
            across: 2,
            shared: false,
            panels,
        }
    }
}

impl Rollout {
    /// Token × token matrices of some layers, on one scale.
    pub(super) fn figure(&self, title: String, texts: usize) -> Heat {
        let n = self.tokens.len();
        let (across, most) = match n {
            0..=12 => (3, 9),
            13..=30 => (2, 6),
            _ => (1, 2),
        };
        let count = self.weights.len();
        let picked: Vec<usize> = match count <= most {
            true => (0..count).collect(),
            false => (1..=most).map(|i| i * count / most - 1).collect(),
        };
        let of = if texts > 1 { " Of the first text." } else { "" };
        let some = match picked.len() < count {
            true => format!(" {} of {count} layers shown.", picked.len()),
            false => String::new(),
        };
        let largest = self.weights.iter().flatten().copied().fold(0.0, f64::max);
        let panel = |&index: &usize| HeatPanel {
            title: format!("Layer {}", index + 1),
            measure: "share of the row's token, one scale for all layers".to_owned(),
            rows: self.tokens.clone(),
            columns: self.tokens.clone(),
            values: self.weights[index].iter().map(|&w| Some(w)).collect(),
            range: Some((0.0, largest)),
            ..HeatPanel::default()
        };
        Heat {
            title,
            caption: format!(
                "Attention rollout (Abnar & Zuidema 2020): how much of each token of the text \
                 (column) is in each token of the layer (row), if attention alone moved them: the \
                 mean over heads, half of it the residual stream, multiplied from the text \
                 upward.{of}{some} It knows nothing of what values, MLPs and norms do, and after \
                 some layers comes out alike for most tokens."
            ),
            across,
            shared: true,
            panels: picked.iter().map(panel).collect(),
        }
    }
}
