//! Functions of Python at hook points.

use super::Model;
use crate::errors;
use crate::job::Job;
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use numpy::{AllowTypeChange, PyArray2, PyArrayLike2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;
use stratoscope::crates::extractor::run_with_hooks;
use stratoscope::{
    Activations, Error, Explorer, HookSelection, Interventions, LayerSelection, Text,
};

/// The functions of one `with` block, by hook points.
pub(super) type Functions = Arc<Vec<(String, Py<PyAny>)>>;

/// Functions at hook points, which run within a `with` block.
#[pyclass(frozen, module = "stratoscope")]
pub(crate) struct Hooks {
    model: Py<Model>,
    functions: Functions,
}

impl Hooks {
    pub(super) fn new(model: Bound<'_, Model>, given: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = model.py();
        let points = model.get().hook_points();
        let mut functions = Vec::new();
        for (key, function) in given {
            let key: String = key.extract()?;
            let own: Vec<&String> = match key.split_once(".*.") {
                None => points.iter().filter(|point| **point == key).collect(),
                Some((start, end)) => {
                    let of_block = |point: &&String| {
                        let rest =
                            point.strip_prefix(start).and_then(|rest| rest.strip_prefix('.'));
                        rest.and_then(|rest| rest.split_once('.'))
                            .is_some_and(|(_, own)| own == end)
                    };
                    points.iter().filter(of_block).collect()
                }
            };
            if own.is_empty() {
                let what = format!("there is no hook point {key:?}; model.hook_points lists them");
                return Err(errors::usage(py, what));
            }
            functions
                .extend(own.into_iter().map(|point| (point.clone(), function.clone().unbind())));
        }
        Ok(Self { model: model.unbind(), functions: Arc::new(functions) })
    }
}

#[pymethods]
impl Hooks {
    fn __enter__(&self) -> Py<Model> {
        self.model.get().active().push(self.functions.clone());
        Python::attach(|py| self.model.clone_ref(py))
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, _error: &Bound<'_, pyo3::types::PyTuple>) {
        let mut active = self.model.get().active();
        if let Some(own) = active.iter().rposition(|other| Arc::ptr_eq(other, &self.functions)) {
            active.remove(own);
        }
    }
}

/// The states of texts, one after the other, with functions at hook points.
pub(super) fn states(
    explorer: &Explorer,
    texts: Vec<Text>,
    functions: &[Functions],
    layers: &LayerSelection,
    captures: &HookSelection,
    job: &Arc<Job>,
) -> stratoscope::Result<Activations> {
    let n_layers = explorer.model().transformer.architecture().n_layers;
    let layers = layers.resolve(n_layers)?;
    let mut all: Option<Activations> = None;
    for text in texts {
        let mut hooks = Interventions::new();
        for (point, function) in functions.iter().flat_map(|functions| functions.iter()) {
            hooks = hooks.at(point, |value| call(job, function, value))?;
        }
        let own = run_with_hooks(explorer.model(), text, hooks, captures)?.with_layers(&layers);
        all = Some(match all {
            None => own,
            Some(all) => joined(all, own)?,
        });
    }
    all.ok_or_else(|| {
        let place = "the texts".to_owned();
        Error::Extractor(stratoscope::crates::extractor::Error::NoText { place })
    })
}

/// Calls a function with a copy of a value.
fn call(job: &Job, function: &Py<PyAny>, value: ArrayView2<'_, f32>) -> Option<Array2<f32>> {
    let called = Python::attach(|py| -> PyResult<_> {
        let returned = function.call1(py, (PyArray2::from_array(py, &value),))?;
        if returned.is_none(py) {
            return Ok(None);
        }
        let array: PyArrayLike2<'_, f32, AllowTypeChange> = returned.extract(py)?;
        Ok(Some(array.as_array().to_owned()))
    });
    match called {
        Ok(replacement) => replacement,
        Err(error) => job.raise(error),
    }
}

/// The states of texts, then those of another text.
fn joined(mut all: Activations, next: Activations) -> stratoscope::Result<Activations> {
    let shape = |e: ndarray::ShapeError| {
        let reason = e.to_string();
        Error::Extractor(stratoscope::crates::extractor::Error::States {
            path: "(hooks)".into(),
            reason,
        })
    };
    let both = [all.hidden_states.view(), next.hidden_states.view()];
    let hidden_states = concatenate(Axis(1), &both).map_err(shape)?;
    for (own, more) in all.hooks.iter_mut().zip(&next.hooks) {
        let axis = Axis(usize::from(own.capture.is_pattern()));
        own.values = concatenate(axis, &[own.values.view(), more.values.view()]).map_err(shape)?;
    }
    let before = all.texts.len();
    let rows = next.rows.into_iter();
    all.rows.extend(rows.map(|mut row| {
        row.sequence += before;
        row
    }));
    all.texts.extend(next.texts);
    Ok(Activations { hidden_states, ..all })
}
