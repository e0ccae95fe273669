//! The texts of a file one by one: lines, CoNLL-U sentences, JSON lines, rows of a Parquet file.

use super::jsonl::{self, FieldValue};
use super::{conllu, parquet};
use crate::error::{Error, Result};
use crate::input::{Text, pair_of};
use crate::lines::Lines;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Options of reading a file of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// Whether each line is a pair of texts with a tab between them.
    pub pairs: bool,
    /// The key of JSON lines, or the column of a Parquet file, that holds the text.
    pub field: String,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { pairs: false, field: "text".to_owned() }
    }
}

/// The kind of a file of texts, by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// One text per line: every other extension.
    Lines,
    /// `.conllu`, `.conll`: sentences with annotated words.
    Conllu,
    /// `.jsonl`, `.ndjson`: one JSON object per line.
    Jsonl,
    /// `.parquet`: a column of texts.
    Parquet,
}

impl FileKind {
    /// The kind of a file, by its name.
    pub fn of(path: &Path) -> Self {
        let end = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match end.as_str() {
            "conllu" | "conll" => Self::Conllu,
            "jsonl" | "ndjson" => Self::Jsonl,
            "parquet" => Self::Parquet,
            _ => Self::Lines,
        }
    }
}

/// Reads the texts of a file one by one. Only one text is in memory.
pub struct TextReader {
    place: String,
    options: ReadOptions,
    source: Source,
    blank: usize,
}

enum Source {
    Lines(Lines<BufReader<File>>),
    Conllu(Lines<BufReader<File>>),
    Jsonl(Lines<BufReader<File>>),
    Parquet(Box<parquet::Column>),
}

impl TextReader {
    /// Opens a file.
    ///
    /// # Errors
    /// A file that cannot be read; a Parquet file that is damaged or does not have the column.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self> {
        let place = path.display().to_string();
        let io = |source| Error::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        if file.metadata().map_err(io)?.is_dir() {
            return Err(io(std::io::ErrorKind::IsADirectory.into()));
        }
        let lines = |file| Lines::new(BufReader::with_capacity(1 << 16, file), &place);
        let source = match FileKind::of(path) {
            FileKind::Lines => Source::Lines(lines(file)),
            FileKind::Conllu => Source::Conllu(lines(file)),
            FileKind::Jsonl => Source::Jsonl(lines(file)),
            FileKind::Parquet => {
                Source::Parquet(Box::new(parquet::Column::open(file, &place, &options.field)?))
            }
        };
        Ok(Self { place, options: options.clone(), source, blank: 0 })
    }

    /// The number of blank lines, and of empty texts of JSON lines and Parquet rows, so far. They are
    /// skipped.
    pub fn blank_lines(&self) -> usize {
        self.blank
    }

    /// The next text; none at the end of the file.
    ///
    /// # Errors
    /// A line or a row with a mistake.
    pub fn read(&mut self) -> Result<Option<Text>> {
        loop {
            let text = match &mut self.source {
                Source::Conllu(lines) => return conllu::sentence(lines, &mut |_, _| {}),
                Source::Lines(lines) => match lines.next()? {
                    None => return Ok(None),
                    Some((_, line)) if line.trim().is_empty() => None,
                    Some((number, line)) if self.options.pairs => {
                        Some(pair_of(line, number, &self.place)?)
                    }
                    Some((number, line)) => Some(Text::from_line(line, number)),
                },
                Source::Jsonl(lines) => {
                    let (field, place) = (&self.options.field, self.place.as_str());
                    match lines.next()? {
                        None => return Ok(None),
                        Some((_, line)) if line.trim().is_empty() => None,
                        Some((number, line)) => json_text(line, number, field, place)?,
                    }
                }
                Source::Parquet(column) => match column.next()? {
                    None => return Ok(None),
                    Some((row, text)) => {
                        text.map(|text| Text { text, line: Some(row), ..Text::default() })
                    }
                },
            };
            match text {
                Some(text) if !text.text.trim().is_empty() => return Ok(Some(text)),
                _ => self.blank += 1,
            }
        }
    }
}

/// The text of a JSON line; none if it is null.
fn json_text(line: &str, number: usize, field: &str, place: &str) -> Result<Option<Text>> {
    let wrong = |reason: String| Error::Json { place: place.to_owned(), line: number, reason };
    match jsonl::find(line, field).map_err(|e| wrong(format!("not a JSON object ({e})")))? {
        FieldValue::Text(text) => Ok(Some(Text { text, line: Some(number), ..Text::default() })),
        FieldValue::Null => Ok(None),
        FieldValue::Other => Err(wrong(format!("{field:?} is not a text"))),
        FieldValue::Missing(keys) => Err(Error::NoField {
            place: format!("{place}, line {number}"),
            field: field.to_owned(),
            found: keys.join(", "),
        }),
    }
}
