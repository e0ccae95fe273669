//! The one loop from prepared texts to hidden states: groups of sequences, computed side by side,
//! handed over in order.

use crate::activations::Activations;
use crate::error::{Error, Result};
use crate::hooks::{Capture, HookSelection};
use crate::interventions::Interventions;
use crate::layers::LayerSelection;
use crate::layerwise;
use crate::prepare::Prepared;
use crate::selected::{MAX_GROUP_TOKENS, Selected, SequenceGroup, States, groups};
use crate::workers;
use candle_core::DType;
use stratoscope_loader::Model;

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
    let (layers, captures) = (&*layers, &*captures);
    let prepare = |(first_text, prepared): (usize, Prepared)| {
        Ok(GroupTask { model, prepared, first_text, layers, captures })
    };
    let mut done = 0;
    run(model, jobs, prepare, &mut |(tokens, group)| {
        take(group)?;
        done += tokens;
        progress(Progress { done, total });
        Ok(())
    })
}

/// Texts that are ready to run, and what becomes of their states.
pub(crate) trait Task: Send + Sync {
    /// The result.
    type Output: Send;

    /// The sequences, and what is kept of them.
    ///
    /// # Errors
    /// Hook points of a text that is read in windows.
    fn selected(&self) -> Result<Selected<'_>>;

    /// The groups of sequences that run as one batch each.
    ///
    /// # Errors
    /// The errors of [`selected`](Self::selected).
    fn groups(&self) -> Result<Vec<SequenceGroup>> {
        Ok(self.selected()?.groups(MAX_GROUP_TOKENS))
    }

    /// The name of the text of a row in messages, and the token of the row in that text.
    fn place(&self, row: usize) -> (String, usize);

    /// The result, from the states of the groups.
    ///
    /// # Errors
    /// States that are not what they should be.
    fn finish(self, computed: Vec<(SequenceGroup, States)>) -> Result<Self::Output>;
}

/// Prepares jobs, runs them, and hands their results to `take` in order.
pub(crate) fn run<J: Send, T: Task, E: From<Error>>(
    model: &Model,
    jobs: Vec<J>,
    prepare: impl Fn(J) -> Result<T> + Sync,
    take: &mut dyn FnMut(T::Output) -> Result<(), E>,
) -> Result<(), E> {
    let one = jobs.len() <= 1;
    let mut jobs = jobs.into_iter();
    run_from(model, one, || Ok(jobs.next()), prepare, take)
}

/// [`run`] for jobs that are made one by one; a single job (`one`) uses all threads within its
/// operations. Jobs run side by side where each thread can run one, else on this thread. If the
/// weights do not fit into the memory, several jobs pass block by block together.
pub(crate) fn run_from<J: Send, T: Task, E: From<Error>>(
    model: &Model,
    one: bool,
    mut next: impl FnMut() -> Result<Option<J>> + Send,
    prepare: impl Fn(J) -> Result<T> + Sync,
    take: &mut dyn FnMut(T::Output) -> Result<(), E>,
) -> Result<(), E> {
    let transformer = &model.transformer;
    if !transformer.is_resident() {
        return layerwise::run(model, || next()?.map(&prepare).transpose(), take);
    }
    let work = |job| {
        let task = prepare(job)?;
        let mut computed = Vec::new();
        for group in task.groups()? {
            let place = |row: usize| task.place(row);
            let none = &mut Interventions::new();
            let states = task.selected()?.compute(model, &group, none, &place)?;
            computed.push((group, states));
        }
        task.finish(computed)
    };
    // Other devices are shared, and operations of other types are not ours to divide.
    if !one && transformer.device().is_cpu() && transformer.dtype() == DType::F32 {
        return workers::in_order(next, work, take);
    }
    while let Some(job) = next()? {
        take(work(job)?)?;
    }
    Ok(())
}

/// Prepared texts whose states are all kept.
pub(crate) struct GroupTask<'a> {
    pub(crate) model: &'a Model,
    pub(crate) prepared: Prepared,
    /// The number of texts before these.
    pub(crate) first_text: usize,
    pub(crate) layers: &'a [usize],
    pub(crate) captures: &'a [Capture],
}

impl GroupTask<'_> {
    /// The activations of all texts.
    pub(crate) fn activations(self, computed: Vec<(SequenceGroup, States)>) -> Result<Activations> {
        let d_model = self.model.transformer.architecture().d_model;
        let states = self.selected()?.joined(d_model, computed);
        Ok(self.prepared.activations(self.model, states, self.layers, self.captures))
    }
}

impl Task for GroupTask<'_> {
    type Output = (usize, Group);

    fn selected(&self) -> Result<Selected<'_>> {
        self.prepared.selected(self.layers, self.captures)
    }

    fn place(&self, row: usize) -> (String, usize) {
        self.prepared.place(self.first_text, row)
    }

    fn finish(self, computed: Vec<(SequenceGroup, States)>) -> Result<Self::Output> {
        let (tokens, first_text) = (self.prepared.tokens(), self.first_text);
        Ok((tokens, Group { first_text, states: self.activations(computed)? }))
    }
}

/// The tokens of a group, for an input of so many tokens.
pub(crate) fn group_tokens(total: usize) -> usize {
    (total / GROUPS).clamp(MIN_GROUP_TOKENS, MAX_GROUP_TOKENS)
}
