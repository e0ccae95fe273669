//! Questions about layers and directions through the program: pairs of texts, two lists of texts, and
//! lenses that read maps of states.

use crate::command::{Place, number};
use crate::fixtures::{Tensors, bundled};
use crate::lens::with_tokenizer;
use rand::Rng;
use serde_json::Value;
use stratoscope::contrast::{ContrastLists, Options};
use stratoscope::crates::extractor::prepare;
use stratoscope::crates::numerics::{generator, partial_spearman, spearman};
use stratoscope::{Explorer, GivenStates, HookSelection, LayerSelection, LongText};

/// The message of a command that ends with an exit code.
fn fails(place: &Place, line: &str, code: i32) -> String {
    let run = place.line(line);
    assert_eq!(run.code, Some(code), "{}", run.stderr);
    run.stderr
}

/// Pairs whose scores are the number of shared words.
fn pairs() -> String {
    let nouns = ["cat", "dog", "river", "bank", "song", "house", "storm"];
    let verbs = ["sleeps", "runs", "falls", "shines"];
    let mut lines = "score\tfirst\tsecond\tset\n".to_owned();
    for (i, a) in nouns.iter().enumerate() {
        for (j, b) in nouns.iter().enumerate().skip(i) {
            let (v, w) = (verbs[i % 4], verbs[(i + 2 * j) % 4]);
            let score = u8::from(a == b) * 2 + u8::from(v == w);
            let long = if (i + j) % 3 == 0 { " near the old town today" } else { "" };
            lines += &format!("{score}\tThe {a} {v}.\tOne {b} {w}{long}.\tset {}\n", i % 2);
        }
    }
    lines
}

/// The mean of the tokens of each text at a layer, from a states file, with its number of tokens.
fn pooled(place: &Place, texts: &[String], layer: usize) -> Vec<(Vec<f64>, f64)> {
    place.write("texts.txt", texts.join("\n"));
    place.line("extract --file texts.txt --output s.safetensors --overwrite").done();
    let tensors = Tensors::read(place.path("s.safetensors"));
    let (values, shape) = tensors.f32("hidden_states").unwrap();
    let offsets = tensors.i64("sequence_offsets").unwrap();
    let d = shape[2];
    let row = |r: usize| &values[(layer * shape[1] + r) * d..][..d];
    let of = |range: &[i64]| {
        let (start, end) = (range[0] as usize, range[1] as usize);
        let mut mean = vec![0.0; d];
        for r in start..end {
            mean.iter_mut().zip(row(r)).for_each(|(m, v)| *m += f64::from(*v));
        }
        let n = (end - start) as f64;
        (mean.into_iter().map(|m| m / n).collect(), n)
    };
    offsets.windows(2).map(of).collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn scores_of_pairs_are_those_of_pooled_states() {
    let place = Place::new();
    place.write("sts.tsv", pairs());
    let run = place.line("probe --pairs sts.tsv --json").done();
    assert!(run.stderr.contains("names of columns"), "{}", run.stderr);
    let all: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(all["data"]["n"], 28);
    let rows: Vec<Vec<String>> =
        pairs().lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect();
    let layer = 3;
    let firsts = pooled(&place, &rows.iter().map(|r| r[1].clone()).collect::<Vec<_>>(), layer);
    let seconds = pooled(&place, &rows.iter().map(|r| r[2].clone()).collect::<Vec<_>>(), layer);
    let cosines: Vec<f64> = firsts.iter().zip(&seconds).map(|(a, b)| cosine(&a.0, &b.0)).collect();
    let scores: Vec<f64> = rows.iter().map(|r| r[0].parse().unwrap()).collect();
    let lengths = |of: &[(Vec<f64>, f64)]| of.iter().map(|(_, n)| *n).collect::<Vec<f64>>();
    let own = &all["layers"][layer];
    let found = number(&own["spearman"]["value"]);
    assert!((found - spearman(&cosines, &scores).unwrap()).abs() < 1e-9, "{found}");
    let given = [lengths(&firsts), lengths(&seconds)];
    let expected = partial_spearman(&cosines, &scores, &[&given[0], &given[1]]).unwrap();
    let found = number(&own["spearman_given_lengths"]["value"]);
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    assert_eq!(own["ways"].as_array().unwrap().len(), 15);
    assert_eq!(all["sets"].as_array().unwrap().len(), 2);
    // 28 pairs that share texts are too few to choose on one half.
    assert!(all["choice"].is_null());
}

#[test]
fn a_layer_is_chosen_on_one_half_and_kept() {
    let place = Place::new();
    let mut lines = String::new();
    for i in 0..60 {
        let (a, b) = (format!("Number {i} is here."), format!("The item {} is there.", i * 7));
        lines += &format!("{}\t{a}\t{b}\n", (i * 13) % 7);
    }
    place.write("own.tsv", lines);
    let line = "probe --pairs own.tsv --json --save own.embedder";
    let all = place.line(line).json();
    let choice = &all["choice"];
    assert_eq!(
        (choice["chosen_on"].as_u64(), choice["reported_on"].as_u64()),
        (Some(30), Some(30))
    );
    let gain = number(&choice["gain"]["value"]);
    let difference = number(&choice["score"]["value"]) - number(&choice["score_of_last"]["value"]);
    assert!((gain - difference).abs() < 1e-12);
    let applied = place.line("probe apply own.embedder 'A text.' 'Another text.' --json").json();
    assert_eq!(applied["way"], choice["chosen"]);
    for text in applied["texts"].as_array().unwrap() {
        let squares: f64 =
            text["vector"].as_array().unwrap().iter().map(|v| number(v).powi(2)).sum();
        assert!((squares - 1.0).abs() < 1e-5, "{squares}");
    }
    let other = fails(&place, "probe apply own.tsv 'A text.'", 4);
    assert!(other.contains("own.tsv"), "{other}");
}

#[test]
fn queries_find_their_texts() {
    let place = Place::new();
    let topics = ["cats", "rivers", "music", "bread", "winter", "trains"];
    let lines: String =
        topics.iter().map(|t| format!("What about {t}?\tThis is a text about {t}.\n")).collect();
    place.write("queries.tsv", lines);
    let all = place.line("probe --pairs queries.tsv --json").json();
    assert_eq!(all["data"]["candidates"], 6);
    let last = &all["layers"][6];
    assert_eq!(number(&last["recall_at_1"]["value"]), 1.0);
    assert_eq!(number(&last["recall_at_10"]["value"]), 1.0);
    assert_eq!(number(&last["reciprocal_rank"]["value"]), 1.0);
}

#[test]
fn a_direction_separates_what_it_was_not_computed_from() {
    let place = Place::new();
    let things =
        ["a dog", "the sea", "her house", "an old car", "my street", "this book", "the sky"];
    let list = |start: &str| -> String {
        things.iter().map(|thing| format!("{start} {thing}.\n")).collect()
    };
    place.write("good.txt", list("I really love"));
    place.write("bad.txt", list("I simply hate"));
    let line = "probe --contrast good.txt bad.txt --json --save way.npz";
    let all = place.line(line).json();
    let layers = all["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 7);
    assert_eq!(number(&layers[6]["auc"]["value"]), 1.0);
    assert_eq!(all["data"]["n"], serde_json::json!([7, 7]));
    let cosines = all["cosines"].as_array().unwrap();
    assert_eq!(cosines.len(), 49);
    assert!((number(&cosines[0]) - 1.0).abs() < 1e-12);
    assert!(place.path("way.npz").exists());
    let steer = fails(&place, "probe --contrast good.txt bad.txt --steer", 2);
    assert!(steer.contains("predicts no next token"), "{steer}");
    let ending = fails(&place, "probe --contrast good.txt bad.txt --save way.txt", 2);
    assert!(ending.contains(".npz or .gguf"), "{ending}");
    let same = fails(&place, "probe --contrast good.txt good.txt", 4);
    assert!(same.contains("both lists have the text"), "{same}");
}

/// States in which only layer 4 has a difference of the two lists: it is found there, and nowhere else.
#[test]
fn a_planted_direction_names_its_layer() {
    let explorer = Explorer::open(bundled()).unwrap();
    let list = |start: usize| -> String {
        let line = |i: usize| format!("Number {} is item {}.\n", i * 3 + start, i * 7 % 5);
        (0..30).map(line).collect()
    };
    let (first, second) = (list(0), list(1));
    let lists =
        ContrastLists::parse((first.as_bytes(), "a.txt"), (second.as_bytes(), "b.txt")).unwrap();
    let prepared = prepare(explorer.model(), lists.texts(), LongText::Refuse).unwrap();
    let (all, none) = (LayerSelection::All, HookSelection::default());
    let mut states = explorer.states(prepared, &all, &none).unwrap();
    let mut rng = generator(1);
    states.hidden_states.mapv_inplace(|_| rng.gen_range(-1.0..1.0));
    for (row, place) in states.rows.iter().enumerate() {
        if place.sequence < 30 {
            states.hidden_states[[4, row, 17]] += 2.0;
        }
    }
    let found = GivenStates::from(states).contrast(&lists, &Options::default()).unwrap();
    assert_eq!(found.best_layer, Some(4));
    let direction = &found.directions.vectors[4];
    let largest = (0..direction.len()).max_by(|&a, &b| direction[a].total_cmp(&direction[b]));
    assert_eq!(largest, Some(17));
    for layer in &found.layers {
        let auc = layer.auc.unwrap();
        let above = auc.low().unwrap() > 0.5;
        assert_eq!(above && auc.value > layer.random.unwrap()[1], layer.layer == 4, "{layer:?}");
    }
}

#[test]
fn a_direction_is_added_to_the_states_of_a_language_model() {
    let place = Place::new();
    with_tokenizer(&place, "gpt2", "n_positions");
    let list = |start: &str| -> String {
        ["one", "two", "red", "blue", "here", "now"].map(|end| format!("{start} {end}\n")).concat()
    };
    place.write("a.txt", list("the bank of"));
    place.write("b.txt", list("a river by"));
    let line = "probe --contrast a.txt b.txt --model model --steer --json --save way.gguf";
    let all = place.line(line).json();
    let doses = all["steering"]["doses"].as_array().unwrap();
    let kl = |place: usize| number(&doses[place]["kl"]["value"]);
    assert_eq!(number(&doses[3]["dose"]), 0.0);
    assert_eq!(kl(3), 0.0);
    assert!(kl(0) > kl(2) && kl(6) > kl(4) && kl(4) > 0.0);
    let bytes = std::fs::read(place.path("way.gguf")).unwrap();
    assert!(bytes.starts_with(b"GGUF"));
    assert!(bytes.windows(13).any(|part| part == b"controlvector"));
    assert!(bytes.windows(11).any(|part| part == b"direction.1"));
}

#[test]
fn a_fitted_lens_is_read_again() {
    let place = Place::new();
    with_tokenizer(&place, "gpt2", "n_positions");
    let words = ["bank", "river", "the", "of", "by", "money", "a", "and"];
    let texts: String = (0..120)
        .map(|i| {
            let of = |k: usize| words[(i * 7 + k * k + i / 8) % 8];
            format!("{} {} {} {} {i}\n", of(0), of(1), of(2), of(3))
        })
        .collect();
    place.write("corpus.txt", texts);
    let line = "lens --model model --fit corpus.txt --save own.safetensors --json";
    let all = place.line(line).json();
    assert_eq!(all["layers"].as_array().unwrap().len(), 2);
    for layer in all["layers"].as_array().unwrap() {
        assert!(number(&layer["kl_fitted"]["value"]) >= 0.0);
        assert!(number(&layer["explained"]) > 0.0, "{layer}");
    }
    let read = |more: &str| place.line(&format!("lens --model model 'the bank of' --json {more}"));
    let (plain, fitted) = (read("").json(), read("--tuned own.safetensors").json());
    assert_eq!(fitted["through"]["layers"], serde_json::json!([0, 1]));
    assert_ne!(plain["layers"][0], fitted["layers"][0]);
    // The last layer has no map.
    assert_eq!(plain["layers"][2], fitted["layers"][2]);
    place.write("few.txt", "the bank\na river\n");
    let few = fails(&place, "lens --model model --fit few.txt", 4);
    assert!(few.contains("the corpus has 2"), "{few}");
}
