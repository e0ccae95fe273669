//! The tensors of safetensors files, which are read when they are needed.

use super::{WeightsFile, microscaled};
use crate::bytes::FileBytes;
use crate::error::{Error, Result};
use crate::stored::{Stored, StoredTensors, encoding_of, narrow, width};
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, Metadata, SafeTensors};
use std::ops::Range;
use std::sync::Arc;
use stratoscope_transformer::Encoding;

/// The bytes before the header: its length.
const LENGTH: usize = 8;

/// The longest header that the safetensors crate reads.
const MAX_HEADER: u64 = 100_000_000;

/// The tensors of safetensors files. Their headers are read and checked; values are not read.
pub(crate) fn safetensors(files: &[WeightsFile]) -> Result<StoredTensors> {
    let mut tensors = StoredTensors::new();
    for WeightsFile { name: file, bytes } in files {
        let wrong = |reason: String| Error::Weights { file: file.clone(), reason };
        let (start, metadata) = header(bytes).map_err(wrong)?;
        for (name, info) in metadata.tensors() {
            let tensor = SafeTensor {
                file: file.clone(),
                bytes: bytes.clone(),
                start: start + info.data_offsets.0 as u64,
                dtype: info.dtype,
                shape: info.shape.clone(),
            };
            tensors.insert(name, Arc::new(tensor));
        }
    }
    microscaled::join(&mut tensors)?;
    Ok(tensors)
}

/// The place of the values and the header of a file; the error is the end of a message about the file.
fn header(bytes: &FileBytes) -> Result<(u64, Metadata), String> {
    let mut begin = vec![0; bytes.length().min(64) as usize];
    bytes.read_exact_at(0, &mut begin).map_err(|e| e.to_string())?;
    if begin.starts_with(b"version https://git-lfs") {
        return Err("it is a git-lfs pointer to the file (git lfs pull)".to_owned());
    }
    let length = begin.first_chunk().map_or(0, |&length| u64::from_le_bytes(length));
    // What is too long for the file or the crate is refused below, before it is read.
    let end = length.min(MAX_HEADER).saturating_add(LENGTH as u64).min(bytes.length());
    let mut header = vec![0; end as usize];
    bytes.read_exact_at(0, &mut header).map_err(|e| e.to_string())?;
    // The crate checks all but the length of the file, which is that of the values alone here.
    match SafeTensors::read_metadata(&header) {
        Ok(_) | Err(SafeTensorError::MetadataIncompleteBuffer) => {}
        Err(error) => return Err(error.to_string()),
    }
    let metadata: Metadata =
        serde_json::from_slice(&header[LENGTH..]).map_err(|e| e.to_string())?;
    let values = metadata.tensors().values().map(|info| info.data_offsets.1 as u64).max();
    if end.checked_add(values.unwrap_or(0)) != Some(bytes.length()) {
        return Err(SafeTensorError::MetadataIncompleteBuffer.to_string());
    }
    Ok((end, metadata))
}

/// A tensor in a file.
#[derive(Clone)]
struct SafeTensor {
    file: String,
    bytes: Arc<FileBytes>,
    start: u64,
    dtype: Dtype,
    shape: Vec<usize>,
}

impl Stored for SafeTensor {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self, name: &str) -> Result<Encoding> {
        encoding_of(self.dtype, name)
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let row = width(&self.shape).saturating_mul(self.dtype.bitsize() / 8);
        let start = self.start + (rows.start * row) as u64;
        let read = match self.dtype {
            Dtype::F64 => {
                let mut wide = vec![0; rows.len() * row];
                let read = self.bytes.read_exact_at(start, &mut wide);
                narrow(&wide, bytes);
                read
            }
            _ => self.bytes.read_exact_at(start, bytes),
        };
        read.map_err(|e| Error::Weights { file: self.file.clone(), reason: e.to_string() })
    }

    fn part(&self, index: usize) -> Option<Arc<dyn Stored>> {
        let size = width(&self.shape).saturating_mul(self.dtype.bitsize() / 8);
        let start = self.start + (index * size) as u64;
        Some(Arc::new(Self { start, shape: self.shape[1..].to_vec(), ..self.clone() }))
    }
}
