//! The summary of the crossed design, as text for a terminal.

use super::{Crossed, CrossedCurve};
use crate::text::{end_line, short, with_interval, wrapped, written};
use std::fmt::Write;
use stratoscope_geometry::Estimate;
use stratoscope_numerics::largest;
use stratoscope_probing::{Null, Partition};

type Pick = fn(&Partition) -> Option<Estimate>;

impl Crossed {
    /// The main results for this model and their limits, as sentences.
    pub fn in_words(&self) -> String {
        written(|text| self.words_into(text))
    }

    fn words_into(&self, text: &mut String) -> std::fmt::Result {
        let role =
            if self.stimuli.roles.iter().any(|r| r == "verb") { "part of speech" } else { "role" };
        write!(
            text,
            "The variance within a word form is divided into sense, {role} and the rest. "
        )?;
        let n_layers = self.model.n_layers;
        let target = Curve::of(&self.target);
        match (&target.role_peak, &target.sense_peak) {
            (Some(r), Some(s)) => write!(
                text,
                "In the target, ω² of {role} is largest at layer {} ({}; last layer: {}); ω² of \
                 sense is largest at layer {} ({}). ",
                r.0,
                number(r.1),
                target.role_last.map_or_else(|| "not defined".into(), number),
                s.0,
                number(s.1),
            )?,
            _ => write!(text, "In the target, the effects are not defined (see the table). ")?,
        }
        if let (Some((layer, role_peak)), Some(null)) = (&target.role_peak, target.role_null)
            && role_peak.value <= null.high
        {
            write!(
                text,
                "Even at layer {layer}, {role} does not exceed chance ({:.2}, the 95th percentile \
                 with permuted labels). ",
                null.high
            )?;
        }
        if let (Some(at_peak), Some(last)) = (target.share_at_role_peak, target.share_last) {
            let change = compare(at_peak, last);
            write!(
                text,
                "The semantic share is {} at the layer where {role} is largest and {} at the last \
                 layer: {}. ",
                number(at_peak),
                number(last),
                match change {
                    Change::Up => "higher",
                    Change::Down => "lower",
                    Change::Unclear => "no clear change, because the intervals overlap",
                }
            )?;
        }
        let mut carrier_change = None;
        if let (Some(curve), Some(word)) = (&self.carrier, &self.stimuli.carrier) {
            let carrier = Curve::of(curve);
            if let (Some(first), Some(last)) = (carrier.share_first, carrier.share_last) {
                let change = compare(first.1, last);
                carrier_change = Some(change);
                write!(
                    text,
                    "In the carrier “{word}”, which has no senses, the semantic share changes from \
                     {} (layer {}) to {} (layer {n_layers}): ",
                    number(first.1),
                    first.0,
                    number(last),
                )?;
                write!(
                    text,
                    "{}. ",
                    match change {
                        Change::Up => "the share of sense is larger at the last layer",
                        Change::Down => "the share of sense is smaller at the last layer",
                        Change::Unclear => "no clear change, because the intervals overlap",
                    }
                )?;
            }
        }
        let early = target.role_peak.as_ref().is_some_and(|r| 2 * r.0 <= n_layers);
        let fades = match (&target.role_peak, target.role_last) {
            (Some(peak), Some(last)) => last.value <= peak.1.value / 2.0,
            _ => false,
        };
        let mut claims = vec![
            (early, format!("{role} is largest in the lower half of the layers")),
            (fades, format!("{role} falls to half or less at the last layer")),
        ];
        if let (Some(first), Some(last)) = (target.share_at_role_peak, target.share_last) {
            let claim = format!("the semantic share of the target rises after the peak of {role}");
            claims.push((compare(first, last) == Change::Up, claim));
        }
        if let Some(change) = carrier_change {
            let claim = "the semantic share of the carrier rises with depth".to_owned();
            claims.push((change == Change::Up, claim));
        }
        let listed = |which: bool| -> String {
            let some = claims.iter().filter(|(holds, _)| *holds == which);
            some.map(|(_, claim)| claim.as_str()).collect::<Vec<_>>().join("; ")
        };
        let (seen, unseen) = (listed(true), listed(false));
        write!(text, "Parts of the rule “lower layers: syntax, upper layers: meaning” ")?;
        match (seen.is_empty(), unseen.is_empty()) {
            (false, true) => write!(text, "that these numbers show: {seen}. ")?,
            (false, false) => {
                write!(text, "that these numbers show: {seen}; that they do not show: {unseen}. ")?;
            }
            (true, _) => write!(text, "that these numbers do not show: {unseen}. ")?,
        }
        if self.stimuli.cues_first {
            let why = match self.model.causal {
                true => ", because this model is causal",
                false => "",
            };
            write!(text, "Only contexts with the cues before the target were used{why}. ")?;
        }
        if self.position_removed {
            write!(
                text,
                "The effect of position is removed first, because targets have unequal positions \
                 with this tokenizer. "
            )?;
        }
        let predicted = self.balance.role_from_neighbours;
        write!(
            text,
            "The partition does not show how the model uses sense and {role}, or whether information \
             is lost if its share of the variance is smaller. It is valid for these {} words in \
             made-up sentences, not for other words, languages or kinds of text. The two words \
             beside the target predict {role} in {:.0} % of the contexts (chance: {:.0} %), so a \
             part of the effect of {role} is an effect of adjacent words.",
            self.stimuli.words,
            100.0 * predicted.accuracy,
            100.0 * predicted.chance,
        )
    }
}

pub(crate) fn write(text: &mut String, crossed: &Crossed) -> std::fmt::Result {
    let s = &crossed.stimuli;
    writeln!(
        text,
        "{}: {} words, {} senses, {} roles ({}), {} contexts, {} texts",
        s.name,
        s.words,
        s.senses,
        s.roles.len(),
        s.roles.join(", "),
        s.contexts,
        s.texts,
    )?;
    let predicted = |what: &str, t: stratoscope_probing::Predictability| {
        format!("{what} {:.0} % (chance {:.0} %)", 100.0 * t.accuracy, 100.0 * t.chance)
    };
    writeln!(
        text,
        "targets at tokens {} to {}, {}; accuracy of adjacent words: {}, {}",
        crossed.balance.positions[0],
        crossed.balance.positions[1],
        match crossed.position_removed {
            true => "unequal in the cells of the design: position is removed",
            false => "equal in all cells of the design",
        },
        predicted("role", crossed.balance.role_from_neighbours),
        predicted("sense", crossed.balance.sense_from_neighbours),
    )?;
    for (name, curve) in crossed.curves() {
        writeln!(text)?;
        table(text, &name, curve)?;
    }
    writeln!(text)?;
    text.push_str(&wrapped(&crossed.in_words()));
    Ok(())
}

/// Writes ω² of the effects and the shares, with their intervals: one row per layer.
fn table(text: &mut String, name: &str, curve: &CrossedCurve) -> std::fmt::Result {
    let columns: [(&str, Pick); 5] = [
        ("sense", |p| p.sense),
        ("role", |p| p.role),
        ("word × role", |p| p.word_role),
        ("semantic share", |p| p.semantic_share),
        ("share, any role", |p| p.semantic_share_any_role),
    ];
    writeln!(text, "{name}: ω² of the variance within a word form [95 % interval]")?;
    write!(text, "layer  within")?;
    for (title, _) in columns {
        write!(text, "  {title:<18}")?;
    }
    writeln!(text)?;
    for layer in &curve.layers {
        let within = layer.partition.within_word;
        let within = within.map_or("–".to_owned(), |w| format!("{:.0} %", 100.0 * w.value));
        write!(text, "{:>5}  {within:>6}", layer.layer)?;
        for (_, pick) in columns {
            let cell = pick(&layer.partition)
                .map_or("–".to_owned(), |estimate| with_interval(estimate, short));
            write!(text, "  {cell:<18}")?;
        }
        end_line(text);
    }
    Ok(())
}

/// The values of a curve that the text needs.
struct Curve {
    role_peak: Option<(usize, Estimate)>,
    sense_peak: Option<(usize, Estimate)>,
    role_last: Option<Estimate>,
    /// The null distribution of role at the layer where role is largest.
    role_null: Option<Null>,
    share_at_role_peak: Option<Estimate>,
    share_first: Option<(usize, Estimate)>,
    share_last: Option<Estimate>,
}

impl Curve {
    fn of(curve: &CrossedCurve) -> Self {
        let peak = |pick: Pick| {
            let known = curve.layers.iter().filter_map(|l| Some((l.layer, pick(&l.partition)?)));
            let known: Vec<(usize, Estimate)> = known.collect();
            largest(known.iter().map(|(_, found)| found.value)).map(|at| known[at])
        };
        let share = |l: &super::CrossedLayer| l.partition.semantic_share;
        let last = curve.layers.last();
        let role_peak = peak(|p| p.role);
        Self {
            share_at_role_peak: role_peak
                .and_then(|(layer, _)| curve.layers.iter().find(|l| l.layer == layer))
                .and_then(share),
            role_null: role_peak
                .and_then(|(layer, _)| curve.layers.iter().find(|l| l.layer == layer))
                .and_then(|l| l.partition.role_null),
            role_peak,
            sense_peak: peak(|p| p.sense),
            role_last: last.and_then(|l| l.partition.role),
            share_first: curve.layers.iter().find_map(|l| share(l).map(|e| (l.layer, e))),
            share_last: last.and_then(share),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Change {
    Up,
    Down,
    Unclear,
}

/// The direction of the change; unclear if the intervals overlap.
fn compare(first: Estimate, second: Estimate) -> Change {
    if second.is_above(&first) {
        Change::Up
    } else if first.is_above(&second) {
        Change::Down
    } else {
        Change::Unclear
    }
}

fn number(estimate: Estimate) -> String {
    with_interval(estimate, |value| format!("{value:.2}").replace('-', "−"))
}
