//! From the name of a model to its source, by the rules of the command line.

use crate::Result;
use crate::text::{short_name, slug};
use std::path::{Path, PathBuf};
use stratoscope_loader::Source;
use stratoscope_loader::hub::{HubFlags, HubSettings, process_environment};

/// A value that names a model: a [`Source`], a path, or a name.
///
/// A name is `bundled`, a path (a folder, or `FILE.gguf`), or a repository of the hub
/// (`org/name[@revision]`). For a repository, the environment determines the folder of the hub's
/// cache.
pub trait IntoSource {
    /// The source of the model.
    ///
    /// # Errors
    /// A hub repository without a folder for its cache; `bundled` in a build without the bundled
    /// model.
    fn into_source(self) -> Result<Source>;
}

impl IntoSource for Source {
    fn into_source(self) -> Result<Source> {
        Ok(self)
    }
}

impl IntoSource for &Source {
    fn into_source(self) -> Result<Source> {
        Ok(self.clone())
    }
}

impl IntoSource for &str {
    fn into_source(self) -> Result<Source> {
        if self == BUNDLED && !Path::new(BUNDLED).is_dir() {
            return bundled();
        }
        let settings = || HubSettings::resolve(HubFlags::default(), process_environment);
        Ok(Source::of(self, None, settings)?)
    }
}

impl IntoSource for &String {
    fn into_source(self) -> Result<Source> {
        self.as_str().into_source()
    }
}

impl IntoSource for String {
    fn into_source(self) -> Result<Source> {
        self.as_str().into_source()
    }
}

impl IntoSource for PathBuf {
    fn into_source(self) -> Result<Source> {
        Ok(Source::Folder(self))
    }
}

impl IntoSource for &Path {
    fn into_source(self) -> Result<Source> {
        Ok(Source::Folder(self.to_owned()))
    }
}

/// The name of the bundled model.
pub const BUNDLED: &str = "bundled";

/// The id of the bundled model in results.
pub(crate) const BUNDLED_ID: &str = "all-MiniLM-L6-v2 (bundled, f16)";

/// The source of the bundled model, in memory.
///
/// # Errors
/// A build without the feature `bundled`.
#[cfg(feature = "bundled")]
pub fn bundled() -> Result<Source> {
    let files = stratoscope_bundled::files().iter().map(|file| (file.name, file.bytes));
    Ok(Source::memory(BUNDLED_ID, files))
}

/// This build does not contain the bundled model.
///
/// # Errors
/// Always [`Error::NotBundled`](crate::Error::NotBundled).
#[cfg(not(feature = "bundled"))]
pub fn bundled() -> Result<Source> {
    Err(crate::Error::NotBundled)
}

/// The name of a model as a part of a file name.
pub(crate) fn file_name(model: &str) -> String {
    if model == BUNDLED_ID {
        return BUNDLED.to_owned();
    }
    let last = short_name(model);
    slug(last.split(" (").next().unwrap_or(last))
}
