//! SentencePiece's BPE: pieces with scores. The piece with the best score is merged first, so that the
//! order of merges follows from the scores.

use super::{Kind, Vocabulary, scores};
use crate::error::Result;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::HashMap;

/// The spelling of a space.
const SPACE: &str = "\u{2581}";

/// The longest piece in bytes. The time to find the parts of a piece grows with the square of its
/// length.
const MAX_PIECE: usize = 256;

/// The tokenizer of a SentencePiece vocabulary.
pub(super) fn definition(vocabulary: &Vocabulary<'_>, architecture: &str) -> Result<Value> {
    let keys = vocabulary.keys;
    if keys.flag("remove_extra_whitespaces")? == Some(true) {
        return Err(keys.error("remove_extra_whitespaces", "only false is supported"));
    }
    let merges = match keys.texts("merges")? {
        Some(merges) => {
            let merges: Option<Vec<_>> = merges.iter().map(|merge| merge.split_once(' ')).collect();
            merges.ok_or_else(|| {
                keys.error("merges", "two tokens with a space between are expected")
            })?
        }
        // Gemma's pieces are in the order of its merges; its scores are not.
        None if architecture.starts_with("gemma") => {
            let order: Vec<f64> = (0..vocabulary.tokens.len()).map(|id| -(id as f64)).collect();
            merges(vocabulary, &order)?
        }
        None => merges(vocabulary, &scores(vocabulary)?)?,
    };
    let prefix = keys.flag("add_space_prefix")?.unwrap_or(true);
    let write_space = json!({ "type": "Replace", "pattern": { "String": " " }, "content": SPACE });
    let read_space = json!({ "type": "Replace", "pattern": { "String": SPACE }, "content": " " });
    let mut normalizers = vec![write_space];
    let mut decoders =
        vec![read_space, json!({ "type": "ByteFallback" }), json!({ "type": "Fuse" })];
    if prefix {
        normalizers.insert(0, json!({ "type": "Prepend", "prepend": SPACE }));
        decoders.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
    }
    let unknown = match vocabulary.special("unknown_token_id")? {
        Some((token, _)) => Some(token),
        None => {
            let id = vocabulary.kinds.iter().position(|kind| *kind == Kind::Unknown);
            id.map(|id| vocabulary.tokens[id].as_str())
        }
    };
    Ok(json!({
        "version": "1.0",
        "added_tokens": vocabulary.added()?,
        "normalizer": { "type": "Sequence", "normalizers": normalizers },
        "pre_tokenizer": null,
        "post_processor": vocabulary.around(true, false)?,
        "decoder": { "type": "Sequence", "decoders": decoders },
        "model": {
            "type": "BPE",
            "unk_token": unknown,
            "fuse_unk": true,
            "byte_fallback": vocabulary.kinds.contains(&Kind::Byte),
            "ignore_merges": false,
            "vocab": vocabulary.ids()?,
            "merges": merges,
        },
    }))
}

/// Every merge of two pieces into one, by score, best first; equal scores by length, longest first, as
/// in transformers.
fn merges<'a>(vocabulary: &'a Vocabulary<'_>, scores: &[f64]) -> Result<Vec<(&'a str, &'a str)>> {
    let pieces = || {
        let all = vocabulary.tokens.iter().zip(&vocabulary.kinds).enumerate();
        let pieces = all.filter(|(_, (_, kind))| **kind == Kind::Normal);
        pieces.map(|(id, (token, _))| (token.as_str(), id))
    };
    let ids: HashMap<&str, usize> = pieces().collect();
    let mut merges = Vec::new();
    for (token, id) in pieces() {
        if token.len() > MAX_PIECE {
            let length = token.len();
            let reason = format!("token {id} has {length} bytes, {MAX_PIECE} are allowed");
            return Err(vocabulary.error(&reason));
        }
        let cuts = token.char_indices().skip(1).map(|(at, _)| token.split_at(at));
        let cuts = cuts.filter_map(|(l, r)| Some(((*ids.get(l)?, *ids.get(r)?), (l, r))));
        let mut cuts: Vec<_> = cuts.collect();
        cuts.sort_by_key(|(ids, _)| *ids);
        merges.extend(cuts.into_iter().map(|(_, parts)| (scores[id], parts)));
    }
    let length = |part: &str| Reverse(part.chars().count());
    merges.sort_by(|(a, (al, ar)), (b, (bl, br))| {
        b.total_cmp(a).then_with(|| (length(al), length(ar)).cmp(&(length(bl), length(br))))
    });
    Ok(merges.into_iter().map(|(_, parts)| parts).collect())
}
