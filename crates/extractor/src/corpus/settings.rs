//! Where a corpus comes from, and what is kept of it.

use super::read::ReadOptions;
use crate::error::{Error, Result};
use crate::files::{sha256, sha256_of};
use crate::format::Format;
use crate::hooks::HookSelection;
use crate::input::Text;
use crate::layers::LayerSelection;
use crate::open::{FileKind, is_regular};
use crate::prepare::LengthLimit;
use crate::rows::Unit;
use serde_json::{Value, json};
use std::path::PathBuf;
use stratoscope_loader::path_text;
use stratoscope_loader::{Pooler, Pooling};

/// The source of texts or images.
#[derive(Debug, Clone)]
pub enum Corpus {
    /// A file. It is read twice.
    File {
        /// The path.
        path: PathBuf,
        /// How it is read.
        options: ReadOptions,
    },
    /// Texts in memory.
    Texts {
        /// Their name in messages.
        place: String,
        /// The texts.
        texts: Vec<Text>,
    },
    /// The images of a folder. Each is read twice.
    Images {
        /// The folder.
        folder: PathBuf,
        /// The files ([`image_files`](crate::image_files)).
        files: Vec<PathBuf>,
    },
    /// The sounds of a folder. Each is read twice.
    Sounds {
        /// The folder.
        folder: PathBuf,
        /// The files ([`sound_files`](crate::sound_files)).
        files: Vec<PathBuf>,
    },
}

/// What is kept of a corpus, and its format.
#[derive(Debug, Clone)]
pub struct CorpusSettings {
    /// The layers.
    pub layers: LayerSelection,
    /// Other hook points; only if rows are all tokens.
    pub hooks: HookSelection,
    /// The unit of a row.
    pub unit: Unit,
    /// The pooling of tokens.
    pub pooler: Pooler,
    /// Whether rows of special tokens are left out.
    pub no_special_tokens: bool,
    /// Which texts are too long, and what is done with them.
    pub limit: LengthLimit,
    /// The number of texts that are sampled without replacement, in their order; none: all texts.
    pub sample: Option<usize>,
    /// The seed of the sample.
    pub seed: u64,
    /// The format of the shards.
    pub format: Format,
    /// Whether floats are written as f16.
    pub half: bool,
    /// About the bytes of a shard in f32 (in f16 a shard has half of it). A text is never split.
    pub shard_bytes: u64,
}

impl Default for CorpusSettings {
    fn default() -> Self {
        Self {
            layers: LayerSelection::All,
            hooks: HookSelection::default(),
            unit: Unit::Token,
            pooler: Pooling::default().into(),
            no_special_tokens: false,
            limit: LengthLimit::default(),
            sample: None,
            seed: 0,
            format: Format::Safetensors,
            half: false,
            shard_bytes: 64 << 20,
        }
    }
}

/// The folders in which an extraction may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// An empty or missing folder.
    New,
    /// Also the folder of the same extraction, which is resumed.
    Resume,
    /// Also the folder of any extraction, which is replaced.
    Overwrite,
}

impl Corpus {
    /// Its name in messages.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::File { path, .. } => path_text(path),
            Self::Texts { place, .. } => place.clone(),
            Self::Images { folder, .. } | Self::Sounds { folder, .. } => path_text(folder),
        }
    }

    /// Name, length in bytes and sha256; for texts in memory those of their JSON, for images and
    /// sounds those of their names and files together.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn identity(&self) -> Result<(String, u64, String)> {
        let described = self.described()?;
        let text = |key: &str| described[key].as_str().unwrap_or_default().to_owned();
        Ok((text("name"), described["bytes"].as_u64().unwrap_or_default(), text("sha256")))
    }

    /// Name, length and sha256, and the options of reading.
    pub(crate) fn described(&self) -> Result<Value> {
        Ok(match self {
            Self::File { path, options } => {
                let io = |source| Error::Io { path: path.clone(), source };
                std::fs::metadata(path).map_err(io)?;
                if !is_regular(path) {
                    return Err(Error::NotRegular { place: self.place() });
                }
                let (bytes, sha256) = sha256_of(path).map_err(io)?;
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let mut described = json!({ "name": name, "bytes": bytes, "sha256": sha256 });
                match FileKind::of(path)? {
                    FileKind::Lines => described["pairs"] = options.pairs.into(),
                    FileKind::Csv | FileKind::Tsv if options.pairs => {
                        described["pairs"] = true.into()
                    }
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
            Self::Images { folder, files } | Self::Sounds { folder, files } => {
                let (mut all, mut bytes) = (Vec::new(), 0);
                for path in files {
                    let io = |source| Error::Io { path: path.clone(), source };
                    let (length, sha256) = sha256_of(path).map_err(io)?;
                    all.push((path.file_name().unwrap_or_default().to_string_lossy(), sha256));
                    bytes += length;
                }
                let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
                let all_files = serde_json::to_vec(&all).unwrap_or_default();
                let of = if matches!(self, Self::Images { .. }) { "images" } else { "sounds" };
                json!({
                    "name": name,
                    "bytes": bytes,
                    "sha256": sha256(&all_files),
                    of: all.len(),
                })
            }
        })
    }
}
