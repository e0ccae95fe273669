//! `explore` without its maps: attention, change of neighbours, and several models on the same
//! words.

use crate::command::{Place, json_of, number, tiny};
use crate::figures::LONG as WORDS;
use crate::fixtures::Tensors;
use crate::report::report_of_page;
use serde_json::Value;
use std::collections::BTreeSet;

const TEXT: &str = "The bank by the river refused the loan, oddly.";

/// A text of 40 words and marks, which is enough for CKA and for the change of neighbours.
const LONG: &str = "The bank by the river refused the loan, oddly. He sat on the bank and looked at \
                    the cold water below, while his bank, far away, had lent money to a man who \
                    never paid";

#[test]
fn measures_of_heads_are_computed_from_the_patterns() {
    let place = Place::new();
    place
        .line(&format!(
            "extract '{TEXT}' --hooks blocks.*.attn.hook_pattern --output s.safetensors"
        ))
        .done();
    let explored = place.line(&format!("explore '{TEXT}' --attention --json")).json();
    let tokens = explored["tokens"].as_array().unwrap();
    let n = tokens.len();
    let special: Vec<bool> = tokens.iter().map(|t| t["special"].as_bool().unwrap()).collect();
    let states = Tensors::read(place.path("s.safetensors"));
    let layers = explored["layers"].as_array().unwrap();
    assert!(layers[0]["heads"].is_null());
    for (block, layer) in layers[1..].iter().enumerate() {
        let (pattern, shape) = states.f32(&format!("blocks.{block}.attn.hook_pattern")).unwrap();
        assert_eq!(shape, [12, n * n]);
        let heads = layer["heads"].as_array().unwrap();
        assert_eq!(heads.len(), 12);
        for (head, found) in heads.iter().enumerate() {
            let (mut entropy, mut to_special, mut steps, mut ordinary) = (0.0, 0.0, 0.0, 0.0);
            for query in (0..n).filter(|&q| !special[q]) {
                for key in 0..n {
                    let a = f64::from(pattern[head * n * n + query * n + key]);
                    entropy -= if a > 0.0 { a * a.ln() } else { 0.0 };
                    if special[key] {
                        to_special += a;
                    } else {
                        ordinary += a;
                        steps += a * query.abs_diff(key) as f64;
                    }
                }
            }
            let queries = special.iter().filter(|s| !**s).count() as f64;
            let near = |name: &str, value: f64| {
                let found = number(&found[name]);
                assert!((found - value).abs() < 1e-5, "{name} {block}.{head}: {found} {value}");
            };
            near("entropy", entropy / queries);
            near("relative_entropy", entropy / queries / (n as f64).ln());
            near("to_special", to_special / queries);
            near("distance", steps / ordinary);
        }
    }
}

#[test]
fn the_page_has_attention_weights_in_thousandths() {
    let place = Place::new();
    let line = format!("explore '{TEXT}' 'A second text.' --attention --output o");
    place.line(&line).done();
    let files = place.files("o");
    let report = report_of_page(files["report.html"].as_deref().unwrap());
    let [page] = &report.explorations[..] else { panic!() };
    let about = page.attention.unwrap();
    assert_eq!((about.texts, about.mean), (2, false));
    let states = Tensors::read(place.path("o/states.safetensors"));
    assert!(page.layers[0].attention.is_none());
    for (block, layer) in page.layers[1..].iter().enumerate() {
        let (pattern, shape) = states.f32(&format!("blocks.{block}.attn.hook_pattern")).unwrap();
        let heads = layer.attention.as_ref().unwrap();
        assert_eq!(shape, [heads.len(), heads[0].len()]);
        // Rows sum to 1,000, which the reader of the report checks.
        for (found, weight) in heads.iter().flatten().zip(&pattern) {
            assert!((f64::from(*found) - 1_000.0 * f64::from(*weight)).abs() < 1.0);
        }
    }
    let json: Value = json_of(&files, "numbers.json");
    let page = serde_json::to_value(page).unwrap();
    assert_eq!(json["layers"][3]["attention"], page["layers"][3]["attention"]);

    // A text that is too long by head has means, and one that is too long for means has none.
    let of = |words: usize, more: &str| {
        let text = "bank ".repeat(words);
        let json = place.line(&format!("explore '{text}' --attention {more} --json")).json();
        let omitted = json["omitted"].as_array().unwrap().iter();
        let omitted = omitted.filter_map(|o| o["what"].as_str()?.strip_prefix("attention on"));
        (json["attention"].clone(), omitted.map(str::to_owned).collect::<Vec<_>>())
    };
    let mean = serde_json::json!({ "texts": 1, "mean": true });
    assert_eq!(of(73, ""), (mean, vec![" the page, by head".to_owned()]));
    assert_eq!(of(257, ""), (Value::Null, vec![" the page".to_owned()]));
    assert_eq!(of(9, "--words"), (Value::Null, vec![" the page".to_owned()]));
}

#[test]
fn labels_of_an_annotated_file_are_on_the_page() {
    let place = Place::with_tiny();
    let file = "# text = The unbreakable bank.\n\
                1\tThe\tthe\tDET\t_\t_\t3\tdet\t_\t_\n\
                2\tunbreakable\t_\tADJ\tJJ\tDegree=Pos\t3\tamod\t_\t_\n\
                3\tbank\tbank\tNOUN\tNN\tNumber=Sing\t0\troot\t_\tSpaceAfter=No|Supersense=n.GROUP\n\
                4\t.\t.\tPUNCT\t.\t_\t3\tpunct\t_\t_\n\n";
    place.write("a.conllu", file);
    let of = |json: &Value| -> Vec<String> {
        let texts = json["tokens"].as_array().unwrap();
        let told = json["labels"].as_array().unwrap().iter().map(|label| {
            let value = |(at, token): (usize, &Value)| {
                let place = label["of_tokens"][at].as_u64()? as usize;
                Some(format!("{}={}", token["text"].as_str()?, label["values"][place].as_str()?))
            };
            let values: Vec<String> = texts.iter().enumerate().filter_map(value).collect();
            format!("{}: {}", label["name"].as_str().unwrap(), values.join(" "))
        });
        told.collect()
    };
    let words = place.line("explore --file a.conllu --words --json").json();
    let expected = [
        "upos: The=DET unbreakable=ADJ bank=NOUN .=PUNCT",
        "deprel: The=det unbreakable=amod bank=root .=punct",
        "xpos: unbreakable=JJ bank=NN .=.",
        "feats.Degree: unbreakable=Pos",
        "feats.Number: bank=Sing",
        "misc.Supersense: bank=n.GROUP",
    ];
    assert_eq!(of(&words), expected);
    // Every token of a word has the label of the word.
    place.line("explore --file a.conllu --output o").done();
    let files = place.files("o");
    let report = report_of_page(files["report.html"].as_deref().unwrap());
    let page = serde_json::to_value(&report.explorations[0]).unwrap();
    let pieces = of(&page)[3].matches("=Pos").count();
    assert!(pieces > 1, "{:?}", of(&page));
    assert_eq!(of(&page), of(&json_of(&files, "numbers.json")));
    let plain = place.line("explore 'The unbreakable bank.' --json").json();
    assert!(plain["labels"].is_null());
    // Several models read the annotated words.
    let both = place.line("explore --file a.conllu --model bundled --model tiny --json").json();
    assert_eq!(of(&both["models"][1]), expected);
}

/// Wants no result after so many stages.
struct Patience(std::sync::atomic::AtomicUsize);

impl stratoscope::Progress for Patience {
    fn step(&self, _: stratoscope::Step<'_>) {}

    fn stopped(&self) -> bool {
        use std::sync::atomic::Ordering::Relaxed;
        self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err()
    }
}

#[test]
fn work_that_nobody_wants_ends_between_its_stages() {
    let place = Place::with_tiny();
    let explore = |stages: usize| {
        let builder = stratoscope::Explorer::builder(place.path("tiny").as_path());
        let explorer = builder.progress(Patience(stages.into())).open().unwrap();
        let options = stratoscope::ExploreOptions::default();
        explorer.explore(&["the river bank"], &options).err()
    };
    for stages in 0..5 {
        let stopped = explore(stages).unwrap();
        assert!(matches!(stopped, stratoscope::Error::Stopped), "{stages}: {stopped}");
    }
    assert!(explore(100).is_none());
}

#[test]
fn attention_in_words_and_of_texts_without_special_tokens() {
    let place = Place::with_tiny();
    // Attention is between tokens, also if the rows are words.
    let words = place.line(&format!("explore '{TEXT}' --attention --words --json")).json();
    let tokens = place.line(&format!("explore '{TEXT}' --attention --json")).json();
    assert_eq!(words["layers"][3]["heads"], tokens["layers"][3]["heads"]);
    let out = place.line("explore 'bank' --model tiny --attention --output o").done();
    assert!(out.stdout.contains("attention"), "{}", out.stdout);
    let written = place.files("o");
    // The panel of attention shows the patterns, so that the page does not have them twice.
    let page = report_of_page(&written["report.html"].clone().unwrap());
    let has = |id: &str| page.charts.iter().any(|chart| chart.id == id);
    assert!(page.explorations[0].attention.is_some());
    assert_eq!(["attention", "rollout", "patterns"].map(has), [true, true, false]);
    assert!(written.contains_key("patterns.svg"));
    for name in ["attention.svg", "rollout.json", "states.safetensors"] {
        assert!(written.contains_key(name), "{name}");
    }
    let rollout: Value = json_of(&written, "rollout.json");
    let panel = &rollout["panels"][0];
    let n = panel["rows"]["labels"].as_array().unwrap().len();
    for layer in panel["slices"].as_array().unwrap() {
        let weights: Vec<f64> = layer["values"].as_array().unwrap().iter().map(number).collect();
        for row in weights.chunks(n) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
    let refused = place.line("explore --from o/states.safetensors --attention");
    assert_eq!(refused.code, Some(2));
}

#[test]
fn states_with_and_without_patterns_are_nearly_equal() {
    let place = Place::new();
    let states = |attention: &str, out: &str| {
        place.line(&format!("explore '{TEXT}' {attention} --output {out} -q")).done();
        let written = Tensors::read(place.path(&format!("{out}/states.safetensors")));
        written.f32("hidden_states").unwrap()
    };
    let (with, shape) = states("--attention", "with");
    let (without, same_shape) = states("", "without");
    assert_eq!(shape, same_shape);
    // With patterns, attention is computed without the kernel, so that rounding differs.
    let largest = without.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    let apart = with.iter().zip(&without).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart <= 1e-6 * largest, "{apart} of {largest}");
    // Layer 0 has no attention before it.
    let layer = shape[1] * shape[2];
    assert_eq!(with[..layer], without[..layer]);
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn steps_and_changes_of_neighbours_are_those_of_the_full_space() {
    let place = Place::new();
    let explored = place.line(&format!("explore '{LONG}' --json")).json();
    let states = place.line(&format!("extract '{LONG}' --json")).json();
    let change = &explored["neighbour_change"];
    let k = change["neighbours"].as_u64().unwrap() as usize;
    let rows = states["rows"].as_array().unwrap();
    let ordinary: Vec<usize> =
        (0..rows.len()).filter(|&r| !rows[r]["special"].as_bool().unwrap()).collect();
    assert_eq!((k, change["n"].as_u64().unwrap()), (ordinary.len() / 4, ordinary.len() as u64));
    let vector = |layer: usize, row: usize| -> Vec<f64> {
        let values = &states["layers"][layer]["hidden_states"][row];
        values.as_array().unwrap().iter().map(number).collect()
    };
    let nearest = |layer: usize, row: usize| -> BTreeSet<usize> {
        let own = vector(layer, row);
        let mut others: Vec<(f64, usize)> = ordinary
            .iter()
            .filter(|&&r| r != row)
            .map(|&r| (-cosine(&own, &vector(layer, r)), r))
            .collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0));
        others.iter().take(k).map(|o| o.1).collect()
    };
    let layers = explored["layers"].as_array().unwrap();
    assert!(layers[0]["steps"].is_null() && layers[0]["neighbour_change"].is_null());
    for (layer, found) in layers.iter().enumerate().skip(1) {
        let steps = found["steps"].as_array().unwrap();
        assert_eq!(steps.len(), rows.len());
        for (row, step) in steps.iter().enumerate() {
            let expected = 1.0 - cosine(&vector(layer, row), &vector(layer - 1, row));
            assert!((number(step) - expected).abs() < 1e-6, "layer {layer}, token {row}");
        }
        let changed = found["neighbour_change"].as_array().unwrap();
        let changes: Vec<(usize, f64)> = changed
            .iter()
            .map(|m| (m["token"].as_u64().unwrap() as usize, number(&m["change"])))
            .collect();
        assert!(changes.windows(2).all(|w| w[0].1 >= w[1].1), "the largest changes come first");
        for &row in &ordinary {
            let kept = nearest(layer - 1, row).intersection(&nearest(layer, row)).count();
            let change = changes.iter().find(|c| c.0 == row).map_or(0.0, |c| c.1);
            assert!((change - (1.0 - kept as f64 / k as f64)).abs() < 1e-12);
        }
    }
    let few = place.line("explore 'the bank' --json").json();
    assert!(few["neighbour_change"].is_null());
    let reasons: Vec<&str> = few["omitted"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|omitted| omitted["what"] == "change of nearest neighbours")
        .map(|omitted| omitted["why"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["it needs 30 tokens that are not special, found 2"]);
}

#[test]
fn several_models_are_compared_on_the_same_words() {
    let place = Place::with_tiny();
    tiny().write(&place.path("same"));
    let line = format!("explore '{WORDS}' --model tiny --model bundled --model same");
    let found = place.line(&format!("{line} --json")).json();
    let models = found["models"].as_array().unwrap();
    let texts = |model: &Value| -> Vec<String> {
        let tokens = model["tokens"].as_array().unwrap();
        tokens.iter().map(|t| t["text"].as_str().unwrap().to_owned()).collect()
    };
    let words: Vec<&str> = WORDS.split(' ').collect();
    for model in models {
        assert_eq!(texts(model), words);
    }
    let pairs = found["cka"].as_array().unwrap();
    let which: Vec<(u64, u64)> =
        pairs.iter().map(|p| (p["a"].as_u64().unwrap(), p["b"].as_u64().unwrap())).collect();
    assert_eq!(which, [(0, 1), (0, 2), (1, 2)]);
    // A model compared with itself: 1 on the diagonal, and the matrix of the model elsewhere.
    let own = &pairs[1]["values"];
    for (a, layer) in models[0]["layers"].as_array().unwrap().iter().enumerate() {
        for (b, value) in layer["cka"].as_array().unwrap().iter().enumerate() {
            assert!((number(&own[a][b]) - number(value)).abs() < 1e-9);
        }
        assert!((number(&own[a][a]) - 1.0).abs() < 1e-9);
    }
    assert_eq!(pairs[0]["values"].as_array().unwrap().len(), 4);
    assert_eq!(pairs[0]["values"][0].as_array().unwrap().len(), 7);
    assert_eq!(pairs[0]["n"], 31);

    place.line(&format!("{line} --output side --quiet")).done();
    let written = place.files("side");
    for name in
        ["depth.svg", "cka.png", "similarity.json", "trajectory--3-same.svg", "manifest.json"]
    {
        assert!(written.contains_key(name), "{name}: {:?}", written.keys());
    }
    let again = place.line(&format!("{line} --output side --quiet"));
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    place.line(&format!("{line} --output side --quiet --overwrite")).done();
    // The manifest has the command line, which differs.
    let same = |(name, bytes): (&String, &Option<Vec<u8>>)| {
        name == "manifest.json" || written.get(name) == Some(bytes)
    };
    assert!(place.files("side").iter().all(same));

    assert_eq!(place.line("explore 'a' --model tiny --model tiny").code, Some(2));
    let one = place.line("explore 'bank' --model bundled --model tiny --json").json();
    let why = "it needs 30 words, found 1";
    assert_eq!(one["omitted"][0], serde_json::json!({ "what": "CKA between layers", "why": why }));
    assert_eq!(one["cka"].as_array().unwrap().len(), 0);
    let pairs = place.line("explore 'a' 'b' --pairs --model bundled --model tiny");
    assert_eq!(pairs.code, Some(2));
}
