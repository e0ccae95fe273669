//! The figures of profiles.

use super::{Profile, ProfileCurve};
use crate::series::series;
use crate::text::{listed, numbered, short_name};
use stratoscope_chart::{Axis, Chart, Curves, Panel, Series};
use stratoscope_geometry::Estimate;
use stratoscope_probing::{MIN_WITHIN_WORD, Null, Partition};

type Pick = fn(&Partition) -> Option<Estimate>;

/// The title of every figure and page.
const TITLE: &str = "Sense and role by depth";
/// The vertical axis of effects.
const EFFECT: &str = "ω²";
/// The vertical axis of the semantic share.
const SHARE: &str = "sense / (sense + role)";

impl Profile {
    /// The figure: the effects of target and carrier on one scale, their semantic shares, and the
    /// share of the variance within words.
    pub(super) fn chart(&self) -> Chart {
        Chart::new("profile", TITLE, Curves::rows(self.panels()))
            .subject(short_name(&self.model.model))
            .caption(self.caption())
    }

    /// The panels of the figure, row by row.
    pub(crate) fn panels(&self) -> Vec<Vec<Panel>> {
        let curves = self.curves();
        let highest = (curves.iter().flat_map(|(_, curve)| &curve.layers))
            .flat_map(|l| [l.partition.sense, l.partition.role, l.partition.word_role])
            .flatten()
            .fold(0.0, |highest: f64, e| highest.max(e.high().unwrap_or(e.value)));
        let highest = (1.06 * highest).max(0.05);
        let axis = || Axis::layers(&self.target.numbers());
        let effects = |(name, curve): &(String, &ProfileCurve)| {
            let series = [
                curve.series("sense", |p| p.sense).peak(),
                curve.series("role", |p| p.role).peak(),
                curve.series("word × role", |p| p.word_role),
                curve.chance("sense, chance", |p| p.sense_null),
                curve.chance("role, chance", |p| p.role_null),
            ];
            Panel::new(format!("{name}: effects"), axis(), EFFECT, series).range(0.0, highest)
        };
        let of_all = |title: &str, y: &str, pick: Pick| {
            let series = curves.iter().map(|(name, curve)| curve.series(name, pick));
            Panel::new(title, axis(), y, series).range(0.0, 1.0)
        };
        vec![
            curves.iter().map(effects).collect(),
            vec![
                of_all("semantic share", SHARE, |p| p.semantic_share),
                of_all("variance within words", "share of variance", |p| p.within_word),
            ],
        ]
    }

    /// The caption of the figure.
    pub(crate) fn caption(&self) -> String {
        self.caption_with(
            " Ringed: the largest value. Dashed: the 95th percentile of ω² with permuted labels \
             (chance).",
        )
    }

    /// The caption of a figure with some marks, which `marks` explains.
    fn caption_with(&self, marks: &str) -> String {
        let s = &self.stimuli;
        let mut text = format!(
            "{} words of one form, each in its senses and as {} ({} contexts, {} texts). Effects: ω² \
             of the variance within a word. Bands: 95 % intervals by bootstrap over words (n = {}).\
             {marks} ω² is below 0 where an effect is smaller than what the spread of the contexts \
             alone gives. Shares are omitted where less than {:.0} % of the variance is within words, \
             or where neither effect exceeds chance. A smaller ω² at a higher layer does not show \
             that the model has lost something, only that other things vary more.",
            s.words,
            listed(&s.roles),
            s.contexts,
            s.texts,
            s.words,
            100.0 * MIN_WITHIN_WORD,
        );
        if s.cues_first {
            text += " Only contexts with their cues before the target are used.";
        }
        if self.position_removed {
            text += " Position was removed first, because this tokenizer puts targets at unequal \
                     positions.";
        }
        text
    }

    /// Target and carrier with their names in the figure.
    pub fn curves(&self) -> Vec<(String, &ProfileCurve)> {
        let carrier = self.carrier.as_ref().zip(self.stimuli.carrier.as_ref());
        let carrier = carrier.map(|(curve, word)| (format!("carrier “{word}”"), curve));
        std::iter::once(("target".to_owned(), &self.target)).chain(carrier).collect()
    }
}

impl ProfileCurve {
    /// `[n_layers + 1]`: the numbers of the layers.
    fn numbers(&self) -> Vec<usize> {
        self.layers.iter().map(|l| l.layer).collect()
    }

    fn series(&self, name: &str, pick: Pick) -> Series {
        series(name, self.layers.iter().map(|l| pick(&l.partition)))
    }

    /// The effect of permuted labels.
    fn chance(&self, name: &str, pick: fn(&Partition) -> Option<Null>) -> Series {
        let values = self.layers.iter().map(|l| pick(&l.partition).map(|null| null.high));
        Series::new(name).baseline().values(values)
    }
}

/// The figure of several models: a panel for each measure, over depth as a share of the whole.
pub(super) fn side_by_side(profiles: &[Profile]) -> Chart {
    let names = profiles.iter().map(|p| short_name(&p.model.model).to_owned());
    let names = numbered(names.map(|name| (0, name)));
    let panel = |title: &str, y: &str, of: fn(&Profile) -> Option<&ProfileCurve>, pick: Pick| {
        let curves = names.iter().zip(profiles).filter_map(|(name, profile)| {
            let curve = of(profile)?;
            Some(curve.series(name, pick).shares(&curve.numbers(), profile.model.n_layers))
        });
        Panel::new(title, Axis::share(), y, curves)
    };
    let target: fn(&Profile) -> Option<&ProfileCurve> = |p| Some(&p.target);
    let carrier: fn(&Profile) -> Option<&ProfileCurve> = |p| p.carrier.as_ref();
    let panels = [
        panel("target: sense", EFFECT, target, |p| p.sense),
        panel("target: role", EFFECT, target, |p| p.role),
        panel("target: semantic share", SHARE, target, |p| p.semantic_share),
        panel("carrier: sense", EFFECT, carrier, |p| p.sense),
        panel("carrier: role", EFFECT, carrier, |p| p.role),
        panel("carrier: semantic share", SHARE, carrier, |p| p.semantic_share),
    ];
    // The effect of permuted labels is in the figure of each model.
    let captions: Vec<String> = profiles.iter().map(|p| p.caption_with("")).collect();
    let caption = match captions.first() {
        Some(first) if captions.iter().all(|c| c == first) => first.clone(),
        _ => (names.iter().zip(&captions))
            .map(|(name, caption)| format!("{name}: {caption}"))
            .collect::<Vec<_>>()
            .join(" "),
    };
    Chart::new("profile", format!("{TITLE}, model by model"), Curves::multiples(panels))
        .caption(caption)
}

/// The title of the page.
pub(super) fn title(profiles: &[Profile]) -> String {
    let names: Vec<&str> = profiles.iter().map(|p| short_name(&p.model.model)).collect();
    format!("{TITLE}: {}", names.join(", "))
}
