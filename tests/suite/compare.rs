//! `compare` through the program: known answers, an independent computation in Python, wrong input.

use crate::command::{Place, interval, number};
use crate::fixtures::path;
use crate::report::report_of_page;
use serde_json::Value;

/// The sentences of `make_compare.py`.
const FIRST: &str = "The bank lent him the money.";
const SECOND: &str = "The old bank of the river lent him shade.";

fn json(place: &Place, args: &[&str]) -> Value {
    let args: Vec<&str> = ["compare"].into_iter().chain(args.iter().copied()).collect();
    let outcome = place.run(args.iter().chain(&["--json"])).done();
    assert_eq!(outcome.stderr, "", "{args:?}");
    assert_eq!(outcome.stdout.matches("\"layers\":").count(), 1, "{args:?}");
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&value["schema"]["name"], &value["schema"]["version"]),
        (&"stratoscope.compare".into(), &2.into())
    );
    value
}

fn layers(value: &Value) -> &Vec<Value> {
    value["layers"].as_array().unwrap()
}

#[track_caller]
fn near(found: &Value, expected: &Value) {
    let (found, expected) = (number(found), number(expected));
    assert!((found - expected).abs() < 2e-5, "{found} {expected}");
}

/// The values that Python computes from these files with the same weights.
fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(path("compare/expected.json")).unwrap()).unwrap()
}

/// Copies a fixture to a place.
fn copied(place: &Place, name: &str) {
    place.write(name, std::fs::read(path("compare").join(name)).unwrap());
}

#[test]
fn distances_of_aligned_words_equal_those_of_python() {
    let place = Place::new();
    let found = json(&place, &[FIRST, SECOND]);
    let expected = expected();
    let edits: Vec<&str> = found["alignment"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word["edit"].as_str().unwrap())
        .collect();
    let kinds = "kept inserted kept inserted inserted inserted kept kept deleted replaced kept";
    assert_eq!(edits.join(" "), kinds);
    // The content word that moves most, from the distances and medians of the layers.
    let mut most = (0.0, 0, 0);
    for (at, layer) in layers(&found).iter().enumerate().skip(1) {
        for (step, word) in layer["words"].as_array().unwrap().iter().enumerate() {
            let of = &found["alignment"][step];
            if of["edit"] == "kept" && of["content"] == true {
                let share = number(&word["distance"]) / number(&layer["same_word"]["value"]);
                most = if share > most.0 { (share, step, at) } else { most };
            }
        }
    }
    let moved = &found["moved"];
    assert_eq!((&moved["word"], &moved["layer"]), (&most.1.into(), &most.2.into()));
    assert!((number(&moved["share"]) - most.0).abs() < 1e-9);
    for (layer, expected) in layers(&found).iter().zip(expected["sentences"].as_array().unwrap()) {
        let words = layer["words"].as_array().unwrap();
        let known: Vec<&Value> = words.iter().filter(|w| !w.is_null()).collect();
        let theirs = expected["words"].as_array().unwrap();
        assert_eq!(known.len(), theirs.len());
        for (ours, theirs) in known.iter().zip(theirs) {
            near(&ours["distance"], theirs);
            assert!((0.0..=100.0).contains(&number(&ours["percentile"])));
        }
        near(&layer["sentence"], &expected["sentence"]);
        // Of the kept words, "bank" and "lent" are content words.
        assert_eq!((&layer["kept"]["n"], &layer["random"]["n"]), (&2.into(), &5000.into()));
        let aligned = found["alignment"].as_array().unwrap().iter().zip(words);
        let content = aligned.filter(|(word, _)| word["edit"] == "kept" && word["content"] == true);
        let (names, distances): (Vec<&str>, Vec<f64>) =
            content.map(|(w, d)| (w["first"].as_str().unwrap(), number(&d["distance"]))).unzip();
        assert_eq!(names, ["bank", "lent"]);
        let mean = (distances[0] + distances[1]) / 2.0;
        assert!((number(&layer["kept"]["value"]) - mean).abs() < 1e-12);
        assert!(layer["replaced"]["interval"].is_null() && layer["replaced"]["n"] == 1);
        let [low, median, high] = interval(&layer["random"]);
        assert!(0.0 < low && low < median && median < high);
    }
    assert_eq!(layers(&found).len(), 7);
    // The distance of a replaced word is like that of random words.
    assert!(number(&layers(&found)[0]["replaced_percentile"]) > 20.0);
}

#[test]
fn a_sentence_has_distance_0_from_itself() {
    let place = Place::with_tiny();
    let found = json(&place, &["--model", "tiny", "the river bank", "the river bank"]);
    for layer in layers(&found) {
        assert_eq!((number(&layer["kept"]["value"]), number(&layer["sentence"])), (0.0, 0.0));
        assert!(layer["words"].as_array().unwrap().iter().all(|w| w["distance"] == 0.0));
        assert!(layer["replaced"].is_null() && layer["replaced_percentile"].is_null());
    }
    assert!(found["begins"].is_null() && found["most"].is_null());
    let reason = |name: &str| {
        let out = found["omitted"].as_array().unwrap();
        out.iter().find(|o| o["what"] == name).unwrap()["why"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        reason("layer at which kept words begin to differ"),
        "the sentences have the same words"
    );
    assert_eq!(reason("distance of replaced words"), "no word is replaced");

    // Single words: there is no interval, and no value is NaN.
    let found = json(&place, &["--model", "tiny", "river", "bank", "--metric", "standardised"]);
    for layer in layers(&found) {
        assert!(layer["kept"].is_null() && layer["replaced"]["interval"].is_null());
        assert!(number(&layer["replaced"]["value"]) > 0.0);
    }
}

#[test]
fn word_in_context_scores_equal_those_of_python() {
    let place = Place::new();
    copied(&place, "wic.tsv");
    let expected = expected();
    for (metric, name) in
        [("cosine", "wic"), ("centred", "wic_centred"), ("standardised", "wic_standardised")]
    {
        let found = json(&place, &["--wic", "wic.tsv", "--metric", metric]);
        let theirs = expected[name].as_array().unwrap();
        assert_eq!(layers(&found).len(), theirs.len());
        for (ours, theirs) in layers(&found).iter().zip(theirs) {
            near(&ours["auc"]["value"], &theirs["auc"]);
            near(&ours["same"]["value"], &theirs["same"]);
            near(&ours["different"]["value"], &theirs["different"]);
            let [low, value, high] = interval(&ours["auc"]);
            assert!(0.0 <= low && low <= value && value <= high && high <= 1.0);
            assert_eq!(ours["auc"]["n"], 6);
        }
        assert_eq!((&found["pairs"], &found["same"]), (&22.into(), &11.into()));
        assert_eq!(found["resampled"], "lemmas");
    }
}

#[test]
fn senses_that_are_perfectly_separated_have_an_auc_of_1() {
    let place = Place::with_tiny();
    // One kind of pair: the same word in the same sentence. The other kind: two words in two
    // sentences.
    let rows = "1\t4\t9\t4\t9\tthe river bank\tthe river bank\n\
                0\t4\t9\t2\t6\tthe river bank\ta loan\n";
    let names = "same\tstart1\tend1\tstart2\tend2\tsentence1\tsentence2\n";
    place.write("wic.tsv", format!("{names}{}", rows.repeat(4)));
    let found = json(&place, &["--model", "tiny", "--wic", "wic.tsv"]);
    for layer in layers(&found) {
        let auc = &layer["auc"];
        assert_eq!(
            (number(&auc["value"]), interval(auc)[0], auc["n"].clone()),
            (1.0, 1.0, 8.into())
        );
        assert_eq!(number(&layer["same"]["value"]), 1.0);
    }
    assert_eq!(found["resampled"], "pairs");
    // Two pairs are too few for an interval.
    place.write("two.tsv", format!("{names}{rows}"));
    let found = json(&place, &["--model", "tiny", "--wic", "two.tsv"]);
    assert!(layers(&found).iter().all(|layer| layer["auc"]["interval"].is_null()));
    let omitted = found["omitted"].to_string();
    assert!(
        omitted.contains("interval of the AUC") && omitted.contains("5 pairs, found 2"),
        "{omitted}"
    );
}

#[test]
fn reference_pairs_are_computed_once_and_stored() {
    let place = Place::with_tiny();
    let run = |metric: &str| {
        place.run(["compare", FIRST, SECOND, "--model", "tiny", "--metric", metric, "--json"])
    };
    let folder = place.path("home/.cache/stratoscope/references");
    let first = run("centred").done().stdout;
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    let stored = std::fs::read(file).unwrap();
    assert_eq!(run("centred").done().stdout, first);

    // The second run reads the distances; it would compute other ones.
    let mut changed: Value = serde_json::from_slice(&stored).unwrap();
    for layer in changed["random"].as_array_mut().unwrap() {
        layer.as_array_mut().unwrap().fill(0.25.into());
    }
    std::fs::write(file, changed.to_string()).unwrap();
    let second: Value = serde_json::from_str(&run("centred").done().stdout).unwrap();
    for layer in layers(&second) {
        assert_eq!(interval(&layer["random"]), [0.25; 3]);
        assert_eq!(layer["random"]["n"], 5000);
    }

    // What is damaged, of another model or not complete is computed again.
    changed["model"] = serde_json::json!("0");
    let mut short: Value = serde_json::from_slice(&stored).unwrap();
    short["centres"][1] = serde_json::json!([[0.0], [1.0]]);
    for other in ["{".to_owned(), changed.to_string(), short.to_string()] {
        std::fs::write(file, other).unwrap();
        assert_eq!(run("centred").done().stdout, first);
        assert_eq!(std::fs::read(file).unwrap(), stored);
    }

    // Another metric has other distances.
    run("cosine").done();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
}

#[test]
fn distances_of_minimal_pairs_equal_those_of_python() {
    let place = Place::new();
    copied(&place, "pairs.tsv");
    let outcome = place.run(["compare", "--pairs", "pairs.tsv", "--json"]).done();
    assert_eq!(outcome.stderr, "pairs.tsv: 1 blank line skipped\n");
    let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let expected = &expected()["pairs"];
    for (index, layer) in layers(&found).iter().enumerate() {
        for kind in ["changed", "before", "after", "sentence"] {
            near(&layer[kind]["value"], &expected["means"][kind][index]);
            assert_eq!(layer[kind]["n"], expected["n"][kind], "{kind}");
        }
    }
    let out = found["omitted"].as_array().unwrap();
    // Fewer than five pairs have no interval.
    assert_eq!(
        out.iter().map(|o| &o["what"]).collect::<Vec<_>>(),
        [
            "distance of changed words",
            "distance of words before the change",
            "interval of the distance of changed words",
            "interval of the distance of words before the change"
        ]
    );
}

#[test]
fn one_word_is_compared_with_homographs() {
    let place = Place::new();
    let texts = [
        "The bank lent him money.",
        "Grass grew on the bank of the river.",
        "The bank by the bank.",
    ];
    let args: Vec<&str> = texts
        .iter()
        .copied()
        .chain(["--word", "bank", "--word", "bank", "--word", "bank#2"])
        .collect();
    let found = json(&place, &args);
    assert_eq!(found["contexts"][2]["place"], serde_json::json!([16, 20]));
    assert_eq!(found["homographs"], 32);
    for layer in layers(&found) {
        let pairs = layer["pairs"].as_array().unwrap();
        assert_eq!(pairs.len(), 3);
        let mean = pairs.iter().map(|p| number(&p["similarity"])).sum::<f64>() / 3.0;
        assert!((mean - number(&layer["similarity"])).abs() < 1e-12);
        for pair in pairs {
            let [same, other] = ["percentile_same", "percentile_other"].map(|k| number(&pair[k]));
            assert!((0.0..=100.0).contains(&same) && same <= other + 20.0 && other <= 100.0);
        }
        assert_eq!(layer["same_sense"]["n"], 32);
    }
    // In MiniLM, similarity separates these senses from layer 1 on.
    for layer in &layers(&found)[1..] {
        let mean = |kind: &str| number(&layer[kind]["value"]);
        assert!(mean("same_sense") > mean("other_sense"), "{layer}");
        assert!(interval(&layer["senses_auc"])[0] > 0.5, "{layer}");
    }
}

#[test]
fn content_words_at_other_places_are_compared_too() {
    let place = Place::new();
    let (first, second) = ("dog bit man", "man bit dog");
    let found = json(&place, &[first, second]);
    let displaced = found["displaced"].as_array().unwrap();
    let words: Vec<&str> = displaced.iter().map(|w| w["word"].as_str().unwrap()).collect();
    assert_eq!(words, ["dog", "man"]);
    for layer in layers(&found) {
        assert_eq!((&layer["kept"]["n"], &layer["replaced"]["n"]), (&3.into(), &2.into()));
    }
    // The distance of a word is that of the comparison of this word alone.
    for (index, word) in words.iter().enumerate() {
        let alone = place.run(["compare", first, second, "--word", word, "--json"]).json();
        for (layer, alone) in layers(&found).iter().zip(layers(&alone)) {
            let distance = number(&layer["displaced"][index]["distance"]);
            assert!((distance - (1.0 - number(&alone["similarity"]))).abs() < 1e-6, "{word}");
        }
        assert_eq!(displaced[index]["parts"], alone["parts"], "{word}");
    }
    let mean = |layer: &Value| {
        let own = [&layer["words"][1], &layer["displaced"][0], &layer["displaced"][1]];
        own.iter().map(|word| number(&word["distance"])).sum::<f64>() / 3.0
    };
    for layer in layers(&found) {
        assert!((number(&layer["kept"]["value"]) - mean(layer)).abs() < 1e-9, "{layer}");
    }
    let verdict = found["verdict"].to_string();
    assert!(verdict.contains("“dog”, “bit” and “man”"), "{verdict}");
    assert!(verdict.contains("“dog” and “man” are at other places"), "{verdict}");
    // The page pairs a word with itself, and not with what stands in its place.
    place.run(["compare", first, second, "--output", "o"]).done();
    let page = report_of_page(&std::fs::read(place.path("o/report.html")).unwrap());
    let token = |side: usize, at: usize| page.explorations[side].tokens[at].text.as_str();
    assert!(page.aligned.iter().all(|&[a, b]| token(0, a) == token(1, b)), "{:?}", page.aligned);
    let overlay = page.overlay.as_ref().unwrap();
    assert_eq!(overlay.displaced.iter().map(|w| w.steps).collect::<Vec<_>>(), [[0, 2], [2, 0]]);
    for (layer, json) in layers(&found).iter().enumerate() {
        let shown = overlay.displaced[0].distances[layer].unwrap();
        assert!((shown - number(&json["displaced"][0]["distance"])).abs() < 1e-5);
    }
}

#[test]
fn long_runs_of_unequal_sentences_are_folded() {
    let place = Place::new();
    let second =
        "When the war ended the old bank by the river which had stood empty refused a loan";
    let shown = place.run(["compare", "bank loan", second, "--output", "o"]);
    let shown = shown.done().stdout;
    assert!(shown.contains("… 4 words …") && !shown.contains("ended"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
    let page = report_of_page(&std::fs::read(place.path("o/report.html")).unwrap());
    let overlay = page.overlay.unwrap();
    assert_eq!(overlay.folds, [[1, 5], [8, 15]]);
    // All words are on the page; the figure has one row for each run.
    assert_eq!(overlay.steps.len(), 17);
    let words = page.charts.iter().find(|chart| chart.id == "words").unwrap();
    let stratoscope::crates::chart::Drawing::Matrix(matrix) = &words.drawing else { panic!() };
    let labels = &matrix.panels[0].rows.labels;
    assert!(labels.contains(&"+ 4 words".to_owned()), "{labels:?}");
    assert_eq!(labels.len(), 17 - (4 - 1) - (7 - 1));
}

#[test]
fn files_do_not_depend_on_the_number_of_threads() {
    let place = Place::with_tiny();
    let of = |threads: &str, output: &str| {
        let args = ["compare", "--model", "tiny", "the river bank", "a river loan", "--threads"];
        place.run(args.iter().chain(&[threads, "--output", output])).done().stdout
    };
    assert!(of("1", "a").contains("begin"));
    of("2", "b");
    let names: Vec<String> = place.files("a").keys().cloned().collect();
    let expected = [
        "captions.md",
        "compare.csv",
        "compare.json",
        "compare.png",
        "compare.svg",
        "manifest.json",
        "numbers.json",
        "report.html",
        "words.csv",
        "words.json",
        "words.png",
        "words.svg",
    ];
    assert_eq!(names, expected);
    for (name, bytes) in place.files("a") {
        // The manifest has the command line, which differs.
        assert!(name == "manifest.json" || bytes == place.files("b")[&name], "{name}");
    }
    // A second comparison replaces files only with --overwrite.
    let again = place.line("compare --model tiny 'the river bank' 'a loan' --output a");
    assert_eq!(again.code, Some(2));
    place.line("compare --model tiny 'the river bank' 'a loan' --output a --overwrite").done();
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let place = Place::with_tiny();
    let names = "same\tstart1\tend1\tstart2\tend2\tsentence1\tsentence2\n";
    place.write("one.tsv", format!("{names}{}", "1\t0\t3\t0\t1\tthe bank\ta loan\n".repeat(3)));
    place.write(
        "outside.tsv",
        format!("{names}1\t0\t3\t0\t1\tthe bank\ta loan\n0\t4\t9\t0\t1\tthe bank\ta loan\n"),
    );
    place.write("short.tsv", format!("{names}1\t0\t3\n"));
    place
        .write("names.tsv", "start1\tend1\tstart2\tend2\tsentence1\tsentence2\n0\t1\t0\t1\ta\tb\n");
    place.write("label.tsv", format!("{names}maybe\t0\t3\t0\t1\tthe bank\ta loan\n"));
    place.write("number.tsv", format!("{names}1\t-1\t3\t0\t1\tthe bank\ta loan\n"));
    place.write("empty.tsv", "\n");
    place.write("bytes.tsv", b"a\tb\xff\n");
    place.write("lone.tsv", "the bank\n");
    place.write("alike.tsv", "the bank\ta bank\nthe bank\tthe bank\n");
    place.write("long.tsv", format!("the bank\t{}\n", "bank ".repeat(60)));
    let mut said = String::new();
    for line in [
        "compare",
        "compare 'the bank'",
        "compare 'the bank' 'a bank' 'a loan'",
        "compare '' 'a bank'",
        "compare 'the bank' ' '",
        "compare 'the bank' '\u{7}'",
        "compare 'the bank' 'a loan' --word bank",
        "compare 'the bank' 'a bank' --word bank#2",
        "compare 'the bank' 'a bank' --word bank#no",
        "compare 'the bank' 'the bank' --word bank",
        "compare 'the bank' 'a bank' 'a loan' --word bank --word a",
        "compare --wic one.tsv",
        "compare --wic outside.tsv",
        "compare --wic short.tsv",
        "compare --wic names.tsv",
        "compare --wic label.tsv",
        "compare --wic number.tsv",
        "compare --wic empty.tsv",
        "compare --wic nowhere.tsv",
        "compare --pairs bytes.tsv",
        "compare --pairs lone.tsv",
        "compare --pairs alike.tsv",
        "compare --pairs long.tsv",
        "compare --pairs lone.tsv 'the bank'",
    ] {
        let outcome = place
            .run(crate::command::words(line).into_iter().chain(["--model".into(), "tiny".into()]));
        assert_eq!(outcome.stdout, "", "{line}");
        let first = outcome.stderr.lines().next().unwrap_or_default();
        said += &format!("{line}\n  {} {first}\n", outcome.code.unwrap());
    }
    insta::assert_snapshot!(said);
}

#[test]
fn help_and_summaries() {
    let place = Place::new();
    let settled = |text: String| -> String {
        text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    };
    insta::assert_snapshot!("help_compare", settled(place.line("compare --help").done().stdout));
    let outcome = place.run(["compare", FIRST, SECOND]).done();
    assert_eq!(outcome.stderr, "");
    insta::assert_snapshot!("summary_of_sentences", settled(outcome.stdout));
}
