//! What decided each setting.

use crate::source::path_text;
use std::fmt;
use std::path::PathBuf;

/// What decided each setting, for reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// The cache folder.
    pub cache_dir: DecidedBy,
    /// The address of the hub.
    pub endpoint: DecidedBy,
    /// The access token, or that there is none.
    pub token: DecidedBy,
    /// Whether the network is used.
    pub offline: DecidedBy,
}

/// What decided a setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DecidedBy {
    /// The command line, or a caller.
    Flag,
    /// A variable of the environment.
    Variable(&'static str),
    /// The content of a file.
    File(PathBuf),
    /// Nothing: the default.
    #[default]
    Default,
}

impl fmt::Display for DecidedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("the command line"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path_text(path)),
            Self::Default => f.write_str("default"),
        }
    }
}
