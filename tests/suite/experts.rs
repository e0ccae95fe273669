//! The experts of tokens in `explore`, from the router logits.

use crate::checkpoints::Checkpoint;
use crate::command::{Place, json_of, number};
use crate::fixtures::{Tensors, path};
use serde_json::Value;

const TEXT: &str = "the bank by the river";

/// A tiny mixture of experts with a tokenizer, in the folder `experts`.
fn experts(change: impl Fn(&mut Checkpoint)) -> Place {
    let mut model = Checkpoint::fixture("qwen2-moe").with_rows(2000);
    let vocabulary = path("tokenizers/bert-uncased/vocab.txt");
    model.files.insert("vocab.txt".to_owned(), std::fs::read(vocabulary).unwrap());
    let settings = br#"{"tokenizer_class": "BertTokenizer"}"#;
    model.files.insert("tokenizer_config.json".to_owned(), settings.to_vec());
    change(&mut model);
    let place = Place::new();
    model.write(&place.path("experts"));
    place
}

#[test]
fn experts_of_tokens_are_those_of_the_largest_logits() {
    let place = experts(|_| {});
    let hooks = "--hooks blocks.*.mlp.hook_router --output s.safetensors";
    let extracted = place.line(&format!("extract '{TEXT}' --model experts {hooks}")).done();
    assert!(!extracted.stderr.contains("within rounding"), "{}", extracted.stderr);
    // The shapes are said, and are no warning.
    assert!(extracted.stderr.contains("\n  blocks.0.mlp.hook_router ["), "{}", extracted.stderr);
    let states = Tensors::read(place.path("s.safetensors"));
    let explored = place.line(&format!("explore '{TEXT}' --model experts --json")).json();
    let n = explored["tokens"].as_array().unwrap().len();
    let layers = explored["layers"].as_array().unwrap();
    assert!(layers[0]["experts"].is_null());
    for (block, layer) in layers[1..].iter().enumerate() {
        let (logits, shape) = states.f32(&format!("blocks.{block}.mlp.hook_router")).unwrap();
        assert_eq!(shape, [n, 4]);
        let tokens = layer["experts"].as_array().unwrap();
        assert_eq!(tokens.len(), n);
        for (logits, token) in logits.chunks(4).zip(tokens) {
            // Softmax over all experts, whose weights this model does not divide by their sum.
            let total: f64 = logits.iter().map(|&x| f64::from(x).exp()).sum();
            let mut order: Vec<usize> = (0..4).collect();
            order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
            assert_eq!(token["experts"], Value::from(order[..2].to_vec()));
            for (place, &expert) in order[..2].iter().enumerate() {
                let weight = f64::from(logits[expert]).exp() / total;
                assert!((number(&token["weights"][place]) - weight).abs() < 1e-6);
            }
            let margin = f64::from(logits[order[1]] - logits[order[2]]);
            assert!((number(&token["margin"]) - margin).abs() < 1e-6);
            assert_eq!(token["uncertain"], false);
        }
    }
    let out = place.line(&format!("explore '{TEXT}' --model experts --output o")).done();
    assert!(
        out.stdout.contains("2 of 4 per token; no choice is within rounding"),
        "{}",
        out.stdout
    );
    let files = place.files("o");
    let chart: Value = json_of(&files, "experts.json");
    let panel = &chart["panels"][0];
    assert_eq!(panel["slices"].as_array().unwrap().len(), layers.len() - 1);
    let first = panel["slices"][0]["values"].as_array().unwrap();
    assert_eq!(first.iter().filter(|value| !value.is_null()).count(), 2 * n);
    assert!(files.contains_key("experts.svg"));
}

/// Without weights of the router all logits are equal, so that rounding chooses.
#[test]
fn choices_within_rounding_are_counted() {
    let place = experts(|model| {
        let routers =
            model.tensors.iter_mut().filter(|(name, _)| name.ends_with("mlp.gate.weight"));
        routers.for_each(|(_, router)| router.bytes.fill(0));
    });
    let out = place.line(&format!("explore '{TEXT}' --model experts --output o")).done();
    let chart: Value = json_of(&place.files("o"), "experts.json");
    let n = chart["panels"][0]["rows"]["labels"].as_array().unwrap().len();
    let said = format!("the choice of {n} tokens is within rounding");
    assert!(out.stdout.contains(&said), "{}", out.stdout);
    assert!(
        chart["caption"].as_str().unwrap().contains(&format!("{n} tokens are so in some block"))
    );
    assert_eq!(chart["panels"][0]["slices"][0]["framed"].as_array().unwrap().len(), 2 * n);
    let hooks = "--hooks blocks.*.mlp.hook_router --output s.safetensors";
    let extracted = place.line(&format!("extract '{TEXT}' --model experts {hooks}")).done();
    assert!(extracted.stderr.contains(&said), "{}", extracted.stderr);
}
