//! The number types of a GGUF file, and their conversion to f32.

use super::iq4;
use crate::weights::microscaled;
use candle_core::Device;
use candle_core::quantized::{GgmlDType, GgmlType, QStorage, QTensor};
use half::f16;
use std::borrow::Cow;
use stratoscope_transformer::{Blocks, Encoding};

/// A number type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dtype {
    F32,
    F16,
    Bf16,
    /// 4-bit numbers with a power of 2 as scale.
    Mxfp4,
    /// 4-bit numbers for unequal values, with one scale.
    Iq4Nl,
    /// 4-bit numbers for unequal values, with a scale and factors.
    Iq4Xs,
    /// A quantized type that candle reads.
    Blocks(GgmlDType),
    /// A type that is not supported.
    Other(u32),
}

impl Dtype {
    pub(super) fn of(number: u32) -> Self {
        Self::Blocks(match number {
            0 => return Self::F32,
            1 => return Self::F16,
            30 => return Self::Bf16,
            39 => return Self::Mxfp4,
            20 => return Self::Iq4Nl,
            23 => return Self::Iq4Xs,
            2 => GgmlDType::Q4_0,
            3 => GgmlDType::Q4_1,
            6 => GgmlDType::Q5_0,
            7 => GgmlDType::Q5_1,
            8 => GgmlDType::Q8_0,
            9 => GgmlDType::Q8_1,
            10 => GgmlDType::Q2K,
            11 => GgmlDType::Q3K,
            12 => GgmlDType::Q4K,
            13 => GgmlDType::Q5K,
            14 => GgmlDType::Q6K,
            15 => GgmlDType::Q8K,
            other => return Self::Other(other),
        })
    }

    /// The elements of a block.
    pub(super) fn block(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 | Self::Other(_) => 1,
            Self::Mxfp4 => microscaled::VALUES,
            Self::Iq4Nl => iq4::NL[0],
            Self::Iq4Xs => iq4::XS[0],
            Self::Blocks(blocks) => blocks.block_size(),
        }
    }

    /// The bytes of a number of elements, in whole blocks; 0 for a type that is not supported.
    pub(super) fn bytes(self, elements: usize) -> usize {
        match self {
            Self::F32 => elements.saturating_mul(4),
            Self::F16 | Self::Bf16 => elements.saturating_mul(2),
            Self::Mxfp4 => (elements / microscaled::VALUES).saturating_mul(1 + microscaled::PACKED),
            Self::Iq4Nl => (elements / iq4::NL[0]).saturating_mul(iq4::NL[1]),
            Self::Iq4Xs => (elements / iq4::XS[0]).saturating_mul(iq4::XS[1]),
            Self::Blocks(blocks) => {
                (elements / blocks.block_size()).saturating_mul(blocks.type_size())
            }
            Self::Other(_) => 0,
        }
    }

    /// The encoding; none for a type that is not supported.
    pub(super) fn encoding(self) -> Option<Encoding> {
        let blocks = match self {
            Self::F32 => return Some(Encoding::F32),
            Self::F16 => return Some(Encoding::F16),
            Self::Bf16 => return Some(Encoding::Bf16),
            Self::Other(_) => return None,
            Self::Mxfp4 => {
                let (values, bytes) = (microscaled::VALUES, 1 + microscaled::PACKED);
                let decode = microscaled::decode_halves;
                return Some(Encoding::Blocks(Blocks { values, bytes, decode }));
            }
            Self::Iq4Nl => {
                let [values, bytes] = iq4::NL;
                return Some(Encoding::Blocks(Blocks { values, bytes, decode: iq4::decode_nl }));
            }
            Self::Iq4Xs => {
                let [values, bytes] = iq4::XS;
                return Some(Encoding::Blocks(Blocks { values, bytes, decode: iq4::decode_xs }));
            }
            Self::Blocks(blocks) => blocks,
        };
        use candle_core::quantized::k_quants as k;
        let decode = match blocks {
            GgmlDType::Q4_0 => decode::<k::BlockQ4_0>,
            GgmlDType::Q4_1 => decode::<k::BlockQ4_1>,
            GgmlDType::Q5_0 => decode::<k::BlockQ5_0>,
            GgmlDType::Q5_1 => decode::<k::BlockQ5_1>,
            GgmlDType::Q8_0 => decode::<k::BlockQ8_0>,
            GgmlDType::Q8_1 => decode::<k::BlockQ8_1>,
            GgmlDType::Q2K => decode::<k::BlockQ2K>,
            GgmlDType::Q3K => decode::<k::BlockQ3K>,
            GgmlDType::Q4K => decode::<k::BlockQ4K>,
            GgmlDType::Q5K => decode::<k::BlockQ5K>,
            GgmlDType::Q6K => decode::<k::BlockQ6K>,
            GgmlDType::Q8K => decode::<k::BlockQ8K>,
            GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16 => return None,
        };
        let (values, bytes) = (blocks.block_size(), blocks.type_size());
        Some(Encoding::Blocks(Blocks { values, bytes, decode }))
    }

    /// The first value of quantised blocks that is NaN or infinite, with its place: a block has such
    /// values if one of its scales is.
    pub(super) fn not_finite(self, bytes: &[u8]) -> Option<(usize, f32)> {
        let blocks = match self {
            Self::Blocks(blocks) => blocks,
            Self::Mxfp4 => return microscaled::not_finite(bytes),
            Self::Iq4Nl => return iq4::not_finite(bytes, iq4::NL),
            Self::Iq4Xs => return iq4::not_finite(bytes, iq4::XS),
            _ => return None,
        };
        // The places of the scales in a block.
        let scales: &[usize] = match blocks {
            GgmlDType::Q4_1 | GgmlDType::Q5_1 | GgmlDType::Q4K | GgmlDType::Q5K => &[0, 2],
            GgmlDType::Q2K => &[80, 82],
            GgmlDType::Q3K => &[108],
            GgmlDType::Q6K => &[208],
            _ => &[0],
        };
        let scale = |block: &[u8], at: usize| match (blocks, &block[at..]) {
            (GgmlDType::Q8K, &[a, b, c, d, ..]) => f32::from_le_bytes([a, b, c, d]),
            (_, &[a, b, ..]) => f16::from_le_bytes([a, b]).to_f32(),
            _ => 0.0,
        };
        let all = bytes.chunks_exact(blocks.type_size()).enumerate();
        let mut all =
            all.flat_map(|(i, block)| scales.iter().map(move |&at| (i, scale(block, at))));
        let (block, value) = all.find(|(_, scale)| !scale.is_finite())?;
        Some((block * blocks.block_size(), value))
    }

    /// llama.cpp's name.
    pub(super) fn name(self) -> String {
        let known = |number: u32| {
            Some(match number {
                16 => "IQ2_XXS",
                17 => "IQ2_XS",
                18 => "IQ3_XXS",
                19 => "IQ1_S",
                21 => "IQ3_S",
                22 => "IQ2_S",
                24 => "I8",
                25 => "I16",
                26 => "I32",
                27 => "I64",
                28 => "F64",
                29 => "IQ1_M",
                34 => "TQ1_0",
                35 => "TQ2_0",
                _ => return None,
            })
        };
        match self {
            Self::Other(number) => {
                known(number).map_or_else(|| format!("type {number}"), str::to_owned)
            }
            Self::Bf16 => "BF16".to_owned(),
            Self::Mxfp4 => "MXFP4".to_owned(),
            Self::Iq4Nl => "IQ4_NL".to_owned(),
            Self::Iq4Xs => "IQ4_XS".to_owned(),
            Self::Blocks(blocks) => format!("{blocks:?}"),
            other => format!("{other:?}"),
        }
    }
}

/// Writes the values of blocks of one type.
fn decode<T: GgmlType>(bytes: &[u8], out: &mut [f32]) {
    // Blocks begin at even addresses, and those with an f32 at multiples of four.
    const ALIGN: usize = 8;
    let mut aligned = Vec::new();
    let mut bytes = bytes;
    if bytes.as_ptr().align_offset(ALIGN.min(align_of::<T>())) != 0 {
        aligned.resize(bytes.len() + ALIGN, 0);
        let skip = aligned.as_ptr().align_offset(ALIGN).min(ALIGN);
        aligned[skip..skip + bytes.len()].copy_from_slice(bytes);
        bytes = &aligned[skip..skip + bytes.len()];
    }
    let values = QStorage::from_data(Cow::Borrowed(bytes), &Device::Cpu, T::DTYPE)
        .and_then(|storage| QTensor::new(storage, out.len()))
        .and_then(|tensor| tensor.dequantize(&Device::Cpu)?.to_vec1());
    // Whole blocks have as many values as there is room for.
    out.copy_from_slice(&values.unwrap_or_else(|_| vec![f32::NAN; out.len()]));
}
