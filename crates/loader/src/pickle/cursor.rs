//! Reading on through bytes that may end anywhere.

use crate::error::{Error, Result};

/// Bytes of a file, and how far they are read.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    file: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the first of `bytes`; `file` is for messages.
    pub(super) fn new(file: &'a str, bytes: &'a [u8]) -> Self {
        Self { file, bytes, at: 0 }
    }

    /// The name of the file.
    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    /// How many bytes are read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let Some(bytes) = self.rest().get(..count) else {
            let reason = format!("it ends where {count} more bytes should be");
            return Err(self.wrong(reason));
        };
        self.at += count;
        Ok(bytes)
    }

    /// The next `count` bytes, where the file says how many.
    pub(super) fn count(&mut self, count: u64) -> Result<&'a [u8]> {
        self.take(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// A little-endian whole number of at most eight bytes.
    pub(super) fn number(&mut self, size: usize) -> Result<u64> {
        Ok(self.take(size)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// A text of so many bytes.
    pub(super) fn text(&mut self, count: u64) -> Result<&'a str> {
        let bytes = self.count(count)?;
        std::str::from_utf8(bytes).map_err(|_| self.wrong("a name in it is not valid UTF-8"))
    }

    /// A text up to the end of its line.
    pub(super) fn line(&mut self) -> Result<&'a str> {
        let end = self.rest().iter().position(|&byte| byte == b'\n');
        let text = self.text(end.unwrap_or(self.rest().len()) as u64)?;
        self.take(1)?;
        Ok(text)
    }

    /// An error about this file.
    pub(super) fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::Pickle { file: self.file.to_owned(), reason: reason.into() }
    }
}
