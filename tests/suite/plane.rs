//! The plane of role and sense: the one that ships is the model's own, and sentences with a known
//! answer are where they should be.

use crate::command::Place;
use crate::fixtures::bundled;
use ndarray::{Array1, Array2};
use serde_json::Value;
use stratoscope::extractor::Origin;
use stratoscope::{Activations, Explorer, NamedStimuli, Plane, Pooling, ProfileStates, Unit};

/// Part of the test of the shipped profile, whose states it shares.
pub(crate) fn the_shipped_plane_is_the_models_own(explorer: &Explorer, states: &ProfileStates) {
    let computed = Plane::compute(states, 0, &mut |_| {}).unwrap();
    if std::env::var_os("STRATOSCOPE_UPDATE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/bundled/plane.safetensors");
        std::fs::write(path, computed.to_bytes().unwrap()).unwrap();
        return;
    }
    let shipped = shipped(explorer);
    assert!(shipped.is_of(&states.stimuli), "the stimuli have changed since: STRATOSCOPE_UPDATE=1");
    for (a, b) in computed.by_layer.iter().zip(&shipped.by_layer) {
        assert_eq!(a.left_out.is_some(), b.left_out.is_some(), "layer {}", a.layer);
        let Some((x, y)) = a.separation.zip(b.separation) else {
            assert_eq!(a.separation, b.separation);
            continue;
        };
        println!("layer {}: {x:?} {:?}", a.layer, a.left_out);
        for (x, y) in [(x.role.accuracy, y.role.accuracy), (x.sense.accuracy, y.sense.accuracy)] {
            assert!((x.value - y.value).abs() < 0.01, "layer {}: {x:?} {y:?}", a.layer);
        }
        assert!((x.apart.value - y.apart.value).abs() < 1e-3);
        if let (Some(x), Some(y)) = (computed.subspaces(a.layer), shipped.subspaces(a.layer)) {
            // The squared cosines of the angles between two equal subspaces are all 1.
            let same = |x: &Array2<f32>, y: &Array2<f32>| {
                x.dot(&y.t()).iter().map(|v| v * v).sum::<f32>() / x.nrows() as f32
            };
            assert!(same(&x.role, &y.role) > 0.999 && same(&x.sense, &y.sense) > 0.999);
        }
    }
    // The embedding of a word knows nothing of its sentence, and in the last layer a subspace that
    // senses share tells no more of them than random ones.
    let left_out: Vec<Option<&str>> =
        computed.by_layer.iter().map(|l| l.left_out.as_deref()).collect();
    assert_eq!(left_out[0], Some("nothing varies within a word"));
    assert!(left_out[1..6].iter().all(Option::is_none), "{left_out:?}");
    assert!(left_out[6].is_some_and(|r| r.starts_with("senses of words left out are told at")));
}

fn shipped(explorer: &Explorer) -> Plane {
    Plane::parse(stratoscope_bundled::PLANE, &explorer.origin()).unwrap()
}

/// Homographs whose sense is fixed by the end of the sentence, none of them among the stimuli: the
/// word, its sentence with an end that leaves the sense open, and with one for each of two senses.
const FIXED_LATE: [[&str; 4]; 10] = [
    [
        "bass",
        "In the end the bass was so heavy that nobody could believe it.",
        "In the end the bass was so heavy that the fisherman cut his line.",
        "In the end the bass was so heavy that the guitarist turned it down.",
    ],
    [
        "pitch",
        "She said that the pitch was not what they had wanted at all.",
        "She said that the pitch was too high for the soprano and the choir.",
        "She said that the pitch was too muddy for the football team.",
    ],
    [
        "date",
        "He told me that the date was better than we had thought.",
        "He told me that the date was ripe and sweet like a fig.",
        "He told me that the date was printed on the calendar.",
    ],
    [
        "scale",
        "I heard that the scale was not what it had been before.",
        "I heard that the scale was off by two kilograms of flour.",
        "I heard that the scale was played on the piano by a pupil.",
    ],
    [
        "file",
        "Then he saw that the file was not where it had been.",
        "Then he saw that the file was deleted from the computer.",
        "Then he saw that the file was too blunt for the steel and the wood.",
    ],
    [
        "fan",
        "We could see that the fan was not there any more.",
        "We could see that the fan was cheering for his team.",
        "We could see that the fan was blowing cool air at the ceiling.",
    ],
    [
        "bill",
        "They all said that the bill was much too long.",
        "They all said that the bill was passed by the senate.",
        "They all said that the bill was used by the duck to catch insects.",
    ],
    [
        "mint",
        "People say that the mint was very good in those days.",
        "People say that the mint was growing beside basil and parsley.",
        "People say that the mint was striking silver coins.",
    ],
    [
        "bow",
        "He thought that the bow was nicer than the others.",
        "He thought that the bow was strung and shot an arrow.",
        "He thought that the bow was tied with a red ribbon around the gift.",
    ],
    [
        "racket",
        "She knew that the racket was the reason for all of it.",
        "She knew that the racket was restrung before the tennis match.",
        "She knew that the racket was run by gangsters and police.",
    ],
];

/// The same words in the same sentence with their roles exchanged.
const EXCHANGED: [[&str; 3]; 8] = [
    [
        "dog",
        "The dog chased the cat through the garden.",
        "The cat chased the dog through the garden.",
    ],
    [
        "teacher",
        "The teacher thanked the student after the lesson.",
        "The student thanked the teacher after the lesson.",
    ],
    [
        "doctor",
        "The doctor called the lawyer in the morning.",
        "The lawyer called the doctor in the morning.",
    ],
    ["king", "The king feared the queen and her army.", "The queen feared the king and her army."],
    ["girl", "The girl saw the boy near the station.", "The boy saw the girl near the station."],
    ["truck", "The truck hit the car at the corner.", "The car hit the truck at the corner."],
    [
        "engineer",
        "The engineer praised the manager for the report.",
        "The manager praised the engineer for the report.",
    ],
    [
        "soldier",
        "The soldier followed the guide into the forest.",
        "The guide followed the soldier into the forest.",
    ],
];

/// The vector of a word in a text, at the place of a layer.
fn vector(states: &Activations, text: usize, word: &str, layer: usize) -> Array1<f64> {
    let is = |r: &stratoscope::extractor::Row| r.sequence == text && r.label == word;
    let row = states.rows.iter().position(is).unwrap();
    states.layer(layer).row(row).mapv(f64::from)
}

#[test]
fn what_changes_a_words_sense_lies_up_and_what_changes_its_role_to_the_right() {
    let explorer = Explorer::open(&bundled()).unwrap();
    let plane = shipped(&explorer);
    let layers = 2..=5;
    let texts = FIXED_LATE.iter().flat_map(|c| [c[2], c[3]]);
    let texts: Vec<&str> = texts.chain(EXCHANGED.iter().flat_map(|c| [c[1], c[2]])).collect();
    let states = explorer.extract(&texts).unwrap().pooled(Unit::Word, Pooling::Mean).unwrap();
    for layer in layers {
        let place = |case: usize, word: &str| {
            let [a, b] = [0, 1].map(|side| vector(&states, 2 * case + side, word, layer));
            plane.subspaces(layer).unwrap().place((a - b).view()).unwrap()
        };
        let of_sense: Vec<_> =
            FIXED_LATE.iter().enumerate().map(|(case, c)| place(case, c[0])).collect();
        let of_role: Vec<_> = (EXCHANGED.iter().enumerate())
            .map(|(case, c)| place(FIXED_LATE.len() + case, c[0]))
            .collect();
        let up = of_sense.iter().filter(|p| p.sense > p.role).count();
        let right = of_role.iter().filter(|p| p.role > p.sense).count();
        println!("layer {layer}: {up} of 10 senses up, {right} of 8 roles to the right");
        assert!(up >= 8, "layer {layer}: {of_sense:?}");
        assert!(right >= 7, "layer {layer}: {of_role:?}");
    }
}

#[test]
fn a_sense_that_is_fixed_late_lifts_its_word() {
    let explorer = Explorer::open(&bundled()).unwrap();
    let plane = shipped(&explorer);
    // [layers 1 to 5]: over open ends, and over those that fix the sense.
    let (mut open, mut fixed, mut higher) = ([0.0; 5], [0.0; 5], [0; 5]);
    for [word, texts @ ..] in FIXED_LATE {
        let states = explorer.extract(&texts).unwrap();
        let neutral = explorer.neutral(&plane, &states).unwrap();
        let trails = plane.trails(&neutral, &states).unwrap();
        assert_eq!(trails.shown, [1, 2, 3, 4, 5]);
        let of = |sentence: usize| {
            trails.words.iter().find(|w| w.sentence == sentence && w.text == word).unwrap()
        };
        for layer in 0..5 {
            let [a, b, c] = [0, 1, 2].map(|s| of(s).places[layer].unwrap().sense);
            open[layer] += a / 10.0;
            fixed[layer] += (b + c) / 20.0;
            higher[layer] += usize::from(b > a) + usize::from(c > a);
        }
    }
    println!("open ends {open:.2?}, fixed {fixed:.2?}, higher {higher:?} of 20");
    // On the mean from layer 1 on; sentence by sentence it holds in most, and from layer 3 on.
    for layer in 0..5 {
        assert!(fixed[layer] > open[layer] + 0.4, "{open:?} {fixed:?}");
        assert!(layer < 2 || higher[layer] >= 12, "{higher:?}");
    }
}

#[test]
fn words_without_a_place_have_none() {
    let explorer = Explorer::open(&bundled()).unwrap();
    let plane = shipped(&explorer);
    let trails = |texts: &[&str]| {
        let states = explorer.extract(texts).unwrap();
        plane.trails(&explorer.neutral(&plane, &states).unwrap(), &states)
    };
    // Marks are no words; a word as a frame has it has a place all the same.
    let found = trails(&["It was bank.", "«…»!"]).unwrap();
    let words: Vec<&str> = found.words.iter().map(|w| w.text.as_str()).collect();
    assert_eq!(words, ["It", "was", "bank"]);
    assert!(found.words.iter().flat_map(|w| &w.places).flatten().all(|p| p.role.is_finite()));
    assert_eq!(trails(&["…!"]).unwrap_err().reason, "there is no word");
    let many = "word ".repeat(101);
    assert!(trails(&[&many]).unwrap_err().reason.contains("101 words are too many"));
    let states = explorer.extract(&["The bank."]).unwrap();
    let ends = states.with_layers(&[0, 6]);
    let neutral = explorer.neutral(&plane, &ends).unwrap();
    assert!(plane.trails(&neutral, &ends).unwrap_err().reason.contains("layers chosen"));
    let whole = states.pooled(Unit::Sentence, Pooling::Mean).unwrap();
    let neutral = explorer.neutral(&plane, &whole).unwrap();
    assert!(plane.trails(&neutral, &whole).unwrap_err().reason.contains("whole texts"));
}

#[test]
fn a_stored_plane_of_another_model_or_a_damaged_one_is_refused() {
    let explorer = Explorer::open(&bundled()).unwrap();
    let origin = explorer.origin();
    let bytes = stratoscope_bundled::PLANE;
    let plane = Plane::parse(bytes, &origin).unwrap();
    assert_eq!(plane.to_bytes().unwrap(), bytes, "read and written, the same bytes");
    let refused =
        |bytes: &[u8], origin: &Origin| Plane::parse(bytes, origin).unwrap_err().to_string();
    let other = Origin { weights: vec!["0".to_owned()], ..origin.clone() };
    assert!(refused(bytes, &other).ends_with("it was computed with other weights"));
    let half = Origin { dtype: "bf16".to_owned(), ..origin.clone() };
    assert!(refused(bytes, &half).contains("it was computed in "));
    let deep = Origin { n_layers: 12, ..origin.clone() };
    assert!(refused(bytes, &deep).ends_with("it has 7 layers"));
    for end in [0, 7, 8, 100, bytes.len() - 1] {
        refused(&bytes[..end], &origin);
    }
    let edited = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut edited = bytes.to_vec();
        edited[at..at + from.len()].copy_from_slice(to.as_bytes());
        refused(&edited, &origin)
    };
    assert!(edited("\"3.role\"", "\"9.role\"").contains("3.role"));
    assert!(edited("\\\"format\\\":1", "\\\"format\\\":9").contains("format 9"));
    let mut infinite = bytes.to_vec();
    let end = infinite.len();
    infinite[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(refused(&infinite, &origin).contains("holds NaN"));
}

#[test]
fn the_plane_is_among_the_figures_and_what_lacks_it_says_why() {
    let place = Place::with_tiny();
    let shown = place.line("explore 'The bank by the river refused the loan.' --output out");
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    let numbers: Value =
        serde_json::from_slice(&std::fs::read(place.path("out/plane.json")).unwrap()).unwrap();
    assert_eq!(numbers["words"].as_array().unwrap().len(), 8);
    let layers = numbers["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 5);
    for layer in layers {
        assert!(layer["separation"]["role"]["accuracy"]["value"].as_f64().unwrap() > 0.3);
        assert_eq!(layer["places"].as_array().unwrap().len(), 8);
        assert!(layer["places"][1]["sense"].is_f64());
    }
    let json: Value = serde_json::from_str(
        &place.line("explore 'The bank by the river refused the loan.' --json").stdout,
    )
    .unwrap();
    assert_eq!(json["layers"][3]["plane"]["places"], layers[2]["places"]);
    assert!(json["layers"][0]["plane"].is_null() && json["layers"][6]["plane"].is_null());
    assert_eq!(json["plane"]["not_shown"][0]["layer"], 0);
    // Of a states file there is no model to read neutral frames with.
    let from = place.line("explore --from out/states.safetensors --output from");
    assert!(from.stdout.contains("left out: plane (neutral frames were not read"), "{from:?}");
    let tiny = place.line("explore 'a b c' --model tiny --output tiny-out");
    assert!(
        tiny.stdout.contains("left out: plane (none is known of this model; `strato"),
        "{tiny:?}"
    );
}

#[test]
fn a_model_that_tells_nothing_apart_has_no_plane() {
    use rand::{Rng, SeedableRng};
    let explorer = Explorer::open(&bundled()).unwrap();
    let stimuli = NamedStimuli::parse("small", &small()).unwrap();
    let mut states = ProfileStates::extract(&explorer, stimuli, &mut |_| {}).unwrap();
    // Every text at a place of its own: nothing to tell apart.
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    states.target.mapv_inplace(|_| rng.r#gen::<f32>());
    let plane = Plane::compute(&states, 0, &mut |_| {}).unwrap();
    assert!(plane.by_layer.iter().all(|l| l.left_out.is_some()), "{:?}", plane.by_layer);
    let states = explorer.extract(&["The bank was closed."]).unwrap();
    let neutral = explorer.neutral(&plane, &states).unwrap();
    let reason = plane.trails(&neutral, &states).unwrap_err().reason;
    assert!(reason.starts_with("no layer tells both apart; "), "{reason}");
    let bytes = plane.to_bytes().unwrap();
    assert_eq!(Plane::parse(&bytes, &explorer.origin()).unwrap(), plane);
}

/// The first five words of the homographs, so that it takes little time.
fn small() -> String {
    let all = stratoscope::probing::Stimuli::HOMOGRAPHS;
    let end = all.match_indices("\nword ").nth(5).map_or(all.len(), |(at, _)| at + 1);
    all[..end].to_owned()
}
