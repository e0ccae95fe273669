//! Which window of a long text each of its tokens is taken from.

use std::ops::Range;
use stratoscope_loader::Encoding;

/// For every token of a text the window, and the place there, that its state is taken from: the window
/// in which the token is farthest from an edge within the text.
pub(super) fn choose(windows: &[Encoding], overlap: usize) -> Vec<(usize, usize)> {
    if let [only] = windows {
        return (0..only.ids.len()).map(|token| (0, token)).collect();
    }
    let last = windows.len() - 1;
    // Special tokens are before and after the text of each window.
    let content: Vec<Range<usize>> = windows
        .iter()
        .map(|w| {
            let start = w.special.iter().take_while(|s| **s).count();
            start..w.ids.len() - w.special.iter().rev().take_while(|s| **s).count()
        })
        .collect();
    let step = content[0].len() - overlap;
    let share = |w: usize| step * w..step * w + content[w].len();
    let mut picks: Vec<_> = (0..content[0].start).map(|token| (0, token)).collect();
    for token in 0..share(last).end {
        // All windows but the last have the length of the first.
        let near = token.saturating_sub(content[0].len()) / step..=last.min(token / step);
        let candidates = near.filter(|&w| share(w).contains(&token));
        let best = candidates.max_by_key(|&w| {
            let before = if w == 0 { usize::MAX } else { token - share(w).start };
            let after = if w == last { usize::MAX } else { share(w).end - 1 - token };
            // The earlier of two equal windows.
            (before.min(after), std::cmp::Reverse(w))
        });
        picks.extend(best.map(|w| (w, content[w].start + token - share(w).start)));
    }
    picks.extend((content[last].end..windows[last].ids.len()).map(|token| (last, token)));
    picks
}
#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of `length` tokens between two special tokens, over a text of `tokens` tokens.
    fn windows(tokens: usize, length: usize, overlap: usize) -> Vec<Encoding> {
        let mut start = 0;
        let mut all = Vec::new();
        loop {
            let n = length.min(tokens - start);
            let mut special = vec![false; n + 2];
            (special[0], special[n + 1]) = (true, true);
            all.push(Encoding { ids: vec![0; n + 2], special, ..Encoding::default() });
            if start + n == tokens {
                return all;
            }
            start += length - overlap;
        }
    }

    #[test]
    fn every_token_is_taken_where_it_is_farthest_from_an_edge() {
        for (tokens, length, overlap) in [(30, 8, 4), (31, 8, 4), (9, 8, 4), (40, 7, 3), (25, 6, 0)]
        {
            let windows = windows(tokens, length, overlap);
            let (step, last) = (length - overlap, windows.len() - 1);
            let picks = choose(&windows, overlap);
            assert_eq!(picks.len(), tokens + 2);
            for (token, &(window, place)) in picks[1..=tokens].iter().enumerate() {
                assert_eq!(step * window + place - 1, token);
                let distance = |w: usize| {
                    let (start, n) = (step * w, windows[w].ids.len() - 2);
                    let before = if w == 0 { usize::MAX } else { token.checked_sub(start)? };
                    let after = (start + n).checked_sub(token + 1)?;
                    Some(before.min(if w == last { usize::MAX } else { after }))
                };
                let best = (0..=last).filter_map(|w| Some((distance(w)?, w)));
                let best = best.filter(|(_, w)| step * w <= token);
                let best = best.max_by_key(|&(distance, w)| (distance, std::cmp::Reverse(w)));
                assert_eq!(best.unwrap().1, window, "{tokens} {length} {overlap}: {token}");
            }
        }
    }
}
