//! Two lists of texts, or of words in their texts.

use super::ContrastError;
use crate::Result;
use crate::analysis::ModelFile;
use crate::probe::Span;
use std::collections::BTreeSet;
use std::path::Path;
use stratoscope_extractor::{Text, parse_lines};
use stratoscope_geometry::FOLDS;
use stratoscope_loader::path_text;

/// One list.
#[derive(Debug, Clone)]
pub struct Side {
    /// The texts; of words in context, each with the place of its word.
    pub texts: Vec<Text>,
    /// The name: the file name without its extension.
    pub name: String,
    /// The file, if the list was read from a file.
    pub file: Option<ModelFile>,
}

/// Two lists: the direction goes from the second to the first.
#[derive(Debug, Clone)]
pub struct ContrastLists {
    pub(super) sides: [Side; 2],
    /// Whether items are words in context (`text TAB START-END`); otherwise, whole texts.
    pub(super) words: bool,
}

impl ContrastLists {
    /// Reads two files with one text per line, or one `text TAB START-END` per line (a word in its text, in
    /// characters from 0; the end is not part of the word).
    ///
    /// # Errors
    /// A file that cannot be read; a line with a wrong place; fewer than five different texts; a text that
    /// both files have.
    pub fn read(first: &Path, second: &Path) -> Result<Self> {
        let read = |path: &Path| -> Result<(Vec<u8>, String)> {
            let io = |source| stratoscope_extractor::Error::Io { path: path.to_owned(), source };
            Ok((std::fs::read(path).map_err(io)?, path_text(path)))
        };
        let (a, b) = (read(first)?, read(second)?);
        let mut lists = Self::parse((&a.0, &a.1), (&b.0, &b.1))?;
        lists.sides[0].file = Some(ModelFile::of(first, &a.0));
        lists.sides[1].file = Some(ModelFile::of(second, &b.0));
        Ok(lists)
    }

    /// Parses the contents of two files, each with its name.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    pub fn parse(first: (&[u8], &str), second: (&[u8], &str)) -> Result<Self> {
        let lines =
            |(bytes, place): (&[u8], &str)| parse_lines(bytes, place).map(|read| read.items);
        let (a, b) = (lines(first)?, lines(second)?);
        let is_word = |text: &Text| {
            text.text.rsplit_once('\t').is_some_and(|(_, place)| place.parse::<Span>().is_ok())
        };
        let words = a.iter().chain(&b).next().is_some_and(is_word);
        let side = |texts: Vec<Text>, place: &str| -> Result<Side> {
            let texts = texts.into_iter().map(|text| item(text, words, place));
            let texts = texts.collect::<Result<Vec<Text>>>()?;
            let name = Path::new(place).file_stem().unwrap_or_default().to_string_lossy();
            let different: BTreeSet<&str> = texts.iter().map(|text| text.text.as_str()).collect();
            if different.len() < FOLDS {
                let (place, found) = (place.to_owned(), different.len());
                return Err(ContrastError::TooFew { place, found, needed: FOLDS }.into());
            }
            Ok(Side { name: name.into_owned(), texts, file: None })
        };
        let sides = [side(a, first.1)?, side(b, second.1)?];
        let keys = |side: &Side| -> BTreeSet<(String, Option<usize>)> {
            let key = |text: &Text| (text.text.clone(), text.words.first().map(|word| word.start));
            side.texts.iter().map(key).collect()
        };
        if let Some((text, _)) = keys(&sides[0]).intersection(&keys(&sides[1])).next() {
            return Err(ContrastError::InBoth { text: text.chars().take(60).collect() }.into());
        }
        Ok(Self { sides, words })
    }

    /// The two lists.
    pub fn sides(&self) -> &[Side; 2] {
        &self.sides
    }

    /// Whether items are words in context.
    pub fn are_words(&self) -> bool {
        self.words
    }

    /// All items, those of the first list first.
    pub fn texts(&self) -> Vec<Text> {
        self.sides.iter().flat_map(|side| side.texts.iter().cloned()).collect()
    }
}

/// The item of a line.
fn item(text: Text, words: bool, place: &str) -> Result<Text> {
    if !words {
        return Ok(text);
    }
    let line = text.line.unwrap_or_default();
    let wrong = |reason: String| ContrastError::Line { place: place.to_owned(), line, reason };
    let Some((own, span)) = text.text.rsplit_once('\t') else {
        return Err(
            wrong("a text, a tab and START-END are expected, as in the first line".into()).into()
        );
    };
    let span: Span = span.parse().map_err(wrong)?;
    Ok(Text { line: text.line, ..span.of(own).map_err(wrong)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(a: &str, b: &str) -> Result<ContrastLists> {
        ContrastLists::parse((a.as_bytes(), "a.txt"), (b.as_bytes(), "b.txt"))
    }

    #[test]
    fn lists_are_texts_or_words() {
        let texts = parse("one\ntwo\nthree\nfour\nfive", "1\n2\n3\n4\n5").unwrap();
        assert!(!texts.are_words());
        assert_eq!((texts.texts().len(), texts.sides()[1].name.as_str()), (10, "b"));
        let of =
            |start: char| -> String { (0..5).map(|i| format!("{start}{i} bank\t3-7\n")).collect() };
        let words = parse(&of('x'), &of('y')).unwrap();
        assert!(words.are_words());
        assert_eq!(words.texts()[0].words.first(), Some(&(3..7)));
    }

    #[test]
    fn mistakes_are_named() {
        let said = |a: &str, b: &str| parse(a, b).unwrap_err().to_string();
        let five = "a\nb\nc\nd\ne";
        assert_eq!(
            said("a\na\nb", five),
            "a.txt has 2 different texts; a direction needs at least 5"
        );
        assert_eq!(said(five, "v\nw\nx\ny\na"), "both lists have the text \"a\"");
        let words = "a b\t0-1\nc d\t0-1\ne f\t0-1\ng h\t0-9\ni j\t0-1";
        assert!(said(words, five).starts_with("a.txt, line 4: the place 0-9 is outside the text"));
    }
}
