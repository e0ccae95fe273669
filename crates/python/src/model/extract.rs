//! States of a corpus, written to a file or a folder.

use super::rows::Rows;
use crate::errors;
use crate::job::Job;
use crate::states::check_file;
use pyo3::prelude::*;
use std::path::{Path, PathBuf};
use stratoscope::crates::extractor::{
    Corpus, CorpusSettings, CorpusStep, Format, Plan, Start, extract_corpus, prepare,
    write_states_as,
};
use stratoscope::{Explorer, HookSelection, LayerSelection, LongText, Progress, Step, StepUnit};

/// What is read, and what is written.
pub(super) struct Wanted {
    pub(super) corpus: Corpus,
    pub(super) output: PathBuf,
    pub(super) start: Start,
    pub(super) rows: Rows,
    pub(super) layers: LayerSelection,
    pub(super) hooks: HookSelection,
    pub(super) format: Output,
    pub(super) long: LongText,
    pub(super) half: bool,
    pub(super) sample: Option<usize>,
    pub(super) seed: u64,
    pub(super) shard_bytes: u64,
}

/// One file, or a folder of shards, with their format.
#[derive(Clone, Copy)]
pub(super) enum Output {
    File(Format),
    Folder(Format),
}

/// How an output that exists is treated.
pub(super) fn start(py: Python<'_>, resume: bool, overwrite: bool) -> PyResult<Start> {
    match (resume, overwrite) {
        (true, true) => Err(errors::usage(py, "choose resume or overwrite, not both")),
        (true, false) => Ok(Start::Resume),
        (false, true) => Ok(Start::Overwrite),
        (false, false) => Ok(Start::New),
    }
}

/// The output that a path means: without an ending, a folder.
pub(super) fn format(
    py: Python<'_>,
    output: &Path,
    of_shards: &str,
    resume: bool,
    overwrite: bool,
) -> PyResult<Output> {
    let extension = output.extension().unwrap_or_default().to_string_lossy();
    // A number after a dot, as of a version, is no ending.
    if !output.is_dir() && extension.starts_with(char::is_alphabetic) {
        if resume {
            return Err(errors::usage(
                py,
                "resume needs a folder; a single file is written only at the end",
            ));
        }
        return Ok(Output::File(check_file(py, output, overwrite)?));
    }
    let known = Format::of(Path::new(&format!("x.{of_shards}")));
    known.map(Output::Folder).ok_or_else(|| {
        let what = "choose one of safetensors, npz, parquet";
        errors::usage(py, format!("there is no format {of_shards:?}; {what}"))
    })
}

/// Computes and writes the states.
pub(super) fn run(explorer: &Explorer, wanted: Wanted, job: &Job) -> stratoscope::Result<()> {
    let Wanted { corpus, output, rows, layers, hooks, half, sample, seed, .. } = wanted;
    let model = explorer.model();
    let limit = rows.limit(explorer, wanted.long);
    let format = match wanted.format {
        Output::Folder(format) => format,
        Output::File(format) => {
            format.check(&hooks.resolve(model.transformer.architecture())?)?;
            let inputs = corpus.read_inputs(sample, seed)?.items;
            let states = explorer.states(prepare(model, inputs, limit)?, &layers, &hooks)?;
            return Ok(write_states_as(&output, &rows.of(states, explorer)?, format, half)?);
        }
    };
    let settings = CorpusSettings {
        layers,
        hooks,
        unit: rows.unit,
        pooler: rows.pooler(explorer)?,
        no_special_tokens: !rows.special_tokens,
        limit,
        sample,
        seed,
        format,
        half,
        shard_bytes: wanted.shard_bytes,
    };
    let mut show = |step: CorpusStep<'_>| match step {
        CorpusStep::Counting { tokens, .. } => job.step(tokens_of("counting", tokens, 0)),
        CorpusStep::Counted(plan) => warn(plan, job),
        CorpusStep::Computing { done, total } => job.step(tokens_of("computing", done, total)),
        CorpusStep::Checking => {
            let (what, unit) = ("checking the shards", StepUnit::Parts);
            job.step(Step { what, done: 0, total: 1, unit });
        }
        _ => {}
    };
    extract_corpus(model, &corpus, &settings, &output, wanted.start, &mut show)?;
    Ok(())
}

fn tokens_of(what: &str, done: usize, total: usize) -> Step<'_> {
    Step { what, done: done as u64, total: total as u64, unit: StepUnit::Tokens }
}

/// Reports the warnings about the texts.
fn warn(plan: &Plan, job: &Job) {
    plan.warnings.iter().for_each(|warning| job.text_warning(&warning.to_string()));
    if plan.more_warnings > 0 {
        job.text_warning(&format!("the same holds for {} more texts", plan.more_warnings));
    }
    if let Some(warning) = &plan.unknown {
        job.text_warning(&warning.to_string());
    }
}
