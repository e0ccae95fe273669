//! Files as input: of every kind, of every size, from pipes, and with every name.

use crate::command::{Outcome, Place};
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
    assert_eq!(texts(&place, "a.tsv", "--field label"), ["x", "y"]);
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
    assert!(said.starts_with("1 error: cannot read or write cut.txt.gz"), "{said}");
    // A megabyte of packed zeros is a line without end.
    place.write("bomb.txt.gz", packed(&vec![b'a'; 40 << 20]));
    let said = read(&place, "bomb.txt.gz", "").unwrap_err();
    assert!(
        said.starts_with("4 error: bomb.txt.gz, line 1 has 41943040 bytes, and 4 MiB"),
        "{said}"
    );
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
        let expected = format!(
            "warning: line {line} is longer than 4 MiB and was cut to its first 37 tokens\n"
        );
        assert_eq!(notes, expected, "{name}");
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
    }
    let shards = run("extract --model tiny --file FILE --output OUT");
    assert_eq!(shards.code, Some(2), "{}", shards.stderr);
    let text = place.run([OsStr::new("explore"), OsStr::from_bytes(b"the \xff")]);
    assert_eq!(text.code, Some(2), "{}", text.stderr);
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
