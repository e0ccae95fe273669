//! The schema as it stands, what it refuses, and what the page promises of itself.

use crate::{
    AttentionAbout, BankAbout, ByClass, Contexts, Error, Estimate, Exploration, Form, Journey,
    JourneyLayer, Journeys, Label, Layer, Majority, MapAbout, MapLayer, Media, Neighbour,
    Occurrence, Omitted, Overlay, OverlayDisplaced, OverlayStep, QuerySimilarity, Report, Sense,
    Similarity, Story, StoryLayer, Token,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use stratoscope_chart::{
    Axis, Cell, Chart, ChartError, Column, Curves, Drawing, Grid, GridCell, Matrix, MatrixPanel,
    Panel, Scale, Series, Slice, Table, Trails,
};

fn token(text: &str) -> Token {
    Token { text: text.to_owned(), char_offsets: [0, 3], word_id: Some(0), ..Token::default() }
}

fn exploration() -> Exploration {
    let map = MapLayer { points: vec![[0.25, -1.0], [0.5, 2.0]], ..MapLayer::default() };
    Exploration {
        tool: "stratoscope 0.1.0".to_owned(),
        model: "a/model".to_owned(),
        family: "BERT".to_owned(),
        n_layers: 1,
        d_model: 4,
        unit: "token".to_owned(),
        texts: vec!["the bank".to_owned()],
        tokens: vec![token("the"), token("bank")],
        trajectory: Some(MapAbout {
            reducer: "pca".to_owned(),
            alignment: "joint".to_owned(),
            rows: vec![0, 1],
            share_of_variance: Some([0.5, 0.25]),
            ..MapAbout::default()
        }),
        layers: vec![Layer {
            layer: 0,
            to_sentence: Some(Estimate { value: 0.5, interval: Some([0.4, 0.75]), n: 2 }),
            to_layer_0: Some(Estimate { value: 1.0, interval: None, n: 1 }),
            norm: 1.5,
            trajectory: Some(map),
            similarity: Some(Similarity {
                cosine: Some(vec![1.0, 0.5, 1.0]),
                ..Similarity::default()
            }),
            neighbours: Some(vec![vec![1], vec![0]]),
            attention: Some(vec![vec![600, 400, 1, 999]]),
            query_similarity: Some(QuerySimilarity {
                cosine: Some(vec![vec![0.5, 1.0]]),
                ..QuerySimilarity::default()
            }),
            from_first: Some(vec![vec![60_001, 39_999]]),
            ..Layer::default()
        }],
        attention: Some(AttentionAbout { texts: 1, mean: true }),
        media: Some(vec![media()]),
        queries: Some(vec![1]),
        labels: vec![Label {
            name: "upos".to_owned(),
            values: vec!["NOUN".to_owned()],
            of_tokens: vec![None, Some(0)],
        }],
        omitted: vec![Omitted { what: "profile".to_owned(), why: "none is known".to_owned() }],
        story: Some(story()),
        journeys: Some(journeys()),
        ..Exploration::default()
    }
}

/// An image of 3 × 2 pixels with one patch, the second token.
fn media() -> Media {
    let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02".to_vec();
    head.extend([8, 2, 0, 0, 0, 0]);
    Media {
        name: "a.png".to_owned(),
        picture: format!("data:image/png;base64,{}", STANDARD.encode(head)),
        width: 3,
        height: 2,
        grid: [1, 1],
        first: 1,
        seconds: Some(0.5),
        hertz: Some([0.0, 8_000.0]),
        ..Media::default()
    }
}

fn story() -> Story {
    let estimate = Estimate { value: 0.25, interval: Some([0.125, 0.5]), n: 9 };
    let grammar =
        ByClass { value: 0.25, interval: None, n: 18, nouns: Some(estimate), verbs: None };
    let layer = StoryLayer {
        layer: 0,
        grammar: Some(grammar),
        word_meaning: None,
        sentence: Some(estimate),
    };
    Story {
        headline: vec!["Grammar fades.".to_owned()],
        bank: Some(BankAbout {
            name: "reference".to_owned(),
            sha256: "ab".to_owned(),
            sentences: 3,
            words: 18,
        }),
        layers: vec![layer.clone()],
        random_weights: vec![layer],
        ..Story::default()
    }
}

fn journeys() -> Journeys {
    let majority = |label: &str| Some(Majority { label: label.to_owned(), count: 6, of: 10 });
    let layer = JourneyLayer {
        layer: 0,
        same_word: vec![Neighbour { occurrence: 0, similarity: 0.5 }],
        other_words: Vec::new(),
        relation: None,
        supersense: majority("n.GROUP"),
        other_relation: None,
        other_supersense: majority("n.GROUP"),
    };
    let occurrence = Occurrence {
        before: "… near the ".to_owned(),
        word: "bank".to_owned(),
        after: " of a river.".to_owned(),
        lemma: "bank".to_owned(),
        relation: Some("nsubj".to_owned()),
        ..Occurrence::default()
    };
    let word = Journey {
        tokens: vec![1],
        word: "bank".to_owned(),
        occurrence: Some(2),
        occurrences_of_word: 12,
        layers: vec![layer],
    };
    let senses = vec![Sense { label: "n.GROUP".to_owned(), name: "group".to_owned() }];
    Journeys { occurrences: vec![occurrence], words: vec![word], senses, telling: Some(0) }
}

fn report() -> Report {
    let mut report = Report::new("explore", "stratoscope 0.1.0", "the <bank>");
    report.explorations.push(exploration());
    report.verdict = vec!["The contexts part at layer 0.".to_owned()];
    let step = OverlayStep {
        edit: "deleted".to_owned(),
        words: [Some("bank".to_owned()), None],
        tokens: [Some(1), None],
        content: true,
        begins: Some(1),
        parts: None,
        distances: vec![Some(0.25)],
    };
    report.overlay = Some(Overlay {
        steps: vec![step],
        same_word: vec![0.5],
        random: vec![0.75],
        moved: Some([0, 1]),
        displaced: vec![OverlayDisplaced {
            word: "bank".to_owned(),
            steps: [0, 0],
            parts: Some(1),
            distances: vec![Some(0.5)],
        }],
        folds: vec![[0, 1]],
    });
    report.contexts = Some(Contexts {
        words: ["bank", "Bank"].map(str::to_owned),
        tokens: [1, 0],
        places: [[4, 8], [0, 4]],
        parts: Some(1),
        in_common: vec![[3, 10]],
    });
    fn chart(id: &str, drawing: impl Into<Drawing>) -> Chart {
        Chart::new(id, id, drawing).caption("Nothing.")
    }
    let layers = || Axis::layers(&[0, 1]);
    let estimates = [Some((0.5, Some([0.25, 0.75]))), Some((0.75, None))];
    let series = [
        Series::new("a").n(9).estimates(estimates).peak(),
        Series::new("b").baseline().values([Some(0.5), Some(0.5)]),
    ];
    let share = [Series::new("a").values([Some(0.5), Some(1.0)]).shares(&[0, 6], 12)];
    let panels = [Panel::new("by share", Axis::share(), "unit", share)];
    let tokens = || Axis::tokens(vec!["the".to_owned()], vec![0]);
    let cell = GridCell { framed: true, ..GridCell::new("x", Some(0.5)) };
    let slice = Slice::new([Some(1.0), None]).name("head 0").layer(1).framed([0]);
    report.charts = vec![
        chart("curves", Curves::one(Panel::new("", layers(), "unit", series)))
            .subject("a/model")
            .paper("Somebody 2020", "10.1000/182")
            .exploration(0),
        chart("multiples", Curves::multiples(panels)),
        chart(
            "matrix",
            Matrix::new([MatrixPanel::new(tokens().muted([0]), layers(), "weight", Scale::unit())
                .title("Weights")
                .n(3)
                .decimals(0)
                .slices([slice])])
            .across(2),
        ),
        chart(
            "grid",
            Grid::new(Axis::layers(&[0]), tokens(), "share", Scale::unit(), vec![vec![cell]])
                .truth("next token", vec![Some("bank".to_owned())])
                .framed("it is right")
                .focus(0),
        ),
        chart(
            "trails",
            Trails::new(Axis::layers(&[0]), tokens().groups(vec![0]), vec![vec![Some([1.0, 2.0])]])
                .axes("x", "y")
                .notes(vec!["T 0.9".to_owned()])
                .shared(),
        ),
        chart(
            "table",
            Table::new(
                [Column::end("a"), "b".into(), "c".into()],
                [vec![Cell::Number(1.0), Cell::Text("b".to_owned()), Cell::None]],
            ),
        ),
    ];
    report
}

#[test]
fn the_schema_as_it_stands() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&report()).unwrap());
    insta::assert_snapshot!(serde_json::to_string_pretty(&exploration().json().unwrap()).unwrap());
}

#[test]
fn what_is_written_is_read_back() {
    let report = report();
    assert_eq!(Report::parse(&report.json().unwrap()).unwrap(), report);
    // A field that is new is passed over.
    let with_more = report.json().unwrap().replacen('{', "{\"new\":[1],", 1);
    assert_eq!(Report::parse(&with_more).unwrap(), report);
}

#[test]
fn what_is_no_report_or_of_another_version_is_refused_in_a_line() {
    let line = |text: &str| Report::parse(text).unwrap_err().to_string();
    for version in ["1", "3"] {
        let other = format!("\"version\":{version}");
        assert_eq!(
            line(&report().json().unwrap().replace("\"version\":2", &other)),
            format!(
                "this report has version {version} of the schema, and this program reads version \
                 2: make the report again, or read it with the stratoscope that made it"
            )
        );
    }
    assert_eq!(
        line("{\"schema\":\"other\"}"),
        "this is not a Stratoscope report: `schema` is not \"stratoscope-report\""
    );
    for bad in ["", "[]", "1", "{\"schema\":\"stratoscope-report\",\"version\":-1}"] {
        assert!(matches!(Report::parse(bad), Err(Error::NotAReport { .. })), "{bad}");
    }
    let lacking = "{\"schema\":\"stratoscope-report\",\"version\":2}";
    assert!(line(lacking).contains("missing field `kind`"), "{}", line(lacking));
}

type Harm = fn(&mut Report);

#[test]
fn lengths_and_numbers_are_checked() {
    let harms: [(&str, Harm); 27] = [
        ("similarity", |r| r.explorations[0].tokens.push(token("x"))),
        ("trajectory", |r| {
            if let Some(map) = &mut r.explorations[0].trajectory {
                map.rows.push(0);
            }
        }),
        ("a token of a map", |r| {
            if let Some(map) = &mut r.explorations[0].trajectory {
                map.rows[0] = 9;
            }
        }),
        ("norm is NaN", |r| r.explorations[0].layers[0].norm = f64::NAN),
        ("a mean is inf", |r| {
            if let Some(mean) = &mut r.explorations[0].layers[0].to_sentence {
                mean.interval = Some([0.0, f64::INFINITY]);
            }
        }),
        ("a neighbour", |r| {
            r.explorations[0].layers[0].neighbours = Some(vec![vec![2], vec![]]);
        }),
        ("label upos: expected 2, found 1", |r| {
            r.explorations[0].labels[0].of_tokens.pop();
        }),
        ("label upos, below", |r| r.explorations[0].labels[0].of_tokens[0] = Some(1)),
        ("layer 0: attention: expected 4, found 3", |r| {
            r.explorations[0].layers[0].attention = Some(vec![vec![600, 400, 1_000]]);
        }),
        ("attention: the sum of a row: expected 1000, found 999", |r| {
            r.explorations[0].layers[0].attention = Some(vec![vec![600, 400, 999, 0]]);
        }),
        ("random weights: expected 1, found 2", |r| {
            let story = r.explorations[0].story.as_mut().unwrap();
            story.random_weights.push(StoryLayer::default());
        }),
        ("random weights: the number of a layer", |r| {
            r.explorations[0].story.as_mut().unwrap().random_weights[0].layer = 1;
        }),
        ("story, layer 0 is NaN", |r| {
            let layer = &mut r.explorations[0].story.as_mut().unwrap().layers[0];
            layer.grammar.as_mut().unwrap().nouns.as_mut().unwrap().value = f64::NAN;
        }),
        ("the most telling word", |r| {
            r.explorations[0].journeys.as_mut().unwrap().telling = Some(1);
        }),
        ("“bank”: a token", |r| {
            r.explorations[0].journeys.as_mut().unwrap().words[0].tokens = vec![2];
        }),
        ("“bank”: layers", |r| {
            r.explorations[0].journeys.as_mut().unwrap().words[0].layers.clear();
        }),
        ("“bank”: an occurrence", |r| {
            r.explorations[0].journeys.as_mut().unwrap().occurrences.clear();
        }),
        ("two sentences: distances", |r| {
            r.overlay.as_mut().unwrap().steps[0].distances.clear();
        }),
        ("a step", |r| r.overlay.as_mut().unwrap().moved = Some([1, 0])),
        ("a step", |r| r.overlay.as_mut().unwrap().displaced[0].steps = [0, 1]),
        ("the end of a fold", |r| r.overlay.as_mut().unwrap().folds = vec![[0, 2]]),
        ("a token of two contexts", |r| r.contexts.as_mut().unwrap().tokens = [2, 0]),
        ("two contexts", |r| r.contexts.as_mut().unwrap().in_common.clear()),
        ("a token of two sentences", |r| {
            r.overlay.as_mut().unwrap().steps[0].tokens[0] = Some(2);
        }),
        ("the exploration of curves", |r| r.charts[0].exploration = Some(1)),
        ("two charts have the id `curves`", |r| r.charts[1].id = "curves".to_owned()),
        ("matrix, Weights: cells", |r| {
            if let Drawing::Matrix(matrix) = &mut r.charts[2].drawing {
                matrix.panels[0].slices[0].values.pop();
            }
        }),
    ];
    refuses(&harms);
    let mut report = report();
    if let Drawing::Curves(curves) = &mut report.charts[0].drawing {
        curves.rows[0][0].series[0].values[0] = Some(f64::NAN);
    }
    assert!(matches!(report.check(), Err(Error::Chart(ChartError::NotFinite { .. }))));
}

/// Checks that a report with each harm is refused, and what the refusal says.
fn refuses(harms: &[(&str, Harm)]) {
    for (what, harm) in harms {
        let mut report = report();
        harm(&mut report);
        let said = report.html().unwrap_err().to_string();
        assert!(said.contains(what), "{what}: {said}");
        assert!(report.json().is_err());
    }
}

fn first_media(report: &mut Report) -> &mut Media {
    &mut report.explorations[0].media.as_mut().unwrap()[0]
}

fn first_layer(report: &mut Report) -> &mut Layer {
    &mut report.explorations[0].layers[0]
}

#[test]
fn images_and_sounds_are_checked() {
    let harms: [(&str, Harm); 17] = [
        ("media 0: the last cell", |r| first_media(r).grid = [1, 2]),
        ("media 0: the last cell", |r| first_media(r).grid = [usize::MAX, 2]),
        ("media 0: the last cell", |r| first_media(r).first = usize::MAX),
        ("media 0: a first cell", |r| first_media(r).grid = [0, 1]),
        ("media 0: the text of a cell", |r| {
            *first_media(r) = Media { first: 0, grid: [1, 2], ..media() };
            r.explorations[0].tokens[1].sentence = 1;
            r.explorations[0].attention = None;
            first_layer(r).attention = None;
        }),
        ("media 0: width, below: expected 8193", |r| first_media(r).width = 9_000),
        ("media 0: height of its picture: expected 3, found 2", |r| first_media(r).height = 3),
        ("seconds and hertz is NaN", |r| first_media(r).seconds = Some(f64::NAN)),
        ("it is no data URI of a PNG", |r| first_media(r).picture = "https://a.b/c.png".into()),
        ("it is no data URI of a PNG", |r| {
            first_media(r).picture = "data:image/svg+xml;base64,PHN2Zz4=".to_owned();
        }),
        ("it is no PNG", |r| first_media(r).picture = "data:image/png;base64,AAAA".to_owned()),
        ("it is not written in base64", |r| first_media(r).picture.push('"')),
        ("it has more than 8 MiB", |r| first_media(r).picture.push_str(&"A".repeat(8 << 20))),
        ("a query, below", |r| r.explorations[0].queries = Some(vec![2])),
        ("query_similarity: expected 2, found 1", |r| r.explorations[0].queries = Some(vec![0, 1])),
        ("query_similarity is inf", |r| {
            let of = first_layer(r).query_similarity.as_mut().unwrap();
            of.centred = Some(vec![vec![0.5, f64::INFINITY]]);
        }),
        ("from_first, below: expected 100001", |r| {
            first_layer(r).from_first = Some(vec![vec![0, 100_001]]);
        }),
    ];
    refuses(&harms);
    let mut report = report();
    first_layer(&mut report).from_first = Some(vec![vec![1]]);
    let said = report.check().unwrap_err().to_string();
    assert!(said.contains("from_first: expected 2, found 1"), "{said}");
}

/// What stands between two marks.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let from = page.find(start).unwrap() + start.len();
    &page[from..from + page[from..].find(end).unwrap()]
}

#[test]
fn the_policy_names_the_script_and_the_style_that_the_page_has() {
    let page = report().html().unwrap();
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\">");
    let policy = policy.replace("&#39;", "'");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    let script = between(&page, "<script>", "</script>");
    assert!(policy.contains(&format!("script-src {};", hash(script))), "{policy}");
    let style = between(&page, "<style>", "</style>");
    assert!(policy.contains(&format!("style-src {};", hash(style))), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn a_form_is_allowed_what_it_needs_and_no_more() {
    let hostile = "</textarea><script>alert(1)</script>\"'&";
    let form = Form {
        text: hostile.to_owned(),
        against: hostile.to_owned(),
        longest: 99,
        models: vec!["a/model".to_owned(), hostile.to_owned()],
        model: "a/model".to_owned(),
        trouble: Some(hostile.to_owned()),
    };
    let (with, without) = (form.html(Some(&report())).unwrap(), form.html(None).unwrap());
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    for (page, scripts) in [(&with, 3), (&without, 1)] {
        assert_eq!(page.matches("<script").count(), scripts);
        assert!(page.matches("<option").count() == 2 && page.matches("<textarea").count() == 2);
        assert!(!page.contains("alert(1)</script>"));
        let policy = between(page, "Content-Security-Policy\" content=\"", "\">");
        let policy = policy.replace("&#39;", "'");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(policy.ends_with("form-action 'self'"), "{policy}");
        for text in [&*crate::form::SCRIPT, &*crate::form::STYLE] {
            assert!(policy.contains(&hash(text)) && page.contains(text), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    // The second box is open if it has a text, and is a part of the form without a script.
    assert!(with.contains("<details id=\"ask-second\" open>"));
    let empty = Form { against: String::new(), ..form };
    assert!(empty.html(None).unwrap().contains("<details id=\"ask-second\">"));
    // Every example is a form of its own, with the chosen model.
    assert_eq!(with.matches("type=\"hidden\" name=\"model\" value=\"a/model\"").count(), 5);
    assert_eq!(with.matches("type=\"hidden\" name=\"text\"").count(), 5);
    assert!(with.contains("id=\"report\"") && !without.contains("id=\"report\""));
    // The page that is kept has nothing of it.
    let page = report().html().unwrap();
    assert!(page.contains("form-action &#39;none&#39;") && !page.contains("<form"));
}

#[test]
fn the_page_makes_no_markup_from_text_and_asks_for_nothing() {
    let script = format!("{}{}", &*crate::page::SCRIPT, &*crate::form::SCRIPT);
    for word in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
        "import(",
        "localStorage",
        "</script",
        "<!--",
    ] {
        assert!(!script.contains(word), "{word}");
    }
    let page = report().html().unwrap();
    let shell = page.replace(between(&page, "id=\"report\">", "</script>"), "");
    for word in ["onclick=", "onload=", "src=", "@import", "url("] {
        assert!(!shell.contains(word), "{word}");
    }
    // The name of SVG's namespace is no address.
    assert_eq!(
        shell.matches("http://").count(),
        shell.matches("http://www.w3.org/2000/svg").count()
    );
    // One address: the resolver of DOIs, in a link that is followed when it is clicked.
    assert_eq!(shell.matches("https://").count(), 1);
}

#[test]
fn the_shell_stays_small() {
    let empty = Report::new("explore", "t", "t").html().unwrap();
    assert!(empty.len() < 255_000, "{} bytes", empty.len());
}

#[test]
fn hostile_text_stays_text() {
    let mut report = report();
    let hostile = "</script><script>alert(1)</script><!--\u{2028}&lt;";
    report.title = hostile.to_owned();
    report.explorations[0].tokens[0].text = hostile.to_owned();
    let page = report.html().unwrap();
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<!--"));
    assert!(page.contains("<title>&#60;/script&#62;"));
    let data = between(&page, "id=\"report\">", "</script>");
    assert!(!data.contains(['<', '>', '&', '\u{2028}']));
    assert_eq!(Report::parse(data).unwrap(), report);
}
