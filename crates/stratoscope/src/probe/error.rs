//! What can go wrong with a probe's corpus, its words, or a probe that was saved, with the evidence.

use std::path::PathBuf;
use stratoscope_loader::ErrorKind;

/// What can go wrong with a probe's corpus, its words, or a probe that was saved.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A label that is no column.
    #[error(
        "{text:?} is no column of a CoNLL-U file: upos, xpos, deprel, deprel.universal, feats.KEY, misc.KEY, lemma or form"
    )]
    Column {
        /// What was asked for.
        text: String,
    },
    /// A filter that is none.
    #[error("{text:?} chooses no words: write COLUMN=VALUE or COLUMN~PATTERN, such as upos=NOUN")]
    Filter {
        /// What was asked for.
        text: String,
    },
    /// A pattern that is none.
    #[error("{text:?} is no pattern: {reason}")]
    Pattern {
        /// What was asked for.
        text: String,
        /// Why not.
        reason: String,
    },
    /// Neither a label nor the structural probe was asked for.
    #[error("there is nothing to predict: name a label, or ask for the structural probe")]
    NoLabel,
    /// A corpus without sentences to fit to or to test on.
    #[error("there are no sentences to {part} on: {hint}")]
    NoPart {
        /// `train` or `test`.
        part: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// Too little to split.
    #[error(
        "{place} has {found} different {unit}, too few to split into three parts: 3 are needed at least"
    )]
    TooFew {
        /// The file.
        place: String,
        /// How many there are.
        found: usize,
        /// Of what.
        unit: &'static str,
    },
    /// The same bytes as two parts.
    #[error(
        "{first} and {second} are the same file: scores of what a probe was fitted to say nothing"
    )]
    SameFile {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// No word of a part has all labels.
    #[error("no word of the {part} sentences passes the filters and has {label}{hint}")]
    NoWords {
        /// `train` or `test`.
        part: &'static str,
        /// The labels.
        label: String,
        /// What there is instead.
        hint: String,
    },
    /// The structural probe of a corpus without trees.
    #[error("the structural probe needs heads, and no {part} sentence has them")]
    NoHeads {
        /// `train` or `test`.
        part: &'static str,
    },
    /// The mix of layers needs all of them at once.
    #[error(
        "the mix of layers needs all of them in memory at once, {} MiB, and {} are allowed: choose fewer words or layers",
        .needed >> 20,
        .allowed >> 20
    )]
    Memory {
        /// Bytes.
        needed: u64,
        /// Bytes.
        allowed: u64,
    },
    /// A line of a task that is none.
    #[error("{place}, line {line}: {reason}")]
    Line {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// Why not.
        reason: String,
    },
    /// A file that holds no probe.
    #[error("{} is no saved probe: {reason}", path.display())]
    Saved {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A probe of another model.
    #[error(
        "{} was fitted to states of {fitted}, and {given} has other weights: its layers mean something else",
        path.display()
    )]
    OtherModel {
        /// The file of the probe.
        path: PathBuf,
        /// Its model.
        fitted: String,
        /// The model that was loaded.
        given: String,
    },
    /// A text without the span that the probe is of, or with one that it is not of.
    #[error("{place}: {reason}")]
    Span {
        /// Which text.
        place: String,
        /// Why not.
        reason: String,
    },
}

impl ProbeError {
    /// What kind of trouble this is.
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
