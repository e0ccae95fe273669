//! The kernels, through the public interface: transformers of one block in which one of them has
//! nearly all the work.

// A bench that cannot be set up should stop.
#![allow(clippy::unwrap_used)]

mod shapes;

use candle_core::{Device, Tensor};
use divan::{Bencher, counter::ItemsCount};
use stratoscope_transformer::{Activation, Architecture, Mlp, NoHooks};

fn main() {
    divan::main();
}

/// Tokens of a group, as the extractor runs them together.
const TOKENS: usize = 1024;

/// One block over this many tokens, as sequences of equal length.
fn block(bencher: Bencher, architecture: Architecture, length: usize) {
    let transformer = shapes::random(architecture);
    let batch = shapes::batch(&transformer, TOKENS / length, length);
    bencher
        .counter(ItemsCount::new(TOKENS))
        .bench_local(|| transformer.forward(&batch, &mut NoHooks).unwrap());
}

/// The MLP, by activation: two products of 384 × 6,144 and what is between them.
#[divan::bench(args = [Activation::Gelu, Activation::GeluTanh, Activation::Relu, Activation::Silu])]
fn mlp(bencher: Bencher, activation: Activation) {
    let mlp = Mlp { activation, gated: false, bias: true };
    block(bencher, Architecture { d_mlp: 6144, mlp, ..shapes::bert(1, 384, 12) }, 16);
}

/// The MLP with a gate: three products of 576 × 6,144.
#[divan::bench]
fn gated_mlp(bencher: Bencher) {
    block(bencher, shapes::llama(1, 576, [9, 3], 6144), 16);
}

/// Attention, by the length of the sequences: it grows with it, the rest does not.
#[divan::bench(args = [16, 128, 512, 1024])]
fn attention(bencher: Bencher, length: usize) {
    block(bencher, Architecture { d_mlp: 16, ..shapes::bert(1, 384, 12) }, length);
}

/// Causal attention of grouped queries, with rotary positions.
#[divan::bench(args = [16, 128, 512, 1024])]
fn grouped_causal_attention(bencher: Bencher, length: usize) {
    block(bencher, shapes::llama(1, 576, [9, 3], 16), length);
}

/// The root mean square norm of 1,024 states, by their width.
#[divan::bench(args = [384, 768, 4096])]
fn norm(bencher: Bencher, width: usize) {
    let transformer = shapes::random(shapes::llama(1, width, [width / 64; 2], 16));
    let states = Tensor::randn(0f32, 1.0, (TOKENS, width), &Device::Cpu).unwrap();
    bencher
        .counter(ItemsCount::new(TOKENS))
        .bench_local(|| transformer.final_norm(&states).unwrap());
}
