//! Where the fixtures lie, and how their tensors are read.

use safetensors::SafeTensors;
use std::path::{Path, PathBuf};
use stratoscope_loader::hub::Silent;
use stratoscope_loader::{Error, Model, Source};

/// The folder of a fixture.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The model that comes with the program.
pub(crate) fn bundled() -> Source {
    let files = stratoscope_bundled::files();
    Source::Memory {
        id: "bundled".to_owned(),
        files: files.iter().map(|f| (f.name.to_owned(), f.bytes.into())).collect(),
    }
}

/// Loads a model that needs no download.
pub(crate) fn load(source: &Source) -> Result<Model, Error> {
    stratoscope_loader::load(source, &mut Silent)
}

/// The golden checkpoints by name, loaded. Those of a family that is not built yet have to be
/// refused by its name, and by nothing else.
pub(crate) fn families() -> Vec<(String, Model)> {
    checkpoints("families")
}

/// The same from the folders in another place, of checkpoints made of the golden ones.
pub(crate) fn checkpoints(place: &str) -> Vec<(String, Model)> {
    let mut loaded = Vec::new();
    for entry in std::fs::read_dir(path(place)).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let config = std::fs::read(path("families").join(&name).join("config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        match load(&Source::Folder(folder)) {
            Ok(model) => loaded.push((name, model)),
            Err(Error::Family { model_type, .. }) => {
                assert_eq!(config["model_type"], model_type.as_str());
                println!("{name}: {model_type} is not built yet");
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
    loaded
}

/// A safetensors file whose tensors are read by name.
pub(crate) struct Tensors(Vec<u8>);

impl Tensors {
    pub(crate) fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        Self(std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    /// Values and shape, where there is such a tensor.
    pub(crate) fn f32(&self, name: &str) -> Option<(Vec<f32>, Vec<usize>)> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).ok()?;
        assert_eq!(view.dtype(), safetensors::Dtype::F32, "{name}");
        let (values, _) = view.data().as_chunks::<4>();
        Some((values.iter().map(|&b| f32::from_le_bytes(b)).collect(), view.shape().to_vec()))
    }

    /// Values of a list of whole numbers, where there is such a tensor.
    pub(crate) fn i64(&self, name: &str) -> Option<Vec<i64>> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).ok()?;
        assert_eq!(view.dtype(), safetensors::Dtype::I64, "{name}");
        let (values, _) = view.data().as_chunks::<8>();
        Some(values.iter().map(|&b| i64::from_le_bytes(b)).collect())
    }
}

/// The largest difference of two slices, and the largest value of the second.
pub(crate) fn distance(ours: &[f32], theirs: &[f32]) -> (f32, f32) {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).fold((0.0, 0.0), |(worst, largest): (f32, f32), (a, b)| {
        assert!(a.is_finite() && b.is_finite());
        (worst.max((a - b).abs()), largest.max(b.abs()))
    })
}
