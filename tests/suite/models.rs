//! The commands info, models, fetch, doctor and completions.

use crate::command::Place;
use serde_json::Value;

#[test]
fn info_describes_a_model() {
    let place = Place::with_tiny();
    let outcome = place.line("info bundled --json");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let about: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((about["family"].as_str(), about["n_layers"].as_u64()), (Some("BERT"), Some(6)));
    // 22,713,216 numbers are stored; those of the pooler are not needed.
    assert_eq!(about["parameters"], 22_713_216 - 384 * 384 - 384);
    assert_eq!(about["unused_tensors"].as_array().unwrap().len(), 2);
    assert_eq!((&about["max_tokens"], &about["sentence_max_tokens"]), (&512.into(), &256.into()));
    assert_eq!(about["tokenizer"]["kind"], "WordPiece");
    assert_eq!(about["hook_points"].as_array().unwrap().len(), 1 + 6 * 7);
    let words = place.line("info tiny");
    assert_eq!(words.code, Some(0), "{}", words.stderr);
    for part in ["family       BERT", "blocks.{i}.attn.hook_pattern", "model.safetensors"] {
        assert!(words.stdout.contains(part), "{part}: {}", words.stdout);
    }
    let none = place.line("info nowhere/nothing --offline");
    assert_eq!((none.code, none.stdout.as_str()), (Some(3), ""));
}

#[test]
fn models_lists_cached_models_and_their_families() {
    let place = Place::new();
    let empty = place.line("models --cache-dir cache");
    assert_eq!(empty.code, Some(0), "{}", empty.stderr);
    assert!(empty.stdout.contains("bundled") && empty.stdout.contains("none in the cache"));
    for (repo, config) in [
        ("models--org--one--two", r#"{"model_type": "bert"}"#),
        ("models--gpt", r#"{"model_type": "something-else"}"#),
        ("datasets--org--data", "{}"),
    ] {
        let folder = place.path(&format!("cache/{repo}/snapshots/0123"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.json"), config).unwrap();
    }
    std::fs::create_dir_all(place.path("cache/models--org--half/blobs")).unwrap();
    std::fs::write(place.path("cache/models--org--half/blobs/abc"), [0u8; 1500]).unwrap();
    let listed = place.line("models --cache-dir cache");
    assert_eq!(
        listed.stdout.lines().skip(1).map(str::trim).collect::<Vec<_>>(),
        [
            "32 B  gpt  (not supported)",
            "1.5 kB  org/half  (no config.json)",
            "22 B  org/one--two  (BERT)"
        ]
    );
    let json = place.line("models --cache-dir cache --json");
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["models"][2]["commits"][0], "0123");
    place.write("file", "");
    assert_eq!(place.line("models --cache-dir file").code, Some(1));
}

#[test]
fn fetch_checks_that_a_model_loads() {
    let place = Place::with_tiny();
    let fetched = place.line("fetch tiny");
    assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
    assert!(fetched.stdout.ends_with("; it loads\n"), "{}", fetched.stdout);
    place.write("tiny/model.safetensors", "broken");
    assert_eq!(place.line("fetch tiny").code, Some(4));
    assert_eq!(place.line("fetch nowhere/nothing").code, Some(5));
}

#[test]
fn doctor_describes_the_machine_and_never_shows_the_token() {
    let place = Place::new();
    let mut command = place.command(["doctor", "--json"]);
    let found = place.finish(command.env("HF_TOKEN", "hf_secret"));
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    assert!(!found.stdout.contains("hf_secret"));
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(found["token"], "present (set by HF_TOKEN)");
    assert!(found["hub"].as_str().unwrap().contains("cannot be reached"), "{found}");
    assert!(found["vectors"].as_str().unwrap().contains(" used (bf16: "));
    let offline = place.line("doctor --offline");
    assert!(offline.stdout.contains("not contacted: offline is set"), "{}", offline.stdout);
}

#[test]
fn completions_have_the_commands() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.line(&format!("completions {shell}"));
        assert_eq!(script.code, Some(0), "{}", script.stderr);
        assert!(script.stdout.contains("profile") && script.stdout.contains("stimuli"), "{shell}");
    }
    assert_eq!(place.line("completions tcsh").code, Some(2));
}
