//! Writing files and folders atomically, locks of folders, and sha256.

use crate::source::path_text;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The extension of a file or folder that is still being written.
pub const PART: &str = ".part";

/// The extension of a folder that is being replaced, on file systems that cannot exchange two folders.
const OLD: &str = ".old";

/// How often, and after which pause, a lock is tried before it counts as that of another process.
const LOCK_TRIES: usize = 10;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// The most threads that make the files of a folder durable at a time.
const SYNCS: usize = 8;

/// The number of random letters and digits in the name of an unfinished file.
const RANDOM: usize = 6;

/// Writes a file beside its final path (as `NAME.RANDOM.part`, which no other process has), then
/// renames it. The file appears complete or not at all, even if the machine fails, and replaces an
/// existing file; a symbolic link is replaced, never followed. The parent folder must exist.
///
/// # Errors
/// The errors of the file system and of `content`. The unfinished file is removed.
pub fn write_file(
    path: &Path,
    content: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> io::Result<()> {
    write_file_open(path, content).map(drop)
}

/// [`write_file`], and the file at its end, to write more.
///
/// # Errors
/// The errors of [`write_file`].
pub fn write_file_open(
    path: &Path,
    content: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> io::Result<File> {
    let (part, file) = Unfinished::file(path)?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    content(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    fs::rename(&part.0, path)?;
    sync_folder(parent(path))?;
    Ok(file)
}

/// Fills a folder beside its final path (as `NAME.RANDOM.part`), then renames it, or exchanges it with
/// an existing folder in one step. Where the file system cannot exchange folders, the existing folder
/// is moved aside first, and [`recover`] restores it if the program ends at this moment. All files are
/// durable before the folder appears. Missing parent folders are created.
///
/// # Errors
/// The errors of the file system and of `fill`; a path that is a symbolic link. The unfinished folder
/// is removed.
pub fn write_folder(folder: &Path, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    refuse_link(folder)?;
    fs::create_dir_all(parent(folder))?;
    recover(folder)?;
    let (part, _lock) = Unfinished::folder(folder)?;
    fill(&part.0)?;
    sync_all(&part.0)?;
    replace(folder, &part.0, exchange)?;
    sync_folder(parent(folder))
}

/// Refuses a symbolic link as the name of an output: what it points to could be replaced by mistake.
///
/// # Errors
/// The path is a symbolic link.
pub fn refuse_link(path: &Path) -> io::Result<()> {
    match fs::read_link(path) {
        Ok(target) => Err(io::Error::other(format!(
            "it is a symbolic link; give the name of its target, {}",
            path_text(&target)
        ))),
        Err(_) => Ok(()),
    }
}

/// Puts `part` in the place of `folder`.
fn replace(
    folder: &Path,
    part: &Path,
    exchange: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    if !folder.exists() {
        return fs::rename(part, folder);
    }
    if exchange(part, folder).is_ok() {
        // The new folder is in its place. What cannot be removed now is removed by the next run.
        let _ = fs::remove_dir_all(part);
        return Ok(());
    }
    // The lock tells other processes that this one is alive.
    let _lock = lock(folder)?;
    let old = part.with_extension(&OLD[1..]);
    fs::rename(folder, &old)?;
    if let Err(error) = fs::rename(part, folder) {
        fs::rename(&old, folder)?;
        return Err(error);
    }
    fs::remove_dir_all(&old)
}

/// Exchanges two folders in one step.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Restores an output that was being replaced when a program was killed, and removes its unfinished
/// files and folders. Those of a program that is running stay.
///
/// # Errors
/// The errors of the file system.
pub fn recover(path: &Path) -> io::Result<()> {
    let folder = parent(path);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let own = path.file_name().map(OsStr::as_encoded_bytes);
    for entry in entries {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let is =
            |end: &str| aside_of(name.as_encoded_bytes(), end).is_some_and(|of| Some(of) == own);
        if !(kind.is_dir() || kind.is_file()) || !(is(PART) || is(OLD)) {
            continue;
        }
        let aside = entry.path();
        let Ok(Some(_lock)) = File::open(&aside).and_then(try_lock) else { continue };
        match kind.is_dir() {
            true if is(OLD) && fs::symlink_metadata(path).is_err() => fs::rename(&aside, path)?,
            true => fs::remove_dir_all(&aside)?,
            false => fs::remove_file(&aside)?,
        }
    }
    Ok(())
}

/// The final name of `NAME.RANDOM.end`.
fn aside_of<'a>(name: &'a [u8], end: &str) -> Option<&'a [u8]> {
    let name = name.strip_suffix(end.as_bytes())?;
    let (name, random) = name.split_at_checked(name.len().checked_sub(RANDOM + 1)?)?;
    let is_random = random.starts_with(b".") && random[1..].iter().all(u8::is_ascii_alphanumeric);
    is_random.then_some(name)
}

/// The final name of an unfinished file; none for a name without [`PART`].
pub fn finished_name(name: &str) -> Option<&str> {
    let finished = aside_of(name.as_bytes(), PART).and_then(|name| std::str::from_utf8(name).ok());
    finished.or_else(|| name.strip_suffix(PART))
}

/// The files and folders that this process is writing.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A file or folder that this process is writing. It is removed at the end, unless it was renamed.
struct Unfinished(PathBuf);

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Unfinished {
    fn file(path: &Path) -> io::Result<(Self, File)> {
        let name = prefix(path);
        let mut all = unfinished();
        // O_EXCL: a file or link that another process puts there first is not opened.
        let part = builder(&name, 0o666).tempfile_in(parent(path))?;
        let (file, path) = part.into_parts();
        let part = Self(path.keep()?);
        all.insert(part.0.clone());
        drop(all);
        Ok((part, lock_handle(file)?))
    }

    /// The lock shows other processes that the folder is still being written.
    fn folder(path: &Path) -> io::Result<(Self, Option<File>)> {
        let name = prefix(path);
        loop {
            let mut all = unfinished();
            let part = Self(builder(&name, 0o777).tempdir_in(parent(path))?.keep());
            all.insert(part.0.clone());
            drop(all);
            let lock = lock(&part.0);
            // Another process may have removed it before it was locked.
            if part.0.is_dir() {
                return Ok((part, lock?));
            }
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let mut all = unfinished();
        remove_any(&self.0);
        all.remove(&self.0);
    }
}

/// Removes a file or folder; a missing one is not an error, and the first error is reported elsewhere.
fn remove_any(path: &Path) {
    let _ = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
}

/// Removes all files and folders that this process is writing, before it ends early. No other one can
/// be begun after this.
pub fn remove_unfinished() {
    let all = unfinished();
    all.iter().for_each(|path| remove_any(path));
    std::mem::forget(all);
}

/// `NAME.`, of a path.
fn prefix(path: &Path) -> OsString {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name
}

/// Makes names of unfinished files. The permissions are the usual ones of new files.
fn builder(prefix: &OsStr, mode: u32) -> tempfile::Builder<'_, '_> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(PART).rand_bytes(RANDOM);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    let _ = mode;
    builder
}

/// Locks a folder until the file is dropped, and waits for other processes; none where folders cannot
/// be locked.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    if !cfg!(unix) {
        return Ok(None);
    }
    File::open(folder).and_then(lock_handle).map(Some)
}

fn lock_handle(file: File) -> io::Result<File> {
    match file.lock() {
        // Some file systems have no locks.
        Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(error),
        _ => Ok(file),
    }
}

fn try_lock(file: File) -> io::Result<Option<File>> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => Err(error),
        _ => Ok(Some(file)),
    }
}

/// Locks a folder for this process until the lock is dropped, or until the process ends in any way.
/// On Windows, which cannot lock folders, every process gets the lock.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] if another process has the lock; a folder that cannot be opened.
pub fn lock_folder(folder: &Path) -> io::Result<FolderLock> {
    if !cfg!(unix) {
        return Ok(FolderLock { _handle: None });
    }
    // A child process of this one has the lock for a moment, until it runs its own program.
    for _ in 0..LOCK_TRIES {
        if let Some(handle) = try_lock(File::open(folder)?)? {
            return Ok(FolderLock { _handle: Some(handle) });
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    Err(io::ErrorKind::WouldBlock.into())
}

/// A folder that only this process writes to.
#[derive(Debug)]
pub struct FolderLock {
    _handle: Option<File>,
}

/// The folder of a path; `.` for a bare name.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes a folder with all of its files durable.
fn sync_all(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync_all(&entry.path())?,
            false => files.push(entry.path()),
        }
    }
    let sync = |path: &PathBuf| File::options().write(true).open(path)?.sync_all();
    // A thread waits for the disk; together, the file system writes its journal fewer times.
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for some in files.chunks(files.len().div_ceil(SYNCS).max(1)) {
            let work = move || some.iter().try_for_each(sync);
            threads.push(std::thread::Builder::new().spawn_scoped(scope, work)?);
        }
        let panicked = |_| Err(io::Error::other("a thread that writes files ended early"));
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(panicked))
    })?;
    sync_folder(folder)
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
mod tests;
