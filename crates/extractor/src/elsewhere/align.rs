//! Where tokens stand in a text, by their letters.
//!
//! The rule: tokens follow one another through the text. Each takes the letters that it has, at the place
//! where the last token ended; only white space may lie between two tokens. Letters are compared as they
//! are, and else without case, accents and compatibility forms, since many tokenizers remove them. Every
//! letter of the text belongs to a token. What does not fit is an error, and nothing is guessed.

use std::collections::HashMap;
use std::sync::OnceLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Where a token stands in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// Start and end in characters; `[0, 0]` for a special token, and for one without letters.
    pub(super) place: [usize; 2],
    /// Whether it is a special token.
    pub(super) special: bool,
}

/// Names of the unknown token.
const UNKNOWN: [&str; 4] = ["[UNK]", "<unk>", "<|unk|>", "<UNK>"];

/// Whether a token looks like a special token: `[CLS]`, `</s>`, `<|endoftext|>`, `<bos>`.
pub(super) fn is_special(token: &str) -> bool {
    let inner = |open: char, close: char| {
        let inner = token.strip_prefix(open)?.strip_suffix(close)?;
        Some(inner.trim_matches(['|', '/', '｜']))
    };
    let name = inner('[', ']').or_else(|| inner('<', '>'));
    let is_name = |name: &str| {
        name.chars().next().is_some_and(char::is_alphabetic)
            && name.chars().all(|c| c.is_alphanumeric() || "_-▁ ".contains(c))
    };
    name.is_some_and(is_name) && !UNKNOWN.contains(&token) && byte_of(token).is_none()
}

/// The byte of a token such as `<0x0A>`.
fn byte_of(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 2)
}

/// How tokens are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// As text, with `▁` for a space, or `##` before what continues a word, or `</w>` at its end.
    Marks { continued: bool },
    /// Every byte as one letter, as GPT-2 writes them (`Ġ` is a space).
    Bytes,
}

/// The style of tokens, by their marks.
fn style(tokens: &[String]) -> Style {
    let bytes = tokens.iter().any(|token| token.contains(['Ġ', 'Ċ']));
    // U+0120 and U+010A are letters of Maltese, but no other token then has a space.
    let spaces = tokens.iter().any(|token| token.contains([' ', '▁']));
    match bytes && !spaces {
        true => Style::Bytes,
        false => Style::Marks { continued: tokens.iter().any(|token| token.starts_with("##")) },
    }
}

/// The letters of a token as bytes of UTF-8; a part of a letter if the token is one.
fn letters(token: &str, style: Style) -> Vec<u8> {
    match style {
        Style::Bytes => {
            let known = bytes_of_letters();
            let of =
                |c: char| known.get(&c).map_or_else(|| c.to_string().into_bytes(), |b| vec![*b]);
            token.chars().flat_map(of).collect()
        }
        Style::Marks { continued } => {
            if let Some(byte) = byte_of(token) {
                return vec![byte];
            }
            let token = token.strip_suffix("</w>").unwrap_or(token);
            let inner = token.strip_prefix("##").filter(|inner| continued && !inner.is_empty());
            inner.unwrap_or(token).replace('▁', " ").into_bytes()
        }
    }
}

/// The byte of each letter in which GPT-2 writes bytes: printable bytes are themselves, the others
/// follow from U+0100 on (Radford et al. 2019, `bytes_to_unicode`).
fn bytes_of_letters() -> &'static HashMap<char, u8> {
    static KNOWN: OnceLock<HashMap<char, u8>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
        let plain =
            (0..=u8::MAX).filter(|byte| printable(*byte)).map(|byte| (char::from(byte), byte));
        let others = (0..=u8::MAX).filter(|byte| !printable(*byte));
        let others =
            others.zip(0x100u32..).filter_map(|(byte, c)| Some((char::from_u32(c)?, byte)));
        plain.chain(others).collect()
    })
}

/// The text of tokens without a text. Tokens without any mark of a space are words.
pub(super) fn text_of(tokens: &[String], special: &[bool]) -> String {
    let style = style(tokens);
    let own =
        || tokens.iter().zip(special).filter(|(_, special)| !**special).map(|(token, _)| token);
    let has = |mark: &dyn Fn(&str) -> bool| own().any(|token| mark(token));
    let continued = style == Style::Marks { continued: true };
    let ends = has(&|token| token.ends_with("</w>"));
    let spaced = style == Style::Bytes
        || has(&|token| token.contains(['▁', ' ', '\n']) || byte_of(token).is_some());
    let mut bytes = Vec::new();
    for token in own() {
        let before = match (continued, ends || spaced) {
            (true, _) => !token.starts_with("##"),
            (false, spaced) => !spaced,
        };
        if before && !bytes.is_empty() {
            bytes.push(b' ');
        }
        bytes.extend(letters(token, style));
        if ends && !continued && token.ends_with("</w>") {
            bytes.push(b' ');
        }
    }
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// The place of each token in a text. Without `special`, a token that looks like a special token and does
/// not stand in the text is one.
///
/// # Errors
/// A token that does not stand in the text after the token before it; letters that belong to no token; a
/// token that can be a special token or a part of the text; the unknown token. The reason names it.
pub(super) fn align(
    tokens: &[String],
    special: Option<&[bool]>,
    text: &str,
) -> Result<Vec<Placed>, String> {
    let first = style(tokens);
    let found = walk(tokens, special, text, first);
    // Tokens of one byte each, or of one word, show no mark.
    let other = match first {
        Style::Bytes => Style::Marks { continued: tokens.iter().any(|t| t.starts_with("##")) },
        Style::Marks { .. } => Style::Bytes,
    };
    found.or_else(|reason| walk(tokens, special, text, other).map_err(|_| reason))
}

fn walk(
    tokens: &[String],
    special: Option<&[bool]>,
    text: &str,
    style: Style,
) -> Result<Vec<Placed>, String> {
    let bytes = text.as_bytes();
    // The number of characters that begin before each byte, and the end.
    let mut begun: Vec<usize> = Vec::with_capacity(bytes.len() + 1);
    let mut count = 0;
    for &byte in bytes {
        begun.push(count);
        count += usize::from(byte & 0xC0 != 0x80);
    }
    begun.push(count);
    let characters = |start: usize, end: usize| {
        // Of a part of a character its whole.
        let first = begun[start] - usize::from(bytes[start] & 0xC0 == 0x80);
        [first, begun[end]]
    };
    let none = |special| Placed { place: [0, 0], special };
    let mut at = 0;
    let mut placed = Vec::with_capacity(tokens.len());
    for (index, token) in tokens.iter().enumerate() {
        if special.is_some_and(|special| special[index]) {
            placed.push(none(true));
            continue;
        }
        let whole = letters(token, style);
        let own = whole.trim_ascii();
        let from = at + blank(&bytes[at..]);
        let end = match own {
            [] => None,
            own if bytes[from..].starts_with(own) => Some(from + own.len()),
            own => std::str::from_utf8(own)
                .ok()
                .zip(text.get(from..))
                .and_then(|(own, rest)| folded(own, rest).map(|length| from + length)),
        };
        let looks_special = special.is_none() && is_special(token);
        let name = || format!("token {} ({token:?})", index + 1);
        match end {
            Some(_) if looks_special => {
                return Err(format!(
                    "{} looks like a special token, and stands in the text too: give special_tokens_mask or offsets",
                    name()
                ));
            }
            Some(end) => {
                placed.push(Placed { place: characters(from, end), special: false });
                at = end;
            }
            None if own.is_empty() => {
                // White space, which takes its part of the text.
                at += bytes[at..].iter().zip(&whole).take_while(|(a, b)| a == b).count();
                placed.push(none(false));
            }
            None if looks_special => placed.push(none(true)),
            None if UNKNOWN.contains(&token.as_str()) => {
                return Err(format!(
                    "{} is the unknown token, whose letters are not known: give offsets",
                    name()
                ));
            }
            None => {
                return Err(format!(
                    "{} does not stand in the text after {:?}; its text goes on with {:?}: give offsets",
                    name(),
                    end_of(text, at),
                    start_of(text, from)
                ));
            }
        }
    }
    match at + blank(&bytes[at..]) {
        end if end >= bytes.len() => Ok(placed),
        end => Err(format!("the text goes on after its last token: {:?}", start_of(text, end))),
    }
}

/// The length of the white space at the start of UTF-8, in bytes.
fn blank(bytes: &[u8]) -> usize {
    // Within a letter that several tokens share there is no white space.
    let Ok(text) = std::str::from_utf8(bytes) else { return 0 };
    text.len() - text.trim_start().len()
}

fn start_of(text: &str, at: usize) -> String {
    let at = (at..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    text[at..].chars().take(24).collect()
}

fn end_of(text: &str, at: usize) -> String {
    let at = (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let end: Vec<char> = text[..at].chars().rev().take(24).collect();
    end.into_iter().rev().collect()
}

/// The bytes at the start of a text that equal the letters of a token without case, accents and
/// compatibility forms.
fn folded(token: &str, text: &str) -> Option<usize> {
    let fold = |text: &str| -> Vec<char> {
        let lower = text.to_lowercase();
        lower.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
    };
    let sought = fold(token);
    if sought.is_empty() {
        return None;
    }
    let mut found = 0;
    for (at, letter) in text.char_indices() {
        let own = fold(letter.encode_utf8(&mut [0; 4]));
        if found == sought.len() && !own.is_empty() {
            return Some(at);
        }
        if !sought[found..].starts_with(&own) {
            return None;
        }
        found += own.len();
    }
    (found == sought.len()).then_some(text.len())
}
