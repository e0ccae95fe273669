//! Opens a file of texts: its kind by its name, its bytes decompressed and hashed.

use crate::error::{Error, Result};
use crate::files::hexadecimal;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use stratoscope_loader::path_text;

/// The kind of a file of texts, by its extension. Further extension `.gz`: compressed by gzip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// One text per line: `.txt`, and every extension that has no other meaning.
    Lines,
    /// `.conllu`, `.conll`: sentences with annotated words.
    Conllu,
    /// `.jsonl`, `.jsonlines`, `.ndjson`, and `.json` with one JSON object per line.
    Jsonl,
    /// `.csv`: a table with commas, whose first line has the names of the columns.
    Csv,
    /// `.tsv`, `.tab`: the same with tabs, without quotes.
    Tsv,
    /// `.parquet`: a column of texts.
    Parquet,
}

/// Extensions of files that are not read, and what to do with each.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &["zip", "zst", "zstd", "xz", "bz2", "lz4", "br", "7z", "rar", "tar", "tgz"],
        "decompress it first, or compress it with gzip (.gz)",
    ),
    (
        &["conllup"],
        "its columns differ from those of CoNLL-U; write its ten CoNLL-U columns to a .conllu file",
    ),
    (
        &["xlsx", "xls", "ods", "arrow", "feather", "orc", "avro", "psv"],
        "save the table as .parquet, .csv or .jsonl",
    ),
    (
        &[
            "html", "htm", "xhtml", "xml", "tei", "tex", "rtf", "pdf", "ps", "doc", "docx", "odt",
            "epub", "pptx", "vrt", "srt", "vtt",
        ],
        "save its text in a .txt file, one text per line",
    ),
    (&["png", "jpg", "jpeg", "webp"], "it is an image (--image FILE, --images FOLDER)"),
    (
        &["yaml", "yml", "toml", "json5"],
        "save its texts in a .txt file, one text per line, or a .jsonl file",
    ),
    (
        &[
            "npy",
            "npz",
            "safetensors",
            "gguf",
            "bin",
            "pt",
            "pth",
            "ckpt",
            "pkl",
            "pickle",
            "h5",
            "hdf5",
            "onnx",
            "db",
            "sqlite",
            "gif",
            "svg",
            "mp3",
            "wav",
            "mp4",
            "exe",
            "so",
        ],
        "it does not have texts",
    ),
];

impl FileKind {
    /// The kind of a file, by its name.
    ///
    /// # Errors
    /// [`Error::FileKind`] for a file that is known to have no lines of text.
    pub fn of(path: &Path) -> Result<Self> {
        let end = extension(&without_gz(path));
        let known = match end.as_str() {
            "conllu" | "conll" => Self::Conllu,
            "jsonl" | "jsonlines" | "ndjson" | "json" => Self::Jsonl,
            "csv" => Self::Csv,
            "tsv" | "tab" => Self::Tsv,
            "parquet" => Self::Parquet,
            _ => Self::Lines,
        };
        let refused = REFUSED.iter().find(|(ends, _)| ends.contains(&end.as_str()));
        let advice = match refused {
            Some((_, advice)) => *advice,
            None if known == Self::Parquet && is_gz(path) => "decompress it first",
            None if is_copy_of_other(path) => "by its name it is a copy of one; rename it",
            None => return Ok(known),
        };
        Err(Error::FileKind { path: path.to_owned(), advice })
    }
}

fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// Whether a name is that of a copy (`a.csv~`, `a.jsonl.bak`) of a file that is not read as lines.
fn is_copy_of_other(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ends = ["~", ".bak", ".old", ".orig", ".tmp"];
    let whole = ends.iter().find_map(|end| name.strip_suffix(end));
    whole.is_some_and(|whole| !matches!(FileKind::of(Path::new(whole)), Ok(FileKind::Lines)))
}

fn is_gz(path: &Path) -> bool {
    extension(path) == "gz"
}

fn without_gz(path: &Path) -> PathBuf {
    if is_gz(path) { path.with_extension("") } else { path.to_owned() }
}

/// The bytes of a file, or of another source.
pub(crate) type Bytes = BufReader<Box<dyn Read + Send>>;

/// The number and the sha256 of the bytes of a file that were read so far.
#[derive(Clone, Default)]
pub(crate) struct Hash(Arc<Mutex<(u64, Sha256)>>);

impl Hash {
    fn add(&self, bytes: &[u8]) {
        let mut hash = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hash.0 += bytes.len() as u64;
        hash.1.update(bytes);
    }

    /// The length and the sha256 of the whole file, whose reader has come to the end.
    pub(crate) fn of_file(&self) -> (u64, String) {
        let hash = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (hash.0, hexadecimal(&hash.1.clone().finalize()))
    }
}

struct Hashed {
    file: File,
    hash: Hash,
}

impl Read for Hashed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(bytes)?;
        self.hash.add(&bytes[..n]);
        Ok(n)
    }
}

/// Opens a file that is not a folder.
pub(crate) fn file(path: &Path) -> Result<File> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    // A folder is not opened, and neither is a pipe opened twice.
    if std::fs::metadata(path).map_err(io)?.is_dir() {
        return Err(io(io::ErrorKind::IsADirectory.into()));
    }
    File::open(path).map_err(io)
}

/// The bytes of a file, decompressed by its name; and the hash of the bytes on disk.
pub(crate) fn bytes(path: &Path) -> Result<(Bytes, Hash)> {
    let hash = Hash::default();
    let hashed = Hashed { file: file(path)?, hash: hash.clone() };
    let reader: Box<dyn Read + Send> = match is_gz(path) {
        true => Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, hashed))),
        false => Box::new(hashed),
    };
    Ok((BufReader::with_capacity(1 << 16, reader), hash))
}

/// All bytes of a file as they are, which is not larger than `max`.
///
/// # Errors
/// A file that cannot be read, or is larger.
pub(crate) fn read_limited(path: &Path, max: u64) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let read = file(path)?.take(max + 1).read_to_end(&mut all);
    let read = read.map_err(|source| Error::Io { path: path.to_owned(), source })? as u64;
    match read > max {
        true => Err(Error::LargeFile { path: path.to_owned(), max }),
        false => Ok(all),
    }
}

/// The maximum size of a file that is read into memory as a whole.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// All bytes of a file, decompressed by its name.
///
/// # Errors
/// A file that cannot be read, or has more than 1 GiB.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let read = bytes(path)?.0.take(MAX_FILE_BYTES + 1).read_to_end(&mut all);
    let read = read.map_err(|source| Error::of_read(path, source))? as u64;
    if read > MAX_FILE_BYTES {
        let place = path_text(path);
        return Err(Error::TooLarge { place, bytes: read, max: MAX_FILE_BYTES as usize });
    }
    Ok(all)
}

/// Whether a path is a regular file, which can be read twice. A pipe or a device cannot.
pub(crate) fn is_regular(path: &Path) -> bool {
    std::fs::metadata(path).as_ref().is_ok_and(Metadata::is_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_name() {
        let of = |name: &str| FileKind::of(Path::new(name));
        for (name, kind) in [
            ("a", FileKind::Lines),
            ("a.txt", FileKind::Lines),
            ("a.md", FileKind::Lines),
            ("a.txt.gz", FileKind::Lines),
            ("a.gz", FileKind::Lines),
            ("a.CoNLLU", FileKind::Conllu),
            ("a.json.gz", FileKind::Jsonl),
            ("a.ndjson", FileKind::Jsonl),
            ("a.csv", FileKind::Csv),
            ("a.TSV.GZ", FileKind::Tsv),
            ("a.parquet", FileKind::Parquet),
            ("a.jsonlines", FileKind::Jsonl),
            ("a.tab", FileKind::Tsv),
            ("a.txt~", FileKind::Lines),
            ("a.bak", FileKind::Lines),
        ] {
            assert_eq!(of(name).unwrap(), kind, "{name}");
        }
        let more = ["a.parquet.gz", "a.PDF", "a.jsonl.bak", "a.csv~", "a.json.gz.old"];
        let ends = REFUSED.iter().flat_map(|(ends, _)| ends.iter());
        for name in ends.map(|end| format!("a.{end}")).chain(more.map(str::to_owned)) {
            let said = of(&name).unwrap_err().to_string();
            assert!(said.starts_with(&format!("{name} is not a file of texts: ")), "{said}");
        }
    }
}
