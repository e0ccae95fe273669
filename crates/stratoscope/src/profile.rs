//! `profile`: the share of the variance within a word form that is due to its sense, and the share
//! that is due to its role, by layer. It is a property of the model, not of a text.

mod charts;
mod states;
mod summary;
#[cfg(test)]
pub(crate) mod tests;

pub use states::{NamedStimuli, ProfileStates};

use crate::analysis::{Analysis, Figure, ModelRecord, Provenance, TOOL};
use crate::progress::Progress;
use crate::source::file_name;
use crate::store::{self, MadeWith, Store, Stored};
use crate::text::written;
use crate::{Explorer, Result};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;
use stratoscope_extractor::Origin;
use stratoscope_probing::{
    Balance, Design, Item, PERMUTATIONS, Partition, Partitioner, RESAMPLES, standardised,
};

/// The options of `profile`.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The stimuli; the built-in homographs by default.
    pub stimuli: Option<NamedStimuli>,
}

/// The shares of the variance within a word form that are due to its sense and to its role, by
/// layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
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
    pub target: ProfileCurve,
    /// The partition of the carrier: the function word before the target. It has no senses, so its
    /// effects come from the context.
    pub carrier: Option<ProfileCurve>,
    /// The partitions of states in which every dimension is standardised.
    pub standardised: StandardisedProfile,
}

/// The stimuli of a profile.
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
pub struct ProfileCurve {
    /// `[n_layers + 1]`: the partition of each layer.
    pub layers: Vec<ProfileLayer>,
}

/// The partition at one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileLayer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The partition.
    #[serde(flatten)]
    pub partition: Partition,
}

/// The partitions of target and carrier in which every dimension is standardised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandardisedProfile {
    /// The partition of the target word.
    pub target: ProfileCurve,
    /// The partition of the carrier.
    pub carrier: Option<ProfileCurve>,
}

/// The version of the stored file and of the computation.
const FORMAT: u32 = 2;

/// The seed of the bootstrap and the permutations. It is fixed, so that a model has one profile for
/// each set of stimuli.
const SEED: u64 = 0;

impl Explorer {
    /// The profile of the model. A stored profile is used if there is one; otherwise, it is
    /// computed and stored.
    ///
    /// # Errors
    /// The errors of [`ProfileStates::extract`] and [`Profile::compute`].
    pub fn profile(&self, options: &Options) -> Result<Profile> {
        let origin = self.origin();
        let stimuli = options.stimuli.clone().map_or_else(NamedStimuli::homographs, Ok)?;
        let all = stimuli.stimuli.contexts().len();
        let stimuli = stimuli.for_model(&origin)?;
        let kept = stimuli.stimuli.contexts().len();
        if kept < all {
            self.progress().note(&format!(
                "causal model: only contexts with the cues before the target are used ({kept} of \
                 {all})"
            ));
        }
        match Profile::find(&origin, &stimuli, self.store()) {
            Some(stored) => Ok(stored),
            None => self.profile_of(&ProfileStates::extract(self, stimuli)?),
        }
    }

    /// Computes the profile from states, and stores it.
    ///
    /// # Errors
    /// The errors of [`Profile::compute`].
    pub fn profile_of(&self, states: &ProfileStates) -> Result<Profile> {
        let profile = Profile::compute(states, SEED, self.progress())?;
        let key = Profile::key(&states.origin, &states.stimuli);
        self.keep(key, &serde_json::to_string(&profile)?);
        Ok(profile)
    }
}

impl Profile {
    /// Partitions the variance of the states of every layer.
    ///
    /// # Errors
    /// States that cannot be partitioned (see [`Partitioner`]).
    pub fn compute(states: &ProfileStates, seed: u64, progress: &dyn Progress) -> Result<Self> {
        let stimuli = &states.stimuli.stimuli;
        let positions: Vec<usize> = states.placements.iter().map(|p| p.position).collect();
        let design = Design::new(stimuli, &positions)?;
        let partitioner = Partitioner::new(design.clone(), seed)?;
        let n_layers = states.target.len_of(Axis(0));
        let total = n_layers * (1 + usize::from(states.carrier.is_some()));
        let mut done = 0;
        let mut curves = |of: &Array3<f32>| -> Result<(ProfileCurve, ProfileCurve)> {
            let (mut raw, mut standard) = (Vec::new(), Vec::new());
            for layer in 0..n_layers {
                progress.part("partition", done, total);
                done += 1;
                let means = context_means(of.index_axis(Axis(0), layer), &states.items);
                let (a, b) = rayon::join(
                    || partitioner.partition(means.view()),
                    || partitioner.partition(standardised(means.view()).view()),
                );
                raw.push(ProfileLayer { layer, partition: a? });
                standard.push(ProfileLayer { layer, partition: b? });
            }
            Ok((ProfileCurve { layers: raw }, ProfileCurve { layers: standard }))
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
            standardised: StandardisedProfile {
                target: standard_target,
                carrier: standard_carrier,
            },
        })
    }

    /// Reads a stored profile and checks by the weights that it belongs to the model of `origin`.
    /// The profile gets the name of the model from `origin`.
    ///
    /// # Errors
    /// [`Error::Stored`](crate::Error::Stored) for a profile of other weights, with another type of
    /// number, or in another format.
    pub fn parse(json: &str, origin: &Origin) -> Result<Self> {
        Ok(Self { model: origin.clone(), ..store::parse(json, origin)? })
    }

    /// The profile of the library or of the store for some stimuli.
    pub(crate) fn find(origin: &Origin, stimuli: &NamedStimuli, store: &dyn Store) -> Option<Self> {
        #[cfg(feature = "bundled")]
        let shipped = Some(stratoscope_bundled::PROFILE);
        #[cfg(not(feature = "bundled"))]
        let shipped = None;
        let key = Self::key(origin, stimuli);
        let found: Self =
            store::find(shipped, key, origin, store, |own: &Self| own.is_of(stimuli))?;
        Some(Self { model: origin.clone(), ..found })
    }

    /// The key in the store; `None` if the weights are not known.
    pub(crate) fn key(origin: &Origin, stimuli: &NamedStimuli) -> Option<String> {
        let cues = if stimuli.cues_first { "-cues-first" } else { "" };
        let sha256 = &stimuli.sha256;
        origin.weights.first().map(|weights| format!("profiles/{weights}-{sha256}{cues}.json"))
    }

    /// Whether it was computed from these stimuli.
    pub fn is_of(&self, stimuli: &NamedStimuli) -> bool {
        self.stimuli.sha256 == stimuli.sha256 && self.stimuli.cues_first == stimuli.cues_first
    }
}

impl Stored for Profile {
    const WHAT: &'static str = "profile";
    const FORMAT: u32 = FORMAT;

    fn made_with(&self) -> MadeWith<'_> {
        let Origin { weights, dtype, .. } = &self.model;
        MadeWith { format: self.format, weights, dtype, layers: self.target.layers.len() }
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

/// The profiles of several models.
#[derive(Debug, Clone)]
pub struct Profiles(pub Vec<Profile>);

impl Analysis for Profile {
    fn kind(&self) -> &'static str {
        "profile"
    }

    fn provenance(&self) -> Provenance {
        provenance(std::slice::from_ref(self))
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        Ok(vec![self.chart().into()])
    }

    fn numbers(&self) -> Result<Value> {
        numbers(self)
    }

    fn summary(&self) -> String {
        written(|text| summary::write(text, self))
    }

    fn title(&self) -> String {
        charts::title(std::slice::from_ref(self))
    }
}

impl Analysis for Profiles {
    fn kind(&self) -> &'static str {
        "profile"
    }

    fn provenance(&self) -> Provenance {
        provenance(&self.0)
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        let each = self.0.iter().enumerate().map(|(index, profile)| {
            let end = format!("--{}-{}", index + 1, file_name(&profile.model.model));
            Figure::from(profile.chart()).with_suffix(&end)
        });
        Ok(std::iter::once(charts::side_by_side(&self.0).into()).chain(each).collect())
    }

    fn numbers(&self) -> Result<Value> {
        Ok(json!({ "models": self.0.iter().map(numbers).collect::<Result<Value>>()? }))
    }

    fn summary(&self) -> String {
        self.0.iter().map(Analysis::summary).collect::<Vec<_>>().join("\n")
    }

    fn title(&self) -> String {
        charts::title(&self.0)
    }
}

/// The numbers of a profile. Only a stored profile has `format`; in JSON, `schema` has the version.
fn numbers(profile: &Profile) -> Result<Value> {
    let mut all = serde_json::to_value(profile)?;
    if let Value::Object(all) = &mut all {
        all.shift_remove("format");
    }
    Ok(all)
}

fn provenance(profiles: &[Profile]) -> Provenance {
    let record =
        |profile: &Profile| ModelRecord { origin: profile.model.clone(), files: Vec::new() };
    let models = profiles.iter().map(record).collect();
    let first = profiles.first();
    let stimuli: Vec<&StimuliSummary> = profiles.iter().map(|p| &p.stimuli).collect();
    let subject = first.map_or_else(String::new, |first| {
        let name = Path::new(&first.stimuli.name).file_stem().unwrap_or_default();
        let cues = if first.stimuli.cues_first { "-cues-first" } else { "" };
        format!("{}{cues}", name.to_string_lossy())
    });
    let settings = json!({ "seed": first.map(|p| p.seed) });
    Provenance::new(models, settings, json!({ "stimuli": stimuli }), subject)
}
