//! The encoders of candle-transformers, and the configs that they can express.

use super::checkpoint::Checkpoint;
use super::{Error, Result, Run, row};
use candle_core::{DType, Tensor};
use candle_transformers::models::{
    bert, debertav2, distilbert, modernbert, nomic_bert, t5, xlm_roberta,
};
use serde_json::{Value, json};
use stratoscope_transformer::Sequence;

/// Token types, `[1, tokens]`; missing ones are 0.
fn types(sequence: &Sequence) -> candle_core::Result<Tensor> {
    let mut types = sequence.token_types().to_vec();
    types.resize(sequence.tokens(), 0);
    row(&types)
}

/// The name of an activation in candle-transformers' BERT and DeBERTa.
fn activation(checkpoint: &Checkpoint, key: &str) -> Result<&'static str> {
    match checkpoint.text(key).unwrap_or("gelu") {
        "gelu" | "gelu_python" => Ok("gelu"),
        "gelu_new" | "gelu_accurate" | "gelu_fast" | "gelu_pytorch_tanh" => Ok("geluapproximate"),
        "relu" => Ok("relu"),
        other => Err(Error::CannotExpress {
            key: key.to_owned(),
            value: other.to_owned(),
            reason: "it has gelu, gelu_new and relu".to_owned(),
        }),
    }
}

fn bert_config(checkpoint: &Checkpoint) -> Result<bert::Config> {
    let defaults = json!({
        "hidden_dropout_prob": 0.1, "initializer_range": 0.02, "intermediate_size": 3072,
        "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "pad_token_id": 0,
        "type_vocab_size": 2,
    });
    checkpoint.config(defaults, json!({ "hidden_act": activation(checkpoint, "hidden_act")? }))
}

pub(super) fn bert(checkpoint: &Checkpoint, _: usize) -> Result<Run> {
    let weights = checkpoint.weights().pp("bert");
    let model = bert::BertModel::load(weights, &bert_config(checkpoint)?)?;
    Ok(Box::new(move |s| model.forward(&row(s.token_ids())?, &types(s)?, None)))
}

pub(super) fn bert_logits(checkpoint: &Checkpoint, _: usize) -> Result<Option<Run>> {
    let mut checkpoint = checkpoint.clone();
    let untied = checkpoint.value("tie_word_embeddings") == Some(&Value::Bool(false));
    // The head is usually tied; older files have a copy.
    for (name, from) in [
        ("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),
        ("cls.predictions.decoder.bias", "cls.predictions.bias"),
    ] {
        if untied && checkpoint.tensors.contains_key(name) {
            continue;
        }
        let Some(tensor) = checkpoint.tensors.get(from).cloned() else { return Ok(None) };
        checkpoint.tensors.insert(name.to_owned(), tensor);
    }
    let config = bert_config(&checkpoint)?;
    let model = bert::BertForMaskedLM::load(checkpoint.weights(), &config)?;
    Ok(Some(Box::new(move |s| model.forward(&row(s.token_ids())?, &types(s)?, None))))
}

pub(super) fn roberta(checkpoint: &Checkpoint, _: usize) -> Result<Run> {
    let defaults = json!({
        "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
        "intermediate_size": 3072, "layer_norm_eps": 1e-12, "max_position_embeddings": 512,
        "pad_token_id": 1, "position_embedding_type": "absolute", "type_vocab_size": 2,
    });
    let config: xlm_roberta::Config = checkpoint.config(defaults, Value::Null)?;
    let weights = checkpoint.weights().pp("roberta");
    let model = xlm_roberta::XLMRobertaModel::new(&config, weights)?;
    Ok(Box::new(move |s| {
        let ids = row(s.token_ids())?;
        model.forward(&ids, &ids.ones_like()?, &types(s)?, None, None, None)
    }))
}

fn distilbert_config(checkpoint: &Checkpoint) -> Result<distilbert::Config> {
    let defaults = json!({
        "dim": 768, "hidden_dim": 3072, "initializer_range": 0.02, "max_position_embeddings": 512,
        "n_heads": 12, "pad_token_id": 0,
    });
    let activation = match activation(checkpoint, "activation")? {
        // Its GELU is the tanh approximation.
        "geluapproximate" => "gelu",
        other => other,
    };
    checkpoint.config(defaults, json!({ "activation": activation }))
}

/// A mask that hides nothing.
fn nothing_hidden(ids: &Tensor) -> candle_core::Result<Tensor> {
    ids.zeros_like()?.to_dtype(DType::U8)
}

pub(super) fn distilbert(checkpoint: &Checkpoint, _: usize) -> Result<Run> {
    let weights = checkpoint.weights().pp("distilbert");
    let model = distilbert::DistilBertModel::load(weights, &distilbert_config(checkpoint)?)?;
    Ok(Box::new(move |s| {
        let ids = row(s.token_ids())?;
        model.forward(&ids, &nothing_hidden(&ids)?)
    }))
}

pub(super) fn distilbert_logits(checkpoint: &Checkpoint, _: usize) -> Result<Option<Run>> {
    if !checkpoint.tensors.contains_key("vocab_projector.bias") {
        return Ok(None);
    }
    let config = distilbert_config(checkpoint)?;
    let model = distilbert::DistilBertForMaskedLM::load(checkpoint.weights(), &config)?;
    Ok(Some(Box::new(move |s| {
        let ids = row(s.token_ids())?;
        model.forward(&ids, &nothing_hidden(&ids)?)
    })))
}

pub(super) fn deberta(checkpoint: &Checkpoint, _: usize) -> Result<Run> {
    checkpoint.only("conv_kernel_size", 0.into(), "its convolution is not written yet")?;
    let defaults = json!({
        "attention_probs_dropout_prob": 0.1, "hidden_dropout_prob": 0.1, "initializer_range": 0.02,
        "layer_norm_eps": 1e-7, "max_position_embeddings": 512, "max_relative_positions": -1,
        "pos_att_type": [], "position_biased_input": true, "relative_attention": false,
        "type_vocab_size": 0,
    });
    let settings = json!({
        "hidden_act": activation(checkpoint, "hidden_act")?,
        // Settings of heads that do not run.
        "id2label": null, "label2id": null, "pooler_hidden_act": null,
    });
    let config: debertav2::Config = checkpoint.config(defaults, settings)?;
    let model = debertav2::DebertaV2Model::load(checkpoint.weights().pp("deberta"), &config)?;
    Ok(Box::new(move |s| model.forward(&row(s.token_ids())?, Some(types(s)?), None)))
}

fn modernbert_config(checkpoint: &Checkpoint, longest: usize) -> Result<modernbert::Config> {
    for key in ["norm_bias", "attention_bias", "mlp_bias", "classifier_bias"] {
        checkpoint.only(key, false.into(), "it has no such biases")?;
    }
    for key in ["hidden_activation", "classifier_activation"] {
        checkpoint.only(key, "gelu".into(), "it has gelu alone")?;
    }
    checkpoint.no_rope_scaling()?;
    let mut settings = json!({
        // Its key has another name, which files have as well.
        "layer_norm_eps": checkpoint.number("norm_eps").unwrap_or(1e-5),
        "max_position_embeddings": longest,
    });
    if let Some(types) = checkpoint.value("layer_types").and_then(Value::as_array) {
        let full = |i: usize| types[i] == "full_attention";
        let every = (1..=types.len()).find(|n| (0..types.len()).all(|i| full(i) == (i % n == 0)));
        settings["global_attn_every_n_layers"] = match every {
            Some(every) => every.into(),
            None => return Err(layer_types(types)),
        };
    }
    let defaults = json!({
        "global_attn_every_n_layers": 3, "global_rope_theta": 160000.0, "local_attention": 128,
        "local_rope_theta": 10000.0, "pad_token_id": 50283,
    });
    checkpoint.config(defaults, settings)
}

/// The error of an irregular pattern of windows.
pub(super) fn layer_types(types: &[Value]) -> Error {
    Error::CannotExpress {
        key: "layer_types".to_owned(),
        value: Value::from(types).to_string(),
        reason: "its windows follow a regular pattern".to_owned(),
    }
}

pub(super) fn modernbert(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    let config = modernbert_config(checkpoint, longest)?;
    let model = modernbert::ModernBert::load(checkpoint.weights(), &config)?;
    Ok(Box::new(move |s| {
        let ids = row(s.token_ids())?;
        model.forward(&ids, &ids.ones_like()?)
    }))
}

pub(super) fn modernbert_logits(checkpoint: &Checkpoint, longest: usize) -> Result<Option<Run>> {
    if !checkpoint.tensors.contains_key("decoder.bias") {
        return Ok(None);
    }
    let config = modernbert_config(checkpoint, longest)?;
    let model = modernbert::ModernBertForMaskedLM::load(checkpoint.weights(), &config)?;
    Ok(Some(Box::new(move |s| {
        let ids = row(s.token_ids())?;
        model.forward(&ids, &ids.ones_like()?)
    })))
}

pub(super) fn nomic(checkpoint: &Checkpoint, longest: usize) -> Result<Run> {
    checkpoint.no_rope_scaling()?;
    checkpoint.only("hidden_act", "silu".into(), "it has silu alone")?;
    checkpoint.only("activation_function", "swiglu".into(), "it has swiglu alone")?;
    let mut settings = json!({ "n_positions": longest, "model_type": null });
    // transformers' keys, if the file has them.
    for (own, theirs) in [
        ("hidden_size", "n_embd"),
        ("num_hidden_layers", "n_layer"),
        ("num_attention_heads", "n_head"),
        ("intermediate_size", "n_inner"),
        ("layer_norm_eps", "layer_norm_epsilon"),
        ("rope_theta", "rotary_emb_base"),
    ] {
        if let (Some(value), None) = (checkpoint.value(own), checkpoint.value(theirs)) {
            settings[theirs] = value.clone();
        }
    }
    let mut checkpoint = checkpoint.clone();
    nomic_names(&mut checkpoint)?;
    let config: nomic_bert::Config = checkpoint.config(json!({}), settings)?;
    let model = nomic_bert::NomicBertModel::load(checkpoint.weights(), &config)?;
    Ok(Box::new(move |s| model.forward(&row(s.token_ids())?, Some(&types(s)?), None)))
}

/// From transformers 5's names to the published names of Nomic.
fn nomic_names(checkpoint: &mut Checkpoint) -> Result<()> {
    let mut renamed = std::collections::HashMap::new();
    for (name, tensor) in std::mem::take(&mut checkpoint.tensors) {
        let name = name.strip_prefix("nomic_bert.").or(name.strip_prefix("bert.")).unwrap_or(&name);
        let name = match name.strip_prefix("layers.") {
            Some(rest) => format!("encoder.layers.{rest}"),
            None => name.to_owned(),
        };
        let name = name
            .replace("embeddings.LayerNorm.", "emb_ln.")
            .replace(".self_attn.o_proj.", ".attn.out_proj.")
            .replace(".mlp.up_proj.", ".mlp.fc11.")
            .replace(".mlp.gate_proj.", ".mlp.fc12.")
            .replace(".mlp.down_proj.", ".mlp.fc2.")
            .replace(".post_attention_layernorm.", ".norm1.")
            .replace(".post_mlp_layernorm.", ".norm2.");
        renamed.insert(name, tensor);
    }
    let split: Vec<String> = (renamed.keys())
        .filter_map(|name| Some(name.strip_suffix(".self_attn.q_proj.weight")?.to_owned()))
        .collect();
    for layer in split {
        let part = |kind: &str| renamed.get(&format!("{layer}.self_attn.{kind}_proj.weight"));
        if let (Some(q), Some(k), Some(v)) = (part("q"), part("k"), part("v")) {
            let all = Tensor::cat(&[q, k, v], 0)?;
            renamed.insert(format!("{layer}.attn.Wqkv.weight"), all);
        }
    }
    checkpoint.tensors = renamed;
    Ok(())
}

pub(super) fn t5(checkpoint: &Checkpoint, _: usize) -> Result<Run> {
    let gated = if checkpoint.text("model_type") == Some("mt5") { "gated-gelu" } else { "relu" };
    let defaults = json!({
        "dropout_rate": 0.1, "eos_token_id": 1, "feed_forward_proj": gated,
        "initializer_factor": 1.0, "layer_norm_epsilon": 1e-6, "pad_token_id": 0,
        "relative_attention_num_buckets": 32,
    });
    let settings = json!({ "is_decoder": false, "is_encoder_decoder": false });
    let config: t5::Config = checkpoint.config(defaults, settings)?;
    let (buckets, distance) =
        (config.relative_attention_num_buckets, config.relative_attention_max_distance);
    if buckets < 4 || distance <= buckets / 4 {
        return Err(Error::CannotExpress {
            key: "relative_attention_num_buckets".to_owned(),
            value: format!("{buckets} up to distance {distance}"),
            reason: "its buckets need at least 4, and a distance beyond the exact ones".to_owned(),
        });
    }
    let model = t5::T5EncoderModel::load(checkpoint.weights(), &config)?;
    Ok(Box::new(move |s| model.clone().forward(&row(s.token_ids())?)))
}
