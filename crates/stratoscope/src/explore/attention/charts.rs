//! The charts of attention.

use super::{AttentionBlock, HeadSummary};
use crate::explore::Exploration;
use crate::explore::charts::Described;
use stratoscope_chart::{Axis, Chart, Matrix, MatrixPanel, Scale, Slice};
use stratoscope_extractor::{Capture, Captured, Unit};
use stratoscope_transformer::HookPoint;

/// Cells of patterns above which a page is too heavy: then patterns are means over heads.
const MAX_CELLS: usize = 30_000;

impl Exploration {
    /// What the heads of every block do.
    pub(in crate::explore) fn heads(&self) -> Option<Described> {
        let attention = self.attention.as_ref().filter(|a| !a.blocks.is_empty())?;
        type Pick = fn(&HeadSummary) -> Option<f64>;
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
                "Attention on special tokens often has no effect (Clark et al. 2019); distances \
                 leave it out."
            }
            false => "This model puts no special tokens around a text.",
        };
        let caption = format!(
            "Means over the {} tokens that are not special, by head (column) and the layer that the \
             block of the head makes (row). Entropy: low where a token attends to few others; its \
             maximum is the logarithm of the number of visible positions. Distance: how many tokens \
             away a head looks (Vig & Belinkov 2019). {special} A mean over tokens hides heads that \
             differ from token to token, and attention does not show what a head does with what it \
             reads (Jain & Wallace 2019).",
            attention.n,
        );
        let chart =
            Chart::new("attention", "Where heads look", Matrix::new(measures.map(panel)).across(2))
                .caption(caption)
                .paper("Vig & Belinkov 2019", "10.18653/v1/W19-4808");
        Some(chart.into())
    }

    /// How much of each token of the first text is in each token of a layer.
    pub(in crate::explore) fn rollout_chart(&self) -> Option<Described> {
        let rollout = self.attention.as_ref()?.rollout.as_ref()?;
        let axis = self.first_text(&rollout.tokens);
        let scale = Scale::from_zero(rollout.weights.iter().flatten().copied());
        let slice = |(weights, layer): (&Vec<f64>, usize)| {
            Slice::new(weights.iter().copied().map(Some)).layer(layer)
        };
        let panel = MatrixPanel::new(axis.clone(), axis, "share of the row's token", scale)
            .slices(rollout.weights.iter().zip(1..).map(slice));
        let caption = format!(
            "How much of each token of the text (column) is in each token of the layer (row), if \
             only attention moved information (Abnar & Zuidema 2020): the mean over heads, half of \
             it for the residual stream, multiplied from the first block upward.{} Rollout ignores \
             what values, MLPs and norms do, and after some layers it is similar for most tokens.",
            self.of_first_text()
        );
        let chart = Chart::new("rollout", "Attention rollout", panel)
            .caption(caption)
            .paper("Abnar & Zuidema 2020", "10.18653/v1/2020.acl-main.385");
        Some(chart.into())
    }

    /// The patterns of the first text, by head or as means over heads.
    pub(in crate::explore) fn patterns(&self) -> Option<Described> {
        let rollout = self.attention.as_ref()?.rollout.as_ref()?;
        let n = rollout.tokens.len();
        let patterns = self.states.hooks.iter().filter_map(|hook| match hook.capture {
            Capture::Hook(HookPoint::Pattern(block)) => Some((block + 1, hook)),
            _ => None,
        });
        let patterns: Vec<(usize, &Captured)> = patterns.collect();
        // `[heads, n * n]`, before the other texts.
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
            "How much each token (row) attends to each token (column) in the block that makes the \
             layer. Every row adds up to 1.{} A pattern does not show what a head does with what it \
             reads.",
            self.of_first_text()
        );
        let chart = Chart::new("patterns", "Attention patterns", Matrix::new([panel]))
            .caption(caption)
            .paper("Jain & Wallace 2019", "10.18653/v1/N19-1357");
        (!chart.is_empty()).then(|| chart.into())
    }

    fn of_first_text(&self) -> &'static str {
        if self.states.texts.len() > 1 { " The first text is shown." } else { "" }
    }

    /// The tokens of the first text as an axis, which the page links where its rows are these tokens.
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
