//! States as npz: a zip of npy arrays (numpy.org/neps/nep-0001-npy-format.html), stored, with a
//! fixed date, so that the bytes are repeatable.

use crate::activations::Activations;
use crate::arrays::{self, Values};
use crate::error::{Error, Result};
use crate::files::{recover, refuse_link, write_file};
use crate::states::{KEY, metadata};
use ndarray::ArrayViewD;
use std::io::{self, Write};
use std::path::Path;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Writes consecutive parts as one file.
pub(crate) fn write_npz(out: &mut dyn Write, parts: &[Activations], half: bool) -> io::Result<()> {
    let mut zip = ZipWriter::new_stream(out);
    for array in arrays::of(parts, half) {
        // Entries of 4 GiB and more have another header.
        let options = options().large_file(array.bytes() as u64 >= u64::from(u32::MAX));
        zip.start_file(format!("{}.npy", array.name), options).map_err(io::Error::other)?;
        let kind = match array.values {
            Values::Integers(_) => "<i8",
            Values::Floats { half: false, .. } => "<f4",
            Values::Floats { half: true, .. } => "<f2",
        };
        zip.write_all(&header(kind, &array.shape))?;
        array.write(&mut zip)?;
    }
    // The metadata, which safetensors have in their header: an array of bytes of JSON.
    end(zip, &metadata(parts)?)
}

/// Entries are stored, with a fixed date.
fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
}

/// Writes the metadata as the last entry.
fn end<W: Write>(mut zip: ZipWriter<StreamWriter<W>>, metadata: &str) -> io::Result<()> {
    zip.start_file(format!("{KEY}.npy"), options()).map_err(io::Error::other)?;
    zip.write_all(&header(&format!("|S{}", metadata.len()), &[]))?;
    zip.write_all(metadata.as_bytes())?;
    zip.finish().map_err(io::Error::other)?;
    Ok(())
}

/// Writes named arrays as an npz file, atomically: f32 arrays, arrays of integers, and a text in JSON
/// under the name that states files have for theirs.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written.
pub fn write_npz_arrays(
    path: &Path,
    floats: &[(&str, ArrayViewD<'_, f32>)],
    integers: &[(&str, Vec<i64>)],
    metadata: &str,
) -> Result<()> {
    let write = |out: &mut dyn Write| -> io::Result<()> {
        let mut zip = ZipWriter::new_stream(out);
        for (name, values) in floats {
            zip.start_file(format!("{name}.npy"), options()).map_err(io::Error::other)?;
            zip.write_all(&header("<f4", values.shape()))?;
            values.iter().try_for_each(|value| zip.write_all(&value.to_le_bytes()))?;
        }
        for (name, values) in integers {
            zip.start_file(format!("{name}.npy"), options()).map_err(io::Error::other)?;
            zip.write_all(&header("<i8", &[values.len()]))?;
            values.iter().try_for_each(|value| zip.write_all(&value.to_le_bytes()))?;
        }
        end(zip, metadata)
    };
    recover(path)
        .and_then(|()| refuse_link(path))
        .and_then(|()| write_file(path, |out| write(out)))
        .map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// The header of an npy array, format 1.0, padded to 64 bytes.
fn header(kind: &str, shape: &[usize]) -> Vec<u8> {
    const BEFORE: usize = 10;
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    // A tuple of one item ends with a comma.
    let sizes = if shape.len() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
    let mut text =
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sizes}), }}").into_bytes();
    text.resize((BEFORE + text.len() + 1).next_multiple_of(64) - BEFORE - 1, b' ');
    text.push(b'\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    // A header with a few sizes is shorter than 64 KiB.
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_as_numpy_writes_them() {
        // numpy.lib.format.header_data_from_array_1_0 of arrays of these shapes, numpy 2.
        for (kind, shape, said) in [
            (
                "<f4",
                &[7, 10, 384][..],
                "{'descr': '<f4', 'fortran_order': False, 'shape': (7, 10, 384), }",
            ),
            ("<i8", &[3][..], "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }"),
            ("|S5", &[][..], "{'descr': '|S5', 'fortran_order': False, 'shape': (), }"),
        ] {
            let header = header(kind, shape);
            assert_eq!(header.len() % 64, 0);
            let text = std::str::from_utf8(&header[10..]).unwrap();
            assert_eq!(text.trim_end(), said);
            assert!(text.ends_with('\n'));
            assert_eq!(usize::from(header[8]) + 256 * usize::from(header[9]), text.len());
        }
    }
}
