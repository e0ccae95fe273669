//! Places, words and names of the tokens of classes that transformers has in Python alone, and what of
//! them is refused.

use super::{Found, Table};
use crate::tokenizer::Tokenizer;
use serde_json::{Value, json};

/// The tokenizer of a layout, with other settings.
fn read(name: &str, settings: Option<Value>) -> Result<Tokenizer, String> {
    let table = Table::read();
    let layout = table.layouts.iter().find(|layout| layout.name == name).unwrap();
    let mut folder = table.folder(layout);
    if let Some(settings) = settings {
        folder = folder.with("tokenizer_config.json", settings.to_string());
    }
    match folder.read(&layout.config) {
        Ok(Found::Tokenizer(tokenizer)) => Ok(*tokenizer),
        Ok(Found::None { reason }) => Err(reason),
        Err(error) => Err(error.to_string()),
    }
}

fn tokens(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
    let ids = tokenizer.encode(text, None).unwrap().ids;
    ids.iter().map(|id| tokenizer.token(*id).unwrap()).collect()
}

#[test]
fn tokens_have_the_names_of_the_vocabulary_and_their_places() {
    let marian = read("marian-model", None).unwrap();
    assert_eq!(tokens(&marian, ">>fra<< tea ☃"), [">>fra<<", "▁tea", "▁", "☃", "</s>"]);
    let encoding = marian.encode("tea ☃", None).unwrap();
    assert_eq!(encoding.char_offsets, [[0, 3], [0, 0], [4, 5], [0, 0]]);
    assert_eq!(marian.unknown_id(), marian.id("<unk>"));
    assert!(marian.id("▁Ziel").is_some());
    assert_eq!(marian.id("▁river"), None);
    let ids = 0..u32::try_from(marian.size()).unwrap();
    assert!(ids.clone().all(|id| marian.id(&marian.token(id).unwrap()) == Some(id)));
    assert_eq!(marian.tokens_beyond(10), ids.len() - 10);

    let siglip = read("siglip-model", None).unwrap();
    let encoding = siglip.encode("The, tea", None).unwrap();
    assert_eq!(tokens(&siglip, "The, tea"), ["▁the", "▁tea", "</s>"]);
    assert_eq!(encoding.char_offsets, [[0, 3], [4, 8], [0, 0]]);
    assert_eq!(encoding.special, [false, false, true]);

    let esm = read("esm-vocab", None).unwrap();
    let encoding = esm.encode("MK<mask>V", None).unwrap();
    assert_eq!(tokens(&esm, "MK<mask>V"), ["<cls>", "M", "K", "<mask>", "V", "<eos>"]);
    assert_eq!(encoding.char_offsets, [[0, 0], [0, 1], [1, 2], [2, 8], [8, 9], [0, 0]]);
    assert_eq!(encoding.special, [true, false, false, false, false, true]);
    assert_eq!(encoding.word_ids, [None, Some(0), Some(1), Some(2), Some(3), None]);
    assert_eq!(esm.mask_id(), esm.id("<mask>"));
}

#[test]
fn windows_of_a_long_text_have_the_places_of_the_text() {
    let siglip = read("siglip-model", None).unwrap();
    let whole = siglip.encode("the tea the tea", None).unwrap();
    let windows = siglip.encode_windows("the tea the tea", None, 3, 0).unwrap();
    let places = windows.iter().flat_map(|window| &window.char_offsets[..2]);
    assert_eq!(places.collect::<Vec<_>>(), whole.char_offsets[..4].iter().collect::<Vec<_>>());
}

#[test]
fn what_a_class_cannot_do_is_refused_with_its_key() {
    let refused = |name, settings: Value, what: &str| {
        let error = read(name, Some(settings)).unwrap_err();
        assert!(error.contains(what), "{error}");
    };
    let language = json!({"src_lang": "tlh"});
    refused("m2m100-model", language.clone(), "\"src_lang\" is \"tlh\"");
    refused("mbart-model", language, "\"src_lang\" is \"tlh\"");
    refused("m2m100-model", json!({"language_codes": "own"}), "\"language_codes\" is \"own\"");
    refused("marian-model", json!({"unk_token": "???"}), "\"unk_token\" is \"???\"");
    refused("siglip-model", json!({"legacy": false}), "\"legacy\" is false");
    refused("siglip-model", json!({"eos_token": null}), "\"eos_token\" is null");
    refused("pegasus-model", json!({"offset": 1_000_000}), "\"offset\" is 1000000");
    refused("pegasus-model", json!({"unk_token": "???"}), "it has no unknown piece");
    refused("esm-vocab", json!({"unk_token": null}), "\"unk_token\" is null");
}
