//! Files of a model repository, from the Hugging Face hub or the cache that Python shares with us.
//!
//! [`Hub::fetch`] takes a repository, a revision and file names, and returns a [`Snapshot`] of one
//! commit, whose files are verified. [`HubSettings`] has the addresses of the hub and the cache.
//! Nothing here reads the environment of the process, or prints.
//!
//! The client is our own, over ureq, because hf-hub 0.5 compares neither size nor checksum after a
//! download, appends the whole file to a part of it if a server ignores the range, has no offline mode,
//! decompresses bodies, and does not tell apart files that are not found, gated or broken.
//!
//! A file of a commit is in the cache, known to be absent, or unknown. Where the hub cannot be asked,
//! [`Snapshot::unknown`] has the optional files that are unknown, so that no default is taken silently.

mod address;
mod cache;
mod clock;
mod decided;
mod environment;
mod error;
mod name;
mod pace;
mod progress;
mod remote;
mod requests;
mod settings;
mod snapshot;
mod verify;

#[cfg(test)]
mod loopback;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use decided::{Decided, DecidedBy};
pub use environment::{own_cache, process_environment};
pub use error::{HubError, MissingCommit, NotCached};
pub use name::RepoName;
pub use progress::{Progress, Silent};
pub use settings::{DEFAULT_ENDPOINT, HubFlags, HubSettings, Token, cache_dir};
pub use snapshot::{FileSpec, HubWarning, Need, Snapshot};

pub use cache::CachedModel;

use cache::{FileState, RepoCache};
use clock::{Clock, SystemClock};
use name::{check_file, is_commit};
use remote::{FileInfo, Remote};
use requests::{Patience, Target};
use verify::{Checksums, Verifier};

/// A hub and its cache.
pub struct Hub {
    settings: HubSettings,
    /// None: the network must not be used.
    remote: Option<Remote>,
    verifier: Verifier,
}

/// Where the files of one commit come from.
enum Source<'a> {
    /// From the cache alone.
    CacheOnly,
    /// From the hub, which has these files.
    Listed(&'a Remote, BTreeSet<String>),
    /// From the hub, which may have each file or not.
    Unlisted(&'a Remote),
}

impl Hub {
    /// A hub with settings. It sends no request and writes nothing yet.
    ///
    /// # Errors
    /// [`HubError::BadEndpoint`], [`HubError::BadProxy`] and [`HubError::BadToken`], if the network may
    /// be used.
    pub fn new(settings: HubSettings) -> Result<Self, HubError> {
        Self::with_clock(settings, Arc::new(SystemClock))
    }

    fn with_clock(settings: HubSettings, clock: Arc<dyn Clock>) -> Result<Self, HubError> {
        let remote = if settings.offline { None } else { Some(Remote::new(&settings, clock)?) };
        let verifier = Verifier::new(settings.state_dir.as_deref());
        Ok(Hub { settings, remote, verifier })
    }

    pub(crate) fn settings(&self) -> &HubSettings {
        &self.settings
    }

    /// Checks that the hub responds, unless the network must not be used.
    ///
    /// # Errors
    /// [`HubError::Network`] without a response.
    pub fn reach(&self) -> Result<(), HubError> {
        self.remote.as_ref().map_or(Ok(()), Remote::reach)
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
                Source::Listed(_, listed) => Some(listed.clone()),
                Source::CacheOnly | Source::Unlisted(_) => None,
            },
            unknown: BTreeSet::new(),
            warnings,
        };
        for spec in files {
            let target = Target { repo, revision: &snapshot.commit, file: Some(&spec.name) };
            let state = match self.obtain(cache, target, &source, progress) {
                // All required files are there, and this optional one may not exist: no failure.
                // (A file that the hub lists exists.)
                Err(cause)
                    if cause.is_unreachable()
                        && spec.need == Need::Optional
                        && matches!(source, Source::Unlisted(_))
                        && has_required(cache, &snapshot.commit, files) =>
                {
                    let commit = snapshot.commit.clone();
                    snapshot.warnings.push(HubWarning::UsedCachedCopy { commit, cause });
                    source = Source::CacheOnly;
                    FileState::Unknown
                }
                Err(cause) => {
                    let commit = &snapshot.commit;
                    return Err(self.unreachable(cache, repo, revision, Some(commit), cause));
                }
                Ok(state) => state,
            };
            let path = match (state, spec.need) {
                (FileState::There(path), _) => path,
                (FileState::Absent, Need::Optional) => continue,
                (FileState::Unknown, Need::Optional) => {
                    snapshot.unknown.insert(spec.name.clone());
                    continue;
                }
                (FileState::Absent, Need::Required) => return Err(target.not_found()),
                (FileState::Unknown, Need::Required) => {
                    let not_cached = self.not_cached(repo, &snapshot.commit, &spec.name);
                    return Err(HubError::NotCached(Box::new(not_cached)));
                }
            };
            let sha256 = self.verifier.check(&spec.name, &path)?;
            snapshot.sha256.insert(spec.name.clone(), sha256);
            snapshot.files.insert(spec.name.clone(), path);
        }
        if let Source::Listed(..) = source {
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
    ) -> Result<(String, Source<'_>), HubError> {
        if is_commit(revision) {
            // A commit does not change, so that an absent file stays absent.
            let unknown = |spec: &FileSpec| cache.state(revision, &spec.name) == FileState::Unknown;
            let source = match &self.remote {
                Some(remote) if files.iter().any(unknown) => Source::Unlisted(remote),
                None if files.iter().any(unknown) && !cache.has(revision) => {
                    let missing = self.missing(cache, repo, revision, Some(revision));
                    return Err(HubError::UnknownCommit(missing));
                }
                _ => Source::CacheOnly,
            };
            return Ok((revision.to_owned(), source));
        }
        let known = cache.commit_of(revision);
        let Some(remote) = &self.remote else {
            return match known {
                Some(commit) if cache.has(&commit) => Ok((commit, Source::CacheOnly)),
                known => {
                    let missing = self.missing(cache, repo, revision, known.as_deref());
                    Err(HubError::UnknownCommit(missing))
                }
            };
        };
        let unreachable = |cause| self.unreachable(cache, repo, revision, known.as_deref(), cause);
        let fallback = known.clone().filter(|commit| has_required(cache, commit, files));
        let patience = if fallback.is_some() { Patience::None } else { Patience::Usual };
        let target = Target { repo, revision, file: None };
        match (remote.revision(target, patience), fallback) {
            (Ok(listing), _) => Ok((listing.commit, Source::Listed(remote, listing.files))),
            (Err(cause), Some(commit)) if cause.is_unreachable() => {
                warnings.push(HubWarning::UsedCachedCopy { commit: commit.clone(), cause });
                Ok((commit, Source::CacheOnly))
            }
            (Err(cause), _) => Err(unreachable(cause)),
        }
    }

    /// A revision of which the cache has no files.
    fn missing(
        &self,
        cache: &RepoCache,
        repo: &str,
        revision: &str,
        commit: Option<&str>,
    ) -> Box<MissingCommit> {
        Box::new(MissingCommit {
            repo: repo.to_owned(),
            revision: revision.to_owned(),
            commit: commit.map(str::to_owned),
            is_partial: commit.is_some_and(|commit| cache.has(commit)),
            commits: cache.commits().into_iter().filter(|c| Some(&**c) != commit).collect(),
            cache_dir: self.settings.cache_dir.clone(),
        })
    }

    /// An error with the other commits at hand, if the hub cannot be reached. The cache does not have all
    /// files of the commit.
    fn unreachable(
        &self,
        cache: &RepoCache,
        repo: &str,
        revision: &str,
        commit: Option<&str>,
        cause: HubError,
    ) -> HubError {
        let missing = self.missing(cache, repo, revision, commit);
        if missing.commits.is_empty() || !cause.is_unreachable() {
            return cause;
        }
        HubError::UnreachableCommit { cause: Box::new(cause), missing }
    }

    /// A file of the snapshot, which is fetched if it is not there yet and the hub can be asked.
    fn obtain(
        &self,
        cache: &RepoCache,
        target: Target<'_>,
        source: &Source<'_>,
        progress: &mut dyn Progress,
    ) -> Result<FileState, HubError> {
        let file = target.file.unwrap_or_default();
        let remote = match (cache.state(target.revision, file), source) {
            (FileState::There(path), _) => return Ok(FileState::There(path)),
            (state, Source::CacheOnly) => return Ok(state),
            (FileState::Absent, Source::Unlisted(_)) => return Ok(FileState::Absent),
            (_, Source::Listed(_, listed)) if !listed.contains(file) => {
                cache.mark_absent(target.revision, file);
                return Ok(FileState::Absent);
            }
            (_, Source::Listed(remote, _) | Source::Unlisted(remote)) => remote,
        };
        match self.transfer(cache, remote, target, progress) {
            Ok(path) => Ok(FileState::There(path)),
            Err(HubError::FileNotFound { .. }) => {
                cache.mark_absent(target.revision, file);
                Ok(FileState::Absent)
            }
            Err(error) => Err(error),
        }
    }

    /// Downloads a file into the cache: blob, checksum, link.
    fn transfer(
        &self,
        cache: &RepoCache,
        remote: &Remote,
        target: Target<'_>,
        progress: &mut dyn Progress,
    ) -> Result<PathBuf, HubError> {
        let file = target.file.unwrap_or_default();
        let info = remote.file_info(target)?;
        let _lock = cache.lock(&info.etag, || progress.waiting(file))?;
        // Another process may have fetched it meanwhile.
        if let FileState::There(path) = cache.state(target.revision, file) {
            return Ok(path);
        }
        let (blob, pointer) = (cache.blob(&info.etag), cache.snapshot(target.revision).join(file));
        if blob.is_file() {
            cache.link(target.revision, file, &info.etag, false)?;
            return Ok(pointer);
        }
        let part = cache.part(&info.etag);
        let sums = self.download(remote, target, &info, &part, progress)?;
        fs::rename(&part, &blob).map_err(HubError::write(&blob))?;
        cache.link(target.revision, file, &info.etag, true)?;
        self.verifier.remember(&pointer, &sums.sha256)?;
        Ok(pointer)
    }

    /// Downloads the blob under a temporary name and checks it. The part of an earlier run is resumed;
    /// a blob with a wrong checksum is deleted.
    fn download(
        &self,
        remote: &Remote,
        target: Target<'_>,
        info: &FileInfo,
        part: &Path,
        progress: &mut dyn Progress,
    ) -> Result<Checksums, HubError> {
        let mut resumed = fs::metadata(part).is_ok_and(|metadata| metadata.len() > 0);
        loop {
            remote.download(target, info, part, progress)?;
            let sums = Checksums::of(part, &info.etag)?;
            let Some(found) = sums.mismatch(&info.etag) else {
                return Ok(sums);
            };
            let found = found.to_owned();
            fs::remove_file(part).map_err(HubError::write(part))?;
            if !resumed {
                let (url, expected) = (remote.file_url(target), info.etag.clone());
                return Err(HubError::WrongChecksum { url, expected, found });
            }
            // The earlier part may be wrong: once more from the start.
            resumed = false;
        }
    }

    /// The description of a file of a commit that is not in the cache.
    pub(crate) fn not_cached(&self, repo: &str, commit: &str, file: &str) -> NotCached {
        let cache = RepoCache::new(&self.settings.cache_dir, repo, self.settings.symlinks);
        NotCached {
            repo: repo.to_owned(),
            revision: commit.to_owned(),
            file: file.to_owned(),
            others: cache.others(commit, file),
            cache_dir: self.settings.cache_dir.clone(),
        }
    }
}

/// The models in a cache folder, by name; empty if there is no such folder yet.
///
/// # Errors
/// A folder that cannot be read.
pub fn cached_models(cache_dir: &Path) -> Result<Vec<CachedModel>, HubError> {
    cache::models(cache_dir).map_err(HubError::read(cache_dir))
}

/// Whether the cache has every required file of a commit.
fn has_required(cache: &RepoCache, commit: &str, files: &[FileSpec]) -> bool {
    let mut required = files.iter().filter(|spec| spec.need == Need::Required);
    required.all(|spec| matches!(cache.state(commit, &spec.name), FileState::There(_)))
}
