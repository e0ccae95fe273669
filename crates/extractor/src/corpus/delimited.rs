//! One column of a table with commas or tabs, record by record.

use crate::error::{Error, Result};
use crate::lines::MAX_RECORD_BYTES;
use crate::open::Bytes;
use csv::{ByteRecord, Reader, ReaderBuilder};
use std::io::{self, Read};

/// The bytes that a record may have, beside those that the reader has ready.
struct Bounded {
    bytes: Bytes,
    left: usize,
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
        let bounded = Bounded { bytes, left: MAX_RECORD_BYTES };
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter).quoting(quotes).from_reader(bounded);
        let names = reader.byte_headers().map_err(|e| wrong(place, &e))?;
        let names: Vec<String> =
            names.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
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
        if !self.reader.read_byte_record(&mut self.record).map_err(|e| wrong(&self.place, &e))? {
            return Ok(None);
        }
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
        read.map(drop).map_err(|source| Error::Io { path: self.place.clone().into(), source })
    }
}

/// A mistake of the file, by its line.
fn wrong(place: &str, error: &csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line) as usize;
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the record has {len} columns, and the first line has {expected_len}")
        }
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    };
    match line {
        0 => Error::Io { path: place.into(), source: io::Error::other(reason) },
        line => Error::Table { place: place.to_owned(), line, reason },
    }
}
