//! How far a job is, for whoever wants to show it.

use std::sync::Arc;

/// Receives the progress of a job and its notes. Any `Fn(Step)` is a `Progress`; [`Silent`] ignores
/// everything.
pub trait Progress: Send + Sync {
    /// A part of the job has come so far.
    fn step(&self, step: Step<'_>);

    /// A note or a warning about the input.
    fn note(&self, note: &str) {
        let _ = note;
    }
}

/// How far a part of a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// The part.
    pub what: &'a str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is in all.
    pub total: u64,
    /// What is counted.
    pub unit: StepUnit,
}

/// What a [`Step`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepUnit {
    /// Parts of the work.
    Parts,
    /// Tokens that the model reads.
    Tokens,
}

impl dyn Progress + '_ {
    /// `done` of `total` parts.
    pub(crate) fn part(&self, what: &str, done: usize, total: usize) {
        let (done, total) = (done as u64, total as u64);
        self.step(Step { what, done, total, unit: StepUnit::Parts });
    }

    /// `done` of `total` tokens.
    pub(crate) fn tokens(&self, what: &str, done: usize, total: usize) {
        let (done, total) = (done as u64, total as u64);
        self.step(Step { what, done, total, unit: StepUnit::Tokens });
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
}
