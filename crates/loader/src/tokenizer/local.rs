//! How much of a long text must be read for its first tokens.
//!
//! Most tokenizers split a text at spaces before anything else, so that a token does not depend on the
//! text after the next space. Where that is so, the first tokens of a long text are those of its
//! beginning.
//!
//! Llama's and Gemma's read a text as one word, in which `▁` stands for a space. BPE merges neighbours
//! into pieces of the vocabulary. If no piece has a `▁` after another character, nothing is ever merged
//! across the place between a character and a `▁` after it: what is merged on one side does not depend on
//! the other side, and the text is as good as split there. Other models that read a text as one word
//! (Unigram without words, BPE with pieces of several words) need all of it.

use crate::expressions::ALL;
use serde_json::Value;
use tokenizers::Tokenizer;
use tokenizers::models::ModelWrapper;

/// SentencePiece's mark of a space.
const MARK: &str = "\u{2581}";
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
pub(super) fn ends_at_spaces(inner: &Tokenizer) -> bool {
    match words(inner) {
        Words::AtSpaces => true,
        Words::Whole => keeps_marks_first(inner),
        Words::Unknown => false,
    }
}

/// How a text is split before the model reads it.
enum Words {
    /// At every space that follows a letter or a digit, among other places.
    AtSpaces,
    /// Nowhere; every space becomes a mark, and no other character changes.
    Whole,
    /// In a way that is not known here.
    Unknown,
}

fn words(inner: &Tokenizer) -> Words {
    let normalizer = serde_json::to_value(inner.get_normalizer()).unwrap_or_default();
    let words = serde_json::to_value(inner.get_pre_tokenizer()).unwrap_or_default();
    let (mut normalizers, mut splitters) = (Vec::new(), Vec::new());
    flatten(&normalizer, "normalizers", &mut normalizers);
    flatten(&words, "pretokenizers", &mut splitters);
    let at_spaces = |is: bool| if is { Words::AtSpaces } else { Words::Unknown };
    let (mut marked, mut changed) = (false, false);
    for step in normalizers {
        let kind = step["type"].as_str().unwrap_or_default();
        let replaced = step["pattern"]["String"].as_str();
        let expression = step["pattern"]["Regex"].as_str();
        match (kind, replaced, expression) {
            ("Replace", Some(" "), _) if step["content"] == MARK => marked = true,
            ("Replace", Some(text), _) if !text.is_empty() && !text.contains(' ') => changed = true,
            ("Replace", None, Some(expression)) if OF_SPACES.contains(&expression) => {
                changed = true
            }
            ("Prepend", ..) if step["prepend"] == MARK => {}
            (kind, ..) if BY_CHARACTER.contains(&kind) || AT_ENDS.contains(&kind) => changed = true,
            _ => return Words::Unknown,
        }
    }
    for step in splitters {
        match step["type"].as_str().unwrap_or_default() {
            // They split at single characters.
            "Digits" | "Punctuation" => changed = true,
            "Metaspace" if step["replacement"] != MARK => return Words::Unknown,
            "Metaspace" if step["split"] == true => return Words::AtSpaces,
            "Metaspace" => marked = true,
            "BertPreTokenizer" | "Whitespace" | "WhitespaceSplit" => return at_spaces(!marked),
            "ByteLevel" => return at_spaces(step["use_regex"] == true && !marked),
            // Gemma's: there are no spaces to split at any more.
            "Split" if step["pattern"]["String"] == " " && marked => {}
            "Split" => {
                let pattern = &step["pattern"];
                let expression = pattern["Regex"].as_str();
                let known = expression.is_some_and(|text| ALL.contains(&text));
                return at_spaces((known || pattern["String"] == " ") && !marked);
            }
            _ => return Words::Unknown,
        }
    }
    if marked && !changed { Words::Whole } else { Words::Unknown }
}

/// Whether the model is a BPE in which no piece has a mark after another character.
fn keeps_marks_first(inner: &Tokenizer) -> bool {
    let ModelWrapper::BPE(model) = inner.get_model() else { return false };
    let plain = |part: &Option<String>| part.as_deref().unwrap_or_default().is_empty();
    // A mark that is not in the vocabulary could become one unknown piece with what is before it.
    let has_mark = inner.token_to_id(MARK).is_some();
    let first = |piece: &String| !piece.trim_start_matches(MARK).contains(MARK);
    has_mark
        && model.dropout.is_none()
        && !model.ignore_merges
        && plain(&model.continuing_subword_prefix)
        && plain(&model.end_of_word_suffix)
        && inner.get_vocab(false).keys().all(first)
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
