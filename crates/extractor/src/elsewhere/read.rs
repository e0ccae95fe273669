//! Reads a file of states: one of this program, or one that another program wrote.

use super::axes::{Axes, Known};
use super::container::{Container, Texts};
use super::{About, StateArrays};
use crate::activations::Activations;
use crate::corpus::{INDEX, check_shard, is_extraction, joined, read_shards};
use crate::error::{Error, Result};
use crate::format::Format;
use crate::input::Text;
use crate::sizes::check_memory;
use crate::states;
use ndarray::{Array3, ArrayD, Axis, Ix3};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stratoscope_loader::Tokenizer;

/// What is known of states, where their file does not say it.
#[derive(Debug, Clone, Default)]
pub struct StatesReader {
    /// The order of the axes of `hidden_states`.
    pub axes: Option<Axes>,
    /// The numbers of the layers, in the order of the array.
    pub layers: Option<Vec<usize>>,
    /// The name of the model.
    pub model: Option<String>,
    /// Whether attention is causal.
    pub causal: Option<bool>,
    /// The texts that the model read, in order.
    pub texts: Option<Vec<Text>>,
    /// The tokenizer of the model, which says where the tokens of `token_ids` stand in the texts.
    pub tokenizer: Option<Arc<Tokenizer>>,
}

impl StatesReader {
    /// Reads a file of this program, an extraction of it, a file of another program, or a folder of such
    /// files, which are read in the order of their names (numbers in names as numbers), each with one
    /// text or several.
    ///
    /// A file of another program is `.safetensors` or `.npz` and has `hidden_states`, and what it has of
    /// `token_ids` (or `input_ids`), `tokens`, `offsets` (or `offset_mapping`, `char_offsets`),
    /// `special_tokens_mask` (or `special`), `attention_mask`, `sequence_offsets`, `layers`, `texts` (or
    /// `text`), `model` and `dtype`.
    ///
    /// # Errors
    /// [`Error::States`] with the reason; a file that cannot be read, or is larger than the memory.
    pub fn read(&self, path: &Path) -> Result<Activations> {
        let mut texts = self.texts.as_deref().unwrap_or_default();
        let whole = match path.is_dir() {
            true if is_extraction(path) => read_shards(path)?,
            true => {
                let files = files_of(path)?;
                let parts = files.iter().map(|file| self.read_file(file, &mut texts));
                let parts = parts.collect::<Result<Vec<_>>>()?;
                joined(parts).ok_or_else(|| Error::States {
                    path: path.to_owned(),
                    reason: "its files have different layers, widths or models".to_owned(),
                })?
            }
            false => self.read_file(path, &mut texts)?,
        };
        let given = self.texts.as_ref().map_or(0, Vec::len);
        if !texts.is_empty() && texts.len() < given {
            let reason = format!("it has {} texts, and {given} are given", given - texts.len());
            return Err(Error::States { path: path.to_owned(), reason });
        }
        Ok(whole)
    }

    /// The files that [`read`](Self::read) reads of a path; of an extraction its index, which has the
    /// sha256 of every shard.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn files(&self, path: &Path) -> Result<Vec<PathBuf>> {
        match path.is_dir() {
            true if is_extraction(path) => Ok(vec![path.join(INDEX)]),
            true => files_of(path),
            false => Ok(vec![path.to_owned()]),
        }
    }

    /// Reads a file; `texts` are those that no file had yet, and lose those of this file.
    fn read_file(&self, path: &Path, texts: &mut &[Text]) -> Result<Activations> {
        let wrong = |reason: String| Error::States { path: path.to_owned(), reason };
        if Format::of(path) == Some(Format::Parquet) {
            let reason = "states are read from .safetensors or .npz, or a folder of shards, not from .parquet";
            return Err(wrong(reason.to_owned()));
        }
        let io = |source| Error::Io { path: path.to_owned(), source };
        let bytes = std::fs::metadata(path).map_err(io)?.len();
        // The file, and its values as f32.
        check_memory((bytes / 4).saturating_mul(2))?;
        let container = Container::open(std::fs::read(path).map_err(io)?).map_err(wrong)?;
        if let Some(metadata) = container.own_metadata().map_err(wrong)? {
            if self.axes.as_ref().is_some_and(|axes| *axes != Axes::own()) || self.layers.is_some()
            {
                let reason = "it is a file of this program, which says its axes and layers itself";
                return Err(wrong(reason.to_owned()));
            }
            check_shard(path)?;
            return states::parse(&container, &metadata).map_err(wrong);
        }
        let mut arrays = self.arrays(&container).map_err(wrong)?;
        drop(container);
        if arrays.texts.is_none() && self.texts.is_some() {
            let n = arrays
                .sequence_offsets
                .as_ref()
                .map_or(1, |offsets| offsets.len().saturating_sub(1));
            let Some((own, rest)) = texts.split_at_checked(n) else {
                let given = self.texts.as_ref().map_or(0, Vec::len);
                return Err(wrong(format!(
                    "it has {n} sequences of tokens, but of the {given} given texts {} are left; give each text that the model read, in order",
                    texts.len()
                )));
            };
            arrays.texts = Some(own.to_vec());
            *texts = rest;
        }
        if let Some(tokenizer) = &self.tokenizer {
            arrays.tokenize(tokenizer).map_err(wrong)?;
        }
        arrays.with_rows().map_err(wrong)
    }

    /// The arrays of a file of another program.
    fn arrays(&self, file: &Container) -> Result<StateArrays, String> {
        let states = file.array("hidden_states")?.ok_or("it has no hidden_states")?;
        let mask = integers(file, &["attention_mask"])?;
        let ids = integers(file, &["token_ids", "input_ids"])?;
        let special = integers(file, &["special_tokens_mask", "special"])?;
        let offsets = integers(file, &["offsets", "offset_mapping", "char_offsets"])?;
        let tokens = texts(file, &["tokens"])?;
        let layers = match (integers(file, &["layers"])?, &self.layers) {
            (Some((_, found)), _) => Some(numbers("layers", found.iter().copied())?),
            (None, given) => given.clone(),
        };
        let is_padded = states.shape.len() == 4;
        let shapes = [
            mask.as_ref().map(|(name, found)| (*name, found.shape())),
            ids.as_ref().map(|(name, found)| (*name, found.shape())),
            special.as_ref().map(|(name, found)| (*name, found.shape())),
            tokens.as_ref().map(|(name, found)| (*name, &*found.shape)),
            offsets
                .as_ref()
                .map(|(name, found)| (*name, &found.shape()[..found.ndim().saturating_sub(1)])),
        ];
        let mut known = Known { layers: layers.as_ref().map(Vec::len), ..Known::default() };
        for (name, shape) in shapes.into_iter().flatten() {
            let (batch, n) = match (shape, is_padded) {
                (&[n], false) => (None, n),
                (&[1, n], false) => (None, n),
                (&[n], true) => (Some(1), n),
                (&[batch, n], true) => (Some(batch), n),
                _ => {
                    return Err(format!(
                        "{name} has the shape {shape:?}, not one number per token"
                    ));
                }
            };
            if known.tokens.is_some_and(|known| known != n)
                || known.batch.is_some_and(|b| Some(b) != batch)
            {
                return Err(format!(
                    "{name} has the shape {shape:?}, other than the arrays before it"
                ));
            }
            (known.batch, known.tokens) = (batch, Some(n));
        }
        let axes = Axes::of(self.axes.as_ref(), &states.shape, known)?;
        let read_as = format!("{axes} ({})", states.kind.name());
        let values = states.floats("hidden_states")?;
        drop(states);
        let (hidden_states, batch) = packed(values, &axes)?;
        let n_tokens = hidden_states.dim().1;
        // The tokens that are no padding, of all texts.
        let kept: Option<Vec<usize>> = mask.as_ref().map(|(_, mask)| {
            mask.iter()
                .enumerate()
                .filter(|(_, kept)| **kept != 0)
                .map(|(place, _)| place)
                .collect()
        });
        if batch > 1 && kept.is_none() {
            return Err(format!(
                "its {batch} texts are padded to one length, and without attention_mask the padding is not known"
            ));
        }
        let given = integers(file, &["sequence_offsets"])?;
        let sequence_offsets = match (given, &kept) {
            (Some(_), Some(_)) => return Err(
                "it has sequence_offsets and attention_mask; one of them says where texts begin"
                    .to_owned(),
            ),
            (Some((name, found)), None) => Some(numbers(name, found.iter().copied())?),
            (None, Some(kept)) => {
                let length = (n_tokens / batch).max(1);
                let ends =
                    (0..=batch).map(|text| kept.partition_point(|place| *place < text * length));
                Some(ends.collect())
            }
            (None, None) => None,
        };
        let keep = |place: usize| kept.as_ref().map_or(place, |kept| kept[place]);
        let n = kept.as_ref().map_or(n_tokens, Vec::len);
        let hidden_states = match &kept {
            Some(kept) if kept.len() < n_tokens => hidden_states.select(Axis(1), kept),
            _ => hidden_states,
        };
        let flat = |found: ArrayD<i64>| -> Vec<i64> { found.iter().copied().collect() };
        let of_tokens =
            |found: Option<(&'static str, ArrayD<i64>)>| -> Result<Option<Vec<usize>>, String> {
                let Some((name, found)) = found else { return Ok(None) };
                let all = flat(found);
                Ok(Some(numbers(name, (0..n).map(|place| all[keep(place)]))?))
            };
        let token_ids = of_tokens(ids)?.map(|ids| ids.into_iter().map(u32::try_from).collect());
        let offsets = match offsets {
            None => None,
            Some((name, found)) if found.shape().last() == Some(&2) => {
                let all = flat(found);
                let places =
                    (0..n).flat_map(|place| [all[2 * keep(place)], all[2 * keep(place) + 1]]);
                let places = numbers(name, places)?;
                Some(places.as_chunks().0.to_vec())
            }
            Some((name, found)) => {
                return Err(format!(
                    "{name} has the shape {:?}, not start and end of each token",
                    found.shape()
                ));
            }
        };
        let one = |names: &[&'static str]| -> Result<Option<String>, String> {
            Ok(texts(file, names)?.and_then(|(_, found)| found.texts.into_iter().next()))
        };
        let causal = one(&["causal"])?.map(|text| text.eq_ignore_ascii_case("true"));
        Ok(StateArrays {
            hidden_states,
            layers,
            sequence_offsets,
            texts: texts(file, &["texts", "text"])?
                .map(|(_, found)| found.texts.into_iter().map(Text::from).collect()),
            token_ids: token_ids.transpose().map_err(|_| "a token id is beyond 32 bits")?,
            tokens: tokens
                .map(|(_, found)| (0..n).map(|place| found.texts[keep(place)].clone()).collect()),
            offsets,
            special: of_tokens(special)?
                .map(|special| special.into_iter().map(|s| s != 0).collect()),
            about: About {
                model: self
                    .model
                    .clone()
                    .map_or_else(|| one(&["model"]), |model| Ok(Some(model)))?,
                dtype: one(&["dtype"])?,
                causal: self.causal.or(causal),
                read_as: Some(read_as),
            },
        })
    }
}

/// The states as `[layers, tokens, d_model]`, padded texts end to end, and the number of padded texts.
fn packed(values: ArrayD<f32>, axes: &Axes) -> Result<(Array3<f32>, usize), String> {
    let [layers, batch, tokens, d] = axes.places();
    let order: Vec<usize> = [layers, batch, tokens, d].into_iter().flatten().collect();
    let ordered = values.permuted_axes(order).as_standard_layout().into_owned();
    let shape = ordered.shape().to_vec();
    let wrong = |error: ndarray::ShapeError| format!("hidden_states: {error}");
    match shape[..] {
        [layers, batch, tokens, d] => {
            let merged = ordered.into_shape_with_order((layers, batch * tokens, d));
            Ok((merged.map_err(wrong)?, batch))
        }
        _ => Ok((ordered.into_dimensionality::<Ix3>().map_err(wrong)?, 1)),
    }
}

/// The integers under one of some names.
fn integers(
    file: &Container,
    names: &[&'static str],
) -> Result<Option<(&'static str, ArrayD<i64>)>, String> {
    let mut found = None;
    for name in names {
        if let Some(array) = file.array(name)? {
            if let Some((other, _)) = found {
                return Err(format!("it has both {other} and {name}"));
            }
            found = Some((*name, array.integers(name)?));
        }
    }
    Ok(found)
}

/// The texts under one of some names.
fn texts(
    file: &Container,
    names: &[&'static str],
) -> Result<Option<(&'static str, Texts)>, String> {
    let mut found = None;
    for name in names {
        if let Some(texts) = file.texts(name)? {
            if let Some((other, _)) = found {
                return Err(format!("it has both {other} and {name}"));
            }
            found = Some((*name, texts));
        }
    }
    Ok(found)
}

fn numbers(name: &str, values: impl Iterator<Item = i64>) -> Result<Vec<usize>, String> {
    let of = |value: i64| {
        usize::try_from(value).map_err(|_| format!("{name} has the negative number {value}"))
    };
    values.map(of).collect()
}

/// The states files in a folder, in the order of their names.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|end| end == "safetensors" || end == "npz") {
            files.push(path);
        }
    }
    files.sort_by_cached_key(|path| {
        by_numbers(&path.file_name().unwrap_or_default().to_string_lossy())
    });
    match files.is_empty() {
        false => Ok(files),
        true => Err(Error::States {
            path: folder.to_owned(),
            reason: "the folder has no index.json of a finished extraction, and no .safetensors or .npz file".to_owned(),
        }),
    }
}

/// A name as its parts, with numbers as numbers: `9` comes before `10`.
fn by_numbers(name: &str) -> Vec<(String, u128, String)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (before, after) = rest.split_at(text);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (digits, after) = after.split_at(digits);
        // Equal numbers, and those beyond 128 bits, are ordered by their digits.
        parts.push((before.to_owned(), digits.parse().unwrap_or(u128::MAX), digits.to_owned()));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_numbers() {
        let mut names = ["10.npz", "a.npz", "9.npz", "b-10.npz", "b-2-1.npz", "009.npz"];
        names.sort_by_cached_key(|name| by_numbers(name));
        assert_eq!(names, ["009.npz", "9.npz", "10.npz", "a.npz", "b-2-1.npz", "b-10.npz"]);
    }
}
