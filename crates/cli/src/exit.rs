//! The end of a run: an error as one line, and the exit code.

use serde_json::Value;
use std::borrow::Cow;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
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
        Self { kind, message: message(error), causes }
    }
}

/// The text of an error, with its cause unless the text has it already.
pub fn message(error: &dyn Error) -> String {
    let message = error.to_string();
    let cause = error.source().map(ToString::to_string);
    match cause.filter(|cause| !message.contains(cause.as_str())) {
        Some(cause) => format!("{message}: {cause}"),
        None => message,
    }
}

/// The arguments of the program.
static ARGUMENTS: OnceLock<Vec<OsString>> = OnceLock::new();

/// Keeps the arguments for the records of what a command has written.
pub(crate) fn set_arguments(arguments: Vec<OsString>) {
    // A process runs one command.
    let _ = ARGUMENTS.set(arguments);
}

/// The command line, as text.
pub(crate) fn command_line_text() -> Vec<String> {
    let arguments = ARGUMENTS.get().into_iter().flatten();
    arguments.map(|argument| argument.to_string_lossy().into_owned()).collect()
}

/// As one line of bounded length, without characters that control a terminal.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&line(&self.message))
    }
}

/// The most characters of a message: its beginning, and its end, which has the advice.
const MAX_MESSAGE: (usize, usize) = (1_200, 400);

/// A message as one line of bounded length.
fn line(message: &str) -> String {
    let (first, last) = MAX_MESSAGE;
    let message = message.replace(['\n', '\r', '\t'], " ");
    let shown = shown(&message);
    match shown.chars().count().checked_sub(first + last) {
        None | Some(0) => shown.into_owned(),
        Some(more) => {
            let start: String = shown.chars().take(first).collect();
            let end: String = shown.chars().skip(first + more).collect();
            format!("{start} … {end}")
        }
    }
}

/// A text for a terminal: characters that control it, or that reverse the order of what it shows, are
/// written as their codes (`\u{1b}`); line ends and tabs stay.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    let controls = |c: char| {
        let reverses = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        (c.is_control() && !matches!(c, '\n' | '\t')) || reverses
    };
    if !text.contains(controls) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match controls(c) {
            true => shown.extend(c.escape_debug()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
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
pub(crate) fn exit_code(result: Result<()>, verbose: bool) -> u8 {
    let Err(failure) = result else { return 0 };
    let mut stderr = io::stderr().lock();
    // If stderr is closed, nobody reads the message.
    let _ = writeln!(stderr, "error: {failure}");
    for cause in failure.causes.iter().filter(|_| verbose) {
        let _ = writeln!(stderr, "  because: {}", line(cause));
    }
    match failure.kind {
        ErrorKind::Usage => 2,
        ErrorKind::NotFound => 3,
        ErrorKind::BadInput => 4,
        ErrorKind::Network => 5,
        _ => 1,
    }
}

/// Ends the program as clap does for a wrong command line, or for a request for help.
pub(crate) fn command_line(error: &clap::Error, arguments: &[OsString]) -> u8 {
    let controls =
        |argument: &OsString| matches!(shown(&argument.to_string_lossy()), Cow::Owned(_));
    match arguments.iter().any(controls) {
        // Without the codes of its colours, which cannot be told from those of the arguments.
        true if error.use_stderr() => note(error.render().to_string().trim_end()),
        _ => {
            // If the stream is closed, nobody reads the message.
            let _ = error.print();
        }
    }
    u8::try_from(error.exit_code()).unwrap_or(2)
}

/// Prints text for people on stdout.
pub(crate) fn print_text(text: &str) -> Result<()> {
    print(&shown(text))
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
    let _ = writeln!(io::stderr().lock(), "{}", shown(text));
}

/// Whether an interrupted run can be continued.
static RESUMABLE: AtomicBool = AtomicBool::new(false);

/// Sets whether the message of an interruption says that the run can be continued.
pub(crate) fn resumable(resumable: bool) {
    RESUMABLE.store(resumable, Ordering::Relaxed);
}

/// Ends the program in order when a signal asks it to (an interrupt, a request to terminate, a lost
/// terminal), with the code 128 plus the number of the signal. Unfinished files are removed.
pub(crate) fn end_on_signals() {
    let wait = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        // Without a runtime, a signal ends the program in the default way.
        let Ok(runtime) = runtime else { return };
        let number = runtime.block_on(signal());
        if RESUMABLE.load(Ordering::Relaxed) {
            // Begin a new line below the progress bar.
            let line = if io::stderr().is_terminal() { "\n" } else { "" };
            note(&format!("{line}interrupted; the same command with --resume continues the run"));
        }
        stratoscope::crates::loader::files::remove_unfinished();
        std::process::exit(128 + number);
    };
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(wait);
}

/// Waits for a signal, and returns its number. Signals that the program was started to ignore (as by
/// `nohup`) stay ignored.
#[cfg(unix)]
async fn signal() -> i32 {
    use std::task::Poll;
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let numbers = kinds.map(|kind| kind.as_raw_value()).into_iter();
    let heard = numbers.filter(|number| !is_ignored(*number));
    let mut signals: Vec<_> = heard
        .filter_map(|number| Some((number, signal(SignalKind::from_raw(number)).ok()?)))
        .collect();
    std::future::poll_fn(|context| {
        for (number, signal) in &mut signals {
            if signal.poll_recv(context).is_ready() {
                return Poll::Ready(*number);
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(not(unix))]
async fn signal() -> i32 {
    // Without a handler, an interrupt ends the program in the default way.
    match tokio::signal::ctrl_c().await {
        Ok(()) => 2,
        Err(_) => std::future::pending().await,
    }
}

/// Whether the program was started with a signal ignored, on Linux.
#[cfg(unix)]
fn is_ignored(number: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (number - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_control_no_terminal_and_are_short() {
        let failure = |text: &str| Failure::usage(text).to_string();
        assert_eq!(
            failure("a\u{1b}[31mb\u{7}\u{9b}\u{202e}é"),
            "a\\u{1b}[31mb\\u{7}\\u{9b}\\u{202e}é"
        );
        assert_eq!(failure("two\nlines\tand\rmore"), "two lines and more");
        assert_eq!(shown("two\nlines\tשלום"), "two\nlines\tשלום");
        let long = failure(&format!("{}; do this", "é".repeat(100_000)));
        assert!(long.chars().count() < 1_700 && long.ends_with("é; do this"), "{long}");
        assert_eq!(failure(&"x".repeat(1_600)), "x".repeat(1_600));
    }
}
