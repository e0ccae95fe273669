//! Laws that hold for every figure: well-formed, inside the page, readable, repeatable.

use crate::labels::Rect;
use crate::*;

/// Words of many scripts, and hostile ones.
const WORDS: [&str; 24] = [
    "[CLS]",
    "the",
    "bank",
    "##s",
    "🛸",
    "中文",
    "مرحبا",
    "\u{7}",
    "हिन्दी",
    "ไทย",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    " of",
    "<script>alert('&\"]]>')</script>",
    "\u{202E}evil",
    "한국",
    "👩\u{200D}🔬",
    "",
    "\u{0}\u{1}\u{FFFE}\u{FFFF}",
    "z\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "\u{E0041}\u{FEFF}",
    "\n\t",
    "a\u{2028}b",
    "&amp;",
    "[SEP]",
];

fn tokens(n: usize, sentences: usize) -> Vec<Token> {
    (0..n)
        .map(|i| {
            let text = WORDS[i % WORDS.len()];
            Token {
                text: text.to_owned(),
                sentence: i * sentences / n,
                special: text.starts_with('['),
            }
        })
        .collect()
}

/// Repeatable values in −1 to 1.
fn wave(i: usize) -> f64 {
    (i as f64 * 0.754_877_666 + 0.3).fract() * 2.0 - 1.0
}

fn trajectory(n: usize, n_layers: usize, scale: f64) -> Trajectory {
    let point =
        |l: usize, t: usize| [scale * wave(l * 7 + t * 13), scale * wave(l * 5 + t * 3 + 1)];
    Trajectory {
        title: "Trails <&>\u{7}".to_owned(),
        caption: "A caption & its \u{202E}words. ".repeat(12),
        tokens: tokens(n, 1 + n / 10),
        layers: (0..n_layers).collect(),
        points: (0..n_layers).map(|l| (0..n).map(|t| point(l, t)).collect()).collect(),
        shares: Some([0.4, 0.1]),
    }
}

fn maps(n: usize, n_layers: usize, scale: f64, colour: MapColour) -> Maps {
    let Trajectory { title, caption, tokens, points, .. } = trajectory(n, n_layers, scale);
    let map = |(layer, points)| Map { layer, note: "trustworthiness 0.91".to_owned(), points };
    Maps { title, caption, tokens, maps: points.into_iter().enumerate().map(map).collect(), colour }
}

fn similarity(n: usize, n_layers: usize) -> Similarity {
    let matrix = |l: usize| (0..n * n).map(|i| wave(i + l)).collect::<Vec<f64>>();
    Similarity {
        title: "Similarity".to_owned(),
        caption: String::new(),
        tokens: tokens(n, 1 + n / 10),
        layers: (0..n_layers).collect(),
        raw: (0..n_layers).map(matrix).collect(),
        centred: (0..n_layers).map(matrix).collect(),
    }
}

fn depth(n_layers: usize, scale: f64) -> Depth {
    let values = |shift: usize| (0..n_layers).map(|l| Some(scale * wave(l + shift))).collect();
    let mut gap = Series::line("a gap", values(3));
    gap.values.iter_mut().skip(1).step_by(3).for_each(|v| *v = None);
    let around = |v: &Option<f64>| v.map(|v| (v - 0.1 * scale.abs(), v + 0.2 * scale.abs()));
    gap.interval = gap.values.iter().map(around).collect();
    let panel = Panel {
        title: String::new(),
        y_label: "measure \u{0} (unit)".to_owned(),
        layers: (0..n_layers).collect(),
        x: XAxis::Layers,
        range: None,
        series: vec![
            Series { n: Some(1040), ..Series::line("first", values(0)) },
            Series { peak: true, ..gap },
            Series { kind: SeriesKind::Baseline, ..Series::line("the <baseline>", values(9)) },
        ],
    };
    let shared = Panel { title: "shared".to_owned(), ..panel.clone() };
    let counts = Panel {
        layers: (1..=n_layers).map(|i| 3 * i * i).collect(),
        x: XAxis::Counts("texts".to_owned()),
        ..shared.clone()
    };
    let rows = vec![vec![panel], vec![counts, shared]];
    Depth { title: "Depth".to_owned(), caption: "Caption.".to_owned(), rows }
}

fn layers(n_layers: usize, value: impl Fn(usize) -> f64) -> LayerMatrix {
    LayerMatrix {
        title: "Layers".to_owned(),
        caption: "Caption.".to_owned(),
        measure: "CKA".to_owned(),
        n: 12,
        layers: (0..n_layers).collect(),
        values: (0..n_layers * n_layers).map(value).collect(),
    }
}

fn activations(
    n: usize,
    n_layers: usize,
    d_model: usize,
    value: impl Fn(usize) -> f64,
) -> Activations {
    Activations {
        title: "Activations".to_owned(),
        caption: "Caption.".to_owned(),
        tokens: tokens(n, 1 + n / 10),
        layers: (0..n_layers).collect(),
        d_model,
        values: (0..n_layers)
            .map(|l| (0..n * d_model).map(|i| value(i + l) as f32).collect())
            .collect(),
        clip_percentile: 99.0,
    }
}

fn lens(n: usize, n_layers: usize) -> Lens {
    let word = |i: usize| WORDS[i % WORDS.len()].to_owned();
    let prediction = |l: usize, t: usize| Prediction {
        token: word(l * 5 + t * 7),
        probability: wave(l * 3 + t).abs(),
        correct: (l + t).is_multiple_of(3),
    };
    Lens {
        title: "Lens".to_owned(),
        caption: "Caption.".to_owned(),
        tokens: tokens(n, 1),
        layers: (0..n_layers).collect(),
        predictions: (0..n_layers).map(|l| (0..n).map(|t| prediction(l, t)).collect()).collect(),
        truth: Some(LensTruth {
            name: "next token".to_owned(),
            tokens: (0..n).map(|t| (t + 1 < n).then(|| word(t + 1))).collect(),
        }),
        focus: n.saturating_sub(1),
    }
}

/// Words of which every third has no place at some layer, and every second is emphasised.
fn sense_plane(n: usize, n_layers: usize, scale: f64) -> SensePlane {
    let tokens = tokens(n, 1 + n / 10);
    let point =
        |l: usize, t: usize| [scale * wave(l * 7 + t * 13), scale * wave(l * 5 + t * 3 + 1)];
    let place = |l: usize, t: usize| (t == 0 || !(l + t).is_multiple_of(3)).then(|| point(l, t));
    let word = |(t, token): (usize, Token)| SenseWord {
        text: token.text,
        sentence: token.sentence,
        emphasised: t.is_multiple_of(2),
        points: (0..n_layers).map(|l| place(l, t)).collect(),
    };
    SensePlane {
        title: "Between role and sense <&>".to_owned(),
        caption: "Caption.".to_owned(),
        layers: (0..n_layers).collect(),
        words: tokens.into_iter().enumerate().map(word).collect(),
    }
}

/// Tokens by layers, one value in five not known; then signed matrices on one scale.
fn heats(n: usize, n_layers: usize) -> [Heat; 2] {
    let names: Vec<String> = tokens(n, 1).into_iter().map(|token| token.text).collect();
    let steps: Vec<String> = (0..n_layers).map(|l| l.to_string()).collect();
    let known = |i: usize| (i % 5 != 4).then(|| wave(i).abs());
    let panel = |title: &str| HeatPanel {
        title: title.to_owned(),
        measure: "share <&> of neighbours".to_owned(),
        row_axis: "token".to_owned(),
        rows: names.clone(),
        column_axis: "layer".to_owned(),
        columns: steps.clone(),
        values: (0..n * n_layers).map(known).collect(),
        range: None,
    };
    let square = |layer: usize| HeatPanel {
        title: format!("layer {layer}"),
        measure: "signed".to_owned(),
        rows: names.clone(),
        columns: names.clone(),
        values: (0..n * n).map(|i| Some(wave(i + layer))).collect(),
        range: Some((-1.0, 1.0)),
        ..HeatPanel::default()
    };
    let title = "Matrices <&>\u{7}".to_owned();
    let caption = "Caption.".to_owned();
    [
        Heat {
            title: title.clone(),
            caption: caption.clone(),
            across: 2,
            shared: false,
            panels: vec![panel("one"), panel(""), panel("three")],
        },
        Heat {
            title,
            caption,
            across: 3,
            shared: true,
            panels: (0..n_layers.min(4)).map(square).collect(),
        },
    ]
}

/// Rows of every kind, with values missing.
fn word_grid(n: usize, n_layers: usize) -> WordGrid {
    let word = |i: usize| WORDS[i % WORDS.len()].to_owned();
    let row = |i: usize| GridWord {
        first: (i % 4 != 3).then(|| word(i)),
        second: (i % 4 != 2).then(|| word(if i.is_multiple_of(2) { i } else { i + 7 })),
        values: (0..n_layers).map(|l| (i % 4 < 2).then(|| 100.0 * wave(l + i).abs())).collect(),
        framed: i.is_multiple_of(3).then_some(n_layers / 2),
    };
    WordGrid {
        title: "Words <&>".to_owned(),
        caption: "Caption.".to_owned(),
        measure: "percent of random words".to_owned(),
        words: (0..n).map(row).collect(),
        layers: (0..n_layers).collect(),
    }
}

/// Two models, of which the second has a gap; and one by layer.
fn multiples(n_layers: usize, scale: f64, by_layer: bool) -> Multiples {
    let at = |l: usize| match (by_layer, n_layers) {
        (true, _) => l as f64,
        (false, 1) => 0.5,
        (false, n) => l as f64 / (n - 1) as f64,
    };
    let point = |l: usize, shift: usize| CurvePoint {
        at: at(l),
        value: (shift == 0 || !(l + shift).is_multiple_of(3)).then(|| scale * wave(l + shift)),
        interval: (shift == 0)
            .then(|| (scale * wave(l) - 0.1 * scale.abs(), scale * wave(l) + 0.2 * scale.abs())),
    };
    let curve = |shift: usize| (0..n_layers).map(|l| point(l, shift)).collect::<Vec<_>>();
    let panel = |i: usize| SmallPanel {
        title: WORDS[i % WORDS.len()].to_owned() + " measure of a rather long name",
        unit: "radians".to_owned(),
        curves: if by_layer { vec![curve(0)] } else { vec![curve(0), curve(i + 1)] },
    };
    Multiples {
        title: "Multiples".to_owned(),
        caption: "Caption.".to_owned(),
        names: WORDS[4..if by_layer { 5 } else { 6 }].iter().map(|w| (*w).to_owned()).collect(),
        by_layer,
        panels: (0..5).map(panel).collect(),
    }
}

/// Two square maps and an oblong one, with undefined cells.
fn layer_maps(n_layers: usize, value: impl Fn(usize) -> Option<f64>) -> LayerMaps {
    let map = |rows: usize, columns: usize| LayerMap {
        title: "Map <&>\u{202E}".to_owned(),
        names: ["a model of a long name / that is not short".to_owned(), "layer".to_owned()],
        layers: [(0..rows).collect(), (0..columns).collect()],
        values: (0..rows * columns).map(&value).collect(),
    };
    LayerMaps {
        title: "Maps".to_owned(),
        caption: "Caption.".to_owned(),
        measure: "CKA".to_owned(),
        maps: vec![map(n_layers, n_layers), map(n_layers, 2 * n_layers), map(1, 1), map(3, 2)],
    }
}

fn moved(n: usize, n_layers: usize) -> Moved {
    let word = |i: usize| {
        let context = WORDS.iter().cycle().skip(i).take(9).copied().collect::<Vec<_>>().join(" ");
        (
            i % 11,
            WORDS[i % WORDS.len()].to_owned(),
            [context, WORDS[(i + 5) % WORDS.len()].repeat(9)],
        )
    };
    let step = |l: usize| MovedStep {
        title: format!("layer {l} to {}", l + 1),
        kept: (0..11).map(|kept| usize::from(kept == 3) + kept * l).collect(),
        words: (0..n).map(|i| word(i + 3 * l)).collect(),
    };
    Moved {
        title: "Moved".to_owned(),
        caption: "Caption.".to_owned(),
        steps: (0..n_layers).map(step).collect(),
    }
}

fn categories(n: usize) -> MapColour {
    MapColour::Category {
        names: (0..9).map(|i| format!("category {i}")).collect(),
        of: (0..n).map(|i| (i % 10 != 9).then_some(i % 10)).collect(),
    }
}

/// Every figure in one size.
fn all(n: usize, n_layers: usize) -> Vec<(String, Figure)> {
    let figures = [
        ("trajectory", trajectory(n, n_layers, 3.0).draw()),
        ("maps by position", maps(n, n_layers, 3.0, MapColour::Position).draw()),
        ("maps by sentence", maps(n, n_layers, 3.0, MapColour::Sentence).draw()),
        ("maps by category", maps(n, n_layers, 3.0, categories(n)).draw()),
        ("similarity", similarity(n, n_layers).draw()),
        ("depth", depth(n_layers, 0.8).draw()),
        ("layers", layers(n_layers, |i| wave(i).abs()).draw()),
        ("activations", activations(n, n_layers, 384, wave).draw()),
        ("multiples", multiples(n_layers, 0.8, false).draw()),
        ("multiples by layer", multiples(n_layers, 0.8, true).draw()),
        ("layer maps", layer_maps(n_layers, |i| (i % 7 != 3).then(|| wave(i))).draw()),
        ("moved", moved(n, n_layers).draw()),
        ("lens", lens(n, n_layers).draw()),
        ("sense plane", sense_plane(n, n_layers, 3.0).draw()),
        ("heat", heats(n, n_layers)[0].draw()),
        ("heat on one scale", heats(n, n_layers)[1].draw()),
        ("word grid", word_grid(n, n_layers).draw()),
    ];
    let name = |name| format!("{name}, {n} tokens, {n_layers} layers");
    figures.into_iter().map(|(kind, figure)| (name(kind), figure.unwrap())).collect()
}

/// What every figure has to obey.
#[track_caller]
fn check(name: &str, figure: &Figure) {
    let document =
        roxmltree::Document::parse(figure.svg()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let root = document.root_element();
    let text_of = |tag: &str| {
        let node = root.children().find(|n| n.has_tag_name(tag));
        node.and_then(|n| n.text()).unwrap_or_default().to_owned()
    };
    assert!(!text_of("title").is_empty(), "{name}");
    assert_eq!(text_of("desc"), figure.description(), "{name}");
    let view: Vec<f64> =
        root.attribute("viewBox").unwrap().split(' ').map(|v| v.parse().unwrap()).collect();
    let page = Rect::new(0.0, 0.0, view[2], view[3]);

    let boxes: Vec<(String, Rect)> = document
        .descendants()
        .filter(|n| n.has_tag_name("text"))
        .map(|n| (n.text().unwrap().trim().to_owned(), text_box(n)))
        .collect();
    assert!(boxes.len() > 3, "{name}: {} texts", boxes.len());
    for (i, (text, a)) in boxes.iter().enumerate() {
        assert!(
            a.x0 >= page.x0 && a.x1 <= page.x1 && a.y0 >= page.y0 && a.y1 <= page.y1,
            "{name}: {text:?} {a:?} leaves the page {page:?}"
        );
        for (other, b) in boxes.iter().skip(i + 1) {
            assert!(!a.overlaps(*b), "{name}: {text:?} {a:?} overlaps {other:?} {b:?}");
        }
    }
    // Control characters and direction overrides never reach the document.
    let bad = |c: char| c.is_control() && c != '\n' || ('\u{202A}'..='\u{202E}').contains(&c);
    assert!(!figure.svg().contains(bad), "{name}");
}

/// The box of a `<text>`: from a little below the baseline to the height of small letters.
fn text_box(node: roxmltree::Node) -> Rect {
    let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let size = number("font-size");
    assert!(size >= 7.0 * 20.0, "text smaller than 7 pt");
    assert_eq!(node.attribute("dy"), Some("0.76em"));
    let width = fonts::width(node.text().unwrap().trim(), size);
    let left = match node.attribute("text-anchor").unwrap() {
        "start" => 0.0,
        "middle" => -width / 2.0,
        _ => -width,
    };
    let (x, y) = (number("x"), number("y"));
    let (top, height) = (0.76 * size - 0.58 * size, 0.6 * size);
    match node.attribute("transform") {
        None => Rect::new(x + left, y + top, width, height),
        // Turned by 270 degrees about (x, y): right becomes up, down becomes right.
        Some(_) => Rect::new(x + top, y - left - width, height, width),
    }
}

#[test]
fn figures_are_well_formed_and_readable_at_every_size() {
    for (n, n_layers) in [(1, 1), (2, 2), (5, 7), (20, 13), (60, 31)] {
        for (name, figure) in all(n, n_layers) {
            check(&name, &figure);
        }
    }
}

#[test]
fn two_hundred_tokens_are_labelled_in_part() {
    let figure = trajectory(200, 5, 1.0).draw().unwrap();
    check("200 tokens", &figure);
    assert!(figure.svg().contains("of 200 tokens labelled"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for ((name, a), (_, b)) in all(6, 4).into_iter().zip(all(6, 4)) {
        assert_eq!(a.svg(), b.svg(), "{name}");
        assert_eq!(a.png(400).unwrap(), b.png(400).unwrap(), "{name}");
    }
}

#[test]
fn a_png_is_opaque_white_with_the_picture_on_it() {
    for (name, figure) in all(5, 3) {
        let map = tiny_skia::Pixmap::decode_png(&figure.png(500).unwrap()).unwrap();
        assert_eq!(map.width(), 500, "{name}");
        let pixels = map.pixels();
        assert!(pixels.iter().all(|p| p.alpha() == 255), "{name}");
        let ink = pixels.iter().filter(|p| p.red() < 200 || p.green() < 200).count();
        assert!(ink * 100 > pixels.len(), "{name}: {ink} of {} pixels", pixels.len());
        let corner = pixels[0];
        assert_eq!((corner.red(), corner.green(), corner.blue()), (255, 255, 255), "{name}");
    }
}

#[test]
fn a_png_of_impossible_size_is_refused() {
    let figure = depth(3, 1.0).draw().unwrap();
    for width in [0, 60_000, u32::MAX] {
        assert!(matches!(figure.png(width), Err(PlotError::PngSize { .. })), "{width}");
    }
}

#[test]
fn values_without_spread_are_drawn() {
    for scale in [0.0, 1e-300, 1e-9, 1e99] {
        check("trajectory", &trajectory(8, 3, scale).draw().unwrap());
        check("maps", &maps(8, 3, scale, MapColour::Position).draw().unwrap());
        check("sense plane", &sense_plane(8, 3, scale.min(99.0)).draw().unwrap());
        check("depth", &depth(4, scale).draw().unwrap());
        check("layers", &layers(4, |_| scale).draw().unwrap());
        check("layer maps", &layer_maps(4, |_| Some(scale)).draw().unwrap());
        check("multiples", &multiples(4, scale, true).draw().unwrap());
        check("activations", &activations(3, 2, 16, |_| scale.min(1e30)).draw().unwrap());
    }
}

#[test]
fn dimensions_share_columns_only_where_there_are_too_many() {
    let said =
        |d| activations(2, 1, d, wave).draw().unwrap().svg().contains("neighbouring dimensions");
    assert!(!said(1_600));
    assert!(said(4_096));
}

#[test]
fn left_out_layers_are_said() {
    let said = |figure: Figure| figure.svg().contains("layers shown, evenly spaced");
    assert!(!said(maps(5, 12, 1.0, MapColour::Position).draw().unwrap()));
    assert!(said(maps(5, 31, 1.0, MapColour::Position).draw().unwrap()));
    assert!(said(similarity(60, 13).draw().unwrap()));
}

#[test]
fn a_lens_over_a_long_text_keeps_its_focus_and_says_what_it_leaves_out() {
    for (focus, shown) in [(0, "Tokens 1 to "), (1_999, " to 2000 of 2000 shown")] {
        let figure = Lens { focus, ..lens(2_000, 13) }.draw().unwrap();
        check("long lens", &figure);
        assert!(figure.svg().contains(shown), "{focus}");
    }
    let said = |n, n_layers, what| lens(n, n_layers).draw().unwrap().svg().contains(what);
    assert!(!said(20, 13, "shown.") && !said(5, 40, "layers shown"));
    assert!(said(5, 41, "40 of 41 layers shown"));
}

#[test]
fn a_lens_frames_what_is_right_and_nothing_else() {
    let lines = |correct: bool| {
        let mut figure = lens(5, 4);
        figure.predictions.iter_mut().flatten().for_each(|p| p.correct = correct);
        figure.draw().unwrap().svg().matches("<polyline").count()
    };
    assert_eq!(lines(true), lines(false) + 20);
    let own = LensTruth { name: "own token".to_owned(), tokens: Vec::new() };
    check("own token", &Lens { truth: Some(own), ..lens(5, 4) }.draw().unwrap());
    check("no truth", &Lens { truth: None, ..lens(5, 4) }.draw().unwrap());
}

#[test]
fn a_sense_plane_names_a_dozen_words_and_draws_all() {
    let figure = sense_plane(30, 6, 3.0).draw().unwrap();
    assert!(figure.svg().contains("of 30 words named"));
    let names = figure.svg().matches("log2 against random").count();
    assert_eq!(names, 2);
    assert!(!sense_plane(5, 6, 3.0).draw().unwrap().svg().contains("words named"));
    let one = SensePlane { layers: vec![3], ..sense_plane(2, 1, 1.0) };
    assert!(one.draw().unwrap().svg().contains("One layer: 3."));
}

#[test]
fn codes_in_place_of_characters_are_said_in_the_caption() {
    let words = |figure: Figure| figure.svg().replace(['\n', ' '], "");
    let figure = words(trajectory(20, 2, 1.0).draw().unwrap());
    assert!(figure.contains("&lt;U+D55C&gt;") && figure.contains("&lt;U+0007&gt;"));
    let mut plain = trajectory(3, 2, 1.0);
    (plain.title, plain.caption) = ("Plain".to_owned(), "Plain.".to_owned());
    assert!(!plain.draw().unwrap().svg().contains("U+"));
}

#[test]
fn an_axis_that_leaves_out_zero_says_so() {
    let said = |values: &[f64]| {
        let mut figure = depth(1, 1.0);
        figure.rows.truncate(1);
        figure.rows[0][0].layers = (0..values.len()).collect();
        figure.rows[0][0].series =
            vec![Series::line("a", values.iter().map(|&v| Some(v)).collect())];
        figure.draw().unwrap().svg().contains("not at 0")
    };
    assert!(said(&[0.9, 0.95]));
    assert!(!said(&[0.1, 0.95]));
    assert!(!said(&[-0.1, 0.2]));
    let mut figure = depth(3, 1.0);
    figure.rows[1][0].range = Some((-2.0, 2.0));
    assert!(!figure.draw().unwrap().svg().contains("axis of shared"));
}

#[test]
fn bad_input_is_refused_by_name() {
    let mut nan = trajectory(4, 3, 1.0);
    nan.points[2][1][0] = f64::NAN;
    let mut short = trajectory(4, 3, 1.0);
    short.points[1].pop();
    let mut cosine = similarity(3, 2);
    cosine.raw[1][5] = 1.5;
    let mut infinite = activations(3, 2, 8, wave);
    infinite.values[1][9] = f32::INFINITY;
    let mut empty = depth(3, 1.0);
    empty.rows[0][0].series[0].values = vec![None; 3];
    let mut turned = depth(3, 1.0);
    turned.rows[1][1].series[0].interval = vec![Some((1.0, 0.5)), None, None];
    let mut falling = depth(3, 1.0);
    falling.rows[0][0].layers = vec![0, 2, 1];
    let mut range = depth(3, 1.0);
    range.rows[0][0].range = Some((1.0, 1.0));
    let none = Depth { rows: vec![vec![]], ..depth(3, 1.0) };
    let mut category = maps(10, 2, 1.0, categories(10));
    if let MapColour::Category { names, .. } = &mut category.colour {
        names.pop();
    }
    let mut percentile = activations(3, 2, 8, wave);
    percentile.clip_percentile = f64::NAN;
    let mut sure = lens(3, 2);
    sure.predictions[1][2].probability = 1.5;
    let mut unsure = lens(3, 2);
    unsure.predictions[0][1].probability = f64::NAN;
    let mut missing = lens(3, 2);
    missing.predictions[1].pop();
    let mut untrue = lens(3, 2);
    untrue.truth.as_mut().unwrap().tokens.pop();
    let mut placeless = sense_plane(3, 2, 1.0);
    placeless.words.iter_mut().for_each(|w| w.points.fill(None));
    let mut far = sense_plane(3, 2, 1.0);
    far.words[0].points[1] = Some([0.0, f64::INFINITY]);
    let mut unplaced = sense_plane(3, 2, 1.0);
    unplaced.words[2].points.pop();
    let mut turned_back = multiples(3, 1.0, true);
    turned_back.panels[1].curves[0][2].at = 0.0;
    let mut deep = multiples(3, 1.0, false);
    deep.panels[0].curves[0][2].at = 1.5;
    let mut upside = multiples(3, 1.0, true);
    upside.panels[0].curves[0][0].interval = Some((1.0, 0.0));
    let mut blank = multiples(3, 1.0, true);
    blank.panels[0].curves[0].iter_mut().for_each(|point| point.value = None);
    let mut still = moved(3, 2);
    still.steps[1].kept.fill(0);
    let mut oblong = layer_maps(3, |_| None);
    oblong.maps[1].values.pop();
    let errors = [
        trajectory(0, 3, 1.0).draw(),
        trajectory(3, 0, 1.0).draw(),
        trajectory(2_001, 1, 1.0).draw(),
        nan.draw(),
        short.draw(),
        cosine.draw(),
        infinite.draw(),
        empty.draw(),
        turned.draw(),
        falling.draw(),
        range.draw(),
        none.draw(),
        category.draw(),
        percentile.draw(),
        layers(3, |i| if i == 5 { f64::NAN } else { 0.5 }).draw(),
        activations(3, 2, 0, wave).draw(),
        lens(0, 2).draw(),
        sure.draw(),
        unsure.draw(),
        missing.draw(),
        untrue.draw(),
        placeless.draw(),
        far.draw(),
        unplaced.draw(),
        turned_back.draw(),
        deep.draw(),
        upside.draw(),
        blank.draw(),
        still.draw(),
        oblong.draw(),
        layer_maps(2, |i| Some(if i == 1 { f64::NAN } else { 0.5 })).draw(),
    ]
    .map(|result| result.unwrap_err().to_string());
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn a_small_figure_as_it_stands() {
    let figure = Depth {
        title: "Title".to_owned(),
        caption: "Caption.".to_owned(),
        rows: vec![vec![Panel {
            title: String::new(),
            y_label: "accuracy".to_owned(),
            layers: vec![0, 1],
            x: XAxis::Layers,
            range: None,
            series: vec![Series {
                interval: vec![Some((0.4, 0.6)), Some((0.5, 0.8))],
                n: Some(9),
                ..Series::line("probe", vec![Some(0.5), Some(0.7)])
            }],
        }]],
    };
    insta::assert_snapshot!(figure.draw().unwrap().svg());
}

#[test]
fn a_clip_is_said_only_where_something_is_clipped() {
    let said = |clip_percentile| {
        let figure = Activations { clip_percentile, ..activations(3, 2, 64, wave) };
        figure.draw().unwrap().svg().contains("clipped at")
    };
    assert!(said(90.0));
    assert!(!said(100.0));
}

#[test]
fn a_long_grid_of_words_is_shown_in_part() {
    let figure = word_grid(400, 80).draw().unwrap();
    check("400 rows", &figure);
    assert!(figure.svg().contains("The first 150 of 400 rows"));
    assert!(figure.svg().contains("60 of 80 layers"));
    let mut wrong = word_grid(3, 2);
    wrong.words[1].values[1] = Some(101.0);
    assert!(matches!(wrong.draw(), Err(PlotError::OutOfRange { .. })));
    wrong.words[1].values[1] = Some(f64::NAN);
    assert!(matches!(wrong.draw(), Err(PlotError::NotDrawable { .. })));
    wrong.words[1].values.pop();
    assert!(matches!(wrong.draw(), Err(PlotError::Shape { .. })));
    wrong.words.clear();
    assert!(matches!(wrong.draw(), Err(PlotError::Empty { .. })));
}
