//! The figures and the page of profiles.

use super::{Profile, ProfileCurve};
use crate::page::curves;
use crate::text::{listed, numbered, short_name};
use serde_json::json;
use stratoscope_plot::{
    CurvePoint, Depth, Multiples, Panel, Series, SeriesKind, SmallPanel, XAxis,
};
use stratoscope_probing::{Estimate, MIN_WITHIN_WORD, Null, Partition};
use stratoscope_report::Report;

type Pick = fn(&Partition) -> Option<Estimate>;

impl Profile {
    /// Target and carrier on one scale, their semantic shares, and the share of the variance within
    /// words.
    pub(super) fn drawing(&self) -> Depth {
        Depth {
            title: format!("Sense and role by depth: {}", short_name(&self.model.model)),
            caption: self.caption(),
            rows: self.panels(""),
        }
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
            100.0 * MIN_WITHIN_WORD,
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

/// Profiles of several models, over depth as a share of the whole.
pub(super) fn side_by_side(profiles: &[Profile]) -> Multiples {
    let names = profiles.iter().map(|p| short_name(&p.model.model).to_owned());
    let names = numbered(names.map(|name| (0, name)));
    let panel = |title: &str, unit: &str, of: fn(&Profile) -> Option<&ProfileCurve>, pick: Pick| {
        let curve = |profile: &Profile| -> Vec<CurvePoint> {
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
    let target: fn(&Profile) -> Option<&ProfileCurve> = |p| Some(&p.target);
    let carrier: fn(&Profile) -> Option<&ProfileCurve> = |p| p.carrier.as_ref();
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
    Multiples {
        title: "Sense and role by depth, model by model".to_owned(),
        caption,
        names,
        by_layer: false,
        panels: panels.into_iter().filter(shown).collect(),
    }
}

/// The page of one or several models: one chart per panel of the figure of each.
pub(super) fn page(profiles: &[Profile]) -> Report {
    let names: Vec<&str> = profiles.iter().map(|p| short_name(&p.model.model)).collect();
    let title = format!("Sense and role by depth: {}", names.join(", "));
    let tool = profiles.first().map_or("", |profile| &profile.tool);
    let mut report = Report::new("profile", tool, &title);
    let made_with = |profile: &Profile| json!({ "model": profile.model, "stimuli": profile.stimuli, "seed": profile.seed });
    report.manifest = match profiles {
        [one] => made_with(one),
        several => several.iter().map(made_with).collect(),
    };
    for (index, (profile, name)) in profiles.iter().zip(names).enumerate() {
        let caption = profile.caption();
        let (of, id) = match profiles.len() {
            1 => (String::new(), "profile".to_owned()),
            _ => (format!("{name}, "), format!("profile-{}", index + 1)),
        };
        let panels = profile.panels(&of).concat();
        let chart = |(place, panel)| curves(&format!("{id}-{place}"), panel, &caption, None);
        report.charts.extend(panels.iter().enumerate().map(chart));
    }
    report
}
