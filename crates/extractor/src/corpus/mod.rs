//! Corpora of any size: read twice, computed group by group, written in shards that an interrupted
//! run goes on from.

mod annotated;
mod conllu;
mod folder;
mod jsonl;
mod parquet;
mod pipeline;
mod plan;
mod read;
mod records;
#[cfg(test)]
mod tests;

pub use annotated::{AnnotatedSentence, AnnotatedWord, parse_annotated, read_annotated};
pub(crate) use folder::write_aside;
pub use plan::Plan;
pub use read::{FileKind, ReadOptions, TextReader};
pub(crate) use read::{Lines, pair_of};

use crate::{
    Activations, Capture, Error, Format, HookSelection, Inputs, LayerSelection, LongText, Origin,
    Result, Text, Unit, states,
};
use folder::{Entry, Folder, Found};
use records::Records;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use stratoscope_loader::{Model, Pooling};

/// Where texts come from.
#[derive(Debug, Clone)]
pub enum Corpus {
    /// A file, which is read twice.
    File {
        /// Where it is.
        path: PathBuf,
        /// How it is read.
        options: ReadOptions,
    },
    /// Texts in memory.
    Texts {
        /// What messages call them.
        place: String,
        /// The texts.
        texts: Vec<Text>,
    },
}

/// What is kept of a corpus, and how it is written.
#[derive(Debug, Clone)]
pub struct CorpusSettings {
    /// The layers.
    pub layers: LayerSelection,
    /// Other hook points; of tokens with their special ones alone.
    pub hooks: HookSelection,
    /// What a row is.
    pub unit: Unit,
    /// How several vectors become one.
    pub pooling: Pooling,
    /// Whether rows of special tokens are left out.
    pub no_special_tokens: bool,
    /// What to do with texts that are too long.
    pub long: LongText,
    /// How many texts are drawn, without replacement and in their order; none: all.
    pub sample: Option<usize>,
    /// The seed of the draw.
    pub seed: u64,
    /// The format of the shards.
    pub format: Format,
    /// Whether floats are written as f16.
    pub half: bool,
    /// About how many bytes of f32 states a shard holds; half of it is written as f16. One text is
    /// never split.
    pub shard_bytes: u64,
}

impl Default for CorpusSettings {
    fn default() -> Self {
        Self {
            layers: LayerSelection::All,
            hooks: HookSelection::default(),
            unit: Unit::Token,
            pooling: Pooling::default(),
            no_special_tokens: false,
            long: LongText::Refuse,
            sample: None,
            seed: 0,
            format: Format::Safetensors,
            half: false,
            shard_bytes: 64 << 20,
        }
    }
}

/// What a folder must be for an extraction to begin there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Empty, or not there.
    New,
    /// That, or of the same extraction, which is gone on with.
    Resume,
    /// That, or of any extraction, which is replaced.
    Overwrite,
}

/// How far an extraction of a corpus is.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum CorpusStep<'a> {
    /// Everything is read and tokenized, to know what there is.
    Counting {
        /// Texts so far.
        texts: usize,
        /// Tokens so far.
        tokens: usize,
    },
    /// What there is.
    Counted(&'a Plan),
    /// States are computed and written.
    Computing {
        /// Tokens done, those of earlier runs included.
        done: usize,
        /// Tokens in all.
        total: usize,
    },
}

impl Corpus {
    /// Reads all of it into memory, or a sample of `sample` texts.
    ///
    /// # Errors
    /// What cannot be read, or no text at all.
    pub fn read_all(&self, sample: Option<usize>, seed: u64) -> Result<Inputs<Text>> {
        let settings = CorpusSettings { sample, seed, ..CorpusSettings::default() };
        let mut records = Records::open(self, &settings)?;
        let mut items = Vec::new();
        while let Some(text) = records.next()? {
            items.push(text);
        }
        let blank_lines = records.blank_lines();
        if items.is_empty() {
            return Err(Error::NoText { place: format!("{} has no texts", self.place()) });
        }
        Ok(Inputs { items, blank_lines })
    }

    /// What messages call it.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::File { path, .. } => path.display().to_string(),
            Self::Texts { place, .. } => place.clone(),
        }
    }

    /// Its name, its length in bytes and its sha256; of texts in memory, of their JSON.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn identity(&self) -> Result<(String, u64, String)> {
        let described = self.described()?;
        let text = |key: &str| described[key].as_str().unwrap_or_default().to_owned();
        Ok((text("name"), described["bytes"].as_u64().unwrap_or_default(), text("sha256")))
    }

    /// Its name, its length and its sha256, and how it is read.
    fn described(&self) -> Result<Value> {
        Ok(match self {
            Self::File { path, options } => {
                let io = |source| Error::Io { path: path.clone(), source };
                let (bytes, sha256) = folder::sha256_of(path).map_err(io)?;
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let mut described = json!({ "name": name, "bytes": bytes, "sha256": sha256 });
                match FileKind::of(path) {
                    FileKind::Lines => described["pairs"] = options.pairs.into(),
                    FileKind::Conllu => {}
                    _ => described["field"] = options.field.clone().into(),
                }
                described
            }
            Self::Texts { place, texts } => {
                let all: Vec<_> = texts.iter().map(|t| (&t.text, &t.pair)).collect();
                let all = serde_json::to_vec(&all).unwrap_or_default();
                json!({ "name": place, "bytes": all.len(), "sha256": folder::sha256(&all) })
            }
        })
    }
}

/// Computes the states of a corpus and writes them to a folder: shards of bounded size, each a
/// states file, and `index.json`. Memory holds about two shards, however long the corpus is. None
/// comes back where the same extraction was there already.
///
/// On a CPU in f32 the bytes are the same for any number of threads, and whether the run was
/// interrupted or not: groups are cut by the input and the settings alone, and each is computed by
/// one thread.
///
/// # Errors
/// A mistake in the input or a text that is too long, before anything is computed; a folder that
/// holds something else; a file that cannot be written; and as [`extract`](crate::extract).
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
    let run = described(model, corpus, settings, &layers, &captures)?;
    let entries = match folder::look(folder, start, &run)? {
        Found::Finished => {
            folder::tidy(folder)?;
            return Ok(None);
        }
        Found::Begun(entries) => entries,
    };
    let (mut plan, groups) =
        plan::plan(model, corpus, settings, layers.len(), &captures, progress)?;
    let mut folder = Folder::begin(folder, &run, entries)?;
    let name = |shard| folder::shard_name(shard, settings.format.extension());
    let mut done = vec![false; groups.shards.len()];
    let mut tokens = 0;
    for entry in &folder.entries {
        if let Some(done) = done.get_mut(entry.shard).filter(|_| entry.file == name(entry.shard)) {
            *done = true;
            tokens += groups.shards[entry.shard].tokens;
            plan.kept += 1;
        }
    }
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
    let mut entries = std::mem::take(&mut folder.entries);
    entries.sort_by_key(|entry| entry.shard);
    let shards = groups.shards.iter().zip(&entries).map(|(shard, entry)| {
        let Entry { file, bytes, sha256, .. } = entry;
        json!({
            "file": file, "first_text": shard.first_text, "texts": shard.texts,
            "first_row": shard.first_row, "rows": shard.rows, "bytes": bytes, "sha256": sha256,
        })
    });
    folder.finish(&json!({
        "format": 1,
        "run": run,
        "n_texts": plan.texts,
        "n_rows": plan.rows,
        "n_layers": architecture.n_layers,
        "d_model": architecture.d_model,
        "layers": layers,
        "dtype": if settings.half { "f16" } else { "f32" },
        "shards": shards.collect::<Value>(),
    }))?;
    Ok(Some(plan))
}

/// Refuses what cannot be written so.
fn check(captures: &[Capture], settings: &CorpusSettings) -> Result<()> {
    settings.format.check(captures)?;
    let tokens = settings.unit == Unit::Token && !settings.no_special_tokens;
    match captures.first() {
        Some(capture) if !tokens => Err(Error::Format {
            what: capture.to_string(),
            format: "words, sentences or a part of the tokens",
            reason: "a hook point is kept for all tokens or for none",
        }),
        _ => Ok(()),
    }
}

/// All that the bytes of an extraction follow from.
fn described(
    model: &Model,
    corpus: &Corpus,
    settings: &CorpusSettings,
    layers: &[usize],
    captures: &[Capture],
) -> Result<Value> {
    let origin = Origin::of(model);
    let files = model.info.files.iter().map(|file| (file.name.clone(), file.sha256.clone().into()));
    Ok(json!({
        "tool": states::tool(),
        "model": origin.model,
        "revision": origin.revision,
        "family": origin.family,
        "weights": origin.weights,
        "files": files.collect::<serde_json::Map<_, Value>>(),
        "dtype": origin.dtype,
        "device": origin.device,
        "input": corpus.described()?,
        "settings": {
            "layers": layers,
            "hooks": captures.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "rows": settings.unit,
            "pooling": (settings.unit != Unit::Token).then(|| settings.pooling.name()),
            "no_special_tokens": settings.no_special_tokens,
            "long": settings.long.name(),
            "sample": settings.sample,
            "seed": settings.sample.map(|_| settings.seed),
            "format": settings.format.extension(),
            "half": settings.half,
            "shard_bytes": settings.shard_bytes,
        },
    }))
}
