//! Classification tasks: texts, or places in texts, with labels.

use super::corpus::{PartCounts, ProbeFile};
use super::rows::{Item, Rows};
use super::{ProbeError, split};
use crate::Result;
use crate::analysis::ModelFile;
use rand::seq::SliceRandom;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;
use stratoscope_extractor::{Text, is_header, parse_lines};
use stratoscope_loader::path_text;
use stratoscope_numerics::generator;
use stratoscope_probing::Split;

/// A place in a text, in characters from 0; the end is not included. As text: `4-8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first character.
    pub start: usize,
    /// The character after the last.
    pub end: usize,
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ends = text.trim().split_once('-').and_then(|(a, b)| {
            a.parse().ok().zip(b.parse().ok()).filter(|(a, b): &(usize, usize)| a < b)
        });
        let wrong = || {
            let text: String = text.chars().take(40).collect();
            format!("{text:?} is not a place in a text; write START-END in characters, such as 4-8")
        };
        ends.map(|(start, end)| Self { start, end }).ok_or_else(wrong)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

impl Span {
    /// The text with this place as its only annotated word.
    pub(crate) fn of(self, text: &str) -> Result<Text, String> {
        let length = text.chars().count();
        if self.end > length {
            return Err(format!(
                "the place {self} is outside the text, which has {length} characters"
            ));
        }
        let mut own = Text::from(text);
        own.words.push(self.start..self.end);
        Ok(own)
    }
}

/// A row of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// The number of the line in the file, or of the row in memory, from 1.
    pub line: usize,
    /// The text.
    pub text: String,
    /// The place to which the label belongs; `None` for the whole text.
    pub span: Option<Span>,
    /// The label.
    pub label: String,
}

impl TaskRow {
    /// A text with its label.
    pub fn text(text: impl Into<String>, label: impl Into<String>) -> Self {
        Self { line: 0, text: text.into(), span: None, label: label.into() }
    }

    /// A place in a text, in characters, with its label.
    pub fn span(text: impl Into<String>, place: Range<usize>, label: impl Into<String>) -> Self {
        let span = Some(Span { start: place.start, end: place.end });
        Self { span, ..Self::text(text, label) }
    }

    /// Checks the row; `spans` says whether the rows of the task have places. Returns the reason of
    /// an error.
    fn check(&self, spans: bool) -> Result<(), String> {
        let blank = self.text.trim().is_empty();
        if self.label.is_empty() || blank {
            let what = if blank { "text" } else { "label" };
            return Err(format!("the {what} is empty"));
        }
        if self.span.is_some() != spans {
            return Err("some lines have a place in the text and some do not".to_owned());
        }
        self.span.map_or(Ok(()), |span| span.of(&self.text).map(drop))
    }
}

/// A classification task: labels of texts, or of places in texts, from a file or from memory.
///
/// ```
/// let task = stratoscope::probe::TsvTask::parse(b"text\tlabel\nIt works.\tgood\nIt broke.\tbad\n", "mine")?;
/// assert_eq!((task.rows().len(), task.has_spans()), (2, false));
/// # Ok::<(), stratoscope::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TsvTask {
    rows: Vec<TaskRow>,
    file: Option<ProbeFile>,
    place: String,
    blank_lines: usize,
    header: Option<String>,
}

impl TsvTask {
    /// Reads a file of lines `text TAB label`, or `text TAB START-END TAB label`. Blank lines and a
    /// first line with the names of the columns ([`header`](Self::header)) are skipped.
    ///
    /// # Errors
    /// A file that cannot be read; [`ProbeError::Line`] for a line with a wrong form.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path)
            .map_err(|source| stratoscope_extractor::Error::Io { path: path.to_owned(), source })?;
        let file = ProbeFile { part: None, file: ModelFile::of(path, &bytes) };
        Ok(Self { file: Some(file), ..Self::parse(&bytes, &path_text(path))? })
    }

    /// Parses the content of a file. `place` is the name of the file in messages; without its
    /// extension, it is also the name of the label.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self> {
        let mut rows: Vec<TaskRow> = Vec::new();
        let inputs = parse_lines(bytes, place)?;
        let table: Vec<Vec<&str>> =
            inputs.items.iter().map(|line| line.text.split('\t').collect()).collect();
        let header = table.split_first().filter(|(first, others)| {
            matches!(first.len(), 2 | 3) && is_header(first, others.iter().map(Vec::as_slice))
        });
        let header = header.map(|_| inputs.items[0].text.clone());
        for (index, text) in inputs.items.iter().enumerate() {
            let line = text.line.unwrap_or(index + 1);
            let wrong = |reason: String| ProbeError::Line { place: place.to_owned(), line, reason };
            let columns: Vec<&str> = text.text.split('\t').collect();
            if index == 0 && header.is_some() {
                continue;
            }
            let (text, span, label) = match columns[..] {
                [text, label] => (text, None, label),
                [text, span, label] => (text, Some(span.parse::<Span>().map_err(wrong)?), label),
                _ => {
                    let reason: String = format!(
                        "a line must have a text, a tab and a label, or a text, a place \
                         (START-END) and a label; this line has {} columns",
                        columns.len()
                    );
                    return Err(wrong(reason).into());
                }
            };
            let (text, label) = (text.to_owned(), label.trim().to_owned());
            let row = TaskRow { line, text, span, label };
            let spans = rows.first().map_or(span.is_some(), |first| first.span.is_some());
            row.check(spans).map_err(wrong)?;
            rows.push(row);
        }
        Ok(Self {
            rows,
            file: None,
            place: place.to_owned(),
            blank_lines: inputs.blank_lines,
            header,
        })
    }

    /// A task from memory; `name` is the name of the label.
    ///
    /// ```
    /// use stratoscope::probe::{TaskRow, TsvTask};
    ///
    /// let reviews = [("It works.", "good"), ("It broke.", "bad"), ("I like it.", "good")];
    /// let rows = reviews.map(|(text, label)| TaskRow::text(text, label));
    /// let task = TsvTask::from_rows("review", rows)?;
    /// assert_eq!((task.rows().len(), task.has_spans()), (3, false));
    ///
    /// let verbs = [TaskRow::span("It works.", 3..8, "present"), TaskRow::span("It broke.", 3..8, "past")];
    /// assert!(TsvTask::from_rows("tense", verbs)?.has_spans());
    /// # Ok::<(), stratoscope::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ProbeError::Line`] for an empty text or label, a place outside its text, or places in only
    /// some rows.
    pub fn from_rows(name: &str, rows: impl IntoIterator<Item = TaskRow>) -> Result<Self> {
        let mut rows: Vec<TaskRow> = rows.into_iter().collect();
        let spans = rows.first().is_some_and(|row| row.span.is_some());
        for (index, row) in rows.iter_mut().enumerate() {
            row.line = index + 1;
            row.check(spans).map_err(|reason| ProbeError::Line {
                place: name.to_owned(),
                line: row.line,
                reason,
            })?;
        }
        Ok(Self { rows, file: None, place: name.to_owned(), blank_lines: 0, header: None })
    }

    /// The rows.
    pub fn rows(&self) -> &[TaskRow] {
        &self.rows
    }

    /// The number of blank lines that were skipped.
    pub fn blank_lines(&self) -> usize {
        self.blank_lines
    }

    /// The first line, if it has names of columns and was skipped.
    pub fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }

    /// Whether labels belong to places in texts; otherwise, they belong to whole texts.
    pub fn has_spans(&self) -> bool {
        self.rows.first().is_some_and(|row| row.span.is_some())
    }

    /// The file, if the task was read from a file.
    pub fn file(&self) -> Option<&ModelFile> {
        self.file.as_ref().map(|file| &file.file)
    }

    /// The name of the label: the file name without its extension.
    fn name(&self) -> String {
        Path::new(&self.place).file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(super) fn files(&self) -> Vec<ProbeFile> {
        self.file.iter().cloned().collect()
    }

    /// Splits the texts at random with a seed: a tenth for the test, a tenth held out, the rest for
    /// training.
    pub(super) fn split(&self, seed: u64) -> Result<(Rows, PartCounts)> {
        let texts: Vec<&str> = self.rows.iter().map(|row| row.text.as_str()).collect();
        let parts = split(&texts, seed, &self.place, "texts")?;
        let mut numbers = BTreeMap::new();
        let clusters: Vec<usize> = texts
            .iter()
            .map(|text| {
                let next = numbers.len();
                *numbers.entry(*text).or_insert(next)
            })
            .collect();
        let mut rows = Rows {
            texts: Vec::new(),
            clusters,
            whole: !self.has_spans(),
            labels: vec![self.name()],
            items: Vec::new(),
            unlabelled: 0,
            has_lemmas: false,
        };
        for (text, (row, &part)) in self.rows.iter().zip(&parts).enumerate() {
            let place = self.place.clone();
            let wrong = |reason| ProbeError::Line { place, line: row.line, reason };
            let (read, form) = match row.span {
                None => (Text::from(row.text.as_str()), row.text.to_lowercase()),
                Some(span) => {
                    let within = row.text.chars().skip(span.start).take(span.end - span.start);
                    (span.of(&row.text).map_err(wrong)?, within.collect::<String>().to_lowercase())
                }
            };
            rows.texts.push(Text { line: Some(row.line), ..read });
            let labels = vec![row.label.clone()];
            rows.items.push(Item { text, word: 0, labels, lemma: form.clone(), form, part });
        }
        let seen: BTreeMap<&str, Split> = texts.iter().copied().zip(parts).collect();
        Ok((rows, PartCounts::of(seen.into_values())))
    }
}

/// `[keys]`: the part of each key by a seeded random split: a tenth for the test, a tenth held out,
/// the rest for training. Equal keys are in the same part. `None` for fewer than three different
/// keys.
pub(super) fn parts_of(keys: &[&str], seed: u64) -> Option<Vec<Split>> {
    let mut order: Vec<&str> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for key in keys {
        places.entry(key).or_insert_with(|| {
            order.push(key);
            order.len() - 1
        });
    }
    if order.len() < 3 {
        return None;
    }
    let tenth = ((order.len() as f64 / 10.0).round() as usize).max(1);
    let mut shuffled: Vec<usize> = (0..order.len()).collect();
    shuffled.shuffle(&mut generator(seed));
    let mut parts = vec![Split::Train; order.len()];
    for (rank, place) in shuffled.into_iter().enumerate().take(2 * tenth) {
        parts[place] = if rank < tenth { Split::Test } else { Split::Dev };
    }
    Some(keys.iter().map(|key| parts[places[key]]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_errors_name_the_line() {
        let task = TsvTask::parse(b"text\tlabel\na b\tx\n\nc\t y \n", "f").unwrap();
        let rows: Vec<_> =
            task.rows().iter().map(|r| (r.line, r.text.as_str(), r.label.as_str())).collect();
        assert_eq!(rows, [(2, "a b", "x"), (4, "c", "y")]);
        assert!(!task.has_spans());
        let task = TsvTask::parse("näher da\t6-8\tx\n".as_bytes(), "f").unwrap();
        assert_eq!(task.rows()[0].span, Some(Span { start: 6, end: 8 }));
        for (bytes, said) in [
            ("a\n", "f, line 1: a line must have a text, a tab and a label"),
            ("a\tx\nb\t\n", "f, line 2: the label is empty"),
            (" \tx\n", "f, line 1: the text is empty"),
            ("a b\t2-3\tx\nb\ty\n", "f, line 2: some lines have a place"),
            ("a b\t2-4\tx\n", "f, line 1: the place 2-4 is outside the text, which has 3"),
            ("a b\t2-2\tx\n", "f, line 1: \"2-2\" is not a place"),
            ("a b\tb\tx\n", "f, line 1: \"b\" is not a place"),
        ] {
            let error = TsvTask::parse(bytes.as_bytes(), "f").unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn labels_from_memory_equal_those_of_a_file() {
        let file = TsvTask::parse(b"a b\t2-3\tx\na c\t2-3\ty\na d\t0-1\tx\n", "f.tsv").unwrap();
        let rows = [("a b", 2..3, "x"), ("a c", 2..3, "y"), ("a d", 0..1, "x")];
        let rows = rows.map(|(text, place, label)| TaskRow::span(text, place, label));
        let memory = TsvTask::from_rows("f", rows.clone()).unwrap();
        assert_eq!(memory.rows(), file.rows());
        let split = |task: &TsvTask| {
            let (rows, counts) = task.split(0).unwrap();
            let items: Vec<_> =
                rows.items.into_iter().map(|i| (i.text, i.labels, i.form, i.part)).collect();
            (rows.labels, items, counts)
        };
        assert_eq!(split(&memory), split(&file));
        let mixed = rows.into_iter().chain([TaskRow::text("a e", "x")]);
        let error = TsvTask::from_rows("f", mixed).unwrap_err().to_string();
        assert_eq!(error, "f, line 4: some lines have a place in the text and some do not");
    }

    #[test]
    fn a_split_keeps_equal_keys_together_and_is_seeded() {
        let keys: Vec<String> = (0..100).map(|i| format!("key {}", i % 50)).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let parts = parts_of(&keys, 1).unwrap();
        assert_eq!(parts[..50], parts[50..]);
        let counts = PartCounts::of(parts.iter().copied());
        assert_eq!((counts.train, counts.dev, counts.test), (80, 10, 10));
        assert_eq!(parts_of(&keys, 1), Some(parts.clone()));
        assert_ne!(parts_of(&keys, 2), Some(parts));
        assert_eq!(parts_of(&keys[..2], 1), None);
        let three = PartCounts::of(parts_of(&keys[..3], 1).unwrap().into_iter());
        assert_eq!((three.train, three.dev, three.test), (1, 1, 1));
    }
}
