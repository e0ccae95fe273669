//! Published models: their configs and the names of their tensors, with small sizes and random values.

use crate::checkpoints::{Checkpoint, Stored};
use crate::command::Generator;
use crate::families::values;
use crate::fixtures::{load_with, path};
use safetensors::Dtype;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use stratoscope_loader::{LoadOptions, Picture, Reads, supported_families};
use stratoscope_transformer::{Batch, HookPoint, Recorder};

/// Sizes by symbol.
type Sizes = BTreeMap<String, usize>;

fn sizes(value: &Value) -> Sizes {
    let object = value.as_object().into_iter().flatten();
    object.map(|(symbol, size)| (symbol.clone(), size.as_u64().unwrap() as usize)).collect()
}

/// A size such as `D`, `4D`, `Q+K+K` or `32`.
fn size(text: &str, sizes: &Sizes) -> usize {
    let term = |term: &str| {
        let digits = term.len() - term.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (factor, symbol) = term.split_at(digits);
        let factor: usize = if factor.is_empty() { 1 } else { factor.parse().unwrap() };
        if symbol.is_empty() { factor } else { factor * sizes[symbol] }
    };
    text.split('+').map(term).sum()
}

/// Adds the tensors of a table of names and shapes.
fn add(
    tensors: &mut BTreeMap<String, Stored>,
    table: &Value,
    prefix: &str,
    sizes: &Sizes,
    random: &mut Generator,
) -> BTreeSet<String> {
    let mut added = BTreeSet::new();
    for (name, shape) in table.as_object().into_iter().flatten() {
        for i in 0..if name.contains("{i}") { sizes["L"] } else { 1 } {
            let name = format!("{prefix}{}", name.replace("{i}", &i.to_string()));
            let tensor = match shape.as_str().unwrap().split_once(' ') {
                Some(("=", other)) => tensors[other].clone(),
                Some(("i64", shape)) => filled(Dtype::I64, 8, shape, sizes, || vec![0; 8]),
                Some(("u8", shape)) => filled(Dtype::U8, 1, shape, sizes, || vec![1]),
                _ => filled(Dtype::F32, 4, shape.as_str().unwrap(), sizes, || {
                    let unit = random.below(1 << 20) as f32 / (1 << 20) as f32;
                    (unit - 0.5).to_le_bytes().to_vec()
                }),
            };
            tensors.insert(name.clone(), tensor);
            added.insert(name);
        }
    }
    added
}

fn filled(
    dtype: Dtype,
    bytes: usize,
    shape: &str,
    sizes: &Sizes,
    mut value: impl FnMut() -> Vec<u8>,
) -> Stored {
    let shape: Vec<usize> = shape.split(' ').map(|text| size(text, sizes)).collect();
    let count = shape.iter().product::<usize>();
    let values: Vec<u8> = (0..count).flat_map(|_| value()).collect();
    assert_eq!(values.len(), count * bytes);
    Stored { dtype, shape, bytes: values }
}

/// Every model loads, with all tensors in their places, and its states are finite. What it has beside
/// the trunk and the head is listed.
#[test]
fn published_checkpoints_load() {
    let text = std::fs::read_to_string(path("published/models.json")).unwrap();
    let data: Value = serde_json::from_str(&text).unwrap();
    let models = data["models"].as_array().unwrap();
    assert!(models.len() >= 40, "{}", models.len());
    let mut families = BTreeSet::new();
    for (seed, published) in models.iter().enumerate() {
        let id = published["id"].as_str().unwrap();
        let mut sizes_of = sizes(&data["sizes"]);
        sizes_of.extend(sizes(&published["sizes"]));
        let mut random = Generator::new(seed as u64);
        let mut tensors = BTreeMap::new();
        let scheme = &data["schemes"][published["scheme"].as_str().unwrap()];
        let prefix = published["prefix"].as_str().unwrap();
        add(&mut tensors, scheme, prefix, &sizes_of, &mut random);
        add(&mut tensors, &published["head"], "", &sizes_of, &mut random);
        let beside = add(&mut tensors, &published["beside"], "", &sizes_of, &mut random);
        let config = published["config"].clone();
        let settings = published.get("preprocessor").map(Value::to_string);
        let settings = settings.map(|text| ("preprocessor_config.json".to_owned(), text.into()));
        let checkpoint = Checkpoint { config, tensors, files: settings.into_iter().collect() };
        let mut options = LoadOptions::default();
        options.reads = published.get("reads").map(|_| Reads::Image);
        let model = load_with(&checkpoint.source(), &options);
        let model = model.unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(model.info.family, published["family"], "{id}");
        families.insert(model.info.family);
        assert_eq!(model.info.notes, [], "{id}");
        let unused: BTreeSet<String> = model.info.unused_tensors.into_iter().collect();
        assert_eq!(unused, beside, "{id}");
        let architecture = model.transformer.architecture();
        let head = published.get("head").is_some();
        assert_eq!(architecture.head.is_some(), head, "{id}: head");
        let sequence = match &model.images {
            None => architecture.example(17),
            Some(images) => {
                let rgb = (0..40 * 30 * 3).map(|_| random.below(256) as u8).collect();
                let processed = images.process(&Picture { width: 40, height: 30, rgb }).unwrap();
                assert_eq!(processed.grid, [4, 4], "{id}");
                processed.sequence
            }
        };
        let batch = Batch::new(architecture, &[sequence]).unwrap();
        let mut seen = Recorder::new(head.then_some(HookPoint::Logits).into_iter().collect());
        let states = model.transformer.forward(&batch, &mut seen).unwrap();
        let logits = seen.values.into_values();
        for tensor in states.into_iter().chain(logits) {
            let values = values(&tensor);
            assert!(values.iter().all(|v| v.is_finite()), "{id}");
            assert!(values.iter().any(|v| *v != values[0]), "{id}: all values are equal");
        }
    }
    assert_eq!(families, supported_families().into_iter().collect());
}
