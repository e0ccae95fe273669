//! Computes the curves from the states of the words of a bank.

use super::draws::Deviations;
use super::{BankOfCurves, Curves, CurvesLayer, FORMAT, RESAMPLES, SEED, TOOL};
use crate::bank::{self, Bank, BankStates, BankWord, CONTENT};
use crate::given::{GivenStates, Subject};
use crate::profile::NamedStimuli;
use crate::progress::Progress;
use crate::{Explorer, Result};
use std::collections::HashMap;
use stratoscope_extractor::{AnnotatedWord, Origin};
use stratoscope_probing::context::{ContextCurves, ContextWords, InContext, LayerSums, WordClass};

impl Curves {
    /// Computes the curves of a model and of one with random weights.
    ///
    /// # Errors
    /// The errors of [`Explorer::bank_states`].
    pub fn compute(explorer: &Explorer, bank: &Bank) -> Result<Self> {
        let (curves, of_bank) = explorer.context_curves(bank)?;
        let random = explorer.with_random_weights(SEED)?;
        let (random, _) = random.context_curves(&bank.without_stimuli())?;
        Ok(Self::of(explorer.origin(), of_bank, curves, Some(random)))
    }

    /// Computes the curves of states that were computed before, without those of random weights.
    ///
    /// # Errors
    /// States without all layers, or without a sentence of the bank.
    pub(in crate::profile) fn of_given(given: &GivenStates, bank: &Bank) -> Result<Self> {
        let subject = Subject::States(given);
        let states = bank::compute(subject, bank)?;
        let (curves, of_bank) = of_states(states, subject.progress())?;
        Ok(Self::of(subject.origin(), of_bank, curves, None))
    }

    /// The curves of a model, with those of random weights.
    pub(in crate::profile) fn of(
        model: Origin,
        bank: BankOfCurves,
        curves: ContextCurves,
        random: Option<ContextCurves>,
    ) -> Self {
        let by_layer = |curves: &ContextCurves| -> Vec<CurvesLayer> {
            let layers = curves.layers.iter().enumerate();
            layers.map(|(layer, &values)| CurvesLayer { layer, values }).collect()
        };
        Self {
            format: FORMAT,
            tool: TOOL.to_owned(),
            model,
            bank,
            seed: SEED,
            resamples: RESAMPLES,
            layers: by_layer(&curves),
            random_weights: random.iter().flat_map(by_layer).collect(),
            resampled: Deviations::of(&curves),
        }
    }
}

impl Explorer {
    /// The curves of this model alone: nothing is read from the store but the states of the bank.
    ///
    /// # Errors
    /// The errors of [`bank_states`](Self::bank_states).
    pub fn context_curves(&self, bank: &Bank) -> Result<(ContextCurves, BankOfCurves)> {
        of_states(self.bank_states(bank)?, self.progress())
    }
}

/// The curves of the words of a bank.
fn of_states(states: BankStates, progress: &dyn Progress) -> Result<(ContextCurves, BankOfCurves)> {
    let (words, of_bank) = words(&states);
    let in_context = InContext::new(words, states.bank.sentences, SEED)?;
    let n = states.n_layers();
    let mut sums: Vec<LayerSums> = Vec::with_capacity(n);
    for layer in 0..n {
        progress.go_on()?;
        progress.part("neighbours", layer, n);
        sums.push(in_context.layer(states.layer(layer).view())?);
    }
    progress.part("neighbours", n, n);
    Ok((in_context.curves(&sums), of_bank))
}

/// The words as the measures need them. Nouns and verbs are compared if they have a supersense of their
/// class (`n.…`, `v.…`); in a bank without supersenses, if they have a relation.
fn words(states: &BankStates) -> (ContextWords, BankOfCurves) {
    let all = &states.words;
    let supersenses = all.iter().any(|word| word.supersense.is_some());
    let class = |word: &BankWord| {
        let (class, start) = match word.upos.as_str() {
            "NOUN" => (WordClass::Noun, "n."),
            "VERB" => (WordClass::Verb, "v."),
            _ => return None,
        };
        let compared = match &word.supersense {
            Some(supersense) => supersense.starts_with(start),
            None => !supersenses && word.relation.is_some(),
        };
        compared.then_some(class)
    };
    let (mut lemmas, mut relations, mut senses) =
        (Numbers::default(), Numbers::default(), Numbers::default());
    let mut words = ContextWords::default();
    for word in all {
        words.sentences.push(word.sentence);
        words.lemmas.push(lemmas.of(&word.lemma));
        words.positions.push(word.position);
        words.classes.push(class(word));
        words.relations.push(word.relation.as_deref().map(|relation| relations.of(relation)));
        words.supersenses.push(word.supersense.as_deref().map(|sense| senses.of(sense)));
    }
    let count = |of| words.classes.iter().filter(|class| **class == Some(of)).count();
    let (nouns, verbs) = (count(WordClass::Noun), count(WordClass::Verb));
    (words, BankOfCurves { summary: states.bank.clone(), nouns, verbs })
}

/// A number for each text.
#[derive(Default)]
struct Numbers<'a>(HashMap<&'a str, usize>);

impl<'a> Numbers<'a> {
    fn of(&mut self, text: &'a str) -> usize {
        let next = self.0.len();
        *self.0.entry(text).or_insert(next)
    }
}

/// The operations in a second of two cores.
const SPEED: f64 = 1.8e11;

/// The tokens of a text with so many words, for a usual tokenizer.
fn tokens(words: usize) -> f64 {
    1.2 * words as f64 + 2.0
}

/// What `profile` does for a model: the model and one with random weights read the reference bank and
/// compare its words, and the model reads the stimuli.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Work {
    /// The tokens that are read.
    tokens: f64,
    /// The pairs of words that are compared.
    pairs: f64,
}

impl Work {
    fn of(origin: &Origin) -> Result<Self> {
        let bank = Bank::reference()?;
        let in_text = |text: &str| tokens(text.split_whitespace().count());
        let of_bank: f64 = bank.sentences.iter().map(|s| tokens(s.words.len())).sum();
        let targets: f64 = bank.stimuli.iter().map(|s| in_text(&s.text.text)).sum();
        let crossed = NamedStimuli::homographs()?.for_model(origin)?.stimuli.items();
        let crossed: f64 = crossed.iter().map(|item| in_text(&item.text)).sum();
        let words = || bank.sentences.iter().flat_map(|s| &s.words);
        let pairs = |upos: &[&str]| {
            let has =
                |word: &&AnnotatedWord| word.upos.as_deref().is_some_and(|u| upos.contains(&u));
            (words().filter(has).count() as f64).powi(2)
        };
        let pairs = pairs(&CONTENT) + pairs(&["NOUN"]) + pairs(&["VERB"]);
        Ok(Self { tokens: 2.0 * of_bank + targets + crossed, pairs: 2.0 * pairs })
    }
}

/// Where nothing is measured: what to run, and about how long it takes. The time is that of two cores,
/// from the number of layers and the width of a usual block (12 d_model² weights).
///
/// # Errors
/// A built-in file that cannot be parsed; this does not happen in a released build.
pub fn not_measured(origin: &Origin, d_model: usize) -> Result<String> {
    if origin.read_as.is_some() {
        let how = "not measured: run `stratoscope profile --write-texts texts.tsv`, let the model read \
                   these texts, and run `stratoscope profile --from` with their states";
        return Ok(how.to_owned());
    }
    let (layers, d) = (origin.n_layers as f64, d_model as f64);
    let Work { tokens, pairs } = Work::of(origin)?;
    let operations = 2.0 * 12.0 * d * d * layers * tokens + 2.0 * d * (layers + 1.0) * pairs;
    let model = match origin.model.contains(char::is_whitespace) {
        true => format!("'{}'", origin.model),
        false => origin.model.clone(),
    };
    let time = about(operations / SPEED);
    Ok(format!(
        "not measured yet: run `stratoscope profile --model {model}` (about {time} on two cores)"
    ))
}

/// A time in seconds or minutes, as a round number.
fn about(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => "10 s".to_owned(),
        s if s < 95.0 => format!("{} s", 10.0 * (s / 10.0).round()),
        s if s < 330.0 => format!("{} minutes", (s / 60.0).round()),
        s if s < 5400.0 => format!("{} minutes", 5.0 * (s / 300.0).round()),
        s => format!("{} hours", (s / 3600.0).round().max(2.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::tests::planted;
    use stratoscope_extractor::{AnnotatedSentence, LongText, Text, prepare};

    #[test]
    fn times_are_round() {
        let times = [3.0, 44.0, 94.0, 130.0, 1000.0, 9000.0].map(about);
        assert_eq!(times, ["10 s", "40 s", "90 s", "2 minutes", "15 minutes", "3 hours"]);
    }

    #[cfg(feature = "bundled")]
    #[test]
    fn the_time_is_that_of_the_tokens_that_are_read() {
        let explorer = Explorer::bundled().unwrap();
        let tokens = |texts: Vec<Text>| {
            prepare(explorer.model(), texts, LongText::Cut).unwrap().tokens() as f64
        };
        let bank = Bank::reference().unwrap();
        let of = |all: &[AnnotatedSentence]| tokens(all.iter().map(|s| s.text.clone()).collect());
        let stimuli = NamedStimuli::homographs().unwrap();
        let crossed = stimuli.clone().stimuli.items();
        let crossed = tokens(crossed.iter().map(|item| Text::from(item.text.as_str())).collect());
        let expected = 2.0 * of(&bank.sentences) + of(&bank.stimuli) + crossed;
        let work = Work::of(&explorer.origin()).unwrap();
        assert!((work.tokens / expected - 1.0).abs() < 0.15, "{work:?} {expected}");
        // A causal model reads fewer stimuli.
        let causal = Work::of(&Origin { causal: true, ..explorer.origin() }).unwrap();
        assert!(causal.tokens < work.tokens && causal.pairs == work.pairs);
    }

    #[test]
    fn nouns_and_verbs_are_compared_that_have_a_supersense_of_their_class() {
        let bank = ["bank/n.GROUP run/v.motion tree", "[the] bank"];
        let (of, summary) = words(&planted(&bank, &[vec![[0.0; 3]; 4]]));
        assert_eq!(of.classes, [Some(WordClass::Noun), None, None, None]);
        assert_eq!((of.sentences, of.positions), (vec![0, 0, 0, 1], vec![1, 2, 3, 2]));
        assert_eq!(of.lemmas, [0, 1, 2, 0]);
        assert_eq!(of.supersenses, [Some(0), Some(1), None, None]);
        assert_eq!((summary.nouns, summary.verbs), (1, 0));
        // Without any supersense, all nouns are compared.
        let (of, summary) = words(&planted(&["bank run tree", "[the] bank"], &[vec![[0.0; 3]; 4]]));
        assert_eq!((of.supersenses, summary.nouns), (vec![None; 4], 4));
    }
}
