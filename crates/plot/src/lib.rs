//! Plain data to SVG and PNG figures.
//!
//! Fill one of the structs, call its `draw`, and write [`Figure::svg`] or [`Figure::png`] to a file:
//!
//! ```
//! use stratoscope_plot::{Depth, Panel, Series, XAxis};
//!
//! let figure = Depth {
//!     title: "Similarity within the sentence".to_owned(),
//!     caption: "Mean cosine of a token with its sentence's mean vector.".to_owned(),
//!     rows: vec![vec![Panel {
//!         title: String::new(),
//!         y_label: "cosine".to_owned(),
//!         layers: vec![0, 1, 2],
//!         x: XAxis::Layers,
//!         range: None,
//!         series: vec![Series::line("MiniLM", vec![Some(0.4), Some(0.5), Some(0.7)])],
//!     }]],
//! }
//! .draw()?;
//! assert!(figure.svg().starts_with("<svg"));
//! # Ok::<(), stratoscope_plot::PlotError>(())
//! ```
//!
//! - [`Trajectory`]: every token's trail through the layers in one shared plane.
//! - [`Maps`]: one small map per layer (t-SNE, random projection, PCA per layer).
//! - [`Similarity`]: token by token matrices by layer, raw and centred.
//! - [`Depth`]: curves by layer with their intervals and n, in rows of panels.
//! - [`Heat`]: any matrices with named sides, as heads by layer.
//! - [`Multiples`]: many measures by depth, a small panel each.
//! - [`LayerMatrix`]: layer by layer, as CKA; [`LayerMaps`]: several of them, also between models.
//! - [`Moved`]: which words change their neighbours from layer to layer.
//! - [`Activations`]: tokens by dimensions.
//! - [`Lens`]: what every layer would predict at every token.
//! - [`SensePlane`]: words between role and sense.
//! - [`WordGrid`]: words of two sentences, aligned, by layer.
//!
//! The same input gives the same bytes: fonts are bundled, the system's are never read. (PNG bytes
//! have not been compared between kinds of processor.) Any text is safe to draw. This crate knows nothing of models and their files.
//!
//! To add a figure: a struct with a `draw` in a file of `figures/`, built from the parts in
//! `layout` (page, axes, colour bars, legends) and `labels` (placement without overlap).

mod canvas;
mod colour;
mod error;
mod figure;
mod figures;
mod fonts;
mod input;
mod labels;
mod layout;
mod pixels;
#[cfg(test)]
mod tests;
mod text;

pub use error::PlotError;
pub use figure::Figure;
pub use figures::activations::Activations;
pub use figures::depth::{Depth, Panel, Series, SeriesKind, XAxis};
pub use figures::heat::{Heat, HeatPanel};
pub use figures::layer_maps::{LayerMap, LayerMaps};
pub use figures::layers::LayerMatrix;
pub use figures::lens::{Lens, LensTruth, Prediction};
pub use figures::maps::{Map, MapColour, Maps};
pub use figures::moved::{Moved, MovedStep};
pub use figures::multiples::{CurvePoint, Multiples, SmallPanel};
pub use figures::sense_plane::{SensePlane, SenseWord};
pub use figures::similarity::Similarity;
pub use figures::trajectory::Trajectory;
pub use figures::word_grid::{GridWord, WordGrid};
pub use input::Token;
