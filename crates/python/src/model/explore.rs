//! Explorations of states, and the options that they share with those of texts.

use crate::analysis::Analysis;
use crate::errors;
use crate::job::{self, Job};
use crate::options::{self, Named};
use crate::states::States;
use pyo3::prelude::*;
use std::sync::Arc;
use stratoscope::crates::loader::hub::{own_cache, process_environment};
use stratoscope::explore::{Alignment, Exploration, Reducer};
use stratoscope::{DiskStore, ExploreOptions, GivenStates, Metric, Unit};

/// The options of an exploration that concern states, not texts.
pub(super) fn explore_options(
    py: Python<'_>,
    [metric, reducer, align]: [&str; 3],
    seed: u64,
    words: bool,
    pooling: Option<&str>,
    special_tokens: bool,
    figures: Option<&Bound<'_, PyAny>>,
) -> PyResult<ExploreOptions> {
    let figures = options::figures(figures)?;
    figures.check(&stratoscope::explore::FIGURES).map_err(|error| errors::of(py, error))?;
    Ok(ExploreOptions {
        metric: Metric::of(py, metric)?,
        reducer: Reducer::of(py, reducer)?,
        align: Alignment::of(py, align)?,
        seed,
        unit: if words { Unit::Word } else { Unit::Token },
        pooling: options::pooling(py, pooling)?,
        special_tokens,
        figures,
        ..ExploreOptions::default()
    })
}

/// Measures, maps and figures of states, without a model: `stratoscope explore --from`.
#[pyfunction]
#[pyo3(signature = (states, *, metric = "cosine", reducer = "pca", align = "joint", seed = 0,
    words = false, pooling = None, special_tokens = true, figures = None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn explore_states(
    py: Python<'_>,
    states: &States,
    metric: &str,
    reducer: &str,
    align: &str,
    seed: u64,
    words: bool,
    pooling: Option<&str>,
    special_tokens: bool,
    figures: Option<&Bound<'_, PyAny>>,
) -> PyResult<Analysis> {
    let names = [metric, reducer, align];
    let options = explore_options(py, names, seed, words, pooling, special_tokens, figures)?;
    let kept = states.kept.clone();
    let explore = move |job: Arc<Job>| -> stratoscope::Result<Exploration> {
        let states = GivenStates::from(kept.get().clone());
        let store = own_cache(process_environment).map(DiskStore::new);
        states.progress(job).explore(&options, &store)
    };
    let (result, warnings) = job::run(py, explore)?;
    Ok(Analysis::explored(result, None, warnings))
}
