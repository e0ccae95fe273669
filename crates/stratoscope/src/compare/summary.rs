//! The summary of a comparison, as text for a terminal.

use super::verdict::{percent, plain};
use super::{
    AlignedWord, Compared, Comparison, EditKind, PairsComparison, SentenceComparison,
    WicComparison, WordComparison,
};
use crate::text::{WIDTH, highest, layers_of, with_interval, wrapped};
use crate::{Estimate, journey};
use std::fmt::Write;
use stratoscope_geometry::MIN_UNITS;

/// The width of the number of a sentence.
const NUMBER: usize = 3;

/// The largest number of contexts, and of pairs of contexts, that are listed.
const MAX_LISTED: usize = 12;

pub(super) fn write(text: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let model = &comparison.model;
    writeln!(text, "{}, {}, {}", model.model, model.family, layers_of(model.n_layers))?;
    writeln!(text)?;
    match &comparison.result {
        Compared::Sentences(of) => sentences(text, of, &comparison.verdict),
        Compared::Word(of) => word(text, of, &comparison.verdict),
        Compared::Pairs(of) => pairs(text, of),
        Compared::Wic(of) => wic(text, of),
    }
}

fn sentences(text: &mut String, of: &SentenceComparison, verdict: &[String]) -> std::fmt::Result {
    for block in alignment(of) {
        for (number, words) in block.iter().enumerate() {
            writeln!(text, "{}  {}", number + 1, words.trim_end())?;
        }
        writeln!(text)?;
    }
    writeln!(text, "{}", wrapped(&verdict.join(" ")))?;
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

/// The two sentences, aligned word by word, in blocks that fit on a line; long runs are folded.
fn alignment(of: &SentenceComparison) -> Vec<[String; 2]> {
    let folds = of.folds();
    let mut blocks = vec![[String::new(), String::new()]];
    for (step, word) in of.alignment.iter().enumerate() {
        let cells = match folds.iter().find(|run| run.contains(&step)) {
            Some(run) if run.start == step => folded(word.edit, run.len()),
            Some(_) => continue,
            None => cells(word),
        };
        let width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        let used = blocks.last().map_or(0, |[line, _]| line.chars().count());
        if used > 0 && used + width > WIDTH - NUMBER {
            blocks.push([String::new(), String::new()]);
        }
        for (line, cell) in blocks.last_mut().into_iter().flatten().zip(cells) {
            let room = width - cell.chars().count() + 1;
            *line += &cell;
            *line += &" ".repeat(room);
        }
    }
    blocks
}

/// The two words of a step. A dash shows that a sentence has no word here; a blank is easily overlooked.
fn cells(word: &AlignedWord) -> [String; 2] {
    let [first, second] = [&word.first, &word.second].map(|word| plain(word.as_deref()));
    match word.edit {
        EditKind::Kept => [first, second],
        EditKind::Replaced => [format!("[{first}]"), format!("[{second}]")],
        EditKind::Deleted => [format!("[{first}]"), "–".to_owned()],
        EditKind::Inserted => ["–".to_owned(), format!("[{second}]")],
    }
}

/// A folded run of `n` words.
fn folded(edit: EditKind, n: usize) -> [String; 2] {
    let words = format!("… {n} words …");
    match edit {
        EditKind::Deleted => [format!("[{words}]"), "–".to_owned()],
        EditKind::Inserted => ["–".to_owned(), format!("[{words}]")],
        EditKind::Kept | EditKind::Replaced => [words.clone(), words],
    }
}

fn word(text: &mut String, of: &WordComparison, verdict: &[String]) -> std::fmt::Result {
    for (index, context) in of.contexts.iter().take(MAX_LISTED).enumerate() {
        writeln!(text, "{}  {} in “{}”", index + 1, context.name(), plain(Some(&context.text)))?;
    }
    if of.contexts.len() > MAX_LISTED {
        writeln!(text, "and {} more", of.contexts.len() - MAX_LISTED)?;
    }
    writeln!(text)?;
    parting(text, of, verdict)?;
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
fn parting(text: &mut String, of: &WordComparison, verdict: &[String]) -> std::fmt::Result {
    let Some(journeys) = &of.journeys else { return Ok(()) };
    writeln!(text, "{}", wrapped(&verdict.join(" ")))?;
    for (index, word) in journeys.words.iter().enumerate() {
        write!(text, "{}  ", index + 1)?;
        journey::write(text, journeys, word, None)?;
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
