//! The report: its versioned schema, and the page that shows it.
//!
//! A [`Report`] is plain data. [`Report::json`] writes it, [`Report::parse`] reads it and refuses
//! other versions, [`Report::html`] puts it into one self-contained page that works from a file: it
//! makes no request, and its Content-Security-Policy allows only its own script and style.
//!
//! The page shows the map, the text and the similarities from each [`Exploration`], and draws
//! [`Report::charts`], from which the figures are drawn too.
//!
//! ```
//! use stratoscope_chart::{Axis, Chart, Curves, Panel, Series};
//! use stratoscope_report::Report;
//!
//! let mut report = Report::new("geometry", "stratoscope 0.1.0", "Geometry by depth");
//! let series = Series::new("mean").values([Some(1.0), Some(2.5)]);
//! let panel = Panel::new("", Axis::layers(&[0, 1]), "norm", [series]);
//! let chart = Chart::new("norms", "Norms", Curves::one(panel));
//! report.charts.push(chart.caption("The mean length of a token's vector."));
//! let page = report.html()?;
//! assert!(page.starts_with("<!doctype html>"));
//! # Ok::<(), stratoscope_report::Error>(())
//! ```

mod check;
mod comments;
mod error;
mod form;
mod page;
mod schema;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod types;

pub use error::{Error, Result};
pub use form::{EXAMPLE, Example, Form};
pub use schema::{
    AttentionAbout, BankAbout, ByClass, Contexts, Estimate, Exploration, Head, Journey,
    JourneyLayer, Journeys, Label, Layer, Majority, MapAbout, MapLayer, Media, MediaKind,
    Neighbour, NeighbourChange, Occurrence, Omitted, Overlay, OverlayDisplaced, OverlayStep,
    QuerySimilarity, Report, SCHEMA, Sampled, Sense, Similarity, Story, StoryLayer, Token,
    TokenChange, TokenExperts, VERSION,
};
