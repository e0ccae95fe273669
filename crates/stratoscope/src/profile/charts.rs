//! A profile as it is shown: the figure, and a paragraph of plain words.

use super::{Profile, ProfileCurve};
use crate::Result;
use std::fmt::Write;
use stratoscope_plot::{
    CurvePoint, Depth, Figure, Multiples, Panel, Series, SeriesKind, SmallPanel, XAxis,
};
use stratoscope_probing::{Estimate, LEAST_WITHIN, Null, Partition};

type Pick = fn(&Partition) -> Option<Estimate>;

impl Profile {
    /// Draws the profile: target and carrier on one scale, their semantic shares, and how much of
    /// the variance lies within words.
    ///
    /// # Errors
    /// A profile without a defined value at any layer.
    pub fn figure(&self) -> Result<Figure> {
        let model = &self.model.model;
        Ok(Depth {
            title: format!("Sense and role by depth: {}", crate::figures::short_name(model)),
            caption: self.caption(),
            rows: self.panels(""),
        }
        .draw()?)
    }

    /// Draws profiles side by side, over depth as a share of the whole.
    ///
    /// # Errors
    /// Profiles without a defined value at any layer.
    pub fn side_by_side(profiles: &[Self]) -> Result<Figure> {
        let names = profiles.iter().map(|p| crate::figures::short_name(&p.model.model).to_owned());
        let names = crate::figures::numbered(names.map(|name| (0, name)));
        let panel =
            |title: &str, unit: &str, of: fn(&Self) -> Option<&ProfileCurve>, pick: Pick| {
                let curve = |profile: &Self| -> Vec<CurvePoint> {
                    let depth = profile.model.n_layers.max(1) as f64;
                    let point = |l: &super::ProfileLayer| {
                        let found = pick(&l.partition);
                        CurvePoint {
                            at: l.layer as f64 / depth,
                            value: found.map(|e| e.value),
                            interval: found.map(|e| (e.low, e.high)),
                        }
                    };
                    of(profile).map_or_else(Vec::new, |c| c.layers.iter().map(point).collect())
                };
                SmallPanel {
                    title: title.to_owned(),
                    unit: unit.to_owned(),
                    curves: profiles.iter().map(curve).collect(),
                }
            };
        let target: fn(&Self) -> Option<&ProfileCurve> = |p| Some(&p.target);
        let carrier: fn(&Self) -> Option<&ProfileCurve> = |p| p.carrier.as_ref();
        let share = "sense / (sense + role)";
        let panels = vec![
            panel("target: sense", "ω²", target, |p| p.sense),
            panel("target: role", "ω²", target, |p| p.role),
            panel("target: semantic share", share, target, |p| p.semantic_share),
            panel("carrier: sense", "ω²", carrier, |p| p.sense),
            panel("carrier: role", "ω²", carrier, |p| p.role),
            panel("carrier: semantic share", share, carrier, |p| p.semantic_share),
        ];
        let shown = |p: &SmallPanel| p.curves.iter().flatten().any(|c| c.value.is_some());
        // What permuted labels reach is in the figure of each.
        let captions: Vec<String> = profiles.iter().map(|p| p.caption_with("")).collect();
        let caption = match captions.first() {
            Some(first) if captions.iter().all(|c| c == first) => first.clone(),
            _ => (names.iter().zip(&captions))
                .map(|(name, caption)| format!("{name}: {caption}"))
                .collect::<Vec<_>>()
                .join(" "),
        };
        Ok(Multiples {
            title: "Sense and role by depth, model by model".to_owned(),
            caption,
            names,
            by_layer: false,
            panels: panels.into_iter().filter(shown).collect(),
        }
        .draw()?)
    }

    /// The panels of the figure, their titles after `of`.
    pub(crate) fn panels(&self, of: &str) -> Vec<Vec<Panel>> {
        let curves: Vec<(String, &ProfileCurve)> = self.curves();
        let highest = (curves.iter().flat_map(|(_, curve)| &curve.layers))
            .flat_map(|l| [l.partition.sense, l.partition.role, l.partition.word_role])
            .flatten()
            .fold(0.0, |high: f64, e| high.max(e.high));
        let range = Some((0.0, (1.06 * highest).max(0.05)));
        let panel = |title: String, label: &str, range, series: Vec<Series>| Panel {
            title: format!("{of}{title}"),
            y_label: label.to_owned(),
            layers: self.target.layers.iter().map(|l| l.layer).collect(),
            x: XAxis::Layers,
            range,
            // A curve without a value cannot be drawn; the caption says what is not defined.
            series: series.into_iter().filter(|s| s.values.iter().any(Option::is_some)).collect(),
        };
        let effects = |(name, curve): &(String, &ProfileCurve)| {
            let series = vec![
                Series { peak: true, ..series("sense", curve, |p| p.sense) },
                Series { peak: true, ..series("role", curve, |p| p.role) },
                series("word × role", curve, |p| p.word_role),
                chance("sense, chance", curve, |p| p.sense_null),
                chance("role, chance", curve, |p| p.role_null),
            ];
            panel(format!("{name}: effects"), "ω²", range, series)
        };
        let of_all = |label: &str, title: &str, pick: Pick| {
            let series = curves.iter().map(|(name, curve)| series(name, curve, pick)).collect();
            panel(title.to_owned(), label, Some((0.0, 1.0)), series)
        };
        let rows = vec![
            curves.iter().map(effects).collect(),
            vec![
                of_all("sense / (sense + role)", "semantic share", |p| p.semantic_share),
                of_all("share of variance", "variance within words", |p| p.within_word),
            ],
        ];
        let drawable = |row: Vec<Panel>| row.into_iter().filter(|p| !p.series.is_empty()).collect();
        rows.into_iter().map(drawable).filter(|row: &Vec<Panel>| !row.is_empty()).collect()
    }

    pub(crate) fn caption(&self) -> String {
        self.caption_with(
            "ringed: the largest value; dashed: what permuted labels reach by chance (95th \
             percentile); ",
        )
    }

    /// The caption of a figure that has these marks.
    fn caption_with(&self, marks: &str) -> String {
        let s = &self.stimuli;
        let mut text = format!(
            "{} words of one form, each in its senses and as {} ({} contexts, {} texts). Effects: ω² \
             of what varies within a word; 95 % intervals by bootstrap over words (n = {}); {marks}\
             below 0: less than the spread of contexts alone would give. \
             Shares are left out where less than {:.0} % of the variance is within words or neither \
             effect beats chance. A smaller ω² higher up does not say that the model has lost \
             something, only that other things vary more.",
            s.words,
            listed(&s.roles),
            s.contexts,
            s.texts,
            s.words,
            100.0 * LEAST_WITHIN,
        );
        if s.cues_first {
            text += " Only contexts whose cues stand before the target.";
        }
        if self.position_removed {
            text +=
                " Position was removed first: this tokenizer puts targets at unequal positions.";
        }
        text
    }

    /// Target and carrier with the names they are shown by.
    pub fn curves(&self) -> Vec<(String, &ProfileCurve)> {
        let carrier = self.carrier.as_ref().zip(self.stimuli.carrier.as_ref());
        let carrier = carrier.map(|(curve, word)| (format!("carrier “{word}”"), curve));
        std::iter::once(("target".to_owned(), &self.target)).chain(carrier).collect()
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
    if second.low > first.high {
        Change::Up
    } else if second.high < first.low {
        Change::Down
    } else {
        Change::Unclear
    }
}

fn number(estimate: Estimate) -> String {
    format!("{:.2} [{:.2}, {:.2}]", estimate.value, estimate.low, estimate.high).replace('-', "−")
}

/// `a, b and c`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn series(name: &str, curve: &ProfileCurve, pick: Pick) -> Series {
    let values: Vec<Option<Estimate>> = curve.layers.iter().map(|l| pick(&l.partition)).collect();
    Series {
        interval: values.iter().map(|v| v.map(|e| (e.low, e.high))).collect(),
        ..Series::line(name, values.iter().map(|v| v.map(|e| e.value)).collect())
    }
}

/// What permuted labels reach.
fn chance(name: &str, curve: &ProfileCurve, pick: fn(&Partition) -> Option<Null>) -> Series {
    let values = curve.layers.iter().map(|l| pick(&l.partition).map(|null| null.high)).collect();
    Series { kind: SeriesKind::Baseline, ..Series::line(name, values) }
}
