//! The files of a model with their sha256. Threads compute those of the weights while the model is loaded
//! and runs; who asks for the files waits until all are known.

use crate::bytes::FileBytes;
use crate::error::{Error, Result};
use crate::files::hexadecimal;
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// The name in the checkpoint.
    pub name: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The sha256, in lower-case hexadecimal.
    pub sha256: String,
}

/// The files of a model that were read.
#[derive(Clone, Default)]
pub struct FileRecords(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Those whose sha256 is known at once.
    known: Vec<FileRecord>,
    /// The others, until somebody asks for all.
    hashing: Mutex<Vec<Hashing>>,
    all: OnceLock<Result<Hashed, Unread>>,
}

/// All files by name, and the longest time in which a thread hashed one.
struct Hashed {
    files: Vec<FileRecord>,
    longest: Duration,
}

/// A file that cannot be read to its end, and why.
struct Unread {
    path: PathBuf,
    kind: io::ErrorKind,
    reason: String,
}

impl FileRecords {
    pub(crate) fn new(known: Vec<FileRecord>, hashing: Vec<Hashing>) -> Self {
        Self(Arc::new(Shared { known, hashing: Mutex::new(hashing), all: OnceLock::new() }))
    }

    /// The files by name. Waits until all are hashed.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read to its end.
    pub fn all(&self) -> Result<&[FileRecord]> {
        Ok(&self.hashed()?.files)
    }

    /// The longest time in which a thread computed the sha256 of a file; 0 if all were known. Waits until
    /// all are hashed.
    ///
    /// # Errors
    /// The errors of [`all`](Self::all).
    pub fn time(&self) -> Result<Duration> {
        Ok(self.hashed()?.longest)
    }

    fn hashed(&self) -> Result<&Hashed> {
        let Shared { known, hashing, all } = &*self.0;
        let wait = || {
            let pending =
                std::mem::take(&mut *hashing.lock().unwrap_or_else(PoisonError::into_inner));
            let (mut files, mut longest) = (known.clone(), Duration::ZERO);
            for file in pending {
                let (record, time) = file.end()?;
                longest = longest.max(time);
                files.push(record);
            }
            files.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(Hashed { files, longest })
        };
        all.get_or_init(wait).as_ref().map_err(|Unread { path, kind, reason }| Error::Io {
            path: path.clone(),
            source: io::Error::new(*kind, reason.clone()),
        })
    }
}

impl fmt::Debug for FileRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without waiting.
        f.debug_tuple("FileRecords").field(&self.0.known).finish()
    }
}

/// A file whose sha256 is being computed. If nobody can ask for it any more, the thread ends.
pub(crate) struct Hashing {
    name: String,
    bytes: u64,
    work: Work,
    /// The thread looks whether this is still there.
    _wanted: Arc<()>,
}

type Outcome = io::Result<(String, Duration)>;

enum Work {
    Thread(JoinHandle<Outcome>),
    /// There was no thread: it is computed when it is asked for.
    Later(Box<dyn FnOnce() -> Outcome + Send>),
}

impl Hashing {
    /// Computes the sha256 of a file on another thread.
    pub(crate) fn start(name: &str, bytes: &Arc<FileBytes>) -> Self {
        let (wanted, own) = (Arc::new(()), bytes.clone());
        let still = Arc::downgrade(&wanted);
        let hash = move || {
            let start = Instant::now();
            let mut hash = Sha256::new();
            let mut reader = own.reader();
            let mut buffer = vec![0; 1 << 18];
            while still.strong_count() > 0 {
                match reader.read(&mut buffer)? {
                    0 => return Ok((hexadecimal(&hash.finalize()), start.elapsed())),
                    count => hash.update(&buffer[..count]),
                }
            }
            Err(io::ErrorKind::Interrupted.into())
        };
        let work = match std::thread::Builder::new().spawn(hash.clone()) {
            Ok(thread) => Work::Thread(thread),
            Err(_) => Work::Later(Box::new(hash)),
        };
        Self { name: name.to_owned(), bytes: bytes.length(), work, _wanted: wanted }
    }

    /// Waits for the sha256.
    fn end(self) -> Result<(FileRecord, Duration), Unread> {
        let outcome = match self.work {
            Work::Thread(thread) => {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }
            Work::Later(hash) => hash(),
        };
        match outcome {
            Ok((sha256, time)) => {
                Ok((FileRecord { name: self.name, bytes: self.bytes, sha256 }, time))
            }
            Err(error) => {
                let (path, reason) = (PathBuf::from(self.name), error.to_string());
                Err(Unread { path, kind: error.kind(), reason })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::sha256;

    #[test]
    fn files_are_known_when_they_are_asked_for() {
        let content: Vec<u8> = (0..700_000u32).map(|i| (i * 31) as u8).collect();
        let bytes = Arc::new(FileBytes::Memory(content.clone().into()));
        let record = |name: &str, content: &[u8]| FileRecord {
            name: name.to_owned(),
            bytes: content.len() as u64,
            sha256: sha256(content),
        };
        let known = vec![record("b", b"known")];
        let hashing = ["c", "a"].map(|name| Hashing::start(name, &bytes));
        let files = FileRecords::new(known, Vec::from(hashing));
        let expected = [record("a", &content), record("b", b"known"), record("c", &content)];
        assert_eq!(files.clone().all().unwrap(), expected);
        assert_eq!(files.all().unwrap(), expected);
        assert!(files.time().unwrap() > Duration::ZERO);
        let none = FileRecords::default();
        assert!(none.all().unwrap().is_empty() && none.time().unwrap() == Duration::ZERO);
    }

    #[test]
    fn a_file_that_becomes_shorter_is_an_error_for_everybody() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; 1000]).unwrap();
        let bytes = Arc::new(FileBytes::open(file.path()).unwrap().unwrap());
        std::fs::write(file.path(), [1; 10]).unwrap();
        let files = FileRecords::new(Vec::new(), vec![Hashing::start("model", &bytes)]);
        for _ in 0..2 {
            let error = files.all().unwrap_err();
            assert!(matches!(&error, Error::Io { path, source } if path.ends_with("model")
                && source.kind() == io::ErrorKind::UnexpectedEof));
        }
    }
}
