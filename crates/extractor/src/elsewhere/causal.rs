//! Whether states are those of a causal model.

use crate::rows::Row;
use ndarray::{Array3, s};
use std::collections::HashMap;

/// The tokens at the beginning of texts that are compared: the first is often a special token, and
/// attention sinks are alike in all models.
const BEGINNING: usize = 2;

/// The largest relative difference of equal states. In bf16, a batch of another shape changes 1 %.
const EQUAL: f64 = 0.05;

/// The largest number of pairs of texts.
const PAIRS: usize = 200;

/// Whether the states are of a causal model: in most pairs of texts that begin with the same two tokens
/// and then differ, the second token has equal states at the last layer. `None` without such a pair;
/// `states` is `[layers, rows, d_model]`.
pub(super) fn seen(rows: &[Row], states: &Array3<f32>) -> Option<bool> {
    let mut first: HashMap<Vec<(&str, Option<u32>)>, usize> = HashMap::new();
    let (mut pairs, mut equal) = (0, 0);
    for text in rows.chunk_by(|a, b| a.sequence == b.sequence) {
        let Some((beginning, [next, ..])) = text.split_at_checked(BEGINNING) else { continue };
        // The place of the text among the rows.
        let start = rows.partition_point(|row| row.sequence < beginning[0].sequence);
        let key = beginning.iter().map(|row| (row.label.as_str(), row.token_id)).collect();
        let other = *first.entry(key).or_insert(start);
        let known = &rows[other + BEGINNING];
        if other == start || (&known.label, known.token_id) == (&next.label, next.token_id) {
            continue;
        }
        let at = |start: usize| states.slice(s![-1, start + BEGINNING - 1, ..]);
        let (a, b) = (at(other), at(start));
        let square = |v: f32| f64::from(v) * f64::from(v);
        let difference: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
        let size: f64 = a.iter().map(|v| square(*v)).sum();
        equal += usize::from(difference.sqrt() <= EQUAL * size.sqrt());
        pairs += 1;
        if pairs == PAIRS {
            break;
        }
    }
    (pairs > 0).then_some(2 * equal > pairs)
}
