//! The model's own profile: how much of what varies within a word is due to its sense, and how much
//! to its role, layer by layer.

mod shown;
mod states;

pub use states::{NamedStimuli, ProfileStates};

use crate::{Error, Explorer, Result, Step};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use stratoscope_extractor::Origin;
use stratoscope_probing::{
    Balance, Design, Item, PERMUTATIONS, Partition, Partitioner, RESAMPLES, standardised,
};

/// How much of what varies within a word is due to its sense and to its role, layer by layer.
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
    /// Resamples of the words behind each interval.
    pub resamples: usize,
    /// Permutations behind each null.
    pub permutations: usize,
    /// How well the stimuli keep apart what is measured from what is not, for this tokenizer.
    pub balance: Balance,
    /// Whether position had to be removed, because cells have their targets at unequal positions.
    pub position_removed: bool,
    /// The word itself.
    pub target: ProfileCurve,
    /// The function word before it, the control: what it shows has flowed into it from around.
    pub carrier: Option<ProfileCurve>,
    /// The same in a space where every dimension is standardised.
    pub standardised: StandardisedProfile,
}

/// What a profile is computed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StimuliSummary {
    /// Their name.
    pub name: String,
    /// The sha256 of their text.
    pub sha256: String,
    /// Whether only the contexts with their cues before the target were used.
    pub cues_first: bool,
    /// The number of words.
    pub words: usize,
    /// The number of senses of all words.
    pub senses: usize,
    /// The roles.
    pub roles: Vec<String>,
    /// The function word before the target.
    pub carrier: Option<String>,
    /// The number of contexts.
    pub contexts: usize,
    /// The number of texts: contexts with their lead-ins.
    pub texts: usize,
}

/// One partition a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileCurve {
    /// `[n_layers + 1]`.
    pub layers: Vec<ProfileLayer>,
}

/// The partition at one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileLayer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// What it holds.
    #[serde(flatten)]
    pub partition: Partition,
}

/// Target and carrier in standardised space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandardisedProfile {
    /// The word itself.
    pub target: ProfileCurve,
    /// The function word before it.
    pub carrier: Option<ProfileCurve>,
}

const FORMAT: u32 = 1;
pub(crate) const TOOL: &str = concat!("stratoscope ", env!("CARGO_PKG_VERSION"));

impl Explorer {
    /// The model's profile over the built-in homographs.
    ///
    /// # Errors
    /// As [`ProfileStates::extract`] and [`Profile::compute`].
    pub fn profile(&self) -> Result<Profile> {
        let stimuli = NamedStimuli::homographs()?;
        Profile::compute(&ProfileStates::extract(self, stimuli, &mut |_| {})?, 0, &mut |_| {})
    }
}

impl Profile {
    /// Partitions the states of every layer.
    ///
    /// # Errors
    /// States that cannot be partitioned: see [`Partitioner`].
    pub fn compute(
        states: &ProfileStates,
        seed: u64,
        progress: &mut dyn FnMut(Step),
    ) -> Result<Self> {
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
                progress(Step { what: "partition", done, total });
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
        progress(Step { what: "partition", done: total, total });
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

    /// Reads a stored profile, and checks that it is that of the model that `origin` names, by its
    /// weights. It is shown under the name asked for.
    ///
    /// # Errors
    /// [`Error::Profile`] where it is not, or is no profile of this version at all.
    pub fn parse(json: &str, origin: &Origin) -> Result<Self> {
        let fail = |reason: String| Err(Error::Profile { model: origin.model.clone(), reason });
        let mut profile: Self = match serde_json::from_str(json) {
            Ok(profile) => profile,
            Err(error) => return fail(error.to_string()),
        };
        if profile.format != FORMAT {
            return fail(format!("it is of format {}, not {FORMAT}", profile.format));
        }
        if origin.weights.is_empty() || profile.model.weights != origin.weights {
            return fail("it was computed with other weights".to_owned());
        }
        if profile.model.dtype != origin.dtype {
            return fail(format!("it was computed in {}", profile.model.dtype));
        }
        let layers = profile.target.layers.len();
        if layers != origin.n_layers + 1 {
            return fail(format!("it has {layers} layers"));
        }
        profile.model = origin.clone();
        Ok(profile)
    }

    /// Whether it is of these stimuli.
    pub fn is_of(&self, stimuli: &NamedStimuli) -> bool {
        self.stimuli.sha256 == stimuli.sha256 && self.stimuli.cues_first == stimuli.cues_first
    }
}

/// `[contexts, d_model]`: the mean of each context's texts, in double precision.
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
