//! Checks of images and sounds: a picture is a PNG of the stated size, a cell is a token.

use super::{all_finite, below, finite, length};
use crate::{Error, Exploration, Media, Result};
use base64::{Engine, engine::general_purpose::STANDARD};

/// How a picture begins.
const PNG: &str = "data:image/png;base64,";
/// The bytes of a PNG up to the end of its size.
const HEAD: usize = 24;
/// The signature of a PNG, and the first chunk.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
/// The largest number of characters of a picture.
const MAX_PICTURE: usize = 8 << 20;
/// The largest width and height of a picture, in pixels: browsers draw no larger one.
const MAX_SIDE: usize = 8_192;
/// The whole of a row of attention in `from_first`.
const WHOLE: u32 = 100_000;

pub(super) fn check(name: &str, e: &Exploration) -> Result<()> {
    let n = e.tokens.len();
    for (index, media) in e.media.iter().flatten().enumerate() {
        check_one(&format!("{name}, media {index}"), media, e)?;
    }
    let queries = e.queries.as_deref().unwrap_or_default();
    queries.iter().try_for_each(|&token| below(&format!("{name}: a query"), token, n))?;
    for layer in &e.layers {
        let at = format!("{name}, layer {}: query_similarity", layer.layer);
        let known = layer.query_similarity.iter().flat_map(|s| [&s.cosine, &s.centred]).flatten();
        for rows in known {
            length(at.clone(), queries.len(), rows.len())?;
            for row in rows {
                length(at.clone(), n, row.len())?;
                all_finite(&at, row.iter().copied())?;
            }
        }
        let at = format!("{name}, layer {}: from_first", layer.layer);
        for weights in layer.from_first.iter().flatten() {
            length(at.clone(), n, weights.len())?;
            let largest = weights.iter().max().map_or(0, |&weight| weight as usize);
            below(&at, largest, WHOLE as usize + 1)?;
        }
    }
    Ok(())
}

fn check_one(at: &str, media: &Media, e: &Exploration) -> Result<()> {
    for (what, side) in [("width", media.width), ("height", media.height)] {
        below(&format!("{at}: {what}"), side, MAX_SIDE + 1)?;
    }
    let cells = media.grid.into_iter().try_fold(1usize, usize::checked_mul).unwrap_or(usize::MAX);
    // A grid without cells has nothing to show.
    below(&format!("{at}: a first cell"), 0, cells)?;
    let last = media.first.saturating_add(cells - 1);
    below(&format!("{at}: the last cell"), last, e.tokens.len())?;
    let of = e.tokens[media.first].sentence;
    for token in &e.tokens[media.first..=last] {
        length(format!("{at}: the text of a cell"), of, token.sentence)?;
    }
    for value in media.seconds.into_iter().chain(media.hertz.into_iter().flatten()) {
        finite(&format!("{at}: seconds and hertz"), value)?;
    }
    let refuse = |reason| Err(Error::Picture { what: at.to_owned(), reason });
    let Some(data) = media.picture.strip_prefix(PNG) else {
        return refuse("it is no data URI of a PNG");
    };
    if data.len() > MAX_PICTURE {
        return refuse("it has more than 8 MiB");
    }
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'=');
    if !data.bytes().all(plain) || !data.len().is_multiple_of(4) {
        return refuse("it is not written in base64");
    }
    let head = data.get(..HEAD / 3 * 4).and_then(|head| STANDARD.decode(head).ok());
    let Some(head) = head.filter(|head| head.starts_with(SIGNATURE)) else {
        return refuse("it is no PNG");
    };
    let stated = [media.width, media.height];
    let found = [&head[16..20], &head[20..24]]
        .map(|bytes| bytes.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)));
    for ((what, stated), found) in ["width", "height"].into_iter().zip(stated).zip(found) {
        length(format!("{at}: {what} of its picture"), stated, found)?;
    }
    Ok(())
}
