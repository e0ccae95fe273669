//! What can be wrong with a report.

/// What can be wrong with a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not JSON, or lacks a field that every report has.
    #[error("this is not a Stratoscope report: {reason}")]
    NotAReport {
        /// What is missing or wrong.
        reason: String,
    },
    /// A report of another version of the schema.
    #[error(
        "this report has version {found} of the schema, and this program reads version {known}: \
         make the report again, or read it with the stratoscope that made it"
    )]
    Version {
        /// The version of the report.
        found: u64,
        /// The version that this program reads.
        known: u32,
    },
    /// An invalid chart.
    #[error(transparent)]
    Chart(#[from] stratoscope_chart::ChartError),
    /// Two charts of one id: links and file names could not tell them apart.
    #[error("two charts have the id `{id}`")]
    Twice {
        /// The id.
        id: String,
    },
    /// Lengths that do not agree.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// Which list.
        what: String,
        /// The expected length.
        expected: usize,
        /// The length that was found.
        found: usize,
    },
    /// A picture that the page cannot show.
    #[error("{what}: the picture cannot be shown: {reason}")]
    Picture {
        /// Which picture.
        what: String,
        /// Why.
        reason: &'static str,
    },
    /// A number that JSON cannot hold.
    #[error("{what} is {value}, which a report cannot hold")]
    NotFinite {
        /// Which number.
        what: String,
        /// The number.
        value: f64,
    },
    /// The data could not be written as JSON.
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
    /// The page could not be rendered.
    #[error("cannot render the page")]
    Template(#[from] askama::Error),
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
