//! Lines of a file with their numbers.

use crate::error::{Error, Result};
use std::io::{self, BufRead};

/// The maximum length of a text in bytes: some 700,000 words. Tokenizing needs some hundred bytes
/// of memory per byte.
pub const MAX_TEXT_BYTES: usize = 4 << 20;

/// The maximum length of a line or a record of a format that has the text among other values.
pub(crate) const MAX_RECORD_BYTES: usize = 8 * MAX_TEXT_BYTES;

/// The length from which a line is no longer measured: it may have no end.
const MAX_MEASURED: u64 = 1 << 30;

/// What is done with a line that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LongLine {
    /// It is refused; it could be cut.
    Refuse,
    /// It is refused; a part of it would be of no use.
    Whole,
    /// A little more than [`MAX_TEXT_BYTES`] are kept, which shows that the text is longer.
    Cut,
}

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

    /// The next line of at most [`MAX_TEXT_BYTES`], with its number.
    pub(crate) fn next(&mut self) -> Result<Option<(usize, &str)>> {
        self.next_within(MAX_TEXT_BYTES, LongLine::Whole)
    }

    /// The next line with its number; a line of more than `max` bytes is refused or cut.
    pub(crate) fn next_within(
        &mut self,
        max: usize,
        long: LongLine,
    ) -> Result<Option<(usize, &str)>> {
        // Room for a byte order mark, a line end, and the character that crosses the limit.
        let length = self.fill(max + 9);
        let length = length.map_err(|source| Error::of_read(&self.place, source))?;
        if length == 0 {
            return Ok(None);
        }
        self.number += 1;
        let is_cut = length > self.bytes.len() as u64;
        let mut line = self.bytes.as_slice();
        if self.number == 1 {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > max && long != LongLine::Cut {
            let place = format!("{}, line {}", self.place, self.number);
            return Err(match long {
                LongLine::Whole => Error::LongRecord { place, bytes: length, max },
                _ => Error::TooLarge { place, bytes: length, max },
            });
        }
        match std::str::from_utf8(line) {
            Ok(line) => Ok(Some((self.number, line))),
            Err(e) if is_cut && e.error_len().is_none() => {
                let whole = std::str::from_utf8(&line[..e.valid_up_to()]).unwrap_or_default();
                Ok(Some((self.number, whole)))
            }
            Err(e) => Err(Error::Utf8 {
                place: self.place.clone(),
                line: self.number,
                byte: e.valid_up_to() + 1,
            }),
        }
    }

    /// Reads a line, keeps at most `room` bytes of it, and returns its length with its end; 0 at the end
    /// of the file.
    fn fill(&mut self, room: usize) -> io::Result<u64> {
        self.bytes.clear();
        let mut length = 0u64;
        loop {
            let ready = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                ready => ready?,
            };
            let end = ready.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
            let n = end.unwrap_or(ready.len());
            let kept = n.min(room - self.bytes.len());
            self.bytes.extend_from_slice(&ready[..kept]);
            length += n as u64;
            self.reader.consume(n);
            if end.is_some() || n == 0 || length > MAX_MEASURED {
                return Ok(length);
            }
        }
    }

    /// Reads to the end.
    pub(crate) fn drain(&mut self) -> Result<()> {
        let read = io::copy(&mut self.reader, &mut io::sink());
        read.map(drop).map_err(|source| Error::of_read(&self.place, source))
    }
}

/// The beginning of a text, of at most `max` bytes.
pub(crate) fn beginning(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8], max: usize, long: LongLine) -> Result<Vec<(usize, String)>> {
        let mut lines = Lines::new(io::BufReader::with_capacity(7, bytes), "f");
        let mut all = Vec::new();
        while let Some((number, line)) = lines.next_within(max, long)? {
            all.push((number, line.to_owned()));
        }
        Ok(all)
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_with_its_length_or_cut() {
        let bytes = format!("\u{feff}{}\r\n\n{}\nlast", "a".repeat(40), "é".repeat(40));
        let whole = of(bytes.as_bytes(), 80, LongLine::Refuse).unwrap();
        let lines =
            [(1, "a".repeat(40)), (2, String::new()), (3, "é".repeat(40)), (4, "last".into())];
        assert_eq!(whole, lines);
        let said = of(bytes.as_bytes(), 79, LongLine::Refuse).unwrap_err().to_string();
        assert!(said.starts_with("f, line 3 has 81 bytes, and "), "{said}");
        let cut = of(bytes.as_bytes(), 39, LongLine::Cut).unwrap();
        assert_eq!((cut.len(), &cut[1], &cut[3]), (4, &lines[1], &lines[3]));
        for (kept, line) in [(&cut[0].1, &lines[0].1), (&cut[2].1, &lines[2].1)] {
            assert!(line.starts_with(kept) && (40..49).contains(&kept.len()), "{kept}");
        }
        // A character that is damaged at the place of the cut is still an error.
        let damaged = [&b"a".repeat(30)[..], b"\xff", &b"a".repeat(99)[..]].concat();
        assert!(of(&damaged, 22, LongLine::Cut).is_err());
        assert_eq!(beginning("aé", 2), "a");
        assert_eq!(beginning("aé", 9), "aé");
    }
}
