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
    /// More than can be held in memory.
    #[error("{what}: at most {most}, found {found}")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// The largest number allowed.
        most: usize,
        /// The number given.
        found: usize,
    },
    /// A quantity that others are relative to is not above 0.
    #[error("{what} is {value}, not above 0")]
    NotPositive {
        /// The quantity.
        what: &'static str,
        /// What it is.
        value: f64,
    },
    /// A sentence that was added before: its rows have to come together.
    #[error("sentence {sentence} was added twice")]
    SentenceTwice {
        /// The number of the sentence.
        sentence: usize,
    },
    /// Weights that are no distribution: a negative one, or none at all.
    #[error("attention of head {head}, query {query} is not a distribution (its sum is {sum})")]
    NotAttention {
        /// The head, from 0.
        head: usize,
        /// The query position, from 0.
        query: usize,
        /// The sum of its weights.
        sum: f64,
    },
    /// Eigenvalues that do not settle; not met on finite input.
    #[error("the eigenvalues of a {size} x {size} matrix did not settle")]
    NoConvergence {
        /// The number of rows.
        size: usize,
    },
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, GeometryError>;
