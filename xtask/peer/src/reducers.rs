//! PCA and t-SNE by Stratoscope, and the exact KL divergence of t-SNE maps of any library.

use crate::clock::clocked;
use crate::{Peer, Result, Settings, unknown};
use linfa::traits::{Fit, Transformer};
use linfa::{DatasetBase, ParamGuard};
use ndarray::Array2;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use stratoscope::crates::reducer::{Pca, Tsne, kl_divergence};

/// The perplexity of both t-SNEs.
const PERPLEXITY: f64 = 30.0;

/// The rows to reduce.
pub(crate) struct Reducers {
    rows: Array2<f32>,
    components: usize,
    out: PathBuf,
}

impl Reducers {
    pub(crate) fn load(settings: &Settings) -> Result<Self> {
        Ok(Self {
            rows: read(&settings.path("rows")?, settings.size("columns")?)?,
            components: settings.size("components")?,
            out: settings.path("out")?,
        })
    }

    fn fit(&self) -> Result<Value> {
        let dataset = DatasetBase::from(self.rows.view());
        let (pca, mut answer) = clocked(|| -> Result<Pca> {
            let pca = Pca::params(self.components).fit(&dataset)?;
            pca.transform(&self.rows)?;
            Ok(pca)
        });
        answer["check"] = pca?.explained_variance().to_vec().into();
        answer["rows"] = self.rows.nrows().into();
        Ok(answer)
    }

    fn embed(&self) -> Result<Value> {
        let settings = Tsne::params().perplexity(PERPLEXITY).check()?;
        let (map, mut answer) = clocked(|| settings.embed(self.rows.view(), |_, _| ()));
        let map = map?.embedding.mapv(|v| v as f32);
        let bytes: Vec<u8> = map.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(self.out.join("map-ours.f32"), bytes)?;
        answer["rows"] = self.rows.nrows().into();
        Ok(answer)
    }

    /// The exact KL divergence of a map on disk.
    fn divergence(&self, map: &str) -> Result<Value> {
        let map = read(&self.out.join(map), 2)?;
        Ok(json!({ "kl": kl_divergence(self.rows.view(), map.view(), PERPLEXITY)? }))
    }
}

impl Peer for Reducers {
    fn name(&self) -> [&str; 2] {
        ["Stratoscope", env!("CARGO_PKG_VERSION")]
    }

    fn round(&mut self, job: &str) -> Result<Value> {
        match job {
            "fit" => self.fit(),
            "embed" => self.embed(),
            "kl_of_ours" => self.divergence("map-ours.f32"),
            "kl_of_other" => self.divergence("map-other.f32"),
            other => Err(unknown(other)),
        }
    }
}

/// Reads a matrix of raw little-endian f32, `[rows, columns]`.
fn read(path: &Path, columns: usize) -> Result<Array2<f32>> {
    let bytes = std::fs::read(path)?;
    let (numbers, _) = bytes.as_chunks::<4>();
    let values: Vec<f32> = numbers.iter().map(|&number| f32::from_le_bytes(number)).collect();
    Ok(Array2::from_shape_vec((values.len() / columns.max(1), columns), values)?)
}
