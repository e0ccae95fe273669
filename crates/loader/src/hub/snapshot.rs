//! What is fetched: the files that a caller wants, and those of one commit that it gets.

use crate::source::path_text;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use super::error::{HubError, NotCached};

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
    /// Optional files that are not in the cache and not known to be absent, while the hub cannot be
    /// asked.
    pub unknown: BTreeSet<String>,
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
    /// The model is used without these files, which it may have: they are not in the cache, and the hub
    /// cannot be asked. All are of one commit.
    Without {
        /// The files of the tokenizer.
        tokenizer: Vec<NotCached>,
        /// The files for the vectors of sentences.
        sentences: Vec<NotCached>,
    },
}

impl fmt::Display for HubWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UsedCachedCopy { commit, cause } => write!(
                f,
                "the hub cannot be reached ({cause}); using the cached copy of commit {commit}"
            ),
            Self::Without { tokenizer, sentences } => {
                let Some(first) = tokenizer.first().or(sentences.first()) else { return Ok(()) };
                let NotCached { repo, revision, cache_dir, .. } = first;
                let named = |files: &[NotCached], what: &str| {
                    let names: Vec<_> = files.iter().map(|f| format!("`{}`", f.file)).collect();
                    (!names.is_empty()).then(|| format!("{} ({what})", names.join(", ")))
                };
                let parts =
                    [named(tokenizer, "tokenizer"), named(sentences, "vectors of sentences")];
                let parts: Vec<_> = parts.into_iter().flatten().collect();
                let cache = path_text(cache_dir);
                write!(
                    f,
                    "the cache {cache} does not have {} of `{repo}` at revision {revision}, and the hub cannot be asked: the model is used without them",
                    parts.join(" and ")
                )
            }
        }
    }
}
