//! The chart of `probe --pairs`, with its title and caption.

use super::report::{LayerReport, Report, Scores};
use super::{METRICS, POOLINGS};
use crate::series::series;
use crate::text::{counted, short_name};
use stratoscope_chart::{Axis, Chart, Curves, Panel, Series};
use stratoscope_geometry::{Estimate, MIN_UNITS, Metric};
use stratoscope_loader::Pooling;

impl Report {
    /// The chart: the score by layer with every pooling, with every metric, and given the lengths; or
    /// the recall.
    pub(super) fn chart(&self) -> Chart {
        let first = self.panel(
            &format!("poolings ({})", self.data.metric),
            POOLINGS.iter().filter_map(|&pooling| {
                let metric = METRICS.into_iter().find(|m| m.name() == self.data.metric)?;
                let curve = self.curve(pooling.name(), |layer| layer.score(pooling, metric));
                Some(if pooling.name() == self.data.pooling { curve.peak() } else { curve })
            }),
        );
        let own = Pooling::ALL.into_iter().find(|p| p.name() == self.data.pooling);
        let second = self.panel(
            &format!("metrics ({} pooling)", self.data.pooling),
            METRICS.iter().map(|&metric| {
                let curve = self.curve(metric.label(), |layer| layer.score(own?, metric));
                if metric.name() == self.data.metric { curve.peak() } else { curve }
            }),
        );
        let third = match self.is_retrieval() {
            true => self.recall(),
            false => self.lengths(),
        };
        Chart::new("pairs", self.what(), Curves::rows([vec![first], vec![second, third]]))
            .subject(short_name(&self.model.model))
            .caption(self.caption())
    }

    /// Whether the pairs are queries with relevant texts.
    pub fn is_retrieval(&self) -> bool {
        self.data.candidates.is_some()
    }

    /// The name of the main score.
    pub(super) fn score_name(&self) -> &'static str {
        if self.is_retrieval() { "mean reciprocal rank" } else { "Spearman's correlation" }
    }

    pub(super) fn page_title(&self) -> String {
        format!("{}: {}", self.what(), short_name(&self.model.model))
    }

    fn what(&self) -> String {
        match self.is_retrieval() {
            true => format!("Retrieval of relevant texts by layer ({})", self.data.name),
            false => format!("Agreement of similarity and score by layer ({})", self.data.name),
        }
    }

    fn panel(&self, title: &str, series: impl IntoIterator<Item = Series>) -> Panel {
        Panel::new(title, self.axis(), self.score_name(), series)
    }

    fn axis(&self) -> Axis {
        Axis::layers(&self.layers.iter().map(|layer| layer.layer).collect::<Vec<_>>())
    }

    fn curve(&self, name: &str, pick: impl Fn(&LayerReport) -> Option<Estimate>) -> Series {
        series(name, self.layers.iter().map(pick))
    }

    fn lengths(&self) -> Panel {
        let given = |layer: &LayerReport| match layer.scores {
            Scores::Scored { spearman_given_lengths, .. } => spearman_given_lengths,
            Scores::Retrieval { .. } => None,
        };
        let curves = [
            self.curve("all", |layer| layer.scores.main()),
            self.curve("given the lengths", given),
        ];
        self.panel("given the lengths of both texts", curves)
    }

    fn recall(&self) -> Panel {
        type Pick = fn(&Scores) -> Option<Estimate>;
        let picks: [(&str, usize, Pick); 3] = [
            ("nearest 10", 10, |s| s.recalls()[2]),
            ("nearest 5", 5, |s| s.recalls()[1]),
            ("nearest 1", 1, |s| s.recalls()[0]),
        ];
        let candidates = self.data.candidates.unwrap_or(1).max(1);
        let curves = picks.iter().map(|(name, _, pick)| self.curve(name, |l| pick(&l.scores)));
        let chance = picks.iter().map(|(name, depth, _)| {
            let share = (*depth as f64 / candidates as f64).min(1.0);
            let flat = self.layers.iter().map(|_| Some(share));
            Series::new(format!("chance, {name}")).baseline().values(flat)
        });
        let series: Vec<Series> = curves.chain(chance).collect();
        Panel::new("recall", self.axis(), "share of relevant texts found", series)
    }

    fn caption(&self) -> String {
        let data = &self.data;
        let units = match data.candidates {
            Some(candidates) => format!(
                "{} and {candidates} candidates: all texts that are relevant to a query. Mean \
                 reciprocal rank: the mean of 1 / rank of the first relevant text",
                counted(data.n, "query", "queries")
            ),
            None => format!(
                "{}. Spearman's correlation of the similarity of the two texts and the score of \
                 people",
                counted(data.n, "pair", "pairs")
            ),
        };
        let mut text = format!(
            "{units}. The vector of a text is pooled over its tokens, special tokens included. \
             Centred and standardised cosines use the mean and the deviation of the {} texts of the \
             file. ",
            data.texts
        );
        if !self.is_retrieval() {
            text += "Given the lengths: the partial correlation, given the numbers of tokens of both \
                     texts; pooled vectors of long texts are more similar to each other. ";
        }
        text += &match data.n < MIN_UNITS {
            true => format!("No intervals: they need at least {MIN_UNITS}. "),
            false => "Bands: 95 % intervals by bootstrap. ".to_owned(),
        };
        text + "Ringed: the highest value of the chosen pooling and metric. It is chosen on these numbers; the summary has a \
                choice on one half that is tested on the other."
    }
}

impl Scores {
    /// Recall at 1, 5 and 10.
    pub(super) fn recalls(&self) -> [Option<Estimate>; 3] {
        match self {
            Self::Retrieval { recall_at_1, recall_at_5, recall_at_10, .. } => {
                [*recall_at_1, *recall_at_5, *recall_at_10]
            }
            Self::Scored { .. } => [None; 3],
        }
    }
}

impl LayerReport {
    /// The main score with a pooling and a metric.
    pub fn score(&self, pooling: Pooling, metric: Metric) -> Option<Estimate> {
        let way = self.ways.iter().find(|way| way.pooling == pooling && way.metric == metric);
        way.and_then(|way| way.score)
    }
}
