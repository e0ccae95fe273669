//! What is drawn, as data. One [`Chart`] is drawn on paper by `stratoscope_plot`, drawn on the page
//! by `stratoscope_report`, written as JSON by serde, as CSV by [`Chart::csv`], and as
//! Markdown tables by [`Chart::markdown`].
//!
//! ```
//! use stratoscope_chart::{Axis, Chart, Curves, Panel, Series};
//!
//! let layers = Axis::layers(&[0, 1, 2]);
//! let series = [
//!     Series::new("accuracy").n(120).estimates([
//!         Some((0.5, Some([0.4, 0.6]))),
//!         Some((0.8, Some([0.7, 0.9]))),
//!         None,
//!     ]).peak(),
//!     Series::new("majority").baseline().values([Some(0.4); 3]),
//! ];
//! let chart = Chart::new("probe", "Accuracy by layer", Curves::one(Panel::new("", layers, "accuracy", series)))
//!     .subject("a/model")
//!     .caption("A linear probe, scored on 120 held-out words.");
//! chart.check()?;
//! assert!(chart.csv().contains("accuracy,1,1,0.8,0.7,0.9,120"));
//! # Ok::<(), stratoscope_chart::ChartError>(())
//! ```

mod axis;
mod chart;
mod check;
mod csv;
mod curves;
mod error;
mod grid;
mod markdown;
mod matrix;
mod number;
mod pictures;
mod scale;
mod table;
#[cfg(test)]
mod tests;
mod trails;

pub use axis::{Axis, AxisKind};
pub use chart::{Chart, Drawing, Paper};
pub use csv::csv_field;
pub use curves::{Curves, Panel, Series, SeriesKind};
pub use error::ChartError;
pub use grid::{Grid, GridCell, Truth};
pub use markdown::csv_as_markdown;
pub use matrix::{Matrix, MatrixPanel, Slice};
pub use number::{brief, number};
pub use pictures::{Channel, PNG_URI, PicturePanel, PictureSlice, Pictures};
pub use scale::Scale;
pub use table::{Align, Cell, Column, Table};
pub use trails::Trails;
