//! The charts of attention.

use super::AttentionBlock;
use crate::explore::Exploration;
use crate::explore::charts::Described;
use stratoscope_chart::{Axis, Chart, Matrix, MatrixPanel, Scale, Slice};
use stratoscope_extractor::{Capture, Captured, Unit};
use stratoscope_report::Head;
use stratoscope_transformer::HookPoint;

/// With more cells than this, the page would be too large: patterns are then means over heads.
const MAX_CELLS: usize = 30_000;

impl Exploration {
    /// The chart of the measures of all heads.
    pub(in crate::explore) fn heads(&self) -> Option<Described> {
        let attention = self.attention.as_ref().filter(|a| !a.blocks.is_empty())?;
        type Pick = fn(&Head) -> Option<f64>;
        let measures: [(&str, &str, Pick, bool); 4] = [
            ("Entropy", "entropy in nats", |h| Some(h.entropy), false),
            ("Relative entropy", "entropy / its maximum", |h| h.relative_entropy, true),
            ("Distance", "mean distance in tokens", |h| h.distance, false),
            ("To special tokens", "share of the weight", |h| h.to_special, true),
        ];
        let heads = attention.blocks.iter().map(|b| b.heads.len()).max().unwrap_or(0);
        let layers: Vec<usize> = attention.blocks.iter().map(|block| block.layer).collect();
        let panel = |(title, value, pick, is_share): (&str, &str, Pick, bool)| {
            let of_block = |block: &AttentionBlock| -> Vec<Option<f64>> {
                (0..heads).map(|head| block.heads.get(head).and_then(pick)).collect()
            };
            let values: Vec<Option<f64>> = attention.blocks.iter().flat_map(of_block).collect();
            let scale = match is_share {
                true => Scale::unit(),
                false => Scale::from_zero(values.iter().flatten().copied()),
            };
            let columns = Axis::named("head", (0..heads).map(|head| head.to_string()).collect());
            MatrixPanel::new(Axis::layers(&layers), columns, value, scale)
                .title(title)
                .n(attention.n)
                .values(values)
        };
        let has_special =
            attention.blocks.iter().flat_map(|b| &b.heads).any(|head| head.to_special.is_some());
        let special = match has_special {
            true => {
                "Attention on special tokens often has no effect (Clark et al. 2019), and \
                 distances do not include it."
            }
            false => "There are no special tokens.",
        };
        let places = match self.states.media.is_empty() {
            true => "",
            false => " Distances count tokens in their order, not places in the picture.",
        };
        let caption = format!(
            "Means over the {} tokens that are not special. A row is the layer that a block \
             computes; a column is a head. Entropy: it is low if tokens attend to few tokens; its \
             maximum is the logarithm of the number of visible positions. Distance: the mean \
             distance, in tokens, to the tokens that a head attends to (Vig & Belinkov 2019). \
             {special}{places} A mean does not show how a head differs from token to token, and attention \
             does not show how a head uses what it reads (Jain & Wallace 2019).",
            attention.n,
        );
        let chart = Chart::new(
            "attention",
            "Attention of heads",
            Matrix::new(measures.map(panel)).across(2),
        )
        .caption(caption)
        .paper("Vig & Belinkov 2019", "10.18653/v1/W19-4808");
        Some(chart.into())
    }

    /// The chart of attention rollout in the first text.
    pub(in crate::explore) fn rollout_chart(&self) -> Option<Described> {
        let rollout = self.attention.as_ref()?.rollout.as_ref()?;
        let axis = self.first_text(&rollout.tokens);
        let scale = Scale::from_zero(rollout.weights.iter().flatten().copied());
        let slice = |(weights, layer): (&Vec<f64>, usize)| {
            Slice::new(weights.iter().copied().map(Some)).layer(layer)
        };
        let panel = MatrixPanel::new(axis.clone(), axis, "share of the token of the row", scale)
            .slices(rollout.weights.iter().zip(1..).map(slice));
        let caption = format!(
            "The share of each token of the {} (column) in each token of the layer (row), if \
             only attention moves information (Abnar & Zuidema 2020). The mean over heads gets \
             half of the weight, the residual stream the other half, and the blocks are multiplied \
             from the first block on.{} Rollout ignores values, MLPs and norms. After some layers, \
             its rows are similar for most tokens.",
            self.inputs()[0],
            self.of_first_text()
        );
        let chart = Chart::new("rollout", "Attention rollout", panel)
            .caption(caption)
            .paper("Abnar & Zuidema 2020", "10.18653/v1/2020.acl-main.385");
        Some(chart.into())
    }

    /// The chart of the attention patterns of the first text, by head or as means over heads.
    pub(in crate::explore) fn patterns(&self) -> Option<Described> {
        let rollout = self.attention.as_ref()?.rollout.as_ref()?;
        let n = rollout.tokens.len();
        let patterns = self.states.hooks.iter().filter_map(|hook| match hook.capture {
            Capture::Hook(HookPoint::Pattern(block)) => Some((block + 1, hook)),
            _ => None,
        });
        let patterns: Vec<(usize, &Captured)> = patterns.collect();
        // `[heads, n * n]`: the first text comes first.
        let weight = |hook: &Captured, head, cell| f64::from(hook.values[[head, cell]]);
        let cells: usize = patterns.iter().map(|(_, hook)| hook.values.nrows() * n * n).sum();
        let slices = patterns.iter().flat_map(|(layer, hook)| {
            let heads = hook.values.nrows();
            let slices: Vec<Slice> = if cells <= MAX_CELLS {
                let of_head = |head| {
                    let values = (0..n * n).map(|cell| Some(weight(hook, head, cell)));
                    Slice::new(values).name(format!("head {head}"))
                };
                (0..heads).map(of_head).collect()
            } else {
                let mean = |cell| {
                    let sum: f64 = (0..heads).map(|head| weight(hook, head, cell)).sum();
                    Some(sum / heads as f64)
                };
                vec![Slice::new((0..n * n).map(mean)).name("mean over heads")]
            };
            slices.into_iter().map(|slice| slice.layer(*layer))
        });
        let axis = self.first_text(&rollout.tokens);
        let panel = MatrixPanel::new(axis.clone(), axis, "weight", Scale::unit()).slices(slices);
        let caption = format!(
            "The attention weight from each token (row) to each token (column) in the block that \
             computes the layer. Every row sums to 1.{} A pattern does not show how a head uses \
             what it reads.",
            self.of_first_text()
        );
        let chart = Chart::new("patterns", "Attention patterns", Matrix::new([panel]))
            .caption(caption)
            .paper("Jain & Wallace 2019", "10.18653/v1/N19-1357");
        (!chart.is_empty()).then(|| chart.into())
    }

    fn of_first_text(&self) -> String {
        match self.states.texts.len() {
            1 => String::new(),
            _ => format!(" The figure shows the first {}.", self.inputs()[0]),
        }
    }

    /// The tokens of the first text as an axis. The page links it to its tokens if they are the
    /// rows of the states.
    fn first_text(&self, names: &[String]) -> Axis {
        let first: Vec<usize> = (0..self.states.rows.len())
            .filter(|&row| self.states.rows[row].sequence == 0)
            .collect();
        let axis = match self.states.unit == Unit::Token && first.len() == names.len() {
            true => Axis { groups: Vec::new(), ..self.token_axis(&first) },
            false => Axis::tokens(names.to_vec(), Vec::new()),
        };
        axis.title("")
    }
}
