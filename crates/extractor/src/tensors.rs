//! Safetensors files of any named tensors, with a JSON text.

use crate::error::{Error, Result};
use crate::files::{recover, refuse_link, write_file};
use crate::states::KEY;
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Writes named tensors atomically. `metadata` is stored under the key `stratoscope`, as in states
/// files.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written, [`Error::States`] if the tensors cannot be written as
/// safetensors.
pub fn write_tensors(
    path: &Path,
    floats: &[(&str, ArrayViewD<'_, f32>)],
    integers: &[(&str, Vec<i64>)],
    metadata: &str,
) -> Result<()> {
    let mut tensors: Vec<(&str, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, values) in floats {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        tensors.push((name, Dtype::F32, values.shape().to_vec(), bytes));
    }
    for (name, values) in integers {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        tensors.push((name, Dtype::I64, vec![values.len()], bytes));
    }
    let wrong = |e: safetensors::SafeTensorError| Error::States {
        path: path.to_owned(),
        reason: e.to_string(),
    };
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?))
        })
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(wrong)?;
    let metadata = HashMap::from([(KEY.to_owned(), metadata.to_owned())]);
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(wrong)?;
    recover(path)
        .and_then(|()| refuse_link(path))
        .and_then(|()| write_file(path, |out| out.write_all(&bytes)))
        .map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// The f32 tensors and the text of a file of [`write_tensors`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredTensors {
    /// The tensors by name. They may have NaN.
    pub floats: BTreeMap<String, ArrayD<f32>>,
    /// The text under the key `stratoscope`; empty if there is none.
    pub metadata: String,
}

/// Reads a file of [`write_tensors`].
///
/// # Errors
/// [`Error::Io`] if it cannot be read, [`Error::States`] if it is not a safetensors file.
pub fn read_tensors(path: &Path) -> Result<StoredTensors> {
    let bytes =
        std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let wrong = |reason: String| Error::States { path: path.to_owned(), reason };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| wrong(e.to_string()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| wrong(e.to_string()))?;
    let mut stored = StoredTensors::default();
    if let Some(text) = header.metadata().as_ref().and_then(|m| m.get(KEY)) {
        stored.metadata.clone_from(text);
    }
    for (name, view) in file.tensors().into_iter().filter(|(_, view)| view.dtype() == Dtype::F32) {
        let values = view.data().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        let array = ArrayD::from_shape_vec(IxDyn(view.shape()), values);
        stored.floats.insert(name, array.map_err(|e| wrong(e.to_string()))?);
    }
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    #[test]
    fn tensors_come_back() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x.safetensors");
        let (a, b) = (arr2(&[[1.0f32, 2.0], [3.0, f32::NAN]]), arr1(&[5.0f32]));
        let floats = [("a", a.view().into_dyn()), ("b", b.view().into_dyn())];
        write_tensors(&path, &floats, &[("n", vec![7])], "{}").unwrap();
        let read = read_tensors(&path).unwrap();
        assert_eq!(read.metadata, "{}");
        assert_eq!(read.floats.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((read.floats["a"].shape(), read.floats["a"][[1, 0]]), (&[2, 2][..], 3.0));
        assert_eq!(read.floats["b"], b.into_dyn());
        std::fs::write(&path, b"no tensors").unwrap();
        assert!(read_tensors(&path).unwrap_err().to_string().contains("as a states file"));
    }
}
