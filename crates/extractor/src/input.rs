//! Input: texts, pairs of texts and token ids, with their line numbers.

use crate::error::{Error, Result};
use crate::lines::Lines;
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
}

/// Reads one text per line. Only the line end is removed; blank lines are skipped and counted. `place` is
/// the name of the file in messages.
///
/// # Errors
/// A line that is not UTF-8, or a file without texts.
pub fn parse_lines(bytes: &[u8], place: &str) -> Result<Inputs<Text>> {
    lines(bytes, place, |line, text| Ok(Text::from_line(text, line)))
}

/// Reads one pair per line, with a tab between its two texts.
///
/// # Errors
/// A line without exactly one tab, or with a blank text; and the errors of [`parse_lines`].
pub fn parse_pairs(bytes: &[u8], place: &str) -> Result<Inputs<Text>> {
    lines(bytes, place, |line, text| pair_of(text, line, place))
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
    let mut inputs = Inputs { items: Vec::new(), blank_lines: 0 };
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
        let ids = parse_token_ids(b"1 2\n\n3 x", "ids").unwrap_err();
        assert_eq!(ids.to_string(), "ids, line 3: \"x\" is not a token id");
        assert_eq!(parse_token_ids(b" 7\t8 ", "ids").unwrap().items, [(1, vec![7, 8])]);
    }
}
