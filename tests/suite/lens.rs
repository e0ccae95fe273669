//! The lens through the program, compared with the logits of the forward pass.

use crate::checkpoints::Checkpoint;
use crate::command::{Place, number};
use crate::fixtures::{Tensors, path};
use crate::report::report_of_page;
use stratoscope::crates::chart::Drawing;

/// Writes a golden checkpoint with a head, and a tokenizer.
pub(crate) fn with_tokenizer(place: &Place, fixture: &str, positions: &str) {
    let mut model = Checkpoint::fixture(fixture).with_rows(2000);
    for name in ["vocab.json", "merges.txt"] {
        let bytes = std::fs::read(path("tokenizers/roberta-bpe").join(name)).unwrap();
        model.files.insert(name.to_owned(), bytes);
    }
    assert!(model.config[positions].as_u64().unwrap() > 20);
    model.write(&place.path("model"));
}

/// The logits of a text, `[tokens][d_vocab]`.
fn logits(place: &Place, text: &str) -> Vec<Vec<f64>> {
    let args = ["extract", "--model", "model", "--hooks", "logits", text, "--overwrite"];
    place.run(args.iter().chain(&["--output", "s.safetensors"])).done();
    let (values, shape) = Tensors::read(place.path("s.safetensors")).f32("logits").unwrap();
    values.chunks(shape[1]).map(|row| row.iter().map(|&v| f64::from(v)).collect()).collect()
}

/// `-ln p` of a token.
fn nats(logits: &[f64], id: usize) -> f64 {
    let most = logits.iter().copied().fold(f64::MIN, f64::max);
    most + logits.iter().map(|l| (l - most).exp()).sum::<f64>().ln() - logits[id]
}

#[test]
fn the_last_layer_equals_the_prediction_of_the_model() {
    let place = Place::new();
    with_tokenizer(&place, "gpt2", "n_positions");
    let text = "the bank by the river";
    let lens = place.run(["lens", "--model", "model", text, "--perplexity", "--json"]).json();
    let logits = logits(&place, text);
    let layers = lens["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 3);
    let positions = lens["positions"].as_array().unwrap();
    let ids: Vec<usize> = positions.iter().map(|p| p["id"].as_u64().unwrap() as usize).collect();
    assert_eq!(ids.len(), logits.len());
    let mut sum = 0.0;
    for (position, cell) in layers[2]["cells"].as_array().unwrap().iter().enumerate() {
        let row = &logits[position];
        let best = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        assert_eq!(cell["top"][0]["id"], best);
        let probability = (-nats(row, best)).exp();
        assert!((number(&cell["top"][0]["probability"]) - probability).abs() < 1e-6);
        assert_eq!(number(&cell["kl_nats"]), 0.0);
        let Some(&next) = ids.get(position + 1) else {
            assert!(cell["truth"].is_null());
            continue;
        };
        let rank = 1 + row.iter().filter(|l| **l > row[next]).count();
        assert_eq!(cell["truth"]["rank"], rank);
        sum += nats(row, next);
    }
    let perplexity = (sum / (ids.len() - 1) as f64).exp();
    assert!((number(&lens["perplexity"]["perplexity"]) / perplexity - 1.0).abs() < 1e-5);
}

#[test]
fn a_masked_model_predicts_the_mask() {
    let place = Place::new();
    with_tokenizer(&place, "roberta", "max_position_embeddings");
    let text = "the <mask> by the river";
    let plain = place.run(["lens", "--model", "model", text, "--json"]).json();
    let positions = plain["positions"].as_array().unwrap();
    let masked = positions.iter().position(|p| p["masked"] == true).unwrap();
    let logits = logits(&place, text);
    let row = &logits[masked];
    let best = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
    let layers = plain["layers"].as_array().unwrap();
    let last = &layers[layers.len() - 1]["cells"][masked];
    assert_eq!(last["top"][0]["id"], best);
    assert!(last["truth"].is_null());
    let with_target =
        place.run(["lens", "--model", "model", text, "--target", "bank", "--json"]).json();
    let truth = &with_target["layers"][layers.len() - 1]["cells"][masked]["truth"];
    let id = with_target["positions"][masked]["truth"]["id"].as_u64().unwrap() as usize;
    assert!((number(&truth["nats"]) - nats(row, id)).abs() < 1e-5);

    // Pseudo-perplexity: each of the two tokens is masked in turn.
    let pseudo =
        place.run(["lens", "--model", "model", "and the", "--perplexity", "--json"]).json();
    assert_eq!(pseudo["perplexity"]["pseudo"], true);
    let mut sum = 0.0;
    for (text, hidden) in [("<mask> the", 0), ("and<mask>", 1)] {
        let logits = self::logits(&place, text);
        let id = pseudo["positions"][hidden + 1]["id"].as_u64().unwrap() as usize;
        sum += nats(&logits[hidden + 1], id);
    }
    let expected = (sum / 2.0).exp();
    let found = number(&pseudo["perplexity"]["perplexity"]);
    assert!((found / expected - 1.0).abs() < 1e-5, "{found} {expected}");
}

#[test]
fn a_folder_is_written_and_a_model_without_a_head_refused() {
    let place = Place::new();
    with_tokenizer(&place, "gpt2", "n_positions");
    place.run(["lens", "--model", "model", "the bank", "--output", "out"]).done();
    let files = place.files("out");
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "captions.md",
            "lens.csv",
            "lens.json",
            "lens.png",
            "lens.svg",
            "manifest.json",
            "numbers.json",
            "report.html"
        ]
    );
    let report = report_of_page(files["report.html"].as_ref().unwrap());
    let Drawing::Grid(grid) = &report.charts[0].drawing else { panic!("{:?}", report.charts[0]) };
    assert!(grid.cells.iter().flatten().all(|cell| cell.value.is_some() && !cell.more.is_empty()));
    for (args, code, said) in [
        ("lens 'a bank'", 4, "has no language-model head"),
        ("lens --model model ''", 4, "blank"),
        ("lens --model model", 2, ""),
        ("lens --model model 'the bank' --target 'two words of it'", 4, "token"),
    ] {
        let outcome = place.line(args);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(code), ""), "{args}");
        assert!(outcome.stderr.contains(said), "{args}: {}", outcome.stderr);
    }
}
