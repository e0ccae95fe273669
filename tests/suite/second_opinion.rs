//! The second opinion: candle-transformers' own forward of the same checkpoint against ours.
//!
//! It has BERT, RoBERTa's kin (under the name of XLM-RoBERTa) and DistilBERT, but not MPNet. It gives
//! the last hidden state alone, and is run one sequence at a time, since it pads a batch. Where the
//! two disagree the golden files say which one transformers agrees with.

use crate::checkpoints::Checkpoint;
use crate::families::{sequences, values};
use crate::fixtures::{Tensors, distance, load, path};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::{bert, distilbert, xlm_roberta};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use stratoscope_loader::Source;
use stratoscope_transformer::{Batch, NoHooks, Sequence};

/// Relative to the largest activation, as against transformers.
const TOLERANCE: f32 = 1e-5;

/// A checkpoint's files by name; both sides read the same bytes.
type Files = BTreeMap<String, Vec<u8>>;

fn folder(name: &str) -> Files {
    let entries = std::fs::read_dir(path("families").join(name)).unwrap();
    let files = entries.map(|entry| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap())
    });
    files.filter(|(name, _)| name != "golden.safetensors").collect()
}

/// The last hidden states of all sequences, end to end: `[tokens × d_model]`.
fn ours(files: &Files, sequences: &[Sequence]) -> Vec<f32> {
    let files = files.iter().map(|(name, bytes)| (name.clone(), bytes.clone().into())).collect();
    let model = load(&Source::Memory { id: "ours".to_owned(), files }).unwrap();
    let batch = Batch::new(model.transformer.architecture(), sequences).unwrap();
    values(model.transformer.forward(&batch, &mut NoHooks).unwrap().last().unwrap())
}

/// The same by candle-transformers, each sequence alone.
fn theirs(files: &Files, sequences: &[Sequence]) -> Vec<f32> {
    // What their configs want and checkpoints leave to the defaults.
    let mut config = json!({
        "attention_probs_dropout_prob": 0.1,
        "hidden_dropout_prob": 0.1,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "type_vocab_size": 2,
    });
    let own: Value = serde_json::from_slice(&files["config.json"]).unwrap();
    config.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    let mut tensors = HashMap::new();
    for (_, bytes) in files.iter().filter(|(name, _)| name.ends_with(".safetensors")) {
        tensors.extend(candle_core::safetensors::load_buffer(bytes, &Device::Cpu).unwrap());
    }
    let prefixed = tensors.keys().any(|name| name.starts_with("roberta."));
    let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    let row = |ids: &[u32]| Tensor::new(ids, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    // Tokens without a type are of type 0.
    let types = |s: &Sequence| {
        let mut types = s.token_types.clone();
        types.resize(s.token_ids.len(), 0);
        row(&types)
    };
    let run = |forward: &dyn Fn(&Sequence) -> candle_core::Result<Tensor>| {
        sequences.iter().flat_map(|s| values(&forward(s).unwrap())).collect()
    };
    match config["model_type"].as_str().unwrap() {
        "bert" => {
            if config["hidden_act"] == "gelu_new" {
                config["hidden_act"] = "geluapproximate".into();
            }
            let config: bert::Config = serde_json::from_value(config).unwrap();
            let model = bert::BertModel::load(weights, &config).unwrap();
            run(&|s| model.forward(&row(&s.token_ids), &types(s), None))
        }
        "distilbert" => {
            let config: distilbert::Config = serde_json::from_value(config).unwrap();
            let model = distilbert::DistilBertModel::load(weights, &config).unwrap();
            // Their mask is of what is hidden: nothing.
            run(&|s| {
                let ids = row(&s.token_ids);
                model.forward(&ids, &ids.zeros_like()?.to_dtype(DType::U8)?)
            })
        }
        "roberta" | "xlm-roberta" | "camembert" => {
            let weights = if prefixed { weights.pp("roberta") } else { weights };
            let config: xlm_roberta::Config = serde_json::from_value(config).unwrap();
            let model = xlm_roberta::XLMRobertaModel::new(&config, weights).unwrap();
            run(&|s| {
                let ids = row(&s.token_ids);
                model.forward(&ids, &ids.ones_like()?, &types(s), None, None, None)
            })
        }
        other => panic!("candle-transformers has no {other}"),
    }
}

/// The largest difference, relative to the largest activation of the second.
fn relative(a: &[f32], b: &[f32]) -> f32 {
    let (difference, largest) = distance(a, b);
    difference / largest
}

/// The golden file of a fixture: its sequences and the last hidden states of transformers.
fn golden(name: &str) -> (Vec<Sequence>, Vec<f32>) {
    let golden = Tensors::read(path(name).join("golden.safetensors"));
    let (states, shape) = golden.f32("hidden_states").unwrap();
    let last = states[(shape[0] - 1) * shape[1] * shape[2]..].to_vec();
    (sequences(&golden), last)
}

#[test]
fn candle_transformers_agrees() {
    for name in [
        "bert",
        "bert-f16",
        "bert-gelu-new",
        "bert-old-names",
        "bert-relu",
        "camembert",
        "roberta",
        "roberta-sharded",
        "xlm-roberta",
    ] {
        let (sequences, _) = golden(&format!("families/{name}"));
        let files = folder(name);
        let found = relative(&ours(&files, &sequences), &theirs(&files, &sequences));
        println!("{name}: candle-transformers within {found:.1e} of the largest activation");
        assert!(found < TOLERANCE, "{name}: {found:e}");
    }
}

#[test]
fn candle_transformers_agrees_on_the_bundled_model() {
    let files = stratoscope_bundled::files().iter();
    let files = files.map(|f| (f.name.to_owned(), f.bytes.to_vec())).collect();
    let (sequences, _) = golden("minilm");
    let found = relative(&ours(&files, &sequences), &theirs(&files, &sequences));
    println!("minilm: candle-transformers within {found:.1e} of the largest activation");
    assert!(found < TOLERANCE, "{found:e}");
}

/// candle-transformers' DistilBERT takes the tanh GELU for `gelu`, where transformers has the exact
/// one: ours is the one that agrees with transformers, and the activation is all that differs.
#[test]
fn candle_transformers_differs_on_distilbert_in_its_gelu_alone() {
    for name in ["distilbert", "distilbert-bf16"] {
        let (sequences, expected) = golden(&format!("families/{name}"));
        let files = folder(name);
        let theirs_gelu = theirs(&files, &sequences);
        let (ours_off, theirs_off) =
            (relative(&ours(&files, &sequences), &expected), relative(&theirs_gelu, &expected));
        println!("{name}: ours {ours_off:.1e} from transformers, candle's {theirs_off:.1e}");
        assert!(ours_off < TOLERANCE, "{name}: {ours_off:e}");
        assert!(theirs_off > 5.0 * TOLERANCE, "{name}: {theirs_off:e}: is it repaired?");

        let with = |activation: &str| {
            let mut config: Value = serde_json::from_slice(&files["config.json"]).unwrap();
            config["activation"] = activation.into();
            let mut files = files.clone();
            files.insert("config.json".to_owned(), serde_json::to_vec(&config).unwrap());
            files
        };
        let tanh = relative(&ours(&with("gelu_new"), &sequences), &theirs_gelu);
        let relu = with("relu");
        let relu = relative(&ours(&relu, &sequences), &theirs(&relu, &sequences));
        println!(
            "{name}: within {tanh:.1e} with the tanh GELU on both sides, {relu:.1e} with ReLU"
        );
        assert!(tanh < TOLERANCE && relu < TOLERANCE, "{name}: {tanh:e}, {relu:e}");
    }
}

/// One number of one tensor changed by 1 % on one side is seen, wherever it is.
#[test]
fn a_planted_fault_is_found() {
    let (sequences, _) = golden("families/bert");
    let sound = Checkpoint::fixture("bert");
    let theirs = theirs(&sound.all_files(), &sequences);
    for tensor in [
        "embeddings.position_embeddings.weight",
        "embeddings.LayerNorm.weight",
        "encoder.layer.0.attention.self.query.weight",
        "encoder.layer.0.attention.self.key.weight",
        "encoder.layer.1.attention.self.value.bias",
        "encoder.layer.1.attention.output.dense.weight",
        "encoder.layer.1.intermediate.dense.weight",
        "encoder.layer.2.intermediate.dense.bias",
        "encoder.layer.2.output.dense.weight",
        "encoder.layer.2.output.LayerNorm.bias",
    ] {
        let mut faulty = sound.clone();
        let numbers = faulty.tensors.get_mut(tensor).unwrap().bytes.as_chunks_mut::<4>().0;
        // The largest number of the first row, which every sequence reads.
        let row = &mut numbers[..24];
        let size = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes).abs();
        let number = row.iter_mut().max_by(|a, b| size(a).total_cmp(&size(b))).unwrap();
        *number = (f32::from_le_bytes(*number) * 1.01).to_le_bytes();
        let found = relative(&ours(&faulty.all_files(), &sequences), &theirs);
        println!("{tensor} changed by 1 %: {found:.1e}");
        assert!(found > TOLERANCE, "{tensor}: {found:e}");
    }
}
