//! Folders of every layout, and the ids that transformers' AutoTokenizer gives for them; files that are
//! refused by name.

mod local;
mod python;

use super::{Declared, Folder, Found, JSON, Tokenizer, read};
use crate::error::Result;
use crate::note::Note;
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// `tokenizer_layouts.json`, which `make_layouts.py` writes.
#[derive(Deserialize)]
struct Table {
    texts: Vec<String>,
    pair: (String, String),
    contents: BTreeMap<String, Value>,
    layouts: Vec<Layout>,
}

#[derive(Deserialize)]
struct Layout {
    name: String,
    config: Value,
    files: BTreeMap<String, Value>,
    /// `[texts + 1]`: the ids of each text, and of the pair.
    expected: Vec<Vec<u32>>,
    /// The class of transformers.
    class: String,
    source: Option<String>,
}

/// Files in memory.
#[derive(Default, Clone)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Folder for Memory {
    fn id(&self) -> &str {
        "tiny"
    }

    fn fetch(&mut self, _: &[&str]) -> Result<()> {
        Ok(())
    }

    fn find(&self, name: &str) -> Result<Option<Cow<'static, [u8]>>> {
        Ok(self.0.get(name).cloned().map(Cow::Owned))
    }
}

impl Memory {
    fn with(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.0.insert(name.to_owned(), content.into());
        self
    }

    fn read(mut self, config: &Value) -> Result<Found> {
        let text = |key: &str| config[key].as_str().map(str::to_owned);
        let declared = Declared {
            model_type: text("model_type").unwrap(),
            model_name: text("model_name"),
            tokenizer_class: text("tokenizer_class"),
            transformers_version: text("transformers_version"),
        };
        read(&mut self, &declared)
    }

    fn tokenizer(self, model_type: &str) -> Tokenizer {
        match self.read(&json!({ "model_type": model_type })).unwrap() {
            Found::Tokenizer(tokenizer) => *tokenizer,
            Found::None { reason } => panic!("{reason}"),
        }
    }

    /// Why there is no tokenizer.
    fn refused(self, model_type: &str) -> String {
        match self.read(&json!({ "model_type": model_type })) {
            Err(error) => error.to_string(),
            Ok(Found::None { reason }) => reason,
            Ok(Found::Tokenizer(_)) => panic!("it was read"),
        }
    }
}

/// A tokenizer from files in memory.
pub(crate) fn tokenizer(model_type: &str, files: &[(&str, &[u8])]) -> Tokenizer {
    let folder = files.iter().fold(Memory::default(), |f, (name, bytes)| f.with(name, *bytes));
    folder.tokenizer(model_type)
}

impl Table {
    fn read() -> Self {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/tokenizer_layouts.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// A value with the shared contents in place of their names.
    fn expand(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let name = text.strip_prefix('@').and_then(|name| self.contents.get(name));
                name.unwrap_or(value).clone()
            }
            Value::Array(list) => list.iter().map(|value| self.expand(value)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (key.clone(), self.expand(value))).collect()
            }
            other => other.clone(),
        }
    }

    fn folder(&self, layout: &Layout) -> Memory {
        let bytes = |value: &Value| match self.expand(value) {
            Value::String(text) => text.into_bytes(),
            Value::Object(fields) if fields.contains_key("base64") => {
                super::guard::decoded(fields["base64"].as_str().unwrap())
            }
            other => other.to_string().into_bytes(),
        };
        Memory(layout.files.iter().map(|(name, value)| (name.clone(), bytes(value))).collect())
    }
}

#[test]
fn every_layout_has_the_ids_of_transformers() {
    let table = Table::read();
    let (mut wrong, mut classes) = (Vec::new(), BTreeMap::new());
    for layout in &table.layouts {
        *classes.entry(layout.class.as_str()).or_insert(0) += 1;
        let tokenizer = match table.folder(layout).read(&layout.config) {
            Ok(Found::Tokenizer(tokenizer)) => tokenizer,
            Ok(Found::None { reason }) => {
                wrong.push(format!("{}: {reason}", layout.name));
                continue;
            }
            Err(error) => {
                wrong.push(format!("{}: {error}", layout.name));
                continue;
            }
        };
        let pair = (table.pair.0.as_str(), Some(table.pair.1.as_str()));
        let texts = table.texts.iter().map(|text| (text.as_str(), None)).chain([pair]);
        assert_eq!(layout.expected.len(), table.texts.len() + 1);
        for ((text, pair), expected) in texts.zip(&layout.expected) {
            let ids = tokenizer.encode(text, pair).unwrap().ids;
            if ids != *expected {
                let tokens = |ids: &[u32]| {
                    let token = |id: &u32| tokenizer.token(*id).unwrap_or_else(|| id.to_string());
                    ids.iter().map(token).collect::<Vec<_>>().join(" ")
                };
                let (ours, theirs) = (tokens(&ids), tokens(expected));
                let (name, class) = (&layout.name, &layout.class);
                wrong.push(format!("{name} ({class}), {text:?}:\n  {ours}\n  {theirs}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    let published = table.layouts.iter().filter(|layout| layout.source.is_some()).count();
    assert!(table.layouts.len() >= 240 && published >= 60 && classes.len() >= 34);
}

/// The ids are those of AutoTokenizer of transformers 5.24.
#[test]
fn the_expression_of_mistral_is_replaced_as_transformers_replaces_it() {
    let vocabulary = |size: usize| {
        let mut vocabulary: BTreeMap<String, usize> = BTreeMap::from([("?".to_owned(), 0)]);
        let letters = "heloWrd12Ġ".chars().map(String::from).chain(["oW".to_owned()]);
        for token in letters {
            vocabulary.insert(token, vocabulary.len());
        }
        while vocabulary.len() < size {
            vocabulary.insert(format!("<f{}>", vocabulary.len()), vocabulary.len());
        }
        vocabulary
    };
    let (large, small) = (vocabulary(100_001), vocabulary(100_000));
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
        "use_regex": false});
    let split = json!({"type": "Split", "pattern": {"Regex": crate::expressions::QWEN2},
        "behavior": "Isolated", "invert": false});
    let both = json!({"type": "Sequence", "pretokenizers": [split, bytes]});
    let marks = super::pipeline::metaspace("first", false);
    let wrong = [1, 2, 3, 3, 11, 4, 6, 3, 7, 10, 8, 9].as_slice();
    let right = [1, 2, 3, 3, 4, 5, 4, 6, 3, 7, 10, 8, 9].as_slice();
    let yes = Some(true);
    for (words, vocabulary, fix, config, expected) in [
        (&both, &large, yes, json!({"model_type": "mistral"}), right),
        (&both, &large, Some(false), json!({"model_type": "mistral"}), wrong),
        (&both, &large, None, json!({"model_type": "mistral"}), wrong),
        (&both, &small, yes, json!({"model_type": "mistral"}), wrong),
        (&both, &large, yes, json!({"model_type": "qwen2"}), wrong),
        (&bytes, &large, yes, json!({"model_type": "mistral3"}), right),
        (&marks, &large, yes, json!({"model_type": "mistral"}), right),
        (
            &both,
            &large,
            yes,
            json!({"model_type": "mistral", "transformers_version": "4.57.2"}),
            right,
        ),
        (
            &both,
            &large,
            yes,
            json!({"model_type": "mistral", "transformers_version": "5.0.0"}),
            wrong,
        ),
        (
            &both,
            &large,
            yes,
            json!({"model_type": "mistral", "transformers_version": "5.0.0rc1"}),
            right,
        ),
        (
            &both,
            &large,
            yes,
            json!({"model_type": "mistral", "transformers_version": "5.0.0.dev0"}),
            right,
        ),
    ] {
        let model =
            json!({"type": "BPE", "unk_token": "?", "vocab": vocabulary, "merges": ["o W"]});
        let file = json!({"version": "1.0", "added_tokens": [], "model": model,
            "pre_tokenizer": words});
        let mut settings = json!({"tokenizer_class": "PreTrainedTokenizerFast"});
        if let Some(fix) = fix {
            settings["fix_mistral_regex"] = fix.into();
        }
        let folder = Memory::default().with(JSON, file.to_string());
        let found = folder.with("tokenizer_config.json", settings.to_string()).read(&config);
        let Found::Tokenizer(tokenizer) = found.unwrap() else { panic!("{config}") };
        let ids = tokenizer.encode("helloWorld 12", None).unwrap().ids;
        assert_eq!(ids, expected, "{config} {fix:?} {words}");
        let noted = tokenizer.notes().contains(&Note::MistralExpression);
        assert_eq!(noted, fix.is_none(), "{config} {fix:?}");
    }
}

fn words() -> Vec<u8> {
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nbank\n##s\n".into()
}

#[test]
fn what_cannot_be_applied_is_refused_by_name() {
    let with = |settings: Value| {
        let folder = Memory::default().with("vocab.txt", words());
        folder.with("tokenizer_config.json", settings.to_string())
    };
    let check = |folder: Memory, what: &str| {
        let error = folder.refused("bert");
        assert!(error.contains(what), "{error}");
    };
    check(with(json!({"tokenizer_class": "BertJapaneseTokenizer"})), "BertJapaneseTokenizer");
    check(with(json!({"do_lower_case": "yes"})), "\"do_lower_case\" is \"yes\"");
    check(with(json!({"do_lower_case": null})), "\"do_lower_case\" is null");
    check(with(json!({"strip_accents": 1})), "\"strip_accents\" is 1");
    check(with(json!({"cls_token": 7})), "\"cls_token\" is 7");
    check(with(json!({"cls_token": {"content": "[CLS]"}})), "\"cls_token\"");
    // Without an unknown token, as in transformers, only texts of known words have tokens.
    let tokenizer = with(json!({"unk_token": null})).tokenizer("bert");
    assert!(tokenizer.encode("\u{2603}", None).is_err());
    check(with(json!({"added_tokens_decoder": []})), "\"added_tokens_decoder\" is []");
    check(with(json!({"added_tokens_decoder": {"x": {"content": "a"}}})), "added_tokens_decoder.x");
    let odd = json!({"9": {"content": "a", "colour": "red"}});
    check(with(json!({"added_tokens_decoder": odd})), "added_tokens_decoder.9");
    check(with(json!({"extra_special_tokens": "a"})), "\"extra_special_tokens\" is \"a\"");
    check(with(json!({"extra_special_tokens": [1]})), "\"extra_special_tokens\" is 1");
    check(with(json!({"init_inputs": ["x"]})), "\"init_inputs\"");
    check(with(json!({"fast_tokenizer_files": ["tokenizer.4.0.json"]})), "tokenizer.4.0.json");
    check(
        with(json!({})).with("added_tokens.json", "{\"a\": -1}"),
        "added_tokens.json: \"a\" is -1",
    );
    check(with(json!({})).with("special_tokens_map.json", "[]"), "special_tokens_map.json");
    check(with(json!([])), "tokenizer_config.json is not valid JSON");
    check(Memory::default(), "there is no tokenizer.json, and no vocab.txt");
    check(Memory::default().with("tekken.json", "{}"), "tekken.json");
    check(Memory::default().with("vocab.txt", [0xff, 0xfe]), "vocab.txt");
    let refused = |model_type: &str, files: &[(&str, &str)], what: &str| {
        let folder = files.iter().fold(Memory::default(), |f, (name, text)| f.with(name, *text));
        let error = folder.refused(model_type);
        assert!(error.contains(what), "{error}");
    };
    refused(
        "roberta",
        &[("vocab.json", "{}")],
        "there is no tokenizer.json, and no vocab.json with merges.txt",
    );
    let files = [("vocab.json", "{\"a\": 0}"), ("merges.txt", "")];
    for role in ["cls_token", "sep_token"] {
        let null = json!({ role: null }).to_string();
        let all = [files[0], files[1], ("tokenizer_config.json", &null)];
        refused("roberta", &all, &format!("{role:?} is null"));
    }
    refused("roberta", &[("vocab.json", "[]"), ("merges.txt", "")], "vocab.json is not valid JSON");
    refused("roberta", &[("vocab.json", "{\"a\": 0}"), ("merges.txt", "a")], "merges.txt");
    refused("roberta", &[("vocab.json", "{\"a\": 0, \"abc\": 1}"), ("merges.txt", "a a")], "aa");
    refused("llama", &[("tokenizer.model", "IQ== 0\nIg== 1\n")], "tokenizer.model");
    refused(
        "llama",
        &[("tokenizer.model", "")],
        "tokenizer.model as a tokenizer: it has no pieces",
    );
    refused(
        "modernbert",
        &[("vocab.txt", "a")],
        "there is no tokenizer.json, and no tokenizer.model",
    );
    refused("esm", &[], "there is no vocab.txt, which EsmTokenizer needs");
    let with = |settings: Value| settings.to_string();
    let left = with(json!({"padding_side": "left"}));
    let words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n.\n";
    let files = [("vocab.txt", words), ("tokenizer_config.json", &left)];
    refused("splinter", &files, "\"padding_side\" is \"left\"");
    refused("splinter", &[("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n")], "\".\" is \".\"");
    refused("flaubert", &[("vocab.json", "{}"), ("merges.txt", "")], "FlaubertTokenizer");
}

#[test]
fn dropout_is_off_and_said() {
    let bpe = json!({"type": "BPE", "dropout": 0.5, "unk_token": "?",
        "vocab": {"?": 0, "a": 1, "b": 2, "ab": 3}, "merges": ["a b"]});
    let file = json!({"version": "1.0", "added_tokens": [], "model": bpe}).to_string();
    let folder = Memory::default().with(JSON, file).with(
        "tokenizer_config.json",
        json!({"tokenizer_class": "PreTrainedTokenizerFast"}).to_string(),
    );
    let tokenizer = folder.tokenizer("bert");
    assert_eq!(tokenizer.notes(), [Note::Dropout(0.5)]);
    for _ in 0..50 {
        assert_eq!(tokenizer.encode("abab", None).unwrap().ids, [3, 3]);
    }
}

#[test]
fn a_class_with_another_model_is_said() {
    let model = json!({"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "a": 1}});
    let file = json!({"version": "1.0", "added_tokens": [], "model": model}).to_string();
    let tokenizer = Memory::default().with(JSON, file).tokenizer("bert");
    let note = Note::OtherModel { class: "BertTokenizer", file: "WordLevel" };
    assert_eq!(tokenizer.notes(), [note]);
    assert_eq!(tokenizer.kind(), "WordPiece");
}

#[test]
fn a_mark_alone_has_no_place_and_the_unknown_piece_is_known_by_its_id() {
    let pieces = json!([
        ["[PAD]", 0.0],
        ["[CLS]", 0.0],
        ["[SEP]", 0.0],
        ["what", 0.0],
        ["▁", -1.0],
        ["中", -2.0],
        ["文", -2.0]
    ]);
    let model = json!({"type": "Unigram", "unk_id": 3, "vocab": pieces});
    let marks = json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"});
    let file =
        json!({"version": "1.0", "added_tokens": [], "pre_tokenizer": marks, "model": model});
    let settings = json!({"tokenizer_class": "PreTrainedTokenizerFast"}).to_string();
    let folder = Memory::default().with(JSON, file.to_string());
    let tokenizer = folder.with("tokenizer_config.json", settings).tokenizer("bert");
    assert_eq!(tokenizer.unknown_id(), Some(3));
    let encoding = tokenizer.encode("中文 ☃", None).unwrap();
    assert_eq!(encoding.ids, [4, 5, 6, 4, 3]);
    assert_eq!(encoding.char_offsets, [[0, 0], [0, 1], [1, 2], [0, 0], [3, 4]]);
    assert_eq!(encoding.word_ids, [None, Some(0), Some(0), None, Some(1)]);
}

#[test]
fn a_space_alone_has_the_place_of_a_mark_alone_and_no_word() {
    let tokenizer = |trim: bool| {
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": trim,
            "use_regex": true});
        let vocab = json!({"?": 0, "Ġ": 1, "a": 2, "b": 3, "Ġa": 4, "Ċ": 5});
        let model = json!({"type": "BPE", "unk_token": "?", "vocab": vocab, "merges": ["Ġ a"]});
        let file = json!({"version": "1.0", "added_tokens": [], "model": model,
            "pre_tokenizer": bytes, "post_processor": bytes});
        let settings = json!({"tokenizer_class": "PreTrainedTokenizerFast"}).to_string();
        let folder = Memory::default().with(JSON, file.to_string());
        folder.with("tokenizer_config.json", settings).tokenizer("unknown")
    };
    // The offset_mapping of transformers has [2, 2] and [3, 3] in place of the two [0, 0].
    let encoding = tokenizer(true).encode("a  b a\n", None).unwrap();
    assert_eq!(encoding.ids, [2, 1, 1, 3, 4, 5]);
    assert_eq!(encoding.char_offsets, [[0, 1], [0, 0], [0, 0], [3, 4], [5, 6], [6, 7]]);
    let words = [Some(0), None, None, Some(2), Some(3), None];
    assert_eq!(encoding.word_ids, words);
    // Places that have the spaces stay; words are equal.
    let encoding = tokenizer(false).encode("a  b a\n", None).unwrap();
    assert_eq!(encoding.char_offsets, [[0, 1], [1, 2], [2, 3], [3, 4], [4, 6], [6, 7]]);
    assert_eq!(encoding.word_ids, words);
}
