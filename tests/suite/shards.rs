//! Folders of shards that are damaged, locked, read back, or in the way of links; and inputs that
//! change while they are read.

use crate::command::Place;
use crate::corpora::{MANY_HOOKS, file, in_memory, index, lines, model, run, settings, shards};
use serde_json::Value;
use stratoscope::Unit;
use stratoscope::crates::extractor::{
    CorpusSettings, CorpusStep, Start, extract_corpus, read_shards,
};

/// A finished extraction in `out`, of several shards.
fn finished() -> (Place, String) {
    let place = Place::with_tiny();
    place.write("corpus.txt", lines(400));
    let line = "extract --model tiny --file corpus.txt --shard-mib 1 --output out";
    let line = format!("{line} --hooks {MANY_HOOKS}");
    place.line(&line).done();
    assert!(place.files("out").len() > 4);
    (place, line)
}

/// Changes the index of `out`.
fn change(place: &Place, change: impl FnOnce(&mut Value)) {
    let mut index = index(place, "out");
    change(&mut index);
    place.write("out/index.json", serde_json::to_string_pretty(&index).unwrap() + "\n");
}

#[test]
fn a_finished_extraction_that_is_damaged_is_completed_by_resume_and_refused_by_from() {
    let (place, line) = finished();
    let whole = place.files("out");
    let expected = read_shards(&place.path("out")).unwrap();
    let flip = |place: &Place| {
        let mut bytes = std::fs::read(place.path("out/00001.safetensors")).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        place.write("out/00001.safetensors", bytes);
    };
    let shards = |place: &Place, keep: usize| {
        change(place, |index| index["shards"].as_array_mut().unwrap().truncate(keep));
    };
    type Damage<'a> = (&'a str, &'a dyn Fn(&Place));
    let damages: [Damage; 7] = [
        ("a flipped byte", &flip),
        ("an empty list", &|place| shards(place, 0)),
        ("a shorter list", &|place| shards(place, 2)),
        ("a shorter list and fewer texts", &|place| {
            let second = index(place, "out")["shards"][1].clone();
            shards(place, 1);
            change(place, |index| {
                index["n_texts"] = second["first_text"].clone();
                index["n_rows"] = second["first_row"].clone();
            });
        }),
        ("a shard twice", &|place| {
            change(place, |index| index["shards"][1] = index["shards"][0].clone());
        }),
        ("other names", &|place| change(place, |index| index["shards"][1]["file"] = "x".into())),
        ("a missing shard", &|place| {
            std::fs::remove_file(place.path("out/00001.safetensors")).unwrap();
        }),
    ];
    for (what, damage) in damages {
        damage(&place);
        let from = read_shards(&place.path("out"));
        // Only the plan of the corpus shows that texts are missing.
        assert!(from.is_err() || what == "a shorter list and fewer texts", "{what}");
        let said = place.line(&format!("{line} --resume")).done().stderr;
        assert!(!said.contains("already complete"), "{what}: {said}");
        assert!(place.files("out") == whole, "{what}");
    }
    assert_eq!(place.line(&format!("{line} --resume")).done().stderr, "out: already complete\n");
    assert_eq!(read_shards(&place.path("out")).unwrap(), expected);
    flip(&place);
    let from = place.line("explore --from out --json");
    let said = "error: out/00001.safetensors is not as it was written: its sha256 is different";
    assert!(from.stderr.starts_with(said), "{}", from.stderr);
    let from = place.line("explore --from out/00001.safetensors --json");
    assert!(from.stderr.starts_with(said), "{}", from.stderr);
    place.line("explore --from out/00000.safetensors --json").done();
}

#[test]
fn a_folder_of_shards_has_the_states_of_one_file() {
    let place = Place::with_tiny();
    place.write("corpus.txt", lines(40));
    let model = model();
    for unit in [Unit::Token, Unit::Word, Unit::Sentence] {
        let corpus = file(&place, "corpus.txt");
        let settings = CorpusSettings { unit, ..settings(10_000) };
        run(&model, &corpus, &settings, &place.path("out"), Start::Overwrite);
        assert!(shards(&place, "out").len() > 1);
        assert_eq!(read_shards(&place.path("out")).unwrap(), in_memory(&model, &corpus, unit));
    }
    for (line, code, said) in [
        (
            "explore --from tiny",
            4,
            "tiny/model.safetensors as a states file: it has no hidden_states",
        ),
        ("explore --from home", 4, "the folder has no index.json of a finished extraction"),
        ("explore --from absent", 4, "absent"),
    ] {
        let outcome = place.line(line);
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(said), "{line}: {}", outcome.stderr);
    }
    let one = "extract --model tiny --file corpus.txt --output";
    place.line(&format!("{one} one.safetensors")).done();
    place.line(&format!("{one} shards")).done();
    let from = |path: &str| place.line(&format!("explore --from {path} --json")).done().stdout;
    assert_eq!(from("shards"), from("one.safetensors"));
}

#[test]
fn an_input_that_changes_and_changes_back_leaves_no_shard_of_another_text() {
    let (place, model) = (Place::new(), model());
    let text = lines(200);
    let other = text.replace("seal", "loan");
    let (corpus, settings) = (file(&place, "corpus.txt"), settings(100_000));
    place.write("corpus.txt", &text);
    run(&model, &corpus, &settings, &place.path("whole"), Start::New);
    let whole = place.files("whole");
    let path = place.path("corpus.txt");
    // The text is another one while the first or the second pass reads it, and changes back.
    for in_first in [true, false] {
        let folder = place.path("out");
        let mut step = |step: CorpusStep<'_>| {
            let text = match step {
                CorpusStep::Counting { texts: 0, .. } if in_first => &other,
                CorpusStep::Counting { .. } => &text,
                CorpusStep::Counted(_) => &other,
                CorpusStep::Computing { done, total } if done == total => &text,
                _ => return,
            };
            std::fs::write(&path, text).unwrap();
        };
        let done = extract_corpus(&model, &corpus, &settings, &folder, Start::New, &mut step);
        let said = done.unwrap_err().to_string();
        assert!(said.contains("corpus.txt changed while it was read"), "{said}");
        assert!(!folder.join("index.json").exists());
        std::fs::write(&path, &text).unwrap();
        assert!(run(&model, &corpus, &settings, &folder, Start::Resume));
        assert!(place.files("out") == whole, "{in_first}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn one_run_at_a_time_writes_to_a_folder() {
    let (place, line) = finished();
    let whole = place.files("out");
    let lock = stratoscope_loader::files::lock_folder(&place.path("out")).unwrap();
    for more in ["--resume", "--overwrite", ""] {
        let outcome = place.line(&format!("{line} {more}"));
        assert_eq!(outcome.code, Some(2), "{more}");
        let said =
            "error: out is being written by another run; wait for it, or choose another folder\n";
        assert_eq!(outcome.stderr, said, "{more}");
    }
    drop(lock);
    place.line(&format!("{line} --resume")).done();
    assert!(place.files("out") == whole);
}

#[cfg(unix)]
#[test]
fn symbolic_links_are_refused_as_outputs_and_never_written_through() {
    use std::os::unix::fs::symlink;
    let place = Place::with_tiny();
    place.write("corpus.txt", lines(20));
    place.write("mine.safetensors", "mine");
    std::fs::create_dir(place.path("target")).unwrap();
    symlink("target", place.path("link")).unwrap();
    symlink("gone", place.path("dangling")).unwrap();
    symlink("mine.safetensors", place.path("link.safetensors")).unwrap();
    symlink("gone.safetensors", place.path("dangling.safetensors")).unwrap();
    for line in [
        "extract --model tiny river --output link.safetensors --overwrite",
        "extract --model tiny river --output dangling.safetensors",
        "extract --model tiny --file corpus.txt --output link",
        "extract --model tiny --file corpus.txt --output dangling --overwrite",
        "explore --model tiny river --output link",
        "explore --model tiny river --output dangling --overwrite",
        "profile --model tiny --save-states link.safetensors --overwrite --output p",
    ] {
        let outcome = place.line(line);
        assert_eq!(outcome.code, Some(2), "{line}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("is a symbolic link; give the name of its target"),
            "{line}: {}",
            outcome.stderr
        );
    }
    // Links in the place of files that an extraction writes.
    std::fs::create_dir(place.path("out")).unwrap();
    for name in ["00000.safetensors.part", "00000.safetensors.abcdef.part", "journal.jsonl.part"] {
        symlink("../mine.safetensors", place.path("out").join(name)).unwrap();
    }
    place.line("extract --model tiny --file corpus.txt --output out").done();
    assert_eq!(std::fs::read(place.path("mine.safetensors")).unwrap(), b"mine");
    assert_eq!(
        place.files("out").into_keys().collect::<Vec<_>>(),
        ["00000.safetensors", "index.json"]
    );
    assert!(!place.path("gone").exists() && place.files("target").is_empty());
}

#[test]
fn a_shard_that_changes_before_the_index_is_written_is_found() {
    let (place, model) = (Place::new(), model());
    place.write("corpus.txt", lines(200));
    let (corpus, settings) = (file(&place, "corpus.txt"), settings(100_000));
    run(&model, &corpus, &settings, &place.path("whole"), Start::New);
    let folder = place.path("out");
    let mut step = |step: CorpusStep<'_>| {
        if let CorpusStep::Checking = step {
            let mut bytes = std::fs::read(folder.join("00001.safetensors")).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            std::fs::write(folder.join("00001.safetensors"), bytes).unwrap();
        }
    };
    let done = extract_corpus(&model, &corpus, &settings, &folder, Start::New, &mut step);
    let said = done.unwrap_err().to_string();
    assert!(said.contains("00001.safetensors is not as it was written"), "{said}");
    assert!(!folder.join("index.json").exists());
    assert!(run(&model, &corpus, &settings, &folder, Start::Resume));
    assert!(place.files("out") == place.files("whole"));
}

/// Both passes tell how far they are while they run.
#[test]
fn no_pass_over_a_corpus_is_silent() {
    let (place, model) = (Place::new(), model());
    place.write("corpus.txt", lines(2_000));
    let corpus = file(&place, "corpus.txt");
    let (mut counted, mut computed) = (Vec::new(), Vec::new());
    let mut step = |step: CorpusStep<'_>| match step {
        CorpusStep::Counting { tokens, .. } => counted.push(tokens),
        CorpusStep::Computing { done, total } => computed.push((done, total)),
        _ => {}
    };
    let (settings, folder) = (settings(1 << 20), place.path("out"));
    extract_corpus(&model, &corpus, &settings, &folder, Start::New, &mut step).unwrap();
    assert!(counted.len() > 3 && counted.is_sorted(), "{counted:?}");
    assert!(computed.len() > 10 && computed.is_sorted(), "{computed:?}");
    let (done, total) = *computed.last().unwrap();
    assert_eq!((done, computed[0].0), (total, 0));
}
