//! Curves that are made up: figures, the page's story, differences, stored files.

use super::*;
use crate::bank::Bank;
use rand::Rng;
use stratoscope_chart::{Drawing, SeriesKind};
use stratoscope_numerics::generator;
use stratoscope_probing::context::{ContextCurves, ResampledLayer};

/// Curves with planted values, `[layers]` each. The resamples have a spread of `shared` that all layers
/// have in common, and of `own` that each layer has for itself. A curve without values is not measured.
pub(crate) fn planted(model: &str, values: [&[f64]; 3], shared: f64, own: f64) -> Curves {
    let layers = values.iter().map(|values| values.len()).max().unwrap();
    let mut rng = generator(7);
    let mut noise = || (0..12).map(|_| rng.gen_range(-0.5..0.5)).sum::<f64>();
    let common: Vec<f64> = (0..RESAMPLES).map(|_| shared * noise()).collect();
    let mut curves = ContextCurves { layers: Vec::new(), resampled: Vec::new() };
    for layer in 0..layers {
        let mut drawn = |values: &[f64]| -> Vec<f64> {
            let Some(value) = values.get(layer) else { return Vec::new() };
            common.iter().map(|common| value + common + own * noise()).collect()
        };
        let [grammar, word_meaning, sentence] = values.map(&mut drawn);
        let estimate = |values: &[f64], drawn: &[f64]| {
            values.get(layer).map(|value| Estimate::of_samples(*value, 90, drawn.to_vec()))
        };
        let by_class = |mean: Estimate| ByClass { mean, nouns: Some(mean), verbs: None };
        curves.layers.push(ContextLayer {
            grammar: estimate(values[0], &grammar).map(by_class),
            word_meaning: estimate(values[1], &word_meaning).map(by_class),
            sentence: estimate(values[2], &sentence),
        });
        curves.resampled.push(ResampledLayer { grammar, word_meaning, sentence });
    }
    let random = ContextCurves {
        layers: vec![ContextLayer::default(); layers],
        resampled: vec![ResampledLayer::default(); layers],
    };
    let bank = Bank::reference().unwrap();
    let summary = BankSummary {
        name: bank.name,
        sha256: bank.sha256,
        sentences: 90,
        words: 900,
        content_words: 450,
        on_sinks: 0,
    };
    let bank = BankOfCurves { summary, nouns: 200, verbs: 100 };
    let origin = crate::profile::tests::crossed(model, layers.saturating_sub(1)).model;
    Curves::of(origin, bank, curves, Some(random))
}

/// Curves of a model of `n_layers` blocks: grammar in the middle, word meaning throughout, the sentence
/// at the last layer.
pub(crate) fn curves(model: &str, n_layers: usize) -> Curves {
    let grammar: Vec<f64> = (0..=n_layers)
        .map(|layer| 0.05 + 0.1 * f64::from(u8::from(2 * layer == n_layers)))
        .collect();
    let meaning = vec![0.4; n_layers + 1];
    let mut sentence = vec![0.01; n_layers + 1];
    sentence[n_layers] = 0.2;
    planted(model, [&grammar, &meaning, &sentence], 0.005, 0.002)
}

#[test]
fn the_figure_has_the_curves_their_intervals_and_random_weights() {
    let mut curves = curves("toy", 4);
    curves.random_weights.clone_from(&curves.layers);
    let chart = curves.chart();
    chart.check().unwrap();
    let Drawing::Curves(drawn) = &chart.drawing else { panic!() };
    let [panel] = &drawn.panels().collect::<Vec<_>>()[..] else { panic!() };
    let names: Vec<&str> = panel.series.iter().map(|s| s.name.as_str()).collect();
    let expected = ["grammar", "word meaning", "sentence"];
    assert_eq!(names[..3], expected);
    assert_eq!(names[3..], expected.map(|name| format!("{name}, random weights")));
    for (place, series) in panel.series.iter().enumerate() {
        assert_eq!(series.kind == SeriesKind::Baseline, place >= 3);
        assert!(series.intervals.iter().all(Option::is_some));
    }
    assert!(panel.range[0] <= 0.0, "{:?}", panel.range);
    assert_eq!(chart.title, curves.headline().join(" "));
    for part in
        ["the reference bank (90 sentences", "200 nouns, 100 verbs", "does not", "do not show"]
    {
        assert_eq!(chart.caption.contains(part), part != "does not", "{part}: {}", chart.caption);
    }
    let without = planted("toy", [&[], &[], &[]].map(|v: &[f64; 0]| &v[..]), 0.0, 0.0);
    assert!(without.headline().is_empty());
}

#[test]
fn the_page_and_the_json_have_every_value() {
    let curves = curves("toy", 2);
    let story = curves.story();
    assert_eq!(story.headline, curves.headline());
    let json = curves.numbers().unwrap();
    assert_eq!(serde_json::to_value(&story.layers).unwrap(), json["layers"]);
    assert_eq!(json["headline"], serde_json::json!(story.headline));
    assert_eq!(json["bank"]["nouns"], 200);
    assert_eq!(json["layers"][1]["grammar"]["n"], 90);
    assert!(json["layers"][1]["grammar"]["nouns"]["interval"].is_array());
    for key in ["format", "resampled"] {
        assert!(json.get(key).is_none(), "{key}");
    }
    let text = crate::text::written(|text| curves.write(text));
    assert!(text.contains("grammar       ▃█▃  at most .150 ["), "{text}");
    assert!(text.contains("\n    2  "), "{text}");
}

#[test]
fn differences_are_paired_at_shares_of_the_depth() {
    let (a, b) = (curves("a", 4), curves("b", 8));
    let difference = b.minus(&a).unwrap();
    assert_eq!((difference.model.as_str(), difference.minus.as_str()), ("b", "a"));
    let depths: Vec<f64> = difference.depths.iter().map(|at| at.depth).collect();
    assert_eq!(depths, [0.0, 0.25, 0.5, 0.75, 1.0]);
    let middle = difference.depths[2].grammar.unwrap();
    let [low, high] = middle.interval.unwrap();
    assert!(middle.value.abs() < 1e-12 && low < 0.0 && 0.0 < high, "{middle:?}");
    // The common spread of the resamples cancels.
    let own = a.layers[2].values.grammar.unwrap().mean.interval.unwrap();
    assert!(high - low < own[1] - own[0], "{middle:?} {own:?}");
    // Between two layers, values are on a line: 8 layers against 3.
    let c = curves("c", 3).minus(&b).unwrap();
    let third = c.depths[1].sentence.unwrap();
    assert!(third.value.abs() < 1e-12, "{third:?}");
    let mut other = b.clone();
    other.bank.summary.sha256.clear();
    assert_eq!(other.minus(&a), None);
    assert_eq!(a.minus(&a).unwrap().depths[1].sentence.unwrap().interval, Some([0.0; 2]));
}

#[test]
fn stored_curves_have_the_values_on_the_resamples() {
    let curves = curves("toy", 3);
    let json = serde_json::to_string(&curves).unwrap();
    assert!(json.len() < 70_000, "{} bytes", json.len());
    let read = Curves::parse(&json, &curves.model).unwrap();
    assert_eq!(read, curves);
    assert_eq!(read.headline(), curves.headline());
    let other = json.replace("\"format\":2", "\"format\":1");
    assert_ne!(other, json);
    assert!(matches!(Curves::parse(&other, &curves.model), Err(crate::Error::Stored { .. })));
}

#[test]
fn several_models_have_one_figure_over_relative_depth() {
    let all = [curves("org/a", 2), curves("./b", 5)];
    let chart = side_by_side(&all.iter().collect::<Vec<_>>());
    chart.check().unwrap();
    let Drawing::Curves(drawn) = &chart.drawing else { panic!() };
    let titles: Vec<&str> = drawn.panels().map(|panel| panel.title.as_str()).collect();
    let names = ["grammar", "word meaning", "sentence"];
    let differences = names.map(|name| format!("{name}, less a"));
    assert_eq!(titles[..3], names);
    assert_eq!(titles[3..], differences);
    for panel in drawn.panels().take(3) {
        assert_eq!(panel.series[0].at, [0.0, 0.5, 1.0]);
        assert_eq!(panel.series[1].name, "b");
    }
    for curves in &all {
        assert!(chart.caption.contains(&curves.headline()[0]));
    }
}
