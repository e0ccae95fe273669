//! Prepared sequences through the model, group by group.

use crate::prepare::place;
use crate::{
    Activations, Capture, Captured, Error, HookSelection, LayerSelection, Origin, Prepared, Result,
    Unit, workers,
};
use candle_core::{DType, Device, Storage, Tensor};
use ndarray::{Array2, Array3, ArrayView1, ArrayViewMut3, Axis};
use std::ops::Range;
use stratoscope_loader::Model;
use stratoscope_transformer::{Batch, HookPoint, Recorder, Sequence, Transformer};

/// Tokens that are run together, at most; larger groups gain nothing and need more memory.
pub(crate) const MOST: usize = 1024;

/// Tokens that are run together, at least; smaller groups pay more for reading the weights.
const LEAST: usize = 256;

/// In so many groups a few texts are cut, so that no core waits long for another at the end. It is
/// not taken from the number of cores: the digits of a group are the same on any machine.
const SHARES: usize = 16;

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
/// In f32 on a CPU, each thread of the current rayon pool runs groups of sequences by itself; a
/// single group, as of a sentence, uses all of them within its operations.
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
    let total: usize = prepared.sequences.iter().map(|s| s.token_ids.len()).sum();
    let groups = groups(&prepared.sequences, (total / SHARES).clamp(LEAST, MOST));
    let apart = groups.len() > 1 && runs_apart(&model.transformer);
    run(model, prepared, &groups, layers, &captures, apart, progress)
}

/// The same on this thread's pool alone, group after group.
pub(crate) fn extract_here(
    model: &Model,
    prepared: Prepared,
    layers: &[usize],
    captures: &[Capture],
) -> Result<Activations> {
    let groups = groups(&prepared.sequences, MOST);
    run(model, prepared, &groups, layers.to_vec(), captures, false, &mut |_| {})
}

/// Runs groups of sequences, side by side or one after the other.
fn run(
    model: &Model,
    prepared: Prepared,
    groups: &[Range<usize>],
    layers: Vec<usize>,
    captures: &[Capture],
    apart: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Activations> {
    let architecture = model.transformer.architecture();
    let Prepared { texts, rows, sequences, picks, .. } = prepared;
    if !captures.is_empty() && sequences.len() != texts.len() {
        return Err(Error::HooksInWindows);
    }
    let total = sequences.iter().map(|s| s.token_ids.len()).sum();
    let mut hidden_states = Array3::zeros((layers.len(), rows.len(), architecture.d_model));
    let mut kept: Vec<Vec<Tensor>> = vec![Vec::new(); groups.len()];

    // Rows are in the order of the sequences, so that those of a group are side by side.
    let mut jobs = Vec::with_capacity(groups.len());
    let (mut rest, mut first) = (hidden_states.view_mut(), 0);
    for (group, kept) in groups.iter().zip(&mut kept) {
        let rows = picks[first..].iter().take_while(|(run, _)| *run < group.end).count();
        let (states, after) = rest.split_at(Axis(1), rows);
        jobs.push(Job { group: group.clone(), rows: first..first + rows, states, kept });
        (rest, first) = (after, first + rows);
    }
    let mut jobs = jobs.into_iter();
    let not_finite = |layer, row: usize| {
        let sequence = rows[row].sequence;
        let text = &texts[sequence];
        let first = rows[..row].iter().rposition(|r| r.sequence != sequence).map_or(0, |r| r + 1);
        Error::NotFinite {
            layer,
            place: place(sequence, text.line, &text.text),
            token: row - first,
        }
    };
    let work = |job: Job<'_>| {
        let batch = Batch::new(architecture, &sequences[job.group.clone()])?;
        let mut seen = Recorder::new(captures.iter().flat_map(|&c| needed(c)).collect());
        let states = model.transformer.forward(&batch, &mut seen)?;
        for &capture in captures {
            job.kept.push(value(capture, &seen, &model.transformer, &batch)?);
        }
        let places = picks[job.rows.clone()].iter();
        let places =
            places.map(|&(run, token)| batch.sequence_offsets[run - job.group.start] + token);
        let mut job_states = job.states;
        for (&layer, mut kept) in layers.iter().zip(job_states.outer_iter_mut()) {
            let own = job.rows.clone().zip(places.clone());
            with_values(&states[layer], |values| {
                for ((row, place), mut to) in own.zip(kept.outer_iter_mut()) {
                    let from = &values[place * architecture.d_model..][..architecture.d_model];
                    if !from.iter().fold(true, |all, v| all & v.is_finite()) {
                        return Err(not_finite(layer, row));
                    }
                    to.assign(&ArrayView1::from(from));
                }
                Ok(())
            })??;
        }
        Ok(batch.tokens())
    };
    let mut done = 0;
    let mut told = |tokens| {
        done += tokens;
        progress(Progress { done, total });
    };
    if apart {
        workers::run(|| Ok(jobs.next()), work, &mut told)?;
    } else {
        for job in jobs {
            told(work(job)?);
        }
    }
    Ok(Activations {
        origin: Origin::of(model),
        unit: Unit::Token,
        layers,
        texts,
        rows,
        hooks: joined(captures, kept)?,
        hidden_states,
    })
}

/// A group of sequences, and where its results go.
struct Job<'a> {
    /// Its sequences.
    group: Range<usize>,
    /// Its rows.
    rows: Range<usize>,
    /// `[layers, rows, d_model]`.
    states: ArrayViewMut3<'a, f32>,
    /// One value a hook point.
    kept: &'a mut Vec<Tensor>,
}

/// Whether several threads can run groups of their own: elsewhere the device is shared, or the
/// operations are not ours.
pub(crate) fn runs_apart(transformer: &Transformer) -> bool {
    transformer.device().is_cpu() && transformer.dtype() == DType::F32
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
fn joined(captures: &[Capture], groups: Vec<Vec<Tensor>>) -> Result<Vec<Captured>> {
    let of = |(index, &capture): (usize, &Capture)| {
        let groups: Vec<&Tensor> = groups.iter().map(|kept| &kept[index]).collect();
        let all = Tensor::cat(&groups, usize::from(capture.is_pattern()))?;
        let (rows, width) = all.dims2()?;
        let values = with_values(&all, <[f32]>::to_vec)?;
        // The shape is that of the tensor.
        let values = Array2::from_shape_vec((rows, width), values).unwrap_or_default();
        Ok(Captured { capture, values })
    };
    captures.iter().enumerate().map(of).collect()
}

/// Runs of sequences with about so many tokens.
fn groups(sequences: &[Sequence], size: usize) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let (mut start, mut tokens) = (0, 0);
    for (index, sequence) in sequences.iter().enumerate() {
        if tokens > 0 && tokens + sequence.token_ids.len() > size {
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

/// Lends the values of a tensor as f32, in order; those of a CPU are not copied.
fn with_values<T>(tensor: &Tensor, run: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let tensor = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(values), Some((start, end))) => Ok(run(&values.as_slice()?[start..end])),
        _ => Ok(run(&tensor.flatten_all()?.to_vec1()?)),
    }
}
