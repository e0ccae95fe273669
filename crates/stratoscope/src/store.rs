//! Results that are computed once per model and used for many texts: where they are stored, and how a
//! stored result is checked.

use crate::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use stratoscope_extractor::Origin;
use stratoscope_extractor::files::write_file;

/// A store of files under keys such as `baselines/<sha256 of the model>.json`.
pub trait Store: Send + Sync {
    /// The bytes under a key; `None` if there are none or they cannot be read.
    fn read(&self, key: &str) -> Option<Vec<u8>>;

    /// Stores bytes under a key.
    ///
    /// # Errors
    /// [`Error::Write`].
    fn write(&self, key: &str, bytes: &[u8]) -> Result<()>;
}

/// A store that stores nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoStore;

impl Store for NoStore {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn write(&self, _: &str, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// A folder with one file for each key.
#[derive(Debug, Clone)]
pub struct DiskStore {
    folder: PathBuf,
}

impl DiskStore {
    /// A store in a folder. The folder is created at the first write.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

impl Store for DiskStore {
    fn read(&self, key: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.join(key)).ok()
    }

    fn write(&self, key: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(key);
        let write = || {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            write_file(&path, |file| file.write_all(bytes))
        };
        write().map_err(|source| Error::Write { path: path.clone(), source })
    }
}

impl<S: Store> Store for Option<S> {
    fn read(&self, key: &str) -> Option<Vec<u8>> {
        self.as_ref()?.read(key)
    }

    fn write(&self, key: &str, bytes: &[u8]) -> Result<()> {
        self.as_ref().map_or(Ok(()), |store| store.write(key, bytes))
    }
}

/// A result that is stored for a model.
pub(crate) trait Stored: Serialize + DeserializeOwned {
    /// The name of the result in messages.
    const WHAT: &'static str;
    /// The version of the format and of the computation.
    const FORMAT: u32;

    /// How it was computed.
    fn made_with(&self) -> MadeWith<'_>;
}

/// The format of a stored result, and the model from which it was computed.
pub(crate) struct MadeWith<'a> {
    pub(crate) format: u32,
    /// [`Origin::states`] of the model.
    pub(crate) model: &'a str,
    /// The type of number of the computation.
    pub(crate) dtype: &'a str,
    /// The number of layers, with layer 0.
    pub(crate) layers: usize,
}

/// The key of a result for the model of `origin`: `FOLDER/<sha256 of the model>-<vectors>END`. The model
/// is identified by config, weights and tokenizer together, since each of them decides the states; the
/// vector instructions decide their last digits. `None` if the model is not known.
pub(crate) fn key(folder: &str, origin: &Origin, end: &str) -> Option<String> {
    let model = &origin.states;
    let vectors = origin.vectors.as_ref().map(|name| format!("-{name}")).unwrap_or_default();
    (!model.is_empty()).then(|| format!("{folder}/{model}{vectors}{end}"))
}

/// Reads a stored result, and checks by [`Origin::states`] that it belongs to the model of `origin`.
///
/// # Errors
/// [`Error::Stored`] for a result of another model, with another type of number, or in another
/// format.
pub(crate) fn parse<T: Stored>(json: &str, origin: &Origin) -> Result<T> {
    let fail =
        |reason: String| Err(Error::Stored { what: T::WHAT, model: origin.model.clone(), reason });
    let result: T = match serde_json::from_str(json) {
        Ok(result) => result,
        Err(error) => return fail(error.to_string()),
    };
    let MadeWith { format, model, dtype, layers } = result.made_with();
    if format != T::FORMAT {
        return fail(format!("it has format {format}, not {}", T::FORMAT));
    }
    if origin.states.is_empty() || model != origin.states {
        return fail(
            "it was computed with another config, other weights or another tokenizer".into(),
        );
    }
    if dtype != origin.dtype {
        return fail(format!("it was computed in {dtype}"));
    }
    if layers != origin.n_layers + 1 {
        return fail(format!("it has {layers} layers"));
    }
    Ok(result)
}

/// The result for the model of `origin`: the one of the library if it is of this model, otherwise
/// the one in the store. A damaged result, or one of another model, is ignored.
pub(crate) fn find<T: Stored>(
    shipped: Option<&str>,
    key: Option<String>,
    origin: &Origin,
    store: &dyn Store,
    fits: impl Fn(&T) -> bool,
) -> Option<T> {
    let read = |json: &str| parse(json, origin).ok().filter(&fits);
    shipped.and_then(read).or_else(|| read(std::str::from_utf8(&store.read(&key?)?).ok()?))
}
