//! What a PDF figure holds, read back from its bytes.

use std::collections::BTreeMap;

use super::*;
use crate::tests::all;

/// The objects of a file: dictionaries, and decompressed streams.
fn objects(pdf: &[u8]) -> BTreeMap<i32, (String, Vec<u8>)> {
    let find = |from: usize, what: &[u8]| {
        pdf[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
    };
    let mut objects = BTreeMap::new();
    let mut at = 0;
    while let Some(begin) = find(at, b" 0 obj") {
        let number = pdf[..begin].rsplit(|byte| !byte.is_ascii_digit()).next().unwrap();
        let number: i32 = std::str::from_utf8(number).unwrap().parse().unwrap();
        let (stream, end) = (find(begin, b"stream"), find(begin, b"endobj").unwrap());
        let head = stream.filter(|&stream| stream < end).unwrap_or(end);
        let dictionary = String::from_utf8_lossy(&pdf[begin + 6..head]).into_owned();
        let (mut data, mut after) = (Vec::new(), end);
        if head < end {
            let length = number_after(&dictionary, "/Length ") as usize;
            let start = head + b"stream\n".len();
            let stored = &pdf[start..start + length];
            data = miniz_oxide::inflate::decompress_to_vec_zlib(stored).unwrap();
            after = start + length;
        }
        objects.insert(number, (dictionary, data));
        at = find(after, b"endobj").unwrap();
    }
    objects
}

/// The number that follows a key in a dictionary.
fn number_after(dictionary: &str, key: &str) -> i32 {
    let rest = dictionary.split_once(key).unwrap_or_else(|| panic!("{key}: {dictionary}")).1;
    rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// The numbers of the fonts of the page, by their names.
fn fonts_of(objects: &BTreeMap<i32, (String, Vec<u8>)>) -> Vec<(String, i32)> {
    let page = &objects[&PAGE.get()].0;
    let fonts = page.split_once("/Font<<").unwrap().1.split_once(">>").unwrap().0;
    let names = fonts.split('/').filter_map(|font| font.split_once(' '));
    names
        .map(|(name, id)| (name.to_owned(), id.split(' ').next().unwrap().parse().unwrap()))
        .collect()
}

fn hex16(hex: &str) -> Vec<u16> {
    let digits: Vec<u8> = hex.bytes().map(|b| (b as char).to_digit(16).unwrap() as u8).collect();
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

/// What the codes of a font stand for, from its map to Unicode.
fn meanings(map: &[u8]) -> BTreeMap<u16, String> {
    let text = std::str::from_utf8(map).unwrap();
    let lines = text.lines().skip_while(|line| !line.ends_with("beginbfchar"));
    let pairs =
        lines.filter_map(|line| line.strip_prefix('<')?.strip_suffix('>')?.split_once("> <"));
    pairs.map(|(code, text)| (hex16(code)[0], String::from_utf16(&hex16(text)).unwrap())).collect()
}

/// A string of a content stream, literal or in hexadecimal digits; returns what follows it.
fn string(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut found = Vec::new();
    if bytes[0] == b'<' {
        let end = bytes.iter().position(|&byte| byte == b'>').unwrap();
        let digits = std::str::from_utf8(&bytes[1..end]).unwrap();
        found.extend(hex16(digits).into_iter().flat_map(u16::to_be_bytes));
        return (found, &bytes[end + 1..]);
    }
    let (mut at, mut depth) = (1, 1);
    loop {
        match bytes[at] {
            b'\\' => {
                at += 1;
                found.push(match bytes[at] {
                    b'0'..=b'7' => {
                        let octal = std::str::from_utf8(&bytes[at..at + 3]).unwrap();
                        at += 2;
                        u8::from_str_radix(octal, 8).unwrap()
                    }
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'f' => 12,
                    other => other,
                });
            }
            b')' if depth == 1 => return (found, &bytes[at + 1..]),
            other => {
                depth += i32::from(other == b'(') - i32::from(other == b')');
                found.push(other);
            }
        }
        at += 1;
    }
}

/// The texts of a page in the order of drawing, as a viewer takes them out.
fn texts(objects: &BTreeMap<i32, (String, Vec<u8>)>) -> Vec<String> {
    let fonts: BTreeMap<String, BTreeMap<u16, String>> = (fonts_of(objects).into_iter())
        .map(|(name, id)| {
            let map = number_after(&objects[&id].0, "/ToUnicode ");
            (name, meanings(&objects[&map].1))
        })
        .collect();
    let mut rest = &objects[&CONTENT.get()].1[..];
    let (mut texts, mut font, mut said) = (Vec::new(), None, None);
    let mut now = String::new();
    while let Some(&first) = rest.first() {
        if rest.starts_with(b"<<") || rest.starts_with(b">>") {
            rest = &rest[2..];
        } else if b" \n[]>".contains(&first) {
            rest = &rest[1..];
        } else if matches!(first, b'(' | b'<') {
            let (bytes, after) = string(rest);
            let codes: Vec<u16> = bytes
                .chunks(2)
                .map(|pair| u16::from_be_bytes([pair[0], *pair.last().unwrap()]))
                .collect();
            match font {
                Some(font) => codes.iter().for_each(|code| {
                    let known: &BTreeMap<u16, String> = &fonts[font];
                    now.push_str(known.get(code).map_or("", String::as_str));
                }),
                // The text that is said for a span, in UTF-16 or as it is.
                None => {
                    said = Some(match codes.split_first() {
                        Some((0xFEFF, codes)) => String::from_utf16(codes).unwrap(),
                        _ => String::from_utf8(bytes).unwrap(),
                    });
                }
            }
            rest = after;
        } else {
            let end = rest[1..]
                .iter()
                .position(|b| b" \n[]()<>/".contains(b))
                .map_or(rest.len(), |n| n + 1);
            let (word, after) = rest.split_at(end);
            match word {
                b"ET" => {
                    let read = std::mem::take(&mut now);
                    texts.push(said.take().unwrap_or(read));
                    font = None;
                }
                [b'/', name @ ..] if name.starts_with(b"F") => {
                    font =
                        fonts.get_key_value(std::str::from_utf8(name).unwrap()).map(|(key, _)| key);
                }
                _ => {}
            }
            rest = after;
        }
    }
    texts
}

#[test]
fn a_page_has_the_size_and_the_texts_of_the_svg() {
    let mut plain = 0;
    for (name, figure) in all(20, 7) {
        let pdf = figure.pdf().unwrap();
        assert!(pdf.starts_with(b"%PDF-1.7") && pdf.ends_with(b"%%EOF"), "{name}");
        let objects = objects(&pdf);
        let svg = roxmltree::Document::parse(figure.svg()).unwrap();
        let size = ["width", "height"].map(|side| {
            let length = svg.root_element().attribute(side).unwrap().trim_end_matches("pt");
            length.parse::<f64>().unwrap().to_string()
        });
        let page = &objects[&PAGE.get()].0;
        assert!(
            page.contains(&format!("/MediaBox[0 0 {} {}]", size[0], size[1])),
            "{name}: {page}"
        );

        let drawn: Vec<&str> = (figure.canvas.marks.iter())
            .filter_map(|mark| match mark {
                Mark::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let read = texts(&objects);
        assert_eq!(drawn.len(), read.len(), "{name}");
        for (drawn, read) in drawn.iter().zip(&read) {
            if unicode_bidi::BidiInfo::new(drawn, None).has_rtl() {
                // Glyphs stand from left to right.
                let sorted = |text: &str| {
                    let mut letters: Vec<char> = text.chars().collect();
                    letters.sort_unstable();
                    letters
                };
                assert_eq!(sorted(drawn), sorted(read), "{name}");
            } else {
                assert_eq!(drawn, read, "{name}");
                plain += 1;
            }
        }
    }
    assert!(plain > 500, "{plain}");
}

#[test]
fn fonts_are_embedded_and_reduced() {
    for (name, figure) in all(20, 3) {
        let objects = objects(&figure.pdf().unwrap());
        let fonts = fonts_of(&objects);
        assert!(!fonts.is_empty(), "{name}");
        for (_, id) in fonts {
            let font = &objects[&id].0;
            let tagged = font.split_once("/BaseFont/").unwrap().1;
            let (tag, _) = tagged.split_once('+').unwrap();
            assert!(
                tag.len() == 6 && tag.bytes().all(|b| b.is_ascii_uppercase()),
                "{name}: {font}"
            );
            let cid = &objects[&number_after(font, "/DescendantFonts[")].0;
            let descriptor = &objects[&number_after(cid, "/FontDescriptor ")].0;
            let data = &objects[&number_after(descriptor, "/FontFile2 ")].1;
            let face = rustybuzz::ttf_parser::RawFace::parse(data, 0).unwrap();
            assert!(
                face.table(rustybuzz::ttf_parser::Tag::from_bytes(b"glyf")).is_some(),
                "{name}"
            );
            assert!(data.len() < 120_000, "{name}: {} bytes", data.len());
        }
    }
}

#[test]
fn a_file_has_a_title_and_no_date() {
    for (name, figure) in all(3, 2) {
        let pdf = figure.pdf().unwrap();
        let objects = objects(&pdf);
        let info = &objects[&INFO.get()].0;
        assert!(info.contains("/Title") && info.contains("/Subject"), "{name}: {info}");
        let text = String::from_utf8_lossy(&pdf);
        assert!(!text.contains("Date") && !text.contains("/ID"), "{name}");
        assert_eq!(pdf, figure.pdf().unwrap(), "{name}");
    }
}

#[test]
fn two_characters_of_one_glyph_are_both_read_back() {
    // The ohm sign and the Greek letter, and a ligature.
    let canvas = |texts: &[&str]| {
        let mut canvas = Canvas::default();
        let look = Look::new(8.0, [0, 0, 0]);
        texts.iter().for_each(|text| canvas.text((10.0, 10.0), text, look));
        canvas
    };
    let all =
        ["\u{2126} \u{3A9}", "efficient flow", "Ωμέγα, Москва", "a\u{301}e\u{300}", "<U+D55C>"];
    let pdf = document(&canvas(&all), (100.0, 20.0), "Ωμέγα", "").unwrap();
    assert_eq!(texts(&objects(&pdf)), all);
}
