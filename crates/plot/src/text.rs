//! Makes any text safe and visible: hostile characters become codes, long tokens are shortened,
//! captions are wrapped.

use crate::fonts;

/// Changes that were needed to show a text; the caption reports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// A character that no shipped font has.
    pub(crate) uncovered: bool,
    /// A control, direction or invisible character.
    pub(crate) invisible: bool,
    /// Something was left out of the middle.
    pub(crate) shortened: bool,
}

impl Changes {
    pub(crate) fn add(&mut self, other: Self) {
        self.uncovered |= other.uncovered;
        self.invisible |= other.invisible;
        self.shortened |= other.shortened;
    }

    /// The sentences for the caption.
    pub(crate) fn notes(self) -> String {
        let mut notes = String::new();
        if self.uncovered {
            notes.push_str(
                " Characters that no bundled font has are shown by their code, as <U+E000>.",
            );
        }
        if self.invisible {
            notes.push_str(
                " Control and invisible characters are shown by their code, as <U+0007>.",
            );
        }
        if self.shortened {
            notes.push_str(" Long texts are shortened in the middle (…).");
        }
        notes
    }
}

/// The most marks that may stack on one letter.
const MARKS_PER_LETTER: usize = 3;
/// Characters kept from each end of a long token before it is measured.
const KEPT_PER_END: usize = 48;

/// `text` on one line, with every character either drawn by a shipped font or shown as `<U+…>`.
///
/// White space becomes visible at the ends (`␣`) and a blank within.
pub(crate) fn clean(text: &str) -> (String, Changes) {
    let mut out = String::with_capacity(text.len());
    let mut changes = Changes::default();
    // Whether a visible character stands before, and how many marks it already carries.
    let (mut base, mut marks) = (false, 0);
    for c in text.chars() {
        if c == ' ' {
            out.push(' ');
            (base, marks) = (false, 0);
        } else if fonts::joins_previous(c) && (fonts::is_joiner(c) || fonts::covers(c)) {
            marks += 1;
            if base && marks <= MARKS_PER_LETTER {
                out.push(c);
            } else if !base && fonts::is_mark(c) {
                // A mark alone stands on the dotted circle, as in Unicode's charts.
                out.push('\u{25CC}');
                out.push(c);
                (base, marks) = (true, 1);
            } else if !base && !fonts::is_joiner(c) {
                out.push(c);
                base = true;
            } else if !base {
                push_code(&mut out, c);
                changes.invisible = true;
            } else if marks == MARKS_PER_LETTER + 1 {
                out.push('…');
                changes.shortened = true;
            }
        } else if is_invisible(c) {
            push_code(&mut out, c);
            changes.invisible = true;
            (base, marks) = (false, 0);
        } else if fonts::covers(c) {
            out.push(c);
            (base, marks) = (true, 0);
        } else {
            push_code(&mut out, c);
            changes.uncovered = true;
            (base, marks) = (false, 0);
        }
    }
    (out, changes)
}

/// `text` as one cleaned line without the middle of what is much too long.
fn bounded(text: &str) -> (String, Changes) {
    let length = text.chars().count();
    if length <= 2 * KEPT_PER_END {
        return clean(text);
    }
    let head: String = text.chars().take(KEPT_PER_END).collect();
    let tail: String = text.chars().skip(length - KEPT_PER_END).collect();
    let (shown, changes) = clean(&format!("{head}…{tail}"));
    (shown, Changes { shortened: true, ..changes })
}

/// A title or a name in lines at most `limit` wide at `size`.
pub(crate) fn lines(text: &str, size: f64, limit: f64) -> (Vec<String>, Changes) {
    let (shown, changes) = bounded(text);
    (wrap(&shown, size, limit).0, changes)
}

/// A token's label, at most `limit` wide at `size`, never blank.
pub(crate) fn label(text: &str, size: f64, limit: f64) -> (String, Changes) {
    let (mut shown, mut changes) = bounded(text);
    if shown.is_empty() {
        return ("(empty)".to_owned(), changes);
    }
    let lead = shown.len() - shown.trim_start_matches(' ').len();
    let trail = shown.trim_start_matches(' ').len() - shown.trim_matches(' ').len();
    if lead + trail > 0 {
        shown = format!("{}{}{}", "␣".repeat(lead), shown.trim_matches(' '), "␣".repeat(trail));
    }
    let (shown, cut) = elide(&shown, size, limit);
    changes.shortened |= cut;
    (shown, changes)
}

/// Leaves out the middle of `text` until it fits `limit`; where no letter fits, all of it.
pub(crate) fn elide(text: &str, size: f64, limit: f64) -> (String, bool) {
    if fonts::width(text, size) <= limit {
        return (text.to_owned(), false);
    }
    let units = clusters(text);
    // Two thirds of what stays are from the beginning: it tells most.
    for keep in (2..units.len()).rev() {
        let head = keep - keep / 3;
        let mut short: String = units.iter().take(head).copied().collect();
        short.push('…');
        short.extend(units.iter().skip(units.len() - (keep - head)).copied());
        if fonts::width(&short, size) <= limit {
            return (short, true);
        }
    }
    let first = format!("{}…", units.first().copied().unwrap_or_default());
    (if fonts::width(&first, size) <= limit { first } else { "…".to_owned() }, true)
}

/// Letters with their marks, and codes `<U+…>`, that must not be cut apart.
fn clusters(text: &str) -> Vec<&str> {
    let mut starts = Vec::new();
    let mut code = false;
    let mut joined = false;
    for (at, c) in text.char_indices() {
        if !(code || joined || fonts::joins_previous(c)) || starts.is_empty() {
            starts.push(at);
        }
        joined = c == '\u{200D}';
        code = if code { c != '>' } else { text.get(at..).is_some_and(|t| t.starts_with("<U+")) };
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).filter_map(|(&a, b)| text.get(a..b)).collect()
}

/// Breaks `text` into lines at most `limit` wide at `size`. Line ends in `text` are kept.
pub(crate) fn wrap(text: &str, size: f64, limit: f64) -> (Vec<String>, Changes) {
    let mut lines = Vec::new();
    let mut changes = Changes::default();
    let space = fonts::width(" ", size);
    for paragraph in text.lines() {
        let (mut line, mut used) = (String::new(), 0.0);
        for word in paragraph.split([' ', '\t']).filter(|word| !word.is_empty()) {
            let (word, seen) = clean(word);
            changes.add(seen);
            for part in break_word(&word, size, limit) {
                let wide = fonts::width(&part, size);
                if !line.is_empty() && used + space + wide > limit {
                    lines.push(std::mem::take(&mut line));
                    used = 0.0;
                }
                if !line.is_empty() {
                    line.push(' ');
                    used += space;
                }
                line.push_str(&part);
                used += wide;
            }
        }
        lines.push(line);
    }
    (lines, changes)
}

/// Cuts a word that is wider than a whole line; other words come back as they are.
fn break_word(word: &str, size: f64, limit: f64) -> Vec<String> {
    if fonts::width(word, size) <= limit {
        return vec![word.to_owned()];
    }
    let mut parts = Vec::new();
    let (mut part, mut used) = (String::new(), 0.0);
    for cluster in clusters(word) {
        let wide = fonts::width(cluster, size);
        if !part.is_empty() && used + wide > limit {
            parts.push(std::mem::take(&mut part));
            used = 0.0;
        }
        part.push_str(cluster);
        used += wide;
    }
    parts.push(part);
    parts
}

/// Control characters, bidirectional controls, other default-ignorable characters, blanks other
/// than the space, and code points that XML forbids.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || c != ' ' && c.is_whitespace()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{FFFE}'..='\u{FFFF}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

fn push_code(out: &mut String, c: char) {
    out.push_str(&format!("<U+{:04X}>", u32::from(c)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(label(text, 8.0, 90.0).0, expected);
    }

    #[test]
    fn labels() {
        check("cat", "cat");
        check(" the", "␣the");
        check("  ", "␣␣");
        check("", "(empty)");
        check("a\u{7}b", "a<U+0007>b");
        check("\u{202E}evil", "<U+202E>evil");
        check("\n", "<U+000A>");
        check("\u{200D}", "<U+200D>");
        check("한", "<U+D55C>");
        check("\u{301}", "\u{25CC}\u{301}");
        check("👩\u{200D}🔬", "👩\u{200D}🔬");
        check("مرحبا", "مرحبا");
        check("z\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}", "z\u{301}\u{301}\u{301}…");
    }

    #[test]
    fn long_tokens_lose_their_middle_and_fit() {
        for text in ["Donaudampfschifffahrtsgesellschaft", &"x".repeat(100_000), &"한".repeat(400)]
        {
            let (shown, changes) = label(text, 8.0, 60.0);
            assert!(changes.shortened && shown.contains('…'), "{shown}");
            assert!(fonts::width(&shown, 8.0) <= 60.0, "{shown}");
        }
    }

    #[test]
    fn wrapped_lines_fit_and_lose_nothing() {
        let text =
            "A caption with a veryveryveryveryveryveryveryverylongword and\u{7} more.\n\nEnd";
        let (lines, changes) = wrap(text, 8.0, 80.0);
        assert!(lines.iter().all(|line| fonts::width(line, 8.0) <= 80.5), "{lines:?}");
        assert!(changes.invisible);
        let joined: String = lines.concat().replace(' ', "");
        assert_eq!(joined, text.replace('\u{7}', "<U+0007>").replace([' ', '\n'], ""));
    }

    #[test]
    fn nothing_that_xml_forbids_is_left() {
        let hostile: String = (0..0x11_0000).step_by(7).filter_map(char::from_u32).collect();
        let (shown, _) = clean(&hostile);
        assert!(shown.chars().all(|c| !is_invisible(c) || fonts::is_joiner(c)));
    }
}
