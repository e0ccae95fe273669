//! The main job: states in, everything that is to be shown of them out.

use crate::maps::fitted_rows;
use crate::numbers::{self, Similarities};
use crate::{
    Activations, Alignment, Attention, Baseline, Error, LayerMaps, Metric, Moves, Profile, Reducer,
    Result, reduce,
};
use serde::Serialize;
use stratoscope_geometry::{GeometryError, Interval};
use stratoscope_reducer::ReducerError;

/// How states are measured and reduced.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    /// What the curves by depth measure.
    #[serde(serialize_with = "numbers::metric_name")]
    pub metric: Metric,
    /// What the plane of the trails is.
    pub reducer: Reducer,
    /// How the layers' maps are brought together.
    pub align: Alignment,
    /// The seed of t-SNE, the random projection and the intervals.
    pub seed: u64,
    /// The layers whose activations are drawn; the last one where none is named.
    pub activations: Vec<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            metric: Metric::Cosine,
            reducer: Reducer::Pca,
            align: Alignment::Joint,
            seed: 0,
            activations: Vec::new(),
        }
    }
}

/// A mean with its 95 % bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// The low end of the interval; none where there is a single group to resample.
    pub low: Option<f64>,
    /// The high end.
    pub high: Option<f64>,
    /// How many groups were resampled: sentences, or the tokens of a single one.
    pub n: usize,
}

impl From<Interval> for Estimate {
    fn from(interval: Interval) -> Self {
        let ends = (interval.n > 1).then_some((interval.low, interval.high));
        Self {
            value: interval.value,
            low: ends.map(|e| e.0),
            high: ends.map(|e| e.1),
            n: interval.n,
        }
    }
}

/// What changes with depth, at one layer.
#[derive(Debug, Clone, Serialize)]
pub struct LayerSummary {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// Mean similarity of a token to itself at layer 0.
    pub to_layer_0: Option<Estimate>,
    /// Mean similarity of a token to the other tokens of its sentence.
    pub to_sentence: Option<Estimate>,
    /// Mean cosine of words from different sentences, where the model's is known and the metric is
    /// the cosine.
    pub baseline: Option<Estimate>,
    /// Mean Euclidean norm of a token.
    pub norm: f64,
}

/// What is known of the model, and is drawn beside what a text shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Its anisotropy baseline.
    pub baseline: Option<&'a Baseline>,
    /// Its profile.
    pub profile: Option<&'a Profile>,
    /// What its heads do in the text: [`Explorer::attention`].
    ///
    /// [`Explorer::attention`]: crate::Explorer::attention
    pub attention: Option<&'a Attention>,
}

/// Something that is not shown, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The figure or curve.
    pub name: &'static str,
    /// Why.
    pub reason: String,
}

/// Everything that is to be shown of some states.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exploration {
    /// The states.
    pub states: Activations,
    /// How they were measured.
    pub settings: Settings,
    /// The curves by depth.
    pub layers: Vec<LayerSummary>,
    /// The trails; none where they would mislead, or there is too little.
    pub trajectory: Option<LayerMaps>,
    /// The t-SNE maps.
    pub tsne: Option<LayerMaps>,
    /// Layer × layer debiased linear CKA, row by row, and the number of tokens it is over.
    pub cka: Option<(Vec<f64>, usize)>,
    /// Token × token similarities of every layer.
    pub similarity: Option<Similarities>,
    /// The model's own profile, where it is known: of the model, not of these states.
    pub profile: Option<Profile>,
    /// Which tokens' neighbourhoods change most, step by step.
    pub moves: Option<Moves>,
    /// What the heads do, where that was asked for.
    pub attention: Option<Attention>,
    /// What is not shown, and why.
    pub left_out: Vec<LeftOut>,
}

/// How far an exploration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is being done.
    pub what: &'static str,
    /// Parts done.
    pub done: usize,
    /// Parts in all.
    pub total: usize,
}

/// More tokens than this make no readable token × token matrix.
const SIMILARITY_TOKENS: usize = 300;

/// More points than this take t-SNE minutes.
const TSNE_POINTS: usize = 10_000;

/// Measures and reduces states. What is known of the model is drawn beside it.
///
/// # Errors
/// States that cannot be measured. What a text is too short or too long for is left out, with the
/// reason, rather than an error.
pub fn explore(
    states: Activations,
    settings: &Settings,
    known: Known<'_>,
    progress: &mut dyn FnMut(Step),
) -> Result<Exploration> {
    let mut left_out = Vec::new();
    let layers = numbers::by_layer(&states, settings, known.baseline, &mut left_out)?;
    let mut leave = |name, reason: String| left_out.push(LeftOut { name, reason });

    let trajectory = if states.layers.len() < 2 {
        leave("trajectory", "a trail needs two layers".to_owned());
        None
    } else if settings.align == Alignment::None {
        let reason = "maps that are not aligned share no axes that a trail could run along";
        leave("trajectory", reason.to_owned());
        None
    } else {
        let mut step = |done, total| progress(Step { what: "trails", done, total });
        let maps = reduce(&states, settings.reducer, settings.align, settings.seed, &mut step);
        or_left_out(maps, |reason| leave("trajectory", reason))?
    };

    let points = fitted_rows(&states).len() * states.layers.len();
    let tsne = if points > TSNE_POINTS {
        let reason = format!("{points} points are too many; choose fewer texts or --layers");
        leave("tsne", reason);
        None
    } else if settings.reducer == Reducer::Tsne && trajectory.is_some() {
        trajectory.clone()
    } else {
        let mut step = |done, total| progress(Step { what: "t-SNE", done, total });
        let maps = reduce(&states, Reducer::Tsne, settings.align, settings.seed, &mut step);
        or_left_out(maps, |reason| leave("tsne", reason))?
    };

    let tokens = states.rows.iter().filter(|r| !r.special).count();
    let cka = match numbers::cka(&states) {
        _ if tokens < 4 => {
            leave("layers", format!("CKA needs 4 tokens that are not special, found {tokens}"));
            None
        }
        Ok(values) => Some((values, tokens)),
        Err(Error::Geometry(error @ GeometryError::NoVariance { .. })) => {
            leave("layers", error.to_string());
            None
        }
        Err(error) => return Err(error),
    };
    let similarity = if states.rows.len() > SIMILARITY_TOKENS {
        let n = states.rows.len();
        leave("similarity", format!("{n} × {n} cells cannot be read; choose fewer texts"));
        None
    } else {
        Some(Similarities::of(&states)?)
    };
    if known.profile.is_none() {
        leave("profile", "none is known of this model".to_owned());
    }
    let moves = Moves::of(&states)?.map_err(|reason| leave("moves", reason)).ok();
    let (settings, profile) = (settings.clone(), known.profile.cloned());
    Ok(Exploration {
        states,
        settings,
        layers,
        trajectory,
        tsne,
        cka,
        similarity,
        profile,
        moves,
        attention: known.attention.cloned(),
        left_out,
    })
}

/// Too little for a map is no error: the map is left out.
fn or_left_out(maps: Result<LayerMaps>, leave: impl FnOnce(String)) -> Result<Option<LayerMaps>> {
    match maps {
        Ok(maps) => Ok(Some(maps)),
        Err(Error::Reducer(error @ ReducerError::TooFewRows { .. })) => {
            leave(error.to_string());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
