//! Kernels against their plain twins, over random shapes and extreme values.

use super::*;
use crate::architecture::{Activation, Mlp, Span};
use crate::ops;
use crate::weights::WeightSource;
use candle_core::{D, DType, Device};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::HashMap;

pub(super) const ACTIVATIONS: [Activation; 6] = [
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::GeluSigmoid,
    Activation::Relu,
    Activation::ReluSquared,
    Activation::Silu,
];

const PLAIN: Finish = Finish { activation: None, rounding: Rounding::None };

fn random(rng: &mut StdRng, n: usize, scale: f32) -> Vec<f32> {
    (0..n).map(|_| rng.gen_range(-1.0..1.0) * scale).collect()
}

fn tensor(values: &[f32], rows: usize) -> Tensor {
    Tensor::from_slice(values, (rows, values.len() / rows), &Device::Cpu).unwrap()
}

/// A layer of weights `[out, in]`, whose rows are in equal parts.
fn packed(parts: &[&[f32]], bias: &[f32]) -> PackedLinear {
    packed_in(DType::F32, parts, bias)
}

/// A layer of weights that are stored in a number type.
fn packed_in(dtype: DType, parts: &[&[f32]], bias: &[f32]) -> PackedLinear {
    let open = |part: &&[f32]| {
        let rows = bias.len() / parts.len();
        let part = tensor(part, rows).to_dtype(dtype).unwrap();
        HashMap::from([("w".to_owned(), part)]).open("w").unwrap()
    };
    let parts: Vec<_> = parts.iter().map(open).collect();
    PackedLinear::read(&parts, bias.to_vec(), Rounding::None, &mut Vec::new()).unwrap()
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
    let found = linear(&x, &packed(&[&w], &vec![0.0; columns]), PLAIN);
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
            let activation = ACTIVATIONS[rng.gen_range(0..ACTIVATIONS.len())];
            // The largest product of a gate is finite.
            let squares = activation == Activation::ReluSquared;
            let scale = if squares { f32::min(scale, 1e9) } else { scale };
            let x = random(&mut rng, rows * inputs, scale);
            let (w, b) = (random(&mut rng, inner * inputs, 1.0), random(&mut rng, inner, scale));
            let (u, c) = (random(&mut rng, outputs * inner, 1.0), random(&mut rng, outputs, scale));
            let first = packed(&[&w], &b);
            let second = packed(&[&u], &c);
            let plain = |x: &Tensor, w: &[f32], b: &[f32]| {
                let product = x.matmul(&tensor(w, b.len()).t().unwrap()).unwrap();
                product.broadcast_add(&tensor(b, 1)).unwrap()
            };
            let expected = plain(&tensor(&x, rows), &w, &b);
            near(&on_any_threads(|| linear(&x, &first, PLAIN)), &expected, 2e-6);
            let expected = ops::activate(activation, &expected).unwrap();
            near(
                &on_any_threads(|| {
                    linear(&x, &first, Finish { activation: Some(activation), ..PLAIN })
                }),
                &expected,
                2e-6,
            );
            let settings = Mlp { activation, gated: false, bias: true };
            let found =
                on_any_threads(|| mlp(&x, &first, (settings, None), &second, Rounding::None));
            near(&found, &plain(&expected, &u, &c), 4e-6);
            let row = rng.gen_range(0..rows);
            let alone = mlp(
                &x[row * inputs..][..inputs],
                &first,
                (settings, None),
                &second,
                Rounding::None,
            );
            assert_eq!(alone, found[row * outputs..][..outputs], "a row's digits are its own");
            // The same layer as the gate of itself: what it gives times what is activated.
            let gate = packed(&[&w[..]; 2], &[&b[..], &b].concat());
            let settings = Mlp { gated: true, ..settings };
            let found =
                on_any_threads(|| mlp(&x, &gate, (settings, None), &second, Rounding::None));
            let inner = (plain(&tensor(&x, rows), &w, &b) * &expected).unwrap();
            near(&found, &plain(&inner, &u, &c), 4e-6);
            let alone =
                mlp(&x[row * inputs..][..inputs], &gate, (settings, None), &second, Rounding::None);
            assert_eq!(alone, found[row * outputs..][..outputs], "a row's digits are its own");
        }
    }
}

/// Products of bf16: with the instruction for pairs, where the machine has it, and in f32. Both are as
/// near to the exact sums as f32 allows.
#[test]
fn products_of_bf16_have_the_digits_of_f32() {
    let mut rng = StdRng::seed_from_u64(9);
    for (rows, depth, columns) in [(1, 1, 1), (7, 33, 31), (50, 384, 70), (130, 1537, 65)] {
        let mut half = |n, scale| {
            let values: Vec<f32> = random(&mut rng, n, scale);
            values.into_iter().map(half::bf16::from_f32).collect::<Vec<_>>()
        };
        let (x, w) = (half(rows * depth, 1.0), half(columns * depth, 1.0));
        let bias: Vec<f32> = half(columns, 1.0).iter().map(|b| b.to_f32()).collect();
        let values: Vec<f32> = x.iter().map(|x| x.to_f32()).collect();
        let wide: Vec<f32> = w.iter().map(|w| w.to_f32()).collect();
        let layer = packed_in(DType::BF16, &[&wide], &bias);
        let exact: Vec<f64> = x
            .chunks(depth)
            .flat_map(|x| {
                w.chunks(depth).zip(&bias).map(|(w, &bias)| {
                    let products = x.iter().zip(w).map(|(x, w)| x.to_f64() * w.to_f64());
                    products.sum::<f64>() + f64::from(bias)
                })
            })
            .collect();
        let largest = exact.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        let widened = on_any_threads(|| linear(&values, &layer, PLAIN));
        let rounded = Finish { rounding: Rounding::Bf16, ..PLAIN };
        let found = on_any_threads(|| linear(&values, &layer, rounded));
        for ((&exact, widened), found) in exact.iter().zip(widened).zip(found) {
            assert!((f64::from(widened) - exact).abs() < 3e-7 * largest);
            // The numbers of bf16 have 8 bits; a sum near the middle of two may go to either.
            let next = exact.abs() / 256.0 + 3e-7 * largest;
            assert!((f64::from(found) - exact).abs() <= next, "{exact} {found}");
            assert_eq!(found, half::bf16::from_f32(found).to_f32());
        }
    }
}

/// What a product gives for values that are no usual numbers, in each number type of the weights.
#[test]
fn products_of_unusual_numbers() {
    let inf = f32::INFINITY;
    let big = half::bf16::from_f32(3e38).to_f32();
    // `[rows, depth]` times one column of ones and a two: the expected sums.
    let cases: [([f32; 3], f32); 9] = [
        ([1.0, 2.0, inf], inf),
        ([-inf, 0.0, 1.0], -inf),
        ([inf, 0.0, -inf], f32::NAN),
        ([f32::NAN, 0.0, 0.0], f32::NAN),
        // Beyond the range, and within it after all.
        ([big, big, 0.0], inf),
        ([big, -big, 1.0], 2.0),
        ([big, 0.0, 0.0], big),
        ([f32::MIN_POSITIVE, 0.0, 0.0], f32::MIN_POSITIVE),
        ([0.0, 0.0, -0.0], 0.0),
    ];
    let x: Vec<f32> = cases.iter().flat_map(|(x, _)| *x).collect();
    let ones = [1.0f32, 1.0, 2.0];
    let layers = [
        (DType::F32, Rounding::None),
        (DType::F16, Rounding::None),
        (DType::BF16, Rounding::None),
        (DType::BF16, Rounding::Bf16),
    ];
    for (dtype, rounding) in layers {
        let layer = packed_in(dtype, &[&ones], &[0.0]);
        let found = on_any_threads(|| linear(&x, &layer, Finish { rounding, ..PLAIN }));
        for ((case, expected), found) in cases.iter().zip(found) {
            let same = found == *expected || found.is_nan() && expected.is_nan();
            assert!(same, "{rounding:?}, {case:?}: {found}, not {expected}");
        }
    }
    // Numbers below the normal ones are kept in f32, of either factor.
    let tiny = [1e-41f32, 3e-42, 0.0];
    let layer = packed(&[&ones], &[0.0]);
    assert_eq!(linear(&tiny, &layer, PLAIN), [1e-41 + 3e-42]);
    let layer = packed(&[&tiny], &[0.0]);
    assert_eq!(linear(&ones, &layer, PLAIN), [1e-41 + 3e-42]);
    // The largest f32 keeps all its digits.
    let layer = packed(&[&[1.0]], &[0.0]);
    assert_eq!(linear(&[f32::MAX, -f32::MAX], &layer, PLAIN), [f32::MAX, -f32::MAX]);
}

/// Unusual numbers in one row or one column change no digit of the others, on any instructions.
#[test]
fn unusual_numbers_leave_others_alone() {
    let mut rng = StdRng::seed_from_u64(10);
    let (rows, depth, columns) = (70, 45, 100);
    let (mut x, mut w) =
        (random(&mut rng, rows * depth, 1.0), random(&mut rng, columns * depth, 1.0));
    let bias = random(&mut rng, columns, 1.0);
    let run = |x: &[f32], w: &[f32]| on_any_threads(|| linear(x, &packed(&[w], &bias), PLAIN));
    let plain = run(&x, &w);
    let same = |a: f32, b: f32| a.to_bits() == b.to_bits();
    for unusual in [f32::NAN, f32::INFINITY, f32::MAX, 1e30, 1e-30, 1e-41] {
        // All of a row, so that its largest magnitude is unusual in each case.
        let kept = x.clone();
        x[33 * depth..34 * depth].fill(unusual);
        let found = run(&x, &w);
        x = kept;
        for (row, (found, plain)) in found.chunks(columns).zip(plain.chunks(columns)).enumerate() {
            assert!(row == 33 || found.iter().zip(plain).all(|(&a, &b)| same(a, b)), "{unusual:e}");
        }
        let kept = w.clone();
        w[70 * depth..71 * depth].fill(unusual);
        let found = run(&x, &w);
        w = kept;
        for (column, (&found, &plain)) in found.iter().zip(&plain).enumerate() {
            // The other columns of its panel may be multiplied in another way.
            let near = (found - plain).abs() < 1e-5;
            let own = column % columns == 70;
            assert!(own || same(found, plain) || (64..96).contains(&(column % columns)) && near);
        }
    }
}

/// Numbers below the normal ones beside others: what a path may lose of them is far below the digits of
/// the others.
#[test]
fn tiny_numbers_beside_others_lose_little() {
    let tiny = f32::MIN_POSITIVE / 8.0;
    // Rows `[1, tiny]` and `[2^-40, 2^-100]`; columns that see all, or the second number alone.
    let small = [2.0f32.powi(-40), 2.0f32.powi(-100)];
    let layer = packed(&[&[1.0, 1.0, 0.0, 1.0, 0.0, tiny]], &[0.0; 3]);
    let found = linear(&[1.0, tiny, small[0], small[1]], &layer, PLAIN);
    let exact = [1.0, tiny, 0.0, small[0], small[1], 0.0];
    for ((index, found), exact) in found.into_iter().enumerate().zip(exact) {
        let largest = if index < 3 { 1.0 } else { small[0] };
        assert!((found - exact).abs() <= largest * 2.0f32.powi(-45), "{index}: {found:e}");
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
            let weights = NormWeights {
                weight: &weight,
                bias: &bias,
                width: d,
                centred,
                eps: 1e-12,
                rounding: Rounding::None,
            };
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
            near(&on_any_threads(|| sum(&x, &y, Rounding::None)), &(&a + &b).unwrap(), 0.0);
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
        let rotation = Rotation {
            cosines: &cosines,
            sines: &sines,
            pairs,
            heads,
            d_head,
            rounding: Rounding::None,
        };
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
            let mut sequence_offsets = vec![0];
            for n in &lengths {
                sequence_offsets.push(sequence_offsets[sequence_offsets.len() - 1] + n);
            }
            let tokens: usize = lengths.iter().sum();
            let width = (n_heads + 2 * n_kv_heads) * d_head;
            let qkv = random(&mut rng, tokens * width, scale);
            let longest = lengths.iter().copied().max().unwrap();
            let bias = crate::RelativeBias {
                buckets: 8,
                max_distance: 20,
                per_block: false,
                gated: false,
            };
            let table = tensor(&random(&mut rng, 8 * n_heads, 1.0), 8);
            let distances = Distances::new(bias, &ops::values(&table).unwrap(), longest);
            let data = crate::Disentangled {
                span: rng.gen_range(2..60),
                log_buckets_up_to: rng.gen_bool(0.5).then_some(100),
                content_to_position: true,
                position_to_content: true,
                shared_weights: true,
                norm: false,
            };
            let wide = n_heads * d_head;
            let [by_query, by_key] =
                [(); 2].map(|()| random(&mut rng, 2 * data.span * wide, scale.min(1.0)));
            let pack = |x: &[f32]| Some(HeadVectors::new(x, n_heads, d_head));
            let vectors = DistanceVectors { keys: pack(&by_query), queries: pack(&by_key) };
            let plain = |x: &[f32]| {
                let heads = tensor(x, 2 * data.span).reshape((2 * data.span, n_heads, d_head));
                Some(heads.unwrap().transpose(0, 1).unwrap().contiguous().unwrap())
            };
            let plain = ops::PlainVectors { keys: plain(&by_query), queries: plain(&by_key) };
            let offsets = OffsetRows::new(data, longest);
            let relative = match rng.gen_range(0..3) {
                0 => None,
                1 => Some(Relative::Bias(&distances, None)),
                _ => Some(Relative::Vectors(&vectors, &offsets)),
            };
            let mut side = || rng.gen_bool(0.5).then(|| rng.gen_range(0..30));
            let span = Span { before: side(), after: side() };
            let soft_cap = rng.gen_bool(0.3).then_some(5.0);
            let sinks: Vec<f32> = (0..n_heads).map(|head| head as f32 - 0.5).collect();
            let sinks = rng.gen_bool(0.3).then_some(sinks);
            let of_sinks =
                sinks.as_ref().map(|sinks| Tensor::new(&sinks[..], &Device::Cpu).unwrap());
            let settings = Attention {
                sequence_offsets: &sequence_offsets,
                relative,
                n_heads,
                n_kv_heads,
                d_head,
                span,
                scale: 0.3,
                soft_cap,
                sinks: sinks.as_deref(),
                rounding: Rounding::None,
            };
            let packed = tensor(&qkv, tokens);
            let mixed: Vec<(Tensor, Tensor)> = sequence_offsets
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
                    let scale = f64::from(settings.scale);
                    let bias = match relative {
                        None => None,
                        Some(Relative::Bias(..)) => Some(ops::relative_bias(bias, &table, n)),
                        Some(_) => Some(ops::disentangled(data, &plain, &q, &k, scale)),
                    };
                    let scores = ops::Scores {
                        scale,
                        soft_cap: soft_cap.map(f64::from),
                        bias: bias.transpose().unwrap(),
                        mask: ops::mask(span, n, &Device::Cpu).unwrap(),
                        sinks: of_sinks.as_ref(),
                    };
                    let pattern = ops::pattern(&q, &k, &scores).unwrap();
                    let mixed = pattern.matmul(&v).unwrap();
                    let mixed = mixed.transpose(0, 1).unwrap().flatten_from(1).unwrap();
                    (pattern.flatten_from(1).unwrap(), mixed)
                })
                .collect();
            let (expected, mixed): (Vec<_>, Vec<_>) = mixed.into_iter().unzip();
            let found = on_any_threads(|| attention(&qkv, settings));
            // Scores of the largest scale reach thousands: their last digit is a factor of e^1e-4.
            let limit = if scale > 1.0 { 2e-3 } else { 3e-6 };
            near(&found, &Tensor::cat(&mixed, 0).unwrap(), limit);
            // With the patterns in between: no other digit.
            let pattern = on_any_threads(|| patterns(&qkv, settings));
            near(&pattern, &Tensor::cat(&expected, 1).unwrap(), limit);
            assert_eq!(on_any_threads(|| mix(&qkv, &pattern, settings)), found);
        }
    }
}

/// A pattern of a hook may give any key a weight, also one that the query does not see.
#[test]
fn given_patterns_may_use_every_key() {
    let (tokens, d_head) = (60, 5);
    let mut rng = StdRng::seed_from_u64(6);
    let qkv = random(&mut rng, tokens * 3 * d_head, 1.0);
    let settings = Attention {
        sequence_offsets: &[0, tokens],
        relative: None,
        n_heads: 1,
        n_kv_heads: 1,
        d_head,
        span: Span { before: Some(2), after: Some(0) },
        scale: 1.0,
        soft_cap: None,
        sinks: None,
        rounding: Rounding::None,
    };
    // Each query reads the token at the other end.
    let mut pattern = vec![0.0; tokens * tokens];
    for query in 0..tokens {
        pattern[query * tokens + tokens - 1 - query] = 1.0;
    }
    let found = mix(&qkv, &pattern, settings);
    for (row, values) in found.chunks(d_head).zip(qkv.chunks(3 * d_head).rev()) {
        assert_eq!(row, &values[2 * d_head..]);
    }
}

/// The limit turns the instructions down, and the name says so.
#[test]
fn the_limit_is_kept() {
    let limit = std::env::var(product::LIMIT).unwrap_or_default();
    #[cfg(target_arch = "x86_64")]
    let has = match limit.as_str() {
        // Of the tiles, tests have a model.
        "avx512" | "amx" => pulp::x86::V4::is_available(),
        "avx2" => pulp::x86::V3::is_available(),
        limit => limit == "none",
    };
    #[cfg(not(target_arch = "x86_64"))]
    let has = limit == "none";
    if has {
        assert_eq!([Rounding::None, Rounding::F16, Rounding::Bf16].map(vectors), [&*limit; 3]);
    }
    let width = match vectors(Rounding::None) {
        "amx" | "avx512" => 32,
        "avx2" => 16,
        _ => 8,
    };
    assert_eq!(product::native_panel_width(), width);
}

/// The tests of the kernels once more with other instructions, as other machines have them.
#[test]
fn other_instructions_pass_too() {
    if std::env::var_os(product::LIMIT).is_some() {
        return;
    }
    for limit in ["amx", "avx512", "avx2", "none"] {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let run = again.arg("kernels::tests::").env(product::LIMIT, limit).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && !said.contains(" 0 passed"), "{limit}: {said}");
    }
}
