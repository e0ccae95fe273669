//! The model's plane of role and sense: the one that ships, or the one that `profile` has left.

use crate::args::ModelArgs;
use crate::cache::Cached;
use crate::outcome::Result;
use crate::progress::Progress;
use stratoscope::extractor::Origin;
use stratoscope::{NamedStimuli, Plane};

/// The stimuli that a model's plane is found with.
pub(crate) fn stimuli(origin: &Origin) -> Result<NamedStimuli> {
    Ok(NamedStimuli::homographs()?.for_model(origin)?)
}

/// The stored plane of a model: the one that ships, or the one that is cached.
pub(crate) fn find(args: &ModelArgs, origin: &Origin) -> Result<Option<Plane>> {
    let stimuli = stimuli(origin)?;
    // One that is damaged, or of other weights, stimuli or version, is as good as none.
    let known = |bytes: &[u8]| Plane::parse(bytes, origin).ok().filter(|p| p.is_of(&stimuli));
    if let Some(plane) = shipped().and_then(known) {
        return Ok(Some(plane));
    }
    let stored = cached(args, origin, &stimuli)?.read_bytes();
    Ok(stored.as_deref().and_then(known))
}

/// Keeps a plane for `explore`.
pub(crate) fn keep(args: &ModelArgs, plane: &Plane, progress: &Progress) -> Result<()> {
    let stimuli = stimuli(&plane.model)?;
    cached(args, &plane.model, &stimuli)?.keep_bytes(&plane.to_bytes()?, progress);
    Ok(())
}

fn cached(args: &ModelArgs, origin: &Origin, stimuli: &NamedStimuli) -> Result<Cached> {
    let cues = if stimuli.cues_first { "-cues-first" } else { "" };
    Cached::file(args, origin, "planes", &format!("-{}{cues}.safetensors", stimuli.sha256))
}

#[cfg(feature = "bundled")]
fn shipped() -> Option<&'static [u8]> {
    Some(stratoscope_bundled::PLANE)
}

#[cfg(not(feature = "bundled"))]
fn shipped() -> Option<&'static [u8]> {
    None
}
