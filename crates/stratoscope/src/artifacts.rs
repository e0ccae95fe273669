//! The stored results of a model: the anisotropy baseline and the profile. They are computed once
//! and used for many texts. This file owns their stores and keys.

pub(crate) mod baseline;

use crate::artifacts::baseline::Baseline;
use crate::profile::{NamedStimuli, Profile};
use crate::{Error, Explorer, Result};
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

/// The stored results of a model.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ModelArtifacts {
    /// The anisotropy baseline.
    pub baseline: Option<Baseline>,
    /// The profile with the built-in homographs.
    pub profile: Option<Profile>,
}

impl ModelArtifacts {
    /// Finds the baseline and the profile of a model: those of the library first, then those of the
    /// store. A file with a damaged content, of other weights, or in another format is ignored.
    ///
    /// # Errors
    /// Built-in stimuli that cannot be parsed; this does not happen in a released build.
    pub fn find(origin: &Origin, store: &dyn Store) -> Result<Self> {
        let stimuli = NamedStimuli::homographs()?.for_model(origin)?;
        Ok(Self {
            baseline: stored_baseline(origin, store),
            profile: stored_profile(origin, &stimuli, store),
        })
    }
}

impl Explorer {
    /// The anisotropy baseline of the model. A stored baseline is used if there is one; otherwise
    /// it is computed and stored.
    ///
    /// # Errors
    /// The errors of [`Baseline::compute`].
    pub fn baseline(&self) -> Result<Baseline> {
        let origin = self.origin();
        if let Some(stored) = stored_baseline(&origin, self.store()) {
            return Ok(stored);
        }
        self.progress().part("baseline", 0, 1);
        let baseline = Baseline::compute(self)?;
        self.keep(baseline_key(&origin), &serde_json::to_string(&baseline)?);
        Ok(baseline)
    }

    /// Stores a text. A failure is only a warning, because the caller has the result.
    pub(crate) fn keep(&self, key: Option<String>, json: &str) {
        let Some(key) = key else { return };
        if let Err(error) = self.store().write(&key, json) {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            self.progress().note(&format!("warning: {error}: {}", cause.unwrap_or_default()));
        }
    }
}

fn stored_baseline(origin: &Origin, store: &dyn Store) -> Option<Baseline> {
    let stored = || baseline_key(origin).and_then(|key| store.read(&key));
    let parse = |json: &str| Baseline::parse(json, origin).ok();
    shipped_baseline().and_then(parse).or_else(|| stored().as_deref().and_then(parse))
}

/// The stored profile of a model for some stimuli.
pub(crate) fn stored_profile(
    origin: &Origin,
    stimuli: &NamedStimuli,
    store: &dyn Store,
) -> Option<Profile> {
    let stored = || profile_key(origin, stimuli).and_then(|key| store.read(&key));
    let parse = |json: &str| Profile::parse(json, origin).ok().filter(|p| p.is_of(stimuli));
    shipped_profile().and_then(parse).or_else(|| stored().as_deref().and_then(parse))
}

/// The key of the baseline of a model; `None` if the weights are not known.
fn baseline_key(origin: &Origin) -> Option<String> {
    origin.weights.first().map(|weights| format!("baselines/{weights}.json"))
}

/// The key of the profile of a model for some stimuli; `None` if the weights are not known.
pub(crate) fn profile_key(origin: &Origin, stimuli: &NamedStimuli) -> Option<String> {
    let cues = if stimuli.cues_first { "-cues-first" } else { "" };
    let sha256 = &stimuli.sha256;
    origin.weights.first().map(|weights| format!("profiles/{weights}-{sha256}{cues}.json"))
}

#[cfg(feature = "bundled")]
fn shipped_baseline() -> Option<&'static str> {
    Some(stratoscope_bundled::BASELINE)
}

#[cfg(feature = "bundled")]
fn shipped_profile() -> Option<&'static str> {
    Some(stratoscope_bundled::PROFILE)
}

#[cfg(not(feature = "bundled"))]
fn shipped_baseline() -> Option<&'static str> {
    None
}

#[cfg(not(feature = "bundled"))]
fn shipped_profile() -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::tests::{profile, with_old_estimates};
    use std::collections::HashMap;
    use std::sync::Mutex;
    use stratoscope_geometry::Estimate;

    #[derive(Default)]
    struct Memory(Mutex<HashMap<String, String>>);

    impl Store for Memory {
        fn read(&self, key: &str) -> Option<String> {
            self.0.lock().ok()?.get(key).cloned()
        }

        fn write(&self, key: &str, json: &str) -> Result<()> {
            self.0.lock().unwrap().insert(key.to_owned(), json.to_owned());
            Ok(())
        }
    }

    #[test]
    fn stored_files_in_another_format_are_ignored() {
        let profile = profile("toy", 1);
        let origin = profile.model.clone();
        let value = Estimate { value: 0.5, interval: Some([0.4, 0.6]), n: 200 };
        let weights = origin.weights.clone();
        let baseline =
            Baseline { weights, n: 200, dtype: "f32".to_owned(), seed: 0, values: vec![value; 2] };
        let store = Memory::default();
        let keep = |shape: fn(&str) -> String| {
            let json = serde_json::to_string(&baseline).unwrap();
            store.write(&baseline_key(&origin).unwrap(), &shape(&json)).unwrap();
            let json = serde_json::to_string(&profile).unwrap();
            let key = profile_key(&origin, &NamedStimuli::homographs().unwrap()).unwrap();
            store.write(&key, &shape(&json)).unwrap();
            ModelArtifacts::find(&origin, &store).unwrap()
        };
        let found = keep(str::to_owned);
        assert_eq!(found.baseline.as_ref(), Some(&baseline));
        assert_eq!(found.profile.as_ref(), Some(&profile));
        for shape in [with_old_estimates as fn(&str) -> String, |_| "{".to_owned()] {
            let found = keep(shape);
            assert_eq!((found.baseline, found.profile), (None, None));
        }
    }
}
