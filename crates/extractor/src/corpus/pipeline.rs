//! The second pass: groups are read, tokenized and computed side by side, and a thread writes each
//! shard once it is complete. At most two complete shards and a few groups are in memory.

use super::plan::{Digests, Group, Groups};
use super::records::Records;
use super::settings::{Corpus, CorpusSettings};
use crate::activations::Activations;
use crate::arrays;
use crate::error::{Error, Result};
use crate::hooks::Capture;
use crate::media::Input;
use crate::prepare::prepare_numbered;
use crate::reading::{self, GroupTask, Task};
use crate::rows::Unit;
use crate::selected::{Selected, SequenceGroup, States};
use std::sync::mpsc::sync_channel;
use stratoscope_loader::Model;

/// What is to be computed.
pub(crate) struct Work<'a> {
    pub(crate) model: &'a Model,
    pub(crate) corpus: &'a Corpus,
    pub(crate) settings: &'a CorpusSettings,
    pub(crate) layers: &'a [usize],
    pub(crate) captures: &'a [Capture],
    pub(crate) groups: &'a Groups,
    /// The shards that exist already.
    pub(crate) done: Vec<bool>,
}

/// The texts of a group.
struct Job<'a> {
    group: &'a Group,
    first_text: usize,
    texts: Vec<Input>,
}

impl Work<'_> {
    /// Computes the missing shards and hands each to `write`, in order; `progress` receives the
    /// tokens of each group.
    pub(crate) fn run(
        &self,
        mut write: impl FnMut(usize, &[Activations]) -> Result<()> + Send,
        progress: &mut dyn FnMut(usize),
    ) -> Result<()> {
        let mut records = Records::open(self.corpus, self.settings)?;
        let mut groups = self.groups.groups.iter();
        let mut first_text = 0;
        let next = || {
            for group in groups.by_ref() {
                let texts = self.texts(&mut records, group)?;
                let job = Job { group, first_text, texts };
                first_text += group.texts;
                if !self.done[group.shard] {
                    return Ok(Some(job));
                }
            }
            Ok(None)
        };
        std::thread::scope(|scope| {
            // One shard is written and one waits.
            let (complete, shards) = sync_channel::<(usize, Vec<Activations>)>(0);
            let writer = std::thread::Builder::new()
                .spawn_scoped(scope, move || {
                    shards.into_iter().try_for_each(|(shard, parts)| write(shard, &parts))
                })
                .map_err(|source| Error::Thread { source })?;
            let mut parts = Vec::new();
            let mut take = |(group, part): (&Group, Activations)| -> Result<(), Stop> {
                parts.push(part);
                if parts.len() == self.groups.shards[group.shard].groups.len() {
                    let shard = (group.shard, std::mem::take(&mut parts));
                    complete.send(shard).map_err(|_| Stop::Unwritten)?;
                }
                progress(group.tokens);
                Ok(())
            };
            let prepare = |job| self.prepare(job);
            let computed = reading::run_from(self.model, false, next, prepare, &mut take);
            drop(complete);
            let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            match computed {
                Err(Stop::Failed(error)) => Err(error),
                // The writer has the reason.
                Ok(()) | Err(Stop::Unwritten) => written,
            }
        })
    }

    /// The texts of the next group.
    fn texts(&self, records: &mut Records<'_>, group: &Group) -> Result<Vec<Input>> {
        let mut texts = Vec::with_capacity(group.texts);
        for _ in 0..group.texts {
            texts.push(records.next()?.ok_or_else(|| self.changed())?);
        }
        Ok(texts)
    }

    fn changed(&self) -> Error {
        Error::InputChanged { place: self.corpus.place() }
    }

    /// Tokenizes a group.
    fn prepare<'a>(&'a self, job: Job<'a>) -> Result<GroupWork<'a>> {
        let (settings, group) = (self.settings, job.group);
        if Digests::of(&job.texts) != group.digest {
            return Err(self.changed());
        }
        let prepared = prepare_numbered(self.model, job.texts, settings.limit, job.first_text)?;
        if prepared.tokens() != group.tokens {
            return Err(self.changed());
        }
        let (model, layers, captures) = (self.model, self.layers, self.captures);
        let first_text = job.first_text;
        let texts = GroupTask { model, prepared, first_text, layers, captures };
        Ok(GroupWork { work: self, group, texts })
    }
}

/// A group that is ready to run.
struct GroupWork<'a> {
    work: &'a Work<'a>,
    group: &'a Group,
    texts: GroupTask<'a>,
}

impl<'a> Task for GroupWork<'a> {
    /// The group, and its rows.
    type Output = (&'a Group, Activations);

    fn selected(&self) -> Result<Selected<'_>> {
        self.texts.selected()
    }

    fn place(&self, row: usize) -> (String, usize) {
        self.texts.place(row)
    }

    fn finish(self, computed: Vec<(SequenceGroup, States)>) -> Result<Self::Output> {
        let Self { work, group, texts } = self;
        let (settings, first_text) = (work.settings, texts.first_text);
        let states = texts.activations(computed)?;
        // Images have names.
        let numbered = states.media.is_empty() && settings.unit == Unit::Sentence;
        let mut states = match settings.unit {
            Unit::Token if settings.no_special_tokens => states.without_special_rows(),
            Unit::Token => states,
            unit => states.pooled_rows(unit, &settings.pooler),
        };
        if states.rows.len() != group.rows {
            return Err(work.changed());
        }
        if numbered {
            for row in &mut states.rows {
                row.label = format!("text {}", first_text + row.sequence + 1);
            }
        }
        if settings.half {
            arrays::check_half(&states)?;
        }
        Ok((group, states))
    }
}

/// Why the computation ended early.
enum Stop {
    /// A group could not be computed.
    Failed(Error),
    /// A shard could not be written.
    Unwritten,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
