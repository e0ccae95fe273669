//! Words in context: a bank of annotated sentences, and the states of its words in a model.
//!
//! A model reads a bank once. The states of its content words are standardised, rounded to 16 bits and
//! kept in the [`Store`], so that many results can use them: curves by layer, and the
//! nearest occurrences of a word.

mod compute;
mod stored;
mod vectors;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use compute::{compute, mean_of};

use crate::given::Subject;
use crate::source::BUNDLED_ID;
use crate::store::Store;
use crate::{Explorer, Result};
use ndarray::{Array2, ArrayViewMut1, Axis};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use stratoscope_extractor::{
    AnnotatedFile, AnnotatedSentence, AnnotatedWord, Origin, Text, parse_annotated, read_annotated,
};
use stratoscope_loader::hexadecimal;
use stratoscope_loader::path_text;
use stratoscope_probing::{BANK, Context, Item, Stimuli};
use vectors::Vectors;

/// The universal parts of speech of content words.
pub(crate) const CONTENT: [&str; 5] = ["NOUN", "VERB", "ADJ", "ADV", "PROPN"];

/// The key of the supersense in the last column of a bank.
const SUPERSENSE: &str = "Supersense";

/// Annotated sentences: words in context.
#[derive(Debug, Clone)]
pub struct Bank {
    /// The name: `the reference bank`, or the files.
    pub name: String,
    /// The sha256 of the file; of several files, that of their sha256.
    pub sha256: String,
    /// The sentences.
    pub sentences: Vec<AnnotatedSentence>,
    /// Contexts of the built-in homographs, in which only the target is a word: further occurrences for
    /// [`BankStates::stimuli`].
    pub(crate) stimuli: Vec<AnnotatedSentence>,
}

impl Bank {
    /// The reference bank, 1,352 English sentences, with the targets of the built-in homographs in the
    /// 512 contexts whose cues come first, which tell causal models the sense too.
    ///
    /// # Errors
    /// A built-in file that cannot be parsed; this does not happen in a released build.
    pub fn reference() -> Result<Self> {
        let name = "the reference bank".to_owned();
        Ok(Self {
            sentences: parse_annotated(BANK.as_bytes(), &name)?,
            name,
            sha256: hexadecimal(&Sha256::digest(BANK)),
            stimuli: targets(&Stimuli::homographs()?.cues_first()?),
        })
    }

    /// Reads CoNLL-U files as one bank, without stimuli.
    ///
    /// # Errors
    /// A file that cannot be read or has a wrong format (the error names the line); no file.
    pub fn read(paths: &[PathBuf]) -> Result<Self> {
        let (mut names, mut hashes, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for path in paths {
            let AnnotatedFile { sentences, sha256, .. } = read_annotated(path)?;
            names.push(path_text(path));
            hashes.push(sha256);
            all.extend(sentences);
        }
        let sha256 = match &hashes[..] {
            [one] => one.clone(),
            several => hexadecimal(&Sha256::digest(several.concat())),
        };
        Ok(Self { name: names.join(" + "), sha256, sentences: all, stimuli: Vec::new() })
    }

    /// Whether it is the reference bank.
    pub(crate) fn is_builtin(&self) -> bool {
        self.sha256 == hexadecimal(&Sha256::digest(BANK))
    }

    /// The bank without its stimuli.
    pub(crate) fn without_stimuli(&self) -> Self {
        Self { stimuli: Vec::new(), ..self.clone() }
    }

    /// The sentences that a model reads: those of the bank, then those of the stimuli.
    pub(crate) fn all_sentences(&self) -> Vec<AnnotatedSentence> {
        self.sentences.iter().chain(&self.stimuli).cloned().collect()
    }
}

/// The contexts of stimuli, each with its first lead-in, in which only the target is a word.
fn targets(stimuli: &Stimuli) -> Vec<AnnotatedSentence> {
    let mut items = stimuli.items();
    items.dedup_by_key(|item| item.context);
    let sentence = |item: Item| {
        let word = target(stimuli, &stimuli.contexts()[item.context]);
        let words = std::iter::once(item.target[0]..item.target[1]).collect();
        AnnotatedSentence { text: Text { words, ..Text::from(item.text) }, words: vec![word] }
    };
    items.into_iter().map(sentence).collect()
}

/// The annotation of the target of a built-in homograph: a noun with the supersense of its sense.
fn target(stimuli: &Stimuli, context: &Context) -> AnnotatedWord {
    let word = &stimuli.words()[context.word];
    let sense = [word.form.as_str(), &word.senses[context.sense].name];
    let of = |line: &'static str| {
        let [form, name, supersense] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
        ([form, name] == sense).then(|| format!("{SUPERSENSE}={supersense}"))
    };
    AnnotatedWord {
        line: context.line,
        form: word.form.clone(),
        lemma: Some(word.form.clone()),
        upos: Some("NOUN".to_owned()),
        xpos: None,
        feats: None,
        head: None,
        deprel: None,
        misc: Stimuli::SUPERSENSES.lines().find_map(of),
    }
}

/// A bank in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankSummary {
    /// The name.
    pub name: String,
    /// The sha256 of its files.
    pub sha256: String,
    /// The number of sentences.
    pub sentences: usize,
    /// The number of words, with function words and punctuation.
    pub words: usize,
    /// The number of content words that have states.
    pub content_words: usize,
    /// The number of content words that were left out, because one of their tokens is an attention
    /// sink at some layer.
    pub on_sinks: usize,
}

/// A content word of a bank, or the target of a stimulus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankWord {
    /// The sentence, counted from 0. Stimuli come after the sentences of the bank.
    pub sentence: usize,
    /// The word in the sentence, counted from 0.
    pub word: usize,
    /// The position of its first token in the sequence that the model reads, counted from 0.
    pub position: usize,
    /// The form.
    pub form: String,
    /// The lemma in lower case; the form in lower case if there is none.
    pub lemma: String,
    /// The universal part of speech.
    pub upos: String,
    /// The universal dependency relation, without its subtype.
    pub relation: Option<String>,
    /// The supersense.
    pub supersense: Option<String>,
}

impl BankWord {
    fn of(sentence: usize, word: usize, position: usize, annotated: &AnnotatedWord) -> Self {
        let universal = |relation: &String| relation.split(':').next().map(str::to_owned);
        Self {
            sentence,
            word,
            position,
            form: annotated.form.clone(),
            lemma: annotated.lemma.as_ref().unwrap_or(&annotated.form).to_lowercase(),
            upos: annotated.upos.clone().unwrap_or_default(),
            relation: annotated.deprel.as_ref().and_then(universal),
            supersense: annotated.misc_value(SUPERSENSE).map(str::to_owned),
        }
    }
}

/// How often each form in lower case is a content word in a bank, and how often it occurs.
pub(crate) struct Forms(HashMap<String, [usize; 2]>);

impl Forms {
    pub(crate) fn of(sentences: &[AnnotatedSentence]) -> Self {
        let mut forms: HashMap<String, [usize; 2]> = HashMap::new();
        for word in sentences.iter().flat_map(|sentence| &sentence.words) {
            let counts = forms.entry(word.form.to_lowercase()).or_default();
            counts[0] += usize::from(is_content(word.upos.as_deref()));
            counts[1] += 1;
        }
        Self(forms)
    }

    /// Whether a form in lower case occurs in the bank.
    pub(crate) fn knows(&self, form: &str) -> bool {
        self.0.contains_key(form)
    }

    /// Whether a form in lower case is a content word: if at least half of its occurrences are, or if
    /// it does not occur and has a letter.
    pub(crate) fn is_content(&self, form: &str) -> bool {
        match self.0.get(form) {
            Some([content, all]) => 2 * content >= *all,
            None => form.chars().any(char::is_alphabetic),
        }
    }
}

/// Whether a word is a content word: a noun, verb, adjective, adverb or name.
fn is_content(upos: Option<&str>) -> bool {
    upos.is_some_and(|upos| CONTENT.contains(&upos))
}

/// The states of the content words of a bank at every layer. A word is the mean of its tokens. Words
/// with a token that is an attention sink at some layer are left out.
///
/// Every dimension is standardised over all words of the bank, with function words and punctuation,
/// and rounded to 16 bits.
#[derive(Debug, Clone, PartialEq)]
pub struct BankStates {
    /// The model.
    pub origin: Origin,
    /// The bank.
    pub bank: BankSummary,
    /// `[words]`: the content words of the bank.
    pub words: Vec<BankWord>,
    /// The targets of the stimuli that come with the bank. They are standardised as its words.
    pub stimuli: Vec<BankWord>,
    /// The sentences that the model read: those of the bank, then those of the stimuli.
    pub sentences: Vec<AnnotatedSentence>,
    /// `[layers, d_model]`: the mean of each dimension.
    pub means: Array2<f32>,
    /// `[layers, d_model]`: 1 / the standard deviation of each dimension; 0 if it has no variance.
    pub scales: Array2<f32>,
    /// `[layers, words + stimuli, d_model]`.
    vectors: Vectors,
}

impl BankStates {
    /// The stored states of the words of the reference bank.
    ///
    /// # Errors
    /// The errors of [`Bank::reference`].
    pub fn stored_reference(origin: &Origin, store: &dyn Store) -> Result<Option<Self>> {
        Ok(stored::find(origin, &Bank::reference()?, store))
    }

    /// The number of layers, with layer 0.
    pub fn n_layers(&self) -> usize {
        self.means.nrows()
    }

    /// The standardised vectors of [`words`](Self::words) at a layer, `[words, d_model]`.
    pub fn layer(&self, layer: usize) -> Array2<f32> {
        let mut values = Array2::zeros((self.words.len(), self.means.ncols()));
        self.read(layer, 0..self.words.len(), values.as_slice_mut().unwrap_or_default());
        values
    }

    /// Reads the standardised vectors of some words at a layer into `values`, `[rows, d_model]`. Rows are
    /// those of [`words`](Self::words), and then of [`stimuli`](Self::stimuli).
    pub(crate) fn read(&self, layer: usize, rows: Range<usize>, values: &mut [f32]) {
        self.vectors.read(layer, rows, values);
    }

    /// Standardises the state of a word at a layer as the words of the bank are; `[d_model]`.
    pub fn standardise(&self, layer: usize, mut state: ArrayViewMut1<'_, f32>) {
        let row = |of: &Array2<f32>| of.index_axis(Axis(0), layer).to_owned();
        state -= &row(&self.means);
        state *= &row(&self.scales);
    }
}

impl Explorer {
    /// The states of the content words of a bank. Stored states are used if there are any; otherwise,
    /// they are computed and stored. States of more than 512 MiB are not stored, and neither are those
    /// of a model with random weights.
    ///
    /// # Errors
    /// [`Error::NoBankWord`](crate::Error::NoBankWord); a model without a tokenizer; a forward pass that
    /// fails.
    pub fn bank_states(&self, bank: &Bank) -> Result<BankStates> {
        match self.stored_bank_states(bank) {
            Some(stored) => {
                self.warn_of_bank(bank)?;
                Ok(stored)
            }
            None => {
                let states = compute::compute(Subject::Model(self), bank)?;
                stored::keep(self, bank, &states)?;
                Ok(states)
            }
        }
    }

    /// Reports the warnings about the sentences of a bank whose results come from the store, which does
    /// not have them.
    ///
    /// # Errors
    /// A model without a tokenizer.
    pub(crate) fn warn_of_bank(&self, bank: &Bank) -> Result<()> {
        match bank.is_builtin() {
            true => Ok(()),
            false => compute::prepared(self, bank, &bank.all_sentences()).map(drop),
        }
    }

    /// The states of the words of the reference bank, if they are stored. Those of the bundled model are
    /// computed and stored if they are not. The explorer keeps them in memory.
    ///
    /// # Errors
    /// The errors of [`bank_states`](Self::bank_states).
    pub fn reference_states(&self) -> Result<Option<Arc<BankStates>>> {
        if let Some(known) = self.bank().get() {
            return Ok(Some(known.clone()));
        }
        let bank = Bank::reference()?;
        let states = match self.origin().model == BUNDLED_ID {
            true => Some(self.bank_states(&bank)?),
            false => self.stored_bank_states(&bank),
        };
        Ok(states.map(|states| self.bank().get_or_init(|| Arc::new(states)).clone()))
    }

    /// The stored states of a bank. Damaged states, and those of other weights or of another bank, are
    /// ignored.
    pub fn stored_bank_states(&self, bank: &Bank) -> Option<BankStates> {
        stored::find(&self.origin(), bank, self.store())
    }
}
