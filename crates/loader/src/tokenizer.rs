//! The tokenizer of a model: from text to token ids and the place of every token in the text. Built from
//! `tokenizer.json`, or from vocabulary files.

mod guard;

use crate::error::{Error, Result};
use crate::spelling::text_of;
use serde_json::{Map, Value, json};
use tokenizers::utils::truncation::{TruncationParams, TruncationStrategy};
use tokenizers::{PostProcessor, PostProcessorWrapper};

/// The tokenizer of a model. It never pads, and cuts only on request.
#[derive(Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    unknown: Option<u32>,
    /// Whether the vocabulary is byte-level, like that of GPT-2.
    byte_level: bool,
}

/// The tokens of one text, or of a pair of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoding {
    /// `[tokens]`: ids.
    pub ids: Vec<u32>,
    /// `[tokens]`: the token types of the tokenizer (1 for the second text of a pair, in some).
    pub type_ids: Vec<u32>,
    /// `[tokens]`: start and end of each token in its text, in characters; `[0, 0]` for special tokens.
    pub char_offsets: Vec<[usize; 2]>,
    /// `[tokens]`: the text of each token in a pair, 0 or 1; 0 for special tokens.
    pub text_ids: Vec<usize>,
    /// `[tokens]`: the word (pre-token) of each token, counted through both texts of a pair; none for
    /// special tokens.
    pub word_ids: Vec<Option<u32>>,
    /// `[tokens]`: whether the token is a special token of the tokenizer.
    pub special: Vec<bool>,
}

/// The kind of tokenizer that is built without a `tokenizer.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vocabulary {
    /// `vocab.txt`, WordPiece, `[CLS] A [SEP] B [SEP]`.
    WordPiece,
    /// `vocab.txt`, WordPiece, `<s> A </s></s> B </s>`.
    WordPieceSentence,
    /// `vocab.json` and `merges.txt`, byte-level BPE, `<s> A </s></s> B </s>`.
    ByteLevelBpe,
    /// `vocab.json` and `merges.txt`, byte-level BPE, without special tokens.
    ByteLevelBpeBare,
}

impl Vocabulary {
    /// The files that it is built from; all are required.
    pub(crate) fn files(self) -> &'static [&'static str] {
        match self {
            Self::WordPiece | Self::WordPieceSentence => &["vocab.txt"],
            Self::ByteLevelBpe | Self::ByteLevelBpeBare => &["vocab.json", "merges.txt"],
        }
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("size", &self.inner.get_vocab_size(true)).finish()
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self> {
        let wrong = |reason| Error::Tokenizer { file: "tokenizer.json".into(), reason };
        guard::check(bytes).map_err(wrong)?;
        let mut inner = guard::caught(|| tokenizers::Tokenizer::from_bytes(bytes))
            .and_then(|read| read.map_err(|e| e.to_string()))
            .map_err(wrong)?;
        let added = inner
            .get_post_processor()
            .map_or(0, |p| p.added_tokens(true).max(p.added_tokens(false)));
        if added > guard::MAX_ADDED {
            return Err(wrong(format!("it puts {added} special tokens around a text")));
        }
        // Files may ask for padding and truncation.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|e| encode_error(&*e))?;
        let unknown = unknown_token(&inner).and_then(|token| inner.token_to_id(&token));
        let parts = json!([inner.get_pre_tokenizer(), inner.get_decoder()]).to_string();
        let byte_level = parts.contains("\"ByteLevel\"");
        Ok(Self { inner, unknown, byte_level })
    }

    /// Builds a tokenizer from its vocabulary files and `tokenizer_config.json`.
    pub(crate) fn from_vocabulary(
        vocabulary: Vocabulary,
        files: &[Vec<u8>],
        config: Option<&[u8]>,
    ) -> Result<Self> {
        let config: Map<String, Value> = match config {
            None => Map::new(),
            Some(bytes) => serde_json::from_slice(bytes)
                .map_err(|source| Error::Json { file: "tokenizer_config.json".into(), source })?,
        };
        let definition = match vocabulary {
            Vocabulary::WordPiece => word_piece(&files[0], &config, BERT_TOKENS)?,
            Vocabulary::WordPieceSentence => word_piece(&files[0], &config, MPNET_TOKENS)?,
            Vocabulary::ByteLevelBpe => {
                byte_level_bpe(&files[0], &files[1], &config, ROBERTA_TOKENS)?
            }
            Vocabulary::ByteLevelBpeBare => {
                byte_level_bpe(&files[0], &files[1], &config, GPT2_TOKENS)?
            }
        };
        Self::from_json(definition.to_string().as_bytes()).map_err(|error| match error {
            Error::Tokenizer { reason, .. } => {
                Error::Tokenizer { file: vocabulary.files().join(" + "), reason }
            }
            other => other,
        })
    }

    /// Encodes a text, or a pair, with the special tokens of the model.
    ///
    /// # Errors
    /// [`Error::Encode`] where the tokenizers library fails.
    pub fn encode(&self, text: &str, pair: Option<&str>) -> Result<Encoding> {
        Ok(encode(&self.inner, text, pair)?.into())
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
        if pair.is_some() {
            inner.with_truncation(Some(truncation)).map_err(|e| encode_error(&*e))?;
            return Ok(vec![encode(&inner, text, pair)?.into()]);
        }
        // With truncation, `encode` drops the text after the first window. So tokenize first, then cut,
        // then add special tokens to each window.
        let processor = inner.get_post_processor().cloned();
        inner.with_post_processor(None::<PostProcessorWrapper>);
        let whole = encode(&inner, text, None)?;
        inner.with_post_processor(processor);
        inner.with_truncation(Some(truncation)).map_err(|e| encode_error(&*e))?;
        let mut first = caught(|| inner.post_process(whole, None, true))?;
        let rest = first.take_overflowing();
        Ok(std::iter::once(first).chain(rest).map(Encoding::from).collect())
    }

    /// The token of an id, in the spelling of the vocabulary (`##ing`, `Ġbank`).
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The text of a token: `Ġbank` and `▁bank` become ` bank`. Bytes of an incomplete character become
    /// `<0xE4>`.
    pub fn text(&self, id: u32) -> Option<String> {
        Some(text_of(&self.token(id)?, self.byte_level))
    }

    /// The id of a token in the spelling of the vocabulary.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The id of the mask token (`[MASK]`, `<mask>`).
    pub fn mask_id(&self) -> Option<u32> {
        let added = self.inner.get_added_vocabulary();
        let masks = ["[MASK]", "<mask>"].into_iter().filter(|mask| added.is_special_token(mask));
        masks.filter_map(|mask| self.id(mask)).next()
    }

    /// The algorithm: `WordPiece`, `BPE`, `Unigram` or `WordLevel`.
    pub fn kind(&self) -> &'static str {
        use tokenizers::ModelWrapper as M;
        match self.inner.get_model() {
            M::BPE(_) => "BPE",
            M::WordPiece(_) => "WordPiece",
            M::Unigram(_) => "Unigram",
            M::WordLevel(_) => "WordLevel",
        }
    }

    /// The size of the vocabulary, with added tokens.
    pub fn size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The id of the unknown token, if the vocabulary has one.
    pub fn unknown_id(&self) -> Option<u32> {
        self.unknown
    }

    /// The number of special tokens that are added to a text, or to a pair.
    pub fn special_tokens(&self, pair: bool) -> usize {
        self.inner.get_post_processor().map_or(0, |p| p.added_tokens(pair))
    }

    /// The token with the greatest id.
    pub(crate) fn last_token(&self) -> Option<(String, u32)> {
        self.inner.get_vocab(true).into_iter().max_by_key(|(_, id)| *id)
    }
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

impl From<tokenizers::Encoding> for Encoding {
    fn from(encoding: tokenizers::Encoding) -> Self {
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
        let word_ids = encoding.get_word_ids().iter().zip(&text_ids).zip(&special);
        Self {
            ids: encoding.get_ids().to_vec(),
            type_ids: encoding.get_type_ids().to_vec(),
            char_offsets: (encoding.get_offsets().iter().zip(&special))
                .map(|(&(start, end), &special)| if special { [0, 0] } else { [start, end] })
                .collect(),
            word_ids: word_ids
                .map(|((word, &text), &special)| {
                    word.filter(|_| !special).map(|w| w + shift[text.min(1)])
                })
                .collect(),
            text_ids,
            special,
        }
    }
}

/// The unknown token of a tokenizer, if it has one.
fn unknown_token(inner: &tokenizers::Tokenizer) -> Option<String> {
    use tokenizers::models::ModelWrapper;
    match inner.get_model() {
        ModelWrapper::WordPiece(model) => Some(model.unk_token.clone()),
        ModelWrapper::WordLevel(model) => Some(model.unk_token.clone()),
        ModelWrapper::BPE(model) => model.get_unk_token().clone(),
        // Its id is private in the library; published models have this name.
        ModelWrapper::Unigram(_) => Some("<unk>".to_owned()),
    }
}

/// The special tokens of a vocabulary: role in `tokenizer_config.json`, and text.
type SpecialTokens = &'static [(&'static str, &'static str)];

const BERT_TOKENS: SpecialTokens = &[
    ("cls_token", "[CLS]"),
    ("sep_token", "[SEP]"),
    ("unk_token", "[UNK]"),
    ("pad_token", "[PAD]"),
    ("mask_token", "[MASK]"),
];
const MPNET_TOKENS: SpecialTokens = &[
    ("cls_token", "<s>"),
    ("sep_token", "</s>"),
    ("unk_token", "[UNK]"),
    ("pad_token", "<pad>"),
    ("mask_token", "<mask>"),
];
const ROBERTA_TOKENS: SpecialTokens = &[
    ("cls_token", "<s>"),
    ("sep_token", "</s>"),
    ("unk_token", "<unk>"),
    ("pad_token", "<pad>"),
    ("mask_token", "<mask>"),
];

const GPT2_TOKENS: SpecialTokens = &[("unk_token", "<|endoftext|>")];

/// The `tokenizer.json` of a WordPiece tokenizer.
fn word_piece(vocab: &[u8], config: &Map<String, Value>, tokens: SpecialTokens) -> Result<Value> {
    let vocab = utf8(vocab, "vocab.txt")?;
    let vocab: Map<String, Value> = vocab
        .strip_suffix('\n')
        .unwrap_or(vocab)
        .split('\n')
        .enumerate()
        .map(|(id, token)| (token.to_owned(), id.into()))
        .collect();
    let flag = |key: &str, default: bool| match config.get(key) {
        Some(Value::Bool(value)) => *value,
        _ => default,
    };
    let special = Special::new(&vocab, config, tokens, "vocab.txt")?;
    let post_processor = match tokens == BERT_TOKENS {
        true => json!({
            "type": "TemplateProcessing",
            "single": template(&[("cls_token", 0), ("A", 0), ("sep_token", 0)], &special),
            "pair": template(
                &[("cls_token", 0), ("A", 0), ("sep_token", 0), ("B", 1), ("sep_token", 1)],
                &special,
            ),
            "special_tokens": special.template_tokens(&["cls_token", "sep_token"]),
        }),
        false => special.roberta_processing(false),
    };
    Ok(json!({
        "version": "1.0",
        "added_tokens": special.added_tokens(),
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": true,
            "handle_chinese_chars": flag("tokenize_chinese_chars", true),
            "strip_accents": config.get("strip_accents").cloned().unwrap_or(Value::Null),
            "lowercase": flag("do_lower_case", true),
        },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": post_processor,
        "model": {
            "type": "WordPiece",
            "unk_token": special.text("unk_token"),
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocab,
        },
    }))
}

/// The `tokenizer.json` of a byte-level BPE tokenizer.
fn byte_level_bpe(
    vocab: &[u8],
    merges: &[u8],
    config: &Map<String, Value>,
    tokens: SpecialTokens,
) -> Result<Value> {
    let vocab: Map<String, Value> = serde_json::from_slice(vocab)
        .map_err(|source| Error::Json { file: "vocab.json".into(), source })?;
    let merges: Vec<&str> = utf8(merges, "merges.txt")?
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("#version"))
        .collect();
    let prefix_space = config.get("add_prefix_space") == Some(&Value::Bool(true));
    let special = Special::new(&vocab, config, tokens, "vocab.json")?;
    let post_processor = match tokens == GPT2_TOKENS {
        true => json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false }),
        false => special.roberta_processing(prefix_space),
    };
    Ok(json!({
        "version": "1.0",
        "added_tokens": special.added_tokens(),
        "pre_tokenizer": {
            "type": "ByteLevel",
            "add_prefix_space": prefix_space,
            "trim_offsets": true,
            "use_regex": true,
        },
        "post_processor": post_processor,
        "model": {
            "type": "BPE",
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": false,
            "vocab": vocab,
            "merges": merges,
        },
    }))
}

fn utf8<'a>(bytes: &'a [u8], file: &str) -> Result<&'a str> {
    std::str::from_utf8(bytes)
        .map_err(|e| Error::Tokenizer { file: file.to_owned(), reason: e.to_string() })
}

/// The special tokens of one tokenizer: role, definition, id.
struct Special {
    tokens: Vec<(&'static str, Value, Value)>,
}

impl Special {
    /// Takes each token from the config (a text, or an object with its habits), else its default.
    fn new(
        vocab: &Map<String, Value>,
        config: &Map<String, Value>,
        defaults: SpecialTokens,
        file: &str,
    ) -> Result<Self> {
        let tokens = defaults.iter().map(|&(role, default)| {
            let mut definition = json!({
                "content": default, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true,
            });
            // MPNet's mask takes the space before it, by its class.
            definition["lstrip"] = (role == "mask_token" && defaults == MPNET_TOKENS).into();
            match config.get(role) {
                Some(Value::String(content)) => definition["content"] = content.as_str().into(),
                Some(Value::Object(given)) => {
                    for key in ["content", "single_word", "lstrip", "rstrip", "normalized"] {
                        if let Some(value) = given.get(key) {
                            definition[key] = value.clone();
                        }
                    }
                }
                _ => {}
            }
            let content = definition["content"].as_str().unwrap_or(default);
            let id = vocab.get(content).cloned().unwrap_or(Value::Null);
            (role, definition, id)
        });
        let tokens: Vec<_> = tokens.collect();
        // These two are around every text.
        let around = tokens.iter().filter(|(role, ..)| matches!(*role, "cls_token" | "sep_token"));
        match around.into_iter().find(|(.., id)| id.is_null()) {
            None => Ok(Self { tokens }),
            Some((role, definition, _)) => {
                let reason =
                    format!("its {role}, {}, is not among its tokens", definition["content"]);
                Err(Error::Tokenizer { file: file.to_owned(), reason })
            }
        }
    }

    fn text(&self, role: &str) -> &Value {
        let found = self.tokens.iter().find(|(r, ..)| *r == role);
        found.map_or(&Value::Null, |(_, definition, _)| &definition["content"])
    }

    /// `added_tokens`: the definitions of the tokens that the vocabulary has.
    fn added_tokens(&self) -> Value {
        let mut added: Vec<Value> = Vec::new();
        for (_, definition, id) in self.tokens.iter().filter(|(.., id)| !id.is_null()) {
            if added.iter().all(|a| a["id"] != *id) {
                let mut definition = definition.clone();
                definition["id"] = id.clone();
                added.push(definition);
            }
        }
        added.sort_by_key(|a| a["id"].as_u64());
        added.into()
    }

    fn template_tokens(&self, roles: &[&str]) -> Value {
        let tokens = self.tokens.iter().filter(|(role, ..)| roles.contains(role));
        let tokens = tokens.map(|(_, definition, id)| {
            let content = &definition["content"];
            let key = content.as_str().unwrap_or_default().to_owned();
            (key, json!({ "id": content, "ids": [id], "tokens": [content] }))
        });
        Value::Object(tokens.collect())
    }

    fn roberta_processing(&self, add_prefix_space: bool) -> Value {
        let pair = |role: &str| {
            let found = self.tokens.iter().find(|(r, ..)| *r == role);
            found.map_or(Value::Null, |(_, definition, id)| json!([definition["content"], id]))
        };
        json!({
            "type": "RobertaProcessing",
            "sep": pair("sep_token"),
            "cls": pair("cls_token"),
            "trim_offsets": true,
            "add_prefix_space": add_prefix_space,
        })
    }
}

/// A template such as `[CLS] A [SEP]`: pieces with their token types.
fn template(pieces: &[(&str, u32)], special: &Special) -> Value {
    let piece = |&(name, type_id): &(&str, u32)| match name {
        "A" | "B" => json!({ "Sequence": { "id": name, "type_id": type_id } }),
        role => json!({ "SpecialToken": { "id": special.text(role), "type_id": type_id } }),
    };
    pieces.iter().map(piece).collect()
}
