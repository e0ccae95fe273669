//! Weights that are not in the file as they are: values that follow from a shape, tensors in another shape,
//! and the kernels of grouped convolutions as matrices.

use super::names::SourceTensor;
use crate::error::{Error, Result};
use crate::stored::{Stored, width};
use std::ops::Range;
use std::sync::Arc;
use stratoscope_transformer::Encoding;

/// A tensor that no file has.
pub(super) struct MadeTensor {
    pub(super) shape: Vec<usize>,
    /// In row-major order.
    pub(super) values: Vec<f32>,
}

impl Stored for MadeTensor {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self, _: &str) -> Result<Encoding> {
        Ok(Encoding::F32)
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let values = &self.values[rows.start * width(&self.shape)..];
        bytes.as_chunks_mut().0.iter_mut().zip(values).for_each(|(out, v)| *out = v.to_le_bytes());
        Ok(())
    }
}

/// A tensor whose rows are those of another, in another shape.
struct Reshaped {
    tensor: Arc<dyn Stored>,
    shape: Vec<usize>,
}

/// A tensor in another shape with as many values: with dimensions of size 1 in front that are left out, and
/// with others joined.
///
/// # Errors
/// A tensor with another number of values, or of rows.
pub(super) fn reshaped(found: &SourceTensor, shape: &[usize]) -> Result<Arc<dyn Stored>> {
    let wrong = || Error::TensorShape {
        tensor: found.name.clone(),
        expected: shape.to_vec(),
        found: found.tensor.shape().to_vec(),
    };
    let rows = |tensor: &dyn Stored| tensor.shape().first().copied();
    let mut tensor = found.tensor.clone();
    while rows(&*tensor) == Some(1) && tensor.shape().len() > shape.len() {
        tensor = tensor.part(0).ok_or_else(wrong)?;
    }
    // One row, whose tensor is a vector.
    if let ([1, width], [own]) = (shape, tensor.shape())
        && width == own
    {
        return Ok(Arc::new(Row { tensor, shape: [1, *width] }));
    }
    match rows(&*tensor) == shape.first().copied() && width(tensor.shape()) == width(shape) {
        true => Ok(Arc::new(Reshaped { tensor, shape: shape.to_vec() })),
        false => Err(wrong()),
    }
}

impl Stored for Reshaped {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self, name: &str) -> Result<Encoding> {
        self.tensor.encoding(name)
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        self.tensor.read(rows, bytes)
    }
}

/// A vector as a matrix of one row.
struct Row {
    tensor: Arc<dyn Stored>,
    shape: [usize; 2],
}

impl Stored for Row {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self, name: &str) -> Result<Encoding> {
        self.tensor.encoding(name)
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        self.tensor.read(rows.start * self.shape[1]..rows.end * self.shape[1], bytes)
    }
}

/// The kernel `[out, in / groups, 1]` of a convolution as the matrix `[out, in]`: each group of outputs
/// reads its own group of inputs, and the rest of its rows is 0.
struct Grouped {
    kernel: Arc<dyn Stored>,
    name: String,
    shape: [usize; 2],
    /// The inputs of a group.
    inputs: usize,
}

/// The matrix of a convolution.
///
/// # Errors
/// A kernel whose shape is not that of a convolution of width 1 with groups.
pub(super) fn grouped(found: &SourceTensor, inputs: usize) -> Result<Arc<dyn Stored>> {
    let (kernel, name) = (found.tensor.clone(), found.name.clone());
    match *kernel.shape() {
        [out, own, 1]
            if own > 0 && inputs.is_multiple_of(own) && out.is_multiple_of(inputs / own) =>
        {
            Ok(Arc::new(Grouped { kernel, name, shape: [out, inputs], inputs: own }))
        }
        ref other => {
            let expected = vec![other.first().copied().unwrap_or(0), inputs, 1];
            Err(Error::TensorShape { tensor: name, expected, found: other.to_vec() })
        }
    }
}

impl Stored for Grouped {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self, name: &str) -> Result<Encoding> {
        self.kernel.encoding(name)
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let encoding = self.kernel.encoding(&self.name)?;
        let [out, inputs] = self.shape;
        let (own, all) = (encoding.bytes(self.inputs), encoding.bytes(inputs));
        let per_group = out / (inputs / self.inputs);
        let mut kernel = vec![0; own * rows.len()];
        self.kernel.read(rows.clone(), &mut kernel)?;
        bytes.fill(0);
        for (place, row) in rows.enumerate() {
            let start = place * all + row / per_group * own;
            bytes[start..start + own].copy_from_slice(&kernel[place * own..(place + 1) * own]);
        }
        Ok(())
    }
}
