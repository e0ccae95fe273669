//! The model's syntax-semantics plane: the subspaces of every layer, how well they do, and their
//! file.

mod shown;
mod words;

pub use words::{Neutral, PlaneTrails, PlaneWord};

use crate::profile::{ProfileStates, TOOL, context_means};
use crate::{Error, NamedStimuli, Result, Step, StimuliSummary};
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use stratoscope_extractor::Origin;
use stratoscope_probing::{Design, Separation, Separator, Subspaces};

/// Where a model tells roles and senses apart, layer by layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plane {
    /// The version of this format and of the computation.
    format: u32,
    /// The program that computed it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// What the subspaces were found with.
    pub stimuli: StimuliSummary,
    /// The seed of the bootstrap and of the random subspaces.
    pub seed: u64,
    /// Whether position had to be removed, because cells have their targets at unequal positions.
    pub position_removed: bool,
    /// `[n_layers + 1]`.
    pub by_layer: Vec<PlaneLayer>,
    /// `[n_layers + 1]`: of the layers that are not left out.
    #[serde(skip)]
    subspaces: Vec<Option<Subspaces>>,
}

/// How well roles and senses are told apart at one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaneLayer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// With words left out; none where nothing varies.
    pub separation: Option<Separation>,
    /// Why the layer is left out of the plane, where it is; follows from the separation.
    #[serde(skip)]
    pub left_out: Option<String>,
}

impl PlaneLayer {
    fn new(layer: usize, separation: Option<Separation>) -> Self {
        let left_out = match &separation {
            None => Some("nothing varies within a word".to_owned()),
            Some(separation) => separation.at_chance().map(|chance| chance.to_string()),
        };
        Self { layer, separation, left_out }
    }
}

const FORMAT: u32 = 1;
/// The key of the metadata.
const KEY: &str = "stratoscope";
/// The tensors of a layer, each after its number and a dot.
const PARTS: [&str; 5] = ["role", "sense", "random", "weights", "rest"];

impl Plane {
    /// Finds the subspaces of every layer from the states of the stimuli's targets.
    ///
    /// # Errors
    /// Stimuli that no plane can be found with: see [`Separator`].
    pub fn compute(
        states: &ProfileStates,
        seed: u64,
        progress: &mut dyn FnMut(Step),
    ) -> Result<Self> {
        let positions: Vec<usize> = states.placements.iter().map(|p| p.position).collect();
        let design = Design::new(&states.stimuli.stimuli, &positions)?;
        let separator = Separator::new(design, seed)?;
        let total = states.target.len_of(Axis(0));
        let layers: Vec<usize> = (0..total).collect();
        let mut found = Vec::with_capacity(total);
        // A few layers side by side, so that progress is seen and memory stays bounded.
        for some in layers.chunks(rayon::current_num_threads().clamp(1, 4)) {
            progress(Step { what: "plane", done: found.len(), total });
            let separate = |&layer: &usize| {
                let vectors = states.target.index_axis(Axis(0), layer);
                separator.separate(context_means(vectors, &states.items).view())
            };
            let some: Vec<_> = some.par_iter().map(separate).collect();
            for separated in some {
                found.push(separated?);
            }
        }
        progress(Step { what: "plane", done: total, total });
        let mut by_layer = Vec::with_capacity(total);
        let mut subspaces = Vec::with_capacity(total);
        for (layer, found) in found.into_iter().enumerate() {
            let of = PlaneLayer::new(layer, found.as_ref().map(|f| f.separation));
            subspaces.push(found.map(|f| f.subspaces).filter(|_| of.left_out.is_none()));
            by_layer.push(of);
        }
        Ok(Self {
            format: FORMAT,
            tool: TOOL.to_owned(),
            model: states.origin.clone(),
            stimuli: states.summary(),
            seed,
            position_removed: separator.position_removed(),
            by_layer,
            subspaces,
        })
    }

    /// The subspaces of a layer; none where it is left out.
    pub fn subspaces(&self, layer: usize) -> Option<&Subspaces> {
        self.subspaces.get(layer)?.as_ref()
    }

    /// Whether it is of these stimuli.
    pub fn is_of(&self, stimuli: &NamedStimuli) -> bool {
        self.stimuli.sha256 == stimuli.sha256 && self.stimuli.cues_first == stimuli.cues_first
    }

    /// The plane as a safetensors file: of every layer that is not left out `N.role` and `N.sense`
    /// f32 `[rank, d_model]`, `N.random` f32 `[directions, d_model]`, `N.weights` f32
    /// `[directions]` and `N.rest` f32 `[1]`; all else in the metadata.
    ///
    /// # Errors
    /// It cannot be written as safetensors.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors = Vec::new();
        for (layer, subspaces) in self.subspaces.iter().enumerate() {
            let Some(s) = subspaces else { continue };
            let rest = Array1::from_elem(1, s.rest).into_dyn();
            let bases = [&s.role, &s.sense, &s.random].map(|basis| basis.clone().into_dyn());
            let all = bases.into_iter().chain([s.weights.clone().into_dyn(), rest]);
            for (part, values) in PARTS.iter().zip(all) {
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                tensors.push((format!("{layer}.{part}"), values.shape().to_vec(), bytes));
            }
        }
        let fail = |error: safetensors::SafeTensorError| self.unusable(error.to_string());
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| {
                Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(fail)?;
        let metadata = HashMap::from([(KEY.to_owned(), serde_json::to_string(self)?)]);
        safetensors::serialize(views, Some(metadata)).map_err(fail)
    }

    /// Reads a stored plane, and checks that it is that of the model that `origin` names, by its
    /// weights. It is shown under the name asked for.
    ///
    /// # Errors
    /// [`Error::Plane`] where it is not, or is no plane of this version at all.
    pub fn parse(bytes: &[u8], origin: &Origin) -> Result<Self> {
        let fail = |reason: String| Error::Plane { model: origin.model.clone(), reason };
        let (_, header) =
            SafeTensors::read_metadata(bytes).map_err(|error| fail(error.to_string()))?;
        let metadata = header.metadata().as_ref().and_then(|m| m.get(KEY));
        let json = metadata.ok_or_else(|| fail("it has no metadata".to_owned()))?;
        let mut plane: Self =
            serde_json::from_str(json).map_err(|error| fail(error.to_string()))?;
        if plane.format != FORMAT {
            return Err(fail(format!("it is of format {}, not {FORMAT}", plane.format)));
        }
        if origin.weights.is_empty() || plane.model.weights != origin.weights {
            return Err(fail("it was computed with other weights".to_owned()));
        }
        if plane.model.dtype != origin.dtype {
            return Err(fail(format!("it was computed in {}", plane.model.dtype)));
        }
        let n = plane.by_layer.len();
        if n != origin.n_layers + 1 || plane.by_layer.iter().zip(0..).any(|(l, i)| l.layer != i) {
            return Err(fail(format!("it has {n} layers")));
        }
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| fail(error.to_string()))?;
        let mut d_model = None;
        for layer in &mut plane.by_layer {
            *layer = PlaneLayer::new(layer.layer, layer.separation);
            plane.subspaces.push(match layer.left_out {
                None => Some(read_subspaces(&tensors, layer.layer, &mut d_model).map_err(fail)?),
                Some(_) => None,
            });
        }
        plane.model = origin.clone();
        Ok(plane)
    }

    fn unusable(&self, reason: String) -> Error {
        Error::Plane { model: self.model.model.clone(), reason }
    }
}

/// The subspaces of a layer, all of one width, which is that of the layers before.
fn read_subspaces(
    tensors: &SafeTensors<'_>,
    layer: usize,
    d_model: &mut Option<usize>,
) -> Result<Subspaces, String> {
    let values = |part: &str| -> Result<(Vec<usize>, Vec<f32>), String> {
        let name = format!("{layer}.{part}");
        let tensor = tensors.tensor(&name).map_err(|error| error.to_string())?;
        if tensor.dtype() != Dtype::F32 {
            return Err(format!("{name} is {:?}, not F32", tensor.dtype()));
        }
        let values: Vec<f32> =
            tensor.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        match values.iter().find(|v| !v.is_finite()) {
            Some(value) => Err(format!("{name} holds {value}")),
            None => Ok((tensor.shape().to_vec(), values)),
        }
    };
    let mut basis = |part: &str| -> Result<Array2<f32>, String> {
        let (shape, values) = values(part)?;
        match shape[..] {
            [rows, width] if width > 0 && *d_model.get_or_insert(width) == width => {
                Array2::from_shape_vec((rows, width), values).map_err(|error| error.to_string())
            }
            _ => Err(format!("{layer}.{part} has the shape {shape:?}")),
        }
    };
    let (role, sense, random) = (basis(PARTS[0])?, basis(PARTS[1])?, basis(PARTS[2])?);
    let (weights, rest) = (values(PARTS[3])?.1, values(PARTS[4])?.1);
    let agree = role.nrows() == sense.nrows() && weights.len() == random.nrows();
    match rest[..] {
        [rest] if agree && rest >= 0.0 && weights.iter().all(|&w| w >= 0.0) => {
            Ok(Subspaces { role, sense, random, weights: weights.into(), rest })
        }
        _ => Err(format!("the parts of layer {layer} do not agree")),
    }
}
