//! The stored results of a model: the anisotropy baseline and the profile.

use crate::baseline::Baseline;
use crate::profile::{NamedStimuli, Profile};
use crate::store::Store;
use crate::{Explorer, Result};
use stratoscope_extractor::Origin;

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
            baseline: Baseline::find(origin, store),
            profile: Profile::find(origin, &stimuli, store),
        })
    }
}

impl Explorer {
    /// The stored baseline and profile of the model.
    ///
    /// # Errors
    /// The errors of [`ModelArtifacts::find`].
    pub fn artifacts(&self) -> Result<ModelArtifacts> {
        ModelArtifacts::find(&self.origin(), self.store())
    }
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
        let baseline = Baseline { weights, dtype: "f32".to_owned(), values: vec![value; 2] };
        let store = Memory::default();
        let keep = |shape: fn(&str) -> String| {
            let json = serde_json::to_string(&baseline).unwrap();
            store.write(&Baseline::key(&origin).unwrap(), &shape(&json)).unwrap();
            let json = serde_json::to_string(&profile).unwrap();
            let key = Profile::key(&origin, &NamedStimuli::homographs().unwrap()).unwrap();
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
