//! The model's anisotropy baseline: the one that ships, the cached one, or on request a new one.

use crate::args::ModelArgs;
use crate::model;
use crate::outcome::Result;
use crate::progress::Progress;
use std::path::{Path, PathBuf};
use stratoscope::extractor::Origin;
use stratoscope::{Baseline, Explorer};

/// The baseline of the model that states come from, where one is at hand; a new one is computed
/// where there is a model to compute it with.
pub(crate) fn find(
    args: &ModelArgs,
    origin: &Origin,
    compute_with: Option<&Explorer>,
    progress: &mut Progress,
) -> Result<Option<Baseline>> {
    let cached = cache_file(args, origin)?;
    let stored = cached.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
    // One that is damaged, or of another model or version, is as good as none.
    let stored = [shipped().map(str::to_owned), stored]
        .into_iter()
        .flatten()
        .find_map(|json| Baseline::parse(&json, origin).ok());
    let (None, Some(explorer)) = (&stored, compute_with) else { return Ok(stored) };
    progress.at("baseline", 0, 1);
    let baseline = Baseline::compute(explorer)?;
    if let Some(path) = cached
        && let Err(error) = keep(&path, &baseline)
    {
        progress.note(&format!("warning: cannot keep {}: {error}", path.display()));
    }
    Ok(Some(baseline))
}

fn keep(path: &Path, baseline: &Baseline) -> std::io::Result<()> {
    let part = path.with_extension("part");
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(&part, serde_json::to_vec(baseline)?)?;
    std::fs::rename(&part, path)
}

#[cfg(feature = "bundled")]
fn shipped() -> Option<&'static str> {
    Some(stratoscope_bundled::BASELINE)
}

#[cfg(not(feature = "bundled"))]
fn shipped() -> Option<&'static str> {
    None
}

/// Where this model's baseline is kept: named by its weights, in our own cache.
fn cache_file(args: &ModelArgs, origin: &Origin) -> Result<Option<PathBuf>> {
    let Some(weights) = origin.weights.first() else { return Ok(None) };
    let folder = model::hub_settings(args)?.state_dir;
    Ok(folder.map(|folder| folder.join("baselines").join(format!("{weights}.json"))))
}
