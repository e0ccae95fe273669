//! Directions as a control vector of llama.cpp.

use crate::error::{Error, Result};
use candle_core::quantized::gguf_file::{Value, write};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use std::io::Cursor;

/// The bytes of a control vector file of llama.cpp: for each block (counted from 1; llama.cpp adds nothing
/// after block 0) the vector that is added to its output, `[d_model]`. `model` is the name of the
/// architecture, as a hint for readers.
///
/// # Errors
/// A tensor that cannot be made.
pub fn control_vector(model: &str, directions: &[(usize, &[f32])]) -> Result<Vec<u8>> {
    let tensor = |values: &[f32]| -> candle_core::Result<QTensor> {
        QTensor::quantize(&Tensor::new(values, &Device::Cpu)?, GgmlDType::F32)
    };
    let named: Vec<(String, QTensor)> = directions
        .iter()
        .map(|(block, values)| Ok((format!("direction.{block}"), tensor(values)?)))
        .collect::<candle_core::Result<_>>()
        .map_err(Error::Tensor)?;
    let tensors: Vec<(&str, &QTensor)> =
        named.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let metadata = [
        ("general.architecture", Value::String("controlvector".to_owned())),
        ("controlvector.model_hint", Value::String(model.to_owned())),
        ("controlvector.layer_count", Value::U32(directions.len() as u32)),
    ];
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (*key, value)).collect();
    let mut file = Cursor::new(Vec::new());
    write(&mut file, &metadata, &tensors).map_err(Error::Tensor)?;
    Ok(file.into_inner())
}
