//! The row of a token: its label, its place in the text and its word.

use super::prepared::Prepared;
use crate::input::Text;
use crate::rows::Row;
use std::ops::Range;
use stratoscope_loader::{Encoding, Tokenizer};

/// Adds the rows of a text in one window or several.
pub(super) fn add(
    prepared: &mut Prepared,
    index: usize,
    text: &Text,
    windows: &[Encoding],
    picks: &[(usize, usize)],
    tokenizer: &Tokenizer,
) {
    let first_run = prepared.sequences.len();
    let letters: [Vec<char>; 2] =
        [text.text.chars().collect(), text.pair.as_deref().unwrap_or_default().chars().collect()];
    for &(window, token) in picks {
        let previous = prepared.rows.last().filter(|row| row.sequence == index);
        let row = row(&windows[window], token, index, &letters, &text.words, tokenizer, previous);
        prepared.rows.push(row);
        prepared.picks.push((first_run + window, token));
    }
}
fn row(
    encoding: &Encoding,
    token: usize,
    sequence: usize,
    letters: &[Vec<char>; 2],
    words: &[Range<usize>],
    tokenizer: &Tokenizer,
    previous: Option<&Row>,
) -> Row {
    let id = encoding.ids[token];
    let [start, end] = encoding.char_offsets[token];
    let text_id = encoding.text_ids[token].min(1);
    let special = encoding.special[token];
    // The second text of a pair has no annotated words, and no sentence of a corpus is a pair.
    let word_id = match words {
        [] => encoding.word_ids[token],
        _ if special => None,
        words => word_of(start..end, words),
    };
    let name = || tokenizer.token(id).unwrap_or_else(|| format!("#{id}"));
    let surface: String = letters[text_id].get(start..end).into_iter().flatten().collect();
    let unknown = tokenizer.unknown_id() == Some(id);
    let continues = word_id.is_some() && previous.is_some_and(|p| p.word_id == word_id);
    let label = match unknown && !special && !surface.is_empty() {
        // The label shows that the model did not see these letters.
        true => format!("{} {}", label(&surface, false), name()),
        false if special || surface.is_empty() => name(),
        false => label(&surface, continues),
    };
    Row {
        sequence,
        label,
        token_id: Some(id),
        char_offsets: [start, end],
        text_id,
        word_id,
        special,
        unknown: unknown && !special,
    }
}
/// The label of a token with letters: the letters, after `##` if the token continues a word.
pub(crate) fn label(surface: &str, continues: bool) -> String {
    // Byte-level tokens include the space before a word, which the label leaves out.
    let surface = match surface.trim() {
        "" => surface,
        letters => letters,
    };
    if continues { format!("##{surface}") } else { surface.to_owned() }
}

/// The word that shares most characters with a token, the first of several.
pub(crate) fn word_of(token: Range<usize>, words: &[Range<usize>]) -> Option<u32> {
    let near = near(&token, words);
    let shared =
        |word: &Range<usize>| word.end.min(token.end).saturating_sub(word.start.max(token.start));
    let best = near.max_by_key(|&index| (shared(&words[index]), std::cmp::Reverse(index)));
    best.filter(|&index| shared(&words[index]) > 0).and_then(|index| u32::try_from(index).ok())
}

/// The words that may overlap a token. Words are in the order of the text.
fn near(token: &Range<usize>, words: &[Range<usize>]) -> Range<usize> {
    let first = words.partition_point(|word| word.end <= token.start);
    first..first + words[first..].partition_point(|word| word.start < token.end)
}
