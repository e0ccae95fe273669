//! The texts of a file one by one: lines, pairs, CoNLL-U sentences, JSON lines, rows of a table or of a
//! Parquet file.

use super::jsonl::{self, FieldValue};
use super::{conllu, delimited, parquet};
use crate::annotation::AnnotatedWord;
use crate::error::{Error, Result};
use crate::header::is_header;
use crate::input::{Inputs, Text, pair_of};
use crate::lines::{Lines, LongLine, MAX_RECORD_BYTES, MAX_TEXT_BYTES, beginning};
use crate::open::{self, Bytes, FileKind, Hash};
use std::collections::VecDeque;
use std::path::Path;
use stratoscope_loader::path_text;

/// The lines of pairs that are read before it is decided whether the first has names of columns.
const LOOK_AHEAD: usize = 16;

/// Options of reading a file of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// Whether each line is a pair of texts with a tab between them.
    pub pairs: bool,
    /// The key of JSON lines, or the column of a table or a Parquet file, that holds the text.
    pub field: String,
    /// Whether a text of more than [`MAX_TEXT_BYTES`](crate::MAX_TEXT_BYTES) is cut, which
    /// [`LongText::Cut`](crate::LongText::Cut) then reports, instead of refused.
    pub cut: bool,
    /// Whether texts keep the annotation of their words, which only CoNLL-U has.
    pub annotation: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { pairs: false, field: "text".to_owned(), cut: false, annotation: false }
    }
}

/// Reads the texts of a file one by one. Only one text is in memory.
pub struct TextReader {
    place: String,
    options: ReadOptions,
    source: Source,
    blank: usize,
    header: Option<String>,
    hash: Hash,
}

enum Source {
    Lines(Lines<Bytes>),
    Pairs(Lines<Bytes>, PairsAhead),
    Conllu(Lines<Bytes>),
    Jsonl(Lines<Bytes>),
    Table(Box<delimited::Column>),
    Parquet(Box<parquet::Column>),
}

/// The first lines of a file of pairs.
#[derive(Default)]
struct PairsAhead {
    begun: bool,
    lines: VecDeque<(usize, String)>,
}

impl TextReader {
    /// Opens a file.
    ///
    /// # Errors
    /// A file that cannot be read, or whose extension says that it has no lines of text; a table or a
    /// Parquet file that is damaged or does not have the column.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self> {
        let place = path_text(path);
        let kind = FileKind::of(path)?;
        if kind == FileKind::Parquet {
            let column = parquet::Column::open(open::file(path)?, &place, &options.field)?;
            let source = Source::Parquet(Box::new(column));
            return Ok(Self::new(place, options, source, Hash::default()));
        }
        let (bytes, hash) = open::bytes(path)?;
        let table = |bytes, delimiter, quotes| {
            let column = delimited::Column::open(bytes, &place, delimiter, quotes, &options.field);
            column.map(|column| Source::Table(Box::new(column)))
        };
        let source = match kind {
            FileKind::Csv if !options.pairs => table(bytes, b',', true)?,
            FileKind::Tsv if !options.pairs => table(bytes, b'\t', false)?,
            FileKind::Conllu => Source::Conllu(Lines::new(bytes, &place)),
            FileKind::Jsonl => Source::Jsonl(Lines::new(bytes, &place)),
            _ => Source::lines(bytes, &place, options),
        };
        Ok(Self::new(place, options, source, hash))
    }

    /// Reads lines, or pairs, of another source. `place` is its name in messages.
    pub fn of_lines(
        source: impl std::io::Read + Send + 'static,
        place: &str,
        options: &ReadOptions,
    ) -> Self {
        let bytes: Bytes = std::io::BufReader::with_capacity(1 << 16, Box::new(source));
        let source = Source::lines(bytes, place, options);
        Self::new(place.to_owned(), options, source, Hash::default())
    }

    /// All texts that are left.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read); no text.
    pub fn read_all(mut self) -> Result<Inputs<Text>> {
        let mut items = Vec::new();
        while let Some(text) = self.read()? {
            items.push(text);
        }
        match items.is_empty() {
            true => {
                let what = if self.blank == 0 { "no texts" } else { "only blank lines" };
                Err(Error::NoText { place: format!("{} has {what}", self.place) })
            }
            false => Ok(Inputs { items, blank_lines: self.blank, header: self.header }),
        }
    }

    fn new(place: String, options: &ReadOptions, source: Source, hash: Hash) -> Self {
        Self { place, options: options.clone(), source, blank: 0, header: None, hash }
    }

    /// The number of blank lines, and of empty texts of JSON lines, tables and Parquet rows, so far.
    /// They are skipped.
    pub fn blank_lines(&self) -> usize {
        self.blank
    }

    /// The first line of a file of pairs, if it has names of columns and was skipped.
    pub fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }

    /// Reads to the end, and returns the sha256 of all bytes of the file.
    pub(crate) fn sha256(&mut self) -> Result<String> {
        match &mut self.source {
            Source::Lines(lines)
            | Source::Pairs(lines, _)
            | Source::Conllu(lines)
            | Source::Jsonl(lines) => lines.drain()?,
            Source::Table(column) => column.drain()?,
            Source::Parquet(column) => return Ok(column.sha256().to_owned()),
        }
        Ok(self.hash.of_file().1)
    }

    /// The next text; none at the end of the file.
    ///
    /// # Errors
    /// A line or a row with a mistake, or with a text that is too long.
    pub fn read(&mut self) -> Result<Option<Text>> {
        let (field, place) = (self.options.field.as_str(), self.place.as_str());
        let long = if self.options.cut { LongLine::Cut } else { LongLine::Refuse };
        let unit = if matches!(self.source, Source::Parquet(_)) { "row" } else { "line" };
        loop {
            let text = match &mut self.source {
                Source::Conllu(lines) => {
                    let mut annotation = Vec::new();
                    let keep = self.options.annotation;
                    let text = conllu::sentence(lines, &mut |line, columns| {
                        if keep {
                            annotation.push(AnnotatedWord::of(line, columns));
                        }
                    })?;
                    return Ok(text.map(|text| Text { annotation, ..text }));
                }
                Source::Lines(lines) => match lines.next_within(MAX_TEXT_BYTES, long)? {
                    None => return Ok(None),
                    Some((number, line)) => {
                        refuse_binary(line, number, place)?;
                        Some((number, line.to_owned()))
                    }
                },
                Source::Pairs(lines, ahead) => {
                    if !ahead.begun {
                        self.header = ahead.fill(lines, &mut self.blank)?;
                    }
                    let (number, line) = match ahead.lines.pop_front() {
                        Some(line) => line,
                        None => match lines.next_within(MAX_RECORD_BYTES, LongLine::Whole)? {
                            None => return Ok(None),
                            Some((number, line)) => (number, line.to_owned()),
                        },
                    };
                    if line.trim().is_empty() {
                        self.blank += 1;
                        continue;
                    }
                    let Text { text, pair, .. } = pair_of(&line, number, place)?;
                    let bounded = |text| bounded(text, long, || format!("{place}, line {number}"));
                    let (text, pair) = (bounded(text)?, pair.map(bounded).transpose()?);
                    return Ok(Some(Text { text, pair, line: Some(number), ..Text::default() }));
                }
                Source::Jsonl(lines) => {
                    match lines.next_within(MAX_RECORD_BYTES, LongLine::Whole)? {
                        None => return Ok(None),
                        Some((_, line)) if line.trim().is_empty() => None,
                        Some((number, line)) => {
                            json_text(line, number, field, place)?.map(|text| (number, text))
                        }
                    }
                }
                Source::Table(column) => match column.next()? {
                    None => return Ok(None),
                    Some((line, text)) => Some((line, text.to_owned())),
                },
                Source::Parquet(column) => match column.next()? {
                    None => return Ok(None),
                    Some((row, text)) => text.map(|text| (row, text)),
                },
            };
            match text {
                Some((line, text)) if !text.trim().is_empty() => {
                    let text = bounded(text, long, || format!("{place}, {unit} {line}"))?;
                    return Ok(Some(Text { text, line: Some(line), ..Text::default() }));
                }
                _ => self.blank += 1,
            }
        }
    }
}

impl Source {
    fn lines(bytes: Bytes, place: &str, options: &ReadOptions) -> Self {
        let lines = Lines::new(bytes, place);
        match options.pairs {
            true => Self::Pairs(lines, PairsAhead::default()),
            false => Self::Lines(lines),
        }
    }
}

impl PairsAhead {
    /// Reads the first lines, and removes the first if it has names of columns. Returns it.
    fn fill(&mut self, lines: &mut Lines<Bytes>, blank: &mut usize) -> Result<Option<String>> {
        self.begun = true;
        let mut bytes = 0;
        while self.lines.len() < LOOK_AHEAD && bytes < MAX_TEXT_BYTES {
            match lines.next_within(MAX_RECORD_BYTES, LongLine::Whole)? {
                None => break,
                Some((_, line)) if line.trim().is_empty() => *blank += 1,
                Some((number, line)) => {
                    bytes += line.len();
                    self.lines.push_back((number, line.to_owned()));
                }
            }
        }
        let rows = self.lines.iter().map(|(_, line)| line.split('\t').collect());
        let rows: Vec<Vec<&str>> = rows.collect();
        let is_header = rows.split_first().is_some_and(|(first, others)| {
            first.len() == 2 && is_header(first, others.iter().map(Vec::as_slice))
        });
        Ok(if is_header { self.lines.pop_front().map(|(_, line)| line) } else { None })
    }
}

/// Refuses, or cuts, a text that is too long.
fn bounded(mut text: String, long: LongLine, place: impl FnOnce() -> String) -> Result<String> {
    if text.len() > MAX_TEXT_BYTES {
        let bytes = text.len() as u64;
        if long != LongLine::Cut {
            return Err(Error::TooLarge { place: place(), bytes, max: MAX_TEXT_BYTES });
        }
        // More than the maximum, as a sign.
        let kept = beginning(&text, MAX_TEXT_BYTES + 4).len();
        text.truncate(kept);
    }
    Ok(text)
}

/// Refuses a line with the character NUL, which files of text do not have.
fn refuse_binary(line: &str, number: usize, place: &str) -> Result<()> {
    match line.contains('\0') {
        true => Err(Error::Binary { place: place.to_owned(), line: number }),
        false => Ok(()),
    }
}

/// The text of a JSON line; none if it is null.
fn json_text(line: &str, number: usize, field: &str, place: &str) -> Result<Option<String>> {
    let wrong = |reason: String| Error::Json { place: place.to_owned(), line: number, reason };
    let no_object = |error| {
        let list = line.trim_start().starts_with('[');
        let advice = if list { "; jq -c '.[]' FILE writes the objects of a list so" } else { "" };
        wrong(format!("not a JSON object ({error}); each line must have one{advice}"))
    };
    match jsonl::find(line, field).map_err(no_object)? {
        FieldValue::Text(text) => Ok(Some(text)),
        FieldValue::Null => Ok(None),
        FieldValue::Other => Err(wrong(format!("{field:?} is not a text"))),
        FieldValue::Missing(keys) => Err(Error::NoField {
            place: format!("{place}, line {number}"),
            field: field.to_owned(),
            found: super::listed(keys.iter().map(String::as_str)),
        }),
    }
}
