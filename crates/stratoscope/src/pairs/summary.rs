//! The summary of `probe --pairs`, as text for a terminal.

use super::report::{LayerReport, Report, Scores, Way};
use crate::text::{end_line, fine, layers_of, with_interval, wrapped};
use std::fmt::Write;
use stratoscope_geometry::Estimate;

impl Report {
    /// The main results and their limits, as sentences.
    pub fn in_words(&self) -> String {
        let mut said = Vec::new();
        let name = self.score_name();
        let half = if self.is_retrieval() { "queries" } else { "pairs" };
        match &self.choice {
            Some(choice) => {
                said.push(format!(
                    "On one half of the {half} ({}), {} has the highest {name}. On the other half \
                     ({}), it has {}.",
                    choice.chosen_on,
                    way(choice.chosen),
                    choice.reported_on,
                    number(choice.score),
                ));
                if choice.chosen.layer == choice.last.layer {
                    said.push("The best layer is the last one.".to_owned());
                } else {
                    let gain = choice.gain;
                    said.push(format!(
                        "The last layer ({}) has {} there; the gain is {}.",
                        way(choice.last),
                        number(choice.score_of_last),
                        number(gain)
                    ));
                    if gain.interval.is_some_and(|[low, high]| low <= 0.0 && high >= 0.0) {
                        said.push(
                            "The interval of the gain includes 0: these data do not show that the \
                             layer is better than the last one."
                                .to_owned(),
                        );
                    }
                }
            }
            None => said.push(format!(
                "There are too few {half} to choose a layer on one half and to test it on the other."
            )),
        }
        said.push(
            "The choice holds for texts like these. It does not show what the model uses, and \
             training on such pairs could make another layer the best."
                .to_owned(),
        );
        said.join(" ")
    }
}

pub(super) fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    let (model, data) = (&report.model, &report.data);
    writeln!(text, "{}, {}, {}", model.model, model.family, layers_of(model.n_layers))?;
    match data.candidates {
        Some(candidates) => {
            write!(text, "{} queries, {candidates} candidates", data.n)?;
        }
        None => write!(text, "{} pairs", data.n)?,
    }
    writeln!(text, "; {} pooling, {} [95 % interval]", data.pooling, data.metric)?;
    writeln!(text)?;
    type Pick = fn(&LayerReport) -> Option<Estimate>;
    let columns: &[(&str, Pick)] = match report.is_retrieval() {
        true => &[
            ("reciprocal rank", |l| l.scores.main()),
            ("recall at 1", |l| l.scores.recalls()[0]),
            ("at 5", |l| l.scores.recalls()[1]),
            ("at 10", |l| l.scores.recalls()[2]),
        ],
        false => &[
            ("Spearman", |l| l.scores.main()),
            ("given the lengths", |l| match l.scores {
                Scores::Scored { spearman_given_lengths, .. } => spearman_given_lengths,
                Scores::Retrieval { .. } => None,
            }),
        ],
    };
    write!(text, "layer")?;
    columns.iter().try_for_each(|(title, _)| write!(text, "  {title:<20}"))?;
    write!(text, "  best of all ways")?;
    end_line(text);
    for layer in &report.layers {
        write!(text, "{:>5}", layer.layer)?;
        for (_, pick) in columns {
            write!(text, "  {:<20}", pick(layer).map_or("–".to_owned(), number))?;
        }
        let best = layer.ways.iter().filter_map(|way| Some((way, way.score?)));
        let best = best.reduce(|a, b| if b.1.value > a.1.value { b } else { a });
        if let Some((way, score)) = best {
            let value = fine(score.value);
            write!(text, "  {value} {}, {}", way.pooling.name(), way.metric.name())?;
        }
        end_line(text);
    }
    if !report.sets.is_empty() {
        writeln!(text)?;
        write!(text, "{:<16}     n", "set")?;
        report.layers.iter().try_for_each(|layer| write!(text, "  {:>5}", layer.layer))?;
        end_line(text);
        for set in &report.sets {
            let name: String = set.set.chars().take(16).collect();
            write!(text, "{name:<16} {:>5}", set.n)?;
            for score in &set.spearman {
                let score = score.map_or("–".to_owned(), |score| fine(score.value));
                write!(text, "  {score:>5}")?;
            }
            end_line(text);
        }
    }
    writeln!(text)?;
    text.push_str(&wrapped(&report.in_words()));
    Ok(())
}

/// `layer 3 (mean pooling, cosine)`.
fn way(of: Way) -> String {
    format!("layer {} ({} pooling, {})", of.layer, of.pooling.name(), of.metric.label())
}

fn number(score: Estimate) -> String {
    with_interval(score, fine)
}
