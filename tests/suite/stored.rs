//! Results that are stored for a model: one checkpoint never gets the results of another one.

use crate::checkpoints::Checkpoint;
use crate::command::{Place, tiny};
use crate::fixtures::bundled;
use stratoscope::{Baseline, DiskStore, Explorer, Source};

/// The tiny model with positions for the built-in sentences.
pub(crate) fn long() -> Checkpoint {
    let mut model = tiny();
    let table = model.tensors.iter_mut().find(|(name, _)| name.contains("position_embeddings"));
    let table = table.unwrap().1;
    table.shape[0] *= 4;
    table.bytes = table.bytes.repeat(4);
    model.config["max_position_embeddings"] = table.shape[0].into();
    model
}

/// The model with a change in a file beside the weights.
fn changed(mut model: Checkpoint, file: &str, from: &str, to: &str) -> Checkpoint {
    if file == "config.json" {
        let text = model.config.to_string();
        assert!(text.contains(from), "{text}");
        model.config = serde_json::from_str(&text.replace(from, to)).unwrap();
        return model;
    }
    let text = String::from_utf8(model.files[file].clone()).unwrap();
    assert!(text.contains(from), "{text}");
    model.files.insert(file.to_owned(), text.replace(from, to).into_bytes());
    model
}

#[test]
fn equal_weights_with_another_config_or_tokenizer_are_another_model() {
    let place = Place::new();
    let of = |model: &Checkpoint| {
        let store = DiskStore::new(place.path("store"));
        let explorer = Explorer::builder(model.source()).store(store).open().unwrap();
        (explorer.origin(), explorer.baseline().unwrap())
    };
    let (origin, own) = of(&long());
    for (file, from, to) in [
        ("config.json", "1e-12", "1e-2"),
        ("vocab.txt", "\nriver\n", "\nzzzriver\n"),
        ("tokenizer_config.json", "\"do_lower_case\": true", "\"do_lower_case\": false"),
    ] {
        let (other, baseline) = of(&changed(long(), file, from, to));
        assert_eq!(other.weights, origin.weights, "{file}");
        assert_ne!(other.states, origin.states, "{file}");
        let json = serde_json::to_string(&own).unwrap();
        let error = Baseline::parse(&json, &other).unwrap_err().to_string();
        assert!(error.contains("another config"), "{error}");
        if file != "vocab.txt" {
            assert_ne!(baseline.values, own.values, "{file}");
        }
    }
    let stored = std::fs::read_dir(place.path("store/baselines")).unwrap().count();
    assert_eq!(stored, 4);
    // The files for vectors of sentences alone do not change the states of texts.
    let mut pooled = long();
    let pooling = b"{\"pooling_mode_cls_token\": true}".to_vec();
    pooled.files.insert("1_Pooling/config.json".to_owned(), pooling);
    assert_eq!(of(&pooled), (origin, own));
}

#[test]
fn the_shipped_results_are_found_for_the_bundled_model_and_a_copy_of_it() {
    let place = Place::new();
    for file in stratoscope_bundled::files() {
        let path = place.path("copy").join(file.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.bytes).unwrap();
    }
    for source in [bundled(), Source::Folder(place.path("copy"))] {
        let found = Explorer::open(source).unwrap().artifacts().unwrap();
        assert!(found.baseline.is_some() && found.curves.is_some() && found.crossed.is_some());
    }
}

#[test]
fn a_probe_of_another_tokenizer_is_refused() {
    let place = Place::with_tiny();
    let lower = ("tokenizer_config.json", "\"do_lower_case\": true", "\"do_lower_case\": false");
    changed(tiny(), lower.0, lower.1, lower.2).write(&place.path("cased"));
    let rows: String = (0..40).map(|i| format!("the river {i}\t{}\n", i % 2)).collect();
    place.write("task.tsv", rows);
    place.line("probe --model tiny --tsv task.tsv --layers 1 --save p.probe").done();
    place.line("probe apply p.probe --model tiny 'the river'").done();
    let other = place.line("probe apply p.probe --model cased 'the river'");
    assert_eq!(other.code, Some(4), "{}", other.stderr);
    assert!(other.stderr.contains("another config or tokenizer"), "{}", other.stderr);
}
