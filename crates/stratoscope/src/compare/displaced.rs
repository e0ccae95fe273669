//! Content words that both sentences have, at other places.

use super::sentences::{Aligned, sides};
use serde::Serialize;
use std::collections::HashMap;
use stratoscope_geometry::Edit;

/// A content word that both sentences have, and that the alignment does not pair with itself.
///
/// The words that the alignment replaces, deletes or inserts are compared by form, without regard to
/// case: the first occurrence that is left over in the first sentence belongs to the first one that is
/// left over in the second sentence, and so on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DisplacedWord {
    /// The word, as the first sentence has it.
    pub word: String,
    /// The steps of the alignment that have it: in the first sentence, and in the second.
    pub steps: [usize; 2],
    /// As [`AlignedWord::begins`](super::AlignedWord::begins).
    pub begins: Option<usize>,
    /// As [`AlignedWord::parts`](super::AlignedWord::parts).
    pub parts: Option<usize>,
}

impl DisplacedWord {
    /// Whether it stands at another place, and not in the same step in another case.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.steps[0] != self.steps[1]
    }
}

/// The content words at other places, as pairs of steps; `content` is whether the first word of a step
/// is a content word.
pub(super) fn displaced(aligned: &Aligned, content: &[bool]) -> Vec<[usize; 2]> {
    let form = |side: usize, word: usize| aligned.words[side][word].text.to_lowercase();
    let left = |edit: &Edit| !matches!(edit, Edit::Equal(..));
    let steps = || aligned.edits.iter().enumerate().filter(move |(_, edit)| left(edit));
    let mut second: HashMap<String, Vec<usize>> = HashMap::new();
    for (step, &edit) in steps() {
        if let (_, Some(word)) = sides(edit) {
            second.entry(form(1, word)).or_default().push(step);
        }
    }
    let mut found = Vec::new();
    for (step, &edit) in steps() {
        if let (Some(word), _) = sides(edit)
            && content[step]
            && let Some(others) = second.get_mut(&form(0, word)).filter(|others| !others.is_empty())
        {
            found.push([step, others.remove(0)]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(first: &str, second: &str) -> Vec<[String; 2]> {
        let aligned = Aligned::of([first, second], |_| String::new()).unwrap();
        let found = displaced(&aligned, &vec![true; aligned.edits.len()]);
        let word = |side: usize, step: usize| {
            let (a, b) = sides(aligned.edits[step]);
            aligned.words[side][[a, b][side].unwrap()].text.clone()
        };
        found.into_iter().map(|[a, b]| [word(0, a), word(1, b)]).collect()
    }

    #[test]
    fn left_over_words_are_paired_by_form() {
        let pair = |word: &str| [word.to_owned(), word.to_owned()];
        assert_eq!(of("dog bit man", "man bit dog"), [pair("dog"), pair("man")]);
        // Without regard to case, also in one step.
        assert_eq!(of("Dogs bite men", "Men bite dogs").len(), 2);
        assert_eq!(of("Go home", "go home"), [["Go".to_owned(), "go".to_owned()]]);
        // A word that is kept once and left over once.
        assert_eq!(of("a b a c", "a b c"), [] as [[String; 2]; 0]);
        assert_eq!(of("x y", "y x x"), [pair("y")]);
        assert_eq!(of("a b", "c d"), [] as [[String; 2]; 0]);
    }

    #[test]
    fn function_words_are_not_paired() {
        let aligned = Aligned::of(["dog bit man", "man bit dog"], |_| String::new()).unwrap();
        let content: Vec<bool> = (0..aligned.edits.len()).map(|step| step != 0).collect();
        let first: Vec<usize> = displaced(&aligned, &content).iter().map(|pair| pair[0]).collect();
        assert!(!first.contains(&0), "{first:?}");
    }
}
