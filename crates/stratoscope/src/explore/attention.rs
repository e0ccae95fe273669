//! The attention of every head in some texts, and attention rollout.

mod charts;
mod weights;

use crate::{Error, Explorer, Result};
use ndarray::{ArrayView3, s};
use serde::Serialize;
use std::ops::Range;
use stratoscope_extractor::{Activations, Capture, Captured, HookSelection, Unit};
use stratoscope_geometry::{attention_heads, rollout};
use stratoscope_report::Head;
use stratoscope_transformer::HookPoint;

/// The attention of every head in some texts.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Attention {
    /// One entry per block, the first block first; empty if all tokens are special.
    pub blocks: Vec<AttentionBlock>,
    /// The number of tokens that are not special, in all texts. Means are over these queries.
    pub n: usize,
    /// Attention rollout of the first text; `None` if the text is too long for a readable matrix.
    pub rollout: Option<Rollout>,
}

/// The heads of a block.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AttentionBlock {
    /// The layer that is the output of the block: 1 for the first block.
    pub layer: usize,
    /// One entry per head: means over the tokens that are not special. `relative_entropy` is `None`
    /// if tokens see only one position, `distance` if all weight is on special tokens, `to_special`
    /// if the texts have no special tokens.
    pub heads: Vec<Head>,
}

/// Attention rollout (Abnar & Zuidema 2020): the share of each token of a text in each token of a
/// layer, if only attention moves information.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Rollout {
    /// The names of the tokens of the text.
    pub tokens: Vec<String>,
    /// `[n_layers][tokens * tokens]`, from layer 1 on. A row is a token of the layer, a column is a
    /// token of the text. Every row sums to 1.
    pub weights: Vec<Vec<f64>>,
}

/// A matrix of attention between more tokens is not readable.
const MAX_ROLLOUT_TOKENS: usize = 80;

/// The hook points that [`Explorer::attention`] needs.
pub(crate) const PATTERNS: &str = "blocks.*.attn.hook_pattern";

/// The attention patterns among the captured values of states, each with the layer that its block
/// computes; only of layers that the states have.
pub(super) fn patterns_of(states: &Activations) -> Vec<(usize, &Captured)> {
    let patterns = states.hooks.iter().filter_map(|hook| match hook.capture {
        Capture::Hook(HookPoint::Pattern(block)) => Some((block + 1, hook)),
        _ => None,
    });
    patterns.filter(|(layer, _)| states.layers.contains(layer)).collect()
}

impl Attention {
    /// The hook points that are needed: the attention pattern of every block. With these hook
    /// points, a model on a CPU computes attention without its fused kernel. This changes the
    /// states by up to 4e-7 of the largest value (measured on three real models).
    pub fn hooks() -> HookSelection {
        match PATTERNS.parse() {
            Ok(hooks) => hooks,
            Err(never) => match never {},
        }
    }
}

impl Explorer {
    /// Measures the attention of the heads in the texts of `states`. The rows of the states must be
    /// tokens, and the states must have the pattern of every block ([`Attention::hooks`]).
    ///
    /// # Errors
    /// [`Error::NoPattern`] for a missing pattern; a pattern whose rows are not probability
    /// distributions.
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
        let small = texts.first().is_some_and(|text| text.len() <= MAX_ROLLOUT_TOKENS);
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

/// Sums over texts, weighted by the number of queries.
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

    fn means(&self, any_special: bool) -> Vec<Head> {
        let mean = |(sum, weight): (f64, f64)| (weight > 0.0).then(|| sum / weight);
        let head = |sums: &[(f64, f64); 4]| Head {
            entropy: mean(sums[0]).unwrap_or(0.0),
            relative_entropy: mean(sums[1]),
            distance: mean(sums[2]),
            to_special: mean(sums[3]).filter(|_| any_special),
        };
        self.heads.iter().map(head).collect()
    }
}

impl Attention {
    /// The heads of the block that computes a layer; `None` for layer 0.
    pub fn at(&self, layer: usize) -> Option<&[Head]> {
        self.blocks.iter().find(|block| block.layer == layer).map(|block| &block.heads[..])
    }
}
