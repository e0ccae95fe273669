//! The second opinion: compares candle-transformers with the golden files of transformers, explains
//! its known differences, and compares our forward pass with it.

use crate::checkpoints::Checkpoint;
use crate::command::Place;
use crate::families::{sequences, values};
use crate::fixtures::{Tensors, bundled, distance, load, path};
use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use stratoscope::verification::Verdict;
use stratoscope::{Error, Explorer};
use stratoscope_loader::hub::Silent;
use stratoscope_loader::second_opinion::{self, Opinion, SecondOpinion};
use stratoscope_loader::{Model, Source};
use stratoscope_transformer::{Batch, NoHooks, Sequence};

/// The tolerance for tiny checkpoints, relative to the largest number of each token.
const TOLERANCE: f32 = 1e-5;

/// The families that candle-transformers does not have, and those that the second opinion leaves out.
const ABSENT: &[&str] = &[
    "albert",
    "arcee",
    "bart",
    "bert-generation",
    "big-bird",
    "biogpt",
    "bloom",
    "clip-text",
    "clip-vision",
    "codegen",
    "cohere",
    "cwm",
    "data2vec-text",
    "deberta-v1",
    "deit",
    "dinov2",
    "dinov3",
    "electra",
    "ernie",
    "ernie4-5",
    "esm",
    "eurobert",
    "exaone4",
    "falcon",
    "flaubert",
    "glm",
    "gpt-bigcode",
    "gpt-neo",
    "gpt2",
    "gptj",
    "granite",
    "gte",
    "hunyuan",
    "ibert",
    "ijepa",
    "jina-v3",
    "layoutlm",
    "longformer",
    "luke",
    "m2m100",
    "marian",
    "mbart",
    "megatron-bert",
    "ministral",
    "modernbert-decoder",
    "mpnet",
    "mpt",
    "nemotron",
    "olmo3",
    "openai-gpt",
    "opt",
    "pegasus",
    "persimmon",
    "qwen2-vl",
    "qwen3-vl",
    "rembert",
    "roberta-prelayernorm",
    "roformer",
    "seed-oss",
    "siglip-text",
    "smollm3",
    "splinter",
    "squeezebert",
    "t5gemma",
    "ultrabert",
    "umt5",
    "vaultgemma",
    "vit-msn",
    "xglm",
    "xlm-mlm",
    "xlm-roberta-xl",
    "hubert",
    "wav2vec2",
    "wavlm",
    "whisper",
    "gpt-oss",
    "olmoe",
    "deepseek",
];

/// Fixtures with a setting that it does not have, with the key of the config.
const NOT_EXPRESSED: &[(&str, &str)] = &[
    ("gemma3-text", "rope_scaling"),
    ("llama-bias", "head_dim"),
    ("llama-dynamic", "rope_scaling"),
    ("llama-linear", "rope_scaling"),
    ("llama-yarn", "rope_scaling"),
    ("mixtral-stacked", "model.layers.0.mlp.experts.gate_up_proj"),
    ("phi3", "sliding_window"),
    ("qwen3-moe-stacked", "model.layers.0.mlp.experts.gate_up_proj"),
    ("vit-classifier", "image_size"),
    ("stablelm-parallel", "use_parallel_residual"),
];

/// Fixtures with known differences.
const DEVIATING: &[&str] = &[
    "distilbert",
    "distilbert-bf16",
    "gemma2",
    "mistral",
    "mixtral",
    "phi3-longrope",
    "starcoder2",
];

/// The fixtures by name, one entry for each spelling of the config.
fn fixtures() -> Vec<(String, Source)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path("families")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        for config in ["config.json", "config-transformers-4.json"] {
            let Ok(config) = std::fs::read(folder.join(config)) else { continue };
            let mut files = vec![("config.json".to_owned(), config)];
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let file = path.file_name().unwrap().to_str().unwrap().to_owned();
                if file.starts_with("model") {
                    files.push((file, std::fs::read(&path).unwrap()));
                }
            }
            found.push((name.clone(), Source::memory(&name, files)));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(found.len() > 60);
    found
}

/// The output of transformers for a fixture: for every sequence the hidden states of all layers,
/// and the logits if there is a head.
fn golden(name: &str) -> Vec<(Sequence, Vec<Tensor>, Option<Tensor>)> {
    let golden = Tensors::read(path("families").join(name).join("golden.safetensors"));
    let tensor = |key: &str| {
        let (values, shape) = golden.f32(key)?;
        Some(Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
    };
    let (states, logits) = (tensor("hidden_states").unwrap(), tensor("logits"));
    let mut start = 0;
    let rows = |sequence: Sequence| {
        let tokens = sequence.tokens();
        let layers = 0..states.dim(0).unwrap();
        let own = |t: Tensor| t.narrow(0, start, tokens).unwrap();
        let states = layers.map(|layer| own(states.get(layer).unwrap())).collect();
        let logits = logits.clone().map(own);
        start += tokens;
        (sequence, states, logits)
    };
    sequences(&golden).into_iter().map(rows).collect()
}

fn read(source: &Source) -> SecondOpinion {
    SecondOpinion::read(source, &mut Silent).unwrap()
}

/// The largest relative difference in any quantity of a sequence.
fn worst(states: &[Tensor], logits: Option<&Tensor>, opinion: &Opinion) -> f32 {
    let found = second_opinion::compare(states, logits, opinion).unwrap();
    assert!(!found.is_empty());
    found.iter().map(|q| q.largest_relative).fold(0.0, f32::max)
}

#[test]
fn candle_transformers_agrees_with_transformers_except_for_known_differences() {
    let mut ran = BTreeSet::new();
    for (name, source) in fixtures() {
        let opinion = match SecondOpinion::read(&source, &mut Silent) {
            Ok(opinion) => opinion,
            Err(second_opinion::Error::NoFamily { model_type, .. }) => {
                assert!(ABSENT.iter().any(|a| name.starts_with(a)), "{name}: {model_type}");
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };
        let golden = golden(&name);
        let sequences: Vec<_> = golden.iter().map(|(sequence, ..)| sequence.clone()).collect();
        let opinions = match opinion.opinions(&sequences) {
            Ok(opinions) => opinions,
            Err(second_opinion::Error::CannotExpress { key, .. }) => {
                assert!(NOT_EXPRESSED.contains(&(&name, &key)), "{name}: {key}");
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };
        let (mut sound, mut deviating) = (0f32, 0f32);
        for ((sequence, states, logits), theirs) in golden.iter().zip(&opinions) {
            // Of a long sequence a decoder gives the last token alone.
            let (rows, width) = theirs.last_hidden_state.dims2().unwrap();
            let (tokens, d_model) = states.last().unwrap().dims2().unwrap();
            assert_eq!(width, d_model, "{name}");
            assert!(rows == tokens || (rows == 1 && tokens > 32), "{name}: {rows} of {tokens}");
            let found = worst(states, logits.as_ref(), theirs);
            match opinion.deviations(sequence.tokens()).is_empty() {
                true => sound = sound.max(found),
                false => deviating = deviating.max(found),
            }
        }
        println!("{name}: candle-transformers within {sound:.1e} of transformers");
        assert!(sound < TOLERANCE, "{name}: {sound:e}");
        if DEVIATING.contains(&name.as_str()) {
            println!("{name}: {deviating:.1e} where it is known to differ");
            assert!(deviating > 5.0 * TOLERANCE, "{name}: {deviating:e}: is it repaired?");
        } else {
            assert_eq!(deviating, 0.0, "{name}");
        }
        ran.insert(name);
    }
    assert!(ran.len() >= 29, "{ran:?}");
}

/// Changes the numbers of the tensors with names that contain `part`. `change` gets the row and the
/// number.
fn change(model: &mut Checkpoint, part: &str, change: impl Fn(usize, f32) -> f32) {
    let mut seen = false;
    for (_, tensor) in model.tensors.iter_mut().filter(|(name, _)| name.contains(part)) {
        let width = tensor.shape[1..].iter().product::<usize>();
        for (index, number) in tensor.bytes.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            *number = change(index / width, f32::from_le_bytes(*number)).to_le_bytes();
        }
        seen = true;
    }
    assert!(seen, "{part}");
}

/// The last hidden states of transformers for the sequences of a fixture, with the config of the
/// fixture or of a case in `second_opinion.safetensors`.
fn expected(fixture: &str, case: Option<&str>) -> Vec<(Sequence, Vec<f32>)> {
    let mut all = case.map(|case| Tensors::read(path("second_opinion.safetensors")).f32(case));
    let mut rows = |(sequence, states, _): (Sequence, Vec<Tensor>, _)| {
        let own = values(states.last().unwrap());
        let Some(all) = &mut all else { return (sequence, own) };
        let (all, _) = all.as_mut().unwrap();
        (sequence, all.drain(..own.len()).collect())
    };
    golden(fixture).into_iter().map(&mut rows).collect()
}

/// The largest difference of candle-transformers in the first `rows` tokens of every sequence,
/// relative to the largest number.
fn apart(model: &Checkpoint, expected: &[(Sequence, Vec<f32>)], rows: usize) -> f32 {
    let sequences: Vec<_> = expected.iter().map(|(sequence, _)| sequence.clone()).collect();
    let opinions = read(&model.source()).opinions(&sequences).unwrap();
    let one = |(opinion, (_, expected)): (Opinion, &(Sequence, Vec<f32>))| {
        let (tokens, width) = opinion.last_hidden_state.dims2().unwrap();
        let rows = rows.min(tokens);
        let theirs = values(&opinion.last_hidden_state.narrow(0, 0, rows).unwrap());
        let (difference, largest) = distance(&theirs, &expected[..rows * width]);
        difference / largest
    };
    opinions.into_iter().zip(expected).map(one).fold(0.0, f32::max)
}

/// Asserts that candle-transformers differs, and agrees if only the cause on its side is corrected.
fn corrected(what: &str, before: f32, after: f32) {
    println!("{what}: {before:.1e}, corrected {after:.1e}");
    assert!(before > 5.0 * TOLERANCE && after < TOLERANCE, "{what}: {before:e}, {after:e}");
}

#[test]
fn its_window_is_one_token_wider() {
    let all = usize::MAX;
    let mut mistral = Checkpoint::fixture("mistral");
    let expected_mistral = expected("mistral", None);
    let before = apart(&mistral, &expected_mistral, all);
    mistral.config["sliding_window"] = 7.into();
    corrected("mistral, window", before, apart(&mistral, &expected_mistral, all));

    let mut qwen2 = Checkpoint::fixture("qwen2");
    qwen2.config["use_sliding_window"] = true.into();
    qwen2.config["sliding_window"] = 8.into();
    let expected_all = expected("qwen2", Some("qwen2-all-windows"));
    let expected_some = expected("qwen2", Some("qwen2-some-windows"));
    let before = apart(&qwen2, &expected_all, all);
    qwen2.config["sliding_window"] = 7.into();
    corrected("qwen2, window", before, apart(&qwen2, &expected_all, all));
    // The layers below `max_window_layers` have a window too.
    let some = apart(&qwen2, &expected_some, all);
    corrected("qwen2, layers with a window", some, apart(&qwen2, &expected_some, 8));
}

#[test]
fn it_scales_attention_by_the_width_of_heads() {
    let all = usize::MAX;
    // Heads are 12 wide, query_pre_attn_scalar is 7.
    let scale = (12f32 / 7.0).sqrt();
    let mut gemma2 = Checkpoint::fixture("gemma2");
    let before = apart(&gemma2, &expected("gemma2", None), 8);
    change(&mut gemma2, "q_proj", |_, number| number * scale);
    corrected("gemma2, scale", before, apart(&gemma2, &expected("gemma2", None), 8));
    // Beyond the window, one of three layers has full attention in transformers, and none has in
    // candle-transformers.
    gemma2.config["sliding_window"] = 7.into();
    let windows = expected("gemma2", Some("gemma2-all-windows"));
    corrected(
        "gemma2, window",
        apart(&gemma2, &expected("gemma2", None), all),
        apart(&gemma2, &windows, all),
    );

    let mut gemma3 = Checkpoint::fixture("gemma3-text");
    gemma3.config["rope_parameters"]["full_attention"] =
        json!({ "rope_theta": 700.0, "rope_type": "default" });
    let unscaled = expected("gemma3-text", Some("gemma3-unscaled"));
    let before = apart(&gemma3, &unscaled, all);
    // Its norms multiply by 1 + weight.
    change(&mut gemma3, "q_norm", |_, weight| (1.0 + weight) * scale - 1.0);
    corrected("gemma3, scale", before, apart(&gemma3, &unscaled, all));
}

#[test]
fn its_longrope_multiplies_by_the_factors_and_does_not_scale() {
    let mut phi3 = Checkpoint::fixture("phi3-longrope");
    let all = usize::MAX;
    let expected = expected("phi3-longrope", None);
    // max_position_embeddings is 37, the original 16: the factor is their ratio.
    let scale = (1.0 + (37f32 / 16.0).ln() / 16f32.ln()).sqrt();
    let before = phi3.clone();
    // 4 query heads and 2 key heads with 10 dimensions each, of which 6 rotate; then the values.
    change(
        &mut phi3,
        "qkv_proj",
        |row, number| {
            if row < 60 && row % 10 < 6 { number * scale } else { number }
        },
    );
    // Sequences up to the original length use the short factors; longer sequences use the long
    // factors.
    for (key, sequences) in [("short_factor", &expected[..2]), ("long_factor", &expected[2..])] {
        let mut one = phi3.clone();
        let rope = &mut one.config["rope_parameters"];
        let inverse: Value =
            rope[key].as_array().unwrap().iter().map(|f| 1.0 / f.as_f64().unwrap()).collect();
        (rope["short_factor"], rope["long_factor"]) = (inverse.clone(), inverse);
        corrected(
            &format!("phi3, {key}"),
            apart(&before, sequences, all),
            apart(&one, sequences, all),
        );
    }
}

#[test]
fn it_has_no_window_in_phi3_and_no_activation_but_relu_in_plain_t5() {
    let phi3 = Checkpoint::fixture("phi3");
    let found = apart(&phi3, &expected("phi3", None)[..2], usize::MAX);
    println!("phi3, within its window: {found:.1e}");
    assert!(found < TOLERANCE, "{found:e}");

    let mut t5 = Checkpoint::fixture("t5");
    t5.config["feed_forward_proj"] = "gelu".into();
    assert_eq!(read(&t5.source()).deviations(1).len(), 1);
    corrected(
        "t5, gelu as relu",
        apart(&t5, &expected("t5", Some("t5-gelu")), usize::MAX),
        apart(&t5, &expected("t5", None), usize::MAX),
    );
}

/// It has no exact GELU, so that our model uses the tanh GELU here.
#[test]
fn its_distilbert_has_the_tanh_gelu() {
    for (theirs, ours, agree) in
        [("gelu", "gelu", false), ("gelu", "gelu_new", true), ("relu", "relu", true)]
    {
        let mut model = Checkpoint::fixture("distilbert");
        model.config["activation"] = ours.into();
        let golden = Tensors::read(path("families/distilbert/golden.safetensors"));
        let sequences = sequences(&golden);
        let states = last_states(&load(&model.source()).unwrap(), &sequences);
        model.config["activation"] = theirs.into();
        let found = apart(&model, &states, usize::MAX);
        println!("distilbert, {ours} against its {theirs}: {found:.1e}");
        assert_eq!(found < TOLERANCE, agree, "{ours}, {theirs}: {found:e}");
    }
}

/// The last hidden states of our forward pass.
fn last_states(model: &Model, sequences: &[Sequence]) -> Vec<(Sequence, Vec<f32>)> {
    let one = |sequence: &Sequence| {
        let batch = std::slice::from_ref(sequence);
        let batch = Batch::new(model.transformer.architecture(), batch).unwrap();
        let states = model.transformer.forward(&batch, &mut NoHooks).unwrap();
        (sequence.clone(), values(states.last().unwrap()))
    };
    sequences.iter().map(one).collect()
}

#[test]
fn our_forward_pass_agrees_except_for_known_differences() {
    let mut ran = BTreeSet::new();
    for (name, source) in fixtures() {
        // Another test counts the fixtures that one side does not support.
        let Ok(explorer) = Explorer::open(&source) else { continue };
        let ids: Vec<_> = golden(&name).into_iter().map(|(s, ..)| s.token_ids().to_vec()).collect();
        let Ok(verification) = explorer.verify_ids(&source, &ids) else { continue };
        for text in &verification.texts {
            let found = text.quantities.iter().map(|q| q.largest_relative).fold(0.0, f32::max);
            println!("{name}, {} tokens: {found:.1e}, {:?}", text.tokens, text.verdict);
            if text.deviations.is_empty() {
                assert!(found < TOLERANCE, "{name}: {found:e}");
                assert_eq!(text.verdict, Verdict::Agree, "{name}");
            }
        }
        if DEVIATING.contains(&name.as_str()) {
            assert_eq!(verification.verdict(), Verdict::KnownDeviation, "{name}");
        }
        ran.insert(name);
    }
    assert!(ran.len() >= 24, "{ran:?}");
}

#[test]
fn the_bundled_model_agrees_on_real_sentences() {
    let explorer = Explorer::open(bundled()).unwrap();
    let texts = ["The bank by the river refused the loan.", "Ein Satz, 数字 3 and an émigré."];
    let verification = explorer.verify(bundled(), &texts).unwrap();
    for text in &verification.texts {
        assert_eq!(text.quantities.len(), 7);
        let found = text.quantities.iter().map(|q| q.largest_relative).fold(0.0, f32::max);
        println!("minilm, {} tokens: {found:.1e}", text.tokens);
        assert!(found < TOLERANCE, "{found:e}");
    }
    assert_eq!(verification.verdict(), Verdict::Agree);
}

/// A change of one number by 1 % on one side is found, in any tensor.
#[test]
fn a_planted_fault_is_found() {
    let sound = Checkpoint::fixture("bert");
    let ids: Vec<_> = golden("bert").into_iter().map(|(s, ..)| s.token_ids().to_vec()).collect();
    for (tensor, layer) in [
        ("embeddings.position_embeddings.weight", 0),
        ("embeddings.LayerNorm.weight", 0),
        ("encoder.layer.0.attention.self.query.weight", 1),
        ("encoder.layer.0.attention.self.key.weight", 1),
        ("encoder.layer.1.attention.self.value.bias", 2),
        ("encoder.layer.1.attention.output.dense.weight", 2),
        ("encoder.layer.1.intermediate.dense.weight", 2),
        ("encoder.layer.2.intermediate.dense.bias", 3),
        ("encoder.layer.2.output.dense.weight", 3),
        ("encoder.layer.2.output.LayerNorm.bias", 3),
    ] {
        let mut faulty = sound.clone();
        let numbers = faulty.tensors.get_mut(tensor).unwrap().bytes.as_chunks_mut::<4>().0;
        // The largest number of the first row, which every sequence reads.
        let row = &mut numbers[..24];
        let size = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes).abs();
        let number = row.iter_mut().max_by(|a, b| size(a).total_cmp(&size(b))).unwrap();
        *number = (f32::from_le_bytes(*number) * 1.01).to_le_bytes();
        // A changed file is an error, so the faulty network is put into the sound model.
        let changed = Explorer::open(faulty.source()).unwrap();
        let error = changed.verify_ids(sound.source(), &ids).unwrap_err();
        assert!(matches!(error, Error::Changed { .. }), "{error}");
        let faulty = load(&faulty.source()).unwrap();
        let model = Model { transformer: faulty.transformer, ..load(&sound.source()).unwrap() };
        let found = Explorer::new(model).verify_ids(sound.source(), &ids).unwrap();
        let worst = found.texts.iter().flat_map(|t| &t.quantities);
        let worst = worst.map(|q| q.largest_relative).fold(0.0, f32::max);
        println!("{tensor} changed by 1 %: {worst:.1e}");
        assert_eq!(found.verdict(), Verdict::Differ, "{tensor}: {worst:e}");
        // The layers before the fault agree.
        for text in &found.texts {
            for quantity in text.quantities.iter().take(layer) {
                assert!(quantity.largest_relative < TOLERANCE, "{tensor}: {quantity:?}");
            }
        }
    }
}

/// Any number in a config gives a result or an error.
#[test]
fn no_config_causes_a_panic() {
    let sequence = [Sequence::from_ids(vec![3, 5])];
    let mut last = String::new();
    for (name, source) in fixtures() {
        // Only one spelling of each config.
        if std::mem::replace(&mut last, name.clone()) == name {
            continue;
        }
        let Source::Memory { files, .. } = source else { unreachable!() };
        let config: Value = serde_json::from_slice(&files[0].1).unwrap();
        for (key, value) in config.as_object().unwrap() {
            if !value.is_number() {
                continue;
            }
            for other in [json!(0), json!(1), json!(4_000_000_000_u64)] {
                let mut config = config.clone();
                config[key] = other;
                let mut files = files.clone();
                files[0].1 = serde_json::to_vec(&config).unwrap().into();
                let source = Source::Memory { id: name.clone(), files };
                if let Ok(opinion) = SecondOpinion::read(&source, &mut Silent) {
                    let _ = opinion.opinions(&sequence);
                    let _ = opinion.deviations(2);
                }
            }
        }
    }
}

#[test]
fn the_command_reports_the_verdict() {
    let place = Place::with_tiny();
    for name in ["distilbert", "albert"] {
        Checkpoint::fixture(name).write(&place.path(name));
    }
    let outcome = place.line("verify tiny --text 'The bank lent him more.'").done();
    assert!(outcome.stdout.contains("hidden_states.3"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("\nagrees with candle-transformers"), "{}", outcome.stdout);
    let control = place.run(["verify", "tiny", "--text", "the \u{1b}[31mriver\u{7}"]).done();
    assert!(!control.stdout.contains(['\u{1b}', '\u{7}']), "{:?}", control.stdout);
    let json = place.line("verify tiny --text 'A bank.' --text 'The bank.' --json").done().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["verdict"], "agree");
    assert_eq!(json["texts"][1]["quantities"].as_array().unwrap().len(), 4);
    // Without a tokenizer, the command uses built-in token ids.
    let known = place.line("verify distilbert");
    assert_eq!(known.code, Some(1));
    assert!(known.stderr.starts_with("error: differs; known: "), "{}", known.stderr);
    assert!(known.stdout.contains("token ids 2"), "{}", known.stdout);
    place.write("ids", "5 6 7\n");
    let known = place.line("verify distilbert --token-ids ids --json");
    assert_eq!(known.code, Some(1));
    let json: Value = serde_json::from_str(&known.stdout).unwrap();
    assert_eq!(
        (&json["verdict"], &json["texts"][0]["tokens"]),
        (&"known_deviation".into(), &3.into())
    );
    let none = place.line("verify albert");
    assert_eq!((none.code, none.stdout.as_str()), (Some(4), ""));
    assert!(none.stderr.contains("no models of type \"albert\""), "{}", none.stderr);
}
