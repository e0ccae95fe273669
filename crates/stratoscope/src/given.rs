//! States that were computed before, here or elsewhere, in place of a model.

use crate::contrast;
use crate::explore::{self, Exploration};
use crate::geometry::{self, measured};
use crate::pairs;
use crate::probe::{self, Labelled};
use crate::progress::{Progress, Silent};
use crate::store::Store;
use crate::{Error, Explorer, ModelFile, ModelRecord, Result};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use stratoscope_extractor::{
    Activations, Corpus, Group, HookSelection, LayerSelection, Origin, Prepared, StatesOf,
    StatesReader, Text, read_groups,
};

/// States of texts that were computed before. They take the place of a model in every task that reads
/// states alone: the texts of the task must be among the texts of the states.
///
/// ```no_run
/// use stratoscope::{Analysis, GeometryOptions, GivenStates};
/// use stratoscope::crates::extractor::{Corpus, ReadOptions, StatesReader};
///
/// let states = GivenStates::read("states.npz".as_ref(), &StatesReader::default())?;
/// let corpus = Corpus::File { path: "corpus.txt".into(), options: ReadOptions::default() };
/// println!("{}", states.geometry(&corpus, &GeometryOptions::default())?.summary());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct GivenStates {
    states: Arc<Activations>,
    files: Vec<ModelFile>,
    progress: Arc<dyn Progress>,
}

impl fmt::Debug for GivenStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (layers, rows, d_model) = self.states.hidden_states.dim();
        f.debug_struct("GivenStates")
            .field("shape", &[layers, rows, d_model])
            .finish_non_exhaustive()
    }
}

impl From<Activations> for GivenStates {
    fn from(states: Activations) -> Self {
        Self { states: Arc::new(states), files: Vec::new(), progress: Arc::new(Silent) }
    }
}

impl GivenStates {
    /// Reads the states of a file or a folder; their record has its sha256.
    ///
    /// # Errors
    /// The errors of [`StatesReader::read`].
    pub fn read(path: &Path, reader: &StatesReader) -> Result<Self> {
        let states = reader.read(path)?;
        let files = reader.files(path)?;
        let record = |file: &std::path::PathBuf| {
            let io = |source| stratoscope_extractor::Error::Io { path: file.clone(), source };
            ModelFile::read(file).map_err(io)
        };
        let files = files.iter().map(record).collect::<Result<_, _>>()?;
        Ok(Self { files, ..Self::from(states) })
    }

    /// Sets the receiver of progress.
    #[must_use]
    pub fn progress(self, progress: impl Progress + 'static) -> Self {
        Self { progress: Arc::new(progress), ..self }
    }

    /// The states with these texts in place of their own, for words and annotation
    /// ([`Activations::with_texts`]).
    ///
    /// # Errors
    /// Texts with other letters, or more or fewer of them.
    pub fn with_texts(self, texts: Vec<Text>) -> Result<Self> {
        let states = Arc::unwrap_or_clone(self.states).with_texts(texts)?;
        Ok(Self { states: Arc::new(states), ..self })
    }

    /// The files that were read, with their sha256; none for states from memory.
    pub fn files(&self) -> &[ModelFile] {
        &self.files
    }

    /// The states.
    pub fn states(&self) -> &Activations {
        &self.states
    }

    /// Explores the states: [`Explorer::explore`] without the model. The result includes the stored
    /// baseline and profile of the model, and the journeys of the words, where the model is known and
    /// they are stored.
    ///
    /// # Errors
    /// [`Error::NotAmongLayers`]; states that cannot be measured.
    pub fn explore(&self, options: &explore::Options, store: &dyn Store) -> Result<Exploration> {
        let mut found = Exploration::of_states(&self.states, options, store, &*self.progress)?;
        found.files.clone_from(&self.files);
        Ok(found)
    }

    /// Measures the representation space over a corpus: [`Explorer::geometry`] without the model.
    ///
    /// # Errors
    /// The errors of [`measure`](geometry::measure); a text that is not among the states.
    pub fn geometry(
        &self,
        corpus: &Corpus,
        options: &geometry::Options,
    ) -> Result<geometry::Report> {
        measured(&[Subject::States(self)], corpus, options)
    }

    /// Fits probes to every layer: [`Explorer::probe`] without the model.
    ///
    /// # Errors
    /// The errors of [`Explorer::probe`]; a text that is not among the states; options that need the
    /// model.
    pub fn probe<'a>(
        &self,
        data: impl Into<Labelled<'a>>,
        options: &probe::Options,
    ) -> Result<probe::Report> {
        Subject::States(self).probe(data.into(), options)
    }

    /// Computes the direction between two lists of texts: [`Explorer::contrast`] without the model.
    ///
    /// # Errors
    /// The errors of [`Explorer::contrast`]; a text that is not among the states.
    pub fn contrast(
        &self,
        lists: &contrast::ContrastLists,
        options: &contrast::Options,
    ) -> Result<contrast::Report> {
        if options.steer {
            return Err(Error::NeedsModel { what: "adding a direction" });
        }
        Subject::States(self).contrast(lists, options)
    }

    /// Compares pairs of texts by layer: [`Explorer::pairs`] without the model.
    ///
    /// # Errors
    /// The errors of [`Explorer::pairs`]; a text that is not among the states.
    pub fn pairs(
        &self,
        pairs: &pairs::TextPairs,
        options: &pairs::Options,
    ) -> Result<pairs::Report> {
        Subject::States(self).pairs(pairs, options)
    }
}

/// What a measure reads: a model that runs on texts, or states of them.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    Model(&'a Explorer),
    States(&'a GivenStates),
}

impl<'a> Subject<'a> {
    pub(crate) fn origin(self) -> Origin {
        match self {
            Self::Model(explorer) => explorer.origin(),
            Self::States(given) => given.states.origin.clone(),
        }
    }

    /// The model, and the files that were read.
    pub(crate) fn record(self) -> ModelRecord {
        match self {
            Self::Model(explorer) => explorer.record(),
            Self::States(given) => {
                ModelRecord { origin: given.states.origin.clone(), files: given.files.clone() }
            }
        }
    }

    pub(crate) fn progress(self) -> &'a dyn Progress {
        match self {
            Self::Model(explorer) => explorer.progress(),
            Self::States(given) => &*given.progress,
        }
    }

    /// What gives the states.
    pub(crate) fn source(self) -> StatesOf<'a> {
        match self {
            Self::Model(explorer) => explorer.model().into(),
            Self::States(given) => (&*given.states).into(),
        }
    }

    pub(crate) fn d_model(self) -> usize {
        match self {
            Self::Model(explorer) => explorer.model().transformer.architecture().d_model,
            Self::States(given) => given.states.d_model(),
        }
    }

    /// All layers, with layer 0; of states those that they have.
    pub(crate) fn layers(self) -> Vec<usize> {
        match self {
            Self::Model(explorer) => {
                (0..=explorer.model().transformer.architecture().n_layers).collect()
            }
            Self::States(given) => given.states.layers.clone(),
        }
    }

    /// The chosen layers.
    ///
    /// # Errors
    /// A layer that the model or the states do not have.
    pub(crate) fn chosen_layers(self, choice: &LayerSelection) -> Result<Vec<usize>> {
        match self {
            Self::Model(explorer) => {
                Ok(choice.resolve(explorer.model().transformer.architecture().n_layers)?)
            }
            Self::States(given) => layers_of(&given.states, choice),
        }
    }

    /// Refuses states without all layers.
    ///
    /// # Errors
    /// [`Error::NotAmongLayers`].
    pub(crate) fn needs_all_layers(self) -> Result<()> {
        match self {
            Self::Model(_) => Ok(()),
            Self::States(given) => {
                let states = &given.states;
                let missing =
                    (0..=states.origin.n_layers).find(|layer| !states.layers.contains(layer));
                missing.map_or(Ok(()), |layer| Err(Error::NotAmongLayers { layer }))
            }
        }
    }

    /// A model with the same architecture and random weights.
    ///
    /// # Errors
    /// [`Error::NeedsModel`] for states alone.
    pub(crate) fn random_weights(self, seed: u64) -> Result<Explorer> {
        match self {
            Self::Model(explorer) => explorer.with_random_weights(seed),
            Self::States(_) => Err(Error::NeedsModel { what: "a model with random weights" }),
        }
    }

    /// The states of texts, group by group; `prepare` tokenizes them for a model.
    ///
    /// # Errors
    /// The errors of `prepare` and of `take`; a forward pass that fails; a text without states.
    pub(crate) fn read(
        self,
        texts: Vec<Text>,
        what: &'static str,
        prepare: impl FnOnce(&Explorer, Vec<Text>) -> Result<Prepared>,
        take: &mut dyn FnMut(Group) -> Result<()>,
    ) -> Result<()> {
        let progress = self.progress();
        match self {
            Self::Model(explorer) => {
                let prepared = prepare(explorer, texts)?;
                progress.part(what, 0, 1);
                let (layers, hooks) = (LayerSelection::All, HookSelection::default());
                read_groups(explorer.model(), prepared, &layers, &hooks, take, &mut |p| {
                    progress.part(what, p.done, p.total);
                })
            }
            Self::States(given) => {
                progress.part(what, 0, 1);
                given.states.groups_of(texts, take)
            }
        }
    }
}

/// The chosen layers of states.
///
/// # Errors
/// A layer that the states do not have.
pub(crate) fn layers_of(states: &Activations, choice: &LayerSelection) -> Result<Vec<usize>> {
    if *choice == LayerSelection::All {
        return Ok(states.layers.clone());
    }
    let wanted = choice.resolve(states.origin.n_layers)?;
    match wanted.iter().find(|layer| !states.layers.contains(layer)) {
        Some(&layer) => Err(Error::NotAmongLayers { layer }),
        None => Ok(wanted),
    }
}
