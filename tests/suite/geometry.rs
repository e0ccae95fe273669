//! `geometry`: numbers compared with the measures of the library, measures that are not defined for
//! short texts, several models, files.

use crate::command::{Outcome, Place, json_of, number, tiny};
use crate::fixtures::{corpus, load};
use ndarray::{Array2, Axis};
use serde_json::Value;
use std::collections::BTreeMap;
use stratoscope::crates::extractor::{extract, parse_annotated, prepare};
use stratoscope::crates::geometry::{
    LayerSums, Neighbours, cka_map, maximum_explainable_variance, self_similarity,
};
use stratoscope::geometry::Measure;
use stratoscope::{Estimate, HookSelection, LayerSelection, LongText, Pooling, Text, Unit};

/// A place with sixty short sentences and two models.
fn place() -> Place {
    let place = Place::with_tiny();
    place.write("own.conllu", corpus());
    let mut other = tiny();
    for (name, tensor) in &mut other.tensors {
        // Another model: the output weights of the first block are doubled.
        if name.contains("layer.0.") && name.ends_with("dense.weight") {
            for value in tensor.bytes.chunks_exact_mut(4) {
                let (bytes, _) = value.as_chunks::<4>();
                let twice = 2.0 * f32::from_le_bytes(bytes[0]);
                value.copy_from_slice(&twice.to_le_bytes());
            }
        }
    }
    other.write(&place.path("other"));
    place
}

fn json(outcome: Outcome) -> Value {
    assert!(!outcome.stdout.contains("NaN") && !outcome.stdout.contains("inf"));
    outcome.json()
}

#[track_caller]
fn check(found: &Value, expected: Estimate) {
    let near = |found: &Value, value: f64| {
        let found = number(found);
        assert!((found - value).abs() < 1e-9 * value.abs().max(1.0), "{found} {value}");
    };
    near(&found["value"], expected.value);
    assert_eq!(found["n"], expected.n);
    match expected.interval {
        Some([low, high]) => {
            near(&found["interval"][0], low);
            near(&found["interval"][1], high);
        }
        None => assert!(found["interval"].is_null()),
    }
}

#[test]
fn help_has_examples() {
    let help = Place::new().line("geometry --help").done().stdout;
    let settled: String = help.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    insta::assert_snapshot!("help_geometry", settled);
}

/// The corpus is smaller than a sample, so that all numbers can be computed from arrays.
#[test]
fn numbers_equal_those_of_the_library() {
    let place = place();
    let found = json(place.line("geometry --file own.conllu --model tiny --json --seed 3"));
    assert_eq!(found["schema"]["name"], "stratoscope.geometry");

    let model = load(&tiny().source()).unwrap();
    let sentences = parse_annotated(corpus().as_bytes(), "own").unwrap();
    let texts: Vec<Text> = sentences.into_iter().map(|s| s.text).collect();
    let prepared = prepare(&model, texts.clone(), LongText::Refuse).unwrap();
    let (all, none) = (LayerSelection::All, HookSelection::default());
    let states = extract(&model, prepared, &all, &none, &mut |_| {}).unwrap();
    let words = states.pooled(Unit::Word, Pooling::Mean).unwrap();
    let of: Vec<usize> = words.rows.iter().map(|row| row.sequence).collect();
    assert_eq!(found["counts"]["words"], of.len());
    assert_eq!(found["counts"]["sampled_words"], of.len());
    assert_eq!(found["input"]["texts"], texts.len());
    assert_eq!(found["omitted"].as_array().unwrap().len(), 0);

    // The forms that occur more than once, with at most ten occurrences each.
    let mut forms: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (row, word) in words.rows.iter().enumerate() {
        forms.entry(word.label.as_str()).or_default().push(row);
    }
    let few: Vec<&Vec<usize>> = forms.values().filter(|rows| rows.len() > 1).collect();
    let occurrences: usize = few.iter().map(|rows| rows.len().min(10)).sum();
    assert_eq!(found["counts"]["occurrences"], occurrences);
    assert_eq!(found["counts"]["forms"], few.len());

    let layers = found["layers"].as_array().unwrap();
    assert_eq!(layers.len(), words.layers.len());
    let mut before: Option<Neighbours> = None;
    for (index, layer) in layers.iter().enumerate() {
        assert_eq!(layer["layer"], index);
        let x = words.layer(index);
        let mut sums = LayerSums::new(x.ncols(), 3);
        sums.add(x, &of, Some(words.layer(0))).unwrap();
        let anisotropy = sums.anisotropy().unwrap();
        let intra = sums.intra_sentence_similarity().unwrap();
        check(&layer["anisotropy"], anisotropy);
        check(&layer["intra_sentence_similarity"], intra);
        check(&layer["intra_sentence_similarity_adjusted"], intra.minus(&anisotropy));
        check(&layer["norm"], sums.norm().unwrap());
        check(&layer["curvature"], sums.curvature().unwrap());
        check(&layer["identity_retention"], sums.identity_retention().unwrap());
        let spectrum = sums.spectrum().unwrap();
        check(&layer["matrix_entropy"], spectrum.entropy);
        check(&layer["relative_entropy"], spectrum.relative_entropy.unwrap());
        check(&layer["effective_rank"], spectrum.effective_rank);
        let centred = sums.centred_spectrum().unwrap();
        check(&layer["centred_effective_rank"], centred.effective_rank);
        let rogue = sums.rogue_dimensions(3).unwrap();
        check(&layer["rogue_share"], rogue[0].share);
        assert_eq!(layer["rogue_dimensions"][2]["dimension"], rogue[2].index);

        let own = Neighbours::of(x, &of, 10, 3).unwrap();
        let dimension = own.intrinsic_dimension().unwrap();
        check(&layer["intrinsic_dimension"], dimension.regression);
        check(&layer["intrinsic_dimension_likelihood"], dimension.likelihood);
        match before.replace(own.clone()) {
            None => assert!(layer["neighbour_overlap"].is_null()),
            Some(before) => {
                check(&layer["neighbour_overlap"], before.overlap(&own).unwrap());
                let moved = before.changes(&own).unwrap();
                let step = &found["neighbour_change"][index - 1];
                assert_eq!(step["words"][0]["word"], words.rows[moved[0].row].label.as_str());
                assert_eq!(step["words"][0]["change"], moved[0].change);
                let kept = step["kept"].as_array().unwrap();
                let total: u64 = kept.iter().map(|n| n.as_u64().unwrap()).sum();
                assert_eq!((kept.len(), total), (11, of.len() as u64));
            }
        }
        // If no form has more than ten occurrences, no occurrences are sampled.
        if forms.values().all(|rows| rows.len() <= 10) {
            let numbers: BTreeMap<&str, usize> = forms.keys().copied().zip(0..).collect();
            let types: Vec<usize> =
                words.rows.iter().map(|row| numbers[row.label.as_str()]).collect();
            let own = self_similarity(x, &types, &of, 3).unwrap().mean.value;
            let found = layer["self_similarity"]["value"].as_f64().unwrap();
            assert!((found - own).abs() < 1e-9);
            let own = maximum_explainable_variance(x, &types, 5, 3).unwrap().mean.value;
            let found = layer["maximum_explainable_variance"]["value"].as_f64().unwrap();
            assert!((found - own).abs() < 1e-9);
        }
    }
    let views: Vec<_> = words.hidden_states.axis_iter(Axis(0)).collect();
    let map = cka_map(&views, &of, 3).unwrap();
    let kinds = [("linear", &map.linear), ("debiased", &map.debiased), ("rbf", &map.rbf)];
    for (name, map) in kinds {
        let map: &Array2<Option<Estimate>> = map;
        for ((a, b), value) in map.indexed_iter() {
            check(&found["cka"][name][a][b], value.unwrap());
        }
    }
}

#[test]
fn csv_equals_json_and_files_do_not_depend_on_threads() {
    let place = place();
    let line = "geometry --file own.conllu --model tiny --sample 200 --output out";
    place.line(&format!("{line} --threads 1 --quiet")).done();
    let first = place.files("out");
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "captions.md",
            "cka.csv",
            "cka.json",
            "cka.png",
            "cka.svg",
            "geometry.csv",
            "geometry.json",
            "geometry.png",
            "geometry.svg",
            "manifest.json",
            "neighbour_change.csv",
            "neighbour_change.json",
            "neighbour_change.png",
            "neighbour_change.svg",
            "neighbours_kept.csv",
            "neighbours_kept.json",
            "neighbours_kept.png",
            "neighbours_kept.svg",
            "numbers.json",
            "report.html",
            "rsa.csv",
            "rsa.json",
            "rsa.png",
            "rsa.svg",
        ]
    );
    let shown = place.line(&format!("{line} --threads 2 --overwrite")).done().stdout;
    let settled: String = shown.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    insta::assert_snapshot!("geometry_summary", settled);
    for (name, bytes) in place.files("out") {
        // The manifest has the command line, which differs.
        if name != "manifest.json" {
            assert_eq!(first[&name], bytes, "{name}");
        }
    }

    let all: Value = json_of(&first, "numbers.json");
    let csv = String::from_utf8(first["geometry.csv"].clone().unwrap()).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("model,layer,measure,value,low,high,n"));
    let mut seen = 0;
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let [model, layer, measure, value, low, high, n] = fields[..] else { panic!("{line}") };
        assert_eq!(model, "tiny");
        let found = &all["layers"][layer.parse::<usize>().unwrap()][measure];
        let ends = &found["interval"];
        let numbers = [&found["value"], &ends[0], &ends[1], &found["n"]];
        for (number, text) in numbers.into_iter().zip([value, low, high, n]) {
            assert_eq!(number.as_f64(), text.parse().ok(), "{line}");
        }
        seen += 1;
    }
    let defined = all["layers"].as_array().unwrap().iter().flat_map(|layer| {
        Measure::ALL.into_iter().filter(|measure| !layer[measure.name()].is_null())
    });
    assert_eq!(seen, defined.count());
}

/// Every null is explained in `omitted`, and no value is NaN.
#[test]
fn measures_that_are_not_defined_for_short_texts_are_omitted() {
    let place = Place::with_tiny();
    let of = |text: &str| {
        place.write("text.txt", text);
        let line = "geometry --file text.txt --model tiny --output out --overwrite";
        place.line(&format!("{line} --quiet")).done();
        let found = json(place.line("geometry --file text.txt --model tiny --json"));
        let omitted = found["omitted"].as_array().unwrap().clone();
        for layer in found["layers"].as_array().unwrap() {
            for measure in Measure::ALL.map(Measure::name) {
                let named = omitted.iter().any(|left| {
                    let same = left["layer"].is_null() || left["layer"] == layer["layer"];
                    left["what"] == measure.replace('_', " ") && same && left["why"].is_string()
                });
                let first = measure == "neighbour_overlap" && layer["layer"] == 0;
                let null = layer[measure].is_null();
                assert!(null == named || first, "{text:?} {measure} {layer}");
            }
        }
        let names: Vec<String> = omitted
            .iter()
            .filter(|left| left["layer"].is_null())
            .map(|left| left["what"].as_str().unwrap().to_owned())
            .collect();
        (found, names.join(", "))
    };
    let (one, names) = of("bank\n");
    assert_eq!(one["counts"]["words"], 1);
    assert!(one["layers"][0]["norm"]["value"].as_f64().unwrap() > 0.0);
    insta::assert_snapshot!("geometry_one_word", names);
    let (_, names) = of("The bank by the river lent him nothing at all today, he said.\n");
    insta::assert_snapshot!("geometry_one_sentence", names);
    let (same, names) = of(&"The dog saw the bank.\n".repeat(30));
    assert_eq!(same["input"]["repeated_texts"], 29);
    assert_eq!(same["counts"]["sampled_texts"], 1);
    insta::assert_snapshot!("geometry_repeated_lines", names);
    let (_, names) = of(&(1..9).map(|n| "dog ".repeat(n) + "\n").collect::<String>());
    insta::assert_snapshot!("geometry_one_form", names);
    let (_, names) = of("a b\n\nc d\n,\n");
    insta::assert_snapshot!("geometry_few_words", names);
}

#[test]
fn several_models_are_compared_with_each_other() {
    let place = place();
    tiny().write(&place.path("twin"));
    let line = "geometry --file own.conllu --model tiny --model twin --model other --json";
    let found = json(place.line(line));
    assert!(found.get("layers").is_none());
    let models = found["models"].as_array().unwrap();
    let names: Vec<&str> = models.iter().map(|m| m["model"]["model"].as_str().unwrap()).collect();
    assert_eq!(names, ["tiny", "twin", "other"]);
    assert_eq!(models[0]["layers"], models[1]["layers"]);
    let across = found["across"].as_array().unwrap();
    assert_eq!(across.len(), 3);
    // CKA between a model and its copy is CKA within the model.
    for kind in ["linear", "debiased", "rbf"] {
        let own = &models[0]["cka"][kind];
        for (a, row) in across[0][kind].as_array().unwrap().iter().enumerate() {
            for (b, value) in row.as_array().unwrap().iter().enumerate() {
                let (x, y) = (value["value"].as_f64(), own[a][b]["value"].as_f64());
                assert!((x.unwrap() - y.unwrap()).abs() < 1e-9, "{kind} {a} {b}");
            }
        }
    }
    let alone = json(place.line("geometry --file own.conllu --model other --json"));
    assert_eq!(alone["layers"], models[2]["layers"]);
    let shown = place.line(&line.replace("--json", "--output out")).done().stdout;
    assert!(
        shown.contains(
            "out\n  geometry cka rsa neighbour_change neighbours_kept (.svg .png .json .csv)"
        ),
        "{shown}"
    );
}

#[test]
fn texts_can_come_from_lines_jsonl_and_stdin() {
    let place = place();
    let lines: String = corpus()
        .lines()
        .filter_map(|line| line.strip_prefix("# text = ").map(|text| format!("{text}\n")))
        .collect();
    place.write("own.txt", &lines);
    let rows: String =
        lines.lines().map(|text| format!("{}\n", serde_json::json!({ "t": text }))).collect();
    place.write("own.jsonl", rows);
    let of_lines = json(place.line("geometry --file own.txt --model tiny --json"));
    let of_rows = json(place.line("geometry --file own.jsonl --field t --model tiny --json"));
    let piped = place.line_reading("geometry --file - --model tiny --json", lines.as_bytes());
    assert_eq!(of_lines["layers"], of_rows["layers"]);
    assert_eq!(of_lines["layers"], json(piped)["layers"]);
}

#[test]
fn wrong_input_gives_an_error() {
    let place = place();
    place.write("blank.txt", "\n \n");
    place.write("long.txt", "bank ".repeat(60));
    let mut said = String::new();
    for (line, code) in [
        ("geometry", 2),
        ("geometry --file nowhere.txt --model tiny", 4),
        ("geometry --file blank.txt --model tiny", 4),
        ("geometry --file long.txt --model tiny", 4),
        ("geometry --file own.conllu --model tiny --model tiny", 2),
        ("geometry --file own.conllu --model tiny --model other --revision main", 2),
        ("geometry --file own.conllu --model tiny --output tiny", 2),
    ] {
        let outcome = place.line(line);
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        said += &format!("{line}\n{}\n", outcome.stderr);
    }
    insta::assert_snapshot!("geometry_errors", said);
    let cut = place.line("geometry --file long.txt --model tiny --long cut --json").done();
    assert!(cut.stderr.contains("was cut from 62 tokens to 37"), "{}", cut.stderr);
}
