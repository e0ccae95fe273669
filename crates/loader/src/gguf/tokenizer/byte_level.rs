//! Byte-level BPE, with the pre-tokenizer that the file names.

use super::Vocabulary;
use crate::error::Result;
use crate::expressions::{GPT4O, LLAMA3, QWEN2, TEKKEN};
use serde_json::{Value, json};

/// A pre-tokenizer, which splits a text into words.
struct Pre {
    /// The names in `tokenizer.ggml.pre`.
    names: &'static [&'static str],
    split: Split,
    /// Whether a word that is a token is not split by merges.
    whole_words: bool,
    /// Whether characters are composed first (NFC).
    compose: bool,
    /// Whether llama.cpp puts the first token before a text where no key tells.
    first: bool,
}

enum Split {
    /// GPT-2's expression.
    Gpt2,
    /// GPT-2's expression, with every digit apart.
    Digits,
    /// Another expression.
    Expression(&'static str),
}

/// The supported pre-tokenizers, from the `tokenizer.json` of models of these names.
const PRES: &[Pre] = &[
    Pre {
        names: &["gpt-2", "default", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de"],
        split: Split::Gpt2,
        whole_words: false,
        compose: false,
        first: false,
    },
    Pre {
        names: &["smollm", "starcoder", "refact"],
        split: Split::Digits,
        whole_words: false,
        compose: false,
        first: false,
    },
    Pre {
        names: &[
            "llama-bpe",
            "llama3",
            "llama-v3",
            "falcon3",
            "falcon-h1",
            "pixtral",
            "midm-2.0",
            "lfm2",
        ],
        split: Split::Expression(LLAMA3),
        whole_words: true,
        compose: false,
        first: true,
    },
    Pre {
        names: &["dbrx", "smaug-bpe"],
        split: Split::Expression(LLAMA3),
        whole_words: false,
        compose: false,
        first: false,
    },
    Pre {
        names: &["qwen2"],
        split: Split::Expression(QWEN2),
        whole_words: false,
        compose: true,
        first: false,
    },
    Pre {
        names: &["deepseek-r1-qwen"],
        split: Split::Expression(QWEN2),
        whole_words: false,
        compose: false,
        first: false,
    },
    Pre {
        names: &["gpt-4o", "llama4"],
        split: Split::Expression(GPT4O),
        whole_words: false,
        compose: false,
        first: false,
    },
    Pre {
        names: &["tekken"],
        split: Split::Expression(TEKKEN),
        whole_words: true,
        compose: false,
        first: true,
    },
];

/// The tokenizer of a byte-level vocabulary.
pub(super) fn definition(vocabulary: &Vocabulary<'_>) -> Result<Value> {
    let keys = vocabulary.keys;
    // Old files have no name, and GPT-2's pre-tokenizer.
    let name = keys.text("pre")?.unwrap_or("default");
    let pre = PRES.iter().find(|pre| pre.names.contains(&name)).ok_or_else(|| {
        let known: Vec<_> = PRES.iter().flat_map(|pre| pre.names).copied().collect();
        keys.error("pre", &format!("{} are supported", known.join(", ")))
    })?;
    let merges = keys.need("merges", keys.texts("merges"))?;
    let merges: Option<Vec<_>> = merges.iter().map(|merge| merge.split_once(' ')).collect();
    let merges = merges
        .ok_or_else(|| keys.error("merges", "two tokens with a space between are expected"))?;
    let bytes = |use_regex: bool, trim_offsets: bool| {
        json!({
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": trim_offsets,
            "use_regex": use_regex,
        })
    };
    let sequence =
        |first: Value, then: Value| json!({ "type": "Sequence", "pretokenizers": [first, then] });
    let pre_tokenizer = match pre.split {
        Split::Gpt2 => bytes(true, true),
        Split::Digits => {
            sequence(json!({ "type": "Digits", "individual_digits": true }), bytes(true, true))
        }
        Split::Expression(expression) => sequence(
            json!({
                "type": "Split", "pattern": { "Regex": expression }, "behavior": "Isolated",
                "invert": false,
            }),
            bytes(false, true),
        ),
    };
    let processor = match vocabulary.around(pre.first, false)? {
        None => bytes(true, false),
        Some(template) => {
            json!({ "type": "Sequence", "processors": [bytes(true, false), template] })
        }
    };
    Ok(json!({
        "version": "1.0",
        "added_tokens": vocabulary.added()?,
        "normalizer": pre.compose.then(|| json!({ "type": "NFC" })),
        "pre_tokenizer": pre_tokenizer,
        "post_processor": processor,
        "decoder": bytes(true, true),
        "model": {
            "type": "BPE",
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": pre.whole_words,
            "vocab": vocabulary.ids()?,
            "merges": merges,
        },
    }))
}
