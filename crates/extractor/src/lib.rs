//! From texts and images to tokens, words and patches, to hidden states of every layer, and their files.
//!
//! [`extract`] runs a [`Model`](stratoscope_loader::Model) over prepared inputs and returns [`Activations`]:
//! one row per token or patch (or word, or sentence: [`Activations::pooled`]), with its place in the text.
//! [`read_groups`] does so group by group, for work that keeps only a part of the states, and
//! [`run_with_hooks`] with functions at hook points. [`write_states`] and [`read_states`] write and
//! read a safetensors file, which Python can read as well.

mod activations;
mod annotation;
mod arrays;
mod computed;
mod corpus;
mod elsewhere;
mod error;
mod extract;
pub mod files;
mod find;
mod format;
mod header;
mod hooks;
mod images;
mod input;
mod interventions;
mod layers;
mod layerwise;
mod lines;
mod media;
mod npz;
mod open;
mod pools;
mod prepare;
mod projector;
mod reading;
mod routing;
mod rows;
mod selected;
mod sizes;
mod sounds;
mod states;
mod table;
mod tensors;
mod values;
mod words;
mod workers;

pub use activations::{Activations, Origin, WordTokens};
pub use annotation::AnnotatedWord;
pub use computed::StatesOf;
pub use corpus::{
    AnnotatedFile, AnnotatedSentence, Corpus, CorpusSettings, CorpusStep, Plan, ReadOptions, Start,
    TextReader, extract_corpus, parse_annotated, read_annotated, read_shards,
};
pub use elsewhere::{About, Axes, StateArrays, StatesReader};
pub use error::{Error, Result};
pub use extract::{extract, run_with_hooks};
pub use find::Place;
pub use format::{Format, write_states, write_states_as};
pub use header::is_header;
pub use hooks::{Capture, Captured, HookSelection};
pub use images::{Image, image_files};
pub use input::{Inputs, Text, parse_lines, parse_pairs, parse_token_ids, unicode_words};
pub use interventions::Interventions;
pub use layers::LayerSelection;
pub use lines::MAX_TEXT_BYTES;
pub use media::{Cell, Input, Media};
pub use npz::write_npz_arrays;
pub use open::{FileKind, read_bytes};
pub use prepare::{LengthLimit, LongText, Prepared, UnknownTokens, Warning, prepare, prepare_ids};
pub use projector::{PROJECTOR_FILES, write_projector};
pub use reading::{Group, Progress, read_groups};
pub use routing::BlockRouting;
pub use rows::{Row, Unit};
pub use sounds::{Sound, Waveform, sound_files};
pub use states::{read_states, states_bytes};
pub use tensors::{StoredTensors, read_tensors, write_tensors};
pub use words::ChosenWords;
