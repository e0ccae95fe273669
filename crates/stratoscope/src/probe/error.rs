//! The errors of `probe`.

use std::path::PathBuf;
use stratoscope_loader::ErrorKind;
use stratoscope_loader::path_text;

/// An error in the data of a probe, or in a saved probe.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A label is not a column of a CoNLL-U file.
    #[error(
        "{text:?} is not a column of a CoNLL-U file; the columns are upos, xpos, deprel, deprel.universal, feats.KEY, misc.KEY, lemma or form"
    )]
    Column {
        /// The label.
        text: String,
    },
    /// A filter has a wrong form.
    #[error("{text:?} is not a filter: write COLUMN=VALUE or COLUMN~PATTERN, such as upos=NOUN")]
    Filter {
        /// The filter.
        text: String,
    },
    /// A pattern is not a regular expression.
    #[error("{text:?} is not a regular expression: {reason}")]
    Pattern {
        /// The pattern.
        text: String,
        /// The reason.
        reason: String,
    },
    /// The options name no label and do not ask for the structural probe.
    #[error("there is nothing to predict; give a label, or ask for the structural probe")]
    NoLabel,
    /// There is no file for training or for the test.
    #[error("there are no {part} sentences; give {hint}")]
    NoPart {
        /// `train` or `test`.
        part: &'static str,
        /// The option to give.
        hint: &'static str,
    },
    /// There are too few different sentences or texts to split.
    #[error("{place} has {found} different {unit}; the split into three parts needs at least 3")]
    TooFew {
        /// The file.
        place: String,
        /// The number of different sentences or texts.
        found: usize,
        /// The unit: `sentences` or `texts`.
        unit: &'static str,
    },
    /// A file is in two parts.
    #[error(
        "{first} and {second} have the same content; a probe must not be tested on its training data"
    )]
    SameFile {
        /// The first name.
        first: String,
        /// The second name.
        second: String,
    },
    /// No word of a part passes the filters and has all labels.
    #[error("no word of the {part} sentences passes the filters and has {label}{hint}")]
    NoWords {
        /// `train` or `test`.
        part: &'static str,
        /// The labels.
        label: String,
        /// The keys that the corpus has, or the reason.
        hint: String,
    },
    /// No sentence of a part has a tree for the structural probe.
    #[error("the structural probe needs annotated heads, and no {part} sentence has them")]
    NoHeads {
        /// `train` or `test`.
        part: &'static str,
    },
    /// The states of all layers, which a mix of layers needs, exceed the memory limit.
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
    /// A line of a task has a wrong form.
    #[error("{place}, line {line}: {reason}")]
    Line {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// The reason.
        reason: String,
    },
    /// A file is not a saved probe.
    #[error("{} is not a saved probe: {reason}", path_text(path))]
    Saved {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A saved probe belongs to another model.
    #[error(
        "{} was fitted to states of {fitted}; {given} has other weights, or another config or tokenizer, so the probe cannot be used with it",
        path_text(path)
    )]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// The model that the probe was fitted to.
        fitted: String,
        /// The model that was loaded.
        given: String,
    },
    /// A text has no place for the probe, or its place has no token.
    #[error("{place}: {reason}")]
    Span {
        /// The text.
        place: String,
        /// The reason.
        reason: String,
    },
}

impl ProbeError {
    /// The kind of error, which determines the exit code of the program.
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
