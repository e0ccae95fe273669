//! WordPiece: llama.cpp marks pieces at the beginning of a word (`▁`), and the checkpoint marks the
//! others (`##`).

use super::{Kind, Vocabulary, template_tokens};
use crate::error::Result;
use serde_json::{Value, json};

/// The mark of the beginning of a word.
const BEGIN: char = '\u{2581}';

/// A token in the spelling of the checkpoint.
pub(super) fn original(token: &str, kind: Kind) -> String {
    match token.strip_prefix(BEGIN) {
        // A piece that was the mark itself.
        Some(word) if !word.is_empty() => word.to_owned(),
        _ if kind == Kind::Normal && !bracketed(token) => format!("##{token}"),
        _ => token.to_owned(),
    }
}

/// Whether a token is a special token by its name, for old files without kinds.
fn bracketed(token: &str) -> bool {
    ["[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]"].contains(&token)
}

/// The tokenizer of a WordPiece vocabulary.
pub(super) fn definition(vocabulary: &Vocabulary<'_>) -> Result<Value> {
    let keys = vocabulary.keys;
    // The first token of a text has one of these keys.
    let role = if keys.get("cls_token_id").is_some() { "cls_token_id" } else { "bos_token_id" };
    let named = |text: &str| {
        let id = vocabulary.tokens.iter().position(|token| token == text);
        id.map(|id| (vocabulary.tokens[id].as_str(), id))
    };
    let token = |role: &str, text: &str| {
        let token = vocabulary.special(role)?.or_else(|| named(text));
        keys.need(role, Ok(token))
    };
    let (first, last) = (token(role, "[CLS]")?, token("seperator_token_id", "[SEP]")?);
    let (unknown, _) = token("unknown_token_id", "[UNK]")?;
    // Old files do not tell whether texts become lower case first. A vocabulary without capital letters
    // does.
    let words = vocabulary.tokens.iter().zip(&vocabulary.kinds);
    let cased = words.filter(|(token, kind)| **kind == Kind::Normal && !bracketed(token));
    let cased = cased.map(|(token, _)| token).any(|t| t.contains(|c: char| c.is_ascii_uppercase()));
    let special = |token: &str, of: u8| json!({ "SpecialToken": { "id": token, "type_id": of } });
    let text = |name: &str, of: u8| json!({ "Sequence": { "id": name, "type_id": of } });
    Ok(json!({
        "version": "1.0",
        "added_tokens": vocabulary.added()?,
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": true,
            "handle_chinese_chars": true,
            "strip_accents": keys.flag("normalizer.strip_accents")?,
            "lowercase": keys.flag("normalizer.lowercase")?.unwrap_or(!cased),
        },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special(first.0, 0), text("A", 0), special(last.0, 0)],
            "pair": [
                special(first.0, 0), text("A", 0), special(last.0, 0), text("B", 1),
                special(last.0, 1),
            ],
            "special_tokens": template_tokens([first, last].into_iter()),
        },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": {
            "type": "WordPiece",
            "unk_token": unknown,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocabulary.ids()?,
        },
    }))
}
