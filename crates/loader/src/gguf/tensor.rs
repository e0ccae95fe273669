//! A tensor of a GGUF file with transformers' order of rows and dimensions. It is read and dequantized
//! on demand, part by part.

use super::Gguf;
use super::dtype::Dtype;
use super::parse::TensorInfo;
use crate::error::{Error, Result};
use crate::stored::{Arrange, Stored, Values};
use half::{bf16, f16};

/// The change of llama.cpp's converter that is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// The two values of a rotated pair are adjacent, not half a head apart, in each of these heads.
    Interleaved { heads: usize },
    /// One was added to every value.
    PlusOne,
    /// Rows became columns.
    Transposed,
}

/// A tensor in the file.
pub(super) struct GgufTensor<'a> {
    gguf: &'a Gguf,
    /// Its name in the file.
    name: &'a str,
    info: &'a TensorInfo,
    change: Change,
    shape: Vec<usize>,
}

impl<'a> GgufTensor<'a> {
    /// A tensor, if `change` can be undone in its shape.
    pub(super) fn new(
        gguf: &'a Gguf,
        name: &'a str,
        info: &'a TensorInfo,
        change: Change,
    ) -> Result<Self> {
        let mut shape = info.shape.clone();
        let fits = match (change, shape.as_mut_slice()) {
            (Change::None | Change::PlusOne, _) => true,
            (Change::Interleaved { heads }, [rows, ..]) => {
                heads > 0 && rows.is_multiple_of(2 * heads)
            }
            // Biases have the rule of their weights.
            (Change::Transposed, [_]) => true,
            (Change::Transposed, [rows, columns]) => {
                std::mem::swap(rows, columns);
                true
            }
            _ => false,
        };
        if !fits {
            let reason =
                format!("tensor {name:?} has shape {:?}, which is not {change:?}", info.shape);
            return Err(Error::Gguf { file: gguf.file.clone(), reason });
        }
        Ok(Self { gguf, name, info, change, shape })
    }
}

impl Stored for GgufTensor<'_> {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn stored(&self, _: &str) -> Result<Values> {
        let values = read(self.gguf, self.name, self.info)?;
        Ok(match self.change {
            Change::None => values,
            Change::PlusOne => {
                let mut values = values.widened();
                values.iter_mut().for_each(|v| *v -= 1.0);
                Values::F32(values)
            }
            Change::Interleaved { .. } | Change::Transposed => values.arranged(self),
        })
    }
}

impl Arrange for GgufTensor<'_> {
    fn arrange<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let rows = self.info.shape[0];
        let width = values.len() / rows;
        match self.change {
            Change::Interleaved { heads } => {
                let half = rows / heads / 2;
                let source = |row: usize| {
                    let (head, within) = (row / (2 * half), row % (2 * half));
                    head * 2 * half + 2 * (within % half) + within / half
                };
                let rows = (0..rows).map(source).flat_map(|r| &values[r * width..][..width]);
                rows.copied().collect()
            }
            Change::Transposed => {
                let places = (0..width).flat_map(|c| (0..rows).map(move |r| r * width + c));
                places.map(|place| values[place]).collect()
            }
            Change::None | Change::PlusOne => values.to_vec(),
        }
    }
}

/// The elements that are read at a time: whole blocks of every type.
const PART: usize = 1 << 20;

/// The values of a tensor in the order of the file.
pub(super) fn read(gguf: &Gguf, name: &str, info: &TensorInfo) -> Result<Values> {
    Ok(match info.dtype {
        Dtype::Other(_) => {
            return Err(Error::Quantization { tensor: name.to_owned(), dtype: info.dtype.name() });
        }
        Dtype::F16 => Values::F16(in_parts(gguf, info, |bytes, _| {
            Ok(bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b)).collect())
        })?),
        Dtype::Bf16 => Values::Bf16(in_parts(gguf, info, |bytes, _| {
            Ok(bytes.as_chunks().0.iter().map(|&b| bf16::from_le_bytes(b)).collect())
        })?),
        wide => Values::F32(in_parts(gguf, info, |bytes, elements| wide.values(bytes, elements))?),
    })
}

/// Reads a tensor part by part.
fn in_parts<T>(
    gguf: &Gguf,
    info: &TensorInfo,
    convert: impl Fn(&[u8], usize) -> candle_core::Result<Vec<T>>,
) -> Result<Vec<T>> {
    let mut values = Vec::with_capacity(info.elements);
    let mut buffer = Vec::new();
    while values.len() < info.elements {
        let elements = PART.min(info.elements - values.len());
        let start = info.start + info.dtype.bytes(values.len()) as u64;
        let bytes = gguf.bytes(start, info.dtype.bytes(elements), &mut buffer)?;
        values.extend(convert(bytes, elements)?);
    }
    Ok(values)
}
