//! Tests of the chart and the numbers of `probe`, on made-up results.

use super::*;
use crate::analysis::Analysis;
use stratoscope_chart::{AxisKind, Curves, Drawing, Panel, SeriesKind};
use stratoscope_extractor::Origin;
use stratoscope_geometry::Estimate;
use stratoscope_probing::{
    Control, Counts, CurvePoint, LayerScores, Mdl, MlpScores, Scores, StructuralFit,
    StructuralLayer, StructuralSample, StructuralScores,
};

fn estimate(value: f64) -> Estimate {
    Estimate { value, interval: Some([value - 0.02, value + 0.02]), n: 12 }
}

fn scores(value: f64) -> Scores {
    let [accuracy, macro_f1] = [estimate(value), estimate(value - 0.1)];
    Scores { accuracy, macro_f1, unseen_lemma_accuracy: Some(estimate(value - 0.2)) }
}

/// A label at layers 0 and 2; `all` adds the optional measures.
fn label(name: &str, all: bool) -> LabelReport {
    let layer = |layer: usize| LayerReport {
        layer,
        linear: LayerScores {
            scores: scores(0.6 + 0.1 * layer as f64),
            gain_over_lookup: Some(estimate(0.1 * layer as f64)),
            strength: 1.0,
            held_out_accuracy: None,
            converged: true,
        },
        control: all.then(|| Control {
            accuracy: estimate(0.3),
            selectivity: estimate(0.3),
            strength: Some(1.0),
        }),
        random_weights: all.then(|| scores(0.4)),
        mdl: all.then(|| Mdl {
            codelength: 10.0,
            uniform: 20.0,
            compression: estimate(2.0),
            compression_by_frequency: 1.5,
            rows: 40,
            classes: 2,
            blocks: Vec::new(),
        }),
        mlp: all.then(|| MlpScores {
            scores: scores(0.65 + 0.1 * layer as f64),
            beyond_linear: estimate(0.05),
            held_out_accuracy: None,
            epochs: 7,
            control: None,
            mdl: None,
        }),
    };
    let point = |clusters: usize| CurvePoint {
        clusters,
        rows: 2 * clusters,
        accuracy: estimate(0.5 + 0.01 * clusters as f64),
    };
    LabelReport {
        label: name.to_owned(),
        counts: Counts {
            train: 40,
            dev: 5,
            test: 30,
            unseen_lemmas: 7,
            test_clusters: 12,
            classes: 2,
        },
        classes: Vec::new(),
        baselines: Baselines {
            majority: scores(0.5),
            form_lookup: Some(scores(0.55)),
            lemma_lookup: None,
            layer_0: Some(scores(0.6)),
        },
        layers: vec![layer(0), layer(2)],
        mixes: None,
        chosen_layer: all.then_some(2),
        learning_curve: if all { [5, 10, 10, 20].map(point).to_vec() } else { Vec::new() },
    }
}

fn report(labels: Vec<LabelReport>, structural: bool) -> Report {
    let scores = |value: f64| StructuralScores {
        uuas: Some(estimate(value)),
        dspr: Some(estimate(value)),
        nspr: None,
        root_accuracy: Some(estimate(value)),
    };
    let layer = |value: f64| {
        let fit = StructuralFit { rank: 2, epochs: 3, held_out_loss: 0.5 };
        StructuralLayer { scores: scores(value), distance: fit, depth: fit }
    };
    let structural = structural.then(|| StructuralReport {
        train_sentences: 9,
        sample: StructuralSample { sentences: 5, edges: 20, correlated: 4, rooted: 5 },
        chain: scores(0.4),
        layers: vec![(0, layer(0.5)), (2, layer(0.7))],
    });
    Report {
        tool: "test".to_owned(),
        model: Origin {
            model: "org/toy".to_owned(),
            revision: None,
            family: "toy".to_owned(),
            weights: Vec::new(),
            states: String::new(),
            n_layers: 2,
            causal: false,
            final_norm: false,
            dtype: "f32".to_owned(),
            device: "cpu".to_owned(),
            vectors: None,
            read_as: None,
        },
        data: Data {
            files: Vec::new(),
            split_seed: Some(0),
            unit: "word",
            sentences: PartCounts { train: 80, dev: 10, test: 12 },
            filters: Vec::new(),
            pooling: "mean",
            strength: None,
            seed: 0,
            unlabelled: 0,
            without_tokens: 0,
        },
        labels,
        structural,
        saved: None,
        files: Vec::new(),
    }
}

fn curves(report: &Report) -> Curves {
    let [figure] = &report.figures().unwrap()[..] else { panic!() };
    let chart = figure.chart().unwrap();
    chart.check().unwrap();
    figure.draw(crate::Style::REPORT).unwrap();
    match &chart.drawing {
        Drawing::Curves(curves) => curves.clone(),
        other => panic!("{other:?}"),
    }
}

fn names(panel: &Panel, kind: SeriesKind) -> Vec<&str> {
    panel.series.iter().filter(|s| s.kind == kind).map(|s| s.name.as_str()).collect()
}

#[test]
fn the_figure_has_all_measures() {
    let curves = curves(&report(vec![label("upos", true)], true));
    let titles: Vec<&str> = curves.panels().map(|panel| panel.title.as_str()).collect();
    let expected = [
        "upos",
        "selectivity",
        "online code",
        "trees: correct edges and roots",
        "trees: order of distances and depths",
        "learning curve of layer 2",
    ];
    assert_eq!(titles, expected);
    let panels: Vec<&Panel> = curves.panels().collect();
    let measures = ["accuracy", "unseen lemmas", "one hidden layer"];
    assert_eq!(names(panels[0], SeriesKind::Measure), measures);
    assert_eq!(
        names(panels[0], SeriesKind::Baseline),
        ["majority", "form lookup", "layer 0", "control task", "random weights"]
    );
    assert_eq!((panels[0].series[0].n, panels[0].series[1].n), (Some(30), Some(7)));
    assert_eq!(panels[0].x.numbers, [0, 2]);
    assert_eq!(names(panels[4], SeriesKind::Measure), ["DSpr"]);
    let learning = panels[5];
    assert_eq!((learning.x.kind, &learning.x.numbers[..]), (AxisKind::Counts, &[5, 10, 20][..]));
    let curve = &learning.series[0];
    assert_eq!((curve.values.len(), curve.intervals.len()), (3, 3));
}

#[test]
fn several_labels_have_a_contrast_and_many_share_rows() {
    let of = |n: usize| report((0..n).map(|i| label(&format!("l{i}"), false)).collect(), false);
    let rows = |n: usize| curves(&of(n)).rows.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(rows(1), [1]);
    assert_eq!(rows(3), [1, 1, 1, 1]);
    assert_eq!(rows(5), [2, 2, 1, 1]);
    let curves = curves(&of(2));
    let contrast = &curves.rows[2][0];
    assert!(contrast.title.starts_with("contrast"));
    assert_eq!(names(contrast, SeriesKind::Measure), ["l0", "l1"]);
    assert_eq!(of(2).title(), "Accuracy of a linear probe for l0 and l1 by layer: toy");
}

#[test]
fn accuracy_has_a_method_and_the_page_has_the_figure() {
    let report = report(vec![label("upos", false)], false);
    assert_eq!(report.accuracy(), [(0, estimate(0.6)), (2, estimate(0.8))]);
    assert_eq!(report.labels[0].layers[1].scores(), scores(0.8));
    let json = report.json().unwrap();
    assert_eq!(
        json["layers"][1]["accuracy"]["interval"],
        serde_json::json!([0.78, 0.8200000000000001])
    );
    assert_eq!(json["layers"][1]["accuracy"]["n"], 12);
    let pages = report.pages(&report.figures().unwrap()).unwrap();
    assert_eq!((pages.len(), pages[0].1.charts.len()), (1, 1));
    assert!(report.summary().contains("upos is predicted best at layer 2 (.80 [.78, .82])"));
}
