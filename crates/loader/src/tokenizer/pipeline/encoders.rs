//! The pipelines of `class/encoders.rs`.

use super::{ModelSettings, Pipeline, Unknown, bert, bpe, byte_level, metaspace, part, unknown};
use crate::error::Result;
use crate::tokenizer::settings::Settings;
use crate::tokenizer::token::{Added, Token};
use serde_json::{Value, json};
use tokenizers::normalizers::NormalizerWrapper;

/// The words of CLIP: its special tokens, endings, letters, single digits, other characters.
const CLIP_WORDS: &str =
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// CLIP: byte-level words in lower case, in pieces that end with `</w>`.
pub(in crate::tokenizer) fn clip(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let unknown = Some(unknown(settings));
    Ok(Pipeline {
        model: ModelSettings::Bpe { unknown, fuse_unknown: false, bytes: false, suffix: "</w>" },
        normalizer: part(sequence(&[
            json!({ "type": "NFC" }),
            replace(r"\s+", " "),
            json!({ "type": "Lowercase" }),
        ]))?,
        pre_tokenizer: part(json!({
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split", "pattern": { "Regex": CLIP_WORDS }, "behavior": "Removed",
                    "invert": true,
                },
                {
                    "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                    "use_regex": true,
                },
            ],
        }))?,
        plain_tokens: false,
    })
}

/// BigBird: pieces of words; runs of spaces become a mark.
pub(in crate::tokenizer) fn big_bird(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    for role in ["bos_token", "eos_token", "unk_token", "pad_token", "cls_token", "sep_token"] {
        settings.flags(role, |text| Added::new(text, false, None));
    }
    settings.flags("mask_token", |text| Added { lstrip: true, ..Added::new(text, false, None) });
    let unknown = Unknown::Unscored(unknown(settings), 100);
    Ok(Pipeline {
        model: ModelSettings::Unigram { unknown },
        normalizer: part(replace(" {2,}", "\u{2581}"))?,
        pre_tokenizer: part(marks(settings)?)?,
        plain_tokens: false,
    })
}

/// RemBERT: ALBERT's, without words, and with accents and upper case by default.
pub(in crate::tokenizer) fn rembert(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let mut steps = vec![exactly("``", "\""), exactly("''", "\""), replace(" {2,}", " ")];
    if !settings.flag_or_null("keep_accents", true)? {
        steps.extend([json!({ "type": "NFKD" }), json!({ "type": "StripAccents" })]);
    }
    if settings.flag_or_null("do_lower_case", false)? {
        steps.push(json!({ "type": "Lowercase" }));
    }
    Ok(Pipeline {
        model: ModelSettings::Unigram { unknown: Unknown::At(2) },
        normalizer: followed_by(&steps, characters)?,
        pre_tokenizer: part(marks(settings)?)?,
        plain_tokens: true,
    })
}

/// Splinter: BERT's, with a token for questions.
pub(in crate::tokenizer) fn splinter(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    settings.default_specific(&[("question_token", "[QUESTION]")]);
    settings.side("padding_side", "right")?;
    bert(settings, characters)
}

/// LUKE: RoBERTa's, with tokens for entities.
pub(in crate::tokenizer) fn luke(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let mut extra = settings.extra.take().unwrap_or_default();
    extra.extend(settings.additional.take().unwrap_or_default());
    for text in ["<ent>", "<ent2>"] {
        if !extra.iter().any(|token| token.content() == text) {
            extra.push(Token::Added(Added::new(text, false, None)));
        }
    }
    settings.extra = Some(extra);
    settings.default_specific(&[
        ("entity_1_token", "<ent>"),
        ("entity_2_token", "<ent2>"),
        ("entity_unk_token", "[UNK]"),
        ("entity_pad_token", "[PAD]"),
        ("entity_mask_token", "[MASK]"),
        ("entity_mask2_token", "[MASK2]"),
    ]);
    byte_level(settings, characters)
}

/// Cohere: byte-level BPE of composed characters, with single digits.
pub(in crate::tokenizer) fn cohere(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    Ok(Pipeline {
        model: bpe(None),
        normalizer: part(json!({ "type": "NFC" }))?,
        pre_tokenizer: part(json!({
            "type": "Sequence",
            "pretokenizers": [
                { "type": "Digits", "individual_digits": true },
                {
                    "type": "ByteLevel",
                    "add_prefix_space": settings.flag("add_prefix_space", false)?,
                    "trim_offsets": true,
                    "use_regex": true,
                },
            ],
        }))?,
        plain_tokens: true,
    })
}

/// GPT: BERT's words in lower case, in pieces that end with `</w>`.
pub(in crate::tokenizer) fn gpt(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let unknown = Some(unknown(settings));
    Ok(Pipeline {
        model: ModelSettings::Bpe { unknown, fuse_unknown: false, bytes: false, suffix: "</w>" },
        normalizer: part(json!({
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true,
        }))?,
        pre_tokenizer: part(json!({ "type": "BertPreTokenizer" }))?,
        plain_tokens: false,
    })
}

/// SentencePiece's mark before words, by `add_prefix_space` also before the first.
pub(super) fn marks(settings: &Settings) -> Result<Value> {
    let prefix = settings.flag_or_null("add_prefix_space", true)?;
    Ok(metaspace(if prefix { "always" } else { "never" }, true))
}

/// Steps, and the table of characters after them.
fn followed_by(
    steps: &[Value],
    characters: Option<NormalizerWrapper>,
) -> Result<Option<NormalizerWrapper>> {
    let mut all = Vec::new();
    for step in steps {
        all.extend(part::<NormalizerWrapper>(step.clone())?);
    }
    all.extend(characters);
    Ok(Some(tokenizers::normalizers::Sequence::new(all).into()))
}

fn sequence(steps: &[Value]) -> Value {
    json!({ "type": "Sequence", "normalizers": steps })
}

/// Replaces what a regular expression matches.
pub(in crate::tokenizer) fn replace(expression: &str, content: &str) -> Value {
    json!({ "type": "Replace", "pattern": { "Regex": expression }, "content": content })
}

/// Replaces a text.
pub(in crate::tokenizer) fn exactly(text: &str, content: &str) -> Value {
    json!({ "type": "Replace", "pattern": { "String": text }, "content": content })
}
