//! Journeys: what stands near a word of a text at every layer.
//!
//! Neighbours are words in context from the reference bank and the built-in homographs, not tokens of
//! the text itself. The similarity is the cosine of states in the full space, in which every dimension
//! is standardised over the words of the bank. A word is the mean of its tokens.
//!
//! Two lists are shown for a word. *The same word*: occurrences of the word in other sentences, each
//! sentence once. *Other words*: content words with another lemma, each lemma and each sentence once.

mod chart;
mod lookup;
mod search;
mod telling;
#[cfg(test)]
mod tests;

pub(crate) use chart::{both, chart, write};
pub(crate) use telling::{in_common, parting, telling};

use crate::bank::BankStates;
use crate::explore::Options;
use crate::progress::Progress;
use crate::sinks::ordinary_rows;
use crate::{Omitted, Part, Result, Why};
use lookup::Lookup;
use search::Query;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use stratoscope_extractor::{Activations, Row, Unit};
use stratoscope_loader::Pooling;
use stratoscope_report::{Journey, Journeys, Sense};

/// The number of neighbours of each list, whose labels are counted. Further neighbours that are as near as
/// the last of them belong to the list.
pub const NEIGHBOURS: usize = 10;

/// The number of neighbours of each list that the page and the JSON have.
pub const SHOWN: usize = 3;

/// A word with fewer occurrences in other sentences has only other words as neighbours.
pub const MIN_OCCURRENCES: usize = NEIGHBOURS;

/// A text has journeys if the bank has one of so many of its words. Other languages share some forms with
/// English ("die", "in", "was").
const KNOWN: usize = 2;

/// The first content words of the texts have a journey: so many that words × layers are at most this
/// number. It keeps pages small. How many words have none for this reason is reported.
pub const MAX_STEPS: usize = 400;

/// The journeys of the content words of texts.
///
/// A word is a content word if at least half of its occurrences in the bank are; a word that is not in
/// the bank is one if it has a letter. Words with unknown tokens, words on attention sinks, and words of
/// texts of which the bank has fewer than half of the words have no journey.
///
/// Parts that are missing are added to `omitted`.
///
/// # Errors
/// The caller no longer wants the result.
pub(crate) fn journeys(
    states: &Activations,
    bank: &BankStates,
    options: &Options,
    progress: &dyn Progress,
    omitted: &mut Vec<Omitted>,
) -> Result<Option<Journeys>> {
    let mut omit = |what, why| omitted.push(Omitted::new(what, why));
    if options.pooling.unwrap_or_default() != Pooling::Mean {
        let reason = "the words of the reference bank are means of their tokens";
        omit(Part::Journeys, Why::Undefined(reason.to_owned()));
        return Ok(None);
    }
    let lookup = Lookup::new(bank);
    let most = (MAX_STEPS / states.layers.len().max(1)).max(1);
    let mut queries = content_words(states, &lookup);
    if queries.is_empty() {
        let reason = "the reference bank, which is English, needs half of the words of a text, and \
                      one content word without unknown tokens";
        omit(Part::Journeys, Why::Texts(reason.to_owned()));
        return Ok(None);
    }
    if queries.len() > most {
        let (found, hint) = (queries.len(), "choose shorter texts, or fewer --layers");
        let reason =
            format!("{found} content words could have one, and only the first {most} have; {hint}");
        omit(Part::LaterJourneys, Why::Texts(reason));
        queries.truncate(most);
    }
    progress.go_on()?;
    let mut journeys = search::search(states, &lookup, &queries);
    journeys.telling = telling(&journeys, states.origin.causal);
    Ok(Some(journeys))
}

/// The journeys of one word of each text, of any kind, by the places of the words; empty if one of them
/// has none. Token states only.
pub(crate) fn of_places(
    states: &Activations,
    bank: &BankStates,
    places: &[Range<usize>],
) -> Journeys {
    let lookup = Lookup::new(bank);
    let fitted = ordinary_rows(states);
    let words = words(states);
    let queries = places.iter().enumerate().map(|(text, place)| {
        let word = words.iter().find(|word| word.text == text && word.place == *place)?;
        query(word.clone(), states, &fitted, &lookup)
    });
    search::search(states, &lookup, &queries.collect::<Option<Vec<_>>>().unwrap_or_default())
}

/// The content words of the texts.
fn content_words(states: &Activations, lookup: &Lookup<'_>) -> Vec<Query> {
    let fitted = ordinary_rows(states);
    let mut queries = Vec::new();
    for of_text in words(states).chunk_by(|a, b| a.text == b.text) {
        let forms: Vec<String> = of_text.iter().map(Word::form).collect();
        let named = forms.iter().filter(|form| form.chars().any(char::is_alphabetic)).count();
        let known = forms.iter().filter(|form| lookup.forms.knows(form)).count();
        if KNOWN * known < named {
            continue;
        }
        for (word, form) in of_text.iter().zip(&forms) {
            if lookup.forms.is_content(form) {
                queries.extend(query(word.clone(), states, &fitted, lookup));
            }
        }
    }
    queries
}

/// A word of a text.
#[derive(Clone)]
struct Word {
    text: usize,
    /// The place in the text, in characters.
    place: Range<usize>,
    /// The word, without punctuation at its ends.
    word: String,
    rows: Vec<usize>,
    /// Which occurrence in the text it is, from 1, if there are several.
    occurrence: Option<usize>,
}

impl Word {
    fn new(states: &Activations, text: usize, place: Range<usize>, rows: Vec<usize>) -> Self {
        let letters: String =
            states.texts[text].text.chars().skip(place.start).take(place.len()).collect();
        let word = letters.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
        Self { text, place, word, rows, occurrence: None }
    }

    /// The form in lower case.
    fn form(&self) -> String {
        self.word.to_lowercase()
    }
}

/// The words of the texts, in order; none if rows are sentences.
fn words(states: &Activations) -> Vec<Word> {
    let mut words = unnumbered(states);
    let mut times: HashMap<(usize, String), usize> = HashMap::new();
    for word in &words {
        *times.entry((word.text, word.form())).or_default() += 1;
    }
    let mut seen: HashMap<(usize, String), usize> = HashMap::new();
    for word in &mut words {
        let key = (word.text, word.form());
        if times.get(&key).is_some_and(|times| *times > 1) {
            let seen = seen.entry(key).or_default();
            *seen += 1;
            word.occurrence = Some(*seen);
        }
    }
    words
}

fn unnumbered(states: &Activations) -> Vec<Word> {
    match states.unit {
        Unit::Sentence => Vec::new(),
        Unit::Token => {
            let words = states.words().into_iter();
            words.map(|word| Word::new(states, word.sequence, word.place, word.rows)).collect()
        }
        Unit::Word => {
            let rows = states.rows.iter().enumerate().filter(|(_, row)| row.text_id == 0);
            let word = |(index, row): (usize, &Row)| {
                let [start, end] = row.char_offsets;
                Word::new(states, row.sequence, start..end, vec![index])
            };
            rows.map(word).collect()
        }
    }
}

/// A word with its lemmas; `None` if it has an unknown token, or is on an attention sink.
fn query(word: Word, states: &Activations, fitted: &[usize], lookup: &Lookup<'_>) -> Option<Query> {
    let reads = |row: &usize| fitted.binary_search(row).is_ok() && !states.rows[*row].unknown;
    word.rows.iter().all(reads).then(|| Query {
        text: states.texts[word.text].text.trim().to_owned(),
        lemmas: lookup.lemmas(&word.form()),
        rows: word.rows,
        word: word.word,
        occurrence: word.occurrence,
    })
}

/// The journeys of the words all of whose rows are among `rows`, which is ascending, as the page has
/// them: with [`SHOWN`] neighbours, and rows as places in `rows`.
pub(crate) fn shown(journeys: &Journeys, rows: &[usize], causal: bool) -> Option<Journeys> {
    let place = |journey: &Journey| -> Option<Journey> {
        let tokens = journey.tokens.iter().map(|row| rows.binary_search(row).ok());
        Some(Journey { tokens: tokens.collect::<Option<_>>()?, ..journey.clone() })
    };
    let mut own = Journeys {
        occurrences: journeys.occurrences.clone(),
        words: journeys.words.iter().filter_map(place).collect(),
        ..Journeys::default()
    };
    own.telling = telling(&own, causal);
    own.occurrences.clear();
    let mut numbers = vec![None; journeys.occurrences.len()];
    for layer in own.words.iter_mut().flat_map(|word| &mut word.layers) {
        for list in [&mut layer.same_word, &mut layer.other_words] {
            list.truncate(SHOWN);
            for neighbour in list {
                let number = numbers.get_mut(neighbour.occurrence)?;
                neighbour.occurrence = *number.get_or_insert_with(|| {
                    own.occurrences.extend(journeys.occurrences.get(neighbour.occurrence).cloned());
                    own.occurrences.len() - 1
                });
            }
        }
    }
    own.senses = senses(&own);
    (!own.words.is_empty()).then_some(own)
}

/// The supersenses of journeys in plain words, in the order of the alphabet.
fn senses(journeys: &Journeys) -> Vec<Sense> {
    let of_neighbours = journeys.occurrences.iter().filter_map(|at| at.supersense.as_deref());
    let layers = journeys.words.iter().flat_map(|word| &word.layers);
    let majorities = layers.flat_map(|layer| [&layer.supersense, &layer.other_supersense]);
    let of_majorities = majorities.flatten().map(|majority| majority.label.as_str());
    let labels: BTreeSet<&str> = of_neighbours.chain(of_majorities).collect();
    let sense = |label: &str| Sense { label: label.to_owned(), name: sense_name(label) };
    labels.into_iter().map(sense).collect()
}

/// A supersense in plain words: `group` for `n.GROUP`. The names that nouns and verbs share tell which.
fn sense_name(label: &str) -> String {
    let (class, name) = label.rsplit_once('.').unwrap_or(("", label));
    let name = name.to_lowercase();
    let shared = ["body", "cognition", "communication", "possession"].contains(&&*name);
    match (class, &*name) {
        (_, "naturalobject") => "natural object".to_owned(),
        ("v", _) if shared => format!("{name} (verb)"),
        _ => name,
    }
}
