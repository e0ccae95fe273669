//! Tests of charts and stored files, on made-up designs.

use super::*;
use serde_json::{Value, json};
use stratoscope_chart::{Chart, Curves, Drawing};
use stratoscope_geometry::Estimate;
use stratoscope_probing::{Null, Predictability};

/// A design of `n_layers` blocks with a carrier. At layer 0, no effect is defined.
pub(crate) fn crossed(model: &str, n_layers: usize) -> Crossed {
    let curve = |shift: f64| {
        let layer = |layer: usize| {
            let at = |value: f64| {
                let value = value + shift + 0.01 * layer as f64;
                Some(Estimate { value, interval: Some([value - 0.02, value + 0.03]), n: 32 })
            };
            let defined = Partition {
                sense: at(0.1),
                role: at(0.2),
                word_role: at(-0.15),
                semantic_share: at(0.3),
                within_word: at(0.4),
                sense_null: Some(Null { mean: 0.0, high: 0.01 }),
                role_null: Some(Null { mean: 0.0, high: 0.02 }),
                ..Partition::default()
            };
            let none =
                Partition { within_word: Some(Estimate::exact(0.0, 32)), ..Partition::default() };
            CrossedLayer { layer, partition: if layer == 0 { none } else { defined } }
        };
        CrossedCurve { layers: (0..=n_layers).map(layer).collect() }
    };
    let predictability = Predictability { accuracy: 0.5, chance: 0.25 };
    Crossed {
        format: FORMAT,
        tool: TOOL.to_owned(),
        model: Origin {
            model: model.to_owned(),
            revision: None,
            family: "toy".to_owned(),
            weights: vec![format!("weights of {model}")],
            states: format!("states of {model}"),
            n_layers,
            causal: false,
            final_norm: false,
            dtype: "f32".to_owned(),
            device: "cpu".to_owned(),
            vectors: None,
            read_as: None,
        },
        stimuli: StimuliSummary {
            name: "homographs".to_owned(),
            sha256: NamedStimuli::homographs().unwrap().sha256,
            cues_first: false,
            words: 32,
            senses: 64,
            roles: vec!["subject".to_owned(), "object".to_owned()],
            carrier: Some("the".to_owned()),
            contexts: 1024,
            texts: 2048,
        },
        seed: SEED,
        resamples: RESAMPLES,
        permutations: PERMUTATIONS,
        balance: Balance {
            positions_equal: true,
            positions: [3, 4],
            sub_words_equal: true,
            sub_words: 1,
            length_by_role: vec![9.0, 9.0],
            length_between_senses: 0.0,
            role_from_neighbours: predictability,
            sense_from_neighbours: predictability,
        },
        position_removed: false,
        target: curve(0.0),
        carrier: Some(curve(0.1)),
        standardised: StandardisedCrossed { target: curve(0.0), carrier: Some(curve(0.1)) },
    }
}

/// Converts estimates to their form in an old format: `low` and `high`, without `n`.
pub(crate) fn with_old_estimates(json: &str) -> String {
    fn convert(value: &mut Value) {
        match value {
            Value::Object(map) if map.contains_key("interval") => {
                let ends = [0, 1].map(|end| map["interval"].get(end).cloned().unwrap_or_default());
                let [low, high] = ends;
                *value = json!({ "value": map["value"], "low": low, "high": high });
            }
            Value::Object(map) => map.values_mut().for_each(convert),
            Value::Array(list) => list.iter_mut().for_each(convert),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(json).unwrap();
    convert(&mut value);
    value.to_string()
}

fn drawn(chart: &Chart) -> Curves {
    chart.check().unwrap();
    match &chart.drawing {
        Drawing::Curves(curves) => curves.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_figure_has_effects_on_one_scale_and_shares() {
    let chart = crossed("toy", 3).chart();
    let curves = drawn(&chart);
    let titles: Vec<Vec<&str>> = (curves.rows.iter())
        .map(|row| row.iter().map(|panel| panel.title.as_str()).collect())
        .collect();
    let expected = [
        ["target: effects", "carrier “the”: effects"],
        ["semantic share", "variance within words"],
    ];
    assert_eq!(titles, expected);
    let [target, carrier] = &curves.rows[0][..] else { panic!() };
    assert_eq!(target.range[1], carrier.range[1]);
    assert!(target.range[0] < 0.0, "the axis holds negative effects: {:?}", target.range);
    let names: Vec<&str> = target.series.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["sense", "role", "word × role", "sense, chance", "role, chance"]);
    assert_eq!(target.series[0].values[..2], [None, Some(0.11)]);
    assert_eq!(chart.full_title(), "Variance explained by sense and role, by layer: toy");
}

#[test]
fn several_models_have_a_common_figure() {
    let all = [crossed("org/a", 2), crossed("./b", 5)];
    let chart = side_by_side(&all.iter().collect::<Vec<_>>());
    let all = drawn(&chart);
    assert_eq!(all.panels().count(), 6);
    for panel in all.panels() {
        let names: Vec<&str> = panel.series.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(panel.series[0].at, [0.0, 0.5, 1.0]);
        assert_eq!(panel.series[1].layers, [0, 1, 2, 3, 4, 5]);
    }
}

#[test]
fn stored_designs_are_read_and_other_formats_are_refused() {
    let crossed = crossed("toy", 2);
    let json = serde_json::to_string(&crossed).unwrap();
    assert_eq!(Crossed::parse(&json, &crossed.model).unwrap(), crossed);
    for other in [
        with_old_estimates(&json),
        json.replace("\"format\":2", "\"format\":1"),
        json.replace("states of", "other states of"),
        "{}".to_owned(),
    ] {
        let error = Crossed::parse(&other, &crossed.model).unwrap_err();
        assert!(matches!(error, crate::Error::Stored { .. }), "{error}");
    }
}
