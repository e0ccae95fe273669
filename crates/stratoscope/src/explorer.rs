//! A loaded model: `Explorer`, with one method for each task.

use crate::bank::BankStates;
use crate::progress::{Progress, Silent, TextWarnings};
use crate::source::IntoSource;
use crate::store::{NoStore, Store};
use crate::{ModelRecord, Result};
use std::fmt;
use std::sync::{Arc, OnceLock};
use stratoscope_extractor::{
    Activations, HookSelection, Input, Interventions, LayerSelection, LongText, Origin, Prepared,
    Text, extract, prepare, prepare_ids,
};
use stratoscope_loader::hub;
use stratoscope_loader::{DType, Device, LoadOptions, Model, Source, load_with};

/// A loaded model, with a receiver of progress and a store of what is computed once per
/// model.
#[derive(Clone)]
pub struct Explorer {
    model: Arc<Model>,
    progress: Arc<dyn Progress>,
    store: Arc<dyn Store>,
    /// The states of the reference bank, once they are known.
    bank: Arc<OnceLock<Arc<BankStates>>>,
}

impl fmt::Debug for Explorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explorer").field("model", &self.model.info.id).finish_non_exhaustive()
    }
}

/// The settings with which a model is opened.
pub struct Builder {
    source: Result<Source>,
    options: LoadOptions,
    progress: Arc<dyn Progress>,
    store: Arc<dyn Store>,
}

impl Explorer {
    /// Loads a model on the CPU. The source is `bundled`, a path, a hub repository, or a
    /// [`Source`].
    ///
    /// # Errors
    /// The errors of [`stratoscope_loader::load`].
    pub fn open(source: impl IntoSource) -> Result<Self> {
        Self::builder(source).open()
    }

    /// Loads the bundled model. This needs the cargo feature `bundled`.
    ///
    /// # Errors
    /// Bundled files that are damaged.
    #[cfg(feature = "bundled")]
    pub fn bundled() -> Result<Self> {
        Self::builder(crate::source::bundled()?).open()
    }

    /// Settings for opening a model, such as the device or the type of number.
    ///
    /// ```no_run
    /// use stratoscope::{DType, Explorer};
    ///
    /// let explorer = Explorer::builder("org/name").dtype(DType::BF16).open()?;
    /// # Ok::<(), stratoscope::Error>(())
    /// ```
    pub fn builder(source: impl IntoSource) -> Builder {
        Builder {
            source: source.into_source(),
            options: LoadOptions::default(),
            progress: Arc::new(Silent),
            store: Arc::new(NoStore),
        }
    }

    /// An explorer of a model that is already loaded.
    pub fn new(model: Model) -> Self {
        Self::with(model, Arc::new(Silent), Arc::new(NoStore))
    }

    fn with(model: Model, progress: Arc<dyn Progress>, store: Arc<dyn Store>) -> Self {
        Self { model: Arc::new(model), progress, store, bank: Arc::default() }
    }

    /// Another model with the same receiver of progress and the same store.
    pub(crate) fn beside(&self, model: Model) -> Self {
        Self::with(model, self.progress.clone(), self.store.clone())
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The same loaded model with another receiver of progress: for one of several tasks that run at a
    /// time.
    #[must_use]
    pub fn with_progress(&self, progress: impl Progress + 'static) -> Self {
        Self { progress: Arc::new(progress), ..self.clone() }
    }

    /// The receiver of progress.
    pub(crate) fn progress(&self) -> &dyn Progress {
        &*self.progress
    }

    /// The place of the states of the reference bank.
    pub(crate) fn bank(&self) -> &OnceLock<Arc<BankStates>> {
        &self.bank
    }

    /// The store of what is computed once per model.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The description of the model that is recorded in states files and results.
    pub fn origin(&self) -> Origin {
        Origin::of(&self.model)
    }

    /// The model, and the files from which it was loaded.
    pub fn record(&self) -> ModelRecord {
        ModelRecord {
            origin: self.origin(),
            // Without them there were no states to record.
            files: self.model.info.files.all().unwrap_or_default().iter().map(Into::into).collect(),
        }
    }

    /// Stores bytes. A failure is only a warning, because the caller has the result.
    pub(crate) fn keep(&self, key: Option<String>, bytes: &[u8]) {
        let Some(key) = key else { return };
        if let Err(error) = self.store().write(&key, bytes) {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            self.progress().warning(&format!("{error}: {}", cause.unwrap_or_default()));
        }
    }

    /// The hidden states of all layers for every token or patch, f32 `[n_layers + 1, tokens, d_model]`.
    /// Layer 0 is the embedding output.
    ///
    /// # Errors
    /// An input that the model does not read; a text that is blank or too long for the model; a model
    /// without a tokenizer; a forward pass that fails.
    pub fn extract<T: Clone + Into<Input>>(&self, inputs: &[T]) -> Result<Activations> {
        let inputs: Vec<Input> = inputs.iter().cloned().map(Into::into).collect();
        let prepared = prepare(&self.model, inputs, LongText::Refuse)?;
        self.states(prepared, &LayerSelection::All, &HookSelection::default())
    }

    /// The hidden states of all layers for sequences of token ids, f32
    /// `[n_layers + 1, tokens, d_model]`. No special tokens are added.
    ///
    /// # Errors
    /// An id that is not in the vocabulary; a sequence that is too long; a forward pass that fails.
    pub fn extract_ids(&self, ids: &[Vec<u32>]) -> Result<Activations> {
        let ids = ids.iter().enumerate().map(|(index, ids)| (index + 1, ids.clone())).collect();
        let prepared = prepare_ids(&self.model, ids)?;
        self.states(prepared, &LayerSelection::All, &HookSelection::default())
    }

    /// Runs the model on one text with functions at hook points. Each function receives a value of
    /// the forward pass and can replace it (activation patching, ablation). Returns the hidden
    /// states of all layers, f32 `[n_layers + 1, tokens, d_model]`.
    ///
    /// ```no_run
    /// use stratoscope::{Explorer, Interventions};
    ///
    /// let explorer = Explorer::open("models/all-MiniLM-L6-v2")?;
    /// let without_mlp = Interventions::new()
    ///     .at("blocks.2.hook_mlp_out", |value| Some(value.map(|_| 0.0)))?;
    /// let states = explorer.run_with_hooks("A text.", without_mlp)?;
    /// # Ok::<(), stratoscope::Error>(())
    /// ```
    ///
    /// # Errors
    /// A text that is blank or too long for the model; a replacement with a wrong shape; a forward
    /// pass that fails.
    pub fn run_with_hooks(
        &self,
        text: impl Into<Text>,
        hooks: Interventions<'_>,
    ) -> Result<Activations> {
        let captures = HookSelection::default();
        Ok(stratoscope_extractor::run_with_hooks(&self.model, text.into(), hooks, &captures)?)
    }

    /// The hidden states of prepared texts, f32 `[layers, tokens, d_model]`, and the values at hook
    /// points.
    ///
    /// # Errors
    /// The errors of [`stratoscope_extractor::extract()`].
    pub fn states(
        &self,
        prepared: Prepared,
        layers: &LayerSelection,
        hooks: &HookSelection,
    ) -> Result<Activations> {
        TextWarnings::from(&prepared).report(self.progress());
        self.states_unwarned(prepared, layers, hooks)
    }

    /// [`states`](Self::states) of built-in texts, or of texts whose warnings are reported already.
    pub(crate) fn states_unwarned(
        &self,
        prepared: Prepared,
        layers: &LayerSelection,
        hooks: &HookSelection,
    ) -> Result<Activations> {
        let progress = self.progress();
        progress.part("reading the text", 0, 1);
        Ok(extract(&self.model, prepared, layers, hooks, &mut |p| {
            progress.part("reading the text", p.done, p.total);
        })?)
    }
}

/// Shows the progress of downloads.
struct Fetching<'a>(&'a dyn Progress);

impl hub::Progress for Fetching<'_> {
    fn advance(&mut self, file: &str, done: u64, total: u64) {
        self.0.fetching(file, done, total);
    }

    fn waiting(&mut self, file: &str) {
        self.0.note(&format!("waiting for another process that downloads {file}"));
    }
}

impl Builder {
    /// Sets the device of the computation.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.options.device = device;
        self
    }

    /// Sets the type of number of the computation.
    #[must_use]
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.options.dtype = dtype;
        self
    }

    /// Allows or forbids reading `pytorch_model.bin` where there are no safetensors. The pickle is
    /// parsed; no code in it is executed.
    #[must_use]
    pub fn allow_pickle(mut self, allow: bool) -> Self {
        self.options.allow_pickle = allow;
        self
    }

    /// Sets all options of the loader.
    #[must_use]
    pub fn load_options(self, options: LoadOptions) -> Self {
        Self { options, ..self }
    }

    /// Sets the receiver of the progress of loading and of all tasks.
    #[must_use]
    pub fn progress(self, progress: impl Progress + 'static) -> Self {
        Self { progress: Arc::new(progress), ..self }
    }

    /// Sets the store of what is computed once per model: baselines, profiles, reference distances,
    /// and the states of the words of a bank.
    #[must_use]
    pub fn store(self, store: impl Store + 'static) -> Self {
        Self { store: Arc::new(store), ..self }
    }

    /// Loads the model.
    ///
    /// # Errors
    /// The errors of [`stratoscope_loader::load`].
    pub fn open(self) -> Result<Explorer> {
        let Self { source, options, progress, store } = self;
        let source = source?;
        progress.part("loading the model", 0, 1);
        let model = load_with(&source, &options, &mut Fetching(&*progress))?;
        for warning in &model.warnings {
            progress.warning(&warning.to_string());
        }
        model.info.notes.iter().for_each(|note| progress.note(&format!("note: {note}")));
        let memory = model.memory;
        if !memory.resident && !options.later {
            progress.note(&format!(
                "note: the weights take {} MiB, and the memory for the model is {} MiB: each block is read from the file when it runs",
                memory.weights >> 20,
                memory.budget >> 20
            ));
        }
        Ok(Explorer::with(model, progress, store))
    }
}
