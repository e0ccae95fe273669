//! The folder of an extraction: shards, the journal while it is unfinished, the index when it is
//! finished. Files appear complete or not at all, and files of other programs are never touched.

use super::settings::Start;
use crate::error::{Error, Result};
use crate::files::{
    FolderLock, PART, finished_name, hexadecimal, lock_folder, sha256_of, sync_folder, write_file,
    write_file_open,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(crate) const INDEX: &str = "index.json";
const JOURNAL: &str = "journal.jsonl";

/// A shard that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) shard: usize,
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// A folder that is being filled.
pub(crate) struct Folder {
    path: PathBuf,
    journal: File,
    /// The complete shards, by number.
    pub(crate) entries: Vec<Entry>,
    _lock: FolderLock,
}

/// What a folder has of a run.
#[derive(Default)]
pub(crate) struct Found {
    /// The shards that the index or the journal lists.
    pub(crate) entries: Vec<Entry>,
    /// The index, if the run was finished.
    pub(crate) index: Option<Value>,
}

impl Entry {
    /// Compares the file with this entry.
    pub(crate) fn check(&self, folder: &Path) -> Result<()> {
        let path = folder.join(&self.file);
        let reason = match sha256_of(&path) {
            Ok((bytes, sha256)) if bytes == self.bytes && sha256 == self.sha256 => return Ok(()),
            Ok((bytes, _)) if bytes != self.bytes => {
                format!("it has {bytes} bytes, not {}", self.bytes)
            }
            Ok(_) => "its sha256 is different".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(Error::Shard { path, reason })
    }
}

/// Locks a folder for this run; none if it does not exist.
pub(crate) fn lock(path: &Path) -> Result<Option<FolderLock>> {
    refuse_link(path)?;
    match lock_folder(path) {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(Error::Locked { path: path.to_owned() })
        }
        Err(source) => Err(Error::Io { path: path.to_owned(), source }),
    }
}

/// Creates a folder, and locks it.
pub(crate) fn create(path: &Path) -> Result<FolderLock> {
    let write = |source| Error::Write { path: path.to_owned(), source };
    fs::create_dir_all(path).map_err(write)?;
    lock(path)?.ok_or_else(|| write(io::ErrorKind::NotFound.into()))
}

fn refuse_link(path: &Path) -> Result<()> {
    match fs::read_link(path) {
        Ok(target) => Err(Error::Link { path: path.to_owned(), target }),
        Err(_) => Ok(()),
    }
}

/// The entries whose files are as they were written, by number, each number once.
pub(crate) fn whole(path: &Path, mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.retain(|entry| is_ours(&entry.file) && entry.check(path).is_ok());
    entries.sort_by_key(|entry| entry.shard);
    entries.dedup_by_key(|entry| entry.shard);
    entries
}

/// The name of a shard.
pub(crate) fn shard_name(shard: usize, extension: &str) -> String {
    format!("{shard:05}.{extension}")
}

/// Whether an extraction writes files of this name.
fn is_ours(name: &str) -> bool {
    let name = finished_name(name).unwrap_or(name);
    let shard = name.split_once('.').is_some_and(|(number, extension)| {
        number.len() >= 5
            && number.bytes().all(|b| b.is_ascii_digit())
            && ["safetensors", "npz", "parquet"].contains(&extension)
    });
    shard || name == INDEX || name == JOURNAL
}

/// Compares a folder with `run`, and changes nothing. A folder of another run is refused, unless it is
/// to be overwritten.
pub(crate) fn look(path: &Path, start: Start, run: &Value) -> Result<Found> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    refuse_link(path)?;
    if path.exists() && !path.is_dir() {
        return Err(io(io::ErrorKind::NotADirectory.into()));
    }
    let names = names(path).map_err(io)?;
    let foreign = |found: Option<&String>| match found {
        Some(found) => Err(Error::Foreign { path: path.to_owned(), found: found.clone() }),
        None => Ok(()),
    };
    let has = |name: &str| names.iter().any(|n| n == name);
    if !has(INDEX) && !has(JOURNAL) {
        // Unfinished files do not matter.
        foreign(names.iter().find(|name| !is_ours(name) || !name.ends_with(PART)))?;
        return Ok(Found::default());
    }
    let index = read_index(path)?;
    let (begun, entries) = read_journal(path).map_err(io)?;
    match start {
        Start::New if has(JOURNAL) => {
            Err(Error::Occupied { path: path.to_owned(), what: "an unfinished extraction" })
        }
        Start::New => Err(Error::Occupied { path: path.to_owned(), what: "a finished extraction" }),
        Start::Overwrite => {
            foreign(names.iter().find(|name| !is_ours(name)))?;
            Ok(Found::default())
        }
        Start::Resume => {
            let of_index = index.as_ref().map(|index| index["run"].clone());
            let same = |other: &Option<Value>| {
                other.as_ref().is_some_and(|other| changes(other, run).is_empty())
            };
            if let (true, Some(index)) = (same(&of_index), index.clone()) {
                return Ok(Found { entries: entries_of(&index), index: Some(index) });
            }
            // An unreadable journal protects nothing.
            let lost = begun.is_none() && index.is_none();
            if lost {
                foreign(names.iter().find(|name| !is_ours(name)))?;
            }
            if lost || same(&begun) {
                return Ok(Found { entries, index: None });
            }
            let changes = changes(&begun.or(of_index).unwrap_or_default(), run).join("; ");
            Err(Error::Changed { path: path.to_owned(), changes })
        }
    }
}

/// Removes the journal and unfinished files, which remain if a run ends between its last two steps.
pub(crate) fn tidy(path: &Path) -> Result<()> {
    let left = |name: &str| name == JOURNAL || name.ends_with(PART);
    remove(path, left).map_err(|source| Error::Write { path: path.to_owned(), source })
}

impl Folder {
    /// Writes the journal with the complete shards of `entries`, and removes all other files of an
    /// extraction.
    pub(crate) fn begin(
        path: &Path,
        run: &Value,
        entries: Vec<Entry>,
        lock: FolderLock,
    ) -> Result<Self> {
        let at = path.join(JOURNAL);
        let write = |source| Error::Write { path: at.clone(), source };
        let journal = write_file_open(&at, |out| {
            writeln!(out, "{}", json!({ "run": run }))?;
            entries.iter().try_for_each(|e| Ok(writeln!(out, "{}", serde_json::to_string(e)?)?))
        })
        .map_err(write)?;
        // The journal comes first, so that the folder is always known as that of this run.
        remove(path, |name| name == INDEX).map_err(write)?;
        let kept = |name: &str| name == JOURNAL || entries.iter().any(|e| e.file == name);
        remove(path, |name| !kept(name)).map_err(write)?;
        Ok(Self { path: path.to_owned(), journal, entries, _lock: lock })
    }

    /// Writes a shard, and then says so in the journal.
    pub(crate) fn write(
        &mut self,
        shard: usize,
        file: String,
        content: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> Result<()> {
        let path = self.path.join(&file);
        let mut written = (0, String::new());
        write_file(&path, |out| {
            let mut counted = Hashing { out, bytes: 0, hash: Sha256::new() };
            content(&mut counted)?;
            written = (counted.bytes, hexadecimal(&counted.hash.finalize()));
            Ok(())
        })
        .map_err(|source| Error::Write { path, source })?;
        let entry = Entry { shard, file, bytes: written.0, sha256: written.1 };
        let line = serde_json::to_string(&entry).map_err(io::Error::other);
        line.and_then(|line| self.journal.write_all(format!("{line}\n").as_bytes()))
            .and_then(|()| self.journal.sync_data())
            .map_err(|source| Error::Write { path: self.path.join(JOURNAL), source })?;
        self.entries.push(entry);
        Ok(())
    }

    /// Reads every shard back, writes the index, and removes the journal.
    pub(crate) fn finish(self, index: impl FnOnce(&[Entry]) -> Value) -> Result<()> {
        let Self { path: folder, journal, mut entries, _lock } = self;
        entries.sort_by_key(|entry| entry.shard);
        entries.iter().try_for_each(|entry| entry.check(&folder))?;
        let path = folder.join(INDEX);
        let write = |source| Error::Write { path: path.clone(), source };
        let text = serde_json::to_string_pretty(&index(&entries));
        let text = text.map_err(io::Error::other).map_err(write)?;
        write_file(&path, |out| writeln!(out, "{text}")).map_err(write)?;
        drop(journal);
        tidy(&folder)
    }
}

/// The sorted names in a folder; none if there is no folder.
fn names(path: &Path) -> io::Result<Vec<String>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Removes files of an extraction.
fn remove(path: &Path, which: impl Fn(&str) -> bool) -> io::Result<()> {
    let names = names(path)?;
    for name in names.iter().filter(|name| is_ours(name) && which(name)) {
        fs::remove_file(path.join(name))?;
    }
    sync_folder(path)
}

/// The index of an extraction; none if there is none.
pub(super) fn read_index(path: &Path) -> Result<Option<Value>> {
    let file = path.join(INDEX);
    let bytes = match fs::read(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|source| Error::Io { path: file, source })?,
    };
    let index: Option<Value> = serde_json::from_slice(&bytes).ok();
    let ours = |index: &Value| {
        index["run"]["tool"].as_str().is_some_and(|tool| tool.starts_with("stratoscope "))
    };
    match index.filter(ours) {
        Some(index) => Ok(Some(index)),
        None => Err(Error::Foreign { path: path.to_owned(), found: INDEX.to_owned() }),
    }
}

pub(super) fn entries_of(index: &Value) -> Vec<Entry> {
    let shards = index["shards"].as_array().map(Vec::as_slice).unwrap_or_default();
    let entry = |(shard, value): (usize, &Value)| {
        let mut value = value.clone();
        value["shard"] = shard.into();
        serde_json::from_value(value).ok()
    };
    shards.iter().enumerate().filter_map(entry).collect()
}

/// The run and the shards of a journal, up to a line that is cut off.
fn read_journal(path: &Path) -> io::Result<(Option<Value>, Vec<Entry>)> {
    let text = match fs::read(path.join(JOURNAL)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, Vec::new())),
        read => read?,
    };
    let text = String::from_utf8_lossy(&text);
    // A line without a line end may be cut off.
    let mut lines = text.split_inclusive('\n').map_while(|line| line.strip_suffix('\n'));
    let first: Option<Value> = lines.next().and_then(|line| serde_json::from_str(line).ok());
    let run = first.and_then(|first| first.get("run").cloned());
    let entries = match run {
        Some(_) => lines.map_while(|line| serde_json::from_str(line).ok()).collect(),
        None => Vec::new(),
    };
    Ok((run, entries))
}

/// The differences of two runs, in words. The name of the input does not matter.
fn changes(before: &Value, now: &Value) -> Vec<String> {
    let empty = Map::new();
    let of = |value: &Value, key: &str| value.get(key).cloned().unwrap_or_default();
    let mut changes = Vec::new();
    for key in now.as_object().unwrap_or(&empty).keys().filter(|key| *key != "settings") {
        let (mut a, mut b) = (of(before, key), of(now, key));
        for value in [&mut a, &mut b] {
            if let (true, Some(input)) = (key == "input", value.as_object_mut()) {
                input.remove("name");
            }
        }
        if a != b {
            changes.push(match key.as_str() {
                "input" => "the input is different".to_owned(),
                "files" => "the model files are different".to_owned(),
                key => differs(key, &a, &b),
            });
        }
    }
    let (a, b) = (of(before, "settings"), of(now, "settings"));
    for key in b.as_object().unwrap_or(&empty).keys() {
        let (a, b) = (of(&a, key), of(&b, key));
        if a != b {
            changes.push(differs(key, &a, &b));
        }
    }
    changes
}

fn differs(key: &str, before: &Value, now: &Value) -> String {
    let shown = |value: &Value| match value {
        Value::Null => "not set".to_owned(),
        value => value.to_string(),
    };
    format!("{key} was {}, is {}", shown(before), shown(now))
}

/// Counts and hashes the written bytes.
struct Hashing<'a> {
    out: &'a mut (dyn Write + Send),
    bytes: u64,
    hash: Sha256,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.bytes += n as u64;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
