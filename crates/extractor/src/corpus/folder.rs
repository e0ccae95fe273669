//! The folder of an extraction: shards, the journal of an unfinished one, the index of a finished
//! one. Every file appears whole or not at all, and nothing that others wrote is touched.

use super::settings::Start;
use crate::error::{Error, Result};
use crate::files::{PART, finished_name, hexadecimal, sha256_of, sync_folder, write_file};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
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
    /// The shards that are whole, by their numbers.
    pub(crate) entries: Vec<Entry>,
}

/// What there is to do in a folder.
pub(crate) enum FolderState {
    /// All is there.
    Finished,
    /// Shards are missing; these are said to be there.
    Unfinished(Vec<Entry>),
}

/// The name of a shard.
pub(crate) fn shard_name(shard: usize, extension: &str) -> String {
    format!("{shard:05}.{extension}")
}

/// Whether an extraction writes files of that name.
fn is_ours(name: &str) -> bool {
    let name = finished_name(name).unwrap_or(name);
    let shard = name.split_once('.').is_some_and(|(number, extension)| {
        number.len() >= 5
            && number.bytes().all(|b| b.is_ascii_digit())
            && ["safetensors", "npz", "parquet"].contains(&extension)
    });
    shard || name == INDEX || name == JOURNAL
}

/// Looks into a folder for what `run` says, and changes nothing; what it says otherwise than a run
/// before is refused.
pub(crate) fn look(path: &Path, start: Start, run: &Value) -> Result<FolderState> {
    let io = |source| Error::Io { path: path.to_owned(), source };
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
        // What was never renamed was never part of anything.
        foreign(names.iter().find(|name| !is_ours(name) || !name.ends_with(PART)))?;
        return Ok(FolderState::Unfinished(Vec::new()));
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
            Ok(FolderState::Unfinished(Vec::new()))
        }
        Start::Resume => {
            let of_index = index.as_ref().map(|index| index["run"].clone());
            let same = |other: &Option<Value>| {
                other.as_ref().is_some_and(|other| changes(other, run).is_empty())
            };
            if let (true, Some(index)) = (same(&of_index), &index) {
                let shards = entries_of(index);
                let whole =
                    |e: &Entry| path.join(&e.file).metadata().is_ok_and(|m| m.len() == e.bytes);
                return Ok(match shards.iter().all(whole) {
                    true => FolderState::Finished,
                    false => FolderState::Unfinished(shards),
                });
            }
            // A journal of which nothing can be read says nothing of what is to be kept.
            let lost = begun.is_none() && index.is_none();
            if lost {
                foreign(names.iter().find(|name| !is_ours(name)))?;
            }
            if lost || same(&begun) {
                return Ok(FolderState::Unfinished(entries));
            }
            let changes = changes(&begun.or(of_index).unwrap_or_default(), run).join("; ");
            Err(Error::Changed { path: path.to_owned(), changes })
        }
    }
}

/// Takes away what a run left that ended between its last two steps.
pub(crate) fn tidy(path: &Path) -> Result<()> {
    let left = |name: &str| name == JOURNAL || name.ends_with(PART);
    remove(path, left).map_err(|source| Error::Write { path: path.to_owned(), source })
}

impl Folder {
    /// Makes the folder, writes the journal with those of `entries` whose shards are whole, and
    /// removes all else that an extraction has left.
    pub(crate) fn begin(path: &Path, run: &Value, entries: Vec<Entry>) -> Result<Self> {
        fs::create_dir_all(path)
            .map_err(|source| Error::Write { path: path.to_owned(), source })?;
        let whole = |entry: &Entry| {
            is_ours(&entry.file)
                && sha256_of(&path.join(&entry.file))
                    .is_ok_and(|(bytes, sha256)| bytes == entry.bytes && sha256 == entry.sha256)
        };
        let mut entries: Vec<Entry> = entries.into_iter().filter(whole).collect();
        entries.sort_by_key(|entry| entry.shard);
        entries.dedup_by_key(|entry| entry.shard);
        let journal = path.join(JOURNAL);
        let write = |source| Error::Write { path: journal.clone(), source };
        write_file(&journal, |out| {
            writeln!(out, "{}", json!({ "run": run }))?;
            entries.iter().try_for_each(|e| Ok(writeln!(out, "{}", serde_json::to_string(e)?)?))
        })
        .map_err(write)?;
        // The journal first: whatever is gone, it says what the folder is.
        remove(path, |name| name == INDEX).map_err(write)?;
        let kept = |name: &str| name == JOURNAL || entries.iter().any(|e| e.file == name);
        remove(path, |name| !kept(name)).map_err(write)?;
        let journal = OpenOptions::new().append(true).open(&journal).map_err(write)?;
        Ok(Self { path: path.to_owned(), journal, entries })
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

    /// Writes the index and takes the journal away.
    pub(crate) fn finish(self, index: &Value) -> Result<()> {
        let path = self.path.join(INDEX);
        let write = |source| Error::Write { path: path.clone(), source };
        let text = serde_json::to_string_pretty(index).map_err(io::Error::other).map_err(write)?;
        write_file(&path, |out| writeln!(out, "{text}")).map_err(write)?;
        drop(self.journal);
        tidy(&self.path)
    }
}

/// The names in a folder, sorted; none where there is no folder.
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

/// Removes files that an extraction writes.
fn remove(path: &Path, which: impl Fn(&str) -> bool) -> io::Result<()> {
    let names = names(path)?;
    for name in names.iter().filter(|name| is_ours(name) && which(name)) {
        fs::remove_file(path.join(name))?;
    }
    sync_folder(path)
}

/// The index of an extraction; none where there is none.
fn read_index(path: &Path) -> Result<Option<Value>> {
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

fn entries_of(index: &Value) -> Vec<Entry> {
    let shards = index["shards"].as_array().map(Vec::as_slice).unwrap_or_default();
    let entry = |(shard, value): (usize, &Value)| {
        let mut value = value.clone();
        value["shard"] = shard.into();
        serde_json::from_value(value).ok()
    };
    shards.iter().enumerate().filter_map(entry).collect()
}

/// What a journal says of its run, and the shards in it; a line that was cut off ends it.
fn read_journal(path: &Path) -> io::Result<(Option<Value>, Vec<Entry>)> {
    let text = match fs::read(path.join(JOURNAL)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, Vec::new())),
        read => read?,
    };
    let text = String::from_utf8_lossy(&text);
    // A line without its end may be a part of one.
    let mut lines = text.split_inclusive('\n').map_while(|line| line.strip_suffix('\n'));
    let first: Option<Value> = lines.next().and_then(|line| serde_json::from_str(line).ok());
    let run = first.and_then(|first| first.get("run").cloned());
    let entries = match run {
        Some(_) => lines.map_while(|line| serde_json::from_str(line).ok()).collect(),
        None => Vec::new(),
    };
    Ok((run, entries))
}

/// What one run has otherwise than another, in words. The name of the input does not matter.
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
                "input" => "the input is another".to_owned(),
                "files" => "the model's files are others".to_owned(),
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

/// Counts and hashes what is written.
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
