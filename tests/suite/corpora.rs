//! Corpora through `extract`: shards, interruptions, and refused output folders.

use crate::command::{Generator, Place, tiny};
use crate::fixtures::load;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;
use stratoscope::crates::extractor::{
    Corpus, CorpusSettings, CorpusStep, Format, ReadOptions, Start, extract, extract_corpus,
    prepare, read_states,
};
use stratoscope::{Activations, HookSelection, LayerSelection, LongText, Pooling, Unit};
use stratoscope_loader::Model;

/// Lines of words for which the tiny model has tokens.
pub(crate) fn lines(n: usize) -> String {
    const WORDS: [&str; 8] =
        ["the", "riverbank", "refused", "loans", "seal", "unhappily", "bridge", "walked"];
    let line = |i: usize| {
        let words = (0..3 + i % 11).map(|w| WORDS[(i * 7 + w * (1 + i % 5)) % WORDS.len()]);
        words.collect::<Vec<_>>().join(" ")
    };
    (0..n).map(|i| line(i) + "\n").collect()
}

pub(crate) fn model() -> Model {
    load(&tiny().source()).unwrap()
}

pub(crate) fn settings(shard_bytes: u64) -> CorpusSettings {
    CorpusSettings { shard_bytes, ..CorpusSettings::default() }
}

pub(crate) fn file(place: &Place, name: &str) -> Corpus {
    Corpus::File { path: place.path(name), options: ReadOptions::default() }
}

/// Runs an extraction with the library. Returns whether there was work to do.
pub(crate) fn run(
    model: &Model,
    corpus: &Corpus,
    settings: &CorpusSettings,
    folder: &Path,
    start: Start,
) -> bool {
    extract_corpus(model, corpus, settings, folder, start, &mut |_| {}).unwrap().is_some()
}

fn with_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

pub(crate) fn index(place: &Place, folder: &str) -> Value {
    let bytes = std::fs::read(place.path(folder).join("index.json")).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

pub(crate) fn shards(place: &Place, folder: &str) -> Vec<Activations> {
    let index = index(place, folder);
    let shards = index["shards"].as_array().unwrap().iter();
    shards
        .map(|s| read_states(&place.path(folder).join(s["file"].as_str().unwrap())).unwrap())
        .collect()
}

/// The states of a corpus, computed in memory.
pub(crate) fn in_memory(model: &Model, corpus: &Corpus, unit: Unit) -> Activations {
    let texts = corpus.read_all(None, 0).unwrap().items;
    let prepared = prepare(model, texts, LongText::Refuse).unwrap();
    let hooks = HookSelection::default();
    let states = extract(model, prepared, &LayerSelection::All, &hooks, &mut |_| {}).unwrap();
    states.pooled(unit, Pooling::Mean).unwrap()
}

#[test]
fn shards_are_the_states_of_one_run_on_any_number_of_threads() {
    let (place, model) = (Place::new(), model());
    place.write("corpus.txt", lines(200));
    let corpus = file(&place, "corpus.txt");
    for unit in [Unit::Token, Unit::Word, Unit::Sentence] {
        let bytes = if unit == Unit::Sentence { 20_000 } else { 100_000 };
        let settings = CorpusSettings { unit, ..settings(bytes) };
        let mut all = Vec::new();
        for threads in [1, 2, 3] {
            let name = format!("{unit:?}{threads}");
            let folder = place.path(&name);
            with_threads(threads, || run(&model, &corpus, &settings, &folder, Start::New));
            all.push(place.files(&name));
        }
        assert!(all[0] == all[1] && all[0] == all[2], "{unit:?}");
        let shards = shards(&place, &format!("{unit:?}1"));
        assert!(shards.len() > 2, "{}", shards.len());
        let whole = in_memory(&model, &corpus, unit);
        let (mut row, mut text) = (0, 0);
        for shard in &shards {
            let size = (shard.hidden_states.len() * 4) as u64;
            assert!(size <= bytes, "{size}");
            let rows = row..row + shard.rows.len();
            let expected = whole.hidden_states.slice(ndarray::s![.., rows.clone(), ..]);
            assert!(shard.hidden_states == expected, "{unit:?}, rows {rows:?}");
            assert_eq!(shard.texts, whole.texts[text..text + shard.texts.len()]);
            for (own, theirs) in shard.rows.iter().zip(&whole.rows[rows.clone()]) {
                assert_eq!((&own.label, own.sequence + text), (&theirs.label, theirs.sequence));
                assert_eq!(own.char_offsets, theirs.char_offsets);
            }
            (row, text) = (rows.end, text + shard.texts.len());
        }
        assert_eq!((row, text), (whole.rows.len(), 200));
    }
}

#[test]
fn a_resumed_run_gives_the_same_bytes() {
    let (place, model) = (Place::new(), model());
    place.write("corpus.txt", lines(60));
    let (corpus, settings) = (file(&place, "corpus.txt"), settings(40_000));
    let folder = place.path("out");
    run(&model, &corpus, &settings, &folder, Start::New);
    let whole = place.files("out");
    let index = index(&place, "out");
    // The journal as it was before the index was written.
    let mut journal = format!("{}\n", json!({ "run": index["run"] }));
    let first_line = journal.len();
    for (number, shard) in index["shards"].as_array().unwrap().iter().enumerate() {
        let (file, bytes, sha256) = (&shard["file"], &shard["bytes"], &shard["sha256"]);
        let line = json!({ "shard": number, "file": file, "bytes": bytes, "sha256": sha256 });
        writeln!(journal, "{line}").unwrap();
    }
    let shards = whole.len() - 1;
    assert!(shards >= 4, "{shards}");
    let mut random = Generator::new(1);
    let resumed = |before: &str| {
        assert!(run(&model, &corpus, &settings, &folder, Start::Resume), "{before}");
        assert!(place.files("out") == whole, "{before}: {:?}", place.files("out").keys());
        assert!(!run(&model, &corpus, &settings, &folder, Start::Resume), "{before}");
    };
    // The journal is cut in the first line, at its end, and at many places after it.
    let cuts = [0, 1, first_line / 2, first_line - 1, first_line, first_line + 1];
    let others = (first_line..=journal.len()).step_by(37);
    for cut in cuts.into_iter().chain(others) {
        std::fs::remove_file(folder.join("index.json")).unwrap();
        place.write("out/journal.jsonl", &journal[..cut]);
        place.write("out/00000.safetensors.part", "half of it");
        // One shard is missing, and one is damaged.
        let (gone, damaged) = (random.below(shards), random.below(shards));
        std::fs::remove_file(folder.join(format!("{gone:05}.safetensors"))).unwrap();
        let path = folder.join(format!("{damaged:05}.safetensors"));
        if let Ok(mut bytes) = std::fs::read(&path) {
            let at = random.below(bytes.len());
            bytes[at] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }
        resumed(&format!("cut at {cut}"));
    }
    // Interrupted between writing the index and removing the journal; and a finished run without
    // one shard.
    place.write("out/journal.jsonl", &journal);
    assert!(!run(&model, &corpus, &settings, &folder, Start::Resume));
    assert!(place.files("out") == whole);
    std::fs::remove_file(folder.join("00001.safetensors")).unwrap();
    resumed("a missing shard");
    // An interrupted replacement of another extraction: its journal and the old files are there.
    let other = CorpusSettings { layers: "0,2".parse().unwrap(), ..settings.clone() };
    let elsewhere = place.path("other");
    run(&model, &corpus, &other, &elsewhere, Start::New);
    let journal = format!("{}\n", json!({ "run": self::index(&place, "other")["run"] }));
    place.write("out/journal.jsonl", journal);
    run(&model, &corpus, &other, &folder, Start::Resume);
    assert!(place.files("out") == place.files("other"));
}

/// Hook points with which a shard of 1 MiB has a few hundred tokens.
pub(crate) const MANY_HOOKS: &str = "blocks.*.hook_resid_pre,blocks.*.hook_resid_post,blocks.*.hook_mlp_out,\
                          blocks.*.hook_attn_out,blocks.*.attn.hook_v";

#[test]
fn a_killed_program_resumes_to_the_same_bytes() {
    let place = Place::with_tiny();
    place.write("corpus.txt", lines(400));
    let args = |folder: &'static str, more: &'static str| {
        let line = "extract --model tiny --file corpus.txt --shard-mib 1 --quiet --output";
        let args = line.split_whitespace().chain([folder, "--hooks", MANY_HOOKS]);
        place.command(args.chain(more.split_whitespace()))
    };
    assert!(args("whole", "").status().unwrap().success());
    let whole = place.files("whole");
    assert!(whole.len() > 4, "{:?}", whole.keys());
    let mut random = Generator::new(u64::from(std::process::id()));
    for attempt in 0..8 {
        let mut child = args("out", "--resume").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 + random.below(60 * (attempt + 1)) as u64));
        // The program may already have ended.
        let _ = child.kill();
        child.wait().unwrap();
        println!("{:?}", place.files("out").keys());
    }
    let outcome = args("out", "--resume").output().unwrap();
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    assert!(place.files("out") == whole);
}

/// A line of CoNLL-U.
fn word(id: &str, form: &str, misc: &str) -> String {
    format!("{id}\t{form}\t_\t_\t_\t_\t_\t_\t_\t{misc}\n")
}

#[test]
fn annotated_words_are_pooled_from_all_tokens_that_share_characters() {
    let (place, model) = (Place::new(), model());
    let sentence = [
        "# sent_id = s1\n# text = The riverbanks don't sleep\u{200b}.\n".to_owned(),
        word("1", "The", "_"),
        // The corpus and the tokenizer have different boundaries here.
        word("2", "river", "SpaceAfter=No"),
        word("3", "banks", "_"),
        word("4-5", "don't", "_"),
        word("4", "do", "_"),
        word("5", "n't", "_"),
        word("6", "sleep", "SpaceAfter=No"),
        word("7", "\u{200b}", "SpaceAfter=No"),
        word("8", ".", "_"),
    ]
    .concat();
    place.write("c.conllu", format!("{sentence}\n{}\n", word("1", "Yes", "_")));
    let corpus = file(&place, "c.conllu");
    let tokens = in_memory(&model, &corpus, Unit::Token);
    let words = in_memory(&model, &corpus, Unit::Word);
    assert_eq!(tokens.texts[0].sent_id.as_deref(), Some("s1"));
    let shown: Vec<_> = words.rows.iter().map(|r| (r.label.as_str(), r.word_id.unwrap())).collect();
    let expected = [
        ("The", 0),
        ("river", 1),
        ("banks", 2),
        ("do", 3),
        ("n't", 4),
        ("sleep", 5),
        (".", 7),
        ("Yes", 0),
    ];
    assert_eq!(shown, expected);
    assert_eq!(words.words_without_rows(), 1);
    for word in &words.rows {
        let [start, end] = word.char_offsets;
        let own: Vec<usize> = (0..tokens.rows.len())
            .filter(|&t| {
                let row = &tokens.rows[t];
                let [from, to] = row.char_offsets;
                row.sequence == word.sequence && !row.special && from < end && to > start
            })
            .collect();
        assert!(!own.is_empty());
        let at = words.rows.iter().position(|row| row == word).unwrap();
        for layer in 0..tokens.layers.len() {
            for d in 0..tokens.d_model() {
                let sum: f64 = own.iter().map(|&t| f64::from(tokens.layer(layer)[[t, d]])).sum();
                let (mean, found) = (sum / own.len() as f64, words.layer(layer)[[at, d]]);
                assert!((mean - f64::from(found)).abs() < 1e-6, "{}", word.label);
            }
        }
    }
    // Each token belongs to the word with which it shares the most characters.
    let of = |label: &str| tokens.rows.iter().find(|r| r.label.trim_start_matches('#') == label);
    assert_eq!(of("the").or(of("The")).unwrap().word_id, Some(0));
    assert_eq!(of(".").unwrap().word_id, Some(7));
    // The program gives the same states, and warns about a word without a row.
    tiny().write(&place.path("tiny"));
    let line = "extract --model tiny --file c.conllu --words --output";
    let one = place.line(&format!("{line} one.safetensors")).done();
    assert!(one.stderr.contains("warning: 1 word has no row"), "{}", one.stderr);
    let folder = place.line(&format!("{line} out")).done();
    assert!(folder.stderr.contains("warning: 1 word has no row"), "{}", folder.stderr);
    let read = read_states(&place.path("out/00000.safetensors")).unwrap();
    assert_eq!(read.hidden_states, words.hidden_states);
    assert_eq!(read.texts, words.texts);
}

#[test]
fn windows_of_long_texts_equal_those_in_memory() {
    let (place, model) = (Place::new(), model());
    let long = format!("{}\n", lines(9).replace('\n', " ").repeat(4));
    place.write("corpus.txt", lines(7) + &long + &lines(3));
    let corpus = file(&place, "corpus.txt");
    let settings = CorpusSettings { limit: LongText::Window.into(), ..settings(20_000) };
    let mut warnings = 0;
    let mut seen = |step: CorpusStep<'_>| {
        if let CorpusStep::Counted(plan) = step {
            warnings = plan.warnings.len();
        }
    };
    let folder = place.path("out");
    extract_corpus(&model, &corpus, &settings, &folder, Start::New, &mut seen).unwrap();
    assert_eq!(warnings, 1);
    let texts = corpus.read_all(None, 0).unwrap().items;
    let prepared = prepare(&model, texts, LongText::Window).unwrap();
    let none = HookSelection::default();
    let whole = extract(&model, prepared, &LayerSelection::All, &none, &mut |_| {}).unwrap();
    let mut row = 0;
    for shard in shards(&place, "out") {
        let rows = row..row + shard.rows.len();
        assert!(
            shard.hidden_states == whole.hidden_states.slice(ndarray::s![.., rows.clone(), ..])
        );
        row = rows.end;
    }
    assert_eq!(row, whole.rows.len());
}

#[test]
fn a_sample_is_seeded_and_keeps_the_order() {
    let (place, model) = (Place::new(), model());
    place.write("corpus.txt", format!("\n{}", lines(50)));
    let corpus = file(&place, "corpus.txt");
    let drawn = |seed: u64, name: &str| -> Vec<usize> {
        let settings = CorpusSettings { sample: Some(7), seed, ..settings(1 << 20) };
        run(&model, &corpus, &settings, &place.path(name), Start::New);
        shards(&place, name).iter().flat_map(|s| &s.texts).map(|t| t.line.unwrap()).collect()
    };
    let first = drawn(0, "a");
    assert!(first.len() == 7 && first.is_sorted(), "{first:?}");
    assert_eq!(first, drawn(0, "b"));
    assert_ne!(first, drawn(1, "c"));
    let again = corpus.read_all(Some(7), 0).unwrap().items;
    assert_eq!(first, again.iter().map(|t| t.line.unwrap()).collect::<Vec<_>>());
}

#[test]
fn all_formats_have_the_same_states() {
    let (place, model) = (Place::new(), model());
    place.write("a.jsonl", "{\"text\": \"the river\"}\n{}\n");
    place.write(
        "b.jsonl",
        lines(30).lines().fold(String::new(), |mut all, line| {
            writeln!(all, "{}", json!({ "id": 1, "text": line })).unwrap();
            all
        }),
    );
    place.write("b.txt", lines(30));
    let states = |name: &str, format, half| {
        let settings = CorpusSettings { format, half, ..settings(1 << 20) };
        let folder = format!("{name}-{format:?}-{half}");
        run(&model, &file(&place, name), &settings, &place.path(&folder), Start::New);
        folder
    };
    let whole = in_memory(&model, &file(&place, "b.txt"), Unit::Token);
    let json = shards(&place, &states("b.jsonl", Format::Safetensors, false));
    assert_eq!(json[0].hidden_states, whole.hidden_states);
    let half = shards(&place, &states("b.txt", Format::Safetensors, true));
    let nearest = whole.hidden_states.mapv(|v| half::f16::from_f32(v).to_f32());
    assert_eq!(half[0].hidden_states, nearest);
    let npz = states("b.txt", Format::Npz, false);
    let bytes = std::fs::read(place.path(&npz).join("00000.npz")).unwrap();
    // Stored without compression, after a header that ends with a line break.
    let states: Vec<u8> = whole.hidden_states.iter().flat_map(|v| v.to_le_bytes()).collect();
    let at = bytes.windows(64).position(|w| *w == states[..64]).unwrap();
    assert!(bytes[at..at + states.len()] == states && bytes[at - 1] == b'\n');
    let error = extract_corpus(
        &model,
        &file(&place, "a.jsonl"),
        &settings(1 << 20),
        &place.path("no"),
        Start::New,
        &mut |_| {},
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .ends_with("line 2 has no \"text\"; it has:  (choose with --field NAME)")
    );
    assert!(!place.path("no").exists());
}

#[test]
fn unsuitable_output_folders_are_refused() {
    let place = Place::with_tiny();
    place.write("corpus.txt", lines(20));
    place.write("long.txt", lines(20) + &"the ".repeat(60));
    place.write("other.txt", lines(21));
    std::fs::create_dir(place.path("foreign")).unwrap();
    place.write("foreign/thesis.txt", "years of work");
    let extract = "extract --model tiny --file corpus.txt";
    place.line(&format!("{extract} --output done")).done();
    place.line(&format!("{extract} --output mixed")).done();
    place.write("mixed/thesis.txt", "years of work");
    place.line(&format!("{extract} --output begun")).done();
    let run = index(&place, "begun")["run"].take();
    place.write("begun/journal.jsonl", format!("{}\n", json!({ "run": run })));
    std::fs::remove_file(place.path("begun/index.json")).unwrap();
    let before: BTreeMap<_, _> = place.files("");
    let mut said = String::new();
    for line in [
        "--output done",
        "--output begun",
        "--output foreign",
        "--output foreign --resume",
        "--output foreign --overwrite",
        "--output mixed --overwrite",
        "--output done --resume --layers 0",
        "--output begun --resume --words --pooling max",
        "--output done --resume --sample 5 --seed 3",
        "--output done --resume --half --format npz",
        "--output corpus.txt",
        "--output tiny/model.safetensors/x",
        "--output .parquet",
        "--output one.npz --resume",
        "--output one.npz --format parquet",
        "--output new --json",
        "--output new --resume --overwrite",
        "--output new --hooks blocks.0.attn.hook_pattern --format parquet",
        "--output new.parquet --hooks blocks.0.attn.hook_pattern",
        "--output new --shard-mib 0",
        "--output new --sample 0",
        "--file long.txt --output new",
        "--file other.txt --output done --resume",
    ] {
        let file = if line.starts_with("--file") { "" } else { "--file corpus.txt" };
        let outcome = place.line(&format!("extract --model tiny {file} {line}"));
        assert_eq!(outcome.stdout, "", "{line}");
        let first = outcome.stderr.lines().next().unwrap_or_default();
        writeln!(said, "{line}\n  {} {first}", outcome.code.unwrap()).unwrap();
        assert!(before == place.files(""), "{line}");
    }
    let piped = place.line_reading("extract --model tiny - --output new --resume", b"the river");
    writeln!(said, "-\n  {} {}", piped.code.unwrap(), piped.stderr.trim_end()).unwrap();
    let ids = "extract --model tiny --token-ids corpus.txt --output new";
    writeln!(said, "token ids\n  {}", place.line(ids).stderr.trim_end()).unwrap();
    insta::assert_snapshot!(said);
}

#[test]
fn a_folder_is_resumed_or_replaced() {
    let place = Place::with_tiny();
    place.write("corpus.txt", lines(20));
    let extract = "extract --model tiny --file corpus.txt --output out";
    let said = |line: &str| place.line(line).done().stderr;
    assert!(said(&format!("{extract} --resume")).starts_with("out: "));
    let first = place.files("out");
    assert_eq!(said(&format!("{extract} --resume")), "out: already complete\n");
    // The name of the file and the number of threads have no influence.
    std::fs::rename(place.path("corpus.txt"), place.path("renamed.txt")).unwrap();
    let renamed = extract.replace("corpus", "renamed");
    assert_eq!(said(&format!("{renamed} --resume --threads 1")), "out: already complete\n");
    assert!(first == place.files("out"));
    said(&format!("{renamed} --overwrite --words --format npz"));
    let names: Vec<_> = place.files("out").into_keys().collect();
    assert_eq!(names, ["00000.npz", "index.json"]);
    let piped = "extract --model tiny - --output piped";
    place.line_reading(piped, b"the river\nthe bank").done();
    assert_eq!(index(&place, "piped")["n_texts"], 2);
}
