//! The cache of the hub and its settings, as users meet them: an offline run with a part of a model,
//! older variables, no home folder, and names that are paths.

use crate::checkpoints::Checkpoint;
use crate::command::{Place, tiny};
use std::path::PathBuf;
use std::process::Command;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Puts a model into the cache `hub` of a place, in Python's layout, without some of its files.
fn cache(place: &Place, repo: &str, model: &Checkpoint, without: &[&str]) {
    let snapshot = cache_revision(place, repo, "main", COMMIT, model);
    for file in without {
        std::fs::remove_file(snapshot.join(file)).unwrap();
    }
}

/// Puts a commit of a model into the cache `hub` of a place, under the name of a revision. Returns its
/// folder.
pub(crate) fn cache_revision(
    place: &Place,
    repo: &str,
    revision: &str,
    commit: &str,
    model: &Checkpoint,
) -> PathBuf {
    let folder = place.path(&format!("hub/models--{}", repo.replace('/', "--")));
    let snapshot = folder.join("snapshots").join(commit);
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::create_dir_all(folder.join("refs")).unwrap();
    std::fs::write(folder.join("refs").join(revision), commit).unwrap();
    model.write(&snapshot);
    snapshot
}

/// Marks a file as Python does when the hub says that a commit does not have it.
fn mark_absent(place: &Place, repo: &str, file: &str) {
    let folder = format!("hub/models--{}/.no_exist/{COMMIT}", repo.replace('/', "--"));
    let mark = place.path(&folder).join(file);
    std::fs::create_dir_all(mark.parent().unwrap()).unwrap();
    std::fs::write(mark, "").unwrap();
}

#[test]
fn a_part_of_a_model_in_the_cache_is_no_other_model() {
    let place = Place::with_tiny();
    cache(&place, "org/part", &tiny(), &[]);
    cache(&place, "org/notok", &tiny(), &["vocab.txt"]);
    cache(&place, "org/noref", &tiny(), &[]);
    std::fs::remove_dir_all(place.path("hub/models--org--noref/refs")).unwrap();
    let extract = |model: &str, more: &str| {
        let line = "extract 'the bank' --offline --cache-dir hub --json --layers -1 --quiet";
        place.line(&format!("{line} --model {model} {more}"))
    };

    // The states of tokens need no pooling, those of a sentence do.
    let tokens = extract("org/part", "").done();
    let refused = extract("org/part", "--sentences");
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), ""));
    for part in ["1_Pooling/config.json", "org/part", "hub", "--pooling"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    extract("org/part", "--sentences --pooling mean").done();
    let states = |outcome: crate::command::Outcome| outcome.json()["layers"][0].clone();
    mark_absent(&place, "org/part", "1_Pooling/config.json");
    mark_absent(&place, "org/part", "modules.json");
    let mean = states(extract("org/part", "--sentences"));
    assert_eq!(mean, states(extract("org/part", "--sentences --pooling mean")));
    let pooling = place.path(&format!("hub/models--org--part/snapshots/{COMMIT}/1_Pooling"));
    std::fs::create_dir_all(&pooling).unwrap();
    let first = r#"{"pooling_mode_cls_token": true}"#;
    std::fs::write(pooling.join("config.json"), first).unwrap();
    let own = states(extract("org/part", "--sentences"));
    assert_ne!(own, mean);
    let rows = states(tokens);
    assert_eq!(own["hidden_states"][0], rows["hidden_states"][0]);

    let notok = extract("org/notok", "");
    assert_eq!(notok.code, Some(3), "{}", notok.stderr);
    assert!(notok.stderr.contains("`tokenizer.json` of `org/notok`"), "{}", notok.stderr);
    assert!(notok.stderr.contains("is not in the cache hub"), "{}", notok.stderr);
    place.write("ids.txt", "2 5 3\n");
    let ids = "extract --token-ids ids.txt --model org/notok --offline --cache-dir hub --json";
    place.line(ids).done();

    let noref = extract("org/noref", "");
    assert_eq!(noref.code, Some(3), "{}", noref.stderr);
    let advice = format!("It has {COMMIT}: name a commit, as in org/noref@{COMMIT}");
    assert!(noref.stderr.contains(&advice), "{}", noref.stderr);
    extract(&format!("org/noref@{COMMIT}"), "").done();
    extract("org/noref", &format!("--revision {COMMIT}")).done();
}

/// A snapshot that is empty or incomplete is not all that the cache has.
#[test]
fn an_incomplete_snapshot_lists_the_commits_at_hand() {
    let place = Place::new();
    cache(&place, "org/model", &tiny(), &[]);
    let repo = place.path("hub/models--org--model");
    let later = "f".repeat(40);
    let snapshot = repo.join("snapshots").join(&later);
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::write(repo.join("refs/main"), &later).unwrap();
    let refused = |model: &str| {
        let run = place.line(&format!("info {model} --offline --cache-dir hub"));
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        run.stderr
    };
    let advice = format!("name a commit, as in org/model@{COMMIT}");
    let at = format!("org/model@{later}");
    for model in ["org/model", &at] {
        let said = refused(model);
        assert!(said.contains("has no files of commit") && said.contains(&advice), "{said}");
    }
    std::fs::write(snapshot.join("tokenizer_config.json"), "{}").unwrap();
    for model in ["org/model", &at] {
        let said = refused(model);
        assert!(said.contains("`config.json` of `org/model`") && said.contains(&advice), "{said}");
    }
    place.line(&format!("info org/model@{COMMIT} --offline --cache-dir hub")).done();
}

#[test]
fn the_cache_has_its_older_names_too() {
    let place = Place::new();
    cache(&place, "org/whole", &tiny(), &[]);
    std::fs::create_dir_all(place.path("home")).unwrap();
    let info = |name: &str, value: &str| {
        let mut command = place.command(["info", "org/whole", "--json"]);
        place.finish(command.env("HF_HUB_OFFLINE", "1").env(name, value))
    };
    let here = place.path("");
    let here = here.to_str().unwrap();
    for (name, value) in [
        ("HF_HUB_CACHE", "hub"),
        ("HUGGINGFACE_HUB_CACHE", "hub"),
        ("HUGGINGFACE_HUB_CACHE", "~/../hub"),
        ("HF_HOME", here),
    ] {
        assert_eq!(info(name, value).code, Some(0), "{name} {value}");
    }
    assert_eq!(info("HF_HUB_CACHE", "elsewhere").code, Some(3));
}

/// Files that other programs leave in a cache, and pipes, neither hide a model nor stop the program.
#[cfg(unix)]
#[test]
fn strange_files_in_a_cache_are_passed_over() {
    let place = Place::new();
    let repo = place.path("hub/models--org--whole");
    let commit = repo.join("snapshots").join("0".repeat(40));
    std::fs::create_dir_all(&commit).unwrap();
    std::fs::create_dir_all(repo.join("refs")).unwrap();
    std::fs::write(commit.join("config.json"), r#"{"model_type": "bert"}"#).unwrap();
    std::fs::write(repo.join("snapshots/.DS_Store"), "x").unwrap();
    std::fs::write(place.path("hub/models--org--file"), "x").unwrap();
    let other = place.path("hub/models--org--flat");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("snapshots"), "x").unwrap();
    let pipes = place.path("hub/models--org--pipes");
    let snapshot = pipes.join("snapshots").join("1".repeat(40));
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::create_dir_all(pipes.join("refs")).unwrap();
    for pipe in [snapshot.join("config.json"), pipes.join("refs/main")] {
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    let listed = place.line("models --cache-dir hub").done().stdout;
    let known = listed.lines().find(|line| line.contains("org/whole"));
    assert!(known.is_some_and(|line| line.contains("BERT")), "{listed}");
    assert!(listed.contains("org/pipes") && !listed.contains("org/file"), "{listed}");
    let outcome = place.line("info org/pipes --cache-dir hub --offline");
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
}

/// The program without any variable.
fn bare(place: &Place, line: &str) -> Command {
    let mut command = place.command(crate::command::words(line));
    command.env_clear();
    command
}

#[test]
fn a_bundled_model_and_a_folder_need_no_home() {
    let place = Place::with_tiny();
    for line in [
        "explore 'The bank.' --quiet --output out",
        "extract 'the bank' --model ./tiny --json",
        "extract 'the bank' --model tiny --json",
        "doctor --offline",
        "models --cache-dir hub",
    ] {
        let outcome = place.finish(&mut bare(&place, line));
        assert_eq!(outcome.code, Some(0), "{line}: {}", outcome.stderr);
    }
    // Settings that are not valid do not matter either.
    for (name, value) in
        [("HF_HUB_DOWNLOAD_TIMEOUT", "soon"), ("HTTPS_PROXY", "http://x:99999"), ("HF_TOKEN", "ä")]
    {
        let mut command = bare(&place, "extract 'the bank' --model tiny --json");
        let outcome = place.finish(command.env(name, value));
        assert_eq!(outcome.code, Some(0), "{name}: {}", outcome.stderr);
    }
}

#[test]
fn settings_that_cannot_be_used_are_errors_for_a_repository() {
    let place = Place::new();
    for (name, value) in [
        ("HF_TOKEN", "hf_\u{1}secret"),
        ("HF_ENDPOINT", "http://127.0.0.1:99999"),
        ("HF_HUB_DOWNLOAD_TIMEOUT", "secret"),
    ] {
        let outcome = place.finish(place.command(["info", "org/name"]).env(name, value));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{name}");
        assert!(outcome.stderr.contains(name), "{}", outcome.stderr);
        assert!(name != "HF_TOKEN" || !outcome.stderr.contains("secret"), "{}", outcome.stderr);
    }
    let mut command = place.command(["info", "org/name"]);
    command.env("HF_ENDPOINT", "http://hub.invalid").env("HTTPS_PROXY", "http://u:secret@p:99999");
    let outcome = place.finish(&mut command);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("HTTPS_PROXY") && !outcome.stderr.contains("secret"));
    let outcome = place.finish(command.arg("--offline"));
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
}

#[test]
fn doctor_says_what_decided_the_settings() {
    let place = Place::new();
    let doctor = |variables: &[(&str, &str)], line: &str| {
        let mut command = place.command(crate::command::words(line));
        command.envs(variables.iter().copied());
        place.finish(&mut command).json()
    };
    let found = doctor(&[], "doctor --json");
    assert_eq!(found["token"], "absent");
    assert_eq!(found["offline"], "no (the default)");
    assert!(found["cache"].as_str().unwrap().ends_with("does not exist yet (the default)"));
    assert!(found["hub"].as_str().unwrap().contains("(set by HF_ENDPOINT) does not answer"));

    let found = doctor(
        &[
            ("HUGGINGFACE_HUB_CACHE", "hub"),
            ("HUGGING_FACE_HUB_TOKEN", "hf_secret"),
            ("TRANSFORMERS_OFFLINE", "on"),
        ],
        "doctor --json",
    );
    assert_eq!(found["cache"], "hub, does not exist yet (set by HUGGINGFACE_HUB_CACHE)");
    assert_eq!(found["token"], "present (set by HUGGING_FACE_HUB_TOKEN)");
    assert_eq!(found["offline"], "yes (set by TRANSFORMERS_OFFLINE)");
    assert!(!found.to_string().contains("hf_secret"));
    let found = doctor(
        &[("HF_TOKEN", "x"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"), ("HF_HOME", "f")],
        "doctor --json --offline",
    );
    assert_eq!(found["token"], "not sent (set by HF_HUB_DISABLE_IMPLICIT_TOKEN)");
    assert_eq!(found["offline"], "yes (set by the command line)");
    assert_eq!(found["cache"], "f/hub, does not exist yet (set by HF_HOME)");
    // What is wrong is a finding.
    let found = doctor(&[("HF_HUB_DOWNLOAD_TIMEOUT", "soon")], "doctor --json");
    assert!(found["hub"].as_str().unwrap().contains("HF_HUB_DOWNLOAD_TIMEOUT"), "{found}");
    let found = doctor(&[("HF_TOKEN", "\u{1}")], "doctor --json");
    assert!(found["hub"].as_str().unwrap().contains("not contacted"), "{found}");
}
