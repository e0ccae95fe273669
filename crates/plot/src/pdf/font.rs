//! The fonts of a PDF figure: which glyphs of which face are used, and what they stand for.

use std::collections::BTreeMap;

use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Chunk, Filter, Finish, Name, Rect, Ref, Str};
use rustybuzz::Face;
use subsetter::GlyphRemapper;

use super::LEVEL;
use crate::error::PlotError;
use crate::fonts::{self, Glyph};

/// Codes of glyphs are their numbers, two bytes each.
const SYSTEM: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// The faces in use, by their index in [`fonts::faces`].
#[derive(Default)]
pub(super) struct Fonts(BTreeMap<usize, Used>);

/// The glyphs of a face in use.
#[derive(Default)]
struct Used {
    /// Numbers in the face to numbers in the reduced font.
    glyphs: GlyphRemapper,
    /// By number in the reduced font: the text that a glyph stands for where it was used first.
    texts: BTreeMap<u16, String>,
}

impl Fonts {
    /// The name of a face among the resources of the page.
    pub(super) fn name(&self, face: usize) -> String {
        format!("F{face}")
    }

    /// The code of a glyph of a text, and its width in em.
    pub(super) fn glyph(&mut self, text: &str, glyph: &Glyph) -> (u16, f64) {
        let used = self.0.entry(glyph.face).or_default();
        let code = used.glyphs.remap(glyph.id.0);
        let own = text.get(glyph.text.clone()).unwrap_or_default();
        used.texts.entry(code).or_insert_with(|| own.to_owned());
        let width = fonts::faces().get(glyph.face).map_or(0.0, |face| width(face, glyph.id.0));
        // The width that the file says.
        (code, f64::from(width) / 1000.0)
    }

    /// Whether the texts that the glyphs stand for in the file, one after another, are the whole text.
    /// Where they are not (several glyphs for one letter, or parts that change places), the file says
    /// the text beside its glyphs.
    pub(super) fn is_plain(&mut self, text: &str, glyphs: &[Glyph]) -> bool {
        let mut rest = Some(text);
        for glyph in glyphs {
            let (code, _) = self.glyph(text, glyph);
            let known = self.0.get(&glyph.face).and_then(|used| used.texts.get(&code));
            let known = known.filter(|known| !known.is_empty());
            rest = rest.zip(known).and_then(|(rest, known)| rest.strip_prefix(known.as_str()));
        }
        rest == Some("")
    }

    /// Writes the fonts, from the object `next` on. Returns their names and objects.
    pub(super) fn write(
        &self,
        objects: &mut Chunk,
        next: &mut i32,
    ) -> Result<Vec<(String, Ref)>, PlotError> {
        let mut written = Vec::new();
        for (&index, used) in &self.0 {
            let Some(face) = fonts::faces().get(index) else { continue };
            let ids = [0, 1, 2, 3, 4].map(|after| Ref::new(*next + after));
            *next += 5;
            used.write(objects, face, fonts::name(index), ids)?;
            written.push((self.name(index), ids[0]));
        }
        Ok(written)
    }
}

impl Used {
    fn write(
        &self,
        objects: &mut Chunk,
        face: &Face<'_>,
        family: &'static str,
        [font, descendant, descriptor, to_unicode, data]: [Ref; 5],
    ) -> Result<(), PlotError> {
        let reduced = subsetter::subset(face.raw_face().data, 0, &self.glyphs)
            .map_err(|_| PlotError::Font { name: family })?;
        let name = format!("{}+{family}", self.tag());
        let name = Name(name.as_bytes());

        let mut type0 = objects.type0_font(font);
        type0.base_font(name).encoding_predefined(Name(b"Identity-H"));
        type0.descendant_font(descendant).to_unicode(to_unicode);
        type0.finish();

        let mut cid = objects.cid_font(descendant);
        cid.subtype(CidFontType::Type2).base_font(name).system_info(SYSTEM);
        cid.font_descriptor(descriptor).default_width(0.0);
        cid.cid_to_gid_map_predefined(Name(b"Identity"));
        let widths = self.glyphs.remapped_gids().map(|glyph| width(face, glyph));
        cid.widths().consecutive(0, widths);
        cid.finish();

        let per_em = 1000.0 / f32::from(u16::try_from(face.units_per_em()).unwrap_or(1000));
        let scaled = |length: i16| (f32::from(length) * per_em).round();
        let bounds = face.global_bounding_box();
        let [left, bottom, right, top] =
            [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(scaled);
        objects
            .font_descriptor(descriptor)
            .name(name)
            .flags(FontFlags::SYMBOLIC)
            .bbox(Rect::new(left, bottom, right, top))
            .italic_angle(0.0)
            .ascent(scaled(face.ascender()))
            .descent(scaled(face.descender()))
            .cap_height(scaled(face.capital_height().unwrap_or(face.ascender())))
            // The fonts do not say it; viewers use it only if they replace a font.
            .stem_v(80.0)
            .font_file2(data);

        let mut texts = UnicodeCmap::new(Name(b"Text"), SYSTEM);
        for (&code, text) in self.texts.iter().filter(|(_, text)| !text.is_empty()) {
            texts.pair_with_multiple(code, text.chars());
        }
        let texts = compress_to_vec_zlib(&texts.finish(), LEVEL);
        objects.stream(to_unicode, &texts).filter(Filter::FlateDecode);

        let length = i32::try_from(reduced.len()).unwrap_or(i32::MAX);
        let compressed = compress_to_vec_zlib(&reduced, LEVEL);
        let mut file = objects.stream(data, &compressed);
        file.filter(Filter::FlateDecode).pair(Name(b"Length1"), length);
        Ok(())
    }

    /// Six letters that tell the reduced font from others of the same face: a hash (FNV-1a) of its
    /// glyphs.
    fn tag(&self) -> String {
        let bytes = self.glyphs.remapped_gids().flat_map(u16::to_be_bytes);
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        (0..6).map(|place| char::from(b'A' + (hash >> (8 * place)) as u8 % 26)).collect()
    }
}

/// The width of a glyph in thousandths of an em, as the file says it.
fn width(face: &Face<'_>, glyph: u16) -> f32 {
    let advance = face.glyph_hor_advance(rustybuzz::ttf_parser::GlyphId(glyph)).unwrap_or(0);
    (f32::from(advance) * 1000.0 / face.units_per_em() as f32).round()
}
