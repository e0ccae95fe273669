//! The charts of the crossed design, with their titles and captions.

use super::{Crossed, CrossedCurve};
use crate::series::series;
use crate::text::{listed, model_names, short_name};
use stratoscope_chart::{Axis, Chart, Curves, Panel, Series};
use stratoscope_geometry::Estimate;
use stratoscope_probing::{MIN_WITHIN_WORD, Null, Partition};

type Pick = fn(&Partition) -> Option<Estimate>;

/// The title of the charts.
const TITLE: &str = "Variance explained by sense and role, by layer";
/// The label of the axis of effects.
const EFFECT: &str = "ω²";
/// The label of the axis of the semantic share.
const SHARE: &str = "sense / (sense + role)";

impl Crossed {
    /// The chart: the effects in target and carrier on one scale, their semantic shares, and the
    /// share of the variance within words.
    pub(crate) fn chart(&self) -> Chart {
        Chart::new("crossed", TITLE, Curves::rows(self.panels()))
            .subject(short_name(&self.model.model))
            .caption(self.caption())
    }

    /// The panels of the chart, row by row.
    pub(crate) fn panels(&self) -> Vec<Vec<Panel>> {
        let curves = self.curves();
        let highest = (curves.iter().flat_map(|(_, curve)| &curve.layers))
            .flat_map(|l| [l.partition.sense, l.partition.role, l.partition.word_role])
            .flatten()
            .fold(0.0, |highest: f64, e| highest.max(e.high().unwrap_or(e.value)));
        let highest = (1.06 * highest).max(0.05);
        let axis = || Axis::layers(&self.target.numbers());
        let effects = |(name, curve): &(String, &CrossedCurve)| {
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

    /// The caption of the chart.
    pub(crate) fn caption(&self) -> String {
        self.caption_with(
            " Ringed: the largest value. Dashed: the 95th percentile of ω² with permuted labels \
             (chance).",
        )
    }

    /// The caption of a chart; `marks` explains the marks in the chart.
    fn caption_with(&self, marks: &str) -> String {
        let s = &self.stimuli;
        let mut text = format!(
            "{} word forms, each in all its senses and as {} ({} contexts, {} texts). Effects: ω² \
             of the variance within a word form. Bands: 95 % intervals by bootstrap over words (n \
             = {}).{marks} ω² is negative if an effect is smaller than what the variation between \
             contexts would give by chance. Shares are omitted if less than {:.0} % of the \
             variance is within words, or if neither effect exceeds chance. A smaller ω² at a \
             higher layer does not show that information is lost: other sources of variance can be \
             larger there.",
            s.words,
            listed(&s.roles),
            s.contexts,
            s.texts,
            s.words,
            100.0 * MIN_WITHIN_WORD,
        );
        if s.cues_first {
            text += " Only contexts with the cues before the target are used.";
        }
        if self.position_removed {
            text += " The effect of position is removed first, because targets have unequal \
                     positions with this tokenizer.";
        }
        text
    }

    /// The curves of target and carrier, with their names in figures.
    pub fn curves(&self) -> Vec<(String, &CrossedCurve)> {
        let carrier = self.carrier.as_ref().zip(self.stimuli.carrier.as_ref());
        let carrier = carrier.map(|(curve, word)| (format!("carrier “{word}”"), curve));
        std::iter::once(("target".to_owned(), &self.target)).chain(carrier).collect()
    }
}

impl CrossedCurve {
    /// `[n_layers + 1]`: the numbers of the layers.
    fn numbers(&self) -> Vec<usize> {
        self.layers.iter().map(|l| l.layer).collect()
    }

    fn series(&self, name: &str, pick: Pick) -> Series {
        series(name, self.layers.iter().map(|l| pick(&l.partition)))
    }

    /// A curve of the 95th percentile of the effect with permuted labels.
    fn chance(&self, name: &str, pick: fn(&Partition) -> Option<Null>) -> Series {
        let values = self.layers.iter().map(|l| pick(&l.partition).map(|null| null.high));
        Series::new(name).baseline().values(values)
    }
}

/// The chart of several models: a panel for each measure, with relative depth as its axis.
pub(crate) fn side_by_side(all: &[&Crossed]) -> Chart {
    let names = names(all);
    let panel = |title: &str, y: &str, of: fn(&Crossed) -> Option<&CrossedCurve>, pick: Pick| {
        let curves = names.iter().zip(all).filter_map(|(name, crossed)| {
            let curve = of(crossed)?;
            Some(curve.series(name, pick).shares(&curve.numbers(), crossed.model.n_layers))
        });
        Panel::new(title, Axis::share(), y, curves)
    };
    let target: fn(&Crossed) -> Option<&CrossedCurve> = |p| Some(&p.target);
    let carrier: fn(&Crossed) -> Option<&CrossedCurve> = |p| p.carrier.as_ref();
    let panels = [
        panel("target: sense", EFFECT, target, |p| p.sense),
        panel("target: role", EFFECT, target, |p| p.role),
        panel("target: semantic share", SHARE, target, |p| p.semantic_share),
        panel("carrier: sense", EFFECT, carrier, |p| p.sense),
        panel("carrier: role", EFFECT, carrier, |p| p.role),
        panel("carrier: semantic share", SHARE, carrier, |p| p.semantic_share),
    ];
    // The figure of each model shows the effect of permuted labels.
    let captions: Vec<String> = all.iter().map(|p| p.caption_with("")).collect();
    let caption = match captions.first() {
        Some(first) if captions.iter().all(|c| c == first) => first.clone(),
        _ => (names.iter().zip(&captions))
            .map(|(name, caption)| format!("{name}: {caption}"))
            .collect::<Vec<_>>()
            .join(" "),
    };
    Chart::new("crossed", format!("{TITLE}, by model"), Curves::multiples(panels)).caption(caption)
}

/// The names of the models in figures.
fn names(all: &[&Crossed]) -> Vec<String> {
    model_names(all.iter().map(|crossed| &crossed.model))
}
