//! A transformer-embedding explorer: load a model, take the hidden states of every layer, reduce
//! them, draw them.
//!
//! [`Explorer`] loads and extracts; [`explore`] measures and reduces; an [`Exploration`] draws its
//! figures and writes its folder:
//!
//! ```no_run
//! use stratoscope::{Explorer, Known, Settings, Source, explore};
//!
//! let explorer = Explorer::open(&Source::Folder("models/all-MiniLM-L6-v2".into()))?;
//! let states = explorer.extract(&["The bank by the river refused the loan."])?;
//! assert_eq!(states.hidden_states.dim(), (7, 11, 384));
//!
//! let exploration = explore(states, &Settings::default(), Known::default(), &mut |_| {})?;
//! for layer in &exploration.layers {
//!     println!("layer {}: {:?}", layer.layer, layer.to_layer_0);
//! }
//! for figure in exploration.figures() {
//!     std::fs::write(format!("{}.svg", figure.name), figure.drawn?.svg())?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The parts are crates of their own, and re-exported here: [`transformer`], [`loader`],
//! [`extractor`], [`reducer`], [`geometry`], [`probing`], [`plot`], [`page`].

mod attention;
mod baseline;
mod compare;
mod error;
mod exploration;
mod explorer;
mod figures;
mod folder;
mod lens;
mod manifest;
mod maps;
mod measures;
mod moves;
mod numbers;
mod probe;
mod profile;
mod random;
mod report;
mod side_by_side;
#[cfg(feature = "second-opinion")]
mod verification;

pub use attention::{Attention, AttentionBlock, HeadSummary, Rollout};
pub use baseline::{Baseline, BaselineLayer, builtin_sentences};
pub use compare::{
    AlignedWord, CompareError, CompareSettings, Compared, Comparison, EditKind, MinimalPair,
    PairsComparison, PairsLayer, RandomWords, SentenceComparison, SentenceLayer, WicComparison,
    WicLayer, WicPair, WordComparison, WordContext, WordDistance, WordLayer, WordPair,
    parse_minimal_pairs, parse_wic,
};
pub use error::{Error, Result};
pub use exploration::{
    Estimate, Exploration, Known, LayerSummary, LeftOut, Settings, Step, explore,
};
pub use explorer::Explorer;
pub use figures::NamedFigure;
pub use folder::{
    Written, check_output, slug, write_comparison, write_folder, write_geometry, write_lens,
    write_probe, write_profiles, write_side_by_side,
};
pub use lens::{
    Distribution, Lens, LensCell, LensError, LensLayer, LensPosition, LensSettings, LensTruth,
    Perplexity, Reading, Token, TopToken,
};
pub use manifest::{Manifest, ModelFile};
pub use maps::{Alignment, LayerMaps, Reducer, ThirdComponent, reduce};
pub use measures::{
    Across, Cka, Geometry, GeometryCounts, GeometryInput, GeometrySettings, LayerGeometry, Measure,
    ModelGeometry, MovedStep, MovedWord, RogueShare, Undefined, measure_geometry,
};
pub use moves::{Move, MoveStep, Moves};
pub use probe::{
    Answer, ClassCount, Column, ConlluCorpus, Filter, LabelProbe, LayerProbe, OwnTask, PartCounts,
    Probe, ProbeBaselines, ProbeData, ProbeError, ProbeFile, ProbeSettings, SavedProbe, Span,
    StructuralReport, TaskRow,
};

pub use profile::{
    NamedStimuli, Profile, ProfileCurve, ProfileLayer, ProfileStates, StandardisedProfile,
    StimuliSummary,
};
pub use report::{charts, report_of};
pub use side_by_side::{CrossCka, SideBySide, keep_shared_words};
#[cfg(feature = "second-opinion")]
pub use verification::{VERIFY_TOLERANCE, Verdict, Verification, VerifiedText};

pub use stratoscope_extractor as extractor;
pub use stratoscope_extractor::{Activations, HookSelection, LayerSelection, LongText, Text, Unit};
pub use stratoscope_geometry as geometry;
pub use stratoscope_geometry::Metric;
pub use stratoscope_loader as loader;
pub use stratoscope_loader::{DType, Device, ErrorKind, LoadOptions, Pooling, Source};
pub use stratoscope_plot as plot;
pub use stratoscope_probing as probing;
pub use stratoscope_reducer as reducer;
pub use stratoscope_report as page;
pub use stratoscope_transformer as transformer;
