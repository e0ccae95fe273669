//! What a probe reads: texts with labels.

use crate::{errors, options};
use pyo3::prelude::*;
use stratoscope::probe::TaskRow;
use stratoscope::{Explorer, Pooling, Text};

/// The pooling of whole texts for a probe, which leaves out what follows the pooling.
pub(super) fn text_pooling(model: &Explorer) -> stratoscope::Result<Pooling> {
    let pooler = model.model().info.sentence_pooler()?;
    Ok(pooler.poolings.first().copied().unwrap_or_default())
}

/// The rows of a task: texts, or places in texts, with labels.
pub(super) fn rows(
    py: Python<'_>,
    texts: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    spans: Option<&[(usize, usize)]>,
) -> PyResult<Vec<TaskRow>> {
    let texts = options::texts(texts)?;
    let labels: Vec<String> =
        labels.try_iter()?.map(|label| Ok(label?.str()?.to_string())).collect::<PyResult<_>>()?;
    let (n, of) = (texts.len(), labels.len());
    if n != of || spans.is_some_and(|spans| spans.len() != n) {
        let spans = spans.map_or_else(String::new, |spans| format!(" and {} spans", spans.len()));
        return Err(errors::usage(py, format!("there are {n} texts, {of} labels{spans}")));
    }
    let row = |(index, (text, label)): (usize, (Text, String))| match spans {
        Some(spans) => TaskRow::span(text.text, spans[index].0..spans[index].1, label),
        None => TaskRow::text(text.text, label),
    };
    Ok(texts.into_iter().zip(labels).enumerate().map(row).collect())
}
