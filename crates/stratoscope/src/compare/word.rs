//! One word in several contexts: the similarity of its vectors at every layer, relative to
//! homographs with known senses.

use super::error::start_of;
use super::homographs::Homographs;
use super::reference_distribution::ReferenceDistribution;
use super::verdict::plain;
use super::word_vectors::{TextPlaces, Vectors, Word, some_words_of, words_of};
use super::{CompareError, Compared, Comparison, Options};
use crate::artifacts::ModelArtifacts;
use crate::bank::BankStates;
use crate::text::ordinal;
use crate::{Estimate, Explorer, Omitted, Part, Result, Why, journey};
use serde::Serialize;
use std::ops::Range;
use stratoscope_extractor::{Activations, HookSelection, LayerSelection, LongText, Text, prepare};
use stratoscope_numerics::largest;
use stratoscope_report::Journeys;

/// The largest number of contexts; all pairs of contexts are compared.
const MAX_CONTEXTS: usize = 50;

/// A comparison of one word in several contexts.
#[derive(Debug, Clone, Serialize)]
pub struct WordComparison {
    /// The contexts, in the order given.
    pub contexts: Vec<WordContext>,
    /// The number of built-in homographs in the reference.
    pub homographs: usize,
    /// The number of sentences with these homographs.
    pub homograph_sentences: usize,
    /// The layer at which similarity separates the senses of the homographs best; of equal layers,
    /// the first.
    pub best: usize,
    /// `[n_layers + 1]`: the numbers of each layer.
    pub layers: Vec<WordLayer>,
    /// For two contexts of one word: what stands near the word in each, with
    /// [`NEIGHBOURS`](crate::journey::NEIGHBOURS) neighbours in each list. The tokens are rows of the
    /// tokens of both contexts, one after the other.
    pub journeys: Option<Journeys>,
    /// `[layers]`, with journeys: how many of the nearest neighbours are the same in both contexts, and of
    /// how many.
    pub in_common: Vec<[usize; 2]>,
    /// The layer at which the contexts part: the first layer from which on, up to the last, fewer than
    /// half of the nearest neighbours are the same. `None` if there is no such layer, or there are no
    /// journeys. It has no interval, because there is one pair of contexts.
    pub parts: Option<usize>,
}

/// A word in a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WordContext {
    /// The text.
    pub text: String,
    /// The word, in the spelling of the text.
    pub word: String,
    /// The number of the occurrence in the text, from 1.
    pub occurrence: usize,
    /// The number of occurrences in the text.
    pub occurrences: usize,
    /// The place in the text: the first character, from 0, and the character after the last.
    pub place: [usize; 2],
}

/// The comparison at one layer.
#[derive(Debug, Clone, Serialize)]
pub struct WordLayer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The mean similarity of all pairs of contexts. It has no interval, because there is one word.
    pub similarity: f64,
    /// All pairs of contexts.
    pub pairs: Vec<WordPair>,
    /// The mean similarity of a homograph in two contexts of the same sense, with an interval over
    /// words.
    pub same_sense: Option<Estimate>,
    /// The mean similarity of a homograph in two contexts of two senses.
    pub other_sense: Option<Estimate>,
    /// The probability that a homograph pair of the same sense is more similar than a homograph
    /// pair of two senses (the area under the ROC curve).
    pub senses_auc: Estimate,
}

/// A pair of contexts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WordPair {
    /// The index of the first context.
    pub first: usize,
    /// The index of the second context.
    pub second: usize,
    /// The similarity of the word's vectors: the cosine, or minus the Euclidean distance.
    pub similarity: f64,
    /// The percentage of homograph pairs of the same sense that are less similar.
    pub percentile_same: f64,
    /// The percentage of homograph pairs of two senses that are less similar.
    pub percentile_other: f64,
}

/// The vectors of the words of some contexts.
struct ReadContexts {
    vectors: Vectors,
    /// `[contexts]`: the row of the word of each context; `None` if it has no token.
    own: Vec<Option<usize>>,
    /// The states of all tokens.
    states: Option<Activations>,
}

impl Explorer {
    /// Compares the vectors of one word in two or more contexts by layer, relative to the 32
    /// built-in homographs in the same sense and in two senses.
    ///
    /// There is one word for all texts, one text for all words, or one word for each text. The word
    /// is searched in its spelling first, and then without regard to case. `bank#2` is the second
    /// occurrence. Several consecutive words count as one (`New York`).
    ///
    /// # Errors
    /// A word or an occurrence that is not in its text; fewer than two different contexts, or more
    /// than 50; a word without a token; a text that is too long; a forward pass that fails.
    pub fn compare_word(
        &self,
        texts: &[impl AsRef<str>],
        words: &[impl AsRef<str>],
        options: &Options,
    ) -> Result<Comparison> {
        let contexts = contexts(texts, words)?;
        let ReadContexts { vectors, own, states } = self.read_contexts(&contexts, options)?;
        let mut rows = Vec::new();
        for (index, (context, row)) in contexts.iter().zip(own).enumerate() {
            rows.push(row.ok_or_else(|| CompareError::NoToken {
                place: format!("text {}", index + 1),
                what: format!("{:?}", context.word),
                text: start_of(&context.text),
            })?);
        }
        let reference = ReferenceDistribution::plain(self, options)?;
        let homographs = Homographs::of(self, &reference, options)?;
        let n = contexts.len();
        let pairs: Vec<(usize, usize)> =
            (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))).collect();
        let first: Vec<usize> = pairs.iter().map(|p| rows[p.0]).collect();
        let second: Vec<usize> = pairs.iter().map(|p| rows[p.1]).collect();
        let mut layers = Vec::new();
        for layer in 0..vectors.n_layers() {
            let (a, b) = (vectors.some(layer, &first), vectors.some(layer, &second));
            let values = reference.similarities(layer, a.view(), b.view())?;
            let [among_same, among_other] = homographs.percentiles(layer, &values)?;
            let pair = |(index, &(first, second)): (usize, &(usize, usize))| WordPair {
                first,
                second,
                similarity: values[index],
                percentile_same: among_same[index],
                percentile_other: among_other[index],
            };
            let [same_sense, other_sense] = homographs.means(layer, options.seed)?;
            layers.push(WordLayer {
                layer,
                similarity: values.iter().sum::<f64>() / values.len() as f64,
                pairs: pairs.iter().enumerate().map(pair).collect(),
                same_sense,
                other_sense,
                senses_auc: homographs.auc(layer, options.seed)?,
            });
        }
        let best = largest(layers.iter().map(|l| l.senses_auc.value)).unwrap_or(0);
        let mut omitted = Vec::new();
        // Reading the bank may take seconds.
        let (journeys, bank) = match two_of_one_word(&contexts) {
            Err(why) => (Err(why), None),
            Ok(places) => {
                let bank = self.reference_states()?;
                (journeys_of(&places, states.as_ref(), bank.as_deref()), bank)
            }
        };
        let journeys = journeys.map_err(|why| omitted.push(Omitted::new(Part::Journeys, why))).ok();
        let (mut in_common, mut parts) = (Vec::new(), None);
        if let Some([first, second]) = journeys.as_ref().map(|of| &of.words[..]) {
            in_common = journey::in_common(first, second);
            parts = journey::parting(first, second);
        }
        let found = WordComparison {
            contexts,
            homographs: homographs.words,
            homograph_sentences: homographs.sentences,
            best,
            layers,
            journeys,
            in_common,
            parts,
        };
        let baseline = self.artifacts()?.baseline;
        let artifacts = ModelArtifacts { baseline, bank, ..ModelArtifacts::default() };
        let comparison = Comparison::new(self, options, Compared::Word(found), omitted);
        Ok(Comparison { states: states.map(|states| (states, artifacts)), ..comparison })
    }

    /// Reads the contexts; the states of all tokens only if there are two contexts, for the page.
    fn read_contexts(&self, contexts: &[WordContext], options: &Options) -> Result<ReadContexts> {
        let word = |of: &WordContext| of.place[0]..of.place[1];
        let places: Vec<(Vec<Range<usize>>, usize)> = match contexts.len() {
            2 => contexts.iter().map(WordContext::places).collect(),
            _ => contexts.iter().map(|of| (vec![word(of)], 0)).collect(),
        };
        let wanted = contexts.iter().zip(&places).map(|(context, (places, _))| TextPlaces {
            text: &context.text,
            line: None,
            places: places.clone(),
        });
        let wanted: Vec<TextPlaces<'_>> = wanted.collect();
        let (vectors, states) = match contexts.len() {
            2 => {
                let text = |one: &TextPlaces<'_>| Text {
                    words: one.places.clone(),
                    ..Text::from(one.text)
                };
                let texts = wanted.iter().map(text).collect();
                let prepared = prepare(self.model(), texts, LongText::Refuse)?;
                let (layers, hooks) = (LayerSelection::All, HookSelection::default());
                let states = self.states(prepared, &layers, &hooks)?;
                (Vectors::of_states(&states, &wanted, options.pooling)?, Some(states))
            }
            _ => (Vectors::of(self, &wanted, options.pooling, self.progress())?, None),
        };
        vectors.warnings.report(self.progress());
        let own = vectors.rows.iter().zip(&places).map(|(rows, (_, own))| rows[*own]).collect();
        Ok(ReadContexts { vectors, own, states })
    }
}

/// The places of one word in two contexts, or the reason why there are no journeys.
fn two_of_one_word(contexts: &[WordContext]) -> std::result::Result<[Range<usize>; 2], Why> {
    let [first, second] = contexts else {
        return Err(Why::Texts("they are for two contexts of one word".to_owned()));
    };
    if first.word.to_lowercase() != second.word.to_lowercase() {
        return Err(Why::Texts("the contexts are of two words".to_owned()));
    }
    Ok([first, second].map(|context| context.place[0]..context.place[1]))
}

/// The journeys of the words at these places of two texts, or the reason why there are none. `states` are
/// the tokens of both.
fn journeys_of(
    places: &[Range<usize>; 2],
    states: Option<&Activations>,
    bank: Option<&BankStates>,
) -> std::result::Result<Journeys, Why> {
    let (states, bank) = states.zip(bank).ok_or(Why::NotStored)?;
    let journeys = journey::of_places(states, bank, places);
    match journeys.words.len() {
        2 => Ok(journeys),
        _ => {
            let reason = "the model reads the word as an unknown token or on an attention sink";
            Err(Why::Texts(reason.to_owned()))
        }
    }
}

impl WordContext {
    /// The places of all words of the text, of which the word of the context is one, and its index.
    fn places(&self) -> (Vec<Range<usize>>, usize) {
        let own = self.place[0]..self.place[1];
        let others = words_of(&self.text).into_iter().map(|word| word.place);
        let mut places: Vec<Range<usize>> =
            others.filter(|place| place.end <= own.start || place.start >= own.end).collect();
        let index = places.partition_point(|place| place.start < own.start);
        places.insert(index, own);
        (places, index)
    }

    /// The word, with the number of the occurrence if the text has several.
    pub(super) fn name(&self) -> String {
        match self.occurrences {
            0 | 1 => format!("“{}”", plain(Some(&self.word))),
            _ => format!("“{}” ({})", plain(Some(&self.word)), ordinal(self.occurrence)),
        }
    }
}

/// The contexts of the words in the texts.
fn contexts(texts: &[impl AsRef<str>], words: &[impl AsRef<str>]) -> Result<Vec<WordContext>> {
    let n = texts.len().max(words.len());
    let fits = |len: usize| len == 1 || len == n;
    if n < 2 || !fits(texts.len()) || !fits(words.len()) {
        return Err(CompareError::Contexts { texts: texts.len(), words: words.len() }.into());
    }
    if n > MAX_CONTEXTS {
        return Err(CompareError::TooManyContexts { found: n, max: MAX_CONTEXTS }.into());
    }
    let mut found: Vec<WordContext> = Vec::new();
    for index in 0..n {
        let context = context(at(texts, index).to_owned(), at(words, index), index)?;
        if let Some(first) = found.iter().position(|other| *other == context) {
            let word = context.word;
            let (first, second) = (first + 1, index + 1);
            return Err(CompareError::SameContext { word, first, second }.into());
        }
        found.push(context);
    }
    Ok(found)
}

/// The entry at an index; for a list of one entry, this entry.
fn at(list: &[impl AsRef<str>], index: usize) -> &str {
    list.get(index).or(list.first()).map_or("", AsRef::as_ref)
}

/// The occurrence of a word in a text; the word is given as `word` or `word#2`.
fn context(text: String, given: &str, index: usize) -> Result<WordContext> {
    let place = format!("text {}", index + 1);
    let own = some_words_of(&text, || place.clone())?;
    let (word, asked) = match given.rsplit_once('#') {
        Some((word, number)) if !word.is_empty() => match number.parse() {
            Ok(number) if number > 0 => (word, number),
            _ => return Err(CompareError::NotAnOccurrence { word: given.to_owned() }.into()),
        },
        _ => (given, 1),
    };
    let mut places = occurrences(&own, word, |a, b| a == b);
    if places.is_empty() {
        places = occurrences(&own, word, |a, b| a.to_lowercase() == b.to_lowercase());
    }
    let word = word.to_owned();
    match places.get(asked - 1) {
        Some(range) => Ok(WordContext {
            word: text.chars().skip(range.start).take(range.len()).collect(),
            text,
            occurrence: asked,
            occurrences: places.len(),
            place: [range.start, range.end],
        }),
        None if places.is_empty() => {
            let all: Vec<&str> = own.iter().map(|w| w.text.as_str()).collect();
            Err(CompareError::NoSuchWord { word, place, words: start_of(&all.join(" ")) }.into())
        }
        None => {
            Err(CompareError::NoSuchOccurrence { word, place, asked, found: places.len() }.into())
        }
    }
}

/// The places of a word, or of several consecutive words, in characters.
fn occurrences(own: &[Word], word: &str, same: impl Fn(&str, &str) -> bool) -> Vec<Range<usize>> {
    let sought = words_of(word);
    if sought.is_empty() {
        return Vec::new();
    }
    let hit = |some: &&[Word]| some.iter().zip(&sought).all(|(a, b)| same(&a.text, &b.text));
    let place = |some: &[Word]| match some {
        [first, .., last] => first.place.start..last.place.end,
        [one] => one.place.clone(),
        [] => 0..0,
    };
    own.windows(sought.len()).filter(hit).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str], words: &[&str]) -> Result<Vec<WordContext>, String> {
        contexts(texts, words).map_err(|e| e.to_string())
    }

    #[test]
    fn words_are_found_by_spelling_case_and_occurrence() {
        let found = of(&["The bank, by the bank."], &["bank#2", "The"]).unwrap();
        assert_eq!((found[0].place, found[0].occurrence), ([17, 21], 2));
        assert_eq!((found[1].place, found[1].word.as_str()), ([0, 3], "The"));
        // Without regard to case, if the spelling is not found.
        let found = of(&["Bank.", "é bank"], &["bank"]).unwrap();
        assert_eq!((found[0].place, found[1].place), ([0, 4], [2, 6]));
        assert_eq!(found[0].word, "Bank");
        let found = of(&["in New York", "New York is"], &["new york"]).unwrap();
        assert_eq!((found[0].place, found[1].place), ([3, 11], [0, 8]));
        let found = of(&["a # b", "#"], &["#"]).unwrap();
        assert_eq!(found[0].place, [2, 3]);
    }

    #[test]
    fn wrong_words_and_occurrences_are_errors() {
        let error = |texts: &[&str], words: &[&str]| of(texts, words).unwrap_err();
        let missing = "\"loan\" is not in text 2, whose words are: the bank";
        assert_eq!(error(&["a loan", "the bank"], &["loan"]), missing);
        let third = "\"a\" occurs 2 × in text 1, so there is no a#3";
        assert_eq!(error(&["a b a", "a"], &["a#3"]), third);
        assert!(error(&["a b a", "a"], &["a#x"]).contains("after #"));
        assert!(error(&["a b a", "a"], &["a#0"]).contains("after #"));
        assert!(error(&["a"], &["a"]).contains("1 texts and 1 words"));
        assert!(error(&["a", "b", "c"], &["a", "b"]).contains("3 texts and 2 words"));
        assert!(error(&[], &["a", "b"]).contains("0 texts"));
        let same = "contexts 1 and 2 are the same occurrence of \"a\" in the same text";
        assert_eq!(error(&["a", "a"], &["a"]), same);
        assert!(error(&["a", " "], &["a"]).contains("text 2 has no word"));
        assert!(error(&["a", "b"], &[""]).contains("is not in text 1"));
        assert!(error(&vec!["a"; 51], &["a"]).contains("51 contexts"));
    }
}
