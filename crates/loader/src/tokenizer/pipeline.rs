//! The pipelines of the classes: normalizer, pre-tokenizer and model, from the settings. They are those
//! of `models/*/tokenization_*.py` in transformers 5.24.

mod encoders;
mod translators;

pub(super) use encoders::{big_bird, clip, cohere, exactly, gpt, luke, rembert, replace, splinter};
pub(super) use translators::{OFFSET, mbart, mbart_50, nllb, pegasus, xglm};

use super::post::NONE;
use super::settings::{self, Settings};
use super::token::{Added, Token};
use crate::error::{Error, Result};
use crate::expressions::{QWEN2, QWEN3_5};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokenizers::normalizers::{NormalizerWrapper, Sequence};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;

/// The pipeline of a class.
pub(super) struct Pipeline {
    pub(super) model: ModelSettings,
    pub(super) normalizer: Option<NormalizerWrapper>,
    pub(super) pre_tokenizer: Option<PreTokenizerWrapper>,
    /// Whether all special tokens lose their flags at the end.
    pub(super) plain_tokens: bool,
}

/// The settings of a model.
pub(super) enum ModelSettings {
    WordPiece { unknown: String },
    Bpe { unknown: Option<String>, fuse_unknown: bool, bytes: bool, suffix: &'static str },
    Unigram { unknown: Unknown },
}

/// The unknown piece of a Unigram model.
pub(super) enum Unknown {
    /// By its id.
    At(usize),
    /// By its text and the score 0, or by its id.
    Unscored(String, usize),
    /// By its text, or the first piece.
    Named(String),
    /// By its text and the score 0, after the first piece.
    Later(String),
}

/// BERT: words and punctuation, in lower case by default.
pub(super) fn bert(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    Ok(Pipeline {
        model: ModelSettings::WordPiece { unknown: unknown(settings) },
        normalizer: part(json!({
            "type": "BertNormalizer",
            "clean_text": true,
            "handle_chinese_chars": settings.flag("tokenize_chinese_chars", true)?,
            "strip_accents": settings.optional_flag("strip_accents")?,
            "lowercase": settings.flag("do_lower_case", true)?,
        }))?,
        pre_tokenizer: part(json!({ "type": "BertPreTokenizer" }))?,
        plain_tokens: false,
    })
}

/// MPNet: BERT's, with a mask that takes the space before it.
pub(super) fn mpnet(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    for role in ["bos_token", "eos_token", "sep_token", "cls_token", "unk_token", "pad_token"] {
        settings.flags(role, |text| Added::new(text, false, None));
    }
    settings.flags("mask_token", |text| Added { lstrip: true, ..Added::new(text, false, None) });
    bert(settings, characters)
}

/// ALBERT: pieces of words, in lower case and without accents by default.
pub(super) fn albert(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let quote = |quotes: &str| {
        part(json!({ "type": "Replace", "pattern": { "String": quotes }, "content": "\"" }))
    };
    let mut steps: Vec<Option<NormalizerWrapper>> = vec![quote("``")?, quote("''")?];
    if !settings.flag_or_null("keep_accents", false)? {
        steps.extend([part(json!({ "type": "NFKD" }))?, part(json!({ "type": "StripAccents" }))?]);
    }
    if settings.flag_or_null("do_lower_case", true)? {
        steps.push(part(json!({ "type": "Lowercase" }))?);
    }
    steps.push(characters);
    let steps = steps.into_iter().flatten().collect();
    Ok(Pipeline {
        model: ModelSettings::Unigram { unknown: Unknown::At(1) },
        normalizer: Some(Sequence::new(steps).into()),
        pre_tokenizer: words_with_marks(settings.flag_or_null("add_prefix_space", true)?)?,
        plain_tokens: false,
    })
}

/// RoBERTa: byte-level BPE.
pub(super) fn roberta(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    byte_level(settings, characters)
}

/// GPT-2's byte-level BPE.
pub(super) fn byte_level(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    Ok(Pipeline {
        model: bpe(None),
        normalizer: None,
        pre_tokenizer: part(json!({
            "type": "ByteLevel",
            "add_prefix_space": settings.flag("add_prefix_space", false)?,
            "trim_offsets": true,
            "use_regex": true,
        }))?,
        plain_tokens: false,
    })
}

/// GPT-NeoX: GPT-2's, of composed characters.
pub(super) fn gpt_neox(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let mut pipeline = byte_level(settings, characters)?;
    pipeline.normalizer = part(json!({ "type": "NFC" }))?;
    Ok(pipeline)
}

/// DeBERTa V2 and V3: pieces, with runs of space as one.
pub(super) fn deberta_v2(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let mut steps = Vec::new();
    if settings.flag_or_null("do_lower_case", false)? {
        steps.push(json!({ "type": "Lowercase" }));
    }
    steps.extend([
        json!({
            "type": "Replace", "pattern": { "Regex": r"\s{2,}|[\n\r\t]" }, "content": " ",
        }),
        json!({ "type": "NFC" }),
        json!({ "type": "Strip", "strip_left": false, "strip_right": true }),
    ]);
    let mut words = Vec::new();
    if settings.flag_or_null("split_by_punct", false)? {
        words.push(json!({ "type": "Punctuation", "behavior": "Isolated" }));
    }
    let prefix = settings.flag_or_null("add_prefix_space", true)?;
    words.push(metaspace(if prefix { "always" } else { "first" }, true));
    let unknown_piece = unknown(settings);
    let unknown = Unknown::Unscored(unknown_piece, settings.number("unk_id", 1)?);
    Ok(Pipeline {
        model: ModelSettings::Unigram { unknown },
        normalizer: part(json!({ "type": "Sequence", "normalizers": steps }))?,
        pre_tokenizer: part(json!({ "type": "Sequence", "pretokenizers": words }))?,
        plain_tokens: false,
    })
}

/// Llama: SentencePiece's BPE, without words.
pub(super) fn llama(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let prefix = settings.optional_flag("add_prefix_space")?.unwrap_or(true);
    let scheme = match (prefix, settings.flag_or_null("legacy", false)?) {
        (false, _) => "never",
        (true, true) => "always",
        (true, false) => "first",
    };
    Ok(Pipeline {
        model: ModelSettings::Bpe { unknown: None, fuse_unknown: true, bytes: true, suffix: "" },
        normalizer: None,
        pre_tokenizer: part(metaspace(scheme, false))?,
        plain_tokens: false,
    })
}

/// Code Llama: Llama's, with tokens for infilling.
pub(super) fn code_llama(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let infilling = [
        ("prefix_token", "▁<PRE>"),
        ("middle_token", "▁<MID>"),
        ("suffix_token", "▁<SUF>"),
        ("eot_token", "▁<EOT>"),
        ("fill_token", "<FILL_ME>"),
    ];
    let additional = settings.additional.get_or_insert_default();
    additional.extend(infilling.iter().map(|(_, text)| Token::Text((*text).to_owned())));
    settings.default_specific(&infilling);
    settings.default_value("add_bos_token", true.into());
    let prefix = settings.optional_flag("add_prefix_space")?.unwrap_or(true);
    let unknown = Some(unknown(settings));
    Ok(Pipeline {
        model: ModelSettings::Bpe { unknown, fuse_unknown: true, bytes: true, suffix: "" },
        normalizer: None,
        pre_tokenizer: part(metaspace(if prefix { "first" } else { "never" }, false))?,
        plain_tokens: false,
    })
}

/// Gemma: SentencePiece's BPE, without a space before the text.
pub(super) fn gemma(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let unknown = Some(unknown(settings));
    Ok(Pipeline {
        model: ModelSettings::Bpe { unknown, fuse_unknown: true, bytes: true, suffix: "" },
        normalizer: part(
            json!({ "type": "Replace", "pattern": { "String": " " }, "content": "\u{2581}" }),
        )?,
        pre_tokenizer: part(json!({
            "type": "Split", "pattern": { "String": " " }, "behavior": "MergedWithPrevious",
            "invert": false,
        }))?,
        plain_tokens: false,
    })
}

/// Qwen2: byte-level BPE with its own expression.
pub(super) fn qwen2(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    Ok(Pipeline { plain_tokens: true, ..qwen(settings, QWEN2)? })
}

/// Qwen3.5: Qwen2's with marks in words.
pub(super) fn qwen3_5(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    qwen(settings, QWEN3_5)
}

fn qwen(settings: &Settings, expression: &str) -> Result<Pipeline> {
    let prefix = settings.optional_flag("add_prefix_space")?.unwrap_or(false);
    Ok(Pipeline {
        model: bpe(None),
        normalizer: part(json!({ "type": "NFC" }))?,
        pre_tokenizer: part(json!({
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split", "pattern": { "Regex": expression }, "behavior": "Isolated",
                    "invert": false,
                },
                {
                    "type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": true,
                    "use_regex": false,
                },
            ],
        }))?,
        plain_tokens: false,
    })
}

/// T5: pieces of words, with sentinels as special tokens.
pub(super) fn t5(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let count = settings.number("extra_ids", SENTINELS)?;
    if count > MAX_SENTINELS {
        let most = format!("at most {MAX_SENTINELS} are supported");
        return Err(settings::error("extra_ids", &count.into(), &most));
    }
    let additional = settings.additional.get_or_insert_default();
    let given = additional.iter().filter(|token| token.content().contains("<extra_id_")).count();
    if given == 0 {
        additional.extend((0..count).map(|i| Token::Text(format!("<extra_id_{i}>"))));
    } else if count > 0 && given != count {
        let reason = format!("additional_special_tokens has {given} of these tokens");
        return Err(settings::error("extra_ids", &count.into(), &reason));
    }
    Ok(Pipeline {
        model: ModelSettings::Unigram { unknown: Unknown::At(2) },
        normalizer: characters,
        pre_tokenizer: words_with_marks(true)?,
        plain_tokens: false,
    })
}

/// T5's number of sentinels.
pub(super) const SENTINELS: usize = 100;
const MAX_SENTINELS: usize = 10_000;

/// XLM-RoBERTa: pieces of words.
pub(super) fn xlm_roberta(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    Ok(Pipeline {
        model: ModelSettings::Unigram { unknown: Unknown::At(3) },
        normalizer: characters,
        pre_tokenizer: words_with_marks(settings.flag_or_null("add_prefix_space", true)?)?,
        plain_tokens: false,
    })
}

/// CamemBERT: XLM-RoBERTa's, with a mask that takes the space before it.
pub(super) fn camembert(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    settings.flags("mask_token", |text| Added { lstrip: true, ..Added::new(text, true, None) });
    if settings.additional.is_none() {
        let unused = ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"];
        settings.additional = Some(unused.map(|text| Token::Text(text.to_owned())).to_vec());
    }
    let unknown = Unknown::Named(unknown(settings));
    let model = ModelSettings::Unigram { unknown };
    Ok(Pipeline { model, ..xlm_roberta(settings, characters)? })
}

/// HerBERT: words in pieces that end with `</w>`.
pub(super) fn herbert(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let unknown = Some(unknown(settings));
    Ok(Pipeline {
        model: ModelSettings::Bpe { unknown, fuse_unknown: false, bytes: false, suffix: "</w>" },
        normalizer: part(json!({
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": false, "lowercase": false,
        }))?,
        pre_tokenizer: part(json!({ "type": "BertPreTokenizer" }))?,
        plain_tokens: false,
    })
}

/// Byte-level BPE without more.
fn bpe(unknown: Option<String>) -> ModelSettings {
    ModelSettings::Bpe { unknown, fuse_unknown: false, bytes: false, suffix: "" }
}

/// The text of the unknown token. Python writes an absent one so, which is no piece: a text with unknown
/// words has no tokens then.
fn unknown(settings: &Settings) -> String {
    settings.named("unk_token").map_or(NONE, Token::content).to_owned()
}

/// SentencePiece's mark before words.
pub(super) fn metaspace(scheme: &str, split: bool) -> Value {
    json!({
        "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": scheme, "split": split,
    })
}

/// Words between spaces, with SentencePiece's mark.
fn words_with_marks(prefix: bool) -> Result<Option<PreTokenizerWrapper>> {
    let marks = metaspace(if prefix { "always" } else { "never" }, true);
    part(json!({ "type": "Sequence", "pretokenizers": [{ "type": "WhitespaceSplit" }, marks] }))
}

/// A part of the library from its definition.
pub(super) fn part<T: DeserializeOwned>(definition: Value) -> Result<Option<T>> {
    serde_json::from_value(definition).map(Some).map_err(|error| Error::Tokenizer {
        file: settings::CONFIG.to_owned(),
        reason: error.to_string(),
    })
}
