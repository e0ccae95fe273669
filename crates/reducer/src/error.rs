//! The one error type of this crate.

use stratoscope_numerics::NoConvergence;

/// Why a reduction failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReducerError {
    /// The matrix has no rows or no columns.
    #[error("the matrix is empty: {rows} rows, {columns} columns")]
    Empty {
        /// Rows found.
        rows: usize,
        /// Columns found.
        columns: usize,
    },
    /// The method needs more rows than there are.
    #[error("{method} needs at least {needed} rows, found {found}")]
    TooFewRows {
        /// The method asked for.
        method: &'static str,
        /// The smallest number of rows that the method accepts.
        needed: usize,
        /// Rows found.
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
        value: f64,
    },
    /// The shapes of two matrices do not fit each other.
    #[error("{what}: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// What the shape is of.
        what: &'static str,
        /// The required shape, `[rows, columns]`.
        expected: [usize; 2],
        /// The shape found, `[rows, columns]`.
        found: [usize; 2],
    },
    /// A setting is outside its range.
    #[error("{name} = {value}: expected {expected}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The value of the setting.
        value: f64,
        /// The values allowed, in words.
        expected: &'static str,
    },
    /// The iteration for the eigenvalues of a matrix did not converge.
    #[error(transparent)]
    NoConvergence(#[from] NoConvergence),
    /// A random projection failed.
    #[error("random projection failed")]
    RandomProjection(#[from] linfa_reduction::ReductionError),
    /// An error of the dataset layer of linfa.
    #[error("linfa reports an error")]
    Linfa(#[from] linfa::error::Error),
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, ReducerError>;
