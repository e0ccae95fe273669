//! `probe`: annotated corpora with and without errors, numbers, TSV tasks, and saved probes.

use crate::command::{Place, interval, number, tiny};
use crate::fixtures::{corpus, load};
use serde_json::Value;
use std::fmt::Write;
use stratoscope::crates::extractor::{ChosenWords, extract, parse_annotated, prepare};
use stratoscope::{HookSelection, LayerSelection, LongText, Pooling, Text, Unit};

/// A place with sixty short annotated sentences.
fn place() -> Place {
    let place = Place::new();
    place.write("own.conllu", corpus());
    place
}

/// Asserts that a score is in its interval, and that the interval is between the bounds.
fn check(score: &Value, low: f64, high: f64) {
    let [from, value, to] = interval(score);
    assert!(from <= value + 1e-12 && value <= to + 1e-12, "{score}");
    assert!(low <= from && to <= high, "{score}");
}

fn value(score: &Value) -> f64 {
    number(&score["value"])
}

/// A TSV task. With spans, the label is the supersense of a noun; without, the kind of the
/// sentence.
fn task(spans: bool) -> String {
    let mut lines = String::from(if spans { "text\tspan\tlabel\n" } else { "" });
    let mut text = "";
    let corpus = corpus();
    for line in corpus.lines() {
        if let Some(own) = line.strip_prefix("# text = ") {
            text = own;
            let kind = match own {
                _ if own.contains("can't") => "negated",
                _ if own.contains(" by ") => "passive",
                _ => "other",
            };
            if !spans {
                writeln!(lines, "{text}\t{kind}").unwrap();
            }
        }
        let columns: Vec<&str> = line.split('\t').collect();
        if let Some(sense) = columns.get(9).and_then(|m| m.strip_prefix("Supersense=n."))
            && spans
        {
            // Of equal words, the label belongs to the first.
            let start = text[..text.find(columns[1]).unwrap()].chars().count();
            let end = start + columns[1].chars().count();
            let sense = sense.split('|').next().unwrap();
            writeln!(lines, "{text}\t{start}-{end}\t{sense}").unwrap();
        }
    }
    lines
}

/// The states of chosen words are equal to the pooled states of `extract`.
#[test]
fn states_of_chosen_words_equal_those_of_all_words() {
    let model = load(&tiny().source()).unwrap();
    let sentences = parse_annotated(corpus().as_bytes(), "own").unwrap();
    let texts: Vec<Text> = sentences.into_iter().map(|s| s.text).collect();
    let prepared = prepare(&model, texts.clone(), LongText::Refuse).unwrap();
    let (all, none) = (LayerSelection::All, HookSelection::default());
    let states = extract(&model, prepared, &all, &none, &mut |_| {}).unwrap();
    for pooling in [Pooling::Mean, Pooling::First, Pooling::Max] {
        let words = states.pooled(Unit::Word, pooling).unwrap();
        let offsets = words.sequence_offsets();
        // Every second word in two of three sentences.
        let chosen: Vec<Vec<usize>> = (0..texts.len())
            .map(|text| match text % 3 {
                0 => Vec::new(),
                _ => (text % 2..texts[text].words.len()).step_by(2).collect(),
            })
            .collect();
        let long = LongText::Refuse;
        let own = ChosenWords::words(&model, texts.clone(), chosen.clone(), pooling, long).unwrap();
        let rows: Vec<(usize, usize)> = own.rows().collect();
        assert_eq!(rows.len(), chosen.iter().map(Vec::len).sum::<usize>());
        assert_eq!((own.dropped(), own.n_rows()), (0, rows.len()));
        let mut done = 0;
        let two = own.states(&model, &[1, 3], &mut |step| done = step.done).unwrap();
        assert!(done > 0);
        for (row, &(text, word)) in rows.iter().enumerate() {
            assert!(chosen[text].contains(&word));
            for (index, layer) in [(0, 1), (1, 3)] {
                let expected = words.layer(layer).row(offsets[text] + word).to_vec();
                let found = two.slice(ndarray::s![index, row, ..]).to_vec();
                let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
                assert!(apart.fold(0.0, f32::max) < 1e-5, "{text} {word}");
            }
        }
        let whole = ChosenWords::whole_texts(&model, texts.clone(), pooling, long).unwrap();
        let whole = whole.states(&model, &[2], &mut |_| {}).unwrap();
        let expected = states.pooled(Unit::Sentence, pooling).unwrap();
        let apart = &whole.index_axis(ndarray::Axis(0), 0) - &expected.layer(2);
        assert!(apart.iter().all(|v| v.abs() < 1e-5));
    }
    let beyond = ChosenWords::words(&model, texts, vec![vec![99]], Pooling::Mean, LongText::Refuse);
    assert!(beyond.is_err());
}

#[test]
fn help_has_examples() {
    let place = Place::new();
    let probe = place.line("probe --help").done().stdout;
    let apply = place.line("probe apply --help").done().stdout;
    let settled = |text: &str| -> String {
        text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    };
    insta::assert_snapshot!("help_probe", settled(&probe));
    insta::assert_snapshot!("help_probe_apply", settled(&apply));
}

#[test]
fn one_label_gives_layers_and_baselines_on_any_number_of_threads() {
    let place = place();
    let line = "probe --corpus own.conllu --label upos --json --control --mdl --strength 0.1";
    let one = place.line(&format!("{line} --threads 1")).done();
    assert_eq!(one.stderr, "the test has only 6 sentences: the intervals are too narrow\n");
    let two = place.line(&format!("{line} --threads 2")).done();
    assert_eq!(one.stdout, two.stdout);
    assert!(!place.path("stratoscope-out").exists());
    let all: Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!(one.stdout.matches("\"layers\":").count(), 1);
    let layers = all["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 7);
    for (index, layer) in layers.iter().enumerate() {
        assert_eq!(layer["layer"], index);
        for key in ["accuracy", "macro_f1"] {
            check(&layer[key], 0.0, 1.0);
        }
        check(&layer["control"]["selectivity"], -1.0, 1.0);
        check(&layer["mdl"]["compression"], 0.0, f64::INFINITY);
        assert_eq!(layer["strength"], 0.1);
    }
    let baselines = &all["baselines"];
    for name in ["majority", "form_lookup", "lemma_lookup", "layer_0"] {
        check(&baselines[name]["accuracy"], 0.0, 1.0);
    }
    assert_eq!(baselines["layer_0"]["accuracy"], layers[0]["accuracy"]);
    assert!(value(&baselines["form_lookup"]["accuracy"]) > 0.8);
    assert!(value(&layers[3]["accuracy"]) > value(&baselines["majority"]["accuracy"]));
    let sentences = &all["data"]["sentences"];
    assert_eq!(
        (&sentences["train"], &sentences["dev"], &sentences["test"]),
        (&48.into(), &6.into(), &6.into())
    );
    // Rows are words, not tokens: "can't" is two words, and both are scored.
    let classes = all["classes"].as_array().unwrap();
    let part = classes.iter().find(|c| c["class"] == "PART").unwrap();
    let negated =
        corpus().lines().filter(|l| l.starts_with("# text") && l.contains("can't")).count();
    let of = |key: &str| part[key].as_u64().unwrap();
    assert!(of("train") + of("test") <= negated as u64 && of("train") > 0, "{part}");
}

#[test]
fn two_labels_are_compared_on_the_same_words() {
    let place = place();
    let line = "probe --corpus own.conllu --label deprel.universal --label misc.Supersense --where upos=NOUN \
                --where form~^[a-z] --layers 0,3,-1 --mix --random-weights";
    let all = place.line(&format!("{line} --json --output out")).json();
    assert_eq!(
        all["labels"]["deprel.universal"]["counts"]["train"],
        all["labels"]["misc.Supersense"]["counts"]["train"]
    );
    let layers = all["layers"].as_array().unwrap();
    assert_eq!(layers.iter().map(|l| l["layer"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 3, 6]);
    for layer in layers {
        for label in ["deprel.universal", "misc.Supersense"] {
            let own = &layer["labels"][label];
            check(&own["accuracy"], 0.0, 1.0);
            check(&own["random_weights"]["accuracy"], 0.0, 1.0);
        }
        // Every noun of this corpus has one sense, so that the lookup makes no errors.
        check(&layer["labels"]["deprel.universal"]["gain_over_lookup"], f64::NEG_INFINITY, 1.0);
        assert_eq!(layer["labels"]["misc.Supersense"]["gain_over_lookup"], Value::Null);
    }
    let mix = &all["labels"]["deprel.universal"]["mixes"];
    let centre = mix["mix"]["centre_of_gravity"].as_f64().unwrap();
    assert!((0.0..=2.0).contains(&centre), "{mix}");
    // Without the subtypes of the corpus.
    let classes = all["labels"]["deprel.universal"]["classes"].as_array().unwrap();
    let names: Vec<&str> = classes.iter().map(|c| c["class"].as_str().unwrap()).collect();
    assert_eq!(names, ["iobj", "nmod", "nsubj", "obj", "obl"]);
    let mut files: Vec<String> = place.files("out").into_keys().collect();
    files.sort();
    assert_eq!(
        files,
        [
            "captions.md",
            "manifest.json",
            "numbers.json",
            "probe.csv",
            "probe.json",
            "probe.png",
            "probe.svg",
            "report.html"
        ]
    );
    let numbers = std::fs::read_to_string(place.path("out/numbers.json")).unwrap();
    assert_eq!(numbers.trim_end(), all.to_string());
    let said = place.line(&format!("{line} --output out")).stderr;
    assert!(said.contains("out is not empty"), "{said}");
    // The summary has both labels.
    let shown = place.line(&format!("{line} --output out --overwrite")).done();
    for expected in
        ["deprel.universal: 5 classes", "misc.Supersense: 4 classes", "form lookup", "equally well"]
    {
        assert!(shown.stdout.contains(expected), "{expected} in {}", shown.stdout);
    }
}

#[test]
fn the_structural_probe_predicts_trees() {
    let place = place();
    let line = "probe --corpus own.conllu --structural --layers 0,3";
    let all = place.line(&format!("{line} --json")).json();
    let chain = &all["baselines"]["linear_chain"];
    for scores in all["layers"].as_array().unwrap().iter().chain([chain]) {
        for key in ["uuas", "root_accuracy"] {
            check(&scores[key], 0.0, 1.0);
        }
        check(&scores["dspr"], -1.0, 1.0);
    }
    // With little memory, in passes of one layer each.
    let passes = place.line(&format!("{line} --json --memory 1")).json();
    assert_eq!(passes, all);
    let shown = place.line(&format!("{line} --output out")).done().stdout;
    assert!(shown.contains("UUAS") && shown.contains("The structural probe finds"), "{shown}");
}

#[test]
fn files_of_parts_stay_separate() {
    let place = place();
    let sentences: Vec<String> = corpus().split_inclusive("\n\n").map(str::to_owned).collect();
    place.write("train.conllu", sentences[..40].concat());
    place.write("dev.conllu", sentences[40..50].concat());
    place.write("test.conllu", sentences[50..].concat());
    let line = "probe --train train.conllu --label upos --layers 3 --json";
    let all = place.line(&format!("{line} --dev dev.conllu --test test.conllu")).json();
    assert_eq!(all["data"]["sentences"]["dev"], 10);
    assert_eq!(all["data"]["files"][1]["part"], "dev");
    let outcome = place.line(&format!("{line} --dev dev.conllu")).done();
    assert_eq!(
        outcome.stderr,
        "no --test: the scores are those on --dev, and the penalty is chosen on a tenth of --train\n\
         the test has only 10 sentences: the intervals are too narrow\n"
    );
    let all: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(all["data"]["files"][1]["part"], "test");
    let several = "probe --train train.conllu --train dev.conllu --test test.conllu --label upos \
                   --layers 3 --json";
    assert_eq!(place.line(several).json()["data"]["sentences"]["train"], 50);
}

#[test]
fn errors_in_a_corpus_name_the_line() {
    let place = Place::new();
    let whole = corpus();
    let with = |from: &str, to: &str| whole.replacen(from, to, 1).into_bytes();
    let mut broken = whole.clone().into_bytes();
    let at = whole.find("river").unwrap();
    broken[at] = 0xff;
    let mut said = String::new();
    for (name, bytes) in [
        ("bad-head", with("\t3\tnsubj\t", "\tx\tnsubj\t")),
        ("head-beyond", with("\t3\tnsubj\t", "\t31\tnsubj\t")),
        ("own-head", with("\t3\tnsubj\t", "\t2\tnsubj\t")),
        ("cycle", with("\t3\tnsubj\t", "\t1\tnsubj\t")),
        ("two-roots", with("\t3\tnsubj\t", "\t0\tnsubj\t")),
        ("no-root", with("\t0\troot\t", "\t_\troot\t")),
        ("column", with("\tnear\tADP", "\tADP")),
        ("order", with("4\tthe\tthe", "5\tthe\tthe")),
        ("range", with("2-3\tcan't", "3-2\tcan't")),
        ("form", with("# text = The dog slept", "# text = The cat slept")),
        ("utf8", broken),
        ("empty", Vec::new()),
    ] {
        place.write("x.conllu", &bytes);
        let outcome = place.line("probe --corpus x.conllu --label upos");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(4), ""), "{name}");
        write!(said, "{name}: {}", outcome.stderr).unwrap();
        // A command that needs no heads can read a file with wrong heads.
        let heads = ["bad-head", "head-beyond", "own-head", "cycle", "two-roots", "no-root"];
        let read = place.line("extract --file x.conllu --words --layers 0 --json").code;
        assert_eq!(read == Some(0), heads.contains(&name), "{name}");
    }
    assert!(!place.path("stratoscope-out").exists());
    insta::assert_snapshot!(said);
}

#[test]
fn what_cannot_be_probed_is_refused() {
    let place = place();
    place.write("twin.conllu", corpus());
    place.write("no-heads.conllu", {
        let bare = |line: &str| {
            let mut columns: Vec<&str> = line.split('\t').collect();
            if columns.len() == 10 {
                columns[6] = "_";
            }
            columns.join("\t") + "\n"
        };
        corpus().lines().map(bare).collect::<String>()
    });
    let mut said = String::new();
    for (line, code) in [
        ("probe", 2),
        ("probe --corpus own.conllu", 2),
        ("probe --corpus own.conllu --label pos", 2),
        ("probe --corpus own.conllu --label upos --where upos", 2),
        ("probe --corpus own.conllu --label upos --where form~(", 2),
        ("probe --corpus own.conllu --label upos --strength 0", 2),
        ("probe --train own.conllu --label upos", 2),
        ("probe --train own.conllu --test twin.conllu --label upos", 2),
        ("probe --corpus own.conllu --label upos --save x", 2),
        ("probe --corpus nowhere.conllu --label upos", 4),
        ("probe --corpus own.conllu --label feats.Case", 4),
        ("probe --corpus own.conllu --label misc.Sense", 4),
        ("probe --corpus own.conllu --label upos --where upos=X", 4),
        ("probe --corpus own.conllu --label upos --where upos=NOUN", 4),
        ("probe --corpus own.conllu --label upos --layers 9", 2),
        ("probe --corpus no-heads.conllu --structural", 4),
    ] {
        let outcome = place.line(line);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (Some(code), ""),
            "{line}: {}",
            outcome.stderr
        );
        let first = outcome.stderr.lines().next().unwrap_or_default();
        writeln!(said, "{line}\n  {first}").unwrap();
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_tsv_task_is_probed_saved_and_applied() {
    let place = Place::with_tiny();
    place.write("kinds.tsv", task(false));
    let line = "probe --tsv kinds.tsv --strength 1 --save kinds.probe --json";
    let all = place.line(line).json();
    assert_eq!(all["data"]["unit"], "text");
    let chosen = all["chosen_layer"].as_u64().unwrap();
    assert!(chosen <= 6);
    let curve = all["learning_curve"].as_array().unwrap();
    assert!(curve.len() > 1);
    curve.iter().for_each(|point| check(&point["accuracy"], 0.0, 1.0));
    assert_eq!(curve.last().unwrap()["clusters"], 48);

    place.write("new.txt", "They can't see the fox.\nThe lamp was found by the baker.\n");
    let applied = place.line("probe apply kinds.probe --file new.txt").done();
    let lines: Vec<Vec<&str>> =
        applied.stdout.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(
        lines.iter().map(|l| (l[0], l[2])).collect::<Vec<_>>(),
        [("negated", "They can't see the fox."), ("passive", "The lamp was found by the baker."),]
    );
    let all = place.line("probe apply kinds.probe 'She sent the baker a goat.' --json").json();
    assert_eq!(all["classes"], serde_json::json!(["negated", "other", "passive"]));
    let sum: f64 = all["texts"][0]["probabilities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p.as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 1e-9);

    let other = place.line("probe apply kinds.probe --model tiny --file new.txt");
    assert_eq!(other.code, Some(4));
    assert!(
        other.stderr.contains("tiny has other weights, or another config or tokenizer"),
        "{}",
        other.stderr
    );
    let again = place.line(line);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("kinds.probe exists already"), "{}", again.stderr);
    place.write("no.probe", "{}");
    let none = place.line("probe apply no.probe x");
    assert_eq!(none.code, Some(4));
    assert!(none.stderr.contains("no.probe is not a saved probe"), "{}", none.stderr);
    let shown = place.line("probe --tsv kinds.tsv --output out").done().stdout;
    assert!(shown.contains("training texts  accuracy"), "{shown}");
}

#[test]
fn a_task_with_spans_is_probed_saved_and_applied() {
    let place = Place::new();
    place.write("senses.tsv", task(true));
    let all = place.line("probe --tsv senses.tsv --layers 2-4 --save senses.probe --json").json();
    assert_eq!(all["data"]["unit"], "span");
    assert!(all["baselines"]["form_lookup"]["accuracy"]["value"].is_f64());
    place.write(
        "new.txt",
        "The cow slept near the nurse.\t4-7\nThe cow slept near the nurse.\t23-28\n",
    );
    let applied = place.line("probe apply senses.probe --file new.txt").done().stdout;
    let labels: Vec<&str> = applied.lines().map(|l| l.split('\t').next().unwrap()).collect();
    assert_eq!(labels, ["animal", "person"]);
    let missing = place.line("probe apply senses.probe 'The cow slept.'");
    assert_eq!(missing.code, Some(4));
    assert!(missing.stderr.contains("START-END"), "{}", missing.stderr);
    place.write("bad.tsv", "The cow slept.\t4-70\tanimal\n");
    let bad = place.line("probe --tsv bad.tsv");
    assert_eq!(bad.code, Some(4));
    assert!(bad.stderr.contains("bad.tsv, line 1: the place 4-70 is outside"), "{}", bad.stderr);
}

#[test]
fn options_that_change_the_numbers_change_the_default_folder() {
    let place = place();
    let options = ["", "--control", "--mdl", "--random-weights"];
    for option in options {
        let line = "probe --corpus own.conllu --label upos --layers 0 --strength 1 -q";
        place.line(&format!("{line} {option}")).done();
    }
    let folders = std::fs::read_dir(place.path("stratoscope-out")).unwrap().count();
    assert_eq!(folders, options.len());
}
