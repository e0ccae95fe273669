//! The bytes of a file, read at any place by any thread: on disk by plain reads, or in memory.

use crate::error::{Error, Result};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The bytes of a file.
#[derive(Debug)]
pub(crate) enum FileBytes {
    /// In memory.
    Memory(Cow<'static, [u8]>),
    /// On disk.
    Disk {
        path: PathBuf,
        file: File,
        /// The length when the file was opened.
        length: u64,
    },
}

impl FileBytes {
    /// Opens a file on disk, if it exists. Pipes and devices, which may have no end, are refused.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        // A pipe would wait for a writer.
        match std::fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(Error::NotAFile { path: path.to_owned() });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io(source)),
        }
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        Ok(Some(Self::Disk { path: path.to_owned(), file, length }))
    }

    /// The length in bytes.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Disk { length, .. } => *length,
        }
    }

    /// Reads exactly `bytes.len()` bytes from `start` on.
    pub(crate) fn read_exact_at(&self, start: u64, bytes: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Memory(all) => {
                let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
                let from = usize::try_from(start).ok().and_then(|start| all.get(start..));
                let from = from.and_then(|from| from.get(..bytes.len())).ok_or_else(end)?;
                bytes.copy_from_slice(from);
                Ok(())
            }
            Self::Disk { file, .. } => read_exact_at(file, start, bytes),
        }
    }

    /// All bytes.
    pub(crate) fn whole(&self) -> Result<Cow<'static, [u8]>> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::Disk { path, .. } => {
                let io = |source| Error::Io { path: path.clone(), source };
                std::fs::read(path).map(Cow::Owned).map_err(io)
            }
        }
    }

    /// A reader of all bytes in order.
    pub(crate) fn reader(&self) -> impl Read + '_ {
        Reader { bytes: self, position: 0 }
    }
}

struct Reader<'a> {
    bytes: &'a FileBytes,
    position: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.bytes.length().saturating_sub(self.position);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        self.bytes.read_exact_at(self.position, &mut out[..count])?;
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, start: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut start: u64, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, start)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                start += count as u64;
                bytes = &mut bytes[count..];
            }
        }
    }
    Ok(())
}
