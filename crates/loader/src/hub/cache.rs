//! The cache on disk, in the layout of Python's `huggingface_hub`, shared with it.
//!
//! ```text
//! models--org--name/refs/main                      the commit that `main` was
//! models--org--name/blobs/<etag>                   each content once
//! models--org--name/snapshots/<commit>/config.json  -> ../../blobs/<etag>
//! models--org--name/.no_exist/<commit>/vocab.txt   known not to be there
//! .locks/models--org--name/<etag>.lock             held while a blob is written
//! ```
//! hf-hub knows the names of the folders. Nothing appears under a final name before it is whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::files::write_file;
use hf_hub::{Cache, CacheRepo, Repo, RepoType};

use super::error::HubError;
use super::name::is_commit;

/// A model repository in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachedModel {
    /// `org/name`.
    pub repo: String,
    /// The folders of its commits.
    pub snapshots: Vec<PathBuf>,
    /// What it takes on disk, in bytes, each content once.
    pub bytes: u64,
}

/// The model repositories of a cache, by name.
pub(super) fn models(cache_dir: &Path) -> io::Result<Vec<CachedModel>> {
    let mut found = Vec::new();
    for folder in entries(cache_dir)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(repo) = name.strip_prefix("models--") else { continue };
        let snapshots = entries(&folder.join("snapshots"))?;
        // Where the file system has no links the files lie in the snapshots themselves.
        let mut bytes = size(&folder.join("blobs"))?;
        for snapshot in &snapshots {
            bytes += size(snapshot)?;
        }
        found.push(CachedModel { repo: repo.replacen("--", "/", 1), snapshots, bytes });
    }
    Ok(found)
}

/// What a folder holds, in order; nothing where it is not there.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|e| Ok(e?.path())).collect::<io::Result<_>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    entries.sort();
    Ok(entries)
}

/// The bytes of a folder's files, links not counted.
fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for path in entries(folder)? {
        let about = fs::symlink_metadata(&path)?;
        bytes += if about.is_dir() {
            size(&path)?
        } else if about.is_file() {
            about.len()
        } else {
            0
        };
    }
    Ok(bytes)
}

/// The part of the cache that belongs to one repository.
pub(super) struct RepoCache {
    layout: CacheRepo,
    folder: PathBuf,
    locks: PathBuf,
    symlinks: bool,
}

impl RepoCache {
    pub(super) fn new(cache_dir: &Path, repo_id: &str, symlinks: bool) -> Self {
        let repo = Repo::new(repo_id.to_owned(), RepoType::Model);
        let name = repo.folder_name();
        RepoCache {
            layout: Cache::new(cache_dir.to_path_buf()).repo(repo),
            folder: cache_dir.join(&name),
            locks: cache_dir.join(".locks").join(&name),
            symlinks,
        }
    }

    /// The commit that a branch or tag was when it was last fetched.
    pub(super) fn commit_of(&self, revision: &str) -> Option<String> {
        let text = fs::read_to_string(self.folder.join("refs").join(revision)).ok()?;
        let commit = text.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    /// The folder of a commit's files.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.layout.pointer_path(commit)
    }

    /// Where a commit's file is, if it is in the cache; a link to nothing is not.
    pub(super) fn find(&self, commit: &str, file: &str) -> Option<PathBuf> {
        let pointer = self.pointer(commit, file);
        pointer.is_file().then_some(pointer)
    }

    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.layout.blob_path(etag)
    }

    /// Where a blob grows while it is downloaded; a later run goes on from there.
    pub(super) fn part(&self, etag: &str) -> PathBuf {
        self.layout.blob_path(&format!("{etag}.incomplete"))
    }

    /// Whether a commit is known not to have a file.
    pub(super) fn is_absent(&self, commit: &str, file: &str) -> bool {
        self.absent_mark(commit, file).is_file()
    }

    /// Remembers that a commit does not have a file. It saves a request later and no more, so a
    /// cache that cannot be written is no error.
    pub(super) fn mark_absent(&self, commit: &str, file: &str) {
        let mark = self.absent_mark(commit, file);
        if create_parent(&mark).is_ok() {
            drop(File::create(mark));
        }
    }

    /// Remembers which commit a branch or tag is. Like Python, does nothing if that is known
    /// already.
    pub(super) fn set_commit(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if self.commit_of(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        write_whole(&self.folder.join("refs").join(revision), commit.as_bytes())
    }

    /// Waits until no other process writes this blob, Python's included; the lock ends with the
    /// returned file. On a file system without locks there is none: the checksum then finds what
    /// two writers did to each other.
    pub(super) fn lock(&self, etag: &str) -> Result<File, HubError> {
        let path = self.locks.join(format!("{etag}.lock"));
        create_parent(&path)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(HubError::write(&path))?;
        match file.lock() {
            Err(error) if error.kind() != io::ErrorKind::Unsupported => {
                Err(HubError::DiskWrite { path, source: error })
            }
            _ => Ok(file),
        }
    }

    /// Makes a commit's file out of a blob: a relative symbolic link, or where there are none the
    /// file itself. A blob that no other snapshot can use (`fresh`) is then moved, else copied, as
    /// Python does.
    pub(super) fn link(
        &self,
        commit: &str,
        file: &str,
        etag: &str,
        fresh: bool,
    ) -> Result<(), HubError> {
        let pointer = self.pointer(commit, file);
        create_parent(&pointer)?;
        // A link to a blob that was deleted.
        if pointer.is_symlink() {
            fs::remove_file(&pointer).map_err(HubError::write(&pointer))?;
        }
        let blob = self.blob(etag);
        if self.symlinks {
            let up = "../".repeat(2 + file.matches('/').count());
            match symlink(Path::new(&format!("{up}blobs/{etag}")), &pointer) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
                // No links here: go on with the file itself.
                Err(_) => {}
            }
        }
        if fresh {
            return fs::rename(&blob, &pointer).map_err(HubError::write(pointer));
        }
        let copied = File::open(&blob)
            .and_then(|mut blob| write_file(&pointer, |out| io::copy(&mut blob, out).map(drop)));
        copied.map_err(HubError::write(pointer))
    }

    fn pointer(&self, commit: &str, file: &str) -> PathBuf {
        self.snapshot(commit).join(file)
    }

    fn absent_mark(&self, commit: &str, file: &str) -> PathBuf {
        self.folder.join(".no_exist").join(commit).join(file)
    }
}

/// Makes the folder that a file lies in.
pub(super) fn create_parent(path: &Path) -> Result<(), HubError> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(HubError::write(folder)),
        None => Ok(()),
    }
}

/// Writes a small file atomically, and its folder where it is missing.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), HubError> {
    create_parent(path)?;
    write_file(path, |out| out.write_all(bytes)).map_err(HubError::write(path))
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_target: &Path, _link: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
