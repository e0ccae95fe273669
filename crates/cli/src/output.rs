//! `--output`: the folder that a command writes.

use crate::args::{CommonArgs, OutputArgs};
use crate::outcome::{Failure, Result, hold_interrupts};
use crate::progress::Progress;
use std::path::{Path, PathBuf};
use stratoscope::{Written, check_output};

/// Where a command writes: the folder that was asked for, or one that is named by what made it.
pub(crate) struct Output<'a> {
    folder: Option<&'a Path>,
    overwrite: bool,
    /// `--json` writes no folder that was not asked for.
    json: bool,
}

impl<'a> Output<'a> {
    /// That the folder cannot be written is better known before the work than after it.
    pub(crate) fn new(args: &'a OutputArgs, common: &CommonArgs) -> Result<Self> {
        let folder = args.folder.as_deref();
        if let Some(folder) = folder {
            check_parent(folder)?;
            check_output(folder, args.overwrite)?;
        }
        Ok(Self { folder, overwrite: args.overwrite, json: common.json })
    }

    /// Whether a folder is to be written.
    pub(crate) fn is_wanted(&self) -> bool {
        self.folder.is_some() || !self.json
    }

    /// Writes the folder, if one is to be; `write` is told which, and whether it replaces another.
    pub(crate) fn write(
        &self,
        progress: &mut Progress,
        default: impl FnOnce() -> Result<PathBuf>,
        write: impl FnOnce(&Path, bool) -> Result<Written>,
    ) -> Result<Option<(PathBuf, Written)>> {
        let folder = match self.folder {
            Some(folder) => folder.to_owned(),
            None if self.json => return Ok(None),
            None => default()?,
        };
        progress.at("drawing", 0, 1);
        let _guard = hold_interrupts();
        // The default folder is named by what made it, so the same run may replace it.
        let written = write(&folder, self.overwrite || self.folder.is_none())?;
        Ok(Some((folder, written)))
    }
}

/// Refuses a folder within what is a file, or cannot be written to.
pub(crate) fn check_parent(folder: &Path) -> Result<()> {
    let existing = folder.ancestors().find(|a| a.as_os_str().is_empty() || a.exists());
    match existing.map(|a| if a.as_os_str().is_empty() { Path::new(".") } else { a }) {
        Some(parent) if !parent.is_dir() => {
            Err(Failure::usage(format!("{} is a file, not a folder", parent.display())))
        }
        Some(parent) if parent.metadata().is_ok_and(|m| m.permissions().readonly()) => {
            Err(Failure::usage(format!("{} cannot be written", parent.display())))
        }
        _ => Ok(()),
    }
}
