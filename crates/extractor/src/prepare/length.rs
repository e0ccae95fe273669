//! Long texts: refused, cut or read in windows.

use super::warning::Warning;
use crate::error::{Error, Result};
use crate::input::Text;
use crate::lines::{MAX_TEXT_BYTES, beginning};
use stratoscope_loader::{Encoding, Tokenizer};
use stratoscope_transformer::Architecture;

/// What is done with a text that is longer than the positions of the model allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LongText {
    /// It is refused, before any computation.
    #[default]
    Refuse,
    /// Its beginning is kept.
    Cut,
    /// It is read in windows that overlap by half. The state of each token is taken from the window in
    /// which the token is farthest from an edge.
    Window,
}

impl LongText {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Cut => "cut",
            Self::Window => "window",
        }
    }
}

/// Which texts are too long, and what is done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LengthLimit {
    /// What is done with a text that is too long.
    pub long: LongText,
    /// The most tokens of a text, special tokens included; none for as many as the model was made for.
    /// Not more are read than the model has rows of positions. For vectors of sentences:
    /// [`sentence_max_tokens`](stratoscope_loader::ModelInfo::sentence_max_tokens).
    pub max_tokens: Option<usize>,
}

impl From<LongText> for LengthLimit {
    fn from(long: LongText) -> Self {
        Self { long, max_tokens: None }
    }
}

/// A text as the model reads it.
pub(super) struct Tokenized {
    pub(super) windows: Vec<Encoding>,
    /// The tokens that neighbouring windows share.
    pub(super) overlap: usize,
    pub(super) warning: Option<Warning>,
}

/// Tokenizes a text for an architecture.
pub(super) fn tokenized(
    tokenizer: &Tokenizer,
    text: &Text,
    place: &dyn Fn() -> String,
    LengthLimit { long, max_tokens }: LengthLimit,
    architecture: &Architecture,
) -> Result<Tokenized> {
    let own = architecture.max_tokens().unwrap_or(usize::MAX);
    let limit = max_tokens.unwrap_or(own).min(architecture.max_positions().unwrap_or(usize::MAX));
    let pair = text.pair.as_deref();
    // Longer texts would fill the memory. Their beginning is enough to cut them.
    let bytes = text.text.len().max(pair.map_or(0, str::len));
    if bytes > MAX_TEXT_BYTES && long != LongText::Cut {
        let bytes = bytes as u64;
        return Err(Error::TooLarge { place: place(), bytes, max: MAX_TEXT_BYTES });
    }
    let mut second = pair.map(|pair| beginning(pair, MAX_TEXT_BYTES));
    let mut first = beginning(&text.text, MAX_TEXT_BYTES);
    match &mut second {
        _ if long != LongText::Cut => {}
        None => first = tokenizer.beginning(first, limit)?,
        Some(second) => [first, *second] = tokenizer.pair_beginning([first, *second], limit)?,
    }
    let is_begun = first.len() < text.text.len() || second.map(str::len) < pair.map(str::len);
    let whole = tokenizer.encode(first, second)?;
    let tokens = whole.ids.len();
    if whole.special.iter().all(|s| *s) {
        return Err(Error::NoTokens { place: place() });
    }
    if tokens <= limit {
        let warning = is_begun.then(|| Warning::Beginning { place: place(), kept: tokens });
        return Ok(Tokenized { windows: vec![whole], overlap: 0, warning });
    }
    let room = limit.saturating_sub(tokenizer.special_tokens(pair.is_some()));
    match long {
        LongText::Window if pair.is_some() => Err(Error::PairWindows { place: place() }),
        LongText::Cut if tokenizer.cuts_start() => {
            Err(Error::CutsStart { place: place(), tokens, limit })
        }
        LongText::Cut if room > 0 => {
            let mut windows = tokenizer.encode_windows(first, second, limit, 0)?;
            windows.truncate(1);
            let warning = Some(match is_begun {
                true => Warning::Beginning { place: place(), kept: limit },
                false => Warning::Cut { place: place(), tokens, kept: limit },
            });
            Ok(Tokenized { windows, overlap: 0, warning })
        }
        LongText::Window if room > 0 => {
            let overlap = room / 2;
            let windows = tokenizer.encode_windows(&text.text, None, limit, overlap)?;
            let warning = Some(Warning::Windows { place: place(), tokens, windows: windows.len() });
            Ok(Tokenized { windows, overlap, warning })
        }
        _ if room == 0 && limit < own => Err(Error::NoRoom { place: place(), tokens, limit }),
        _ if limit < own => Err(Error::LongSentence { place: place(), tokens, limit }),
        _ => Err(Error::TooLong { place: place(), tokens, limit }),
    }
}
