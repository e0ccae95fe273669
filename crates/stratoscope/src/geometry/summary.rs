//! The summary of `geometry`, as text for a terminal.

use super::NEIGHBOURS;
use super::measure::Measure;
use super::report::{LayerGeometry, ModelGeometry, PairKind, PairMeasure, Report};
use crate::Estimate;
use crate::text::{highest, layers_of, short, with_interval, words_first, wrapped, written};
use std::fmt::Write;

impl Report {
    /// The main numbers as sentences.
    pub fn in_words(&self) -> String {
        let text = written(|text| {
            self.models.iter().zip(self.names()).try_for_each(|(model, name)| {
                let of = if self.models.len() > 1 { format!("{name}: ") } else { String::new() };
                model.words_into(text, &of)
            })
        });
        text.trim_end().to_owned()
    }
}

pub(super) fn write(text: &mut String, found: &Report) -> std::fmt::Result {
    for model in &found.models {
        let (origin, counts) = (&model.model, &model.counts);
        let layers = layers_of(origin.n_layers);
        writeln!(text, "{}, {}, {layers}", origin.model, origin.family)?;
        writeln!(
            text,
            "{} texts, {} words; samples: {} words for pairs, {} occurrences of {} forms",
            found.input.texts, counts.words, counts.sampled_words, counts.occurrences, counts.forms
        )?;
        writeln!(text)?;
        table(text, model)?;
        neighbour_change(text, model)?;
        writeln!(text)?;
    }
    text.push_str(&wrapped(&found.in_words()));
    Ok(())
}

/// The columns of the table: a heading on two lines, and the measure.
const COLUMNS: [(&str, &str, Measure); 10] = [
    ("aniso-", "tropy", Measure::Anisotropy),
    ("self-", "sim.", Measure::SelfSimilarityAdjusted),
    ("intra-", "sent.", Measure::IntraSentenceSimilarityAdjusted),
    ("expl.", "var.", Measure::MaximumExplainableVarianceAdjusted),
    ("", "norm", Measure::Norm),
    ("TwoNN", "dim.", Measure::IntrinsicDimension),
    ("eff.", "rank", Measure::EffectiveRank),
    ("curva-", "ture", Measure::Curvature),
    ("reten-", "tion", Measure::IdentityRetention),
    ("over-", "lap", Measure::NeighbourOverlap),
];

/// Writes the table of measures: one row per layer.
fn table(text: &mut String, model: &ModelGeometry) -> std::fmt::Result {
    write!(text, "     ")?;
    COLUMNS.iter().try_for_each(|(above, _, _)| write!(text, "  {above:>6}"))?;
    write!(text, "\nlayer")?;
    COLUMNS.iter().try_for_each(|(_, below, _)| write!(text, "  {below:>6}"))?;
    writeln!(text)?;
    for layer in &model.layers {
        write!(text, "{:>5}", layer.layer)?;
        COLUMNS
            .iter()
            .try_for_each(|(_, _, measure)| write!(text, "  {:>6}", cell(layer, *measure)))?;
        writeln!(text)?;
    }
    writeln!(
        text,
        "self-sim., intra-sent. and expl. var.: minus their baselines. Intervals are in \
         geometry.csv."
    )
}

fn cell(layer: &LayerGeometry, measure: Measure) -> String {
    match layer.measures.get(&measure) {
        Some(Some(found)) if found.value.abs() < 10.0 => short(found.value),
        Some(Some(found)) if found.value.abs() < 1e6 => format!("{:.1}", found.value),
        Some(Some(found)) => format!("{:.0e}", found.value),
        _ => "–".to_owned(),
    }
}

/// The largest number of words that are named for each step.
const MAX_NAMED: usize = 5;

/// Writes the words whose neighbours change most: one line per step.
fn neighbour_change(text: &mut String, model: &ModelGeometry) -> std::fmt::Result {
    if model.neighbour_change.is_empty() {
        return Ok(());
    }
    writeln!(text)?;
    writeln!(
        text,
        "step between layers, number of words that keep none of their {NEIGHBOURS} nearest \
         neighbours, and the"
    )?;
    writeln!(text, "words that keep the fewest")?;
    for step in &model.neighbour_change {
        // The quotes escape control characters.
        let words = words_first(step.words.iter().map(|word| word.word.as_str())).into_iter();
        let words = words.take(MAX_NAMED).map(|word| format!("{word:?}"));
        let words = words.collect::<Vec<_>>().join(" ");
        let none = step.kept.first().copied().unwrap_or(0);
        writeln!(text, "{:>2} to {:<2}  {none:>5}  {words}", step.from, step.to)?;
    }
    Ok(())
}

impl ModelGeometry {
    fn words_into(&self, text: &mut String, of: &str) -> std::fmt::Result {
        write!(text, "{of}")?;
        let ends = |measure| Some((self.values(measure).next()?, self.values(measure).last()?));
        if let Some((first, last)) = ends(Measure::Anisotropy) {
            let most = extreme(self.values(Measure::Anisotropy), 1.0).unwrap_or(last);
            write!(
                text,
                "Words from different sentences have a mean cosine of {} at layer {} and {} at \
                 layer {} (maximum: {} at layer {}). Read similarities relative to this baseline. ",
                number(first.1),
                first.0,
                number(last.1),
                last.0,
                number(most.1),
                most.0
            )?;
        }
        if let Some((first, last)) = ends(Measure::SelfSimilarityAdjusted) {
            let least = extreme(self.values(Measure::SelfSimilarityAdjusted), -1.0);
            let least = least.unwrap_or(last);
            write!(
                text,
                "Minus this baseline, the mean cosine of occurrences of one word is {} at layer {} \
                 and {} at layer {} (minimum: {} at layer {}). The lower it is, the more the \
                 vectors depend on context. ",
                number(first.1),
                first.0,
                number(last.1),
                last.0,
                number(least.1),
                least.0
            )?;
        }
        if let Some(most) = extreme(self.values(Measure::IntrinsicDimension), 1.0) {
            write!(
                text,
                "The intrinsic dimension is largest at layer {} ({}, TwoNN). ",
                most.0,
                number(most.1)
            )?;
        }
        if let Some(least) = extreme(self.values(Measure::NeighbourOverlap), -1.0) {
            write!(
                text,
                "Nearest neighbours change most from layer {} to layer {}, where words keep a mean \
                 share of {} of their {NEIGHBOURS} nearest neighbours. ",
                least.0.saturating_sub(1),
                least.0,
                number(least.1)
            )?;
        }
        let rsa = self.pairs(PairMeasure::Rsa).and_then(|pairs| pairs.kinds.get(&PairKind::Cosine));
        let steps = rsa.into_iter().flatten().enumerate().skip(1);
        let steps = steps.filter_map(|(layer, row)| Some((layer, row[layer - 1]?)));
        if let Some(least) = extreme(steps, -1.0) {
            write!(
                text,
                "By RSA, consecutive layers are least similar from layer {} to layer {} (Spearman's \
                 ρ {}). ",
                least.0 - 1,
                least.0,
                number(least.1)
            )?;
        }
        let rogue: Vec<String> = self
            .values(Measure::RogueShare)
            .filter(|(_, found)| found.value > ROGUE)
            .map(|(layer, _)| layer.to_string())
            .collect();
        if !rogue.is_empty() {
            let s = if rogue.len() == 1 { "" } else { "s" };
            write!(
                text,
                "One dimension contributes more than {:.0} % of the cosine at layer{s} {}, where \
                 cosines mostly measure this dimension. ",
                100.0 * ROGUE,
                rogue.join(", ")
            )?;
        }
        Ok(())
    }
}

/// A dimension is reported if its share of the cosine is larger than this.
const ROGUE: f64 = 0.3;

/// The largest value (`sign` 1) or the smallest value (`sign` −1); None if all values are equal.
fn extreme(
    values: impl Iterator<Item = (usize, Estimate)>,
    sign: f64,
) -> Option<(usize, Estimate)> {
    let values: Vec<_> = values.collect();
    highest(values.iter().map(|found| sign * found.1.value)).map(|at| values[at])
}

fn number(found: Estimate) -> String {
    let digits = if found.value.abs() < 10.0 { 2 } else { 1 };
    with_interval(found, |value| format!("{value:.digits$}"))
}
