//! The one error type of this crate.

/// Why a reduction could not be done.
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
        /// The smallest number of rows that it can work with.
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
    /// Two matrices that have to agree in shape do not.
    #[error("{what}: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// What was compared.
        what: &'static str,
        /// The shape that was needed, `[rows, columns]`.
        expected: [usize; 2],
        /// The shape that was given, `[rows, columns]`.
        found: [usize; 2],
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
    /// The iterations for the eigenvalues of a `size` x `size` matrix did not settle.
    #[error("the eigenvalues of a {size} x {size} matrix did not converge")]
    NoConvergence {
        /// Rows of the matrix.
        size: usize,
    },
    /// A random projection could not be made.
    #[error("random projection failed")]
    RandomProjection(#[from] linfa_reduction::ReductionError),
    /// An error of linfa's own, from its dataset layer.
    #[error("linfa reports an error")]
    Linfa(#[from] linfa::error::Error),
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, ReducerError>;
