//! What can go wrong between a repository's name and its files on disk.

use crate::ErrorKind;
use std::io;
use std::path::PathBuf;

/// Why the files of a repository could not be had.
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
    /// The name of a file would lead out of the repository, or is no file name.
    #[error("`{file}` is not a file name inside a repository: {reason}")]
    BadFileName {
        /// The name as given.
        file: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The endpoint is not an `http://` or `https://` address.
    #[error("the endpoint `{endpoint}` is not an http:// or https:// address; see HF_ENDPOINT")]
    BadEndpoint {
        /// The endpoint as given.
        endpoint: String,
    },
    /// The token holds characters that cannot be sent. The token itself is not shown.
    #[error("the access token holds characters that cannot be sent; see HF_TOKEN")]
    BadToken,
    /// There is no home folder to put the cache into.
    #[error("there is no home folder for the model cache; set HF_HOME or name a cache folder")]
    NoHome,
    /// The hub has no such repository, or does not show it to us: it answers both alike.
    #[error(
        "{endpoint} has no repository `{repo}`, or it is private (the hub answers both alike): \
         check the name{}", if *.with_token { ", and whether the token may read it" }
         else { "; for a private repository set HF_TOKEN" }
    )]
    RepoNotFound {
        /// The repository.
        repo: String,
        /// Where it was looked for.
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
    /// A file is not in the cache and the network is not to be used.
    #[error(
        "offline, and `{file}` of `{repo}` at revision {revision} is not in the cache \
         {}: run once without --offline (or HF_HUB_OFFLINE)", cache_dir.display()
    )]
    OfflineNotCached {
        /// The repository.
        repo: String,
        /// The branch, tag or commit.
        revision: String,
        /// The first file that is missing.
        file: String,
        /// The cache that was searched.
        cache_dir: PathBuf,
    },
    /// The repository asks people to accept its terms first.
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
        /// What the hub says, where it says something.
        message: Option<String>,
    },
    /// No answer, or one that broke off, also after the retries.
    #[error("{url} cannot be reached: {source}")]
    Network {
        /// The address, without its query.
        url: String,
        /// The last failure.
        source: io::Error,
    },
    /// The server is in trouble, also after the retries.
    #[error("{url} answers with status {status}, also after {attempts} attempts; try again later")]
    Server {
        /// The address, without its query.
        url: String,
        /// The HTTP status.
        status: u16,
        /// How often it was asked.
        attempts: u32,
    },
    /// The answer is not one that a hub gives.
    #[error("{url} does not answer as a hub does: {reason}")]
    Protocol {
        /// The address, without its query.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The server sent another number of bytes than it announced.
    #[error("{url} sent {found} bytes where {expected} were announced")]
    WrongSize {
        /// The address, without its query.
        url: String,
        /// The size announced, in bytes.
        expected: u64,
        /// The size found, in bytes.
        found: u64,
    },
    /// What was downloaded is not what the hub says it is. It was thrown away.
    #[error(
        "{url} sent something else than announced: checksum {found}, not {expected}; try again"
    )]
    WrongChecksum {
        /// The address, without its query.
        url: String,
        /// The checksum announced.
        expected: String,
        /// The checksum found.
        found: String,
    },
    /// A file in the cache is not what its name says.
    #[error(
        "the cached copy of `{file}` is damaged: {} has checksum {found}, not {expected}; \
         delete that file and fetch again", path.display()
    )]
    Damaged {
        /// The file's name in the repository.
        file: String,
        /// The damaged file on disk.
        path: PathBuf,
        /// The checksum that it should have.
        expected: String,
        /// The checksum that it has.
        found: String,
    },
    /// A file in the cache could not be read.
    #[error("cannot read {}: {source}", path.display())]
    DiskRead {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written into the cache.
    #[error("cannot write {}: {source}", path.display())]
    DiskWrite {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl HubError {
    /// What kind of trouble this is.
    pub fn kind(&self) -> ErrorKind {
        use HubError::*;
        match self {
            BadRepo { .. } | BadFileName { .. } | BadEndpoint { .. } | BadToken | NoHome => {
                ErrorKind::Usage
            }
            RepoNotFound { .. }
            | RevisionNotFound { .. }
            | FileNotFound { .. }
            | OfflineNotCached { .. } => ErrorKind::NotFound,
            Gated { .. }
            | Refused { .. }
            | Network { .. }
            | Server { .. }
            | Protocol { .. }
            | WrongSize { .. }
            | WrongChecksum { .. } => ErrorKind::Network,
            Damaged { .. } | DiskRead { .. } | DiskWrite { .. } => ErrorKind::Failure,
        }
    }

    /// Whether the hub gave no answer of its own, so that a cached copy is the best there is.
    pub(super) fn is_unreachable(&self) -> bool {
        matches!(self, HubError::Network { .. } | HubError::Server { .. })
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

fn shown(message: &Option<String>) -> String {
    message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
}
