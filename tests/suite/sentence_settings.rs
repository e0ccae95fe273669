//! The settings of sentence-transformers. The right values are what SentenceTransformer 6.2 does with them.

use crate::checkpoints::Checkpoint;
use crate::command::{Place, tiny};
use serde_json::{Value, json};

/// The limit of a text, or a part of the refusal.
enum Right {
    /// None: as many tokens as the model reads.
    Any,
    Limit(u64),
    Refused(&'static str),
}

/// A key of sentence-transformers' files is read as there, or does not change a vector, or is named: here
/// with what SentenceTransformer 6.2 does. A key that it ignores, or that changes a text of no model here,
/// leaves the limit of 9; what it cannot load, and what changes the vector in a way that is not supported,
/// is refused for the vectors of sentences alone.
#[test]
fn every_key_of_sentence_transformers_is_applied_or_named() {
    use Right::{Any, Limit, Refused};
    let place = Place::new();
    let (settings, tokenizer) = ("sentence_bert_config.json", "tokenizer_config.json");
    let (list, whole) = ("modules.json", "config_sentence_transformers.json");
    let pooling = "1_Pooling/config.json";
    let nine = |more: Value| {
        let mut all = json!({"max_seq_length": 9});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        vec![(settings, all)]
    };
    let called = |text: Value| nine(json!({"processing_kwargs": {"text": text}}));
    let loaded = |with: Value| nine(json!({"processor_kwargs": with}));
    let usual = json!({"method": "forward", "method_output_name": "last_hidden_state"});
    let pooled = json!({"method": "forward", "method_output_name": "pooler_output"});
    let kinds = |kinds: Value, output: &str| {
        nine(json!({"modality_config": kinds, "module_output_name": output}))
    };
    let states = "token_embeddings";
    let module = |more: Value| {
        let mut first = json!({"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"});
        first.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let second = json!({"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"});
        json!([first, second])
    };
    let mean = |more: Value| {
        let mut all = json!({"embedding_dimension": 24, "pooling_mode": "mean"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        vec![(pooling, all), (settings, json!({"max_seq_length": 9}))]
    };
    let set = |more: Value| vec![(whole, more), (settings, json!({"max_seq_length": 9}))];
    let cases = vec![
        // The limit.
        (vec![(tokenizer, json!({"max_len": 7}))], Limit(7)),
        (vec![(tokenizer, json!({"max_len": 7, "model_max_length": 8}))], Limit(8)),
        (vec![(tokenizer, json!({"max_len": 7, "model_max_length": null}))], Any),
        (vec![(tokenizer, json!({"model_max_length": 9.5}))], Refused("model_max_length")),
        (vec![(tokenizer, json!({"max_len": "7"}))], Refused("max_len")),
        (called(json!({"max_length": 7})), Limit(7)),
        (nine(json!({"processing_kwargs": {"common": {"max_length": 7}}})), Limit(7)),
        (
            nine(
                json!({"processing_kwargs": {"common": {"max_length": 7}, "text": {"max_length": 5}}}),
            ),
            Limit(7),
        ),
        (loaded(json!({"model_max_length": 7})), Limit(7)),
        (
            nine(
                json!({"tokenizer_args": {"model_max_length": 7}, "processor_kwargs": {"model_max_length": 5}}),
            ),
            Limit(7),
        ),
        (vec![(settings, json!({"max_seq_length": 9.5}))], Refused("max_seq_length")),
        (vec![(settings, json!({"max_seq_length": true}))], Refused("max_seq_length")),
        (vec![(settings, json!({"max_seq_length": 0}))], Refused("max_seq_length")),
        (vec![(settings, json!([9]))], Refused("whole file")),
        // What changes the vector.
        (
            called(json!({"add_special_tokens": false})),
            Refused("processing_kwargs.text.add_special_tokens"),
        ),
        (
            nine(json!({"processing_kwargs": {"common": {"add_special_tokens": false}}})),
            Refused("processing_kwargs.common.add_special_tokens"),
        ),
        (called(json!({"truncation": false})), Refused("processing_kwargs.text.truncation")),
        (called(json!({"return_token_type_ids": false})), Refused("return_token_type_ids")),
        (nine(json!({"processing_kwargs": {"text": 7}})), Refused("processing_kwargs.text")),
        (loaded(json!({"cls_token": "the"})), Refused("processor_kwargs.cls_token")),
        (loaded(json!({"do_lower_case": false})), Refused("processor_kwargs.do_lower_case")),
        (
            nine(json!({"tokenizer_args": {"truncation_side": "left"}})),
            Refused("tokenizer_args.truncation_side"),
        ),
        (
            nine(json!({"config_kwargs": {"hidden_act": "relu"}})),
            Refused("config_kwargs.hidden_act"),
        ),
        (
            nine(json!({"config_args": {"num_hidden_layers": 1}})),
            Refused("config_args.num_hidden_layers"),
        ),
        (nine(json!({"model_args": {"file_name": "onnx"}})), Refused("model_args.file_name")),
        (nine(json!({"tokenizer_name_or_path": "bert"})), Refused("tokenizer_name_or_path")),
        (nine(json!({"transformer_task": "fill-mask"})), Refused("transformer_task")),
        (nine(json!({"do_lower_case": "yes"})), Refused("do_lower_case")),
        (nine(json!({"pad": 1})), Refused("\"pad\" is 1")),
        (
            kinds(json!({"text": usual, "message": usual}), states),
            Refused("modality_config.message"),
        ),
        (kinds(json!({"text": pooled}), "sentence_embedding"), Refused("modality_config.text")),
        (kinds(json!({"text": usual}), "all"), Refused("module_output_name")),
        (
            vec![(list, module(json!({"type": "custom_st.Transformer"})))],
            Refused("custom_st.Transformer"),
        ),
        (vec![(list, module(json!({"name": "1"})))], Refused("another module")),
        (mean(json!({"pooling_mode_median": false})), Refused("pooling_mode_median")),
        (mean(json!({"window": 3})), Refused("window")),
        (mean(json!({"include_prompt": "no"})), Refused("include_prompt")),
        (set(json!({"truncate_dim": 4})), Refused("truncate_dim")),
        (set(json!({"model_type": "CrossEncoder"})), Refused("CrossEncoder")),
        (set(json!({"prompts": ["a"]})), Refused("prompts")),
        (set(json!({"default_prompt_name": 1})), Refused("default_prompt_name")),
        // What does not.
        (called(json!({"padding": "max_length", "truncation": true})), Limit(9)),
        (nine(json!({"processing_kwargs": {"image": {"size": 1}}})), Limit(9)),
        (loaded(json!({"use_fast": true, "padding_side": "left", "revision": "x"})), Limit(9)),
        (
            nine(json!({"model_args": {"attn_implementation": "eager", "torch_dtype": "float16"}})),
            Limit(9),
        ),
        (
            nine(
                json!({"query_length": 5, "unpad_inputs": null, "transformer_task": "feature-extraction"}),
            ),
            Limit(9),
        ),
        (kinds(json!({"text": usual}), states), Limit(9)),
        (nine(json!({"module_output_name": "all"})), Limit(9)),
        (mean(json!({"include_prompt": false, "pooling_mode_cls_token": false})), Limit(9)),
        (
            set(
                json!({"__version__": {}, "similarity_fn_name": "dot", "prompts": {"query": "", "document": null}, "default_prompt_name": null, "model_type": "SentenceTransformer"}),
            ),
            Limit(9),
        ),
    ];
    for (index, (files, right)) in cases.into_iter().enumerate() {
        let mut model = tiny();
        let more = [(list, module(json!({}))), (pooling, json!({"pooling_mode": "mean"}))];
        for (name, content) in more.into_iter().chain(files.clone()) {
            model.files.insert(name.to_owned(), content.to_string().into_bytes());
        }
        let name = format!("model{index}");
        model.write(&place.path(&name));
        let line = format!("extract 'the river' --model {name} --layers 0 --json");
        let info = place.line(&format!("info {name} --json")).json();
        let run = place.line(&format!("{line} --sentences"));
        match right {
            Any => {
                assert!(info["sentence_max_tokens"].is_null(), "{files:?}: {info}");
                run.done();
            }
            Limit(limit) => {
                assert_eq!(info["sentence_max_tokens"], limit, "{files:?}: {info}");
                run.done();
            }
            Refused(part) => {
                assert_eq!(run.code, Some(4), "{files:?}: {}", run.stderr);
                assert!(run.stderr.contains(part), "{files:?}: {}", run.stderr);
                place.line(&line).done();
            }
        }
    }
    // What sentence-transformers does not read is named.
    let mut model = tiny();
    let more = [
        (list, module(json!({"colour": 1}))),
        (pooling, json!({"pooling_mode": "mean"})),
        (whole, json!({"shape": {}})),
    ];
    for (name, content) in more {
        model.files.insert(name.to_owned(), content.to_string().into_bytes());
    }
    model.write(&place.path("named"));
    let info = place.line("info named").done().stdout;
    for key in ["\"colour\"", "\"shape\""] {
        assert!(info.contains(&format!("sentence-transformers does not read {key}")), "{info}");
    }
}

/// sentence-transformers reads more tokens than the config names, where its own settings say so and the
/// model computes its positions.
#[test]
fn a_limit_above_the_positions_of_the_config_is_that_of_sentence_transformers() {
    let place = Place::new();
    let mut model = Checkpoint::fixture("llama").with_rows(2000);
    let tokenizer = tiny().files["vocab.txt"].clone();
    model.files.insert("vocab.txt".into(), tokenizer);
    let class = json!({"tokenizer_class": "BertTokenizer"}).to_string();
    model.files.insert("tokenizer_config.json".into(), class.into_bytes());
    let context = model.config["max_position_embeddings"].as_u64().unwrap() as usize;
    let settings = json!({"max_seq_length": context + 5}).to_string();
    model.files.insert("sentence_bert_config.json".into(), settings.into_bytes());
    let settings = json!({"model_max_length": context + 5}).to_string();
    model.write(&place.path("more"));
    let info = place.line("info more --json").json();
    assert_eq!(info["sentence_max_tokens"], context + 5);
    assert_eq!(info["max_tokens"], context);
    let words = "the river bank ".repeat(context);
    let line = "extract --model more --layers 0 --sentences --json";
    let cut = place.line(&format!("{line} --long cut '{words}'")).done();
    assert!(cut.stderr.contains(&format!("to {}", context + 5)), "{}", cut.stderr);
    // Token states are within the positions.
    let cut = place.line(&format!("extract --model more --layers 0 --json --long cut '{words}'"));
    assert!(cut.stderr.contains(&format!("to {context}")), "{}", cut.stderr);
    // A rotation that depends on the length of longer texts is not computed.
    let mut model = Checkpoint::fixture("llama-dynamic");
    let context = model.config["max_position_embeddings"].as_u64().unwrap();
    let more = json!({"max_seq_length": context + 5}).to_string();
    model.files.insert("sentence_bert_config.json".into(), more.into_bytes());
    model.write(&place.path("dynamic"));
    assert_eq!(place.line("info dynamic --json").json()["sentence_max_tokens"], context);
    // Settings of the tokenizer are not above the positions.
    let mut model = Checkpoint::fixture("llama");
    model.files.insert("tokenizer_config.json".into(), settings.into_bytes());
    model.write(&place.path("own"));
    assert_eq!(place.line("info own --json").json()["sentence_max_tokens"], context);
}

/// Without a list of modules, sentence-transformers reads no pooling and no limit; here both are read,
/// and `info` says so.
#[test]
fn without_a_list_of_modules_the_files_are_read_and_that_is_said() {
    let place = Place::new();
    let mut model = tiny();
    model.files.insert("1_Pooling/config.json".into(), b"{\"pooling_mode\": \"cls\"}".to_vec());
    model.files.insert("sentence_bert_config.json".into(), b"{\"max_seq_length\": 9}".to_vec());
    model.write(&place.path("model"));
    let said = "without modules.json, sentence-transformers reads no 1_Pooling/config.json and no sentence_bert_config.json; here it is read";
    let info = place.line("info model --json").json();
    assert!(info["notes"].as_array().unwrap().contains(&said.into()), "{info}");
    assert_eq!(
        (&info["sentence_pooling"], &info["sentence_max_tokens"]),
        (&"first".into(), &9.into())
    );
    let run = place.line("extract river --model model --layers 0 --sentences --json").done();
    assert!(run.stderr.contains(said), "{}", run.stderr);
    let run = place.line("extract river --model model --layers 0 --json").done();
    assert_eq!(run.stderr, "");
}

/// Without any file, sentence-transformers takes the last vector of a causal language model, and the mean
/// of other models.
#[test]
fn the_default_pooling_is_that_of_sentence_transformers() {
    let place = Place::new();
    for (name, class, causal, right) in [
        ("lm", "LlamaForCausalLM", None, "last"),
        ("two-sided", "LlamaForCausalLM", Some(false), "mean"),
        ("plain", "LlamaModel", None, "mean"),
    ] {
        let mut model = Checkpoint::fixture("llama");
        model.config["architectures"] = json!([class]);
        if let Some(causal) = causal {
            model.config["is_causal"] = causal.into();
        }
        model.write(&place.path(name));
        place.write("ids.txt", "5 6 7\n");
        let vectors = |more: &str| {
            let line = format!("extract --token-ids ids.txt --model {name} --layers 1 --json");
            place.line(&format!("{line} --sentences {more}")).json()["layers"][0]["hidden_states"]
                .clone()
        };
        assert_eq!(vectors(""), vectors(&format!("--pooling {right}")), "{name}");
        let info = place.line(&format!("info {name}")).done().stdout;
        assert!(
            info.contains(&format!("{right} (for sentence vectors, as no file says how)")),
            "{info}"
        );
    }
}
