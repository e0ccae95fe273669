//! The one error type of this crate.

use stratoscope_numerics::NoConvergence;

/// Why a measure is not defined.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryError {
    /// There are too few vectors for the measure.
    #[error("{measure} needs at least {needed} vectors, found {found}")]
    TooFew {
        /// The measure.
        measure: &'static str,
        /// The smallest number for which it is defined.
        needed: usize,
        /// The number found.
        found: usize,
    },
    /// The sizes of two inputs differ.
    #[error("{what}: expected {expected}, found {found}")]
    Length {
        /// What the size is of.
        what: &'static str,
        /// The required size.
        expected: usize,
        /// The size found.
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
    /// All vectors are equal up to rounding, so that the ratio is 0 / 0.
    #[error("{measure} is not defined: the vectors do not vary")]
    NoVariance {
        /// The measure.
        measure: &'static str,
    },
    /// A setting is outside its range.
    #[error("{name} = {value}: expected {expected}")]
    Setting {
        /// The name of the setting.
        name: &'static str,
        /// The value of the setting.
        value: f64,
        /// The values allowed, in words.
        expected: &'static str,
    },
    /// There is too much for the memory.
    #[error("{what}: at most {max}, found {found}")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// The largest number allowed.
        max: usize,
        /// The number found.
        found: usize,
    },
    /// A quantity that others are divided by is not above 0.
    #[error("{what} is {value}, not above 0")]
    NotPositive {
        /// The quantity.
        what: &'static str,
        /// The value of the quantity.
        value: f64,
    },
    /// A sentence was added before; all rows of a sentence have to be added at once.
    #[error("sentence {sentence} was added twice")]
    SentenceTwice {
        /// The number of the sentence.
        sentence: usize,
    },
    /// The attention weights of a query are not a distribution: one is negative, or all are 0.
    #[error("attention of head {head}, query {query} is not a distribution (its sum is {sum})")]
    NotAttention {
        /// The head, from 0.
        head: usize,
        /// The query position, from 0.
        query: usize,
        /// The sum of its weights.
        sum: f64,
    },
    /// The iteration for the eigenvalues of a matrix did not converge.
    #[error(transparent)]
    NoConvergence(#[from] NoConvergence),
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, GeometryError>;
