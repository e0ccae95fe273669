//! Sentences of CoNLL-U files (universaldependencies.org/format.html): text, and the places of words.

use crate::error::{Error, Result};
use crate::input::Text;
use crate::lines::Lines;
use crate::lines::MAX_TEXT_BYTES;
use std::io::BufRead;
use std::ops::Range;
use unicode_normalization::UnicodeNormalization;

/// The columns of a word line.
const COLUMNS: usize = 10;

/// A word or a multiword token.
struct Unit {
    line: usize,
    form: String,
    space_after: bool,
    /// The forms of its words: of a multiword token several, else its own form.
    words: Vec<String>,
}

/// The next sentence; none at the end of the file. Comments without words are skipped. `word` receives
/// line and columns of every word, but not of multiword tokens and empty nodes.
pub(super) fn sentence<R: BufRead>(
    lines: &mut Lines<R>,
    word: &mut dyn FnMut(usize, &[&str]),
) -> Result<Option<Text>> {
    let place = lines.place().to_owned();
    let wrong = |line, reason: String| Error::Conllu { place: place.clone(), line, reason };
    let mut text = Text::default();
    let mut given: Option<String> = None;
    let mut units: Vec<Unit> = Vec::new();
    // The number of the last word, and the words of a multiword token that are still to come.
    let (mut last, mut within) = (0usize, 0usize);
    let (mut end, mut size) = (0, 0);
    while let Some((number, line)) = lines.next()? {
        end = number;
        size += line.len();
        if size > MAX_TEXT_BYTES {
            let max = MAX_TEXT_BYTES >> 20;
            return Err(wrong(
                number,
                format!("the sentence has more than {max} MiB before this line's end; split it"),
            ));
        }
        if line.trim().is_empty() {
            if units.is_empty() {
                (text, given, size) = (Text::default(), None, 0);
                continue;
            }
            break;
        }
        text.line.get_or_insert(number);
        if let Some(comment) = line.strip_prefix('#') {
            if let Some((key, value)) = comment.split_once('=') {
                match key.trim() {
                    "text" => given = Some(value.trim().to_owned()),
                    "sent_id" => text.sent_id = Some(value.trim().to_owned()),
                    _ => {}
                }
            }
            continue;
        }
        let columns: Vec<&str> = line.split('\t').collect();
        if columns.len() != COLUMNS {
            let reason = format!(
                "a word has {COLUMNS} columns with tabs between them, this line has {}",
                columns.len()
            );
            return Err(wrong(number, reason));
        }
        let (id, form) = (columns[0], columns[1]);
        let bad_id =
            || wrong(number, format!("{:?} is not the number of the next word", short(id)));
        if form.is_empty() {
            return Err(wrong(number, "the word has no form".to_owned()));
        }
        let space_after = !columns[9].split('|').any(|entry| entry == "SpaceAfter=No");
        let unit = |words| Unit { line: number, form: form.to_owned(), space_after, words };
        if let Some((whole, part)) = id.split_once('.') {
            // An empty node after its word. It is not in the text.
            let numbers = whole.parse::<usize>().ok().zip(part.parse::<usize>().ok());
            numbers.filter(|&(whole, _)| whole == last).ok_or_else(bad_id)?;
        } else if let Some((first, second)) = id.split_once('-') {
            let first: usize = first.parse().map_err(|_| bad_id())?;
            let second: usize = second.parse().map_err(|_| bad_id())?;
            if within > 0 || Some(first) != last.checked_add(1) || second < first {
                return Err(bad_id());
            }
            within = second - first + 1;
            units.push(unit(Vec::new()));
        } else {
            let id: usize = id.parse().map_err(|_| bad_id())?;
            if Some(id) != last.checked_add(1) {
                return Err(bad_id());
            }
            last = id;
            word(number, &columns);
            match units.last_mut().filter(|_| within > 0) {
                Some(token) => {
                    token.words.push(form.to_owned());
                    within -= 1;
                }
                None => units.push(unit(vec![form.to_owned()])),
            }
        }
    }
    if units.is_empty() {
        return Ok(None);
    }
    if within > 0 {
        let reason = format!("the sentence ends before the last {within} words of a token");
        return Err(wrong(end, reason));
    }
    text.text = given.unwrap_or_else(|| spelled(&units));
    text.words = words(&units, &text.text).map_err(|(line, reason)| wrong(line, reason))?;
    Ok(Some(text))
}

/// The text of a sentence without a text comment.
fn spelled(units: &[Unit]) -> String {
    let mut text = String::new();
    for (index, unit) in units.iter().enumerate() {
        text.push_str(&unit.form);
        if unit.space_after && index + 1 < units.len() {
            text.push(' ');
        }
    }
    text
}

/// The place of each word in the text, in characters. Forms follow each other with only white space
/// between them, and with nothing after the last. If a multiword token is not the concatenation of its
/// words, each word has the whole token.
fn words(units: &[Unit], text: &str) -> Result<Vec<Range<usize>>, (usize, String)> {
    let mut ranges = Vec::new();
    let (mut rest, mut at) = (text, 0);
    for unit in units {
        let spaces = rest.len() - rest.trim_start().len();
        at += rest[..spaces].chars().count();
        rest = &rest[spaces..];
        let Some(length) = spelling(rest, &unit.form) else {
            return Err((unit.line, absent(&unit.form, rest, at)));
        };
        let start = at;
        at += rest[..length].chars().count();
        let parts = parts(&rest[..length], &unit.words);
        rest = &rest[length..];
        match parts {
            Some(lengths) => {
                let mut from = start;
                for length in lengths {
                    ranges.push(from..from + length);
                    from += length;
                }
            }
            None => ranges.extend(unit.words.iter().map(|_| start..at)),
        }
    }
    match (rest.trim(), units.last()) {
        ("", _) | (_, None) => Ok(ranges),
        (more, Some(last)) => {
            let reason = format!(
                "the text goes on after the last word, {:?}, with {:?}",
                short(&last.form),
                short(more)
            );
            Err((last.line, reason))
        }
    }
}

/// The length in bytes of a form at the beginning of a text. Both may be composed in different ways:
/// é is one code point, or e with an accent (canonical equivalence, UAX 15).
fn spelling(text: &str, form: &str) -> Option<usize> {
    if text.starts_with(form) {
        return Some(form.len());
    }
    let wanted: Vec<char> = form.nfd().collect();
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    // A character is at most four when it is decomposed, and at least one.
    ends.take(wanted.len()).find(|&end| {
        let found = &text[..end];
        found.nfd().count() == wanted.len() && found.nfd().eq(wanted.iter().copied())
    })
}

/// The lengths in characters of the words of a token in its spelling; none if it is not their
/// concatenation.
fn parts(token: &str, words: &[String]) -> Option<Vec<usize>> {
    let mut rest = token;
    let mut lengths = Vec::with_capacity(words.len());
    for word in words {
        let length = spelling(rest, word)?;
        lengths.push(rest[..length].chars().count());
        rest = &rest[length..];
    }
    rest.is_empty().then_some(lengths)
}

/// That a form is not where it should be. The code points show differences that look equal.
fn absent(form: &str, rest: &str, at: usize) -> String {
    let same = form.chars().zip(rest.chars()).take_while(|(a, b)| a == b).count();
    let code = |text: &str| match text.chars().nth(same) {
        Some(c) => format!("U+{:04X}", u32::from(c)),
        None => "nothing more".to_owned(),
    };
    let found: String = rest.chars().take(form.chars().count().min(40)).collect();
    format!(
        "{:?} is not at character {at} of the text; there is {found:?} (the form has {}, the text {})",
        short(form),
        code(form),
        code(rest),
    )
}

/// The beginning of a text that may be long.
pub(super) fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, form: &str, misc: &str) -> String {
        format!("{id}\t{form}\t_\t_\t_\t_\t_\t_\t_\t{misc}\n")
    }

    fn read(file: &str) -> Result<Vec<Text>> {
        let mut lines = Lines::new(file.as_bytes(), "f.conllu");
        let mut texts = Vec::new();
        while let Some(text) = sentence(&mut lines, &mut |_, _| {})? {
            texts.push(text);
        }
        Ok(texts)
    }

    fn shown(text: &Text) -> Vec<String> {
        let letters: Vec<char> = text.text.chars().collect();
        text.words.iter().map(|w| letters[w.clone()].iter().collect()).collect()
    }

    #[test]
    fn words_have_their_place_in_the_text() {
        let file = format!(
            "\u{feff}# newdoc\r\n\r\n# sent_id = a1\n# text = Vámonos al mar.\n{}{}{}{}{}{}{}{}\n# only = a comment\n\n{}{}",
            line("1-2", "Vámonos", "_"),
            line("1", "Vamos", "_"),
            line("2", "nos", "_"),
            line("3-4", "al", "_"),
            line("3", "a", "_"),
            line("4", "l", "_"),
            line("4.1", "gone", "_"),
            line("5", "mar", "SpaceAfter=No") + &line("6", ".", "_"),
            line("1", "¿", "Gloss=x|SpaceAfter=No"),
            line("2", "Qué", "_") + &line("3", "tal", "_"),
        );
        let texts = read(&file).unwrap();
        assert_eq!(texts.len(), 2);
        let first = &texts[0];
        assert_eq!((first.sent_id.as_deref(), first.line), (Some("a1"), Some(3)));
        assert_eq!(shown(first), ["Vámonos", "Vámonos", "a", "l", "mar", "."]);
        assert_eq!(texts[1].text, "¿Qué tal");
        assert_eq!(texts[1].words, [0..1, 1..4, 5..8]);
        assert_eq!(read(&file.replace('\n', "\r\n")).unwrap(), texts);
        // Forms and text that are composed in different ways are canonically equivalent.
        for file in [
            format!(
                "# text = cafe\u{301} \u{212b}ngström \u{1100}\u{1161}s \n{}{}{}{}",
                line("1", "café", "_"),
                line("2-3", "Ångström", "_"),
                line("2", "Å", "_"),
                line("3", "ngstro\u{308}m", "_") + &line("4", "가s", "_")
            ),
            format!(
                "# text = café Ångström 가s\n{}{}{}{}",
                line("1", "cafe\u{301}", "_"),
                line("2-3", "A\u{30a}ngström", "_"),
                line("2", "A\u{30a}", "_"),
                line("3", "ngström", "_") + &line("4", "\u{1100}\u{1161}s", "_")
            ),
        ] {
            let text = &read(&file).unwrap()[0];
            let shown: Vec<String> = shown(text).iter().map(|word| word.nfc().collect()).collect();
            assert_eq!(shown, ["café", "Å", "ngström", "가s"], "{:?}", text.words);
        }
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read("# text = nothing\n\n\n").unwrap(), []);
    }

    #[test]
    fn mistakes_name_their_line() {
        let said = |file: String| read(&file).unwrap_err().to_string();
        for (file, reason) in [
            ("1 From from\n".to_owned(), "10 columns with tabs between them, this line has 1"),
            (line("one", "x", "_"), "\"one\" is not the number of the next word"),
            (line("2", "x", "_"), "\"2\" is not the number of the next word"),
            (line("1", "x", "_") + &line("1", "x", "_"), "line 2"),
            (line("0-1", "x", "_"), "not the number of the next word"),
            (line("2-1", "x", "_"), "not the number of the next word"),
            (line("1-18446744073709551615", "x", "_"), "the sentence ends before the last"),
            (line("1-3", "x", "_") + &line("1", "x", "_"), "before the last 2 words"),
            (line("1-2", "xy", "_") + &line("1-2", "xy", "_"), "not the number of the next word"),
            (line("1.x", "x", "_"), "not the number of the next word"),
            (line("2.1", "x", "_") + &line("1", "x", "_"), "not the number of the next word"),
            (line("1", "", "_"), "has no form"),
            (
                "# text = a b\n".to_owned() + &line("1", "b", "_"),
                "\"b\" is not at character 0 of the text; there is \"a\" (the form has U+0062, the text U+0061)",
            ),
            (
                "# text = cafés\n".to_owned() + &line("1", "cafe\u{301}t", "_"),
                "(the form has U+0065, the text U+00E9)",
            ),
            (
                "# text = a b c\n".to_owned() + &line("1", "a", "_") + &line("2", "b", "_"),
                "line 3: the text goes on after the last word, \"b\", with \"c\"",
            ),
            (
                "# text = ab\n".to_owned()
                    + &line("1-2", "a", "_")
                    + &line("1", "a", "_")
                    + &line("2", "a", "_"),
                "goes on",
            ),
            (line("99999999999999999999", "x", "_"), "not the number of the next word"),
        ] {
            let said = said(file);
            assert!(said.starts_with("f.conllu, line ") && said.contains(reason), "{said}");
        }
    }
}
