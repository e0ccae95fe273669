//! Prepared sequences through the model, group by group.

use crate::{
    Activations, Capture, Captured, Error, HookSelection, LayerSelection, Origin, Prepared, Result,
    Unit,
};
use candle_core::{DType, Tensor};
use ndarray::{Array2, Array3, Axis};
use stratoscope_loader::Model;
use stratoscope_transformer::{Batch, HookPoint, Recorder, Sequence, Transformer};

/// Tokens that are run together; larger groups gain nothing and need more memory.
const GROUP: usize = 1024;

/// How far an extraction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Tokens done.
    pub done: usize,
    /// Tokens in all.
    pub total: usize,
}

/// Runs the model over what was prepared, and keeps the hidden states of the chosen layers: one row
/// a token, `[layers, tokens, d_model]`, f32; and what `hooks` asks for beside them.
///
/// # Errors
/// A choice of layers or hook points that the model does not have, hook points of a text that is
/// read in windows, a forward pass that fails, or a state that is not finite.
pub fn extract(
    model: &Model,
    prepared: Prepared,
    layers: &LayerSelection,
    hooks: &HookSelection,
    progress: &mut dyn FnMut(Progress),
) -> Result<Activations> {
    let architecture = model.transformer.architecture();
    let layers = layers.resolve(architecture.n_layers)?;
    let captures = hooks.resolve(architecture)?;
    let Prepared { texts, rows, sequences, picks, .. } = prepared;
    if !captures.is_empty() && sequences.len() != texts.len() {
        return Err(Error::HooksInWindows);
    }
    let mut kept = vec![Vec::new(); captures.len()];
    let mut hidden_states = Array3::zeros((layers.len(), rows.len(), architecture.d_model));
    let total = sequences.iter().map(|s| s.token_ids.len()).sum();
    let mut done = 0;
    let mut rows_of = vec![Vec::new(); sequences.len()];
    for (row, &(run, token)) in picks.iter().enumerate() {
        rows_of[run].push((row, token));
    }
    for group in groups(&sequences) {
        let batch = Batch::new(architecture, &sequences[group.clone()])?;
        let mut seen = Recorder::new(captures.iter().flat_map(|&c| needed(c)).collect());
        let states = model.transformer.forward(&batch, &mut seen)?;
        for (&capture, kept) in captures.iter().zip(&mut kept) {
            kept.push(value(capture, &seen, &model.transformer, &batch)?);
        }
        for (index, &layer) in layers.iter().enumerate() {
            let state = values(&states[layer])?;
            let mut kept = hidden_states.index_axis_mut(Axis(0), index);
            for (rows, sequence) in rows_of[group.clone()].iter().zip(batch.sequences()) {
                for &(row, token) in rows {
                    let start = (sequence.start + token) * architecture.d_model;
                    let from = &state[start..start + architecture.d_model];
                    if from.iter().any(|v| !v.is_finite()) {
                        return Err(Error::NotFinite { layer, token: row });
                    }
                    kept.row_mut(row).assign(&ndarray::ArrayView1::from(from));
                }
            }
        }
        done += batch.tokens();
        progress(Progress { done, total });
    }
    Ok(Activations {
        origin: Origin::of(model),
        unit: Unit::Token,
        layers,
        texts,
        rows,
        hidden_states,
        hooks: (captures.into_iter().zip(kept))
            .map(|(capture, groups)| joined(capture, groups))
            .collect::<Result<_>>()?,
    })
}

/// The hook points that something to keep is made of.
fn needed(capture: Capture) -> Vec<HookPoint> {
    match capture {
        Capture::Hook(point) => vec![point],
        Capture::ValueWeightedNorms(i) => vec![HookPoint::Value(i), HookPoint::Pattern(i)],
    }
}

/// Something to keep of one group.
fn value(
    capture: Capture,
    seen: &Recorder,
    transformer: &Transformer,
    batch: &Batch,
) -> Result<Tensor> {
    Ok(match capture {
        Capture::Hook(point) => seen.values[&point].clone(),
        Capture::ValueWeightedNorms(i) => {
            let (values, pattern) =
                (&seen.values[&HookPoint::Value(i)], &seen.values[&HookPoint::Pattern(i)]);
            transformer.value_weighted_norms(i, values, pattern, batch)?
        }
    })
}

/// What was kept of all groups as one: tokens below each other, patterns side by side.
fn joined(capture: Capture, groups: Vec<Tensor>) -> Result<Captured> {
    let all = Tensor::cat(&groups, usize::from(capture.is_pattern()))?.to_dtype(DType::F32)?;
    let (rows, width) = all.dims2()?;
    let values = all.flatten_all()?.to_vec1()?;
    // The shape is that of the tensor.
    let values = Array2::from_shape_vec((rows, width), values).unwrap_or_default();
    Ok(Captured { capture, values })
}

/// Runs of sequences with about [`GROUP`] tokens.
fn groups(sequences: &[Sequence]) -> Vec<std::ops::Range<usize>> {
    let mut groups = Vec::new();
    let (mut start, mut tokens) = (0, 0);
    for (index, sequence) in sequences.iter().enumerate() {
        if tokens > 0 && tokens + sequence.token_ids.len() > GROUP {
            groups.push(start..index);
            (start, tokens) = (index, 0);
        }
        tokens += sequence.token_ids.len();
    }
    if start < sequences.len() {
        groups.push(start..sequences.len());
    }
    groups
}

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}
