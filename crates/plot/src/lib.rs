//! Charts to SVG, PNG and PDF figures.
//!
//! Make a [`Chart`](stratoscope_chart::Chart), call [`draw`], and write [`Figure::svg`],
//! [`Figure::png`] or [`Figure::pdf`] to a file:
//!
//! ```
//! use stratoscope_chart::{Axis, Chart, Curves, Panel, Series};
//! use stratoscope_plot::Style;
//!
//! let series = Series::new("MiniLM").values([Some(0.4), Some(0.5), Some(0.7)]);
//! let panel = Panel::new("", Axis::layers(&[0, 1, 2]), "cosine", [series]);
//! let chart = Chart::new("similarity", "Similarity within the sentence", Curves::one(panel))
//!     .caption("Mean cosine of a token with the mean vector of its sentence.");
//! let figure = stratoscope_plot::draw(&chart, Style::REPORT)?;
//! assert!(figure.svg().starts_with("<svg"));
//! # Ok::<(), stratoscope_plot::PlotError>(())
//! ```
//!
//! Two figures are no charts, and are structs with a `draw` of their own: [`Trajectory`] (the path
//! of every token through the layers in one plane) and [`Activations`] (tokens by dimensions).
//!
//! The same input gives the same bytes: fonts are bundled, the system's are never read. (PNG bytes
//! have not been compared between kinds of processor.) Any text is safe to draw. This crate knows
//! nothing of models and their files.
//!
//! A new kind of figure is a file in `figures/`, built from the parts in `layout` (page, axes, colour
//! bars, legends) and `labels` (placement without overlap).

mod canvas;
mod colour;
mod error;
mod figure;
mod figures;
mod fonts;
mod input;
mod labels;
mod layout;
mod pdf;
mod picture;
mod pixels;
mod style;
mod svg;
#[cfg(test)]
mod tests;
mod text;

pub use error::PlotError;
pub use figure::Figure;
pub use figures::activations::Activations;
pub use figures::draw;
pub use figures::trajectory::Trajectory;
pub use style::Style;
