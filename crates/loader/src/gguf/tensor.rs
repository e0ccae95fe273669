//! A tensor of a GGUF file with transformers' order of rows and dimensions. It is read and dequantized
//! on demand, part by part.

use super::Gguf;
use super::dtype::Dtype;
use super::parse::TensorInfo;
use crate::error::{Error, Result};
use crate::stored::Stored;

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

    fn values(&self, _: &str) -> Result<Vec<f32>> {
        let mut values = read(self.gguf, self.name, self.info)?;
        let rows = self.info.shape[0];
        Ok(match self.change {
            Change::None => values,
            Change::PlusOne => {
                values.iter_mut().for_each(|v| *v -= 1.0);
                values
            }
            Change::Interleaved { heads } => {
                let width = values.len() / rows;
                let half = rows / heads / 2;
                let source = |row: usize| {
                    let (head, within) = (row / (2 * half), row % (2 * half));
                    head * 2 * half + 2 * (within % half) + within / half
                };
                let rows = (0..rows).map(source).flat_map(|r| &values[r * width..][..width]);
                rows.copied().collect()
            }
            Change::Transposed => {
                let columns = values.len() / rows;
                let places = (0..columns).flat_map(|c| (0..rows).map(move |r| r * columns + c));
                places.map(|place| values[place]).collect()
            }
        })
    }
}

/// The elements that are read at a time: whole blocks of every type.
const PART: usize = 1 << 20;

/// The values of a tensor in the order of the file.
pub(super) fn read(gguf: &Gguf, name: &str, info: &TensorInfo) -> Result<Vec<f32>> {
    if let Dtype::Other(_) = info.dtype {
        return Err(Error::Quantization { tensor: name.to_owned(), dtype: info.dtype.name() });
    }
    let mut values = Vec::with_capacity(info.elements);
    let mut buffer = Vec::new();
    while values.len() < info.elements {
        let elements = PART.min(info.elements - values.len());
        let start = info.start + info.dtype.bytes(values.len()) as u64;
        let bytes = gguf.bytes(start, info.dtype.bytes(elements), &mut buffer)?;
        values.extend(info.dtype.values(bytes, elements)?);
    }
    Ok(values)
}
