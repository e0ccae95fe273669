//! Tasks of a model that is larger than the memory: as many as the memory allows pass block after block
//! side by side, so that each block is read once for all of them.

use crate::error::{Error, Result};
use crate::interventions::Interventions;
use crate::reading::Task;
use crate::selected::{MAX_GROUP_TOKENS, Run, SequenceGroup};
use crate::sizes::values_of;
use crate::workers;
use candle_core::DType;
use stratoscope_loader::Model;

/// Runs the tasks that `next` gives, and hands their results to `take` in order.
///
/// # Errors
/// The first failure in the order of the tasks, of each block.
pub(crate) fn run<T: Task, E: From<Error>>(
    model: &Model,
    mut next: impl FnMut() -> Result<Option<T>>,
    take: &mut dyn FnMut(T::Output) -> Result<(), E>,
) -> Result<(), E> {
    let architecture = model.transformer.architecture();
    let at_work = rayon::current_num_threads() as u64 * architecture.work_bytes(MAX_GROUP_TOKENS);
    let room = model.memory.left().saturating_sub(at_work);
    let mut waiting = None;
    loop {
        let (mut chunk, mut bytes) = (Vec::new(), 0u64);
        while let Some(task) = waiting.take().map_or_else(&mut next, |task| Ok(Some(task)))? {
            let own = bytes_of(model, &task)?;
            // One task runs however large it is.
            if !chunk.is_empty() && bytes.saturating_add(own) > room {
                waiting = Some(task);
                break;
            }
            bytes = bytes.saturating_add(own);
            chunk.push(task);
        }
        if chunk.is_empty() {
            return Ok(());
        }
        for output in pass(model, chunk)? {
            take(output)?;
        }
    }
}

/// The bytes that a task holds from block to block: the state of all tokens, and what is kept.
fn bytes_of(model: &Model, task: &impl Task) -> Result<u64> {
    let (selected, architecture) = (task.selected()?, model.transformer.architecture());
    let (mut tokens, mut rows) = (Vec::new(), 0);
    for group in task.groups()? {
        let sequences = &selected.sequences[group.sequences.clone()];
        tokens.extend(sequences.iter().map(|s| s.tokens()));
        rows += group.rows.len();
    }
    let (d_model, all) = (architecture.d_model, tokens.iter().sum::<usize>());
    let kept = [rows, selected.layers.len(), d_model];
    let kept = values_of(kept, selected.captures, architecture, tokens.into_iter());
    // What is kept is copied once when a task ends.
    Ok(4 * ((all * d_model) as u64).saturating_add(kept.saturating_mul(2)))
}

/// Runs tasks side by side, block by block.
fn pass<T: Task>(model: &Model, tasks: Vec<T>) -> Result<Vec<T::Output>> {
    /// A group of a task.
    struct Job<'a, T> {
        task: &'a T,
        run: Run<'a>,
    }
    let mut groups: Vec<(usize, SequenceGroup)> = Vec::new();
    for (index, task) in tasks.iter().enumerate() {
        groups.extend(task.groups()?.into_iter().map(|group| (index, group)));
    }
    let mut jobs = Vec::with_capacity(groups.len());
    for (index, group) in &groups {
        let task = &tasks[*index];
        let place = |row: usize| task.place(row);
        let run = task.selected()?.start(model, group, &mut Interventions::new(), &place)?;
        jobs.push(Job { task, run });
    }
    let advance = |job: &mut Job<'_, T>| {
        let place = |row: usize| job.task.place(row);
        job.run.advance(&mut Interventions::new(), &place).map(drop)
    };
    // Threads share a block, but not an operation.
    let transformer = &model.transformer;
    let side_by_side = transformer.device().is_cpu() && transformer.dtype() == DType::F32;
    let last = jobs.iter().map(|job| job.run.last_layer()).max().unwrap_or(0);
    for layer in 0..last {
        if jobs.len() == 1 || !side_by_side {
            jobs.iter_mut().try_for_each(advance)?;
            continue;
        }
        transformer.read_block(layer).map_err(Error::from)?;
        let mut waiting = jobs.iter_mut();
        workers::in_order(|| Ok(waiting.next()), advance, &mut |()| Ok::<_, Error>(()))?;
    }
    let mut computed = Vec::with_capacity(jobs.len());
    for job in jobs {
        computed.push(job.run.finish(&mut Interventions::new())?);
    }
    let mut computed = groups.into_iter().zip(computed).peekable();
    let mut outputs = Vec::with_capacity(tasks.len());
    for (index, task) in tasks.into_iter().enumerate() {
        let mut own = Vec::new();
        while let Some(((_, group), states)) = computed.next_if(|((of, _), _)| *of == index) {
            own.push((group, states));
        }
        outputs.push(task.finish(own)?);
    }
    Ok(outputs)
}
