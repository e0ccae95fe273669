//! Corpora of any size: read twice, computed group by group, and written in shards, from which an
//! interrupted run is resumed.

mod annotated;
mod blocks;
mod conllu;
mod delimited;
mod folder;
mod jsonl;
mod parquet;
mod pipeline;
mod plan;
mod read;
mod records;
mod settings;
mod shards;
#[cfg(test)]
mod tests;

pub use annotated::{AnnotatedFile, AnnotatedSentence, parse_annotated, read_annotated};
pub(crate) use folder::INDEX;
pub use plan::{CorpusStep, Plan};
pub use read::{ReadOptions, TextReader};
pub use settings::{Corpus, CorpusSettings, Start};
pub use shards::read_shards;
pub(crate) use shards::{check_shard, is_extraction, joined};

use crate::activations::{Activations, Origin};
use crate::error::{Error, Result};
use crate::files::tool;
use crate::hooks::Capture;
use crate::input::{Inputs, Text};
use crate::media::Input;
use crate::open::is_regular;
use crate::rows::Unit;
use folder::{Entry, Folder};
use records::Records;
use serde_json::{Value, json};
use std::path::Path;
use stratoscope_loader::Model;

impl Corpus {
    /// Reads the whole corpus into memory, or a sample of `sample` texts.
    ///
    /// # Errors
    /// A file that cannot be read or has a mistake; a corpus without texts, or of images or sounds.
    pub fn read_all(&self, sample: Option<usize>, seed: u64) -> Result<Inputs<Text>> {
        if let Self::Images { .. } | Self::Sounds { .. } = self {
            return Err(Error::NotTexts { place: self.place() });
        }
        let Inputs { items, blank_lines, header } = self.read_inputs(sample, seed)?;
        let text = |input| match input {
            Input::Text(text) => Ok(text),
            Input::Image(_) | Input::Sound(_) => Err(Error::NotTexts { place: self.place() }),
        };
        let items = items.into_iter().map(text).collect::<Result<_>>()?;
        Ok(Inputs { items, blank_lines, header })
    }

    /// Reads the whole corpus into memory, texts, images or sounds, or a sample of `sample` of them.
    ///
    /// # Errors
    /// A file that cannot be read or has a mistake; a corpus without inputs.
    pub fn read_inputs(&self, sample: Option<usize>, seed: u64) -> Result<Inputs<Input>> {
        if let (Some(_), Self::File { path, .. }) = (sample, self)
            && !is_regular(path)
        {
            // It can be read only once.
            let Inputs { items, blank_lines, header } = self.read_all(None, seed)?;
            let all = Self::Texts { place: self.place(), texts: items };
            return Ok(Inputs { blank_lines, header, ..all.read_inputs(sample, seed)? });
        }
        let settings = CorpusSettings { sample, seed, ..CorpusSettings::default() };
        let mut records = Records::open(self, &settings)?;
        let mut items = Vec::new();
        while let Some(input) = records.next()? {
            items.push(input);
        }
        let (blank_lines, header) = (records.blank_lines(), records.header().map(str::to_owned));
        if items.is_empty() {
            return Err(Error::NoText { place: format!("{} has no texts", self.place()) });
        }
        Ok(Inputs { items, blank_lines, header })
    }
}

/// Computes the states of a corpus and writes them to a folder: shards of bounded size, each a
/// states file, and `index.json`. Memory holds about three shards, however long the corpus is. Returns
/// none if the folder has this extraction already.
///
/// For f32 on a CPU, the bytes depend neither on the number of threads nor on interruptions: groups
/// depend on the input and the settings alone, and each is computed by one thread.
///
/// # Errors
/// A mistake in the input or a text that is too long, before any computation; a folder with other
/// files, or that another process writes to; an input that changes; a file that cannot be written; and
/// the errors of [`extract`](crate::extract()).
pub fn extract_corpus(
    model: &Model,
    corpus: &Corpus,
    settings: &CorpusSettings,
    folder: &Path,
    start: Start,
    progress: &mut dyn FnMut(CorpusStep<'_>),
) -> Result<Option<Plan>> {
    let architecture = model.transformer.architecture();
    let layers = settings.layers.resolve(architecture.n_layers)?;
    let captures = settings.hooks.resolve(architecture)?;
    check(&captures, settings)?;
    let lock = folder::lock(folder)?;
    let run = described(model, corpus, settings, &layers, &captures)?;
    progress(CorpusStep::Counting { texts: 0, tokens: 0 });
    // Fail early. A folder that does not exist is not created before the input is known to be whole.
    folder::look(folder, start, &run)?;
    let (mut plan, groups) =
        plan::plan(model, corpus, settings, layers.len(), &captures, &run["input"], progress)?;
    let lock = match lock {
        Some(lock) => lock,
        None => folder::create(folder)?,
    };
    let found = folder::look(folder, start, &run)?;
    let name = |shard| folder::shard_name(shard, settings.format.extension());
    let mut entries = folder::whole(folder, found.entries);
    entries.retain(|entry| entry.shard < groups.shards.len() && entry.file == name(entry.shard));
    let index = |run: &Value, entries: &[Entry]| {
        json!({
            "format": 1,
            "run": run,
            "n_texts": plan.texts,
            "n_rows": plan.rows,
            "n_layers": architecture.n_layers,
            "d_model": architecture.d_model,
            "layers": layers,
            "dtype": if settings.half { "f16" } else { "f32" },
            "shards": shards::described(&groups.shards, entries),
        })
    };
    if let Some(finished) = &found.index
        && entries.len() == groups.shards.len()
        && *finished == index(&finished["run"], &entries)
    {
        folder::tidy(folder)?;
        return Ok(None);
    }
    let mut folder = Folder::begin(folder, &run, entries, lock)?;
    let mut done = vec![false; groups.shards.len()];
    let mut tokens = 0;
    for entry in &folder.entries {
        done[entry.shard] = true;
        tokens += groups.shards[entry.shard].tokens;
    }
    plan.kept = folder.entries.len();
    progress(CorpusStep::Counted(&plan));
    let total = plan.tokens;
    progress(CorpusStep::Computing { done: tokens, total });
    let work = pipeline::Work {
        model,
        corpus,
        settings,
        layers: &layers,
        captures: &captures,
        groups: &groups,
        done,
    };
    let write = |shard: usize, parts: &[Activations]| {
        let first_text = groups.shards[shard].first_text;
        folder.write(shard, name(shard), |out| {
            settings.format.write(out, parts, settings.half, first_text)
        })
    };
    work.run(write, &mut |n| {
        tokens += n;
        progress(CorpusStep::Computing { done: tokens, total });
    })?;
    if corpus.described()? != run["input"] {
        return Err(Error::InputChanged { place: corpus.place() });
    }
    progress(CorpusStep::Checking);
    folder.finish(|entries| index(&run, entries))?;
    Ok(Some(plan))
}

/// Names for a message: the first, each cut if it is long.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MAX: usize = 20;
    let mut names = names.map(conllu::short);
    let mut shown: Vec<String> = names.by_ref().take(MAX).collect();
    shown.extend(names.next().map(|_| "…".to_owned()));
    shown.join(", ")
}

/// Refuses hook points that the format or the unit does not support.
fn check(captures: &[Capture], settings: &CorpusSettings) -> Result<()> {
    settings.format.check(captures)?;
    let tokens = settings.unit == Unit::Token && !settings.no_special_tokens;
    match captures.first() {
        Some(capture) if !tokens => Err(Error::Format {
            what: capture.to_string(),
            format: "words, sentences or a part of the tokens",
            reason: "values at hook points are kept for all tokens or for none",
        }),
        _ => Ok(()),
    }
}

/// Everything that determines the bytes of an extraction.
fn described(
    model: &Model,
    corpus: &Corpus,
    settings: &CorpusSettings,
    layers: &[usize],
    captures: &[Capture],
) -> Result<Value> {
    let origin = Origin::of(model);
    let files =
        model.info.files.all()?.iter().map(|file| (file.name.clone(), file.sha256.clone().into()));
    Ok(json!({
        "tool": tool(),
        "model": origin.model,
        "revision": origin.revision,
        "family": origin.family,
        "weights": origin.weights,
        "files": files.collect::<serde_json::Map<_, Value>>(),
        "dtype": origin.dtype,
        "device": origin.device,
        "vectors": origin.vectors,
        "input": corpus.described()?,
        "settings": {
            "layers": layers,
            "hooks": captures.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "rows": settings.unit,
            "pooling": (settings.unit != Unit::Token).then(|| settings.pooler.name()),
            "no_special_tokens": settings.no_special_tokens,
            "long": settings.limit.long.name(),
            "max_tokens": settings.limit.max_tokens,
            "sample": settings.sample,
            "seed": settings.sample.map(|_| settings.seed),
            "format": settings.format.extension(),
            "half": settings.half,
            "shard_bytes": settings.shard_bytes,
        },
    }))
}
