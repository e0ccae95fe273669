//! The expression of Mistral's tokenizers. Those that older versions of transformers wrote split words in
//! wrong places. As in transformers, `fix_mistral_regex` of `tokenizer_config.json` replaces the
//! expression.

use super::assemble::Assembled;
use super::folder::Declared;
use super::pipeline::part;
use crate::error::Result;
use crate::expressions::TEKKEN;
use crate::note::Note;
use serde_json::{Value, json};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;

/// The setting.
pub(super) const KEY: &str = "fix_mistral_regex";

/// The types of models that have these tokenizers.
const TYPES: &[&str] = &["mistral", "mistral3", "voxtral", "ministral", "pixtral"];

/// Smaller vocabularies are of other tokenizers.
const MIN_SIZE: usize = 100_000;

/// Replaces the expression if the setting is true; notes a tokenizer without the setting.
pub(super) fn apply(made: &mut Assembled, config: &Declared, fix: Option<bool>) -> Result<()> {
    let is_mistral = config.model_type.is_empty() || TYPES.contains(&config.model_type.as_str());
    let version = config.transformers_version.as_deref().unwrap_or_default();
    let words = serde_json::to_value(made.inner.get_pre_tokenizer()).unwrap_or_default();
    if words.is_null()
        || made.inner.get_vocab_size(true) <= MIN_SIZE
        || !is_mistral
        || is_from_5(version)
    {
        return Ok(());
    }
    match fix {
        Some(true) => {
            made.inner.with_pre_tokenizer(part::<PreTokenizerWrapper>(replaced(words))?);
        }
        None if !config.model_type.is_empty() => made.notes.push(Note::MistralExpression),
        _ => {}
    }
    Ok(())
}

/// A pre-tokenizer with the right expression in place of its first step, or before it.
fn replaced(mut words: Value) -> Value {
    let split = json!({
        "type": "Split", "pattern": { "Regex": TEKKEN }, "behavior": "Isolated", "invert": false,
    });
    let steps = match words["pretokenizers"].take() {
        Value::Array(mut steps) => {
            steps.splice(..steps.len().min(1), [split]);
            steps
        }
        _ if words["type"] == "Metaspace" => {
            let bytes = json!({
                "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                "use_regex": false,
            });
            vec![split, bytes]
        }
        _ => {
            words.as_object_mut().map(|fields| fields.remove("pretokenizers"));
            vec![split, words]
        }
    };
    json!({ "type": "Sequence", "pretokenizers": steps })
}

/// Whether a version of transformers is 5.0.0 or later. One that cannot be read counts as older.
fn is_from_5(version: &str) -> bool {
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let (release, rest) = version.split_at(end);
    let mut numbers = release.split('.').filter_map(|part| part.parse::<u64>().ok());
    let release = [(); 3].map(|()| numbers.next().unwrap_or(0));
    // 5.0.0rc1 and 5.0.0.dev0 come before 5.0.0.
    let is_pre = ["a", "b", "c", "rc", "dev", "pre"].iter().any(|name| rest.starts_with(name));
    release > [5, 0, 0] || (release == [5, 0, 0] && !is_pre)
}
