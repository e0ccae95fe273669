//! The summary of `probe`, as text for a terminal.

use super::report::{LabelReport, LayerReport, Report, StructuralReport};
use crate::text::{end_line, highest, layers_of, listed, short, with_interval, wrapped};
use std::fmt::Write;
use stratoscope_probing::{Estimate, MlpScores, Scores};

impl Report {
    /// The main results and their limits, as sentences.
    pub fn in_words(&self) -> String {
        let mut said: Vec<String> = self.labels.iter().flat_map(label_words).collect();
        if let [a, b] = &self.labels[..] {
            said.push(peaks_compared(a, b));
        }
        said.extend(self.structural.iter().map(structural_words));
        said.push(
            "The scores do not show whether the model uses this information, and other probes \
             might predict more."
                .to_owned(),
        );
        said.join(" ")
    }
}

pub(super) fn write(text: &mut String, probe: &Report) -> std::fmt::Result {
    let (model, data) = (&probe.model, &probe.data);
    writeln!(text, "{}, {}, {}", model.model, model.family, layers_of(model.n_layers))?;
    let s = data.sentences;
    let what = if data.unit == "word" { "sentences" } else { "texts" };
    write!(text, "{} {what}: {} for training", s.train + s.dev + s.test, s.train)?;
    if s.dev > 0 {
        write!(text, ", {} held out", s.dev)?;
    }
    writeln!(text, ", {} for the test", s.test)?;
    for label in &probe.labels {
        writeln!(text)?;
        table(text, label, data.unit)?;
    }
    if let Some(structural) = &probe.structural {
        writeln!(text)?;
        trees(text, structural)?;
    }
    writeln!(text)?;
    text.push_str(&wrapped(&probe.in_words()));
    Ok(())
}

type Pick = fn(&LayerReport) -> Option<Estimate>;

/// Writes the scores of a label: one row per layer, and one per baseline.
fn table(text: &mut String, label: &LabelReport, unit: &str) -> std::fmt::Result {
    let c = &label.counts;
    write!(text, "{}: {} classes, {} training {unit}s, ", label.label, c.classes, c.train)?;
    write!(text, "{} test {unit}s", c.test)?;
    if c.unseen_lemmas > 0 {
        write!(text, " ({} with unseen lemmas)", c.unseen_lemmas)?;
    }
    writeln!(text, " [95 % interval]")?;
    let columns: [(&str, Pick); 9] = [
        ("accuracy", |l| Some(l.accuracy())),
        ("macro-F1", |l| Some(l.scores().macro_f1)),
        ("unseen lemmas", |l| l.scores().unseen_lemma_accuracy),
        ("selectivity", |l| l.control.map(|c| c.selectivity)),
        ("random weights", |l| l.random_weights.map(|s| s.accuracy)),
        ("compression", |l| l.mdl.as_ref().map(|m| m.compression)),
        ("hidden layer", |l| l.mlp.as_ref().map(|m| m.scores.accuracy)),
        ("its selectivity", |l| l.mlp.as_ref()?.control.map(|c| c.selectivity)),
        ("its compression", |l| l.mlp.as_ref()?.mdl.as_ref().map(|m| m.compression)),
    ];
    let known = |pick: &Pick| label.layers.iter().any(|layer| pick(layer).is_some());
    let columns: Vec<(&str, Pick)> = columns.into_iter().filter(|(_, p)| known(p)).collect();
    write!(text, "layer          C")?;
    columns.iter().try_for_each(|(title, _)| write!(text, "  {title:<17}"))?;
    end_line(text);
    for layer in &label.layers {
        write!(text, "{:>5}  {:>9}", layer.layer, layer.linear.strength)?;
        columns.iter().try_for_each(|(_, pick)| write!(text, "  {:<17}", cell(pick(layer))))?;
        end_line(text);
    }
    let b = &label.baselines;
    let baselines: [(&str, Option<Scores>); 3] = [
        ("majority class", Some(b.majority)),
        ("form lookup", b.form_lookup),
        ("lemma lookup", b.lemma_lookup),
    ];
    for (name, scores) in baselines {
        let Some(scores) = scores else { continue };
        write!(text, "{name:<16}")?;
        let cells = [Some(scores.accuracy), Some(scores.macro_f1), scores.unseen_lemma_accuracy];
        let shown = if columns.iter().any(|(title, _)| *title == "unseen lemmas") { 3 } else { 2 };
        cells.iter().take(shown).try_for_each(|score| write!(text, "  {:<17}", cell(*score)))?;
        end_line(text);
    }
    if label.chosen_layer.is_some() && label.learning_curve.len() > 1 {
        writeln!(text)?;
        writeln!(text, "training texts  accuracy")?;
        for point in &label.learning_curve {
            writeln!(text, "{:>14}  {}", point.clusters, cell(Some(point.accuracy)))?;
        }
    }
    Ok(())
}

/// Writes the scores of the structural probe: one row per layer.
fn trees(text: &mut String, report: &StructuralReport) -> std::fmt::Result {
    writeln!(
        text,
        "trees: {} training sentences, {} test sentences with {} edges [95 % interval]",
        report.train_sentences, report.sample.sentences, report.sample.edges
    )?;
    writeln!(text, "layer  {:<17}  {:<17}  {:<17}  root accuracy", "UUAS", "DSpr", "NSpr")?;
    let layers = report.layers.iter().map(|(layer, l)| (layer.to_string(), &l.scores));
    for (name, s) in layers.chain([("chain".to_owned(), &report.chain)]) {
        write!(text, "{name:>5}")?;
        for score in [s.uuas, s.dspr, s.nspr, s.root_accuracy] {
            write!(text, "  {:<17}", cell(score))?;
        }
        end_line(text);
    }
    Ok(())
}

fn cell(score: Option<Estimate>) -> String {
    score.map_or("–".to_owned(), number)
}

/// The highest value with its layer, and the other layers with intervals that overlap with its
/// interval. None if all layers have one value.
fn peak(values: &[(usize, Estimate)]) -> Option<(usize, Estimate, Vec<usize>)> {
    let (layer, best) = values[highest(values.iter().map(|(_, score)| score.value))?];
    let near = values.iter().filter(|(l, s)| *l != layer && !best.is_above(s));
    Some((layer, best, near.map(|(l, _)| *l).collect()))
}

fn accuracies(label: &LabelReport) -> Vec<(usize, Estimate)> {
    label.layers.iter().map(|l| (l.layer, l.accuracy())).collect()
}

fn label_words(label: &LabelReport) -> Vec<String> {
    let mut said = Vec::new();
    let Some((layer, best, near)) = peak(&accuracies(label)) else {
        let all = label.layers.first().map(|layer| number(layer.accuracy()));
        let all = all
            .map(|all| format!("{} is predicted equally well at all layers ({all}).", label.label));
        return all.into_iter().collect();
    };
    let near = match near[..] {
        _ if near.len() + 1 == label.layers.len() && near.len() > 1 => {
            "the intervals of all other layers overlap with it".to_owned()
        }
        [] => "the intervals of all other layers are below it".to_owned(),
        [layer] => format!("the interval of layer {layer} overlaps with it"),
        _ => format!("the intervals of layers {} overlap with it", layers_in_words(&near)),
    };
    said.push(format!(
        "{} is predicted best at layer {layer} ({}); {near}.",
        label.label,
        number(best)
    ));
    let b = &label.baselines;
    let known = [
        ("the majority class", Some(b.majority)),
        ("the form lookup", b.form_lookup),
        ("the lemma lookup", b.lemma_lookup),
        ("layer 0", b.layer_0.filter(|_| layer != 0)),
    ];
    let known: Vec<(&str, Estimate)> =
        known.into_iter().filter_map(|(name, s)| Some((name, s?.accuracy))).collect();
    let listed: Vec<String> =
        known.iter().map(|(name, s)| format!("{name}: {}", short(s.value))).collect();
    let above = known.iter().all(|(_, s)| best.is_above(s));
    said.push(format!(
        "Accuracy of the baselines: {}; {}.",
        listed.join(", "),
        match above {
            true => "the interval of this layer is above all of them",
            false => "the interval of this layer is not above all of them",
        }
    ));
    let Some(at) = label.layers.iter().find(|l| l.layer == layer) else { return said };
    if let Some(control) = at.control {
        let s = control.selectivity;
        said.push(format!("The selectivity at this layer is {}.", number(s)));
    }
    if let Some(random) = at.random_weights {
        said.push(format!(
            "The accuracy with random weights at this layer is {}.",
            number(random.accuracy)
        ));
    }
    if let Some(mdl) = &at.mdl {
        said.push(format!(
            "The online code compresses the labels by a factor of {:.2} at this layer (class \
             frequencies alone: {:.2}).",
            mdl.compression.value, mdl.compression_by_frequency
        ));
    }
    said.extend(at.mlp.as_ref().map(|mlp| beside_linear(at, mlp)));
    if let Some(mixes) = &label.mixes {
        let expected = match mixes.expected_layer {
            Some(s) => {
                let expected = with_interval(s, |value| format!("{value:.1}"));
                format!("the expected layer is {expected}")
            }
            None => {
                "the expected layer is not defined, because no layer is better than the first by \
                 more than chance"
                    .to_owned()
            }
        };
        said.push(format!(
            "In the mix of all layers, the centre of gravity is {:.1}; {expected}.",
            mixes.mix.centre_of_gravity
        ));
    }
    if let Some(chosen) = label.chosen_layer
        && let Some(at) = label.layers.iter().find(|l| l.layer == chosen)
    {
        let held_out = label.layers.iter().filter_map(|l| l.linear.held_out_accuracy);
        let best = match highest(held_out) {
            Some(_) => format!("Layer {chosen} is best on the held-out texts"),
            None => {
                format!("All layers are equal on the held-out texts, and layer {chosen} is used")
            }
        };
        let accuracy = number(at.accuracy());
        said.push(format!("{best}; its accuracy on the test texts is {accuracy}."));
    }
    said
}

/// Whether a label is there linearly, in another form, or memorised, by the two probes of a layer.
fn beside_linear(layer: &LayerReport, mlp: &MlpScores) -> String {
    let gain = mlp.beyond_linear;
    let beyond = format!(
        "A probe with one hidden layer has an accuracy of {} at this layer, {} more than the linear \
         probe",
        number(mlp.scores.accuracy),
        with_interval(gain, short)
    );
    let Some([low, high]) = gain.interval else { return beyond + "." };
    let selectivities = layer.control.zip(mlp.control);
    let meaning = match selectivities {
        _ if low <= 0.0 && high >= 0.0 => {
            "the interval includes 0: what the layer has of this label, a linear probe finds"
                .to_owned()
        }
        _ if high < 0.0 => "it finds less than the linear probe".to_owned(),
        None => "run with --control to see whether it memorises word forms".to_owned(),
        Some((linear, own)) => {
            let (linear, own) = (linear.selectivity, own.selectivity);
            let values =
                format!("{} for the linear probe, {} for this", number(linear), number(own));
            match own.value > linear.value {
                true => format!(
                    "its selectivity is higher too ({values}): a part of the label is there, but \
                     not linearly"
                ),
                false => format!(
                    "but its selectivity is not higher ({values}): the gain can be memorised forms"
                ),
            }
        }
    };
    format!("{beyond}; {meaning}.")
}

/// Compares the best layers of two labels, if the intervals allow it.
fn peaks_compared(a: &LabelReport, b: &LabelReport) -> String {
    let among = |label: &LabelReport| {
        let (layer, _, mut near) = peak(&accuracies(label))?;
        near.push(layer);
        Some((near.iter().copied().min()?, near.iter().copied().max()?))
    };
    let (Some((a_low, a_high)), Some((b_low, b_high))) = (among(a), among(b)) else {
        return String::new();
    };
    let lower =
        |x: &str, y: &str| format!("The best layer of {x} is lower than the best layer of {y}.");
    if a_high < b_low {
        lower(&a.label, &b.label)
    } else if b_high < a_low {
        lower(&b.label, &a.label)
    } else {
        format!(
            "The intervals do not show whether {} or {} has the lower best layer.",
            a.label, b.label
        )
    }
}

fn structural_words(report: &StructuralReport) -> String {
    let uuas: Vec<(usize, Estimate)> =
        report.layers.iter().filter_map(|(l, s)| Some((*l, s.scores.uuas?))).collect();
    match (peak(&uuas), report.chain.uuas) {
        (Some((layer, best, _)), Some(chain)) => format!(
            "The structural probe finds a share of {} of the edges at layer {layer}; the chain of \
             neighbouring words finds {}{}.",
            number(best),
            short(chain.value),
            if best.is_above(&chain) { "" } else { ". Their intervals overlap" }
        ),
        (None, Some(chain)) if !uuas.is_empty() => format!(
            "The structural probe finds an equal share of the edges at all layers ({}); the chain \
             of neighbouring words finds {}.",
            number(uuas[0].1),
            short(chain.value)
        ),
        _ => "No test sentence has an edge.".to_owned(),
    }
}

/// `1, 3 and 4`.
fn layers_in_words(layers: &[usize]) -> String {
    listed(&layers.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn number(score: Estimate) -> String {
    with_interval(score, short)
}
