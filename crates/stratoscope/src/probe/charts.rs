//! A probe as it is shown: the figure, and a paragraph of plain words.

use super::{LabelProbe, LayerProbe, Probe, StructuralReport};
use crate::Result;
use stratoscope_plot::{Depth, Figure, Panel, Series, SeriesKind, XAxis};
use stratoscope_probing::{Scored, Scores, StructuralScores};

impl Probe {
    /// Draws the probe: a panel a label with its baselines, of several labels their contrast, and
    /// what else was measured.
    ///
    /// # Errors
    /// More labels than fit on a page.
    pub fn figure(&self) -> Result<Figure> {
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
        Ok(Depth { title: self.title(), caption: self.caption(), rows }.draw()?)
    }

    fn title(&self) -> String {
        let mut what: Vec<&str> = self.labels.iter().map(|l| l.label.as_str()).collect();
        what.extend(self.structural.as_ref().map(|_| "dependency trees"));
        format!(
            "What each layer knows of {}: {}",
            listed(&what),
            crate::figures::short_name(&self.model.model)
        )
    }

    /// The gain over the lookup of several labels, on one scale.
    fn contrast(&self) -> Option<Panel> {
        if self.labels.len() < 2 {
            return None;
        }
        let gain = |label: &LabelProbe| {
            let pick = |l: &LayerProbe| l.scores.gain_over_lookup;
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
        let pick = |l: &LayerProbe| l.control.map(|c| c.selectivity);
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
        let pick = |l: &LayerProbe| l.mdl.as_ref().map(|m| m.compression);
        let mut series: Vec<_> =
            self.labels.iter().map(|label| curve(&label.label, label, pick)).collect();
        series.extend(self.labels.iter().map(|label| {
            let by_frequency = |l: &LayerProbe| l.mdl.as_ref().map(|m| m.compression_by_frequency);
            let values: Vec<Option<f64>> = label.layers.iter().map(by_frequency).collect();
            Some(baseline(&format!("{} by frequency", label.label), values))
        }));
        panel("online code", "compression", self.labels.first()?, None, series)
    }

    pub(crate) fn caption(&self) -> String {
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
            |l: &&LabelProbe| l.layers.iter().all(|layer| layer.scores.gain_over_lookup.is_none());
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

    /// What the curves show and do not show, in plain words.
    pub fn in_words(&self) -> String {
        let mut said: Vec<String> = self.labels.iter().flat_map(label_words).collect();
        if let [a, b] = &self.labels[..] {
            said.push(peaks_compared(a, b));
        }
        said.extend(self.structural.iter().map(structural_words));
        said.push(
            "Not shown: whether the model uses what can be read off here; other probes might read \
             more."
                .to_owned(),
        );
        said.join(" ")
    }
}

type Pick = fn(&LayerProbe) -> Option<Scored>;

/// The axis of shares, with room for a ring around 1.
const SHARES: (f64, f64) = (0.0, 1.04);

/// A label with all of its baselines.
fn label_panel(label: &LabelProbe) -> Panel {
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

fn learning_curve(label: &LabelProbe) -> Option<Panel> {
    let layer = label.chosen_layer?;
    let mut points = label.learning_curve.clone();
    points.dedup_by_key(|point| point.clusters);
    if points.len() < 2 {
        return None;
    }
    let values: Vec<Scored> = points.iter().map(|p| p.accuracy).collect();
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
    type Of = fn(&StructuralScores) -> Option<Scored>;
    let series = |name: &str, peak: bool, pick: Of| {
        let values: Vec<Option<Scored>> =
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
    of: &LabelProbe,
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
    label: &LabelProbe,
    pick: impl Fn(&LayerProbe) -> Option<Scored>,
) -> Option<Series> {
    let values: Vec<Option<Scored>> = label.layers.iter().map(pick).collect();
    values.iter().any(Option::is_some).then(|| Series {
        interval: values.iter().map(|v| v.map(|s| (s.low, s.high))).collect(),
        ..Series::line(name, values.iter().map(|v| v.map(|s| s.value)).collect())
    })
}

fn baseline(name: &str, values: Vec<Option<f64>>) -> Series {
    Series { kind: SeriesKind::Baseline, ..Series::line(name, values) }
}

/// The highest value with its layer, and the other layers whose intervals overlap with its.
fn peak(values: &[(usize, Scored)]) -> Option<(usize, Scored, Vec<usize>)> {
    // Of equals the lower layer.
    let &(layer, best) = values.iter().rev().max_by(|a, b| a.1.value.total_cmp(&b.1.value))?;
    let near = values.iter().filter(|(l, s)| *l != layer && s.high >= best.low);
    Some((layer, best, near.map(|(l, _)| *l).collect()))
}

fn accuracies(label: &LabelProbe) -> Vec<(usize, Scored)> {
    label.layers.iter().map(|l| (l.layer, l.scores.scores.accuracy)).collect()
}

fn label_words(label: &LabelProbe) -> Vec<String> {
    let mut said = Vec::new();
    let Some((layer, best, near)) = peak(&accuracies(label)) else { return said };
    let near = match near[..] {
        _ if near.len() + 1 == label.layers.len() && near.len() > 1 => {
            "the intervals tell no other layer from it".to_owned()
        }
        [] => "the intervals of all other layers lie below".to_owned(),
        [_] => format!("the intervals do not tell layer {} from it", layers_in_words(&near)),
        _ => format!("the intervals do not tell layers {} from it", layers_in_words(&near)),
    };
    said.push(format!("{} is told best at layer {layer} ({}); {near}.", label.label, number(best)));
    let b = &label.baselines;
    let known = [
        ("the majority class", Some(b.majority)),
        ("looking the form up", b.form_lookup),
        ("looking the lemma up", b.lemma_lookup),
        ("layer 0", b.layer_0.filter(|_| layer != 0)),
    ];
    let known: Vec<(&str, Scored)> =
        known.into_iter().filter_map(|(name, s)| Some((name, s?.accuracy))).collect();
    let listed: Vec<String> =
        known.iter().map(|(name, s)| format!("{name} gives {}", short(s.value))).collect();
    let above = known.iter().all(|(_, s)| best.low > s.high);
    said.push(format!(
        "{}; {}.",
        capital(&listed.join(", ")),
        match above {
            true => "that layer's interval lies above all of these",
            false => "that layer's interval does not lie above all of these",
        }
    ));
    let Some(at) = label.layers.iter().find(|l| l.layer == layer) else { return said };
    if let Some(control) = at.control {
        let s = control.selectivity;
        said.push(format!("Its selectivity there is {}.", number(s)));
    }
    if let Some(random) = at.random_weights {
        said.push(format!("Random weights give {} there.", number(random.accuracy)));
    }
    if let Some(mdl) = &at.mdl {
        said.push(format!(
            "The online code compresses it {:.2}-fold there (by the labels' frequency alone {:.2}-fold).",
            mdl.compression.value, mdl.compression_by_frequency
        ));
    }
    if let Some(mixes) = &label.mixes {
        let expected = match mixes.expected_layer {
            Some(s) => {
                format!("its expected layer is {:.1} [{:.1}, {:.1}]", s.value, s.low, s.high)
            }
            None => {
                "its expected layer is not defined, since no layer adds to the first beyond chance"
                    .to_owned()
            }
        };
        said.push(format!(
            "In a mix of all layers its centre of gravity is {:.1}; {expected}.",
            mixes.mix.centre_of_gravity
        ));
    }
    if let Some(chosen) = label.chosen_layer
        && let Some(at) = label.layers.iter().find(|l| l.layer == chosen)
    {
        said.push(format!(
            "Held-out texts choose layer {chosen}, which gets {} on the test texts.",
            number(at.scores.scores.accuracy)
        ));
    }
    said
}

/// Which of two labels peaks lower, if the intervals tell.
fn peaks_compared(a: &LabelProbe, b: &LabelProbe) -> String {
    let among = |label: &LabelProbe| {
        let (layer, _, mut near) = peak(&accuracies(label))?;
        near.push(layer);
        Some((near.iter().copied().min()?, near.iter().copied().max()?))
    };
    let (Some((a_low, a_high)), Some((b_low, b_high))) = (among(a), among(b)) else {
        return String::new();
    };
    let lower = |x: &str, y: &str| format!("{x} peaks at a lower layer than {y}.");
    if a_high < b_low {
        lower(&a.label, &b.label)
    } else if b_high < a_low {
        lower(&b.label, &a.label)
    } else {
        format!("Which of {} and {} peaks lower, the intervals do not tell.", a.label, b.label)
    }
}

fn structural_words(report: &StructuralReport) -> String {
    let uuas: Vec<(usize, Scored)> =
        report.layers.iter().filter_map(|(l, s)| Some((*l, s.scores.uuas?))).collect();
    match (peak(&uuas), report.chain.uuas) {
        (Some((layer, best, _)), Some(chain)) => format!(
            "Of the edges of the trees {} are found at layer {layer}, {} by joining neighbours{}.",
            number(best),
            short(chain.value),
            if best.low > chain.high { "" } else { ": no more than by chance" }
        ),
        _ => "No test sentence has an edge that could be found.".to_owned(),
    }
}

/// `1, 3 and 4`.
fn layers_in_words(layers: &[usize]) -> String {
    let names: Vec<String> = layers.iter().map(ToString::to_string).collect();
    listed(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Two decimals without the leading 0, as papers print it.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    match text.strip_prefix("-0").or(text.strip_prefix('0')) {
        Some(rest) if text.starts_with('-') && rest != ".00" => format!("−{rest}"),
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

fn number(score: Scored) -> String {
    format!("{} [{}, {}]", short(score.value), short(score.low), short(score.high))
}
