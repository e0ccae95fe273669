//! Compares tokenizers with those of Hugging Face: ids, token types, character offsets and words.

use crate::checkpoints::Checkpoint;
use crate::fixtures::{bundled, load, path};
use serde::Deserialize;
use stratoscope_loader::Tokenizer;

#[derive(Deserialize)]
struct Expected {
    text: String,
    #[serde(default)]
    pair: Option<String>,
    input_ids: Vec<u32>,
    #[serde(default)]
    token_type_ids: Vec<u32>,
    #[serde(default)]
    offsets: Vec<[usize; 2]>,
    #[serde(default)]
    word_ids: Vec<i64>,
}

fn check(name: &str, tokenizer: &Tokenizer, file: &str) {
    let text = std::fs::read_to_string(path(file)).unwrap();
    let records: Vec<Expected> = serde_json::from_str(&text).unwrap();
    assert!(records.len() >= 8);
    for expected in records {
        let what = format!("{name}: {:?}", expected.text);
        let ours = tokenizer.encode(&expected.text, expected.pair.as_deref()).unwrap();
        assert_eq!(ours.ids, expected.input_ids, "{what}");
        if !expected.token_type_ids.is_empty() {
            assert_eq!(ours.type_ids, expected.token_type_ids, "{what}");
        }
        // Tokens without a character of the text have one place, and tokens of white space no word.
        if !expected.offsets.is_empty() {
            let width =
                |&[start, end]: &[usize; 2]| if start == end { [0, 0] } else { [start, end] };
            let theirs: Vec<_> = expected.offsets.iter().map(width).collect();
            assert_eq!(ours.char_offsets, theirs, "{what}");
        }
        // In the second text of a pair, our word ids continue and theirs start again at 0.
        if !expected.word_ids.is_empty() && expected.pair.is_none() {
            let words: Vec<i64> = ours.word_ids.iter().map(|w| w.map_or(-1, i64::from)).collect();
            let blank = |id: u32| tokenizer.text(id).is_some_and(|text| text.trim().is_empty());
            let ids = expected.input_ids.iter().zip(&expected.word_ids);
            let theirs: Vec<i64> = ids.map(|(&id, &w)| if blank(id) { -1 } else { w }).collect();
            assert_eq!(words, theirs, "{what}");
        }
    }
}

#[test]
fn the_bundled_tokenizer_equals_transformers() {
    let tokenizer = load(&bundled()).unwrap().tokenizer.unwrap();
    check("bundled", &tokenizer, "minilm/sentences.json");
    check("bundled", &tokenizer, "minilm/tokens.json");
}

/// Where the texts of a pair end that is cut to so many tokens: the values of transformers 5.24,
/// `truncation=True`.
#[test]
fn pairs_are_cut_as_in_transformers() {
    let tokenizer = load(&bundled()).unwrap().tokenizer.unwrap();
    let separator = tokenizer.id("[SEP]").unwrap();
    for (first, second, limit, ends) in [
        (700, 600, 512, [256, 511]),
        (300, 100, 64, [32, 63]),
        (100, 300, 64, [31, 63]),
        (300, 300, 63, [31, 62]),
        (300, 10, 64, [42, 63]),
        (10, 300, 64, [21, 63]),
    ] {
        let (a, b) = ("the bank ".repeat(first), "the river ".repeat(second));
        let [cut] = &tokenizer.encode_windows(&a, Some(&b), limit, 0).unwrap()[..] else {
            panic!()
        };
        let found = cut.ids.iter().enumerate().filter(|(_, id)| **id == separator);
        let found: Vec<usize> = found.map(|(place, _)| place).collect();
        assert_eq!(found, ends, "{first} {second} {limit}");
        let second = cut.type_ids.iter().filter(|id| **id == 1).count();
        assert_eq!(second, ends[1] - ends[0]);
        assert_eq!(cut.text_ids[ends[1] - 1], 1);
    }
}

/// The tokenizer of a folder of vocabulary files, loaded with a tiny checkpoint of its family.
fn from_files(folder: &str) -> Tokenizer {
    let folder = path(&format!("tokenizers/{folder}"));
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    let config: serde_json::Value = serde_json::from_slice(&read("config.json").unwrap()).unwrap();
    let mut model = Checkpoint::fixture(config["model_type"].as_str().unwrap()).with_rows(2000);
    for name in ["vocab.txt", "vocab.json", "merges.txt", "tokenizer_config.json"] {
        model.files.extend(read(name).map(|bytes| (name.to_owned(), bytes)));
    }
    load(&model.source()).unwrap().tokenizer.unwrap()
}

#[test]
fn vocabulary_files_make_the_same_tokenizer() {
    let mut seen = 0;
    for entry in std::fs::read_dir(path("tokenizers")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        check(&name, &from_files(&name), &format!("tokenizers/{name}/expected.json"));
        seen += 1;
    }
    assert!(seen >= 9);
}
