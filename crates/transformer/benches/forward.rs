//! The forward pass in the sizes of well-known models: one sentence, a group of sentences such as
//! the extractor runs together, and long sequences.

// A bench that cannot be set up should stop.
#![allow(clippy::unwrap_used)]

mod shapes;

use candle_core::DType;
use divan::{Bencher, counter::ItemsCount};
use stratoscope_transformer::{Architecture, HookPoint, NoHooks, Recorder, Transformer};

fn main() {
    divan::main();
}

/// Sequences of so many tokens, `[sequences, tokens]`.
const SIZES: [[usize; 2]; 3] = [[1, 15], [64, 16], [2, 512]];

fn forward(bencher: Bencher, architecture: Architecture, size: [usize; 2]) {
    forward_of(bencher, shapes::random(architecture), size);
}

fn forward_of(bencher: Bencher, transformer: Transformer, [sequences, tokens]: [usize; 2]) {
    let batch = shapes::batch(&transformer, sequences, tokens);
    bencher
        .counter(ItemsCount::new(batch.tokens()))
        .bench_local(|| transformer.forward(&batch, &mut NoHooks).unwrap());
}

#[divan::bench(args = SIZES, min_time = 1)]
fn all_minilm_l6(bencher: Bencher, size: [usize; 2]) {
    forward(bencher, shapes::bert(6, 384, 12), size);
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn bert_base(bencher: Bencher, size: [usize; 2]) {
    forward(bencher, shapes::bert(12, 768, 12), size);
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn smollm2_135m(bencher: Bencher, size: [usize; 2]) {
    forward(bencher, shapes::llama(30, 576, [9, 3], 1536), size);
}

#[divan::bench(args = SIZES, min_time = 1)]
fn all_minilm_l6_bf16(bencher: Bencher, size: [usize; 2]) {
    forward_of(bencher, shapes::random_in(DType::BF16, shapes::bert(6, 384, 12)), size);
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn smollm2_135m_bf16(bencher: Bencher, size: [usize; 2]) {
    let architecture = shapes::llama(30, 576, [9, 3], 1536);
    forward_of(bencher, shapes::random_in(DType::BF16, architecture), size);
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn deberta_base(bencher: Bencher, size: [usize; 2]) {
    forward(bencher, shapes::deberta(12, 768, 12), size);
}

/// With the attention patterns.
#[divan::bench(args = SIZES, min_time = 1)]
fn all_minilm_l6_patterns(bencher: Bencher, [sequences, tokens]: [usize; 2]) {
    let transformer = shapes::random(shapes::bert(6, 384, 12));
    let batch = shapes::batch(&transformer, sequences, tokens);
    bencher.counter(ItemsCount::new(batch.tokens())).bench_local(|| {
        let mut seen = Recorder::new((0..6).map(HookPoint::Pattern).collect());
        transformer.forward(&batch, &mut seen).unwrap()
    });
}
