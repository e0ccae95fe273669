//! The kinds of errors, which programs turn into exit codes.

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
