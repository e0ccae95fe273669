//! The errors of chores.

use std::path::PathBuf;
use std::process::ExitCode;

/// An error that stops a chore.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments are wrong.
    #[error("{0}")]
    Usage(String),
    /// A program could not be started.
    #[error("cannot run `{command}`: {source}")]
    Start { command: String, source: std::io::Error },
    /// A program failed.
    #[error("`{command}` failed ({status})")]
    Status { command: String, status: std::process::ExitStatus },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// A file has a wrong sha256.
    #[error("{}: its sha256 is {found}, not {expected}", path.display())]
    Sum { path: PathBuf, expected: String, found: String },
    /// A check failed; the text says why and what to do.
    #[error("{0}")]
    Check(String),
}

impl Failure {
    /// The exit code: 2 for wrong arguments, 1 for all other errors.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(if matches!(self, Failure::Usage(_)) { 2 } else { 1 })
    }

    /// Adds the name of the file to an I/O error.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Failure {
        let path = path.into();
        move |source| Failure::File { path, source }
    }
}
