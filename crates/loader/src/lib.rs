//! From a checkpoint to a [`Transformer`](stratoscope_transformer::Transformer) with its tokenizer.
//!
//! [`load`] takes a [`Source`] (a folder, a GGUF file, a hub repository, or files in memory) and
//! returns a [`Model`]. A *family* is a file of data under `families/`: from `config.json` to an
//! `Architecture`, and from the tensors of the checkpoint to its weights. Only this crate knows
//! Hugging Face.

mod bytes;
mod config;
mod error;
mod expressions;
mod families;
pub mod files;
mod gguf;
pub mod hub;
mod images;
pub mod json;
mod kind;
mod memory;
mod model;
mod note;
pub mod panics;
mod pickle;
mod pooling;
mod records;
#[cfg(feature = "second-opinion")]
pub mod second_opinion;
mod sentences;
mod sounds;
mod source;
mod spelling;
mod stored;
mod tokenizer;
mod weights;

pub use candle_core::{DType, Device};
pub use error::{Error, Result};
pub use families::{families_with_heads, family_of, supported_families};
pub use files::hexadecimal;
pub use gguf::control_vector;
pub use images::{ImageProcessor, Picture, ProcessedImage};
pub use kind::{ErrorKind, Reads};
pub use memory::{MemoryPlan, free_memory, used_memory};
pub use model::{LoadOptions, Model, ModelInfo, load, load_with};
pub use note::Note;
pub use pickle::{PickledObjects, read_objects};
pub use pooling::Pooling;
pub use records::{FileRecord, FileRecords};
pub use sentences::{BeforeModel, Pooler, Step};
pub use sounds::{ProcessedSound, SoundProcessor, mel_spectrogram};
pub use source::{Source, path_text};
pub use tokenizer::{Encoding, Tokenizer};
