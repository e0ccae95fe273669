//! The chart of `probe`, with its title and caption.

use super::report::{LabelReport, LayerReport, Report, StructuralReport};
use crate::series::series;
use crate::text::{listed, short_name};
use stratoscope_chart::{Axis, Chart, Curves, Panel, Series};
use stratoscope_geometry::{Estimate, MIN_UNITS};
use stratoscope_probing::{MLP_HIDDEN, StructuralScores};

/// With up to this many labels, each panel is as wide as the page.
const MAX_WIDE: usize = 3;
/// The end of the axis of shares: there is space for a ring around 1.
const TOP: f64 = 1.04;

impl Report {
    /// The chart: a panel for each label with its baselines, the contrast of several labels, and
    /// the optional measures.
    pub(super) fn chart(&self) -> Chart {
        let labels: Vec<Panel> = self.labels.iter().map(LabelReport::panel).collect();
        let across = if labels.len() > MAX_WIDE { 2 } else { 1 };
        let mut rows: Vec<Vec<Panel>> = labels.chunks(across).map(<[Panel]>::to_vec).collect();
        rows.extend(self.contrast().map(|panel| vec![panel]));
        rows.push(vec![self.selectivity(), self.compression()]);
        rows.extend(self.structural.as_ref().map(StructuralReport::panels));
        rows.extend(self.labels.iter().filter_map(LabelReport::learning_curve).map(|p| vec![p]));
        Chart::new("probe", self.what(), Curves::rows(rows))
            .subject(short_name(&self.model.model))
            .caption(self.caption())
    }

    /// The title of the page.
    pub(super) fn page_title(&self) -> String {
        format!("{}: {}", self.what(), short_name(&self.model.model))
    }

    /// The title of the chart.
    fn what(&self) -> String {
        let labels: Vec<String> = self.labels.iter().map(|l| l.label.clone()).collect();
        let linear = format!("Accuracy of a linear probe for {}", listed(&labels));
        let trees = "Scores of a structural probe for dependency trees";
        match (labels.is_empty(), &self.structural) {
            (_, None) => format!("{linear} by layer"),
            (true, Some(_)) => format!("{trees} by layer"),
            (false, Some(_)) => format!("{linear}, and {} by layer", trees.to_lowercase()),
        }
    }

    /// The gain over the form lookup for several labels, on one scale.
    fn contrast(&self) -> Option<Panel> {
        let gain =
            |label: &LabelReport| label.curve(&label.label, |l| l.linear.gain_over_lookup).peak();
        let title = "contrast: gain over the form lookup";
        let y = "gain / errors of the lookup";
        (self.labels.len() > 1).then(|| self.panel(title, y, self.labels.iter().map(gain)))
    }

    fn selectivity(&self) -> Panel {
        let pick = |l: &LayerReport| l.control.map(|c| c.selectivity);
        let of_mlp = |l: &LayerReport| l.mlp.as_ref()?.control.map(|c| c.selectivity);
        let series = self.labels.iter().flat_map(|label| {
            let hidden = format!("{}, one hidden layer", label.label);
            [label.curve(&label.label, pick), label.curve(&hidden, of_mlp)]
        });
        self.panel("selectivity", "accuracy − accuracy of control task", series)
    }

    fn compression(&self) -> Panel {
        let pick = |l: &LayerReport| l.mdl.as_ref().map(|m| m.compression);
        let by_frequency = |l: &LayerReport| l.mdl.as_ref().map(|m| m.compression_by_frequency);
        let of_mlp = |l: &LayerReport| l.mlp.as_ref()?.mdl.as_ref().map(|mdl| mdl.compression);
        let series = self.labels.iter().flat_map(|label| {
            let hidden = format!("{}, one hidden layer", label.label);
            [label.curve(&label.label, pick), label.curve(&hidden, of_mlp)]
        });
        let baselines = self.labels.iter().map(|label| {
            let name = format!("{} by frequency", label.label);
            Series::new(name).baseline().values(label.layers.iter().map(by_frequency))
        });
        self.panel("online code", "compression", series.chain(baselines))
    }

    /// A panel with the probed layers as its axis.
    fn panel(&self, title: &str, y: &str, series: impl IntoIterator<Item = Series>) -> Panel {
        Panel::new(title, Axis::layers(&self.layers()), y, series)
    }

    fn caption(&self) -> String {
        let mut text = String::new();
        if let Some(label) = self.labels.first() {
            let (c, unit) = (&label.counts, self.data.unit);
            let clusters = if unit == "word" { "sentences" } else { "texts" };
            let penalty = match self.data.strength {
                Some(c) => format!("C = {c}"),
                None => format!("C is chosen for each layer on held-out {clusters}"),
            };
            text += &format!(
                "Multinomial logistic regression on standardised vectors, one vector for each \
                 {unit}; training on {} {unit}s, test on {} {unit}s in {} {clusters}; {penalty}. \
                 {}. Ringed: the highest value, which is chosen on these scores. Dashed: baselines. ",
                c.train,
                c.test,
                c.test_clusters,
                match c.test_clusters < MIN_UNITS {
                    true => format!("No intervals: they need at least {MIN_UNITS} test {clusters}"),
                    false => format!(
                        "Bands: 95 % intervals by bootstrap over the test {clusters} (the probes \
                         stay the same)"
                    ),
                },
            );
            if label.layers.iter().any(|layer| layer.mlp.is_some()) {
                text += &format!(
                    "One hidden layer: a probe with {MLP_HIDDEN} rectified units between the vector \
                     and the classes. What it predicts beyond the linear probe is in the layer, but \
                     not linearly, or is memorised: then its selectivity is low. "
                );
            }
            if !self.data.filters.is_empty() {
                text += &format!("Only words with “{}”. ", self.data.filters.join("” and “"));
            }
        }
        if self.labels.len() > 1 {
            text += "Contrast: (accuracy − form lookup) / (1 − form lookup): the share of the \
                     errors of the lookup that the probe avoids, which is comparable between \
                     labels. ";
        }
        let looked_up =
            |l: &&LabelReport| l.layers.iter().all(|layer| layer.linear.gain_over_lookup.is_none());
        for label in self.labels.iter().filter(looked_up).filter(|_| self.labels.len() > 1) {
            text +=
                &format!("{} has no contrast, because its lookup makes no errors. ", label.label);
        }
        if let Some(trees) = &self.structural {
            text += &format!(
                "Trees: linear maps are fitted so that squared distances of words (UUAS, DSpr) and \
                 squared lengths (NSpr, root) match the annotated trees; fitted on {} sentences, \
                 scored on n = {} sentences with {} edges. {}. Dashed: a chain of neighbouring \
                 words. ",
                trees.train_sentences,
                trees.sample.sentences,
                trees.sample.edges,
                match trees.sample.sentences < MIN_UNITS {
                    true => format!("No intervals: they need at least {MIN_UNITS} test sentences"),
                    false =>
                        "Bands: 95 % intervals by bootstrap over the test sentences".to_owned(),
                },
            );
        }
        text + "A probe shows what a linear classifier can predict from a layer, not what the \
                model uses. A lower score at a higher layer does not show that information is lost."
    }
}

impl LabelReport {
    /// The panel of a label with its baselines.
    fn panel(&self) -> Panel {
        let accuracy = self.curve("accuracy", |l| Some(l.accuracy())).n(self.counts.test);
        let unseen = self.curve("unseen lemmas", |l| l.scores().unseen_lemma_accuracy);
        let hidden =
            self.curve("one hidden layer", |l| l.mlp.as_ref().map(|mlp| mlp.scores.accuracy));
        let b = &self.baselines;
        let flat = [
            ("majority", Some(b.majority)),
            ("form lookup", b.form_lookup),
            ("lemma lookup", b.lemma_lookup),
            ("layer 0", b.layer_0),
        ]
        .map(|(name, scores)| {
            let value = scores.map(|s| s.accuracy.value);
            Series::new(name).baseline().values(vec![value; self.layers.len()])
        });
        let by_layer = |name: &str, pick: fn(&LayerReport) -> Option<Estimate>| {
            let values = self.layers.iter().map(|l| pick(l).map(|e| e.value));
            Series::new(name).baseline().values(values)
        };
        let unseen = unseen.n(self.counts.unseen_lemmas);
        let series = [accuracy.peak(), unseen, hidden].into_iter().chain(flat);
        let series = series.chain([
            by_layer("control task", |l| l.control.map(|c| c.accuracy)),
            by_layer("random weights", |l| l.random_weights.map(|s| s.accuracy)),
        ]);
        let layers: Vec<usize> = self.layers.iter().map(|l| l.layer).collect();
        Panel::new(&self.label, Axis::layers(&layers), "accuracy", series).range(0.0, TOP)
    }

    fn learning_curve(&self) -> Option<Panel> {
        let layer = self.chosen_layer?;
        let mut points = self.learning_curve.clone();
        points.dedup_by_key(|point| point.clusters);
        if points.len() < 2 {
            return None;
        }
        let counts: Vec<usize> = points.iter().map(|p| p.clusters).collect();
        let majority = Some(self.baselines.majority.accuracy.value);
        let series = [
            series("accuracy", points.iter().map(|p| Some(p.accuracy))),
            Series::new("majority").baseline().values(vec![majority; points.len()]),
        ];
        let title = format!("learning curve of layer {layer}");
        let axis = Axis::counts("training texts", &counts);
        Some(Panel::new(title, axis, "accuracy", series).range(0.0, TOP))
    }

    /// A curve over the layers.
    fn curve(&self, name: &str, pick: impl Fn(&LayerReport) -> Option<Estimate>) -> Series {
        series(name, self.layers.iter().map(pick))
    }
}

impl StructuralReport {
    fn panels(&self) -> Vec<Panel> {
        type Pick = fn(&StructuralScores) -> Option<Estimate>;
        let layers: Vec<usize> = self.layers.iter().map(|(layer, _)| *layer).collect();
        let curve = |name: &str, pick: Pick| {
            series(name, self.layers.iter().map(|(_, layer)| pick(&layer.scores)))
        };
        let chain = |name: &str, pick: Pick| {
            let value = pick(&self.chain).map(|e| e.value);
            Series::new(format!("{name}, chain")).baseline().values(vec![value; layers.len()])
        };
        let panel = |title: &str, y: &str, first: (&str, Pick), second: (&str, Pick)| {
            let series = [
                curve(first.0, first.1).peak(),
                chain(first.0, first.1),
                curve(second.0, second.1),
                chain(second.0, second.1),
            ];
            Panel::new(title, Axis::layers(&layers), y, series).range(0.0, TOP)
        };
        vec![
            panel(
                "trees: correct edges and roots",
                "share",
                ("UUAS", |s| s.uuas),
                ("root", |s| s.root_accuracy),
            ),
            panel(
                "trees: order of distances and depths",
                "Spearman's ρ",
                ("DSpr", |s| s.dspr),
                ("NSpr", |s| s.nspr),
            ),
        ]
    }
}
