//! Where the weights of a transformer come from: a source gives each weight row by row, in the number
//! type in which it is stored, so that no weight is in memory twice.

use crate::error::{Error, Result};
use crate::kernels::Rounding;
use candle_core::{CpuStorage, DType, Device, Storage, Tensor, bail};
use half::{bf16, f16};
use rayon::prelude::*;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The number type of stored values.
#[derive(Debug, Clone, Copy)]
pub enum Encoding {
    /// f32, little-endian.
    F32,
    /// f16, little-endian.
    F16,
    /// bf16, little-endian.
    Bf16,
    /// Quantised values in blocks.
    Blocks(Blocks),
}

/// A quantised number type: rows are divided into blocks of values, each with its own scale.
#[derive(Clone, Copy)]
pub struct Blocks {
    /// The values of a block.
    pub values: usize,
    /// The bytes of a block.
    pub bytes: usize,
    /// Writes the values of whole blocks.
    pub decode: fn(&[u8], &mut [f32]),
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blocks of {} values in {} bytes", self.values, self.bytes)
    }
}

impl Encoding {
    /// The bytes of a number of values: of whole blocks.
    pub fn bytes(self, values: usize) -> usize {
        match self {
            Self::F32 => values.saturating_mul(4),
            Self::F16 | Self::Bf16 => values.saturating_mul(2),
            Self::Blocks(blocks) => (values / blocks.values).saturating_mul(blocks.bytes),
        }
    }

    /// The values of some bytes, in f32.
    pub fn decode(self, bytes: &[u8], out: &mut [f32]) {
        match self {
            Self::F32 => {
                let values = bytes.as_chunks().0;
                out.iter_mut().zip(values).for_each(|(out, &b)| *out = f32::from_le_bytes(b));
            }
            Self::F16 => {
                let values = bytes.as_chunks().0;
                let wide = values.iter().map(|&b| f16::from_le_bytes(b).to_f32());
                out.iter_mut().zip(wide).for_each(|(out, value)| *out = value);
            }
            Self::Bf16 => {
                let values = bytes.as_chunks().0;
                let wide = values.iter().map(|&b| bf16::from_le_bytes(b).to_f32());
                out.iter_mut().zip(wide).for_each(|(out, value)| *out = value);
            }
            Self::Blocks(blocks) => (blocks.decode)(bytes, out),
        }
    }
}

/// A weight that can be read row by row.
pub trait StoredWeight: Send + Sync {
    /// The shape. A matrix is `[rows, width]`; of a vector, each value is a row.
    fn shape(&self) -> &[usize];

    /// The number type. The rows of a matrix are whole blocks; vectors are not in blocks.
    fn encoding(&self) -> Encoding;

    /// Reads some rows into `bytes`, which has their length.
    ///
    /// # Errors
    /// [`Error::Source`] for bytes that cannot be read, or values that are not finite.
    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()>;
}

/// Gives weights by canonical name ([`Architecture::weights`](crate::Architecture::weights)).
pub trait WeightSource: Send + Sync {
    /// A weight.
    ///
    /// # Errors
    /// [`Error::MissingWeight`]; [`Error::Source`] for a weight that cannot be read.
    fn open(&self, name: &str) -> Result<Arc<dyn StoredWeight>>;
}

/// The width of the rows of a weight.
pub(crate) fn width(weight: &dyn StoredWeight) -> usize {
    weight.shape().iter().skip(1).product()
}

/// Rows that are read together where the order of bytes does not change.
const ROWS: usize = 64;

/// Reads some rows as they are stored, side by side.
pub(crate) fn read_rows(
    weight: &dyn StoredWeight,
    rows: Range<usize>,
    bytes: &mut [u8],
) -> Result<()> {
    let row_bytes = weight.encoding().bytes(width(weight));
    let parts = bytes.par_chunks_mut((ROWS * row_bytes).max(1)).enumerate();
    parts.try_for_each(|(index, part)| {
        let first = rows.start + index * ROWS;
        weight.read(first..rows.end.min(first + ROWS), part)
    })
}

/// The values of some rows of a matrix, `[rows, width]`, in f32.
pub(crate) fn rows_in_f32(weight: &dyn StoredWeight, rows: Range<usize>) -> Result<Vec<f32>> {
    let (encoding, width) = (weight.encoding(), width(weight));
    let mut values = vec![0.0; rows.len() * width];
    let parts = values.par_chunks_mut((ROWS * width).max(1)).enumerate();
    parts.try_for_each_init(Vec::new, |bytes, (index, out)| {
        let first = rows.start + index * ROWS;
        let last = rows.end.min(first + ROWS);
        bytes.resize((last - first) * encoding.bytes(width), 0);
        weight.read(first..last, bytes)?;
        encoding.decode(bytes, out);
        Ok::<_, Error>(())
    })?;
    Ok(values)
}

/// All values of a weight in f32, in row-major order.
pub(crate) fn values_in_f32(weight: &dyn StoredWeight) -> Result<Vec<f32>> {
    if weight.shape().len() > 1 {
        return rows_in_f32(weight, 0..weight.shape()[0]);
    }
    let n = weight.shape().iter().product();
    let mut bytes = vec![0; weight.encoding().bytes(n)];
    weight.read(0..n, &mut bytes)?;
    let mut values = vec![0.0; n];
    weight.encoding().decode(&bytes, &mut values);
    Ok(values)
}

/// A weight in memory, as it is stored.
pub(crate) struct Held {
    shape: Vec<usize>,
    encoding: Encoding,
    row_bytes: usize,
    bytes: Vec<u8>,
}

impl Held {
    /// Reads a matrix.
    pub(crate) fn of(weight: &dyn StoredWeight) -> Result<Self> {
        let (shape, encoding) = (weight.shape().to_vec(), weight.encoding());
        let row_bytes = encoding.bytes(width(weight));
        let mut bytes = vec![0; shape[0] * row_bytes];
        read_rows(weight, 0..shape[0], &mut bytes)?;
        Ok(Self { shape, encoding, row_bytes, bytes })
    }
}

impl StoredWeight for Held {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        bytes.copy_from_slice(&self.bytes[rows.start * self.row_bytes..rows.end * self.row_bytes]);
        Ok(())
    }
}

/// Some rows of a weight.
pub(crate) struct SomeRows {
    weight: Arc<dyn StoredWeight>,
    first: usize,
    shape: Vec<usize>,
}

impl SomeRows {
    pub(crate) fn new(weight: Arc<dyn StoredWeight>, rows: Range<usize>) -> Self {
        let shape = std::iter::once(rows.len()).chain(weight.shape().iter().skip(1).copied());
        let shape = shape.collect();
        Self { weight, first: rows.start, shape }
    }
}

impl StoredWeight for SomeRows {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self) -> Encoding {
        self.weight.encoding()
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        self.weight.read(self.first + rows.start..self.first + rows.end, bytes)
    }
}

/// Tensors are a source, on any device.
impl WeightSource for HashMap<String, Tensor> {
    fn open(&self, name: &str) -> Result<Arc<dyn StoredWeight>> {
        let Some(tensor) = self.get(name) else {
            return Err(Error::MissingWeight { name: name.to_owned() });
        };
        let tensor = tensor.to_device(&Device::Cpu)?.contiguous()?;
        let (tensor, encoding) = match tensor.dtype() {
            DType::F16 => (tensor, Encoding::F16),
            DType::BF16 => (tensor, Encoding::Bf16),
            _ => (tensor.to_dtype(DType::F32)?, Encoding::F32),
        };
        Ok(Arc::new(Given { tensor, encoding }))
    }
}

/// A tensor on the CPU.
struct Given {
    tensor: Tensor,
    encoding: Encoding,
}

impl StoredWeight for Given {
    fn shape(&self) -> &[usize] {
        self.tensor.dims()
    }

    fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let width = width(self);
        let (storage, layout) = self.tensor.storage_and_layout();
        let first = layout.start_offset() + rows.start * width;
        let values = first..first + rows.len() * width;
        match &*storage {
            Storage::Cpu(CpuStorage::F32(all)) => {
                let out = bytes.as_chunks_mut().0;
                out.iter_mut().zip(&all[values]).for_each(|(out, v)| *out = v.to_le_bytes());
            }
            Storage::Cpu(CpuStorage::F16(all)) => {
                let out = bytes.as_chunks_mut().0;
                out.iter_mut().zip(&all[values]).for_each(|(out, v)| *out = v.to_le_bytes());
            }
            Storage::Cpu(CpuStorage::BF16(all)) => {
                let out = bytes.as_chunks_mut().0;
                out.iter_mut().zip(&all[values]).for_each(|(out, v)| *out = v.to_le_bytes());
            }
            other => return bad_storage(other.dtype()),
        }
        Ok(())
    }
}

fn bad_storage(dtype: DType) -> Result<()> {
    let refuse = || -> candle_core::Result<()> { bail!("weights in {dtype:?} cannot be read") };
    Ok(refuse()?)
}

/// Where the weights of a transformer are put, and how they run.
#[derive(Debug, Clone)]
pub struct Placement {
    /// The device.
    pub device: Device,
    /// The number type of the computation. On kernels the tensors of states are f32. In f32 matrices
    /// keep the type in which they are stored; in a 16-bit type weights are rounded to it.
    pub dtype: DType,
    /// Whether a CPU runs on the vectorised kernels.
    pub kernels: bool,
    /// Whether blocks stay in memory. If they do not, the weights of a block are read from the source
    /// when the block runs, into the memory of the block before it.
    pub resident: bool,
}

impl Placement {
    /// What the kernels round values to; none: they do not run.
    pub(crate) fn rounding(&self) -> Option<Rounding> {
        match self.dtype {
            _ if !(self.kernels && self.device.is_cpu()) => None,
            DType::F32 => Some(Rounding::None),
            DType::F16 => Some(Rounding::F16),
            DType::BF16 => Some(Rounding::Bf16),
            _ => None,
        }
    }
}

/// A table of rows, `[rows, width]`: the embedding of the tokens, and the matrix to the vocabulary.
#[derive(Clone)]
pub(crate) enum Table {
    /// On the device, in the number type of the computation.
    Tensor(Tensor),
    /// As it is stored: in memory, or in the source.
    Stored(Arc<dyn StoredWeight>, Placement),
}

impl Table {
    /// The rows of some ids, `[ids, width]`, as [`placed`].
    pub(crate) fn rows(&self, ids: &[u32]) -> Result<Tensor> {
        let (weight, place) = match self {
            Self::Tensor(table) => {
                return Ok(table.index_select(&Tensor::new(ids, table.device())?, 0)?);
            }
            Self::Stored(weight, place) => (&**weight, place),
        };
        let (encoding, width) = (weight.encoding(), width(weight));
        let mut values = vec![0.0; ids.len() * width];
        let mut bytes = vec![0; encoding.bytes(width)];
        for (&id, out) in ids.iter().zip(values.chunks_mut(width.max(1))) {
            weight.read(id as usize..id as usize + 1, &mut bytes)?;
            encoding.decode(&bytes, out);
        }
        placed(values, &[ids.len(), width], place)
    }

    /// `x` `[tokens, width]` times all rows, `[tokens, rows]`. A stored table is converted part by part,
    /// so that it is in memory only once.
    pub(crate) fn products(&self, x: &Tensor) -> Result<Tensor> {
        /// Rows that are converted together.
        const PART: usize = 8192;
        let (weight, place) = match self {
            Self::Tensor(table) => return Ok(x.matmul(&table.t()?)?),
            Self::Stored(weight, place) => (&**weight, place),
        };
        let (n_rows, width) = (weight.shape()[0], width(weight));
        let part = |first: usize| -> Result<Tensor> {
            let rows = first..n_rows.min(first + PART);
            let shape = [rows.len(), width];
            let rows = placed(rows_in_f32(weight, rows)?, &shape, place)?;
            Ok(x.matmul(&rows.t()?)?)
        };
        let parts: Vec<_> = (0..n_rows).step_by(PART).map(part).collect::<Result<_>>()?;
        Ok(Tensor::cat(&parts, 1)?)
    }
}

/// A tensor of values, on the device, rounded to the number type of the computation; for the kernels it
/// is in f32.
fn placed(values: Vec<f32>, shape: &[usize], place: &Placement) -> Result<Tensor> {
    let tensor = Tensor::from_vec(values, shape, &place.device)?.to_dtype(place.dtype)?;
    Ok(if place.rounding().is_some() { tensor.to_dtype(DType::F32)? } else { tensor })
}

/// The weights of one architecture, as its layers read them. Shapes are checked.
pub(crate) struct Weights<'a> {
    pub(crate) source: &'a dyn WeightSource,
    pub(crate) shapes: &'a HashMap<String, Vec<usize>>,
    pub(crate) place: &'a Placement,
    /// Memory of layers that are no longer needed.
    pub(crate) spare: Vec<crate::kernels::Values>,
}

impl Weights<'_> {
    /// What the kernels round values to; none: the weights are not for the kernels.
    pub(crate) fn kernels(&self) -> Option<Rounding> {
        self.place.rounding()
    }

    /// A weight, as it is stored.
    pub(crate) fn open(&self, name: &str) -> Result<Arc<dyn StoredWeight>> {
        let weight = self.source.open(name)?;
        match self.shapes.get(name) {
            Some(expected) if expected == weight.shape() => Ok(weight),
            expected => Err(Error::WeightShape {
                expected: expected.cloned().unwrap_or_default(),
                found: weight.shape().to_vec(),
                name: name.to_owned(),
            }),
        }
    }

    /// A weight as [`placed`].
    pub(crate) fn take(&self, name: &str) -> Result<Tensor> {
        self.placed(&*self.open(name)?)
    }

    /// The values of a stored weight as [`placed`].
    pub(crate) fn placed(&self, weight: &dyn StoredWeight) -> Result<Tensor> {
        placed(values_in_f32(weight)?, weight.shape(), self.place)
    }

    /// A weight, if the architecture has it.
    pub(crate) fn take_if_expected(&self, name: &str) -> Result<Option<Tensor>> {
        if self.shapes.contains_key(name) { self.take(name).map(Some) } else { Ok(None) }
    }

    /// The table of a module.
    pub(crate) fn table(&self, module: &str) -> Result<Table> {
        let name = format!("{module}.weight");
        Ok(match (self.place.resident, self.kernels().is_some()) {
            (true, false) => Table::Tensor(self.take(&name)?),
            (true, true) => {
                let held = Held::of(&*self.open(&name)?)?;
                Table::Stored(Arc::new(held), self.place.clone())
            }
            (false, _) => Table::Stored(self.open(&name)?, self.place.clone()),
        })
    }
}
