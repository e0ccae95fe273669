//! The values of candle tensors.

use candle_core::{DType, Device, Result, Storage, Tensor};
use ndarray::Array2;

/// A matrix as an array, in f32.
pub(crate) fn array(tensor: &Tensor) -> Result<Array2<f32>> {
    let shape = tensor.dims2()?;
    let values = with_values(tensor, <[f32]>::to_vec)?;
    // The shape is that of the tensor.
    Ok(Array2::from_shape_vec(shape, values).unwrap_or_default())
}

/// Lends the values of a tensor as f32, in order. Those on a CPU are not copied.
pub(crate) fn with_values<T>(tensor: &Tensor, run: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let tensor = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(values), Some((start, end))) => Ok(run(&values.as_slice()?[start..end])),
        _ => Ok(run(&tensor.flatten_all()?.to_vec1()?)),
    }
}
