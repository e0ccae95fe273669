//! Pairs of texts from a file: with scores, or queries with relevant texts.

use super::PairsError;
use crate::Result;
use crate::analysis::ModelFile;
use std::collections::HashMap;
use std::path::Path;
use stratoscope_extractor::{is_header, parse_lines};
use stratoscope_loader::path_text;

/// A pair of texts; texts are places in [`TextPairs::texts`].
#[derive(Debug, Clone, PartialEq)]
pub struct TextPair {
    /// The line in the file, from 1.
    pub line: usize,
    /// The two texts; of a retrieval task, the query and the relevant text.
    pub texts: [usize; 2],
    /// The score that people gave; none in a retrieval task.
    pub score: Option<f64>,
    /// The set to which the pair belongs, if the file names one.
    pub set: Option<String>,
}

/// Pairs of texts: `score TAB text TAB text` (and possibly a set in a fourth column), or
/// `query TAB relevant text`.
///
/// ```
/// use stratoscope::pairs::TextPairs;
///
/// let pairs = TextPairs::parse(b"score\ttext1\ttext2\n4.5\tIt rains.\tRain falls.\n", "mine")?;
/// assert_eq!((pairs.pairs().len(), pairs.texts().len(), pairs.has_scores()), (1, 2, true));
/// # Ok::<(), stratoscope::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TextPairs {
    pairs: Vec<TextPair>,
    /// The different texts, in the order in which they occur first.
    texts: Vec<String>,
    file: Option<ModelFile>,
    place: String,
    blank_lines: usize,
    header: Option<String>,
}

impl TextPairs {
    /// Reads a file. Blank lines and a first line with the names of the columns are skipped.
    ///
    /// # Errors
    /// A file that cannot be read; [`PairsError::Line`] for a line with a wrong form.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path)
            .map_err(|source| stratoscope_extractor::Error::Io { path: path.to_owned(), source })?;
        let file = Some(ModelFile::of(path, &bytes));
        Ok(Self { file, ..Self::parse(&bytes, &path_text(path))? })
    }

    /// Parses the content of a file. `place` is the name of the file in messages.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self> {
        let inputs = parse_lines(bytes, place)?;
        let table: Vec<Vec<&str>> =
            inputs.items.iter().map(|line| line.text.split('\t').collect()).collect();
        let header = table.split_first().filter(|(first, others)| {
            let named = is_header(first, others.iter().map(Vec::as_slice));
            // Above scores, any name is a name.
            let scores = others.first().is_some_and(|row| row.len() > 2 && is_number(row[0]));
            matches!(first.len(), 2..=4) && (named || (scores && !is_number(first[0])))
        });
        let first = usize::from(header.is_some());
        let columns = table.get(first).map_or(0, Vec::len);
        let mut read = Self {
            pairs: Vec::new(),
            texts: Vec::new(),
            file: None,
            place: place.to_owned(),
            blank_lines: inputs.blank_lines,
            header: header.map(|_| inputs.items[0].text.clone()),
        };
        let mut places = HashMap::new();
        for (row, line) in table.iter().zip(&inputs.items).skip(first) {
            let line = line.line.unwrap_or_default();
            let wrong = |reason: String| PairsError::Line { place: place.to_owned(), line, reason };
            if row.len() != columns {
                let found = row.len();
                return Err(wrong(format!("{found} columns, after lines with {columns}")).into());
            }
            let (score, texts, set) = match row[..] {
                [query, relevant] => (None, [query, relevant], None),
                [score, a, b] => (Some(score), [a, b], None),
                [score, a, b, set] => (Some(score), [a, b], Some(set.trim().to_owned())),
                _ => return Err(wrong(FORMS.to_owned()).into()),
            };
            let number = |text: &str| match text.trim().parse::<f64>() {
                Ok(score) if score.is_finite() => Ok(score),
                _ => {
                    let text: String = text.chars().take(40).collect();
                    Err(wrong(format!("{text:?} is not a score; {FORMS}")))
                }
            };
            let score = score.map(number).transpose()?;
            if texts.iter().any(|text| text.trim().is_empty()) {
                return Err(wrong("a text is empty".to_owned()).into());
            }
            let texts = texts.map(|text| {
                *places.entry(text.to_owned()).or_insert_with(|| {
                    read.texts.push(text.to_owned());
                    read.texts.len() - 1
                })
            });
            read.pairs.push(TextPair { line, texts, score, set });
        }
        match read.pairs.is_empty() {
            true => Err(PairsError::NoPairs { place: place.to_owned() }.into()),
            false => Ok(read),
        }
    }

    /// The pairs.
    pub fn pairs(&self) -> &[TextPair] {
        &self.pairs
    }

    /// The different texts.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Whether pairs have scores; otherwise, they are queries with relevant texts.
    pub fn has_scores(&self) -> bool {
        self.pairs.first().is_some_and(|pair| pair.score.is_some())
    }

    /// The file, if the pairs were read from a file.
    pub fn file(&self) -> Option<&ModelFile> {
        self.file.as_ref()
    }

    /// The number of blank lines that were skipped.
    pub fn blank_lines(&self) -> usize {
        self.blank_lines
    }

    /// The first line, if it has names of columns and was skipped.
    pub fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }

    /// The name of the data: the file name without its extension.
    pub(super) fn name(&self) -> String {
        Path::new(&self.place).file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// `[pairs]`: the group of each pair. Pairs that share a text, also through other pairs, are one group:
    /// a choice on one group does not see the texts of another.
    pub(super) fn groups(&self) -> Vec<usize> {
        // The group of each text, by its smallest text.
        let mut parent: Vec<usize> = (0..self.texts.len()).collect();
        fn root(parent: &mut [usize], mut at: usize) -> usize {
            while parent[at] != at {
                parent[at] = parent[parent[at]];
                at = parent[at];
            }
            at
        }
        for pair in &self.pairs {
            let [a, b] = pair.texts.map(|text| root(&mut parent, text));
            parent[a.max(b)] = a.min(b);
        }
        self.pairs.iter().map(|pair| root(&mut parent, pair.texts[0])).collect()
    }
}

fn is_number(cell: &str) -> bool {
    cell.trim().parse::<f64>().is_ok()
}

const FORMS: &str = "a line must be SCORE, a tab, a text, a tab and a text (and possibly a tab and \
    the name of a set), or a query, a tab and a relevant text";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scored_pairs_and_queries_are_read() {
        let read = TextPairs::parse(b"score\ta\tb\tset\n4\tx y\tz\tone\n\n0.5\tz\tx y\ttwo\n", "f");
        let read = read.unwrap();
        assert_eq!((read.header(), read.blank_lines()), (Some("score\ta\tb\tset"), 1));
        assert_eq!(read.texts(), ["x y", "z"]);
        let found: Vec<_> = read.pairs().iter().map(|p| (p.line, p.texts, p.score)).collect();
        assert_eq!(found, [(2, [0, 1], Some(4.0)), (4, [1, 0], Some(0.5))]);
        assert_eq!(read.pairs()[1].set.as_deref(), Some("two"));
        let queries = TextPairs::parse(b"what is x\tx is y\nwhy\tbecause\n", "f").unwrap();
        assert!(!queries.has_scores());
    }

    #[test]
    fn mistakes_name_their_line() {
        for (bytes, said) in [
            (&b"1\ta\tb\nx\tc\td\n"[..], "f, line 2: \"x\" is not a score; a line must be SCORE"),
            (b"a\tb\t4.5\n", "f, line 1: \"a\" is not a score"),
            (b"1\ta\tb\n2\tc\n", "f, line 2: 2 columns, after lines with 3"),
            (b"1\ta\t \n", "f, line 1: a text is empty"),
            (b"NaN\ta\tb\n", "f, line 1: \"NaN\" is not a score"),
            (b"one text\n", "f, line 1: a line must be SCORE"),
            (b"query\tanswer\n", "f has no pairs"),
        ] {
            let error = TextPairs::parse(bytes, "f").unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn pairs_that_share_a_text_are_one_group() {
        let read = TextPairs::parse(b"1\ta\tb\n2\tc\td\n3\td\ta\n4\te\tf\n", "f").unwrap();
        let groups = read.groups();
        assert_eq!(groups[0], groups[1]);
        assert_eq!(groups[0], groups[2]);
        assert_ne!(groups[0], groups[3]);
    }
}
