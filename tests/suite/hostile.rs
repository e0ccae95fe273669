//! Wrong input of every kind: the exit code, an error of one line, and no files left on disk.

use crate::checkpoints::{Checkpoint, Stored};
use crate::command::{Outcome, Place, tiny};
use safetensors::Dtype;
use serde_json::{Value, json};
use std::fmt::Write;

/// Runs a command line that must fail. Returns its exit code and message.
fn refused(place: &Place, line: &str) -> String {
    let before = place.files("");
    let outcome = place.line(line);
    checked(place, line, &outcome);
    assert!(before == place.files(""), "{line}: something was left on disk");
    verdict(&outcome)
}

/// Checks a failure: one line on stderr, no output on stdout, no panic.
fn checked(place: &Place, line: &str, outcome: &Outcome) {
    assert!(matches!(outcome.code, Some(1..=5)), "{line}: {outcome:?}");
    assert_eq!(outcome.stdout, "", "{line}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{line}: {}", outcome.stderr);
    assert!(outcome.stderr.starts_with("error: "), "{line}: {}", outcome.stderr);
    assert!(!place.path("stratoscope-out").exists(), "{line}");
}

fn verdict(outcome: &Outcome) -> String {
    format!("{} {}", outcome.code.unwrap(), outcome.stderr.strip_prefix("error: ").unwrap())
}

/// Command lines with their messages, for a snapshot.
fn table(place: &Place, lines: &[&str]) -> String {
    let rows = lines.iter().map(|line| format!("{line:?}\n  {}", refused(place, line)));
    rows.collect()
}

#[test]
fn texts_that_cannot_be_read() {
    let place = Place::with_tiny();
    place.write("long.txt", "river ".repeat(100_000));
    place.write("latin1.txt", b"good\n\nbl\xf6d\n");
    place.write("blank.txt", " \n\t\n\n");
    place.write("no-tab.txt", "one\ttwo\nthree\n");
    place.write("one-sided.txt", "one\t \n");
    place.write("beyond.ids", "5 6\n7 2000\n");
    place.write("words.ids", "5 6\n\n7 eight\n");
    place.write("negative.ids", "-1\n");
    place.write("many.ids", "5 ".repeat(38));
    let lines = [
        "explore --model tiny ''",
        "explore --model tiny '   '",
        "explore --model tiny 'river' ''",
        "explore --model tiny '\u{1}\u{2}\u{7f}'",
        "explore --model tiny --file long.txt",
        "extract --model tiny --file long.txt --output out.safetensors",
        "explore --model tiny --file latin1.txt",
        "explore --model tiny --file blank.txt",
        "explore --model tiny --file absent.txt",
        "explore --model tiny --file tiny",
        "explore --model tiny -",
        "explore --model tiny",
        "explore --model tiny --pairs 'river'",
        "explore --model tiny --pairs 'river' ''",
        "explore --model tiny --pairs --file no-tab.txt",
        "explore --model tiny --pairs --file one-sided.txt",
        "explore --model tiny --file long.txt --pairs --long window",
        "extract --model tiny --output out.safetensors",
        "extract --model tiny --token-ids beyond.ids --output out.safetensors",
        "extract --model tiny --token-ids words.ids --output out.safetensors",
        "extract --model tiny --token-ids negative.ids --output out.safetensors",
        "extract --model tiny --token-ids many.ids --output out.safetensors",
        "extract --model tiny --token-ids beyond.ids --output out.safetensors --words",
        "explore --model tiny 'river' --layers 99",
        "explore --model tiny 'river' --layers 3-1",
        "explore --model tiny 'river' --layers x",
        "explore --model tiny 'river' --layers -9",
        "explore --model tiny 'river' --layers ''",
        "extract --model tiny 'river' --output out.npz --format parquet",
    ];
    insta::assert_snapshot!(table(&place, &lines));
}

#[test]
fn standard_input_that_is_not_utf8() {
    let place = Place::with_tiny();
    let outcome = place.line_reading("explore --model tiny -", b"river\n\xff\n");
    checked(&place, "stdin", &outcome);
    assert_eq!(
        verdict(&outcome).trim_end(),
        "4 standard input, line 2: not valid UTF-8 (byte 1 of the line)"
    );
}

#[test]
fn long_texts_are_cut_or_windowed_with_a_warning() {
    let place = Place::with_tiny();
    place.write("long.txt", "river bank ".repeat(1000));
    for (how, rows, expected) in [
        ("cut", 37, "warning: line 1 was cut from 2002 tokens to 37\n"),
        (
            "window",
            2002,
            "warning: line 1 has 2002 tokens and was read in 111 overlapping windows, so that no \
             token sees the whole text\n",
        ),
    ] {
        let line = format!("extract --model tiny --file long.txt --long {how} --json --layers 0");
        let outcome = place.line(&line).done();
        assert_eq!(outcome.stderr, expected);
        let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(json["rows"].as_array().unwrap().len(), rows, "{how}");
    }
}

#[test]
fn missing_models() {
    let place = Place::with_tiny();
    place.write("file", "x");
    for name in ["no-config", "no-weights", "only-pickle", "no-tokenizer"] {
        let folder = place.path(name);
        let mut model = tiny();
        model.files.remove("vocab.txt");
        model.write(&folder);
        if name != "no-tokenizer" {
            let gone = if name == "no-config" { "config.json" } else { "model.safetensors" };
            std::fs::remove_file(folder.join(gone)).unwrap();
        }
    }
    place.write("only-pickle/pytorch_model.bin", "x");
    let lines = [
        "explore --model ./absent river",
        "explore --model file river",
        "explore --model no-config river",
        "explore --model no-weights river",
        "explore --model only-pickle river",
        "explore --model no-tokenizer river",
        "explore --model org/name --offline river",
        "explore --model a/b/c --offline river",
        "explore --model ../../x --offline river",
        "explore --model '' --offline river",
        "explore --model nope.gguf river",
        "explore --model models/nope.safetensors river",
        "explore --model ~/nope river",
        "explore --model nope/ river",
        "explore --model nope --offline river",
        "explore --model bundled --revision main river",
        "explore --model tiny --revision main river",
    ];
    insta::assert_snapshot!(table(&place, &lines));
}

#[test]
fn a_hub_that_cannot_be_reached() {
    let place = Place::new();
    let outcome = place.line("explore --model org/name river");
    checked(&place, "unreachable", &outcome);
    assert_eq!(outcome.code, Some(5));
    assert!(outcome.stderr.contains("http://127.0.0.1:1/"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("cannot be reached"), "{}", outcome.stderr);
    let offline = place
        .finish(place.command(["explore", "--model", "org/name", "x"]).env("HF_HUB_OFFLINE", "1"));
    assert_eq!(offline.code, Some(3), "{}", offline.stderr);
}

/// A change to the tiny checkpoint.
type Change = fn(&mut Checkpoint);

fn tensor<'a>(model: &'a mut Checkpoint, end: &str) -> &'a mut Stored {
    model.tensors.iter_mut().find(|(name, _)| name.ends_with(end)).unwrap().1
}

/// Puts a value into a tensor.
fn put(model: &mut Checkpoint, end: &str, element: usize, value: f32) {
    tensor(model, end).bytes[element * 4..][..4].copy_from_slice(&value.to_le_bytes());
}

/// Changes the bytes of the weights file.
fn weights(model: &mut Checkpoint, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = model.all_files().remove("model.safetensors").unwrap();
    change(&mut bytes);
    model.files.insert("model.safetensors".to_owned(), bytes);
}

const CHANGES: &[(&str, Change)] = &[
    ("an unknown family", |m| m.config["model_type"] = "gpt_imaginary".into()),
    ("no family", |m| {
        m.config["model_type"] = Value::Null;
        m.config["architectures"] = json!(["Imaginary"]);
    }),
    ("a family that is a number", |m| m.config["model_type"] = 7.into()),
    ("a decoder", |m| m.config["is_decoder"] = true.into()),
    ("cross attention", |m| m.config["add_cross_attention"] = true.into()),
    ("an unknown activation", |m| m.config["hidden_act"] = "squish".into()),
    ("relative positions", |m| m.config["position_embedding_type"] = "relative_key".into()),
    ("heads that do not divide", |m| m.config["num_attention_heads"] = 5.into()),
    ("no heads", |m| m.config["num_attention_heads"] = 0.into()),
    ("a negative size", |m| m.config["hidden_size"] = (-24).into()),
    ("a fraction of a layer", |m| m.config["num_hidden_layers"] = 2.5.into()),
    ("no layers", |m| m.config["num_hidden_layers"] = 0.into()),
    ("absurdly many layers", |m| m.config["num_hidden_layers"] = 16_000_000.into()),
    ("absurdly many positions", |m| m.config["max_position_embeddings"] = u64::MAX.into()),
    ("an absurd width", |m| m.config["intermediate_size"] = (1u64 << 40).into()),
    ("one layer too many", |m| m.config["num_hidden_layers"] = 4.into()),
    ("one layer too few", |m| m.config["num_hidden_layers"] = 2.into()),
    ("an epsilon that is a text", |m| m.config["layer_norm_eps"] = "small".into()),
    ("a config that is a list", |m| m.config = json!([1, 2])),
    ("a config that is not JSON", |m| {
        m.files.insert("config.json".into(), b"{\"model_type\": \"bert\",".to_vec());
    }),
    ("a config that is not text", |m| {
        m.files.insert("config.json".into(), b"\xff\xfe\x00".to_vec());
    }),
    ("empty weights", |m| weights(m, Vec::clear)),
    ("weights cut in the length", |m| weights(m, |b| b.truncate(5))),
    ("weights cut in the header", |m| weights(m, |b| b.truncate(500))),
    ("weights cut in the data", |m| weights(m, |b| b.truncate(b.len() - 1))),
    ("weights with more at the end", |m| weights(m, |b| b.push(0))),
    ("a header that is not JSON", |m| weights(m, |b| b[8..40].fill(b'x'))),
    ("a header longer than memory", |m| weights(m, |b| b[..8].fill(0xff))),
    ("a pointer of a large-file store", |m| {
        let text = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
        m.files.insert("model.safetensors".into(), text.into());
    }),
    ("a missing tensor", |m| {
        m.tensors.retain(|name, _| !name.ends_with("layer.1.attention.self.key.weight"));
    }),
    ("a misshapen tensor", |m| {
        let bias = tensor(m, "layer.1.intermediate.dense.bias");
        bias.shape = vec![39];
        bias.bytes.truncate(39 * 4);
    }),
    ("a transposed tensor", |m| {
        tensor(m, "layer.1.intermediate.dense.weight").shape.reverse();
    }),
    ("NaN in the weights", |m| put(m, "layer.2.output.dense.weight", 17, f32::NAN)),
    ("an infinity in the weights", |m| put(m, "layer.0.output.dense.bias", 3, f32::NEG_INFINITY)),
    ("weights that overflow", |m| {
        put(m, "layer.0.output.LayerNorm.weight", 3, f32::MAX);
        put(m, "layer.0.output.LayerNorm.bias", 3, f32::MAX);
        put(m, "layer.1.intermediate.dense.weight", 3, f32::MAX);
    }),
    ("an unknown tensor", |m| {
        let stored = Stored { dtype: Dtype::F32, shape: vec![1], bytes: vec![0; 4] };
        m.tensors.insert("bert.encoder.layer.0.adapter.weight".into(), stored);
    }),
    ("whole numbers as weights", |m| {
        tensor(m, "layer.0.output.dense.bias").dtype = Dtype::I32;
    }),
    ("a tokenizer that is not JSON", |m| {
        m.files.insert("tokenizer.json".into(), b"{\"version\":".to_vec());
    }),
    ("a tokenizer of an unknown kind", |m| {
        m.files.insert("tokenizer.json".into(), b"{\"model\": {\"type\": \"Magic\"}}".to_vec());
    }),
    ("a vocabulary that is not text", |m| {
        m.files.insert("vocab.txt".into(), b"a\n\xff\n".to_vec());
    }),
    ("a vocabulary without special tokens", |m| {
        m.files.insert("vocab.txt".into(), b"river\nbank\n".to_vec());
    }),
    ("a tokenizer config that is not JSON", |m| {
        m.files.insert("tokenizer_config.json".into(), b"nonsense".to_vec());
    }),
    ("a token of the text beyond the embedding", |m| {
        let vocab = m.files.get_mut("vocab.txt").unwrap();
        let mut words = String::from_utf8(vocab.clone()).unwrap().replace("\nbank\n", "\n#\n");
        (0..2000).for_each(|token| words += &format!("token{token}\n"));
        *vocab = (words + "bank\n").into_bytes();
    }),
];

#[test]
fn models_that_are_broken() {
    let place = Place::new();
    let mut rows = String::new();
    for (what, change) in CHANGES {
        let mut model = tiny();
        change(&mut model);
        model.write(&place.path("broken"));
        write!(rows, "{what}\n  {}", refused(&place, "explore --model broken 'the river bank'"))
            .unwrap();
        std::fs::remove_dir_all(place.path("broken")).unwrap();
    }
    insta::assert_snapshot!(rows);
}

#[test]
fn shards_that_do_not_match_the_index() {
    let place = Place::new();
    let mut rows = String::new();
    for (what, index) in [
        ("no JSON", "{".to_owned()),
        ("no map", "{}".to_owned()),
        ("a path out of the folder", json!({"weight_map": {"a": "../x.safetensors"}}).to_string()),
        ("a pickle", json!({"weight_map": {"a": "x.bin"}}).to_string()),
        ("a missing shard", json!({"weight_map": {"a": "x-1.safetensors"}}).to_string()),
        ("no shards", json!({"weight_map": {}}).to_string()),
    ] {
        tiny().write(&place.path("sharded"));
        std::fs::remove_file(place.path("sharded/model.safetensors")).unwrap();
        place.write("sharded/model.safetensors.index.json", index);
        write!(rows, "{what}\n  {}", refused(&place, "explore --model sharded river")).unwrap();
    }
    insta::assert_snapshot!(rows);
}

#[test]
fn outputs_that_would_overwrite_or_cannot_be_written() {
    let place = Place::with_tiny();
    let explore = "explore --model tiny 'the river bank'";
    place.line(&format!("{explore} --output ours")).done();
    std::fs::create_dir(place.path("foreign")).unwrap();
    place.write("foreign/thesis.txt", "years of work");
    place.line(&format!("{explore} --output mixed")).done();
    place.write("mixed/thesis.txt", "years of work");
    std::fs::create_dir(place.path("forged")).unwrap();
    place.write("forged/manifest.json", "{\"tool\": \"other\", \"written\": [\"manifest.json\"]}");
    place.write("file", "x");
    place.write("there.safetensors", "x");
    let lines = [
        "explore --model tiny 'the river bank' --output ours",
        "explore --model tiny 'the river bank' --output foreign",
        "explore --model tiny 'the river bank' --output foreign --overwrite",
        "explore --model tiny 'the river bank' --output mixed --overwrite",
        "explore --model tiny 'the river bank' --output forged --overwrite",
        "explore --model tiny 'the river bank' --output file",
        "explore --model tiny 'the river bank' --output file --overwrite",
        "explore --model tiny 'the river bank' --output file/below",
        "explore --model tiny 'the river bank' --output file/below/deeper",
        "explore --model tiny 'the river bank' --output .",
        "explore --model tiny 'the river bank' --output ours/..",
        "extract --model tiny 'the river bank' --output there.safetensors",
        "extract --model tiny 'the river bank' --output absent/x.safetensors",
        "extract --model tiny 'the river bank' --output file/x.safetensors",
        "extract --model tiny 'the river bank' --output ours",
        "extract --model tiny 'the river bank' --output .safetensors",
    ];
    insta::assert_snapshot!(table(&place, &lines));
}

#[cfg(target_os = "linux")]
#[test]
fn folders_that_cannot_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with_tiny();
    let locked = place.path("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    // Nobody can create files in procfs. root can write to the locked folder.
    let mut folders = vec!["/proc"];
    if std::fs::write(locked.join("probe"), "x").is_err() {
        folders.push("locked");
    }
    for folder in folders {
        for output in ["out", "out.safetensors", "deeper/out"] {
            let command = if output.contains('.') { "extract" } else { "explore" };
            let line =
                format!("{command} --model tiny 'the river bank' --output {folder}/{output}");
            let said = refused(&place, &line);
            assert!(said.contains(folder), "{line}: {said}");
        }
    }
}

#[test]
fn wrong_command_lines() {
    let place = Place::with_tiny();
    for (line, said) in [
        ("", "Usage"),
        ("explore --wrong river", "--wrong"),
        ("explode river", "explode"),
        ("explore river --threads 0", "--threads"),
        ("explore river --threads many", "--threads"),
        ("explore river --seed=-1", "--seed"),
        ("explore river --metric taste", "cosine"),
        ("explore river --file x", "--file"),
        ("explore river --quiet --verbose", "--verbose"),
        ("explore river --from x.safetensors --model tiny", "--from"),
        ("explore river --axes layers,tokens", "each once"),
        ("explore river --tokenizer x", "--from"),
        ("explore river --output ''", "--output"),
        ("extract river", "--output"),
        ("extract river --output x.safetensors --sentences --words", "--words"),
        ("extract river --output x.safetensors --token-ids y", "--token-ids"),
    ] {
        let before = place.files("");
        let outcome = place.line(line);
        assert_eq!(outcome.code, Some(2), "{line}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{line}");
        assert!(outcome.stderr.contains(said), "{line}: {}", outcome.stderr);
        assert!(before == place.files(""), "{line}");
    }
}

/// The parts of a states file that another program can write.
struct States {
    tensors: Vec<(&'static str, Dtype, Vec<usize>, Vec<u8>)>,
    metadata: Option<String>,
}

impl States {
    /// Two layers, three rows, four dimensions.
    fn new() -> Self {
        let values = (0..24).flat_map(|v| (v as f32).sin().to_le_bytes()).collect();
        Self { tensors: vec![("hidden_states", Dtype::F32, vec![2, 3, 4], values)], metadata: None }
    }

    fn with(mut self, name: &'static str, shape: &[usize], values: &[i64]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.tensors.push((name, Dtype::I64, shape.to_vec(), bytes));
        self
    }

    fn metadata(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let mut metadata = json!({
            "format": 1, "tool": "stratoscope", "convention": "", "model": "m", "revision": null,
            "family": "f", "n_layers": 1, "unit": "token", "texts": [{"text": "a b c"}],
            "labels": ["a", "b", "c"], "text_ids": [0, 0, 0],
        });
        change(&mut metadata);
        self.metadata = Some(metadata.to_string());
        self
    }

    fn change(mut self, change: impl FnOnce(&mut (&str, Dtype, Vec<usize>, Vec<u8>))) -> Self {
        change(&mut self.tensors[0]);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let views = self.tensors.iter().map(|(name, dtype, shape, bytes)| {
            let view = safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes);
            (*name, view.unwrap())
        });
        let metadata = self.metadata.clone().map(|m| [("stratoscope".to_owned(), m)].into());
        safetensors::serialize(views.collect::<Vec<_>>(), metadata).unwrap()
    }
}

#[test]
fn inconsistent_states_files() {
    let place = Place::new();
    let whole = States::new().bytes();
    let mut absurd = whole.clone();
    absurd[..8].fill(0xff);
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("cut in the header", whole[..30].to_vec()),
        ("cut in the data", whole[..whole.len() - 1].to_vec()),
        ("a header longer than memory", absurd),
        ("a picture", b"\x89PNG\r\n\x1a\n".to_vec()),
        ("another tensor alone", States::new().change(|t| t.0 = "states").bytes()),
        (
            "NaN",
            States::new().change(|t| t.3[20..24].copy_from_slice(&f32::NAN.to_le_bytes())).bytes(),
        ),
        ("two dimensions", States::new().change(|t| t.2 = vec![6, 4]).bytes()),
        ("no layers", States::new().change(|t| (t.2, t.3) = (vec![0, 3, 4], Vec::new())).bytes()),
        ("whole numbers", States::new().change(|t| t.1 = Dtype::I32).bytes()),
        ("layers that descend", States::new().with("layers", &[2], &[3, 1]).bytes()),
        ("a negative layer", States::new().with("layers", &[2], &[-1, 1]).bytes()),
        ("an absurd layer", States::new().with("layers", &[2], &[0, i64::MAX]).bytes()),
        ("three names for two layers", States::new().with("layers", &[3], &[0, 1, 2]).bytes()),
        ("offsets beyond", States::new().with("sequence_offsets", &[2], &[0, 9]).bytes()),
        (
            "offsets that go back",
            States::new().with("sequence_offsets", &[4], &[0, 3, 1, 3]).bytes(),
        ),
        ("no offsets", States::new().with("sequence_offsets", &[0], &[]).bytes()),
        ("too few ids", States::new().with("input_ids", &[2], &[1, 2]).bytes()),
        (
            "places that go back",
            States::new()
                .with("char_offsets", &[3, 2], &[5, 2, 0, 1, 1, 2])
                .with("word_ids", &[3], &[0, 1, 2])
                .bytes(),
        ),
        (
            "a negative place",
            States::new().with("char_offsets", &[3, 2], &[-5, 2, 0, 1, 1, 2]).bytes(),
        ),
        ("a later format", States::new().metadata(|m| m["format"] = 2.into()).bytes()),
        ("metadata of another kind", States::new().metadata(|m| *m = json!([1])).bytes()),
        ("too few labels", States::new().metadata(|m| m["labels"] = json!(["a"])).bytes()),
        (
            "too many texts",
            States::new().metadata(|m| m["texts"] = json!([{"text": "a"}, {"text": "b"}])).bytes(),
        ),
        (
            "absurdly many layers",
            States::new().metadata(|m| m["n_layers"] = u64::MAX.into()).bytes(),
        ),
        (
            "more layers than the model",
            States::new().with("layers", &[2], &[0, 7]).metadata(|_| {}).bytes(),
        ),
    ];
    let mut rows = String::new();
    for (what, bytes) in files {
        place.write("bad.safetensors", bytes);
        let said = refused(
            &place,
            "explore -q --from bad.safetensors --axes layers,tokens,d --words --layers all",
        );
        write!(rows, "{what}\n  {said}").unwrap();
    }
    place.write("good.safetensors", whole);
    let lines = [
        "explore --from absent.safetensors",
        "explore --from good.safetensors",
        "explore -q --from good.safetensors --axes layers,tokens,d --layers 7",
        "explore -q --from good.safetensors --axes layers,tokens,d --words",
    ];
    rows.push_str(&table(&place, &lines));
    insta::assert_snapshot!(rows);
}
