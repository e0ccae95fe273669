//! Random weights: a part has the values of the whole stream, rounded to the number type.

use super::*;

fn architecture() -> Architecture {
    Architecture {
        d_vocab: 2001,
        d_model: 30,
        n_layers: 2,
        n_weight_sets: 2,
        n_heads: 3,
        n_kv_heads: 3,
        d_head: 10,
        d_mlp: 40,
        final_norm: true,
        ..Architecture::BASE
    }
}

/// The values of some rows of a weight, as they are stored.
fn rows(source: &RandomWeights, name: &str, rows: Range<usize>) -> Vec<u8> {
    let weight = source.open(name).unwrap();
    let width = weight.shape().iter().skip(1).product::<usize>();
    let mut bytes = vec![9; weight.encoding().bytes(rows.len() * width)];
    weight.read(rows, &mut bytes).unwrap();
    bytes
}

/// One stream gives all weights in their order, whichever rows are read first.
#[test]
fn a_part_of_a_weight_has_the_values_of_the_whole_stream() {
    let architecture = architecture();
    let source = RandomWeights::new(&architecture, DType::F32, 0.05, 7);
    let mut stream = generator(7).sample_iter::<f64, _>(StandardNormal);
    let mut drawn = 0;
    for spec in architecture.weights() {
        let n: usize = spec.shape.iter().product();
        let values: Vec<f32> = match &spec.name {
            name if name.ends_with("bias") => vec![0.0; n],
            name if name.contains("norm") => vec![1.0; n],
            _ => stream.by_ref().take(n).map(|value| (0.05 * value) as f32).collect(),
        };
        drawn += usize::from(values.iter().any(|value| value.fract() != 0.0));
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let (n_rows, name) = (spec.shape[0], &*spec.name);
        let row = bytes.len() / n_rows;
        assert!(rows(&source, name, 0..n_rows) == bytes, "{name}");
        for own in [n_rows - 1..n_rows, n_rows / 3..n_rows / 2 + 1, 0..0] {
            let expected = &bytes[own.start * row..own.end * row];
            assert!(rows(&source, name, own.clone()) == expected, "{name}: {own:?}");
        }
    }
    assert!(drawn > 10);
}

/// In a type of 16 bits, each value is that of f32, rounded to the nearest.
#[test]
fn weights_are_rounded_to_the_number_type() {
    let of = |dtype| {
        let source = RandomWeights::new(&architecture(), dtype, 0.02, 1);
        rows(&source, "embed.token.weight", 700..703)
    };
    let single = of(DType::F32);
    let (half, brain) = (of(DType::F16), of(DType::BF16));
    let values = single.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b));
    let halves = half.as_chunks().0.iter().zip(brain.as_chunks().0);
    assert_eq!(values.len(), halves.len());
    for (value, (&half, &brain)) in values.zip(halves) {
        assert_eq!(f16::from_le_bytes(half), f16::from_f32(value));
        assert_eq!(bf16::from_le_bytes(brain), bf16::from_f32(value));
    }
}
