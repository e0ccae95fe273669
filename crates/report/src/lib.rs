//! The report: its versioned schema, and the page that shows it.
//!
//! A [`Report`] is plain data. [`Report::json`] writes it, [`Report::parse`] reads it back and
//! refuses what is newer, [`Report::html`] puts it into one self-contained page that works from a
//! file: no request leaves it, and its Content-Security-Policy allows its own script and style and
//! nothing else.
//!
//! Every command fills [`Report::charts`] with what its figures take already; an [`Exploration`] is
//! what the map, the sentence and the similarities of a text are shown from.
//!
//! ```
//! use stratoscope_report::{Axis, Chart, Curves, Drawing, Report, Series};
//!
//! let mut report = Report::new("geometry", "stratoscope 0.1.0", "Geometry by depth");
//! report.charts.push(Chart {
//!     id: "norms".into(),
//!     title: "Norms".into(),
//!     shows: "The mean length of a token's vector.".into(),
//!     drawing: Drawing::Curves(Curves {
//!         x: Axis::layers(&[0, 1]),
//!         y: "norm".into(),
//!         series: vec![Series { name: "mean".into(), values: vec![Some(1.0), Some(2.5)], ..Series::default() }],
//!         ..Curves::default()
//!     }),
//!     ..Chart::default()
//! });
//! let page = report.html()?;
//! assert!(page.starts_with("<!doctype html>"));
//! # Ok::<(), stratoscope_report::Error>(())
//! ```

mod charts;
mod check;
mod error;
mod form;
mod page;
mod schema;
#[cfg(test)]
mod tests;

pub use charts::{
    Axis, AxisOf, Cell, Chart, Curves, Drawing, Grid, GridCell, Matrix, Paper, Scale, Series,
    SeriesKind, Slice, Table, Trail, Trails,
};
pub use error::{Error, Result};
pub use form::Form;
pub use schema::{
    Estimate, Exploration, Head, Layer, LeftOut, MapAbout, MapLayer, Moved, Moves, Report, SCHEMA,
    Sampled, Similarity, Token, VERSION,
};
