//! Random bytes, and files that are damaged at random: they give a result or an error, and never a
//! panic.

use crate::command::{Generator, Place, tiny};
use crate::npz::{Entry, npz};
use serde_json::Value;
use stratoscope::crates::extractor::{extract, prepare, read_states, states_bytes};
use stratoscope::{HookSelection, LayerSelection, LongText, Pooling, StatesReader, Text, Unit};
use stratoscope_loader::Source;

/// Damages bytes in one of these ways: cut, changed bytes, inserted bytes, removed bytes, a changed
/// number, or only random bytes.
fn damaged(whole: &[u8], random: &mut Generator) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    match random.below(6) {
        0 => bytes.truncate(random.below(whole.len())),
        1 => {
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                bytes[at] = random.next() as u8;
            }
        }
        2 => {
            let at = random.below(bytes.len());
            let more = (0..=random.below(9)).map(|_| random.next() as u8).collect::<Vec<_>>();
            bytes.splice(at..at, more);
        }
        3 => {
            let at = random.below(bytes.len());
            bytes.drain(at..(at + 1 + random.below(9)).min(whole.len()));
        }
        4 => {
            let digits: Vec<usize> =
                (0..bytes.len()).filter(|&at| bytes[at].is_ascii_digit()).collect();
            if !digits.is_empty() {
                let at = digits[random.below(digits.len())];
                let more = (0..1 + random.below(12)).map(|_| b'0' + random.below(10) as u8);
                bytes.splice(at..=at, more.collect::<Vec<_>>());
            }
        }
        _ => bytes = (0..random.below(300)).map(|_| random.next() as u8).collect(),
    }
    bytes
}

#[test]
fn states_files() {
    let place = Place::new();
    let model = stratoscope::Explorer::open(tiny().source()).unwrap();
    let texts = vec![Text::from("the riverbank"), Text::from("a loan")];
    let prepared = prepare(model.model(), texts, LongText::Refuse).unwrap();
    let layers = "0,1".parse::<LayerSelection>().unwrap();
    let states =
        extract(model.model(), prepared, &layers, &HookSelection::default(), &mut |_| {}).unwrap();
    let whole = states_bytes(&states).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let path = place.path("x.safetensors");
    let mut random = Generator::new(1);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..1500 {
        // Mostly in the header: damaged values of tensors are only other values.
        let mut bytes = damaged(&whole[..header], &mut random);
        if bytes.len() >= 8 && random.below(2) == 0 {
            // The correct length of the damaged header, so that its content is parsed.
            let length = bytes.len() as u64 - 8;
            bytes[..8].copy_from_slice(&length.to_le_bytes());
        }
        bytes.extend(&whole[header..]);
        if random.below(4) == 0 {
            bytes = damaged(&whole, &mut random);
        }
        std::fs::write(&path, &bytes).unwrap();
        match read_states(&path) {
            Ok(states) => {
                read += 1;
                // States that can be read must not cause a panic later.
                for unit in [Unit::Word, Unit::Sentence] {
                    let _ = states.pooled(unit, Pooling::Mean);
                }
                let _ = LayerSelection::All.resolve(states.origin.n_layers);
                let _ = states.without_special().map(|s| s.pooled(Unit::Sentence, Pooling::First));
            }
            Err(error) => {
                refused += 1;
                assert!(error.to_string().contains("x.safetensors"), "{error}");
            }
        }
    }
    println!("{read} read, {refused} refused");
    assert!(read > 50 && refused > 500, "{read} read, {refused} refused");
}

#[test]
fn npz_files() {
    let place = Place::new();
    let path = place.path("x.npz");
    let floats = (0..24).flat_map(|v| (v as f32).sin().to_le_bytes()).collect();
    let letters = ["a", "##b", "c"].into_iter().flat_map(|text| {
        let padded = text.chars().chain(std::iter::repeat('\0')).take(3).collect::<Vec<_>>();
        padded.into_iter().flat_map(|letter| u32::from(letter).to_le_bytes())
    });
    let entries = [
        Entry::new("hidden_states", "<f4", &[3, 2, 4], floats),
        Entry::new("tokens", "<U3", &[3], letters.collect()),
        Entry::new("text", "|S4", &[], b"ab c".to_vec()),
    ];
    let mut random = Generator::new(7);
    let (mut read, mut refused) = (0, 0);
    for whole in [npz(&entries, false), npz(&entries, true)] {
        let reader = StatesReader::default();
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(reader.read(&path).unwrap().rows[1].label, "##b");
        for _ in 0..1500 {
            std::fs::write(&path, damaged(&whole, &mut random)).unwrap();
            match reader.read(&path) {
                Ok(states) => {
                    read += 1;
                    let _ = states.pooled(Unit::Word, Pooling::Mean);
                }
                Err(error) => {
                    refused += 1;
                    assert!(error.to_string().contains("x.npz"), "{error}");
                }
            }
        }
    }
    println!("{read} read, {refused} refused");
    assert!(read > 50 && refused > 500, "{read} read, {refused} refused");
}

#[test]
fn configs_and_indices() {
    let mut model = tiny();
    // Some of the weights, so that the loader starts to read them.
    model.tensors.retain(|name, _| name.contains("embeddings"));
    let config = serde_json::to_vec(&model.config).unwrap();
    let index = br#"{"metadata": {"total_size": 7}, "weight_map": {"a.weight": "model-1.safetensors", "b.bias": "model-2.safetensors"}}"#;
    let pooling = br#"{"word_embedding_dimension": 24, "pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#;
    let tokenizer = model.files["tokenizer_config.json"].clone();
    let whole = model.all_files();
    let mut random = Generator::new(2);
    for round in 0..2000 {
        let mut files = whole.clone();
        match round % 4 {
            0 => drop(files.insert("config.json".into(), damaged(&config, &mut random))),
            1 => {
                files.remove("model.safetensors");
                files.insert("model.safetensors.index.json".into(), damaged(index, &mut random));
            }
            2 => drop(files.insert("1_Pooling/config.json".into(), damaged(pooling, &mut random))),
            _ => {
                files.insert("tokenizer_config.json".into(), damaged(&tokenizer, &mut random));
            }
        }
        let files = files.into_iter().map(|(name, bytes)| (name, bytes.into())).collect();
        // The blocks are missing, so none of these is a model.
        let source = Source::Memory { id: "fuzz".to_owned(), files };
        assert!(crate::fixtures::load(&source).is_err());
    }
}

#[test]
fn any_value_of_any_key_of_a_config_is_an_error() {
    let mut base = tiny();
    base.tensors.retain(|name, _| name.contains("embeddings.LayerNorm"));
    let keys: Vec<String> = base.config.as_object().unwrap().keys().cloned().collect();
    let values: Vec<Value> = serde_json::from_str(
        r#"[null, true, -1, 0, 1, 3, 4095, 65536, 16777216, 4294967296, 18446744073709551615, 1e308,
        0.5, "", "bert", [], {}, [[[]]]]"#,
    )
    .unwrap();
    for key in keys {
        for value in &values {
            let mut model = base.clone();
            model.config[&key] = value.clone();
            assert!(crate::fixtures::load(&model.source()).is_err(), "{key}: {value}");
        }
    }
}
