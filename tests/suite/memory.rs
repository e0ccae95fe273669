//! A model that is larger than its memory: blocks are read when they run, and every result is the same
//! to the byte.

use crate::command::{Place, json_of, tiny};
use crate::corpora::{MANY_HOOKS, lines};
use crate::families::values;
use crate::fixtures::{folders, load_with, path};
use crate::lens::with_tokenizer;
use crate::profile::SMALL;
use crate::story::own_bank;
use serde_json::json;
use std::collections::BTreeMap;
use stratoscope_extractor::{Activations, HookSelection, LayerSelection, extract, prepare_ids};
use stratoscope_loader::{Error, LoadOptions, Model, Reads, Source};
use stratoscope_transformer::{Batch, Features, NoHooks, Sequence};

/// The states of eight sequences, in groups of several sequences, with every kind of capture.
fn states(model: &Model) -> Activations {
    let architecture = model.transformer.architecture();
    let most = architecture.max_tokens().unwrap_or(100).min(100);
    let id = |index: usize| (index * 7 % architecture.d_vocab) as u32;
    let ids = (1..=8).map(|n| (n, (0..most.min(20 * n)).map(|i| id(n + i)).collect()));
    let prepared = prepare_ids(model, ids.collect()).unwrap();
    let last = architecture.n_layers - 1;
    let mut hooks = format!(
        "hook_embed,blocks.*.hook_attn_out,blocks.*.attn.hook_pattern,blocks.{last}.attn.hook_v,\
         blocks.*.attn.value_weighted_norms"
    );
    hooks += if architecture.head.is_some() { ",logits" } else { "" };
    let hooks: HookSelection = hooks.parse().unwrap();
    extract(model, prepared, &LayerSelection::All, &hooks, &mut |_| {}).unwrap()
}

/// The states of a sequence of features.
fn states_of_features(model: &Model) -> Vec<Vec<f32>> {
    let architecture = model.transformer.architecture();
    let Sequence::Features(example) = architecture.example(40) else { panic!("no features") };
    let value = |i: usize| (i * 37 % 101) as f32 / 50.0 - 1.0;
    let all: Vec<f32> = (0..example.values.len()).map(value).collect();
    let features = Features::new(architecture, all.into(), example.width, example.grid);
    let batch = Batch::new(architecture, &[Sequence::Features(features)]).unwrap();
    let states = model.transformer.forward(&batch, &mut NoHooks).unwrap();
    states.iter().map(values).collect()
}

#[test]
fn states_do_not_depend_on_the_memory() {
    let of = |place: &str, file: &str| {
        folders(place).into_iter().map(|name| path(place).join(name).join(file)).collect::<Vec<_>>()
    };
    let models = [of("families", ""), of("gguf/models", "model.gguf")].concat();
    assert!(models.len() > 30);
    for (path, kernels) in models.iter().flat_map(|path| [(path, true), (path, false)]) {
        let mut options = LoadOptions::default();
        options.kernels = kernels;
        let resident = load_with(&Source::Folder(path.clone()), &options).unwrap();
        options.memory = Some(1);
        let read = load_with(&Source::Folder(path.clone()), &options).unwrap();
        assert!(resident.memory.resident && resident.transformer.is_resident());
        assert!(!read.memory.resident && !read.transformer.is_resident());
        assert!(read.memory.held() < resident.memory.held());
        if resident.reads() != Reads::Text {
            let (expected, found) = (states_of_features(&resident), states_of_features(&read));
            assert!(expected == found, "{}, kernels: {kernels}", path.display());
            continue;
        }
        let (expected, found) = (states(&resident), states(&read));
        assert!(expected == found, "{}, kernels: {kernels}", path.display());
    }
}

#[test]
fn every_command_gives_the_same_files_with_little_memory() {
    let place = Place::with_tiny();
    with_tokenizer(&place, "gpt2", "n_positions");
    let texts: String = (0..60)
        .map(|i| format!("the river bank {} refused a loan at home\n", ["", "seal", "and"][i % 3]))
        .collect();
    place.write("texts.txt", texts);
    place.write("corpus.conllu", crate::fixtures::corpus());
    place.write("own.txt", SMALL);
    place.write("bank.conllu", own_bank(9));
    for line in [
        "explore --model tiny 'the river bank' 'they refused a loan' --attention",
        "extract --model tiny --file texts.txt --words",
        "extract --model tiny --file texts.txt --hooks blocks.*.hook_mlp_out",
        "lens --model model 'the bank by the river' --perplexity",
        "geometry --model tiny --file corpus.conllu",
        "probe --model tiny --corpus corpus.conllu --label upos",
        "probe --model tiny --corpus corpus.conllu --label upos --random-weights",
        "profile --model tiny --stimuli own.txt --bank bank.conllu",
        "compare --model tiny 'the river bank' 'a loan'",
    ] {
        let run = |memory: &str| {
            // What is stored of a model must not hide what is computed.
            let own = place.path(&format!("own-{memory}"));
            let mut line = crate::command::words(line);
            line.extend(["--output", "out", "--overwrite"].map(str::to_owned));
            if !memory.is_empty() {
                line.extend(["--memory".to_owned(), memory.to_owned()]);
            }
            let mut command = place.command(line);
            let outcome = place.finish(command.env("XDG_CACHE_HOME", own)).done();
            let files = place.files("out");
            let keep = |name: &str| name != "manifest.json" && name != "index.json";
            let files: BTreeMap<_, _> = files.into_iter().filter(|(name, _)| keep(name)).collect();
            std::fs::remove_dir_all(place.path("out")).unwrap();
            (outcome.stderr, files)
        };
        let (said, resident) = run("");
        assert!(!said.contains("read from the file when it runs"), "{line}: {said}");
        let (said, read) = run("1k");
        assert!(said.contains("each block is read from the file when it runs"), "{line}: {said}");
        assert!(!resident.is_empty(), "{line}");
        let names = |files: &BTreeMap<String, _>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&resident), names(&read), "{line}");
        for (name, bytes) in &resident {
            assert!(read[name] == *bytes, "{line}: {name} differs");
        }
    }
}

/// A run that was begun with all weights in memory is continued block by block.
#[test]
fn a_run_is_resumed_with_little_memory() {
    let place = Place::with_tiny();
    place.write("corpus.txt", lines(400));
    let run = |more: &str| {
        let line = "extract --model tiny --file corpus.txt --shard-mib 1 --output out --hooks";
        place.line(&format!("{line} {MANY_HOOKS} {more}")).done().stderr
    };
    run("");
    let whole = place.files("out");
    let index = json_of(&whole, "index.json");
    let shards = index["shards"].as_array().unwrap();
    assert!(shards.len() > 3);
    let mut journal = format!("{}\n", json!({ "run": index["run"] }));
    let mut first = shards[0].clone();
    first["shard"] = 0.into();
    journal += &format!("{first}\n");
    place.write("out/journal.jsonl", journal);
    std::fs::remove_file(place.path("out/index.json")).unwrap();
    for shard in &shards[1..] {
        let name = shard["file"].as_str().unwrap();
        std::fs::remove_file(place.path("out").join(name)).unwrap();
    }
    let said = run("--resume --memory 1k");
    assert!(said.contains("each block is read from the file when it runs"), "{said}");
    assert!(place.files("out") == whole, "{:?}", place.files("out").keys());
}

#[test]
fn a_pickle_that_is_larger_than_the_memory_is_refused_by_name() {
    let mut options = LoadOptions::default();
    (options.allow_pickle, options.memory) = (true, Some(1));
    let pickled = folders("pickle").into_iter().map(|name| path("pickle").join(name));
    let models: Vec<_> = pickled.filter(|folder| folder.join("config.json").exists()).collect();
    assert!(!models.is_empty());
    for model in models {
        let error = load_with(&Source::Folder(model), &options).unwrap_err();
        assert!(matches!(error, Error::PickleTooLarge { .. }), "{error}");
    }
}

/// A weight with NaN is named when it is read: at once where it stays in memory, else when its block
/// runs.
#[test]
fn a_damaged_weight_is_named_when_it_is_read() {
    let mut model = tiny();
    let of_block = |name: &str| name.contains("layer.1.") && name.ends_with("query.weight");
    let (name, tensor) = model.tensors.iter_mut().find(|(name, _)| of_block(name)).unwrap();
    let name = name.clone();
    tensor.bytes[40..44].copy_from_slice(&f32::NAN.to_le_bytes());
    let place = Place::new();
    model.write(&place.path("tiny"));
    for memory in ["1G", "1k"] {
        let line = format!("extract --model tiny 'a loan' --output x.npz --memory {memory}");
        let outcome = place.line(&line);
        let said = format!("tensor {name:?} has NaN at element 10: the checkpoint is damaged");
        assert!(outcome.stderr.contains(&said), "{memory}: {}", outcome.stderr);
        assert!(!place.path("x.npz").exists());
    }
}
