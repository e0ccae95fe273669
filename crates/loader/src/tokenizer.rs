//! The tokenizer of a model: from text to token ids and the place of every token in the text. `folder.rs`
//! builds it from the files of a checkpoint: `choice.rs` chooses the class, `settings.rs` gathers the
//! settings, `class.rs`, `pipeline.rs` and `post.rs` are the classes, `assemble.rs` puts all together.

mod assemble;
mod choice;
mod class;
mod folder;
mod guard;
mod languages;
mod local;
mod merges;
mod mistral;
mod numbering;
mod parts;
mod pipeline;
mod post;
mod proto;
mod python;
mod sentencepiece;
mod settings;
mod token;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use folder::{Declared, FILES, Folder, read};

use crate::error::{Error, Result};
use crate::note::Note;
use crate::spelling::text_of;
use assemble::Assembled;
use numbering::Numbering;
use parts::Parts;
use serde_json::json;
use std::borrow::Cow;
use std::sync::OnceLock;
use tokenizers::models::ModelWrapper;
use tokenizers::utils::truncation::{TruncationParams, TruncationStrategy, truncate_encodings};
use tokenizers::{PostProcessor, PostProcessorWrapper};

/// The file of a whole tokenizer.
pub(crate) const JSON: &str = "tokenizer.json";

/// The tokenizer of a model. It never pads, and cuts only on request.
#[derive(Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    unknown: Option<u32>,
    /// Whether the vocabulary is byte-level, like that of GPT-2.
    byte_level: bool,
    /// [`longest_added`](Self::longest_added), once it is known.
    longest_added: OnceLock<Option<usize>>,
    notes: Vec<Note>,
    cuts_start: bool,
    /// The ids of the model, where they are others than those of the library.
    numbering: Option<Numbering>,
    /// A character that is put before each text.
    beginning: Option<char>,
}

/// The tokens of one text, or of a pair of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoding {
    /// `[tokens]`: ids.
    pub ids: Vec<u32>,
    /// `[tokens]`: the token types of the tokenizer (1 for the second text of a pair, in some).
    pub type_ids: Vec<u32>,
    /// `[tokens]`: start and end of each token in its text, in characters; `[0, 0]` for special tokens,
    /// and for tokens without a character of the text: SentencePiece's mark alone, and a space alone
    /// (`Ġ`) where the tokenizer leaves spaces out of places.
    pub char_offsets: Vec<[usize; 2]>,
    /// `[tokens]`: the text of each token in a pair, 0 or 1; 0 for special tokens.
    pub text_ids: Vec<usize>,
    /// `[tokens]`: the word (pre-token) of each token, counted through both texts of a pair; none for
    /// special tokens and for tokens of white space alone (`▁`, `Ġ`, `Ċ`).
    pub word_ids: Vec<Option<u32>>,
    /// `[tokens]`: whether the token is a special token of the tokenizer.
    pub special: Vec<bool>,
}

/// What was found where a tokenizer may be.
pub(crate) enum Found {
    /// A tokenizer.
    Tokenizer(Box<Tokenizer>),
    /// No tokenizer.
    None {
        /// Why, as a sentence without a full stop.
        reason: String,
    },
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("size", &self.inner.get_vocab_size(true)).finish()
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json` without the settings that other files may have.
    ///
    /// # Errors
    /// Bytes that are not one, or a tokenizer that is not supported.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        let wrong = |reason| Error::Tokenizer { file: JSON.into(), reason };
        let parts = Parts::parse(bytes).map_err(wrong)?;
        let made = guard::caught(|| assemble::alone(parts)).map_err(wrong)?;
        Ok(Self::new(made.map_err(|error| wrong(error.to_string()))?))
    }

    fn new(assembled: Assembled) -> Self {
        let Assembled { inner, unknown, notes, cuts_start, numbering, beginning } = assembled;
        let named = unknown_token(&inner).and_then(|token| inner.token_to_id(token));
        let parts = json!([inner.get_pre_tokenizer(), inner.get_decoder()]).to_string();
        let byte_level = parts.contains("\"ByteLevel\"");
        let longest_added = OnceLock::new();
        let unknown = unknown.or(named);
        Self { inner, unknown, byte_level, longest_added, notes, cuts_start, numbering, beginning }
    }

    /// The most bytes of a text that an added token takes as a whole, if no token depends on the text
    /// after the next space. Only long texts need it, and it may look at the whole vocabulary.
    fn longest_added(&self) -> Option<usize> {
        *self.longest_added.get_or_init(|| {
            local::ends_at_spaces(&self.inner).then(|| {
                let tokens = self.inner.get_added_tokens_decoder();
                let longest = tokens.values().map(|token| token.content.len()).max().unwrap_or(0);
                // Normalization may make a text shorter.
                64 + 4 * longest
            })
        })
    }

    /// What a user should know of this tokenizer.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Encodes a text, or a pair, with the special tokens of the model.
    ///
    /// # Errors
    /// [`Error::Encode`] where the tokenizers library fails.
    pub fn encode(&self, text: &str, pair: Option<&str>) -> Result<Encoding> {
        let (text, pair) = (self.begun(text), pair.map(|pair| self.begun(pair)));
        Ok(self.encoding(&encode(&self.inner, &text, pair.as_deref())?))
    }

    /// A text with the character that is put before it.
    fn begun<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.beginning.map_or(Cow::Borrowed(text), |begin| Cow::Owned(format!("{begin}{text}")))
    }

    /// A beginning of a text whose first `tokens` tokens, without special tokens, are those of the text.
    /// It is the whole text if that is not long, or if the tokenizer needs all of a text.
    ///
    /// # Errors
    /// [`Error::Encode`] where the tokenizers library fails.
    pub fn beginning<'a>(&self, text: &'a str, tokens: usize) -> Result<&'a str> {
        self.beginning_of(text, tokens, worthwhile(tokens))
    }

    /// [`beginning`](Self::beginning), of at least `bytes`.
    fn beginning_of<'a>(&self, text: &'a str, tokens: usize, mut bytes: usize) -> Result<&'a str> {
        if text.len() <= bytes {
            return Ok(text);
        }
        let Some(longest) = self.longest_added() else { return Ok(text) };
        while let Some((start, fixed)) = local::beginning(text, bytes, longest) {
            let fixed = start[..fixed].chars().count();
            let encoding = encode(&self.inner, start, None)?;
            let special = encoding.get_special_tokens_mask().iter();
            let ends = encoding.get_offsets().iter().zip(special).filter(|(_, mask)| **mask == 0);
            let mut ends = ends.map(|((_, end), _)| *end);
            // Tokens are in the order of the text.
            if ends.nth(tokens.saturating_sub(1)).is_some_and(|end| end <= fixed) {
                return Ok(start);
            }
            bytes = start.len().saturating_mul(4);
        }
        Ok(text)
    }

    /// Beginnings of the texts of a pair that [`encode_windows`](Self::encode_windows) cuts to the same
    /// `max_tokens` tokens as the pair.
    ///
    /// # Errors
    /// [`Error::Encode`] where the tokenizers library fails.
    pub fn pair_beginning<'a>(
        &self,
        pair: [&'a str; 2],
        max_tokens: usize,
    ) -> Result<[&'a str; 2]> {
        self.pair_beginning_of(pair, max_tokens, worthwhile(max_tokens))
    }

    /// [`pair_beginning`](Self::pair_beginning), of at least `bytes` each.
    fn pair_beginning_of<'a>(
        &self,
        pair: [&'a str; 2],
        max_tokens: usize,
        bytes: usize,
    ) -> Result<[&'a str; 2]> {
        let start = |text| self.beginning_of(text, max_tokens.saturating_add(1), bytes);
        let starts = [start(pair[0])?, start(pair[1])?];
        // A text that is begun has more than `max_tokens` tokens.
        let is_begun = [0, 1].map(|text| starts[text].len() < pair[text].len());
        let is_longer = |other: usize| -> Result<bool> {
            let encoding = encode(&self.inner, pair[other], None)?;
            let special = encoding.get_special_tokens_mask().iter();
            Ok(special.filter(|mask| **mask == 0).count() <= max_tokens)
        };
        // A text is cut to what the shorter text leaves; two long texts are cut to halves, of which an odd
        // token goes to the longer text. So one must know which text is longer.
        let room = max_tokens.saturating_sub(self.special_tokens(true));
        let is_known = match is_begun {
            [false, false] => return Ok(pair),
            _ if room.is_multiple_of(2) => true,
            [true, true] => false,
            [true, false] => is_longer(1)?,
            [false, true] => is_longer(0)?,
        };
        Ok(if is_known { starts } else { pair })
    }

    /// Encodes a long text as windows of at most `max_tokens` tokens, special tokens included.
    /// Neighbouring windows share `overlap` tokens. Of a pair the longer text is cut, and there is one
    /// window.
    ///
    /// # Errors
    /// [`Error::Encode`] where the tokenizers library fails, or no token fits into a window.
    pub fn encode_windows(
        &self,
        text: &str,
        pair: Option<&str>,
        max_tokens: usize,
        overlap: usize,
    ) -> Result<Vec<Encoding>> {
        let mut inner = self.inner.clone();
        let truncation = TruncationParams {
            max_length: max_tokens,
            stride: overlap,
            strategy: TruncationStrategy::LongestFirst,
            ..TruncationParams::default()
        };
        // With truncation, `encode` drops the text after the first window, and of a pair it compares
        // the lengths of texts that are cut already. So tokenize first, then cut, then add special
        // tokens to each window.
        let processor = inner.get_post_processor().cloned();
        inner.with_post_processor(None::<PostProcessorWrapper>);
        let whole = encode(&inner, &self.begun(text), None)?;
        let second = pair.map(|pair| encode(&inner, &self.begun(pair), None)).transpose()?;
        inner.with_post_processor(processor);
        if let Some(mut second) = second {
            second.set_type_ids(vec![1; second.len()]);
            // What is cut off would be combined with what is cut off the other text.
            let max_length = max_tokens.saturating_sub(self.special_tokens(true));
            let truncation = TruncationParams { max_length, ..truncation };
            let cut = || truncate_encodings(whole, Some(second), &truncation);
            let (mut first, mut second) = caught(cut)?;
            first.take_overflowing();
            second.iter_mut().for_each(|second| drop(second.take_overflowing()));
            let both = caught(|| inner.post_process(first, second, true))?;
            return Ok(vec![self.encoding(&both)]);
        }
        inner.with_truncation(Some(truncation)).map_err(|e| encode_error(&*e))?;
        let mut first = caught(|| inner.post_process(whole, None, true))?;
        let rest = first.take_overflowing();
        Ok(std::iter::once(&first).chain(&rest).map(|window| self.encoding(window)).collect())
    }

    /// Whether Python cuts long texts at their start (`truncation_side`). [`encode_windows`] does not.
    ///
    /// [`encode_windows`]: Self::encode_windows
    pub fn cuts_start(&self) -> bool {
        self.cuts_start
    }

    /// The token of an id, in the spelling of the vocabulary (`##ing`, `Ġbank`).
    pub fn token(&self, id: u32) -> Option<String> {
        match &self.numbering {
            None => self.inner.id_to_token(id),
            Some(numbering) => numbering.token(id),
        }
    }

    /// The text of a token: `Ġbank` and `▁bank` become ` bank`. Bytes of an incomplete character become
    /// `<0xE4>`.
    pub fn text(&self, id: u32) -> Option<String> {
        Some(text_of(&self.token(id)?, self.byte_level))
    }

    /// The id of a token in the spelling of the vocabulary.
    pub fn id(&self, token: &str) -> Option<u32> {
        match &self.numbering {
            None => self.inner.token_to_id(token),
            Some(numbering) => numbering.id(token),
        }
    }

    /// The id of the mask token (`[MASK]`, `<mask>`).
    pub fn mask_id(&self) -> Option<u32> {
        let added = self.inner.get_added_vocabulary();
        let masks = ["[MASK]", "<mask>"].into_iter().filter(|mask| added.is_special_token(mask));
        masks.filter_map(|mask| self.id(mask)).next()
    }

    /// The algorithm: `WordPiece`, `BPE`, `Unigram` or `WordLevel`.
    pub fn kind(&self) -> &'static str {
        kind(self.inner.get_model())
    }

    /// The size of the vocabulary, with added tokens.
    pub fn size(&self) -> usize {
        match &self.numbering {
            None => self.inner.get_vocab_size(true),
            Some(numbering) => numbering.size(),
        }
    }

    /// The id of the unknown token, if the vocabulary has one.
    pub fn unknown_id(&self) -> Option<u32> {
        self.unknown
    }

    /// The number of special tokens that are added to a text, or to a pair.
    pub fn special_tokens(&self, pair: bool) -> usize {
        self.inner.get_post_processor().map_or(0, |p| p.added_tokens(pair))
    }

    /// The number of tokens that an embedding of `rows` rows does not have. Texts without these tokens
    /// can be read.
    pub fn tokens_beyond(&self, rows: usize) -> usize {
        match &self.numbering {
            None => {
                let ids = self.inner.get_vocab(true).into_values();
                ids.filter(|id| *id as usize >= rows).count()
            }
            Some(numbering) => numbering.tokens_beyond(rows),
        }
    }
}

/// The bytes of a text of which so many tokens are needed. The number of tokens of shorter texts is worth
/// its time.
fn worthwhile(tokens: usize) -> usize {
    tokens.saturating_mul(16).max(1 << 16)
}

fn encode(
    inner: &tokenizers::Tokenizer,
    text: &str,
    pair: Option<&str>,
) -> Result<tokenizers::Encoding> {
    caught(|| match pair {
        None => inner.encode_char_offsets(text, true),
        Some(pair) => inner.encode_char_offsets((text, pair), true),
    })
}

/// Runs a function of the library. Its errors and panics become errors.
fn caught<T>(run: impl FnOnce() -> tokenizers::Result<T>) -> Result<T> {
    match guard::caught(run) {
        Ok(done) => done.map_err(|e| encode_error(&*e)),
        Err(reason) => Err(Error::Encode { reason }),
    }
}

fn encode_error(error: &(dyn std::error::Error + Send + Sync)) -> Error {
    Error::Encode { reason: error.to_string() }
}

impl Tokenizer {
    fn encoding(&self, encoding: &tokenizers::Encoding) -> Encoding {
        let special: Vec<bool> =
            encoding.get_special_tokens_mask().iter().map(|&m| m == 1).collect();
        let text_ids: Vec<usize> =
            encoding.get_sequence_ids().into_iter().map(|id| id.unwrap_or(0)).collect();
        // The library numbers the words of the second text of a pair from 0 again.
        let words = |text| {
            let of_text =
                encoding.get_word_ids().iter().zip(&text_ids).filter(|(_, t)| **t == text);
            of_text.filter_map(|(word, _)| *word).max().map_or(0, |last| last + 1)
        };
        let shift = [0, words(0)];
        // A token of white space alone is in no word. The mark of SentencePiece is no character of the
        // text, whatever the library says.
        let blank = |token: &str| text_of(token, self.byte_level).trim().is_empty();
        let mark = |token: &str| !self.byte_level && token.chars().all(|c| c == '\u{2581}');
        let tokens = || encoding.get_tokens().iter().zip(&special);
        let wordless: Vec<bool> =
            tokens().map(|(token, &special)| special || blank(token)).collect();
        let begun = usize::from(self.beginning.is_some());
        let places = encoding.get_offsets().iter().zip(tokens());
        let place =
            |(&(start, end), (token, &special)): (&(usize, usize), (&String, &bool))| match special
                || start == end
                || mark(token)
            {
                true => [0, 0],
                false => [start, end].map(|place| place.saturating_sub(begun)),
            };
        let word_ids = encoding.get_word_ids().iter().zip(&text_ids).zip(&wordless);
        Encoding {
            ids: match &self.numbering {
                None => encoding.get_ids().to_vec(),
                Some(numbering) => numbering.ids(encoding),
            },
            type_ids: encoding.get_type_ids().to_vec(),
            char_offsets: places.map(place).collect(),
            word_ids: word_ids
                .map(|((word, &text), &wordless)| {
                    word.filter(|_| !wordless).map(|w| w + shift[text.min(1)])
                })
                .collect(),
            text_ids,
            special,
        }
    }
}

/// The unknown token of a tokenizer, if it has one.
fn unknown_token(inner: &tokenizers::Tokenizer) -> Option<&str> {
    match inner.get_model() {
        ModelWrapper::WordPiece(model) => Some(&model.unk_token),
        ModelWrapper::WordLevel(model) => Some(&model.unk_token),
        ModelWrapper::BPE(model) => model.unk_token.as_deref(),
        // A Unigram model has an unknown piece by its id, which the library does not tell.
        ModelWrapper::Unigram(_) => None,
    }
}

/// The algorithm of a model.
fn kind(model: &ModelWrapper) -> &'static str {
    match model {
        ModelWrapper::BPE(_) => "BPE",
        ModelWrapper::WordPiece(_) => "WordPiece",
        ModelWrapper::Unigram(_) => "Unigram",
        ModelWrapper::WordLevel(_) => "WordLevel",
    }
}
