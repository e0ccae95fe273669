//! The errors of `probe --contrast`.

use std::path::PathBuf;
use stratoscope_loader::{ErrorKind, path_text};

/// An error in two lists of texts, or in directions from them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContrastError {
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
    /// A list has too few different texts: each fold needs one.
    #[error("{place} has {found} different texts; a direction needs at least {needed}")]
    TooFew {
        /// The file.
        place: String,
        /// The number of different texts.
        found: usize,
        /// The least number.
        needed: usize,
    },
    /// A text is in both lists.
    #[error("both lists have the text {text:?}")]
    InBoth {
        /// The beginning of the text.
        text: String,
    },
    /// A direction cannot be added in a model without predictions.
    #[error("{model} predicts no next token: --steer needs a causal language model with its head")]
    NotCausal {
        /// The model.
        model: String,
    },
    /// The ending of a file names no format of directions.
    #[error(
        "{} has an ending that names no format; directions are written as .npz or .gguf",
        path_text(path)
    )]
    Format {
        /// The file.
        path: PathBuf,
    },
}

impl ContrastError {
    /// The kind, for exit codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotCausal { .. } | Self::Format { .. } => ErrorKind::Usage,
            _ => ErrorKind::BadInput,
        }
    }
}
