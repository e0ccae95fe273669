//! From the tensors of a checkpoint to canonical weights: each is found by the rules of the family,
//! checked for shape and NaN, transposed and split as its rule says, and converted to f32. A tensor
//! that no rule uses is an error.

use crate::error::{Error, Result};
use crate::families::{BUFFERS, Family, Rule, Transform};
use crate::stored::{Stored, StoredTensors};
use candle_core::{DType, Device, Tensor};
use half::slice::HalfFloatSliceExt;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use stratoscope_transformer::{Architecture, WeightSpec};

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

/// The weights of a checkpoint.
pub(crate) struct Weights {
    /// The weights by canonical name.
    pub(crate) weights: HashMap<String, Tensor>,
    /// The names of unused tensors: heads and buffers that the family lists.
    pub(crate) unused: Vec<String>,
}

/// The weights of an architecture, on a device and in a number type. If the checkpoint has no tensor
/// of the head, the architecture loses its head.
pub(crate) fn read(
    tensors: &StoredTensors<'_>,
    architecture: &mut Architecture,
    family: &Family,
    (device, dtype): (&Device, DType),
) -> Result<Weights> {
    let names = Names::new(family, architecture, tensors);
    settle_head(architecture, &names, tensors)?;
    let specs = architecture.weights();
    let shapes: HashMap<&str, &[usize]> =
        specs.iter().map(|s| (s.name.as_str(), s.shape.as_slice())).collect();
    let mut weights = HashMap::new();
    let mut used = BTreeSet::new();
    // The last matrix and bias: the next weight may be in the same tensor.
    let mut last: Vec<(String, Vec<f32>)> = Vec::new();
    for WeightSpec { name: canonical, shape } in architecture.weights() {
        let Some(found) = names.find(&canonical, tensors) else {
            return Err(Error::MissingTensor { tensor: names.expected(&canonical) });
        };
        let layout = Layout::of(&found, &canonical, &shapes, architecture.n_heads);
        if found.tensor.shape() != layout.shape {
            return Err(Error::TensorShape {
                tensor: found.name,
                expected: layout.shape,
                found: found.tensor.shape().to_vec(),
            });
        }
        let known = last.iter().position(|(name, _)| *name == found.name);
        let (name, values) = match known {
            Some(index) => last.remove(index),
            None => {
                let values = found.tensor.values(&found.name)?;
                let values = finite(&found.name, values)?;
                (found.name, values)
            }
        };
        used.insert(name.clone());
        let shared = found.rule.to.len() > 1;
        let tensor = if shared || found.rule.transform != Transform::Take {
            let own = layout.take(&values);
            if shared {
                last.push((name, values));
                last.drain(..last.len().saturating_sub(2));
            }
            Tensor::from_vec(own, shape, device)?
        } else {
            Tensor::from_vec(values, shape, device)?
        };
        weights.insert(canonical, tensor.to_dtype(dtype)?);
    }
    let mut unused = Vec::new();
    let mut unknown = Vec::new();
    for name in tensors.keys().filter(|name| !used.contains(*name)) {
        let bare = family.prefixes.iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name);
        let known = BUFFERS.iter().any(|end| name.ends_with(end))
            || family.unused.iter().any(|head| bare.starts_with(head) || name.starts_with(head));
        if known { &mut unused } else { &mut unknown }.push(name.clone());
    }
    match unknown.first() {
        None => Ok(Weights { weights, unused }),
        Some(first) => Err(Error::UnknownTensors {
            family: family.name.to_owned(),
            count: unknown.len(),
            first: first.clone(),
        }),
    }
}

/// Removes the head if the checkpoint has none, and unties a head that has a matrix of its own.
fn settle_head(
    architecture: &mut Architecture,
    names: &Names,
    tensors: &StoredTensors<'_>,
) -> Result<()> {
    const TOKENS: &str = "embed.token.weight";
    const UNEMBED: &str = "head.unembed.weight";
    let Some(head) = &mut architecture.head else { return Ok(()) };
    // A head that is called tied but has another matrix: transformers uses that matrix.
    if head.tied
        && let (Some(own), Some(tokens)) =
            (names.find(UNEMBED, tensors), names.find(TOKENS, tensors))
        && own.name != tokens.name
        && own.tensor.shape() == tokens.tensor.shape()
        && own.tensor.values(&own.name)? != tokens.tensor.values(&tokens.name)?
    {
        head.tied = false;
    }
    let specs = architecture.weights();
    let of_head = |start: &str| specs.iter().filter(|s| s.name.starts_with(start)).collect();
    // Heads of other tasks may begin with the same layers. The matrix to the vocabulary decides,
    // unless it is the embedding.
    let mut telling: Vec<&WeightSpec> = of_head("head.unembed.");
    if telling.is_empty() {
        telling = of_head("head.");
    }
    if !telling.is_empty() && telling.iter().all(|s| names.find(&s.name, tensors).is_none()) {
        architecture.head = None;
    }
    Ok(())
}

/// The rules of each canonical module, for one checkpoint.
struct Names {
    /// The rule, the place of the module in the rule, and the checkpoint's module with its prefix.
    modules: HashMap<String, Vec<(&'static Rule, usize, String)>>,
}

/// The tensor of a canonical weight.
struct SourceTensor<'a> {
    rule: &'static Rule,
    /// The place of the weight in the rule.
    index: usize,
    /// The name of the tensor.
    name: String,
    tensor: &'a dyn Stored,
}

impl Names {
    fn new(family: &Family, architecture: &Architecture, tensors: &StoredTensors<'_>) -> Self {
        let token = |prefix: &str| {
            let rules = family.names.iter().filter(|rule| rule.to.contains(&"embed.token"));
            rules.into_iter().any(|r| tensors.contains_key(&format!("{prefix}{}.weight", r.from)))
        };
        let prefix = family.prefixes.iter().copied().find(|prefix| token(prefix)).unwrap_or("");
        let mut modules: HashMap<String, Vec<_>> = HashMap::new();
        let rules = family.names.iter().map(|rule| (rule, prefix));
        for (rule, prefix) in rules.chain(family.head.iter().map(|rule| (rule, ""))) {
            for (index, canonical) in rule.to.iter().enumerate() {
                let blocks = if canonical.contains("{i}") { architecture.n_weight_sets } else { 1 };
                for i in 0..blocks {
                    let i = i.to_string();
                    let module = format!("{prefix}{}", rule.from.replace("{i}", &i));
                    let entry = modules.entry(canonical.replace("{i}", &i)).or_default();
                    entry.push((rule, index, module));
                }
            }
        }
        Self { modules }
    }

    /// The name of a canonical weight in the checkpoint.
    fn expected(&self, canonical: &str) -> String {
        let (module, kind) = canonical.rsplit_once('.').unwrap_or((canonical, ""));
        let rules = self.modules.get(module).and_then(|rules| rules.first());
        format!("{}.{kind}", rules.map_or(module, |(_, _, source)| source))
    }

    /// The tensor of a canonical weight, under its present or its old name.
    fn find<'a>(
        &self,
        canonical: &str,
        tensors: &'a StoredTensors<'_>,
    ) -> Option<SourceTensor<'a>> {
        let (module, kind) = canonical.rsplit_once('.')?;
        // Checkpoints converted from TensorFlow name weight and bias of a norm so.
        let old = if kind == "weight" { "gamma" } else { "beta" };
        self.modules.get(module)?.iter().find_map(|(rule, index, source)| {
            [kind, old].iter().find_map(|kind| {
                let name = format!("{source}.{kind}");
                let tensor = &**tensors.get(&name)?;
                Some(SourceTensor { rule, index: *index, name, tensor })
            })
        })
    }
}

/// The place of a weight in a tensor.
struct Layout {
    /// The shape of the tensor.
    shape: Vec<usize>,
    /// Whether the tensor is transposed.
    transposed: bool,
    /// The ranges of rows (after transposing) of the weight.
    rows: Vec<std::ops::Range<usize>>,
}

impl Layout {
    fn of(
        found: &SourceTensor<'_>,
        canonical: &str,
        shapes: &HashMap<&str, &[usize]>,
        n_heads: usize,
    ) -> Self {
        let (module, kind) = canonical.rsplit_once('.').unwrap_or((canonical, ""));
        // The number of the block, for the names of other weights in the same tensor.
        let block = module.split('.').nth(1).unwrap_or_default();
        let rows_of = |to: &str| {
            let name = format!("{}.{kind}", to.replace("{i}", block));
            shapes.get(name.as_str()).map_or(0, |shape| shape[0])
        };
        let own = shapes.get(canonical).copied().unwrap_or_default();
        let sizes: Vec<usize> = found.rule.to.iter().map(|to| rows_of(to)).collect();
        let all: usize = sizes.iter().sum();
        let before: usize = sizes[..found.index].iter().sum();
        let (index, transform) = (found.index, found.rule.transform);
        let (first, size) = match transform {
            Transform::Take | Transform::Transpose => (0, sizes[index]),
            _ => (before, sizes[index]),
        };
        // The rows of each head, of all weights in the tensor.
        let groups = if transform == Transform::SplitHeads { n_heads } else { 1 };
        let [first, size, of_all] = [first, size, all].map(|n| n / groups);
        let start = |group: usize| group * of_all + first;
        let rows = (0..groups).map(|group| start(group)..start(group) + size).collect();
        let mut shape = own.to_vec();
        if let Some(first) = shape.first_mut() {
            *first = all;
        }
        let turned = matches!(transform, Transform::Transpose | Transform::TransposeSplit);
        let transposed = turned && shape.len() == 2;
        if transposed {
            shape.reverse();
        }
        Self { shape, transposed, rows }
    }

    /// The values of the weight in row-major order.
    fn take(&self, values: &[f32]) -> Vec<f32> {
        let rows = self.rows.iter().cloned().flatten();
        match (self.transposed, self.shape.as_slice()) {
            (true, &[inputs, all]) => {
                let row = |row: usize| (0..inputs).map(move |input| values[input * all + row]);
                rows.flat_map(row).collect()
            }
            (_, shape) => {
                let width: usize = shape.iter().skip(1).product();
                self.rows
                    .iter()
                    .flat_map(|r| &values[r.start * width..r.end * width])
                    .copied()
                    .collect()
            }
        }
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

/// Refuses NaN and infinities.
fn finite(name: &str, values: Vec<f32>) -> Result<Vec<f32>> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(values),
        Some(element) => {
            Err(Error::NotFinite { tensor: name.to_owned(), value: values[element], element })
        }
    }
}
