//! What can be wrong with a chart.

/// What can be wrong with a chart.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// A list is not as long as the others say.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// Which list.
        what: String,
        /// The length that the others say.
        expected: usize,
        /// Its length.
        found: usize,
    },
    /// A number that is NaN or infinite: JSON cannot hold it, and no picture can show it.
    #[error("{what} is {value}, which is not a finite number")]
    NotFinite {
        /// Which number.
        what: String,
        /// The number.
        value: f64,
    },
    /// A number outside of its range.
    #[error("{what} is {value}, outside {low} to {high}")]
    OutOfRange {
        /// Which number.
        what: String,
        /// The number.
        value: f64,
        /// The smallest allowed.
        low: f64,
        /// The largest allowed.
        high: f64,
    },
    /// Two columns of a table have one title.
    #[error("{id}: two columns have the title {title:?}")]
    SameTitle {
        /// The chart.
        id: String,
        /// The title.
        title: String,
    },
    /// A picture that is no PNG file in base64.
    #[error("{what}: a PNG file in base64 is expected, found {found:?}")]
    NotAPicture {
        /// Which picture.
        what: String,
        /// Its beginning.
        found: String,
    },
}
