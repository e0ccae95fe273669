//! What can go wrong in a job, whichever part it comes from.

use std::path::PathBuf;
use stratoscope_loader::ErrorKind;

/// Shorthand for this crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong in a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Finding or loading a model.
    #[error(transparent)]
    Loader(#[from] stratoscope_loader::Error),
    /// Reading texts or states, or running the model.
    #[error(transparent)]
    Extractor(#[from] stratoscope_extractor::Error),
    /// Comparing a model with candle-transformers.
    #[cfg(feature = "second-opinion")]
    #[error(transparent)]
    SecondOpinion(#[from] stratoscope_loader::second_opinion::Error),
    /// The checkpoint was changed after it was loaded.
    #[cfg(feature = "second-opinion")]
    #[error("{file} is no longer the file that the model was loaded from")]
    Changed {
        /// The file.
        file: String,
    },
    /// Reducing states to maps.
    #[error(transparent)]
    Reducer(#[from] stratoscope_reducer::ReducerError),
    /// Measuring states.
    #[error(transparent)]
    Geometry(#[from] stratoscope_geometry::GeometryError),
    /// Stimuli that break their format, or a design that nothing can be told from.
    #[error(transparent)]
    Probing(#[from] stratoscope_probing::ProbingError),
    /// A build without the bundled model.
    #[error("this build has no bundled model; name a folder or a hub repository (org/name)")]
    NotBundled,
    /// A figure that a result does not have.
    #[error("there is no figure {id:?}; the figures are {}", known.join(", "))]
    NoFigure {
        /// The id asked for.
        id: String,
        /// The ids of the figures.
        known: Vec<String>,
    },
    /// A layer that a states file does not hold.
    #[error("{} does not hold layer {layer}", path.display())]
    NoLayer {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: usize,
    },
    /// Attention patterns that are too large for memory.
    #[error(
        "the attention patterns of these texts need {:.1} GiB, more than 1; give shorter or fewer texts",
        *bytes as f64 / (1u64 << 30) as f64
    )]
    PatternsTooLarge {
        /// Their size.
        bytes: usize,
    },
    /// A target that the tokenizer has no token for.
    #[error("the stimulus of line {line} has no token for its target or carrier: {text}")]
    NoToken {
        /// Its line in the stimuli.
        line: usize,
        /// The text.
        text: String,
    },
    /// A stored profile that does not fit the model.
    #[error("the stored profile of {model} cannot be used: {reason}")]
    Profile {
        /// The model.
        model: String,
        /// Why.
        reason: String,
    },
    /// A probe's corpus, its words, or a probe that was saved.
    #[error(transparent)]
    Probe(#[from] crate::probe::ProbeError),
    /// Reading layers through a head.
    #[error(transparent)]
    Lens(#[from] crate::lens::LensError),
    /// What cannot be compared.
    #[error(transparent)]
    Compare(#[from] crate::compare::CompareError),
    /// Drawing.
    #[error(transparent)]
    Plot(#[from] stratoscope_plot::PlotError),
    /// Making the report.
    #[error(transparent)]
    Report(#[from] stratoscope_report::Error),
    /// The output folder is a file.
    #[error("{} is a file, not a folder", path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// The output folder is not empty.
    #[error("{} is not empty; give another folder, or --overwrite to replace what an earlier run wrote", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The output folder holds a file that no earlier run wrote.
    #[error("{} holds {file}, which no earlier run wrote; give another folder", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// A file of somebody else.
        file: String,
    },
    /// The output folder is given as `.`, `..` or a root.
    #[error("{} cannot be replaced as a whole; give the output folder by its name", path.display())]
    NoName {
        /// The folder.
        path: PathBuf,
    },
    /// The output cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Numbers that could not be written as JSON.
    #[error("cannot write numbers as JSON")]
    Json(#[from] serde_json::Error),
    /// States without attention patterns.
    #[error(
        "the states have no attention pattern of block {block}: extract with {} and keep tokens",
        crate::explore::PATTERNS
    )]
    NoPattern {
        /// The block.
        block: usize,
    },
    /// Explorations side by side that are of different words.
    #[error("{model} was explored with other words than the first model")]
    OtherWords {
        /// The model.
        model: String,
    },
    /// A stored baseline that does not fit the model.
    #[error("the stored baseline of {model} cannot be used: {reason}")]
    Baseline {
        /// The model.
        model: String,
        /// Why.
        reason: String,
    },
}

impl Error {
    /// The kind of this error.
    pub fn kind(&self) -> ErrorKind {
        use stratoscope_extractor::Error as E;
        use stratoscope_transformer::Error as T;
        match self {
            Self::Loader(error) | Self::Extractor(E::Loader(error)) => error.kind(),
            Self::Lens(error) => error.kind(),
            Self::Compare(error) => error.kind(),
            Self::Probe(error) => error.kind(),
            #[cfg(feature = "second-opinion")]
            Self::SecondOpinion(error) => error.kind(),
            Self::Extractor(
                E::Layers { .. }
                | E::HooksInWindows
                | E::Format { .. }
                | E::Occupied { .. }
                | E::Foreign { .. }
                | E::Changed { .. }
                | E::Transformer(T::NoHookPoint { .. } | T::UnknownHookPoint { .. }),
            ) => ErrorKind::Usage,
            Self::Extractor(E::Io { source, .. })
                if source.kind() != std::io::ErrorKind::NotFound =>
            {
                ErrorKind::Failure
            }
            Self::Extractor(E::Tensor(_) | E::Write { .. } | E::Thread { .. }) => {
                ErrorKind::Failure
            }
            Self::Extractor(_)
            | Self::Reducer(_)
            | Self::Geometry(_)
            | Self::Probing(_)
            | Self::NoToken { .. }
            | Self::NoLayer { .. }
            | Self::PatternsTooLarge { .. } => ErrorKind::BadInput,
            Self::NotAFolder { .. }
            | Self::NotEmpty { .. }
            | Self::NotOurs { .. }
            | Self::NoName { .. }
            | Self::NotBundled
            | Self::NoFigure { .. } => ErrorKind::Usage,
            _ => ErrorKind::Failure,
        }
    }
}
