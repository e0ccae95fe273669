//! Kernels against their plain twins, over random shapes and extreme values.

use super::*;
use crate::architecture::{Activation, Mlp, Span};
use crate::ops;
use candle_core::{D, Device};
use rand::{Rng, SeedableRng, rngs::StdRng};

pub(super) const ACTIVATIONS: [Activation; 5] = [
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::GeluSigmoid,
    Activation::Relu,
    Activation::Silu,
];

fn random(rng: &mut StdRng, n: usize, scale: f32) -> Vec<f32> {
    (0..n).map(|_| rng.gen_range(-1.0..1.0) * scale).collect()
}

fn tensor(values: &[f32], rows: usize) -> Tensor {
    Tensor::from_slice(values, (rows, values.len() / rows), &Device::Cpu).unwrap()
}

/// Asserts that two results differ by no more than `limit` times the largest value; numbers below
/// the normal ones have few digits to agree in.
#[track_caller]
fn near(found: &[f32], expected: &Tensor, limit: f32) {
    let expected = ops::values(expected).unwrap();
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    for (index, (a, b)) in found.iter().zip(&expected).enumerate() {
        let same = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= limit * largest + 1e-42;
        assert!(same, "{a} and {b} at {index}, of up to {largest}");
    }
}

/// The same on one, two and three threads.
fn on_any_threads(run: impl Fn() -> Vec<f32> + Sync) -> Vec<f32> {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(&run)
    };
    let one = on(1);
    for threads in [2, 3] {
        assert!(one.iter().zip(on(threads)).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
    one
}

/// Values of one sign, whose sums grow: the error of a sum of f32 in one chain would be 8 times larger.
#[test]
fn long_sums_have_small_errors() {
    let mut rng = StdRng::seed_from_u64(5);
    let (rows, depth, columns) = (24, 8192, 32);
    let mut positive = |n| (0..n).map(|_| rng.gen_range(0.0..1.0)).collect::<Vec<f32>>();
    let (x, w) = (positive(rows * depth), positive(columns * depth));
    let found = linear(&x, &PackedLinear::new(&[Rows::F32(&w)], &vec![0.0; columns], depth), None);
    let exact = x.chunks(depth).flat_map(|x| {
        w.chunks(depth).map(|w| x.iter().zip(w).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum())
    });
    let relative =
        found.iter().zip(exact).map(|(&found, exact): (_, f64)| (f64::from(found) - exact) / exact);
    let squares: f64 = relative.map(|error| error * error).sum();
    let error = (squares / found.len() as f64).sqrt();
    assert!(error < 3e-7, "{error:e}");
}

#[test]
fn linear_layers_are_their_twins() {
    let mut rng = StdRng::seed_from_u64(1);
    for scale in [1.0, 1e15, 1e-15, 1e-41, 0.0] {
        for _ in 0..12 {
            let [inputs, inner, outputs] = [(); 3].map(|()| rng.gen_range(1..90));
            let rows = rng.gen_range(1..260);
            let activation = ACTIVATIONS[rng.gen_range(0..5)];
            let x = random(&mut rng, rows * inputs, scale);
            let (w, b) = (random(&mut rng, inner * inputs, 1.0), random(&mut rng, inner, scale));
            let (u, c) = (random(&mut rng, outputs * inner, 1.0), random(&mut rng, outputs, scale));
            let first = PackedLinear::new(&[Rows::F32(&w)], &b, inputs);
            let second = PackedLinear::new(&[Rows::F32(&u)], &c, inner);
            let plain = |x: &Tensor, w: &[f32], b: &[f32]| {
                let product = x.matmul(&tensor(w, b.len()).t().unwrap()).unwrap();
                product.broadcast_add(&tensor(b, 1)).unwrap()
            };
            let expected = plain(&tensor(&x, rows), &w, &b);
            near(&on_any_threads(|| linear(&x, &first, None)), &expected, 2e-6);
            let expected = ops::activate(activation, &expected).unwrap();
            near(&on_any_threads(|| linear(&x, &first, Some(activation))), &expected, 2e-6);
            let settings = Mlp { activation, gated: false, bias: true };
            let found = on_any_threads(|| mlp(&x, &first, settings, &second));
            near(&found, &plain(&expected, &u, &c), 4e-6);
            let row = rng.gen_range(0..rows);
            let alone = mlp(&x[row * inputs..][..inputs], &first, settings, &second);
            assert_eq!(alone, found[row * outputs..][..outputs], "a row's digits are its own");
            // The same layer as the gate of itself: what it gives times what is activated.
            let gate = PackedLinear::new(&[Rows::F32(&w); 2], &[&b[..], &b].concat(), inputs);
            let settings = Mlp { gated: true, ..settings };
            let found = on_any_threads(|| mlp(&x, &gate, settings, &second));
            let inner = (plain(&tensor(&x, rows), &w, &b) * &expected).unwrap();
            near(&found, &plain(&inner, &u, &c), 4e-6);
            let alone = mlp(&x[row * inputs..][..inputs], &gate, settings, &second);
            assert_eq!(alone, found[row * outputs..][..outputs], "a row's digits are its own");
        }
    }
}

#[test]
fn norms_are_their_twins() {
    let mut rng = StdRng::seed_from_u64(2);
    for scale in [1.0, 1e15, 1e-15, 1e-41, 0.0] {
        for _ in 0..12 {
            let (rows, d) = (rng.gen_range(1..300), rng.gen_range(1..100));
            let [x, y] = [(); 2].map(|()| random(&mut rng, rows * d, scale));
            let [weight, bias] = [(); 2].map(|()| random(&mut rng, d, 1.0));
            let centred = rng.gen_bool(0.5);
            let bias = if rng.gen_bool(0.7) { bias } else { Vec::new() };
            let weights = NormWeights { weight: &weight, bias: &bias, centred, eps: 1e-12 };
            let plain = |x: &Tensor| {
                let mean = x.mean_keepdim(D::Minus1).unwrap();
                let x = if centred { x.broadcast_sub(&mean).unwrap() } else { x.clone() };
                let variance = x.sqr().unwrap().mean_keepdim(D::Minus1).unwrap();
                let deviation = (variance + 1e-12).unwrap().sqrt().unwrap();
                let normed = x.broadcast_div(&deviation).unwrap();
                let normed = normed.broadcast_mul(&tensor(&weight, 1)).unwrap();
                if bias.is_empty() {
                    return normed;
                }
                normed.broadcast_add(&tensor(&bias, 1)).unwrap()
            };
            let (a, b) = (tensor(&x, rows), tensor(&y, rows));
            near(&on_any_threads(|| sum(&x, &y)), &(&a + &b).unwrap(), 0.0);
            // A row of one or two values may lose all its digits to the mean.
            let limit = if d < 8 { 1e-3 } else { 1e-5 };
            near(&on_any_threads(|| norm(&x, None, weights)), &plain(&a), limit);
            near(&on_any_threads(|| norm(&x, Some(&y), weights)), &plain(&(a + b).unwrap()), limit);
        }
    }
}

#[test]
fn rotations_are_their_twins() {
    let mut rng = StdRng::seed_from_u64(4);
    for _ in 0..40 {
        let (heads, pairs) = (rng.gen_range(1..5), rng.gen_range(1..40));
        let (tokens, d_head) = (rng.gen_range(1..300), 2 * pairs + rng.gen_range(0..9));
        let rest = rng.gen_range(0..3) * d_head;
        let width = heads * d_head + rest;
        let x = random(&mut rng, tokens * width, 1.0);
        let [cosines, sines] = [(); 2].map(|()| random(&mut rng, tokens * pairs, 1.0));
        let rotation = Rotation { cosines: &cosines, sines: &sines, pairs, heads, d_head };
        let found = on_any_threads(|| rotate(&x, width, rotation));
        let all = tensor(&x, tokens);
        let turned = all.narrow(1, 0, heads * d_head).unwrap().reshape((tokens, heads, d_head));
        let tables = [&cosines, &sines].map(|t| tensor(t, tokens));
        let turned = ops::rotate(&turned.unwrap(), &tables[0], &tables[1]).unwrap();
        let turned = turned.flatten_from(1).unwrap();
        let expected = match rest {
            0 => turned,
            _ => Tensor::cat(&[turned, all.narrow(1, heads * d_head, rest).unwrap()], 1).unwrap(),
        };
        near(&found, &expected, 1e-6);
    }
}

#[test]
fn attention_is_its_twin() {
    let mut rng = StdRng::seed_from_u64(3);
    for scale in [1.0, 30.0, 1e-15, 1e-41, 0.0] {
        for _ in 0..12 {
            let (n_kv_heads, d_head) = (rng.gen_range(1..4), rng.gen_range(1..40));
            let n_heads = n_kv_heads * rng.gen_range(1..4);
            let lengths: Vec<usize> =
                (0..rng.gen_range(1..6))
                    .map(|_| {
                        if rng.gen_bool(0.2) {
                            rng.gen_range(60..150)
                        } else {
                            rng.gen_range(1..40)
                        }
                    })
                    .collect();
            let mut offsets = vec![0];
            for n in &lengths {
                offsets.push(offsets[offsets.len() - 1] + n);
            }
            let tokens: usize = lengths.iter().sum();
            let width = (n_heads + 2 * n_kv_heads) * d_head;
            let qkv = random(&mut rng, tokens * width, scale);
            let bias =
                rng.gen_bool(0.5).then_some(crate::RelativeBias { buckets: 8, max_distance: 20 });
            let table = tensor(&random(&mut rng, 8 * n_heads, 1.0), 8);
            let longest = lengths.iter().copied().max().unwrap();
            let distances =
                bias.map(|bias| Distances::new(bias, &ops::values(&table).unwrap(), longest));
            let mut side = || rng.gen_bool(0.5).then(|| rng.gen_range(0..30));
            let span = Span { before: side(), after: side() };
            let soft_cap = rng.gen_bool(0.3).then_some(5.0);
            let settings = Attention {
                sequence_offsets: &offsets,
                distances: distances.as_ref(),
                n_heads,
                n_kv_heads,
                d_head,
                span,
                scale: 0.3,
                soft_cap,
            };
            let packed = tensor(&qkv, tokens);
            let mixed: Vec<Tensor> = offsets
                .windows(2)
                .map(|w| {
                    let n = w[1] - w[0];
                    let part = |first: usize, heads: usize| {
                        let own = packed.narrow(0, w[0], n).unwrap();
                        let own = own.narrow(1, first * d_head, heads * d_head).unwrap();
                        let own = own.reshape((n, heads, d_head)).unwrap();
                        let shared: Vec<u32> =
                            (0..n_heads).map(|h| (h * heads / n_heads) as u32).collect();
                        let shared = Tensor::new(shared, &Device::Cpu).unwrap();
                        own.transpose(0, 1).unwrap().contiguous().unwrap().index_select(&shared, 0)
                    };
                    let [q, k, v] = [
                        part(0, n_heads),
                        part(n_heads, n_kv_heads),
                        part(n_heads + n_kv_heads, n_kv_heads),
                    ]
                    .map(|part| part.unwrap());
                    let scores = ops::Scores {
                        scale: f64::from(settings.scale),
                        soft_cap: soft_cap.map(f64::from),
                        bias: bias.map(|b| ops::relative_bias(b, &table, n).unwrap()),
                        mask: ops::mask(span, n, &Device::Cpu).unwrap(),
                    };
                    let pattern = ops::pattern(&q, &k, &scores).unwrap();
                    let mixed = pattern.matmul(&v).unwrap();
                    mixed.transpose(0, 1).unwrap().flatten_from(1).unwrap()
                })
                .collect();
            let found = on_any_threads(|| attention(&qkv, settings));
            // Scores of the largest scale reach thousands: their last digit is a factor of e^1e-4.
            let limit = if scale > 1.0 { 2e-3 } else { 3e-6 };
            near(&found, &Tensor::cat(&mixed, 0).unwrap(), limit);
        }
    }
}

/// The tests of the kernels once more with narrower vectors, as other machines have them.
#[test]
fn narrower_vectors_pass_too() {
    if std::env::var_os(product::LIMIT).is_some() {
        return;
    }
    for limit in ["avx2", "none"] {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let run = again.arg("kernels::tests::").env(product::LIMIT, limit).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && !said.contains(" 0 passed"), "{limit}: {said}");
    }
}
