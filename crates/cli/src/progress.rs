//! Progress of long work: a bar on a terminal, nothing elsewhere.

use crate::args::CommonArgs;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use stratoscope::{Step, StepUnit};

/// The time between two pictures of the bar.
const TICK: Duration = Duration::from_millis(250);

/// A part of a job.
const PARTS: &str = "{spinner} {msg:28} {bar:30} {percent:>3} %  {elapsed}";

/// A part that is counted in tokens.
const TOKENS: &str = "{spinner} {msg:28} {bar:30} {percent:>3} %  {rate} tokens/s, {eta} left";

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key(
        "rate",
        |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // A bar that cannot be drawn is not an error.
            let _ = write!(out, "{:.0}", state.per_sec());
        },
    )
}

/// Shows the progress of work and, with `-v`, the time of its parts. Clones share one bar.
#[derive(Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    verbose: bool,
    quiet: bool,
    /// The name of the model, if a command has several.
    model: Option<Arc<str>>,
    part: Arc<Mutex<Option<(String, Instant)>>>,
    /// The warnings about texts.
    of_texts: Arc<Mutex<Vec<String>>>,
    /// Whether nobody wants the result of the work any more.
    unwanted: Arc<Mutex<Arc<AtomicBool>>>,
}

impl Progress {
    pub(crate) fn new(args: &CommonArgs) -> Self {
        let shown = !args.quiet && !args.verbose && std::io::stderr().is_terminal();
        let target =
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        bar.set_style(style(PARTS));
        // Long steps without a number still show that the program works.
        bar.enable_steady_tick(TICK);
        Self {
            bar,
            verbose: args.verbose,
            quiet: args.quiet,
            model: None,
            part: Arc::default(),
            of_texts: Arc::default(),
            unwanted: Arc::default(),
        }
    }

    /// The progress of one of several models: its name stands before notes and warnings.
    pub(crate) fn of_model(&self, name: &str) -> Self {
        Self { model: Some(name.into()), ..self.clone() }
    }

    /// Sets the sign that nobody wants the result of the work that follows.
    pub(crate) fn watch(&self, unwanted: Arc<AtomicBool>) {
        *self.unwanted.lock().unwrap_or_else(PoisonError::into_inner) = unwanted;
    }

    /// Begins a part of the work that is not counted.
    pub(crate) fn part(&self, part: &str) {
        self.at(part, 0, 1);
    }

    /// Shows `done` of `total` of a part of the work.
    pub(crate) fn at(&self, part: &str, done: u64, total: u64) {
        self.begin(part, PARTS);
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// Shows the number of tokens counted so far, in a part whose end is not known.
    pub(crate) fn counted(&self, part: &str, tokens: usize) {
        self.begin(part, "{spinner} {msg}  {elapsed}");
        self.bar.set_message(format!("{part}: {tokens} tokens"));
        self.bar.tick();
    }

    /// Shows `done` of `total` tokens, with the speed and the remaining time.
    pub(crate) fn tokens(&self, part: &str, done: u64, total: u64) {
        let begins = self.begin(part, TOKENS);
        self.bar.set_length(total);
        self.bar.set_position(done);
        if begins {
            // The speed does not include the tokens of an earlier run.
            self.bar.reset_eta();
        }
    }

    /// Prints a note, without damage to the bar.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.print(&self.named(text));
        }
    }

    /// Prints a warning, which `-q` does not hide: the result would be misunderstood without it.
    pub(crate) fn warning(&self, text: &str) {
        self.print(&format!("warning: {}", self.named(text)));
    }

    /// Prints a warning about a text, and keeps it for the result.
    pub(crate) fn text_warning(&self, text: &str) {
        self.warning(text);
        self.kept().push(self.named(text));
    }

    /// Takes the warnings about texts.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.kept())
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.of_texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self, text: &str) -> String {
        match &self.model {
            Some(model) => format!("{model}: {text}"),
            None => text.to_owned(),
        }
    }

    fn print(&self, text: &str) {
        self.bar.suspend(|| crate::exit::note(text));
    }

    /// Begins a part, if it is not the current part. Returns whether it began.
    fn begin(&self, part: &str, template: &str) -> bool {
        let mut current = self.part.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = current.as_ref().is_none_or(|(current, _)| current != part);
        if begins {
            self.end(current.replace((part.to_owned(), Instant::now())));
            self.bar.set_style(style(template));
            self.bar.set_message(part.to_owned());
        }
        begins
    }

    fn end(&self, part: Option<(String, Instant)>) {
        if let Some((part, since)) = part.filter(|_| self.verbose) {
            self.note(&format!("{part}: {:.0} ms", since.elapsed().as_secs_f64() * 1e3));
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        let part = self.part.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.end(part);
        self.bar.finish_and_clear();
    }
}

impl stratoscope::Progress for Progress {
    fn step(&self, step: Step<'_>) {
        match step.unit {
            StepUnit::Parts => self.at(step.what, step.done, step.total),
            StepUnit::Tokens => self.tokens(step.what, step.done, step.total),
        }
    }

    fn note(&self, note: &str) {
        Self::note(self, note);
    }

    fn warning(&self, warning: &str) {
        Self::warning(self, warning);
    }

    fn text_warning(&self, warning: &str) {
        Self::text_warning(self, warning);
    }

    fn stopped(&self) -> bool {
        let unwanted = self.unwanted.lock().unwrap_or_else(PoisonError::into_inner);
        unwanted.load(Ordering::Relaxed)
    }
}
