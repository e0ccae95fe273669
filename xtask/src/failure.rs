//! What can go wrong in a chore, with its evidence.

use std::path::PathBuf;
use std::process::ExitCode;

/// Why a chore stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line asks for something that does not exist.
    #[error("{0}")]
    Usage(String),
    /// A program could not be started.
    #[error("cannot run `{command}`: {source}")]
    Start { command: String, source: std::io::Error },
    /// A program ended with a failure.
    #[error("`{command}` failed ({status})")]
    Status { command: String, status: std::process::ExitStatus },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// A file has another sha256 than it should.
    #[error("{}: its sha256 is {found}, not {expected}", path.display())]
    Sum { path: PathBuf, expected: String, found: String },
    /// A check found something; the text says what and what to do.
    #[error("{0}")]
    Check(String),
}

impl Failure {
    /// 2 for a wrong command line, 1 for everything else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(if matches!(self, Failure::Usage(_)) { 2 } else { 1 })
    }

    /// Turns an I/O error into one that names the file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Failure {
        let path = path.into();
        move |source| Failure::File { path, source }
    }
}
