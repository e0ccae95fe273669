//! Checkpoints that are written in unusual ways, and mean what transformers takes them to mean.

use crate::checkpoints::{Checkpoint, Stored};
use crate::command::{Place, tiny};
use crate::families::check_states;
use crate::fixtures::{Tensors, folders, load, path};
use serde_json::json;
use stratoscope_loader::Note;

/// The golden checkpoints in one file.
fn fixtures() -> impl Iterator<Item = (String, Checkpoint)> {
    let names = folders("families").into_iter();
    let whole = |name: &String| path("families").join(name).join("model.safetensors").is_file();
    names.filter(move |name| whole(name)).map(|name| {
        let model = Checkpoint::fixture(&name);
        (name, model)
    })
}

fn golden(name: &str) -> Tensors {
    Tensors::read(path("families").join(name).join("golden.safetensors"))
}

fn renamed(mut model: Checkpoint, name: impl Fn(&str) -> String) -> Checkpoint {
    let tensors = std::mem::take(&mut model.tensors);
    model.tensors = tensors.into_iter().map(|(old, tensor)| (name(&old), tensor)).collect();
    model
}

#[test]
fn a_prefix_before_all_names_is_taken_off() {
    for prefix in ["module.", "_orig_mod.", "auto_model.", "model.", "a.b."] {
        for (name, model) in fixtures() {
            let model = load(&renamed(model, |old| format!("{prefix}{old}")).source());
            let model = model.unwrap_or_else(|error| panic!("{prefix}{name}: {error}"));
            check_states(&name, &model.transformer, &golden(&name));
            // `model.` before the names of a decoder without a head is its usual prefix.
            let note = Note::Prefix { prefix: prefix.to_owned() };
            assert!(prefix == "model." || model.info.notes.contains(&note), "{prefix}{name}");
        }
    }
}

#[test]
fn a_prefix_within_the_names_of_the_trunk_is_taken_off() {
    for name in ["bert-gelu-new", "llama-bias", "opt"] {
        let model = Checkpoint::fixture(name);
        let usual = ["bert.", "model.decoder.", "model."].into_iter();
        let usual = usual.filter(|p| model.tensors.keys().any(|name| name.starts_with(p)));
        let usual = usual.max_by_key(|p| p.len()).unwrap_or("");
        let compiled = renamed(model, |old| match old.strip_prefix(usual) {
            Some(rest) => format!("{usual}_orig_mod.{rest}"),
            None => old.to_owned(),
        });
        let model = load(&compiled.source()).unwrap_or_else(|error| panic!("{name}: {error}"));
        check_states(name, &model.transformer, &golden(name));
    }
}

#[test]
fn two_transformers_in_one_file_are_refused() {
    let mut model = renamed(Checkpoint::fixture("bert"), |old| format!("query.{old}"));
    let other = renamed(Checkpoint::fixture("bert"), |old| format!("passage.{old}"));
    model.tensors.extend(other.tensors);
    let error = load(&model.source()).unwrap_err().to_string();
    assert!(error.contains("passage. and query."), "{error}");
}

/// Both names are usual; which transformer is meant is not known unless they are copies.
#[test]
fn two_transformers_under_usual_names_are_refused_unless_they_are_equal() {
    let model = Checkpoint::fixture("bert");
    let bare = |old: &str| old.strip_prefix("bert.").unwrap_or(old).to_owned();
    let (plain, named) =
        (renamed(model.clone(), bare), renamed(model, |old| format!("bert.{}", bare(old))));
    let mut both = named.clone();
    both.tensors.extend(plain.tensors.clone());
    check_states("bert", &load(&both.source()).unwrap().transformer, &golden("bert"));
    let other = both.tensors.get_mut("encoder.layer.0.output.dense.bias").unwrap();
    other.bytes[0] ^= 1;
    let error = load(&both.source()).unwrap_err().to_string();
    assert!(error.contains("no prefix and bert."), "{error}");
    // Another part of a model may have a name that is not usual.
    let mut beside = named;
    let module = plain.tensors.into_iter().map(|(name, tensor)| (format!("ema.{name}"), tensor));
    beside.tensors.extend(module);
    check_states("bert", &load(&beside.source()).unwrap().transformer, &golden("bert"));
}

#[cfg(unix)]
#[test]
fn files_of_a_model_that_are_pipes_or_devices_are_refused_at_once() {
    for file in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "modules.json",
    ] {
        let place = Place::new();
        tiny().write(&place.path("model"));
        let path = place.path("model").join(file);
        let _ = std::fs::remove_file(&path);
        std::os::unix::fs::symlink("/dev/zero", path).unwrap();
        let refused = place.line("extract --model model 'the bank' --sentences --json");
        assert!(!refused.stderr.is_empty() && refused.code == Some(4), "{}", refused.stderr);
        assert!(refused.stderr.contains(&format!("model/{file} is not a regular file")), "{file}");
    }
}

/// A pipe to which another process writes is not read either: its writer waits until the test itself opens
/// it.
#[cfg(target_os = "linux")]
#[test]
fn files_of_a_model_that_are_fifos_are_never_opened() {
    for file in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
        "modules.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "model.gguf",
    ] {
        let place = Place::new();
        tiny().write(&place.path("model"));
        let path = place.path("model").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = std::fs::remove_file(&path);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let to = path.clone();
        let writer = std::thread::spawn(move || std::fs::write(to, "{}"));
        let model = if file == "model.gguf" { "model/model.gguf" } else { "model" };
        let line = format!("extract --model {model} 'the bank' --sentences --json");
        let outcome = place.line(&line);
        if file == "config_sentence_transformers.json" {
            // Without a pooling it is for a message alone.
            outcome.done();
        } else {
            assert!(matches!(outcome.code, Some(3 | 4)), "{file}: {}", outcome.stderr);
            assert!(outcome.stderr.contains(&format!("model/{file} is not a ")), "{file}");
        }
        assert!(!writer.is_finished(), "{file} was opened");
        let pipe = std::fs::File::options().read(true).write(true).open(&path).unwrap();
        writer.join().unwrap().unwrap();
        drop(pipe);
    }
}

fn one(value: f32) -> Stored {
    let bytes = value.to_le_bytes().to_vec();
    Stored { dtype: safetensors::Dtype::F32, shape: vec![1], bytes }
}

/// A tensor beside the trunk cannot change a state, even one with NaN; a tensor within it may.
/// `is_causal: false` lets every token see all tokens, as in transformers; blocks with a window are refused.
#[test]
fn a_decoder_that_is_not_causal_sees_later_tokens() {
    let place = Place::new();
    place.write("one.txt", "5 6 7\n");
    place.write("other.txt", "5 6 8\n");
    let first = |model: &str, ids: &str| {
        let line = format!("extract --token-ids {ids} --model {model} --layers -1 --json");
        place.line(&line).json()["layers"][0]["hidden_states"][0].clone()
    };
    for family in ["llama", "gpt2", "gpt-neox", "qwen2"] {
        let mut model = Checkpoint::fixture(family);
        model.write(&place.path("causal"));
        model.config["is_causal"] = false.into();
        model.write(&place.path("two-sided"));
        assert_eq!(first("causal", "one.txt"), first("causal", "other.txt"), "{family}");
        assert_ne!(first("two-sided", "one.txt"), first("two-sided", "other.txt"), "{family}");
        assert_eq!(place.line("info two-sided --json").json()["causal"], false, "{family}");
    }
    let mut model = Checkpoint::fixture("mistral");
    model.config["is_causal"] = false.into();
    model.config["sliding_window"] = 4.into();
    model.write(&place.path("window"));
    let refused = place.line("info window");
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    assert!(refused.stderr.contains("is_causal"), "{}", refused.stderr);
    // transformers makes some encoders causal by this key.
    let mut model = tiny();
    model.config["is_causal"] = true.into();
    model.write(&place.path("encoder"));
    let refused = place.line("info encoder");
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    assert!(refused.stderr.contains("is_causal"), "{}", refused.stderr);
}

#[test]
fn only_unknown_tensors_of_the_trunk_are_refused() {
    for (name, model) in fixtures() {
        let mut beside = model.clone();
        for tensor in ["crf.transitions", "classifier.dense.weight", "head_of_mine", "adapters.0.x"]
        {
            beside.tensors.insert(tensor.to_owned(), one(f32::NAN));
        }
        let loaded = load(&beside.source()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(loaded.info.unused_tensors.contains(&"crf.transitions".to_owned()), "{name}");
        check_states(&name, &loaded.transformer, &golden(&name));
        // Inside of the first block.
        let blocks = || model.tensors.keys().filter(|name| name.contains(".0."));
        let block = blocks().find(|name| name.contains("encoder.")).or(blocks().next());
        let block = block.or(model.tensors.keys().find(|name| name.starts_with("h.0."))).unwrap();
        let end = block.find(".0.").unwrap() + 3;
        let inside = format!("{}adapter.weight", &block[..end]);
        let mut within = model.clone();
        within.tensors.insert(inside.clone(), one(0.0));
        let error = load(&within.source()).unwrap_err().to_string();
        assert!(error.contains(&inside), "{name}: {error}");
    }
}

#[test]
fn a_tied_matrix_is_found_under_either_name() {
    for name in ["llama-bias", "gemma", "gpt2", "qwen2", "bert-gelu-new", "distilbert"] {
        let model = Checkpoint::fixture(name);
        let heads = [
            ("embed_tokens.weight", "lm_head.weight"),
            ("wte.weight", "lm_head.weight"),
            ("distilbert.embeddings.word_embeddings.weight", "vocab_projector.weight"),
            ("bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"),
        ];
        let moved = renamed(model.clone(), |old| {
            let head = heads.iter().find(|(end, _)| old.ends_with(end));
            head.map_or(old.to_owned(), |(_, head)| (*head).to_owned())
        });
        let loaded = load(&moved.source()).unwrap_or_else(|error| panic!("{name}: {error}"));
        check_states(name, &loaded.transformer, &golden(name));
        let from_head = |note: &Note| matches!(note, Note::EmbeddingFromHead { .. });
        assert!(loaded.info.notes.iter().any(from_head), "{name}: {:?}", loaded.info.notes);
        // Without the tie there is no embedding.
        let mut untied = moved;
        untied.config["tie_word_embeddings"] = false.into();
        assert!(load(&untied.source()).is_err(), "{name}");
    }
}

#[test]
fn two_matrices_that_differ_are_not_tied() {
    let mut model = Checkpoint::fixture("t5");
    let shared = model.tensors["shared.weight"].clone();
    model.tensors.insert("encoder.embed_tokens.weight".to_owned(), shared);
    let equal = load(&model.source()).unwrap();
    assert_eq!(equal.info.notes, []);
    let bytes = &mut model.tensors.get_mut("shared.weight").unwrap().bytes;
    bytes[..4].copy_from_slice(&7.0f32.to_le_bytes());
    let loaded = load(&model.source()).unwrap();
    check_states("t5", &loaded.transformer, &golden("t5"));
    assert!(matches!(loaded.info.notes[..], [Note::NotTied { .. }]), "{:?}", loaded.info.notes);
    // Only the name of the decoder's copy.
    let mut decoder = Checkpoint::fixture("t5");
    let shared = decoder.tensors.remove("shared.weight").unwrap();
    decoder.tensors.remove("encoder.embed_tokens.weight");
    decoder.tensors.insert("decoder.embed_tokens.weight".to_owned(), shared);
    check_states("t5", &load(&decoder.source()).unwrap().transformer, &golden("t5"));
}

/// States need no head: a damaged head is left out, and a note has the reason.
#[test]
fn a_damaged_head_matters_only_to_logits() {
    let nan = f32::NAN.to_le_bytes();
    for (name, tensor) in [
        ("llama", "lm_head.weight"),
        ("gpt-neox", "embed_out.weight"),
        ("bert-gelu-new", "cls.predictions.transform.dense.weight"),
        ("modernbert", "decoder.bias"),
        ("roberta", "lm_head.layer_norm.weight"),
    ] {
        let changes: [fn(&mut Stored, [u8; 4]); 2] = [
            |tensor, nan| tensor.bytes[..4].copy_from_slice(&nan),
            |tensor, _| {
                let shape = [vec![1], tensor.shape.clone()].concat();
                tensor.shape = shape;
            },
        ];
        for change in changes {
            let mut model = Checkpoint::fixture(name);
            change(model.tensors.get_mut(tensor).unwrap(), nan);
            let whole = load(&Checkpoint::fixture(name).source()).unwrap();
            let loaded = load(&model.source()).unwrap_or_else(|error| panic!("{name}: {error}"));
            let [Note::Head { reason }] = &loaded.info.notes[..] else {
                panic!("{name}: {:?}", loaded.info.notes)
            };
            assert!(reason.contains(tensor), "{reason}");
            assert!(loaded.transformer.architecture().head.is_none(), "{name}");
            let sequences = crate::families::sequences(&golden(name));
            let states = |model: &stratoscope_loader::Model| {
                let batch = stratoscope_transformer::Batch::new(
                    model.transformer.architecture(),
                    &sequences,
                );
                let states = model
                    .transformer
                    .forward(&batch.unwrap(), &mut stratoscope_transformer::NoHooks);
                states.unwrap().iter().map(crate::families::values).collect::<Vec<_>>()
            };
            assert_eq!(states(&whole), states(&loaded), "{name}");
        }
    }
    let place = Place::new();
    let mut model = Checkpoint::fixture("llama");
    model.tensors.get_mut("lm_head.weight").unwrap().bytes[..4].copy_from_slice(&nan);
    model.write(&place.path("llama"));
    place.write("ids.txt", "5 6 7\n");
    let extract = "extract --model llama --token-ids ids.txt --output";
    let said = place.line(&format!("{extract} states.safetensors")).done().stderr;
    assert!(said.contains("note: the language-model head was not read: "), "{said}");
    let refused = place.line(&format!("{extract} logits.safetensors --hooks logits"));
    assert!(refused.code == Some(2) || refused.code == Some(4), "{refused:?}");
    assert!(refused.stderr.contains("lm_head.weight"), "{}", refused.stderr);
}

#[test]
fn configs_are_read_as_python_reads_them() {
    for (name, model) in fixtures() {
        let config = model.config.to_string();
        let keys = r#"{"model_type": "none", "note": NaN, "other": [Infinity, -Infinity, 1e999], "#;
        let mut unusual = model.clone();
        let text = format!("{keys}{}", config.strip_prefix('{').unwrap());
        unusual.files.insert("config.json".to_owned(), text.into_bytes());
        let loaded = load(&unusual.source()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (file, key) = ("config.json".to_owned(), "model_type".to_owned());
        assert_eq!(loaded.info.notes, [Note::RepeatedKey { file, key }], "{name}");
        let plain = load(&model.source()).unwrap();
        assert_eq!(loaded.transformer.architecture(), plain.transformer.architecture(), "{name}");
    }
    for (key, value) in [("layer_norm_eps", "NaN"), ("hidden_size", "Infinity")] {
        let model = Checkpoint::fixture("bert");
        let mut unusual = model.clone();
        let text = model.config.to_string();
        let text = format!("{},\"{key}\": {value}}}", text.strip_suffix('}').unwrap());
        unusual.files.insert("config.json".to_owned(), text.into_bytes());
        let error = load(&unusual.source()).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains(value), "{error}");
    }
}

#[test]
fn architectures_name_the_family_without_a_model_type() {
    let mut seen = 0;
    for (name, mut model) in fixtures() {
        let plain = load(&model.source()).unwrap();
        model.config.as_object_mut().unwrap().remove("model_type");
        // The text model of a multimodal one.
        if let Some(text) = model.config.get_mut("text_config") {
            text.as_object_mut().unwrap().remove("model_type");
        }
        let Some(class) = model.config["architectures"][0].as_str().map(str::to_owned) else {
            continue;
        };
        seen += 1;
        let loaded = load(&model.source()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(loaded.info.family, plain.info.family, "{name}");
        assert_eq!(loaded.transformer.architecture(), plain.transformer.architecture(), "{name}");
        assert_eq!(loaded.info.notes, [Note::NoModelType { class }], "{name}");
    }
    assert!(seen > 30, "{seen}");
    for class in ["Qwen2ImaginaryForCausalLM", "RobertaSeriesModel", "PhimoeForCausalLM", "Bert"] {
        let mut model = Checkpoint::fixture("bert");
        model.config.as_object_mut().unwrap().remove("model_type");
        model.config["architectures"] = json!([class]);
        let error = load(&model.source()).unwrap_err().to_string();
        assert!(error.contains("model_type"), "{error}");
    }
}

#[test]
fn the_tie_of_the_whole_model_wins_over_that_of_its_text_model() {
    let model = Checkpoint::fixture("gemma3-text");
    assert!(!model.tensors.contains_key("lm_head.weight"));
    for (outer, inner, head) in [(true, false, true), (false, true, false)] {
        let mut text = model.config.clone();
        text["tie_word_embeddings"] = inner.into();
        let mut whole = model.clone();
        whole.config = json!({
            "model_type": "gemma3", "tie_word_embeddings": outer, "text_config": text,
        });
        let loaded = load(&whole.source()).unwrap();
        assert_eq!(loaded.transformer.architecture().head.is_some(), head);
        if head {
            check_states("gemma3-text", &loaded.transformer, &golden("gemma3-text"));
        }
    }
}

/// transformers requires the factor of every scaling but LongRoPE's.
#[test]
fn a_rotary_scaling_without_its_factor_is_refused() {
    for name in ["llama-linear", "llama-dynamic", "llama3", "llama-yarn"] {
        let mut model = Checkpoint::fixture(name);
        let scaling = ["rope_scaling", "rope_parameters"].into_iter();
        let mut objects = scaling.filter(|key| model.config[*key].get("factor").is_some());
        let key = objects.next().unwrap();
        model.config[key].as_object_mut().unwrap().remove("factor");
        let error = load(&model.source()).unwrap_err().to_string();
        assert!(error.contains("factor"), "{name}: {error}");
    }
}

/// Published Gemmas have a token without a row; only a text with this token is refused.
#[test]
fn tokens_beyond_the_embedding_are_refused_by_name() {
    let place = Place::new();
    let mut model = tiny();
    model
        .files
        .get_mut("vocab.txt")
        .unwrap()
        .extend((0..2000).flat_map(|i| format!("\ntoken{i}").into_bytes()));
    model.write(&place.path("tiny"));
    let extract = "extract --model tiny --output";
    place.line(&format!("{extract} a.safetensors 'the river bank'")).done();
    let refused = place.line(&format!("{extract} b.safetensors 'the token1999 bank'"));
    assert_eq!((refused.code, refused.stderr.lines().count()), (Some(4), 1), "{refused:?}");
    for part in ["\"token1999\"", "2000 rows"] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let about = place.line("info tiny --json").json();
    assert!(about["tokenizer"]["beyond_embedding"].as_u64().unwrap() > 0, "{about}");
    place.write("ids.txt", "5 6\n");
    place.line(&format!("{extract} c.safetensors --token-ids ids.txt")).done();
}
