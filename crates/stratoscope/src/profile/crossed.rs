//! The crossed design: the share of the variance within a word form that is due to its sense, and the
//! share that is due to its role, by layer.

mod charts;
mod states;
mod summary;
#[cfg(test)]
pub(crate) mod tests;

pub(super) use charts::side_by_side;
pub use states::{CrossedStates, NamedStimuli};
pub(super) use summary::write;

use crate::analysis::TOOL;
use crate::given::{GivenStates, Subject};
use crate::progress::Progress;
use crate::store::{self, MadeWith, Store, Stored};
use crate::{Explorer, Result};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use stratoscope_extractor::Origin;
use stratoscope_probing::{
    Balance, Design, Item, PERMUTATIONS, Partition, Partitioner, RESAMPLES, standardised,
};

/// The shares of the variance within a word form that are due to its sense and to its role, by
/// layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crossed {
    /// The version of this format and of the computation.
    format: u32,
    /// The program that computed it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// The stimuli.
    pub stimuli: StimuliSummary,
    /// The seed of the bootstrap and of the permutations.
    pub seed: u64,
    /// The number of bootstrap resamples of the words for each interval.
    pub resamples: usize,
    /// The number of permutations for each null distribution.
    pub permutations: usize,
    /// The balance of the stimuli for this tokenizer: positions, lengths and adjacent words.
    pub balance: Balance,
    /// Whether the effect of position was removed first, because targets have unequal positions in
    /// the cells of the design.
    pub position_removed: bool,
    /// The partition of the target word.
    pub target: CrossedCurve,
    /// The partition of the carrier: the function word before the target. It has no senses, so its
    /// effects come from the context.
    pub carrier: Option<CrossedCurve>,
    /// The partitions of states in which every dimension is standardised.
    pub standardised: StandardisedCrossed,
}

/// The stimuli of a crossed design.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StimuliSummary {
    /// The name of the stimuli.
    pub name: String,
    /// The sha256 of the text of the stimuli.
    pub sha256: String,
    /// Whether only contexts with the cues before the target were used.
    pub cues_first: bool,
    /// The number of words.
    pub words: usize,
    /// The number of senses of all words.
    pub senses: usize,
    /// The names of the roles.
    pub roles: Vec<String>,
    /// The carrier: the function word before the target.
    pub carrier: Option<String>,
    /// The number of contexts.
    pub contexts: usize,
    /// The number of texts: each context with each of its lead-ins.
    pub texts: usize,
}

/// The partitions of all layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossedCurve {
    /// `[n_layers + 1]`: the partition of each layer.
    pub layers: Vec<CrossedLayer>,
}

/// The partition at one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossedLayer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The partition.
    #[serde(flatten)]
    pub partition: Partition,
}

/// The partitions of target and carrier in which every dimension is standardised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandardisedCrossed {
    /// The partition of the target word.
    pub target: CrossedCurve,
    /// The partition of the carrier.
    pub carrier: Option<CrossedCurve>,
}

/// The version of the stored file and of the computation.
const FORMAT: u32 = 2;

/// The seed of the bootstrap and the permutations. It is fixed, so that a model has one result for
/// each set of stimuli.
const SEED: u64 = 0;

impl Explorer {
    /// The partition of variance with crossed stimuli. A stored result is used if there is one;
    /// otherwise, it is computed and stored.
    ///
    /// # Errors
    /// The errors of [`CrossedStates::extract`] and [`Crossed::compute`].
    pub fn crossed(&self, stimuli: NamedStimuli) -> Result<Crossed> {
        let origin = self.origin();
        let stimuli = for_model(stimuli, &origin, self.progress())?;
        match Crossed::find(&origin, &stimuli, self.store()) {
            Some(stored) => Ok(stored),
            None => self.crossed_of(&CrossedStates::extract(self, stimuli)?),
        }
    }

    /// Computes the partition from states, and stores it.
    ///
    /// # Errors
    /// The errors of [`Crossed::compute`].
    pub fn crossed_of(&self, states: &CrossedStates) -> Result<Crossed> {
        let crossed = Crossed::compute(states, SEED, self.progress())?;
        let key = Crossed::key(&states.origin, &states.stimuli);
        self.keep(key, &serde_json::to_vec(&crossed)?);
        Ok(crossed)
    }
}

/// The stimuli for a model; a note says how many are left.
fn for_model(
    stimuli: NamedStimuli,
    origin: &Origin,
    progress: &dyn Progress,
) -> Result<NamedStimuli> {
    let all = stimuli.stimuli.contexts().len();
    let stimuli = stimuli.for_model(origin)?;
    let kept = stimuli.stimuli.contexts().len();
    if kept < all {
        progress.note(&format!(
            "causal model: only contexts with the cues before the target are used ({kept} of {all})"
        ));
    }
    Ok(stimuli)
}

impl Crossed {
    /// The partition of states that were computed before.
    pub(super) fn of_given(given: &GivenStates, stimuli: NamedStimuli) -> Result<Self> {
        let subject = Subject::States(given);
        let stimuli = for_model(stimuli, &subject.origin(), subject.progress())?;
        Self::compute(&CrossedStates::of(subject, stimuli)?, SEED, subject.progress())
    }

    /// Partitions the variance of the states of every layer.
    ///
    /// # Errors
    /// States that cannot be partitioned (see [`Partitioner`]).
    pub fn compute(states: &CrossedStates, seed: u64, progress: &dyn Progress) -> Result<Self> {
        let stimuli = &states.stimuli.stimuli;
        let positions: Vec<usize> = states.placements.iter().map(|p| p.position).collect();
        let design = Design::new(stimuli, &positions)?;
        let partitioner = Partitioner::new(design.clone(), seed)?;
        let n_layers = states.target.len_of(Axis(0));
        let total = n_layers * (1 + usize::from(states.carrier.is_some()));
        let mut done = 0;
        let mut curves = |of: &Array3<f32>| -> Result<(CrossedCurve, CrossedCurve)> {
            let (mut raw, mut standard) = (Vec::new(), Vec::new());
            for layer in 0..n_layers {
                progress.part("partition", done, total);
                done += 1;
                let means = context_means(of.index_axis(Axis(0), layer), &states.items);
                let (a, b) = rayon::join(
                    || partitioner.partition(means.view()),
                    || partitioner.partition(standardised(means.view()).view()),
                );
                raw.push(CrossedLayer { layer, partition: a? });
                standard.push(CrossedLayer { layer, partition: b? });
            }
            Ok((CrossedCurve { layers: raw }, CrossedCurve { layers: standard }))
        };
        let (target, standard_target) = curves(&states.target)?;
        let (carrier, standard_carrier) = match &states.carrier {
            Some(carrier) => {
                let (raw, standard) = curves(carrier)?;
                (Some(raw), Some(standard))
            }
            None => (None, None),
        };
        progress.part("partition", total, total);
        Ok(Self {
            format: FORMAT,
            tool: TOOL.to_owned(),
            model: states.origin.clone(),
            stimuli: states.summary(),
            seed,
            resamples: RESAMPLES,
            permutations: PERMUTATIONS,
            balance: Balance::of(stimuli, &states.placements)?,
            position_removed: !design.positions_balanced(),
            target,
            carrier,
            standardised: StandardisedCrossed {
                target: standard_target,
                carrier: standard_carrier,
            },
        })
    }

    /// Reads a stored result and checks that it belongs to the model of `origin`.
    /// The result gets the name of the model from `origin`.
    ///
    /// # Errors
    /// [`Error::Stored`](crate::Error::Stored) for a result of another model, with another type of
    /// number, or in another format.
    pub fn parse(json: &str, origin: &Origin) -> Result<Self> {
        Ok(Self { model: origin.clone(), ..store::parse(json, origin)? })
    }

    /// The result of the library or of the store for some stimuli.
    pub(crate) fn find(origin: &Origin, stimuli: &NamedStimuli, store: &dyn Store) -> Option<Self> {
        #[cfg(feature = "bundled")]
        let shipped = Some(stratoscope_bundled::CROSSED);
        #[cfg(not(feature = "bundled"))]
        let shipped = None;
        let key = Self::key(origin, stimuli);
        let found: Self =
            store::find(shipped, key, origin, store, |own: &Self| own.is_of(stimuli))?;
        Some(Self { model: origin.clone(), ..found })
    }

    /// The key in the store; `None` if the model is not known.
    pub(crate) fn key(origin: &Origin, stimuli: &NamedStimuli) -> Option<String> {
        let cues = if stimuli.cues_first { "-cues-first" } else { "" };
        store::key("profiles", origin, &format!("-{}{cues}.json", stimuli.sha256))
    }

    /// Whether it was computed from these stimuli.
    pub fn is_of(&self, stimuli: &NamedStimuli) -> bool {
        self.stimuli.sha256 == stimuli.sha256 && self.stimuli.cues_first == stimuli.cues_first
    }
}

impl Stored for Crossed {
    const WHAT: &'static str = "crossed design";
    const FORMAT: u32 = FORMAT;

    fn made_with(&self) -> MadeWith<'_> {
        let Origin { states, dtype, .. } = &self.model;
        MadeWith { format: self.format, model: states, dtype, layers: self.target.layers.len() }
    }
}

/// The mean over the texts of each context, f64 `[contexts, d_model]`; `vectors` is
/// `[texts, d_model]`.
fn context_means(vectors: ArrayView2<'_, f32>, items: &[Item]) -> Array2<f64> {
    let contexts = items.last().map_or(0, |item| item.context + 1);
    let mut counts = vec![0usize; contexts];
    items.iter().for_each(|item| counts[item.context] += 1);
    let mut means = Array2::zeros((contexts, vectors.ncols()));
    for (item, vector) in items.iter().zip(vectors.outer_iter()) {
        let share = 1.0 / counts[item.context] as f64;
        let mut mean = means.row_mut(item.context);
        mean.zip_mut_with(&vector, |m, &v| *m += share * f64::from(v));
    }
    means
}
