//! Limits on `tokenizer.json`. With the tokenizers library, a file of a kilobyte can fill the memory or
//! cause a panic. Definitions that fill the memory are refused here, before the library reads them;
//! panics are caught.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::normalizers::Precompiled;

/// The factor by which normalisation may lengthen a text, by this module's upper bound. Published
/// tokenizers stay below 500; thirty replacements of one letter by two reach a thousand million.
const MAX_GROWTH: u64 = 1 << 12;

/// The most special tokens around a text or a pair. Published tokenizers have up to four.
pub(super) const MAX_ADDED: usize = 1 << 12;

/// The most regular expressions, each of which may take 10 MB (the limit of the regex crate), and the
/// largest product of the counts in one (`{1,3}` counts three). Published tokenizers have up to seven
/// expressions, and counts up to ten.
const MAX_EXPRESSIONS: usize = 16;
const MAX_REPETITIONS: u64 = 256;

/// The parts of a `tokenizer.json` that are checked.
#[derive(Deserialize)]
pub(super) struct Outline {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    pub(super) model: Model,
}

/// What the library does not tell of a model.
#[derive(Deserialize, Default)]
pub(super) struct Model {
    continuing_subword_prefix: Option<String>,
    /// The unknown piece of a Unigram model.
    #[serde(default)]
    pub(super) unk_id: Option<u32>,
}

/// The merges of a BPE model, which are read only if they matter.
#[derive(Deserialize)]
struct WithMerges {
    model: Merges,
}

#[derive(Deserialize)]
struct Merges {
    #[serde(default)]
    merges: Vec<Merge>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Parts(Vec<String>),
    Line(String),
}

/// Refuses definitions that fill the memory, or that split a character.
pub(super) fn check(bytes: &[u8]) -> Result<Outline, String> {
    let outline: Outline = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    let steps = [&outline.normalizer, &outline.pre_tokenizer];
    let growth = steps.iter().map(|step| growth(step)).fold(1, u64::saturating_mul);
    if growth > MAX_GROWTH {
        return Err(format!("it could make a text {growth} times as long, or more"));
    }
    let mut expressions = Vec::new();
    steps.into_iter().for_each(|step| collect_expressions(step, &mut expressions));
    if let Some(large) = expressions.iter().find(|e| repetitions(e) > MAX_REPETITIONS) {
        let short: String = large.chars().take(60).collect();
        return Err(format!("its regular expression {short:?} is too large"));
    }
    if expressions.len() > MAX_EXPRESSIONS {
        return Err(format!("it has {} regular expressions", expressions.len()));
    }
    if repeats(&outline.post_processor) {
        return Err("its post-processor repeats the text".to_owned());
    }
    // The library removes the bytes of the prefix from the second part of a merge without a check, and
    // takes the rest for valid UTF-8.
    let prefix = outline.model.continuing_subword_prefix.as_deref().unwrap_or_default();
    if !prefix.is_empty() {
        let merges: WithMerges = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let fits = |merge: &Merge| {
            let second = match merge {
                Merge::Parts(parts) => parts.get(1).map(String::as_str),
                Merge::Line(line) => line.split(' ').nth(1),
            };
            second.is_none_or(|second| second.starts_with(prefix))
        };
        if !merges.model.merges.iter().all(fits) {
            return Err(format!("a merge of it continues a word without {prefix:?}"));
        }
    }
    Ok(outline)
}

/// The table of characters of a SentencePiece file.
pub(super) fn characters(table: &[u8]) -> Result<Precompiled, String> {
    let growth = longest_replacement(table).unwrap_or(u64::MAX);
    if growth > MAX_GROWTH {
        return Err(format!("it could make a text {growth} times as long, or more"));
    }
    caught(|| Precompiled::from(table))?.map_err(|error| error.to_string())
}

/// An upper bound of the factor by which a normalizer or pre-tokenizer lengthens a text, in bytes.
fn growth(step: &Value) -> u64 {
    match step {
        Value::Array(steps) => steps.iter().map(growth).fold(1, u64::saturating_mul),
        Value::Object(fields) => {
            let length = |key: &str| {
                let text = fields.get(key).and_then(Value::as_str);
                text.map_or(0, |text| text.len() as u64)
            };
            let pattern = fields.get("pattern").and_then(|p| p["String"].as_str());
            let replaced = match pattern.map_or(0, str::len) as u64 {
                // A regular expression, or an empty pattern, may match at every byte.
                0 => 1 + length("content"),
                pattern => length("content").div_ceil(pattern).max(1),
            };
            let bytes = if fields.get("type").is_some_and(|t| t == "ByteLevel") { 2 } else { 1 };
            let characters = match fields.get("precompiled_charsmap").and_then(Value::as_str) {
                Some(text) => longest_replacement(&decoded(text)).unwrap_or(u64::MAX),
                None => 1,
            };
            let own = [1 + length("prepend"), length("replacement").max(1), characters, bytes];
            let nested = fields.values().map(growth);
            own.into_iter().chain(nested).fold(replaced, u64::saturating_mul)
        }
        _ => 1,
    }
}

/// The regular expressions of a normalizer or pre-tokenizer.
fn collect_expressions<'a>(step: &'a Value, found: &mut Vec<&'a str>) {
    match step {
        Value::Array(steps) => steps.iter().for_each(|step| collect_expressions(step, found)),
        Value::Object(fields) => {
            found.extend(fields.get("Regex").and_then(Value::as_str));
            fields.values().for_each(|field| collect_expressions(field, found));
        }
        _ => {}
    }
}

/// The product of all counts in braces, an upper bound of the growth of an expression. The braces of an
/// escape (`\x{2581}`) are not a count.
fn repetitions(expression: &str) -> u64 {
    let mut product = 1u64;
    let mut rest = expression;
    while let Some((before, after)) = rest.split_once('{') {
        let (count, end) = after.split_once('}').unwrap_or((after, ""));
        let escape = ["\\x", "\\u", "\\U"].iter().any(|escape| before.ends_with(escape));
        let counts = count.split(',').map(|n| if n.is_empty() { Some(1) } else { n.parse().ok() });
        match counts.collect::<Option<Vec<u64>>>() {
            Some(counts) if !escape => {
                product = product.saturating_mul(counts.into_iter().max().unwrap_or(1).max(1));
                rest = end;
            }
            // There may be braces in the braces.
            _ => rest = after,
        }
    }
    product
}

/// The bytes of a text in base64, up to the first other character.
pub(super) fn decoded(table: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(table.len() / 4 * 3 + 3);
    let (mut bits, mut held) = (0u32, 0);
    for byte in table.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(digit);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

/// The longest replacement of a character in a table of SentencePiece, in bytes. The table has the size
/// of an index, the index, and texts with a zero byte after each. None if the index is longer than the
/// table, since the library allocates it unchecked.
fn longest_replacement(table: &[u8]) -> Option<u64> {
    let (size, rest) = table.split_first_chunk::<4>()?;
    let texts = rest.get(u32::from_le_bytes(*size) as usize / 4 * 4..)?;
    let longest = texts.split(|&byte| byte == 0).map(<[u8]>::len).max();
    Some(longest.unwrap_or(0).max(1) as u64)
}

/// Whether a template has one text twice: each such template in a sequence doubles the text.
fn repeats(step: &Value) -> bool {
    match step {
        Value::Array(steps) => steps.iter().any(repeats),
        Value::Object(fields) => {
            let template = |key: &str| {
                let pieces = fields.get(key).and_then(Value::as_array).into_iter().flatten();
                let mut texts: Vec<_> =
                    pieces.filter_map(|piece| piece["Sequence"]["id"].as_str()).collect();
                let count = texts.len();
                texts.sort_unstable();
                texts.dedup();
                texts.len() < count
            };
            template("single") || template("pair") || fields.values().any(repeats)
        }
        _ => false,
    }
}

/// Runs the library; a panic becomes an error with its message. The library indexes with values of the
/// file (tables of SentencePiece, tokens of templates, merges) in too many places to check from
/// outside. After a panic only its caches are used again, and those have locks.
pub(super) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let reason = |panic| format!("the tokenizers library cannot handle it ({panic})");
    crate::panics::caught(run).map_err(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::Tokenizer;
    use serde_json::json;

    fn vocabulary() -> Value {
        json!({"type": "WordLevel", "unk_token": "b", "vocab": {"a": 0, "b": 1}})
    }

    fn refused(tokenizer: &Value) -> String {
        let bytes = serde_json::to_vec(tokenizer).unwrap();
        match Tokenizer::from_json(&bytes) {
            Ok(tokenizer) => tokenizer.encode("a b", Some("b")).map(|_| ()),
            Err(error) => Err(error),
        }
        .map_or_else(|error| error.to_string(), |()| "read".to_owned())
    }

    fn with(key: &str, value: Value) -> Value {
        let mut tokenizer = json!({"version": "1.0", "added_tokens": [], "model": vocabulary()});
        tokenizer[key] = value;
        tokenizer
    }

    #[test]
    fn texts_are_not_doubled_without_end() {
        let double = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
        let any = json!({"type": "Replace", "pattern": {"Regex": ""}, "content": "a"});
        let byte = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false});
        for (key, kind, parts, step) in [
            ("normalizer", "Sequence", "normalizers", &double),
            ("normalizer", "Sequence", "normalizers", &any),
            ("normalizer", "Sequence", "normalizers", &json!({"type": "ByteLevel"})),
            ("normalizer", "Sequence", "normalizers", &json!({"type": "Prepend", "prepend": "a"})),
            ("pre_tokenizer", "Sequence", "pretokenizers", &byte),
        ] {
            let steps = |count: usize| json!({"type": kind, parts: vec![step.clone(); count]});
            assert_eq!(refused(&with(key, steps(3))), "read", "{step}");
            assert!(refused(&with(key, steps(40))).contains("times as long"), "{step}");
        }
    }

    #[test]
    fn templates_have_each_text_once_and_few_tokens() {
        let (a, b) = (
            json!({"Sequence": {"id": "A", "type_id": 0}}),
            json!({"Sequence": {"id": "B", "type_id": 1}}),
        );
        let special = json!({"SpecialToken": {"id": "a", "type_id": 0}});
        let template = |single: Vec<&Value>, pair: Vec<&Value>, ids: usize| {
            let tokens = json!({"id": "a", "ids": vec![0; ids], "tokens": vec!["a"; ids]});
            with(
                "post_processor",
                json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": {"a": tokens}}),
            )
        };
        assert_eq!(refused(&template(vec![&special, &a], vec![&a, &special, &b], 1)), "read");
        let twice = "its post-processor repeats the text";
        assert!(refused(&template(vec![&a, &special, &a], vec![&a, &b], 1)).contains(twice));
        assert!(refused(&template(vec![&a], vec![&a, &b, &b], 1)).contains(twice));
        let many = template(vec![&a], [vec![&a, &b], vec![&special; 100]].concat(), 100);
        assert!(refused(&many).contains("10000 special tokens"), "{}", refused(&many));
    }

    #[test]
    fn regular_expressions_are_few_and_small() {
        let split = |regex: &str| {
            let split = json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
            json!({"type": "Sequence", "pretokenizers": [split]})
        };
        let one = |regex: &str| refused(&with("pre_tokenizer", split(regex)));
        for regex in
            ["\\p{N}{1,3}| ?[^\\s\\p{L}]+[\\r\\n]*", "\\x{2581}{2}", "a{,3}", "[一-龥]{1,}"]
        {
            assert_eq!(one(regex), "read", "{regex}");
        }
        for regex in
            ["(\\w{90}){90}", "a{300}", "((a{2,9}){,9}){9}", "a{99999999999999999999}{9999}"]
        {
            assert!(one(regex).contains("is too large"), "{regex}: {}", one(regex));
        }
        let many = vec![split("a"); 17];
        let many = with("pre_tokenizer", json!({"type": "Sequence", "pretokenizers": many}));
        assert!(refused(&many).contains("17 regular expressions"));
    }

    #[test]
    fn tables_and_merges_are_held_to_their_sizes() {
        let table = |text: &str| {
            with("normalizer", json!({"type": "Precompiled", "precompiled_charsmap": text}))
        };
        // An index of 4 GB; none at all, which the library reads from.
        assert!(refused(&table("/////wAA")).contains("times as long"));
        assert!(refused(&table("")).contains("times as long"));
        assert!(refused(&table("AAAAAA==")).contains("index out of bounds"));
        let merges = |prefix: &str, merges: Value| {
            let vocab = json!({"a": 0, "é": 1, "##a": 2});
            with(
                "model",
                json!({"type": "BPE", "continuing_subword_prefix": prefix, "vocab": vocab, "merges": merges}),
            )
        };
        assert!(
            refused(&merges("#", json!([["a", "é"]])))
                .contains("a merge of it continues a word without \"#\"")
        );
        assert!(refused(&merges("#", json!(["a é"]))).contains("a merge of it continues"));
        assert!(refused(&merges("##", json!(["a ##a"]))).contains("out of vocabulary"));
        // Longer than any token: the library has no room for it.
        assert!(refused(&merges("", json!([["##a", "##a"]]))).contains("cannot handle it"));
    }
}
