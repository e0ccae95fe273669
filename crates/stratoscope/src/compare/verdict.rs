//! What a comparison found, in sentences: the same ones on the terminal, on the page and in the JSON.

use super::sentences::NEAREST;
use super::{Compared, EditKind, Moved, SentenceComparison, WordComparison};
use crate::journey::NEIGHBOURS;
use crate::text::{listed, ordinal};

/// The largest number of kept words that are named.
const MAX_NAMED: usize = 3;

/// The largest number of words whose layer of parting is named.
const MAX_PARTED: usize = 3;

/// The sentences of the verdict, the finding first; none for pairs from a file, whose result is a table.
/// A causal model reads only what stands before a word.
pub(super) fn of(compared: &Compared, causal: bool) -> Vec<String> {
    match compared {
        Compared::Sentences(of) => of_sentences(of, causal),
        Compared::Word(of) => of_word(of),
        Compared::Pairs(_) | Compared::Wic(_) => Vec::new(),
    }
}

/// What was found about the content words that are in both sentences, in the same order or at other
/// places: whether their nearest words part, and how far they move.
fn of_sentences(of: &SentenceComparison, causal: bool) -> Vec<String> {
    if of.alignment.iter().all(|word| word.edit == EditKind::Kept) {
        return vec!["The two sentences have the same words.".to_owned()];
    }
    let Some(kept) = of.layers.first().and_then(|l| l.kept) else {
        return vec!["No content word is in both sentences.".to_owned()];
    };
    if causal && stands_before(of) {
        let words = kept_words(of, kept.n);
        let (stand, have, these) = match kept.n {
            1 => ("stands", "vector is", "its"),
            _ => ("stand", "vectors are", "their"),
        };
        return vec![
            capital(format!("{words} {stand} before the first difference.")),
            format!(
                "This model reads only what stands before a word, so that {these} {have} the same in both."
            ),
        ];
    }
    let mut verdict = of_parts(of);
    let by = if verdict.is_empty() { "" } else { "By distance, " };
    let s = if kept.n == 1 { "s" } else { "" };
    let words = kept_words(of, kept.n);
    let at = |layer: usize| of.layers.iter().find(|l| l.layer == layer);
    let place = |layer: usize| percent(at(layer).and_then(|l| l.kept_percentile_same_word));
    let pairs = "of pairs of one word in unrelated sentences are closer";
    match of.begins {
        None => verdict.extend([
            capital(format!("{by}{words} stay{s} near.")),
            format!("From layer 1 on, no more than {NEAREST} % {pairs}."),
        ]),
        Some(begins) => {
            verdict.push(capital(format!("{by}{words} begin{s} to differ at layer {begins}.")));
            let largest = match of.most {
                Some(most) if most == begins => ", and the difference is largest there".to_owned(),
                Some(most) => {
                    format!("; the difference is largest at layer {most}, with {} %", place(most))
                }
                None => String::new(),
            };
            let rule = format!("the rule is above {NEAREST} %, from layer 1 on");
            verdict.push(format!("There, {} % {pairs} ({rule}){largest}.", place(begins)));
        }
    }
    if let Some(Moved { word, layer, share }) = of.moved.filter(|moved| moved.share > 0.0) {
        let moves = match kept.n {
            1 => format!("It moves most at layer {layer}: there"),
            _ => format!("{} moves most: at layer {layer}", named(of, word)),
        };
        verdict.push(format!(
            "{moves} its distance is {:.*} % of the median distance of such pairs.",
            usize::from(share < 0.1),
            100.0 * share
        ));
    }
    verdict.extend(of_places(of));
    verdict
}

/// Whether all content words of both sentences stand before the first difference.
fn stands_before(of: &SentenceComparison) -> bool {
    let first = of.alignment.iter().position(|word| word.edit != EditKind::Kept);
    let after = of.alignment.iter().skip(first.unwrap_or(of.alignment.len()));
    of.displaced.is_empty() && !after.into_iter().any(|w| w.edit == EditKind::Kept && w.content)
}

/// The content words at other places, by name if they are few.
fn of_places(of: &SentenceComparison) -> Option<String> {
    let words = of.displaced.iter().filter(|word| word.is_elsewhere());
    let names: Vec<String> = words.map(|word| named(of, word.steps[0])).collect();
    match names.len() {
        0 => None,
        1 => Some(format!("{} is at another place in the second sentence.", names[0])),
        2..=MAX_NAMED => {
            Some(format!("{} are at other places in the second sentence.", listed(&names)))
        }
        n => Some(format!("{n} of these words are at other places in the second sentence.")),
    }
}

/// The word of the first sentence in a step, with the number of its occurrence if there are several.
fn named(of: &SentenceComparison, step: usize) -> String {
    let form = |step: usize| of.alignment.get(step)?.first.as_ref().map(|word| word.to_lowercase());
    let own = form(step);
    let all: Vec<usize> = (0..of.alignment.len()).filter(|&other| form(other) == own).collect();
    let word = plain(of.alignment.get(step).and_then(|word| word.first.as_deref()));
    match all.iter().position(|&other| other == step) {
        Some(place) if all.len() > 1 => format!("“{word}” ({})", ordinal(place + 1)),
        _ => format!("“{word}”"),
    }
}

/// The content words that are in both sentences, by name if they are few.
fn kept_words(of: &SentenceComparison, n: usize) -> String {
    let kept = of.alignment.iter().enumerate();
    let kept = kept.filter(|(_, word)| word.edit == EditKind::Kept && word.content);
    let mut steps: Vec<usize> = kept.map(|(step, _)| step).collect();
    steps.extend(of.displaced.iter().map(|word| word.steps[0]));
    steps.sort_unstable();
    let names: Vec<String> = steps.into_iter().map(|step| named(of, step)).collect();
    match names.len() {
        1 => format!("the content word {}, which is in both sentences,", names[0]),
        2..=MAX_NAMED => {
            format!("the content words {}, which are in both sentences,", listed(&names))
        }
        _ => format!("the {n} content words that are in both sentences"),
    }
}

/// The kept content words whose nearest words part, and at which layers; empty if none does.
fn of_parts(of: &SentenceComparison) -> Vec<String> {
    let kept = of.alignment.iter().enumerate();
    let kept = kept.filter_map(|(step, word)| Some((step, word.parts?)));
    let elsewhere = of.displaced.iter().filter_map(|word| Some((word.steps[0], word.parts?)));
    let mut parted: Vec<(usize, usize)> = kept.chain(elsewhere).collect();
    parted.sort_by_key(|&(step, layer)| (layer, step));
    let more = parted.len().saturating_sub(MAX_PARTED);
    let first = parted.iter().take(MAX_PARTED).enumerate();
    let sentences = first.map(|(index, &(step, layer))| match index {
        0 => format!("The two contexts of {} part at layer {layer}", named(of, step)),
        _ => format!("those of {} at layer {layer}", named(of, step)),
    });
    let mut parts: Vec<String> = sentences.collect();
    if parts.is_empty() {
        return Vec::new();
    }
    if more > 0 {
        parts.push(format!("those of {more} more later"));
    }
    vec![
        format!("{}.", parts.join(", ")),
        format!(
            "From there on, fewer than half of their {NEIGHBOURS} nearest words in other sentences are \
             the same."
        ),
    ]
}

/// A sentence with a capital letter.
fn capital(text: String) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Whether, and from which layer on, two contexts of one word part; none if there are no journeys.
fn of_word(of: &WordComparison) -> Vec<String> {
    if of.journeys.is_none() {
        return Vec::new();
    }
    let word = plain(of.contexts.first().map(|context| context.word.as_str()));
    let last = of.layers.last().map_or(0, |layer| layer.layer);
    let nearest = format!("of their {NEIGHBOURS} nearest words in other sentences are the same");
    let [found, why] = match of.parts {
        Some(layer) if layer == last => [
            format!("The two contexts of “{word}” part at the last layer, {layer}."),
            format!("There, fewer than half {nearest}."),
        ],
        Some(layer) => [
            format!("The two contexts of “{word}” part at layer {layer}."),
            format!("From there to layer {last}, fewer than half {nearest}."),
        ],
        None => [
            format!("The two contexts of “{word}” do not part."),
            format!("At the last layer, at least half {nearest}."),
        ],
    };
    vec![found, why, "One pair of contexts gives no interval.".to_owned()]
}

/// A word with its control characters escaped.
pub(super) fn plain(word: Option<&str>) -> String {
    let shown =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    word.unwrap_or_default().chars().map(shown).collect()
}

/// A percentage with one decimal.
pub(super) fn percent(value: Option<f64>) -> String {
    match value {
        Some(value) if value > 0.0 && value < 0.1 => "< 0.1".to_owned(),
        Some(value) if value > 99.9 && value < 100.0 => "> 99.9".to_owned(),
        Some(value) => format!("{value:.1}"),
        None => "–".to_owned(),
    }
}
