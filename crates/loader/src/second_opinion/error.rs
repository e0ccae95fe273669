//! Why there is no second opinion on a checkpoint.

use crate::ErrorKind;

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
    #[error("candle-transformers has no models of type {model_type:?}; it has {has}")]
    NoFamily {
        /// The config's `model_type`.
        model_type: String,
        /// The types that it has.
        has: String,
    },
    /// candle-transformers has the family, but not with this setting.
    #[error("candle-transformers has no {key} = {value}: {reason}")]
    CannotExpress {
        /// The config's key.
        key: String,
        /// Its value.
        value: String,
        /// What it does instead.
        reason: String,
    },
    /// A sequence without tokens.
    #[error("sequence {sequence} has no tokens")]
    Empty {
        /// Which, counted from 0.
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
    /// What kind of trouble this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Loader(error) => error.kind(),
            Self::Candle(_) => ErrorKind::Failure,
            _ => ErrorKind::BadInput,
        }
    }
}
