//! The anisotropy baseline: the mean cosine of words of different sentences. Read cosines relative to
//! it.

use crate::store::{self, MadeWith, Store, Stored};
use crate::{Explorer, Result};
use serde::{Deserialize, Serialize};
use stratoscope_extractor::{HookSelection, LayerSelection, LongText, Origin, Text, prepare};
use stratoscope_geometry::{Estimate, anisotropy};

/// The mean cosine of words from different sentences, by layer (Ethayarajh 2019).
///
/// Unknown fields are refused, so that a stored baseline of an older definition is computed again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The sha256 that identifies the model ([`Origin::states`]).
    pub model: String,
    /// The type of number of the computation: `f32`, `f16` or `bf16`.
    pub dtype: String,
    /// `[n_layers + 1]`: the mean cosine with its 95 % jackknife interval over the sentences.
    pub values: Vec<Estimate>,
}

/// The sentences of the baseline: 200 English sentences about different subjects.
pub fn builtin_sentences() -> impl Iterator<Item = &'static str> {
    include_str!("../data/sentences.txt").lines()
}

/// Assigns the sentences to the parts of the jackknife.
const SEED: u64 = 0;

impl Baseline {
    /// Computes the baseline of a model from the built-in sentences.
    ///
    /// # Errors
    /// A forward pass that fails, or a model without a tokenizer.
    pub fn compute(explorer: &Explorer) -> Result<Self> {
        let texts: Vec<Text> = builtin_sentences().map(Text::from).collect();
        let prepared = prepare(explorer.model(), texts, LongText::Refuse)?;
        let (layers, hooks) = (LayerSelection::All, HookSelection::default());
        let states = explorer.states_unwarned(prepared, &layers, &hooks)?.without_special()?;
        let sentences: Vec<usize> = states.rows.iter().map(|r| r.sequence).collect();
        let mut values = Vec::new();
        for layer in 0..states.layers.len() {
            values.push(anisotropy(states.layer(layer), &sentences, SEED)?);
        }
        Ok(Self {
            model: explorer.model().info.states_sha256(),
            dtype: explorer.origin().dtype,
            values,
        })
    }

    /// Reads a stored baseline and checks that it belongs to the model of `origin`.
    ///
    /// # Errors
    /// [`Error::Stored`](crate::Error::Stored) for a baseline of another model, with another type of
    /// number, or in another format.
    pub fn parse(json: &str, origin: &Origin) -> Result<Self> {
        store::parse(json, origin)
    }

    /// The baseline of the library or of the store.
    pub(crate) fn find(origin: &Origin, store: &dyn Store) -> Option<Self> {
        #[cfg(feature = "bundled")]
        let shipped = Some(stratoscope_bundled::BASELINE);
        #[cfg(not(feature = "bundled"))]
        let shipped = None;
        store::find(shipped, Self::key(origin), origin, store, |_| true)
    }

    /// The key in the store; `None` if the model is not known.
    pub(crate) fn key(origin: &Origin) -> Option<String> {
        store::key("baselines", origin, ".json")
    }
}

impl Stored for Baseline {
    const WHAT: &'static str = "baseline";
    const FORMAT: u32 = 0;

    fn made_with(&self) -> MadeWith<'_> {
        let (model, dtype) = (&self.model, &self.dtype);
        MadeWith { format: Self::FORMAT, model, dtype, layers: self.values.len() }
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
        if let Some(stored) = Baseline::find(&origin, self.store()) {
            return Ok(stored);
        }
        self.progress().part("baseline", 0, 1);
        let baseline = Baseline::compute(self)?;
        self.keep(Baseline::key(&origin), &serde_json::to_vec(&baseline)?);
        Ok(baseline)
    }
}
