//! The figure and the page of a probe.

use super::report::{LabelReport, LayerReport, Report, StructuralReport};
use crate::page::curves;
use crate::text::{listed, short_name};
use serde_json::json;
use stratoscope_plot::{Depth, Panel, Series, SeriesKind, XAxis};
use stratoscope_probing::{Estimate, Scores, StructuralScores};

impl Report {
    /// One panel per label with its baselines; of several labels their contrast; and what else was
    /// measured.
    pub(super) fn drawing(&self) -> Depth {
        let mut rows: Vec<Vec<Panel>> = match self.labels.len() {
            // Few labels have the width of the page each.
            0..=3 => self.labels.iter().map(|label| vec![label_panel(label)]).collect(),
            _ => {
                let panels: Vec<Panel> = self.labels.iter().map(label_panel).collect();
                panels.chunks(2).map(<[Panel]>::to_vec).collect()
            }
        };
        rows.extend(self.contrast().map(|panel| vec![panel]));
        rows.push([self.selectivity(), self.compression()].into_iter().flatten().collect());
        rows.extend(self.structural.as_ref().map(structural_panels));
        rows.extend(self.labels.iter().filter_map(learning_curve).map(|panel| vec![panel]));
        rows.retain(|row| !row.is_empty());
        Depth { title: self.title(), caption: self.caption(), rows }
    }

    /// One chart per panel of the figure.
    pub(super) fn page(&self) -> stratoscope_report::Report {
        let drawing = self.drawing();
        let mut page = stratoscope_report::Report::new("probe", &self.tool, &drawing.title);
        page.manifest = json!({ "model": self.model, "data": self.data });
        let panels = drawing.rows.concat();
        let chart = |(place, panel): (usize, &Panel)| {
            curves(&format!("probe-{place}"), panel, &drawing.caption, None)
        };
        page.charts = panels.iter().enumerate().map(chart).collect();
        page
    }

    fn title(&self) -> String {
        let mut what: Vec<String> = self.labels.iter().map(|l| l.label.clone()).collect();
        what.extend(self.structural.as_ref().map(|_| "dependency trees".to_owned()));
        format!("What each layer knows of {}: {}", listed(&what), short_name(&self.model.model))
    }

    /// The gain over the lookup of several labels, on one scale.
    fn contrast(&self) -> Option<Panel> {
        if self.labels.len() < 2 {
            return None;
        }
        let gain = |label: &LabelReport| {
            let pick = |l: &LayerReport| l.scores.gain_over_lookup;
            Some(Series { peak: true, ..curve(&label.label, label, pick)? })
        };
        panel(
            "contrast: what context adds to looking the word form up",
            "share of what the lookup leaves",
            &self.labels[0],
            None,
            self.labels.iter().map(gain).collect(),
        )
    }

    fn selectivity(&self) -> Option<Panel> {
        let pick = |l: &LayerReport| l.control.map(|c| c.selectivity);
        let series = self.labels.iter().map(|label| curve(&label.label, label, pick));
        panel(
            "selectivity",
            "accuracy − control task",
            self.labels.first()?,
            None,
            series.collect(),
        )
    }

    fn compression(&self) -> Option<Panel> {
        let pick = |l: &LayerReport| l.mdl.as_ref().map(|m| m.compression);
        let mut series: Vec<_> =
            self.labels.iter().map(|label| curve(&label.label, label, pick)).collect();
        series.extend(self.labels.iter().map(|label| {
            let by_frequency = |l: &LayerReport| l.mdl.as_ref().map(|m| m.compression_by_frequency);
            let values: Vec<Option<f64>> = label.layers.iter().map(by_frequency).collect();
            Some(baseline(&format!("{} by frequency", label.label), values))
        }));
        panel("online code", "compression", self.labels.first()?, None, series)
    }

    fn caption(&self) -> String {
        let mut text = String::new();
        if let Some(label) = self.labels.first() {
            let (c, unit) = (&label.counts, self.data.unit);
            text += &format!(
                "Multinomial logistic regression on standardised vectors, one {unit} each, fitted to \
                 {} {unit}s and scored on {} {unit}s of {} sentences; {}. Bands: 95 % intervals by bootstrap \
                 over the test sentences, the fitted probes held fixed. Ringed: the highest value. ",
                c.train,
                c.test,
                c.test_clusters,
                match self.data.strength {
                    Some(c) => format!("penalty C = {c}"),
                    None => "penalty chosen for each layer on held-out sentences".to_owned(),
                },
            );
            if unit != "word" {
                text = text.replace("sentences", "texts");
            }
            if !self.data.filters.is_empty() {
                text += &format!("Words with “{}”. ", self.data.filters.join("” and “"));
            }
        }
        if self.labels.len() > 1 {
            text += "Contrast: (accuracy − form lookup) / (1 − form lookup), so that labels that are \
                     easy to look up and those that are not share a scale. ";
        }
        let looked_up =
            |l: &&LabelReport| l.layers.iter().all(|layer| layer.scores.gain_over_lookup.is_none());
        for label in self.labels.iter().filter(looked_up).filter(|_| self.labels.len() > 1) {
            text += &format!("{} has no such curve: the lookup leaves nothing. ", label.label);
        }
        if self.structural.is_some() {
            text += "Trees: linear maps whose squared distances (UUAS, DSpr) and squared lengths \
                     (NSpr, root) are fitted to the annotated trees; dashed: the chain of neighbours. ";
        }
        text + "A probe shows what can be read off a layer by a weighted sum, not what the model \
                uses; a lower score higher up does not say that something is lost."
    }
}

type Pick = fn(&LayerReport) -> Option<Estimate>;

/// The axis of shares, with room for a ring around 1.
const SHARES: (f64, f64) = (0.0, 1.04);

/// A label with its baselines.
fn label_panel(label: &LabelReport) -> Panel {
    let with_n = |name: &str, n: usize, pick: Pick| {
        curve(name, label, pick).map(|series| Series { n: Some(n), ..series })
    };
    let flat = |name: &str, scores: Option<Scores>| {
        let value = scores?.accuracy.value;
        Some(baseline(name, vec![Some(value); label.layers.len()]))
    };
    let by_layer = |name: &str, pick: Pick| {
        let values: Vec<_> = label.layers.iter().map(|l| pick(l).map(|s| s.value)).collect();
        values.iter().any(Option::is_some).then(|| baseline(name, values))
    };
    let b = &label.baselines;
    let accuracy = with_n("accuracy", label.counts.test, |l| Some(l.scores.scores.accuracy));
    let series = [
        accuracy.map(|series| Series { peak: true, ..series }),
        with_n("unseen lemmas", label.counts.unseen_lemmas, |l| {
            l.scores.scores.unseen_lemma_accuracy
        }),
        flat("majority", Some(b.majority)),
        flat("form lookup", b.form_lookup),
        flat("lemma lookup", b.lemma_lookup),
        flat("layer 0", b.layer_0),
        by_layer("control task", |l| l.control.map(|c| c.accuracy)),
        by_layer("random weights", |l| l.random_weights.map(|s| s.accuracy)),
    ];
    Panel {
        title: label.label.clone(),
        y_label: "accuracy".to_owned(),
        layers: label.layers.iter().map(|l| l.layer).collect(),
        x: XAxis::Layers,
        range: Some(SHARES),
        series: series.into_iter().flatten().collect(),
    }
}

fn learning_curve(label: &LabelReport) -> Option<Panel> {
    let layer = label.chosen_layer?;
    let mut points = label.learning_curve.clone();
    points.dedup_by_key(|point| point.clusters);
    if points.len() < 2 {
        return None;
    }
    let values: Vec<Estimate> = points.iter().map(|p| p.accuracy).collect();
    let series = Series {
        interval: values.iter().map(|s| Some((s.low, s.high))).collect(),
        ..Series::line("accuracy", values.iter().map(|s| Some(s.value)).collect())
    };
    let majority = label.baselines.majority.accuracy.value;
    Some(Panel {
        title: format!("learning curve of layer {layer}"),
        y_label: "accuracy".to_owned(),
        layers: points.iter().map(|p| p.clusters).collect(),
        x: XAxis::Counts("training texts".to_owned()),
        range: Some(SHARES),
        series: vec![series, baseline("majority", vec![Some(majority); points.len()])],
    })
}

fn structural_panels(report: &StructuralReport) -> Vec<Panel> {
    type Of = fn(&StructuralScores) -> Option<Estimate>;
    let series = |name: &str, peak: bool, pick: Of| {
        let values: Vec<Option<Estimate>> =
            report.layers.iter().map(|(_, layer)| pick(&layer.scores)).collect();
        let line = values.iter().any(Option::is_some).then(|| Series {
            interval: values.iter().map(|v| v.map(|s| (s.low, s.high))).collect(),
            peak,
            ..Series::line(name, values.iter().map(|v| v.map(|s| s.value)).collect())
        });
        let chain = pick(&report.chain).map(|score| {
            baseline(&format!("{name}, chain"), vec![Some(score.value); values.len()])
        });
        [line, chain]
    };
    let panel = |title: &str, y_label: &str, of: [(&str, bool, Of); 2]| Panel {
        title: title.to_owned(),
        y_label: y_label.to_owned(),
        layers: report.layers.iter().map(|(layer, _)| *layer).collect(),
        x: XAxis::Layers,
        range: Some(SHARES),
        series: of
            .into_iter()
            .flat_map(|(name, peak, pick)| series(name, peak, pick))
            .flatten()
            .collect(),
    };
    let panels = vec![
        panel(
            "trees: what is found",
            "share",
            [("UUAS", true, |s| s.uuas), ("root", false, |s| s.root_accuracy)],
        ),
        panel(
            "trees: order of distances and depths",
            "Spearman's ρ",
            [("DSpr", true, |s| s.dspr), ("NSpr", false, |s| s.nspr)],
        ),
    ];
    panels.into_iter().filter(|panel| !panel.series.is_empty()).collect()
}

/// A panel over the layers of a label, where it has a curve.
fn panel(
    title: &str,
    y_label: &str,
    of: &LabelReport,
    range: Option<(f64, f64)>,
    series: Vec<Option<Series>>,
) -> Option<Panel> {
    let known = |s: &Series| s.values.iter().any(Option::is_some);
    let series: Vec<Series> = series.into_iter().flatten().filter(known).collect();
    (!series.is_empty()).then(|| Panel {
        title: title.to_owned(),
        y_label: y_label.to_owned(),
        layers: of.layers.iter().map(|l| l.layer).collect(),
        x: XAxis::Layers,
        range,
        series,
    })
}

/// A curve with its band, where any of it is defined.
fn curve(
    name: &str,
    label: &LabelReport,
    pick: impl Fn(&LayerReport) -> Option<Estimate>,
) -> Option<Series> {
    let values: Vec<Option<Estimate>> = label.layers.iter().map(pick).collect();
    values.iter().any(Option::is_some).then(|| Series {
        interval: values.iter().map(|v| v.map(|s| (s.low, s.high))).collect(),
        ..Series::line(name, values.iter().map(|v| v.map(|s| s.value)).collect())
    })
}

fn baseline(name: &str, values: Vec<Option<f64>>) -> Series {
    Series { kind: SeriesKind::Baseline, ..Series::line(name, values) }
}
