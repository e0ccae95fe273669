//! `--from`: states in place of a model, of this program and of others (`tests/fixtures/elsewhere`).

use crate::command::{Place, number};
use crate::fixtures::{corpus, path};
use crate::npz::{Entry, npz};
use crate::profile::SMALL;
use crate::story::own_bank;
use serde_json::{Value, json};
use stratoscope::crates::extractor::read_states;
use stratoscope::{Activations, StatesReader};

const TEXTS: [&str; 2] = ["The bank lent him money.", "Déjà vu!"];

/// The path of a fixture as an argument.
fn fixture(name: &str) -> String {
    path(&format!("elsewhere/{name}")).display().to_string()
}

/// Compares all numbers of two JSON values of one form; other values must be equal.
fn close(a: &Value, b: &Value, tolerance: f64, at: &str) {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let keys = |of: &serde_json::Map<String, Value>| of.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(x), keys(y), "{at}");
            x.iter()
                .for_each(|(key, value)| close(value, &y[key], tolerance, &format!("{at}.{key}")));
        }
        (Value::Array(x), Value::Array(y)) => {
            assert_eq!(x.len(), y.len(), "{at}");
            x.iter().zip(y).for_each(|(x, y)| close(x, y, tolerance, at));
        }
        (Value::Number(_), Value::Number(_)) => {
            let (x, y) = (number(a), number(b));
            assert!((x - y).abs() <= tolerance * x.abs().max(1.0), "{at}: {x} {y}");
        }
        _ => assert_eq!(a, b, "{at}"),
    }
}

/// A padded batch of transformers in 16 bits gives what the program computes.
#[test]
fn a_batch_of_transformers_gives_the_figures_of_the_program() {
    let place = Place::new();
    let own = place.line(&format!("explore '{}' '{}' --json", TEXTS[0], TEXTS[1])).json();
    let line = format!("explore --from {} --json", fixture("transformers.npz"));
    let other = place.line(&line).done();
    assert!(
        other.stderr.contains("axes layers,batch,tokens,d (f16), 7 layers, 2 texts, 14 tokens"),
        "{}",
        other.stderr
    );
    let other: Value = serde_json::from_str(&other.stdout).unwrap();
    assert_eq!(
        (&other["model"], &other["family"]),
        (&json!("an unknown model"), &json!("unknown"))
    );
    let advice = other["story"]["not_measured"].as_str().unwrap();
    assert!(advice.contains("--write-texts"), "{advice}");
    let states = |name: &str, args: &str| {
        place.line(&format!("explore {args} --output {name}")).done();
        read_states(&place.path(&format!("{name}/states.safetensors"))).unwrap()
    };
    let ours = states("ours", &format!("'{}' '{}'", TEXTS[0], TEXTS[1]));
    let theirs = states("theirs", &format!("--from {}", fixture("transformers.npz")));
    assert_eq!(ours.rows, theirs.rows);
    assert_eq!(ours.texts, theirs.texts);
    let most = ours.hidden_states.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    for (a, b) in ours.hidden_states.iter().zip(&theirs.hidden_states) {
        assert!((a - b).abs() < 1e-3 * most, "{a} {b}");
    }
    // What the page and the JSON have of the layers.
    let strip = |json: &Value| -> Value {
        let layers = json["layers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|layer| json!([layer["to_layer_0"], layer["to_sentence"], layer["norm"]]));
        layers.collect()
    };
    close(&strip(&own), &strip(&other), 2e-3, "layers");
    assert!(!strip(&own)[1][2].is_null());
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(place.path("theirs/manifest.json")).unwrap())
            .unwrap();
    let model = &manifest["models"][0];
    assert_eq!((&model["dtype"], &model["device"]), (&json!("unknown"), &json!("unknown")));
    assert_eq!(model["read_as"], "layers,batch,tokens,d (f16)");
    let file = &model["files"][0];
    assert!(file["name"].as_str().unwrap().ends_with("transformers.npz"), "{manifest}");
    assert_eq!(file["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn ids_of_vllm_and_a_tokenizer_are_enough() {
    let place = Place::new();
    let tokenizer = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/bundled/model");
    let file = fixture("vllm.safetensors");
    let line = format!(
        "explore '{}' --from {file} --from-layers 0,3,6 --tokenizer {tokenizer} --from-model org/m --output out",
        TEXTS[0]
    );
    let said = place.line(&line).done().stderr;
    assert!(said.contains("axes tokens,layers,d (bf16), 3 layers, 1 text, 8 tokens"), "{said}");
    let states = read_states(&place.path("out/states.safetensors")).unwrap();
    assert_eq!((&states.layers, states.origin.model.as_str()), (&vec![0, 3, 6], "org/m"));
    let whole = read_states(path("elsewhere/transformers.npz").as_ref()).unwrap();
    assert_eq!(states.rows, whole.rows[..8]);
    for (place, layer) in [0, 3, 6].into_iter().enumerate() {
        for (a, b) in states.layer(place).iter().zip(whole.layer(layer)) {
            assert!((a - b).abs() <= 0.01 * b.abs().max(0.1), "{a} {b}");
        }
    }
    // Without texts they are put together, and without a tokenizer the ids are the labels.
    place.line(&format!("explore --from {file} --tokenizer {tokenizer} --output put")).done();
    let put = read_states(&place.path("put/states.safetensors")).unwrap();
    assert_eq!(put.texts[0].text, "the bank lent him money .");
    place.line(&format!("explore --from {file} --output ids")).done();
    let ids = read_states(&place.path("ids/states.safetensors")).unwrap();
    assert_eq!((ids.rows[0].label.as_str(), ids.texts[0].text.as_str()), ("#101", ""));
    let other = place
        .line(&format!("explore 'The bank lent her money.' --from {file} --tokenizer {tokenizer}"));
    assert_eq!(other.code, Some(4));
    assert!(other.stderr.contains("text 1, token 5: the tokenizer gives id"), "{}", other.stderr);
}

#[test]
fn fortran_order_is_read_and_what_cannot_be_read_is_refused_by_name() {
    let read =
        |name: &str| StatesReader::default().read(path(&format!("elsewhere/{name}")).as_ref());
    let (whole, part) = (read("transformers.npz").unwrap(), read("fortran.npz").unwrap());
    assert_eq!(part.hidden_states.dim(), (2, 8, 8));
    let rows = part.rows.iter().cloned().zip(&whole.rows);
    for (mut row, other) in rows {
        assert_eq!(row.token_id, None);
        row.token_id = other.token_id;
        assert_eq!(row, *other);
    }
    for (a, b) in part.layer(1).iter().zip(whole.layer(6).slice(ndarray::s![..8, ..8])) {
        assert!((a - b).abs() < 1e-3, "{a} {b}");
    }
    for (name, said) in [
        ("objects.npz", "tokens is an array of Python objects, a pickle, which is never read"),
        ("big_endian.npz", "hidden_states is big-endian (>f4)"),
    ] {
        let error = read(name).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

/// The entries of an npz file with the states of this program: `[tokens, layers, d]` and what another
/// program knows of the tokens.
fn foreign(states: &Activations) -> Vec<Entry> {
    let (layers, rows, d) = states.hidden_states.dim();
    let values = (0..rows).flat_map(|row| (0..layers).map(move |layer| (row, layer)));
    let values = values.flat_map(|(row, layer)| (0..d).map(move |d| [layer, row, d]));
    let values = values.flat_map(|at| states.hidden_states[at].to_le_bytes()).collect();
    let numbers =
        |of: &dyn Fn(usize) -> i64| (0..rows).flat_map(|row| of(row).to_le_bytes()).collect();
    let offsets: Vec<u8> = states
        .rows
        .iter()
        .flat_map(|row| row.char_offsets)
        .flat_map(|at| (at as i64).to_le_bytes())
        .collect();
    let starts: Vec<u8> =
        states.sequence_offsets().iter().flat_map(|at| (*at as i64).to_le_bytes()).collect();
    let texts = states.texts.len();
    vec![
        Entry::new("hidden_states", "<f4", &[rows, layers, d], values),
        Entry::new(
            "token_ids",
            "<i8",
            &[rows],
            numbers(&|row| i64::from(states.rows[row].token_id.unwrap())),
        ),
        Entry::new("offsets", "<i8", &[rows, 2], offsets),
        Entry::new("special", "<i8", &[rows], numbers(&|row| i64::from(states.rows[row].special))),
        Entry::new("sequence_offsets", "<i8", &[texts + 1], starts),
    ]
}

#[test]
fn geometry_and_probes_of_states_equal_those_of_their_model() {
    let place = Place::with_tiny();
    place.write("own.conllu", corpus());
    place.write(
        "task.tsv",
        "text\tlabel\nthe river bank\ta\nthe loan\tb\nthe bank\ta\na river\tb\nthe old loan\ta\n",
    );
    place.line("extract --model tiny --file own.conllu --output s.safetensors").done();
    place.line("extract --model tiny --file own.conllu --output s.npz").done();
    place.line("extract --model tiny --file own.conllu --output shards").done();
    place.line("extract --model tiny --file task.tsv --output task.safetensors").done();
    let same = |line: &str, from: &str| {
        let model = place.line(&format!("{line} --model tiny")).done();
        let states = place.line(&format!("{line} --from {from}")).done();
        assert!(model.stdout == states.stdout, "{line} --from {from}");
        assert!(model.stdout.len() > 1000);
    };
    let geometry = "geometry --file own.conllu --sample 90 --json";
    same(geometry, "s.safetensors");
    same(geometry, "s.npz");
    same(geometry, "shards");
    same(
        "probe --corpus own.conllu --label upos --strength 0.1 --control --mdl --mix --json",
        "s.safetensors",
    );
    same("probe --corpus own.conllu --structural --layers 1,3 --json", "s.npz");
    same("probe --tsv task.tsv --strength 0.1 --pooling mean --json", "task.safetensors");

    // The states as another program has them.
    let states = read_states(&place.path("s.safetensors")).unwrap();
    place.write("other.npz", npz(&foreign(&states), true));
    let model = place.line(&format!("{geometry} --model tiny")).json();
    let other = place.line(&format!("{geometry} --from other.npz")).json();
    for key in ["input", "counts", "layers", "cka", "rsa", "neighbour_change"] {
        assert_eq!(model[key], other[key], "{key}");
    }
    // A part of the layers keeps its numbers.
    place
        .line("extract --model tiny --file own.conllu --layers 1,3 --output part.safetensors")
        .done();
    let part = place.line(&format!("{geometry} --from part.safetensors")).json();
    assert_eq!(part["layers"][1]["layer"], 3);
    assert_eq!(part["layers"][1]["norm"], model["layers"][3]["norm"]);
    assert_eq!(
        (&part["cka"]["row_layers"], &part["neighbour_change"][0]["to"]),
        (&json!([1, 3]), &json!(3))
    );

    for (line, code, said) in [
        (
            "geometry --file task.tsv --from s.safetensors",
            4,
            "is not among the texts of the states",
        ),
        ("geometry --file task.tsv --from other.npz", 4, "sequences of tokens"),
        ("geometry --file own.conllu --from s.safetensors --model tiny", 2, "--model"),
        ("geometry --file own.conllu --axes layers,tokens,d", 2, "--from"),
        (
            "geometry --file own.conllu --from s.safetensors --axes tokens,layers,d",
            4,
            "a file of this program",
        ),
        (
            "probe --corpus own.conllu --label upos --from part.safetensors --layers 2",
            4,
            "do not have layer 2",
        ),
        (
            "probe --corpus own.conllu --label upos --from s.safetensors --random-weights",
            2,
            "--random-weights",
        ),
        ("probe --tsv task.tsv --from other.npz --save p.probe", 4, "sequences of tokens"),
        ("profile --from part.safetensors", 4, "do not have layer 0"),
        ("profile --from s.safetensors", 4, "is not among the texts of the states"),
        ("explore --from other.npz the", 4, "of the 1 given texts 1 are left"),
        ("explore --from s.safetensors 'another text'", 4, "they are of 60 texts, and 1 are given"),
    ] {
        let outcome = place.line(line);
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(said), "{line}: {}", outcome.stderr);
    }
}

#[test]
fn a_profile_of_states_that_were_computed_elsewhere_equals_that_of_the_model() {
    let place = Place::with_tiny();
    place.write("bank.conllu", own_bank(12));
    place.write("s.txt", SMALL);
    let of = "--bank bank.conllu --stimuli s.txt";
    let model = place.line(&format!("profile --model tiny {of} --json")).json();
    for name in ["texts.tsv", "texts.jsonl", "texts.txt"] {
        let said = place.line(&format!("profile {of} --write-texts {name}")).done();
        assert!(
            said.stderr.starts_with(&format!("{name}: ")) && said.stdout.is_empty(),
            "{said:?}"
        );
    }
    let written = std::fs::read_to_string(place.path("texts.tsv")).unwrap();
    assert!(written.starts_with("id\ttext\nbank-1\tdogs see cats often\n"), "{written}");
    assert!(written.contains("\ncrossed-1\t"), "{written}");
    let twice = place.line(&format!("profile {of} --write-texts texts.tsv"));
    assert_eq!(twice.code, Some(2), "{}", twice.stderr);
    let mut all = Vec::new();
    for name in ["texts.tsv", "texts.jsonl", "texts.txt"] {
        place
            .line(&format!("extract --model tiny --file {name} --output {name}.safetensors"))
            .done();
        all.push(place.line(&format!("profile {of} --from {name}.safetensors --json")).json());
    }
    let states = read_states(&place.path("texts.tsv.safetensors")).unwrap();
    place.write("other.npz", npz(&foreign(&states), false));
    all.push(
        place.line(&format!("profile {of} --from other.npz --axes tokens,layers,d --json")).json(),
    );
    for (index, found) in all.iter().enumerate() {
        for key in ["bank", "seed", "resamples", "layers"] {
            assert_eq!(model[key], found[key], "{index} {key}");
        }
        for key in ["target", "carrier", "standardised", "position_removed", "stimuli"] {
            assert_eq!(model["crossed"][key], found["crossed"][key], "{index} {key}");
        }
        assert_eq!(found["random_weights"], json!([]), "{index}");
    }
    assert_eq!(model["model"], all[0]["model"]);
    assert_eq!(model["crossed"]["balance"], all[0]["crossed"]["balance"]);
    assert_eq!(all[3]["model"]["model"], "an unknown model");
    assert_ne!(model["random_weights"], json!([]));
    // The page and the summary name what is left out.
    let shown = place.line(&format!("profile {of} --from other.npz --output out")).done().stdout;
    assert!(
        shown.contains(
            "omitted: the curves of random weights (it needs the model, and only states are given)"
        ),
        "{shown}"
    );
    let captions = std::fs::read_to_string(place.path("out/captions.md")).unwrap();
    assert!(!captions.contains("random weights"), "{captions}");
    let broken = place.line(&format!("profile {of} --write-texts a.csv"));
    assert_eq!(broken.code, Some(2), "{}", broken.stderr);
}

#[test]
fn files_of_one_text_each_are_read_in_the_order_of_their_names() {
    let place = Place::with_tiny();
    place.line("extract --model tiny 'the river' --output a.safetensors").done();
    place.line("extract --model tiny 'a loan' --output b.safetensors").done();
    std::fs::create_dir(place.path("many")).unwrap();
    for (name, from) in [("10", "b.safetensors"), ("9", "a.safetensors")] {
        let states = read_states(&place.path(from)).unwrap();
        place.write(&format!("many/{name}.npz"), npz(&foreign(&states), false));
    }
    let axes = "--axes tokens,layers,d";
    place.line(&format!("explore 'the river' 'a loan' --from many {axes} --output out")).done();
    let read = read_states(&place.path("out/states.safetensors")).unwrap();
    let texts: Vec<&str> = read.texts.iter().map(|text| text.text.as_str()).collect();
    assert_eq!(texts, ["the river", "a loan"]);
    let one = read_states(&place.path("b.safetensors")).unwrap();
    let second = read.sequence_offsets()[1];
    assert_eq!(read.layer(2).slice(ndarray::s![second.., ..]), one.layer(2));
    let few = place.line(&format!("explore 'the river' --from many {axes}"));
    assert!(few.stderr.contains("of the 1 given texts 0 are left"), "{}", few.stderr);
    let none = place.line("explore --from home");
    assert_eq!(none.code, Some(4), "{}", none.stderr);
}

#[test]
fn hostile_arrays_are_refused_by_name() {
    let place = Place::new();
    let floats =
        |n: usize| (0..n).flat_map(|v| (v as f32).sin().to_le_bytes()).collect::<Vec<u8>>();
    let states = || Entry::new("hidden_states", "<f4", &[2, 3, 4], floats(24));
    let ids = |n: usize| Entry::new("token_ids", "<i8", &[n], vec![0; 8 * n]);
    let letters = |texts: &[&str]| -> Vec<u8> {
        let padded =
            |text: &str| text.chars().chain(std::iter::repeat('\0')).take(4).collect::<Vec<_>>();
        texts.iter().flat_map(|t| padded(t)).flat_map(|c| u32::from(c).to_le_bytes()).collect()
    };
    let tokens = |texts: &[&str]| Entry::new("tokens", "<U4", &[texts.len()], letters(texts));
    let mut infinite = states();
    infinite.bytes[20..24].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let padded = || Entry::new("hidden_states", "<f4", &[2, 2, 3, 2], floats(24));
    let mask = |n: usize| Entry::new("attention_mask", "|b1", &[2, n], vec![1; 2 * n]);
    let cases: Vec<(Vec<Entry>, &str)> = vec![
        (vec![ids(3)], "it has no hidden_states"),
        (
            vec![states()],
            "no other array tells layers and tokens apart: name the order with --axes",
        ),
        (vec![states(), ids(5)], "which does not fit the other arrays (tokens 5)"),
        (
            vec![Entry::new("hidden_states", "<f4", &[6, 4], floats(24)), ids(6)],
            "layers, tokens and d_model are expected",
        ),
        (vec![infinite, ids(3)], "hidden_states holds inf in layer 0, token 1"),
        (
            vec![
                Entry::new(
                    "hidden_states",
                    "<f8",
                    &[1, 2, 1],
                    [1e300f64, 0.0].iter().flat_map(|v| v.to_le_bytes()).collect(),
                ),
                ids(2),
            ],
            "holds inf",
        ),
        (
            vec![Entry::new("hidden_states", "<i4", &[2, 3, 4], floats(24)), ids(3)],
            "hidden_states has integers, not floats",
        ),
        (
            vec![Entry::new("hidden_states", "|V2", &[2, 3, 4], floats(12)), ids(3)],
            "as numpy saves bfloat16",
        ),
        (
            vec![Entry::new("hidden_states", "<c8", &[2, 3, 2], floats(24)), ids(3)],
            "has the type \"<c8\"",
        ),
        (
            vec![Entry::new("hidden_states", "<f4", &[2, 3, 5], floats(24)), ids(3)],
            "its shape [2, 3, 5] needs 120",
        ),
        (
            vec![Entry::new("hidden_states", "<f4", &[usize::MAX, 3, 4], floats(24)), ids(3)],
            "impossible shape",
        ),
        (
            vec![Entry::new("hidden_states", "<f4", &[1 << 20, 3, 1 << 20], floats(24)), ids(3)],
            "hidden_states has",
        ),
        (
            vec![states(), ids(3), Entry::new("input_ids", "<i8", &[3], vec![0; 24])],
            "it has both token_ids and input_ids",
        ),
        (
            vec![states(), Entry::new("token_ids", "<i8", &[3], vec![0xFF; 24])],
            "token_ids has the negative number -1",
        ),
        (vec![states(), Entry::new("token_ids", "<u8", &[3], vec![0xFF; 24])], "beyond 2⁶³"),
        (
            vec![states(), Entry::new("token_ids", "<f8", &[3], vec![0; 24])],
            "token_ids has f64, not integers",
        ),
        (
            vec![states(), ids(3), Entry::new("offsets", "<i8", &[3, 3], vec![0; 72])],
            "not start and end of each token",
        ),
        (
            vec![
                states(),
                tokens(&["a", "b", "c"]),
                Entry::new("text", "<U4", &[], letters(&["a b"])),
            ],
            "text 1: token 3 (\"c\") does not stand in the text",
        ),
        (
            vec![states(), ids(3), Entry::new("texts", "<U4", &[2], letters(&["a", "b"]))],
            "there are 2 texts for 1 sequences",
        ),
        (
            vec![
                states(),
                ids(3),
                Entry::new(
                    "layers",
                    "<i8",
                    &[2],
                    [3i64, 1].iter().flat_map(|v| v.to_le_bytes()).collect(),
                ),
            ],
            "its layers do not ascend",
        ),
        (
            vec![padded(), Entry::new("token_ids", "<i8", &[2, 3], vec![0; 48])],
            "hidden_states is [2 × 2 × 3 × 2]",
        ),
        (vec![padded(), mask(4)], "which does not fit"),
    ];
    for (entries, said) in cases {
        for deflated in [false, true] {
            place.write("bad.npz", npz(&entries, deflated));
            let outcome = place.line("explore --from bad.npz");
            assert_eq!(outcome.code, Some(4), "{said}: {}", outcome.stderr);
            assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
            assert!(outcome.stderr.contains("bad.npz"), "{}", outcome.stderr);
        }
    }
    // Few bytes that claim to be many, as a bomb does, and a damaged value.
    let mut bomb =
        vec![Entry::new("hidden_states", "<f4", &[64, 1024, 1024], vec![0; 1 << 16]), ids(1024)];
    place.write("bomb.npz", npz(&bomb, true));
    let said = place.line("explore --from bomb.npz").stderr;
    assert!(said.contains("and far fewer bytes"), "{said}");
    bomb[0] = states();
    bomb[1] = ids(3);
    let mut damaged = npz(&bomb, false);
    let at = damaged.windows(4).position(|four| four == 1f32.sin().to_le_bytes()).unwrap();
    damaged[at] ^= 1;
    place.write("damaged.npz", damaged);
    let said = place.line("explore --from damaged.npz").stderr;
    assert!(said.contains("hidden_states is damaged: its checksum differs"), "{said}");
    // With --axes, the same states are read.
    place.write("good.npz", npz(&[states()], true));
    place.line("explore --from good.npz --axes layers,tokens,d --output out").done();
    let read = read_states(&place.path("out/states.safetensors")).unwrap();
    assert_eq!(read.hidden_states[[1, 2, 3]], 23f32.sin());
}
