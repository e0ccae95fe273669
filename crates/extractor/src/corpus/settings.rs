//! Where a corpus comes from, and what is kept of it.

use super::read::{FileKind, ReadOptions};
use crate::error::{Error, Result};
use crate::files::{sha256, sha256_of};
use crate::format::Format;
use crate::hooks::HookSelection;
use crate::input::Text;
use crate::layers::LayerSelection;
use crate::prepare::LongText;
use crate::rows::Unit;
use serde_json::{Value, json};
use std::path::PathBuf;
use stratoscope_loader::Pooling;

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

impl Corpus {
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
    pub(crate) fn described(&self) -> Result<Value> {
        Ok(match self {
            Self::File { path, options } => {
                let io = |source| Error::Io { path: path.clone(), source };
                let (bytes, sha256) = sha256_of(path).map_err(io)?;
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
                json!({ "name": place, "bytes": all.len(), "sha256": sha256(&all) })
            }
        })
    }
}
