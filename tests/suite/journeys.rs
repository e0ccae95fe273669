//! Journeys: the nearest words of a word by layer, in the bundled model.

use crate::command::{BANKS, Place, SHARED_BANKS, number};
use crate::report::report_of_page;
use serde_json::Value;
use std::path::{Path, PathBuf};

const LOAN: &str = "The bank by the river refused the loan.";

fn explored(place: &Place, text: &str) -> Value {
    place.run(["explore", text, "--json"]).json()["journeys"].clone()
}

/// A word of journeys.
fn word<'a>(journeys: &'a Value, name: &str) -> &'a Value {
    let words = journeys["words"].as_array().unwrap();
    words.iter().find(|word| word["word"] == name).unwrap()
}

/// The lemmas of the neighbours in a list.
fn lemmas<'a>(journeys: &'a Value, list: &Value) -> Vec<&'a str> {
    let of = |n: &Value| {
        let occurrence = n["occurrence"].as_u64().unwrap() as usize;
        journeys["occurrences"][occurrence]["lemma"].as_str().unwrap()
    };
    list.as_array().unwrap().iter().map(of).collect()
}

/// At a layer the most frequent supersense of the nearest occurrences of a word, and its count.
fn sense(word: &Value, layer: usize) -> (&str, u64) {
    let most = &word["layers"][layer]["supersense"];
    (most["label"].as_str().unwrap(), most["count"].as_u64().unwrap())
}

#[test]
fn the_context_of_a_homograph_chooses_its_neighbours() {
    let place = Place::new();
    let loan = explored(&place, LOAN);
    let bank = word(&loan, "bank");
    assert_eq!(bank["occurrences_of_word"], 36);
    assert_eq!(loan["words"][loan["telling"].as_u64().unwrap() as usize], *bank);
    let river = explored(&place, "They walked along the bank of the river.");
    let by_river = word(&river, "bank");
    for layer in 2..6 {
        assert!(matches!(sense(bank, layer), ("n.GROUP", 9..)), "layer {layer}");
        assert!(matches!(sense(by_river, layer), ("n.NATURALOBJECT", 9..)), "layer {layer}");
    }
    let spring = explored(&place, "She booked a table for the spring concert.");
    for layer in word(&spring, "spring")["layers"].as_array().unwrap() {
        let others = lemmas(&spring, &layer["other_words"]);
        assert!(others.contains(&"summer"), "{others:?}");
        assert!(lemmas(&spring, &layer["same_word"]).iter().all(|lemma| *lemma == "spring"));
    }
    // "booked" does not occur in the bank.
    assert_eq!(word(&spring, "booked")["layers"][3]["same_word"], Value::Array(Vec::new()));
}

/// The page, the figure and the terminal show the word whose neighbours change most.
#[test]
fn one_word_is_shown_first_everywhere() {
    let place = Place::new();
    let text = "The old spring in the mattress broke.";
    let shown = place.run(["explore", text, "--output", "out"]).done().stdout;
    assert!(shown.contains("the journey of “spring”"), "{shown}");
    let files = place.files("out");
    let figure: Value = serde_json::from_slice(files["journey.json"].as_deref().unwrap()).unwrap();
    assert_eq!(figure["title"], "What is nearest to “spring”, by layer");
    let report = report_of_page(files["report.html"].as_deref().unwrap());
    let journeys = report.explorations[0].journeys.as_ref().unwrap();
    assert_eq!(journeys.words[journeys.telling.unwrap()].word, "spring");
    // The season at layer 0, and the part of a mattress from layer 1 on.
    let spring = serde_json::to_value(&journeys.words[journeys.telling.unwrap()]).unwrap();
    assert_eq!(sense(&spring, 0).0, "n.TIME");
    assert!((1..7).all(|layer| sense(&spring, layer).0 == "n.ARTIFACT"));
}

#[test]
fn a_sentence_of_the_bank_is_not_its_own_neighbour() {
    let place = Place::new();
    let own = "The bank on the corner refused the loan because the company already owed too much \
               money.";
    let journeys = explored(&place, own);
    let bank = word(&journeys, "bank");
    assert_eq!(bank["occurrences_of_word"], 35);
    let all = journeys["occurrences"].as_array().unwrap();
    assert!(all.iter().all(|at| !at["after"].as_str().unwrap().contains(" on the corner refused")));
    // At layer 0, "bank" at the same position is equal.
    for layer in &bank["layers"].as_array().unwrap()[1..] {
        assert!(number(&layer["same_word"][0]["similarity"]) < 0.9999);
    }
}

fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    file.clone()
}

#[test]
fn computed_and_stored_states_of_the_bank_give_the_same_bytes() {
    let shared = Place::new();
    let expected = shared.run(["explore", LOAN, "--json"]).done().stdout;
    // A place of its own has no stored states.
    let place = Place::new();
    let folder = place.path(BANKS);
    std::fs::create_dir_all(&folder).unwrap();
    let run = |threads: &str| {
        let mut command = place.command(["explore", LOAN, "--json"]);
        place.finish(command.env("RAYON_NUM_THREADS", threads)).done().stdout
    };
    assert_eq!(run("3"), expected);
    let file = only_file(&folder);
    let bytes = std::fs::read(&file).unwrap();
    let same = Path::new(SHARED_BANKS).join(file.file_name().unwrap());
    assert!(bytes == std::fs::read(same).unwrap());
    assert_eq!(run("1"), expected);
    // A folder that cannot be written is a warning.
    std::fs::remove_file(&file).unwrap();
    std::fs::remove_dir(&folder).unwrap();
    std::fs::write(&folder, "a file").unwrap();
    let outcome = place.run(["explore", LOAN, "--json"]).done();
    assert_eq!(outcome.stdout, expected);
    assert!(outcome.stderr.contains("warning: cannot write"), "{}", outcome.stderr);
}

#[test]
fn states_in_a_file_have_the_journeys_of_their_texts() {
    let place = Place::new();
    let direct = explored(&place, LOAN);
    place.run(["explore", LOAN, "--output", "out"]).done();
    let from = place.line("explore --from out/states.safetensors --json").json();
    assert_eq!(from["journeys"], direct);
    let words = place.run(["explore", LOAN, "--words", "--json"]).json();
    let layers = |journeys: &Value| word(journeys, "bank")["layers"].clone();
    assert_eq!(layers(&words["journeys"]), layers(&direct));
}

/// Why there are no journeys.
fn reason(found: &Value) -> &str {
    assert!(found["journeys"].is_null());
    let omitted = found["omitted"].as_array().unwrap();
    omitted.iter().find(|o| o["what"] == "journeys").unwrap()["why"].as_str().unwrap()
}

#[test]
fn missing_journeys_have_a_reason() {
    let place = Place::with_tiny();
    for text in ["🎉🎉", "Der Hund läuft schnell über die Straße.", "of the"] {
        let found = place.run(["explore", text, "--json"]).json();
        assert!(reason(&found).contains("which is English"), "{}", reason(&found));
    }
    let found = place.run(["explore", LOAN, "--pooling", "max", "--words", "--json"]).json();
    assert!(reason(&found).contains("means of their tokens"));
    let other = place.run(["explore", LOAN, "--model", "tiny"]).done();
    let said = "omitted: journeys (none is stored for this model); `stratoscope profile`";
    assert!(other.stdout.contains(said), "{}", other.stdout);
}

#[test]
fn the_terminal_and_the_figure_show_the_most_telling_word() {
    let place = Place::new();
    let summary = place.run(["explore", LOAN, "--output", "out"]).done().stdout;
    let lines: Vec<&str> = summary.lines().collect();
    let start = lines.iter().position(|line| line.starts_with("the journey of “bank”")).unwrap();
    let journey: Vec<&str> = lines[start..].iter().copied().take_while(|l| !l.is_empty()).collect();
    // An eighth line explains counts that are not out of ten.
    let of_ten = |line: &&str| line.contains("/10 ");
    let explained = journey.last().is_some_and(|line| line.starts_with("(counts are of the 10"));
    assert_eq!(explained, !journey[2..7].iter().all(of_ten), "{summary}");
    assert_eq!(journey.len(), if explained { 8 } else { 7 }, "{summary}");
    assert!(journey[2].starts_with("0  ") && journey[6].starts_with("6  "), "{summary}");
    assert!(journey.iter().any(|line| line.contains("10/10 group")), "{summary}");
    let chart: Value =
        serde_json::from_slice(&std::fs::read(place.path("out/journey.json")).unwrap()).unwrap();
    assert_eq!(chart["rows"].as_array().unwrap().len(), 21, "{chart}");
    assert!(place.path("out/journey.png").is_file());
    let drawn = std::fs::read_to_string(place.path("out/journey.svg")).unwrap();
    // Spaces are not drawn as signs.
    assert!(drawn.contains("bank") && !drawn.contains('␣'));
}

#[test]
fn a_repeated_word_has_its_number_everywhere() {
    let place = Place::new();
    let text = "The bank by the bank of the river refused the loan.";
    let summary = place.run(["explore", text, "--output", "out"]).done().stdout;
    let journeys = explored(&place, text);
    let words = journeys["words"].as_array().unwrap();
    let numbers = words.iter().filter(|word| word["word"] == "bank");
    let numbers: Vec<Option<u64>> = numbers.map(|word| word["occurrence"].as_u64()).collect();
    assert_eq!(numbers, [Some(1), Some(2)]);
    assert!(word(&journeys, "loan")["occurrence"].is_null());
    let telling = &words[journeys["telling"].as_u64().unwrap() as usize];
    let name = match telling["occurrence"].as_u64() {
        Some(1) => "“bank” (1st)",
        Some(2) => "“bank” (2nd)",
        _ => panic!("{telling}"),
    };
    assert!(summary.contains(&format!("the journey of {name}: ")), "{summary}");
    let chart: Value =
        serde_json::from_slice(&std::fs::read(place.path("out/journey.json")).unwrap()).unwrap();
    assert!(chart["title"].as_str().unwrap().contains(name), "{}", chart["title"]);
    // With several texts, the text is named too.
    let two = place.run(["explore", "It rained.", text]).done().stdout;
    assert!(two.contains(" in text 2: its nearest words"), "{two}");
}

#[test]
fn words_beyond_the_limit_have_no_journey_and_that_is_said() {
    let place = Place::new();
    // 3 × 24 content words; MiniLM has 7 layers, and 400 / 7 is 57.
    let found = place.run(["explore", &"The bank refused the loan. ".repeat(24), "--json"]).json();
    assert_eq!(found["journeys"]["words"].as_array().unwrap().len(), 57);
    let omitted = found["omitted"].as_array().unwrap();
    let later = omitted.iter().find(|o| o["what"] == "journeys of further words").unwrap();
    let said = "72 content words could have one, and only the first 57 have";
    assert!(later["why"].as_str().unwrap().starts_with(said), "{later}");
}

#[test]
fn two_contexts_of_a_word_part_where_their_neighbours_do() {
    let place = Place::with_tiny();
    let texts = ["The bank lent him money.", "The bank of the river flooded."];
    let [first, second] = texts;
    let compared = |args: &[&str]| place.run([&["compare", "--word", "bank"], args].concat());
    let found = compared(&[first, second, "--json"]).json();
    let layers = |side: usize| found["journeys"]["words"][side]["layers"].clone();
    // The layers at which fewer than half of the neighbours are shared are counted from the top; only
    // the first three are in the JSON of explore, and all ten here.
    let near = |side: usize, layer: usize| -> Vec<u64> {
        let list = layers(side)[layer]["same_word"].as_array().unwrap().clone();
        list.iter().map(|n| n["occurrence"].as_u64().unwrap()).collect()
    };
    let apart = |layer: &usize| {
        let (a, b) = (near(0, *layer), near(1, *layer));
        assert!(a.len() >= 10 && b.len() >= 10);
        2 * b.iter().filter(|n| a.contains(n)).count() < a.len().max(b.len())
    };
    let expected = (0..7).rev().take_while(apart).last().unwrap();
    assert_eq!(found["parts"], expected);
    assert!(expected < 4);
    // They do not part at layer 0, where the word is the same at the same place.
    assert!(!apart(&0));
    let text = compared(&[first, second]).done().stdout;
    let said = format!("The two contexts of “bank” part at layer {expected}.");
    assert_eq!(found["verdict"][0], said);
    // The same word in a comparison of the two sentences.
    let sentences = place.run(["compare", first, second, "--json"]).json();
    let steps = sentences["alignment"].as_array().unwrap();
    let bank = steps.iter().find(|step| step["first"] == "bank" && step["second"] == "bank");
    assert_eq!(bank.unwrap()["parts"], expected);
    assert!(
        sentences["verdict"][0]
            .as_str()
            .unwrap()
            .contains(&format!("“bank” part at layer {expected}"))
    );
    assert!(text.contains(&said) && text.contains("no interval"), "{text}");
    assert_eq!(text.matches("the journey of “bank”").count(), 2);
    let files = place.files(&place.default_output());
    let of = |name: &str| String::from_utf8(files[name].clone().unwrap()).unwrap();
    assert!(of("journeys.svg").contains("near context 2") && !of("journeys.svg").contains('␣'));
    let head =
        "layer,\"before, 1\",near context 1,\"sense, 1\",\"before, 2\",near context 2,\"sense, 2\"";
    assert_eq!(of("journeys.csv").lines().next(), Some(head));
    let said = format!("Context 1: “{first}” Context 2: “{second}” Each line");
    assert!(of("captions.md").contains(&said), "{}", of("captions.md"));
    let same = compared(&[first, "The bank lent her money.", "--json"]).json();
    assert!(same["parts"].is_null());
    let three = compared(&[first, second, "A bank failed.", "--json"]).json();
    assert!(reason(&three).contains("two contexts"));
    let words = ["compare", "--word", "bank", "--word", "river", second, "--json"];
    assert!(reason(&place.run(words).json()).contains("two words"));
    let other = compared(&[first, second, "--model", "tiny", "--json"]).json();
    assert!(reason(&other).contains("none is stored"));
}
