//! The number types of a GGUF file, and their conversion to f32.

use candle_core::Device;
use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use std::borrow::Cow;

/// A number type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dtype {
    F32,
    F16,
    Bf16,
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
            Self::Blocks(blocks) => blocks.block_size(),
        }
    }

    /// The bytes of a number of elements, in whole blocks; 0 for a type that is not supported.
    pub(super) fn bytes(self, elements: usize) -> usize {
        match self {
            Self::F32 => elements.saturating_mul(4),
            Self::F16 | Self::Bf16 => elements.saturating_mul(2),
            Self::Blocks(blocks) => {
                (elements / blocks.block_size()).saturating_mul(blocks.type_size())
            }
            Self::Other(_) => 0,
        }
    }

    /// The `elements` values in `bytes`, of a type that is converted to f32.
    pub(super) fn values(self, bytes: &[u8], elements: usize) -> candle_core::Result<Vec<f32>> {
        Ok(match self {
            Self::F32 => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            Self::Blocks(blocks) => {
                let storage = QStorage::from_data(Cow::Borrowed(bytes), &Device::Cpu, blocks)?;
                QTensor::new(storage, elements)?.dequantize(&Device::Cpu)?.to_vec1()?
            }
            Self::F16 | Self::Bf16 | Self::Other(_) => Vec::new(),
        })
    }

    /// llama.cpp's name.
    pub(super) fn name(self) -> String {
        let known = |number: u32| {
            Some(match number {
                16 => "IQ2_XXS",
                17 => "IQ2_XS",
                18 => "IQ3_XXS",
                19 => "IQ1_S",
                20 => "IQ4_NL",
                21 => "IQ3_S",
                22 => "IQ2_S",
                23 => "IQ4_XS",
                24 => "I8",
                25 => "I16",
                26 => "I32",
                27 => "I64",
                28 => "F64",
                29 => "IQ1_M",
                34 => "TQ1_0",
                35 => "TQ2_0",
                39 => "MXFP4",
                _ => return None,
            })
        };
        match self {
            Self::Other(number) => {
                known(number).map_or_else(|| format!("type {number}"), str::to_owned)
            }
            Self::Bf16 => "BF16".to_owned(),
            Self::Blocks(blocks) => format!("{blocks:?}"),
            other => format!("{other:?}"),
        }
    }
}
