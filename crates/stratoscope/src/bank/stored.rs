//! The file of the states of a bank: safetensors with `vectors` f16 `[layers, words + stimuli,
//! d_model]`, `means` and `scales` f32 `[layers, d_model]`, and `places` i64 `[words + stimuli, 3]`
//! (sentence, word, position). The annotation of the words is in the bank, and not in the file.

use super::vectors::Vectors;
use super::{Bank, BankStates, BankWord, compute};
use crate::store::{self, Store};
use crate::{Explorer, Result};
use ndarray::Array2;
use rayon::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use stratoscope_extractor::Origin;
use stratoscope_loader::hexadecimal;
use stratoscope_probing::Stimuli;

/// The version of the file and of the computation.
const FORMAT: u32 = 2;

/// Larger states are not stored: 512 MiB.
const MAX_BYTES: usize = 512 << 20;

/// The key of the metadata in the file.
const KEY: &str = "stratoscope";

/// What is known of stored states without reading them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    format: u32,
    /// The sha256 that identifies the model ([`Origin::states`]).
    model: String,
    dtype: String,
    /// The sha256 of the bank and of the stimuli.
    input: String,
    on_sinks: usize,
    /// The CRC-32 of each tensor, in the order of [`TENSORS`].
    checksums: Vec<u32>,
}

const TENSORS: [&str; 4] = ["vectors", "means", "scales", "places"];

/// The sha256 of the bank, and of the stimuli where there are any.
fn input(bank: &Bank) -> String {
    match bank.stimuli.is_empty() {
        true => bank.sha256.clone(),
        false => hexadecimal(&Sha256::digest([&bank.sha256, Stimuli::HOMOGRAPHS].join("\n"))),
    }
}

/// The key in the store; `None` if the model is not known.
fn key(origin: &Origin, bank: &Bank) -> Option<String> {
    store::key("banks", origin, &format!("-{}-{}.safetensors", origin.dtype, input(bank)))
}

/// Stores the states of a bank. A failure is only a warning.
pub(super) fn keep(explorer: &Explorer, bank: &Bank, states: &BankStates) -> Result<()> {
    let Some(key) = key(&states.origin, bank) else { return Ok(()) };
    let bytes = states.vectors.bytes().len();
    if bytes > MAX_BYTES {
        explorer.progress().note(&format!(
            "note: the states of the words of {} are not stored: they have {} MiB, and the limit is \
             {} MiB",
            bank.name,
            bytes >> 20,
            MAX_BYTES >> 20
        ));
        return Ok(());
    }
    explorer.keep(Some(key), &file(states, &input(bank))?);
    Ok(())
}

/// The bytes of the file.
fn file(states: &BankStates, input: &str) -> Result<Vec<u8>> {
    let floats =
        |of: &Array2<f32>| -> Vec<u8> { of.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let (means, scales) = (floats(&states.means), floats(&states.scales));
    let words = states.words.iter().chain(&states.stimuli);
    let places = words.flat_map(|word| [word.sentence, word.word, word.position]);
    let places: Vec<u8> = places.flat_map(|place| (place as i64).to_le_bytes()).collect();
    let (layers, rows, d_model) = states.vectors.dim();
    let tensors = [
        (Dtype::F16, vec![layers, rows, d_model], states.vectors.bytes()),
        (Dtype::F32, vec![layers, d_model], &means),
        (Dtype::F32, vec![layers, d_model], &scales),
        (Dtype::I64, vec![rows, 3], &places),
    ];
    let metadata = Metadata {
        format: FORMAT,
        model: states.origin.states.clone(),
        dtype: states.origin.dtype.clone(),
        input: input.to_owned(),
        on_sinks: states.bank.on_sinks,
        checksums: tensors.iter().map(|(.., bytes)| crc32fast::hash(bytes)).collect(),
    };
    let metadata = HashMap::from([(KEY.to_owned(), serde_json::to_string(&metadata)?)]);
    let views = TENSORS.iter().zip(&tensors).map(|(name, (dtype, shape, bytes))| {
        TensorView::new(*dtype, shape.clone(), bytes).map(|view| (*name, view))
    });
    let wrong = |e: safetensors::SafeTensorError| stratoscope_extractor::Error::States {
        path: "(in memory)".into(),
        reason: e.to_string(),
    };
    let views = views.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    Ok(safetensors::serialize(views, Some(metadata)).map_err(wrong)?)
}

/// The stored states of a bank, if they are there and belong to the model and the bank.
pub(super) fn find(origin: &Origin, bank: &Bank, store: &dyn Store) -> Option<BankStates> {
    let read = read(store.read(&key(origin, bank)?)?, origin, bank)?;
    let sentences = bank.all_sentences();
    let mut words = Vec::with_capacity(read.places.len());
    for [sentence, word, position] in read.places {
        let annotated = sentences.get(sentence)?.words.get(word)?;
        words.push(BankWord::of(sentence, word, position, annotated));
    }
    let content = words.partition_point(|word| word.sentence < bank.sentences.len());
    let stimuli = words.split_off(content);
    Some(BankStates {
        origin: origin.clone(),
        bank: compute::summary(bank, words.len(), read.on_sinks),
        words,
        stimuli,
        sentences,
        means: read.means,
        scales: read.scales,
        vectors: read.vectors,
    })
}

/// What a file has.
struct Read {
    vectors: Vectors,
    means: Array2<f32>,
    scales: Array2<f32>,
    places: Vec<[usize; 3]>,
    on_sinks: usize,
}

/// Reads a file; `None` if it is damaged, or is of another model, another bank or another format.
fn read(bytes: Vec<u8>, origin: &Origin, bank: &Bank) -> Option<Read> {
    let (_, header) = SafeTensors::read_metadata(&bytes).ok()?;
    let metadata: Metadata = serde_json::from_str(header.metadata().as_ref()?.get(KEY)?).ok()?;
    let fits = metadata.format == FORMAT
        && metadata.model == origin.states
        && metadata.dtype == origin.dtype
        && metadata.input == input(bank);
    let file = SafeTensors::deserialize(&bytes).ok()?;
    let tensors: Vec<TensorView<'_>> =
        TENSORS.iter().map(|name| file.tensor(name).ok()).collect::<Option<_>>()?;
    let [vectors, means, scales, places] = &tensors[..] else { return None };
    let dtypes = [Dtype::F16, Dtype::F32, Dtype::F32, Dtype::I64];
    let typed = tensors.iter().zip(dtypes).all(|(tensor, dtype)| tensor.dtype() == dtype);
    let &[layers, rows, d_model] = vectors.shape() else { return None };
    let shaped = layers == origin.n_layers + 1
        && means.shape() == [layers, d_model]
        && scales.shape() == [layers, d_model]
        && places.shape() == [rows, 3];
    let sums: Vec<u32> = tensors.par_iter().map(|tensor| crc32fast::hash(tensor.data())).collect();
    if !fits || !typed || !shaped || sums != metadata.checksums {
        return None;
    }
    let floats = |tensor: &TensorView<'_>| {
        let values = tensor.data().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        Array2::from_shape_vec((layers, d_model), values).ok()
    };
    let integers = places.data().as_chunks().0.iter().map(|&b| i64::from_le_bytes(b));
    let integers: Vec<usize> =
        integers.map(|place| usize::try_from(place).ok()).collect::<Option<_>>()?;
    let (means, scales) = (floats(means)?, floats(scales)?);
    let start = vectors.data().as_ptr() as usize - bytes.as_ptr() as usize;
    Some(Read {
        vectors: Vectors::new((layers, rows, d_model), bytes, start)?,
        means,
        scales,
        places: integers.as_chunks().0.to_vec(),
        on_sinks: metadata.on_sinks,
    })
}
