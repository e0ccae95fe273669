//! The page that commands write: it has the numbers of `--json`.

use crate::command::{Place, tiny};
use serde_json::Value;
use stratoscope::crates::report::Report;
use stratoscope::explore::report_of;
use stratoscope::{ExploreOptions, Explorer};

/// The report that a page shows.
pub(crate) fn report_of_page(bytes: &[u8]) -> Report {
    let page = std::str::from_utf8(bytes).unwrap();
    let start = "<script type=\"application/json\" id=\"report\">";
    let from = page.find(start).unwrap() + start.len();
    let end = page[from..].find("</script>").unwrap();
    Report::parse(&page[from..from + end]).unwrap()
}

/// Asserts that the numbers of two values are equal, up to the rounding of the page.
fn alike(page: &Value, json: &Value, at: &str) {
    match (page, json) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= 5.1e-5 * b.abs(), "{at}: {a} and {b}");
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{at}");
            a.iter().zip(b).for_each(|(a, b)| alike(a, b, at));
        }
        (Value::Object(a), Value::Object(b)) => {
            assert!(a.keys().eq(b.keys()), "{at}");
            a.iter().for_each(|(key, value)| alike(value, &b[key], key));
        }
        _ => assert_eq!(page, json, "{at}"),
    }
}

#[test]
fn the_page_has_the_numbers_of_json() {
    let place = Place::with_tiny();
    let line = "explore --model tiny 'the river bank refused a loan' 'walking home'";
    place.line(&format!("{line} --output out")).done();
    let report = report_of_page(&std::fs::read(place.path("out/report.html")).unwrap());
    assert_eq!((report.kind.as_str(), report.version), ("explore", 2));
    assert_eq!(report.title, "the river bank refused a loan and 1 more");
    let json = place.line(&format!("{line} --json")).done().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], serde_json::json!({ "name": "stratoscope.explore", "version": 2 }));
    let page = serde_json::to_value(&report.explorations[0]).unwrap();
    assert!(json["layers"][1]["similarity"]["standardised"].is_array());
    assert!(json["layers"][1]["trajectory"]["third"].is_array());
    for key in ["tokens", "texts", "trajectory", "tsne", "neighbours", "omitted", "settings"] {
        alike(&page[key], &json[key], key);
    }
    for (layer, other) in
        page["layers"].as_array().unwrap().iter().zip(json["layers"].as_array().unwrap())
    {
        for key in
            ["layer", "to_sentence", "norm", "trajectory", "tsne", "similarity", "neighbours"]
        {
            alike(&layer[key], &other[key], key);
        }
    }
    let ids: Vec<&str> = report.charts.iter().map(|chart| chart.id.as_str()).collect();
    assert_eq!(ids, ["depth", "norms", "steps"]);
    // What needs more tokens is on no page, and the page says so.
    let why = "it needs 30 tokens that are not special, found 8";
    for what in ["CKA between layers", "change of nearest neighbours"] {
        let omitted = &report.explorations[0].omitted;
        assert!(omitted.iter().any(|o| o.what == what && o.why == why), "{what}: {omitted:?}");
    }
}

#[test]
fn two_sentences_are_side_by_side_in_one_basis() {
    let place = Place::with_tiny();
    let (first, second) = ("the river bank refused a loan", "the old bank refused");
    place.run(["compare", "--model", "tiny", "--output", "out", first, second]).done();
    let report = report_of_page(&std::fs::read(place.path("out/report.html")).unwrap());
    let [a, b] = &report.explorations[..] else { panic!("two sides") };
    assert!(report.one_basis);
    assert_eq!((&a.texts[..], &b.texts[..]), (&[first.to_owned()][..], &[second.to_owned()][..]));
    assert!(a.tokens.iter().chain(&b.tokens).all(|token| token.sentence == 0));
    assert!(a.sampled.is_none() && b.sampled.is_none());
    let stand_for: Vec<(&str, &str)> = (report.aligned.iter())
        .map(|[i, j]| (a.tokens[*i].text.as_str(), b.tokens[*j].text.as_str()))
        .collect();
    for word in ["the", "bank", "refused"] {
        assert!(stand_for.contains(&(word, word)), "{stand_for:?}");
    }
    // Their maps and similarities are those of both texts in one exploration.
    let json = place.run(["explore", "--model", "tiny", "--json", first, second]).done().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let n = a.tokens.len();
    for (layer, whole) in json["layers"].as_array().unwrap().iter().enumerate() {
        for map in ["trajectory", "tsne"] {
            let points = [a, b].map(|side| serde_json::to_value(&side.layers[layer]).unwrap());
            let points = points.map(|side| side[map]["points"].as_array().cloned().unwrap());
            alike(&points.concat().into(), &whole[map]["points"], map);
        }
        let of =
            |side: &stratoscope::crates::report::Exploration, metric: &str, i: usize, j: usize| {
                let n = side.tokens.len();
                let values = serde_json::to_value(&side.layers[layer].similarity).unwrap();
                values[metric][i * n - i * (i + 1) / 2 + j].as_f64().unwrap()
            };
        let all = n + b.tokens.len();
        for metric in ["cosine", "centred", "standardised", "euclidean"] {
            for (side, i, j, at) in [(a, 1, 2, (1, 2)), (b, 1, 3, (n + 1, n + 3))] {
                let value = &whole["similarity"][metric][at.0 * all - at.0 * (at.0 + 1) / 2 + at.1];
                alike(&of(side, metric, i, j).into(), value, metric);
            }
        }
    }
    // So is one word in two texts; of more texts there are curves alone.
    for (texts, sides) in [("'the bank' 'a bank'", 2), ("'the bank' 'a bank' 'bank loan'", 0)] {
        let line = format!("compare --model tiny --word bank {texts} --output word --overwrite");
        place.line(&line).done();
        let page = report_of_page(&std::fs::read(place.path("word/report.html")).unwrap());
        assert_eq!((page.explorations.len(), page.one_basis), (sides, sides > 0));
        // Without the states of the bank, there are no journeys.
        assert!(page.contexts.is_none() && page.overlay.is_none());
    }
}

#[test]
fn one_word_in_two_contexts_has_both_texts_and_its_journeys_on_the_page() {
    let place = Place::new();
    let texts = ["The bank by the bank lent him money.", "Grass grew on the bank of the river."];
    let args = ["compare", "--word", "bank#2", "--word", "bank", texts[0], texts[1]];
    let shown = place.run(args.iter().chain(&["--output", "o"])).done().stdout;
    assert!(shown.contains("1  “bank” (2nd) in “") && shown.contains("2  “bank” in “"), "{shown}");
    let page = report_of_page(&std::fs::read(place.path("o/report.html")).unwrap());
    let json = place.run(args.iter().chain(&["--json"])).json();
    let contexts = page.contexts.unwrap();
    assert_eq!(contexts.places, [[16, 20], [18, 22]]);
    assert_eq!(page.aligned, [contexts.tokens]);
    assert_eq!(serde_json::to_value(&contexts.in_common).unwrap(), json["in_common"]);
    assert_eq!(serde_json::to_value(contexts.parts).unwrap(), json["parts"]);
    for (side, exploration) in page.explorations.iter().enumerate() {
        assert_eq!(exploration.texts, [texts[side]]);
        assert_eq!(exploration.tokens[contexts.tokens[side]].char_offsets, contexts.places[side]);
        // The word of the context, and no other, with the neighbours of the JSON.
        let [word] = &exploration.journeys.as_ref().unwrap().words[..] else { panic!() };
        assert_eq!(word.tokens, [contexts.tokens[side]]);
        assert_eq!(word.occurrence, [Some(2), None][side]);
        for (at, layer) in word.layers.iter().enumerate() {
            let all = &json["journeys"]["words"][side]["layers"][at];
            let near = &all["same_word"][0]["similarity"];
            alike(&layer.same_word[0].similarity.into(), near, "similarity");
            assert_eq!(serde_json::to_value(&layer.supersense).unwrap(), all["supersense"]);
        }
    }
    // What both have in common, counted from the lists of the JSON.
    let list = |side: usize, at: usize| -> Vec<u64> {
        let near = &json["journeys"]["words"][side]["layers"][at]["same_word"];
        let near = near.as_array().unwrap().iter();
        near.map(|one| one["occurrence"].as_u64().unwrap()).collect()
    };
    for (at, &[common, of]) in contexts.in_common.iter().enumerate() {
        let (a, b) = (list(0, at), list(1, at));
        assert_eq!(common, b.iter().filter(|one| a.contains(one)).count());
        assert_eq!(of, a.len().max(b.len()));
    }
    // The panels of the journeys show what the table would; the figure is written.
    assert!(page.charts.iter().all(|chart| chart.id != "journeys"));
    assert!(place.path("o/journeys.svg").is_file());
}

#[test]
fn similarities_and_neighbours_are_computed_from_the_states() {
    let explorer = Explorer::open(tiny().source()).unwrap();
    let texts = ["the river bank refused a loan"];
    let exploration = explorer.explore(&texts, &ExploreOptions::default()).unwrap();
    let data = exploration.data().unwrap();
    let n = data.tokens.len();
    for (index, layer) in data.layers.iter().enumerate() {
        let x = exploration.states.layer(index).mapv(f64::from);
        let cosine = |a: usize, b: usize| {
            let (a, b) = (x.row(a), x.row(b));
            a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
        };
        let triangle = layer.similarity.as_ref().unwrap().cosine.as_ref().unwrap();
        let pairs = (0..n).flat_map(|i| (i..n).map(move |j| (i, j)));
        for ((i, j), value) in pairs.zip(triangle) {
            assert!((cosine(i, j) - value).abs() < 1e-6);
        }
        for (token, near) in layer.neighbours.as_ref().unwrap().iter().enumerate() {
            if data.tokens[token].special {
                assert!(near.is_empty());
                continue;
            }
            let mut others: Vec<usize> =
                (0..n).filter(|&o| o != token && !data.tokens[o].special).collect();
            others.sort_by(|&a, &b| cosine(token, b).total_cmp(&cosine(token, a)));
            assert_eq!(*near, others[..near.len()], "layer {index}, token {token}");
        }
    }
}

#[test]
fn two_texts_are_side_by_side() {
    let explorer = Explorer::open(tiny().source()).unwrap();
    let one = |text: &str| explorer.explore(&[text], &ExploreOptions::default()).unwrap();
    let (a, b) = (one("the river bank"), one("the old river bank walked"));
    let report = report_of(&[&a, &b]).unwrap();
    report.html().unwrap();
    let text = |side: usize, token: usize| report.explorations[side].tokens[token].text.as_str();
    let pairs: Vec<_> = report.aligned.iter().map(|[i, j]| (text(0, *i), text(1, *j))).collect();
    assert_eq!(pairs, [("the", "the"), ("river", "river"), ("bank", "bank")]);
    let mut ids: Vec<&str> = report.charts.iter().map(|chart| chart.id.as_str()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "{ids:?}");
}
