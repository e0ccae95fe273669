//! From the tensors of a checkpoint to canonical weights: each is found by the rules of the family, its
//! shape is checked, and it is read when it is needed: split and transposed as its rule says, without
//! NaN. A tensor of the trunk that no rule uses is an error; one outside of it cannot change a state.

mod kernels;
mod layout;
mod made;
pub(crate) mod microscaled;
mod names;
mod safetensors;

use crate::bytes::FileBytes;
use crate::error::{Error, Result};
use crate::families::{Family, Made, Transform};
use crate::memory::Sizes;
use crate::note::Note;
use crate::stored::{Stored, StoredTensors, bytes_of, check_finite, values_of};
use layout::Layout;
use made::{MadeTensor, grouped, reshaped};
use names::{Names, SourceTensor};
pub(crate) use names::{TOKENS, UNEMBED};
pub(crate) use safetensors::safetensors;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;
use stratoscope_transformer::{
    self as transformer, Architecture, Encoding, Placement, StoredWeight, WeightSource, WeightSpec,
};

/// A weights file with its name.
#[derive(Debug, Clone)]
pub(crate) struct WeightsFile {
    pub(crate) name: String,
    pub(crate) bytes: Arc<FileBytes>,
}

#[cfg(test)]
impl WeightsFile {
    /// A file in memory.
    pub(crate) fn in_memory(name: &str, bytes: Vec<u8>) -> Self {
        Self { name: name.to_owned(), bytes: Arc::new(FileBytes::Memory(bytes.into())) }
    }
}

/// The weights of a checkpoint, which are read when they are needed.
pub(crate) struct Weights {
    /// The weights by canonical name.
    weights: HashMap<String, Weight>,
    /// The names of the tensors that no state and no logit needs.
    pub(crate) unused: Vec<String>,
}

/// Finds the weights of an architecture, and checks their shapes and number types. If the checkpoint has
/// no tensor of the head, or the head is wrong, the architecture loses its head.
pub(crate) fn find(
    tensors: &StoredTensors,
    architecture: &mut Architecture,
    family: &'static Family,
    notes: &mut Vec<Note>,
) -> Result<Weights> {
    let names = Names::new(family, architecture, tensors)?;
    notes.extend(names.note());
    settle_ties(architecture, &names, tensors, notes)?;
    let specs = architecture.weights();
    let shapes: HashMap<&str, &[usize]> =
        specs.iter().map(|s| (s.name.as_str(), s.shape.as_slice())).collect();
    let mut weights = HashMap::new();
    let mut head = Ok(());
    for spec in &specs {
        let of_head = spec.name.starts_with(HEAD);
        let found = Weight::find(spec, &names, tensors, &shapes, architecture);
        // The head is read now, since a model without it can be used; other weights when they are needed.
        let found = match found {
            Ok(weight) if of_head && head.is_ok() => weight.check().map(|()| weight),
            found => found,
        };
        match found {
            _ if of_head && head.is_err() => {}
            Err(error) if of_head => head = Err(error),
            found => drop(weights.insert(spec.name.clone(), found?)),
        }
    }
    let found = specs.iter().filter_map(|spec| names.find(&spec.name, tensors));
    let used: BTreeSet<String> = found
        .flat_map(|found| [found.name].into_iter().chain(found.beside.map(|(name, _)| name)))
        .collect();
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

impl Weights {
    /// What the weights take of the memory.
    pub(crate) fn sizes(&self, place: &Placement) -> Sizes {
        let weights = self.weights.iter();
        Sizes::of(weights.map(|(name, w)| (&**name, &*w.shape, w.encoding)), place)
    }
}

/// The beginning of the canonical names of the head.
const HEAD: &str = "head.";

/// A canonical weight in the tensor of a checkpoint.
#[derive(Clone)]
struct Weight {
    /// The name of the tensor.
    name: String,
    tensor: Arc<dyn Stored>,
    layout: Layout,
    /// The shape of the weight.
    shape: Vec<usize>,
    encoding: Encoding,
}

impl Weight {
    fn find(
        WeightSpec { name: canonical, shape }: &WeightSpec,
        names: &Names,
        tensors: &StoredTensors,
        shapes: &HashMap<&str, &[usize]>,
        architecture: &Architecture,
    ) -> Result<Self> {
        let Some(mut found) = names.find(canonical, tensors) else {
            let Some(made) = names.made(canonical, tensors) else {
                return Err(Error::MissingTensor { tensor: names.expected(canonical) });
            };
            return Ok(Self::made(canonical, shape, made));
        };
        found.tensor = match (found.rule.transform, &**shape) {
            (Transform::Grouped, [_, inputs]) => grouped(&found, *inputs)?,
            (Transform::Kernel, [_, _]) => kernels::kernel(&found, shape)?,
            (Transform::NormedKernel, [_, _]) => {
                found.tensor = kernels::normed(&found)?;
                kernels::kernel(&found, shape)?
            }
            (Transform::Reshape, _) => reshaped(&found, shape)?,
            _ => found.tensor,
        };
        let mut layout = Layout::of(&found, canonical, shapes, architecture);
        let n_experts = architecture.mixture.as_ref().map_or(0, |mixture| mixture.n_experts);
        let experts = found.expert.map(|_| n_experts);
        let expected: Vec<usize> = experts.iter().chain(&layout.shape).copied().collect();
        if found.tensor.shape() != expected {
            let found_shape = found.tensor.shape().to_vec();
            return Err(Error::TensorShape { tensor: found.name, expected, found: found_shape });
        }
        let mut tensor = match found.expert {
            Some(expert) => found
                .tensor
                .part(expert)
                .ok_or_else(|| Error::MissingTensor { tensor: names.expected(canonical) })?,
            None => found.tensor,
        };
        if layout.transposed
            && let Some(rows) = tensor.transpose()
        {
            layout.shape.reverse();
            (layout.transposed, tensor) = (false, rows);
        }
        let encoding = tensor.encoding(&found.name)?;
        Ok(Self { name: found.name, tensor, layout, shape: shape.clone(), encoding })
    }

    /// A weight that the checkpoint does not have.
    fn made(canonical: &str, shape: &[usize], made: Made) -> Self {
        let tensor = Arc::new(MadeTensor { shape: shape.to_vec(), values: made.values(shape) });
        let (layout, shape) = (Layout::whole(shape), shape.to_vec());
        Self { name: canonical.to_owned(), tensor, layout, shape, encoding: Encoding::F32 }
    }

    /// Whether the rows of the weight are rows of the tensor, which can be read one by one.
    fn in_rows(&self) -> bool {
        let in_blocks = matches!(self.encoding, Encoding::Blocks(_));
        self.layout.is_in_rows() && (!in_blocks || self.shape.len() == 2)
    }

    /// Reads the whole tensor and takes the weight from it.
    fn whole(&self) -> Result<Whole> {
        let mut bytes = bytes_of(&*self.tensor, &self.name)?;
        check_finite(&*self.tensor, &self.name, 0, &bytes)?;
        let mut encoding = self.encoding;
        if self.layout.added != 0.0 || matches!(encoding, Encoding::Blocks(_)) {
            let mut values = vec![0.0; self.tensor.shape().iter().product()];
            encoding.decode(&bytes, &mut values);
            let values = values.iter().map(|value: &f32| value + self.layout.added);
            bytes = values.flat_map(f32::to_le_bytes).collect();
            encoding = Encoding::F32;
        }
        let bytes = match encoding.bytes(1) {
            2 => self.layout.arrange(bytes.as_chunks::<2>().0).into_flattened(),
            _ => self.layout.arrange(bytes.as_chunks::<4>().0).into_flattened(),
        };
        Ok(Whole { shape: self.shape.clone(), encoding, bytes })
    }

    /// Reads the weight, and refuses NaN and infinities.
    fn check(&self) -> Result<()> {
        if !self.in_rows() {
            return self.whole().map(drop);
        }
        const ROWS: usize = 64;
        let n_rows = self.shape.first().copied().unwrap_or(0);
        let mut bytes = Vec::new();
        for first in (0..n_rows).step_by(ROWS) {
            let rows = first..n_rows.min(first + ROWS);
            bytes.resize(self.row_bytes() * rows.len(), 0);
            self.read_rows(rows, &mut bytes)?;
        }
        Ok(())
    }

    fn row_bytes(&self) -> usize {
        self.encoding.bytes(self.shape.iter().skip(1).product())
    }

    /// Reads some rows, which are in one run of rows of the tensor or in several.
    fn read_rows(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let row_bytes = self.row_bytes();
        let (mut before, mut done) = (0, 0);
        for run in &self.layout.rows {
            let inside = |row: usize| run.start + row.clamp(before, before + run.len()) - before;
            let own = inside(rows.start)..inside(rows.end);
            before += run.len();
            if !own.is_empty() {
                let bytes = &mut bytes[done..done + own.len() * row_bytes];
                self.tensor.read(own.clone(), bytes)?;
                check_finite(&*self.tensor, &self.name, own.start, bytes)?;
                done += bytes.len();
            }
        }
        Ok(())
    }
}

impl StoredWeight for Weight {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<(), transformer::Error> {
        self.read_rows(rows, bytes).map_err(Error::of_weight)
    }
}

/// A weight that was taken from its tensor.
struct Whole {
    shape: Vec<usize>,
    encoding: Encoding,
    bytes: Vec<u8>,
}

impl StoredWeight for Whole {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<(), transformer::Error> {
        let row = self.encoding.bytes(self.shape.iter().skip(1).product());
        bytes.copy_from_slice(&self.bytes[rows.start * row..rows.end * row]);
        Ok(())
    }
}

impl WeightSource for Weights {
    fn open(&self, name: &str) -> Result<Arc<dyn StoredWeight>, transformer::Error> {
        match self.weights.get(name) {
            None => Err(transformer::Error::MissingWeight { name: name.to_owned() }),
            Some(weight) if weight.in_rows() => Ok(Arc::new(weight.clone())),
            Some(weight) => Ok(Arc::new(weight.whole().map_err(Error::of_weight)?)),
        }
    }
}

/// Removes the head if the checkpoint has none, and unties a head that has a matrix of its own.
fn settle_ties(
    architecture: &mut Architecture,
    names: &Names,
    tensors: &StoredTensors,
    notes: &mut Vec<Note>,
) -> Result<()> {
    let tokens = names.find(TOKENS, tensors);
    // Of two tensors for one weight, a config that ties them means equal values.
    for (other, values) in names.others(TOKENS, tensors) {
        if let Some(tokens) = &tokens
            && tokens.tensor.shape() == values.shape()
            && values_of(&*tokens.tensor, &tokens.name)? != values_of(&*values, &other)?
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
        if same_shape
            && values_of(&*own.tensor, &own.name)? != values_of(&*tokens.tensor, &tokens.name)?
        {
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
