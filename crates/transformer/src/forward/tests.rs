//! Every choice that an architecture has, through the kernels and as plain tensors.

use super::*;
use crate::architecture::{
    Activation, Attention, AttentionLayer, Convolution, ConvolutionNorm, Embedding, FramePositions,
    FrameProjection, Frames, GridPositions, GroupScore, Groups, HeadTransform, Latent, Layout,
    Mixture, Mlp, Norm, Numbering, OtherGrids, Patches, Positions, Projection, QueryKeyNorm,
    ResidualScale, SharedExpert, Source, Span, Weighting,
};
use crate::batch::{Features, Sequence};
use crate::hooks::{HookPoint, NoHooks, Recorder};
use crate::positions::{
    Alibi, Axes, Disentangled, QueryGrowth, RelativeBias, Rotary, RotaryScaling,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

mod sources;

const LAYERS: usize = 3;
const LAYER_NORM: Norm = Norm::Layer { eps: 1e-12, bias: true };
const RMS_NORM: Norm = Norm::Rms { eps: 1e-6, unit_offset: false };

/// The choices of a classic encoder.
fn encoder() -> Architecture {
    Architecture {
        d_vocab: 50,
        d_model: 48,
        n_layers: LAYERS,
        n_weight_sets: LAYERS,
        n_heads: 4,
        n_kv_heads: 4,
        d_head: 12,
        d_mlp: 100,
        embedding: crate::Embedding {
            positions: Some(Positions { rows: 80, numbering: Numbering::From(0) }),
            token_types: 2,
            norm: true,
            ..Default::default()
        },
        norm: LAYER_NORM,
        layout: Layout::PostNorm,
        attention: Attention::uniform(LAYERS, 12, Span::ALL),
        mlp: Mlp { activation: Activation::Gelu, gated: false, bias: true },
        head: Some(crate::Head {
            transform: Some(HeadTransform { activation: Activation::Gelu, bias: true }),
            bias: true,
            ..crate::Head::TIED
        }),
        ..Architecture::BASE
    }
}

/// The choices of a decoder of today.
fn decoder() -> Architecture {
    let layer =
        AttentionLayer { span: Span::CAUSAL, scale: 0.3, rotary: Some(Rotary::new(1e4, 12)) };
    Architecture {
        n_kv_heads: 2,
        embedding: Default::default(),
        norm: RMS_NORM,
        layout: Layout::PreNorm { first: true },
        final_norm: true,
        attention: Attention {
            layers: vec![layer; LAYERS],
            input_bias: false,
            output_bias: false,
            query_key_norm: None,
            soft_cap: None,
            relative: None,
            query_growth: None,
            sinks: false,
            latent: None,
        },
        mlp: Mlp { activation: Activation::Silu, gated: true, bias: false },
        head: Some(crate::Head { tied: false, ..crate::Head::TIED }),
        ..encoder()
    }
}

/// Architectures that between them make every choice.
fn architectures() -> Vec<(&'static str, Architecture)> {
    let change = |base: Architecture, change: fn(&mut Architecture)| {
        let mut changed = base;
        change(&mut changed);
        changed
    };
    vec![
        ("post-norm", encoder()),
        (
            "relative bias, tanh GELU",
            change(encoder(), |a| {
                let bias =
                    RelativeBias { buckets: 8, max_distance: 20, per_block: false, gated: false };
                a.attention.relative = Some(Relative::Bias(bias));
                a.mlp.activation = Activation::GeluTanh;
            }),
        ),
        (
            "bias of each block, constants, a dropped token, a wide head",
            change(encoder(), |a| {
                let bias =
                    RelativeBias { buckets: 8, max_distance: 20, per_block: true, gated: false };
                a.attention.relative = Some(Relative::Bias(bias));
                let table = |rows, times| crate::Constant { rows, times };
                a.embedding.constants = vec![table(3, 2.0), table(1, 0.7)];
                (a.embedding.dropped, a.embedding.scale) = (Some(4), Some(0.88));
                a.head = a.head.map(|head| crate::Head { width: Some(30), tied: false, ..head });
                a.attention.layers[1].rotary = Some(Rotary::new(1e4, 12));
            }),
        ),
        (
            "narrow embedding, one set of weights",
            change(encoder(), |a| {
                let place = ProjectionPlace::Normed;
                a.embedding.projection = Some(Projection { width: 20, place, bias: true });
                (a.n_weight_sets, a.mlp.activation) = (1, Activation::GeluSigmoid);
            }),
        ),
        (
            "projection of tokens and in the head",
            change(encoder(), |a| {
                let place = ProjectionPlace::Tokens;
                a.embedding.projection = Some(Projection { width: 20, place, bias: false });
                (a.embedding.norm, a.embedding.token_types) = (false, 0);
                a.head = Some(crate::Head { projection: true, ..crate::Head::TIED });
                a.attention = Attention::uniform(LAYERS, 12, Span::CAUSAL);
                a.mlp.activation = Activation::Relu;
            }),
        ),
        (
            "disentangled, own weights",
            change(encoder(), |a| {
                a.attention.relative = Some(Relative::Disentangled(Disentangled {
                    span: 8,
                    log_buckets_up_to: Some(32),
                    content_to_position: true,
                    position_to_content: true,
                    shared_weights: false,
                    norm: true,
                }));
                (a.embedding.positions, a.context) = (None, Some(80));
                let place = ProjectionPlace::Sum;
                a.embedding.projection = Some(Projection { width: 20, place, bias: false });
            }),
        ),
        (
            "pre-norm without the first, windows",
            change(decoder(), |a| {
                (a.layout, a.norm) =
                    (Layout::PreNorm { first: false }, Norm::Layer { eps: 1e-5, bias: false });
                a.embedding.norm = true;
                a.attention.layers[1].span = Span { before: Some(5), after: Some(5) };
                a.attention.layers[2].span = Span::ALL;
            }),
        ),
        (
            "pre-norm, causal window, yarn",
            change(decoder(), |a| {
                a.attention.layers[0].span = Span { before: Some(7), after: Some(0) };
                a.attention.layers[2].rotary = Some(Rotary {
                    scaling: RotaryScaling::Yarn {
                        factor: 4.0,
                        fast: 32.0,
                        slow: 1.0,
                        original: 64.0,
                        truncate: true,
                        attention: 1.1,
                    },
                    ..Rotary::new(1e4, 8)
                });
            }),
        ),
        (
            "sandwich, soft caps, norms of heads",
            change(decoder(), |a| {
                (a.layout, a.norm) = (Layout::Sandwich, Norm::Rms { eps: 1e-6, unit_offset: true });
                a.attention.soft_cap = Some(2.0);
                a.attention.query_key_norm = Some(QueryKeyNorm::Head);
                a.embedding.scale = Some(6.5);
                a.head = Some(crate::Head { soft_cap: Some(3.0), ..crate::Head::TIED });
            }),
        ),
        (
            "norms of outputs and projections",
            change(decoder(), |a| {
                a.layout = Layout::OutputNorm;
                a.attention.query_key_norm = Some(QueryKeyNorm::Projection);
            }),
        ),
        (
            "slopes, squared ReLU, scaled residuals and logits",
            change(decoder(), |a| {
                a.attention.relative = Some(Relative::Alibi(Alibi { bf16: false }));
                a.mlp.activation = Activation::ReluSquared;
                a.residual_scale = Some(ResidualScale::Factor(0.3));
                a.head = Some(crate::Head { scale: Some(0.4), ..crate::Head::TIED });
            }),
        ),
        (
            "slopes in bf16, norms of rotated heads, growing queries",
            change(decoder(), |a| {
                a.attention.relative = Some(Relative::Alibi(Alibi { bf16: true }));
                a.attention.query_key_norm = Some(QueryKeyNorm::RotatedHead);
                a.attention.query_growth = Some(QueryGrowth { rate: 0.5, every: 9 });
            }),
        ),
        (
            "norms with a weight for each head",
            change(decoder(), |a| {
                a.norm = Norm::Layer { eps: 1e-5, bias: false };
                a.attention.query_key_norm = Some(QueryKeyNorm::EachHead);
            }),
        ),
        (
            "patches with positions and norms of the sum, learned factors",
            change(encoder(), |a| {
                a.embedding = Embedding {
                    source: Source::Patches(Patches {
                        channels: 3,
                        size: [3, 2],
                        bias: true,
                        prefix: vec![1, 2],
                        positions: Some(GridPositions {
                            grid: [2, 7],
                            prefix: 1,
                            other_grids: OtherGrids::Bicubic { smooth: true },
                        }),
                    }),
                    norm: true,
                    ..Embedding::default()
                };
                (a.layout, a.d_vocab, a.head) = (Layout::PreNorm { first: true }, 0, None);
                a.residual_scale = Some(ResidualScale::Learned);
            }),
        ),
        (
            "patches with rotations by row and column",
            change(encoder(), |a| {
                a.embedding = Embedding {
                    source: Source::Patches(Patches {
                        channels: 2,
                        size: [2, 2],
                        bias: false,
                        prefix: vec![3],
                        positions: None,
                    }),
                    ..Embedding::default()
                };
                (a.layout, a.d_vocab, a.head) = (Layout::PreNorm { first: true }, 0, None);
                for layer in &mut a.attention.layers {
                    layer.rotary = Some(Rotary { axes: Axes::Grid, ..Rotary::new(100.0, 12) });
                }
            }),
        ),
        (
            "frames with a norm over time, positions by a convolution, gates",
            change(encoder(), |a| {
                let convolution = |channels, kernel, stride, norm| Convolution {
                    channels,
                    kernel,
                    stride,
                    padding: 0,
                    bias: true,
                    norm,
                };
                a.embedding = Embedding {
                    source: Source::Frames(Frames {
                        width: 1,
                        convolutions: vec![
                            convolution(20, 10, 5, ConvolutionNorm::Time { eps: 1e-5 }),
                            convolution(22, 3, 2, ConvolutionNorm::None),
                            convolution(18, 2, 2, ConvolutionNorm::Channels { eps: 1e-5 }),
                        ],
                        activation: Activation::Gelu,
                        projection: Some(FrameProjection { norm: true }),
                        positions: FramePositions::Convolution { kernel: 12, groups: 3 },
                    }),
                    norm: true,
                    ..Embedding::default()
                };
                let bias =
                    RelativeBias { buckets: 8, max_distance: 20, per_block: false, gated: true };
                a.attention.relative = Some(Relative::Bias(bias));
                (a.d_vocab, a.head) = (0, None);
            }),
        ),
        (
            "frames of bands with zeros on both sides, a table of positions",
            change(encoder(), |a| {
                let convolution = |stride| Convolution {
                    channels: 48,
                    kernel: 3,
                    stride,
                    padding: 1,
                    bias: false,
                    norm: ConvolutionNorm::None,
                };
                a.embedding = Embedding {
                    source: Source::Frames(Frames {
                        width: 14,
                        convolutions: vec![convolution(1), convolution(2)],
                        activation: Activation::Relu,
                        projection: None,
                        positions: FramePositions::Table { rows: 80 },
                    }),
                    ..Embedding::default()
                };
                (a.layout, a.d_vocab, a.head) = (Layout::PreNorm { first: true }, 0, None);
                a.final_norm = true;
            }),
        ),
        (
            "frames with norms of channels, positions by an odd kernel",
            change(encoder(), |a| {
                let convolution = |inputs: usize| Convolution {
                    channels: 30 - inputs,
                    kernel: 3,
                    stride: 2,
                    padding: 2,
                    bias: false,
                    norm: ConvolutionNorm::Channels { eps: 1e-5 },
                };
                a.embedding = Embedding {
                    source: Source::Frames(Frames {
                        width: 2,
                        convolutions: vec![convolution(2), convolution(9)],
                        activation: Activation::GeluTanh,
                        projection: Some(FrameProjection { norm: false }),
                        positions: FramePositions::Convolution { kernel: 7, groups: 1 },
                    }),
                    ..Embedding::default()
                };
                (a.d_vocab, a.head) = (0, None);
            }),
        ),
        (
            "parallel",
            change(decoder(), |a| {
                (a.layout, a.norm) = (Layout::Parallel { one_norm: false }, LAYER_NORM);
                a.mlp = Mlp { activation: Activation::Gelu, gated: false, bias: true };
            }),
        ),
        (
            "parallel, one norm",
            change(decoder(), |a| {
                (a.layout, a.norm) = (Layout::Parallel { one_norm: true }, LAYER_NORM);
                a.attention.input_bias = true;
            }),
        ),
        (
            "mixture of experts with a shared one, in all blocks but the second",
            change(decoder(), |a| {
                a.mixture = Some(Mixture {
                    blocks: vec![true, false, true],
                    n_experts: 7,
                    n_chosen: 3,
                    d_expert: 28,
                    router_bias: false,
                    weighting: Weighting::AmongAll,
                    limit: None,
                    shared: Some(SharedExpert { d_mlp: 36, gated: true }),
                    correction: false,
                    groups: None,
                    scale: 1.0,
                });
            }),
        ),
        (
            "latent attention, groups of experts",
            change(decoder(), |a| {
                a.attention.latent = Some(Latent {
                    d_query: Some(9),
                    d_key_value: 11,
                    d_shared: 4,
                    d_value: 5,
                    norm: Norm::Rms { eps: 1e-3, unit_offset: false },
                });
                a.n_kv_heads = a.n_heads;
                (a.attention.input_bias, a.attention.query_key_norm) = (false, None);
                let rotary = Some(Rotary::new(100.0, 4));
                a.attention.layers.iter_mut().for_each(|layer| layer.rotary = rotary.clone());
                a.mixture = Some(Mixture {
                    blocks: vec![false, true, true],
                    n_experts: 6,
                    n_chosen: 3,
                    d_expert: 28,
                    router_bias: false,
                    weighting: Weighting::SigmoidAmongChosen,
                    limit: None,
                    shared: Some(SharedExpert { d_mlp: 36, gated: false }),
                    correction: true,
                    groups: Some(Groups {
                        n_groups: 3,
                        n_chosen: 2,
                        score: GroupScore::TwoLargest,
                    }),
                    scale: 2.5,
                });
            }),
        ),
        (
            "mixture of experts with biases and limits, sinks",
            change(decoder(), |a| {
                a.attention.sinks = true;
                a.mlp = Mlp { activation: Activation::GeluSigmoid, gated: true, bias: true };
                a.mixture = Some(Mixture {
                    blocks: vec![true; LAYERS],
                    n_experts: 5,
                    n_chosen: 2,
                    d_expert: 28,
                    router_bias: true,
                    weighting: Weighting::AmongChosen,
                    limit: Some(0.5),
                    shared: None,
                    correction: false,
                    groups: None,
                    scale: 1.0,
                });
            }),
        ),
    ]
}

fn weights(architecture: &Architecture) -> HashMap<String, Tensor> {
    let mut rng = StdRng::seed_from_u64(7);
    let specs = architecture.weights().into_iter();
    specs
        .map(|w| {
            let n: usize = w.shape.iter().product();
            let values: Vec<f32> = (0..n).map(|_| rng.gen_range(-0.4..0.4)).collect();
            (w.name, Tensor::from_vec(values, w.shape, &Device::Cpu).unwrap())
        })
        .collect()
}

fn sequences(architecture: &Architecture) -> Vec<Sequence> {
    let mut rng = StdRng::seed_from_u64(8);
    if let Source::Patches(patches) = &architecture.embedding.source {
        let width = patches.width();
        // With the rows before them: 1, 17, 80, 5 and 33 tokens fewer 3.
        return [[1, 1], [2, 7], [7, 11], [2, 1], [5, 6]]
            .map(|grid| {
                let n = grid[0] * grid[1] * width;
                let values: Vec<f32> = (0..n).map(|_| rng.gen_range(-1.0..1.0)).collect();
                let features = Features::new(architecture, values.into(), width, Some(grid));
                Sequence::Features(features)
            })
            .to_vec();
    }
    if let Source::Frames(frames) = &architecture.embedding.source {
        return [1, 17, 80, 5, 33]
            .map(|n| {
                let n = frames.needed(n) * frames.width;
                let values: Vec<f32> = (0..n).map(|_| rng.gen_range(-1.0..1.0)).collect();
                Sequence::Features(Features::new(architecture, values.into(), frames.width, None))
            })
            .to_vec();
    }
    [1, 17, 80, 5, 33]
        .map(|n| Sequence::from_ids((0..n).map(|_| rng.gen_range(0..50)).collect()))
        .to_vec()
}

/// The largest difference over the largest value.
fn apart(a: &Tensor, b: &Tensor) -> f32 {
    let (a, b) = (ops::values(a).unwrap(), ops::values(b).unwrap());
    let largest = b.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

#[test]
fn models_on_kernels_are_their_plain_twins() {
    for (name, architecture) in architectures() {
        let fast = Transformer::new(architecture.clone(), weights(&architecture), &Device::Cpu);
        let plain = Transformer::plain(architecture.clone(), weights(&architecture), &Device::Cpu);
        let (fast, plain) = (fast.unwrap(), plain.unwrap());
        let sequences = sequences(&architecture);
        let batch = Batch::new(&architecture, &sequences).unwrap();
        let points = architecture.hook_points();
        let mut seen = [Recorder::new(points.clone()), Recorder::new(points.clone())];
        let with_patterns = fast.forward(&batch, &mut seen[0]).unwrap();
        let twin = plain.forward(&batch, &mut seen[1]).unwrap();
        let states = fast.forward(&batch, &mut NoHooks).unwrap();
        let near = |a: &Tensor, b: &Tensor, what: &str| {
            let apart = apart(a, b);
            assert!(apart <= 5e-6, "{name}, {what}: {apart}");
        };
        for (layer, ((a, b), c)) in states.iter().zip(&twin).zip(&with_patterns).enumerate() {
            near(a, b, &format!("layer {layer}"));
            let [a, c] = [a, c].map(|x| ops::values(x).unwrap());
            assert!(a.iter().zip(&c).all(|(a, c)| a.to_bits() == c.to_bits()), "{name}: {layer}");
        }
        assert_eq!(seen[0].values.len(), points.len());
        for (point, value) in &seen[0].values {
            near(value, &seen[1].values[point], &point.to_string());
        }
        // A sequence's digits do not depend on what it is packed with.
        let alone = Batch::new(&architecture, &sequences[2..3]).unwrap();
        let alone = fast.forward(&alone, &mut NoHooks).unwrap();
        for (all, own) in states.iter().zip(&alone) {
            let all = all.narrow(0, batch.sequence_offsets[2], 80).unwrap();
            assert_eq!(ops::values(&all).unwrap(), ops::values(own).unwrap(), "{name}");
        }
    }
}

/// Weights of 16 bits are computed with as the f32 numbers that they are.
#[test]
fn half_weights_are_their_values_in_f32() {
    for (name, architecture) in architectures() {
        for dtype in [DType::F16, DType::BF16] {
            let stored = |wide: bool| {
                let own = weights(&architecture).into_iter().map(|(name, weight)| {
                    let half = weight.to_dtype(dtype).unwrap();
                    let stays = weight.rank() == 2 && !wide;
                    (name, if stays { half } else { half.to_dtype(DType::F32).unwrap() })
                });
                let own = own.collect();
                Transformer::new(architecture.clone(), own, &Device::Cpu).unwrap()
            };
            let (half, wide) = (stored(false), stored(true));
            assert_eq!((half.kernels, half.dtype()), (Some(Rounding::None), DType::F32));
            let batch = Batch::new(&architecture, &sequences(&architecture)).unwrap();
            let run = |model: &Transformer| model.forward(&batch, &mut NoHooks).unwrap();
            let (found, expected) = (run(&half), run(&wide));
            for (a, b) in found.iter().zip(&expected) {
                assert_eq!(ops::values(a).unwrap(), ops::values(b).unwrap(), "{name}, {dtype:?}");
            }
            if architecture.head.is_some() {
                let last = &expected[LAYERS];
                let (a, b) = (half.unembed(last).unwrap(), wide.unembed(last).unwrap());
                assert!(apart(&a, &b) <= 1e-6, "{name}, {dtype:?}");
            }
        }
    }
}

/// Routes as another forward pass did.
struct Routed<'a>(&'a std::collections::BTreeMap<HookPoint, Tensor>);

impl Hooks for Routed<'_> {
    fn points(&self) -> Vec<HookPoint> {
        let points = self.0.keys().copied();
        points.filter(|point| matches!(point, HookPoint::Router(_))).collect()
    }

    fn at(&mut self, point: HookPoint, value: Tensor) -> Result<Tensor> {
        Ok(self.0[&point].to_dtype(value.dtype())?)
    }
}

/// A replaced logit chooses another expert, for that token alone.
#[test]
fn replaced_logits_choose_other_experts() {
    let (name, architecture) = architectures().pop().unwrap();
    let weights = weights(&architecture);
    for build in [Transformer::new, Transformer::plain] {
        let model = build(architecture.clone(), weights.clone(), &Device::Cpu).unwrap();
        let batch = Batch::new(&architecture, &sequences(&architecture)[1..3]).unwrap();
        let point = HookPoint::Router(LAYERS - 1);
        let mut seen = Recorder::new(vec![point]);
        let plain = model.forward(&batch, &mut seen).unwrap();
        let mut logits = seen.values[&point].to_vec2::<f32>().unwrap();
        let mixture = architecture.mixture_of(LAYERS - 1).unwrap();
        let before = mixture.route(&logits[3], &[]);
        let other = (0..5).find(|e| before.experts.iter().all(|(own, _)| own != e)).unwrap();
        logits[3][other] = 100.0;
        assert_eq!(mixture.route(&logits[3], &[]).experts[0], (other, 1.0), "{name}");
        let logits = Tensor::new(logits, &Device::Cpu).unwrap();
        let mut replaced = crate::hooks::At::new(point, |_| Ok(logits.clone()));
        let changed = model.forward(&batch, &mut replaced).unwrap();
        let rows = |states: &[Tensor]| states[LAYERS].to_vec2::<f32>().unwrap();
        let apart = rows(&plain).into_iter().zip(rows(&changed)).map(|(a, b)| a != b);
        assert_eq!(apart.enumerate().filter(|a| a.1).map(|a| a.0).collect::<Vec<_>>(), [3]);
    }
}

/// Models in 16 bits: their values are numbers of that type, near the plain operations in that type, and
/// no digit depends on patterns or on what else is in the batch.
#[test]
fn models_in_16_bits_are_near_their_plain_twins() {
    for (name, architecture) in architectures() {
        for (dtype, limit) in [(DType::F16, 0.01), (DType::BF16, 0.08)] {
            let own = || {
                let own = weights(&architecture).into_iter();
                own.map(|(name, weight)| (name, weight.to_dtype(dtype).unwrap())).collect()
            };
            let fast = Transformer::new(architecture.clone(), own(), &Device::Cpu).unwrap();
            let plain = Transformer::plain(architecture.clone(), own(), &Device::Cpu).unwrap();
            let sequences = sequences(&architecture);
            let batch = Batch::new(&architecture, &sequences).unwrap();
            let mut seen = Recorder::new(architecture.hook_points());
            let states = fast.forward(&batch, &mut seen).unwrap();
            let unseen = fast.forward(&batch, &mut NoHooks).unwrap();
            // Rounding may choose other experts, which are far from near.
            let twin = plain.forward(&batch, &mut Routed(&seen.values)).unwrap();
            let alone = Batch::new(&architecture, &sequences[2..3]).unwrap();
            let alone = fast.forward(&alone, &mut NoHooks).unwrap();
            for (layer, state) in states.iter().enumerate() {
                let twin = twin[layer].to_dtype(DType::F32).unwrap();
                let apart = apart(state, &twin);
                assert!(apart < limit, "{name}, {dtype:?}, layer {layer}: {apart}");
                assert_eq!(ops::values(state).unwrap(), ops::values(&unseen[layer]).unwrap());
                let own = state.narrow(0, batch.sequence_offsets[2], 80).unwrap();
                assert_eq!(ops::values(&own).unwrap(), ops::values(&alone[layer]).unwrap());
            }
            for (point, value) in &seen.values {
                let rounded = value.to_dtype(dtype).unwrap().to_dtype(DType::F32).unwrap();
                assert!(apart(value, &rounded) == 0.0, "{name}, {dtype:?}, {point}");
            }
        }
    }
}

/// The bytes of the states, for each number type and each path of vector instructions. Instructions that
/// multiply and add with one rounding give equal bytes at every width. (Architectures with rotary positions
/// are left out: their angles are functions of the C library. So are those that read no tokens.)
#[test]
fn states_of_each_path_have_their_bytes() {
    for (dtype, name) in [(DType::F32, "f32"), (DType::F16, "f16"), (DType::BF16, "bf16")] {
        // FNV-1a, of the bits of all states.
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for (_, architecture) in architectures() {
            let rotates = architecture.attention.layers.iter().any(|layer| layer.rotary.is_some());
            if rotates || architecture.embedding.source != Source::Tokens {
                continue;
            }
            let own = weights(&architecture).into_iter();
            let own = own.map(|(name, weight)| (name, weight.to_dtype(dtype).unwrap())).collect();
            let model = Transformer::new(architecture.clone(), own, &Device::Cpu).unwrap();
            let batch = Batch::new(&architecture, &sequences(&architecture)).unwrap();
            for state in model.forward(&batch, &mut NoHooks).unwrap() {
                for byte in ops::values(&state).unwrap().iter().flat_map(|x| x.to_le_bytes()) {
                    hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
                }
            }
        }
        let path = crate::vectors(dtype);
        // These are the bytes of the model of the tiles. No processor has confirmed them yet.
        if path == "amx" && crate::kernels::has_tiles() {
            continue;
        }
        // Products of bf16 are exact in f32, so that no path rounds these sums in another way.
        let expected: u64 = match (name, path) {
            ("f32", "amx") => 0x2d68_ac25_8a4c_c156,
            ("f16", "amx") => 0xf354_9e4a_8fc2_067a,
            ("f32", "none") => 0xad10_93f7_5860_97ef,
            ("f32", _) => 0xabc9_7006_5230_af4b,
            ("f16", "none") => 0x8df3_5122_867a_189b,
            ("f16", _) => 0x873e_b297_7e43_50ff,
            _ => 0x1485_8ffd_1083_7c50,
        };
        assert_eq!(hash, expected, "{name} on {path}: {hash:#x}");
    }
}

/// The test above with other instructions, as other machines have them.
#[test]
fn other_instructions_have_their_bytes() {
    const LIMIT: &str = "STRATOSCOPE_SIMD";
    if std::env::var_os(LIMIT).is_some() {
        return;
    }
    for limit in ["amx", "avx512", "avx2", "none"] {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let run = again.arg("states_of_each_path").env(LIMIT, limit).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains(" 1 passed"), "{limit}: {said}");
    }
}

#[test]
fn what_a_block_adds_is_what_its_halves_give() {
    for (name, architecture) in architectures() {
        if architecture.layout == Layout::PostNorm {
            continue;
        }
        let model = Transformer::new(architecture.clone(), weights(&architecture), &Device::Cpu);
        let batch = Batch::new(&architecture, &sequences(&architecture)).unwrap();
        let mut seen = Recorder::new(architecture.hook_points());
        let states = model.unwrap().forward(&batch, &mut seen).unwrap();
        for (i, state) in states[..LAYERS].iter().enumerate() {
            use HookPoint::*;
            let at = |point| &seen.values[&point];
            let sum = (at(ResidPre(i)) + at(AttnOut(i))).unwrap();
            if let Some(mid) = seen.values.get(&ResidMid(i)) {
                assert!(apart(mid, &sum) == 0.0, "{name}");
            }
            let sum = (sum + at(MlpOut(i))).unwrap();
            assert!(apart(at(ResidPost(i)), &sum) == 0.0, "{name}");
            assert!(apart(state, at(ResidPre(i))) == 0.0, "{name}");
        }
        if architecture.final_norm {
            assert!(apart(&states[LAYERS], &seen.values[&HookPoint::FinalNorm]) == 0.0, "{name}");
        }
    }
}

#[test]
fn no_token_sees_what_its_span_leaves_out() {
    for (name, architecture) in architectures() {
        let model = Transformer::new(architecture.clone(), weights(&architecture), &Device::Cpu);
        let batch = Batch::new(&architecture, &sequences(&architecture)).unwrap();
        let mut seen = Recorder::new(architecture.hook_points());
        let model = model.unwrap();
        model.forward(&batch, &mut seen).unwrap();
        for i in 0..LAYERS {
            let patterns = seen.values[&HookPoint::Pattern(i)].to_vec2::<f32>().unwrap();
            let span = architecture.attention.layers[i].span;
            for head in patterns {
                let mut rest = head.as_slice();
                for n in batch.sequences().map(|rows| rows.len()) {
                    let (own, after) = rest.split_at(n * n);
                    rest = after;
                    for (query, row) in own.chunks(n).enumerate() {
                        let sum = row.iter().sum::<f32>();
                        match architecture.attention.sinks {
                            false => assert!((sum - 1.0).abs() < 1e-5, "{name}"),
                            true => assert!(sum < 1.0 - 1e-5, "{name}"),
                        }
                        for (key, &p) in row.iter().enumerate() {
                            let visible = span.before.is_none_or(|b| key + b >= query)
                                && span.after.is_none_or(|a| key <= query + a);
                            assert_eq!(p != 0.0, visible, "{name}: {query} {key} {p}");
                        }
                    }
                }
            }
        }
        if architecture.is_causal() {
            // The tokens before do not change with those after them.
            let sequence = &sequences(&architecture)[4];
            let short = Sequence::from_ids(sequence.token_ids()[..20].to_vec());
            let run = |s: &Sequence| {
                let batch = Batch::new(&architecture, std::slice::from_ref(s)).unwrap();
                model.forward(&batch, &mut NoHooks).unwrap()
            };
            for (long, short) in run(sequence).iter().zip(run(&short)) {
                assert!(apart(&long.narrow(0, 0, 20).unwrap(), &short) < 1e-6, "{name}");
            }
        }
    }
}

#[test]
fn hooks_may_replace_and_must_fit() {
    let architecture = decoder();
    let model = Transformer::new(architecture.clone(), weights(&architecture), &Device::Cpu);
    let model = model.unwrap();
    let batch = Batch::new(&architecture, &sequences(&architecture)).unwrap();
    let plain = model.forward(&batch, &mut NoHooks).unwrap();
    for point in architecture.hook_points() {
        let mut same = crate::At::new(point, Ok);
        let states = model.forward(&batch, &mut same).unwrap();
        assert!(apart(&states[LAYERS], &plain[LAYERS]) < 1e-5, "{point}");
        if point == HookPoint::Logits {
            continue;
        }
        let mut none = crate::At::new(point, |value: Tensor| Ok(value.zeros_like()?));
        let states = model.forward(&batch, &mut none).unwrap();
        assert!(apart(&states[LAYERS], &plain[LAYERS]) > 1e-3, "{point}");
        let mut wrong = crate::At::new(point, |value: Tensor| Ok(value.narrow(0, 0, 1)?));
        let error = model.forward(&batch, &mut wrong).unwrap_err();
        assert!(matches!(error, Error::HookShape { point: at, .. } if at == point), "{error}");
    }
    let mut absent = crate::At::new(HookPoint::ResidPost(LAYERS), Ok);
    let error = model.forward(&batch, &mut absent).unwrap_err();
    assert!(matches!(error, Error::NoHookPoint { .. }), "{error}");
}

#[test]
fn value_weighted_norms_add_up() {
    // Where a query sees one key alone, what it is given is that key's value through the output
    // weights: with one head, the norm of the attention's output.
    let mut architecture = decoder();
    (architecture.n_heads, architecture.n_kv_heads, architecture.attention.output_bias) =
        (1, 1, true);
    for layer in &mut architecture.attention.layers {
        layer.span = Span { before: Some(0), after: Some(0) };
    }
    let model = Transformer::new(architecture.clone(), weights(&architecture), &Device::Cpu);
    let model = model.unwrap();
    let batch = Batch::new(&architecture, &sequences(&architecture)).unwrap();
    let points = [HookPoint::Value(1), HookPoint::Pattern(1), HookPoint::AttnOut(1)];
    let mut seen = Recorder::new(points.to_vec());
    model.forward(&batch, &mut seen).unwrap();
    let [values, pattern, out] = points.map(|point| seen.values[&point].clone());
    let norms = model.value_weighted_norms(1, &values, &pattern, &batch).unwrap();
    let norms = norms.to_vec2::<f32>().unwrap().remove(0);
    let bias = weights(&architecture)["blocks.1.attn.o.bias"].clone();
    let out = out.broadcast_sub(&bias).unwrap().sqr().unwrap().sum(1).unwrap().sqrt().unwrap();
    let out = out.to_vec1::<f32>().unwrap();
    let mut rest = norms.as_slice();
    for rows in batch.sequences() {
        let (own, after) = rest.split_at(rows.len() * rows.len());
        rest = after;
        for (query, row) in own.chunks(rows.len()).enumerate() {
            for (key, &norm) in row.iter().enumerate() {
                let expected = if key == query { out[rows.start + query] } else { 0.0 };
                assert!((norm - expected).abs() < 1e-5, "{norm} {expected}");
            }
        }
    }
}
