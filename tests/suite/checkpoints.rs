//! Tiny checkpoints that tests can change or break.

use crate::fixtures::path;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use stratoscope_loader::Source;

/// A checkpoint in memory.
#[derive(Clone)]
pub(crate) struct Checkpoint {
    pub(crate) config: Value,
    pub(crate) tensors: BTreeMap<String, Stored>,
    /// Other files, by name.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// A tensor of a safetensors file.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl Checkpoint {
    /// A fixture of `families` without shards.
    pub(crate) fn fixture(name: &str) -> Self {
        let folder = path("families").join(name);
        let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
        let weights = read("model.safetensors");
        let tensors = SafeTensors::deserialize(&weights).unwrap().tensors().into_iter();
        let tensors = tensors.map(|(name, view)| {
            let (dtype, shape) = (view.dtype(), view.shape().to_vec());
            (name, Stored { dtype, shape, bytes: view.data().to_vec() })
        });
        Self {
            config: serde_json::from_slice(&read("config.json")).unwrap(),
            tensors: tensors.collect(),
            files: ["preprocessor_config.json"]
                .into_iter()
                .filter_map(|file| Some((file.to_owned(), std::fs::read(folder.join(file)).ok()?)))
                .collect(),
        }
    }

    /// The checkpoint with more rows in its token embedding.
    pub(crate) fn with_rows(mut self, rows: usize) -> Self {
        self.config["vocab_size"] = rows.into();
        let names = ["word_embeddings.weight", "wte.weight", "embed_tokens.weight"];
        let of_tokens = |name: &str| names.iter().any(|end| name.ends_with(end));
        let (_, table) = self.tensors.iter_mut().find(|(n, _)| of_tokens(n)).unwrap();
        let width = table.bytes.len() / table.shape[0];
        table.bytes.resize(rows * width, 0);
        let old = std::mem::replace(&mut table.shape[0], rows);
        // The tensors of the head (bias, or untied matrix) get the same number of rows.
        for (_, tensor) in self.tensors.iter_mut() {
            if tensor.shape[0] == old {
                let width = tensor.bytes.len() / old;
                tensor.bytes.resize(rows * width, 0);
                tensor.shape[0] = rows;
            }
        }
        self
    }

    /// All files, by name.
    pub(crate) fn all_files(&self) -> BTreeMap<String, Vec<u8>> {
        let views = self
            .tensors
            .iter()
            .map(|(name, t)| (name, TensorView::new(t.dtype, t.shape.clone(), &t.bytes).unwrap()));
        let mut files = self.files.clone();
        let weights = safetensors::serialize(views, None).unwrap();
        files.entry("model.safetensors".to_owned()).or_insert(weights);
        let config = serde_json::to_vec(&self.config).unwrap();
        files.entry("config.json".to_owned()).or_insert(config);
        files
    }

    /// The checkpoint as a source in memory.
    pub(crate) fn source(&self) -> Source {
        let files = self.all_files().into_iter().map(|(name, bytes)| (name, bytes.into()));
        Source::Memory { id: "tiny".to_owned(), files: files.collect() }
    }

    /// Writes the checkpoint to a folder.
    pub(crate) fn write(&self, folder: &Path) {
        for (name, bytes) in self.all_files() {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}
