//! The experts of each token in models with mixtures of experts, and their chart.

use super::Exploration;
use super::charts::Described;
use crate::text::counted;
use serde::Serialize;
use std::collections::BTreeSet;
use stratoscope_chart::{Axis, Chart, MatrixPanel, Scale, Slice};
use stratoscope_extractor::Activations;
use stratoscope_report::TokenExperts;
use stratoscope_transformer::Transformer;

/// The hook points of the router logits.
pub(super) const ROUTERS: &str = "blocks.*.mlp.hook_router";

/// With more cells than this, the page would be too large.
pub(super) const MAX_CELLS: usize = 120_000;

/// The experts of each token.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Experts {
    /// The number of experts of a block.
    pub n_experts: usize,
    /// The number of experts that a token uses.
    pub n_chosen: usize,
    /// One entry per block with a mixture of experts.
    pub blocks: Vec<BlockExperts>,
    /// The number of tokens whose choice is within the error of the computation in some block.
    pub uncertain: usize,
}

/// The experts of each token in a block.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct BlockExperts {
    /// The layer that is the output of the block: 1 for the first block.
    pub layer: usize,
    /// `[tokens]`.
    pub tokens: Vec<TokenExperts>,
}

impl Experts {
    /// From states of tokens with router logits; rows that `keep` leaves out are not listed. `None`
    /// without such logits.
    pub(super) fn of(
        states: &Activations,
        transformer: &Transformer,
        keep: impl Fn(usize) -> bool,
    ) -> Option<Self> {
        let mixture = transformer.architecture().mixture.as_ref()?;
        let (routing, error) = (states.routing(transformer), states.routing_error());
        let block = |block: &stratoscope_extractor::BlockRouting| BlockExperts {
            layer: block.block + 1,
            tokens: (block.tokens.iter().enumerate())
                .filter(|(row, _)| keep(*row))
                .map(|(_, routing)| TokenExperts {
                    experts: routing.experts.iter().map(|(expert, _)| *expert).collect(),
                    weights: routing.experts.iter().map(|(_, w)| f64::from(*w)).collect(),
                    margin: routing.margin.is_finite().then_some(f64::from(routing.margin)),
                    uncertain: routing.is_within(error),
                })
                .collect(),
        };
        let blocks: Vec<BlockExperts> = routing.iter().map(block).collect();
        let n = blocks.first()?.tokens.len();
        // Of the tokens that are listed.
        let is_uncertain = |token: &usize| blocks.iter().any(|b| b.tokens[*token].uncertain);
        let uncertain = (0..n).filter(is_uncertain).count();
        let (n_experts, n_chosen) = (mixture.n_experts, mixture.n_chosen);
        Some(Self { n_experts, n_chosen, blocks, uncertain })
    }

    /// The experts of the block that computes a layer.
    pub(super) fn at(&self, layer: usize) -> Option<&[TokenExperts]> {
        self.blocks.iter().find(|block| block.layer == layer).map(|block| &block.tokens[..])
    }

    /// The experts that some token uses in some block, ascending.
    fn used(&self) -> Vec<usize> {
        let tokens = self.blocks.iter().flat_map(|block| &block.tokens);
        let used: BTreeSet<usize> = tokens.flat_map(|token| token.experts.clone()).collect();
        used.into_iter().collect()
    }

    /// The cells of the chart.
    pub(super) fn cells(&self) -> usize {
        let tokens: usize = self.blocks.iter().map(|block| block.tokens.len()).sum();
        tokens * self.used().len()
    }
}

impl Exploration {
    /// The chart of tokens by experts; `None` without mixtures of experts or for too many cells.
    pub(super) fn experts_chart(&self) -> Option<Described> {
        let experts = self.experts.as_ref().filter(|experts| experts.cells() <= MAX_CELLS)?;
        let rows: Vec<usize> = (0..self.states.rows.len()).collect();
        let used = experts.used();
        let slice = |block: &BlockExperts| {
            let cell = |token: &TokenExperts, expert: usize| {
                let place = token.experts.iter().position(|&own| own == expert);
                place.map(|place| token.weights[place])
            };
            let cells = block.tokens.iter().flat_map(|token| used.iter().map(|&e| cell(token, e)));
            // The chosen experts of an uncertain token are framed.
            let framed = block.tokens.iter().enumerate().filter(|(_, token)| token.uncertain);
            let framed = framed.flat_map(|(row, token)| {
                let column = |expert: &usize| used.binary_search(expert).ok();
                let columns = token.experts.iter().filter_map(column);
                columns.map(|column| row * used.len() + column).collect::<Vec<_>>()
            });
            Slice::new(cells).layer(block.layer).framed(framed)
        };
        let labels = used.iter().map(ToString::to_string).collect();
        let scale = Scale::unit();
        let panel = MatrixPanel::new(
            self.token_axis(&rows).title(""),
            Axis::named("expert", labels),
            "weight of the expert",
            scale,
        )
        .slices(experts.blocks.iter().map(slice));
        let left_out = match experts.n_experts - used.len() {
            0 => String::new(),
            n => format!(" {} no token.", counted(n, "expert gets", "experts get")),
        };
        let caption = format!(
            "The experts that each token uses in the block that computes the layer, {} of {}, with \
             their weights; grey cells are experts that the token does not use.{left_out} \
             Experts of different blocks have nothing in common but their number, and an expert \
             is a part of a sum: that two tokens use it does not show that they mean something \
             similar. {}",
            experts.n_chosen,
            experts.n_experts,
            self.uncertain_experts(experts),
        );
        let chart = Chart::new("experts", "Experts of each token", panel)
            .caption(caption)
            .paper("Shazeer et al. 2017", "10.48550/arXiv.1701.06538");
        let line = format!(
            "{} of {} per token; {}",
            experts.n_chosen,
            experts.n_experts,
            match experts.uncertain {
                0 => "no choice is within rounding".to_owned(),
                n => format!("the choice of {} is within rounding", counted(n, "token", "tokens")),
            }
        );
        Some(Described { chart, headline: Some(("experts", line)) })
    }

    /// The tokens whose choice is within the error, in a sentence.
    fn uncertain_experts(&self, experts: &Experts) -> String {
        let error = self.states.routing_error();
        let about = format!(
            "smaller than the error of the computation ({error:.0e} of the token's largest router \
             logit)"
        );
        match experts.uncertain {
            0 => format!(
                "The routing margin, by which the last chosen expert exceeds the next, is never \
                 {about}."
            ),
            n => format!(
                "Framed: the routing margin, by which the last chosen expert exceeds the next, is \
                 {about}; {} so in some block. Another machine or program may choose another \
                 expert there, and the later states of the token then differ by more than \
                 rounding.",
                counted(n, "token is", "tokens are")
            ),
        }
    }
}
