//! A tensor of a GGUF file with transformers' order of rows and dimensions. It is read and dequantized
//! on demand, part by part.

use super::Gguf;
use super::dtype::Dtype;
use super::parse::TensorInfo;
use crate::bytes::FileBytes;
use crate::error::{Error, Result};
use crate::stored::{Stored, bytes_of, values_of, width};
use std::ops::Range;
use std::sync::Arc;
use stratoscope_transformer::Encoding;

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
    /// A matrix of one row became a vector, or stayed a matrix.
    Row,
}

/// A tensor in the file.
#[derive(Clone)]
pub(super) struct GgufTensor {
    file: Arc<str>,
    bytes: Arc<FileBytes>,
    /// Its name in the file.
    name: String,
    dtype: Dtype,
    /// The place of its first byte.
    start: u64,
    change: Change,
    shape: Vec<usize>,
}

impl GgufTensor {
    /// A tensor, if `change` can be undone in its shape.
    pub(super) fn new(gguf: &Gguf, name: &str, info: &TensorInfo, change: Change) -> Result<Self> {
        let mut shape = info.shape.clone();
        let fits = match (change, shape.as_mut_slice()) {
            (Change::None | Change::PlusOne, _) => true,
            (Change::Interleaved { heads }, [rows, ..]) => {
                heads > 0 && rows.is_multiple_of(2 * heads)
            }
            (Change::Row, [width]) => {
                shape = vec![1, *width];
                true
            }
            (Change::Row, [1, _]) => true,
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
            return Err(Error::Gguf { file: gguf.file.to_string(), reason });
        }
        // Of vectors, and of what is one row for every block, there is nothing to turn.
        let change = match (change, shape.len()) {
            (Change::Transposed, 1) | (Change::Row, _) => Change::None,
            (change, _) => change,
        };
        let (file, bytes) = gguf.part(info, name)?;
        let (name, dtype, start) = (name.to_owned(), info.dtype, info.start);
        Ok(Self { file, bytes, name, dtype, start, change, shape })
    }

    /// Reads rows as they are in the file, of so many elements each.
    fn read_stored(&self, rows: Range<usize>, width: usize, bytes: &mut [u8]) -> Result<()> {
        let start = self.start + self.dtype.bytes(rows.start * width) as u64;
        let read = self.bytes.read_exact_at(start, bytes);
        read.map_err(|e| Error::Gguf { file: self.file.to_string(), reason: e.to_string() })
    }

    /// The stored tensor, without its change.
    fn unchanged(&self) -> Self {
        let mut stored = Self { change: Change::None, ..self.clone() };
        stored.shape.reverse();
        stored
    }
}

impl Stored for GgufTensor {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self, _: &str) -> Result<Encoding> {
        let Some(encoding) = self.dtype.encoding() else {
            let (tensor, dtype) = (self.name.clone(), self.dtype.name());
            return Err(Error::Quantization { tensor, dtype });
        };
        Ok(match (self.change, encoding) {
            // The values change.
            (Change::PlusOne, _) => Encoding::F32,
            // Blocks lie along the rows of the file.
            (Change::Transposed, Encoding::Blocks(_)) => Encoding::F32,
            (_, encoding) => encoding,
        })
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let width = width(&self.shape);
        match self.change {
            Change::None | Change::Row => self.read_stored(rows, width, bytes),
            Change::PlusOne => {
                // As a whole: vectors may be in blocks.
                let stored = Self { change: Change::None, ..self.clone() };
                let values = values_of(&stored, &self.name)?;
                let own = &values[rows.start * width..rows.end * width];
                for (out, value) in bytes.as_chunks_mut().0.iter_mut().zip(own) {
                    *out = (value - 1.0).to_le_bytes();
                }
                Ok(())
            }
            Change::Interleaved { heads } => {
                let half = self.shape[0] / heads / 2;
                let source = |row: usize| {
                    let (head, within) = (row / (2 * half), row % (2 * half));
                    head * 2 * half + 2 * (within % half) + within / half
                };
                // One read of all rows between the first and the last.
                let first = rows.clone().map(source).min().unwrap_or(0);
                let end = rows.clone().map(source).max().map_or(0, |last| last + 1);
                let row_bytes = self.dtype.bytes(width);
                let mut stored = vec![0; (end - first) * row_bytes];
                self.read_stored(first..end, width, &mut stored)?;
                for (row, out) in rows.zip(bytes.chunks_mut(row_bytes.max(1))) {
                    out.copy_from_slice(&stored[(source(row) - first) * row_bytes..][..row_bytes]);
                }
                Ok(())
            }
            Change::Transposed => {
                let stored = self.unchanged();
                let (n_rows, columns) = (stored.shape[0], stored.shape[1]);
                let (values, size) = match stored.encoding(&self.name)? {
                    Encoding::Blocks(_) => {
                        let values = values_of(&stored, &self.name)?;
                        (values.iter().flat_map(|v| v.to_le_bytes()).collect(), 4)
                    }
                    encoding => (bytes_of(&stored, &self.name)?, encoding.bytes(1)),
                };
                let places = rows.flat_map(|c| (0..n_rows).map(move |r| r * columns + c));
                for (place, out) in places.zip(bytes.chunks_mut(size)) {
                    out.copy_from_slice(&values[place * size..][..size]);
                }
                Ok(())
            }
        }
    }

    fn part(&self, index: usize) -> Option<Arc<dyn Stored>> {
        let start = self.start + self.dtype.bytes(index * width(&self.shape)) as u64;
        Some(Arc::new(Self { start, shape: self.shape[1..].to_vec(), ..self.clone() }))
    }

    fn transpose(&self) -> Option<Arc<dyn Stored>> {
        (self.change == Change::Transposed).then(|| Arc::new(self.unchanged()) as Arc<dyn Stored>)
    }

    fn block_not_finite(&self, bytes: &[u8]) -> Option<(usize, f32)> {
        self.dtype.not_finite(bytes)
    }
}
