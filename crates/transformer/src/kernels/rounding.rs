//! Rounding of f32 values to the numbers of a 16-bit type.

/// The number type that values are rounded to, where PyTorch in that type would store them. The values
/// remain in memory as f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Rounding {
    /// f32: they stay as they are.
    #[default]
    None,
    /// IEEE half precision: 11 bits; beyond ±65,504 infinite.
    F16,
    /// bfloat16: 8 bits, with the range of f32.
    Bf16,
}

impl Rounding {
    /// Rounds to nearest, ties to even.
    #[inline(always)]
    pub(crate) fn round(self, values: &mut [f32]) {
        match self {
            Self::None => {}
            Self::F16 => {
                for x in values {
                    *x = f16(*x);
                }
            }
            Self::Bf16 => {
                for x in values {
                    *x = bf16(*x);
                }
            }
        }
    }

    /// One value, rounded.
    #[inline(always)]
    pub(super) fn of(self, x: f32) -> f32 {
        match self {
            Self::None => x,
            Self::F16 => f16(x),
            Self::Bf16 => bf16(x),
        }
    }
}

/// Rounds to a bf16; NaN stays NaN.
#[inline(always)]
fn bf16(x: f32) -> f32 {
    let bits = x.to_bits();
    let even = (bits >> 16) & 1;
    let rounded = bits.wrapping_add(0x7fff + even);
    // A NaN whose upper half is that of an infinity gets a bit there.
    let kept = if x.is_nan() { bits | 0x0040_0000 } else { rounded };
    f32::from_bits(kept & 0xffff_0000)
}

/// Rounds to a f16; NaN stays NaN.
#[inline(always)]
fn f16(x: f32) -> f32 {
    let bits = x.to_bits();
    let even = (bits >> 13) & 1;
    let normal = f32::from_bits(bits.wrapping_add(0xfff + even) & 0xffff_e000);
    let size = x.abs();
    // Below 2^-14 the numbers have the distance 2^-24, as the numbers from 0.5 to 1 have in f32.
    let small = ((size + 0.5) - 0.5).copysign(x);
    let rounded = if size < 6.103_515_6e-5 { small } else { normal };
    let bounded = if size >= 65_520.0 { f32::INFINITY.copysign(x) } else { rounded };
    if x.is_nan() { x } else { bounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_that_of_the_types() {
        let near =
            [0x387f_ffffu32, 0x3880_0000, 0x477f_efff, 0x477f_f000, 0x7f7f_ffff, 0x7f80_0000];
        let all = (0..=u32::MAX).step_by(9_973).chain(near).chain(near.map(|bits| bits | 1 << 31));
        for bits in all {
            let x = f32::from_bits(bits);
            let expected = [half::f16::from_f32(x).to_f32(), half::bf16::from_f32(x).to_f32()];
            for (rounding, expected) in [Rounding::F16, Rounding::Bf16].into_iter().zip(expected) {
                let found = rounding.of(x);
                let same = found.to_bits() == expected.to_bits();
                assert!(same || found.is_nan() && expected.is_nan(), "{rounding:?}: {bits:x}");
                let mut values = [x];
                rounding.round(&mut values);
                assert_eq!(values[0].to_bits(), found.to_bits());
            }
        }
    }
}
