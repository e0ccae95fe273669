//! Maps from the states of a layer to those that the head reads: a Jacobian lens, a tuned lens, or a lens
//! that was fitted here.

use super::LensError;
use crate::Result;
use crate::analysis::ModelFile;
use ndarray::{Array1, Array2, ArrayView2, CowArray, Ix2};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use stratoscope_extractor::{Origin, read_tensors, write_tensors};
use stratoscope_loader::{PickledObjects, read_objects};
use stratoscope_numerics::{add_product, product_into};

/// The affine map of one layer: `[tokens, d_model]` to the same shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    /// `[d_model, d_model]`; a state h becomes `matrix` h.
    pub matrix: Array2<f32>,
    /// `[d_model]`, added.
    pub bias: Option<Array1<f32>>,
    /// Whether h itself is added.
    pub residual: bool,
}

impl Affine {
    /// Applies the map to rows of states.
    pub fn apply(&self, states: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut mapped = Array2::zeros(states.dim());
        match self.residual {
            true => {
                mapped.assign(&states);
                add_product(states, self.matrix.t(), mapped.view_mut());
            }
            false => product_into(states, self.matrix.t(), mapped.view_mut()),
        }
        if let Some(bias) = &self.bias {
            mapped += bias;
        }
        mapped
    }
}

/// What a lens was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TranslatorKind {
    /// The mean Jacobian of the last state by the state of a layer.
    Jacobian,
    /// A tuned lens (Belrose et al. 2023).
    Tuned,
    /// Least squares on a corpus, by this program.
    Fitted,
}

/// The maps of the layers of a model. A layer without a map is read as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Translators {
    /// What they are.
    pub kind: TranslatorKind,
    /// The maps, by layer; 0 is the embedding output.
    pub of_layer: BTreeMap<usize, Affine>,
    /// The file, if they come from a file.
    pub file: Option<ModelFile>,
    /// The model, if the file names one.
    pub model: Option<Origin>,
    /// The number of prompts or tokens from which they were made, if the file says it.
    pub made_from: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    kind: TranslatorKind,
    format: u32,
    tool: String,
    model: Origin,
    tokens: u64,
}

const FORMAT: u32 = 1;

impl Translators {
    /// Reads a Jacobian lens: a file of `torch.save` with `J` (a matrix `[d_model, d_model]` for each
    /// source layer, as a dictionary, a list or one tensor), `source_layers`, `d_model` and `n_prompts`.
    /// A source layer is the number of a block, whose output is read: layer l + 1 here. (If the file also
    /// has the number `n_layers`, numbers count states, and 0 is the embedding output.)
    ///
    /// # Errors
    /// [`LensError::Translators`] for a file of another form or width.
    pub fn jacobian(path: &Path, n_layers: usize, d_model: usize) -> Result<Self> {
        let wrong = |reason: String| wrong(path, reason);
        let objects = read_objects(path)?;
        if let Some(&width) = objects.integers.get("d_model").filter(|w| **w != d_model as i64) {
            let reason = format!("it is for states of width {width}; the model has {d_model}");
            return Err(wrong(reason));
        }
        let listed = numbers(&objects, "source_layers");
        let mut matrices: BTreeMap<usize, Array2<f32>> = BTreeMap::new();
        match objects.tensors.get("J") {
            Some((shape, values)) => {
                let [n, rows, columns] = shape[..] else {
                    return Err(wrong(format!("J is {shape:?}, not [layers, d_model, d_model]")));
                };
                if listed.len() != n {
                    let of = listed.len();
                    return Err(wrong(format!("it has {n} matrices and {of} source layers")));
                }
                for (values, &layer) in values.chunks(rows * columns).zip(&listed) {
                    matrices.insert(layer, square(path, rows, columns, values, d_model)?);
                }
            }
            None => {
                for (name, (shape, values)) in &objects.tensors {
                    let Some(key) = name.strip_prefix("J.") else { continue };
                    let [rows, columns] = shape[..] else {
                        return Err(wrong(format!("{name} is {shape:?}, not a matrix")));
                    };
                    let key: usize =
                        key.parse().map_err(|_| wrong(format!("{name} names no layer")))?;
                    // A list has places, a dictionary has layers.
                    let layer = match listed.contains(&key) {
                        true => key,
                        false => *listed.get(key).unwrap_or(&key),
                    };
                    matrices.insert(layer, square(path, rows, columns, values, d_model)?);
                }
            }
        }
        if matrices.is_empty() {
            return Err(wrong("it has no J".to_owned()));
        }
        let states = matrices.contains_key(&n_layers);
        let mut of_layer = BTreeMap::new();
        for (layer, matrix) in matrices {
            let layer = if states { layer } else { layer + 1 };
            if layer > n_layers {
                return Err(wrong(format!("the model has no block {}", layer - 1)));
            }
            of_layer.insert(layer, Affine { matrix, bias: None, residual: false });
        }
        let made_from = objects.integers.get("n_prompts").and_then(|n| u64::try_from(*n).ok());
        let file = ModelFile::read(path).ok();
        Ok(Self { kind: TranslatorKind::Jacobian, of_layer, file, model: None, made_from })
    }

    /// Reads a tuned lens: a file of `torch.save` with `0.weight` and `0.bias`, `1.weight`, …, one pair for
    /// each state that enters a block (0 is the embedding output; Belrose et al. 2023); or a file that
    /// [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`LensError::Translators`] for a file of another form or width.
    pub fn tuned(path: &Path, n_layers: usize, d_model: usize) -> Result<Self> {
        if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("safetensors")) {
            return Self::load(path, n_layers, d_model);
        }
        let wrong = |reason: String| wrong(path, reason);
        let objects = read_objects(path)?;
        let mut of_layer = BTreeMap::new();
        for (name, (shape, values)) in &objects.tensors {
            let Some(start) = name.strip_suffix(".weight") else { continue };
            let Ok(layer) = start.rsplit('.').next().unwrap_or_default().parse::<usize>() else {
                continue;
            };
            let [rows, columns] = shape[..] else {
                return Err(wrong(format!("{name} is {shape:?}, not a matrix")));
            };
            if layer >= n_layers {
                return Err(wrong(format!("{name}: the model has {n_layers} blocks")));
            }
            let matrix = square(path, rows, columns, values, d_model)?;
            let bias = objects.tensors.get(&format!("{start}.bias"));
            if bias.is_some_and(|(shape, _)| shape[..] != [d_model]) {
                return Err(wrong(format!("{start}.bias has another width than {d_model}")));
            }
            let bias = bias.map(|(_, values)| Array1::from(values.clone()));
            of_layer.insert(layer, Affine { matrix, bias, residual: true });
        }
        if of_layer.is_empty() {
            return Err(wrong("it has no translators (0.weight, 0.bias, …)".to_owned()));
        }
        let (kind, file) = (TranslatorKind::Tuned, ModelFile::read(path).ok());
        Ok(Self { kind, of_layer, file, model: None, made_from: None })
    }

    /// Writes the maps as safetensors: `{layer}.weight` `[d_model, d_model]` and `{layer}.bias`, added to
    /// the state, as tuned lenses are; the model and the number of tokens as metadata.
    ///
    /// # Errors
    /// A file that cannot be written; maps without a model.
    pub fn save(&self, path: &Path) -> Result<()> {
        let Some(model) = self.model.clone() else {
            return Err(wrong(path, "the maps belong to no known model".to_owned()));
        };
        let metadata = Metadata {
            kind: self.kind,
            format: FORMAT,
            tool: crate::analysis::TOOL.to_owned(),
            model,
            tokens: self.made_from.unwrap_or_default(),
        };
        let mut names = Vec::new();
        for (layer, map) in &self.of_layer {
            names.push((format!("{layer}.weight"), map.matrix.view().into_dyn()));
            if let Some(bias) = &map.bias {
                names.push((format!("{layer}.bias"), bias.view().into_dyn()));
            }
        }
        let floats: Vec<_> = names.iter().map(|(name, of)| (name.as_str(), of.clone())).collect();
        Ok(write_tensors(path, &floats, &[], &serde_json::to_string(&metadata)?)?)
    }

    fn load(path: &Path, n_layers: usize, d_model: usize) -> Result<Self> {
        let wrong = |reason: String| wrong(path, reason);
        let stored = read_tensors(path)?;
        let metadata: Metadata = serde_json::from_str(&stored.metadata)
            .map_err(|e| wrong(format!("it has no metadata of a lens ({e})")))?;
        if metadata.format != FORMAT {
            return Err(wrong(format!("it is of format {}, not {FORMAT}", metadata.format)));
        }
        let mut of_layer = BTreeMap::new();
        for (name, values) in &stored.floats {
            let Some(layer) = name.strip_suffix(".weight") else { continue };
            let layer: usize =
                layer.parse().map_err(|_| wrong(format!("{name} names no layer")))?;
            if layer >= n_layers {
                return Err(wrong(format!("{name}: the model has {n_layers} blocks")));
            }
            let [rows, columns] = values.shape()[..] else {
                return Err(wrong(format!("{name} is {:?}, not a matrix", values.shape())));
            };
            let all: Vec<f32> = values.iter().copied().collect();
            let matrix = square(path, rows, columns, &all, d_model)?;
            let bias = stored.floats.get(&format!("{layer}.bias"));
            if bias.is_some_and(|bias| bias.shape() != [d_model]) {
                return Err(wrong(format!("{layer}.bias has another width than {d_model}")));
            }
            let bias = bias.map(|bias| bias.iter().copied().collect());
            of_layer.insert(layer, Affine { matrix, bias, residual: true });
        }
        let (kind, file) = (metadata.kind, ModelFile::read(path).ok());
        let made_from = Some(metadata.tokens);
        Ok(Self { kind, of_layer, file, model: Some(metadata.model), made_from })
    }

    /// The states that the head reads in place of those of a layer.
    pub(super) fn apply<'a>(
        &self,
        layer: usize,
        states: ArrayView2<'a, f32>,
    ) -> CowArray<'a, f32, Ix2> {
        match self.of_layer.get(&layer) {
            Some(map) => map.apply(states).into(),
            None => states.into(),
        }
    }

    /// What they are, as a sentence for captions.
    pub(super) fn in_words(&self) -> String {
        let of = match self.kind {
            TranslatorKind::Jacobian => {
                "Jacobian lens: the state is multiplied by the mean Jacobian \
                 of the last state by the state of the layer"
                    .to_owned()
            }
            TranslatorKind::Tuned => {
                "Tuned lens (Belrose et al. 2023): a learned affine map is applied to the state"
                    .to_owned()
            }
            TranslatorKind::Fitted => "Fitted lens: an affine map that predicts the last state by \
                 least squares is applied to the state"
                .to_owned(),
        };
        let (unit, n) = match (self.kind, self.made_from) {
            (TranslatorKind::Jacobian, Some(n)) => ("prompts", n),
            (_, Some(n)) => ("tokens", n),
            (_, None) => return of + ".",
        };
        format!("{of} (made from {n} {unit}).")
    }
}

/// The numbers of a list, in its order.
fn numbers(objects: &PickledObjects, name: &str) -> Vec<usize> {
    let one = |place: usize| objects.integers.get(&format!("{name}.{place}"));
    (0..).map_while(one).filter_map(|n| usize::try_from(*n).ok()).collect()
}

fn square(
    path: &Path,
    rows: usize,
    columns: usize,
    values: &[f32],
    d_model: usize,
) -> Result<Array2<f32>> {
    if rows != d_model || columns != d_model {
        let reason =
            format!("it has matrices of [{rows}, {columns}]; the states have a width of {d_model}");
        return Err(wrong(path, reason));
    }
    if values.iter().any(|value| !value.is_finite()) {
        return Err(wrong(path, "it has numbers that are not finite".to_owned()));
    }
    let matrix = Array2::from_shape_vec((rows, columns), values.to_vec());
    matrix.map_err(|_| wrong(path, "a matrix has another number of values".to_owned()))
}

fn wrong(path: &Path, reason: String) -> crate::Error {
    LensError::Translators { path: path.to_owned(), reason }.into()
}
