//! The bundled fonts: which font has a character, the width of a text, and its glyphs in order.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use rustybuzz::ttf_parser::GlyphId;
use rustybuzz::{Direction, Face, UnicodeBuffer};
use unicode_bidi::{BidiInfo, Level};

/// Font names for SVG viewers, which use their own fonts: the nearest in width first.
pub(crate) const FAMILY: &str = "DejaVu Sans, Verdana, Noto Sans, Noto Emoji, sans-serif";

/// The PostScript names of the files, and their contents.
static FILES: [(&str, &[u8]); 5] = [
    ("DejaVuSans", include_bytes!("../fonts/DejaVuSans.ttf")),
    ("NotoEmoji-Regular", include_bytes!("../fonts/NotoEmoji-Regular.ttf")),
    ("NotoSansDevanagari-Regular", include_bytes!("../fonts/NotoSansDevanagari-Regular.ttf")),
    ("NotoSansThai-Regular", include_bytes!("../fonts/NotoSansThai-Regular.ttf")),
    ("DroidSansFallbackFull", include_bytes!("../fonts/DroidSansFallbackFull.ttf")),
];

/// One glyph of a shaped text; lengths in em, x to the right, y up.
pub(crate) struct Glyph {
    /// Index into [`faces`].
    pub(crate) face: usize,
    pub(crate) id: GlyphId,
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// The bytes of the text that it draws: those of its cluster if it is the first glyph of the
    /// cluster, otherwise none.
    pub(crate) text: Range<usize>,
}

/// A text in visual order with its width in em.
pub(crate) struct Shaped {
    pub(crate) glyphs: Vec<Glyph>,
    pub(crate) width: f64,
    /// Whether a part of it is read from right to left.
    pub(crate) has_rtl: bool,
}

/// The faces, in order of preference. (A file that cannot be parsed is skipped; a test checks that
/// all can.)
pub(crate) fn faces() -> &'static [Face<'static>] {
    static FACES: OnceLock<Vec<Face<'static>>> = OnceLock::new();
    FACES.get_or_init(|| FILES.iter().filter_map(|file| Face::from_slice(file.1, 0)).collect())
}

/// The name of a face.
pub(crate) fn name(face: usize) -> &'static str {
    FILES.get(face).map_or("", |file| file.0)
}

/// Whether a shipped font draws `c`. (Private-use characters mean nothing outside of one font.)
pub(crate) fn covers(c: char) -> bool {
    !('\u{E000}'..='\u{F8FF}').contains(&c) && face_of(c).is_some()
}

/// Width of `text` at `size`, in the unit of `size`.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    if text.chars().all(|c| (' '..='~').contains(&c)) {
        return ascii_width(text) * size;
    }
    shape(text).width * size
}

/// Splits `text` into runs of one direction and one font, and shapes each.
pub(crate) fn shape(text: &str) -> Shaped {
    let bidi = BidiInfo::new(text, Some(Level::ltr()));
    let mut shaped = Shaped { glyphs: Vec::new(), width: 0.0, has_rtl: bidi.has_rtl() };
    for paragraph in &bidi.paragraphs {
        let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let rtl = levels.get(run.start).is_some_and(Level::is_rtl);
            let start = run.start;
            let Some(part) = text.get(run) else { continue };
            let mut pieces = split_by_face(part);
            if rtl {
                pieces.reverse();
            }
            for (face, piece) in pieces {
                let Some(letters) = part.get(piece.clone()) else { continue };
                push_run(&mut shaped, face, letters, start + piece.start, rtl);
            }
        }
    }
    shaped
}

/// Shapes `text`, which begins at the byte `start` of the whole text.
fn push_run(shaped: &mut Shaped, index: usize, text: &str, start: usize, rtl: bool) {
    let Some(face) = faces().get(index) else {
        return;
    };
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.guess_segment_properties();
    buffer.set_direction(if rtl { Direction::RightToLeft } else { Direction::LeftToRight });
    let em = f64::from(face.units_per_em());
    let result = rustybuzz::shape(face, &[], buffer);
    let mut clusters: Vec<usize> =
        result.glyph_infos().iter().map(|info| info.cluster as usize).collect();
    clusters.sort_unstable();
    let mut drawn = BTreeSet::new();
    for (info, place) in result.glyph_infos().iter().zip(result.glyph_positions()) {
        let from = info.cluster as usize;
        let next = clusters.get(clusters.partition_point(|&cluster| cluster <= from)).copied();
        let upto = if drawn.insert(from) { next.unwrap_or(text.len()) } else { from };
        shaped.glyphs.push(Glyph {
            face: index,
            id: GlyphId(info.glyph_id as u16),
            x: shaped.width + f64::from(place.x_offset) / em,
            y: f64::from(place.y_offset) / em,
            text: start + from..start + upto,
        });
        shaped.width += f64::from(place.x_advance) / em;
    }
}

/// Cuts where the font changes: pieces of `text` in bytes. Marks, joiners and variation selectors
/// stay with what they follow.
fn split_by_face(text: &str) -> Vec<(usize, Range<usize>)> {
    let mut pieces: Vec<(usize, usize, usize)> = Vec::new();
    for (start, c) in text.char_indices() {
        let end = start + c.len_utf8();
        match pieces.last_mut() {
            Some(last) if joins_previous(c) => last.2 = end,
            _ => pieces.push((face_of(c).unwrap_or(0), start, end)),
        }
    }
    let mut merged: Vec<(usize, usize, usize)> = Vec::new();
    for piece in pieces {
        match merged.last_mut() {
            Some(last) if last.0 == piece.0 => last.2 = piece.2,
            _ => merged.push(piece),
        }
    }
    merged.into_iter().map(|(face, start, end)| (face, start..end)).collect()
}

/// Combining marks, joiners, variation selectors and emoji modifiers: no cell of their own.
pub(crate) fn joins_previous(c: char) -> bool {
    is_mark(c) || is_joiner(c) || ('\u{1F3FB}'..='\u{1F3FF}').contains(&c)
}

/// Zero-width joiners and variation selectors.
pub(crate) fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}')
}

/// Combining marks of the covered scripts (Unicode general category M).
pub(crate) fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5BD}' | '\u{5BF}'
        | '\u{5C1}'..='\u{5C2}' | '\u{5C4}'..='\u{5C5}' | '\u{5C7}' | '\u{610}'..='\u{61A}'
        | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{6D6}'..='\u{6DC}' | '\u{6DF}'..='\u{6E4}'
        | '\u{6E7}'..='\u{6E8}' | '\u{6EA}'..='\u{6ED}' | '\u{900}'..='\u{903}'
        | '\u{93A}'..='\u{93C}' | '\u{93E}'..='\u{94F}' | '\u{951}'..='\u{957}'
        | '\u{962}'..='\u{963}' | '\u{E31}' | '\u{E34}'..='\u{E3A}' | '\u{E47}'..='\u{E4E}'
        | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20F0}'
        | '\u{3099}'..='\u{309A}' | '\u{FE20}'..='\u{FE2F}')
}

fn prefers_emoji(c: char) -> bool {
    c >= '\u{1F000}'
}

fn face_of(c: char) -> Option<usize> {
    const EMOJI: usize = 1;
    if prefers_emoji(c) && has(EMOJI, c) {
        return Some(EMOJI);
    }
    (0..faces().len()).find(|&face| has(face, c))
}

fn has(face: usize, c: char) -> bool {
    faces().get(face).is_some_and(|face| face.glyph_index(c).is_some())
}

/// Printable ASCII is measured by summing advances (no shaping): captions are long.
fn ascii_width(text: &str) -> f64 {
    static ADVANCES: OnceLock<Vec<f64>> = OnceLock::new();
    let advances = ADVANCES.get_or_init(|| {
        (' '..='~')
            .map(|c| {
                let face = faces().first();
                let advance = face.and_then(|f| f.glyph_hor_advance(f.glyph_index(c)?));
                let em = face.map_or(1.0, |f| f64::from(f.units_per_em()));
                advance.map_or(0.6, |a| f64::from(a) / em)
            })
            .collect()
    });
    text.bytes().filter_map(|b| advances.get(usize::from(b.wrapping_sub(b' ')))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_parses() {
        assert_eq!(faces().len(), FILES.len());
    }

    #[test]
    fn scripts_are_covered_and_hangul_is_not() {
        for c in "aßДάאعกह中あ∑😀🛸▁Ġ␣".chars() {
            assert!(covers(c), "{c}");
        }
        assert!(!covers('한'));
    }

    #[test]
    fn arabic_joins() {
        let joined = width("سلام", 10.0);
        let apart: f64 = "سلام".chars().map(|c| width(&c.to_string(), 10.0)).sum();
        assert!(joined < apart, "{joined} {apart}");
    }

    #[test]
    fn fast_and_shaped_widths_agree_but_for_kerning() {
        for text in ["hello world", "##ing", "CKA, n = 12"] {
            assert!((ascii_width(text) - shape(text).width).abs() < 0.02 * text.len() as f64);
            assert!(ascii_width(text) > 0.0);
        }
    }
}
