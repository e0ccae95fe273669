//! Explores the hidden states of transformer models, layer by layer.
//!
//! [`Explorer`] is a loaded model. It has one method for each task; the method takes options and
//! returns an [`Analysis`]: figures, numbers, and a summary. [`Analysis::write`] writes them to a
//! folder.
//!
//! Explore a text:
//!
//! ```no_run
//! use stratoscope::{ExploreOptions, Explorer};
//!
//! let explorer = Explorer::open("sentence-transformers/all-MiniLM-L6-v2")?;
//! let texts = ["The bank by the river refused the loan."];
//! let exploration = explorer.explore(&texts, &ExploreOptions::default())?;
//! println!("{}", exploration.summary());
//! std::fs::write("similarity.svg", exploration.figure("similarity")?.svg()?)?;
//! exploration.write("folder")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Get the hidden states, and the vector of a word at a layer:
//!
//! ```no_run
//! # let explorer = stratoscope::Explorer::open("sentence-transformers/all-MiniLM-L6-v2")?;
//! let states = explorer.extract(&["The bank by the river refused the loan."])?;
//! assert_eq!(states.hidden_states.dim(), (7, 11, 384));
//! for place in states.find("bank") {
//!     println!("{:?}", states.vector(&place, 3));
//! }
//! # Ok::<(), stratoscope::Error>(())
//! ```
//!
//! Compare a word in two contexts:
//!
//! ```no_run
//! # use stratoscope::CompareOptions;
//! # let explorer = stratoscope::Explorer::open("sentence-transformers/all-MiniLM-L6-v2")?;
//! let texts = ["The bank lent him money.", "The bank of the river flooded."];
//! let comparison = explorer.compare_word(&texts, &["bank"], &CompareOptions::default())?;
//! println!("{}", comparison.summary());
//! # Ok::<(), stratoscope::Error>(())
//! ```
//!
//! [`Explorer::probe`] fits a probe for labels to every layer. [`Explorer::run_with_hooks`] changes
//! values during the forward pass.
//!
//! The library is made of several crates, which are re-exported in [`crates`].

mod analysis;
mod artifacts;
pub mod bank;
mod baseline;
pub mod compare;
pub mod contrast;
mod error;
pub mod explore;
mod explorer;
mod figures;
pub mod folder;
mod forecast;
pub mod geometry;
mod given;
pub mod journey;
pub mod lens;
mod omitted;
pub mod pairs;
pub mod probe;
pub mod profile;
mod progress;
mod random_weights;
mod results;
mod serial;
mod series;
mod sinks;
mod source;
mod store;
mod text;
#[cfg(feature = "second-opinion")]
pub mod verification;

pub use analysis::{Analysis, Figure, ModelFile, ModelRecord, Provenance, with_schema};
pub use artifacts::ModelArtifacts;
pub use baseline::{Baseline, builtin_sentences};
pub use error::{Error, Result};
pub use explorer::{Builder, Explorer};
pub use figures::{FigureFormat, FigureOptions, FigureSelection};
pub use forecast::Forecast;
pub use given::GivenStates;
pub use omitted::{Omitted, Part, Why};
pub use progress::{Progress, Silent, Step, StepUnit};
pub use source::{BUNDLED, IntoSource, bundled as bundled_source};
pub use store::{DiskStore, NoStore, Store};
pub use stratoscope_geometry::Estimate;

pub use compare::Options as CompareOptions;
pub use contrast::Options as ContrastOptions;
pub use explore::Options as ExploreOptions;
pub use geometry::Options as GeometryOptions;
pub use lens::Options as LensOptions;
pub use pairs::Options as PairsOptions;
pub use probe::Options as ProbeOptions;
pub use profile::Options as ProfileOptions;

pub use stratoscope_extractor::{
    Activations, Axes, HookSelection, Image, Input, Interventions, LayerSelection, LongText, Media,
    Origin, Sound, StatesReader, Text, Unit, Waveform,
};
pub use stratoscope_geometry::Metric;
pub use stratoscope_loader::{
    DType, Device, ErrorKind, LoadOptions, Picture, Pooler, Pooling, Reads, Source,
};
pub use stratoscope_plot::Style;

/// The crates of the library.
pub mod crates {
    pub use stratoscope_chart as chart;
    pub use stratoscope_extractor as extractor;
    pub use stratoscope_geometry as geometry;
    pub use stratoscope_loader as loader;
    pub use stratoscope_numerics as numerics;
    pub use stratoscope_plot as plot;
    pub use stratoscope_probing as probing;
    pub use stratoscope_reducer as reducer;
    pub use stratoscope_report as report;
    pub use stratoscope_transformer as transformer;
}
