//! The figure of a journey, and its lines on the terminal.

use super::telling::{change, leading, senses};
use super::{NEIGHBOURS, SHOWN, sense_name};
use crate::text::{ordinal, wrapped};
use std::cmp::Ordering;
use std::fmt::Write;
use stratoscope_chart::{Cell, Chart, Column, Table};
use stratoscope_report::{Journey, JourneyLayer, Journeys, Majority, Neighbour, Occurrence};

/// The number of layers on the terminal.
const LINES: usize = 5;

/// The widths of the columns on the terminal, in letters.
const WIDTHS: [usize; 3] = [7, 46, 22];

/// The figure of a word: its nearest neighbours at every layer, [`SHOWN`] rows for each.
pub(crate) fn chart(journeys: &Journeys, word: &Journey) -> Chart {
    let has_own = has_own(word);
    let mut columns: Vec<Column> = vec!["layer".into(), Column::end("before")];
    columns.push(if has_own { "the same word elsewhere" } else { "another word" }.into());
    columns.extend([Column::from("sense"), Column::end("cosine")]);
    if has_own {
        columns.extend([Column::from("other words"), Column::end("cosine, other")]);
    }
    let rows = word.layers.iter().flat_map(|layer| {
        (0..SHOWN).filter_map(|place| {
            let near = leading(layer).get(place)?;
            let at = journeys.occurrences.get(near.occurrence)?;
            let mut cells = vec![Cell::Text(layer.layer.to_string())];
            cells.extend(in_cells(at));
            cells.push(rounded(near).into());
            if has_own {
                let other = layer.other_words.get(place);
                let name = other.and_then(|n| journeys.occurrences.get(n.occurrence));
                cells.push(name.map_or(Cell::None, |at| at.lemma.as_str().into()));
                cells.push(other.map(rounded).into());
            }
            Some(cells)
        })
    });
    let title = format!("What is nearest to {}, by layer", name(word));
    Chart::new("journey", title, Table::new(columns, rows.collect::<Vec<_>>()))
        .caption(caption(word, true))
}

/// The figure of one word in two contexts, `texts`: its nearest neighbours in each, side by side.
pub(crate) fn both(journeys: &Journeys, texts: &[&str], parts: Option<usize>) -> Option<Chart> {
    let ([first, second], &[one, two]) = (&journeys.words[..], texts) else { return None };
    let mut columns: Vec<Column> = vec!["layer".into()];
    for context in [1, 2] {
        columns.push(Column::end(&format!("before, {context}")));
        columns.push(format!("near context {context}").as_str().into());
        columns.push(format!("sense, {context}").as_str().into());
    }
    let layers = first.layers.iter().zip(&second.layers);
    let rows = layers.flat_map(|(a, b)| {
        (0..SHOWN).map(move |place| {
            let mut cells = vec![Cell::Text(a.layer.to_string())];
            for side in [a, b] {
                let near = leading(side).get(place);
                let at = near.and_then(|near| journeys.occurrences.get(near.occurrence));
                cells.extend(at.map_or([Cell::None, Cell::None, Cell::None], in_cells));
            }
            cells
        })
    });
    let parted = match parts {
        Some(layer) => format!(
            "The contexts part at layer {layer}: from there to the last layer, fewer than half of \
             the {NEIGHBOURS} nearest are the same in both."
        ),
        None => format!(
            "The contexts do not part: at the last layer, at least half of the {NEIGHBOURS} nearest \
             are the same in both."
        ),
    };
    let sides = format!(
        "Context 1: “{}” Context 2: “{}” Each line has one occurrence near each context, in the \
         columns with its number: what stands before the word there, the word with what follows, and \
         its sense.",
        one.trim(),
        two.trim()
    );
    let title = format!("What is nearest to “{}” in two contexts, by layer", first.word);
    let table = Table::new(columns, rows.collect::<Vec<_>>());
    let caption = format!("{parted} {sides} {}", caption(first, false));
    Some(Chart::new("journeys", title, table).caption(caption))
}

/// An occurrence: what stands before it, itself with what stands after it, and its sense. A space at the end
/// of a cell would be drawn as a sign.
fn in_cells(at: &Occurrence) -> [Cell; 3] {
    [
        at.before.trim().into(),
        format!("{}{}", at.word, at.after).trim().into(),
        at.supersense.as_deref().map_or(Cell::None, |label| sense_name(label).into()),
    ]
}

/// A word in quotation marks, with the number of the occurrence if its text has several: `“bank” (2nd)`.
fn name(word: &Journey) -> String {
    match word.occurrence {
        Some(number) => format!("“{}” ({})", word.word, ordinal(number)),
        None => format!("“{}”", word.word),
    }
}

/// Whether the word has occurrences of its own as neighbours.
fn has_own(word: &Journey) -> bool {
    word.layers.iter().any(|layer| !layer.same_word.is_empty())
}

fn rounded(near: &Neighbour) -> f64 {
    (near.similarity * 1000.0).round() / 1000.0
}

/// What the figure of a word shows: with its own occurrences also other words, or not.
fn caption(word: &Journey, with_others: bool) -> String {
    let others = match with_others {
        true => "; and the nearest content words with another lemma, each lemma once",
        false => "",
    };
    let same = match has_own(word) {
        true => format!(
            "The nearest occurrences of the word in other sentences, of {} in the reference bank \
             and the built-in homographs, each sentence once{others}.",
            word.occurrences_of_word
        ),
        false => format!(
            "The nearest content words with another lemma in the reference bank and the built-in \
             homographs, each lemma once. The word itself has only {} occurrences there, too few to \
             be shown.",
            word.occurrences_of_word
        ),
    };
    format!(
        "{same} Cosine of states in the full space; every dimension is standardised over the words \
         of the bank. Sense: the coarse sense (supersense) that the occurrence is annotated with. At \
         layer 0, the model has not read the context: occurrences of a form differ there only by \
         their position, or not at all."
    )
}

/// Writes a journey in seven lines, and explains its counts where they are not out of ten. `place` says
/// which text has the word, if there are several.
pub(crate) fn write(
    text: &mut String,
    journeys: &Journeys,
    word: &Journey,
    place: Option<usize>,
) -> std::fmt::Result {
    let has_own = has_own(word);
    let where_ = if has_own { "the same word elsewhere" } else { "the nearest other word" };
    let [number, context, counts] = WIDTHS;
    let place = place.map_or_else(String::new, |number| format!(" in text {number}"));
    writeln!(text, "the journey of {}{place}: its nearest words in other sentences", name(word))?;
    let other = if has_own { "other words" } else { "" };
    let heads = "sense of nearest";
    let line = format!("{:<number$}{where_:<context$}{heads:<counts$}{other}", "layer");
    writeln!(text, "{}", line.trim_end())?;
    let mut counted = Vec::new();
    for layer in shown_layers(journeys, &word.layers) {
        let nearest = leading(layer).first().and_then(|n| journeys.occurrences.get(n.occurrence));
        let own = nearest.map(|at| in_context(at, context - 2)).unwrap_or_default();
        let majority = if has_own { &layer.supersense } else { &layer.other_supersense };
        let count = |m: &Majority| format!("{}/{} {}", m.count, m.of, sense_name(&m.label));
        counted.extend(majority.as_ref().map(|majority| majority.of));
        let count = majority.as_ref().map(count).unwrap_or_default();
        let skipped = usize::from(!has_own);
        let names = layer.other_words.iter().skip(skipped).take(SHOWN);
        let names: Vec<&str> = names
            .filter_map(|n| Some(journeys.occurrences.get(n.occurrence)?.lemma.as_str()))
            .collect();
        let pad = context.saturating_sub(own.chars().count());
        let line =
            format!("{:<number$}{own}{:pad$}{count:<counts$}{}", layer.layer, "", names.join(", "));
        writeln!(text, "{}", line.trim_end())?;
    }
    if let Some(note) = of_counts(&counted) {
        text.push_str(&wrapped(&note));
    }
    Ok(())
}

/// Why counts are out of more or fewer than [`NEIGHBOURS`]; none if all are out of so many.
fn of_counts(all: &[usize]) -> Option<String> {
    let more = all.iter().any(|&of| of > NEIGHBOURS);
    let fewer = all.iter().any(|&of| of < NEIGHBOURS);
    let more = more.then(|| format!("of more where several are as near as the {NEIGHBOURS}th"));
    let fewer = fewer.then(|| "of fewer where some have no annotated sense".to_owned());
    let parts: Vec<String> = [more, fewer].into_iter().flatten().collect();
    let parts = parts.join(", ");
    (!parts.is_empty()).then(|| format!("(counts are of the {NEIGHBOURS} nearest; {parts})"))
}

/// The layers on the terminal, in order: the first, the last, and those whose neighbours differ most
/// from those of the layer before in their supersenses, or else in the neighbours themselves.
fn shown_layers<'a>(journeys: &Journeys, layers: &'a [JourneyLayer]) -> Vec<&'a JourneyLayer> {
    let Some(last) = layers.len().checked_sub(1) else { return Vec::new() };
    let new = |at: usize| {
        let (before, own) = (&layers[at - 1], &layers[at]);
        (senses(journeys, before, own), change(before, own))
    };
    let mut inner: Vec<usize> = (1..last).collect();
    // A stable sort, so that of equal changes the first layer comes first.
    inner.sort_by(|&a, &b| new(b).partial_cmp(&new(a)).unwrap_or(Ordering::Equal));
    inner.truncate(LINES - 2);
    inner.extend([0, last]);
    inner.sort_unstable();
    inner.dedup();
    inner.into_iter().map(|at| &layers[at]).collect()
}

/// An occurrence in brackets, with so much context that it has at most `width` letters.
fn in_context(at: &Occurrence, width: usize) -> String {
    let room = width.saturating_sub(at.word.chars().count() + 4);
    let after: Vec<char> = at.after.chars().collect();
    let before: Vec<char> = at.before.chars().collect();
    let of_before = before.len().min((room / 2).max(room.saturating_sub(after.len())));
    let of_after = after.len().min(room - of_before);
    let mut text = String::new();
    if of_before < before.len() {
        let kept = &before[before.len() - of_before..];
        let space = kept.iter().position(|c| c.is_whitespace()).map_or(0, |space| space + 1);
        text.push('…');
        text.extend(&kept[space..]);
    } else {
        text.extend(&before);
    }
    text += &format!("[{}]", at.word);
    if of_after < after.len() {
        let kept = &after[..of_after];
        let space = kept.iter().rposition(|c| c.is_whitespace()).unwrap_or(of_after);
        text.extend(&kept[..space]);
        text.push('…');
    } else {
        text.extend(&after);
    }
    text
}
