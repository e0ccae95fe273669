//! The cache on disk, shared with Python's `huggingface_hub` and in its layout.
//!
//! ```text
//! models--org--name/refs/main                      the last known commit of `main`
//! models--org--name/blobs/<etag>                   each content once
//! models--org--name/snapshots/<commit>/config.json  -> ../../blobs/<etag>
//! models--org--name/.no_exist/<commit>/vocab.txt   a file that the commit does not have
//! .locks/models--org--name/<etag>.lock             locked while a blob is written
//! ```
//! hf-hub gives the names of the folders. Files appear complete or not at all.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// The size on disk in bytes, each content once.
    pub bytes: u64,
}

/// The model repositories of a cache, by name.
pub(super) fn models(cache_dir: &Path) -> io::Result<Vec<CachedModel>> {
    let mut found = Vec::new();
    if cache_dir.is_file() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    for folder in entries(cache_dir)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(repo) = name.strip_prefix("models--").filter(|_| folder.is_dir()) else {
            continue;
        };
        // Other programs leave files of their own (`.DS_Store`).
        let mut snapshots = entries(&folder.join("snapshots"))?;
        snapshots.retain(|snapshot| snapshot.is_dir());
        // Without symbolic links the files are in the snapshots themselves.
        let mut bytes = blobs_size(&folder.join("blobs"))?;
        for snapshot in &snapshots {
            bytes += size(snapshot)?;
        }
        found.push(CachedModel { repo: repo.replacen("--", "/", 1), snapshots, bytes });
    }
    Ok(found)
}

/// The sorted entries of a folder; none if there is no folder.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|e| Ok(e?.path())).collect::<io::Result<_>>()?,
        // A file may have the name of a folder.
        Err(error) if is_absent(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    entries.sort();
    Ok(entries)
}

/// Whether there is no such folder.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The bytes of the files of a folder, without links.
fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for path in entries(folder)? {
        let about = match fs::symlink_metadata(&path) {
            // Another process has renamed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            about => about?,
        };
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

/// The bytes of the blobs of a repository. Python may keep a blob elsewhere, behind a link.
fn blobs_size(folder: &Path) -> io::Result<u64> {
    let sizes = entries(folder)?.into_iter().map(|path| match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        about => Ok(about?.len()),
    });
    sizes.sum()
}

/// What a cache knows of a file of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FileState {
    /// The file is in the cache.
    There(PathBuf),
    /// The commit is known not to have the file.
    Absent,
    /// The file is not in the cache; the commit may have it.
    Unknown,
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

    /// The commit of a branch or tag when it was last fetched.
    pub(super) fn commit_of(&self, revision: &str) -> Option<String> {
        let path = self.folder.join("refs").join(revision);
        // A pipe would be waited for.
        let text = path.is_file().then(|| fs::read_to_string(path).ok()).flatten()?;
        let commit = text.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    /// The folder of a commit's files.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.layout.pointer_path(commit)
    }

    /// What the cache knows of a file of a commit. A dangling link does not count as a file.
    pub(super) fn state(&self, commit: &str, file: &str) -> FileState {
        let pointer = self.pointer(commit, file);
        if pointer.is_file() {
            FileState::There(pointer)
        } else if self.absent_mark(commit, file).is_file() {
            FileState::Absent
        } else {
            FileState::Unknown
        }
    }

    /// The commits of which the cache has files.
    pub(super) fn commits(&self) -> Vec<String> {
        let folders = entries(&self.folder.join("snapshots")).unwrap_or_default();
        let folders =
            folders.iter().filter(|folder| entries(folder).is_ok_and(|of| !of.is_empty()));
        let names = folders.filter_map(|folder| folder.file_name()?.to_str());
        names.filter(|name| is_commit(name)).map(str::to_owned).collect()
    }

    /// Whether the cache knows of a file of a commit, or that the commit does not have it.
    pub(super) fn has(&self, commit: &str) -> bool {
        let is_filled = |folder: &Path| entries(folder).is_ok_and(|files| !files.is_empty());
        is_filled(&self.snapshot(commit)) || is_filled(&self.folder.join(".no_exist").join(commit))
    }

    /// The other commits of which the cache has a file.
    pub(super) fn others(&self, commit: &str, file: &str) -> Vec<String> {
        let has = |other: &String| matches!(self.state(other, file), FileState::There(_));
        self.commits().into_iter().filter(|other| other != commit && has(other)).collect()
    }

    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// The path of a blob during its download, which a later run resumes.
    pub(super) fn part(&self, etag: &str) -> PathBuf {
        self.blob(&format!("{etag}.incomplete"))
    }

    /// Remembers that a commit does not have a file. This only saves a later request, so that a
    /// read-only cache is not an error.
    pub(super) fn mark_absent(&self, commit: &str, file: &str) {
        let mark = self.absent_mark(commit, file);
        if create_parent(&mark).is_ok() {
            drop(File::create(mark));
        }
    }

    /// Remembers the commit of a branch or tag. Like Python, writes only if it changes.
    pub(super) fn set_commit(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if self.commit_of(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        write_whole(&self.folder.join("refs").join(revision), commit.as_bytes())
    }

    /// Waits until no other process, Python included, writes this blob; calls `waiting` first if one
    /// does. The lock ends with the returned file. On a file system without locks the checksum finds
    /// the damage of two writers.
    pub(super) fn lock(&self, etag: &str, waiting: impl FnOnce()) -> Result<File, HubError> {
        let path = self.locks.join(format!("{etag}.lock"));
        create_parent(&path)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(HubError::write(&path))?;
        let locked = match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                waiting();
                file.lock()
            }
            Err(TryLockError::Error(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        match locked {
            Err(error) if error.kind() != io::ErrorKind::Unsupported => {
                Err(HubError::DiskWrite { path, source: error })
            }
            _ => Ok(file),
        }
    }

    /// Makes the file of a commit from a blob: a relative symbolic link, or the file itself if there are
    /// no links. A blob that no other snapshot can use (`fresh`) is then moved, else copied, as Python
    /// does.
    pub(super) fn link(
        &self,
        commit: &str,
        file: &str,
        etag: &str,
        fresh: bool,
    ) -> Result<(), HubError> {
        let pointer = self.pointer(commit, file);
        create_parent(&pointer)?;
        let blob = self.blob(etag);
        // A link that leads to the blob stays: other processes are reading through it.
        if let (Ok(there), Ok(wanted)) = (fs::canonicalize(&pointer), fs::canonicalize(&blob))
            && there == wanted
        {
            return Ok(());
        }
        if self.symlinks {
            let up = "../".repeat(2 + file.matches('/').count());
            if link_to(Path::new(&format!("{up}blobs/{etag}")), &pointer).is_ok() {
                return Ok(());
            }
            // No links on this file system.
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

/// Creates the folder of a file.
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

/// Makes a symbolic link. Another file or link of this name is replaced, and never missing.
fn link_to(target: &Path, link: &Path) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    match symlink(target, link) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        linked => return linked,
    }
    let name = link.file_name().unwrap_or_default().to_string_lossy();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let beside = link.with_file_name(format!(".{name}.{}.{count}.part", std::process::id()));
    symlink(target, &beside)?;
    fs::rename(&beside, link).inspect_err(|_| drop(fs::remove_file(&beside)))
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
