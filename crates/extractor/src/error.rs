//! What can go wrong between a text and its hidden states, with the evidence.

use std::path::PathBuf;

/// Shorthand for this crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong between a text and its hidden states.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no text, or nothing but white space.
    #[error("there is no text to look at: {place}")]
    NoText {
        /// Where it was looked for.
        place: String,
    },
    /// A text that is not UTF-8.
    #[error("{place}, line {line}: not valid UTF-8 (byte {byte} of the line)")]
    Utf8 {
        /// The file, or the argument.
        place: String,
        /// The line, counted from 1.
        line: usize,
        /// The first byte that is wrong, counted from 1.
        byte: usize,
    },
    /// A line of a token id file that is not numbers.
    #[error("{place}, line {line}: {word:?} is not a token id")]
    NotATokenId {
        /// The file.
        place: String,
        /// The line, counted from 1.
        line: usize,
        /// What stands there.
        word: String,
    },
    /// A line of a pair file without its tab.
    #[error("{place}, line {line}: a pair is two texts with one tab between them")]
    NotAPair {
        /// The file.
        place: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// A line of a CoNLL-U file that cannot be one.
    #[error("{place}, line {line}: {reason}")]
    Conllu {
        /// The file.
        place: String,
        /// The line, counted from 1.
        line: usize,
        /// Why not.
        reason: String,
    },
    /// A line of a file of JSON lines that is none, or holds no text.
    #[error("{place}, line {line}: {reason}")]
    Json {
        /// The file.
        place: String,
        /// The line, counted from 1.
        line: usize,
        /// Why not.
        reason: String,
    },
    /// A Parquet file that cannot be read.
    #[error("{place} cannot be read as Parquet: {reason}")]
    Parquet {
        /// The file.
        place: String,
        /// Why not.
        reason: String,
    },
    /// A JSON line or a Parquet file without the text's key or column.
    #[error("{place} has no {field:?}; there are: {found} (--field NAME)")]
    NoField {
        /// The file, or its line.
        place: String,
        /// What was looked for.
        field: String,
        /// What there is.
        found: String,
    },
    /// A text with more tokens than the model's positions allow.
    #[error(
        "{place} has {tokens} tokens, the model reads at most {limit}: shorten it, or have it cut (--long cut) or read in windows (--long window)"
    )]
    TooLong {
        /// Which text.
        place: String,
        /// Its tokens, special ones included.
        tokens: usize,
        /// The most that the model takes.
        limit: usize,
    },
    /// A text of characters that the tokenizer drops, all of them.
    #[error("{place} has no tokens: the tokenizer drops all of its characters")]
    NoTokens {
        /// Which text.
        place: String,
    },
    /// A token id that the model has no embedding for.
    #[error("{place}: token id {id} is beyond the model's embedding, which has {d_vocab} rows")]
    TokenId {
        /// Which sequence.
        place: String,
        /// The id.
        id: u32,
        /// Rows of the embedding.
        d_vocab: usize,
    },
    /// A pair of texts where only the window policy would make them fit.
    #[error("{place}: a pair cannot be read in windows; shorten it or have it cut (--long cut)")]
    PairWindows {
        /// Which text.
        place: String,
    },
    /// Text was given to a model that has no tokenizer.
    #[error(
        "the model {model} has no tokenizer.json (nor vocabulary files); give token ids instead (--token-ids FILE)"
    )]
    NoTokenizer {
        /// The model.
        model: String,
    },
    /// A layer that the model does not have.
    #[error("{text:?} is not a choice of layers from 0 to {last}: {reason}")]
    Layers {
        /// What was asked for.
        text: String,
        /// The last layer.
        last: usize,
        /// Why not.
        reason: String,
    },
    /// Hook points were asked of texts that are read in windows.
    #[error(
        "other hook points than hidden states cannot be kept of a text that is read in windows; shorten it or have it cut (--long cut)"
    )]
    HooksInWindows,
    /// Words or sentences were asked of rows that have none.
    #[error("there are no {unit} to pool: {reason}")]
    NothingToPool {
        /// What was asked for.
        unit: &'static str,
        /// Why there are none.
        reason: String,
    },
    /// A hidden state came out as NaN or infinite.
    #[error(
        "layer {layer}, token {token} of {place}: a hidden state is not finite; the weights overflow f32"
    )]
    NotFinite {
        /// The layer.
        layer: usize,
        /// Which text.
        place: String,
        /// The token, counted from 0 within the text, special ones included.
        token: usize,
    },
    /// A value that is too large for the f16 that it was to be written as.
    #[error(
        "{name}, {row} of {place}: {value:e} is beyond f16, which ends at 65504; write f32 (without --half)"
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
    /// What was asked for has no place in the format that it was to be written in.
    #[error("{what} cannot be written as {format}: {reason}")]
    Format {
        /// What was asked for.
        what: String,
        /// The format.
        format: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// An extraction is in the folder already, finished or not.
    #[error("{} holds {what}; --resume goes on with it, --overwrite begins anew", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// A folder that holds something else, which is never touched.
    #[error("{} holds {found:?}, which no extraction has written; name another folder", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// What is in the folder was made otherwise than what is to go on.
    #[error("{} was begun otherwise, so that nothing can go on: {changes}; --overwrite begins anew", path.display())]
    Changed {
        /// The folder.
        path: PathBuf,
        /// What is not as it was.
        changes: String,
    },
    /// The input is no longer what was counted at the beginning.
    #[error("{place} was changed while it was read")]
    InputChanged {
        /// The file.
        place: String,
    },
    /// A file of an extraction could not be written.
    #[error("cannot write {} ({source}); what is there stays, and the same command with --resume goes on", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A states file that cannot be used.
    #[error("{} is not a states file that can be read: {reason}", path.display())]
    States {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No thread could be started to compute with.
    #[error("no thread could be started; fewer may do (--threads)")]
    Thread {
        /// Why not.
        source: std::io::Error,
    },
    /// The model's files or its tokenizer.
    #[error(transparent)]
    Loader(#[from] stratoscope_loader::Error),
    /// The forward pass.
    #[error(transparent)]
    Transformer(#[from] stratoscope_transformer::Error),
    /// A tensor could not be read.
    #[error("a tensor could not be read")]
    Tensor(#[from] candle_core::Error),
}
