//! Verification of files against the checksums of the hub, once per file.
//!
//! The name of a blob is its checksum: the sha256 of a large file (LFS, Xet), git's object name
//! (SHA-1 of `blob <size>\0` and the content) of a small one. Each file is hashed once; later it is
//! identified by size and modification time. This is stored in our own folder, never in Python's
//! cache.

use crate::files::hexadecimal;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::cache::write_whole;
use super::error::HubError;
use super::name::is_hex;

/// The checksums of a file.
#[derive(Debug)]
pub(super) struct Checksums {
    /// Lower-case hexadecimal, like `git_blob`.
    pub(super) sha256: String,
    git_blob: Option<String>,
}

impl Checksums {
    /// Hashes a file: sha256, and git's object name where the etag is one.
    pub(super) fn of(path: &Path, etag: &str) -> Result<Self, HubError> {
        let mut file = File::open(path).map_err(HubError::read(path))?;
        let size = file.metadata().map_err(HubError::read(path))?.len();
        let mut sha256 = Sha256::new();
        let mut git = is_hex(etag, 40).then(|| Sha1::new_with_prefix(format!("blob {size}\0")));
        let mut buffer = vec![0; 1 << 18];
        loop {
            let read = file.read(&mut buffer).map_err(HubError::read(path))?;
            if read == 0 {
                break;
            }
            sha256.update(&buffer[..read]);
            if let Some(git) = &mut git {
                git.update(&buffer[..read]);
            }
        }
        Ok(Checksums {
            sha256: hexadecimal(&sha256.finalize()),
            git_blob: git.map(|git| hexadecimal(&git.finalize())),
        })
    }

    /// The checksum, if it differs from the etag. An etag that is not a checksum never differs.
    pub(super) fn mismatch(&self, etag: &str) -> Option<&str> {
        let found = match &self.git_blob {
            Some(git_blob) => git_blob,
            None if is_hex(etag, 64) => &self.sha256,
            None => return None,
        };
        (found != etag).then_some(found)
    }
}

/// The verified files, by their real path.
pub(super) struct Verifier {
    store: Option<PathBuf>,
    seen: Mutex<BTreeMap<String, VerifiedFile>>,
}

/// A verified file, as long as size and modification time do not change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct VerifiedFile {
    size: u64,
    modified_ns: u64,
    sha256: String,
}

impl Verifier {
    /// A verifier that stores verified files in `verified.json` of a folder; without a folder, in memory.
    pub(super) fn new(state_dir: Option<&Path>) -> Self {
        let store = state_dir.map(|folder| folder.join("verified.json"));
        let seen = store.as_deref().map(load).unwrap_or_default();
        Verifier { store, seen: Mutex::new(seen) }
    }

    /// Checks a file of a snapshot and returns its sha256.
    ///
    /// # Errors
    /// [`HubError::Damaged`] if the content fits neither the name of the blob nor an earlier check.
    pub(super) fn check(&self, file: &str, pointer: &Path) -> Result<String, HubError> {
        let path = fs::canonicalize(pointer).map_err(HubError::read(pointer))?;
        let key = path.to_string_lossy().into_owned();
        let (size, modified_ns) = stamp(&path)?;
        let before = self.seen().get(&key).cloned();
        if let Some(seen) = &before
            && (seen.size, seen.modified_ns) == (size, modified_ns)
        {
            return Ok(seen.sha256.clone());
        }
        // The link leads to the blob, whose name is the checksum. Python may keep the content of the
        // blob elsewhere, behind one more link.
        let blob = fs::read_link(pointer).unwrap_or_else(|_| path.clone());
        let etag = blob.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let sums = Checksums::of(&path, &etag)?;
        let damaged = match (sums.mismatch(&etag), &before) {
            (Some(found), _) => Some((etag.clone(), found.to_owned())),
            // A name that is not a checksum: the content must not change.
            (None, Some(seen)) if seen.sha256 != sums.sha256 => {
                Some((seen.sha256.clone(), sums.sha256.clone()))
            }
            _ => None,
        };
        if let Some((expected, found)) = damaged {
            return Err(HubError::Damaged { file: file.to_owned(), path, expected, found });
        }
        self.seen().insert(key, VerifiedFile { size, modified_ns, sha256: sums.sha256.clone() });
        Ok(sums.sha256)
    }

    /// Adds a file that was hashed during its download.
    pub(super) fn remember(&self, pointer: &Path, sha256: &str) -> Result<(), HubError> {
        let path = fs::canonicalize(pointer).map_err(HubError::read(pointer))?;
        let (size, modified_ns) = stamp(&path)?;
        let seen = VerifiedFile { size, modified_ns, sha256: sha256.to_owned() };
        self.seen().insert(path.to_string_lossy().into_owned(), seen);
        Ok(())
    }

    /// Stores the verified files. This only saves later work, so that a read-only folder is not an
    /// error. Entries of other processes are kept; those of deleted files are removed.
    pub(super) fn save(&self) {
        let Some(store) = &self.store else { return };
        let on_disk = load(store);
        let mut merged = on_disk.clone();
        merged.extend(self.seen().iter().map(|(key, seen)| (key.clone(), seen.clone())));
        merged.retain(|path, _| Path::new(path).is_file());
        if merged == on_disk {
            return;
        }
        if let Ok(bytes) = serde_json::to_vec_pretty(&merged) {
            drop(write_whole(store, &bytes));
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, VerifiedFile>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store that is missing or damaged counts as empty, so that files are hashed again.
fn load(store: &Path) -> BTreeMap<String, VerifiedFile> {
    fs::read(store).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn stamp(path: &Path) -> Result<(u64, u64), HubError> {
    let metadata = fs::metadata(path).map_err(HubError::read(path))?;
    let modified = metadata.modified().map_err(HubError::read(path))?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((metadata.len(), u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_git_and_sha256() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "hello\n").unwrap();
        // `git hash-object` and `sha256sum` of "hello\n".
        let git = "ce013625030ba8dba906f756967f9e9ca394464a";
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        for (etag, mismatch) in [
            (git, None),
            (sha256, None),
            ("not-a-checksum", None),
            (&git.replace('c', "d"), Some(git)),
            (&sha256.replace('5', "6"), Some(sha256)),
        ] {
            assert_eq!(Checksums::of(&path, etag).unwrap().mismatch(etag), mismatch, "{etag}");
        }
    }

    #[test]
    fn what_was_verified_is_remembered_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (state, path) = (folder.path().join("state"), folder.path().join("opaque-name"));
        fs::write(&path, "one").unwrap();
        let first = Verifier::new(Some(&state));
        let sum = first.check("f", &path).unwrap();
        first.save();
        // Another content behind the same size and time is not looked at again …
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "two").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert_eq!(Verifier::new(Some(&state)).check("f", &path).unwrap(), sum);
        // … and behind another one it is found.
        fs::write(&path, "three").unwrap();
        let second = Verifier::new(Some(&state)).check("f", &path);
        assert!(matches!(second, Err(HubError::Damaged { expected, .. }) if expected == sum));
        // A file that is gone is forgotten at the next save.
        fs::remove_file(&path).unwrap();
        Verifier::new(Some(&state)).save();
        assert!(load(&state.join("verified.json")).is_empty());
    }

    #[test]
    fn a_broken_store_is_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("verified.json"), "{broken").unwrap();
        assert!(Verifier::new(Some(folder.path())).seen().is_empty());
    }
}
