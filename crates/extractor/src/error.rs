//! Errors from texts to hidden states, with their evidence.

use std::path::PathBuf;
use stratoscope_loader::{Reads, path_text};

/// Shorthand for this crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error from a text to its hidden states.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No text, or only white space.
    #[error("no input text: {place}")]
    NoText {
        /// The input, and what is missing.
        place: String,
    },
    /// A file that is known to have no lines of text.
    #[error("{} is not a file of texts: {advice}", path_text(path))]
    FileKind {
        /// The file.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// A line with the character NUL.
    #[error("{place}, line {line}: a character NUL; this is not a file of texts")]
    Binary {
        /// The file.
        place: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// An input that the model does not read.
    #[error(
        "{place} is {}, and the model {model} reads {reads}: {}", in_words(*given), advice(*given, *reads)
    )]
    NotRead {
        /// The input.
        place: String,
        /// What it is.
        given: Reads,
        /// The model.
        model: String,
        /// What the model reads.
        reads: Reads,
    },
    /// A folder of images or sounds, for a task that reads texts.
    #[error("{place} has images or sounds, and texts are read here")]
    NotTexts {
        /// The folder.
        place: String,
    },
    /// A folder without images.
    #[error("{} has no image: PNG, JPEG and WebP files are read", path_text(path))]
    NoImage {
        /// The folder.
        path: PathBuf,
    },
    /// An image that cannot be read.
    #[error("cannot read {place} as an image: {reason}")]
    Image {
        /// The file.
        place: String,
        /// Why not.
        reason: String,
    },
    /// A folder without sounds.
    #[error("{} has no sound: WAV and FLAC files are read", path_text(path))]
    NoSound {
        /// The folder.
        path: PathBuf,
    },
    /// A sound that cannot be read.
    #[error("cannot read {place} as a sound: {reason}")]
    Sound {
        /// The file.
        place: String,
        /// Why not.
        reason: String,
    },
    /// An image model without a description of how images are prepared.
    #[error("the model {model} does not say how it prepares images, so that it cannot read any")]
    NoProcessor {
        /// The model.
        model: String,
    },
    /// A file that is too large for its kind.
    #[error("{} has more than {} MiB, which is the maximum", path_text(path), max >> 20)]
    LargeFile {
        /// The file.
        path: PathBuf,
        /// The maximum in bytes.
        max: u64,
    },
    /// A text or a line that is too long.
    #[error(
        "{place} has {bytes} bytes, and {} MiB are the maximum: split it, or keep only its beginning (--long cut)",
        max >> 20
    )]
    TooLarge {
        /// Which text.
        place: String,
        /// Its length, or the part of it that was measured.
        bytes: u64,
        /// The maximum.
        max: usize,
    },
    /// A line or a record that is too long, and of which a part is of no use.
    #[error("{place} has {bytes} bytes or more, and {} MiB are the maximum: split it", max >> 20)]
    LongRecord {
        /// The file and the line.
        place: String,
        /// Its length, or the part of it that was measured.
        bytes: u64,
        /// The maximum.
        max: usize,
    },
    /// A compressed file that is damaged.
    #[error("{} cannot be decompressed", path_text(path))]
    Compressed {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// States that are larger than the memory.
    #[error(
        "the states need {:.1} GiB of memory, and {:.1} GiB are free: choose --layers, fewer texts or fewer hook points, or write a folder of shards (--output DIR)",
        *bytes as f64 / (1u64 << 30) as f64, *free as f64 / (1u64 << 30) as f64
    )]
    Memory {
        /// The bytes of the states.
        bytes: u64,
        /// The free memory in bytes.
        free: u64,
    },
    /// A record of a table with a mistake.
    #[error("{place}, line {line}: {reason}")]
    Table {
        /// The file.
        place: String,
        /// The line, counted from 1.
        line: usize,
        /// The mistake.
        reason: String,
    },
    /// A pipe or a device as a corpus.
    #[error("{place} is not a regular file; a corpus is read twice, so save it to a file first")]
    NotRegular {
        /// The path.
        place: String,
    },
    /// A text that is not UTF-8.
    #[error("{place}, line {line}: not valid UTF-8 (byte {byte} of the line)")]
    Utf8 {
        /// The file, or the argument.
        place: String,
        /// The line, counted from 1.
        line: usize,
        /// The first wrong byte of the line, counted from 1.
        byte: usize,
    },
    /// A word of a token id file that is not a number.
    #[error("{place}, line {line}: {word:?} is not a token id")]
    NotATokenId {
        /// The file.
        place: String,
        /// The line, counted from 1.
        line: usize,
        /// The word.
        word: String,
    },
    /// A line of a pair file without a tab.
    #[error("{place}, line {line}: a pair is two texts with one tab between them")]
    NotAPair {
        /// The file.
        place: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// A line of a CoNLL-U file with a mistake.
    #[error("{place}, line {line}: {reason}")]
    Conllu {
        /// The file.
        place: String,
        /// The line, counted from 1.
        line: usize,
        /// The mistake.
        reason: String,
    },
    /// A line of a JSON lines file that is not an object, or has no text.
    #[error("{place}, line {line}: {reason}")]
    Json {
        /// The file.
        place: String,
        /// The line, counted from 1.
        line: usize,
        /// The mistake.
        reason: String,
    },
    /// A Parquet file that cannot be read.
    #[error("cannot read {place} as Parquet: {reason}")]
    Parquet {
        /// The file.
        place: String,
        /// Why not.
        reason: String,
    },
    /// A JSON line without the key of the text, or a Parquet file without its column.
    #[error("{place} has no {field:?}; it has: {found} (choose with --field NAME)")]
    NoField {
        /// The file, or its line.
        place: String,
        /// The key or column.
        field: String,
        /// The keys or columns that exist.
        found: String,
    },
    /// A text with more tokens than the model's positions allow.
    #[error(
        "{place} has {tokens} tokens, and the model reads at most {limit}: shorten it, cut it (--long cut) or read it in windows (--long window)"
    )]
    TooLong {
        /// Which text.
        place: String,
        /// The tokens, special tokens included.
        tokens: usize,
        /// The most tokens that the model reads.
        limit: usize,
    },
    /// A text to cut, of a tokenizer that cuts at the start.
    #[error(
        "{place} has {tokens} tokens, more than {limit}, and the tokenizer of the model cuts texts at their start (truncation_side is left), which --long cut does not do: read it in windows (--long window), or shorten it"
    )]
    CutsStart {
        /// Which text.
        place: String,
        /// The tokens, special tokens included.
        tokens: usize,
        /// The most tokens that are read.
        limit: usize,
    },
    /// A text of which sentence-transformers reads the special tokens alone.
    #[error(
        "{place} has {tokens} tokens, and sentence-transformers reads {limit} for the vector of a sentence, which the special tokens fill, so that no part of the text is read: choose the pooling (--pooling mean), which reads as much as the model can"
    )]
    NoRoom {
        /// Which text.
        place: String,
        /// The tokens, special tokens included.
        tokens: usize,
        /// The most tokens that sentence-transformers reads.
        limit: usize,
    },
    /// A text with more tokens than sentence-transformers reads of it for the vector of a sentence.
    #[error(
        "{place} has {tokens} tokens, and sentence-transformers reads the first {limit} for the vector of a sentence: cut it as there (--long cut), read it in windows (--long window), or choose the pooling (--pooling mean), which reads as much as the model can"
    )]
    LongSentence {
        /// Which text.
        place: String,
        /// The tokens, special tokens included.
        tokens: usize,
        /// The most tokens that sentence-transformers reads.
        limit: usize,
    },
    /// A text whose characters the tokenizer drops.
    #[error("{place} has no tokens: the tokenizer drops all of its characters")]
    NoTokens {
        /// Which text.
        place: String,
    },
    /// A token of a text without a row in the embedding.
    #[error(
        "{place} has the token {token:?} with id {id}, and the embedding of the model has only {rows} rows: take the token out of the text"
    )]
    NoRow {
        /// Which text.
        place: String,
        /// The token.
        token: String,
        /// Its id.
        id: u32,
        /// The rows of the embedding.
        rows: usize,
    },
    /// A token id beyond the vocabulary.
    #[error("{place}: token id {id} is beyond the vocabulary of {d_vocab} tokens")]
    TokenId {
        /// The sequence.
        place: String,
        /// The id.
        id: u32,
        /// The size of the vocabulary.
        d_vocab: usize,
    },
    /// A pair of texts that is too long, with windows.
    #[error("{place}: a pair cannot be read in windows; shorten it or cut it (--long cut)")]
    PairWindows {
        /// Which text.
        place: String,
    },
    /// A text, and a model without a tokenizer.
    #[error(
        "the model {model} has no tokenizer: {reason}; give token ids instead (--token-ids FILE)"
    )]
    NoTokenizer {
        /// The model.
        model: String,
        /// Why.
        reason: String,
    },
    /// A layer that the model does not have.
    #[error("{text:?} does not select layers from 0 to {last}: {reason}")]
    Layers {
        /// The selection.
        text: String,
        /// The last layer.
        last: usize,
        /// Why not.
        reason: String,
    },
    /// Hook points of a text that is read in windows.
    #[error(
        "hook points are not supported for a text in several windows; shorten it or cut it (--long cut)"
    )]
    HooksInWindows,
    /// Words or sentences of rows that have none.
    #[error("no {unit} to pool: {reason}")]
    NothingToPool {
        /// The unit.
        unit: &'static str,
        /// Why there are none.
        reason: String,
    },
    /// A hidden state that is NaN or infinite.
    #[error(
        "layer {layer}, token {token} of {place}: a hidden state is not finite; the computation overflows"
    )]
    NotFinite {
        /// The layer.
        layer: usize,
        /// Which text.
        place: String,
        /// The token, counted from 0 within the text, special tokens included.
        token: usize,
    },
    /// A value that is too large for f16.
    #[error(
        "{name}, {row} of {place}: {value:e} is larger than 65504, the maximum of f16; write f32 (without --half)"
    )]
    BeyondHalf {
        /// The layer or the hook point.
        name: String,
        /// Which text.
        place: String,
        /// The label of the row.
        row: String,
        /// The value.
        value: f32,
    },
    /// A value that a format does not support.
    #[error("{what} cannot be written as {format}: {reason}")]
    Format {
        /// The value.
        what: String,
        /// The format.
        format: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// A folder with an extraction, finished or not.
    #[error("{} has {what}; --resume continues it, --overwrite starts again", path_text(path))]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// A folder with files of other programs, which are never touched.
    #[error(
        "{} has {found:?}, which is not from an extraction; choose another folder",
        path_text(path)
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// A folder with an extraction of other settings.
    #[error(
        "{} was started with different settings and cannot be resumed: {changes}; --overwrite starts again",
        path_text(path)
    )]
    Changed {
        /// The folder.
        path: PathBuf,
        /// The differences.
        changes: String,
    },
    /// A folder that another process writes to.
    #[error(
        "{} is being written by another run; wait for it, or choose another folder",
        path_text(path)
    )]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// An output that is a symbolic link.
    #[error(
        "{} is a symbolic link; give the name of its target, {}",
        path_text(path),
        path_text(target)
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// Its target.
        target: PathBuf,
    },
    /// A shard that differs from the index or the journal.
    #[error("{} is not as it was written: {reason}; --resume computes it again", path_text(path))]
    Shard {
        /// The shard, or its index.
        path: PathBuf,
        /// The difference.
        reason: String,
    },
    /// The input changed during the extraction.
    #[error(
        "{place} changed while it was read; --resume, once it stays the same, computes what is missing"
    )]
    InputChanged {
        /// The file.
        place: String,
    },
    /// A file of an extraction could not be written.
    #[error(
        "cannot write {} ({source}); the written files stay, and --resume continues",
        path_text(path)
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A states file that cannot be read.
    #[error("cannot read {} as a states file: {reason}", path_text(path))]
    States {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// States that were computed elsewhere, in arrays that do not fit together.
    #[error("these states cannot be used: {reason}")]
    Arrays {
        /// Why not.
        reason: String,
    },
    /// A text that is not among the texts of states.
    #[error(
        "{place} is not among the texts of the states, or they have no texts: the model must read every text of the input, as it is"
    )]
    NotComputed {
        /// Which text.
        place: String,
    },
    /// A layer that is not among states.
    #[error("layer {layer} is not among the layers of the states")]
    LayerNotComputed {
        /// The layer.
        layer: usize,
    },
    /// A file could not be read or written.
    #[error("cannot read or write {}", path_text(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A thread could not be started.
    #[error("cannot start a thread; try fewer (--threads)")]
    Thread {
        /// Why not.
        source: std::io::Error,
    },
    /// An error of the loader.
    #[error(transparent)]
    Loader(#[from] stratoscope_loader::Error),
    /// An error of the forward pass.
    #[error(transparent)]
    Transformer(#[from] stratoscope_transformer::Error),
    /// A tensor could not be read.
    #[error("cannot read a tensor")]
    Tensor(#[from] candle_core::Error),
}

/// What an input is.
fn in_words(given: Reads) -> &'static str {
    match given {
        Reads::Text => "a text",
        Reads::Image => "an image",
        _ => "a sound",
    }
}

/// What to do with an input that the model does not read.
fn advice(given: Reads, reads: Reads) -> &'static str {
    match (given, reads) {
        (Reads::Text, Reads::Image) => "give images (--image FILE), or another --model",
        (Reads::Text, Reads::Sound) => "give sounds (--audio FILE), or another --model",
        (Reads::Sound, _) => "choose a model that reads sound (--model)",
        (Reads::Image, _) => "choose a model that reads images (--model)",
        _ => "choose another --model",
    }
}

impl Error {
    /// The error of reading a file of texts. Only a decoder finds that bytes are wrong, or too few.
    pub(crate) fn of_read(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        let path = path.into();
        match source.kind() {
            InvalidData | InvalidInput | UnexpectedEof => Self::Compressed { path, source },
            _ => Self::Io { path, source },
        }
    }
}
