//! Reads npz files: a zip of npy arrays (numpy.org/neps/nep-0001-npy-format.html), stored or deflated.
//! Pickles in them are never read.

use super::array::{Array, Kind, count};
use crate::sizes::check_memory;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::ops::Range;
use zip::{CompressionMethod, ZipArchive};

/// Deflate makes of one byte at most so many (zlib.net/zlib_tech.html).
const MAX_RATIO: u64 = 1032;

/// The largest header of an array.
const MAX_HEADER: usize = 1 << 16;

/// The largest number of entries of a file.
const MAX_ENTRIES: usize = 1 << 16;

/// An npz file in memory, and its entries by name.
pub(crate) struct Npz {
    bytes: Vec<u8>,
    entries: HashMap<String, Entry>,
}

struct Entry {
    data: Range<usize>,
    deflated: bool,
    crc32: u32,
}

impl Npz {
    /// Whether bytes begin as a zip does.
    pub(crate) fn is(bytes: &[u8]) -> bool {
        bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
    }

    /// Reads the list of entries.
    ///
    /// # Errors
    /// A file that is not a complete zip; an entry that is encrypted, or compressed in another way.
    pub(crate) fn open(bytes: Vec<u8>) -> Result<Self, String> {
        let wrong =
            |error: &dyn std::fmt::Display| format!("it is not a complete npz file ({error})");
        let mut archive = ZipArchive::new(Cursor::new(&bytes)).map_err(|error| wrong(&error))?;
        if archive.len() > MAX_ENTRIES {
            return Err(format!("it has {} entries", archive.len()));
        }
        let mut entries = HashMap::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(|error| wrong(&error))?;
            let name = entry.name().map_err(|error| wrong(&error))?.into_owned();
            let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else { continue };
            let method = entry.compression();
            if method != CompressionMethod::STORE && method != CompressionMethod::DEFLATE {
                return Err(format!("{name} is compressed by another method than numpy uses"));
            }
            let deflated = method == CompressionMethod::DEFLATE;
            if entry.encrypted() {
                return Err(format!("{name} is encrypted"));
            }
            let start = entry.data_start().ok_or_else(|| wrong(&"an entry without a place"))?;
            let place =
                usize::try_from(start).ok().zip(usize::try_from(entry.compressed_size()).ok());
            let data = place
                .and_then(|(start, size)| Some(start..start.checked_add(size)?))
                .filter(|data| data.end <= bytes.len())
                .ok_or_else(|| format!("{name} is outside of the file"))?;
            let crc32 = entry.crc32();
            if entries.insert(name.clone(), Entry { data, deflated, crc32 }).is_some() {
                return Err(format!("{name} is in it twice"));
            }
        }
        Ok(Self { bytes, entries })
    }

    /// The array with a name, if there is one.
    ///
    /// # Errors
    /// An array of Python objects, of another type, or with more or fewer values than its shape says.
    pub(crate) fn array(&self, name: &str) -> Result<Option<Array<'_>>, String> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        let data = &self.bytes[entry.data.clone()];
        let (header, values) = match entry.deflated {
            false => header(data)
                .map(|(header, start)| (header, Cow::Borrowed(&data[start..])))
                .map_err(|reason| format!("{name} {reason}"))?,
            true => inflated(data).map_err(|reason| format!("{name} {reason}"))?,
        };
        let expected = header
            .bytes()
            .ok_or_else(|| format!("{name} has the impossible shape {:?}", header.shape))?;
        if values.len() as u64 != expected {
            return Err(format!(
                "{name} has {} bytes, and its shape {:?} needs {expected}",
                values.len(),
                header.shape
            ));
        }
        let mut crc = Crc::new();
        if entry.deflated {
            // The header was checked by what it says; a damaged value would go unnoticed.
            crc.update(&header.raw);
            crc.update(&values);
        } else {
            crc.update(data);
        }
        if crc.sum() != entry.crc32 {
            return Err(format!("{name} is damaged: its checksum differs"));
        }
        let Header { kind, shape, fortran, .. } = header;
        Ok(Some(Array { kind, shape, fortran, bytes: values }))
    }
}

/// Inflates an array as far as its header says, and not further.
fn inflated(data: &[u8]) -> Result<(Header, Cow<'static, [u8]>), String> {
    let wrong = |error: std::io::Error| format!("cannot be decompressed ({error})");
    let mut decoder = DeflateDecoder::new(data);
    let mut start = Vec::new();
    decoder.by_ref().take(12).read_to_end(&mut start).map_err(wrong)?;
    let length = header_length(&start)?;
    let rest = length.saturating_sub(start.len()) as u64;
    decoder.by_ref().take(rest).read_to_end(&mut start).map_err(wrong)?;
    let (header, end) = header(&start)?;
    let impossible = || format!("has the impossible shape {:?}", header.shape);
    let expected = header.bytes().ok_or_else(impossible)?;
    if expected > (data.len() as u64 + 1).saturating_mul(MAX_RATIO) {
        return Err(format!("has the shape {:?}, and far fewer bytes", header.shape));
    }
    check_memory(expected.div_ceil(4)).map_err(|error| error.to_string())?;
    let mut values = start.split_off(end);
    decoder
        .take((expected + 1).saturating_sub(values.len() as u64))
        .read_to_end(&mut values)
        .map_err(wrong)?;
    Ok((header, Cow::Owned(values)))
}

/// The header of an npy array.
struct Header {
    kind: Kind,
    shape: Vec<usize>,
    fortran: bool,
    /// Its bytes.
    raw: Vec<u8>,
}

impl Header {
    /// The bytes of the values; none if no memory has so many.
    fn bytes(&self) -> Option<u64> {
        let size = count(&self.shape)?.checked_mul(self.kind.width())?;
        Some(size as u64).filter(|size| *size < i64::MAX as u64)
    }
}

/// The length of a header with what stands before it.
fn header_length(bytes: &[u8]) -> Result<usize, String> {
    let wrong = || "is not an npy array".to_owned();
    let version = bytes.strip_prefix(b"\x93NUMPY").and_then(|rest| rest.first());
    let (before, length) = match (version, bytes) {
        (Some(1), [_, _, _, _, _, _, _, _, a, b, ..]) => {
            (10, usize::from(u16::from_le_bytes([*a, *b])))
        }
        (Some(2 | 3), [_, _, _, _, _, _, _, _, a, b, c, d, ..]) => {
            (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        _ => return Err(wrong()),
    };
    if length > MAX_HEADER { Err(wrong()) } else { Ok(before + length) }
}

/// The header, and where the values begin.
fn header(bytes: &[u8]) -> Result<(Header, usize), String> {
    let length = header_length(bytes)?;
    let before = if bytes[6] == 1 { 10 } else { 12 };
    let text = bytes.get(before..length).and_then(|text| std::str::from_utf8(text).ok());
    let wrong = || "has a header that is not one of npy".to_owned();
    let text = text.ok_or_else(wrong)?;
    let (mut kind, mut fortran, mut shape) = (None, None, None);
    let inner =
        text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or_else(wrong)?;
    let mut rest = inner.trim_start();
    while !rest.is_empty() {
        let (key, after) = quoted(rest).ok_or_else(wrong)?;
        let after = after.trim_start().strip_prefix(':').ok_or_else(wrong)?.trim_start();
        let after = match key {
            "descr" => {
                let (name, after) = quoted(after).ok_or_else(|| {
                    "has records with several fields; save one array for each".to_owned()
                })?;
                kind = Some(kind_of(name)?);
                after
            }
            "fortran_order" => {
                let (word, after) = word(after);
                fortran = Some(match word {
                    "True" => true,
                    "False" => false,
                    _ => return Err(wrong()),
                });
                after
            }
            "shape" => {
                let (sizes, after) =
                    after.strip_prefix('(').and_then(|t| t.split_once(')')).ok_or_else(wrong)?;
                let sizes = sizes.split(',').map(str::trim).filter(|size| !size.is_empty());
                let sizes: Result<Vec<usize>, _> = sizes.map(str::parse).collect();
                shape = Some(sizes.map_err(|_| wrong())?);
                after
            }
            _ => return Err(wrong()),
        };
        rest = match after.trim_start() {
            "" => "",
            after => after.strip_prefix(',').ok_or_else(wrong)?.trim_start(),
        };
    }
    let raw = bytes[..length].to_vec();
    let (kind, fortran, shape) =
        kind.zip(fortran).zip(shape).map(|((a, b), c)| (a, b, c)).ok_or_else(wrong)?;
    Ok((Header { kind, shape, fortran, raw }, length))
}

/// A quoted text at the start, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| ['\'', '"'].contains(c))?;
    text[1..].split_once(quote)
}

/// The letters at the start, and what follows them.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    text.split_at(end)
}

/// The type with numpy's name.
fn kind_of(name: &str) -> Result<Kind, String> {
    let integer = |bytes, signed| Ok(Kind::Integer { bytes, signed });
    let (order, rest) = name.split_at(name.len().min(1));
    if order == ">" {
        return Err(format!("is big-endian ({name}); save it with .astype('<f4')"));
    }
    let sized = |size: &str| size.parse::<usize>().ok().filter(|size| *size < 1 << 24);
    match rest {
        "f2" => Ok(Kind::F16),
        "f4" => Ok(Kind::F32),
        "f8" => Ok(Kind::F64),
        "b1" | "u1" => integer(1, false),
        "i1" => integer(1, true),
        "u2" => integer(2, false),
        "i2" => integer(2, true),
        "u4" => integer(4, false),
        "i4" => integer(4, true),
        "u8" => integer(8, false),
        "i8" => integer(8, true),
        "O" => Err(
            "is an array of Python objects, a pickle, which is never read; save texts with np.array(…, dtype=str), and numbers with their type".to_owned(),
        ),
        "V2" => Err(
            "has values of 2 bytes without a type (V2), as numpy saves bfloat16; save it as float32, or as safetensors".to_owned(),
        ),
        _ => match (rest.strip_prefix('U').and_then(sized), rest.strip_prefix('S').and_then(sized)) {
            (Some(letters), _) => Ok(Kind::Letters(letters)),
            (_, Some(bytes)) => Ok(Kind::Bytes(bytes)),
            _ => Err(format!("has the type {name:?}; f2, f4, f8, integers and texts are read")),
        },
    }
}
