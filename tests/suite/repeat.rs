//! The same command gives the same bytes, independent of folder, threads and order of texts.

use crate::command::{Place, json_of, tiny};
use serde_json::Value;
use std::collections::BTreeMap;
use stratoscope::{Explorer, Text};

type Files = BTreeMap<String, Option<Vec<u8>>>;

const TEXTS: &str = "'the river bank' 'they refused a loan' 'walking home along the bridge'";

fn explored(place: &Place, line: &str) -> Files {
    place.line(&format!("explore --model tiny {TEXTS} {line}")).done();
    place.files(&place.default_output())
}

/// The names of files that differ.
fn differing<'a>(a: &'a Files, b: &Files) -> Vec<&'a str> {
    assert!(a.keys().eq(b.keys()), "{:?} and {:?}", a.keys(), b.keys());
    a.iter().filter(|(name, bytes)| b[*name] != **bytes).map(|(name, _)| name.as_str()).collect()
}

fn manifest(files: &Files) -> Value {
    json_of(files, "manifest.json")
}

#[test]
fn the_same_command_elsewhere_gives_the_same_bytes() {
    let (here, there) = (Place::with_tiny(), Place::with_tiny());
    let (first, second) = (explored(&here, "--threads 2"), explored(&there, "--threads 2"));
    assert!(first.len() > 10, "{:?}", first.keys());
    assert_eq!(here.default_output(), there.default_output());
    // The command line starts with the path of the program, which is the same here.
    assert_eq!(differing(&first, &second), [""; 0]);
}

#[test]
fn threads_change_no_file() {
    let (here, there) = (Place::with_tiny(), Place::with_tiny());
    let (one, two) = (explored(&here, "--threads 1"), explored(&there, "--threads 2"));
    assert_eq!(here.default_output(), there.default_output());
    assert_eq!(differing(&one, &two), ["manifest.json"]);
    let (mut one, mut two) = (manifest(&one), manifest(&two));
    for manifest in [&mut one, &mut two] {
        // The command line names the threads.
        assert!(manifest["command_line"].take().is_array());
    }
    assert_eq!(one, two);
}

#[test]
fn the_default_folder_is_replaced_by_the_same_run_and_no_other() {
    let place = Place::with_tiny();
    let first = explored(&place, "");
    let folder = place.default_output();
    place.write(&format!("{folder}/depth.json"), "damaged");
    assert_eq!(differing(&first, &explored(&place, "")), [""; 0]);
    place.line(&format!("explore --model tiny {TEXTS} --seed 1")).done();
    assert_eq!(std::fs::read_dir(place.path("stratoscope-out")).unwrap().count(), 2);
    assert_eq!(differing(&first, &place.files(&folder)), [""; 0]);
}

#[test]
fn overwrite_replaces_an_exploration_as_a_whole() {
    let place = Place::with_tiny();
    let line = "explore --model tiny 'the river bank refused a loan' --output out";
    place.line(line).done();
    assert!(place.files("out").contains_key("trajectory.svg"));
    place.line(&format!("{line} --overwrite --align none")).done();
    let second = place.files("out");
    assert!(!second.contains_key("trajectory.svg"), "a figure of the first run is left");
    assert_eq!(manifest(&second)["settings"]["align"], "none");
    let beside: Vec<String> = place.files("").into_keys().filter(|n| !n.contains('/')).collect();
    assert_eq!(beside, ["out", "tiny"]);
}

#[test]
fn extract_gives_the_same_bytes_for_any_number_of_threads() {
    let place = Place::with_tiny();
    let line = format!("extract --model tiny {TEXTS}");
    for (name, threads) in [("a", 1), ("b", 1), ("c", 2)] {
        let outcome =
            place.line(&format!("{line} --output {name}.safetensors --threads {threads}")).done();
        assert_eq!(outcome.stdout, "");
        let said = "hidden_states [4 layers, 18 tokens, 24] of 3 texts";
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    }
    let read = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert!(read("a.safetensors") == read("b.safetensors"));
    assert!(read("a.safetensors") == read("c.safetensors"));
    place.write("c.safetensors", "damaged");
    place.line(&format!("{line} --output c.safetensors --overwrite")).done();
    assert!(read("a.safetensors") == read("c.safetensors"));
}

#[test]
fn states_from_a_file_give_the_same_files() {
    let place = Place::with_tiny();
    for (choice, again) in [("", ""), ("--words", ""), ("--no-special-tokens", "")] {
        place
            .line(&format!("explore --model tiny {TEXTS} {choice} --output one --overwrite"))
            .done();
        let line =
            format!("explore --from one/states.safetensors {again} --output two --overwrite");
        place.line(&line).done();
        let (one, two) = (place.files("one"), place.files("two"));
        let differing = differing(&one, &two);
        // Only the manifest differs.
        assert_eq!(differing, ["manifest.json"], "{choice}");
    }
}

#[test]
fn the_order_of_sentences_changes_no_row() {
    let explorer = Explorer::open(tiny().source()).unwrap();
    // More than one group of 1,024 tokens, so that the other texts in a group change too.
    let words = ["the", "river", "bank", "refused", "loan", "seal", "home", "bridge"];
    let texts: Vec<Text> = (0..120usize)
        .map(|i| {
            let words = (0..5 + i % 13).map(|w| words[(i * 7 + w * (1 + i % 5)) % words.len()]);
            Text::from(words.collect::<Vec<_>>().join(" "))
        })
        .collect();
    let forward = explorer.extract(&texts).unwrap();
    let reversed: Vec<Text> = texts.iter().rev().cloned().collect();
    let backward = explorer.extract(&reversed).unwrap();
    assert!(forward.rows.len() > 1024);
    let (f, b) = (forward.sequence_offsets(), backward.sequence_offsets());
    let mut worst = 0f32;
    for text in 0..texts.len() {
        let (ours, theirs) =
            (f[text]..f[text + 1], b[texts.len() - 1 - text]..b[texts.len() - text]);
        assert_eq!(ours.len(), theirs.len());
        for layer in 0..forward.layers.len() {
            for (x, y) in ours.clone().zip(theirs.clone()) {
                let (x, y) = (
                    forward.layer(layer).row(x).to_owned(),
                    backward.layer(layer).row(y).to_owned(),
                );
                worst = (&x - &y).iter().fold(worst, |worst, d| worst.max(d.abs()));
            }
        }
    }
    println!("rows differ by at most {worst:.1e}");
    assert!(worst < 1e-6, "{worst:e}");
}
