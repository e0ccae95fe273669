//! Compares every family with Hugging Face transformers: hidden states, attention patterns and
//! logits of tiny random checkpoints, and of the bundled model on real sentences.

use crate::fixtures::{Tensors, bundled, distance, families, folders, load, load_with, path};
use candle_core::{DType, Device, Tensor};
use std::collections::BTreeMap;
use stratoscope_loader::{LoadOptions, Source};
use stratoscope_transformer::{
    Batch, Error, Features, HookPoint, Hooks, NoHooks, Recorder, Sequence, Transformer,
};

/// The tolerance relative to the largest activation. The difference between float32 and float64 is
/// smaller (`fixtures/README.md`).
const TOLERANCE: f32 = 1e-5;

/// The golden sequences of a fixture.
pub(crate) fn sequences(golden: &Tensors) -> Vec<Sequence> {
    if golden.i64("feature_offsets").is_some() {
        return sounds(golden);
    }
    let Some(ids) = golden.i64("input_ids") else { return images(golden) };
    let types = golden.i64("token_type_ids").unwrap_or(vec![0; ids.len()]);
    let offsets = golden.i64("sequence_offsets").unwrap();
    offsets
        .windows(2)
        .map(|w| {
            let rows = w[0] as usize..w[1] as usize;
            Sequence::Tokens {
                token_ids: ids[rows.clone()].iter().map(|&id| id as u32).collect(),
                token_types: types[rows].iter().map(|&id| id as u32).collect(),
            }
        })
        .collect()
}

/// The golden sounds of a fixture.
fn sounds(golden: &Tensors) -> Vec<Sequence> {
    let (features, shape) = golden.f32("features").unwrap();
    let width = shape[1];
    let offsets = |name: &str| golden.i64(name).unwrap();
    let (rows, frames) = (offsets("feature_offsets"), offsets("sequence_offsets"));
    let sound = |(rows, frames): (&[i64], &[i64])| {
        let values = features[rows[0] as usize * width..rows[1] as usize * width].into();
        let tokens = (frames[1] - frames[0]) as usize;
        Sequence::Features(Features { values, width, grid: None, tokens })
    };
    rows.windows(2).zip(frames.windows(2)).map(sound).collect()
}

/// The golden images of a fixture.
fn images(golden: &Tensors) -> Vec<Sequence> {
    let (features, shape) = golden.f32("features").unwrap();
    let (width, mut first) = (shape[1], 0);
    let offsets = golden.i64("sequence_offsets").unwrap();
    let grids = golden.i64("grids").unwrap();
    let grids = grids.as_chunks::<2>().0.iter().map(|grid| grid.map(|n| n as usize));
    grids
        .zip(offsets.windows(2))
        .map(|(grid, w)| {
            let patches = grid[0] * grid[1];
            let values = features[first * width..(first + patches) * width].into();
            first += patches;
            let tokens = (w[1] - w[0]) as usize;
            Sequence::Features(Features { values, width, grid: Some(grid), tokens })
        })
        .collect()
}

pub(crate) fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The largest differences of a forward pass from a golden file: states and logits relative to their
/// largest number. There may be no patterns, and no logits.
#[derive(Default)]
pub(crate) struct Differences {
    states: f32,
    patterns: Option<f32>,
    logits: Option<f32>,
}

/// Compares a forward pass with a golden file, and prints the differences.
pub(crate) fn check_states(name: &str, transformer: &Transformer, golden: &Tensors) -> Differences {
    let mut all = Differences::default();
    let architecture = transformer.architecture();
    let batch = Batch::new(architecture, &sequences(golden)).unwrap();
    if let Some(positions) = golden.i64("position_ids") {
        assert!(batch.positions.iter().zip(&positions).all(|(a, b)| i64::from(*a) == *b), "{name}");
    }
    let n_layers = architecture.n_layers;
    // Without hooks and with all hooks, which change no digit.
    let states = transformer.forward(&batch, &mut NoHooks).unwrap();
    let mut seen = Recorder::new(architecture.hook_points());
    let hooked = transformer.forward(&batch, &mut seen).unwrap();

    let (expected, shape) = golden.f32("hidden_states").unwrap();
    let layer_size = shape[1] * shape[2];
    assert_eq!(states.len(), shape[0], "{name}");
    let mut worst: f32 = 0.0;
    for ((layer, hooked), expected) in states.iter().zip(&hooked).zip(expected.chunks(layer_size)) {
        assert_eq!(layer.dims(), &shape[1..], "{name}");
        assert_eq!(values(layer), values(hooked), "{name}");
        let (difference, largest) = distance(&values(layer), expected);
        worst = worst.max(difference / largest);
    }
    println!("{name}: hidden states within {worst:.1e} of the largest activation");
    assert!(worst < TOLERANCE, "{name}: {worst:e}");
    all.states = worst;

    if let Some((expected, shape)) = golden.f32("attentions") {
        let layer_size = shape[1] * shape[2];
        let mut worst: f32 = 0.0;
        for (layer, expected) in expected.chunks(layer_size).enumerate() {
            let pattern = &seen.values[&HookPoint::Pattern(layer)];
            assert_eq!(pattern.dims(), &shape[1..], "{name}");
            worst = worst.max(distance(&values(pattern), expected).0);
        }
        println!("{name}: attention patterns within {worst:.1e}");
        assert!(worst < 2.0 * TOLERANCE, "{name}: {worst:e}");
        all.patterns = Some(worst);
    }
    if let Some((expected, shape)) = golden.f32("router_logits") {
        let points = seen.values.keys().filter(|point| matches!(point, HookPoint::Router(_)));
        let points: Vec<HookPoint> = points.copied().collect();
        assert_eq!(points.len(), shape[0], "{name}");
        let mut worst: f32 = 0.0;
        for (point, expected) in points.iter().zip(expected.chunks(shape[1] * shape[2])) {
            assert_eq!(seen.values[point].dims(), &shape[1..], "{name}");
            let (difference, largest) = distance(&values(&seen.values[point]), expected);
            worst = worst.max(difference / largest);
        }
        println!("{name}: router logits within {worst:.1e} of the largest");
        assert!(worst < TOLERANCE, "{name}: {worst:e}");
    }
    let hook = |point: HookPoint, golden_name: &str| {
        let Some((expected, shape)) = golden.f32(golden_name) else {
            assert!(!seen.values.contains_key(&point) || golden_name != "logits", "{name}");
            return None;
        };
        let seen = seen.values.get(&point).unwrap_or_else(|| panic!("{name} has no {point}"));
        assert_eq!(seen.dims(), shape, "{name}");
        let (difference, largest) = distance(&values(seen), &expected);
        println!("{name}: {golden_name} within {:.1e} of the largest", difference / largest);
        assert!(difference < TOLERANCE * largest, "{name}, {golden_name}: {difference:e}");
        Some(difference / largest)
    };
    hook(HookPoint::ResidPost(n_layers - 1), "last_block");
    all.logits = hook(HookPoint::Logits, "logits");
    all
}

/// The published table has a row for every golden file. With `STRATOSCOPE_COVERAGE=write` the test
/// writes it, with the digits of this machine.
#[test]
fn tiny_checkpoints_equal_transformers() {
    // By family and name: a fixture with two configs counts once, with its largest differences.
    let mut largest = BTreeMap::new();
    for (name, model) in families() {
        let golden = Tensors::read(path("families").join(&name).join("golden.safetensors"));
        let all = check_states(&name, &model.transformer, &golden);
        let known: &mut Differences = largest.entry((model.info.family, name)).or_default();
        known.states = known.states.max(all.states);
        let larger = |a: Option<f32>, b: Option<f32>| if b > a { b } else { a };
        known.patterns = larger(known.patterns, all.patterns);
        known.logits = larger(known.logits, all.logits);
    }
    let digits = |value: Option<f32>| value.map_or("–".to_owned(), |v| format!("{v:.0e}"));
    let row = |((family, name), all): (&(&str, String), &Differences)| {
        let (states, patterns) = (digits(Some(all.states)), digits(all.patterns));
        format!("| {family} | {name} | {states} | {patterns} | {} |", digits(all.logits))
    };
    let rows: Vec<String> = largest.iter().map(row).collect();
    let place = path("../../crates/loader/COVERAGE.md");
    let text = std::fs::read_to_string(&place).unwrap();
    let (before, table) = text.split_once("| --- | --- | --- | --- | --- |\n").unwrap();
    if std::env::var("STRATOSCOPE_COVERAGE").is_ok_and(|value| value == "write") {
        let rule = "| --- | --- | --- | --- | --- |";
        std::fs::write(&place, format!("{before}{rule}\n{}\n", rows.join("\n"))).unwrap();
        return;
    }
    // Digits differ between machines; families and golden files do not.
    let names = |row: &str| row.split(" | ").take(2).collect::<Vec<_>>().join(" | ");
    let published: Vec<String> = table.lines().map(names).collect();
    let tested: Vec<String> = rows.iter().map(|row| names(row)).collect();
    assert_eq!(published, tested, "STRATOSCOPE_COVERAGE=write writes {}", place.display());
}

/// The device of the tests: the first NVIDIA GPU if the build has the feature, otherwise the CPU.
fn device() -> Device {
    Device::new_cuda(0).unwrap_or(Device::Cpu)
}

#[test]
fn plain_operations_equal_transformers() {
    let mut options = LoadOptions::default();
    (options.kernels, options.device) = (false, device());
    for name in folders("families") {
        let source = Source::Folder(path("families").join(&name));
        let model = load_with(&source, &options).unwrap();
        let golden = Tensors::read(path("families").join(&name).join("golden.safetensors"));
        check_states(&format!("{name} (plain)"), &model.transformer, &golden);
    }
}

/// Routes tokens by the router logits of a golden file: with rounded logits a token may choose another
/// expert, whose output is far from that of the first.
struct Routed<'a>(&'a Tensors);

impl Routed<'_> {
    /// The blocks of the router logits, which are the last blocks of a model.
    fn logits(&self) -> Option<(Vec<f32>, Vec<usize>, usize)> {
        let (logits, shape) = self.0.f32("router_logits")?;
        let n_layers = self.0.f32("hidden_states")?.1[0] - 1;
        let first = n_layers - shape[0];
        Some((logits, shape, first))
    }
}

impl Hooks for Routed<'_> {
    fn points(&self) -> Vec<HookPoint> {
        let of = self.logits().map(|(_, shape, first)| first..first + shape[0]);
        of.into_iter().flatten().map(HookPoint::Router).collect()
    }

    fn at(&mut self, point: HookPoint, value: Tensor) -> Result<Tensor, Error> {
        let (logits, shape, first) = self.logits().unwrap();
        let size = shape[1] * shape[2];
        let start = (point.layer().unwrap() - first) * size;
        let own = &logits[start..start + size];
        let own = Tensor::from_slice(own, &shape[1..], value.device())?;
        Ok(own.to_dtype(value.dtype())?)
    }
}

#[test]
fn half_precision_is_near() {
    // The tolerance is relative to the largest activation. f16 has 11 bits of precision and bf16
    // has 8. Layers of tiny random checkpoints amplify errors more than those of real checkpoints.
    for (dtype, tolerance) in [(DType::F16, 0.02), (DType::BF16, 0.15)] {
        let mut options = LoadOptions::default();
        (options.dtype, options.device) = (dtype, device());
        for name in folders("families") {
            let source = Source::Folder(path("families").join(&name));
            let model = load_with(&source, &options).unwrap();
            let golden = Tensors::read(path("families").join(&name).join("golden.safetensors"));
            let architecture = model.transformer.architecture();
            let batch = Batch::new(architecture, &sequences(&golden)).unwrap();
            let states = model.transformer.forward(&batch, &mut Routed(&golden)).unwrap();
            let (expected, shape) = golden.f32("hidden_states").unwrap();
            let mut worst: f32 = 0.0;
            for (layer, expected) in states.iter().zip(expected.chunks(shape[1] * shape[2])) {
                // The kernels keep the numbers of a 16-bit type in f32.
                let rounded = layer.to_dtype(dtype).unwrap();
                assert_eq!(values(layer), values(&rounded), "{name}");
                let (difference, largest) = distance(&values(layer), expected);
                worst = worst.max(difference / largest);
            }
            println!("{name}: {dtype:?} within {worst:.1e} of the largest activation");
            assert!(worst < tolerance, "{name}: {dtype:?} {worst:e}");
        }
    }
}

#[test]
fn the_bundled_model_equals_transformers_on_real_sentences() {
    let model = load(&bundled()).unwrap();
    let golden = Tensors::read(path("minilm/golden.safetensors"));
    check_states("minilm", &model.transformer, &golden);
    // Also the absolute difference, because the activations are small.
    let architecture = model.transformer.architecture();
    let batch = Batch::new(architecture, &sequences(&golden)).unwrap();
    let states = model.transformer.forward(&batch, &mut NoHooks).unwrap();
    let ours: Vec<f32> = states.iter().flat_map(values).collect();
    let (difference, _) = distance(&ours, &golden.f32("hidden_states").unwrap().0);
    println!("minilm: hidden states within {difference:.1e}, absolute");
    assert!(difference < 5e-5, "{difference:e}");
}

/// The golden files with narrower vector instructions, as on other machines.
#[test]
fn narrower_vector_instructions_equal_transformers() {
    const LIMIT: &str = "STRATOSCOPE_SIMD";
    if std::env::var_os(LIMIT).is_some() {
        return;
    }
    for limit in ["avx2", "none"] {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let tests = ["families::tiny_checkpoints", "families::the_bundled_model"];
        let run = again.args(tests).env(LIMIT, limit).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains(" 2 passed"), "{limit}: {said}");
    }
}

#[test]
fn packing_changes_nothing() {
    let model = load(&Source::Folder(path("families/mpnet"))).unwrap();
    let golden = Tensors::read(path("families/mpnet/golden.safetensors"));
    let sequences = sequences(&golden);
    let run = |sequences: &[Sequence]| {
        let batch = Batch::new(model.transformer.architecture(), sequences).unwrap();
        let states = model.transformer.forward(&batch, &mut NoHooks).unwrap();
        values(states.last().unwrap())
    };
    let together = run(&sequences);
    let alone: Vec<f32> = sequences.iter().flat_map(|s| run(std::slice::from_ref(s))).collect();
    let (difference, largest) = distance(&together, &alone);
    assert!(difference < 2e-6 * largest, "{difference:e}");
    let reversed: Vec<Sequence> = sequences.iter().rev().cloned().collect();
    assert_eq!(run(&reversed).len(), together.len());
}

/// Which experts other tokens use, and how many tokens share an expert, changes no digit of a token.
#[test]
fn packing_changes_no_digit_of_a_mixture() {
    let mut mixtures = 0;
    for (name, model) in families() {
        let transformer = &model.transformer;
        if transformer.architecture().mixture.is_none() {
            continue;
        }
        mixtures += 1;
        let golden = Tensors::read(path("families").join(&name).join("golden.safetensors"));
        let sequences = sequences(&golden);
        let run = |sequences: &[Sequence]| -> Vec<Tensor> {
            let batch = Batch::new(transformer.architecture(), sequences).unwrap();
            transformer.forward(&batch, &mut NoHooks).unwrap()
        };
        let together = run(&sequences);
        let mut start = 0;
        for sequence in &sequences {
            let n = sequence.tokens();
            for (all, own) in together.iter().zip(run(std::slice::from_ref(sequence))) {
                let all = all.narrow(0, start, n).unwrap();
                assert_eq!(values(&all), values(&own), "{name}: {start}");
            }
            start += n;
        }
    }
    assert!(mixtures >= 6, "{mixtures}");
}

#[test]
fn attention_rows_sum_to_one_and_hooks_can_replace_them() {
    struct NoAttention;
    impl stratoscope_transformer::Hooks for NoAttention {
        fn points(&self) -> Vec<HookPoint> {
            vec![HookPoint::Pattern(0), HookPoint::Pattern(1)]
        }
        fn at(
            &mut self,
            _: HookPoint,
            value: Tensor,
        ) -> Result<Tensor, stratoscope_transformer::Error> {
            // [n_heads, 4 + 9]: two sequences of 2 and 3 tokens.
            assert_eq!(value.dims()[1], 13);
            for head in value.to_vec2::<f32>()? {
                for row in head[..4].chunks(2).chain(head[4..].chunks(3)) {
                    assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                }
            }
            Ok(value.zeros_like()?)
        }
    }
    let model = load(&Source::Folder(path("families/bert"))).unwrap();
    let sequences = [vec![5, 6], vec![7, 8, 9]].map(Sequence::from_ids);
    let batch = Batch::new(model.transformer.architecture(), &sequences).unwrap();
    let plain = model.transformer.forward(&batch, &mut NoHooks).unwrap();
    let ablated = model.transformer.forward(&batch, &mut NoAttention).unwrap();
    assert_eq!(values(&plain[0]), values(&ablated[0]));
    assert!(distance(&values(&plain[1]), &values(&ablated[1])).0 > 1e-2);
}
