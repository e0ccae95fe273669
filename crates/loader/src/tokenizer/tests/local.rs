//! The beginnings of long texts, which have the first tokens of the whole texts.

use super::{Memory, Table};
use crate::tokenizer::{Found, JSON, Tokenizer};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A long text with hard places: marks and joiners around spaces, runs of spaces, contractions, digits,
/// other scripts.
fn hard_text(seed: u32, bytes: usize) -> String {
    let parts = [
        "the bank's",
        " ",
        "  ",
        "\n",
        "\t \u{a0}",
        "re-re",
        "12345",
        "e\u{301}",
        " \u{301}",
        "\u{200d}",
        "中文",
        "☃",
        "I'll ",
        "ﬁ",
        "…",
        "A",
        "river bank ",
        "()",
        "\u{2581}",
        "<mask>",
        "[MASK] ",
        "<s>",
        "\u{ad}",
        "الن هر ",
        "ABC def ",
    ];
    let mut state = seed;
    let mut text = String::new();
    while text.len() < bytes {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text += parts[(state >> 16) as usize % parts.len()];
        text += if state >> 30 == 0 { " " } else { "" };
    }
    text
}

#[test]
fn the_first_tokens_of_a_long_text_are_those_of_its_beginning() {
    let table = Table::read();
    let text = hard_text(7, 6_000) + &table.texts.concat();
    let (mut local, mut cut) = (BTreeMap::new(), 0);
    for layout in &table.layouts {
        let Ok(Found::Tokenizer(tokenizer)) = table.folder(layout).read(&layout.config) else {
            panic!("{}", layout.name);
        };
        *local.entry((&layout.class, tokenizer.longest_added().is_some())).or_insert(0) += 1;
        let tokens = |text: &str| {
            let found = tokenizer.encode(text, None).unwrap();
            let all = found.ids.into_iter().zip(found.char_offsets).zip(found.special);
            all.filter(|(_, special)| !special).map(|(token, _)| token).collect::<Vec<_>>()
        };
        let whole = tokens(&text);
        for (count, bytes) in [(1, 0), (1, 100), (9, 30), (60, 200), (250, 1), (400, 900)] {
            let start = tokenizer.beginning_of(&text, count, bytes).unwrap();
            cut += usize::from(start.len() < text.len());
            assert!(text.starts_with(start));
            let own = tokens(start);
            assert_eq!(own[..count], whole[..count], "{}: {bytes} {start:?}", layout.name);
        }
        // A text that is not long stays whole.
        assert_eq!(tokenizer.beginning(&text, 1).unwrap(), text);
    }
    let is_local = |class: &str| {
        let of = |local_is| local.get(&(&class.to_owned(), local_is)).copied().unwrap_or(0);
        (of(true) > 0, of(false) > 0)
    };
    for class in ["BertTokenizer", "RobertaTokenizer", "XLMRobertaTokenizer", "Qwen2Tokenizer"] {
        assert_eq!(is_local(class), (true, false), "{class}");
    }
    // They read a text as one word.
    for class in ["LlamaTokenizer", "GemmaTokenizer"] {
        assert_eq!(is_local(class), (true, false), "{class}");
    }
    assert!(cut > 300, "{cut}");
}

#[test]
fn the_first_tokens_of_a_long_pair_are_those_of_its_beginnings() {
    let table = Table::read();
    let texts = [hard_text(1, 4_000), hard_text(2, 4_000), hard_text(3, 200), "A bank.".to_owned()];
    let (mut cut, mut whole, mut of_class) = (0, 0, BTreeMap::new());
    for layout in &table.layouts {
        // Two folders of every class are enough.
        let seen = of_class.entry(&layout.class).or_insert(0);
        *seen += 1;
        if *seen > 2 {
            continue;
        }
        let Ok(Found::Tokenizer(tokenizer)) = table.folder(layout).read(&layout.config) else {
            panic!("{}", layout.name);
        };
        for (first, second) in [(0, 1), (0, 2), (2, 0), (3, 1), (0, 0), (2, 3)] {
            let pair = [&*texts[first], &*texts[second]];
            for (max, bytes) in [(20, 400), (21, 400), (60, 500), (61, 500)] {
                let starts = tokenizer.pair_beginning_of(pair, max, bytes).unwrap();
                let shorter = [0, 1].iter().filter(|i| starts[**i].len() < pair[**i].len()).count();
                (cut, whole) = (cut + shorter, whole + usize::from(shorter == 0));
                let windows = |pair: [&str; 2]| {
                    tokenizer.encode_windows(pair[0], Some(pair[1]), max, 0).unwrap()
                };
                assert_eq!(
                    windows(starts),
                    windows(pair),
                    "{} {first} {second} {max}",
                    layout.name
                );
            }
        }
    }
    assert!(cut > 300 && whole > 100, "{cut} {whole}");
}

#[test]
fn a_bpe_that_reads_a_text_as_one_word_is_split_before_its_marks() {
    let with = |pieces: &[&str], merges: &[&str], more: Value| {
        let mut model = json!({"type": "BPE", "merges": merges, "unk_token": null});
        model["vocab"] = pieces
            .iter()
            .enumerate()
            .map(|(id, piece)| ((*piece).to_owned(), id.into()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        for (key, value) in more.as_object().unwrap() {
            model[key] = value.clone();
        }
        let normalizer = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
        let file = json!({"version": "1.0", "added_tokens": [], "model": model,
            "normalizer": normalizer, "pre_tokenizer": null});
        Tokenizer::from_json(file.to_string().as_bytes()).unwrap()
    };
    let (pieces, merges) = (["▁", "a", "b", "▁a", "▁▁", "ab"], ["▁ a", "▁ ▁", "a b"]);
    let none = json!({});
    let local = |tokenizer: &Tokenizer| tokenizer.longest_added().is_some();
    assert!(local(&with(&pieces, &merges, none.clone())));
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
        assert!(local(&with(&pieces, &merges, json!({key: ""}))));
        assert!(!local(&with(&pieces[..3], &[], json!({key: "#"}))), "{key}");
    }
    assert!(!local(&with(&pieces, &merges, json!({"ignore_merges": true}))));
    assert!(!local(&with(&pieces[1..3], &[], none.clone())));
    // A piece of two words: its merge reaches over the space.
    let (mut pieces, mut merges) = (pieces.to_vec(), merges.to_vec());
    pieces.extend(["b▁", "ab▁"]);
    merges.splice(0..0, ["b ▁"]);
    let over = with(&pieces, &merges, none);
    assert!(!local(&over));
    // What follows a space changes the tokens before it.
    let tokens = |text| over.encode(text, None).unwrap().ids;
    assert_ne!(tokens("ab a")[..1], tokens("ab")[..1]);
}

#[test]
fn a_setting_that_reaches_over_spaces_needs_the_whole_text() {
    let with = |normalizer: Value, words: Value| {
        let model = json!({"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1}});
        let file = json!({"version": "1.0", "added_tokens": [], "model": model,
            "normalizer": normalizer, "pre_tokenizer": words});
        let file = file.to_string();
        let folder = Memory::default().with(JSON, file);
        let folder = folder.with("tokenizer_config.json", "{}");
        folder.tokenizer("unknown").longest_added().is_some()
    };
    let (spaces, null) = (json!({"type": "WhitespaceSplit"}), Value::Null);
    let replace = |pattern: Value| json!({"type": "Replace", "pattern": pattern, "content": "x"});
    let regex = |pattern: &str| {
        json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated",
            "invert": false})
    };
    assert!(with(null.clone(), spaces.clone()));
    assert!(with(replace(json!({"String": "b"})), spaces.clone()));
    assert!(with(null.clone(), regex(crate::expressions::LLAMA3)));
    assert!(!with(null.clone(), null.clone()));
    assert!(!with(replace(json!({"String": "b c"})), spaces.clone()));
    assert!(!with(replace(json!({"String": " "})), spaces.clone()));
    assert!(!with(replace(json!({"Regex": "b.*c"})), spaces));
    assert!(!with(null, regex(".*b")));
}
