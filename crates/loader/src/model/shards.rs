//! The files of the weights of a checkpoint: one, or the shards that an index names.

use super::LoadOptions;
use crate::error::{Error, Result};
use crate::hub::{HubError, Need, Progress};
use crate::json;
use crate::source::{Files, INDEX, WEIGHTS};
use crate::weights::WeightsFile;
use serde_json::Value;
use std::collections::BTreeSet;

const PICKLE: &str = "pytorch_model.bin";
const PICKLE_INDEX: &str = "pytorch_model.bin.index.json";

/// The weights in one file, or in the shards that an index names: safetensors, else pickles if they
/// are allowed.
pub(crate) fn weights_files(
    files: &mut Files,
    options: &LoadOptions,
    progress: &mut dyn Progress,
) -> Result<Vec<WeightsFile>> {
    if let Some(file) = files.weights(WEIGHTS)? {
        return Ok(vec![file]);
    }
    if let Some(index) = files.find(INDEX)? {
        return shards(files, INDEX, &index, progress);
    }
    if options.allow_pickle {
        files.fetch(&[PICKLE, PICKLE_INDEX], Need::Optional, progress)?;
        if let Some(file) = files.weights(PICKLE)? {
            return Ok(vec![file]);
        }
        if let Some(index) = files.find(PICKLE_INDEX)? {
            return shards(files, PICKLE_INDEX, &index, progress);
        }
    }
    // Missing weights are described below; other errors, such as weights that are not cached, are
    // returned.
    match files.fetch(&[WEIGHTS], Need::Required, progress) {
        Ok(()) | Err(Error::Hub(HubError::FileNotFound { .. })) => {}
        Err(error) => return Err(error),
    }
    files.check_cached(&[INDEX, PICKLE, PICKLE_INDEX])?;
    if let Some(file) = [PICKLE, PICKLE_INDEX].into_iter().find(|name| files.has(name)) {
        return Err(Error::PickleNotAllowed { place: files.id.clone(), file: file.to_owned() });
    }
    let hint = match ["tf_model.h5", "flax_model.msgpack"].into_iter().find(|name| files.has(name))
    {
        Some(name) => format!(" (only {name}: save the model as safetensors)"),
        None => format!(" and no {INDEX}"),
    };
    files.need_weights(WEIGHTS, &hint).map(|file| vec![file])
}

/// The shards that an index names.
fn shards(
    files: &mut Files,
    index_name: &str,
    index: &[u8],
    progress: &mut dyn Progress,
) -> Result<Vec<WeightsFile>> {
    let shards = shard_names(index_name, index)?;
    let names: Vec<_> = shards.iter().map(String::as_str).collect();
    files.fetch(&names, Need::Required, progress)?;
    let hint = format!(", which {index_name} names");
    shards.iter().map(|name| files.need_weights(name, &hint)).collect()
}

/// The plain file names of the shards that an index names.
fn shard_names(file: &str, index: &[u8]) -> Result<BTreeSet<String>> {
    let ending = if file == INDEX { ".safetensors" } else { ".bin" };
    // A tensor that is named twice is read from its file all the same.
    let index = json::read(file, index, &mut Vec::new())?;
    let wrong = |value: &Value, reason: &str| Error::Config {
        file: file.to_owned(),
        key: "weight_map".to_owned(),
        value: value.to_string(),
        reason: reason.to_owned(),
    };
    let Some(map) = index["weight_map"].as_object() else {
        return Err(wrong(&Value::Null, "tensor names with their files are expected"));
    };
    map.values()
        .map(|value| match value.as_str() {
            Some(name) if name.ends_with(ending) && !name.contains(['/', '\\']) => {
                Ok(name.to_owned())
            }
            _ => Err(wrong(value, &format!("a {ending} file beside the index is expected"))),
        })
        .collect()
}
