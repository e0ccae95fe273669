//! A file of named arrays, safetensors or npz, in memory.

use super::array::{Array, Kind, count};
use super::npy::Npz;
use crate::states::KEY;
use safetensors::tensor::{Dtype, SafeTensors};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// A file of named arrays.
pub(crate) enum Container {
    Safetensors(Tensors),
    Npz(Npz),
}

/// A safetensors file.
pub(crate) struct Tensors {
    bytes: Vec<u8>,
    tensors: HashMap<String, (Dtype, Vec<usize>, Range<usize>)>,
    metadata: HashMap<String, String>,
}

impl Container {
    /// The arrays of a file by its bytes.
    ///
    /// # Errors
    /// Bytes that are neither a complete safetensors file nor a complete npz file.
    pub(crate) fn open(bytes: Vec<u8>) -> Result<Self, String> {
        if Npz::is(&bytes) {
            return Ok(Self::Npz(Npz::open(bytes)?));
        }
        let wrong = |error| format!("it is not a complete safetensors file ({error})");
        let (header, read) = SafeTensors::read_metadata(&bytes).map_err(wrong)?;
        let start = size_of::<u64>() + header;
        let tensors = read.tensors().into_iter().map(|(name, info)| {
            let (from, to) = info.data_offsets;
            (name, (info.dtype, info.shape.clone(), start + from..start + to))
        });
        let tensors = tensors.collect();
        let metadata = read.metadata().clone().unwrap_or_default();
        Ok(Self::Safetensors(Tensors { bytes, tensors, metadata }))
    }

    /// The array with a name, if there is one.
    ///
    /// # Errors
    /// An array that is damaged, or of a type that is not read.
    pub(crate) fn array(&self, name: &str) -> Result<Option<Array<'_>>, String> {
        match self {
            Self::Npz(npz) => npz.array(name),
            Self::Safetensors(file) => {
                let Some((dtype, shape, place)) = file.tensors.get(name) else { return Ok(None) };
                let integer = |bytes, signed| Kind::Integer { bytes, signed };
                let kind = match dtype {
                    Dtype::F16 => Kind::F16,
                    Dtype::BF16 => Kind::Bf16,
                    Dtype::F32 => Kind::F32,
                    Dtype::F64 => Kind::F64,
                    Dtype::BOOL | Dtype::U8 => integer(1, false),
                    Dtype::I8 => integer(1, true),
                    Dtype::U16 => integer(2, false),
                    Dtype::I16 => integer(2, true),
                    Dtype::U32 => integer(4, false),
                    Dtype::I32 => integer(4, true),
                    Dtype::U64 => integer(8, false),
                    Dtype::I64 => integer(8, true),
                    other => {
                        return Err(format!("{name} has the type {other:?}, which is not read"));
                    }
                };
                let bytes = file.bytes.get(place.clone()).unwrap_or_default();
                let expected = count(shape).and_then(|n| n.checked_mul(kind.width()));
                if expected != Some(bytes.len()) {
                    return Err(format!(
                        "{name} has {} bytes for the shape {shape:?}",
                        bytes.len()
                    ));
                }
                let bytes = Cow::Borrowed(bytes);
                Ok(Some(Array { kind, shape: shape.clone(), fortran: false, bytes }))
            }
        }
    }

    /// The texts under a name: in npz an array of texts, in safetensors, which has none, an entry of the
    /// metadata, which is one text or a list of texts as JSON.
    ///
    /// # Errors
    /// An array of another type, or JSON of another form.
    pub(crate) fn texts(&self, name: &str) -> Result<Option<Texts>, String> {
        match self {
            Self::Npz(npz) => npz
                .array(name)?
                .map(|array| {
                    let texts = array.texts(name)?;
                    let shape = texts.shape().to_vec();
                    Ok(Texts { shape, texts: texts.iter().cloned().collect() })
                })
                .transpose(),
            Self::Safetensors(file) => {
                let Some(entry) = file.metadata.get(name) else { return Ok(None) };
                let wrong = || format!("{name} of the metadata is not a JSON list of texts");
                if !entry.trim_start().starts_with('[') {
                    return Ok(Some(Texts { shape: Vec::new(), texts: vec![entry.clone()] }));
                }
                if let Ok(texts) = serde_json::from_str::<Vec<String>>(entry) {
                    return Ok(Some(Texts { shape: vec![texts.len()], texts }));
                }
                let lists: Vec<Vec<String>> = serde_json::from_str(entry).map_err(|_| wrong())?;
                let width = lists.first().map_or(0, Vec::len);
                if lists.iter().any(|list| list.len() != width) {
                    return Err(format!("{name} of the metadata has lists of different lengths"));
                }
                Ok(Some(Texts { shape: vec![lists.len(), width], texts: lists.concat() }))
            }
        }
    }

    /// The metadata of a file of this program.
    ///
    /// # Errors
    /// An entry that is not a text.
    pub(crate) fn own_metadata(&self) -> Result<Option<String>, String> {
        match self {
            Self::Safetensors(file) => Ok(file.metadata.get(KEY).cloned()),
            Self::Npz(_) => Ok(self.texts(KEY)?.and_then(|found| found.texts.into_iter().next())),
        }
    }
}

/// Texts of a file.
pub(crate) struct Texts {
    /// Empty for one text.
    pub(crate) shape: Vec<usize>,
    pub(crate) texts: Vec<String>,
}
