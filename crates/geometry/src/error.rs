//! The one error type of this crate.

/// Why a measure could not be taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryError {
    /// The measure needs more vectors than there are.
    #[error("{measure} needs at least {needed} vectors, found {found}")]
    TooFew {
        /// The measure asked for.
        measure: &'static str,
        /// The smallest number that it is defined for.
        needed: usize,
        /// The number given.
        found: usize,
    },
    /// Two inputs that have to agree in size do not.
    #[error("{what}: expected {expected}, found {found}")]
    Length {
        /// What was compared.
        what: &'static str,
        /// The size that was needed.
        expected: usize,
        /// The size that was given.
        found: usize,
    },
    /// An entry is NaN or infinite.
    #[error("row {row}, column {column} holds {value}, not a finite number")]
    NotFinite {
        /// Row of the entry, from 0.
        row: usize,
        /// Column of the entry, from 0.
        column: usize,
        /// The entry.
        value: f32,
    },
    /// All vectors are the same (or as good as), so that the ratio is 0 / 0.
    #[error("{measure} is not defined: the vectors do not vary")]
    NoVariance {
        /// The measure asked for.
        measure: &'static str,
    },
    /// A setting is out of its range.
    #[error("{name} = {value}: expected {expected}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The values allowed, in words.
        expected: &'static str,
    },
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, GeometryError>;
