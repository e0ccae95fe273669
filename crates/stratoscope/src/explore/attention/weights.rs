//! The attention weights of the page, in thousandths.

use super::patterns_of;
use crate::explore::Exploration;
use crate::{Omitted, Part, Why};
use std::cmp::Ordering;
use stratoscope_extractor::Unit;
use stratoscope_report::AttentionAbout;

/// The largest number of weights on a page, over all layers: by head this is a text of 74 tokens for a
/// model of 6 layers with 12 heads, and as means over heads a text of 258 tokens.
const MAX_WEIGHTS: usize = 400_000;

/// The same for images and sounds, which have more tokens: as means over heads, 223 for a model of 12
/// layers.
const MAX_WEIGHTS_OF_MEDIA: usize = 600_000;

/// The attention weights of the first texts.
pub(in crate::explore) struct AttentionWeights {
    pub(in crate::explore) about: AttentionAbout,
    /// Layer, and `[heads][weights]` as in the schema.
    layers: Vec<(usize, Vec<Vec<u32>>)>,
}

impl AttentionWeights {
    /// The weights of the block that computes a layer; `None` for layer 0.
    pub(in crate::explore) fn at(&self, layer: usize) -> Option<Vec<Vec<u32>>> {
        self.layers.iter().find(|(of, _)| *of == layer).map(|(_, weights)| weights.clone())
    }
}

impl Exploration {
    /// The attention weights of as many texts as the page has room for: by head, or else as means over
    /// heads. `None` without attention, or if there is no room for the first text.
    pub(in crate::explore) fn attention_weights(
        &self,
        rows: &[usize],
        omitted: &mut Vec<Omitted>,
    ) -> Option<AttentionWeights> {
        self.attention.as_ref()?;
        let states = &self.states;
        let mut omit = |which, why| omitted.push(Omitted::new(Part::PageAttention(which), why));
        let patterns = patterns_of(states);
        if states.unit != Unit::Token || patterns.is_empty() || rows.len() < states.rows.len() {
            let why = "it is between tokens, and the rows are not all tokens of the texts";
            omit("", Why::Undefined(why.to_owned()));
            return None;
        }
        let lengths: Vec<usize> =
            states.sequence_offsets().windows(2).map(|ends| ends[1] - ends[0]).collect();
        let heads: usize = patterns.iter().map(|(_, hook)| hook.values.nrows()).sum();
        let hint = "give shorter or fewer texts";
        let most = match states.media.is_empty() {
            true => MAX_WEIGHTS,
            false => MAX_WEIGHTS_OF_MEDIA,
        };
        let by_head = fitting(&lengths, heads, most);
        let of_means = fitting(&lengths, patterns.len(), most);
        let mean = by_head == 0;
        let texts = if mean { of_means } else { by_head };
        if texts == 0 {
            omit("", Why::TooMany { what: "tokens of the first text", found: lengths[0], hint });
            return None;
        }
        if mean {
            let what = "tokens of the first text";
            omit(", by head", Why::TooMany { what, found: lengths[0], hint });
        }
        if texts < lengths.len() {
            let why = Why::TooMany { what: "texts", found: lengths.len(), hint };
            omit(" of the last texts", why);
        }
        let lengths = &lengths[..texts];
        let layers = patterns.iter().map(|(layer, hook)| {
            let weights = match mean {
                false => (0..hook.values.nrows())
                    .map(|head| of_texts(lengths, |cell| f64::from(hook.values[[head, cell]])))
                    .collect(),
                true => {
                    let heads = hook.values.nrows() as f64;
                    let sum = |cell| hook.values.column(cell).iter().map(|&w| f64::from(w)).sum();
                    vec![of_texts(lengths, |cell| {
                        let sum: f64 = sum(cell);
                        sum / heads
                    })]
                }
            };
            (*layer, weights)
        });
        let about = AttentionAbout { texts, mean };
        Some(AttentionWeights { about, layers: layers.collect() })
    }
}

/// The number of texts, from the first on, of which `slices` matrices have room among `most` weights.
fn fitting(lengths: &[usize], slices: usize, most: usize) -> usize {
    let mut room = most / slices.max(1);
    let fits = |&&n: &&usize| match room.checked_sub(n * n) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    lengths.iter().take_while(fits).count()
}

/// The weights of texts, whose matrices follow each other; `weight` has them by their place.
fn of_texts(lengths: &[usize], weight: impl Fn(usize) -> f64) -> Vec<u32> {
    let mut all = Vec::new();
    for &n in lengths {
        for _ in 0..n {
            let from = all.len();
            let row: Vec<f64> = (from..from + n).map(&weight).collect();
            all.extend(thousandths(&row));
        }
    }
    all
}

/// Shares of a whole in thousandths that sum to 1,000: rounded down, and then the largest remainders
/// rounded up. Each is less than a thousandth from its share.
fn thousandths(shares: &[f64]) -> Vec<u32> {
    let whole: f64 = shares.iter().sum();
    let exact: Vec<f64> = shares.iter().map(|share| 1_000.0 * share / whole).collect();
    let mut rounded: Vec<u32> = exact.iter().map(|share| share.floor() as u32).collect();
    let missing = 1_000 - rounded.iter().sum::<u32>().min(1_000);
    let mut order: Vec<usize> = (0..exact.len()).collect();
    let rest = |&place: &usize| exact[place].fract();
    order.sort_by(|a, b| rest(b).partial_cmp(&rest(a)).unwrap_or(Ordering::Equal));
    order.iter().take(missing as usize).for_each(|&place| rounded[place] += 1);
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_thousandths_sum_to_a_thousand() {
        assert_eq!(thousandths(&[0.5, 0.25, 0.25]), [500, 250, 250]);
        // Three thirds: the first of equal remainders is rounded up.
        assert_eq!(thousandths(&[1.0 / 3.0; 3]), [334, 333, 333]);
        let many: Vec<f64> = (1..=60).map(|i| f64::from(i) / 1830.0).collect();
        let found = thousandths(&many);
        assert_eq!(found.iter().sum::<u32>(), 1_000);
        let far = |(found, share): (&u32, &f64)| (f64::from(*found) - 1_000.0 * share).abs();
        assert!(found.iter().zip(&many).map(far).all(|far| far < 1.0));
    }

    #[test]
    fn texts_fit_from_the_first_on() {
        let fitting = |lengths: &[usize], slices| fitting(lengths, slices, MAX_WEIGHTS);
        // 72 heads leave room for 5,555 weights of each: 74 × 74, or 60 × 60 and 44 × 44.
        assert_eq!((fitting(&[74], 72), fitting(&[75], 72)), (1, 0));
        assert_eq!((fitting(&[60, 44], 72), fitting(&[60, 45, 1], 72)), (2, 1));
        assert_eq!((fitting(&[258], 6), fitting(&[259], 6)), (1, 0));
    }

    #[test]
    fn the_matrices_of_texts_follow_each_other() {
        let weight = |cell| [1.0, 0.75, 0.25, 0.5, 0.5][cell];
        assert_eq!(of_texts(&[1, 2], weight), [1_000, 750, 250, 500, 500]);
    }
}
