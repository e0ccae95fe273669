//! What is computed of a model once and used for many texts: its anisotropy baseline and its
//! profile, and where they are kept.

pub(crate) mod baseline;

use crate::artifacts::baseline::Baseline;
use crate::profile::{NamedStimuli, Profile};
use crate::{Error, Explorer, Result};
use std::path::PathBuf;
use stratoscope_extractor::Origin;
use stratoscope_extractor::files::write_file;

/// Keeps JSON by keys such as `baselines/<sha256 of the weights>.json`.
pub trait Store: Send + Sync {
    /// What is kept under a key.
    fn read(&self, key: &str) -> Option<String>;

    /// Keeps a text under a key.
    ///
    /// # Errors
    /// [`Error::Write`].
    fn write(&self, key: &str, json: &str) -> Result<()>;
}

/// Keeps nothing.
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

/// A folder, with a file for each key.
#[derive(Debug, Clone)]
pub struct DiskStore {
    folder: PathBuf,
}

impl DiskStore {
    /// A store in a folder, which is made when it is needed.
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

/// What is known of a model besides its states.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ModelArtifacts {
    /// Its anisotropy baseline.
    pub baseline: Option<Baseline>,
    /// Its profile over the built-in homographs.
    pub profile: Option<Profile>,
}

impl ModelArtifacts {
    /// What comes with the library or is in the store. A stored file that is damaged, or of other
    /// weights or another version, counts as none.
    ///
    /// # Errors
    /// None with the built-in stimuli.
    pub fn find(origin: &Origin, store: &dyn Store) -> Result<Self> {
        let stimuli = NamedStimuli::homographs()?.for_model(origin)?;
        Ok(Self {
            baseline: stored_baseline(origin, store),
            profile: stored_profile(origin, &stimuli, store),
        })
    }
}

impl Explorer {
    /// The anisotropy baseline of the model: the stored one, or a new one, which is stored.
    ///
    /// # Errors
    /// As [`Baseline::compute`].
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

    /// Keeps a text; a store that fails is a warning, as the caller has the result.
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

/// The profile of a model over some stimuli, if it is stored.
pub(crate) fn stored_profile(
    origin: &Origin,
    stimuli: &NamedStimuli,
    store: &dyn Store,
) -> Option<Profile> {
    let stored = || profile_key(origin, stimuli).and_then(|key| store.read(&key));
    let parse = |json: &str| Profile::parse(json, origin).ok().filter(|p| p.is_of(stimuli));
    shipped_profile().and_then(parse).or_else(|| stored().as_deref().and_then(parse))
}

/// The key of a model's baseline; none where the weights are not known.
fn baseline_key(origin: &Origin) -> Option<String> {
    origin.weights.first().map(|weights| format!("baselines/{weights}.json"))
}

/// The key of a model's profile over some stimuli.
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
