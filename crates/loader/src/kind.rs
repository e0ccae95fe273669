//! The kinds of errors, which programs turn into exit codes, and of inputs.

use stratoscope_transformer::Source;

/// The kind of an error, which programs turn into an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A malformed name or setting.
    Usage,
    /// The model does not exist, or it is not cached and the program is offline.
    NotFound,
    /// The files of the model are wrong or not supported.
    BadInput,
    /// The network failed, or access was refused.
    Network,
    /// Another failure: of the disk, of memory.
    Failure,
}

/// What a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reads {
    /// Texts.
    Text,
    /// Images.
    Image,
    /// Sound.
    Sound,
}

impl Reads {
    pub(crate) fn of(source: &Source) -> Self {
        match source {
            Source::Tokens => Self::Text,
            Source::Patches(_) => Self::Image,
            Source::Frames(_) => Self::Sound,
        }
    }
}

impl std::fmt::Display for Reads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Image => "images",
            Self::Sound => "sound",
        })
    }
}
