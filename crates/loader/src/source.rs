//! Where a checkpoint's files are, and a record of every one that was read.

use crate::{Error, Result};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Where a model comes from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Source {
    /// Files in memory, such as those of a model compiled into a program.
    Memory {
        /// What the model is called.
        id: String,
        /// Its files by name (`config.json`, `1_Pooling/config.json`, …).
        files: Vec<(String, Cow<'static, [u8]>)>,
    },
    /// A folder with `config.json` and `model.safetensors`.
    Folder(PathBuf),
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// Its name in the checkpoint.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its sha256, in lower-case hexadecimal.
    pub sha256: String,
}

/// The files of one checkpoint.
pub(crate) struct Files {
    /// What messages call the place.
    place: String,
    kind: Kind,
    records: RefCell<BTreeMap<String, FileRecord>>,
}

enum Kind {
    Memory(BTreeMap<String, Cow<'static, [u8]>>),
    Folder(PathBuf),
}

impl Files {
    pub(crate) fn memory(id: &str, files: Vec<(String, Cow<'static, [u8]>)>) -> Self {
        Self::new(id.to_owned(), Kind::Memory(files.into_iter().collect()))
    }

    pub(crate) fn folder(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::NoSuchModel { name: path.display().to_string() });
        }
        if !path.is_dir() {
            return Err(Error::NotAFolder { path: path.to_owned() });
        }
        Ok(Self::new(path.display().to_string(), Kind::Folder(path.to_owned())))
    }

    fn new(place: String, kind: Kind) -> Self {
        Self { place, kind, records: RefCell::default() }
    }

    /// A file's content, where there is such a file.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Cow<'static, [u8]>>> {
        let bytes = match &self.kind {
            Kind::Memory(files) => files.get(name).cloned(),
            Kind::Folder(folder) => read_if_there(&folder.join(name))?.map(Cow::Owned),
        };
        if let Some(bytes) = &bytes {
            let record = FileRecord {
                name: name.to_owned(),
                bytes: bytes.len() as u64,
                sha256: sha256(bytes),
            };
            self.records.borrow_mut().insert(name.to_owned(), record);
        }
        Ok(bytes)
    }

    /// A file's content; that it is missing is an error, with `hint` at its end.
    pub(crate) fn need(&self, name: &str, hint: &str) -> Result<Cow<'static, [u8]>> {
        self.find(name)?.ok_or_else(|| Error::MissingFile {
            place: self.place.clone(),
            file: name.to_owned(),
            hint: hint.to_owned(),
        })
    }

    /// Whether there is such a file, without reading it.
    pub(crate) fn has(&self, name: &str) -> bool {
        match &self.kind {
            Kind::Memory(files) => files.contains_key(name),
            Kind::Folder(folder) => folder.join(name).is_file(),
        }
    }

    /// What was read so far, by name.
    pub(crate) fn records(&self) -> Vec<FileRecord> {
        self.records.borrow().values().cloned().collect()
    }
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { path: path.to_owned(), source }),
    }
}

/// The sha256 of some bytes, in lower-case hexadecimal.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
