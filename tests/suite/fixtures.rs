//! The paths of fixtures, and a reader of their tensors.

use safetensors::SafeTensors;
use std::path::{Path, PathBuf};
use stratoscope_loader::hub::Silent;
use stratoscope_loader::{Error, LoadOptions, Model, Source};

/// The path of a fixture.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// Sixty short annotated sentences, as CoNLL-U.
pub(crate) fn corpus() -> String {
    std::fs::read_to_string(path("probing/corpus.conllu")).unwrap()
}

/// The bundled model.
pub(crate) fn bundled() -> Source {
    let files = stratoscope_bundled::files();
    Source::Memory {
        id: "bundled".to_owned(),
        files: files.iter().map(|f| (f.name.to_owned(), f.bytes.into())).collect(),
    }
}

/// Loads a model from a local source.
pub(crate) fn load(source: &Source) -> Result<Model, Error> {
    stratoscope_loader::load(source, &mut Silent)
}

/// Loads a model with options.
pub(crate) fn load_with(source: &Source, options: &LoadOptions) -> Result<Model, Error> {
    stratoscope_loader::load_with(source, options, &mut Silent)
}

/// The golden checkpoints, with their names. A checkpoint with a second config in an older spelling
/// is in the list twice.
pub(crate) fn families() -> Vec<(String, Model)> {
    let mut loaded = Vec::new();
    for name in folders("families") {
        let folder = path("families").join(&name);
        loaded.push((name.clone(), loaded_from(&name, &Source::Folder(folder.clone()))));
        if let Ok(config) = std::fs::read(folder.join("config-transformers-4.json")) {
            let weights = std::fs::read(folder.join("model.safetensors")).unwrap();
            let files = [("config.json", config), ("model.safetensors", weights)];
            loaded.push((name.clone(), loaded_from(&name, &Source::memory(name.clone(), files))));
        }
    }
    loaded
}

/// Loads a model, or panics with the name.
pub(crate) fn loaded_from(name: &str, source: &Source) -> Model {
    load(source).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The names of the folders in a folder of the fixtures.
pub(crate) fn folders(place: &str) -> Vec<String> {
    let entries = std::fs::read_dir(path(place)).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = entries.map(|entry| name(entry).into_string().unwrap()).collect();
    names.sort();
    names
}

/// A safetensors file; tensors are read by name.
pub(crate) struct Tensors(Vec<u8>);

impl Tensors {
    pub(crate) fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        Self(std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    /// The values and the shape of a tensor, if it exists.
    pub(crate) fn f32(&self, name: &str) -> Option<(Vec<f32>, Vec<usize>)> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).ok()?;
        assert_eq!(view.dtype(), safetensors::Dtype::F32, "{name}");
        let (values, _) = view.data().as_chunks::<4>();
        Some((values.iter().map(|&b| f32::from_le_bytes(b)).collect(), view.shape().to_vec()))
    }

    /// The values of a tensor of integers, if it exists.
    pub(crate) fn i64(&self, name: &str) -> Option<Vec<i64>> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).ok()?;
        assert_eq!(view.dtype(), safetensors::Dtype::I64, "{name}");
        let (values, _) = view.data().as_chunks::<8>();
        Some(values.iter().map(|&b| i64::from_le_bytes(b)).collect())
    }
}

/// The largest absolute difference of two slices, and the largest absolute value of the second.
pub(crate) fn distance(ours: &[f32], theirs: &[f32]) -> (f32, f32) {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).fold((0.0, 0.0), |(worst, largest): (f32, f32), (a, b)| {
        assert!(a.is_finite() && b.is_finite());
        (worst.max((a - b).abs()), largest.max(b.abs()))
    })
}
