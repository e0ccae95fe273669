//! Values of cells of planted states: four quarters of an image with a direction of their own.

use super::*;
use crate::explore::{Options, report_of};
use crate::{Analysis, FigureSelection, ModelArtifacts, Silent};
use ndarray::Array3;
use std::sync::Arc;
use stratoscope_chart::{Chart, Drawing, Pictures};
use stratoscope_extractor::{Capture, Captured, Cell, Row, Text};
use stratoscope_loader::Picture;
use stratoscope_transformer::HookPoint;

const SIDE: usize = 4;

/// Two images of 4 × 4 patches after a class token, at two layers. Patches of one quarter are nearly
/// equal; at layer 1 the left half of an image is one group and the right half the other.
fn planted() -> Activations {
    let cells = SIDE * SIDE;
    let row = |index: usize| {
        let (sequence, at) = (index / (cells + 1), index % (cells + 1));
        let cell = at.wrapping_sub(1);
        Row {
            sequence,
            label: match at {
                0 => "[CLS]".to_owned(),
                _ => format!("patch {},{}", cell / SIDE, cell % SIDE),
            },
            token_id: None,
            char_offsets: [0, 0],
            text_id: 0,
            word_id: None,
            special: at == 0,
            unknown: false,
        }
    };
    let rows: Vec<Row> = (0..2 * (cells + 1)).map(row).collect();
    let state = |(layer, index, dimension): (usize, usize, usize)| {
        let at = index % (cells + 1);
        if at == 0 {
            return if dimension == 5 { 3.0 } else { 0.1 };
        }
        let (row, column) = ((at - 1) / SIDE, (at - 1) % SIDE);
        let group = match layer {
            0 => 2 * (row / 2) + column / 2,
            _ => column / 2,
        };
        let noise = ((index * 7 + dimension * 13) as f32 * 0.37).sin() * 0.05;
        if dimension == group { 1.0 + noise } else { noise }
    };
    let media = |name: &str| Media {
        name: name.to_owned(),
        cell: Cell::Patch,
        picture: Arc::new(Picture { width: 8, height: 8, rgb: vec![90; 8 * 8 * 3] }),
        grid: [SIDE, SIDE],
        first: 1,
        crop: None,
        seconds: None,
        hertz: None,
        sha256: String::new(),
    };
    // Two heads: the first tokens attend to their own image evenly, or to its first patch alone.
    let n = cells + 1;
    let pattern = |(head, at): (usize, usize)| match (head, at % (n * n) / n, at % n) {
        (1, 0, key) => f32::from(key == 1),
        _ => 1.0 / n as f32,
    };
    let mut origin = crate::bank::tests::planted(&["water"], &[vec![[0.0; 3]]]).origin;
    origin.n_layers = 1;
    Activations {
        origin,
        unit: Unit::Token,
        layers: vec![0, 1],
        texts: ["a.png", "b.png"].map(Text::from).to_vec(),
        media: vec![media("a.png"), media("b.png")],
        hidden_states: Array3::from_shape_fn((2, rows.len(), 6), state),
        rows,
        hooks: vec![Captured {
            capture: Capture::Hook(HookPoint::Pattern(0)),
            values: Array2::from_shape_fn((2, 2 * n * n), pattern),
        }],
    }
}

fn explored(options: &Options) -> Exploration {
    Exploration::of(planted(), options, &ModelArtifacts::default(), &Silent).unwrap()
}

fn pictures(chart: &Chart) -> &Pictures {
    match &chart.drawing {
        Drawing::Pictures(pictures) => pictures,
        _ => panic!("{} is no picture", chart.id),
    }
}

#[test]
fn the_chosen_patch_is_like_its_group_in_both_images() {
    let explored = explored(&Options { cell: Some([3, 0]), ..Options::default() });
    let charts = explored.picture_charts().unwrap();
    let ids: Vec<&str> = charts.iter().map(|chart| chart.id.as_str()).collect();
    assert_eq!(ids, ["similarity", "components", "first_attention"]);
    charts.iter().for_each(|chart| chart.check().unwrap());
    assert_eq!(charts[0].title, "Similarity of patch 3,0 to every patch, by layer");
    assert!(!charts[0].caption.contains("token") || charts[0].caption.contains("special tokens"));
    let panels = &pictures(&charts[0]).panels;
    assert_eq!(panels.iter().map(|panel| panel.chosen).collect::<Vec<_>>(), [Some(12), None]);
    for panel in panels {
        for (slice, group) in panel.slices.iter().zip([[2, 3], [0, 3]]) {
            for (cell, value) in slice.values.iter().enumerate() {
                // Below, and on the left; at layer 1 on the left alone.
                let (row, column) = (cell / SIDE, cell % SIDE);
                let same = (group[0]..=group[1]).contains(&row) && column < 2;
                let value = value.unwrap();
                assert!(if same { value > 0.9 } else { value < 0.1 }, "{cell} {value}");
            }
        }
    }
}

#[test]
fn groups_have_colours_that_stay_from_layer_to_layer() {
    let explored = explored(&Options::default());
    let components = explored.cells.as_ref().unwrap().components.as_ref().unwrap();
    let far = |a: [f64; 3], b: [f64; 3]| {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    // Rows: the class token, then the patches. Patch 0,0 and patch 1,1 are one group, 0,0 and 0,3 two.
    let at = |layer: usize, cell: usize| components.places[layer][1 + cell];
    assert!(far(at(0, 0), at(0, 5)) < 0.3 && far(at(0, 0), at(0, 3)) > 0.7);
    assert!(far(at(0, 0), at(0, 12)) > 0.7 && far(at(1, 0), at(1, 3)) > 0.7);
    // The other image has the same colours.
    assert!(far(at(0, 0), components.places[0][1 + SIDE * SIDE + 1]) < 0.3);
    assert!(components.shares.iter().all(|share| (0.9..=1.0 + 1e-9).contains(share)));
}

#[test]
fn the_class_token_looks_where_its_heads_look() {
    let explored = explored(&Options { attention: true, ..Options::default() });
    let n = SIDE * SIDE + 1;
    let blocks = explored.from_first.as_ref().unwrap();
    let even = 1.0 / n as f64;
    let mean = blocks[0].mean();
    assert!((mean[1] - (even + 1.0) / 2.0).abs() < 1e-6 && (mean[2] - even / 2.0).abs() < 1e-6);
    assert!((mean[n + 1] - mean[1]).abs() < 1e-6);
    let data = explored.data().unwrap();
    assert!(data.layers[0].from_first.is_none());
    let on_page = data.layers[1].from_first.as_ref().unwrap();
    assert_eq!((on_page.len(), on_page[1][1], on_page[1][n + 1]), (2, 100_000, 100_000));
    // Without special tokens there is no class token, and no pattern.
    let mut states = planted();
    states = states.without_special().unwrap();
    assert_eq!(states.media.iter().map(|media| media.first).collect::<Vec<_>>(), [0, 0]);
    assert!(FromFirst::of(&states).is_none());
    // A picture needs all of its cells.
    let some: Vec<usize> = (1..states.rows.len()).collect();
    assert!(states.with_rows(&some).media.is_empty());
}

#[test]
fn a_page_and_a_summary_speak_of_patches() {
    let explored = explored(&Options::default());
    let report = report_of(&[&explored]).unwrap();
    report.check().unwrap();
    let data = &report.explorations[0];
    let media = data.media.as_ref().unwrap();
    let firsts: Vec<usize> = media.iter().map(|media| media.first).collect();
    assert_eq!((data.unit.as_str(), firsts), ("patch", vec![1, 18]));
    assert!(data.story.is_none() && data.queries.is_none());
    assert!(data.layers[0].similarity.as_ref().unwrap().centred.is_some());
    let summary = explored.summary();
    assert!(summary.contains("2 images, 32 patches and 2 special tokens"), "{summary}");
    assert!(summary.contains("a.png: 4 x 4 patches of 8 x 8 pixels"), "{summary}");
    assert!(summary.contains("nearest to patch 2,2 by centred cosine"), "{summary}");
    let texts = ["sentence", "text", "word"];
    for figure in explored.figures().unwrap() {
        let json = figure.json().unwrap();
        let caption = json["caption"].as_str().unwrap();
        let wrong = texts.iter().find(|word| caption.contains(**word));
        assert!(wrong.is_none(), "{}: {caption}", figure.id);
    }
    let omitted: Vec<String> = explored.omitted().iter().map(ToString::to_string).collect();
    assert!(omitted.contains(&"journeys (it is about words of texts)".to_owned()), "{omitted:?}");
    // Chosen figures that need a picture have a reason where there is none.
    let figures = FigureSelection::Some(vec!["components".to_owned()]);
    let mut states = planted();
    states.media.clear();
    let options = Options { figures, ..Options::default() };
    let without = Exploration::of(states, &options, &ModelArtifacts::default(), &Silent).unwrap();
    assert_eq!(without.omitted[0].to_string(), "components (it needs images or sounds)");
}
