//! What is kept of a model between runs: files in our own cache, named by the model's weights.

use crate::args::ModelArgs;
use crate::model;
use crate::outcome::Result;
use crate::progress::Progress;
use std::path::{Path, PathBuf};
use stratoscope::extractor::Origin;

/// A place in the cache; none where the system has no cache or the weights are not known.
pub(crate) struct Cached(Option<PathBuf>);

impl Cached {
    /// The place of what `kind` of thing is known of a model; `part` tells several of a kind apart.
    pub(crate) fn new(args: &ModelArgs, origin: &Origin, kind: &str, part: &str) -> Result<Self> {
        let Some(weights) = origin.weights.first() else { return Ok(Self(None)) };
        let folder = model::hub_settings(&args.run.hub)?.state_dir;
        Ok(Self(folder.map(|folder| folder.join(kind).join(format!("{weights}{part}.json")))))
    }

    /// What is there.
    pub(crate) fn read(&self) -> Option<String> {
        self.0.as_ref().and_then(|path| std::fs::read_to_string(path).ok())
    }

    /// Keeps `json`; that it cannot be kept is a warning, since the run has its result.
    pub(crate) fn keep(&self, json: &str, progress: &Progress) {
        if let Some(path) = &self.0
            && let Err(error) = write(path, json)
        {
            progress.note(&format!("warning: cannot keep {}: {error}", path.display()));
        }
    }
}

fn write(path: &Path, json: &str) -> std::io::Result<()> {
    let part = path.with_extension("part");
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(&part, json)?;
    std::fs::rename(&part, path)
}
