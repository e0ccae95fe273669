//! The container of a PyTorch checkpoint: a zip archive without compression, so that each member is a
//! slice of the file. Nothing is copied, and every size is checked.

use super::cursor::Cursor;
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// The beginning of an archive: its first member.
pub(super) const BEGINNING: &[u8] = b"PK\x03\x04";

const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const ENTRY: &[u8] = b"PK\x01\x02";

/// Members of an archive by name.
pub(super) type Members<'a> = BTreeMap<&'a str, &'a [u8]>;

/// The members that the directory at the end of the archive names.
///
/// # Errors
/// A missing directory, a member outside of the file, a compressed or encrypted member, or a name that
/// occurs twice.
pub(super) fn members<'a>(file: &'a str, bytes: &'a [u8]) -> Result<Members<'a>> {
    let mut directory = directory(file, bytes)?;
    let mut members = Members::new();
    while directory.rest().starts_with(ENTRY) {
        let mut entry = Cursor::new(file, directory.take(46)?);
        entry.take(8)?;
        let (flags, method) = (entry.number(2)?, entry.number(2)?);
        entry.take(8)?;
        let (mut packed, mut size) = (entry.number(4)?, entry.number(4)?);
        let lengths = (entry.number(2)?, entry.number(2)?, entry.number(2)?);
        entry.take(8)?;
        let mut offset = entry.number(4)?;
        let name = directory.text(lengths.0)?;
        let mut extra = Cursor::new(file, directory.count(lengths.1)?);
        directory.count(lengths.2)?;
        // Sizes of 4 GB and more are in an extra field, in this order.
        while extra.rest().len() >= 4 {
            let (kind, length) = (extra.number(2)?, extra.number(2)?);
            let mut field = Cursor::new(file, extra.count(length)?);
            for value in [&mut size, &mut packed, &mut offset] {
                if kind == 1 && *value == u64::from(u32::MAX) {
                    *value = field.number(8)?;
                }
            }
        }
        if method != 0 || flags & 1 != 0 || packed != size {
            let reason = format!("its member {name:?} is compressed or encrypted");
            return Err(directory.wrong(reason));
        }
        // The header of the member has its own lengths of name and extra field.
        let mut member = Cursor::new(file, bytes);
        member.count(offset)?;
        let mut header = Cursor::new(file, member.take(30)?);
        let signed = header.take(4)? == BEGINNING;
        header.take(22)?;
        member.count(header.number(2)?)?;
        member.count(header.number(2)?)?;
        let content = member.count(size)?;
        if !signed || members.insert(name, content).is_some() {
            return Err(directory.wrong(format!("its member {name:?} is not where it should be")));
        }
    }
    Ok(members)
}

/// The directory, found from the end of the file.
fn directory<'a>(file: &'a str, bytes: &'a [u8]) -> Result<Cursor<'a>> {
    let missing = || Error::Pickle {
        file: file.to_owned(),
        reason: "the directory at the end of its zip archive is missing".to_owned(),
    };
    // The end record has 22 bytes, and a comment of at most 64 KB follows.
    let tail = bytes.len().saturating_sub(22 + usize::from(u16::MAX));
    let is_end = |at: &usize| {
        let mut end = Cursor::new(file, &bytes[*at..]);
        end.rest().starts_with(END)
            && end.take(20).is_ok()
            && end.number(2).is_ok_and(|comment| comment == end.rest().len() as u64)
    };
    let end = (tail..bytes.len().saturating_sub(21)).rev().find(is_end).ok_or_else(missing)?;
    let mut cursor = Cursor::new(file, &bytes[end..]);
    cursor.take(16)?;
    let mut offset = cursor.number(4)?;
    let locator = end.checked_sub(20).map(|at| &bytes[at..end]);
    if let Some(locator) = locator.filter(|l| l.starts_with(LOCATOR_64)) {
        let mut locator = Cursor::new(file, locator);
        locator.take(8)?;
        let mut end = Cursor::new(file, bytes);
        end.count(locator.number(8)?)?;
        if !end.rest().starts_with(END_64) {
            return Err(missing());
        }
        end.take(48)?;
        offset = end.number(8)?;
    }
    let mut directory = Cursor::new(file, bytes);
    directory.count(offset)?;
    Ok(directory)
}
