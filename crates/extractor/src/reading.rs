//! The one loop from prepared texts to hidden states: groups of sequences, computed side by side,
//! handed over in order.

use crate::activations::Activations;
use crate::error::{Error, Result};
use crate::hooks::{Capture, HookSelection};
use crate::layers::LayerSelection;
use crate::prepare::Prepared;
use crate::selected::{MAX_GROUP_TOKENS, groups};
use crate::workers;
use candle_core::DType;
use stratoscope_loader::Model;
use stratoscope_transformer::Transformer;

/// The fewest tokens of a full group; smaller groups spend their time on reading the weights.
const MIN_GROUP_TOKENS: usize = 256;

/// The number of groups that a small input is cut into, so that no core waits long for another at
/// the end. It does not depend on the number of cores, and so the digits do not either.
const GROUPS: usize = 16;

/// Progress of an extraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Tokens done.
    pub done: usize,
    /// All tokens.
    pub total: usize,
}

/// Texts that ran together, with their states.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The number of the first text, counted from 0 over all groups.
    pub first_text: usize,
    /// The states of these texts. [`Row::sequence`](crate::Row::sequence) counts from the first text of the group.
    pub states: Activations,
}

/// Computes the states of prepared texts group by group, and hands each group to `take` in the order
/// of the texts: for work that keeps only a part of the states. At most a few groups are in memory.
/// The states equal those of [`extract`](crate::extract()) for texts of one window.
///
/// For f32 on a CPU, each thread of the current rayon pool runs groups of its own; elsewhere groups
/// run one after the other. The groups, and with them the digits, depend on the texts alone.
///
/// # Errors
/// The errors of [`extract`](crate::extract()), and those of `take`, which end the computation.
pub fn read_groups<E: From<Error>>(
    model: &Model,
    prepared: Prepared,
    layers: &LayerSelection,
    hooks: &HookSelection,
    take: &mut dyn FnMut(Group) -> Result<(), E>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), E> {
    let architecture = model.transformer.architecture();
    let layers = layers.resolve(architecture.n_layers)?;
    let captures = hooks.resolve(architecture)?;
    let (total, mut prepared) = (prepared.tokens(), prepared);
    let mut jobs = Vec::new();
    // From the end, so that nothing moves twice.
    for texts in groups(prepared.text_tokens(), group_tokens(total)).into_iter().rev() {
        jobs.push((texts.start, prepared.split_off(texts.start)));
    }
    jobs.reverse();
    let work = |(first_text, prepared): (usize, Prepared)| {
        let tokens = prepared.tokens();
        let states = states_of(model, prepared, first_text, &layers, &captures)?;
        Ok((tokens, Group { first_text, states }))
    };
    let mut done = 0;
    run(&model.transformer, jobs, work, &mut |(tokens, group)| {
        take(group)?;
        done += tokens;
        progress(Progress { done, total });
        Ok(())
    })
}

/// Runs jobs, and hands their results to `take` in order: side by side where each thread can run a
/// job of its own, else on this thread.
pub(crate) fn run<J: Send, R: Send, E: From<Error>>(
    transformer: &Transformer,
    jobs: Vec<J>,
    work: impl Fn(J) -> Result<R> + Sync,
    take: &mut dyn FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let one = jobs.len() <= 1;
    let mut jobs = jobs.into_iter();
    run_from(transformer, one, || Ok(jobs.next()), work, take)
}

/// [`run`] for jobs that are made one by one; a single job (`one`) uses all threads within its
/// operations.
pub(crate) fn run_from<J: Send, R: Send, E: From<Error>>(
    transformer: &Transformer,
    one: bool,
    mut next: impl FnMut() -> Result<Option<J>> + Send,
    work: impl Fn(J) -> Result<R> + Sync,
    take: &mut dyn FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    // Other devices are shared, and operations of other types are not ours to divide.
    if !one && transformer.device().is_cpu() && transformer.dtype() == DType::F32 {
        return workers::in_order(next, work, take);
    }
    while let Some(job) = next()? {
        take(work(job)?)?;
    }
    Ok(())
}

/// The tokens of a group, for an input of so many tokens.
pub(crate) fn group_tokens(total: usize) -> usize {
    (total / GROUPS).clamp(MIN_GROUP_TOKENS, MAX_GROUP_TOKENS)
}

/// The states of all prepared texts on this thread; `first_text` texts come before them.
pub(crate) fn states_of(
    model: &Model,
    prepared: Prepared,
    first_text: usize,
    layers: &[usize],
    captures: &[Capture],
) -> Result<Activations> {
    let selected = prepared.selected(layers, captures)?;
    let place = |row: usize| prepared.place(first_text, row);
    let states = selected.compute_all(model, &place)?;
    Ok(prepared.activations(model, states, layers, captures))
}
