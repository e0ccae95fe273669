//! How much of a long text must be read for its first tokens.
//!
//! Most tokenizers split a text at spaces before anything else, so that a token does not depend on the
//! text after the next space. Where that is so, the first tokens of a long text are those of its
//! beginning. Others (Llama's, Gemma's) read a text as one word, and need all of it.

use crate::expressions::ALL;
use serde_json::Value;
use tokenizers::Tokenizer;

/// Normalizers that change a character by itself, or together with the marks after it.
const BY_CHARACTER: &[&str] = &[
    "BertNormalizer",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Nmt",
    "Lowercase",
    "StripAccents",
    "Precompiled",
];
/// Normalizers that change only the beginning or the end of a text.
const AT_ENDS: &[&str] = &["Strip", "Prepend"];
/// Expressions of normalizers that match within a run of spaces, or at the ends of a text.
const OF_SPACES: &[&str] = &[" {2,}", r"\s{2,}|[\n\r\t]", r"\A +| +\z", "\\A\u{2581}"];

/// Whether no token depends on the text after the next space (U+0020) that follows a letter or a digit.
pub(super) fn splits_at_spaces(inner: &Tokenizer) -> bool {
    let normalizer = serde_json::to_value(inner.get_normalizer()).unwrap_or_default();
    let words = serde_json::to_value(inner.get_pre_tokenizer()).unwrap_or_default();
    let (mut normalizers, mut splitters) = (Vec::new(), Vec::new());
    flatten(&normalizer, "normalizers", &mut normalizers);
    flatten(&words, "pretokenizers", &mut splitters);
    let mut marked = false;
    for step in normalizers {
        let kind = step["type"].as_str().unwrap_or_default();
        let replaced = step["pattern"]["String"].as_str();
        let expression = step["pattern"]["Regex"].as_str();
        match (kind, replaced, expression) {
            ("Replace", Some(" "), _) if step["content"] == "\u{2581}" => marked = true,
            ("Replace", Some(text), _) if !text.is_empty() && !text.contains(' ') => {}
            ("Replace", None, Some(expression)) if OF_SPACES.contains(&expression) => {}
            (kind, ..) if BY_CHARACTER.contains(&kind) || AT_ENDS.contains(&kind) => {}
            _ => return false,
        }
    }
    for step in splitters {
        match step["type"].as_str().unwrap_or_default() {
            // They split at single characters.
            "Digits" | "Punctuation" => {}
            "Metaspace" => return step["split"] == true && step["replacement"] == "\u{2581}",
            "BertPreTokenizer" | "Whitespace" | "WhitespaceSplit" => return !marked,
            "ByteLevel" => return step["use_regex"] == true && !marked,
            "Split" => {
                let pattern = &step["pattern"];
                let expression = pattern["Regex"].as_str();
                let known = expression.is_some_and(|text| ALL.contains(&text));
                return (known || pattern["String"] == " ") && !marked;
            }
            _ => return false,
        }
    }
    false
}

/// The steps of a part, without sequences.
fn flatten<'a>(part: &'a Value, key: &str, steps: &mut Vec<&'a Value>) {
    match part[key].as_array() {
        Some(parts) => parts.iter().for_each(|part| flatten(part, key, steps)),
        None if part.is_null() => {}
        None => steps.push(part),
    }
}

/// The shortest beginning of a text of at least `bytes` that ends between a letter or a digit and a space;
/// and the length of the part of it whose tokens no text after it can change, where no token that is
/// matched in a text as a whole has more than `longest` bytes. None if there is no such beginning.
pub(super) fn beginning(text: &str, bytes: usize, longest: usize) -> Option<(&str, usize)> {
    let from = (bytes..text.len()).find(|at| text.is_char_boundary(*at))?;
    let ends = text[from..].char_indices().zip(text[from..].chars().skip(1));
    let mut ends = ends.filter(|((_, before), after)| before.is_alphanumeric() && *after == ' ');
    let ((at, last), _) = ends.next()?;
    let start = &text[..from + at + last.len_utf8()];
    let fixed = start.rfind(' ')?.checked_sub(longest)?;
    let fixed = (0..=fixed).rev().find(|at| start.is_char_boundary(*at))?;
    // A token may take the spaces before it.
    Some((start, start[..fixed].trim_end().len()))
}
