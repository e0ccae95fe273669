//! Errors of the library as exceptions of Python, with the texts of the program.

use pyo3::prelude::*;
use pyo3::types::PyString;
use stratoscope::ErrorKind;

/// The name of the exception of a kind of error, in `stratoscope._errors`.
fn class(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Usage => "UsageError",
        ErrorKind::NotFound => "ModelNotFoundError",
        ErrorKind::BadInput => "InputError",
        ErrorKind::Network => "NetworkError",
        _ => "StratoscopeError",
    }
}

/// An exception of `stratoscope._errors`, by its name.
pub(crate) fn exception(py: Python<'_>, name: &str, message: &str) -> PyErr {
    let made = || {
        let class = py.import("stratoscope._errors")?.getattr(name)?;
        class.call1((PyString::new(py, message),))
    };
    made().map_or_else(|error| error, PyErr::from_value)
}

/// The exception of an error of the library.
pub(crate) fn of(py: Python<'_>, error: impl Into<stratoscope::Error>) -> PyErr {
    let error = error.into();
    exception(py, class(error.kind()), &stratoscope_cli::message(&error))
}

/// An exception for arguments that are not valid.
pub(crate) fn usage(py: Python<'_>, message: impl AsRef<str>) -> PyErr {
    exception(py, class(ErrorKind::Usage), message.as_ref())
}
