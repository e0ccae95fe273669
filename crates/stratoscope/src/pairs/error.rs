//! The errors of `probe --pairs`.

use std::path::PathBuf;
use stratoscope_loader::{ErrorKind, path_text};

/// An error in pairs of texts, or in a saved embedder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PairsError {
    /// A line has a wrong form.
    #[error("{place}, line {line}: {reason}")]
    Line {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// The reason.
        reason: String,
    },
    /// A file has no pairs.
    #[error("{place} has no pairs")]
    NoPairs {
        /// The file.
        place: String,
    },
    /// There are too few pairs or queries.
    #[error("{found} {what}; a correlation needs at least 3")]
    TooFew {
        /// The number of them.
        found: usize,
        /// `pairs` or `queries`.
        what: &'static str,
    },
    /// There are too few pairs to choose a layer.
    #[error(
        "there are too few pairs to choose a layer: one half chooses, the other reports, and each needs {needed}"
    )]
    NoChoice {
        /// The number of pairs of a half.
        needed: usize,
    },
    /// A file is not a saved embedder.
    #[error("{} is not a saved embedder: {reason}", path_text(path))]
    Saved {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
}

impl PairsError {
    /// The kind, for exit codes.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::BadInput
    }
}
