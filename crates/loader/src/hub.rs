//! Files of a model repository, from the Hugging Face hub or the cache that Python shares with us.
//!
//! [`Hub::fetch`] takes a repository, a revision and file names, and returns a [`Snapshot`] of one
//! commit, whose files are verified. [`HubSettings`] has the addresses of the hub and the cache.
//! Nothing here reads the environment of the process, or prints.
//!
//! hf-hub gives the names of the cache folders and the types of the hub's responses. The transfer is
//! our own, over ureq, because hf-hub 0.5 compares neither size nor checksum after a download, appends
//! the whole file to a part of it if a server ignores the range, has no offline mode, and does not
//! tell apart files that are not found, gated or broken.

mod cache;
mod error;
mod name;
mod progress;
mod remote;
mod settings;
mod verify;

#[cfg(test)]
mod loopback;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

pub use error::HubError;
pub use name::RepoName;
pub use progress::{Progress, Silent};
pub use settings::{DEFAULT_ENDPOINT, HubFlags, HubSettings, Token};

pub use cache::CachedModel;

use cache::RepoCache;
use name::{check_file, is_commit};
use remote::{FileInfo, Patience, Remote, Target};
use verify::{Checksums, Verifier};

/// A hub and its cache.
pub struct Hub {
    settings: HubSettings,
    remote: Remote,
    verifier: Verifier,
}

/// A file to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    /// The path in the repository, with `/` between parts.
    pub name: String,
    /// Whether the file is required.
    pub need: Need,
}

/// Whether a file is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A missing file is an error.
    Required,
    /// A missing file is left out.
    Optional,
}

impl FileSpec {
    /// A required file.
    pub fn required(name: impl Into<String>) -> Self {
        FileSpec { name: name.into(), need: Need::Required }
    }

    /// An optional file.
    pub fn optional(name: impl Into<String>) -> Self {
        FileSpec { name: name.into(), need: Need::Optional }
    }
}

/// Files of one commit, on disk and verified.
#[derive(Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The repository, `org/name`.
    pub repo: String,
    /// The commit: 40 hexadecimal digits. Fetching at this revision always gives the same bytes.
    pub commit: String,
    /// The folder of this commit in the cache. It may have more files.
    pub folder: PathBuf,
    /// The paths of the files, without missing optional files.
    pub files: BTreeMap<String, PathBuf>,
    /// The sha256 of each file, in hexadecimal.
    pub sha256: BTreeMap<String, String>,
    /// All files of the commit; none if the hub was not asked for a list.
    pub listed: Option<BTreeSet<String>>,
    /// Warnings.
    pub warnings: Vec<HubWarning>,
}

/// A warning about a successful fetch.
#[derive(Debug)]
#[non_exhaustive]
pub enum HubWarning {
    /// The hub is unreachable, so that the copy in the cache was used. It may be out of date.
    UsedCachedCopy {
        /// The commit of the copy.
        commit: String,
        /// Why the hub is unreachable.
        cause: HubError,
    },
}

/// Where the files of one commit come from.
enum Source {
    /// From the cache alone.
    CacheOnly,
    /// From the hub, which has these files.
    Listed(BTreeSet<String>),
    /// From the hub, which may have each file or not.
    Unlisted,
}

impl Hub {
    /// A hub with settings. It sends no request and writes nothing yet.
    ///
    /// # Errors
    /// [`HubError::BadEndpoint`] and [`HubError::BadToken`].
    pub fn new(settings: HubSettings) -> Result<Self, HubError> {
        let remote = Remote::new(&settings)?;
        let verifier = Verifier::new(settings.state_dir.as_deref());
        Ok(Hub { settings, remote, verifier })
    }

    /// Checks that the hub responds.
    ///
    /// # Errors
    /// [`HubError::Network`] without a response.
    pub fn reach(&self) -> Result<(), HubError> {
        self.remote.reach()
    }

    /// The models in the cache, by name; empty if there is no cache yet.
    ///
    /// # Errors
    /// A cache that cannot be read.
    pub fn cached(&self) -> Result<Vec<CachedModel>, HubError> {
        let folder = &self.settings.cache_dir;
        cache::models(folder).map_err(HubError::read(folder))
    }

    /// Fetches files of one commit of a repository; cached files are not downloaded again.
    ///
    /// `repo` is `org/name` or `org/name@revision`; `revision` (a branch, a tag or a commit) takes
    /// precedence, and the default is `main`. A full commit in the cache needs no network. A branch or
    /// tag needs one small request for its commit. If the hub is unreachable and the cache has the
    /// required files of the last known commit, those are used, with
    /// [`HubWarning::UsedCachedCopy`]. For more files of the same commit, such as the shards that an
    /// index names, fetch again at [`Snapshot::commit`].
    ///
    /// Every file is compared with the hub's checksum once. An interrupted download is resumed, also
    /// by a later run.
    ///
    /// # Errors
    /// Every [`HubError`] except those of [`Hub::new`]; [`HubError::kind`] sorts them.
    pub fn fetch(
        &self,
        repo: &str,
        revision: Option<&str>,
        files: &[FileSpec],
        progress: &mut dyn Progress,
    ) -> Result<Snapshot, HubError> {
        let name = RepoName::parse(repo)?;
        let name = match revision {
            Some(revision) => name.at(revision)?,
            None => name,
        };
        for spec in files {
            check_file(&spec.name)?;
        }
        let cache = RepoCache::new(&self.settings.cache_dir, name.id(), self.settings.symlinks);
        let revision = name.revision().unwrap_or("main");
        let outcome = self.gather(&cache, name.id(), revision, files, progress);
        // Also after a failure: verified files stay verified.
        self.verifier.save();
        outcome
    }

    fn gather(
        &self,
        cache: &RepoCache,
        repo: &str,
        revision: &str,
        files: &[FileSpec],
        progress: &mut dyn Progress,
    ) -> Result<Snapshot, HubError> {
        let mut warnings = Vec::new();
        let (commit, mut source) = self.resolve(cache, repo, revision, files, &mut warnings)?;
        let mut snapshot = Snapshot {
            repo: repo.to_owned(),
            folder: cache.snapshot(&commit),
            commit,
            files: BTreeMap::new(),
            sha256: BTreeMap::new(),
            listed: match &source {
                Source::Listed(listed) => Some(listed.clone()),
                Source::CacheOnly | Source::Unlisted => None,
            },
            warnings,
        };
        for spec in files {
            let target = Target { repo, revision: &snapshot.commit, file: Some(&spec.name) };
            let path = match cache.find(&snapshot.commit, &spec.name) {
                Some(path) => path,
                None => match self.obtain(cache, target, spec.need, &source, progress) {
                    Ok(Some(path)) => path,
                    Ok(None) => continue,
                    // All required files are there, and this optional one may not exist: no failure.
                    // (A file that the hub lists exists.)
                    Err(cause)
                        if cause.is_unreachable()
                            && spec.need == Need::Optional
                            && matches!(source, Source::Unlisted)
                            && has_required(cache, &snapshot.commit, files) =>
                    {
                        let commit = snapshot.commit.clone();
                        snapshot.warnings.push(HubWarning::UsedCachedCopy { commit, cause });
                        source = Source::CacheOnly;
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            let sha256 = self.verifier.check(&spec.name, &path)?;
            snapshot.sha256.insert(spec.name.clone(), sha256);
            snapshot.files.insert(spec.name.clone(), path);
        }
        if let Source::Listed(_) = source {
            match cache.set_commit(revision, &snapshot.commit) {
                // Like Python: a complete cache may be read-only.
                Err(_) if cache.commit_of(revision).is_some() => {}
                outcome => outcome?,
            }
        }
        Ok(snapshot)
    }

    /// The commit of a revision, and where its files come from.
    fn resolve(
        &self,
        cache: &RepoCache,
        repo: &str,
        revision: &str,
        files: &[FileSpec],
        warnings: &mut Vec<HubWarning>,
    ) -> Result<(String, Source), HubError> {
        if is_commit(revision) {
            let settled = |spec: &FileSpec| {
                cache.find(revision, &spec.name).is_some()
                    || (spec.need == Need::Optional && cache.is_absent(revision, &spec.name))
            };
            let cache_does = self.settings.offline || files.iter().all(settled);
            let source = if cache_does { Source::CacheOnly } else { Source::Unlisted };
            return Ok((revision.to_owned(), source));
        }
        let known = cache.commit_of(revision);
        if self.settings.offline {
            let commit = known.ok_or_else(|| self.not_cached(repo, revision, files))?;
            return Ok((commit, Source::CacheOnly));
        }
        let fallback = known.filter(|commit| has_required(cache, commit, files));
        let patience = if fallback.is_some() { Patience::None } else { Patience::Usual };
        let target = Target { repo, revision, file: None };
        match (self.remote.revision(target, patience), fallback) {
            (Ok(info), _) => {
                let listed = info.siblings.into_iter().map(|sibling| sibling.rfilename).collect();
                Ok((info.sha, Source::Listed(listed)))
            }
            (Err(cause), Some(commit)) if cause.is_unreachable() => {
                warnings.push(HubWarning::UsedCachedCopy { commit: commit.clone(), cause });
                Ok((commit, Source::CacheOnly))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// A file that is not in the snapshot yet; `None` for an optional file that does not exist.
    fn obtain(
        &self,
        cache: &RepoCache,
        target: Target<'_>,
        need: Need,
        source: &Source,
        progress: &mut dyn Progress,
    ) -> Result<Option<PathBuf>, HubError> {
        let file = target.file.unwrap_or_default();
        let missing = match source {
            Source::CacheOnly => {
                let spec = FileSpec::required(file);
                self.not_cached(target.repo, target.revision, &[spec])
            }
            Source::Unlisted
                if need == Need::Optional && cache.is_absent(target.revision, file) =>
            {
                return Ok(None);
            }
            Source::Listed(listed) if !listed.contains(file) => {
                cache.mark_absent(target.revision, file);
                HubError::FileNotFound {
                    repo: target.repo.to_owned(),
                    revision: target.revision.to_owned(),
                    file: file.to_owned(),
                }
            }
            Source::Listed(_) | Source::Unlisted => match self.transfer(cache, target, progress) {
                Ok(path) => return Ok(Some(path)),
                Err(error @ HubError::FileNotFound { .. }) => {
                    cache.mark_absent(target.revision, file);
                    error
                }
                Err(error) => return Err(error),
            },
        };
        match need {
            Need::Required => Err(missing),
            Need::Optional => Ok(None),
        }
    }

    /// Downloads a file into the cache: blob, checksum, link.
    fn transfer(
        &self,
        cache: &RepoCache,
        target: Target<'_>,
        progress: &mut dyn Progress,
    ) -> Result<PathBuf, HubError> {
        let file = target.file.unwrap_or_default();
        let info = self.remote.file_info(target)?;
        let _lock = cache.lock(&info.etag)?;
        let (blob, pointer) = (cache.blob(&info.etag), cache.snapshot(target.revision).join(file));
        if blob.is_file() {
            cache.link(target.revision, file, &info.etag, false)?;
            return Ok(pointer);
        }
        let sums = self.download(cache, target, &info, progress)?;
        let part = cache.part(&info.etag);
        fs::rename(&part, &blob).map_err(HubError::write(&blob))?;
        cache.link(target.revision, file, &info.etag, true)?;
        self.verifier.remember(&pointer, &sums.sha256)?;
        Ok(pointer)
    }

    /// Downloads the blob under a temporary name and checks it. The part of an earlier run is resumed;
    /// a blob with a wrong checksum is deleted.
    fn download(
        &self,
        cache: &RepoCache,
        target: Target<'_>,
        info: &FileInfo,
        progress: &mut dyn Progress,
    ) -> Result<Checksums, HubError> {
        let part = cache.part(&info.etag);
        let mut resumed = fs::metadata(&part).is_ok_and(|metadata| metadata.len() > 0);
        loop {
            self.remote.download(target, info, &part, progress)?;
            let sums = Checksums::of(&part, &info.etag)?;
            let Some(found) = sums.mismatch(&info.etag) else {
                return Ok(sums);
            };
            let found = found.to_owned();
            fs::remove_file(&part).map_err(HubError::write(&part))?;
            if !resumed {
                let (url, expected) = (self.remote.file_url(target), info.etag.clone());
                return Err(HubError::WrongChecksum { url, expected, found });
            }
            // The earlier part may be wrong: once more from the start.
            resumed = false;
        }
    }

    fn not_cached(&self, repo: &str, revision: &str, files: &[FileSpec]) -> HubError {
        HubError::OfflineNotCached {
            repo: repo.to_owned(),
            revision: revision.to_owned(),
            file: files.first().map(|spec| spec.name.clone()).unwrap_or_default(),
            cache_dir: self.settings.cache_dir.clone(),
        }
    }
}

/// Whether the cache has every required file of a commit.
fn has_required(cache: &RepoCache, commit: &str, files: &[FileSpec]) -> bool {
    let mut required = files.iter().filter(|spec| spec.need == Need::Required);
    required.all(|spec| cache.find(commit, &spec.name).is_some())
}
