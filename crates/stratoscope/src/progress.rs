//! The progress of a task, for callers that show it.

use crate::{Error, Result};
use std::sync::Arc;
use stratoscope_extractor::{ChosenWords, Prepared, UnknownTokens, Warning};

/// The most warnings of one model that are shown.
const MAX_WARNINGS: usize = 10;

/// Warnings about the texts of a user. Every task that reads such texts reports them once; about built-in
/// texts, a user can do nothing, so that their warnings are dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct TextWarnings {
    warnings: Vec<Warning>,
    unknown: UnknownTokens,
}

impl From<&Prepared> for TextWarnings {
    fn from(texts: &Prepared) -> Self {
        Self { warnings: texts.warnings.clone(), unknown: texts.unknown() }
    }
}

impl From<&ChosenWords> for TextWarnings {
    fn from(texts: &ChosenWords) -> Self {
        Self { warnings: texts.warnings().to_vec(), unknown: texts.unknown() }
    }
}

impl TextWarnings {
    /// Adds those of other texts.
    pub(crate) fn add(&mut self, other: Self) {
        self.warnings.extend(other.warnings);
        self.unknown.add(other.unknown);
    }

    /// What `said` does not say. Many unknown tokens are said once, also if their number differs because
    /// other sentences of a corpus were read.
    pub(crate) fn beyond(mut self, said: &Self) -> Self {
        self.warnings.retain(|warning| !said.warnings.contains(warning));
        if said.unknown.warning().is_some() {
            self.unknown = UnknownTokens::default();
        }
        self
    }

    /// All warnings.
    pub(crate) fn list(&self) -> Vec<Warning> {
        self.warnings.iter().cloned().chain(self.unknown.warning()).collect()
    }

    /// Reports them.
    pub(crate) fn report(&self, progress: &dyn Progress) {
        progress.warn(&self.list());
    }
}

/// A receiver of the progress and the notes of a task. Any `Fn(Step)` is a `Progress`. [`Silent`]
/// ignores everything.
pub trait Progress: Send + Sync {
    /// Receives the progress of a part of the task.
    fn step(&self, step: Step<'_>);

    /// Receives a note.
    fn note(&self, note: &str) {
        let _ = note;
    }

    /// Receives a warning: without it, the result would be misunderstood. The default is a note.
    fn warning(&self, warning: &str) {
        self.note(&format!("warning: {warning}"));
    }

    /// Receives a warning about a text of the user, such as one that was cut. The default is
    /// [`warning`](Self::warning).
    fn text_warning(&self, warning: &str) {
        self.warning(warning);
    }

    /// Whether the caller no longer wants the result. A task then ends between two of its stages, with
    /// [`Error::Stopped`].
    fn stopped(&self) -> bool {
        false
    }
}

/// The progress of a part of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// The name of the part.
    pub what: &'a str,
    /// The number of units that are done.
    pub done: u64,
    /// The total number of units.
    pub total: u64,
    /// The unit.
    pub unit: StepUnit,
}

/// The unit of a [`Step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepUnit {
    /// Parts of the work.
    Parts,
    /// Tokens that the model reads.
    Tokens,
}

impl dyn Progress + '_ {
    /// Reports `done` of `total` parts.
    pub(crate) fn part(&self, what: &str, done: usize, total: usize) {
        self.step(Step { what, done: done as u64, total: total as u64, unit: StepUnit::Parts });
    }

    /// Reports warnings about the input.
    pub(crate) fn warn(&self, warnings: &[Warning]) {
        let (shown, more) = warnings.split_at(warnings.len().min(MAX_WARNINGS));
        shown.iter().for_each(|warning| self.text_warning(&warning.to_string()));
        if !more.is_empty() {
            self.text_warning(&format!("there are {} more warnings of this kind", more.len()));
        }
    }

    /// Fails if the caller no longer wants the result.
    pub(crate) fn go_on(&self) -> Result<()> {
        if self.stopped() { Err(Error::Stopped) } else { Ok(()) }
    }

    /// Reports `done` of `total` tokens.
    pub(crate) fn tokens(&self, what: &str, done: usize, total: usize) {
        self.step(Step { what, done: done as u64, total: total as u64, unit: StepUnit::Tokens });
    }

    /// Reports how much of a file of a model is downloaded.
    pub(crate) fn fetching(&self, file: &str, done: u64, total: u64) {
        let what = format!("fetching {file}");
        self.step(Step { what: &what, done, total, unit: StepUnit::Parts });
    }
}

/// Ignores all progress and notes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _: Step<'_>) {}
}

impl<F: Fn(Step<'_>) + Send + Sync> Progress for F {
    fn step(&self, step: Step<'_>) {
        self(step);
    }
}

impl<P: Progress + ?Sized> Progress for Arc<P> {
    fn step(&self, step: Step<'_>) {
        (**self).step(step);
    }

    fn note(&self, note: &str) {
        (**self).note(note);
    }

    fn warning(&self, warning: &str) {
        (**self).warning(warning);
    }

    fn text_warning(&self, warning: &str) {
        (**self).text_warning(warning);
    }

    fn stopped(&self) -> bool {
        (**self).stopped()
    }
}
