//! Tests of profiles, on made-up curves and designs.

pub(crate) use super::crossed::tests::{crossed, with_old_estimates};
pub(crate) use super::curves::tests::curves;

use super::*;

fn profile(model: &str, n_layers: usize) -> Profile {
    Profile {
        curves: curves(model, n_layers),
        crossed: crossed(model, n_layers),
        files: Vec::new(),
    }
}

#[test]
fn a_profile_has_both_views() {
    let profile = profile("toy", 3);
    let figures = profile.figures().unwrap();
    let ids: Vec<&str> = figures.iter().map(|figure| figure.id.as_str()).collect();
    assert_eq!(ids, ["story", "crossed"]);
    assert!(figures.iter().all(|figure| figure.draw(crate::Style::REPORT).is_ok()));
    assert_eq!(profile.title(), "Grammar, word meaning and sentence by layer: toy");
    let pages = profile.pages(&figures).unwrap();
    assert_eq!((pages[0].0.as_str(), pages[0].1.charts.len()), ("report.html", 2));
    let json = profile.numbers().unwrap();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "tool",
        "model",
        "bank",
        "seed",
        "resamples",
        "layers",
        "random_weights",
        "headline",
        "crossed",
    ];
    assert_eq!(keys, expected);
    assert!(json["crossed"]["target"]["layers"].is_array() && json["crossed"]["model"].is_null());
    let text = profile.summary();
    assert!(text.starts_with("In toy, word meaning") || text.starts_with("In toy, "), "{text}");
    assert!(text.contains("target: ω² of the variance"), "{text}");
    assert!(profile.provenance().subject.starts_with("the-reference-bank-homographs"));
}

#[test]
fn several_models_have_common_figures_and_paired_differences() {
    let profiles = Profiles(vec![profile("org/a", 2), profile("./b", 5)]);
    let figures = profiles.figures().unwrap();
    let ids: Vec<&str> = figures.iter().map(|figure| figure.id.as_str()).collect();
    let expected = ["story", "crossed", "story--1-a", "crossed--1-a", "story--2-b", "crossed--2-b"];
    assert_eq!(ids, expected);
    assert_eq!(profiles.title(), "Grammar, word meaning and sentence by layer: a, b");
    let json = profiles.numbers().unwrap();
    assert_eq!(json["models"].as_array().unwrap().len(), 2);
    let [difference] = &json["differences"].as_array().unwrap()[..] else { panic!() };
    assert_eq!((&difference["model"], &difference["minus"]), (&json!("./b"), &json!("org/a")));
    assert_eq!(difference["depths"].as_array().unwrap().len(), 3);
    assert!(difference["depths"][2]["sentence"]["interval"].is_array());
}
