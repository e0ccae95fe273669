//! The curves of `profile`: the shipped ones equal the computed ones, random weights show nothing, and
//! the same headline is everywhere.

use crate::bank_states::conllu;
use crate::cache::cache_revision;
use crate::checkpoints::Checkpoint;
use crate::command::{Place, interval, json_of, number, tiny};
use crate::fixtures::bundled;
use crate::profile::SMALL;
use crate::report::report_of_page;
use serde_json::{Value, json};
use stratoscope::bank::Bank;
use stratoscope::crates::probing::BANK;
use stratoscope::crates::probing::context::ContextLayer;
use stratoscope::explore::Exploration;
use stratoscope::profile::{BankOfCurves, Curve, Curves};
use stratoscope::{Estimate, ExploreOptions, Explorer, ModelArtifacts, NoStore, Silent};

/// The estimates of a layer, of nouns and of verbs apart.
fn all(values: &ContextLayer) -> Vec<Estimate> {
    let classes = [values.grammar, values.word_meaning].into_iter().flatten();
    let mut all: Vec<Estimate> = classes.flat_map(|of| [of.nouns, of.verbs]).flatten().collect();
    all.extend(values.sentence);
    all
}

#[test]
fn random_weights_have_the_spread_of_the_config() {
    let spread = |of: Option<f64>| {
        let mut model = Checkpoint::fixture("llama");
        match of {
            Some(value) => model.config["initializer_range"] = value.into(),
            None => _ = model.config.as_object_mut().unwrap().remove("initializer_range"),
        }
        let random = Explorer::open(model.source()).unwrap().with_random_weights(0).unwrap();
        let states = random.extract_ids(&[(0..36).collect::<Vec<u32>>()]).unwrap();
        // Layer 0 of this family is the embedding.
        let layer = states.layer(0);
        (layer.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / layer.len() as f64).sqrt()
    };
    for (of, expected) in [(None, 0.02), (Some(0.02), 0.02), (Some(0.05), 0.05), (Some(-1.0), 0.02)]
    {
        let found = spread(of);
        assert!((found / expected - 1.0).abs() < 0.1, "{of:?}: {found}");
    }
}

/// The first sentences of the reference bank, without stimuli.
fn first_sentences(n: usize) -> Bank {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("bank.conllu");
    let sentences: Vec<&str> = BANK.split_inclusive("\n\n").take(n).collect();
    std::fs::write(&path, sentences.concat()).unwrap();
    Bank::read(&[path]).unwrap()
}

/// With `STRATOSCOPE_UPDATE=1`, this test writes the curves.
#[test]
fn the_shipped_curves_equal_the_computed_ones() {
    let explorer = Explorer::open(bundled()).unwrap();
    let bank = Bank::reference().unwrap();
    if std::env::var_os("STRATOSCOPE_UPDATE").is_some() {
        let computed = Curves::compute(&explorer, &bank).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/bundled/curves.json");
        std::fs::write(path, serde_json::to_string(&computed).unwrap() + "\n").unwrap();
        return;
    }
    let shipped = Curves::parse(stratoscope_bundled::CURVES, &explorer.origin()).unwrap();
    let (computed, of_bank) = explorer.context_curves(&first_sentences(usize::MAX)).unwrap();
    let counts = |of: &BankOfCurves| (of.summary.content_words, of.nouns, of.verbs);
    let changed = "the bank has changed since: STRATOSCOPE_UPDATE=1";
    assert_eq!(shipped.bank.summary.sha256, bank.sha256, "{changed}");
    assert_eq!(counts(&shipped.bank), counts(&of_bank), "{changed}");
    assert_eq!((shipped.layers.len(), computed.layers.len()), (7, 7));
    for (theirs, ours) in shipped.layers.iter().zip(&computed.layers) {
        let (ours, random) = (all(ours), all(&shipped.random_weights[theirs.layer].values));
        assert_eq!((ours.len(), all(&theirs.values).len(), random.len()), (5, 5, 5));
        for (a, b) in ours.iter().zip(all(&theirs.values)) {
            let near = (a.value - b.value).abs() < 2e-3 && a.n == b.n;
            assert!(near, "layer {}: {a:?} {b:?}", theirs.layer);
            let [low, high] = a.interval.unwrap();
            assert!(low <= a.value && a.value <= high);
        }
        // Random weights show nothing.
        assert!(
            random.iter().all(|of| of.value.abs() < 0.02),
            "layer {}: {random:?}",
            theirs.layer
        );
    }
    // The story of this model, and what it rests on.
    let value = |curve: Curve, layer: usize| curve.of(&shipped.layers[layer]).unwrap().value;
    assert!(value(Curve::Grammar, 3) > 2.0 * value(Curve::Grammar, 0));
    assert!((0..7).all(|layer| value(Curve::WordMeaning, layer) > 0.2));
    assert!((0..6).all(|layer| 2.0 * value(Curve::Sentence, layer) < value(Curve::Sentence, 6)));
}

#[test]
fn random_weights_show_nothing() {
    let bank = first_sentences(400);
    let random = Explorer::open(bundled()).unwrap().with_random_weights(1).unwrap();
    let (curves, _) = random.context_curves(&bank).unwrap();
    assert_eq!(curves.layers.len(), 7);
    for (layer, values) in curves.layers.iter().enumerate() {
        for of in [values.grammar.unwrap(), values.word_meaning.unwrap()] {
            assert!(of.mean.value.abs() < 0.02, "layer {layer}: {of:?}");
        }
    }
}

#[test]
fn the_headline_is_the_same_on_the_terminal_the_page_the_figure_and_in_the_json() {
    let place = Place::new();
    let shown = place.line("profile --output p").done();
    let files = place.files("p");
    let json = json_of(&files, "numbers.json");
    let headline = json["headline"][0].as_str().unwrap();
    assert!(headline.starts_with("In all-MiniLM-L6-v2"), "{headline}");
    let first = shown.stdout.split("\n\n").next().unwrap();
    assert_eq!(first.replace('\n', " ").trim(), headline);
    assert!(shown.stdout.contains("\ngrammar       ▃▄"), "{}", shown.stdout);
    let text = |name: &str| std::str::from_utf8(files[name].as_ref().unwrap()).unwrap().to_owned();
    let figure = json_of(&files, "story.json");
    assert_eq!(figure["title"], headline);
    assert!(text("report.html").contains(headline));
    assert!(text("story.svg").contains("1,352") || text("story.svg").contains("1352"));
    assert!(text("story.csv").lines().count() > 6 * 7);
    for (key, layers) in [("layers", 7), ("random_weights", 7)] {
        assert_eq!(json[key].as_array().unwrap().len(), layers);
        for (number_of, layer) in json[key].as_array().unwrap().iter().enumerate() {
            assert_eq!(layer["layer"], number_of);
            for key in ["grammar", "word_meaning", "sentence"] {
                let [low, value, high] = interval(&layer[key]);
                assert!(low <= value && value <= high && layer[key]["n"].as_u64() > Some(1000));
            }
            let of = |class: &str| number(&layer["grammar"][class]["value"]);
            let mean = (of("nouns") + of("verbs")) / 2.0;
            assert!((number(&layer["grammar"]["value"]) - mean).abs() < 1e-12);
        }
    }
    // The page of a text has the curves and their headline too.
    let explorer = Explorer::open(bundled()).unwrap();
    let explored = |artifacts: &ModelArtifacts| {
        let states = explorer.extract(&["A bank."]).unwrap();
        let options = ExploreOptions::default();
        let exploration = Exploration::of(states, &options, artifacts, &Silent).unwrap();
        exploration.data().unwrap().story.clone().unwrap()
    };
    let story = explored(&ModelArtifacts::find(&explorer.origin(), &NoStore).unwrap());
    // The name is that of the folder of the model.
    assert_eq!(story.headline, [headline.replace("all-MiniLM-L6-v2", "bundled")]);
    assert_eq!(serde_json::to_value(&story.layers).unwrap(), json["layers"]);
    // A model without curves has the command that measures it.
    let story = explored(&ModelArtifacts::default());
    let text = story.not_measured.unwrap();
    assert!(text.starts_with("not measured yet: run `stratoscope profile --model "), "{text}");
    assert!(story.headline.is_empty() && story.layers.is_empty());
}

/// A bank of `sentences` sentences, in which the place in the sentence tells the relation.
pub(crate) fn own_bank(sentences: usize) -> String {
    let nouns = [
        ("dogs", "n.ANIMAL"),
        ("cats", "n.ANIMAL"),
        ("cars", "n.ARTIFACT"),
        ("cups", "n.ARTIFACT"),
    ];
    let verbs = [("see", "v.perception"), ("hear", "v.perception"), ("hold", "v.contact")];
    let sentence = |index: usize| {
        let noun = |step: usize| nouns[(index + step) % 4];
        let ((a, x), (b, y), (c, z)) = (noun(0), verbs[index % 3], noun(1 + index / 4));
        format!("{a}/NOUN/_/{x} {b}/VERB/nsubj/{y} {c}/NOUN/obj/{z} often/ADV/advmod/_")
    };
    conllu(
        &(0..sentences)
            .map(sentence)
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    )
}

#[test]
fn own_banks_are_measured_and_stored_and_few_sentences_have_no_intervals() {
    let place = Place::with_tiny();
    place.write("a.conllu", own_bank(12));
    place.write("b.conllu", own_bank(4));
    place.write("s.txt", SMALL);
    let own = "profile --model tiny --stimuli s.txt --json";
    let line = format!("{own} --bank a.conllu --bank b.conllu");
    let json = place.line(&line).json();
    assert_eq!(json["bank"]["name"], "a.conllu + b.conllu");
    assert_eq!((&json["bank"]["sentences"], &json["bank"]["nouns"]), (&16.into(), &32.into()));
    let cache = place.path("home/.cache/stratoscope/curves");
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 1);
    let again = place.line(&line).json();
    assert_eq!(again, json);
    // A damaged file is computed anew.
    for entry in std::fs::read_dir(&cache).unwrap() {
        std::fs::write(entry.unwrap().path(), "{").unwrap();
    }
    assert_eq!(place.line(&line).json(), json);
    let few = place.line(&format!("{own} --bank b.conllu")).json();
    assert!(
        few["layers"][1]["sentence"]["value"].is_null()
            || few["layers"][1]["sentence"]["interval"].is_null()
    );
    assert!(few["headline"][0].as_str().unwrap().starts_with("Nothing is said of tiny"), "{few}");
    // Without supersenses, word meaning is not measured.
    let plain: String = own_bank(12)
        .lines()
        .map(|l| match l.split_once("Supersense") {
            Some((before, _)) => format!("{before}_\n"),
            None => format!("{l}\n"),
        })
        .collect();
    place.write("plain.conllu", plain);
    let plain = place.line(&format!("{own} --bank plain.conllu")).json();
    assert!(plain["layers"][0]["word_meaning"].is_null());
    assert!(plain["layers"][0]["grammar"]["value"].is_number(), "{plain}");
}

#[test]
fn two_models_have_paired_differences() {
    let place = Place::with_tiny();
    place.write("a.conllu", own_bank(30));
    place.write("s.txt", SMALL);
    let line = "profile --stimuli s.txt --bank a.conllu --model bundled --model tiny";
    place.line(&format!("{line} --output both")).done();
    let files = place.files("both");
    for name in ["story.svg", "story--1-bundled.json", "story--2-tiny.png", "crossed.csv"] {
        assert!(files.contains_key(name), "{name}: {:?}", files.keys());
    }
    let json: Value = json_of(&files, "numbers.json");
    let [difference] = &json["differences"].as_array().unwrap()[..] else { panic!() };
    let last = difference["depths"].as_array().unwrap().last().unwrap();
    let value = |model: usize| {
        let layers = json["models"][model]["layers"].as_array().unwrap();
        number(&layers.last().unwrap()["grammar"]["value"])
    };
    let [low, found, high] = interval(&last["grammar"]);
    assert!((found - (value(1) - value(0))).abs() < 1e-12);
    assert!(low <= found && found <= high && number(&last["depth"]) == 1.0);
    // The page begins with the headlines of both models.
    let page = report_of_page(&files["report.html"].clone().unwrap());
    let first = |model: usize| json["models"][model]["headline"][0].as_str().unwrap();
    let said = &page.verdict[0];
    for model in [0, 1] {
        let (_, finding) = first(model).split_once(", ").unwrap();
        assert!(said.contains(finding), "{said}");
    }
}

#[test]
fn the_page_of_a_profile_begins_with_its_finding() {
    let place = Place::new();
    let shown = place.line("profile --output o").done().stdout;
    let files = place.files("o");
    let json: Value = json_of(&files, "numbers.json");
    let headline = json["headline"].as_array().unwrap();
    let page = report_of_page(&files["report.html"].clone().unwrap());
    assert_eq!(serde_json::to_value(&page.verdict).unwrap(), json["headline"]);
    let first = headline[0].as_str().unwrap();
    assert!(shown.replace('\n', " ").starts_with(first), "{shown}");
    // The figure has the headline as its title; on the page, it stands above it.
    assert_eq!(json_of(&files, "story.json")["title"], first);
    assert!(page.charts.iter().all(|chart| chart.title != first));
    // Every value of the figure has its n, also in the CSV.
    let csv = String::from_utf8(files["story.csv"].clone().unwrap()).unwrap();
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().ends_with(",high,n"));
    let ns: Vec<u64> = lines.map(|l| l.rsplit(',').next().unwrap().parse().unwrap()).collect();
    assert_eq!(ns.len(), 2 * 3 * 7);
    for (at, curve) in ["grammar", "word_meaning", "sentence"].into_iter().enumerate() {
        let expected = json["layers"][0][curve]["n"].as_u64();
        assert_eq!(Some(ns[7 * at]), expected, "{curve}");
    }
}

#[test]
fn two_revisions_of_a_model_have_one_figure_and_paired_differences() {
    let place = Place::new();
    let [before, after] = ["0", "f"].map(|digit| digit.repeat(40));
    let mut trained = tiny();
    let table = trained.tensors.iter_mut().find(|(n, _)| n.ends_with("word_embeddings.weight"));
    table.unwrap().1.bytes.rotate_left(24 * 4 * 7);
    cache_revision(&place, "org/a", "before", &before, &tiny());
    cache_revision(&place, "org/a", "main", &after, &trained);
    place.write("a.conllu", own_bank(30));
    place.write("s.txt", SMALL);
    let line = "profile --stimuli s.txt --bank a.conllu --offline --cache-dir hub";
    let shown = place.line(&format!("{line} --model org/a --model org/a@before --output both"));
    shown.done();
    let files = place.files("both");
    let figure = json_of(&files, "story.json");
    let panels: Vec<&Value> =
        figure["rows"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap()).collect();
    let names = |panel: &Value| -> Vec<String> {
        let series = panel["series"].as_array().unwrap().iter();
        series.map(|series| series["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(panels.len(), 6);
    assert_eq!((names(panels[0]), names(panels[3])), {
        (vec!["a@fffffff".to_owned(), "a@0000000".to_owned()], vec!["a@0000000".to_owned()])
    });
    assert_eq!(panels[3]["title"], "grammar, less a@fffffff");
    let caption = figure["caption"].as_str().unwrap();
    assert!(
        caption.starts_with("In a@fffffff, ") && caption.contains(" In a@0000000, "),
        "{caption}"
    );
    // The figure has the differences of the JSON, and they are those of the curves of each.
    let json: Value = json_of(&files, "numbers.json");
    let [difference] = &json["differences"].as_array().unwrap()[..] else { panic!() };
    assert_eq!((&difference["model"], &difference["revision"]), (&json!("org/a"), &json!(before)));
    assert_eq!(difference["minus_revision"], json!(after));
    let mut differ = false;
    for layer in 0..4 {
        let value =
            |model: usize| number(&json["models"][model]["layers"][layer]["grammar"]["value"]);
        let expected = value(1) - value(0);
        differ |= expected != 0.0;
        let found = number(&panels[3]["series"][0]["values"][layer]);
        assert_eq!(found, number(&difference["depths"][layer]["grammar"]["value"]));
        assert!((found - expected).abs() < 1e-12, "layer {layer}");
    }
    assert!(differ);
}

#[test]
fn the_first_figure_of_explore_is_the_story_of_the_model() {
    let place = Place::new();
    let text = "The bank refused the loan.";
    let line = format!("explore '{text}' --figures story,norms --output o");
    let shown = place.line(&line).done().stdout;
    assert!(shown.contains("  story norms (.svg"), "{shown}");
    let files = place.files("o");
    let of = |name: &str| String::from_utf8(files[name].clone().unwrap()).unwrap();
    let json = place.line(&format!("explore '{text}' --json")).json();
    let headline = json["story"]["headline"][0].as_str().unwrap();
    let figure = json_of(&files, "story.json");
    assert_eq!(figure["title"], headline);
    assert!(of("captions.md").contains(&format!("## story\n\n**{headline}** Words in context")));
    insta::assert_snapshot!("figure_of_the_story", of("story.svg"));
    // It is that of the profile, and the first of all figures.
    place.line("profile --output p").done();
    assert_eq!(place.files("p")["story.svg"], files["story.svg"]);
    let all = place.run(["explore", text]).done().stdout;
    assert!(all.contains("\n  story journey trajectory "), "{all}");
    // Several models have one with all their curves.
    let twice = "--model bundled --model ./copy";
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/bundled/model");
    std::os::unix::fs::symlink(model, place.path("copy")).unwrap();
    place.line(&format!("explore '{text}' --figures story {twice} --output two")).done();
    let files = place.files("two");
    assert!(files.contains_key("story--1-bundled.svg") && files.contains_key("story--2-copy.svg"));
    let both = json_of(&files, "story.json");
    assert_eq!(both["rows"][0][0]["series"].as_array().unwrap().len(), 2);
}

#[test]
fn a_model_without_curves_has_no_story_and_says_why() {
    let place = Place::with_tiny();
    let shown =
        place.line("explore 'the bank' --model tiny --figures story,norms --output o").done();
    let said = "omitted: curves of the model (none is stored for this model); `stratoscope profile` with \
                the same --model computes it\n";
    assert!(shown.stdout.starts_with(said), "{}", shown.stdout);
    assert!(!place.files("o").contains_key("story.svg"));
    // The curves over another bank are not those of the story.
    place.write("a.conllu", own_bank(12));
    place.write("s.txt", SMALL);
    place.line("profile --model tiny --bank a.conllu --stimuli s.txt").done();
    assert!(place.line("explore 'the bank' --model tiny").done().stdout.contains(said));
}

#[test]
fn banks_that_cannot_be_used_are_refused() {
    let place = Place::with_tiny();
    place.write("no-upos.conllu", "1\tdogs\tdog\t_\t_\t_\t0\troot\t_\t_\n\n");
    place.write("broken.conllu", "1\tdogs\tdog\n\n");
    for (file, what) in [
        ("no-upos.conllu", "are parts of speech (UPOS) annotated?"),
        ("broken.conllu", "broken.conllu"),
        ("nowhere.conllu", "nowhere.conllu"),
    ] {
        let outcome = place.line(&format!("profile --model tiny --bank {file}"));
        assert_eq!(outcome.code, Some(4), "{file}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains(what) && outcome.stderr.lines().count() == 1,
            "{}",
            outcome.stderr
        );
    }
}
