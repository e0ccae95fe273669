//! The formats that states are written in.

use crate::activations::Activations;
use crate::arrays;
use crate::error::{Error, Result};
use crate::files::write_file;
use crate::hooks::Capture;
use crate::npz;
use crate::states::write_safetensors;
use crate::table;
use std::io::{self, Write};
use std::path::Path;

/// A format that states are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// safetensors: arrays by name, with metadata.
    #[default]
    Safetensors,
    /// npz: the same for `numpy.load`, with the metadata as an array of bytes.
    Npz,
    /// Parquet: a table with a row a token (word, sentence) and a list column a layer.
    Parquet,
}

impl Format {
    /// The format of a file by the end of its name; none for any other name.
    pub fn of(path: &Path) -> Option<Self> {
        let end = path.extension()?;
        [Self::Safetensors, Self::Npz, Self::Parquet].into_iter().find(|f| end == f.extension())
    }

    /// The end of the names of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Npz => "npz",
            Self::Parquet => "parquet",
        }
    }

    /// Refuses hook points that it has no place for.
    ///
    /// # Errors
    /// [`Error::Format`] for patterns in a table.
    pub fn check(self, captures: &[Capture]) -> Result<()> {
        match self {
            Self::Parquet => table::check(captures),
            _ => Ok(()),
        }
    }

    /// Writes parts, one after the other, as one file.
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

/// Writes a states file; it appears whole or not at all.
///
/// # Errors
/// [`Error::Io`] where it cannot be written.
pub fn write_states(path: &Path, activations: &Activations) -> Result<()> {
    write_states_as(path, activations, Format::Safetensors, false)
}

/// Writes a states file in a format, floats as f16 where they are to be halved; it appears whole or
/// not at all.
///
/// # Errors
/// [`Error::Io`] where it cannot be written, [`Error::BeyondHalf`] for a value that f16 does not
/// have, [`Error::Format`] for what has no place in the format.
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
    let parts = std::slice::from_ref(activations);
    write_file(path, |out| format.write(out, parts, half, 0))
        .map_err(|source| Error::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
