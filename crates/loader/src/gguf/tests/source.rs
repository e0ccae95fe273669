//! Where a GGUF file is found, and what a model that comes from one says of itself.

use super::{fixtures, read};
use crate::error::Error;
use crate::hub::{HubError, Silent};
use crate::model::{Model, load};
use crate::pooling::Pooling;
use crate::source::Source;
use stratoscope_transformer::{Batch, NoHooks, Sequence};

fn bert() -> std::path::PathBuf {
    fixtures().join("gguf/models/bert/model.gguf")
}

fn check(model: &Model, id: &str, file: &str) {
    assert_eq!(model.info.id, id);
    assert_eq!(model.info.family, "BERT");
    assert_eq!(model.info.sentence_pooler().unwrap(), Pooling::Mean.into());
    let files: Vec<_> =
        model.info.files.all().unwrap().iter().map(|f| (f.name.as_str(), f.bytes)).collect();
    assert_eq!(files, [(file, bert().metadata().unwrap().len())]);
    let sha256 = model.info.weights_sha256();
    assert_eq!(sha256.len(), 1);
    assert_eq!(sha256[0].len(), 64);
}

#[test]
fn a_path_is_a_model() {
    let path = bert().display().to_string();
    let model =
        load(&Source::of(&path, None, || Err(HubError::NoHome)).unwrap(), &mut Silent).unwrap();
    check(&model, &path, "model.gguf");
    // The same weights under the same names compute the same.
    let family = load(&Source::Folder(fixtures().join("families/bert")), &mut Silent).unwrap();
    assert_eq!(states(&model), states(&family));
}

/// What a model makes of a few tokens.
fn states(model: &Model) -> Vec<Vec<Vec<f32>>> {
    let sequence = Sequence::Tokens { token_ids: vec![3, 1, 60, 7], token_types: vec![0, 0, 1, 1] };
    let batch = Batch::new(model.transformer.architecture(), &[sequence]).unwrap();
    let states = model.transformer.forward(&batch, &mut NoHooks).unwrap();
    states.iter().map(|layer| layer.to_vec2().unwrap()).collect()
}

#[test]
fn one_in_a_folder_is_a_model_and_two_are_not() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(bert(), folder.path().join("Some-Q8_0.GGUF")).unwrap();
    let source = Source::Folder(folder.path().to_owned());
    check(
        &load(&source, &mut Silent).unwrap(),
        &folder.path().display().to_string(),
        "Some-Q8_0.GGUF",
    );
    std::fs::copy(bert(), folder.path().join("Other.gguf")).unwrap();
    match load(&source, &mut Silent) {
        Err(Error::SeveralModels { files, .. }) => {
            assert_eq!(files, ["Other.gguf", "Some-Q8_0.GGUF"]);
        }
        other => panic!("{other:?}"),
    }
    // Beside safetensors it is only another form of the same model.
    let family = fixtures().join("families/bert");
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(family.join(name), folder.path().join(name)).unwrap();
    }
    let files = load(&source, &mut Silent).unwrap().info.files.all().unwrap().to_vec();
    assert!(files.iter().all(|file| !file.name.to_lowercase().ends_with("gguf")));
}

/// The files of the fixture that is in several files, with their names.
fn several() -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(fixtures().join("gguf/split")).unwrap();
    let named = |path: std::path::PathBuf| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), read(path))
    };
    let mut files: Vec<_> = entries.map(|entry| named(entry.unwrap().path())).collect();
    files.sort();
    assert!(files.len() >= 2);
    files
}

#[test]
fn a_model_in_several_files_is_one_model() {
    let whole = load(&Source::memory("m", [("a.gguf", read(bert()))]), &mut Silent).unwrap();
    let files = several();
    let model = load(&Source::memory("m", files.clone()), &mut Silent).unwrap();
    assert_eq!(states(&model), states(&whole));
    assert_eq!(model.info.files.all().unwrap().len(), files.len());
    assert_eq!(model.info.weights_sha256().len(), files.len());
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in &files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    for path in [folder.path().to_owned(), folder.path().join(&files[0].0)] {
        let model = load(&Source::Folder(path), &mut Silent).unwrap();
        assert_eq!(states(&model), states(&whole));
    }
    let second = folder.path().join(&files[1].0);
    let error = load(&Source::Folder(second.clone()), &mut Silent).unwrap_err();
    assert!(error.to_string().contains("\"split.no\" is 1"), "{error}");
    std::fs::remove_file(second).unwrap();
    let error = load(&Source::Folder(folder.path().to_owned()), &mut Silent).unwrap_err();
    assert!(error.to_string().contains(&files[1].0), "{error}");
    let refused = |files: Vec<(&str, Vec<u8>)>, what: &str| {
        let error = load(&Source::memory("m", files), &mut Silent).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    let first = files[0].1.clone();
    refused(vec![("a.gguf", first.clone())], "\"split.count\" is");
    refused(vec![(&files[1].0, files[1].1.clone())], "\"split.no\" is 1");
    let mut twice: Vec<_> = files.iter().map(|(name, _)| (name.as_str(), first.clone())).collect();
    refused(std::mem::take(&mut twice), "\"split.no\" is 0");
}

#[test]
fn one_in_memory_is_a_model() {
    let bytes = read(bert());
    let model = load(&Source::memory("m", [("a.gguf", bytes)]), &mut Silent).unwrap();
    check(&model, "m", "a.gguf");
}

#[test]
fn errors_name_the_file() {
    let mut bytes = read(bert());
    bytes.truncate(20_000);
    let error = load(&Source::memory("m", [("a.gguf", bytes)]), &mut Silent).unwrap_err();
    assert!(error.to_string().starts_with("cannot read a.gguf as a GGUF file"), "{error}");
    let path = fixtures().join("requirements.txt");
    let error = load(&Source::Folder(path), &mut Silent).unwrap_err();
    assert!(matches!(error, Error::NotAFolder { .. }));
}
