//! The tensors of a checkpoint of any format.

use crate::error::Result;
use candle_core::{Device, Shape, Tensor};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use std::collections::BTreeMap;

/// A tensor in a file, whose values are read on demand.
pub(crate) trait Stored {
    /// The shape, outermost dimension first.
    fn shape(&self) -> &[usize];

    /// The values in row-major order; `name` is for error messages.
    ///
    /// # Errors
    /// A number type that is not supported, or bytes that cannot be read.
    fn stored(&self, name: &str) -> Result<Values>;

    /// The values in row-major order, as f32; `name` is for error messages.
    ///
    /// # Errors
    /// The errors of [`stored`](Self::stored).
    fn values(&self, name: &str) -> Result<Vec<f32>> {
        Ok(self.stored(name)?.widened())
    }
}

/// All tensors of a checkpoint by transformers' names.
pub(crate) type StoredTensors<'a> = BTreeMap<String, Box<dyn Stored + 'a>>;

/// Values in the number type of the file where it has 16 bits, else in f32.
pub(crate) enum Values {
    F32(Vec<f32>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
}

impl Values {
    /// All values in f32.
    pub(crate) fn widened(self) -> Vec<f32> {
        match self {
            Self::F32(values) => values,
            Self::F16(values) => values.to_f32_vec(),
            Self::Bf16(values) => values.to_f32_vec(),
        }
    }

    /// The first value that is NaN or infinite, with its place.
    pub(crate) fn not_finite(&self) -> Option<(usize, f32)> {
        match self {
            Self::F32(all) => first(all, |v| !v.is_finite(), f32::clone),
            Self::F16(all) => first(all, |v| !v.is_finite(), |v| v.to_f32()),
            Self::Bf16(all) => first(all, |v| !v.is_finite(), |v| v.to_f32()),
        }
    }

    /// The values in another order, or a part of them.
    pub(crate) fn arranged(&self, arrange: &impl Arrange) -> Self {
        match self {
            Self::F32(values) => Self::F32(arrange.arrange(values)),
            Self::F16(values) => Self::F16(arrange.arrange(values)),
            Self::Bf16(values) => Self::Bf16(arrange.arrange(values)),
        }
    }

    /// A tensor of these values.
    pub(crate) fn tensor(self, shape: impl Into<Shape>, device: &Device) -> Result<Tensor> {
        let shape = shape.into();
        Ok(match self {
            Self::F32(values) => Tensor::from_vec(values, shape, device)?,
            Self::F16(values) => Tensor::from_vec(values, shape, device)?,
            Self::Bf16(values) => Tensor::from_vec(values, shape, device)?,
        })
    }
}

/// An order of values, for each number type.
pub(crate) trait Arrange {
    fn arrange<T: Copy>(&self, values: &[T]) -> Vec<T>;
}

fn first<T>(
    all: &[T],
    wrong: impl Fn(&T) -> bool,
    widen: impl Fn(&T) -> f32,
) -> Option<(usize, f32)> {
    let place = all.iter().position(wrong)?;
    Some((place, widen(&all[place])))
}
