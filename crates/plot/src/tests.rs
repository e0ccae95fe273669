//! Laws that hold for every figure: well-formed, inside the page, readable, repeatable.

mod charts;

use crate::labels::Rect;
use crate::*;
use charts::*;
use stratoscope_chart::{
    Axis, Cell, Chart, Column, Curves, Drawing, Grid, GridCell, Matrix, MatrixPanel, Panel,
    Pictures, Scale, Series, Slice, Table, Trails,
};

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

/// Draws a chart as a report has it.
fn draw(chart: &Chart) -> Result<Figure, PlotError> {
    crate::draw(chart, Style::REPORT)
}

/// Every figure in one size, as a report has it.
pub(crate) fn all(n: usize, n_layers: usize) -> Vec<(String, Figure)> {
    all_in(Style::REPORT, n, n_layers)
}

/// Every figure in one size and a style.
pub(crate) fn all_in(style: Style, n: usize, n_layers: usize) -> Vec<(String, Figure)> {
    let draw = |chart: &Chart| crate::draw(chart, style);
    let [heads, moves] = heats(n, n_layers);
    let figures = [
        ("trajectory", trajectory(n, n_layers, 3.0).draw(style)),
        ("activations", activations(n, n_layers, 384, wave).draw(style)),
        ("maps by place", draw(&maps(n, n_layers, 1, 3.0))),
        ("maps by sentence", draw(&maps(n, n_layers, 1 + n / 10, 3.0))),
        ("similarity", draw(&similarity(n, n_layers))),
        ("depth", draw(&depth(n_layers, 0.8))),
        ("layers", draw(&cka(n_layers, |i| wave(i).abs()))),
        ("multiples", draw(&multiples(n_layers, 0.8, false))),
        ("multiples by layer", draw(&multiples(n_layers, 0.8, true))),
        ("layer maps", draw(&layer_maps(n_layers, |i| (i % 7 != 3).then(|| wave(i))))),
        ("moved", draw(&moved(n, n_layers))),
        ("lens", draw(&lens(n, n_layers))),
        ("heads", draw(&heads)),
        ("moves", draw(&moves)),
        ("word grid", draw(&word_grid(n, n_layers))),
        ("pictures", draw(&pictures(n, n_layers, false, false))),
        ("colours of pictures", draw(&pictures(n, n_layers, true, false))),
        ("strips", draw(&pictures(n, n_layers, false, true))),
    ];
    let name = |name| format!("{name}, {n} tokens, {n_layers} layers");
    figures.into_iter().map(|(kind, figure)| (name(kind), figure.unwrap())).collect()
}

/// What every figure has to obey.
#[track_caller]
fn check(name: &str, figure: &Figure) {
    check_in(Style::REPORT, name, figure);
}

/// What every figure of a style has to obey.
#[track_caller]
fn check_in(style: Style, name: &str, figure: &Figure) {
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
        .map(|n| (n.text().unwrap().trim().to_owned(), text_box(n, style)))
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
fn text_box(node: roxmltree::Node, style: Style) -> Rect {
    let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let size = number("font-size");
    assert!(size >= style.small * 20.0, "text of {size} units");
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
fn figures_of_a_paper_are_one_column_of_8_point_type_without_title_and_caption() {
    for (n, n_layers) in [(1, 1), (2, 2), (5, 7), (11, 7), (20, 13), (60, 31)] {
        for (name, figure) in all_in(Style::PAPER, n, n_layers) {
            check_in(Style::PAPER, &name, &figure);
            // A table of many columns takes two columns of the paper.
            let inches = if name.starts_with("moved") { 6.9 } else { 3.3 };
            assert!((figure.size().0 - inches * 72.0).abs() < 1e-6, "{name}: {:?}", figure.size());
            let document = roxmltree::Document::parse(figure.svg()).unwrap();
            let texts = document.descendants().filter(|n| n.has_tag_name("text"));
            for text in texts {
                assert_eq!(text.attribute("font-size").unwrap().parse::<f64>().unwrap(), 160.0);
                let text = text.text().unwrap().trim();
                assert!(!text.contains("Title") && !text.contains("aption"), "{name}: {text}");
                assert!(!text.contains(" shown, evenly"), "{name}: {text}");
            }
            assert!(
                figure.title().contains("Title")
                    || name.starts_with("tra")
                    || name.starts_with("act")
            );
            assert!(figure.caption().contains("aption"), "{name}: {}", figure.caption());
        }
    }
}

#[test]
fn the_caption_beside_a_figure_says_what_the_picture_leaves_out() {
    for style in [Style::REPORT, Style::PAPER] {
        let figure = crate::draw(&similarity(60, 13), style).unwrap();
        let caption = figure.caption();
        assert!(caption.starts_with("Caption & \u{202E}words. Characters that no"), "{caption}");
        assert!(caption.contains("of 13 layers shown, evenly spaced."), "{caption}");
        assert!(figure.png(figure.width_at(style.dots_per_inch())).is_ok());
    }
    let width = |style: Style| {
        let figure = crate::draw(&depth(3, 1.0), style).unwrap();
        figure.width_at(style.dots_per_inch())
    };
    assert_eq!((width(Style::REPORT), width(Style::PAPER)), (1339, 990));
}

#[test]
fn two_hundred_tokens_are_labelled_in_part() {
    let figure = trajectory(200, 5, 1.0).draw(Style::REPORT).unwrap();
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
    let figure = draw(&depth(3, 1.0)).unwrap();
    for width in [0, 60_000, u32::MAX] {
        assert!(matches!(figure.png(width), Err(PlotError::PngSize { .. })), "{width}");
    }
}

#[test]
fn values_without_spread_are_drawn() {
    for scale in [0.0, 1e-300, 1e-9, 1e99] {
        check("trajectory", &trajectory(8, 3, scale).draw(Style::REPORT).unwrap());
        check("maps", &draw(&maps(8, 3, 2, scale)).unwrap());
        check("depth", &draw(&depth(4, scale)).unwrap());
        check("layers", &draw(&cka(4, |_| scale)).unwrap());
        check("layer maps", &draw(&layer_maps(4, |_| Some(scale))).unwrap());
        check("multiples", &draw(&multiples(4, scale, true)).unwrap());
        check(
            "activations",
            &activations(3, 2, 16, |_| scale.min(1e30)).draw(Style::REPORT).unwrap(),
        );
    }
}

#[test]
fn dimensions_share_columns_only_where_there_are_too_many() {
    let said = |d| {
        activations(2, 1, d, wave)
            .draw(Style::REPORT)
            .unwrap()
            .svg()
            .contains("neighbouring dimensions")
    };
    assert!(!said(1_600));
    assert!(said(4_096));
}

#[track_caller]
fn says(chart: &Chart, what: &str) -> bool {
    let figure = draw(chart).unwrap();
    check(what, &figure);
    figure.svg().contains(what)
}

#[test]
fn left_out_layers_are_reported() {
    let evenly = "layers shown, evenly spaced";
    assert!(!says(&maps(5, 12, 1, 1.0), evenly));
    assert!(says(&maps(5, 31, 1, 1.0), evenly));
    assert!(says(&similarity(60, 13), "4 of 13 layers shown"));
}

#[test]
fn a_lens_over_a_long_text_keeps_its_focus_and_reports_what_it_leaves_out() {
    for (focus, shown) in [(0, "Tokens 1 to "), (1_999, " to 2000 of 2000 shown")] {
        assert!(says(&chart("lens", lens_grid(2_000, 13).focus(focus)), shown), "{focus}");
    }
    assert!(!says(&lens(20, 13), "shown.") && !says(&lens(5, 40), "layers shown"));
    assert!(says(&lens(5, 41), "40 of 41 layers shown"));
}

#[test]
fn a_lens_frames_what_is_right_and_nothing_else() {
    let lines = |framed: bool| {
        let mut grid = lens_grid(5, 4);
        grid.cells.iter_mut().flatten().for_each(|cell| cell.framed = framed);
        draw(&chart("lens", grid)).unwrap().svg().matches("<polyline").count()
    };
    assert_eq!(lines(true), lines(false) + 20);
    let mut grid = lens_grid(5, 4);
    (grid.truth, grid.framed) = (None, String::new());
    assert!(!says(&chart("lens", grid), "Framed"));
}

/// The height on the page at which a text stands first.
fn height_of(figure: &Figure, text: &str) -> f64 {
    let document = roxmltree::Document::parse(figure.svg()).unwrap();
    let mut texts = document.descendants().filter(|n| n.has_tag_name("text"));
    let found = texts.find(|n| n.text().is_some_and(|t| t.trim() == text)).unwrap();
    found.attribute("y").unwrap().parse().unwrap()
}

#[test]
fn layers_rise_and_words_go_down() {
    let lens = draw(&lens(3, 4)).unwrap();
    assert!(height_of(&lens, "embedding") > height_of(&lens, "layer 3"));
    let cka = draw(&cka(4, |i| wave(i).abs())).unwrap();
    assert!(height_of(&cka, "0") > height_of(&cka, "3"));
    let words = draw(&word_grid(6, 3)).unwrap();
    assert!(height_of(&words, "[CLS]") < height_of(&words, "bank"));
}

/// The colours of the texts that contain `part`.
fn colours_of(figure: &Figure, part: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(figure.svg()).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let found = texts.filter(|node| node.text().is_some_and(|text| text.contains(part)));
    found.map(|node| node.attribute("fill").unwrap().to_owned()).collect()
}

#[test]
fn unknown_tokens_are_marked_in_every_figure_of_tokens() {
    let long = "Donaudampfschifffahrtsgesellschaftskapitänsmütze";
    let labels = vec!["[CLS]".to_owned(), "the".to_owned(), format!("{long} [UNK]")];
    let axis = |unknown: &[usize]| {
        Axis::tokens(labels.clone(), vec![0, 1, 2]).muted([0]).unknown(unknown.iter().copied())
    };
    let figures = |unknown: &[usize]| {
        let values = (0..9).map(|i| Some(wave(i)));
        let panel = MatrixPanel::new(axis(unknown), axis(unknown), "cosine", Scale::symmetric(1.0));
        let points = vec![vec![[0.0, 0.0], [1.0, 0.5], [0.5, 1.0]]; 2];
        let places = points.iter().map(|layer| layer.iter().map(|p| Some(*p)).collect()).collect();
        let trails = Trails::new(layers(2), axis(unknown), places);
        [
            ("matrix", draw(&chart("similarity", Matrix::new([panel.values(values)]))).unwrap()),
            ("trails", draw(&chart("tsne", trails)).unwrap()),
            (
                "trajectory",
                Trajectory { tokens: axis(unknown), points, ..trajectory(3, 2, 1.0) }
                    .draw(Style::REPORT)
                    .unwrap(),
            ),
            (
                "activations",
                Activations { tokens: axis(unknown), ..activations(3, 2, 4, wave) }
                    .draw(Style::REPORT)
                    .unwrap(),
            ),
        ]
    };
    let red = "#B2182B";
    for (name, figure) in figures(&[2]) {
        check(name, &figure);
        let labels = colours_of(&figure, "NK]");
        assert!(!labels.is_empty() && labels.iter().all(|ink| ink == red), "{name}: {labels:?}");
        assert!(colours_of(&figure, "the").iter().all(|ink| ink != red), "{name}");
        assert!(figure.svg().contains("its letters are not in the vocabulary"), "{name}");
    }
    for (name, figure) in figures(&[]) {
        assert!(!figure.svg().contains("its letters are not in the vocabulary"), "{name}");
        assert!(!colours_of(&figure, "").contains(&red.to_owned()), "{name}");
    }
}

#[test]
fn a_value_stands_at_its_own_row_and_column() {
    // 0.10 belongs to layer 0 and column 0: at the bottom.
    let values = [0.1, 0.2, 0.3, 0.4].map(Some);
    let panel = MatrixPanel::new(layers(2), layers(2), "CKA", Scale::unit()).values(values);
    let figure = draw(&chart("small", panel)).unwrap();
    assert!(height_of(&figure, "0.10") > height_of(&figure, "0.30"));
    assert_eq!(height_of(&figure, "0.10"), height_of(&figure, "0.20"));
}

#[test]
fn matrices_of_one_scale_share_a_colour_bar() {
    let bars = |chart: &Chart, value: &str| draw(chart).unwrap().svg().matches(value).count();
    assert_eq!(bars(&layer_maps(4, |i| Some(wave(i).abs())), "CKA, one scale for all"), 1);
    assert_eq!(bars(&similarity(5, 3), ", one scale for all"), 2);
}

#[test]
fn small_multiples_name_each_curve_once() {
    let figure = draw(&multiples(6, 0.8, false)).unwrap();
    // In the legend and in the description.
    assert_eq!(figure.svg().matches(WORDS[5]).count(), 2);
    assert!(figure.svg().contains("depth as a share of the whole"));
}

#[test]
fn a_table_shows_some_rows_of_each_group_and_says_so() {
    assert!(says(&moved(10, 20), "72 of 200 rows shown from 12 of 20 groups"));
    assert!(!says(&moved(5, 3), "rows shown"));
    let rows = (0..200).map(|i| vec![Cell::from(i), "a".into()]);
    assert!(says(&chart("table", Table::new(["n", "of"], rows)), "72 of 200 rows shown."));
}

#[test]
fn a_table_of_many_columns_stays_on_a_narrow_page() {
    let columns = ["a", "b, 1", "near context 1", "c, 1", "b, 2", "near context 2", "c, 2"];
    let row = |i: usize| vec![format!("bank{i}'s branch, which is far away").into(); 7];
    let table = chart("table", Table::new(columns, (0..9).map(row)));
    for style in [Style::REPORT, Style::PAPER] {
        let figure = crate::draw(&table, style).unwrap();
        check_in(style, "many columns", &figure);
        assert!(!figure.svg().contains("……"));
    }
}

#[test]
fn codes_in_place_of_characters_are_said_in_the_caption() {
    let words = |figure: Figure| figure.svg().replace(['\n', ' '], "");
    let figure = words(trajectory(20, 2, 1.0).draw(Style::REPORT).unwrap());
    assert!(figure.contains("&lt;U+D55C&gt;") && figure.contains("&lt;U+0007&gt;"));
    let mut plain = trajectory(3, 2, 1.0);
    (plain.title, plain.caption) = ("Plain".to_owned(), "Plain.".to_owned());
    assert!(!plain.draw(Style::REPORT).unwrap().svg().contains("U+"));
}

#[test]
fn an_axis_that_leaves_out_zero_says_so() {
    assert!(says(&curve(&[0.9, 0.95]), "not at 0"));
    assert!(!says(&curve(&[0.1, 0.95]), "not at 0"));
    assert!(!says(&curve(&[-0.1, 0.2]), "not at 0"));
}

#[test]
fn long_titles_and_names_are_wrapped_and_not_cut() {
    const LONG: &str = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2 (bundled, f16)";
    let series = || Series::new(LONG).n(9).values([0.1, 0.4, 0.2].map(Some));
    let panel = || Panel::new(LONG, layers(3).title(LONG), LONG, [series()]);
    let axis = || Axis::layers_of(LONG, &[0, 1, 2]);
    let matrix = || {
        let values = (0..9).map(|i| Some(f64::from(i) / 9.0));
        MatrixPanel::new(axis(), axis(), LONG, Scale::unit()).title(LONG).values(values)
    };
    let drawings: [Drawing; 4] = [
        Curves::rows([vec![panel(), panel()], vec![panel()]]).into(),
        Curves::multiples([panel(), panel(), panel()]).into(),
        Matrix::new([matrix(), matrix(), matrix()]).into(),
        matrix().into(),
    ];
    for (drawing, count) in drawings.into_iter().zip([12, 7, 10, 4]) {
        let figure = draw(&Chart::new("c", "T", drawing)).unwrap();
        check("long names", &figure);
        let document = roxmltree::Document::parse(figure.svg()).unwrap();
        let texts = document.descendants().filter(|node| node.has_tag_name("text"));
        let written: String = texts.filter_map(|node| node.text()).collect();
        let written = written.replace([' ', '\n'], "");
        let found = written.matches(&LONG.replace(' ', "")).count();
        assert!(found >= count && !written.contains('…'), "{found} of {count}: {written}");
    }
}

#[test]
fn bad_input_is_refused_by_name() {
    let mut nan = trajectory(4, 3, 1.0);
    nan.points[2][1][0] = f64::NAN;
    let mut short = trajectory(4, 3, 1.0);
    short.points[1].pop();
    let mut infinite = activations(3, 2, 8, wave);
    infinite.values[1][9] = f32::INFINITY;
    let mut percentile = activations(3, 2, 8, wave);
    percentile.clip_percentile = f64::NAN;
    let mut groups = trajectory(4, 3, 1.0);
    groups.tokens.groups.pop();
    let harmed = |mut grid: Grid, harm: fn(&mut Grid)| {
        harm(&mut grid);
        draw(&chart("lens", grid))
    };
    let curves = |harm: fn(&mut Panel)| {
        let mut panel = Panel::new("panel", layers(3), "unit", series(3, 1.0));
        harm(&mut panel);
        // As it is: the constructors drop what is empty.
        draw(&chart(
            "curves",
            Curves { rows: vec![vec![panel]], multiples: false, ..Curves::default() },
        ))
    };
    let many = (0..61).map(|i| Panel::new(i.to_string(), layers(3), "unit", series(3, 1.0)));
    let panels = vec![MatrixPanel::new(layers(2), layers(2), "CKA", Scale::unit())];
    let errors = [
        trajectory(0, 3, 1.0).draw(Style::REPORT),
        trajectory(3, 0, 1.0).draw(Style::REPORT),
        trajectory(2_001, 1, 1.0).draw(Style::REPORT),
        nan.draw(Style::REPORT),
        short.draw(Style::REPORT),
        groups.draw(Style::REPORT),
        infinite.draw(Style::REPORT),
        percentile.draw(Style::REPORT),
        activations(3, 2, 0, wave).draw(Style::REPORT),
        curves(|panel| panel.series.clear()),
        curves(|panel| panel.series[0].values.fill(None)),
        curves(|panel| panel.series[0].values[1] = Some(f64::NAN)),
        curves(|panel| panel.range = [-1e300, 1e300]),
        curves(|panel| panel.range = [1.0, 1.0]),
        draw(&chart("none", Curves::rows([vec![]]))),
        draw(&chart("many", Curves::multiples(many))),
        draw(&chart("none", Matrix::default())),
        draw(&chart("none", Matrix { panels, across: None })),
        harmed(lens_grid(0, 2), |_| {}),
        harmed(lens_grid(3, 2), |grid| grid.cells[1][2].value = Some(1.5)),
        harmed(lens_grid(3, 2), |grid| {
            grid.cells[1].pop();
        }),
        draw(&chart("none", Trails::new(layers(1), tokens(1, 1), vec![vec![None]]))),
        draw(&chart("none", Table::new(["a"], []))),
    ]
    .map(|result| result.unwrap_err().to_string());
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn a_small_figure_as_it_stands() {
    let estimates = [Some((0.5, Some([0.4, 0.6]))), Some((0.7, Some([0.5, 0.8])))];
    let series = Series::new("probe").n(9).estimates(estimates);
    let curves = Curves::one(Panel::new("", layers(2), "accuracy", [series]));
    let chart = Chart::new("small", "Title", curves).caption("Caption.");
    insta::assert_snapshot!(draw(&chart).unwrap().svg());
}

#[test]
fn a_clip_is_said_only_where_something_is_clipped() {
    let said = |clip_percentile| {
        let figure = Activations { clip_percentile, ..activations(3, 2, 64, wave) };
        figure.draw(Style::REPORT).unwrap().svg().contains("clipped at")
    };
    assert!(said(90.0));
    assert!(!said(100.0));
}

#[test]
fn a_long_grid_of_words_is_shown_in_part() {
    let grid = word_grid(400, 80);
    assert!(says(&grid, "The first 150 of 400 rows"));
    assert!(says(&grid, "60 of 80 layers"));
}
