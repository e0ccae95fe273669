//! Two sentences, word by word: the distance of aligned words at every layer.

use super::displaced::{DisplacedWord, displaced};
use super::error::start_of;
use super::reference_distribution::{Reference, ReferenceDistribution};
use super::word_vectors::{TextPlaces, Vectors, Word, some_words_of};
use super::{CompareError, Compared, Comparison, Options, omitted};
use crate::artifacts::ModelArtifacts;
use crate::bank::{Bank, BankStates, Forms};
use crate::text::counted;
use crate::{Estimate, Explorer, Omitted, Result, explore, journey};
use serde::Serialize;
use std::ops::Range;
use stratoscope_extractor::{
    Activations, HookSelection, LayerSelection, LongText, Row, Text, prepare,
};
use stratoscope_geometry::{Edit, align_words, grouped_mean};
use stratoscope_numerics::largest;
use stratoscope_report::Journeys;

/// Kept content words begin to differ at the first layer at which their percentile, among pairs of one word
/// in two unrelated sentences, is above this value.
pub(super) const NEAREST: f64 = 5.0;

/// A comparison of two sentences, word by word.
#[derive(Debug, Clone, Serialize)]
pub struct SentenceComparison {
    /// The sentences.
    pub texts: [String; 2],
    /// The smallest number of edits from the first to the second sentence, in order:
    /// [`align_words`].
    pub alignment: Vec<AlignedWord>,
    /// The content words that both sentences have at other places, in the order of the first sentence.
    /// They count as kept content words.
    pub displaced: Vec<DisplacedWord>,
    /// The first layer, from layer 1 on, at which the mean distance of the kept content words is above
    /// the 5th percentile of pairs of one word in two unrelated sentences. (At layer 0, only position
    /// can differ.) `None` if there is no such layer or no kept content word.
    pub begins: Option<usize>,
    /// The layer, from layer 1 on, at which the percentile of this mean is largest; of equal
    /// layers, the first. `None` if no kept content word differs at any layer, or there is none.
    pub most: Option<usize>,
    /// The kept content word that moves most, from layer 1 on. `None` if there is no such word.
    pub moved: Option<Moved>,
    /// `[n_layers + 1]`: the numbers of each layer.
    pub layers: Vec<SentenceLayer>,
}

/// The largest distance of a kept content word.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Moved {
    /// The step of the alignment that has it; of a displaced word, that of the first sentence.
    pub word: usize,
    /// The layer.
    pub layer: usize,
    /// Its distance as a share of [`SentenceLayer::same_word`], the median distance of one word in two
    /// unrelated sentences.
    pub share: f64,
}

/// An edit of a word, from the first sentence to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EditKind {
    /// The word is in both sentences.
    Kept,
    /// Another word replaces it.
    Replaced,
    /// Only the first sentence has the word.
    Deleted,
    /// Only the second sentence has the word.
    Inserted,
}

/// One step of the alignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlignedWord {
    /// The edit.
    pub edit: EditKind,
    /// The word of the first sentence; `None` for an inserted word.
    pub first: Option<String>,
    /// The word of the second sentence; `None` for a deleted word.
    pub second: Option<String>,
    /// Whether it is a content word: at least half of the occurrences of its form in the reference bank
    /// are nouns, verbs, adjectives, adverbs or names, or the form does not occur there and has a
    /// letter. Of a replaced word, whether the first word is.
    pub content: bool,
    /// [`SentenceComparison::begins`] for this word alone; only for kept words.
    pub begins: Option<usize>,
    /// For a kept content word, the layer at which its nearest words in other sentences part, as in a
    /// comparison of one word; `None` if they do not, or if a sentence has no journey of the word.
    pub parts: Option<usize>,
}

/// The comparison at one layer.
#[derive(Debug, Clone, Serialize)]
pub struct SentenceLayer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The mean distance of kept content words, those at other places too, with an interval over words.
    pub kept: Option<Estimate>,
    /// The percentile of `kept` among the distances of random words.
    pub kept_percentile: Option<f64>,
    /// The percentile of `kept` among the distances of one word in two unrelated sentences.
    pub kept_percentile_same_word: Option<f64>,
    /// The mean distance between replaced words and the words in their place.
    pub replaced: Option<Estimate>,
    /// The percentile of `replaced` among the distances of random words.
    pub replaced_percentile: Option<f64>,
    /// The distance between the mean vectors of the sentences.
    pub sentence: f64,
    /// The median distance of random words from unrelated sentences, with the interval of their
    /// middle 90 %; n is the number of pairs.
    pub random: Estimate,
    /// The median distance of one word in two unrelated sentences, with the interval of their middle
    /// 90 %.
    pub same_word: Estimate,
    /// `[alignment]`: the distance of the two words; `None` if a word has no counterpart or no
    /// token.
    pub words: Vec<Option<WordDistance>>,
    /// `[displaced]`: the distance of the two occurrences of each displaced word; `None` if one of them
    /// has no token.
    pub displaced: Vec<Option<WordDistance>>,
}

/// The distance between two aligned words.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WordDistance {
    /// The distance.
    pub distance: f64,
    /// The percentile among the distances of random words.
    pub percentile: f64,
    /// For a kept word, the percentile among the distances of one word in two unrelated sentences.
    pub percentile_same_word: Option<f64>,
}

/// Two sentences with their alignment.
pub(super) struct Aligned {
    pub(super) words: [Vec<Word>; 2],
    pub(super) edits: Vec<Edit>,
}

impl Aligned {
    pub(super) fn of(texts: [&str; 2], place: impl Fn(usize) -> String) -> Result<Self> {
        let first = some_words_of(texts[0], || place(0))?;
        let second = some_words_of(texts[1], || place(1))?;
        let forms = |words: &[Word]| words.iter().map(|w| w.text.clone()).collect::<Vec<_>>();
        let edits = align_words(&forms(&first), &forms(&second))?;
        Ok(Self { words: [first, second], edits })
    }

    /// The places of all words of both sentences.
    pub(super) fn wanted<'a>(
        &self,
        texts: [&'a str; 2],
        line: Option<usize>,
    ) -> [TextPlaces<'a>; 2] {
        [0, 1].map(|side| TextPlaces {
            text: texts[side],
            line,
            places: self.words[side].iter().map(|w| w.place.clone()).collect(),
        })
    }
}

/// The word of the first sentence and of the second sentence in a step, from 0.
pub(super) fn sides(edit: Edit) -> (Option<usize>, Option<usize>) {
    match edit {
        Edit::Equal(a, b) | Edit::Substituted(a, b) => (Some(a), Some(b)),
        Edit::Deleted(a) => (Some(a), None),
        Edit::Inserted(b) => (None, Some(b)),
    }
}

impl Explorer {
    /// Aligns two sentences word by word ([`align_words`]) and measures the distance of aligned
    /// words at every layer, relative to word pairs from the 200 built-in sentences. Words are
    /// those of Unicode's segmentation, which does not depend on the model. The model reads each
    /// sentence once; the page shows these states.
    ///
    /// # Errors
    /// A text that has no word, has no word with a token, or is too long for the model; a forward
    /// pass that fails.
    pub fn compare_sentences(
        &self,
        first: &str,
        second: &str,
        options: &Options,
    ) -> Result<Comparison> {
        let texts = [first, second];
        let place = |side: usize| format!("text {}", side + 1);
        let aligned = Aligned::of(texts, place)?;
        let wanted = aligned.wanted(texts, None);
        let read = [0, 1].map(|side: usize| Text {
            words: wanted[side].places.clone(),
            ..Text::from(texts[side])
        });
        // The page shows the states of these tokens too.
        let prepared = prepare(self.model(), read.to_vec(), LongText::Refuse)?;
        let states = self.states(prepared, &LayerSelection::All, &HookSelection::default())?;
        let vectors = Vectors::of_states(&states, &wanted, options.pooling)?;
        let of_side = |side: usize| -> Result<Vec<usize>> {
            let rows: Vec<usize> = vectors.rows[side].iter().flatten().copied().collect();
            match rows.is_empty() {
                true => Err(CompareError::NoToken {
                    place: place(side),
                    what: "any word".to_owned(),
                    text: start_of(texts[side]),
                }
                .into()),
                false => Ok(rows),
            }
        };
        let whole = [of_side(0)?, of_side(1)?];
        let reference = ReferenceDistribution::of(self, options)?;

        // The alignment steps with two words that have vectors, and the rows of these words.
        let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
        for (step, &edit) in aligned.edits.iter().enumerate() {
            if let (Some(a), Some(b)) = sides(edit)
                && let (Some(a), Some(b)) = (vectors.rows[0][a], vectors.rows[1][b])
            {
                pairs.push((step, a, b));
            }
        }
        let is_kept = |step: usize| matches!(aligned.edits[step], Edit::Equal(..));
        let forms = Forms::of(&Bank::reference()?.sentences);
        let content = |&edit: &Edit| match sides(edit) {
            (Some(a), _) => forms.is_content(&aligned.words[0][a].text.to_lowercase()),
            (None, Some(b)) => forms.is_content(&aligned.words[1][b].text.to_lowercase()),
            (None, None) => false,
        };
        let content: Vec<bool> = aligned.edits.iter().map(content).collect();
        // After the steps come the displaced words that have vectors, by their index.
        let displaced = displaced(&aligned, &content);
        let in_order = pairs.len();
        for (index, steps) in displaced.iter().enumerate() {
            let [a, b] = [sides(aligned.edits[steps[0]]).0, sides(aligned.edits[steps[1]]).1];
            if let (Some(a), Some(b)) = (a, b)
                && let (Some(a), Some(b)) = (vectors.rows[0][a], vectors.rows[1][b])
            {
                pairs.push((index, a, b));
            }
        }
        let rows_a: Vec<usize> = pairs.iter().map(|p| p.1).collect();
        let rows_b: Vec<usize> = pairs.iter().map(|p| p.2).collect();
        let mut layers = Vec::new();
        for layer in 0..vectors.n_layers() {
            let (a, b) = (vectors.some(layer, &rows_a), vectors.some(layer, &rows_b));
            let distances = reference.distances(layer, a.view(), b.view())?;
            let percentiles = reference.percentiles(layer, &distances, Reference::Random)?;
            let among_same = reference.percentiles(layer, &distances, Reference::SameWord)?;
            let mean = |kept: bool| -> Result<(Option<Estimate>, Option<f64>)> {
                let counts = |index: usize, step: usize| match kept {
                    _ if index >= in_order => kept,
                    true => is_kept(step) && content[step],
                    false => !is_kept(step),
                };
                let own = pairs.iter().zip(&distances).enumerate();
                let own = own.filter(|(index, ((step, ..), _))| counts(*index, *step));
                let own: Vec<f64> = own.map(|(_, (_, &d))| d).collect();
                let alone: Vec<usize> = (0..own.len()).collect();
                let mean = grouped_mean(&own, &alone, options.seed)?;
                let at = reference.percentile(layer, mean, Reference::Random)?;
                Ok((mean, at))
            };
            let (kept, kept_percentile) = mean(true)?;
            let (replaced, replaced_percentile) = mean(false)?;
            let mut words = vec![None; aligned.edits.len()];
            let mut of_displaced = vec![None; displaced.len()];
            for (index, &(place, ..)) in pairs.iter().enumerate() {
                let in_place = index < in_order;
                let same_word = !in_place || is_kept(place);
                let found = Some(WordDistance {
                    distance: distances[index],
                    percentile: percentiles[index],
                    percentile_same_word: same_word.then(|| among_same[index]),
                });
                if in_place { words[place] = found } else { of_displaced[place] = found }
            }
            let means = [0, 1].map(|side| vectors.mean(layer, &whole[side]));
            let far = reference.distances(layer, means[0].view(), means[1].view())?;
            layers.push(SentenceLayer {
                layer,
                kept,
                kept_percentile,
                kept_percentile_same_word: reference.percentile(
                    layer,
                    kept,
                    Reference::SameWord,
                )?,
                replaced,
                replaced_percentile,
                sentence: far.first().copied().unwrap_or(0.0),
                random: reference.spread(layer, Reference::Random),
                same_word: reference.spread(layer, Reference::SameWord),
                words,
                displaced: of_displaced,
            });
        }

        let bank = self.reference_states()?;
        let mut parts = vec![None; aligned.edits.len()];
        let mut parts_displaced = vec![None; displaced.len()];
        if let Some(bank) = &bank {
            let journeys = OwnJourneys::of(self, &aligned, &states, bank)?;
            for (step, &edit) in aligned.edits.iter().enumerate() {
                if let Edit::Equal(a, b) = edit
                    && content[step]
                {
                    parts[step] = journeys.part(a, b);
                }
            }
            for (parts, [a, b]) in parts_displaced.iter_mut().zip(&displaced) {
                let words = (sides(aligned.edits[*a]).0, sides(aligned.edits[*b]).1);
                *parts = words.0.zip(words.1).and_then(|(a, b)| journeys.part(a, b));
            }
        }
        let begins_at = |of: &dyn Fn(&SentenceLayer) -> Option<WordDistance>| {
            let own = layers.iter().map(|layer| of(layer).and_then(|w| w.percentile_same_word));
            begins(&own.collect::<Vec<_>>())
        };
        let displaced = displaced.iter().zip(parts_displaced).enumerate();
        let displaced = displaced.map(|(index, (&steps, parts))| DisplacedWord {
            word: sides(aligned.edits[steps[0]])
                .0
                .map_or_else(String::new, |word| aligned.words[0][word].text.clone()),
            steps,
            begins: begins_at(&|layer| layer.displaced[index]),
            parts,
        });
        let displaced: Vec<DisplacedWord> = displaced.collect();
        let alignment = aligned.edits.iter().enumerate().map(|(step, &edit)| {
            let (a, b) = sides(edit);
            AlignedWord {
                edit: match edit {
                    Edit::Equal(..) => EditKind::Kept,
                    Edit::Substituted(..) => EditKind::Replaced,
                    Edit::Deleted(_) => EditKind::Deleted,
                    Edit::Inserted(_) => EditKind::Inserted,
                },
                first: a.map(|a| aligned.words[0][a].text.clone()),
                second: b.map(|b| aligned.words[1][b].text.clone()),
                content: content[step],
                begins: begins_at(&|layer| layer.words[step]),
                parts: parts[step],
            }
        });
        let alignment: Vec<AlignedWord> = alignment.collect();
        let kept: Vec<Option<f64>> = layers.iter().map(|l| l.kept_percentile_same_word).collect();
        let most = most(&kept);
        let begins = begins(&kept);
        let moved = moved(&alignment, &displaced, &layers);
        let mut out = missing(&alignment, &layers, begins);
        let unread = alignment.iter().enumerate().filter(|(step, word)| {
            let both = word.first.is_some() && word.second.is_some();
            both && layers.first().is_some_and(|l| l.words[*step].is_none())
        });
        let unread: Vec<&str> = unread.filter_map(|(_, word)| word.first.as_deref()).collect();
        if !unread.is_empty() {
            let reason = format!("the tokenizer has no token for: {}", unread.join(" "));
            out.push(omitted("words without a token", reason));
        }
        let texts = texts.map(str::to_owned);
        let found = SentenceComparison { texts, alignment, displaced, begins, most, moved, layers };
        let artifacts = ModelArtifacts {
            baseline: self.artifacts()?.baseline,
            bank,
            ..ModelArtifacts::default()
        };
        let comparison = Comparison::new(self, options, Compared::Sentences(found), out);
        Ok(Comparison { states: Some((states, artifacts)), ..comparison })
    }
}

/// The journeys of the words of both sentences.
struct OwnJourneys<'a> {
    aligned: &'a Aligned,
    rows: &'a [Row],
    journeys: Option<Journeys>,
}

impl<'a> OwnJourneys<'a> {
    fn of(
        explorer: &Explorer,
        aligned: &'a Aligned,
        states: &'a Activations,
        bank: &BankStates,
    ) -> Result<Self> {
        // The page says what is missing.
        let (options, mut out) = (explore::Options::default(), Vec::new());
        let progress = explorer.progress();
        let journeys = journey::journeys(states, bank, &options, progress, &mut out)?;
        Ok(Self { aligned, rows: &states.rows, journeys })
    }

    /// The layer at which the journeys of a word of each sentence part; `None` if they do not, or if a
    /// word has none.
    fn part(&self, first: usize, second: usize) -> Option<usize> {
        let of = |side: usize, word: usize| {
            let row = first_row(self.rows, side, &self.aligned.words[side][word].place)?;
            let journeys = self.journeys.as_ref()?;
            journeys.words.iter().find(|journey| journey.tokens.contains(&row))
        };
        journey::parting(of(0, first)?, of(1, second)?)
    }
}

/// The row of the first token of a place in a text.
fn first_row(rows: &[Row], text: usize, place: &Range<usize>) -> Option<usize> {
    rows.iter().position(|row| {
        let [from, to] = row.char_offsets;
        row.sequence == text && !row.special && from < place.end && to > place.start
    })
}

/// [`SentenceComparison::begins`] from percentiles by layer.
fn begins(percentiles: &[Option<f64>]) -> Option<usize> {
    let differs = |at: &Option<f64>| at.is_some_and(|at| at > NEAREST);
    percentiles.iter().skip(1).position(differs).map(|index| index + 1)
}

/// [`SentenceComparison::most`] from percentiles by layer.
fn most(percentiles: &[Option<f64>]) -> Option<usize> {
    let above = || percentiles.iter().skip(1).map(|at| at.unwrap_or(0.0));
    let index = largest(above()).filter(|&index| above().nth(index) > Some(0.0));
    index.map(|index| index + 1)
}

/// [`SentenceComparison::moved`]; of equal words and layers, the first.
fn moved(
    alignment: &[AlignedWord],
    displaced: &[DisplacedWord],
    layers: &[SentenceLayer],
) -> Option<Moved> {
    let mut found: Option<Moved> = None;
    for layer in layers.iter().skip(1).filter(|layer| layer.same_word.value > 0.0) {
        let kept = alignment.iter().zip(&layer.words).enumerate();
        let kept = kept.filter(|(_, (of, _))| of.content && of.edit == EditKind::Kept);
        let kept = kept.map(|(step, (_, distance))| (step, *distance));
        let elsewhere = displaced.iter().zip(&layer.displaced);
        let elsewhere = elsewhere.map(|(word, distance)| (word.steps[0], *distance));
        for (word, distance) in kept.chain(elsewhere) {
            let Some(distance) = distance else { continue };
            let share = distance.distance / layer.same_word.value;
            if found.is_none_or(|most| share > most.share) {
                found = Some(Moved { word, layer: layer.layer, share });
            }
        }
    }
    found
}

/// The numbers that are not defined for these sentences.
fn missing(
    alignment: &[AlignedWord],
    layers: &[SentenceLayer],
    begins: Option<usize>,
) -> Vec<Omitted> {
    let mut out = Vec::new();
    let Some(layer) = layers.first() else { return out };
    let same = alignment.iter().all(|word| word.edit == EditKind::Kept);
    let means = [
        ("distance of kept content words", layer.kept, "no content word is in both sentences"),
        ("distance of replaced words", layer.replaced, "no word is replaced"),
    ];
    for (name, mean, why) in means {
        out.extend(mean.is_none().then(|| omitted(name, why)));
        out.extend(Omitted::interval(name, "words", mean));
    }
    if layer.kept.is_some() && begins.is_none() {
        let reason = match same {
            true => "the sentences have the same words".to_owned(),
            false => format!(
                "from layer 1 on, the mean distance of the {} is never above the {NEAREST}th \
                 percentile of pairs of one word in two unrelated sentences",
                counted(layer.kept.map_or(0, |k| k.n), "kept content word", "kept content words")
            ),
        };
        out.push(omitted("layer at which kept words begin to differ", reason));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layers_at_which_words_begin_to_differ_and_differ_most() {
        let of = |values: &[f64]| begins(&values.iter().map(|v| Some(*v)).collect::<Vec<_>>());
        assert_eq!(of(&[0.0, 4.0, 5.0, 5.1, 90.0]), Some(3));
        // Layer 0 does not count, because only position differs there.
        assert_eq!(of(&[40.0, 3.0, 4.0, 41.0]), Some(3));
        assert_eq!(of(&[90.0, 1.0]), None);
        assert_eq!(of(&[0.0; 5]), None);
        assert_eq!(begins(&[None, None]), None);
        let most = |values: &[f64]| most(&values.iter().map(|v| Some(*v)).collect::<Vec<_>>());
        assert_eq!(most(&[50.0, 7.0, 9.0, 9.0]), Some(2));
        assert_eq!((most(&[0.0, 0.0]), most(&[])), (None, None));
    }
}
