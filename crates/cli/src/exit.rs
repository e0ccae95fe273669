//! How a run ends: one line that says what is wrong, and an exit code.

use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use stratoscope::ErrorKind;

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a run failed.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: ErrorKind,
    message: String,
    causes: Vec<String>,
}

impl Failure {
    /// A request that cannot be meant.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Usage, message: message.into(), causes: Vec::new() }
    }

    /// Input that is wrong.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::BadInput, message: message.into(), causes: Vec::new() }
    }

    /// A check that a model did not pass.
    #[cfg(feature = "second-opinion")]
    pub(crate) fn check(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Failure, message: message.into(), causes: Vec::new() }
    }

    /// Something that should not happen.
    pub(crate) fn internal(error: &dyn Error) -> Self {
        Self::of(ErrorKind::Failure, error)
    }

    /// What kind of failure it is.
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
        // Many errors carry their cause in their text already.
        if let Some(cause) = causes.first().filter(|cause| !message.contains(*cause)) {
            message = format!("{message}: {cause}");
        }
        Self { kind, message, causes }
    }
}

/// In one line.
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

/// Prints a failure on stderr, in one line, and gives its exit code.
pub(crate) fn exit_code(result: Result<()>, verbose: bool) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    let mut stderr = io::stderr().lock();
    // With stderr gone there is nobody left to tell.
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

/// Prints data on stdout. A reader that has gone (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::internal(&error)),
        _ => Ok(()),
    }
}

/// Prints a note on stderr.
pub(crate) fn note(text: &str) {
    // With stderr gone there is nobody left to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Held while files appear, so that an interruption waits until they are whole.
static WRITING: Mutex<()> = Mutex::new(());

/// Keeps an interruption waiting until the guard is dropped.
pub(crate) fn hold_interrupts() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an interrupted run can go on.
static RESUMABLE: AtomicBool = AtomicBool::new(false);

/// Says on an interruption that the run can go on, from here on or no longer.
pub(crate) fn resumable(resumable: bool) {
    RESUMABLE.store(resumable, Ordering::Relaxed);
}

/// Ends the program with code 130 when it is interrupted, but not in the middle of writing.
pub(crate) fn end_on_interrupt() {
    // Without a handler the signal ends the program as the system does it.
    let _ = ctrlc::set_handler(|| {
        let _guard = hold_interrupts();
        if RESUMABLE.load(Ordering::Relaxed) {
            // Below what is left of a progress bar.
            let line = if io::stderr().is_terminal() { "\n" } else { "" };
            note(&format!("{line}interrupted; the same command with --resume goes on"));
        }
        std::process::exit(130);
    });
}
