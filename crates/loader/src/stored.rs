//! The tensors of a checkpoint of any format.

use crate::error::{Error, Result};
use half::{bf16, f16};
use safetensors::tensor::Dtype;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use stratoscope_transformer::Encoding;

/// A tensor in a file, whose values are read on demand.
pub(crate) trait Stored: Send + Sync {
    /// The shape, outermost dimension first.
    fn shape(&self) -> &[usize];

    /// The number type in which rows are read; `name` is for error messages.
    ///
    /// # Errors
    /// A number type that is not supported.
    fn encoding(&self, name: &str) -> Result<Encoding>;

    /// Reads some rows, in row-major order, into `bytes`, which has their length. The outermost
    /// dimension counts the rows: of a vector, each value is one.
    ///
    /// # Errors
    /// Bytes that cannot be read.
    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()>;

    /// The tensor of which this is the transpose, if it is stored so.
    fn transpose(&self) -> Option<Arc<dyn Stored>> {
        None
    }

    /// The first value in the bytes of quantised blocks that is NaN or infinite, with its place there.
    fn block_not_finite(&self, _: &[u8]) -> Option<(usize, f32)> {
        None
    }
}

/// The values of a row of the outermost dimension.
pub(crate) fn width(shape: &[usize]) -> usize {
    // Without rows, the other dimensions may be any numbers.
    shape.iter().skip(1).fold(1, |all, &n| all.saturating_mul(n))
}

/// The bytes of a tensor, in its encoding and in row-major order; `name` is for error messages.
pub(crate) fn bytes_of(tensor: &dyn Stored, name: &str) -> Result<Vec<u8>> {
    let encoding = tensor.encoding(name)?;
    let mut bytes = vec![0; encoding.bytes(tensor.shape().iter().product())];
    tensor.read(0..tensor.shape().first().copied().unwrap_or(1), &mut bytes)?;
    Ok(bytes)
}

/// All values of a tensor in f32, in row-major order; `name` is for error messages.
pub(crate) fn values_of(tensor: &dyn Stored, name: &str) -> Result<Vec<f32>> {
    let bytes = bytes_of(tensor, name)?;
    let mut values = vec![0.0; tensor.shape().iter().product()];
    tensor.encoding(name)?.decode(&bytes, &mut values);
    Ok(values)
}

/// Refuses NaN and infinities in the bytes of some rows, of which the first is row `row`.
pub(crate) fn check_finite(
    tensor: &dyn Stored,
    name: &str,
    row: usize,
    bytes: &[u8],
) -> Result<()> {
    let found = match tensor.encoding(name)? {
        Encoding::F32 => not_finite(bytes.as_chunks().0, f32::from_le_bytes),
        Encoding::F16 => not_finite(bytes.as_chunks().0, |b| f16::from_le_bytes(b).to_f32()),
        Encoding::Bf16 => not_finite(bytes.as_chunks().0, |b| bf16::from_le_bytes(b).to_f32()),
        Encoding::Blocks(_) => tensor.block_not_finite(bytes),
    };
    match found {
        None => Ok(()),
        Some((place, value)) => {
            let width = width(tensor.shape());
            Err(Error::NotFinite { tensor: name.to_owned(), value, element: row * width + place })
        }
    }
}

/// All tensors of a checkpoint by transformers' names.
pub(crate) type StoredTensors = BTreeMap<String, Arc<dyn Stored>>;

/// The encoding of a number type: f64 is read as f32.
pub(crate) fn encoding_of(dtype: Dtype, name: &str) -> Result<Encoding> {
    match dtype {
        Dtype::F32 | Dtype::F64 => Ok(Encoding::F32),
        Dtype::F16 => Ok(Encoding::F16),
        Dtype::BF16 => Ok(Encoding::Bf16),
        other => Err(Error::TensorType { tensor: name.to_owned(), dtype: format!("{other:?}") }),
    }
}

/// f64 as f32.
pub(crate) fn narrow(wide: &[u8], bytes: &mut [u8]) {
    for (out, &wide) in bytes.as_chunks_mut().0.iter_mut().zip(wide.as_chunks().0) {
        *out = (f64::from_le_bytes(wide) as f32).to_le_bytes();
    }
}

fn not_finite<const N: usize>(
    all: &[[u8; N]],
    value: impl Fn([u8; N]) -> f32,
) -> Option<(usize, f32)> {
    // Vectorised: a check of all is much faster than the search for one.
    let finite = |part: &[[u8; N]]| part.iter().fold(true, |all, &b| all & value(b).is_finite());
    if all.chunks(1024).all(finite) {
        return None;
    }
    let place = all.iter().position(|&b| !value(b).is_finite())?;
    Some((place, value(all[place])))
}
