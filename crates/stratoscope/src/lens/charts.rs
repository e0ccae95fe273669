//! The chart of the lens, with its title and caption.

use super::{Cell, Layer, Position, Reading, Report};
use crate::text::short_name;
use stratoscope_chart::{Axis, Chart, Drawing, Grid, GridCell, Scale};

/// The title of the figure and of the page.
const TITLE: &str = "Most probable token by layer (logit lens)";

impl Cell {
    /// Whether the most probable token is the true token.
    fn right(&self, position: &Position) -> bool {
        let truth = position.truth.as_ref().map(|t| t.id);
        truth.is_some() && self.top.first().map(|t| t.id) == truth
    }

    /// A cell of the chart: the most probable token, with its probability as the colour. The page
    /// also shows the next tokens, the entropy and the KL divergence from the last layer.
    fn drawn(&self, position: &Position) -> GridCell {
        let best = self.top.first();
        let next = self.top.iter().skip(1).map(|t| format!("{} {:.3}", t.text, t.probability));
        let more = next.chain([
            format!("entropy {:.2} nats", self.entropy_nats),
            format!("KL from the last layer {:.2} nats", self.kl_nats),
        ]);
        GridCell {
            text: best.map(|t| t.text.clone()).unwrap_or_default(),
            value: best.map(|t| t.probability),
            framed: self.right(position),
            more: more.collect(),
        }
    }
}

impl Report {
    /// The chart: the most probable token at every layer and position.
    pub(super) fn chart(&self) -> Chart {
        let cells = |layer: &Layer| {
            let cells = layer.cells.iter().zip(&self.positions);
            cells.map(|(cell, position)| cell.drawn(position)).collect()
        };
        let names = self.positions.iter().map(|p| p.token.text.clone()).collect();
        let special = (0..self.positions.len()).filter(|&i| self.positions[i].special);
        let numbers: Vec<usize> = self.layers.iter().map(|l| l.layer).collect();
        let mut grid = Grid::new(
            Axis::layers(&numbers),
            Axis::tokens(names, Vec::new()).title("read").muted(special),
            "probability of the most probable token",
            Scale::unit(),
            self.layers.iter().map(cells).collect(),
        )
        .focus(self.asked().first().copied().unwrap_or(0));
        if self.positions.iter().any(|p| p.truth.is_some()) {
            grid = grid.framed(format!("the most probable token is the {}", self.truth_name()));
            // An own token is already the label of its column.
            if self.reading != Reading::OwnToken {
                let truth = |p: &Position| p.truth.as_ref().map(|t| t.text.clone());
                grid = grid.truth(self.truth_name(), self.positions.iter().map(truth).collect());
            }
        }
        Chart::new("lens", TITLE, grid)
            .subject(short_name(&self.model.model))
            .caption(self.caption())
            .paper("Belrose et al. 2023", "10.48550/arXiv.2303.08112")
    }

    /// Adds the chart to the page of an exploration of the text. Tokens and layers are linked with those
    /// of the page, unless the rows of the exploration are not the tokens that the lens read.
    pub fn add_to(&self, page: &mut stratoscope_report::Report) {
        let mut chart = self.chart();
        let own = |p: &Position| Some(p.token.id);
        let is_own = page.explorations.first().is_some_and(|exploration| {
            let ids = exploration.tokens.iter().map(|token| token.token_id);
            ids.eq(self.positions.iter().map(own))
        });
        if let (true, Drawing::Grid(grid)) = (is_own, &mut chart.drawing) {
            chart.exploration = Some(0);
            grid.columns.numbers = (0..self.positions.len()).collect();
        }
        page.charts.push(chart);
    }

    /// The name of the true token in figures and summaries.
    pub fn truth_name(&self) -> &'static str {
        match self.reading {
            Reading::NextToken => "next token",
            Reading::Masks => "target",
            Reading::OwnToken => "own token",
        }
    }

    /// The positions of interest: the masks; for a causal model, the last position; for a masked
    /// model and a text without masks, none.
    pub fn asked(&self) -> Vec<usize> {
        let all = 0..self.positions.len();
        match self.reading {
            Reading::NextToken => all.last().into_iter().collect(),
            Reading::Masks => all.filter(|&i| self.positions[i].masked).collect(),
            Reading::OwnToken => Vec::new(),
        }
    }

    /// The number of positions at which the most probable token of a layer is the true token, and
    /// the number of positions with a true token.
    pub fn right_at(&self, layer: usize) -> (usize, usize) {
        let cells = self.layers.get(layer).map_or(&[][..], |l| &l.cells);
        let known = cells.iter().zip(&self.positions).filter(|(_, p)| p.truth.is_some());
        known.fold((0, 0), |(right, n), (c, p)| (right + usize::from(c.right(p)), n + 1))
    }

    pub(super) fn caption(&self) -> String {
        let mut text = format!(
            "The prediction of the model if it ended at a layer: its final norm and head are \
             applied to the states of every layer (logit lens, nostalgebraist 2020). Each cell \
             shows the most probable of {} tokens; the top row is the prediction of the model. ",
            self.d_vocab
        );
        text += match self.reading {
            Reading::NextToken => {
                "A column is the last token that the model has read; the prediction is the next \
                 token."
            }
            Reading::Masks => {
                "The prediction at a mask uses the tokens on both sides. At all other tokens, the \
                 model sees the token that it predicts and can copy it."
            }
            Reading::OwnToken => {
                "The text has no mask, so the model sees every token that it predicts: a framed \
                 cell is copying, not prediction."
            }
        };
        if let Some(through) = &self.through {
            text += " ";
            text += &through.described;
        }
        if let Some(p) = &self.perplexity {
            let name = if p.pseudo { "Pseudo-perplexity" } else { "Perplexity" };
            text += &format!(" {name} {}.", p.in_words());
        }
        let k = self.layers.first().and_then(|l| l.cells.first()).map_or(1, |c| c.top.len());
        text += &format!(
            " The JSON file and the page also have the {k} most probable tokens of every cell, the \
             entropy, and KL(last layer ‖ this layer) in nats. The figure does not show what \
             information a layer has: the head was trained for the last layer only, and an early \
             layer can encode the same information in other directions (Belrose et al. 2023)."
        );
        text
    }

    /// The title of the page.
    pub(super) fn page_title(&self) -> String {
        format!("{TITLE}: {}", short_name(&self.model.model))
    }
}
