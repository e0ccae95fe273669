//! Tasks of one model or of several.

use super::Model;
use super::hooks::Functions;
use crate::{errors, job};
use pyo3::prelude::*;
use std::sync::PoisonError;
use stratoscope::Explorer;

/// The other models of a task.
pub(super) type Beside<'py> = Option<Vec<Bound<'py, Model>>>;

/// Where functions at hook points are called.
pub(super) const WITHIN_HOOKS: &str = "within model.hooks(…), call model.states(…); st.explore_states(states) measures and draws them";

impl Model {
    /// Runs a task that has no functions at hook points.
    pub(super) fn task<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Explorer) -> stratoscope::Result<T> + Send + 'static,
    ) -> PyResult<job::Done<T>> {
        self.task_beside(py, None, move |models| work(&models[0]))
    }

    /// Runs such a task with this model and those of `beside`.
    pub(super) fn task_beside<T: Send + 'static>(
        &self,
        py: Python<'_>,
        beside: Beside<'_>,
        work: impl FnOnce(&[Explorer]) -> stratoscope::Result<T> + Send + 'static,
    ) -> PyResult<job::Done<T>> {
        let beside = beside.unwrap_or_default();
        let models: Vec<&Self> =
            std::iter::once(self).chain(beside.iter().map(|m| m.get())).collect();
        if models.iter().any(|model| !model.active().is_empty()) {
            return Err(errors::usage(py, WITHIN_HOOKS));
        }
        let explorers: Vec<Explorer> = models.iter().map(|m| m.opened.explorer.clone()).collect();
        job::run(py, move |job| {
            let explorers: Vec<_> =
                explorers.iter().map(|explorer| explorer.with_progress(job.clone())).collect();
            work(&explorers)
        })
    }

    pub(super) fn active(&self) -> std::sync::MutexGuard<'_, Vec<Functions>> {
        self.functions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
