//! The directions of all layers, as a file.

use super::ContrastError;
use crate::Result;
use ndarray::{Array1, Array2};
use serde_json::json;
use std::path::Path;
use stratoscope_extractor::{Origin, write_npz_arrays};
use stratoscope_loader::files::{recover, refuse_link, write_file};
use stratoscope_loader::{Pooling, control_vector};

/// The direction from the second list to the first, at every layer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Directions {
    /// The program that computed them.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// The names of the two lists.
    pub names: [String; 2],
    /// The pooling of the tokens.
    pub pooling: Pooling,
    /// The layers.
    pub layers: Vec<usize>,
    /// `[layers]`: the mean of the first list less that of the second, `[d_model]`.
    pub vectors: Vec<Array1<f32>>,
    /// `[layers]`: the mean of all items, `[d_model]`.
    pub means: Vec<Array1<f32>>,
}

impl Directions {
    /// Checks that the ending of a file names a format.
    ///
    /// # Errors
    /// [`ContrastError::Format`].
    pub fn check_path(path: &Path) -> Result<()> {
        let end = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match end.as_str() {
            "npz" | "gguf" => Ok(()),
            _ => Err(ContrastError::Format { path: path.to_owned() }.into()),
        }
    }

    /// Writes the directions: as `.npz` (`directions` and `means` `[layers, d_model]` f32, `layers`, and
    /// the model and the names as JSON), or as `.gguf`, the control vector of llama.cpp. There
    /// `direction.N` is added after block N, counted from 0, which is layer N + 1 here; llama.cpp has none
    /// for block 0.
    ///
    /// # Errors
    /// [`ContrastError::Format`]; a file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        Self::check_path(path)?;
        if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf")) {
            let of = self.layers.iter().zip(&self.vectors).filter(|(layer, _)| **layer >= 2);
            let of: Vec<(usize, &[f32])> =
                of.filter_map(|(layer, vector)| Some((layer - 1, vector.as_slice()?))).collect();
            let bytes = control_vector(&self.model.family.to_lowercase(), &of)?;
            recover(path)
                .and_then(|()| refuse_link(path))
                .and_then(|()| write_file(path, |out| out.write_all(&bytes)))
                .map_err(|source| stratoscope_extractor::Error::Io {
                    path: path.to_owned(),
                    source,
                })?;
            return Ok(());
        }
        let matrix = |rows: &[Array1<f32>]| -> Array2<f32> {
            let width = rows.first().map_or(0, Array1::len);
            let all: Vec<f32> = rows.iter().flatten().copied().collect();
            Array2::from_shape_vec((rows.len(), width), all).unwrap_or_default()
        };
        let (directions, means) = (matrix(&self.vectors), matrix(&self.means));
        let metadata = json!({
            "kind": "directions",
            "tool": self.tool,
            "model": self.model,
            "names": self.names,
            "pooling": self.pooling.name(),
        });
        let floats =
            [("directions", directions.view().into_dyn()), ("means", means.view().into_dyn())];
        let layers = self.layers.iter().map(|&layer| layer as i64).collect();
        Ok(write_npz_arrays(path, &floats, &[("layers", layers)], &metadata.to_string())?)
    }
}
