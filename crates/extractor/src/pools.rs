//! Pooling of tokens to words, annotated or not, and to sentences.

use crate::error::Error;
use crate::input::Text;
use crate::rows::{Row, Unit};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1};
use stratoscope_loader::{Pooler, Pooling};

/// The error that there are no words.
pub(crate) fn nothing_to_pool() -> Error {
    let reason = "token ids and texts without words have none".to_owned();
    Error::NothingToPool { unit: "words", reason }
}

/// Token rows that become one row.
pub(crate) struct Pool {
    /// The token rows, at least one.
    pub(crate) rows: Vec<usize>,
    /// The word, if they are a word.
    pub(crate) word: Option<u32>,
}

/// The tokens of each row: those of a pre-token, those that overlap an annotated word, or those of a
/// text.
pub(crate) fn pools(rows: &[Row], texts: &[Text], unit: Unit) -> Vec<Pool> {
    let mut pools: Vec<Pool> = Vec::new();
    let mut start = 0;
    for (sequence, text) in texts.iter().enumerate() {
        let n = rows[start..].iter().take_while(|row| row.sequence == sequence).count();
        let own = start..start + n;
        start += n;
        match unit {
            _ if own.is_empty() => {}
            Unit::Token => pools.extend(own.map(|row| Pool { rows: vec![row], word: None })),
            Unit::Sentence => pools.push(Pool { rows: own.collect(), word: None }),
            Unit::Word if text.words.is_empty() => {
                let mut last: Option<Pool> = None;
                for row in own {
                    let Some(word) = rows[row].word_id else { continue };
                    match &mut last {
                        Some(pool) if pool.word == Some(word) => pool.rows.push(row),
                        _ => pools.extend(last.replace(Pool { rows: vec![row], word: Some(word) })),
                    }
                }
                pools.extend(last);
            }
            Unit::Word => {
                // Tokens and words are in the order of the text, so the tokens of a word are not before
                // those of the previous word.
                let ends_before =
                    |row: usize, at: usize| rows[row].special || rows[row].char_offsets[1] <= at;
                let mut first = own.start;
                for (word, range) in text.words.iter().enumerate() {
                    while first < own.end && ends_before(first, range.start) {
                        first += 1;
                    }
                    let near = (first..own.end).take_while(|&row| {
                        rows[row].special || rows[row].char_offsets[0] < range.end
                    });
                    // A token without characters has no place.
                    let stands = |row: usize| rows[row].char_offsets[0] < rows[row].char_offsets[1];
                    let near = near.filter(|&row| !ends_before(row, range.start) && stands(row));
                    let own: Vec<usize> = near.collect();
                    if !own.is_empty() {
                        pools.push(Pool { rows: own, word: u32::try_from(word).ok() });
                    }
                }
            }
        }
    }
    pools
}

/// Pools rows to one, `[pooler.width(d_model)]`; `sum` is memory for a mean, `[d_model]`.
pub(crate) fn pool(
    from: &ArrayView2<'_, f32>,
    group: &[usize],
    pooler: &Pooler,
    sum: &mut [f64],
    mut to: ArrayViewMut1<'_, f32>,
) {
    if let Some(pooling) = pooler.plain() {
        return pool_once(from, group, pooling, sum, to);
    }
    let d_model = from.ncols();
    let mut vector = Array1::zeros(d_model * pooler.poolings.len());
    let parts = vector.exact_chunks_mut(d_model).into_iter();
    for (pooling, part) in pooler.poolings.iter().zip(parts) {
        pool_once(from, group, *pooling, sum, part);
    }
    let vector = pooler.steps.iter().fold(vector.to_vec(), |vector, step| step.apply(&vector));
    to.assign(&ArrayView1::from(&vector));
}

/// Pools rows to one, `[d_model]`; `sum` is memory for a mean.
pub(crate) fn pool_once(
    from: &ArrayView2<'_, f32>,
    group: &[usize],
    pooling: Pooling,
    sum: &mut [f64],
    mut to: ArrayViewMut1<'_, f32>,
) {
    let (first, last) = (group[0], group[group.len() - 1]);
    // The sum of the rows with weights, divided.
    let mut weighted = |weight: fn(usize) -> f64, divisor: f64| {
        sum.fill(0.0);
        for (index, &row) in group.iter().enumerate() {
            let weight = weight(index);
            sum.iter_mut().zip(from.row(row)).for_each(|(sum, v)| *sum += weight * f64::from(*v));
        }
        to.iter_mut().zip(&*sum).for_each(|(to, sum)| *to = (*sum / divisor) as f32);
    };
    let n = group.len() as f64;
    match pooling {
        _ if first == last => to.assign(&from.row(first)),
        Pooling::First => to.assign(&from.row(first)),
        Pooling::Last => to.assign(&from.row(last)),
        Pooling::Mean => weighted(|_| 1.0, n),
        Pooling::MeanSqrtLen => weighted(|_| 1.0, n.sqrt()),
        Pooling::WeightedMean => weighted(|index| (index + 1) as f64, n * (n + 1.0) / 2.0),
        Pooling::Max => {
            to.assign(&from.row(first));
            for &row in &group[1..] {
                to.zip_mut_with(&from.row(row), |most, v| *most = most.max(*v));
            }
        }
    }
}
