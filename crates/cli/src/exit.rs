//! The end of a run: an error as one line, and the exit code.

use serde_json::Value;
use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use stratoscope::{ErrorKind, with_schema};

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a run failed.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: ErrorKind,
    message: String,
    causes: Vec<String>,
}

impl Failure {
    /// A command line that is not valid.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Usage, message: message.into(), causes: Vec::new() }
    }

    /// Input that is not valid.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::BadInput, message: message.into(), causes: Vec::new() }
    }

    /// A check that a model has not passed.
    #[cfg(feature = "second-opinion")]
    pub(crate) fn check(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Failure, message: message.into(), causes: Vec::new() }
    }

    /// Something that should not happen.
    pub(crate) fn internal(error: &dyn Error) -> Self {
        Self::of(ErrorKind::Failure, error)
    }

    /// The kind of failure.
    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    fn of(kind: ErrorKind, error: &dyn Error) -> Self {
        let mut causes: Vec<String> = Vec::new();
        let mut source = error.source();
        while let Some(error) = source {
            causes.push(error.to_string());
            source = error.source();
        }
        let mut message = error.to_string();
        // The text of many errors contains their cause already.
        if let Some(cause) = causes.first().filter(|cause| !message.contains(*cause)) {
            message = format!("{message}: {cause}");
        }
        Self { kind, message, causes }
    }
}

/// As one line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message.replace(['\n', '\r'], " "))
    }
}

impl From<stratoscope::Error> for Failure {
    fn from(error: stratoscope::Error) -> Self {
        Self::of(error.kind(), &error)
    }
}

impl From<stratoscope::crates::loader::Error> for Failure {
    fn from(error: stratoscope::crates::loader::Error) -> Self {
        Self::from(stratoscope::Error::from(error))
    }
}

impl From<stratoscope::crates::extractor::Error> for Failure {
    fn from(error: stratoscope::crates::extractor::Error) -> Self {
        Self::from(stratoscope::Error::from(error))
    }
}

/// Prints a failure on stderr, as one line, and returns its exit code.
pub(crate) fn exit_code(result: Result<()>, verbose: bool) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    let mut stderr = io::stderr().lock();
    // If stderr is closed, nobody reads the message.
    let _ = writeln!(stderr, "error: {failure}");
    for cause in failure.causes.iter().filter(|_| verbose) {
        let _ = writeln!(stderr, "  because: {cause}");
    }
    ExitCode::from(match failure.kind {
        ErrorKind::Usage => 2,
        ErrorKind::NotFound => 3,
        ErrorKind::BadInput => 4,
        ErrorKind::Network => 5,
        _ => 1,
    })
}

/// Prints data on stdout. A closed pipe (`| head`) is not an error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::internal(&error)),
        _ => Ok(()),
    }
}

/// Prints a JSON object after the name and version of its schema, for a command whose result is not
/// an `Analysis`.
pub(crate) fn print_json(command: &str, object: Value) -> Result<()> {
    print(&format!("{}\n", with_schema(command, object)))
}

/// Prints a note on stderr.
pub(crate) fn note(text: &str) {
    // If stderr is closed, nobody reads the message.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Locked while files are written: an interruption waits until they are complete.
static WRITING: Mutex<()> = Mutex::new(());

/// Makes an interruption wait until the guard is dropped.
pub(crate) fn hold_interrupts() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an interrupted run can be continued.
static RESUMABLE: AtomicBool = AtomicBool::new(false);

/// Sets whether the message of an interruption says that the run can be continued.
pub(crate) fn resumable(resumable: bool) {
    RESUMABLE.store(resumable, Ordering::Relaxed);
}

/// Ends the program with code 130 when it is interrupted, but not while files are written.
pub(crate) fn end_on_interrupt() {
    // Without this handler, the signal ends the program in the default way.
    let _ = ctrlc::set_handler(|| {
        let _guard = hold_interrupts();
        if RESUMABLE.load(Ordering::Relaxed) {
            // Begin a new line below the progress bar.
            let line = if io::stderr().is_terminal() { "\n" } else { "" };
            note(&format!("{line}interrupted; the same command with --resume continues the run"));
        }
        std::process::exit(130);
    });
}
