//! What an exploration was made with, so that it can be made again.

use crate::{Activations, Settings};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;
use stratoscope_loader::{FileRecord, ModelInfo, hexadecimal};

/// What an exploration was made with. The same manifest gives the same bytes.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The program and its version.
    pub tool: String,
    /// The command line, where there was one.
    pub command_line: Vec<String>,
    /// The model's id or path.
    pub model: String,
    /// Its commit on the hub.
    pub revision: Option<String>,
    /// Its family.
    pub family: String,
    /// Every file that was read, with its sha256.
    pub files: Vec<ModelFile>,
    /// How numbers were computed.
    pub dtype: String,
    /// Where they were computed.
    pub device: String,
    /// Threads that computed them; the numbers do not depend on it.
    pub threads: usize,
    /// How states were measured and reduced; the seed is among it.
    pub settings: Settings,
    /// Further choices of the command, by name.
    pub options: Value,
    /// The texts.
    pub texts: Vec<String>,
}

/// A file that was read.
#[derive(Debug, Clone, Serialize)]
pub struct ModelFile {
    /// Its name in the checkpoint.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its sha256, in lower-case hexadecimal.
    pub sha256: String,
}

impl From<&FileRecord> for ModelFile {
    fn from(record: &FileRecord) -> Self {
        let FileRecord { name, bytes, sha256 } = record.clone();
        Self { name, bytes, sha256 }
    }
}

impl ModelFile {
    /// The record of a file on disk.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        let bytes = std::fs::read(path)?;
        Ok(Self {
            name: path.display().to_string(),
            bytes: bytes.len() as u64,
            sha256: hexadecimal(&Sha256::digest(&bytes)),
        })
    }
}

impl Manifest {
    /// The manifest of some states, which come from `model` where that is at hand.
    pub fn new(states: &Activations, model: Option<&ModelInfo>, settings: &Settings) -> Self {
        Self {
            tool: format!("stratoscope {}", env!("CARGO_PKG_VERSION")),
            command_line: Vec::new(),
            model: states.origin.model.clone(),
            revision: states.origin.revision.clone(),
            family: states.origin.family.clone(),
            files: model.iter().flat_map(|m| &m.files).map(ModelFile::from).collect(),
            dtype: states.origin.dtype.clone(),
            device: states.origin.device.clone(),
            threads: 0,
            settings: settings.clone(),
            options: Value::Null,
            texts: states
                .texts
                .iter()
                .map(|t| match &t.pair {
                    Some(pair) => format!("{}\t{pair}", t.text),
                    None => t.text.clone(),
                })
                .collect(),
        }
    }

    /// Eight hexadecimal digits of what determines the result: the model's files, the settings and
    /// the texts, but neither the command line nor the number of threads.
    pub fn hash8(&self) -> String {
        let files: Vec<&str> = self.files.iter().map(|f| f.sha256.as_str()).collect();
        let what = serde_json::json!([
            self.tool,
            self.model,
            self.revision,
            files,
            self.dtype,
            self.device,
            self.settings,
            self.options,
            self.texts,
        ]);
        hexadecimal(&Sha256::digest(what.to_string().as_bytes())[..4])
    }
}
