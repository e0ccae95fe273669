//! The errors of `probe`.

use std::path::PathBuf;
use stratoscope_loader::ErrorKind;

/// An error in the data of a probe, or in a saved probe.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A label that is not a column.
    #[error(
        "{text:?} is not a column of a CoNLL-U file; the columns are upos, xpos, deprel, deprel.universal, feats.KEY, misc.KEY, lemma or form"
    )]
    Column {
        /// The label.
        text: String,
    },
    /// A filter of another form.
    #[error("{text:?} is not a filter: write COLUMN=VALUE or COLUMN~PATTERN, such as upos=NOUN")]
    Filter {
        /// The filter.
        text: String,
    },
    /// A pattern that is not a regular expression.
    #[error("{text:?} is not a pattern: {reason}")]
    Pattern {
        /// The pattern.
        text: String,
        /// The reason.
        reason: String,
    },
    /// The options name no label and do not ask for the structural probe.
    #[error("there is nothing to predict: name a label, or ask for the structural probe")]
    NoLabel,
    /// No files to fit to or to score on.
    #[error("there are no sentences to {part} on: {hint}")]
    NoPart {
        /// `train` or `test`.
        part: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// Too few sentences or texts to split.
    #[error("{place} has {found} different {unit}; a split into three parts needs at least 3")]
    TooFew {
        /// The file.
        place: String,
        /// The number of different ones.
        found: usize,
        /// The unit: `sentences` or `texts`.
        unit: &'static str,
    },
    /// One file in two parts.
    #[error(
        "{first} and {second} have the same content: a probe must not be scored on its training data"
    )]
    SameFile {
        /// The first name.
        first: String,
        /// The second name.
        second: String,
    },
    /// No word of a part has all labels.
    #[error("no word of the {part} sentences passes the filters and has {label}{hint}")]
    NoWords {
        /// `train` or `test`.
        part: &'static str,
        /// The labels.
        label: String,
        /// What the corpus has instead.
        hint: String,
    },
    /// A corpus without trees for the structural probe.
    #[error("the structural probe needs heads, and no {part} sentence has them")]
    NoHeads {
        /// `train` or `test`.
        part: &'static str,
    },
    /// All layers at once, which a mix of layers needs, exceed the memory limit.
    #[error(
        "a mix of layers needs all layers in memory at once: {} MiB, and the limit is {} MiB; choose fewer words or layers, or raise the limit",
        .needed >> 20,
        .allowed >> 20
    )]
    Memory {
        /// The bytes needed.
        needed: u64,
        /// The limit in bytes.
        allowed: u64,
    },
    /// A line of a task with a mistake.
    #[error("{place}, line {line}: {reason}")]
    Line {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// The reason.
        reason: String,
    },
    /// A file that is not a saved probe.
    #[error("{} is not a saved probe: {reason}", path.display())]
    Saved {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A saved probe of another model.
    #[error(
        "{} was fitted to states of {fitted}; {given} has other weights, so the probe does not apply to it",
        path.display()
    )]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// The model that the probe was fitted to.
        fitted: String,
        /// The model that was loaded.
        given: String,
    },
    /// A text without the place that the probe needs, or with a place that has no token.
    #[error("{place}: {reason}")]
    Span {
        /// The text.
        place: String,
        /// The reason.
        reason: String,
    },
}

impl ProbeError {
    /// The kind of this error.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Column { .. }
            | Self::Filter { .. }
            | Self::Pattern { .. }
            | Self::NoLabel
            | Self::NoPart { .. }
            | Self::SameFile { .. }
            | Self::Memory { .. } => ErrorKind::Usage,
            _ => ErrorKind::BadInput,
        }
    }
}
