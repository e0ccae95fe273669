//! The rules of the headline, on planted curves.

use super::*;
use crate::profile::curves::tests::planted;

const NONE: &[f64] = &[];

fn words(values: [&[f64]; 3]) -> String {
    planted("org/toy", values, 0.004, 0.003).headline().join(" ")
}

fn finding(grammar: &[f64]) -> Grammar {
    match Findings::of(&planted("toy", [grammar, NONE, NONE], 0.004, 0.003)).grammar {
        Known::Found(found) => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rise_a_stay_and_a_jump_are_the_story() {
    // The values of MiniLM on a corpus of reviews.
    let grammar = [0.048, 0.064, 0.127, 0.155, 0.121, 0.081, 0.065];
    let meaning = [0.380, 0.400, 0.413, 0.428, 0.416, 0.404, 0.387];
    let sentence = [0.004, 0.007, 0.011, 0.028, 0.047, 0.037, 0.154];
    assert_eq!(
        words([&grammar, &meaning, &sentence]),
        "In toy, grammar is clearest at layer 3 and then fades; word meaning is there from the start and \
         stays about level; at layer 6, the words of a sentence become more alike."
    );
}

#[test]
fn layers_that_cannot_be_told_apart_are_a_range() {
    let at = |from: usize, to: usize, course| Grammar::Clearest { at: from..=to, course };
    // Layers 2 and 3 are each the highest in a part of the resamples.
    assert_eq!(finding(&[0.05, 0.06, 0.150, 0.151, 0.07]), at(2, 3, Course::Fades));
    assert_eq!(finding(&[0.05, 0.15, 0.151, 0.150, 0.12]), at(1, 3, Course::Weakens));
    assert_eq!(finding(&[0.05, 0.06, 0.07, 0.2]), at(3, 3, Course::Rises));
    assert_eq!(finding(&[0.05, 0.06, 0.200, 0.199]), at(2, 3, Course::Rises));
    assert_eq!(finding(&[0.20, 0.15, 0.10, 0.05]), at(0, 0, Course::Fades));
    assert_eq!(finding(&[0.200, 0.200, 0.06]), at(0, 1, Course::Fades));
    // The highest at layer 1, and no difference to the last layer.
    assert_eq!(finding(&[0.150, 0.151, 0.150]), Grammar::Level);
    assert_eq!(finding(&[0.15; 9]), Grammar::Level);
    assert_eq!(finding(&[0.0, 0.001, -0.002, 0.0]), Grammar::Absent);
    assert_eq!(finding(&[0.1]), Grammar::Level);
}

#[test]
fn a_false_story_is_not_told() {
    // Grammar rises to the end, word meaning comes late, sentences stay apart.
    let (grammar, sentence) = ([0.02, 0.05, 0.10, 0.20], [0.01, 0.02, 0.02, 0.03]);
    assert_eq!(
        words([&grammar, &[0.05, 0.1, 0.3, 0.4], &sentence]),
        "In toy, grammar rises and is clearest at layer 3; word meaning is there from layer 2 on; the \
         words of a sentence do not become more alike."
    );
    assert_eq!(
        words([&[0.15; 4], &[0.4, 0.4, 0.1, 0.05], &[0.4, 0.5, 0.4, 0.3]]),
        "In toy, no difference in grammar between layers was found; word meaning is there up to layer \
         1; the words of a sentence are alike at every layer."
    );
    assert_eq!(
        words([&[0.0; 4], &[0.0; 4], &[0.01, 0.3, 0.4, 0.1]]),
        "In toy, grammar is not above chance at any layer; word meaning is not above chance at any \
         layer; the words of a sentence are most alike at layers 1 and 2."
    );
    assert_eq!(
        words([&[0.3, 0.25, 0.2, 0.2], &[0.1, 0.4, 0.1, 0.3], &[0.01, 0.2, 0.25, 0.3]]),
        "In toy, grammar is clearest at layer 0 and then weakens; word meaning is there at layer 1; \
         from layer 1 on, the words of a sentence become more alike."
    );
    assert!(words([NONE, &[0.1, 0.4, 0.3, 0.1], NONE]).contains("from layer 1 to layer 2"));
}

#[test]
fn word_meaning_that_is_there_from_the_start_has_a_course() {
    let of = |meaning: &[f64]| {
        let said = words([NONE, meaning, NONE]);
        let said = said.strip_prefix("In toy, word meaning is there from the start and ");
        said.and_then(|said| said.strip_suffix('.')).map(str::to_owned)
    };
    let course = |meaning: &[f64]| of(meaning).unwrap();
    // The values of mpnet on the reference bank: the last layer has .52 of the highest value.
    let mpnet =
        [0.519, 0.556, 0.588, 0.587, 0.576, 0.542, 0.521, 0.510, 0.503, 0.498, 0.482, 0.459, 0.305];
    assert_eq!(course(&mpnet), "weakens at layer 12");
    assert_eq!(course(&[0.40, 0.41, 0.30, 0.26, 0.25]), "weakens from layer 3 on");
    assert_eq!(course(&[0.40, 0.41, 0.31, 0.31, 0.31]), "stays about level");
    assert_eq!(course(&[0.25, 0.26, 0.35, 0.40]), "grows up to layer 2");
    assert_eq!(course(&[0.25, 0.40, 0.40, 0.25]), "is strongest at layers 1 and 2");
    assert_eq!(course(&[0.40, 0.25, 0.25, 0.40]), "is weaker at layers 1 and 2");
    assert_eq!(course(&[0.4]), "stays about level");
    // Half of the highest value is there, less is not.
    assert_eq!(course(&[0.40, 0.41, 0.21]), "weakens at layer 2");
    assert_eq!(of(&[0.40, 0.41, 0.20]), None);
    // With wide intervals, a fall to .6 of the highest value may be chance.
    let wide = planted("toy", [NONE, &[0.4, 0.4, 0.24], NONE], 0.0, 0.08).headline();
    assert_eq!(wide, ["In toy, word meaning is there from the start and stays about level."]);
}

#[test]
fn what_is_not_measured_is_not_said() {
    assert_eq!(words([NONE, NONE, NONE]), "");
    let only = words([NONE, NONE, &[0.01, 0.2]]);
    assert_eq!(only, "In toy, at layer 1, the words of a sentence become more alike.");
    // Values without intervals.
    let mut few = planted("toy", [&[0.1, 0.2], NONE, &[0.1, 0.2]], 0.004, 0.003);
    few = serde_json::from_value({
        let mut json = serde_json::to_value(&few).unwrap();
        for layer in json["resampled"].as_array_mut().unwrap() {
            layer["grammar"] = serde_json::json!([]);
            layer["sentence"] = serde_json::json!([]);
        }
        json
    })
    .unwrap();
    let said = few.headline();
    assert_eq!(
        said,
        ["Nothing is said of toy: the bank has fewer than 5 sentences with words to compare."]
    );
}

#[test]
fn random_weights_that_show_as_much_are_a_warning() {
    let mut curves = planted("toy", [&[0.05, 0.1, 0.06], &[0.3; 3], &[0.01; 3]], 0.004, 0.003);
    let random = planted("toy", [&[0.08; 3], &[0.1; 3], &[0.01; 3]], 0.004, 0.003);
    curves.random_weights = random.layers;
    let [_, warning] = &curves.headline()[..] else { panic!() };
    assert_eq!(
        warning,
        "With random weights, the model reaches grammar of .08: this part need not be learned."
    );
    // In causal models, the words of a sentence may be alike without training.
    let mut curves = planted("toy", [&[0.05, 0.2], &[0.3; 2], &[0.01, 0.5]], 0.004, 0.003);
    let random = |sentence: f64| {
        planted("toy", [&[0.01; 2], &[0.01; 2], &[0.0, sentence]], 0.004, 0.003).layers
    };
    curves.random_weights = random(0.84);
    let headline = curves.headline().join(" ");
    assert!(
        headline.ends_with(
            "at layer 1, the words of a sentence become more alike. With random weights, the model \
             reaches a sentence share of .84: this part need not be learned."
        ),
        "{headline}"
    );
    curves.random_weights = random(1.0);
    assert!(curves.headline().join(" ").contains("reaches a sentence share of 1.00"));
    // Less than half of the model's, and a model in which they do not become more alike.
    curves.random_weights = random(0.24);
    assert_eq!(curves.headline().len(), 1);
    let mut apart = planted("toy", [&[0.05, 0.2], &[0.3; 2], &[0.01, 0.08]], 0.004, 0.003);
    apart.random_weights = random(0.84);
    assert_eq!(apart.headline().len(), 1);
}
