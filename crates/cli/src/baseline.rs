//! The model's anisotropy baseline: the one that ships, the cached one, or on request a new one.

use crate::args::ModelArgs;
use crate::cache::Cached;
use crate::outcome::Result;
use crate::progress::Progress;
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
    let cached = Cached::new(args, origin, "baselines", "")?;
    // One that is damaged, or of another model or version, is as good as none.
    let stored = [shipped().map(str::to_owned), cached.read()]
        .into_iter()
        .flatten()
        .find_map(|json| Baseline::parse(&json, origin).ok());
    let (None, Some(explorer)) = (&stored, compute_with) else { return Ok(stored) };
    progress.at("baseline", 0, 1);
    let baseline = Baseline::compute(explorer)?;
    cached.keep(&serde_json::json!(baseline).to_string(), progress);
    Ok(Some(baseline))
}

#[cfg(feature = "bundled")]
fn shipped() -> Option<&'static str> {
    Some(stratoscope_bundled::BASELINE)
}

#[cfg(not(feature = "bundled"))]
fn shipped() -> Option<&'static str> {
    None
}
