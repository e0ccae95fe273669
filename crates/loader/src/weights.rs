//! Safetensors files to canonical weights: each tensor is found by the family's table, checked for
//! shape and for NaN, and widened to f32. What no rule takes is an error.

use crate::families::Family;
use crate::stored::{Stored, StoredTensors};
use crate::{Error, Result};
use candle_core::{Device, Tensor};
use half::slice::HalfFloatSliceExt;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use stratoscope_transformer::Architecture;

/// A weights file with its name.
pub(crate) type WeightsFile = (String, Cow<'static, [u8]>);

/// The tensors of safetensors files.
pub(crate) fn safetensors(files: &[WeightsFile]) -> Result<StoredTensors<'_>> {
    let mut tensors = StoredTensors::new();
    for (file, bytes) in files {
        if bytes.starts_with(b"version https://git-lfs") {
            let reason = "it is a git-lfs pointer to the file (git lfs pull)".to_owned();
            return Err(Error::Weights { file: file.clone(), reason });
        }
        let parsed = SafeTensors::deserialize(bytes)
            .map_err(|e| Error::Weights { file: file.clone(), reason: e.to_string() })?;
        for (name, view) in parsed.tensors() {
            tensors.insert(name, Box::new(view));
        }
    }
    Ok(tensors)
}

/// The weights of an architecture by canonical name, and the names of tensors left unused (heads
/// and buffers that the family lists).
pub(crate) fn read(
    tensors: &StoredTensors<'_>,
    architecture: &Architecture,
    family: &Family,
    device: &Device,
) -> Result<(HashMap<String, Tensor>, Vec<String>)> {
    let names = Names::new(family, architecture, tensors);
    let mut weights = HashMap::new();
    let mut used = BTreeSet::new();
    for spec in architecture.weights() {
        let Some((name, view)) = names.find(&spec.name, tensors) else {
            return Err(Error::MissingTensor { tensor: names.source(&spec.name) });
        };
        if view.shape() != spec.shape {
            return Err(Error::TensorShape {
                tensor: name,
                expected: spec.shape,
                found: view.shape().to_vec(),
            });
        }
        let values = finite(&name, view.values(&name)?)?;
        weights.insert(spec.name, Tensor::from_vec(values, spec.shape, device)?);
        used.insert(name);
    }
    let mut unused = Vec::new();
    let mut unknown = Vec::new();
    for name in tensors.keys().filter(|name| !used.contains(*name)) {
        let bare = name.strip_prefix(family.prefix).unwrap_or(name);
        let known = family.unused.iter().any(|head| bare.starts_with(head));
        if known { &mut unused } else { &mut unknown }.push(name.clone());
    }
    unused.sort();
    unknown.sort();
    match unknown.first() {
        None => Ok((weights, unused)),
        Some(first) => Err(Error::UnknownTensors {
            family: family.name.to_owned(),
            count: unknown.len(),
            first: first.clone(),
        }),
    }
}

/// Canonical module to the checkpoint's, for one checkpoint.
struct Names {
    modules: HashMap<String, String>,
    prefix: &'static str,
}

impl Names {
    fn new(family: &Family, architecture: &Architecture, tensors: &StoredTensors<'_>) -> Self {
        let mut modules = HashMap::new();
        for (canonical, source) in family.names {
            if canonical.contains("{i}") {
                for i in 0..architecture.n_layers {
                    let layer = i.to_string();
                    modules.insert(canonical.replace("{i}", &layer), source.replace("{i}", &layer));
                }
            } else {
                modules.insert((*canonical).to_owned(), (*source).to_owned());
            }
        }
        let prefixed = modules
            .get("embed.token")
            .is_some_and(|m| tensors.contains_key(&format!("{}{m}.weight", family.prefix)));
        Self { modules, prefix: if prefixed { family.prefix } else { "" } }
    }

    /// The name that a canonical weight should have in the checkpoint.
    fn source(&self, canonical: &str) -> String {
        let (module, kind) = canonical.rsplit_once('.').unwrap_or((canonical, ""));
        let module = self.modules.get(module).map_or(module, String::as_str);
        format!("{}{module}.{kind}", self.prefix)
    }

    /// The tensor of a canonical weight, under its present or its old name.
    fn find<'a>(
        &self,
        canonical: &str,
        tensors: &'a StoredTensors<'_>,
    ) -> Option<(String, &'a dyn Stored)> {
        let present = self.source(canonical);
        // Checkpoints of TensorFlow's time name the two halves of a norm so.
        let old = [(".weight", ".gamma"), (".bias", ".beta")]
            .iter()
            .find_map(|(new, old)| Some(format!("{}{old}", present.strip_suffix(new)?)));
        [Some(present), old]
            .into_iter()
            .flatten()
            .find_map(|name| tensors.get(&name).map(|tensor| (name, &**tensor)))
    }
}

impl Stored for TensorView<'_> {
    fn shape(&self) -> &[usize] {
        TensorView::shape(self)
    }

    fn values(&self, name: &str) -> Result<Vec<f32>> {
        let bytes = self.data();
        Ok(match self.dtype() {
            Dtype::F32 => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            Dtype::F64 => {
                bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect()
            }
            Dtype::F16 => {
                let halves: Vec<half::f16> =
                    bytes.as_chunks().0.iter().map(|&b| half::f16::from_le_bytes(b)).collect();
                halves.to_f32_vec()
            }
            Dtype::BF16 => {
                let halves: Vec<half::bf16> =
                    bytes.as_chunks().0.iter().map(|&b| half::bf16::from_le_bytes(b)).collect();
                halves.to_f32_vec()
            }
            other => {
                let (tensor, dtype) = (name.to_owned(), format!("{other:?}"));
                return Err(Error::TensorType { tensor, dtype });
            }
        })
    }
}

/// The values, none of them NaN or infinite.
fn finite(name: &str, values: Vec<f32>) -> Result<Vec<f32>> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(values),
        Some(element) => {
            Err(Error::NotFinite { tensor: name.to_owned(), value: values[element], element })
        }
    }
}
