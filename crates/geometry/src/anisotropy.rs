//! Anisotropy: the expected cosine of two words, the baseline of every cosine.

use ndarray::{Array2, ArrayView2, Axis};
use rand::Rng;
use stratoscope_numerics::{Estimate, bootstrap, generator};

use crate::checks::{finite, same_length};
use crate::error::{GeometryError, Result};
use crate::groups::rows_by_group;
use crate::similarity::unit_rows;

/// The mean cosine of words from different sentences, one word drawn at random from each
/// (Ethayarajh 2019): near 0 in an isotropic space, near 1 in a narrow cone.
///
/// `x` is `[n, d_model]`; `sentences` `[n]` names the sentence of each row by any number. The mean is
/// over all pairs of the drawn words. The interval is a bootstrap over sentences; pairs of a sentence
/// with its own copy in a resample are excluded. A vector of length 0 has cosine 0. The same seed
/// gives the same result.
///
/// # Errors
/// Fewer than 3 sentences, different lengths, an entry that is not finite.
pub fn anisotropy(x: ArrayView2<f32>, sentences: &[usize], seed: u64) -> Result<Estimate> {
    same_length("sentence numbers", x.nrows(), sentences.len())?;
    let directions = unit_rows(finite(x)?);
    let groups = rows_by_group(sentences);
    if groups.len() < 3 {
        return Err(GeometryError::TooFew {
            measure: "the anisotropy baseline (sentences)",
            needed: 3,
            found: groups.len(),
        });
    }
    let mut rng = generator(seed);
    let drawn: Vec<usize> =
        groups.values().map(|rows| rows[rng.gen_range(0..rows.len())]).collect();
    let drawn = directions.select(Axis(0), &drawn);
    let once = vec![1u32; drawn.nrows()];
    let value = mean_cosine(&drawn, &once).unwrap_or(0.0);
    Ok(bootstrap(value, drawn.nrows(), &mut rng, |counts| mean_cosine(&drawn, counts)))
}

/// The mean inner product of pairs of different rows, row i counted `counts[i]` times:
/// (|Σ c u|² − Σ c² |u|²) / ((Σ c)² − Σ c²). None without such a pair.
fn mean_cosine(directions: &Array2<f64>, counts: &[u32]) -> Option<f64> {
    let mut sum = vec![0.0; directions.ncols()];
    let (mut own, mut own_pairs, mut total) = (0.0, 0.0, 0.0);
    for (row, &count) in directions.rows().into_iter().zip(counts).filter(|(_, c)| **c > 0) {
        let count = f64::from(count);
        sum.iter_mut().zip(row).for_each(|(s, v)| *s += count * v);
        own += count * count * row.dot(&row);
        own_pairs += count * count;
        total += count;
    }
    let pairs = total * total - own_pairs;
    let length: f64 = sum.iter().map(|s| s * s).sum();
    (pairs > 0.0).then(|| ((length - own) / pairs).clamp(-1.0, 1.0))
}
