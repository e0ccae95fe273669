//! Lines of a file with their numbers.

use crate::error::{Error, Result};
use std::io::BufRead;

/// Lines with their numbers, counted from 1, without their ends and without a byte order mark.
pub(crate) struct Lines<R> {
    reader: R,
    place: String,
    number: usize,
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R, place: &str) -> Self {
        Self { reader, place: place.to_owned(), number: 0, bytes: Vec::new() }
    }

    /// What messages call the file.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// The next line with its number.
    pub(crate) fn next(&mut self) -> Result<Option<(usize, &str)>> {
        self.bytes.clear();
        let read = self.reader.read_until(b'\n', &mut self.bytes);
        if read.map_err(|source| Error::Io { path: self.place.clone().into(), source })? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let mut line = self.bytes.as_slice();
        if self.number == 1 {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(line) => Ok(Some((self.number, line))),
            Err(e) => Err(Error::Utf8 {
                place: self.place.clone(),
                line: self.number,
                byte: e.valid_up_to() + 1,
            }),
        }
    }
}
