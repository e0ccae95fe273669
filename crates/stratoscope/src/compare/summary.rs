//! The summary of a comparison, as text for a terminal.

use super::verdict::{self, percent, plain};
use super::{
    Compared, Comparison, EditKind, PairsComparison, SentenceComparison, WicComparison,
    WordComparison,
};
use crate::text::{highest, layers_of, with_interval, wrapped};
use crate::{Estimate, journey};
use std::fmt::Write;
use stratoscope_geometry::MIN_UNITS;

/// The largest number of contexts, and of pairs of contexts, that are listed.
const MAX_LISTED: usize = 12;

pub(super) fn write(text: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let model = &comparison.model;
    writeln!(text, "{}, {}, {}", model.model, model.family, layers_of(model.n_layers))?;
    writeln!(text)?;
    match &comparison.result {
        Compared::Sentences(of) => sentences(text, of),
        Compared::Word(of) => word(text, of),
        Compared::Pairs(of) => pairs(text, of),
        Compared::Wic(of) => wic(text, of),
    }
}

fn sentences(text: &mut String, of: &SentenceComparison) -> std::fmt::Result {
    for (number, words) in alignment(of).iter().enumerate() {
        writeln!(text, "{}  {}", number + 1, words.trim_end())?;
    }
    writeln!(text)?;
    writeln!(text, "{}", wrapped(&verdict::of_sentences(of).join(" ")))?;
    writeln!(
        text,
        "mean distance [95 % interval], and percentile: the % of reference pairs that are closer"
    )?;
    writeln!(
        text,
        "(kept content words: pairs of one word; replaced words: random pairs of words)"
    )?;
    writeln!(
        text,
        "layer                  kept        %              replaced        %   random pairs"
    )?;
    for l in &of.layers {
        writeln!(
            text,
            "{:>5}  {:>20} {:>8}  {:>20} {:>8}  {:>13.3}",
            l.layer,
            estimate(l.kept),
            percent(l.kept_percentile_same_word),
            estimate(l.replaced),
            percent(l.replaced_percentile),
            l.random.value,
        )?;
    }
    Ok(())
}

/// The two sentences, aligned word by word.
fn alignment(of: &SentenceComparison) -> [String; 2] {
    let mut lines = [String::new(), String::new()];
    for word in &of.alignment {
        // A dash shows that a sentence has no word here; a blank is easily overlooked.
        let (first, second) = match word.edit {
            EditKind::Kept => (plain(word.first.as_deref()), plain(word.second.as_deref())),
            EditKind::Replaced => {
                let marked = |w: Option<&str>| format!("[{}]", plain(w));
                (marked(word.first.as_deref()), marked(word.second.as_deref()))
            }
            EditKind::Deleted => (format!("[{}]", plain(word.first.as_deref())), "–".to_owned()),
            EditKind::Inserted => ("–".to_owned(), format!("[{}]", plain(word.second.as_deref()))),
        };
        let width = first.chars().count().max(second.chars().count());
        for (line, word) in lines.iter_mut().zip([first, second]) {
            let room = width - word.chars().count() + 1;
            *line += &word;
            *line += &" ".repeat(room);
        }
    }
    lines
}

fn word(text: &mut String, of: &WordComparison) -> std::fmt::Result {
    for (index, context) in of.contexts.iter().take(MAX_LISTED).enumerate() {
        let which = match context.occurrence {
            1 => String::new(),
            n => format!(", occurrence {n}"),
        };
        writeln!(text, "{}  {:?}{which} in {:?}", index + 1, context.word, context.text)?;
    }
    if of.contexts.len() > MAX_LISTED {
        writeln!(text, "and {} more", of.contexts.len() - MAX_LISTED)?;
    }
    writeln!(text)?;
    parting(text, of)?;
    writeln!(
        text,
        "mean similarity of the word, and of homographs in one sense and in two [95 % interval]"
    )?;
    writeln!(
        text,
        "layer     word            same sense           other sense    AUC of the homographs"
    )?;
    for l in &of.layers {
        writeln!(
            text,
            "{:>5}  {:>7.3}  {:>20}  {:>20}  {:>23}",
            l.layer,
            l.similarity,
            estimate(l.same_sense),
            estimate(l.other_sense),
            estimate(Some(l.senses_auc)),
        )?;
    }
    let Some(best) = of.layers.get(of.best) else { return Ok(()) };
    writeln!(text)?;
    match highest(of.layers.iter().map(|l| l.senses_auc.value)) {
        Some(at) => writeln!(
            text,
            "At layer {}, where similarity separates the senses of the homographs best (AUC \
             {:.2}):",
            of.layers[at].layer, of.layers[at].senses_auc.value
        )?,
        None => writeln!(
            text,
            "At layer {} (no layer separates the senses of the homographs better than another):",
            best.layer
        )?,
    }
    for pair in best.pairs.iter().take(MAX_LISTED) {
        writeln!(
            text,
            "  {} and {}: {:.3}, above {} % of pairs of the same sense and {} % of pairs of two \
             senses",
            pair.first + 1,
            pair.second + 1,
            pair.similarity,
            percent(Some(pair.percentile_same)),
            percent(Some(pair.percentile_other)),
        )?;
    }
    if best.pairs.len() > MAX_LISTED {
        writeln!(text, "  and {} more pairs (see --json)", best.pairs.len() - MAX_LISTED)?;
    }
    writeln!(
        text,
        "Similarity alone does not show the sense: form, position and role change vectors too."
    )
}

/// The verdict about two contexts of one word, and the journeys of the word.
fn parting(text: &mut String, of: &WordComparison) -> std::fmt::Result {
    let Some(journeys) = &of.journeys else { return Ok(()) };
    writeln!(text, "{}", wrapped(&verdict::of_word(of).join(" ")))?;
    for (index, word) in journeys.words.iter().enumerate() {
        write!(text, "{}  ", index + 1)?;
        journey::write(text, journeys, word)?;
        writeln!(text)?;
    }
    Ok(())
}

fn pairs(text: &mut String, of: &PairsComparison) -> std::fmt::Result {
    writeln!(
        text,
        "{} pairs; mean distance [95 % interval over pairs], and % of random pairs that are closer",
        of.pairs
    )?;
    writeln!(
        text,
        "layer               changed     %                 after     %                before     %              sentence"
    )?;
    for l in &of.layers {
        writeln!(
            text,
            "{:>5}  {:>20} {:>5}  {:>20} {:>5}  {:>20} {:>5}  {:>20}",
            l.layer,
            estimate(l.changed),
            percent(l.changed_percentile),
            estimate(l.after),
            percent(l.after_percentile),
            estimate(l.before),
            percent(l.before_percentile),
            estimate(l.sentence),
        )?;
    }
    let sentences: Vec<(usize, f64)> =
        of.layers.iter().filter_map(|l| Some((l.layer, l.sentence?.value))).collect();
    if let Some(at) = highest(sentences.iter().map(|(_, value)| *value)) {
        let (layer, value) = sentences[at];
        writeln!(text)?;
        writeln!(
            text,
            "The distance of the sentence means is largest at layer {layer} ({value:.3})."
        )?;
    }
    Ok(())
}

fn wic(text: &mut String, of: &WicComparison) -> std::fmt::Result {
    let n = of.layers.first().map_or(0, |l| l.auc.n);
    let intervals = match n < MIN_UNITS {
        true => format!("no intervals over {n} {} (they need {MIN_UNITS})", of.resampled),
        false => format!("intervals over {n} {}", of.resampled),
    };
    writeln!(text, "{} pairs, {} of the same sense; {intervals}", of.pairs, of.same)?;
    writeln!(text, "layer                   AUC             same sense           other sense")?;
    for l in &of.layers {
        writeln!(
            text,
            "{:>5}  {:>20}  {:>20}  {:>20}",
            l.layer,
            estimate(Some(l.auc)),
            estimate(l.same),
            estimate(l.different)
        )?;
    }
    let (Some(first), Some(best)) = (of.layers.first(), of.layers.get(of.best)) else {
        return Ok(());
    };
    writeln!(text)?;
    if highest(of.layers.iter().map(|l| l.auc.value)).is_none() {
        return writeln!(text, "No layer differs: the AUC is {:.2} at all layers.", best.auc.value);
    }
    writeln!(
        text,
        "Best layer: {} (chosen on these pairs). There, a pair of the same sense is more similar",
        best.layer
    )?;
    writeln!(
        text,
        "than a pair of two senses in {:.0} % of cases (chance: 50 %; layer 0, no context: {:.0} \
         %).",
        100.0 * best.auc.value,
        100.0 * first.auc.value
    )
}

/// `0.123 [0.101, 0.140]`; without the interval if there is none; a dash if there is no estimate.
fn estimate(estimate: Option<Estimate>) -> String {
    let write = |found| with_interval(found, |value| format!("{value:.3}"));
    estimate.map_or_else(|| "–".to_owned(), write)
}
