//! The vector instructions of the kernels are stated where they decide bytes.

use crate::command::{Place, json_of, words};
use crate::stored::long;
use candle_core::DType;
use serde_json::json;
use std::collections::BTreeSet;

/// Limits the instructions.
const LIMIT: &str = "STRATOSCOPE_SIMD";

#[test]
fn the_instructions_are_stated_and_kept_apart() {
    let place = Place::with_tiny();
    place.write("corpus.txt", "a b\nb a\n");
    let line = |line: &str, limit: &str| place.finish(place.command(words(line)).env(LIMIT, limit));
    let explore = "explore --model tiny 'a b' --figures cka --overwrite --output out";
    line(explore, "none").done();
    let manifest = json_of(&place.files("out"), "manifest.json");
    assert_eq!(manifest["models"][0]["vectors"], "none");
    let extract = "extract --model tiny --file corpus.txt --output states";
    line(extract, "none").done();
    let run = json_of(&place.files("states"), "index.json")["run"].take();
    assert_eq!(run["vectors"], "none");
    let wide = stratoscope_transformer::vectors(DType::F32);
    if wide != "none" {
        place.line(explore).done();
        let manifest = json_of(&place.files("out"), "manifest.json");
        assert_eq!(manifest["models"][0]["vectors"], wide);
        // A run that was begun on other instructions is not continued.
        std::fs::remove_file(place.path("states/index.json")).unwrap();
        place.write("states/journal.jsonl", format!("{}\n", json!({ "run": run })));
        let refused = place.line(&format!("{extract} --resume"));
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("vectors"), "{}", refused.stderr);
    }
}

/// What is stored of a model on one path is not taken on another.
#[test]
fn results_are_stored_for_each_path() {
    let place = Place::new();
    long().write(&place.path("long"));
    let cache = place.path("own");
    let names = || {
        let stored = std::fs::read_dir(cache.join("stratoscope/baselines")).unwrap();
        let names = stored.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<BTreeSet<_>>()
    };
    let explore = |limit: &str| {
        let line = words("explore --model long 'a b' --baseline --overwrite --output out");
        let mut command = place.command(line);
        place.finish(command.env(LIMIT, limit).env("XDG_CACHE_HOME", &cache)).done();
    };
    explore("none");
    let first = names();
    assert!(first.len() == 1 && first.iter().all(|name| name.ends_with("-none.json")), "{first:?}");
    let wide = stratoscope_transformer::vectors(DType::F32);
    explore(wide);
    let model = first.iter().next().unwrap().strip_suffix("-none.json").unwrap();
    let both = ["none", wide].map(|path| format!("{model}-{path}.json"));
    assert_eq!(names(), BTreeSet::from(both));
}
