//! The stored results of a model: the anisotropy baseline, the profile, and the states of the words
//! of the reference bank.

use crate::bank::{Bank, BankStates};
use crate::baseline::Baseline;
use crate::profile::{Crossed, Curves, NamedStimuli};
use crate::store::Store;
use crate::{Explorer, Result};
use std::sync::Arc;
use stratoscope_extractor::Origin;

/// The stored results of a model.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ModelArtifacts {
    /// The anisotropy baseline.
    pub baseline: Option<Baseline>,
    /// The curves over the reference bank.
    pub curves: Option<Curves>,
    /// The crossed design with the built-in homographs.
    pub crossed: Option<Crossed>,
    /// The states of the words of the reference bank. [`find`](Self::find) does not read them, because
    /// they are large: [`Explorer::reference_states`] does.
    pub bank: Option<Arc<BankStates>>,
}

impl ModelArtifacts {
    /// Finds the baseline and the profile of a model: those of the library first, then those of the
    /// store. A file with a damaged content, of another model, or in another format is ignored.
    ///
    /// # Errors
    /// A built-in file that cannot be parsed; this does not happen in a released build.
    pub fn find(origin: &Origin, store: &dyn Store) -> Result<Self> {
        let stimuli = NamedStimuli::homographs()?.for_model(origin)?;
        Ok(Self {
            baseline: Baseline::find(origin, store),
            curves: Curves::find(origin, &Bank::reference()?, store),
            crossed: Crossed::find(origin, &stimuli, store),
            bank: None,
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
    use crate::profile::tests::{crossed, curves, with_old_estimates};
    use std::collections::HashMap;
    use std::sync::Mutex;
    use stratoscope_geometry::Estimate;

    #[derive(Default)]
    struct Memory(Mutex<HashMap<String, Vec<u8>>>);

    impl Store for Memory {
        fn read(&self, key: &str) -> Option<Vec<u8>> {
            self.0.lock().ok()?.get(key).cloned()
        }

        fn write(&self, key: &str, bytes: &[u8]) -> Result<()> {
            self.0.lock().unwrap().insert(key.to_owned(), bytes.to_owned());
            Ok(())
        }
    }

    #[test]
    fn stored_files_in_another_format_are_ignored() {
        let (crossed, curves) = (crossed("toy", 1), curves("toy", 1));
        let origin = crossed.model.clone();
        let value = Estimate { value: 0.5, interval: Some([0.4, 0.6]), n: 200 };
        let model = origin.states.clone();
        let baseline = Baseline { model, dtype: "f32".to_owned(), values: vec![value; 2] };
        let store = Memory::default();
        let keep = |shape: fn(&str) -> String| {
            let bank = Bank::reference().unwrap();
            let homographs = NamedStimuli::homographs().unwrap();
            for (key, json) in [
                (Baseline::key(&origin), serde_json::to_string(&baseline).unwrap()),
                (Crossed::key(&origin, &homographs), serde_json::to_string(&crossed).unwrap()),
                (Curves::key(&origin, &bank), serde_json::to_string(&curves).unwrap()),
            ] {
                store.write(&key.unwrap(), shape(&json).as_bytes()).unwrap();
            }
            ModelArtifacts::find(&origin, &store).unwrap()
        };
        let found = keep(str::to_owned);
        assert_eq!(found.baseline.as_ref(), Some(&baseline));
        assert_eq!(found.crossed.as_ref(), Some(&crossed));
        assert_eq!(found.curves.as_ref(), Some(&curves));
        for shape in [with_old_estimates as fn(&str) -> String, |_| "{".to_owned()] {
            let found = keep(shape);
            assert_eq!((found.baseline, found.crossed, found.curves), (None, None, None));
        }
        // Curves with a missing part.
        let found = keep(|json| {
            json.replacen("\"random_weights\":[{", "\"random_weights\":[],\"x\":[{", 1)
        });
        assert_eq!((found.crossed.is_some(), found.curves), (true, None));
    }
}
