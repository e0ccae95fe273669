//! `explore`: measures, maps and figures of the tokens of some texts, by layer.

mod attention;
mod bespoke;
mod charts;
mod experts;
mod maps;
mod media;
mod neighbour_change;
mod neighbours;
mod options;
mod page;
mod result;
mod side_by_side;
mod similarity;
mod steps;
mod summary;

pub(crate) use attention::PATTERNS;
pub use attention::{Attention, AttentionBlock, Rollout};
pub use experts::{BlockExperts, Experts};
pub use maps::{LayerMaps, ThirdComponent, reduce};
pub use media::{CellComponents, CellValues, FromFirst};
pub use neighbours::{ChangeStep, NeighbourChange, Neighbours, TokenChange};
pub use options::{Alignment, Options, Reducer};
pub(crate) use page::beside;
pub use page::report_of;
pub use side_by_side::{CrossCka, SideBySide, keep_shared_words, side_by_side};
pub use similarity::Similarities;

use crate::artifacts::ModelArtifacts;
use crate::bank::BankStates;
use crate::given::layers_of;
use crate::profile::{Crossed, Curves};
use crate::progress::Progress;
use crate::sinks::{ordinary_rows, sink_rows};
use crate::store::Store;
use crate::text::{display_names, listed};
use crate::{
    Error, Estimate, Explorer, FigureSelection, ModelFile, Omitted, Part, Result, Why, journey,
};
use charts::Described;
use serde::Serialize;
use std::sync::{Arc, OnceLock};
use stratoscope_extractor::{
    Activations, HookSelection, Input, LayerSelection, Prepared, Unit, prepare,
};
use stratoscope_reducer::ReducerError;
use stratoscope_report::Journeys;

/// The curves by depth, at one layer.
#[derive(Debug, Clone, Serialize)]
pub struct LayerSummary {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The mean similarity of a token to its state at layer 0.
    pub to_layer_0: Option<Estimate>,
    /// The mean similarity of a token to the other tokens of its sentence.
    pub to_sentence: Option<Estimate>,
    /// The mean cosine of words from different sentences; only if it is stored for the model and
    /// the metric is the cosine.
    pub baseline: Option<Estimate>,
    /// The mean Euclidean norm of a token.
    pub norm: f64,
}

/// Measures and maps of the tokens of some texts, by layer. Means are over the tokens that are not
/// special.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exploration {
    /// The hidden states, `[layers, tokens, d_model]`.
    pub states: Activations,
    /// The options.
    pub options: Options,
    /// The files from which the model or the states were read.
    pub files: Vec<ModelFile>,
    /// The curves by depth, `[layers]`.
    pub layers: Vec<LayerSummary>,
    /// The maps of all layers, on which a token has a path.
    pub trajectory: Option<LayerMaps>,
    /// The t-SNE maps.
    pub tsne: Option<LayerMaps>,
    /// Debiased linear CKA between layers, `[layers * layers]` row by row, and the number of
    /// tokens.
    pub cka: Option<(Vec<f64>, usize)>,
    /// The similarities between tokens at every layer.
    pub similarity: Option<Similarities>,
    /// The curves of the model over the reference bank, if they are stored. They do not depend on
    /// these states.
    pub curves: Option<Curves>,
    /// The crossed design of the model, if it is stored. It does not depend on these states.
    pub crossed: Option<Crossed>,
    /// The cosine distance (1 − cosine) between the state of a token and its state at the layer
    /// before, `[layers - 1][tokens]`.
    pub steps: Vec<Vec<f64>>,
    /// The nearest neighbours of every token.
    pub neighbours: Option<Neighbours>,
    /// The change of nearest neighbours from layer to layer.
    pub neighbour_change: Option<NeighbourChange>,
    /// The attention of every head; only if [`Options::attention`] is set.
    pub attention: Option<Attention>,
    /// The experts of each token, in models with mixtures of experts; only if rows are tokens.
    pub experts: Option<Experts>,
    /// Values of the cells of images or sounds, by layer; only for those, and only if rows are tokens.
    pub cells: Option<CellValues>,
    /// The attention of the first tokens of images or sounds; only with their attention patterns, and only
    /// if these tokens are special.
    pub from_first: Option<Vec<FromFirst>>,
    /// What stands near the words of the texts in other sentences, with
    /// [`NEIGHBOURS`](crate::journey::NEIGHBOURS) neighbours in each list; tokens are rows of `states`.
    pub journeys: Option<Journeys>,
    /// The parts that are missing, with the reasons.
    pub omitted: Vec<Omitted>,
    /// The data of the page, computed once.
    data: OnceLock<stratoscope_report::Exploration>,
    /// The charts that are both figures and part of the page, made once.
    charts: OnceLock<Vec<Described>>,
}

/// The figures of an exploration, by their ids; `experts` needs a model with mixtures of experts,
/// `components` and `first_attention` need images or sounds, and the last four need
/// [`Options::attention`], or to be selected.
pub const FIGURES: [&str; 17] = [
    "story",
    "journey",
    "trajectory",
    "tsne",
    "similarity",
    "components",
    "depth",
    "norms",
    "steps",
    "cka",
    "neighbour_change",
    "activations",
    "experts",
    "first_attention",
    "attention",
    "rollout",
    "patterns",
];

/// A matrix of more tokens is not readable.
const MAX_SIMILARITY_TOKENS: usize = 300;

/// t-SNE of more points takes minutes.
const MAX_TSNE_POINTS: usize = 10_000;

/// What statistics over the [`ordinary_rows`](crate::sinks::ordinary_rows) of states count.
fn counted_tokens(states: &Activations, ordinary: usize) -> &'static str {
    match states.rows.iter().filter(|row| !row.special).count() == ordinary {
        true => "tokens that are not special",
        false => "tokens that are neither special nor attention sinks",
    }
}

/// CKA and the change of neighbours of fewer tokens or words say nothing: one of them would decide.
const MIN_TOKENS: usize = 30;

/// The reason why such a statistic is omitted; `None` for enough tokens or words.
fn too_few(what: &'static str, found: usize) -> Option<Why> {
    (found < MIN_TOKENS).then_some(Why::TooFew { what, needed: MIN_TOKENS, found })
}

/// The largest total size of attention patterns, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 30;

impl Explorer {
    /// Runs the model on texts or images, and measures and reduces their hidden states. The result includes
    /// the stored baseline and profile of the model, and the journeys of the words if the states of the
    /// reference bank are stored. For the bundled model, these are computed where they are not stored,
    /// which takes seconds: give the explorer a [store](crate::Builder::store).
    ///
    /// ```no_run
    /// use stratoscope::{Analysis, ExploreOptions, Explorer};
    ///
    /// let explorer = Explorer::open("sentence-transformers/all-MiniLM-L6-v2")?;
    /// let exploration = explorer.explore(&["A text."], &ExploreOptions::default())?;
    /// exploration.write("folder")?;
    /// # Ok::<(), stratoscope::Error>(())
    /// ```
    ///
    /// # Errors
    /// An input that the model does not read; a text that is blank or too long for the model; a forward pass that fails; attention
    /// patterns of more than 1 GiB. If the input is too small or too large for a part, this part is
    /// [`omitted`](Exploration::omitted).
    pub fn explore<T: Clone + Into<Input>>(
        &self,
        inputs: &[T],
        options: &Options,
    ) -> Result<Exploration> {
        let inputs = inputs.iter().cloned().map(Into::into).collect();
        let (states, attention, experts) = self.read(inputs, options)?;
        let mut exploration = self.explored(states, attention, options)?;
        if let Some(experts) = experts {
            exploration.add_experts(experts);
        }
        Ok(exploration)
    }

    /// The states of inputs, with one row per token or word as the options ask, the attention of the
    /// heads, and the experts of the tokens.
    fn read(
        &self,
        inputs: Vec<Input>,
        options: &Options,
    ) -> Result<(Activations, Option<Attention>, Option<Experts>)> {
        let prepared = prepare(self.model(), inputs, options.long)?;
        let architecture = self.model().transformer.architecture();
        let with_experts = architecture.mixture.is_some()
            && options.unit == Unit::Token
            && options.figures.has("experts");
        let mut points = Vec::new();
        if options.needs_attention() {
            self.check_patterns(&prepared)?;
            points.push(PATTERNS);
        }
        if with_experts {
            points.push(experts::ROUTERS);
        }
        let Ok(hooks) = points.join(",").parse::<HookSelection>();
        self.progress().go_on()?;
        let states = self.states(prepared, &options.layers, &hooks)?;
        self.progress().go_on()?;
        let attention = match options.needs_attention() {
            true => Some(self.attention(&states)?),
            false => None,
        };
        let keep = |row: usize| options.special_tokens || !states.rows[row].special;
        let experts = Experts::of(&states, &self.model().transformer, keep);
        let states = rows_of(states, options)?;
        match states.words_without_rows() {
            0 => {}
            n => {
                let words = crate::text::counted(n, "word has", "words have");
                self.progress()
                    .warning(&format!("{words} no row, because the tokenizer has no token there"));
            }
        }
        Ok((states, attention, experts))
    }

    fn explored(
        &self,
        states: Activations,
        attention: Option<Attention>,
        options: &Options,
    ) -> Result<Exploration> {
        // What is stored of a model is about words.
        let mut artifacts = match states.media.is_empty() {
            true => self.artifacts()?,
            false => ModelArtifacts::default(),
        };
        let compute =
            states.media.is_empty() && options.compute_baseline && options.figures.has("depth");
        if compute && artifacts.baseline.is_none() {
            artifacts.baseline = Some(self.baseline()?);
        }
        if options.figures.has("journey") && states.media.is_empty() {
            artifacts.bank = self.reference_states()?;
        }
        let mut exploration = Exploration::of(states, options, &artifacts, self.progress())?;
        if let Some(attention) = &attention
            && attention.rollout.is_none()
        {
            let found = exploration.states.rows.iter().filter(|row| row.sequence == 0).count();
            for figure in ["rollout", "patterns"].into_iter().filter(|id| options.figures.has(id)) {
                let (what, hint) = ("rows of the first input", "a matrix of 80 can be read");
                let why = Why::TooMany { what, found, hint };
                exploration.omitted.push(Omitted::new(Part::Figure(figure.to_owned()), why));
            }
        }
        Ok(Exploration { attention, files: self.record().files, ..exploration })
    }

    /// Fails early if the patterns are too large for memory.
    fn check_patterns(&self, prepared: &Prepared) -> Result<()> {
        let architecture = self.model().transformer.architecture();
        let pairs: usize = prepared.sequences().iter().map(|s| s.tokens().pow(2)).sum();
        let bytes = pairs.saturating_mul(4 * architecture.n_heads * architecture.n_layers);
        match bytes > MAX_PATTERN_BYTES {
            true => Err(Error::PatternsTooLarge { bytes }),
            false => Ok(()),
        }
    }
}

/// Selects and pools the rows of token states as the options ask.
fn rows_of(states: Activations, options: &Options) -> Result<Activations> {
    let states = match options.unit {
        Unit::Token => states,
        unit => states.pooled(unit, options.pooling.unwrap_or_default())?,
    };
    Ok(if options.special_tokens { states } else { states.without_special()? })
}

impl Exploration {
    /// Measures and reduces states, with the stored baseline and profile of their model.
    ///
    /// # Errors
    /// States that cannot be measured. If the input is too small or too large for a part, this part
    /// is [`omitted`](Self::omitted).
    pub fn of(
        states: Activations,
        options: &Options,
        artifacts: &ModelArtifacts,
        progress: &dyn Progress,
    ) -> Result<Self> {
        progress.part("measuring", 0, 1);
        let mut omitted = Vec::new();
        let baseline = artifacts.baseline.as_ref();
        let layers = similarity::by_layer(&states, options, baseline, &mut omitted)?;
        let mut omit = |what, why| omitted.push(Omitted::new(what, why));
        let sinks = sink_rows(&states);
        if !sinks.is_empty() {
            let names = display_names(&states.rows);
            let quoted = |&row: &usize| format!("“{}”", names[row]);
            let sinks: Vec<String> = sinks.iter().map(quoted).collect();
            omit(Part::Statistics(listed(&sinks)), Why::AttentionSink);
        }
        let figures = &options.figures;

        progress.go_on()?;
        let trajectory = if !figures.has("trajectory") {
            None
        } else if states.layers.len() < 2 {
            omit(Part::Trajectory, Why::OneLayer);
            None
        } else if options.align == Alignment::None {
            omit(Part::Trajectory, Why::NotAligned);
            None
        } else {
            let mut step = |done, total| progress.part("trajectory", done, total);
            let (reducer, align, seed) = (options.reducer, options.align, options.seed);
            let maps = reduce(&states, reducer, align, seed, &mut step);
            or_omitted(maps, |why| omit(Part::Trajectory, why))?
        };

        progress.go_on()?;
        let points = ordinary_rows(&states).len() * states.layers.len();
        let tsne = if !figures.has("tsne") {
            None
        } else if points > MAX_TSNE_POINTS {
            let hint = "choose fewer texts or --layers";
            omit(Part::Tsne, Why::TooMany { what: "points", found: points, hint });
            None
        } else if options.reducer == Reducer::Tsne && trajectory.is_some() {
            trajectory.clone()
        } else {
            let mut step = |done, total| progress.part("t-SNE", done, total);
            let maps = reduce(&states, Reducer::Tsne, options.align, options.seed, &mut step);
            or_omitted(maps, |why| omit(Part::Tsne, why))?
        };

        progress.go_on()?;
        let cka = match figures.has("cka") {
            true => similarity::cka(&states)?.map_err(|why| omit(Part::Cka, why)).ok(),
            false => None,
        };
        let similarity = if !figures.has("similarity") {
            None
        } else if states.rows.len() > MAX_SIMILARITY_TOKENS && !states.media.is_empty() {
            // The page has the similarities of some cells to all others.
            None
        } else if states.rows.len() > MAX_SIMILARITY_TOKENS {
            let (found, hint) = (states.rows.len(), "choose fewer texts");
            omit(Part::Similarity, Why::TooMany { what: "rows and columns", found, hint });
            None
        } else {
            Some(Similarities::of(&states, options.metric)?)
        };
        let crossed = artifacts.crossed.clone().filter(|_| figures.has("depth"));
        let curves = artifacts.curves.clone().filter(|_| figures.has("story"));
        let not_stored = match states.media.is_empty() {
            true => Why::not_stored(&states.origin),
            false => Why::OfWords,
        };
        if artifacts.curves.is_none() && figures.has("story") {
            omit(Part::Story, not_stored.clone());
        }
        if artifacts.crossed.is_none() && figures.has("depth") {
            omit(Part::Profile, not_stored.clone());
        }
        let needs_media = ["components", "first_attention"];
        if let FigureSelection::Some(_) = figures
            && states.media.is_empty()
        {
            for id in needs_media.into_iter().filter(|id| figures.has(id)) {
                omit(Part::Figure(id.to_owned()), Why::NoPicture);
            }
        }
        progress.go_on()?;
        let cells = CellValues::of(&states, options)?;
        let from_first = FromFirst::of(&states).filter(|_| figures.has("first_attention"));
        if let Some(cells) = &cells
            && cells.components.is_none()
            && figures.has("components")
        {
            let found = states.rows.iter().filter(|row| !row.special).count();
            let why = Why::TooFew { what: "cells", needed: 4, found };
            omit(Part::Figure("components".to_owned()), why);
        }
        if options.needs_attention() && from_first.is_none() && !states.media.is_empty() {
            let why = "the model has no special token before the cells".to_owned();
            omit(Part::Figure("first_attention".to_owned()), Why::Undefined(why));
        }
        progress.go_on()?;
        let with_steps = figures.has("steps");
        let steps = if with_steps { steps::steps(&states)? } else { Vec::new() };
        if with_steps && states.rows.len() > steps::MAX_ROWS && cells.is_none() {
            let (found, hint) = (states.rows.len(), "choose fewer texts");
            omit(Part::Figure("steps".to_owned()), Why::TooMany { what: "rows", found, hint });
        }
        progress.go_on()?;
        let (mut neighbours, mut neighbour_change) = (None, None);
        if figures.has("neighbour_change") {
            let rows = page::rows_of_page(&states, options);
            let found = Neighbours::of(&states, &rows, options.metric)?;
            let change = match &found {
                Ok(found) => found.change(&states.layers),
                Err(omitted) => Err(omitted.of_change()),
            };
            neighbours = found.map_err(|why| omitted.push(why)).ok();
            neighbour_change = change.map_err(|why| omitted.push(why)).ok();
        }
        let mut journeys = None;
        if figures.has("journey") {
            journeys = match &artifacts.bank {
                Some(bank) => journey::journeys(&states, bank, options, progress, &mut omitted)?,
                None => {
                    omitted.push(Omitted::new(Part::Journeys, not_stored));
                    None
                }
            };
        }
        Ok(Self {
            states,
            options: options.clone(),
            files: Vec::new(),
            layers,
            trajectory,
            tsne,
            cka,
            similarity,
            curves,
            crossed,
            steps,
            neighbours,
            neighbour_change,
            attention: None,
            experts: None,
            cells,
            from_first,
            journeys,
            omitted,
            data: OnceLock::new(),
            charts: OnceLock::new(),
        })
    }

    /// Adds the experts of the tokens.
    fn add_experts(&mut self, experts: Experts) {
        let found = experts.cells();
        if found > experts::MAX_CELLS {
            let (what, hint) = ("tokens × experts × blocks", "choose shorter texts");
            let part = Part::Figure("experts".to_owned());
            self.omitted.push(Omitted::new(part, Why::TooMany { what, found, hint }));
        }
        self.experts = Some(experts);
    }

    /// Measures and reduces states of tokens without their model, which may be of another program: their
    /// rows are pooled as the options ask, and what the store has of their model is shown.
    ///
    /// # Errors
    /// [`Error::NotAmongLayers`]; rows that cannot be pooled; the errors of [`of`](Self::of).
    pub(crate) fn of_states(
        states: &Activations,
        options: &Options,
        store: &dyn Store,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let states = match &options.layers {
            LayerSelection::All => states.clone(),
            some => states.with_layers(&layers_of(states, some)?),
        };
        let states = rows_of(states, options)?;
        let mut artifacts = ModelArtifacts::find(&states.origin, store)?;
        artifacts.bank = BankStates::stored_reference(&states.origin, store)?.map(Arc::new);
        Self::of(states, options, &artifacts, progress)
    }
}

/// Maps of too few tokens are omitted; this is not an error.
fn or_omitted(maps: Result<LayerMaps>, omit: impl FnOnce(Why)) -> Result<Option<LayerMaps>> {
    match maps {
        Ok(maps) => Ok(Some(maps)),
        Err(Error::Reducer(error @ ReducerError::TooFewRows { .. })) => {
            omit(Why::Undefined(error.to_string()));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
