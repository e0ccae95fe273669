//! A loaded model that turns texts into hidden states.

use crate::{Activations, HookSelection, LayerSelection, LongText, Result, Text};
use stratoscope_extractor::{Origin, extract, prepare, prepare_ids};
use stratoscope_loader::hub::Silent;
use stratoscope_loader::{LoadOptions, Model, Source, load_with};

/// A model, ready for texts.
#[derive(Debug)]
pub struct Explorer {
    model: Model,
}

impl Explorer {
    /// Loads a model, without showing progress; [`Explorer::new`] takes one that is loaded.
    ///
    /// # Errors
    /// As [`stratoscope_loader::load`].
    pub fn open(source: &Source) -> Result<Self> {
        Self::open_with(source, &LoadOptions::default())
    }

    /// The same, as `options` say.
    ///
    /// # Errors
    /// As [`stratoscope_loader::load_with`].
    pub fn open_with(source: &Source, options: &LoadOptions) -> Result<Self> {
        Ok(Self::new(load_with(source, options, &mut Silent)?))
    }

    /// Takes a loaded model.
    pub fn new(model: Model) -> Self {
        Self { model }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What states of this model say of where they come from.
    pub fn origin(&self) -> Origin {
        Origin::of(&self.model)
    }

    /// Hidden states of all layers for every token: `[n_layers + 1, tokens, d_model]`.
    ///
    /// # Errors
    /// A text that is blank or too long for the model, or a forward pass that fails.
    pub fn extract<T: Clone + Into<Text>>(&self, texts: &[T]) -> Result<Activations> {
        let texts = texts.iter().cloned().map(Into::into).collect();
        let prepared = prepare(&self.model, texts, LongText::Refuse)?;
        Ok(extract(
            &self.model,
            prepared,
            &LayerSelection::All,
            &HookSelection::default(),
            &mut |_| {},
        )?)
    }

    /// The same for sequences of token ids, used as they are.
    ///
    /// # Errors
    /// An id beyond the embedding, a sequence that is too long, or a forward pass that fails.
    pub fn extract_ids(&self, ids: &[Vec<u32>]) -> Result<Activations> {
        let ids = ids.iter().enumerate().map(|(index, ids)| (index + 1, ids.clone())).collect();
        let prepared = prepare_ids(&self.model, ids)?;
        Ok(extract(
            &self.model,
            prepared,
            &LayerSelection::All,
            &HookSelection::default(),
            &mut |_| {},
        )?)
    }
}
