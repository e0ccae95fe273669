//! The crossed design of `profile`: the shipped one equals the computed one, its controls hold, and the
//! command works.

use crate::command::{Place, interval, json_of};
use crate::fixtures::bundled;
use crate::story::own_bank;
use serde_json::Value;
use stratoscope::crates::probing::{Balance, Design, Partitioner, Placement, Stimuli};
use stratoscope::profile::{Crossed, CrossedStates, NamedStimuli};
use stratoscope::{Estimate, Explorer, Silent};

/// With `STRATOSCOPE_UPDATE=1`, this test writes the design.
#[test]
fn the_shipped_design_equals_the_computed_one_and_its_controls_hold() {
    let explorer = Explorer::open(bundled()).unwrap();
    let stimuli = NamedStimuli::homographs().unwrap();
    let states = CrossedStates::extract(&explorer, stimuli.clone()).unwrap();
    let computed = Crossed::compute(&states, 0, &Silent).unwrap();
    if std::env::var_os("STRATOSCOPE_UPDATE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/bundled/crossed.json");
        let mut json = serde_json::to_string_pretty(&computed).unwrap();
        json.push('\n');
        std::fs::write(path, json).unwrap();
        return;
    }
    let shipped = Crossed::parse(stratoscope_bundled::CROSSED, &explorer.origin()).unwrap();
    assert!(shipped.is_of(&stimuli), "the stimuli have changed since: STRATOSCOPE_UPDATE=1");
    assert_eq!((&shipped.stimuli, &shipped.balance), (&computed.stimuli, &computed.balance));
    for (ours, theirs) in computed.curves().iter().zip(shipped.curves()) {
        for (a, b) in ours.1.layers.iter().zip(&theirs.1.layers) {
            let pairs = [
                (a.partition.sense, b.partition.sense),
                (a.partition.role, b.partition.role),
                (a.partition.semantic_share, b.partition.semantic_share),
                (a.partition.within_word, b.partition.within_word),
            ];
            for (a, b) in pairs {
                match (a, b) {
                    (Some(a), Some(b)) => assert!((a.value - b.value).abs() < 1e-4, "{a:?} {b:?}"),
                    _ => assert_eq!(a, b),
                }
            }
        }
    }
    // The embedding of a word does not depend on its sentence.
    let first = &computed.target.layers[0].partition;
    assert!(first.within_word.unwrap().value < 0.02);
    assert_eq!((first.semantic_share, first.semantic_share_any_role), (None, None));
    for layer in &computed.target.layers[1..] {
        assert!(layer.partition.semantic_share.is_some(), "layer {}", layer.layer);
    }
    the_balance_is_kept(&computed.balance);
    shuffled_labels_show_nothing(&states);
}

/// The balance that an edit of the stimuli must keep.
fn the_balance_is_kept(balance: &Balance) {
    assert!(balance.positions_equal && balance.sub_words_equal, "{balance:?}");
    assert_eq!(balance.sub_words, 1);
    let lengths = &balance.length_by_role;
    let longest = lengths.iter().copied().fold(0.0, f64::max);
    let shortest = lengths.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(longest - shortest < 1.0, "{lengths:?}");
    assert!(balance.length_between_senses < 0.5, "{}", balance.length_between_senses);
    assert!(balance.role_from_neighbours.accuracy < 0.70, "{:?}", balance.role_from_neighbours);
    assert!(balance.sense_from_neighbours.accuracy < 0.58, "{:?}", balance.sense_from_neighbours);
}

/// With permuted labels (senses within word and role, roles within word and sense), there is no
/// effect.
fn shuffled_labels_show_nothing(states: &CrossedStates) {
    let positions: Vec<usize> = states.placements.iter().map(|p| p.position).collect();
    let design = Design::new(&states.stimuli.stimuli, &positions).unwrap();
    let texts = states.items.len() / design.word.len();
    let n_layers = states.target.dim().0;
    let layer = n_layers / 2;
    let vectors = states.target.index_axis(ndarray::Axis(0), layer);
    let means = ndarray::Array2::from_shape_fn((design.word.len(), vectors.ncols()), |(c, d)| {
        (0..texts).map(|t| f64::from(vectors[[c * texts + t, d]])).sum::<f64>() / texts as f64
    });
    let shuffle = |which: &str, seed: u64| {
        use rand::{SeedableRng, seq::SliceRandom};
        let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
        let mut design = design.clone();
        let fixed = if which == "sense" { design.role.clone() } else { design.sense.clone() };
        let moved = if which == "sense" { &mut design.sense } else { &mut design.role };
        for word in 0..=design.word.iter().copied().max().unwrap() {
            for label in 0..4 {
                let rows: Vec<usize> = (0..fixed.len())
                    .filter(|&r| design.word[r] == word && fixed[r] == label)
                    .collect();
                let mut values: Vec<usize> = rows.iter().map(|&r| moved[r]).collect();
                values.shuffle(&mut rng);
                rows.iter().zip(values).for_each(|(&r, v)| moved[r] = v);
            }
        }
        let found = Partitioner::new(design, 0).unwrap().partition(means.view()).unwrap();
        if which == "sense" { found.sense } else { found.role }.unwrap()
    };
    for which in ["sense", "role"] {
        let found: Vec<Estimate> = (0..4).map(|seed| shuffle(which, seed)).collect();
        println!("{which} shuffled, layer {layer}: {found:?}");
        let holds = |e: &&Estimate| e.interval.is_some_and(|[low, high]| low <= 0.0 && 0.0 <= high);
        let holds = found.iter().filter(holds).count();
        assert!(holds >= 3, "{which}: {found:?}");
        assert!(found.iter().all(|e| e.value.abs() < 0.02), "{which}: {found:?}");
    }
}

/// The placements for a tokenizer with one token per word and punctuation mark.
fn placements(stimuli: &Stimuli) -> Vec<Placement> {
    let place = |item: stratoscope::crates::probing::Item| {
        let characters: Vec<char> = item.text.chars().collect();
        let mut tokens: Vec<(usize, String)> = Vec::new();
        let mut word = false;
        for (at, c) in characters.into_iter().enumerate() {
            match tokens.last_mut() {
                Some((_, last)) if word && c.is_alphabetic() => last.push(c),
                _ if c.is_whitespace() => {}
                _ => tokens.push((at, c.to_string())),
            }
            word = c.is_alphabetic();
        }
        let target = tokens.iter().position(|t| t.0 == item.target[0]).unwrap();
        Placement {
            position: target,
            sub_words: 1,
            tokens: tokens.len(),
            before: target.checked_sub(2).map_or(String::new(), |i| tokens[i].1.clone()),
            after: tokens[target + 1].1.clone(),
        }
    };
    stimuli.items().into_iter().map(place).collect()
}

#[test]
fn both_sets_are_balanced_for_tokenizers_that_keep_words_whole() {
    let homographs = Stimuli::homographs().unwrap();
    the_balance_is_kept(&Balance::of(&homographs, &placements(&homographs)).unwrap());
    let noun_verb = Stimuli::noun_verb().unwrap();
    let balance = Balance::of(&noun_verb, &placements(&noun_verb)).unwrap();
    assert!(balance.positions_equal, "{balance:?}");
    assert!(balance.role_from_neighbours.accuracy < 0.85, "{balance:?}");
    assert!(balance.sense_from_neighbours.accuracy < 0.60, "{balance:?}");
    assert!((balance.length_by_role[0] - balance.length_by_role[1]).abs() < 1.0);
}

#[test]
fn an_edit_that_breaks_the_balance_is_noticed() {
    let text = Stimuli::HOMOGRAPHS;
    let edited = text.replacen("I still think that |", "I think that |", 1);
    assert_ne!(edited, text);
    let stimuli = Stimuli::parse(&edited).unwrap();
    assert!(!Balance::of(&stimuli, &placements(&stimuli)).unwrap().positions_equal);
}

/// Function words; all other words are content words.
const FUNCTION_WORDS: &str = include_str!("../fixtures/function_words.txt");

#[test]
fn contexts_of_a_cell_share_no_content_word() {
    let function: std::collections::HashSet<&str> = FUNCTION_WORDS.split_whitespace().collect();
    for stimuli in [Stimuli::homographs().unwrap(), Stimuli::noun_verb().unwrap()] {
        let mut seen = std::collections::HashMap::new();
        for item in stimuli.items() {
            let context = &stimuli.contexts()[item.context];
            let form = &stimuli.words()[context.word].form;
            let text = item.text.to_lowercase();
            for word in text.split(|c: char| !c.is_alphabetic()).filter(|w| w.len() > 1) {
                if function.contains(word) || word == form {
                    continue;
                }
                let cell = (context.word, context.sense, context.role);
                let other = seen.entry((cell, word.to_owned())).or_insert(item.context);
                assert_eq!(*other, item.context, "{word:?} in line {} and another", context.line);
            }
        }
    }
}

/// Two words in two senses, two roles and two contexts.
pub(crate) const SMALL: &str = "\
carrier the
word bank
sense money: lends money
role subject
Now | I think that | the [bank] lent her more money.
We know | In the end | in March the [bank] raised its fees.
role object
Now | I think that | angry clients sued the [bank] again.
We know | In the end | two robbers entered the [bank] at noon.
sense river
role subject
Now | I think that | the [bank] was wet and muddy.
We know | In the end | in spring the [bank] was flooded again.
role object
Now | I think that | the ducks left the [bank] quickly.
We know | In the end | tall trees line the [bank] of the lake.
word bat
sense animal
role subject
Now | I think that | the [bat] slept in a cave.
We know | In the end | at dusk the [bat] hunts small moths.
role object
Now | I think that | an owl caught the [bat] in flight.
We know | In the end | my cat brought the [bat] to us.
sense club
role subject
Now | I think that | the [bat] broke on the first ball.
We know | In the end | in cricket the [bat] is made of wood.
role object
Now | I think that | she swung the [bat] with all her force.
We know | In the end | the team painted the [bat] bright red.
";

#[test]
fn the_profile_of_the_bundled_model_is_stored() {
    let place = Place::new();
    let shown = place.line("profile");
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("carrier “the”") && shown.stdout.contains("made-up"));
    let folder = shown.stdout.lines().find(|l| l.starts_with("stratoscope-out/")).unwrap();
    for name in [
        "crossed.svg",
        "crossed.png",
        "crossed.csv",
        "numbers.json",
        "report.html",
        "manifest.json",
    ] {
        assert!(place.path(folder).join(name).is_file(), "{name}");
    }
    let json = place.line("profile --json");
    let value: Value = serde_json::from_str(&json.stdout).unwrap();
    let value = &value["crossed"];
    for of in [&value["target"], &value["carrier"], &value["standardised"]["target"]] {
        let layers = of["layers"].as_array().unwrap();
        assert_eq!(layers.len(), 7);
        for key in ["sense", "role", "word_role", "rest", "semantic_share", "within_word"] {
            let cell = &layers[3][key];
            let [low, value, high] = interval(cell);
            assert!(low <= value && value <= high, "{key}: {cell}");
        }
        assert!(layers[0]["semantic_share"].is_null());
    }
    assert!(json.stderr.is_empty());
}

#[test]
fn profiles_of_several_models_are_compared() {
    let place = Place::with_tiny();
    place.write("own.txt", SMALL);
    place.write("bank.conllu", own_bank(9));
    let options = "--stimuli own.txt --bank bank.conllu";
    let line = format!("profile {options} --model bundled --model tiny");
    let shown = place.line(&format!("{line} --output both")).done();
    assert_eq!(shown.stdout.matches("own.txt: 2 words").count(), 2);
    let written = place.files("both");
    for name in ["crossed.svg", "crossed--1-bundled.json", "crossed--2-tiny.png"] {
        assert!(written.contains_key(name), "{name}: {:?}", written.keys());
    }
    let all: Value = json_of(&written, "numbers.json");
    let found: Value =
        serde_json::from_str(&place.line(&format!("{line} --json")).done().stdout).unwrap();
    assert_eq!(all, found);
    let one = place.line(&format!("profile {options} --model tiny --json"));
    let mut one = one.json();
    one.as_object_mut().unwrap().remove("schema");
    assert_eq!(found["models"][1], one);
    let refused = place.line(&format!("{line} --save-states s.safetensors"));
    assert_eq!(refused.code, Some(2));
}

#[test]
fn profiles_of_own_stimuli_are_computed_and_stored() {
    let place = Place::new();
    place.write("own.txt", SMALL);
    let line = "profile --stimuli own.txt --save-states own.safetensors --output out";
    let shown = place.line(line);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("own.txt: 2 words, 4 senses, 2 roles (subject, object)"));
    assert!(shown.stdout.contains("unequal in the cells of the design: position is removed"));
    // Existing files are not replaced without --overwrite.
    let again = place.line(line);
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    let first = std::fs::read(place.path("out/numbers.json")).unwrap();
    let cached = place.line("profile --stimuli own.txt --json");
    assert_eq!(cached.code, Some(0));
    let (a, b): (Value, Value) =
        (serde_json::from_slice(&first).unwrap(), serde_json::from_str(&cached.stdout).unwrap());
    assert_eq!(a, b);
    // With a damaged cache, the profile is computed again.
    let cache = place.path("home/.cache/stratoscope/profiles");
    for entry in std::fs::read_dir(&cache).unwrap() {
        std::fs::write(entry.unwrap().path(), "{").unwrap();
    }
    let anew = place.line("profile --stimuli own.txt --json");
    assert_eq!(anew.stdout, cached.stdout, "{}", anew.stderr);
    // The stimuli have no contexts for causal models.
    let none = place.line("profile --stimuli own.txt --cues-first");
    assert_eq!(none.code, Some(4));
    assert!(none.stderr.contains("own.txt: line 5: no context of bank (money) as subject"));
}

#[test]
fn errors_in_stimuli_name_the_line() {
    let place = Place::new();
    place.write("broken.txt", SMALL.replace("the [bat] slept", "a [bat] slept"));
    place.write("latin.txt", b"word caf\xe9\n");
    let cases = [
        ("profile --stimuli broken.txt", "line 20: the carrier \"the\" has to stand right before"),
        ("profile --stimuli latin.txt", "latin.txt: not valid UTF-8"),
        ("profile --stimuli nowhere.txt", "there is no file nowhere.txt"),
    ];
    for (line, what) in cases {
        let outcome = place.line(line);
        assert_eq!(outcome.code, Some(4), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.starts_with("error: ") && outcome.stderr.contains(what));
        assert_eq!(outcome.stderr.lines().count(), 1);
    }
    let outcome = place.line("profile --save-states states.bin");
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(!place.path("stratoscope-out").exists());
}
