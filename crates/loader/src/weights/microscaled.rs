//! MXFP4 (Open Compute Project 2023) in safetensors files, as gpt-oss has its experts: of a parameter `x`
//! stand `x_blocks` and `x_scales` in the file.
//!
//! A block has 32 numbers of 4 bits and one scale, a power of 2. The blocks lie along the inputs of a
//! layer, so that the parameter `[experts, inputs, outputs]` is stored as
//! `[experts, outputs, inputs / 32, 16]` bytes and `[experts, outputs, inputs / 32]` scales.

use crate::error::{Error, Result};
use crate::stored::{Stored, StoredTensors};
use std::ops::Range;
use std::sync::Arc;
use stratoscope_transformer::{Blocks, Encoding};

/// The numbers of a block.
pub(crate) const VALUES: usize = 32;

/// The bytes of the numbers of a block.
pub(crate) const PACKED: usize = VALUES / 2;

/// A block as it is read here: its scale, then its numbers.
const BLOCKS: Encoding = Encoding::Blocks(Blocks { values: VALUES, bytes: 1 + PACKED, decode });

/// The values of 4 bits: a sign, two bits of the exponent, one of the fraction.
const NUMBERS: [f32; 16] =
    [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0];

/// The value of a scale: 2 to the power of the byte - 127. The largest byte is NaN.
fn scale(byte: u8) -> f32 {
    match byte {
        u8::MAX => f32::NAN,
        // Below the normal numbers.
        0 => f32::from_bits(1 << 22),
        byte => f32::from_bits(u32::from(byte) << 23),
    }
}

/// Writes the values of the blocks of a GGUF file: the lower bits of all bytes are the first half of the
/// numbers.
pub(crate) fn decode_halves(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.chunks_exact(1 + PACKED).zip(out.chunks_exact_mut(VALUES)) {
        let scale = scale(block[0]);
        let (first, second) = out.split_at_mut(PACKED);
        for (&byte, (first, second)) in block[1..].iter().zip(first.iter_mut().zip(second)) {
            let value = |number: u8| scale * NUMBERS[usize::from(number)];
            (*first, *second) = (value(byte & 15), value(byte >> 4));
        }
    }
}

/// The first value of blocks that is not finite, with its place.
pub(crate) fn not_finite(bytes: &[u8]) -> Option<(usize, f32)> {
    // The largest number is 6: with a smaller scale it is finite.
    let large = |block: &[u8]| block[0] > 252;
    let blocks = bytes.chunks_exact(1 + PACKED).enumerate();
    blocks.filter(|(_, block)| large(block)).find_map(|(at, block)| {
        let mut values = [0.0; VALUES];
        decode(block, &mut values);
        let place = values.iter().position(|value| !value.is_finite())?;
        Some((at * VALUES + place, values[place]))
    })
}

/// Writes the values of blocks. Of the two numbers in a byte, the lower bits are the first.
fn decode(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.chunks_exact(1 + PACKED).zip(out.chunks_exact_mut(VALUES)) {
        let scale = scale(block[0]);
        for (&byte, out) in block[1..].iter().zip(out.as_chunks_mut::<2>().0) {
            *out = [byte & 15, byte >> 4].map(|number| scale * NUMBERS[usize::from(number)]);
        }
    }
}

/// Joins blocks and scales of each parameter to one tensor under its name.
///
/// # Errors
/// Scales that do not fit the blocks.
pub(super) fn join(tensors: &mut StoredTensors) -> Result<()> {
    let names: Vec<String> =
        tensors.keys().filter_map(|n| n.strip_suffix("_blocks")).map(str::to_owned).collect();
    for name in names {
        let [of_blocks, of_scales] = ["blocks", "scales"].map(|part| format!("{name}_{part}"));
        let (Some(blocks), Some(scales)) = (tensors.get(&of_blocks), tensors.get(&of_scales))
        else {
            continue;
        };
        let [experts, outputs, groups, PACKED] = blocks.shape()[..] else { continue };
        if scales.shape() != [experts, outputs, groups] {
            let (expected, found) = (vec![experts, outputs, groups], scales.shape().to_vec());
            return Err(Error::TensorShape { tensor: of_scales, expected, found });
        }
        let shape = vec![experts, groups.saturating_mul(VALUES), outputs];
        let (blocks, scales) = (blocks.clone(), scales.clone());
        tensors.remove(&of_blocks);
        tensors.remove(&of_scales);
        tensors.insert(name, Arc::new(Microscaled { blocks, scales, shape, by_output: false }));
    }
    Ok(())
}

/// A parameter, or the part of one expert.
struct Microscaled {
    blocks: Arc<dyn Stored>,
    scales: Arc<dyn Stored>,
    shape: Vec<usize>,
    /// Whether its rows are outputs, as they are stored; otherwise they are inputs, and cannot be read.
    by_output: bool,
}

impl Stored for Microscaled {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self, name: &str) -> Result<Encoding> {
        match self.by_output {
            true => Ok(BLOCKS),
            false => Err(Error::TensorType { tensor: name.to_owned(), dtype: "MXFP4".to_owned() }),
        }
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let n = bytes.len() / (1 + PACKED);
        let (mut blocks, mut scales) = (vec![0; n * PACKED], vec![0; n]);
        self.blocks.read(rows.clone(), &mut blocks)?;
        self.scales.read(rows, &mut scales)?;
        let parts = scales.iter().zip(blocks.chunks_exact(PACKED));
        for (out, (&scale, block)) in bytes.chunks_exact_mut(1 + PACKED).zip(parts) {
            out[0] = scale;
            out[1..].copy_from_slice(block);
        }
        Ok(())
    }

    fn part(&self, index: usize) -> Option<Arc<dyn Stored>> {
        let (blocks, scales) = (self.blocks.part(index)?, self.scales.part(index)?);
        let (shape, by_output) = (self.shape[1..].to_vec(), self.by_output);
        Some(Arc::new(Self { blocks, scales, shape, by_output }))
    }

    fn transpose(&self) -> Option<Arc<dyn Stored>> {
        let &[inputs, outputs] = &self.shape[..] else { return None };
        let (blocks, scales) = (self.blocks.clone(), self.scales.clone());
        let shape = vec![outputs, inputs];
        (!self.by_output)
            .then(|| Arc::new(Self { blocks, scales, shape, by_output: true }) as Arc<dyn Stored>)
    }

    fn block_not_finite(&self, bytes: &[u8]) -> Option<(usize, f32)> {
        not_finite(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the type, from its definition: (-1)^s 2^(e - 1) (1 + m / 2), or m / 2 where e is 0.
    #[test]
    fn numbers_are_those_of_the_type() {
        for code in 0..16u8 {
            let (sign, exponent, fraction) = (code >> 3, code >> 1 & 3, f64::from(code & 1));
            let size = match exponent {
                0 => fraction / 2.0,
                e => 2f64.powi(i32::from(e) - 1) * (1.0 + fraction / 2.0),
            };
            let expected = if sign == 1 { -size } else { size };
            for byte in [0u8, 1, 100, 127, 252] {
                let mut block = [0; 1 + PACKED];
                (block[0], block[1], block[2]) = (byte, code, code << 4);
                let mut values = [1.0; VALUES];
                decode(&block, &mut values);
                let expected = (expected * 2f64.powi(i32::from(byte) - 127)) as f32;
                assert_eq!(values[..4], [expected, 0.0, 0.0, expected], "{code} {byte}");
            }
        }
    }
}
