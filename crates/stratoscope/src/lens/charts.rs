//! The figure and the page of a lens.

use super::{Cell, Position, Reading, Report};
use crate::text::short_name;
use serde_json::json;
use stratoscope_plot::{LensTruth, Prediction, Token};
use stratoscope_report::{Axis, Chart, Drawing, Grid, GridCell, Paper, Report as Page, Scale};

impl Cell {
    /// Whether its most probable token is the true one.
    fn right(&self, position: &Position) -> bool {
        let truth = position.truth.as_ref().map(|t| t.id);
        truth.is_some() && self.top.first().map(|t| t.id) == truth
    }
}

impl Report {
    /// What the figure draws.
    pub(super) fn drawing(&self) -> stratoscope_plot::Lens {
        let text = |token: &super::Token| token.text.clone();
        let known = self.positions.iter().any(|p| p.truth.is_some());
        let predictions = self.layers.iter().map(|layer| {
            let cells = layer.cells.iter().zip(&self.positions);
            cells.map(|(cell, position)| prediction(cell, position)).collect()
        });
        stratoscope_plot::Lens {
            title: format!("What every layer would predict: {}", short_name(&self.model.model)),
            caption: self.caption(),
            tokens: (self.positions.iter())
                .map(|p| Token { text: text(&p.token), sentence: 0, special: p.special })
                .collect(),
            layers: self.layers.iter().map(|l| l.layer).collect(),
            predictions: predictions.collect(),
            truth: known.then(|| LensTruth {
                name: self.truth_name().to_owned(),
                tokens: match self.reading {
                    // It stands below the cells already.
                    Reading::OwnToken => Vec::new(),
                    _ => self.positions.iter().map(|p| p.truth.as_ref().map(text)).collect(),
                },
            }),
            focus: self.asked().first().copied().unwrap_or(0),
        }
    }

    /// What the true token is called.
    pub fn truth_name(&self) -> &'static str {
        match self.reading {
            Reading::NextToken => "next token",
            Reading::Masks => "target",
            Reading::OwnToken => "own token",
        }
    }

    /// The positions that the reader asks about: the masks, or the last of a causal model; of a
    /// masked model without masks none more than the others.
    pub fn asked(&self) -> Vec<usize> {
        let all = 0..self.positions.len();
        match self.reading {
            Reading::NextToken => all.last().into_iter().collect(),
            Reading::Masks => all.filter(|&i| self.positions[i].masked).collect(),
            Reading::OwnToken => Vec::new(),
        }
    }

    /// At how many of the positions whose truth is known a layer's most probable token is the true
    /// one, and how many there are.
    pub fn right_at(&self, layer: usize) -> (usize, usize) {
        let cells = self.layers.get(layer).map_or(&[][..], |l| &l.cells);
        let known = cells.iter().zip(&self.positions).filter(|(_, p)| p.truth.is_some());
        known.fold((0, 0), |(right, n), (c, p)| (right + usize::from(c.right(p)), n + 1))
    }

    pub(super) fn caption(&self) -> String {
        let mut text = format!(
            "What the model would predict if it ended at a layer: its own final norm and head over \
             the states of every layer (logit lens, nostalgebraist 2020). Each cell has the most \
             probable of {} tokens; the top layer is the model's own prediction. ",
            self.d_vocab
        );
        text += match self.reading {
            Reading::NextToken => {
                "A column is a token that the model has read, with all before it; what is predicted \
                 is the token after it."
            }
            Reading::Masks => {
                "What is predicted is the token at each mask, from both sides. At the other tokens \
                 the model sees what it names: that is copying."
            }
            Reading::OwnToken => {
                "The text has no mask: the model sees every token that it names here, so that a \
                 framed cell is copying, not prediction."
            }
        };
        if let Some(p) = &self.perplexity {
            let name = if p.pseudo { "Pseudo-perplexity" } else { "Perplexity" };
            let value = p.perplexity.map_or("beyond measure".to_owned(), |v| format!("{v:.2}"));
            text += &format!(
                " {name} {value} ({:.3} nats a token, {} tokens).",
                p.nats_per_token, p.tokens
            );
        }
        let k = self.layers.first().and_then(|l| l.cells.first()).map_or(1, |c| c.top.len());
        text += &format!(
            " In the numbers beside the figure: the {k} most probable tokens, entropy, and \
             KL(last layer ‖ this layer), in nats. Not shown: what a layer knows. The head was \
             trained to read the last layer only; where an early layer reads as nonsense, its \
             states may say the same in other directions (Belrose et al. 2023)."
        );
        text
    }

    /// The grid of predictions; every cell also has the next tokens, the entropy, and the KL
    /// divergence from the last layer.
    pub(super) fn page(&self) -> Page {
        let drawing = self.drawing();
        let mut report = Page::new("lens", &self.tool, &drawing.title);
        report.manifest = json!({
            "model": self.model,
            "settings": self.settings,
            "texts": [self.text],
        });
        let rows = self.layers.iter().zip(&drawing.predictions);
        let cells = rows.map(|(layer, predictions)| {
            let cells = layer.cells.iter().zip(predictions);
            let cell = |(cell, prediction): (&Cell, &Prediction)| {
                let top = cell.top.iter().skip(1);
                let mut more: Vec<String> =
                    top.map(|t| format!("{} {:.3}", t.text, t.probability)).collect();
                more.push(format!("entropy {:.2} nats", cell.entropy_nats));
                more.push(format!("KL from the last layer {:.2} nats", cell.kl_nats));
                GridCell {
                    text: prediction.token.clone(),
                    value: Some(prediction.probability),
                    framed: prediction.correct,
                    more,
                }
            };
            cells.map(cell).collect()
        });
        let names: Vec<String> = drawing.tokens.iter().map(|t| t.text.clone()).collect();
        report.charts.push(Chart {
            id: "lens".to_owned(),
            title: drawing.title.clone(),
            shows: drawing.caption.clone(),
            paper: Some(Paper::new("Belrose et al. 2023", "10.48550/arXiv.2303.08112")),
            exploration: None,
            drawing: Drawing::Grid(Grid {
                rows: Axis::layers(&drawing.layers),
                columns: Axis::named("token", names),
                value: "probability of the first prediction".to_owned(),
                scale: Scale { low: 0.0, high: 1.0, signed: false },
                cells: cells.collect(),
            }),
        });
        report
    }
}

fn prediction(cell: &Cell, position: &Position) -> Prediction {
    let best = cell.top.first();
    Prediction {
        token: best.map_or_else(String::new, |t| t.text.clone()),
        probability: best.map_or(0.0, |t| t.probability),
        correct: cell.right(position),
    }
}
