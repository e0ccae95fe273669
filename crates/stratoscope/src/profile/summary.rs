//! A profile as text for a terminal.

use super::{Profile, ProfileCurve};
use crate::text::{end_line, short, with_interval, wrapped};
use std::fmt::Write;
use stratoscope_geometry::Estimate;
use stratoscope_probing::{Null, Partition};

type Pick = fn(&Partition) -> Option<Estimate>;

impl Profile {
    pub(super) fn terminal_text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write(&mut text, self);
        text
    }

    /// What the curves show and do not show for this model, in plain words.
    pub fn in_words(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.words_into(&mut text);
        text
    }

    fn words_into(&self, text: &mut String) -> std::fmt::Result {
        let role =
            if self.stimuli.roles.iter().any(|r| r == "verb") { "part of speech" } else { "role" };
        write!(
            text,
            "Held constant: the word form. What still varies of it was split into sense, {role} and the rest. "
        )?;
        let n_layers = self.model.n_layers;
        let target = Curve::of(&self.target);
        match (&target.role_peak, &target.sense_peak) {
            (Some(r), Some(s)) => write!(
                text,
                "In the word itself {role} is largest at layer {} (ω² {}) and {} at layer {n_layers}; \
                 sense is largest at layer {} (ω² {}). ",
                r.0,
                number(r.1),
                target.role_last.map_or_else(|| "not defined".into(), number),
                s.0,
                number(s.1),
            )?,
            _ => write!(text, "In the word itself the effects are not defined: see the table. ")?,
        }
        if let (Some((layer, role_peak)), Some(null)) = (&target.role_peak, target.role_null)
            && role_peak.value <= null.high
        {
            write!(
                text,
                "Even there, at layer {layer}, {role} does not exceed what permuted labels reach by \
                 chance ({:.2}). ",
                null.high
            )?;
        }
        if let (Some(at_peak), Some(last)) = (target.share_at_role_peak, target.share_last) {
            let change = compare(at_peak, last);
            write!(
                text,
                "Its semantic share is {} where {role} peaks and {} at the top: {}. ",
                number(at_peak),
                number(last),
                match change {
                    Change::Up => "higher",
                    Change::Down => "lower",
                    Change::Unclear => "a difference that the intervals do not carry",
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
                    "In the “{word}” before it, which has no sense of its own, the share goes from {} \
                     (layer {}) to {} (layer {n_layers}): ",
                    number(first.1),
                    first.0,
                    number(last),
                )?;
                write!(
                    text,
                    "{}. ",
                    match change {
                        Change::Up => "what flows into it from around is more and more meaning",
                        Change::Down => "what flows into it from around is less and less meaning",
                        Change::Unclear => "no clear change",
                    }
                )?;
            }
        }
        let early = target.role_peak.as_ref().is_some_and(|r| 2 * r.0 <= n_layers);
        let fades = match (&target.role_peak, target.role_last) {
            (Some(peak), Some(last)) => last.value <= peak.1.value / 2.0,
            _ => false,
        };
        let rises = match (target.share_at_role_peak, target.share_last) {
            (Some(a), Some(b)) => Some(compare(a, b) == Change::Up),
            _ => None,
        };
        let mut seen = Vec::new();
        let mut unseen = Vec::new();
        let mut say = |holds: bool, yes: &str, no: &str| {
            if holds { seen.push(yes.to_owned()) } else { unseen.push(no.to_owned()) }
        };
        say(
            early,
            &format!("{role} peaks in the lower half"),
            &format!("a peak of {role} in the lower half"),
        );
        say(
            fades,
            &format!("{role} has fallen to half or less at the top"),
            &format!("a fall of {role} to half at the top"),
        );
        if let Some(rises) = rises {
            say(
                rises,
                "the word's semantic share is higher at the top than there",
                "a higher semantic share of the word at the top",
            );
        }
        if let Some(change) = carrier_change {
            say(
                change == Change::Up,
                "the carrier's share rises with depth",
                "a rise of the carrier's share with depth",
            );
        }
        match (seen.is_empty(), unseen.is_empty()) {
            (false, true) => write!(
                text,
                "“Lower layers syntax, upper layers meaning” holds here in this sense: {}. ",
                seen.join("; ")
            )?,
            (false, false) => write!(
                text,
                "Of “lower layers syntax, upper layers meaning” this much is seen: {}. Not seen: {}. ",
                seen.join("; "),
                unseen.join("; ")
            )?,
            (true, _) => write!(
                text,
                "“Lower layers syntax, upper layers meaning” is not seen here: no {}. ",
                unseen.join("; no ")
            )?,
        }
        if self.stimuli.cues_first {
            let why = match self.model.causal {
                true => ", since no token of this model sees those after it",
                false => "",
            };
            write!(text, "Only contexts whose cues stand before the target were used{why}. ")?;
        }
        if self.position_removed {
            write!(
                text,
                "This tokenizer puts targets at unequal positions, so position was removed first. "
            )?;
        }
        let told = self.balance.role_from_neighbours;
        write!(
            text,
            "Not shown: what the model does with it; other words, languages and kinds of text than \
             these {} words in made-up sentences; that something is lost where its share of the \
             variance falls. The two words beside the target alone tell {role} in {:.0} % of the \
             contexts (guessing: {:.0} %), so part of “{role}” is what stands next to it.",
            self.stimuli.words,
            100.0 * told.accuracy,
            100.0 * told.chance,
        )
    }
}

fn write(text: &mut String, profile: &Profile) -> std::fmt::Result {
    let (model, s) = (&profile.model, &profile.stimuli);
    writeln!(text, "{}, {}, {} layers", model.model, model.family, model.n_layers)?;
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
        "targets at tokens {} to {}, {}; neighbours alone tell {}, {}",
        profile.balance.positions[0],
        profile.balance.positions[1],
        match profile.position_removed {
            true => "not the same in every cell: position is removed",
            false => "the same in every cell",
        },
        predicted("the role", profile.balance.role_from_neighbours),
        predicted("the sense", profile.balance.sense_from_neighbours),
    )?;
    for (name, curve) in profile.curves() {
        writeln!(text)?;
        table(text, &name, curve)?;
    }
    writeln!(text)?;
    text.push_str(&wrapped(&profile.in_words()));
    Ok(())
}

/// One row per layer: ω² of the effects with their intervals, the shares.
fn table(text: &mut String, name: &str, curve: &ProfileCurve) -> std::fmt::Result {
    type Pick = fn(&Partition) -> Option<Estimate>;
    let columns: [(&str, Pick); 5] = [
        ("sense", |p| p.sense),
        ("role", |p| p.role),
        ("word × role", |p| p.word_role),
        ("semantic share", |p| p.semantic_share),
        ("share, any role", |p| p.semantic_share_any_role),
    ];
    writeln!(text, "{name}: ω² of what varies within a word [95 % interval]")?;
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

/// What the words need of a curve.
struct Curve {
    role_peak: Option<(usize, Estimate)>,
    sense_peak: Option<(usize, Estimate)>,
    role_last: Option<Estimate>,
    /// By chance, where role peaks.
    role_null: Option<Null>,
    share_at_role_peak: Option<Estimate>,
    share_first: Option<(usize, Estimate)>,
    share_last: Option<Estimate>,
}

impl Curve {
    fn of(curve: &ProfileCurve) -> Self {
        let peak = |pick: Pick| {
            let known =
                curve.layers.iter().filter_map(|l| pick(&l.partition).map(|e| (l.layer, e)));
            known.max_by(|a, b| a.1.value.total_cmp(&b.1.value))
        };
        let share = |l: &super::ProfileLayer| l.partition.semantic_share;
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

/// How the second differs from the first, if their intervals do not overlap.
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
