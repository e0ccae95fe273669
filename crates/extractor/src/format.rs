//! The formats of states files.

use crate::activations::Activations;
use crate::arrays;
use crate::error::{Error, Result};
use crate::files::{recover, refuse_link, write_file};
use crate::hooks::Capture;
use crate::npz;
use crate::states::write_safetensors;
use crate::table;
use std::io::{self, Write};
use std::path::Path;

/// A format of states files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// safetensors: arrays by name, with metadata.
    #[default]
    Safetensors,
    /// npz: arrays for `numpy.load`, with the metadata as an array of bytes.
    Npz,
    /// Parquet: a table with one row per token (word, sentence) and one list column per layer.
    Parquet,
}

impl Format {
    /// The format of a file, by its extension; none for other extensions.
    pub fn of(path: &Path) -> Option<Self> {
        let end = path.extension()?;
        [Self::Safetensors, Self::Npz, Self::Parquet].into_iter().find(|f| end == f.extension())
    }

    /// The extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Npz => "npz",
            Self::Parquet => "parquet",
        }
    }

    /// Refuses hook points that the format does not support.
    ///
    /// # Errors
    /// [`Error::Format`] for patterns in Parquet.
    pub fn check(self, captures: &[Capture]) -> Result<()> {
        match self {
            Self::Parquet => table::check(captures),
            _ => Ok(()),
        }
    }

    /// Writes consecutive parts as one file.
    pub(crate) fn write(
        self,
        out: &mut (dyn Write + Send),
        parts: &[Activations],
        half: bool,
        first_text: usize,
    ) -> io::Result<()> {
        match self {
            Self::Safetensors => write_safetensors(out, parts, half),
            Self::Npz => npz::write_npz(out, parts, half),
            Self::Parquet => table::write_parquet(out, parts, half, first_text),
        }
    }
}

/// Writes a states file atomically.
///
/// # Errors
/// [`Error::Io`] if it cannot be written.
pub fn write_states(path: &Path, activations: &Activations) -> Result<()> {
    write_states_as(path, activations, Format::Safetensors, false)
}

/// Writes a states file in a format atomically, with floats as f16 if `half`.
///
/// # Errors
/// [`Error::Io`] if it cannot be written or is a symbolic link, [`Error::BeyondHalf`] for a value that is too large for f16,
/// [`Error::Format`] for hook points that the format does not support.
pub fn write_states_as(
    path: &Path,
    activations: &Activations,
    format: Format,
    half: bool,
) -> Result<()> {
    let captures: Vec<Capture> = activations.hooks.iter().map(|hook| hook.capture).collect();
    format.check(&captures)?;
    if half {
        arrays::check_half(activations)?;
    }
    let io = |source| Error::Io { path: path.to_owned(), source };
    let parts = std::slice::from_ref(activations);
    recover(path).and_then(|()| refuse_link(path)).map_err(io)?;
    write_file(path, |out| format.write(out, parts, half, 0)).map_err(io)
}

#[cfg(test)]
mod tests;
