//! The second pass: workers that read, tokenize and compute, and a thread that writes. What is
//! computed and not yet written is at most two shards and a group a worker.

use super::plan::{Group, Groups};
use super::records::Records;
use super::{Corpus, CorpusSettings};
use crate::extract::{extract_here, runs_apart};
use crate::prepare::prepare_numbered;
use crate::workers::{self, lock};
use crate::{Activations, Capture, Error, Result, Text, Unit, arrays};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Condvar, Mutex, PoisonError};
use stratoscope_loader::Model;

/// What is to be computed.
pub(crate) struct Work<'a> {
    pub(crate) model: &'a Model,
    pub(crate) corpus: &'a Corpus,
    pub(crate) settings: &'a CorpusSettings,
    pub(crate) layers: &'a [usize],
    pub(crate) captures: &'a [Capture],
    pub(crate) groups: &'a Groups,
    /// The shards that are there already.
    pub(crate) done: Vec<bool>,
}

/// How far writing is: what keeps workers from running ahead of the disk.
struct Gate {
    /// Groups that are computed at a time.
    workers: usize,
    written: Mutex<Written>,
    changed: Condvar,
}

struct Written {
    shards: Vec<bool>,
    failed: bool,
}

/// The texts of a group.
struct Job {
    index: usize,
    first_text: usize,
    texts: Vec<Text>,
}

impl Work<'_> {
    /// Computes what is missing and hands each shard to `write` when all of it is there; `progress`
    /// is told of tokens.
    pub(crate) fn run(
        &self,
        write: impl FnMut(usize, &[Activations]) -> Result<()> + Send,
        progress: &mut dyn FnMut(usize),
    ) -> Result<()> {
        let gate = Gate {
            // Here, as each worker has a pool of one thread.
            workers: rayon::current_num_threads(),
            written: Mutex::new(Written { shards: self.done.clone(), failed: false }),
            changed: Condvar::new(),
        };
        let mut records = Records::open(self.corpus, self.settings)?;
        let (mut index, mut first_text) = (0, 0);
        std::thread::scope(|scope| {
            let (parts, ready) = channel();
            let writer = std::thread::Builder::new()
                .spawn_scoped(scope, {
                    let gate = &gate;
                    move || self.write_all(ready, write, gate)
                })
                .map_err(|source| Error::Thread { source })?;
            let mut next = || {
                while let Some(group) = self.groups.groups.get(index) {
                    let texts = self.texts(&mut records, group)?;
                    let job = Job { index, first_text, texts };
                    index += 1;
                    first_text += group.texts;
                    if self.done[group.shard] {
                        continue;
                    }
                    return Ok(gate.wait(self.groups, job.index).then_some(job));
                }
                Ok(None)
            };
            let work = |job: Job| {
                let index = job.index;
                let part = self.compute(job)?;
                // A writer that is gone has failed, and says so itself.
                drop(parts.send((index, part)));
                Ok(self.groups.groups[index].tokens)
            };
            let computed = if runs_apart(&self.model.transformer) {
                workers::run(next, work, progress)
            } else {
                (|| {
                    while let Some(job) = next()? {
                        progress(work(job)?);
                    }
                    Ok(())
                })()
            };
            drop(parts);
            let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            written.and(computed)
        })
    }

    /// The texts of the next group.
    fn texts(&self, records: &mut Records<'_>, group: &Group) -> Result<Vec<Text>> {
        let mut texts = Vec::with_capacity(group.texts);
        for _ in 0..group.texts {
            texts.push(records.next()?.ok_or_else(|| self.changed())?);
        }
        Ok(texts)
    }

    fn changed(&self) -> Error {
        Error::InputChanged { place: self.corpus.place() }
    }

    /// The rows of a group.
    fn compute(&self, job: Job) -> Result<Activations> {
        let (settings, group) = (self.settings, &self.groups.groups[job.index]);
        let prepared = prepare_numbered(self.model, job.texts, settings.long, job.first_text)?;
        let tokens: usize = prepared.sequences.iter().map(|s| s.token_ids.len()).sum();
        if tokens != group.tokens {
            return Err(self.changed());
        }
        let states = extract_here(self.model, prepared, self.layers, self.captures)?;
        let mut states = match settings.unit {
            Unit::Token if settings.no_special_tokens => states.without_special_rows(),
            Unit::Token => states,
            unit => states.pooled_rows(unit, settings.pooling),
        };
        if states.rows.len() != group.rows {
            return Err(self.changed());
        }
        if settings.unit == Unit::Sentence {
            for row in &mut states.rows {
                row.label = format!("text {}", job.first_text + row.sequence + 1);
            }
        }
        if settings.half {
            arrays::check_half(&states)?;
        }
        Ok(states)
    }

    /// Writes each shard as soon as all of its groups are there.
    fn write_all(
        &self,
        ready: Receiver<(usize, Activations)>,
        mut write: impl FnMut(usize, &[Activations]) -> Result<()>,
        gate: &Gate,
    ) -> Result<()> {
        let mut begun: BTreeMap<usize, BTreeMap<usize, Activations>> = BTreeMap::new();
        for (index, part) in ready {
            let shard = self.groups.groups[index].shard;
            let parts = begun.entry(shard).or_default();
            parts.insert(index, part);
            if parts.len() < self.groups.shards[shard].groups.len() {
                continue;
            }
            let parts: Vec<_> = begun.remove(&shard).unwrap_or_default().into_values().collect();
            let done = write(shard, &parts);
            drop(parts);
            let mut written = lock(&gate.written);
            match done {
                Ok(()) => written.shards[shard] = true,
                Err(_) => written.failed = true,
            }
            gate.changed.notify_all();
            drop(written);
            done?;
        }
        Ok(())
    }
}

impl Gate {
    /// Waits until a group may be computed; false where nothing can be written any more.
    fn wait(&self, groups: &Groups, index: usize) -> bool {
        let mut written = lock(&self.written);
        loop {
            if written.failed {
                return false;
            }
            let first =
                written.shards.iter().position(|done| !done).unwrap_or(written.shards.len());
            let two = groups.shards.get(first + 1).or(groups.shards.last());
            let end = two.map_or(0, |shard| shard.groups.end);
            if index < end + self.workers {
                return true;
            }
            written = self.changed.wait(written).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
