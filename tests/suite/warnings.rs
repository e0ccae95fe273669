//! Warnings about texts: unknown tokens, and texts that were cut.

use crate::checkpoints::Checkpoint;
use crate::command::{Place, tiny};
use crate::fixtures::corpus;
use serde_json::Value;

#[test]
fn unknown_tokens_are_marked_and_many_are_a_warning() {
    let place = Place::with_tiny();
    let few = "explore --model tiny 'the river ☃ refused a loan by the bank' --output";
    assert_eq!(place.line(&format!("{few} tokens --quiet")).done().stderr, "");
    place.line(&format!("{few} words --words")).done();
    for folder in ["tokens", "words"] {
        let files = place.files(folder);
        for figure in ["similarity.svg", "trajectory.svg", "activations.svg"] {
            let svg = String::from_utf8(files[figure].clone().unwrap()).unwrap();
            assert!(svg.contains("not in the vocabulary"), "{folder} {figure}");
        }
        let trails = crate::command::json_of(&files, "trajectory.json");
        let tokens = trails["tokens"].as_array().unwrap();
        let unknown: Vec<&str> = (tokens.iter().filter(|token| token["unknown"] == true))
            .map(|token| token["text"].as_str().unwrap())
            .collect();
        let label = if folder == "tokens" { "☃ [UNK]" } else { "☃" };
        assert_eq!(unknown, [label], "{folder}");
    }
    let warning = "tokens are unknown: the vocabulary does not have their letters";
    place.write("many.txt", "☃ river\n中 bank\n");
    place.write("few.txt", "the river bank\nthe river ☃\n");
    place.write("ids.txt", "2 2 9\n");
    place.write("pairs.tsv", "☃ river\t中 river\n");
    let columns = "same\tstart1\tend1\tstart2\tend2\tsentence1\tsentence2";
    let wic = ["1\t2\t7\t2\t7\t☃ river\t中 river", "0\t2\t6\t2\t6\t☃ bank\t中 bank"];
    place.write("wic.tsv", format!("{columns}\n{}\n", wic.join("\n")));
    few_words().write(&place.path("few_words"));
    place.write("own.conllu", corpus());
    for (line, expected) in [
        ("explore '☃ river'", Some("1 of 2")),
        ("explore 'the river bank by the ☃'", None),
        ("extract --file many.txt --json", Some("2 of 4")),
        ("extract --file many.txt --output out", Some("2 of 4")),
        ("extract --file few.txt --output few", None),
        ("extract --token-ids ids.txt --json", Some("2 of 3")),
        ("compare '☃ river' '中 bank'", Some("2 of 4")),
        ("compare '☃ river' '中 river' --word river", Some("2 of 4")),
        ("compare 'the river ☃' 'the old river by it' --word river", None),
        ("compare --pairs pairs.tsv", Some("2 of 4")),
        ("compare --wic wic.tsv", Some("4 of 8")),
    ] {
        let said = place.line(&format!("{line} --model tiny")).done().stderr;
        assert!(said.matches("unknown").count() <= 1, "{line}: {said}");
        match expected {
            Some(numbers) => assert!(
                said.contains(&format!("warning: {numbers}")) && said.contains(warning),
                "{line}: {said}"
            ),
            None => assert!(!said.contains("unknown"), "{line}: {said}"),
        }
    }
    for line in [
        "probe --corpus own.conllu --label upos --layers 3",
        "probe --corpus own.conllu --structural --layers 3",
        // It reads the corpus twice.
        "probe --corpus own.conllu --label upos --structural --layers 3",
        "geometry --file own.conllu",
        "profile --bank own.conllu",
    ] {
        let mut command =
            place.command(crate::command::words(&format!("{line} --model few_words")));
        // A cache of its own: the states of a bank that are read from there give no warning.
        let said = place.finish(command.env("XDG_CACHE_HOME", place.path("cache"))).stderr;
        assert_eq!(said.matches(warning).count(), 1, "{line}: {said}");
    }
    // The states of a bank that are read from the cache give the same warning.
    let mut command =
        place.command(crate::command::words("profile --bank own.conllu --model few_words"));
    let said = place.finish(command.env("XDG_CACHE_HOME", place.path("cache"))).stderr;
    assert_eq!(said.matches(warning).count(), 1, "{said}");
    // Each of several models has its name.
    let several = "--model tiny --model few_words";
    for line in ["explore 'the ☃ bank' 'the old ☃'", "geometry --file own.conllu"] {
        let said = place.line(&format!("{line} {several}")).done().stderr;
        assert!(said.contains("warning: few_words: "), "{line}: {said}");
        assert!(!said.contains("warning: 1"), "{line}: {said}");
    }
}

/// A text is never cut silently: `-q` leaves warnings, and every result says which text was cut.
#[test]
fn a_text_that_was_cut_is_said_everywhere() {
    let place = Place::with_tiny();
    let words = "the river bank ".repeat(30);
    let said = "text 1 (\"the river bank the river…\") was cut from 92 tokens to 37";
    let warnings = |json: &Value| json["warnings"].as_array().cloned().unwrap_or_default();
    let line = format!("explore --model tiny --long cut -q '{words}'");
    let run = place.line(&format!("{line} --output out")).done();
    assert_eq!(run.stderr, format!("warning: {said}\n"));
    assert_eq!(run.stdout, "");
    let files = place.files("out");
    for file in ["manifest.json", "numbers.json"] {
        assert_eq!(warnings(&crate::command::json_of(&files, file)), [said], "{file}");
    }
    assert_eq!(warnings(&place.line(&format!("{line} --json")).json()), [said]);
    let line = format!("extract --model tiny --long cut -q '{words}'");
    assert_eq!(warnings(&place.line(&format!("{line} --json")).json()), [said]);
    // States files say it beside the text.
    let run = place.line(&format!("{line} --output one.safetensors")).done();
    assert_eq!(run.stderr, format!("warning: {said}\n"));
    let bytes = std::fs::read(place.path("one.safetensors")).unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("\\\"kept\\\":37"));
    place.write("texts.txt", format!("{words}\n{words}\n"));
    let run =
        place.line("extract --model tiny --file texts.txt --long cut -q --output many").done();
    assert!(run.stderr.contains("was cut from 92 tokens to 37"), "{}", run.stderr);
    // A text that was not cut has no such keys.
    let plain = place.line("extract --model tiny -q river --json").json();
    assert!(plain["warnings"].is_null());
}

/// A tiny model that knows three words.
fn few_words() -> Checkpoint {
    let mut model = tiny();
    let words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nriver\nbank\n";
    model.files.insert("vocab.txt".to_owned(), words.as_bytes().to_vec());
    model
}

/// A user can do nothing about built-in texts.
#[test]
fn unknown_tokens_of_builtin_texts_are_no_warning() {
    let place = Place::new();
    few_words().write(&place.path("few"));
    place.write("pairs.tsv", "the river\tthe bank\n");
    for line in [
        "explore 'the river bank' --baseline",
        "compare 'the river bank' 'the bank river'",
        "compare 'the river bank' 'bank the river' --word bank",
        "compare --pairs pairs.tsv",
    ] {
        let said = place.line(&format!("{line} --model few")).done().stderr;
        assert!(!said.contains("unknown"), "{line}: {said}");
    }
    let profile = place.line("profile --model few");
    assert!(!profile.stderr.contains("tokens are unknown"), "{}", profile.stderr);
}
