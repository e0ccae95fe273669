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

    /// The tensor at an index of the outermost dimension, which the tensor must have; none of a tensor
    /// that is in no file.
    fn part(&self, _: usize) -> Option<Arc<dyn Stored>> {
        None
    }

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
        Encoding::F32 => not_finite(bytes, F32, f32::from_le_bytes),
        Encoding::F16 => not_finite(bytes, F16, |b| f16::from_le_bytes(b).to_f32()),
        Encoding::Bf16 => not_finite(bytes, BF16, |b| bf16::from_le_bytes(b).to_f32()),
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

/// Parts of the values in 8 bytes.
struct Bits {
    exponent: u64,
    /// The last bit of the exponent.
    last: u64,
    sign: u64,
}

const F32: Bits = Bits {
    exponent: 0x7f80_0000_7f80_0000,
    last: 0x0080_0000_0080_0000,
    sign: 0x8000_0000_8000_0000,
};
const F16: Bits = Bits {
    exponent: 0x7c00_7c00_7c00_7c00,
    last: 0x0400_0400_0400_0400,
    sign: 0x8000_8000_8000_8000,
};
const BF16: Bits = Bits {
    exponent: 0x7f80_7f80_7f80_7f80,
    last: 0x0080_0080_0080_0080,
    sign: 0x8000_8000_8000_8000,
};

/// The first value that is NaN or infinite, with its place.
fn not_finite<const N: usize>(
    bytes: &[u8],
    bits: Bits,
    value: impl Fn([u8; N]) -> f32,
) -> Option<(usize, f32)> {
    // Of these values alone, all bits of the exponent are set: one more carries to the sign. So 8 bytes
    // are checked at once; all weights pass here, and compilers do not make this loop wide by themselves
    // at every level of optimisation.
    let (whole, rest) = bytes.as_chunks();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let carries = |all: u64, &eight: &[u8; 8]| {
        all | ((u64::from_le_bytes(eight) & bits.exponent) + bits.last)
    };
    if carries(whole.iter().fold(0, carries), &last) & bits.sign == 0 {
        return None;
    }
    let all = bytes.as_chunks().0;
    let place = all.iter().position(|&b| !value(b).is_finite())?;
    Some((place, value(all[place])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every value of 16 bits, and every exponent of 32 bits, alone at each place of a few values.
    #[test]
    fn a_value_that_is_not_finite_is_found_wherever_it_is() {
        for count in 1..10 {
            for place in 0..count {
                let bytes_of = |value: &[u8]| {
                    let one = [1.0f32.to_le_bytes().as_slice(), &[0; 36]].concat();
                    let mut bytes = one[..count * value.len()].to_vec();
                    bytes[place * value.len()..(place + 1) * value.len()].copy_from_slice(value);
                    bytes
                };
                let check = |wide: f32, found: Option<(usize, f32)>| {
                    let found = found.map(|(place, value)| (place, value.to_bits()));
                    let expected = (!wide.is_finite()).then(|| (place, wide.to_bits()));
                    assert_eq!(found, expected, "{wide} at {place} of {count}");
                };
                for value in (0..=u16::MAX).step_by(if count == 5 { 1 } else { 97 }) {
                    let bytes = bytes_of(&value.to_le_bytes());
                    let wide = |b| f16::from_le_bytes(b).to_f32();
                    check(f16::from_bits(value).to_f32(), not_finite(&bytes, F16, wide));
                    let wide = |b| bf16::from_le_bytes(b).to_f32();
                    check(bf16::from_bits(value).to_f32(), not_finite(&bytes, BF16, wide));
                }
                for exponent in 0..512u32 {
                    for rest in [0, 1, 0x0040_0000, 0x007f_ffff] {
                        let value = f32::from_bits(exponent << 23 | rest);
                        let bytes = bytes_of(&value.to_le_bytes());
                        check(value, not_finite(&bytes, F32, f32::from_le_bytes));
                    }
                }
            }
        }
    }
}
