//! One column of a table with commas or tabs, record by record.

use crate::error::{Error, Result};
use crate::lines::MAX_RECORD_BYTES;
use crate::open::Bytes;
use csv::{ByteRecord, Reader, ReaderBuilder};
use std::io::{self, Read};

/// The bytes that a record may have, beside those that the reader has ready; and the quotation mark that
/// is open at their end.
struct Bounded {
    bytes: Bytes,
    left: usize,
    quotes: Option<Quotes>,
    at_end: bool,
}

/// Follows quotation marks as the csv crate does, which takes the end of a file for a closing one.
struct Quotes {
    delimiter: u8,
    state: State,
    read: usize,
    line: usize,
    /// The line of the last opening mark.
    opened: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    Plain,
    Quoted,
    /// After a mark within quotes: the end, or the first of two that stand for one.
    Closed,
}

impl Quotes {
    fn follow(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let is_mark = self.read < 3 && b"\xef\xbb\xbf".contains(&byte);
            self.read += 1;
            self.line += usize::from(byte == b'\n');
            let ends = byte == self.delimiter || byte == b'\n' || byte == b'\r';
            self.state = match (self.state, byte) {
                (State::Quoted, b'"') => State::Closed,
                (State::Quoted, _) | (State::Closed, b'"') => State::Quoted,
                (State::Start, b'"') => {
                    self.opened = self.line;
                    State::Quoted
                }
                (State::Start, _) if is_mark || ends => State::Start,
                (State::Plain | State::Closed, _) if ends => State::Start,
                _ => State::Plain,
            };
        }
    }

    /// The line of the open mark.
    fn open(&self) -> Option<usize> {
        (self.state == State::Quoted).then_some(self.opened)
    }
}

impl Bounded {
    /// The line of the mark that is open where the bytes, or the room for a record, end.
    fn open(&self) -> Option<usize> {
        self.quotes.as_ref().filter(|_| self.at_end || self.left == 0).and_then(Quotes::open)
    }
}

impl Read for Bounded {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let max = MAX_RECORD_BYTES >> 20;
            return Err(io::Error::other(format!("a record has more than {max} MiB")));
        }
        let n = bytes.len().min(self.left);
        let n = self.bytes.read(&mut bytes[..n])?;
        self.left -= n;
        self.at_end = n == 0;
        if let Some(quotes) = &mut self.quotes {
            quotes.follow(&bytes[..n]);
        }
        Ok(n)
    }
}

/// A column of a table.
pub(super) struct Column {
    place: String,
    reader: Reader<Bounded>,
    index: usize,
    record: ByteRecord,
}

impl Column {
    /// Finds the column by its name in the first line. Without `quotes`, a quotation mark is a
    /// character like others.
    pub(super) fn open(
        bytes: Bytes,
        place: &str,
        delimiter: u8,
        quotes: bool,
        field: &str,
    ) -> Result<Self> {
        let (state, line) = (State::Start, 1);
        let follow = Quotes { delimiter, state, read: 0, line, opened: line };
        let quotes_of = quotes.then_some(follow);
        let bounded = Bounded { bytes, left: MAX_RECORD_BYTES, quotes: quotes_of, at_end: false };
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter).quoting(quotes).from_reader(bounded);
        let names = reader.byte_headers().map(|names| {
            names.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect()
        });
        let names: Vec<String> = names.map_err(|error| wrong(place, 1, &reader, error))?;
        check_quotes(place, &reader)?;
        let mut found = names.iter().enumerate().filter(|(_, name)| *name == field);
        match (found.next(), found.next()) {
            (Some((index, _)), None) => {
                let record = ByteRecord::new();
                Ok(Self { place: place.to_owned(), reader, index, record })
            }
            (Some(_), Some(_)) => Err(Error::Table {
                place: place.to_owned(),
                line: 1,
                reason: format!("two columns have the name {field:?}"),
            }),
            (None, _) => Err(Error::NoField {
                place: format!("the first line of {place}, which names the columns,"),
                field: field.to_owned(),
                found: super::listed(names.iter().map(String::as_str)),
            }),
        }
    }

    /// The line and the text of the next record.
    pub(super) fn next(&mut self) -> Result<Option<(usize, &str)>> {
        self.reader.get_mut().left = MAX_RECORD_BYTES;
        let line = self.reader.position().line() as usize;
        let read = self.reader.read_byte_record(&mut self.record);
        if !read.map_err(|error| wrong(&self.place, line, &self.reader, error))? {
            return Ok(None);
        }
        check_quotes(&self.place, &self.reader)?;
        let line = self.record.position().map_or(0, csv::Position::line) as usize;
        let cell = self.record.get(self.index).unwrap_or_default();
        let text = std::str::from_utf8(cell).map_err(|e| Error::Table {
            place: self.place.clone(),
            line,
            reason: format!("not valid UTF-8 (byte {} of the text)", e.valid_up_to() + 1),
        })?;
        Ok(Some((line, text)))
    }

    /// Reads to the end.
    pub(super) fn drain(&mut self) -> Result<()> {
        let bytes = &mut self.reader.get_mut().bytes;
        let read = io::copy(bytes, &mut io::sink());
        read.map(drop).map_err(|source| Error::of_read(&self.place, source))
    }
}

/// Refuses a quotation mark that is never closed.
fn check_quotes(place: &str, reader: &Reader<Bounded>) -> Result<()> {
    match reader.get_ref().open() {
        None => Ok(()),
        Some(line) => Err(Error::Table {
            place: place.to_owned(),
            line,
            reason: "a quotation mark opens a cell and is never closed; a mark within a cell is \
                written twice, in a cell between marks"
                .to_owned(),
        }),
    }
}

/// A mistake in the record that begins in a line, or an error of reading it.
fn wrong(place: &str, line: usize, reader: &Reader<Bounded>, error: csv::Error) -> Error {
    // The end of a file within a cell also makes records of other lengths.
    if let Err(open) = check_quotes(place, reader) {
        return open;
    }
    let known = error.position().map_or(line, |position| position.line() as usize);
    let table = |reason| Error::Table { place: place.to_owned(), line: known, reason };
    match error.into_kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            table(format!("the record has {len} columns, and the first line has {expected_len}"))
        }
        csv::ErrorKind::Io(_) if reader.get_ref().left == 0 => Error::LongRecord {
            place: format!("{place}, line {line}"),
            bytes: MAX_RECORD_BYTES as u64,
            max: MAX_RECORD_BYTES,
        },
        csv::ErrorKind::Io(source) => Error::of_read(place, source),
        other => table(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: impl Into<Vec<u8>>) -> Result<Vec<(usize, String)>> {
        let bytes: Box<dyn Read + Send> = Box::new(io::Cursor::new(text.into()));
        let bytes = Bytes::with_capacity(5, bytes);
        let mut column = Column::open(bytes, "a.csv", b',', true, "text")?;
        let mut all = Vec::new();
        while let Some((line, text)) = column.next()? {
            all.push((line, text.to_owned()));
        }
        Ok(all)
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_is_refused_with_its_line() {
        for text in [
            "text,n\na,1\n\"b,2\nc,3\n",
            "n,text\n1,a\n2,\"b\n3,c\n4,d",
            "text,n\n\"a \"\"x\"\"\",1\n\"b\"\",2\n",
        ] {
            let said = read(text).unwrap_err().to_string();
            assert!(said.starts_with("a.csv, line 3: a quotation mark"), "{text}: {said}");
        }
        let said = read("\"text,n\na,1").unwrap_err().to_string();
        assert!(said.starts_with("a.csv, line 1: a quotation mark"), "{said}");
        let text =
            "\u{feff}\"text\",n\r\n5\" disk,1\r\n\r\n\"a\n\"\"b\"\" c\",2\r\n\"d\" e,3\n\"f\",4";
        let right = ["5\" disk", "a\n\"b\" c", "d e", "f"];
        let texts: Vec<String> = read(text).unwrap().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, right);
    }

    #[test]
    fn a_record_that_is_too_long_is_refused_with_its_line() {
        let long = "x".repeat(MAX_RECORD_BYTES + (1 << 20));
        let said = read(format!("text,n\na,1\n{long},2\n")).unwrap_err().to_string();
        assert!(said.starts_with("a.csv, line 3 has 33554432 bytes or more"), "{said}");
        let said = read(format!("text,n\na,1\n\"{long},2\n")).unwrap_err().to_string();
        assert!(said.starts_with("a.csv, line 3: a quotation mark"), "{said}");
    }
}
