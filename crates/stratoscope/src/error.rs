//! The errors of the library, including those of the other crates.

use std::path::PathBuf;
use stratoscope_loader::ErrorKind;
use stratoscope_loader::path_text;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a task.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model cannot be found or loaded.
    #[error(transparent)]
    Loader(#[from] stratoscope_loader::Error),
    /// Texts or states cannot be read, or the forward pass fails.
    #[error(transparent)]
    Extractor(#[from] stratoscope_extractor::Error),
    /// The comparison with candle-transformers fails.
    #[cfg(feature = "second-opinion")]
    #[error(transparent)]
    SecondOpinion(#[from] stratoscope_loader::second_opinion::Error),
    /// A file of the checkpoint has changed since the model was loaded.
    #[cfg(feature = "second-opinion")]
    #[error("{file} has changed since the model was loaded")]
    Changed {
        /// The file.
        file: String,
    },
    /// States cannot be reduced to maps.
    #[error(transparent)]
    Reducer(#[from] stratoscope_reducer::ReducerError),
    /// States cannot be measured.
    #[error(transparent)]
    Geometry(#[from] stratoscope_geometry::GeometryError),
    /// Stimuli have a wrong format, or a probe or partition cannot be computed.
    #[error(transparent)]
    Probing(#[from] stratoscope_probing::ProbingError),
    /// The build does not contain the bundled model.
    #[error("this build has no bundled model; name a folder or a hub repository (org/name)")]
    NotBundled,
    /// The picture of an image or a sound cannot be written as PNG.
    #[error("the picture of {name} cannot be written as PNG")]
    Picture {
        /// The name of its file.
        name: String,
        /// Why not.
        source: png::EncodingError,
    },
    /// The result has no figure with this id.
    #[error("there is no figure {id:?}; the figures are {}", known.join(", "))]
    NoFigure {
        /// The requested id.
        id: String,
        /// The ids of the figures.
        known: Vec<String>,
    },
    /// States do not have a layer.
    #[error("the states do not have layer {layer}")]
    NotAmongLayers {
        /// The layer.
        layer: usize,
    },
    /// A part of a result needs the model, and states alone are given.
    #[error("{what} needs the model itself, and states alone are given")]
    NeedsModel {
        /// The part.
        what: &'static str,
    },
    /// The attention patterns exceed the memory limit.
    #[error(
        "the attention patterns of these texts need {:.1} GiB, and the limit is 1 GiB; give shorter or fewer texts",
        *bytes as f64 / (1u64 << 30) as f64
    )]
    PatternsTooLarge {
        /// Their size in bytes.
        bytes: usize,
    },
    /// The tokenizer has no token for the target or the carrier of a stimulus.
    #[error("the stimulus of line {line} has no token for its target or carrier: {text}")]
    NoToken {
        /// The line in the stimuli.
        line: usize,
        /// The text.
        text: String,
    },
    /// A bank has no content word with a token.
    #[error(
        "{bank} has no noun, verb, adjective, adverb or name with a token in this model; are parts of speech (UPOS) annotated?"
    )]
    NoBankWord {
        /// The name of the bank.
        bank: String,
    },
    /// A stored baseline, profile or reference does not belong to the model.
    #[error("the stored {what} of {model} cannot be used: {reason}")]
    Stored {
        /// The name of the result.
        what: &'static str,
        /// The model.
        model: String,
        /// The reason.
        reason: String,
    },
    /// The data of a probe or a saved probe cannot be used.
    #[error(transparent)]
    Probe(#[from] crate::probe::ProbeError),
    /// Pairs of texts or a saved embedder cannot be used.
    #[error(transparent)]
    Pairs(#[from] crate::pairs::PairsError),
    /// The lens cannot be computed.
    #[error(transparent)]
    Lens(#[from] crate::lens::LensError),
    /// The input of a comparison cannot be used.
    #[error(transparent)]
    Compare(#[from] crate::compare::CompareError),
    /// Lists of texts or directions cannot be used.
    #[error(transparent)]
    Contrast(#[from] crate::contrast::ContrastError),
    /// A figure cannot be drawn.
    #[error(transparent)]
    Plot(#[from] stratoscope_plot::PlotError),
    /// The page cannot be made.
    #[error(transparent)]
    Report(#[from] stratoscope_report::Error),
    /// The caller no longer wants the result ([`Progress::stopped`](crate::Progress::stopped)).
    #[error("the work was stopped, because its result is no longer wanted")]
    Stopped,
    /// The output folder is a file.
    #[error("{} is a file, not a folder", path_text(path))]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// The output folder is a symbolic link.
    #[error(
        "{} is a symbolic link; give the name of its target, {}",
        path_text(path),
        path_text(target)
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// Its target.
        target: PathBuf,
    },
    /// The output folder is not empty.
    #[error(
        "{} is not empty; give another folder, or --overwrite to replace the output of an earlier run",
        path_text(path)
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The output folder contains a file that is not the output of an earlier run.
    #[error(
        "{} contains {file}, which is not the output of an earlier run; give another folder",
        path_text(path)
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// The file.
        file: String,
    },
    /// The path of the output folder ends with `.` or `..`, or is a root.
    #[error("{} has no folder name; give the output folder by its name", path_text(path))]
    NoName {
        /// The folder.
        path: PathBuf,
    },
    /// The output cannot be written.
    #[error("cannot write {}", path_text(path))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Numbers cannot be written as JSON.
    #[error("cannot write numbers as JSON")]
    Json(#[from] serde_json::Error),
    /// The states have no attention patterns.
    #[error(
        "the states have no attention pattern of block {block}: extract {} with one row per token",
        crate::explore::PATTERNS
    )]
    NoPattern {
        /// The block.
        block: usize,
    },
    /// The explorations of several models have different words.
    #[error("the exploration of {model} has other words than that of the first model")]
    OtherWords {
        /// The model.
        model: String,
    },
}

impl Error {
    /// The kind of error, which determines the exit code of the program.
    pub fn kind(&self) -> ErrorKind {
        use stratoscope_extractor::Error as E;
        use stratoscope_transformer::Error as T;
        match self {
            Self::Loader(error) | Self::Extractor(E::Loader(error)) => error.kind(),
            Self::Lens(error) => error.kind(),
            Self::Compare(error) => error.kind(),
            Self::Probe(error) => error.kind(),
            Self::Pairs(error) => error.kind(),
            Self::Contrast(error) => error.kind(),
            #[cfg(feature = "second-opinion")]
            Self::SecondOpinion(error) => error.kind(),
            Self::Extractor(
                E::Layers { .. }
                | E::HooksInWindows
                | E::Format { .. }
                | E::Occupied { .. }
                | E::Locked { .. }
                | E::Link { .. }
                | E::NotRegular { .. }
                | E::Foreign { .. }
                | E::Changed { .. }
                | E::Transformer(T::NoHookPoint { .. } | T::UnknownHookPoint { .. }),
            ) => ErrorKind::Usage,
            Self::Extractor(E::Io { source, .. })
                if source.kind() != std::io::ErrorKind::NotFound =>
            {
                ErrorKind::Failure
            }
            Self::Extractor(
                E::Tensor(_) | E::Write { .. } | E::Thread { .. } | E::Memory { .. },
            ) => ErrorKind::Failure,
            Self::Extractor(_)
            | Self::Reducer(_)
            | Self::Geometry(_)
            | Self::Probing(_)
            | Self::NoToken { .. }
            | Self::NoBankWord { .. }
            | Self::NotAmongLayers { .. }
            | Self::PatternsTooLarge { .. } => ErrorKind::BadInput,
            Self::NotAFolder { .. }
            | Self::Link { .. }
            | Self::NotEmpty { .. }
            | Self::NotOurs { .. }
            | Self::NoName { .. }
            | Self::NotBundled
            | Self::NeedsModel { .. }
            | Self::NoFigure { .. } => ErrorKind::Usage,
            _ => ErrorKind::Failure,
        }
    }
}
