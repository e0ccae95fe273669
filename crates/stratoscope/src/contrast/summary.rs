//! The summary of `probe --contrast`, as text for a terminal.

use super::report::{Along, Report};
use super::steer::{Steering, TokenChange};
use crate::text::{end_line, layers_of, listed, short, with_interval, wrapped};
use std::fmt::Write;
use stratoscope_geometry::Estimate;

impl Report {
    /// The main results and their limits, as sentences.
    pub fn in_words(&self) -> String {
        let mut said = Vec::new();
        let [first, second] = &self.data.names;
        let best = self.layers.iter().find(|layer| Some(layer.layer) == self.best_layer);
        if let Some((layer, auc)) = best.and_then(|best| Some((best, best.auc?))) {
            said.push(format!(
                "The direction separates “{first}” from “{second}” best at layer {} (AUC {}).",
                layer.layer,
                number(auc)
            ));
            if let Some([_, high]) = layer.random {
                said.push(match auc.value > high {
                    true => format!("97.5 % of random directions are below {}.", short(high)),
                    false => format!(
                        "Random directions do as well (up to {}): the two lists differ in many \
                         directions, or in none.",
                        short(high)
                    ),
                });
            }
            if let Some(of) = self.data.auc_of_length {
                let of = of.value.max(1.0 - of.value);
                said.push(match layer.auc_same_length {
                    Some(same) => format!(
                        "The number of tokens alone has an AUC of {}; among texts of equal length the \
                         direction has {}.",
                        short(of),
                        number(same)
                    ),
                    None => format!(
                        "The number of tokens alone has an AUC of {}, and no two texts of the lists \
                         have equal lengths: length is not controlled.",
                        short(of)
                    ),
                });
            }
        }
        if let Some(of) = &self.steering {
            said.extend(steered(of));
        }
        said.push(
            "A direction shows what separates these lists, not that the model uses it; the lists may \
             differ in more than one way."
                .to_owned(),
        );
        said.join(" ")
    }
}

fn steered(of: &Steering) -> Option<String> {
    let at = |dose: f64| of.doses.iter().find(|own| own.dose == dose);
    let (one, none) = (at(1.0)?, at(0.0)?);
    let names = |tokens: &[TokenChange]| -> String {
        let names = tokens
            .iter()
            .take(5)
            .map(|change| format!("“{}”", change.token.trim_matches(' ').escape_debug()));
        listed(&names.collect::<Vec<_>>())
    };
    let perplexity = |of: Option<f64>| of.map_or("–".to_owned(), |value| format!("{value:.1}"));
    Some(format!(
        "Added once at layer {}, it changes the predictions by {} nats (KL); the perplexity of the texts \
         goes from {} to {}. The probabilities of {} rise most, those of {} fall most.",
        of.layer,
        with_interval(one.kl, short),
        perplexity(none.perplexity),
        perplexity(one.perplexity),
        names(&of.raised),
        names(&of.lowered),
    ))
}

pub(super) fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    let (model, data) = (&report.model, &report.data);
    writeln!(text, "{}, {}, {}", model.model, model.family, layers_of(model.n_layers))?;
    let [a, b] = data.n;
    let [first, second] = &data.names;
    writeln!(text, "{a} {}s of {first}, {b} of {second}; {} pooling", data.unit, data.pooling)?;
    writeln!(text)?;
    writeln!(text, "layer  held-out AUC        equal lengths       random      length / norm")?;
    for layer in &report.layers {
        let cell = |of: Option<Estimate>| of.map_or("–".to_owned(), number);
        let random = layer
            .random
            .map_or("–".to_owned(), |[low, high]| format!("{} to {}", short(low), short(high)));
        let (auc, same) = (cell(layer.auc), cell(layer.auc_same_length));
        write!(text, "{:>5}  {auc:<18}  {same:<18}  {random:<10}", layer.layer)?;
        write!(text, "  {}", short(layer.share_of_norm))?;
        end_line(text);
    }
    if let Some(best) = report.best_layer {
        writeln!(text)?;
        writeln!(text, "along the direction of layer {best} (0: the middle, ±.5: the means)")?;
        report.along.iter().try_for_each(|item| along(text, item, &data.names))?;
    }
    if let Some(of) = &report.steering {
        writeln!(text)?;
        writeln!(text, "dose    KL                  nats per token      perplexity")?;
        for dose in &of.doses {
            let nats = dose.nats_per_token.map_or("–".to_owned(), number);
            let perplexity =
                dose.perplexity.map_or("–".to_owned(), |value| format!("{value:.1}"));
            write!(text, "{:>4}    {:<18}  {nats:<18}  {perplexity}", dose.dose, number(dose.kl))?;
            end_line(text);
        }
    }
    writeln!(text)?;
    text.push_str(&wrapped(&report.in_words()));
    Ok(())
}

fn along(text: &mut String, item: &Along, names: &[String; 2]) -> std::fmt::Result {
    let name: String = names[item.list].chars().take(12).collect();
    let own: String = item.text.chars().take(64).collect();
    let place =
        if item.place < 0.0 { short(item.place) } else { format!("+{}", short(item.place)) };
    let word = item.word.as_ref().map_or(String::new(), |word| format!("{word}: "));
    write!(text, "{place:>6}  {name:<12}  {word}{own}")?;
    end_line(text);
    Ok(())
}

fn number(score: Estimate) -> String {
    with_interval(score, short)
}
