//! The model's anisotropy baseline: the one that ships, the cached one, or on request a new one.

use crate::args::ModelArgs;
use crate::model;
use crate::outcome::{Failure, Result};
use crate::progress::Progress;
use std::path::PathBuf;
use stratoscope::{Baseline, Explorer};

/// The baseline of a model, where one is at hand or asked for.
pub(crate) fn find(
    args: &ModelArgs,
    explorer: &Explorer,
    compute: bool,
    progress: &mut Progress,
) -> Result<Option<Baseline>> {
    if args.model == model::BUNDLED
        && let Some(baseline) = shipped(explorer)
    {
        return Ok(Some(baseline));
    }
    let cached = cache_file(args, explorer)?;
    let stored = cached.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
    // A cached file that is damaged or of another version is as good as none.
    let stored = stored.and_then(|json| Baseline::parse(&json, explorer).ok());
    if stored.is_some() || !compute {
        return Ok(stored);
    }
    progress.at("baseline", 0, 1);
    let baseline = Baseline::compute(explorer)?;
    if let Some(path) = cached {
        let json = serde_json::to_string(&baseline).map_err(|e| Failure::internal(&e))?;
        let part = path.with_extension("part");
        let parent = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let written = parent
            .and_then(|()| std::fs::write(&part, json))
            .and_then(|()| std::fs::rename(&part, &path));
        if let Err(error) = written {
            progress.note(&format!("warning: cannot keep {}: {error}", path.display()));
        }
    }
    Ok(Some(baseline))
}

#[cfg(feature = "bundled")]
fn shipped(explorer: &Explorer) -> Option<Baseline> {
    Baseline::parse(stratoscope_bundled::BASELINE, explorer).ok()
}

#[cfg(not(feature = "bundled"))]
fn shipped(_: &Explorer) -> Option<Baseline> {
    None
}

/// Where this model's baseline is kept: named by its weights, in our own cache.
fn cache_file(args: &ModelArgs, explorer: &Explorer) -> Result<Option<PathBuf>> {
    let weights = Baseline::weights_of(explorer).join("-");
    let name: String = weights.chars().take(80).collect();
    let folder = model::hub_settings(args)?.state_dir;
    Ok(folder.map(|folder| folder.join("baselines").join(format!("{name}.json"))))
}
