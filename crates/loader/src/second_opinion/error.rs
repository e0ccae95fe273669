//! Why there is no second opinion on a checkpoint.

use crate::kind::ErrorKind;

/// Shorthand for this module's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no second opinion on a checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Loader(#[from] crate::Error),
    /// candle-transformers does not have the family.
    #[error("candle-transformers has no models of type {model_type:?}; supported types: {has}")]
    NoFamily {
        /// The `model_type` of the config.
        model_type: String,
        /// The supported types.
        has: String,
    },
    /// candle-transformers does not support a setting of the config.
    #[error("candle-transformers does not support {key} = {value}: {reason}")]
    CannotExpress {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// The reason.
        reason: String,
    },
    /// A sequence without tokens.
    #[error("sequence {sequence} has no tokens")]
    Empty {
        /// The sequence, counted from 0.
        sequence: usize,
    },
    /// candle-transformers does not read the config.
    #[error("candle-transformers does not read the config")]
    Config(#[from] serde_json::Error),
    /// candle-transformers failed.
    #[error("candle-transformers failed")]
    Candle(#[from] candle_core::Error),
}

impl Error {
    /// The kind of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Loader(error) => error.kind(),
            Self::Candle(_) => ErrorKind::Failure,
            _ => ErrorKind::BadInput,
        }
    }
}
