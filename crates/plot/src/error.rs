//! The one error type of this crate.

/// Why a figure could not be drawn.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// Lengths that do not agree, or numbers out of their range.
    #[error(transparent)]
    Chart(#[from] stratoscope_chart::ChartError),
    /// Nothing to draw.
    #[error("no {what} to draw")]
    Empty {
        /// What is missing, e.g. `tokens`.
        what: &'static str,
    },
    /// A value that cannot be drawn: NaN, infinite, or larger than 1e100.
    #[error("{what} is {value:e}, which cannot be drawn")]
    NotDrawable {
        /// Which value, with its layer and token.
        what: String,
        /// The value.
        value: f64,
    },
    /// More than a figure can show.
    #[error("{found} {what}: a figure holds at most {limit}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The number that was found.
        found: usize,
        /// The largest number.
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
        /// The largest number of pixels.
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
        /// The message of the encoder.
        message: String,
    },
    /// A picture of a chart that cannot be read.
    #[error("the picture of {name} cannot be read: {message}")]
    Picture {
        /// The name of the picture.
        name: String,
        /// Why not.
        message: String,
    },
    /// A drawing backend refused.
    #[error("drawing failed: {message}")]
    Backend {
        /// The message of the backend.
        message: String,
    },
}
