//! Sentences of CoNLL-U files (universaldependencies.org/format.html): text, and the places of words.

use crate::error::{Error, Result};
use crate::input::Text;
use crate::lines::Lines;
use std::io::BufRead;
use std::ops::Range;

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
    let mut end = 0;
    while let Some((number, line)) = lines.next()? {
        end = number;
        if line.trim().is_empty() {
            if units.is_empty() {
                (text, given) = (Text::default(), None);
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
/// between them. If a multiword token is not the concatenation of its words, each word has the whole
/// token.
fn words(units: &[Unit], text: &str) -> Result<Vec<Range<usize>>, (usize, String)> {
    let mut ranges = Vec::new();
    let (mut rest, mut at) = (text, 0);
    for unit in units {
        let spaces = rest.len() - rest.trim_start().len();
        at += rest[..spaces].chars().count();
        rest = &rest[spaces..];
        let Some(after) = rest.strip_prefix(unit.form.as_str()) else {
            let form = short(&unit.form);
            return Err((unit.line, format!("{form:?} is not at character {at} of the text")));
        };
        let (start, end) = (at, at + unit.form.chars().count());
        (rest, at) = (after, end);
        if unit.words.concat() == unit.form {
            let mut from = start;
            for word in &unit.words {
                let to = from + word.chars().count();
                ranges.push(from..to);
                from = to;
            }
        } else {
            ranges.extend(unit.words.iter().map(|_| start..end));
        }
    }
    Ok(ranges)
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
            ("# text = a b\n".to_owned() + &line("1", "b", "_"), "\"b\" is not at character 0"),
            (line("99999999999999999999", "x", "_"), "not the number of the next word"),
        ] {
            let said = said(file);
            assert!(said.starts_with("f.conllu, line ") && said.contains(reason), "{said}");
        }
    }
}
