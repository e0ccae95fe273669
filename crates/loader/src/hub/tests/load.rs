//! A whole model through the hub: config, weights in one file or in shards, vocabulary.

use std::path::Path;

use super::super::loopback::Reply;
use super::super::*;
use super::world::*;
use crate::error::Error;
use crate::kind::ErrorKind;
use crate::model::{Model, load};
use stratoscope_transformer::{Batch, NoHooks, Sequence};

const INDEX: &str = "model.safetensors.index.json";
const VOCABULARY: &[u8] = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nbank\n##s\n";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/families").join(name)
}

/// A hub whose repository holds a family's fixture.
fn world(name: &str) -> World {
    let world = World::new();
    let mut files = world.files.lock().unwrap();
    files.clear();
    for entry in fs::read_dir(fixture(name)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        files.insert(name, fs::read(path).unwrap());
    }
    files.remove("golden.safetensors");
    drop(files);
    world
}

fn load_from(settings: HubSettings, revision: Option<&str>) -> Result<Model, Error> {
    let (repo, revision) = ("org/name".to_owned(), revision.map(str::to_owned));
    load(&crate::Source::Hub { repo, revision, settings: settings.into() }, &mut Silent)
}

/// The last hidden states of a few tokens.
fn states(model: &Model) -> Vec<Vec<f32>> {
    let sequence = Sequence::from_ids(vec![2, 5, 6, 7, 3]);
    let batch = Batch::new(model.transformer.architecture(), &[sequence]).unwrap();
    let states = model.transformer.forward(&batch, &mut NoHooks).unwrap();
    states.last().unwrap().to_vec2().unwrap()
}

/// Loads fresh, warm, at the commit and offline: the same model each time, and no more requests
/// than it takes.
fn check(world: &World, name: &str, expected_files: &[&str]) -> Model {
    let folder = load(&crate::Source::Folder(fixture(name)), &mut Silent).unwrap();
    let fresh = load_from(world.settings(), None).unwrap();
    world.hub.take();
    world.storage.take();
    for (settings, revision, requests) in [
        (world.settings(), None, vec![API]),
        (world.settings(), Some(COMMIT), vec![]),
        (world.offline(), None, vec![]),
        (world.offline(), Some(COMMIT), vec![]),
    ] {
        let again = load_from(settings, revision).unwrap();
        assert_eq!(world.hub.requests(), requests);
        assert!(world.storage.requests().is_empty());
        assert_eq!(again.info.revision.as_deref(), Some(COMMIT));
        assert_eq!(again.info.files.all().unwrap(), fresh.info.files.all().unwrap());
        assert!(again.warnings.is_empty());
        assert_eq!(states(&again), states(&folder));
    }
    assert_eq!(states(&fresh), states(&folder));
    assert_eq!(
        (fresh.info.id.as_str(), fresh.info.revision.as_deref()),
        ("org/name", Some(COMMIT))
    );
    let read: Vec<_> =
        fresh.info.files.all().unwrap().iter().map(|file| file.name.as_str()).collect();
    assert_eq!(read, expected_files);
    let files = world.files.lock().unwrap();
    assert!(
        fresh
            .info
            .files
            .all()
            .unwrap()
            .iter()
            .all(|file| file.sha256 == sha256(&files[&file.name]))
    );
    fresh
}

#[test]
fn a_model_with_a_vocabulary_comes_whole() {
    let world = world("bert");
    world.files.lock().unwrap().insert("vocab.txt".into(), VOCABULARY.to_vec());
    let model = check(&world, "bert", &["config.json", WEIGHTS, "vocab.txt"]);
    assert_eq!(model.info.family, "BERT");
    let encoding = model.tokenizer.unwrap().encode("The banks", None).unwrap();
    assert_eq!(encoding.ids, [2, 5, 6, 7, 3]);
}

#[test]
fn a_model_in_shards_comes_whole() {
    let world = world("roberta-sharded");
    let shard = |i| format!("model-0000{i}-of-00003.safetensors");
    let (one, two, three) = (shard(1), shard(2), shard(3));
    let model = check(&world, "roberta-sharded", &["config.json", &one, &two, &three, INDEX]);
    assert!(model.tokenizer.is_none());
}

#[test]
fn a_transformer_in_a_folder_comes_whole() {
    let world = world("bert");
    let mut files = world.files.lock().unwrap();
    let own = std::mem::take(&mut *files).into_iter();
    files.extend(own.map(|(name, bytes)| (format!("0_Transformer/{name}"), bytes)));
    files.insert("0_Transformer/vocab.txt".into(), VOCABULARY.to_vec());
    let modules =
        br#"[{"path": "0_Transformer", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]"#;
    files.insert("modules.json".into(), modules.to_vec());
    files.insert("1_Pooling/config.json".into(), b"{\"pooling_mode_cls_token\": true}".to_vec());
    drop(files);
    let folder = load(&crate::Source::Folder(fixture("bert")), &mut Silent).unwrap();
    for (settings, revision) in
        [(world.settings(), None), (world.settings(), Some(COMMIT)), (world.offline(), None)]
    {
        let model = load_from(settings, revision).unwrap();
        assert_eq!(states(&model), states(&folder));
        assert!(model.tokenizer.is_some() && model.warnings.is_empty());
        assert_eq!(model.info.sentence_pooler().unwrap(), crate::Pooling::First.into());
        assert_eq!(model.info.weights_sha256(), folder.info.weights_sha256());
        let names: Vec<_> =
            model.info.files.all().unwrap().iter().map(|file| file.name.as_str()).collect();
        assert!(names.contains(&"0_Transformer/config.json"), "{names:?}");
    }
    // Without the list of modules, the config is what is missing.
    let empty = World::new();
    empty.files.lock().unwrap().remove("config.json");
    let error = load_from(empty.settings(), None).unwrap_err();
    assert!(
        matches!(&error, Error::Hub(HubError::FileNotFound { file, .. }) if file == "config.json")
    );
}

#[test]
fn weights_that_do_not_exist_are_named() {
    let check = |world: &World, expected: &str| {
        let error = load_from(world.settings(), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains(expected), "{error}");
    };
    let none = world("bert");
    none.files.lock().unwrap().remove(WEIGHTS);
    check(&none, "org/name has no model.safetensors and no model.safetensors.index.json");
    none.files.lock().unwrap().insert("pytorch_model.bin".into(), vec![0; 9]);
    let error = load_from(none.settings(), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.to_string().contains("are in pytorch_model.bin, a pickle"), "{error}");

    let sharded = world("roberta-sharded");
    sharded.files.lock().unwrap().remove("model-00002-of-00003.safetensors");
    check(&sharded, "model-00002-of-00003.safetensors");
}

#[test]
fn weights_that_could_not_be_had_are_not_said_to_be_missing() {
    // Offline, with a cache that has the rest.
    let part = world("bert");
    part.fetch(&config()).unwrap();
    let error = load_from(part.offline(), None).unwrap_err();
    let Error::Hub(HubError::NotCached(found)) = &error else { panic!("{error}") };
    assert_eq!(found.file, WEIGHTS);

    // A storage that fails, at a branch and at a commit: nothing is left out with a warning.
    for revision in [None, Some(COMMIT)] {
        for name in ["bert", "roberta-sharded"] {
            let world = world(name);
            world.fault(|it| {
                let storage = !it.path.starts_with("/org") && !it.path.starts_with("/api");
                storage.then(|| Reply::status(500))
            });
            let error = load_from(world.settings(), revision).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Network, "{name}: {error}");
            world.heal();
            assert!(load_from(world.settings(), revision).unwrap().warnings.is_empty());
        }
    }

    // A tokenizer that the hub lists and does not send.
    let world = world("bert");
    world.files.lock().unwrap().insert("tokenizer.json".into(), b"{}".to_vec());
    world.fault(|it| it.path.ends_with("/tokenizer.json").then(|| Reply::status(503)));
    let error = load_from(world.settings(), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
}
