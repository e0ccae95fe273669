//! The program with correct input: help, summaries, JSON, every kind of text and setting.

use crate::command::Place;
use serde_json::Value;
use std::process::Stdio;

/// The output of the program without spaces at line ends.
fn settled(text: &str) -> String {
    // The rules of snapshots also trim line ends.
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn help() {
    let place = Place::new();
    for (name, line) in [
        ("help", "--help"),
        ("explore", "explore --help"),
        ("extract", "extract --help"),
        ("profile", "profile --help"),
        ("serve", "serve --help"),
    ] {
        let outcome = place.line(line).done();
        assert_eq!(outcome.stderr, "");
        insta::assert_snapshot!(format!("help_{name}"), settled(&outcome.stdout));
    }
    let version = place.line("--version").done().stdout;
    assert_eq!(version, format!("stratoscope {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_summary_of_the_bundled_model() {
    let place = Place::new();
    let outcome = place.line("explore 'The bank by the river refused the loan.'").done();
    assert_eq!(outcome.stderr, "");
    insta::assert_snapshot!(settled(&outcome.stdout));
    check_folder(&place, &place.default_output());
}

/// `--open` gives the page to the system's opener; without it, the last line names the page.
#[cfg(unix)]
#[test]
fn the_page_is_opened_on_request() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    std::fs::create_dir(place.path("bin")).unwrap();
    place.write(
        "bin/xdg-open",
        "#!/bin/sh\nprintf %s \"$1\" > opened.part && mv opened.part opened\n",
    );
    let script = place.path("bin/xdg-open");
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", place.path("bin").display());
    let run = |line: &str| {
        let mut command = place.command(crate::command::words(line));
        place.finish(command.env("PATH", &path)).done()
    };
    let outcome = run("explore 'the bank' --output out");
    let named = "\nopen out/report.html in a browser (--open does it)\n";
    assert!(outcome.stdout.ends_with(named), "{}", outcome.stdout);
    assert!(!place.path("opened").exists());
    let outcome = run("explore 'the bank' --output out --overwrite --open");
    assert!(!outcome.stdout.contains("in a browser"), "{}", outcome.stdout);
    // The opener runs on its own.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !place.path("opened").exists() && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(std::fs::read_to_string(place.path("opened")).unwrap(), "out/report.html");
    let outcome = place.line("explore 'the bank' --open --figures norms");
    assert_eq!(outcome.code, Some(2), "figures alone have no page");
}

/// Checks that all files have valid content, and that the manifest lists all of them.
fn check_folder(place: &Place, folder: &str) {
    let files = place.files(folder);
    let bytes = |name: &str| files[name].as_deref().unwrap();
    for name in files.keys() {
        let bytes = bytes(name);
        assert!(!bytes.is_empty(), "{name}");
        match name.rsplit('.').next().unwrap() {
            "svg" => {
                let text = std::str::from_utf8(bytes).unwrap();
                let document =
                    roxmltree::Document::parse(text).unwrap_or_else(|e| panic!("{name}: {e}"));
                assert_eq!(document.root_element().tag_name().name(), "svg");
            }
            "png" => {
                assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "{name}");
                assert!(bytes.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"), "{name}");
                let size = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
                assert!(
                    (100..20_000).contains(&size(16)) && (100..20_000).contains(&size(20)),
                    "{name}"
                );
            }
            "json" => drop(serde_json::from_slice::<Value>(bytes).unwrap()),
            "csv" => {
                let lines = std::str::from_utf8(bytes).unwrap().lines().count();
                assert!(lines > 1, "{name}");
            }
            "md" => assert!(std::str::from_utf8(bytes).unwrap().starts_with('#'), "{name}"),
            "html" => drop(crate::report::report_of_page(bytes)),
            "safetensors" => drop(safetensors::SafeTensors::deserialize(bytes).unwrap()),
            other => panic!("{name}: {other}"),
        }
    }
    let manifest: Value = serde_json::from_slice(bytes("manifest.json")).unwrap();
    let mut written: Vec<&str> =
        manifest["written"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
    written.sort_unstable();
    assert!(files.keys().eq(&written), "{:?} and {written:?}", files.keys());
}

/// How often a key occurs anywhere in a value.
fn count_key(value: &Value, key: &str) -> usize {
    match value {
        Value::Object(map) => {
            map.iter().map(|(k, v)| usize::from(k == key) + count_key(v, key)).sum()
        }
        Value::Array(items) => items.iter().map(|v| count_key(v, key)).sum(),
        _ => 0,
    }
}

/// The JSON object on stdout. Only the list of per-layer objects has the key `layers`, and the two parts
/// of the first screen, the story and the journeys.
fn json(place: &Place, line: &str) -> Value {
    let outcome = place.line(line).done();
    assert_eq!(outcome.stderr, "", "{line}");
    let mut value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    // A parser reads repeated keys as one key, so they are also counted in the text.
    let in_text = outcome.stdout.matches("\"layers\":").count();
    assert_eq!(in_text, count_key(&value, "layers"), "{line}");
    for part in ["story", "journeys"] {
        value.as_object_mut().unwrap().remove(part);
    }
    assert_eq!(count_key(&value, "layers"), 1, "{line}");
    let layers = value["layers"].as_array().unwrap();
    assert!(!layers.is_empty() && layers.iter().all(|l| l["layer"].is_u64()), "{line}");
    value
}

#[test]
fn json_is_one_object_and_no_files() {
    let place = Place::with_tiny();
    let before = place.files("");
    let explored = json(&place, "explore --model tiny 'the river bank' --json");
    assert_eq!(explored["layers"].as_array().unwrap().len(), 4);
    assert_eq!(explored["tokens"].as_array().unwrap().len(), 5);
    assert_eq!(explored["layers"][1]["trajectory"]["points"].as_array().unwrap().len(), 5);
    let extracted = json(&place, "extract --model tiny 'the river bank' --json --layers 1,-1");
    assert_eq!(extracted["layers"][1]["layer"], 3);
    let row = &extracted["layers"][0]["hidden_states"][4];
    assert_eq!(row.as_array().unwrap().len(), 24);
    assert!(before == place.files(""));
    json(&place, "explore --model tiny 'the river bank' --json --output out");
    check_folder(&place, "out");
    json(&place, "extract --model tiny 'the river bank' --json --output out.safetensors");
    assert!(place.path("out.safetensors").is_file());
}

#[test]
fn a_closed_pipe_is_not_a_failure() {
    let place = Place::with_tiny();
    let args = ["extract", "--model", "tiny", "--json", "the river bank refused a loan"];
    let mut command = place.command(args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

fn token_texts(value: &Value) -> Vec<&str> {
    value["rows"].as_array().unwrap().iter().map(|t| t["text"].as_str().unwrap()).collect()
}

#[test]
fn texts_come_from_arguments_files_and_standard_input() {
    let place = Place::with_tiny();
    place.write("texts.txt", "\u{feff}the river\r\n\n   \nthe bank\n");
    let from_file = place.line("extract --model tiny --file texts.txt --json").done();
    assert_eq!(from_file.stderr, "texts.txt: 2 blank lines skipped\n");
    let quiet = place.line("extract --model tiny --file texts.txt --json --quiet").done();
    assert_eq!(quiet.stderr, "");
    assert_eq!(quiet.stdout, from_file.stdout);
    let arguments = place.line("extract --model tiny 'the river' 'the bank' --json").done();
    assert_eq!(arguments.stdout, from_file.stdout);
    for line in ["extract --model tiny - --json", "extract --model tiny --file - --json"] {
        let piped = place.line_reading(line, b"the river\nthe bank").done();
        assert_eq!(piped.stdout, from_file.stdout, "{line}");
        assert_eq!(piped.stderr, "");
    }
    place.write("ids.txt", "5 6 7\n\n8 9\n");
    let ids = place.line("extract --model tiny --token-ids ids.txt --json").done();
    assert_eq!(ids.stderr, "ids.txt: 1 blank line skipped\n");
    let ids: Value = serde_json::from_str(&ids.stdout).unwrap();
    let ids: Vec<u64> =
        ids["rows"].as_array().unwrap().iter().map(|r| r["token_id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [5, 6, 7, 8, 9]);
}

#[test]
fn pairs_are_read_together() {
    let place = Place::with_tiny();
    let pair = json(&place, "extract --model tiny --pairs 'the river' 'the bank' --json");
    assert_eq!(token_texts(&pair), ["[CLS]", "the", "river", "[SEP]", "the", "bank", "[SEP]"]);
    place.write("pairs.txt", "the river\tthe bank\n");
    let from_file = json(&place, "extract --model tiny --pairs --file pairs.txt --json");
    assert_eq!(pair, from_file);
    let apart = json(&place, "extract --model tiny 'the river' 'the bank' --json");
    assert_ne!(pair["layers"][3]["hidden_states"][1], apart["layers"][3]["hidden_states"][1]);
    place.line("explore --model tiny --pairs 'the river' 'the bank' --output out").done();
    check_folder(&place, "out");
}

#[test]
fn rows_are_tokens_words_or_sentences() {
    let place = Place::with_tiny();
    let text = "'the riverbank rerested along bridges'";
    let rows = |choice: &str| json(&place, &format!("extract --model tiny {text} --json {choice}"));
    let (tokens, words) = (rows(""), rows("--words"));
    assert_eq!(token_texts(&words), ["the", "riverbank", "rerested", "along", "bridges"]);
    assert!(token_texts(&tokens).len() > 7, "{:?}", token_texts(&tokens));
    let bare = rows("--no-special-tokens");
    let inner = token_texts(&tokens).len() - 1;
    assert_eq!(token_texts(&bare), token_texts(&tokens)[1..inner]);
    let states = |value: &Value, layer: usize| -> Vec<Vec<f64>> {
        serde_json::from_value(value["layers"][layer]["hidden_states"].clone()).unwrap()
    };
    let sentences = rows("--sentences");
    assert_eq!(token_texts(&sentences), ["text 1"]);
    for layer in 0..4 {
        assert_eq!(states(&bare, layer), states(&tokens, layer)[1..inner]);
        // This model has no pooling config: the mean over all tokens, including special tokens.
        let all = states(&tokens, layer);
        for (column, value) in states(&sentences, layer)[0].iter().enumerate() {
            let mean = all.iter().map(|row| row[column]).sum::<f64>() / all.len() as f64;
            assert!((mean - value).abs() < 1e-6, "layer {layer}: {mean} and {value}");
        }
        let first = &states(&rows("--sentences --pooling first"), layer)[0];
        assert_eq!(*first, all[0]);
    }
}

#[test]
fn every_script_is_drawn() {
    let place = Place::new();
    let long_word = "a".repeat(3000);
    place.write(
        "scripts.txt",
        "I ♥ rivers 🌊 and families 👨‍👩‍👧‍👦 🇫🇷!\nالنهر يجري ببطء.\nהנהר זורם לאט.\n河水慢慢流过。\n\
         नदी धीरे बहती है।\n강물이 흐른다.\n",
    );
    place.write(
        "control.txt",
        format!("the \u{1}\u{7}river\u{b} & <b>\"bank\"</b> \u{fffe}\u{200b} {long_word}\n"),
    );
    place.write("one-word.txt", "bank\n");
    for name in ["scripts", "control", "one-word"] {
        place.line(&format!("explore --file {name}.txt --output {name}")).done();
        check_folder(&place, name);
    }
}

#[test]
fn every_reducer_and_alignment_is_drawn() {
    let place = Place::with_tiny();
    for reducer in ["pca", "tsne", "random"] {
        for align in ["joint", "procrustes", "none"] {
            let line = format!(
                "explore --model tiny 'the river bank' 'they refused a loan near the bridge' \
                 --reducer {reducer} --align {align} --output {reducer}-{align}"
            );
            place.line(&line).done();
            check_folder(&place, &format!("{reducer}-{align}"));
            let trails = place.path(&format!("{reducer}-{align}/trajectory.svg")).is_file();
            assert_eq!(trails, align != "none", "{reducer} {align}");
        }
    }
    for metric in ["centred", "standardised", "euclidean"] {
        place
            .line(&format!(
                "explore --model tiny 'the river bank' --metric {metric} --words --output {metric}"
            ))
            .done();
        check_folder(&place, metric);
    }
}
