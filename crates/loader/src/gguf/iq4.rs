//! llama.cpp's numbers of 4 bits that stand for 16 values at unequal distances: `IQ4_NL`, with one scale
//! for 32 numbers, and `IQ4_XS`, with a scale for 256 numbers and a factor for each 32 of them.

use half::f16;

/// The values of the 16 numbers.
const VALUES: [f32; 16] = [
    -127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0,
    89.0, 113.0,
];

/// The numbers with one factor, and the bytes that they take.
const GROUP: usize = 32;
const PACKED: usize = GROUP / 2;

/// Numbers and bytes of a block of `IQ4_NL`.
pub(super) const NL: [usize; 2] = [GROUP, 2 + PACKED];
/// Numbers and bytes of a block of `IQ4_XS`: the scale, two bits of each factor, four bits of each factor,
/// the numbers.
pub(super) const XS: [usize; 2] = [8 * GROUP, 2 + 2 + 4 + 8 * PACKED];

/// Writes the values of blocks of `IQ4_NL`.
pub(super) fn decode_nl(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.chunks_exact(NL[1]).zip(out.chunks_exact_mut(NL[0])) {
        let (scale, packed) = block.split_at(2);
        group(packed, scale_of(scale), out);
    }
}

/// Writes the values of blocks of `IQ4_XS`.
pub(super) fn decode_xs(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.chunks_exact(XS[1]).zip(out.chunks_exact_mut(XS[0])) {
        let scale = scale_of(block);
        let high = u16::from_le_bytes([block[2], block[3]]);
        let groups = block[8..].chunks_exact(PACKED).zip(out.chunks_exact_mut(GROUP));
        for (i, (packed, out)) in groups.enumerate() {
            let low = block[4 + i / 2] >> (4 * (i % 2)) & 15;
            let factor = u16::from(low) | (high >> (2 * i) & 3) << 4;
            group(packed, scale * (f32::from(factor) - 32.0), out);
        }
    }
}

/// Writes numbers with one factor: the first half is in the lower bits.
fn group(packed: &[u8], factor: f32, out: &mut [f32]) {
    let (first, second) = out.split_at_mut(PACKED);
    for ((byte, first), second) in packed.iter().zip(first).zip(second) {
        *first = factor * VALUES[usize::from(byte & 15)];
        *second = factor * VALUES[usize::from(byte >> 4)];
    }
}

fn scale_of(block: &[u8]) -> f32 {
    f16::from_le_bytes([block[0], block[1]]).to_f32()
}

/// The place of the first block, of so many bytes, whose scale is NaN or infinite, and the scale.
pub(super) fn not_finite(bytes: &[u8], [numbers, size]: [usize; 2]) -> Option<(usize, f32)> {
    let mut scales = bytes.chunks_exact(size).map(scale_of).enumerate();
    let (block, scale) = scales.find(|(_, scale)| !scale.is_finite())?;
    Some((block * numbers, scale))
}
