//! Results that are computed once per model and used for many texts: where they are stored, and how a
//! stored result is checked.

use crate::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use stratoscope_extractor::Origin;
use stratoscope_extractor::files::write_file;

/// A store of JSON texts under keys such as `baselines/<sha256 of the weights>.json`.
pub trait Store: Send + Sync {
    /// The text under a key; `None` if there is no text or it cannot be read.
    fn read(&self, key: &str) -> Option<String>;

    /// Stores a text under a key.
    ///
    /// # Errors
    /// [`Error::Write`].
    fn write(&self, key: &str, json: &str) -> Result<()>;
}

/// A store that stores nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoStore;

impl Store for NoStore {
    fn read(&self, _: &str) -> Option<String> {
        None
    }

    fn write(&self, _: &str, _: &str) -> Result<()> {
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
    fn read(&self, key: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.join(key)).ok()
    }

    fn write(&self, key: &str, json: &str) -> Result<()> {
        let path = self.folder.join(key);
        let write = || {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            write_file(&path, |file| file.write_all(json.as_bytes()))
        };
        write().map_err(|source| Error::Write { path: path.clone(), source })
    }
}

impl<S: Store> Store for Option<S> {
    fn read(&self, key: &str) -> Option<String> {
        self.as_ref()?.read(key)
    }

    fn write(&self, key: &str, json: &str) -> Result<()> {
        self.as_ref().map_or(Ok(()), |store| store.write(key, json))
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
    /// The sha256 of the weights files.
    pub(crate) weights: &'a [String],
    /// The type of number of the computation.
    pub(crate) dtype: &'a str,
    /// The number of layers, with layer 0.
    pub(crate) layers: usize,
}

/// Reads a stored result, and checks by the weights that it belongs to the model of `origin`.
///
/// # Errors
/// [`Error::Stored`] for a result of other weights, with another type of number, or in another
/// format.
pub(crate) fn parse<T: Stored>(json: &str, origin: &Origin) -> Result<T> {
    let fail =
        |reason: String| Err(Error::Stored { what: T::WHAT, model: origin.model.clone(), reason });
    let result: T = match serde_json::from_str(json) {
        Ok(result) => result,
        Err(error) => return fail(error.to_string()),
    };
    let MadeWith { format, weights, dtype, layers } = result.made_with();
    if format != T::FORMAT {
        return fail(format!("it has format {format}, not {}", T::FORMAT));
    }
    if origin.weights.is_empty() || weights != origin.weights {
        return fail("it was computed with other weights".to_owned());
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
/// the one in the store. A damaged result, or one of other weights, is ignored.
pub(crate) fn find<T: Stored>(
    shipped: Option<&str>,
    key: Option<String>,
    origin: &Origin,
    store: &dyn Store,
    fits: impl Fn(&T) -> bool,
) -> Option<T> {
    let read = |json: &str| parse(json, origin).ok().filter(&fits);
    shipped.and_then(read).or_else(|| read(&store.read(&key?)?))
}
