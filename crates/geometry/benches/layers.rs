//! The time of the measures of a layer of 4,000 words in 384 dimensions.

use divan::{Bencher, black_box};
use ndarray::Array2;
use rand::Rng;
use stratoscope_geometry::{
    Dissimilarity, LayerSums, Neighbours, cka_map, rsa_map, self_similarity,
};
use stratoscope_numerics::generator;

const WORDS: usize = 4000;
const WIDTH: usize = 384;

fn main() {
    divan::main();
}

/// Words along 40 directions with an offset, in sentences of 12.
fn layer(seed: u64) -> (Array2<f32>, Vec<usize>) {
    let mut rng = generator(seed);
    let mut noise = |n, d| Array2::from_shape_simple_fn((n, d), || rng.gen_range(-1.0..1.0f32));
    let x = noise(WORDS, 40).dot(&noise(40, WIDTH)) + noise(WORDS, WIDTH) + 0.5;
    (x, (0..WORDS).map(|word| word / 12).collect())
}

#[divan::bench(sample_count = 10)]
fn sums(bencher: Bencher) {
    let (x, sentences) = layer(1);
    bencher.bench(|| {
        let mut sums = LayerSums::new(WIDTH, 0);
        sums.add(x.view(), &sentences, Some(x.view())).map(|()| sums)
    });
}

#[divan::bench(sample_count = 10)]
fn spectrum_of_sums(bencher: Bencher) {
    let (x, sentences) = layer(1);
    let mut sums = LayerSums::new(WIDTH, 0);
    let added = sums.add(x.view(), &sentences, None);
    bencher.bench(|| black_box(&added).clone().and_then(|()| sums.spectrum()));
}

#[divan::bench(sample_count = 5)]
fn neighbours(bencher: Bencher) {
    let (x, sentences) = layer(1);
    bencher.bench(|| Neighbours::of(x.view(), &sentences, 10, 0));
}

#[divan::bench(sample_count = 10)]
fn words(bencher: Bencher) {
    let (x, sentences) = layer(1);
    let words: Vec<usize> = (0..WORDS).map(|word| word % 300).collect();
    bencher.bench(|| self_similarity(x.view(), &words, &sentences, 0));
}

#[divan::bench(args = [2, 7], sample_count = 3)]
fn cka_of_layers(bencher: Bencher, count: u64) {
    let layers: Vec<_> = (0..count).map(layer).collect();
    let views: Vec<_> = layers.iter().map(|(x, _)| x.view()).collect();
    bencher.bench(|| cka_map(&views, &layers[0].1, 0));
}

/// By 1,000 words: time grows with the square of their number.
#[divan::bench(args = [2, 13], sample_count = 3)]
fn rsa_of_layers(bencher: Bencher, count: u64) {
    let layers: Vec<_> = (0..count).map(layer).collect();
    let views: Vec<_> = layers.iter().map(|(x, _)| x.slice(ndarray::s![..1000, ..])).collect();
    bencher.bench(|| rsa_map(&views, &layers[0].1[..1000], Dissimilarity::Cosine, 0));
}
