//! The shards of a finished extraction: their description in the index, and their states read back.

use super::conllu::short;
use super::folder::{self, Entry, INDEX};
use super::plan::Shard;
use crate::activations::Activations;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::sizes::check_memory;
use crate::states::read_states;
use ndarray::{Axis, concatenate};
use serde_json::{Value, json};
use std::path::Path;

/// The list of shards in the index.
pub(super) fn described(shards: &[Shard], entries: &[Entry]) -> Value {
    let described = shards.iter().zip(entries).map(|(shard, entry)| {
        let Entry { file, bytes, sha256, .. } = entry;
        json!({
            "file": file, "first_text": shard.first_text, "texts": shard.texts,
            "first_row": shard.first_row, "rows": shard.rows, "bytes": bytes, "sha256": sha256,
        })
    });
    described.collect()
}

/// Reads the states of a finished extraction of any number of shards into memory. Every shard is
/// compared with the index, and the index must have all texts and rows.
///
/// # Errors
/// A folder without an index; a shard that is missing or differs from the index; shards of another
/// format than safetensors; states larger than the free memory.
pub fn read_shards(folder: &Path) -> Result<Activations> {
    let path = folder.join(INDEX);
    let wrong = |reason: &str| Error::Shard { path: path.clone(), reason: reason.to_owned() };
    let Some(index) = folder::read_index(folder)? else {
        let reason = "the folder has no index.json of a finished extraction".to_owned();
        return Err(Error::States { path: folder.to_owned(), reason });
    };
    let number = |value: &Value, key: &str| value[key].as_u64().ok_or_else(|| wrong(key));
    let shards = index["shards"].as_array().map(Vec::as_slice).unwrap_or_default();
    let entries = folder::entries_of(&index);
    if shards.is_empty() || entries.len() != shards.len() {
        return Err(wrong("its list of shards is empty or damaged"));
    }
    let (mut texts, mut rows) = (0, 0);
    for shard in shards {
        if number(shard, "first_text")? != texts || number(shard, "first_row")? != rows {
            return Err(wrong("its shards do not follow each other"));
        }
        texts += number(shard, "texts")?;
        rows += number(shard, "rows")?;
    }
    if number(&index, "n_texts")? != texts || number(&index, "n_rows")? != rows {
        return Err(wrong("its shards do not have all texts and rows"));
    }
    let layers = index["layers"].as_array().map_or(0, |layers| layers.len() as u64);
    // The shards, and the whole.
    let values = [rows, layers, number(&index, "d_model")?, 2].into_iter();
    check_memory(values.fold(1, u64::saturating_mul))?;
    let mut parts = Vec::with_capacity(shards.len());
    for entry in &entries {
        let path = folder.join(&entry.file);
        if Format::of(&path) != Some(Format::Safetensors) {
            let reason = "only shards of the format safetensors can be read".to_owned();
            return Err(Error::States { path, reason });
        }
        entry.check(folder)?;
        parts.push(read_states(&path)?);
    }
    let whole = joined(parts).ok_or_else(|| wrong("its shards do not fit together"))?;
    match whole.texts.len() as u64 == texts && whole.rows.len() as u64 == rows {
        true => Ok(whole),
        false => Err(wrong(&format!("{} has other texts or rows", short(&entries[0].file)))),
    }
}

/// Compares a file with the index beside it, if the index lists the file.
///
/// # Errors
/// A shard that differs from its index.
pub(crate) fn check_shard(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    // An index of another program lists no shard.
    let index = folder::read_index(folder).ok().flatten().unwrap_or_default();
    let entries = folder::entries_of(&index);
    let named = |entry: &&Entry| path.file_name().is_some_and(|name| name == entry.file.as_str());
    entries.iter().find(named).map_or(Ok(()), |entry| entry.check(folder))
}

/// Whether a folder has the index of a finished extraction, or one of another program.
pub(crate) fn is_extraction(folder: &Path) -> bool {
    folder.join(INDEX).exists()
}

/// Consecutive states as one; none if they are of different models, units or layers.
pub(crate) fn joined(parts: Vec<Activations>) -> Option<Activations> {
    let views: Vec<_> = parts.iter().map(|part| part.hidden_states.view()).collect();
    let hidden_states = concatenate(Axis(1), &views).ok()?;
    let mut parts = parts.into_iter();
    let mut whole = parts.next()?;
    for part in parts {
        if (&part.origin, part.unit, &part.layers) != (&whole.origin, whole.unit, &whole.layers) {
            return None;
        }
        let before = whole.texts.len();
        whole.texts.extend(part.texts);
        whole.rows.extend(part.rows.into_iter().map(|mut row| {
            row.sequence += before;
            row
        }));
    }
    Some(Activations { hidden_states, hooks: Vec::new(), ..whole })
}
