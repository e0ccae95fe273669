//! Encoders: texts and settings that are refused, and weights that checkpoints do not have.

use crate::checkpoints::Checkpoint;
use crate::fixtures::load;
use serde_json::{Value, json};
use stratoscope_loader::Error;
use stratoscope_transformer::{Batch, Sequence};

/// BigBird's attention is full up to (5 + 2 × random blocks) × block size tokens.
#[test]
fn texts_with_sparse_attention_are_refused() {
    let mut model = Checkpoint::fixture("big-bird");
    model.config["attention_type"] = "block_sparse".into();
    model.config["block_size"] = 4.into();
    model.config["num_random_blocks"] = 1.into();
    let model = load(&model.source()).unwrap();
    let architecture = model.transformer.architecture();
    assert_eq!(architecture.max_tokens(), Some(28));
    let batch = |tokens| Batch::new(architecture, &[Sequence::from_ids(vec![7; tokens])]);
    assert!(batch(28).is_ok());
    assert!(batch(29).is_err());
}

#[test]
fn settings_that_are_not_built_are_refused_by_name() {
    for (name, key, value) in [
        ("big-bird", "attention_type", json!("sliding")),
        ("deberta-v1", "talking_head", json!(true)),
        ("esm2", "is_folding_model", json!(true)),
        ("esm2", "position_embedding_type", json!("relative_key")),
        ("flaubert", "pre_norm", json!(true)),
        ("gte-hub", "logn_attention_scale", json!(true)),
        ("gte-hub", "position_embedding_type", json!("absolute")),
        ("ibert", "quant_mode", json!(true)),
        ("longformer", "attention_window", json!([4, 7])),
        ("longformer", "attention_window", json!([4])),
        ("m2m100", "pad_token_id", json!(0)),
        ("marian", "max_position_embeddings", json!(1u64 << 40)),
        ("squeezebert", "layer_norm_eps", json!(1e-5)),
        ("ultrabert", "attention_windows", json!([6, 0])),
        ("xlm-mlm", "causal", json!(true)),
    ] {
        let mut model = Checkpoint::fixture(name);
        model.config[key] = value;
        match load(&model.source()) {
            Err(Error::Config { key: named, .. }) => assert_eq!(named, key, "{name}"),
            other => panic!("{name}, {key}: {:?}", other.map(|model| model.info.family)),
        }
    }
}

/// A bias is zero only where the layers of the family have none.
#[test]
fn a_bias_that_is_missing_is_an_error() {
    for (name, bias) in [
        ("deberta-v3", "deberta.encoder.layer.1.attention.self.key_proj.bias"),
        ("deberta-v1", "deberta.encoder.layer.1.attention.self.q_bias"),
        ("gte", "gte.layers.1.mlp.down_proj.bias"),
        ("jina-v3", "roberta.layers.0.mlp.fc1.bias"),
    ] {
        let mut model = Checkpoint::fixture(name);
        assert!(model.tensors.remove(bias).is_some(), "{name} has no {bias}");
        let found = load(&model.source()).map(|model| model.info.family);
        assert!(matches!(found, Err(Error::MissingTensor { .. })), "{name}: {found:?}");
    }
}

/// A table of positions is computed for the families that compute it, and for no other.
#[test]
fn positions_are_computed_for_some_families() {
    let without = |name: &str| {
        let mut model = Checkpoint::fixture(name);
        model.tensors.retain(|tensor, _| !tensor.contains("encoder.embed_positions"));
        load(&model.source()).map(|model| model.info.family)
    };
    assert!(without("pegasus").is_ok());
    for name in ["bart", "mbart"] {
        assert!(matches!(without(name), Err(Error::MissingTensor { .. })), "{name}");
    }
}

/// The mask of ESM has no embedding, and the other tokens are divided by their share of the sequence.
#[test]
fn a_sequence_of_masks_alone_has_no_token() {
    let mut model = Checkpoint::fixture("esm2");
    let states = |model: &Checkpoint, ids: &[u32]| {
        let model = load(&model.source()).unwrap();
        let batch = Batch::new(model.transformer.architecture(), &[Sequence::from_ids(ids.into())]);
        let mut hooks = stratoscope_transformer::NoHooks;
        let states = model.transformer.forward(&batch.unwrap(), &mut hooks).unwrap();
        states[0].to_vec2::<f32>().unwrap()
    };
    assert!(states(&model, &[4, 4]).iter().flatten().all(|&x| x == 0.0));
    let (alone, masked) = (states(&model, &[9, 10]), states(&model, &[9, 4]));
    for (alone, masked) in alone[0].iter().zip(&masked[0]) {
        assert_eq!(2.0 * alone, *masked);
    }
    model.config["token_dropout"] = Value::Bool(false);
    assert!(states(&model, &[4, 4]).iter().flatten().any(|&x| x != 0.0));
}
