//! From the tensors of a checkpoint to canonical weights: each is found by the rules of the family,
//! checked for shape and NaN, transposed and split as its rule says, and converted. A tensor
//! of the trunk that no rule uses is an error; a tensor outside of it cannot change a state.

mod names;

use crate::error::{Error, Result};
use crate::families::{Family, Transform};
use crate::note::Note;
use crate::stored::{Arrange, Stored, StoredTensors, Values};
use candle_core::{DType, Device, Tensor};
use half::{bf16, f16};
use names::{Names, SourceTensor, TOKENS, UNEMBED};
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

/// Where weights are put, and how.
pub(crate) struct Place {
    pub(crate) device: Device,
    pub(crate) dtype: DType,
    /// Whether matrices of 16 bits keep their number type.
    pub(crate) keeps_halves: bool,
}

/// The weights of a checkpoint.
pub(crate) struct Weights {
    /// The weights by canonical name.
    pub(crate) weights: HashMap<String, Tensor>,
    /// The names of the tensors that no state and no logit needs.
    pub(crate) unused: Vec<String>,
}

/// The weights of an architecture, on a device and in a number type. If the checkpoint has no tensor
/// of the head, or the head is wrong, the architecture loses its head.
pub(crate) fn read(
    tensors: &StoredTensors<'_>,
    architecture: &mut Architecture,
    family: &'static Family,
    place: &Place,
    notes: &mut Vec<Note>,
) -> Result<Weights> {
    let names = Names::new(family, architecture, tensors)?;
    notes.extend(names.note());
    settle_ties(architecture, &names, tensors, notes)?;
    let specs = architecture.weights();
    let shapes: HashMap<&str, &[usize]> =
        specs.iter().map(|s| (s.name.as_str(), s.shape.as_slice())).collect();
    let n_heads = architecture.n_heads;
    let mut reader = Reader { tensors, names: &names, shapes, n_heads, place, last: Vec::new() };
    let mut weights = HashMap::new();
    let mut head = Ok(());
    for spec in &specs {
        let of_head = spec.name.starts_with(HEAD);
        match reader.weight(spec) {
            _ if of_head && head.is_err() => {}
            Err(error) if of_head => head = Err(error),
            read => drop(weights.insert(spec.name.clone(), read?)),
        }
    }
    let used: BTreeSet<String> =
        specs.iter().filter_map(|spec| Some(names.find(&spec.name, tensors)?.name)).collect();
    let rest = tensors.keys().filter(|name| !used.contains(*name));
    let (unknown, unused): (Vec<_>, Vec<_>) = rest.cloned().partition(|name| names.in_trunk(name));
    if let Some(first) = unknown.first() {
        return Err(Error::UnknownTensors {
            family: family.name.to_owned(),
            count: unknown.len(),
            first: first.clone(),
        });
    }
    if let Err(error) = head {
        notes.push(Note::Head { reason: error.to_string() });
        architecture.head = None;
        weights.retain(|name, _| !name.starts_with(HEAD));
    }
    Ok(Weights { weights, unused })
}

/// The beginning of the canonical names of the head.
const HEAD: &str = "head.";

/// Reads weights one after the other.
struct Reader<'a> {
    tensors: &'a StoredTensors<'a>,
    names: &'a Names,
    /// The shapes of all weights.
    shapes: HashMap<&'a str, &'a [usize]>,
    n_heads: usize,
    place: &'a Place,
    /// The last matrix and bias: the next weight may be in the same tensor.
    last: Vec<(String, Values)>,
}

impl Reader<'_> {
    fn weight(&mut self, WeightSpec { name: canonical, shape }: &WeightSpec) -> Result<Tensor> {
        let Some(found) = self.names.find(canonical, self.tensors) else {
            return Err(Error::MissingTensor { tensor: self.names.expected(canonical) });
        };
        let layout = Layout::of(&found, canonical, &self.shapes, self.n_heads);
        if found.tensor.shape() != layout.shape {
            return Err(Error::TensorShape {
                tensor: found.name,
                expected: layout.shape,
                found: found.tensor.shape().to_vec(),
            });
        }
        let known = self.last.iter().position(|(name, _)| *name == found.name);
        let (name, values) = match known {
            Some(index) => self.last.remove(index),
            None => {
                let values = found.tensor.stored(&found.name)?;
                check_finite(&found.name, &values)?;
                (found.name, values)
            }
        };
        let shared = found.rule.to.len() > 1;
        let own = if shared || found.rule.transform != Transform::Take {
            let own = values.arranged(&layout);
            if shared {
                self.last.push((name, values));
                self.last.drain(..self.last.len().saturating_sub(2));
            }
            own
        } else {
            values
        };
        let &Place { ref device, dtype, keeps_halves } = self.place;
        let half = matches!(own, Values::F16(_) | Values::Bf16(_));
        if keeps_halves && half && shape.len() == 2 {
            return own.tensor(shape.as_slice(), device);
        }
        Ok(Tensor::from_vec(own.widened(), shape.as_slice(), device)?.to_dtype(dtype)?)
    }
}

/// Removes the head if the checkpoint has none, and unties a head that has a matrix of its own.
fn settle_ties(
    architecture: &mut Architecture,
    names: &Names,
    tensors: &StoredTensors<'_>,
    notes: &mut Vec<Note>,
) -> Result<()> {
    let tokens = names.find(TOKENS, tensors);
    // Of two tensors for one weight, a config that ties them means equal values.
    for (other, values) in names.others(TOKENS, tensors) {
        if let Some(tokens) = &tokens
            && tokens.tensor.shape() == values.shape()
            && tokens.tensor.values(&tokens.name)? != values.values(&other)?
        {
            notes.push(Note::NotTied { tensor: tokens.name.clone(), other });
        }
    }
    let Some(head) = &mut architecture.head else { return Ok(()) };
    // A head that is called tied but has another matrix: transformers uses that matrix.
    if head.tied
        && let (Some(own), Some(tokens)) = (names.find(UNEMBED, tensors), &tokens)
        && own.name != tokens.name
    {
        let same_shape = own.tensor.shape() == tokens.tensor.shape();
        if same_shape && own.tensor.values(&own.name)? != tokens.tensor.values(&tokens.name)? {
            notes.push(Note::NotTied { tensor: own.name.clone(), other: tokens.name.clone() });
            head.tied = false;
        }
    }
    if let Some(SourceTensor { name, .. }) =
        tokens.filter(|found| found.rule.to.contains(&"head.unembed"))
    {
        notes.push(Note::EmbeddingFromHead { tensor: name });
    }
    let specs = architecture.weights();
    let of_head = |start: &str| specs.iter().filter(|s| s.name.starts_with(start)).collect();
    // Heads of other tasks may begin with the same layers. The matrix to the vocabulary decides,
    // unless it is the embedding.
    let mut telling: Vec<&WeightSpec> = of_head("head.unembed.");
    if telling.is_empty() {
        telling = of_head(HEAD);
    }
    if !telling.is_empty() && telling.iter().all(|s| names.find(&s.name, tensors).is_none()) {
        architecture.head = None;
    }
    Ok(())
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
        let sizes: Vec<usize> = match found.rule.to {
            // The rule may be that of a tied weight.
            [_] => own.iter().take(1).copied().collect(),
            several => several.iter().map(|to| rows_of(to)).collect(),
        };
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
}

impl Arrange for Layout {
    /// The values of the weight in row-major order.
    fn arrange<T: Copy>(&self, values: &[T]) -> Vec<T> {
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

    fn stored(&self, name: &str) -> Result<Values> {
        let bytes = self.data();
        Ok(match self.dtype() {
            Dtype::F32 => {
                Values::F32(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
            }
            Dtype::F64 => {
                let wide = bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32);
                Values::F32(wide.collect())
            }
            Dtype::F16 => {
                Values::F16(bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b)).collect())
            }
            Dtype::BF16 => {
                Values::Bf16(bytes.as_chunks().0.iter().map(|&b| bf16::from_le_bytes(b)).collect())
            }
            other => {
                let (tensor, dtype) = (name.to_owned(), format!("{other:?}"));
                return Err(Error::TensorType { tensor, dtype });
            }
        })
    }
}

/// Refuses NaN and infinities.
pub(crate) fn check_finite(name: &str, values: &Values) -> Result<()> {
    match values.not_finite() {
        None => Ok(()),
        Some((element, value)) => Err(Error::NotFinite { tensor: name.to_owned(), value, element }),
    }
}
