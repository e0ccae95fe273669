//! Prepared sequences through the model, group by group.

use crate::{Activations, Error, LayerSelection, Origin, Prepared, Result, Unit};
use candle_core::Tensor;
use ndarray::{Array3, Axis};
use stratoscope_loader::Model;
use stratoscope_transformer::{Batch, NoHooks, Sequence};

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
/// a token, `[layers, tokens, d_model]`, f32.
///
/// # Errors
/// A choice of layers that the model does not have, a forward pass that fails, or a state that is
/// not finite.
pub fn extract(
    model: &Model,
    prepared: Prepared,
    layers: &LayerSelection,
    progress: &mut dyn FnMut(Progress),
) -> Result<Activations> {
    let architecture = model.transformer.architecture();
    let layers = layers.resolve(architecture.n_layers)?;
    let Prepared { texts, rows, sequences, picks, .. } = prepared;
    let mut hidden_states = Array3::zeros((layers.len(), rows.len(), architecture.d_model));
    let total = sequences.iter().map(|s| s.token_ids.len()).sum();
    let mut done = 0;
    let mut rows_of = vec![Vec::new(); sequences.len()];
    for (row, &(run, token)) in picks.iter().enumerate() {
        rows_of[run].push((row, token));
    }
    for group in groups(&sequences) {
        let batch = Batch::new(architecture, &sequences[group.clone()])?;
        let states = model.transformer.forward(&batch, &mut NoHooks)?;
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
    })
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
    Ok(tensor.flatten_all()?.to_vec1()?)
}
