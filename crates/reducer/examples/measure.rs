//! Times the reducers on a real matrix and writes their results for `compare.py`.
//!
//! `cargo run --release -p stratoscope-reducer --example measure -- pca X.f32 384 50 OUT`
//! `cargo run --release -p stratoscope-reducer --example measure -- tsne X.f32 384 30 [MAP.f32]`
//!
//! Matrices are raw little-endian f32 in row-major order with the given number of columns. The exact
//! divergence of a MAP (two columns) is printed beside that of this crate.

use std::time::Instant;

use linfa::traits::{Fit, Transformer};
use linfa::{DatasetBase, ParamGuard};
use ndarray::Array2;
use stratoscope_reducer::{Pca, Tsne, kl_divergence, trustworthiness};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = std::env::args_os().skip(1);
    let arguments: Vec<String> =
        arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["pca", x, columns, k, out] => pca(&read(x, columns.parse()?)?, k.parse()?, out),
        ["tsne", x, columns, perplexity] => {
            tsne(&read(x, columns.parse()?)?, perplexity.parse()?, None)
        }
        ["tsne", x, columns, perplexity, map] => {
            let map = read(map, 2)?;
            tsne(&read(x, columns.parse()?)?, perplexity.parse()?, Some(map))
        }
        _ => Err("see the top of this example for its arguments".into()),
    }
}

fn pca(x: &Array2<f32>, k: usize, out: &str) -> Result<(), Box<dyn std::error::Error>> {
    let dataset = DatasetBase::from(x.view());
    for _ in 0..3 {
        let start = Instant::now();
        let pca = Pca::params(k).fit(&dataset)?;
        say(&format!("PCA of {:?} -> {k}: {:?}", x.dim(), start.elapsed()));
        let start = Instant::now();
        let projected = pca.transform(&x.view())?;
        say(&format!("projected {:?}: {:?}", projected.dim(), start.elapsed()));
        let numbers = pca.singular_values().iter().chain(pca.components());
        let bytes: Vec<u8> =
            numbers.chain([&pca.total_variance()]).flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(out, bytes)?;
    }
    Ok(())
}

fn tsne(
    x: &Array2<f32>,
    perplexity: f64,
    other: Option<Array2<f32>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let settings = Tsne::params().perplexity(perplexity).check()?;
    let map = settings.embed(x.view(), |_, _| ())?;
    say(&format!("t-SNE took {:?}", start.elapsed()));
    let k = 10.min(x.nrows() / 3);
    for (name, y) in [("ours", Some(map.embedding)), ("other", other.map(|y| y.mapv(f64::from)))] {
        let Some(y) = y else { continue };
        let kl = kl_divergence(x.view(), y.view(), perplexity)?;
        let trust = trustworthiness(x.view(), y.view(), k)?;
        say(&format!(
            "{name}: n {} perplexity {:.2} KL {kl:.4} trustworthiness {:.4}",
            x.nrows(),
            map.perplexity,
            trust.value
        ));
    }
    Ok(())
}

fn read(path: &str, columns: usize) -> Result<Array2<f32>, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    let (numbers, _) = bytes.as_chunks::<4>();
    let values = numbers.iter().map(|&number| f32::from_le_bytes(number)).collect();
    Ok(Array2::from_shape_vec((numbers.len() / columns, columns), values)?)
}

#[allow(clippy::print_stdout)]
fn say(line: &str) {
    println!("{line}");
}
