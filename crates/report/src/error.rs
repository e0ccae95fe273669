//! What can be wrong with a report.

/// What can be wrong with a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no JSON, or lacks what every report has.
    #[error("this is no report of Stratoscope's: {reason}")]
    NotAReport {
        /// What is missing or wrong.
        reason: String,
    },
    /// A report of a later version of the schema.
    #[error(
        "this report is of version {found} of the schema, and this program reads up to {known}; a \
         newer stratoscope reads it"
    )]
    Newer {
        /// Its version.
        found: u64,
        /// The latest that is known here.
        known: u32,
    },
    /// Lengths that do not go together.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// Of what.
        what: String,
        /// As it has to be.
        expected: usize,
        /// As it is.
        found: usize,
    },
    /// A number that JSON cannot hold.
    #[error("{what} is {value}, which a report cannot hold")]
    NotFinite {
        /// Where it is.
        what: String,
        /// The number.
        value: f64,
    },
    /// The data could not be written as JSON.
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
    /// The page could not be put together.
    #[error("cannot put the page together")]
    Template(#[from] askama::Error),
}

/// What a function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;
