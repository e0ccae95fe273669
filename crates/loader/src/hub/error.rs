//! Errors of fetching the files of a repository.

use crate::kind::ErrorKind;
use crate::source::path_text;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::decided::DecidedBy;

/// The number of commits that a message lists.
const MAX_COMMITS: usize = 5;

/// A file that is not in the cache and not known to be absent, when the hub cannot be asked. The commit
/// may have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCached {
    /// The repository.
    pub repo: String,
    /// The commit.
    pub revision: String,
    /// The file.
    pub file: String,
    /// The other commits of which the cache has this file.
    pub others: Vec<String>,
    /// The cache.
    pub cache_dir: PathBuf,
}

impl std::error::Error for NotCached {}

/// A revision of which the cache has no files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingCommit {
    /// The repository.
    pub repo: String,
    /// The branch, tag or commit.
    pub revision: String,
    /// The commit, if the cache knows it.
    pub commit: Option<String>,
    /// Whether the cache has some files of the commit.
    pub is_partial: bool,
    /// The other commits of which the cache has files.
    pub commits: Vec<String>,
    /// The cache.
    pub cache_dir: PathBuf,
}

/// An error of fetching the files of a repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The name of a repository is not `name` or `org/name`, with or without `@revision`.
    #[error("`{name}` is not the name of a repository: {reason} (expected org/name[@revision])")]
    BadRepo {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file name that leads out of the repository, or is not a file name.
    #[error("`{file}` is not a file name inside a repository: {reason}")]
    BadFileName {
        /// The name as given.
        file: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The endpoint is not an `http://` or `https://` address, or its port is not a port.
    #[error(
        "the endpoint `{endpoint}` is not an http:// or https:// address with a valid port; see \
         HF_ENDPOINT"
    )]
    BadEndpoint {
        /// The endpoint as given.
        endpoint: String,
    },
    /// The proxy of the environment is not an address. Its value may hold a password and is not shown.
    #[error(
        "{variable} does not name a proxy with a valid port, so that nothing was sent; correct or \
         unset it"
    )]
    BadProxy {
        /// The variable.
        variable: &'static str,
    },
    /// A variable has a value that cannot be read.
    #[error("{name} is `{value}`; {expected} is expected")]
    BadSetting {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// The expected value.
        expected: &'static str,
    },
    /// The token holds characters that cannot be sent. The token itself is not shown.
    #[error("the access token holds characters that cannot be sent (it is set by {by})")]
    BadToken {
        /// Where the token is from.
        by: DecidedBy,
    },
    /// There is no home folder for the cache.
    #[error(
        "there is no home folder for the model cache; set HF_HOME, or name a folder (--cache-dir)"
    )]
    NoHome,
    /// The repository does not exist, or is private: the hub gives the same response to both.
    #[error(
        "{endpoint} has no repository `{repo}`, or it is private (the hub does not tell which): \
         check the name{}", if *.with_token { ", and whether the token may read it" }
         else { "; for a private repository set HF_TOKEN" }
    )]
    RepoNotFound {
        /// The repository.
        repo: String,
        /// The hub.
        endpoint: String,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The repository has no such branch, tag or commit.
    #[error("`{repo}` has no revision `{revision}`")]
    RevisionNotFound {
        /// The repository.
        repo: String,
        /// The branch, tag or commit.
        revision: String,
    },
    /// The repository has no such file at this revision.
    #[error("`{repo}` has no file `{file}` at revision {revision}")]
    FileNotFound {
        /// The repository.
        repo: String,
        /// The branch, tag or commit.
        revision: String,
        /// The file.
        file: String,
    },
    /// A file is not in the cache, and the hub cannot be asked.
    #[error("{0}; run once with a network (without --offline and HF_HUB_OFFLINE)")]
    NotCached(Box<NotCached>),
    /// The cache does not know the commit of a revision or has no files of it, and the network must not
    /// be used.
    #[error("offline, and {0}")]
    UnknownCommit(Box<MissingCommit>),
    /// The hub cannot be asked for a revision, and the cache does not know its commit or has no files of
    /// it, but has those of other commits.
    #[error("{cause}; {missing}")]
    UnreachableCommit {
        /// Why the hub cannot be asked.
        cause: Box<HubError>,
        /// What the cache does not have.
        missing: Box<MissingCommit>,
    },
    /// The repository has terms that the user must accept first.
    #[error(
        "`{repo}` is gated: accept its terms at {endpoint}/{repo}{}",
        if *.with_token { " with the account of the token" } else { " and set HF_TOKEN" }
    )]
    Gated {
        /// The repository.
        repo: String,
        /// The hub.
        endpoint: String,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The hub refuses access for another reason.
    #[error("{url} refuses access (status {status}){}", shown(message))]
    Refused {
        /// The address, without its query.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The message of the hub, if there is one.
        message: Option<String>,
    },
    /// No response, or an interrupted one, after all retries.
    #[error("{url} cannot be reached: {source}")]
    Network {
        /// The address, without its query.
        url: String,
        /// The last failure.
        source: io::Error,
    },
    /// An error of the server, after all retries.
    #[error(
        "{url} responds with status {status} after {attempts} attempts; try again {}",
        match wait { Some(wait) => format!("in {} s", wait.as_secs()), None => "later".to_owned() }
    )]
    Server {
        /// The address, without its query.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The number of attempts.
        attempts: u32,
        /// The time after which the server allows the next request (`Retry-After`).
        wait: Option<Duration>,
    },
    /// A transfer below the lowest speed, after all retries.
    #[error("{url} sends too slowly: {reason}; try again later, or over another network")]
    Slow {
        /// The address, without its query.
        url: String,
        /// The bytes and the time.
        reason: String,
    },
    /// A response that is not that of a hub.
    #[error("{url} does not respond like a hub: {reason}")]
    Protocol {
        /// The address, without its query.
        url: String,
        /// What is wrong with the response.
        reason: String,
    },
    /// The server sent another number of bytes than it announced.
    #[error("{url} sent {found} bytes, and announced {expected}")]
    WrongSize {
        /// The address, without its query.
        url: String,
        /// The size announced, in bytes.
        expected: u64,
        /// The size found, in bytes.
        found: u64,
    },
    /// The checksum of a download is wrong. The download was deleted.
    #[error("{url} sent a file with checksum {found}, and announced {expected}; try again")]
    WrongChecksum {
        /// The address, without its query.
        url: String,
        /// The checksum announced.
        expected: String,
        /// The checksum found.
        found: String,
    },
    /// The checksum of a cached file is wrong.
    #[error(
        "the cached copy of `{file}` is damaged: {} has checksum {found}, not {expected}; \
         delete that file and fetch again",
        path_text(path)
    )]
    Damaged {
        /// The name in the repository.
        file: String,
        /// The damaged file on disk.
        path: PathBuf,
        /// The expected checksum.
        expected: String,
        /// The checksum of the file.
        found: String,
    },
    /// A file in the cache could not be read.
    #[error("cannot read {}: {source}", path_text(path))]
    DiskRead {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written into the cache.
    #[error("cannot write {}: {source}", path_text(path))]
    DiskWrite {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl HubError {
    /// The kind of this error.
    pub fn kind(&self) -> ErrorKind {
        use HubError::*;
        match self {
            BadRepo { .. }
            | BadFileName { .. }
            | BadEndpoint { .. }
            | BadProxy { .. }
            | BadSetting { .. }
            | BadToken { .. }
            | NoHome => ErrorKind::Usage,
            RepoNotFound { .. }
            | RevisionNotFound { .. }
            | FileNotFound { .. }
            | NotCached(_)
            | UnknownCommit(_) => ErrorKind::NotFound,
            Gated { .. }
            | Refused { .. }
            | Network { .. }
            | UnreachableCommit { .. }
            | Server { .. }
            | Slow { .. }
            | Protocol { .. }
            | WrongSize { .. }
            | WrongChecksum { .. } => ErrorKind::Network,
            Damaged { .. } | DiskRead { .. } | DiskWrite { .. } => ErrorKind::Failure,
        }
    }

    /// Whether the hub gave no valid response, so that a cached copy may be used.
    pub(super) fn is_unreachable(&self) -> bool {
        use HubError::{Network, Server, Slow};
        matches!(self, Network { .. } | Server { .. } | Slow { .. })
    }

    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> HubError {
        let path = path.into();
        move |source| HubError::DiskWrite { path, source }
    }

    pub(super) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> HubError {
        let path = path.into();
        move |source| HubError::DiskRead { path, source }
    }
}

impl fmt::Display for NotCached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repo, revision, file, others, cache_dir } = self;
        let cache = path_text(cache_dir);
        write!(f, "`{file}` of `{repo}` at revision {revision} is not in the cache {cache}")?;
        match others.last() {
            Some(last) => {
                let list = listed(others);
                write!(f, " (it has the file of {list}: name a commit, as in {repo}@{last})")
            }
            None => Ok(()),
        }
    }
}

/// A list of commits, which ends early.
fn listed(commits: &[String]) -> String {
    let list = commits.iter().take(MAX_COMMITS).cloned().collect::<Vec<_>>().join(", ");
    match commits.len().checked_sub(MAX_COMMITS) {
        Some(more) if more > 0 => format!("{list} and {more} more"),
        _ => list,
    }
}

impl fmt::Display for MissingCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repo, revision, commit, is_partial, commits, cache_dir } = self;
        let cache = path_text(cache_dir);
        let Some(last) = commits.last() else {
            return write!(
                f,
                "the cache {cache} has no files of `{repo}`: check the name, or run once without \
                 --offline (and HF_HUB_OFFLINE)"
            );
        };
        let list = listed(commits);
        let part = if *is_partial { "does not have all files" } else { "has no files" };
        let missing = match commit {
            Some(commit) if commit == revision => {
                format!("{part} of commit {commit} of `{repo}`")
            }
            Some(commit) => {
                format!("{part} of commit {commit}, which is revision `{revision}` of `{repo}`")
            }
            None => format!("does not know the commit of revision `{revision}` of `{repo}`"),
        };
        write!(f, "the cache {cache} {missing}. It has {list}: name a commit, as in {repo}@{last}")
    }
}

fn shown(message: &Option<String>) -> String {
    message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
}
