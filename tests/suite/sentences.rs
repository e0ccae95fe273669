//! Vectors of sentences: poolings and the modules after them, compared with sentence-transformers'
//! formulas in numpy (`fixtures/make_sentences.py`).

use crate::checkpoints::Checkpoint;
use crate::command::{Place, tiny};
use crate::fixtures::{Tensors, distance, path};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use std::fmt::Write;

/// The cases: a name, the files of the modules, and their weights.
fn cases() -> Vec<(String, Checkpoint)> {
    let text = std::fs::read_to_string(path("sentences/cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let bytes = std::fs::read(path("sentences/tensors.safetensors")).unwrap();
    let stored = SafeTensors::deserialize(&bytes).unwrap();
    let case = |case: Value| {
        let name = case["name"].as_str().unwrap().to_owned();
        let mut model = Checkpoint::fixture("bert-gelu-new");
        for (file, content) in case["files"].as_object().unwrap() {
            model.files.insert(file.clone(), content.to_string().into_bytes());
        }
        for module in case["files"]["modules.json"].as_array().unwrap() {
            let folder = module["path"].as_str().unwrap();
            let start = format!("{name}/{folder}/");
            let own = stored.tensors().into_iter();
            let own: Vec<_> = own
                .filter_map(|(name, view)| Some((name.strip_prefix(&start)?.to_owned(), view)))
                .filter(|(name, _)| !folder.is_empty() && name != "expected")
                .collect();
            if !own.is_empty() {
                let weights = safetensors::serialize(own, None).unwrap();
                model.files.insert(format!("{folder}/model.safetensors"), weights);
            }
        }
        (name, model)
    };
    cases.into_iter().map(case).collect()
}

#[test]
fn sentence_vectors_are_those_of_sentence_transformers() {
    let place = Place::new();
    let golden = Tensors::read(path("families/bert-gelu-new/golden.safetensors"));
    let (ids, offsets) =
        (golden.i64("input_ids").unwrap(), golden.i64("sequence_offsets").unwrap());
    let mut lines = String::new();
    for w in offsets.windows(2) {
        let ids: Vec<_> = ids[w[0] as usize..w[1] as usize].iter().map(i64::to_string).collect();
        writeln!(lines, "{}", ids.join(" ")).unwrap();
    }
    place.write("ids.txt", lines);
    let right = Tensors::read(path("sentences/tensors.safetensors"));
    for (name, model) in cases() {
        model.write(&place.path(&name));
        let output = format!("{name}.safetensors");
        let line =
            format!("extract --model {name} --token-ids ids.txt --sentences --output {output}");
        place.line(&line).done();
        let (ours, shape) = Tensors::read(place.path(&output)).f32("hidden_states").unwrap();
        let (theirs, expected) = right.f32(&format!("{name}/expected")).unwrap();
        assert_eq!(shape, expected, "{name}");
        let (difference, largest) = distance(&ours, &theirs);
        println!("{name}: within {:.1e} of the largest value", difference / largest);
        assert!(difference < 1e-5 * largest, "{name}: {difference:e} of {largest}");
    }
}

/// A corpus in shards and a single file have equal vectors, also where a linear layer changes their
/// width.
#[test]
fn a_corpus_has_the_vectors_of_a_single_file() {
    let place = Place::new();
    let mut model = tiny();
    let (_, dense) = cases().into_iter().find(|(name, _)| name == "dense").unwrap();
    model.files.extend(dense.files);
    model.write(&place.path("dense"));
    place.write("texts.txt", "the river bank\nmoney\nthe bank of the river\n");
    let line = "extract --model dense --file texts.txt --sentences --layers 3";
    place.line(&format!("{line} --output one.safetensors")).done();
    place.line(&format!("{line} --output many")).done();
    let one = Tensors::read(place.path("one.safetensors")).f32("hidden_states").unwrap();
    assert_eq!(one.1, [1, 3, 7]);
    let shards: Vec<_> = place.files("many").into_keys().collect();
    let shard = shards.iter().find(|name| name.ends_with(".safetensors")).unwrap();
    let many = Tensors::read(place.path("many").join(shard)).f32("hidden_states").unwrap();
    assert_eq!(one, many);
    let index = place.files("many")["index.json"].clone().unwrap();
    let index = String::from_utf8(index).unwrap();
    assert!(index.contains("first, Dense 24 → 7, LayerNorm, Normalize"), "{index}");
}

/// Poolings and modules that are not supported are refused by the requests that need them, and by no
/// other.
#[test]
fn only_sentence_vectors_need_the_pooling() {
    let transformer = json!({"path": "", "type": "sentence_transformers.models.Transformer"});
    let pooling = json!({"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"});
    let module = |class: &str| json!({"path": format!("2_{class}"), "type": format!("sentence_transformers.models.{class}")});
    let other = json!({"path": "", "type": "custom_st.Transformer"});
    let dense = json!({"in_features": 24, "out_features": 3, "activation_function": "x.Swish"});
    let named = json!({"module_input_name": "token_embeddings"});
    let mean = json!({"pooling_mode": "mean"});
    let cases: Vec<(&str, Vec<(&str, Value)>)> = vec![
        ("median", vec![("1_Pooling/config.json", json!({"pooling_mode": "median"}))]),
        (
            "pooling_mode_median",
            vec![("1_Pooling/config.json", json!({"pooling_mode_median": true}))],
        ),
        (
            "\"CNN\"",
            vec![
                ("1_Pooling/config.json", mean.clone()),
                ("modules.json", json!([transformer, pooling, module("CNN")])),
            ],
        ),
        (
            "\"WeightedLayerPooling\"",
            vec![("modules.json", json!([transformer, module("WeightedLayerPooling"), pooling]))],
        ),
        ("\"StaticEmbedding\"", vec![("modules.json", json!([module("StaticEmbedding")]))]),
        ("a Pooling is expected", vec![("modules.json", json!([transformer]))]),
        ("1_Pooling/config.json", vec![("modules.json", json!([transformer, pooling]))]),
        (
            "x.Swish",
            vec![
                ("1_Pooling/config.json", mean.clone()),
                ("modules.json", json!([transformer, pooling, module("Dense")])),
                ("2_Dense/config.json", dense),
            ],
        ),
        (
            "2_Dense/model.safetensors",
            vec![
                ("1_Pooling/config.json", mean.clone()),
                ("modules.json", json!([transformer, pooling, module("Dense")])),
                ("2_Dense/config.json", json!({"in_features": 24, "out_features": 3})),
            ],
        ),
        (
            "token_embeddings",
            vec![
                ("1_Pooling/config.json", mean),
                ("modules.json", json!([transformer, pooling, module("Normalize")])),
                ("2_Normalize/config.json", named),
            ],
        ),
        ("modules.json", vec![("modules.json", json!({"0": transformer}))]),
        ("custom_st.Transformer", vec![("modules.json", json!([other, pooling]))]),
    ];
    let place = Place::new();
    for (index, (named, files)) in cases.into_iter().enumerate() {
        let folder = format!("model{index}");
        let mut model = tiny();
        for (name, content) in files {
            model.files.insert(name.to_owned(), content.to_string().into_bytes());
        }
        model.write(&place.path(&folder));
        let info = place.line(&format!("info {folder} --json")).json();
        assert_eq!(info["sentence_pooling"], Value::Null);
        let why = info["sentence_pooling_error"].as_str().unwrap();
        assert!(why.contains(named), "{named}: {why}");
        let extract = format!("extract 'the river bank' --model {folder} --output {folder}");
        place.line(&format!("{extract}-tokens.safetensors")).done();
        place.line(&format!("{extract}-words.safetensors --words")).done();
        place.line(&format!("{extract}-max.safetensors --sentences --pooling max")).done();
        let refused = place.line(&format!("{extract}-sentences.safetensors --sentences"));
        // A missing file has the code of what is not found.
        assert!(matches!(refused.code, Some(3 | 4)), "{named}: {refused:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{named}");
        for part in [named, "--pooling"] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
    }
}

/// A probe of whole texts pools as the model does, if that is one pooling.
#[test]
fn a_probe_of_texts_needs_one_pooling() {
    let place = Place::new();
    let mut model = tiny();
    let both = json!({"pooling_mode": ["mean", "max"]}).to_string();
    model.files.insert("1_Pooling/config.json".to_owned(), both.into_bytes());
    model.write(&place.path("both"));
    let rows = (0..24).map(|i| {
        let (word, label) = if i % 2 == 0 { ("river", "a") } else { ("money", "b") };
        format!("the {word} bank {}\t{label}\n", "the ".repeat(i / 2))
    });
    place.write("task.tsv", rows.collect::<String>());
    let line = "probe --tsv task.tsv --model both --layers 3";
    let refused = place.line(line);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("mean + max"), "{}", refused.stderr);
    place.line(&format!("{line} --pooling weighted-mean")).done();
}

#[test]
fn what_sentence_transformers_does_to_a_text_is_said_where_it_matters() {
    let place = Place::new();
    let with = |name: &str, file: &str, content: Value| {
        let mut model = tiny();
        model.files.insert(file.to_owned(), content.to_string().into_bytes());
        model.write(&place.path(name));
    };
    let prompts = json!({"query": "query: ", "document": ""});
    let settings = |name: Value| json!({"prompts": prompts, "default_prompt_name": name});
    let file = "config_sentence_transformers.json";
    with("query", file, settings("query".into()));
    with("other", file, settings("passage".into()));
    with("empty", file, settings("document".into()));
    with("none", file, settings(Value::Null));
    with("lower", "sentence_bert_config.json", json!({"do_lower_case": true}));
    let said = |model: &str, more: &str| {
        let line = format!("extract --model {model} 'the river' --layers 0 --json {more}");
        place.line(&line).done().stderr
    };
    for (model, expected) in [
        (
            "query",
            "warning: sentence-transformers puts the prompt \"query\" before every text (\"query: \", in config_sentence_transformers.json)",
        ),
        (
            "other",
            "warning: sentence-transformers puts the prompt \"passage\" before every text, which config_sentence_transformers.json does not have",
        ),
        ("empty", ""),
        ("none", ""),
        ("lower", "warning: sentence-transformers changes every text to lower case"),
    ] {
        let found = said(model, "--sentences");
        assert_eq!(found.is_empty(), expected.is_empty(), "{model}: {found}");
        assert!(found.starts_with(expected), "{model}: {found}");
        assert_eq!(said(model, ""), "", "{model}");
        let info = place.line(&format!("info {model} --json")).json();
        assert_eq!(info["sentence_before"].as_array().unwrap().is_empty(), expected.is_empty());
    }
    // What may change the vectors is refused for the vectors alone.
    with("narrow", file, json!({"truncate_dim": 4}));
    with("broken", file, Value::Null);
    std::fs::write(place.path("broken").join(file), "{\"prompts\": ").unwrap();
    for (model, said) in [("narrow", "truncate_dim"), ("broken", file)] {
        std::fs::create_dir(place.path(model).join("1_Pooling")).unwrap();
        let mean = r#"{"pooling_mode_mean_tokens": true}"#;
        std::fs::write(place.path(model).join("1_Pooling/config.json"), mean).unwrap();
        let line = format!("extract --model {model} 'the river' --layers 0 --json");
        let refused = place.line(&format!("{line} --sentences"));
        assert!(matches!(refused.code, Some(3 | 4)), "{model}: {}", refused.stderr);
        assert!(refused.stderr.contains(said), "{model}: {}", refused.stderr);
        place.line(&line).done();
    }
}

/// The ids of each text as the model reads it.
fn ids(states: &Value) -> Vec<Vec<u64>> {
    let mut ids: Vec<Vec<u64>> = Vec::new();
    for row in states["rows"].as_array().unwrap() {
        ids.resize(ids.len().max(row["sequence"].as_u64().unwrap() as usize + 1), Vec::new());
        ids.last_mut().unwrap().push(row["token_id"].as_u64().unwrap());
    }
    ids
}

/// With `--sentences`, a text is as long as sentence-transformers reads it. The limit is that of its
/// version 6.2 for the same files.
#[test]
fn sentences_are_as_long_as_in_sentence_transformers() {
    let place = Place::new();
    let text = "the river bank refused the loan it refused the old bank";
    let settings = "sentence_bert_config.json";
    let tokenizer = "tokenizer_config.json";
    let seven = json!({"max_seq_length": 7});
    let kwargs = json!({"max_seq_length": 9, "processor_kwargs": {"model_max_length": 7}});
    let processing = json!({"processing_kwargs": {"text": {"max_length": 7}}, "max_seq_length": 9});
    let modules = json!([
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]);
    let old = vec![
        ("modules.json", modules),
        ("1_Pooling/config.json", json!({"pooling_mode": "mean"})),
        ("sentence_distilbert_config.json", seven.clone()),
    ];
    let both = vec![(settings, seven.clone()), (tokenizer, json!({"model_max_length": 5}))];
    let cases = [
        (vec![(settings, seven.clone())], Some(7)),
        (both, Some(7)),
        (vec![(tokenizer, json!({"model_max_length": 7}))], Some(7)),
        (vec![(settings, kwargs)], Some(7)),
        (vec![(settings, processing)], Some(7)),
        (old, Some(7)),
        // Not more than the model can read.
        (vec![(settings, json!({"max_seq_length": 100_000}))], Some(37)),
        (vec![(settings, json!({"max_seq_length": null}))], Some(37)),
        (vec![(tokenizer, json!({"model_max_length": 1e30}))], Some(37)),
    ];
    for (index, (files, limit)) in cases.into_iter().enumerate() {
        let mut model = tiny();
        for (name, content) in files {
            model.files.insert(name.to_owned(), content.to_string().into_bytes());
        }
        let name = format!("model{index}");
        model.write(&place.path(&name));
        let info = place.line(&format!("info {name} --json")).json();
        assert_eq!(info["sentence_max_tokens"], limit.map_or(Value::Null, Value::from), "{index}");
        let run = |more: &str| {
            place.line(&format!("extract '{text}' river --model {name} --layers 3 --json {more}"))
        };
        let all = ids(&run("").json());
        assert_eq!(all[0].len(), 13);
        let vectors = |states: Value| states["layers"][0]["hidden_states"].clone();
        let line = |ids: &[u64]| ids.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
        let whole = format!("{}\n{}\n", line(&all[0]), line(&all[1]));
        let of_ids = |ids: &str| {
            place.write("ids.txt", ids);
            let line = format!("extract --token-ids ids.txt --model {name} --layers 3 --json");
            vectors(place.line(&format!("{line} --sentences")).json())
        };
        // A pooling of the user reads the whole text.
        let own = run("--sentences --pooling mean").done();
        assert_eq!((&*own.stderr, vectors(own.clone().json())), ("", of_ids(&whole)), "{index}");
        let refused = run("--sentences");
        let cut = run("--sentences --long cut");
        if limit != Some(7) {
            assert_eq!((&*refused.stderr, vectors(refused.clone().json())), ("", of_ids(&whole)));
            assert_eq!((&*cut.stderr, vectors(cut.clone().json())), ("", of_ids(&whole)));
            continue;
        }
        assert_eq!(refused.code, Some(4), "{index}: {}", refused.stderr);
        for part in ["has 13 tokens", "reads the first 7", "--long cut", "--pooling mean"] {
            assert!(refused.stderr.contains(part), "{index}: {}", refused.stderr);
        }
        // As transformers cuts: the first tokens of the text, and the special tokens.
        let first = [&all[0][..6], &all[0][12..]].concat();
        let expected = of_ids(&format!("{}\n{}\n", line(&first), line(&all[1])));
        assert!(cut.stderr.contains("was cut from 13 tokens to 7"), "{index}: {}", cut.stderr);
        assert_eq!(vectors(cut.json()), expected, "{index}");
        let windows = run("--sentences --long window").done().stderr;
        assert!(windows.contains("has 13 tokens and was read in 3 overlapping"), "{windows}");
        // A corpus in shards has the same limit.
        place.write("texts.txt", format!("{text}\nriver\n"));
        let corpus = format!("extract --file texts.txt --model {name} --layers 3 --sentences");
        let refused = place.line(&format!("{corpus} --output out{index}"));
        assert!(refused.stderr.contains("has 13 tokens"), "{}", refused.stderr);
        let done = place.line(&format!("{corpus} --output out{index} --long cut")).done();
        assert!(done.stderr.contains("was cut from 13 tokens to 7"), "{}", done.stderr);
    }
    // Settings that cannot be read matter to vectors of sentences alone.
    for (index, content) in ["{", "{\"max_seq_length\": \"7\"}"].into_iter().enumerate() {
        let mut model = tiny();
        model.files.insert(settings.to_owned(), content.as_bytes().to_vec());
        let name = format!("broken{index}");
        model.write(&place.path(&name));
        let line = format!("extract river --model {name} --json");
        place.line(&line).done();
        let refused = place.line(&format!("{line} --sentences"));
        assert_eq!(refused.code, Some(4), "{}", refused.stderr);
        assert!(refused.stderr.contains(settings), "{}", refused.stderr);
    }
}

/// Older versions of sentence-transformers saved the transformer in a folder of its own.
#[test]
fn a_transformer_in_a_folder_is_found_by_the_list_of_modules() {
    let place = Place::new();
    tiny().write(&place.path("plain"));
    let modules = json!([
        {"idx": 0, "name": "0", "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]);
    for (name, root) in [("old", None), ("older", Some(json!({"__version__": "0.3.8"})))] {
        let mut model = tiny();
        model.files.insert("sentence_bert_config.json".into(), b"{\"max_seq_length\": 9}".to_vec());
        model.write(&place.path(name).join("0_Transformer"));
        place.write(&format!("{name}/modules.json"), modules.to_string());
        std::fs::create_dir(place.path(name).join("1_Pooling")).unwrap();
        place.write(&format!("{name}/1_Pooling/config.json"), "{\"pooling_mode_cls_token\": true}");
        if let Some(root) = root {
            place.write(&format!("{name}/config.json"), root.to_string());
        }
        let info = place.line(&format!("info {name} --json")).json();
        assert_eq!(info["sentence_pooling"], "first");
        assert_eq!(info["sentence_max_tokens"], 9);
        assert_eq!(info["notes"][0], "the transformer is in 0_Transformer/, as modules.json says");
        let states = |model: &str, more: &str| {
            let line = format!("extract --model {model} 'the river bank' --json {more}");
            place.line(&line).json()["layers"].clone()
        };
        assert_eq!(states(name, ""), states("plain", ""));
        assert_eq!(states(name, "--sentences"), states("plain", "--sentences --pooling first"));
    }
    // Without the list of modules, nothing names the folder.
    std::fs::remove_file(place.path("old/modules.json")).unwrap();
    let refused = place.line("info old");
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("old has no config.json"), "{}", refused.stderr);
}
