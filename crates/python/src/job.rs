//! Work of the library on a thread of its own, while the thread of Python waits: it shows progress,
//! hears Ctrl-C, and lets other threads of Python run.

use crate::errors;
use pyo3::prelude::*;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use stratoscope::{Progress, Step, StepUnit};

/// The time between two looks at signals.
const POLL: Duration = Duration::from_millis(40);

/// Work that takes less time shows no progress.
const QUIET: Duration = Duration::from_millis(700);

/// How long stopped work is waited for, so that its files and locks are mostly gone.
const GRACE: Duration = Duration::from_millis(300);

/// The stack of the thread, which is that of a main thread.
const STACK: usize = 8 << 20;

/// What the two threads share.
#[derive(Default)]
pub(crate) struct Job {
    stopped: AtomicBool,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    step: Option<OwnStep>,
    notes: Vec<String>,
    warnings: Vec<String>,
    /// The warnings about texts, which are a part of the result.
    of_texts: Vec<String>,
    /// The exception of a function of the user.
    raised: Option<PyErr>,
}

struct OwnStep {
    what: String,
    done: u64,
    total: u64,
    tokens: bool,
}

/// What unwinds the thread of work that is not wanted any more.
struct Stopped;

impl Job {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the work if nobody wants its result. Unwinding, not an error: a step is reported from the
    /// middle of long loops, and everything on the way is dropped in order.
    fn go_on(&self) {
        if self.stopped() {
            resume_unwind(Box::new(Stopped));
        }
    }

    /// Ends the work with an exception of Python. Call it on the thread of the work.
    pub(crate) fn raise(&self, error: PyErr) -> ! {
        self.shared().raised = Some(error);
        resume_unwind(Box::new(Stopped))
    }
}

impl Progress for Job {
    fn step(&self, step: Step<'_>) {
        self.go_on();
        let Step { what, done, total, unit } = step;
        let tokens = unit == StepUnit::Tokens;
        let mut shared = self.shared();
        match &mut shared.step {
            Some(own) if own.what == what => {
                (own.done, own.total, own.tokens) = (done, total, tokens);
            }
            none => *none = Some(OwnStep { what: what.to_owned(), done, total, tokens }),
        }
    }

    fn note(&self, note: &str) {
        self.shared().notes.push(note.to_owned());
    }

    fn warning(&self, warning: &str) {
        self.shared().warnings.push(warning.to_owned());
    }

    fn text_warning(&self, warning: &str) {
        let mut shared = self.shared();
        shared.warnings.push(warning.to_owned());
        shared.of_texts.push(warning.to_owned());
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// A result, and the warnings about the texts.
pub(crate) type Done<T> = (T, Vec<String>);

/// Does work on another thread. An interrupt raises `KeyboardInterrupt` within a moment; the work
/// then ends at its next step, and its result is dropped. Notes are logged, warnings are warnings of
/// Python.
pub(crate) fn run<T, E, F>(py: Python<'_>, work: F) -> PyResult<Done<T>>
where
    T: Send + 'static,
    E: Into<stratoscope::Error> + Send + 'static,
    F: FnOnce(Arc<Job>) -> Result<T, E> + Send + 'static,
{
    check_process(py)?;
    let job = Arc::new(Job::default());
    let (done, result) = sync_channel(1);
    // A receiver alone is not `Sync`, as the wait without Python needs.
    let result = Mutex::new(result);
    let own = job.clone();
    let work = move || {
        let result = catch_unwind(AssertUnwindSafe(|| work(own)));
        // Nobody receives the result of work that was interrupted.
        let _ = done.send(result);
    };
    let thread = std::thread::Builder::new().name("stratoscope".to_owned()).stack_size(STACK);
    thread.spawn(work)?;
    let mut bar = Bar { begun: Instant::now(), object: None };
    let result = wait(py, &job, &result, &mut bar);
    bar.close(py)?;
    report(py, &job)?;
    match result? {
        Ok(Ok(result)) => Ok((result, std::mem::take(&mut job.shared().of_texts))),
        Ok(Err(error)) => Err(errors::of(py, error)),
        Err(panic) => Err(match job.shared().raised.take() {
            Some(raised) => raised,
            None => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                let message = format!("internal error: {}", text.unwrap_or("a panic"));
                errors::exception(py, "StratoscopeError", &message)
            }
        }),
    }
}

/// Waits for the result.
fn wait<T: Send>(
    py: Python<'_>,
    job: &Job,
    result: &Mutex<Receiver<T>>,
    bar: &mut Bar,
) -> PyResult<T> {
    let receive = |time| {
        py.detach(|| result.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(time))
    };
    loop {
        match receive(POLL) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => {
                let message = "internal error: the thread of the work ended";
                return Err(errors::exception(py, "StratoscopeError", message));
            }
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = py.check_signals().and_then(|()| bar.show(py, job)) {
                    job.stopped.store(true, Ordering::Relaxed);
                    let _ = receive(GRACE);
                    return Err(error);
                }
            }
        }
    }
}

/// Logs the notes, and issues the warnings.
fn report(py: Python<'_>, job: &Job) -> PyResult<()> {
    let (notes, warnings) = {
        let mut shared = job.shared();
        (std::mem::take(&mut shared.notes), std::mem::take(&mut shared.warnings))
    };
    if !notes.is_empty() {
        let logger = py.import("logging")?.call_method1("getLogger", ("stratoscope",))?;
        for note in notes {
            logger.call_method1("info", ("%s", note))?;
        }
    }
    for warning in warnings {
        let class = py.import("stratoscope._errors")?.getattr("StratoscopeWarning")?;
        let text = CString::new(warning.replace('\0', " ")).unwrap_or_default();
        PyErr::warn(py, &class, &text, 1)?;
    }
    Ok(())
}

/// A progress bar of Python (`stratoscope._progress.Bar`), made when the work takes long.
struct Bar {
    begun: Instant,
    object: Option<Py<PyAny>>,
}

impl Bar {
    fn show(&mut self, py: Python<'_>, job: &Job) -> PyResult<()> {
        if self.begun.elapsed() < QUIET {
            return Ok(());
        }
        let Some(step) = job.shared().step.take() else { return Ok(()) };
        let object = match &self.object {
            Some(object) => object,
            None => {
                let bar = py.import("stratoscope._progress")?.getattr("Bar")?.call0()?;
                self.object.insert(bar.unbind())
            }
        };
        let OwnStep { what, done, total, tokens } = step;
        object.call_method1(py, "show", (what, done, total, tokens)).map(drop)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match &self.object {
            Some(object) => object.call_method0(py, "close").map(drop),
            None => Ok(()),
        }
    }
}

/// The process that did the first work.
static PROCESS: OnceLock<u32> = OnceLock::new();

/// Refuses work in a forked process: the threads of the library exist only in the process that made
/// them, and the work would wait for them for ever.
fn check_process(py: Python<'_>) -> PyResult<()> {
    let own = std::process::id();
    match *PROCESS.get_or_init(|| own) == own {
        true => Ok(()),
        false => Err(errors::exception(
            py,
            "ForkError",
            "stratoscope was used before this process was forked, and its threads do not exist here; \
             start processes with multiprocessing.get_context(\"spawn\"), or use it only after the fork",
        )),
    }
}
