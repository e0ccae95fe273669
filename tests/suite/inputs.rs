//! Files as input: of every kind, of every size, from pipes, and with every name.

use crate::command::{Outcome, Place, tiny};
use crate::corpora::lines;
use serde_json::Value;
use std::fmt::Write as _;

/// Reads a file, and returns its texts and the notes; or the exit code and the message.
fn read(place: &Place, name: &str, more: &str) -> Result<(Vec<String>, String), String> {
    let line = format!(
        "extract --model tiny --file {name} {more} --sentences --layers 0 --output o.safetensors --overwrite"
    );
    let outcome = place.line(&line);
    if outcome.code != Some(0) {
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        return Err(format!("{} {}", outcome.code.unwrap(), outcome.stderr.trim_end()));
    }
    let states = stratoscope::crates::extractor::read_states(&place.path("o.safetensors")).unwrap();
    let (notes, _) = outcome.stderr.rsplit_once("o.safetensors").unwrap();
    Ok((states.texts.into_iter().map(|t| t.text).collect(), notes.to_owned()))
}

fn texts(place: &Place, name: &str, more: &str) -> Vec<String> {
    let (texts, notes) = read(place, name, more).unwrap();
    assert_eq!(notes, "", "{name}");
    texts
}

#[test]
fn files_of_other_kinds_are_read_or_refused_but_never_as_prose() {
    let place = Place::with_tiny();
    let two = ["The bank", "A river"];
    let json = "{\"text\":\"The bank\"}\n{\"text\":\"A river\"}\n";
    for name in ["a.json", "a.jsonl", "a.ndjson"] {
        place.write(name, json);
        assert_eq!(texts(&place, name, ""), two, "{name}");
    }
    place.write("a.csv", "\u{feff}id,text\r\n1,The bank\r\n2,\"A river\"\r\n");
    assert_eq!(texts(&place, "a.csv", ""), two);
    place.write("quoted.csv", "text\n\"The bank, by \"\"the\"\"\nriver\"\n");
    assert_eq!(texts(&place, "quoted.csv", ""), ["The bank, by \"the\"\nriver"]);
    place.write("a.tsv", "label\ttext\nx\t\"The bank\ny\tA river\n");
    assert_eq!(texts(&place, "a.tsv", ""), ["\"The bank", "A river"]);
    assert_eq!(read(&place, "a.tsv", "--field label").unwrap().0, ["x", "y"]);
    place.write("a.md", "The bank\n\nA river\n");
    assert_eq!(read(&place, "a.md", "").unwrap().0, two);
    let mut said = String::new();
    for (name, bytes) in [
        ("list.json", "[{\"text\": \"The bank\"}]"),
        ("pretty.json", "{\n  \"text\": \"The bank\"\n}\n"),
        ("no-column.csv", "id,body\n1,The bank\n"),
        ("no-header.csv", "\"The bank, by the river\",1\n"),
        ("twice.csv", "text,text\na,b\n"),
        ("uneven.csv", "id,text\n1,a\n2\n"),
        ("latin1.csv", "id,text\n1,a\n2,b\u{e9}\n"),
        ("a.conllup", "# global.columns = ID FORM\n1\tThe\n"),
        ("a.zip", "PK"),
        ("a.txt.zst", ""),
        ("a.html", "<p>The bank</p>"),
        ("a.pdf", "%PDF"),
        ("a.docx", "PK"),
        ("a.npy", "\u{93}NUMPY"),
        ("a.safetensors", ""),
        ("a.arrow", "ARROW1"),
        ("binary.txt", "The bank\n\0\0\0\n"),
        ("a.xml", "<a/>"),
    ] {
        let bytes = bytes.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect::<Vec<_>>();
        place.write(name, bytes);
        writeln!(said, "{name}\n  {}", read(&place, name, "").unwrap_err()).unwrap();
    }
    // The other files of lines have the same rule.
    place.write("ids.npy", "1 2");
    place.write("p.parquet", "PAR1");
    for line in [
        "extract --model tiny --token-ids ids.npy --json",
        "compare --model tiny --pairs p.parquet",
        "compare --model tiny --wic a.json",
        "probe --model tiny --tsv a.json",
        "extract --model tiny --pairs --file a.json --json",
    ] {
        let outcome = place.line(line);
        writeln!(said, "{line}\n  {} {}", outcome.code.unwrap(), outcome.stderr.trim_end())
            .unwrap();
    }
    insta::assert_snapshot!(said);
}

#[test]
fn files_compressed_by_gzip_are_read() {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;
    let place = Place::with_tiny();
    let packed = |bytes: &[u8]| {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    // Two members, as `cat a.gz b.gz` makes them.
    place.write("a.txt.gz", [packed(b"The bank\n"), packed(b"A river\n")].concat());
    assert_eq!(texts(&place, "a.txt.gz", ""), ["The bank", "A river"]);
    place.write("a.jsonl.gz", packed(b"{\"text\": \"The bank\"}\n"));
    assert_eq!(texts(&place, "a.jsonl.gz", ""), ["The bank"]);
    let line = "extract --model tiny --file a.txt.gz --output out";
    place.line(line).done();
    let said = place.line(&format!("{line} --resume")).done().stderr;
    assert_eq!(said, "out: already complete\n");
    place.write("cut.txt.gz", &packed(b"The bank\nA river\n")[..20]);
    let said = read(&place, "cut.txt.gz", "").unwrap_err();
    assert!(said.starts_with("4 error: cut.txt.gz cannot be decompressed"), "{said}");
    // A megabyte of packed zeros is a line without end.
    place.write("bomb.txt.gz", packed(&vec![b'a'; 40 << 20]));
    let said = read(&place, "bomb.txt.gz", "").unwrap_err();
    assert!(
        said.starts_with("4 error: bomb.txt.gz, line 1 has 41943040 bytes, and 4 MiB"),
        "{said}"
    );
}

/// `--long cut` keeps the beginning; a tokenizer that keeps the end is not cut silently.
#[test]
fn a_tokenizer_that_cuts_at_the_start_is_not_cut() {
    let place = Place::with_tiny();
    let file = place.path("tiny/tokenizer_config.json");
    let mut settings: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    settings["truncation_side"] = "left".into();
    std::fs::write(&file, settings.to_string()).unwrap();
    place.write("a.txt", format!("the bank\n{}\n", "river ".repeat(60)));
    let said = read(&place, "a.txt", "--long cut").unwrap_err();
    assert!(said.contains("line 2 has 62 tokens, more than 37, and the tokenizer"), "{said}");
    assert!(said.contains("truncation_side is left"), "{said}");
    read(&place, "a.txt", "--long window").unwrap();
    settings["truncation_side"] = "middle".into();
    std::fs::write(&file, settings.to_string()).unwrap();
    let said = read(&place, "a.txt", "").unwrap_err();
    assert!(said.contains("truncation_side") && said.contains("middle"), "{said}");
}

#[test]
fn texts_beyond_the_maximum_are_refused_before_they_are_tokenized() {
    let place = Place::with_tiny();
    let long = "river ".repeat(3 << 18);
    place.write("a.txt", format!("the bank\n{long}\n"));
    place.write("a.jsonl", format!("{{\"text\": \"the bank\"}}\n{{\"text\": \"{long}\"}}\n"));
    place.write("a.csv", format!("text\nthe bank\n{long}\n"));
    place.write("a.conllu", format!("1\t{long}\t_\t_\t_\t_\t_\t_\t_\t_\n\n"));
    for (name, row) in [
        ("a.txt", "line 2 has"),
        ("a.jsonl", "line 2 has"),
        ("a.csv", "line 3 has"),
        ("a.conllu", "line 1"),
    ] {
        let said = read(&place, name, "").unwrap_err();
        assert!(said.starts_with(&format!("4 error: {name}, {row}")), "{said}");
        assert!(said.contains("4 MiB"), "{said}");
    }
    for name in ["a.txt", "a.jsonl", "a.csv"] {
        let (texts, notes) = read(&place, name, "--long cut").unwrap();
        assert_eq!(texts.len(), 2, "{name}");
        let line = if name == "a.csv" { 3 } else { 2 };
        let expected = format!("warning: line {line} is long and was cut to its first 37 tokens\n");
        assert_eq!(notes, expected, "{name}");
    }
    for pair in [format!("the bank\t{long}\n"), format!("{long}\tthe bank\n")] {
        place.write("p.tsv", &pair);
        let said = read(&place, "p.tsv", "--pairs").unwrap_err();
        assert!(said.starts_with("4 error: p.tsv, line 1 has 4718592 bytes, and 4 MiB"), "{said}");
        let (texts, notes) = read(&place, "p.tsv", "--pairs --long cut").unwrap();
        assert_eq!(texts.len(), 1);
        assert_eq!(notes, "warning: line 1 is long and was cut to its first 37 tokens\n");
    }
    let said = place.line_reading("extract --model tiny - --json", long.as_bytes());
    assert!(
        said.stderr.starts_with("error: standard input, line 1 has 4718592 bytes"),
        "{}",
        said.stderr
    );
}

#[test]
fn first_lines_with_names_of_columns_are_skipped_and_reported() {
    let place = Place::with_tiny();
    place.write("pairs.tsv", "sentence1\tsentence2\nthe river\tthe bank\n");
    let note =
        "pairs.tsv: the first line has names of columns (sentence1, sentence2) and is skipped\n";
    let (texts, notes) = read(&place, "pairs.tsv", "--pairs").unwrap();
    assert_eq!((texts, notes.as_str()), (vec!["the river".to_owned()], note));
    let folder = place.line("extract --model tiny --pairs --file pairs.tsv --output out").done();
    assert!(folder.stderr.contains("the first line has names of columns"), "{}", folder.stderr);
    let index: Value =
        serde_json::from_slice(&std::fs::read(place.path("out/index.json")).unwrap()).unwrap();
    assert_eq!(index["n_texts"], 1);
    let compared = place.line("compare --model tiny --pairs pairs.tsv --json").done();
    assert_eq!(compared.stderr, note);
    let mut rows = "utterance\tpolarity\n".to_owned();
    for i in 0..30 {
        let (what, label) = [("river", "good"), ("bank", "bad")][i % 2];
        writeln!(rows, "the {what} walked {i} times\t{label}").unwrap();
    }
    place.write("task.tsv", rows);
    let probed = place.line("probe --model tiny --tsv task.tsv --layers 1 --json").done();
    assert!(
        probed.stderr.contains(
            "task.tsv: the first line has names of columns (utterance, polarity) and is skipped"
        ),
        "{}",
        probed.stderr
    );
    assert!(!probed.stdout.contains("polarity"), "{}", probed.stdout);
}

#[test]
fn a_text_that_is_the_name_of_a_file_is_asked_about() {
    let place = Place::with_tiny();
    place.write("README.md", "the river");
    for (line, hint) in [
        ("explore --model tiny README.md", "did you mean --file README.md?"),
        ("extract --model tiny README.md README.md --json", "did you mean --file README.md?"),
        ("compare --model tiny README.md README.md", "did you mean --pairs README.md?"),
        ("lens --model tiny README.md", "did you mean - < README.md?"),
        ("explore tiny river", "tiny is the folder of a model; did you mean --model tiny?"),
    ] {
        let outcome = place.line(line);
        assert_eq!(outcome.code, Some(2), "{line}");
        assert!(outcome.stderr.contains(hint), "{line}: {}", outcome.stderr);
    }
    place.line("extract --model tiny README.md river --json").done();
    place.line_reading("extract --model tiny - --json", b"README.md").done();
}

/// Runs a command line of bash.
#[cfg(unix)]
fn bash(place: &Place, script: &str) -> Outcome {
    let program = place.command([""; 0]).get_program().to_owned();
    let mut command = place.command([""; 0]);
    let mut bash = std::process::Command::new("bash");
    bash.arg("-c").arg(script).current_dir(command.get_current_dir().unwrap()).env("S", program);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bash.env(name, value),
            None => bash.env_remove(name),
        };
    }
    command = bash;
    place.finish(&mut command)
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_read_once() {
    let place = Place::with_tiny();
    let json = |outcome: Outcome| outcome.done().stdout;
    place.write("two.txt", "the river\nthe bank\n");
    let expected = json(place.line("extract --model tiny --file two.txt --json"));
    let piped = bash(&place, "\"$S\" extract --model tiny --file <(cat two.txt) --json");
    assert_eq!(json(piped), expected);
    let sampled = json(place.line("extract --model tiny --file two.txt --sample 1 --json"));
    let piped = bash(
        &place,
        "mkfifo p; cat two.txt > p & \"$S\" extract --model tiny --file p --sample 1 --json",
    );
    assert_eq!(json(piped), sampled);
    let folder =
        bash(&place, "cat two.txt > p & \"$S\" extract --model tiny --file p --output out");
    assert_eq!((folder.code, place.path("out").exists()), (Some(2), false));
    assert!(folder.stderr.starts_with("error: p is not a regular file"), "{}", folder.stderr);
    let task: String = (0..30).map(|i| format!("the river {i}\t{}\n", i % 2)).collect();
    place.write("task.tsv", task);
    let line = "probe --model tiny --layers 1 --json --tsv";
    let file: Value = place.line(&format!("{line} task.tsv")).json();
    let piped = bash(&place, &format!("\"$S\" {line} <(cat task.tsv)"));
    let piped: Value = serde_json::from_str(&piped.done().stdout).unwrap();
    assert_eq!(file["layers"], piped["layers"]);
    let endless = place.line("explore --model tiny --file /dev/zero");
    assert_eq!(endless.code, Some(4), "{}", endless.stderr);
    assert!(endless.stderr.starts_with("error: /dev/zero, line 1"), "{}", endless.stderr);
    let empty = place.line("explore --model tiny --file /dev/null");
    assert_eq!(empty.code, Some(4), "{}", empty.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_are_names() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::with_tiny();
    let name = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    std::fs::write(place.path("").join(name(b"t\xff.txt")), lines(40)).unwrap();
    let run = |line: &str| {
        let args = line.split(' ').map(|word| match word {
            "FILE" => name(b"t\xff.txt"),
            "OUT" => name(b"out\xff"),
            "STATES" => name(b"out\xff.safetensors"),
            "CACHE" => name(b"cache\xff"),
            word => word.into(),
        });
        place.run(args)
    };
    for line in [
        "explore --model tiny --file FILE --output OUT",
        "explore --model tiny --file FILE --output OUT --overwrite",
        "extract --model tiny --file FILE --output STATES",
        "explore --from STATES --output OUT --overwrite",
        "geometry --model tiny --file FILE --output OUT --overwrite",
        "models --cache-dir CACHE --json",
        "models --cache-dir CACHE",
    ] {
        let outcome = run(line);
        assert_eq!(outcome.code, Some(0), "{line}: {}", outcome.stderr);
        // What names the output shows the byte.
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!said.contains('\u{fffd}'), "{line}: {said}");
        assert!(line.contains("models") || said.contains("out\\xFF"), "{line}: {said}");
    }
    let shards = run("extract --model tiny --file FILE --output OUT");
    assert_eq!(shards.code, Some(2), "{}", shards.stderr);
    // Models too. Their id shows the byte.
    for folder in [b"m\xff", b"m\xfe"] {
        tiny().write(&place.path("").join(name(folder)));
    }
    let model = |line: &str| {
        let words = line.split(' ').map(OsStr::new);
        place.run(words.chain([OsStr::from_bytes(b"m\xff")])).done()
    };
    assert_eq!(model("info --json").json()["model"], "m\\xFF");
    let states = model("extract river --json --model").json();
    assert_eq!(states["model"], "m\\xFF");
    let expected = place.line("extract river --json --model tiny").json();
    assert_eq!(states["layers"], expected["layers"]);
    model("fetch");
    let other = OsStr::from_bytes(b"m\xfe");
    let words = ["explore", "river", "--output", "two", "--model"].map(OsStr::new);
    let both = words.into_iter().chain([other, OsStr::new("--model"), OsStr::from_bytes(b"m\xff")]);
    place.run(both).done();
    let text = place.run([OsStr::new("explore"), OsStr::from_bytes(b"the \xff")]);
    assert_eq!(text.code, Some(2), "{}", text.stderr);
}

#[test]
fn faults_of_a_file_are_named_with_their_line() {
    use std::io::Write;
    let place = Place::with_tiny();
    let gz = |name: &str, cut: usize| {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(lines(400).as_bytes()).unwrap();
        let bytes = gz.finish().unwrap();
        place.write(name, &bytes[..bytes.len() - cut]);
    };
    gz("whole.txt.gz", 0);
    gz("cut.txt.gz", 30);
    place.write("not.txt.gz", "the river\n");
    place.write("open.csv", "text,n\nthe river,1\n\"the bank,2\nthe tea,3\n");
    place.write("long.csv", format!("text,n\nthe river,1\n{},2\n", "a".repeat(33 << 20)));
    place.write("long.conllu", format!("# text = {}\n", "a".repeat(5 << 20)));
    place.write("a.csv~", "text\nthe river\n");
    let explore = |file: &str| place.line(&format!("extract --model tiny --json --file {file}"));
    explore("whole.txt.gz").done();
    for (file, said) in [
        ("cut.txt.gz", "cut.txt.gz cannot be decompressed"),
        ("not.txt.gz", "not.txt.gz cannot be decompressed"),
        ("open.csv", "open.csv, line 3: a quotation mark"),
        ("long.csv", "long.csv, line 3 has"),
        ("long.conllu", "long.conllu, line 1 has"),
        ("a.csv~", "a.csv~ is not a file of texts"),
    ] {
        let refused = explore(file);
        assert_eq!(refused.code, Some(4), "{file}: {}", refused.stderr);
        assert!(refused.stderr.contains(said), "{file}: {}", refused.stderr);
        assert!(!refused.stderr.contains("--long"), "{file}: {}", refused.stderr);
    }
}

#[test]
fn messages_show_control_characters_by_code() {
    let place = Place::with_tiny();
    for args in [
        &["explore", "--model", "tiny", "--file", "a\u{1b}]0;x\u{7}.txt"][..],
        &["explore", "--model", "\u{1b}[2Jx", "the river"],
        &["explore", "--model", "tiny", "--layers", "\u{1b}[31m0", "the river"],
        &["explore", "--metric", "\u{1b}[31mcosine", "the river"],
        &["\u{1b}[31mexplore"],
    ] {
        let outcome = place.run(args);
        assert!(matches!(outcome.code, Some(1..=5)), "{outcome:?}");
        let controls = |c: char| c.is_control() && c != '\n';
        assert!(!outcome.stderr.contains(controls), "{:?}", outcome.stderr);
        let is_clap = outcome.stderr.contains("--help");
        assert!(is_clap || outcome.stderr.contains("\\u{1b}"), "{}", outcome.stderr);
    }
    let layers = "9".repeat(50_000);
    let long = place.run(["explore", "--model", "tiny", "--layers", &layers, "the river"]);
    assert!(long.stderr.len() < 4_000, "{}", long.stderr.len());
    let shown = place.run([
        "explore",
        "--model",
        "tiny",
        "the \u{1b}[31mriver \u{9b}7m",
        "--output",
        "out",
    ]);
    assert!(!shown.done().stdout.contains(['\u{1b}', '\u{9b}']));
}

#[test]
fn a_broken_tokenizer_refuses_texts_and_not_token_ids() {
    let place = Place::with_tiny();
    place.write("ids.txt", "2 5 3\n");
    let line = "extract --model tiny --token-ids ids.txt --json";
    let expected = place.line(line).json();
    for (file, content, reason) in [
        ("tokenizer.json", "{\"version\":", "cannot read tokenizer.json as a tokenizer"),
        ("tokenizer_config.json", "nonsense", "tokenizer_config.json is not valid JSON"),
        ("tokenizer_config.json", "{\"do_lower_case\": 7}", "\"do_lower_case\" is 7"),
    ] {
        let place = Place::with_tiny();
        place.write("ids.txt", "2 5 3\n");
        place.write(&format!("tiny/{file}"), content);
        let text = place.line("explore --model tiny 'the river'");
        assert_eq!(text.code, Some(4), "{file}: {}", text.stderr);
        assert!(
            text.stderr.starts_with("error: ") && text.stderr.contains(reason),
            "{}",
            text.stderr
        );
        let ids = place.line(line);
        assert!(
            ids.stderr.starts_with("warning: token ids have no labels")
                && ids.stderr.contains(reason),
            "{}",
            ids.stderr
        );
        let found: Value = serde_json::from_str(&ids.done().stdout).unwrap();
        assert_eq!(found["layers"], expected["layers"]);
        assert_eq!(found["rows"][1]["text"], "#5");
        let info = place.line("info tiny").done().stdout;
        assert!(info.contains(reason), "{info}");
    }
}

#[test]
fn names_that_lead_to_nothing_or_to_another_kind_are_errors_with_advice() {
    let place = Place::with_tiny();
    place.write("t.txt", lines(6));
    place.line("extract --model tiny --file t.txt --output states.parquet").done();
    place.line("extract --model tiny --file t.txt --output folder").done();
    std::fs::create_dir(place.path("empty")).unwrap();
    for (line, code, said) in [
        (
            "extract --model tiny --file t.txt --output x.csv",
            2,
            "FILE.safetensors, FILE.npz, FILE.parquet or a folder",
        ),
        (
            "extract --model tiny --file t.txt --output x.H5",
            2,
            "a folder with a name without an extension",
        ),
        ("explore --model tiny 'the river' --output r.html", 2, "the output is a folder"),
        ("explore --from nothing", 4, "nothing: No such file"),
        ("explore --from nothing.safetensors", 4, "nothing.safetensors: No such file"),
        (
            "explore --from t.txt",
            4,
            "cannot read t.txt as a states file: it is not a complete safetensors file",
        ),
        (
            "explore --from states.parquet",
            4,
            "from .safetensors or .npz, or a folder of shards, not from .parquet",
        ),
        ("explore --from empty", 4, "no index.json of a finished extraction"),
        ("explore --model nothing.gguf 'the river'", 3, "there is no file or folder nothing.gguf"),
        ("explore --model ./nothing 'the river'", 3, "there is no file or folder ./nothing"),
        ("explore --model t.txt 'the river'", 3, "t.txt is a file; give a GGUF file"),
        ("explore --model empty 'the river'", 3, "empty has no config.json"),
    ] {
        let outcome = place.line(line);
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(said), "{line}: {}", outcome.stderr);
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.lines().count()), ("", 1), "{line}");
    }
    for name in ["x.csv", "x.H5", "r.html"] {
        assert!(!place.path(name).exists(), "{name}");
    }
    place.line("explore --from folder --output there").done();
    // A folder that exists may have any name.
    std::fs::create_dir(place.path("old.csv")).unwrap();
    place.line("explore --model tiny 'the river' --output old.csv").done();
}

/// The number of the text of each row, by `sequence_offsets`; the metadata names only the rows of the
/// second text of a pair.
#[test]
fn states_files_tell_the_text_of_every_row() {
    let place = Place::with_tiny();
    let metadata = |name: &str| -> Value {
        let bytes = std::fs::read(place.path(name)).unwrap();
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        serde_json::from_str(&header.metadata().as_ref().unwrap()["stratoscope"]).unwrap()
    };
    place.write("t.txt", lines(554));
    place.line("extract --model tiny --file t.txt --layers 0 --output t.safetensors").done();
    let states =
        |name: &str| stratoscope::crates::extractor::read_states(&place.path(name)).unwrap();
    let many = states("t.safetensors");
    let sequences: Vec<usize> = many.rows.iter().map(|row| row.sequence).collect();
    assert!(sequences.is_sorted() && many.texts.len() == 554);
    assert!(sequences.iter().copied().eq((0..554).flat_map(|text| {
        let offsets = many.sequence_offsets();
        std::iter::repeat_n(text, offsets[text + 1] - offsets[text])
    })));
    let written = metadata("t.safetensors");
    for key in ["text_ids", "second_of_pair", "unknown"] {
        assert_eq!(written[key], Value::Null, "{key}");
    }
    assert_eq!(written["labels"].as_array().unwrap().len(), many.rows.len());

    place.line("extract --model tiny --pairs 'the river' 'the bank' --output p.safetensors").done();
    assert_eq!(metadata("p.safetensors")["second_of_pair"], serde_json::json!([4, 5]));
    let pair = states("p.safetensors");
    let sides: Vec<usize> = pair.rows.iter().map(|row| row.text_id).collect();
    assert_eq!(sides, [0, 0, 0, 0, 1, 1, 0]);

    // Files of older versions have the side of every row.
    let bytes = std::fs::read(place.path("p.safetensors")).unwrap();
    let (length, rest) = bytes.split_at(8);
    let (header, tensors) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
    let (new, old) = (r#"\"second_of_pair\":[4,5]"#, r#"\"text_ids\":[0,0,0,0,1,1,0]"#);
    let header = std::str::from_utf8(header).unwrap();
    assert!(header.contains(new), "{header}");
    let header = header.replace(new, old);
    let older = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), tensors].concat();
    place.write("older.safetensors", older);
    assert_eq!(states("older.safetensors"), pair);
}

/// A panic within a library is one line, and so is a run that the memory is too small for.
#[test]
fn panics_of_libraries_and_runs_beyond_the_memory_are_one_line() {
    let place = Place::with_tiny();
    let characters = serde_json::json!({"type": "Precompiled", "precompiled_charsmap": "AAAAAA=="});
    let model = serde_json::json!({"type": "WordLevel", "unk_token": "a", "vocab": {"a": 5}});
    let file = serde_json::json!({
        "version": "1.0", "added_tokens": [], "normalizer": characters, "model": model,
    });
    place.write("tiny/tokenizer.json", file.to_string());
    place.write("tiny/tokenizer_config.json", "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}");
    let panics = place.line("explore --model tiny 'the river'");
    assert_eq!(panics.code, Some(4), "{}", panics.stderr);
    assert!(panics.stderr.contains("the tokenizers library cannot handle it"), "{}", panics.stderr);
    assert_eq!(panics.stderr.lines().count(), 1, "{}", panics.stderr);

    // T5 has no last position. Its patterns of 300,000 tokens have 360 GB a head.
    place.write("ids.txt", "5 ".repeat(300_000));
    let t5 = crate::fixtures::path("families/t5");
    let line = ["extract", "--token-ids", "ids.txt", "--json", "--hooks"];
    let line =
        line.into_iter().chain(["blocks.0.attn.hook_pattern", "--model", t5.to_str().unwrap()]);
    let large = place.run(line);
    assert_eq!(large.code, Some(1), "{}", large.stderr);
    assert!(large.stderr.starts_with("error: the states need "), "{}", large.stderr);
    assert_eq!(large.stderr.lines().count(), 1, "{}", large.stderr);
}
