//! Input: texts, pairs of texts and token ids, with their line numbers.

use crate::annotation::AnnotatedWord;
use crate::error::{Error, Result};
use crate::header::is_header;
use crate::lines::Lines;
use sha2::{Digest, Sha256};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// A text, or a pair of texts that the model reads together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// The text.
    pub text: String,
    /// The second text of a pair.
    pub pair: Option<String>,
    /// The line (of a Parquet file the row), counted from 1, if the text comes from a file; of a sentence
    /// the first line.
    pub line: Option<usize>,
    /// The places of annotated words in the text, in characters. Empty without annotation; then words
    /// are the pre-tokens of the tokenizer.
    pub words: Vec<Range<usize>>,
    /// The name of the sentence in its corpus, if it has one.
    pub sent_id: Option<String>,
    /// The annotation of each of `words`, if it was asked for
    /// ([`ReadOptions::annotation`](crate::ReadOptions::annotation)); else empty. States do not depend on
    /// it, and states files do not have it.
    pub annotation: Vec<AnnotatedWord>,
    /// The tokens that were kept of a text that was cut, special tokens included.
    pub kept: Option<usize>,
}

impl Text {
    /// The text of a line.
    pub(crate) fn from_line(text: &str, line: usize) -> Self {
        Self { text: text.to_owned(), line: Some(line), ..Self::default() }
    }

    /// The name of the text in messages; `index` texts come before it.
    pub(crate) fn place(&self, index: usize) -> String {
        place(index, self.line, &self.text)
    }

    /// Adds everything that determines its states and their rows to a hash.
    pub(crate) fn hash_into(&self, hash: &mut Sha256) {
        // The length before each part, so that no two texts give equal bytes.
        let mut part = |bytes: Option<&[u8]>| {
            hash.update(bytes.map_or(u64::MAX, |bytes| bytes.len() as u64).to_le_bytes());
            hash.update(bytes.unwrap_or_default());
        };
        part(Some(self.text.as_bytes()));
        part(self.pair.as_deref().map(str::as_bytes));
        part(self.sent_id.as_deref().map(str::as_bytes));
        part(self.line.map(|line| (line as u64).to_le_bytes()).as_ref().map(<[u8; 8]>::as_slice));
        let places = self.words.iter().flat_map(|word| [word.start, word.end]);
        let places: Vec<u8> = places.flat_map(|at| (at as u64).to_le_bytes()).collect();
        part(Some(&places));
    }

    /// The text with the words of Unicode (UAX 29), punctuation apart and white space left out: equal
    /// words for every tokenizer. A text with words keeps them.
    pub fn with_unicode_words(mut self) -> Self {
        if self.words.is_empty() {
            self.words = unicode_words(&self.text);
        }
        self
    }
}

/// The places of the words and punctuation marks of a text, in characters, with Unicode's word
/// boundaries (UAX 29). White space and control characters are not words.
pub fn unicode_words(text: &str) -> Vec<Range<usize>> {
    let mut at = 0;
    let words = text.split_word_bounds().filter_map(|part| {
        let start = at;
        at += part.chars().count();
        let visible = part.chars().any(|c| !c.is_whitespace() && !c.is_control());
        visible.then_some(start..at)
    });
    words.collect()
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// The items of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// The number of skipped blank lines.
    pub blank_lines: usize,
    /// The first line, if it has names of columns and was skipped.
    pub header: Option<String>,
}

/// Reads one text per line. Only the line end is removed; blank lines are skipped and counted. `place` is
/// the name of the file in messages.
///
/// # Errors
/// A line that is not UTF-8, or a file without texts.
pub fn parse_lines(bytes: &[u8], place: &str) -> Result<Inputs<Text>> {
    lines(bytes, place, |line, text| Ok(Text::from_line(text, line)))
}

/// Reads one pair per line, with a tab between its two texts. A first line with names of columns
/// ([`is_header`]) is skipped.
///
/// # Errors
/// A line without exactly one tab, or with a blank text; and the errors of [`parse_lines`].
pub fn parse_pairs(bytes: &[u8], place: &str) -> Result<Inputs<Text>> {
    let mut inputs = lines(bytes, place, |line, text| Ok((line, text.to_owned())))?;
    let rows: Vec<Vec<&str>> =
        inputs.items.iter().map(|(_, text)| text.split('\t').collect()).collect();
    let has_header = rows.split_first().is_some_and(|(first, others)| {
        first.len() == 2 && is_header(first, others.iter().map(Vec::as_slice))
    });
    let header = has_header.then(|| inputs.items.remove(0).1);
    if inputs.items.is_empty() {
        return Err(Error::NoText { place: format!("{place} has only a line of column names") });
    }
    let pairs = inputs.items.iter().map(|(line, text)| pair_of(text, *line, place));
    Ok(Inputs { items: pairs.collect::<Result<_>>()?, blank_lines: inputs.blank_lines, header })
}

/// Reads one sequence per line: token ids with white space between them.
///
/// # Errors
/// A word that is not a number; and the errors of [`parse_lines`].
pub fn parse_token_ids(bytes: &[u8], place: &str) -> Result<Inputs<(usize, Vec<u32>)>> {
    lines(bytes, place, |line, text| {
        let ids = text.split_whitespace().map(|word| {
            word.parse().map_err(|_| Error::NotATokenId {
                place: place.to_owned(),
                line,
                word: word.chars().take(40).collect(),
            })
        });
        Ok((line, ids.collect::<Result<Vec<u32>>>()?))
    })
}

/// The pair of a line with a tab.
pub(crate) fn pair_of(line: &str, number: usize, place: &str) -> Result<Text> {
    let sides: Vec<&str> = line.split('\t').collect();
    match sides[..] {
        [first, second] if !first.trim().is_empty() && !second.trim().is_empty() => Ok(Text {
            text: first.to_owned(),
            pair: Some(second.to_owned()),
            line: Some(number),
            ..Text::default()
        }),
        _ => Err(Error::NotAPair { place: place.to_owned(), line: number }),
    }
}

fn lines<T>(
    bytes: &[u8],
    place: &str,
    mut parse: impl FnMut(usize, &str) -> Result<T>,
) -> Result<Inputs<T>> {
    let mut lines = Lines::new(bytes, place);
    let mut inputs = Inputs { items: Vec::new(), blank_lines: 0, header: None };
    while let Some((number, text)) = lines.next()? {
        if text.trim().is_empty() {
            inputs.blank_lines += 1;
        } else {
            inputs.items.push(parse(number, text)?);
        }
    }
    if inputs.items.is_empty() {
        return Err(Error::NoText { place: format!("{place} has only blank lines") });
    }
    Ok(inputs)
}

/// The name of a text in messages.
pub(crate) fn place(index: usize, line: Option<usize>, text: &str) -> String {
    match line {
        Some(line) => format!("line {line}"),
        None if text.trim().is_empty() => format!("text {}", index + 1),
        None => {
            let start: String = text.chars().filter(|c| !c.is_control()).take(24).collect();
            let rest = if text.chars().count() > 24 { "…" } else { "" };
            format!("text {} (\"{start}{rest}\")", index + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers_and_their_spaces() {
        let read = parse_lines("\u{feff} one \r\n\n  \ntwo\n\n".as_bytes(), "f").unwrap();
        let texts: Vec<_> = read.items.iter().map(|t| (t.line.unwrap(), t.text.as_str())).collect();
        assert_eq!(texts, [(1, " one "), (4, "two")]);
        assert_eq!(read.blank_lines, 3);
    }

    #[test]
    fn mistakes_name_their_line() {
        let message = |r: Result<Inputs<Text>>| r.unwrap_err().to_string();
        assert_eq!(
            message(parse_lines(b"good\nb\xffd\n", "f.txt")),
            "f.txt, line 2: not valid UTF-8 (byte 2 of the line)"
        );
        assert!(message(parse_lines(b"\n \n", "f.txt")).contains("only blank lines"));
        assert!(message(parse_lines(b"", "f.txt")).contains("only blank lines"));
        assert!(message(parse_pairs(b"a\tb\nno tab", "f.txt")).contains("line 2"));
        assert!(parse_pairs(b"a\tb\tc", "f.txt").is_err());
        assert!(message(parse_pairs(b"good\tbad\n", "f")).contains("only a line of column names"));
        let named = parse_pairs(b"\ngood\tbad\na b\tc d\n", "f").unwrap();
        assert_eq!((named.items.len(), named.header.as_deref()), (1, Some("good\tbad")));
        assert_eq!(named.items[0].line, Some(3));
        let ids = parse_token_ids(b"1 2\n\n3 x", "ids").unwrap_err();
        assert_eq!(ids.to_string(), "ids, line 3: \"x\" is not a token id");
        assert_eq!(parse_token_ids(b" 7\t8 ", "ids").unwrap().items, [(1, vec![7, 8])]);
    }
}
