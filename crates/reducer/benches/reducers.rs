//! PCA and t-SNE in typical sizes: the tokens of a treebank, of a page and of a chapter.

// A bench that cannot be set up should stop.
#![allow(clippy::unwrap_used)]

use divan::Bencher;
use linfa::traits::{Fit, Transformer};
use linfa::{DatasetBase, ParamGuard};
use ndarray::Array2;
use rand::Rng;
use stratoscope_numerics::generator;
use stratoscope_reducer::{Pca, Tsne};

fn main() {
    divan::main();
}

/// Twenty clusters of rows, with a spread that decreases by column.
fn groups(n: usize, d: usize) -> Array2<f32> {
    let mut rng = generator(1);
    let centres = Array2::from_shape_simple_fn((20, d), || rng.gen_range(-1.0f32..1.0));
    Array2::from_shape_fn((n, d), |(i, j)| {
        let spread = 1.0 / (1.0 + j as f32).sqrt();
        spread * (centres[[i % 20, j]] + rng.gen_range(-0.5f32..0.5))
    })
}

#[divan::bench(args = [384, 768], sample_count = 10)]
fn pca_of_35_000(bencher: Bencher, columns: usize) {
    let rows = groups(35_000, columns);
    let dataset = DatasetBase::from(rows.view());
    bencher.bench_local(|| Pca::params(50).fit(&dataset).unwrap());
}

#[divan::bench(sample_count = 10)]
fn places_of_35_000(bencher: Bencher) {
    let rows = groups(35_000, 384);
    let pca = Pca::params(50).fit(&DatasetBase::from(rows.view())).unwrap();
    bencher.bench_local(|| pca.transform(&rows).unwrap());
}

/// The neighbours and 30 epochs, by the number of points.
#[divan::bench(args = [15, 500, 5_000], sample_count = 3)]
fn tsne_of_30_epochs(bencher: Bencher, points: usize) {
    let rows = groups(points, 50);
    let settings = Tsne::params().epochs(30).check().unwrap();
    bencher.bench_local(|| settings.embed(rows.view(), |_, _| ()).unwrap());
}
