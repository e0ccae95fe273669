//! The merges that make the pieces of a SentencePiece vocabulary: every split of a piece into two pieces.

use std::collections::HashMap;

/// The longest piece in bytes. The time to split a piece grows with the square of its length.
const MAX_PIECE: usize = 256;

/// A split of a piece: both parts with their ids.
type Parts<'a> = (&'a str, &'a str, u32, u32);

/// The splits of a piece into two pieces.
fn splits<'a>(
    piece: &'a str,
    id_of: impl Fn(&str) -> Option<u32> + 'a,
) -> impl Iterator<Item = Parts<'a>> + 'a {
    let cuts = piece.char_indices().skip(1).map(move |(at, _)| piece.split_at(at));
    cuts.filter_map(move |(left, right)| Some((left, right, id_of(left)?, id_of(right)?)))
}

fn check(piece: &str) -> Result<(), String> {
    match piece.len() > MAX_PIECE {
        true => Err(format!("a piece has {} bytes, {MAX_PIECE} are allowed", piece.len())),
        false => Ok(()),
    }
}

fn owned<'a, K>(merges: Vec<(K, &'a str, &'a str)>) -> Vec<(String, String)> {
    merges.into_iter().map(|(_, left, right)| (left.to_owned(), right.to_owned())).collect()
}

/// The merges by the id of the piece that they make, then by the lengths and the ids of the parts: as
/// `generate_merges` of transformers has them.
pub(super) fn by_id(ids: &HashMap<&str, u32>) -> Result<Vec<(String, String)>, String> {
    let mut merges = Vec::new();
    for (piece, id) in ids {
        check(piece)?;
        let id_of = |part: &str| ids.get(part).copied();
        for (left, right, first, second) in splits(piece, id_of) {
            let lengths = (left.chars().count(), right.chars().count());
            merges.push(((*id, lengths, first, second), left, right));
        }
    }
    merges.sort_unstable_by_key(|(key, ..)| *key);
    Ok(owned(merges))
}

/// The merges by the score of the piece that they make, best first, then by its id and the parts: as
/// SentencePiece makes them.
pub(super) fn by_score(
    pieces: &HashMap<&str, (f32, u32)>,
) -> Result<Vec<(String, String)>, String> {
    let mut merges = Vec::new();
    for (piece, (score, id)) in pieces {
        check(piece)?;
        for (left, right, ..) in splits(piece, |part| pieces.get(part).map(|(_, id)| *id)) {
            merges.push(((*score, *id), left, right));
        }
    }
    merges.sort_unstable_by(|(a, left, right), (b, other_left, other_right)| {
        b.0.total_cmp(&a.0).then_with(|| (a.1, left, right).cmp(&(b.1, other_left, other_right)))
    });
    Ok(owned(merges))
}
