//! A file that is read in any order, and whose bytes are those that were hashed: it is hashed once from
//! its beginning to its end, and every block that is read later is compared with its own hash.

use crate::files::hexadecimal;
use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The bytes of a block.
const BLOCK: usize = 1 << 18;

/// A hashed file.
#[derive(Clone)]
pub(super) struct Blocks(Arc<Shared>);

struct Shared {
    length: u64,
    sha256: String,
    /// `[blocks]`: the hash of each block.
    hashes: Vec<[u8; 32]>,
    changed: AtomicBool,
    state: Mutex<State>,
}

struct State {
    file: File,
    /// The block that was read last.
    last: Option<(usize, Bytes)>,
}

impl Blocks {
    /// Hashes a file.
    pub(super) fn of(mut file: File) -> io::Result<Self> {
        let (mut length, mut whole, mut hashes) = (0, Sha256::new(), Vec::new());
        let mut bytes = Vec::with_capacity(BLOCK);
        loop {
            bytes.clear();
            let read = file.by_ref().take(BLOCK as u64).read_to_end(&mut bytes)?;
            if read == 0 {
                break;
            }
            length += read as u64;
            whole.update(&bytes);
            hashes.push(Sha256::digest(&bytes).into());
        }
        let sha256 = hexadecimal(&whole.finalize());
        let state = Mutex::new(State { file, last: None });
        let changed = AtomicBool::new(false);
        Ok(Self(Arc::new(Shared { length, sha256, hashes, changed, state })))
    }

    /// The sha256 of the file.
    pub(super) fn sha256(&self) -> &str {
        &self.0.sha256
    }

    /// Whether a block was read that is not the one that was hashed.
    pub(super) fn have_changed(&self) -> bool {
        self.0.changed.load(Ordering::Relaxed)
    }

    /// A block; empty after the last one.
    fn block(&self, index: usize) -> io::Result<Bytes> {
        let Some(hash) = self.0.hashes.get(index) else { return Ok(Bytes::new()) };
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = state.last.as_ref().filter(|(last, _)| *last == index) {
            return Ok(bytes.clone());
        }
        let mut bytes = Vec::with_capacity(BLOCK);
        state.file.seek(SeekFrom::Start((index * BLOCK) as u64))?;
        state.file.by_ref().take(BLOCK as u64).read_to_end(&mut bytes)?;
        if <[u8; 32]>::from(Sha256::digest(&bytes)) != *hash {
            self.0.changed.store(true, Ordering::Relaxed);
            return Err(io::Error::other("the file has changed"));
        }
        let bytes = Bytes::from(bytes);
        state.last = Some((index, bytes.clone()));
        Ok(bytes)
    }
}

impl Length for Blocks {
    fn len(&self) -> u64 {
        self.0.length
    }
}

impl ChunkReader for Blocks {
    type T = FromPlace;

    fn get_read(&self, start: u64) -> Result<FromPlace> {
        Ok(FromPlace { blocks: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.0.length) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start}")));
        }
        let mut bytes = vec![0; length];
        self.get_read(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// The bytes of a file from a place on.
pub(super) struct FromPlace {
    blocks: Blocks,
    at: u64,
}

impl Read for FromPlace {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (index, within) = (self.at / BLOCK as u64, (self.at % BLOCK as u64) as usize);
        let block = self.blocks.block(usize::try_from(index).unwrap_or(usize::MAX))?;
        let rest = block.get(within..).unwrap_or_default();
        let n = rest.len().min(into.len());
        into[..n].copy_from_slice(&rest[..n]);
        self.at += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::sha256;
    use std::io::Write;

    #[test]
    fn what_is_read_is_what_was_hashed() {
        let bytes: Vec<u8> = (0..2 * BLOCK + 7).map(|i| (i * 31 % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        file.rewind().unwrap();
        let mut writer = file.try_clone().unwrap();
        let blocks = Blocks::of(file).unwrap();
        assert_eq!((blocks.len(), blocks.sha256()), (bytes.len() as u64, &*sha256(&bytes)));
        for (start, length) in [(0, 9), (BLOCK - 3, 6), (3, 2 * BLOCK), (2 * BLOCK, 7), (5, 0)] {
            let found = blocks.get_bytes(start as u64, length).unwrap();
            assert_eq!(found, bytes[start..start + length]);
        }
        let mut rest = Vec::new();
        blocks.get_read(BLOCK as u64).unwrap().read_to_end(&mut rest).unwrap();
        assert_eq!(rest, bytes[BLOCK..]);
        assert!(blocks.get_bytes(1, bytes.len()).is_err() && !blocks.have_changed());

        // A byte of the first block changes: the others can still be read.
        writer.seek(SeekFrom::Start(9)).unwrap();
        writer.write_all(b"!").unwrap();
        assert!(blocks.get_bytes(2 * BLOCK as u64, 7).is_ok() && !blocks.have_changed());
        assert!(blocks.get_bytes(0, 1).is_err() && blocks.have_changed());
    }
}
