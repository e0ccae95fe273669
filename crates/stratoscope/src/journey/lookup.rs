//! The words of the bank by form and by lemma.

use crate::bank::{BankStates, BankWord, Forms};
use std::collections::HashMap;
use stratoscope_report::Occurrence;

/// The most letters of context that are shown on each side of an occurrence.
const CONTEXT: usize = 36;

/// The occurrences of words, by form and by lemma.
pub(super) struct Lookup<'a> {
    pub(super) bank: &'a BankStates,
    /// `[occurrences]`: the lemma.
    pub(super) lemma_of: Vec<usize>,
    /// `[lemmas]`.
    lemmas: Vec<&'a str>,
    /// The lemmas of each form in lower case.
    of_form: HashMap<String, Vec<usize>>,
    pub(super) forms: Forms,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(bank: &'a BankStates) -> Self {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut lookup = Self {
            bank,
            lemma_of: Vec::new(),
            lemmas: Vec::new(),
            of_form: HashMap::new(),
            forms: Forms::of(&bank.sentences),
        };
        for word in bank.words.iter().chain(&bank.stimuli) {
            let number = *numbers.entry(&word.lemma).or_insert_with(|| {
                lookup.lemmas.push(&word.lemma);
                lookup.lemmas.len() - 1
            });
            lookup.lemma_of.push(number);
            let of_form = lookup.of_form.entry(word.form.to_lowercase()).or_default();
            if !of_form.contains(&number) {
                of_form.push(number);
            }
        }
        lookup
    }

    /// The lemmas that the bank has for a form in lower case, or else the form as a lemma. None if the
    /// bank has neither.
    pub(super) fn lemmas(&self, form: &str) -> Vec<usize> {
        let own = || self.lemmas.iter().position(|lemma| *lemma == form).into_iter().collect();
        self.of_form.get(form).cloned().unwrap_or_else(own)
    }

    /// An occurrence: a word of the bank, or after them a target of the stimuli.
    pub(super) fn word(&self, occurrence: usize) -> Option<&'a BankWord> {
        let words = &self.bank.words;
        words.get(occurrence).or_else(|| self.bank.stimuli.get(occurrence - words.len()))
    }

    /// An occurrence, as it is shown.
    pub(super) fn shown(&self, occurrence: usize) -> Occurrence {
        let Some(word) = self.word(occurrence) else { return Occurrence::default() };
        let text = &self.bank.sentences[word.sentence].text;
        let letters: Vec<char> = text.text.chars().collect();
        let place = &text.words[word.word];
        let (start, end) = (place.start.min(letters.len()), place.end.min(letters.len()));
        Occurrence {
            before: before(&letters[..start]),
            word: letters[start..end].iter().collect(),
            after: after(&letters[end..]),
            lemma: word.lemma.clone(),
            upos: Some(word.upos.clone()),
            relation: word.relation.clone(),
            supersense: word.supersense.clone(),
        }
    }
}

/// The last letters of the context before a word, from the beginning of a word on.
fn before(letters: &[char]) -> String {
    if letters.len() <= CONTEXT {
        return letters.iter().collect();
    }
    let kept = &letters[letters.len() - CONTEXT..];
    let space = kept.iter().position(|c| c.is_whitespace());
    let kept = &kept[space.map_or(0, |space| space + 1)..];
    format!("…{}", kept.iter().collect::<String>())
}

/// The first letters of the context after a word, up to the end of a word.
fn after(letters: &[char]) -> String {
    if letters.len() <= CONTEXT {
        return letters.iter().collect();
    }
    let kept = &letters[..CONTEXT];
    let space = kept.iter().rposition(|c| c.is_whitespace());
    let kept = &kept[..space.unwrap_or(CONTEXT)];
    format!("{}…", kept.iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_is_cut_between_words() {
        let of = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(before(&of("at the ")), "at the ");
        let long = "During the long storm it was the old wooden ";
        assert_eq!(before(&of(long)), "…long storm it was the old wooden ");
        assert_eq!(after(&of(" that collapsed into the wide river.")), {
            " that collapsed into the wide river."
        });
        let long = " that collapsed into the wide dark river.";
        assert_eq!(after(&of(long)), " that collapsed into the wide dark…");
        // A word that is longer than the context is cut within.
        assert_eq!(after(&of(&"字".repeat(50))).chars().count(), CONTEXT + 1);
        assert_eq!(before(&of(&"字".repeat(50))).chars().count(), CONTEXT + 1);
    }
}
