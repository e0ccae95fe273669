//! Writing files and folders atomically, and their sha256.

use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The extension of a file or folder that is still being written.
pub const PART: &str = ".part";

/// Writes a file beside its final path (as `NAME.PID.part`), then renames it. The file appears
/// complete or not at all, even if the machine fails, and replaces an existing file. The parent
/// folder must exist.
///
/// # Errors
/// The errors of the file system and of `content`. The unfinished file is removed.
pub fn write_file(
    path: &Path,
    content: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> io::Result<()> {
    let part = path.with_file_name(part_name(path.file_name().unwrap_or_default()));
    let written = File::create(&part).and_then(|file| {
        let mut out = BufWriter::with_capacity(1 << 18, file);
        content(&mut out)?;
        out.flush()?;
        out.get_ref().sync_all()?;
        fs::rename(&part, path)
    });
    if let Err(error) = written {
        // The first error is the one to report.
        let _ = fs::remove_file(&part);
        return Err(error);
    }
    sync_folder(parent(path))
}

/// Fills a folder beside its final path (as `.NAME.PID.part`), then renames it. The folder appears
/// complete or not at all and replaces an existing one, which is restored if the renaming fails.
/// Missing parent folders are created.
///
/// # Errors
/// The errors of the file system and of `fill`. The unfinished folder is removed.
pub fn write_folder(folder: &Path, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let parent = parent(folder);
    fs::create_dir_all(parent)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let aside = |what: &str| parent.join(format!(".{name}.{}{what}", std::process::id()));
    let (part, old) = (aside(PART), aside(".old"));
    let written = fs::create_dir(&part)
        .and_then(|()| fill(&part))
        .and_then(|()| replace(folder, &part, &old));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&part);
    }
    written
}

/// Moves `part` to `folder`; an existing folder goes to `old` first and comes back on failure.
fn replace(folder: &Path, part: &Path, old: &Path) -> io::Result<()> {
    if !folder.exists() {
        return fs::rename(part, folder);
    }
    fs::rename(folder, old)?;
    if let Err(error) = fs::rename(part, folder) {
        fs::rename(old, folder)?;
        return Err(error);
    }
    fs::remove_dir_all(old)
}

/// The final name of an unfinished file; none for a name without [`PART`].
pub fn finished_name(name: &str) -> Option<&str> {
    let name = name.strip_suffix(PART)?;
    Some(match name.rsplit_once('.') {
        Some((rest, pid)) if !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => name,
    })
}

/// The name of a file while this process writes it. Another process uses another name.
fn part_name(name: &OsStr) -> std::ffi::OsString {
    let mut part = name.to_owned();
    part.push(format!(".{}{PART}", std::process::id()));
    part
}

/// The folder of a path; `.` for a bare name.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the entries of a folder durable, where the file system can.
///
/// # Errors
/// The folder cannot be opened or synced.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(path)?.sync_all() {
        // Some file systems do not sync folders.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// The length in bytes and the sha256 of a file.
///
/// # Errors
/// The file cannot be read.
pub fn sha256_of(path: &Path) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let bytes = io::copy(&mut File::open(path)?, &mut hash)?;
    Ok((bytes, hexadecimal(&hash.finalize())))
}

/// The sha256 of bytes, in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal, as digests are written.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name = |e: io::Result<fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x.txt");
        write_file(&path, |out| out.write_all(b"one")).unwrap();
        let failed = write_file(&path, |out| {
            out.write_all(b"tw")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(
            (fs::read(&path).unwrap(), names(place.path())),
            (b"one".to_vec(), vec!["x.txt".to_owned()])
        );
        write_file(&path, |out| out.write_all(b"two")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(write_file(&path.join("below"), |_| Ok(())).is_err());
        assert_eq!(sha256_of(&path).unwrap(), (3, sha256(b"two")));
    }

    #[test]
    fn a_folder_is_replaced_whole_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("deep/out");
        let write =
            |name: &'static str| write_folder(&folder, |part| fs::write(part.join(name), name));
        write("one").unwrap();
        let failed = write_folder(&folder, |part| {
            fs::write(part.join("half"), "half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(names(&folder), ["one"]);
        write("two").unwrap();
        assert_eq!(
            (names(&folder), names(&place.path().join("deep"))),
            (vec!["two".to_owned()], vec!["out".to_owned()])
        );
    }

    #[test]
    fn an_unfinished_file_is_known_by_its_name() {
        assert_eq!(finished_name("00001.npz.part"), Some("00001.npz"));
        assert_eq!(finished_name("00001.npz.4711.part"), Some("00001.npz"));
        assert_eq!(finished_name("00001.npz"), None);
        let name = part_name(OsStr::new("a.b"));
        assert_eq!(finished_name(name.to_str().unwrap()), Some("a.b"));
    }
}
