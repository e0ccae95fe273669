//! The one error type of this crate.

/// Why a figure could not be drawn.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// A chart whose lengths do not agree, or with a number that has no place in it.
    #[error(transparent)]
    Chart(#[from] stratoscope_chart::ChartError),
    /// A figure needs at least one of these.
    #[error("no {what} to draw")]
    Empty {
        /// What is missing, e.g. `tokens`.
        what: &'static str,
    },
    /// A list is not as long as the others say.
    #[error("{what}: {found} values, expected {expected}")]
    Shape {
        /// Which list.
        what: String,
        /// How long it has to be.
        expected: usize,
        /// How long it is.
        found: usize,
    },
    /// A value that has no place on a scale: NaN, infinite, or larger than 1e100.
    #[error("{what} is {value:e}, which cannot be drawn")]
    NotDrawable {
        /// Which value, with its layer and token.
        what: String,
        /// The value.
        value: f64,
    },
    /// A value outside of its range: a cosine, a category, a percentile, an interval's end.
    #[error("{what} is {value}, outside {low} to {high}")]
    OutOfRange {
        /// Which value.
        what: String,
        /// The value.
        value: f64,
        /// The smallest allowed.
        low: f64,
        /// The largest allowed.
        high: f64,
    },
    /// More than a picture can hold.
    #[error("{found} {what}: a figure holds at most {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A PNG of this size cannot be made.
    #[error(
        "a PNG of {width} x {height} pixels is outside the limits (1 to {limit} pixels in all)"
    )]
    PngSize {
        /// Width asked for, in pixels.
        width: u64,
        /// Height that follows, in pixels.
        height: u64,
        /// The most pixels that are drawn.
        limit: u64,
    },
    /// A font that ships with this crate could not be read.
    #[error("the bundled font {name} could not be read")]
    Font {
        /// Its file name.
        name: &'static str,
    },
    /// Writing PNG bytes failed.
    #[error("the PNG could not be encoded: {message}")]
    Encode {
        /// What the encoder said.
        message: String,
    },
    /// A drawing backend refused.
    #[error("drawing failed: {message}")]
    Backend {
        /// What the backend said.
        message: String,
    },
}
