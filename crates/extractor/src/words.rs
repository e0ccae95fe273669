//! States of chosen words alone: what a probe needs of a corpus, without the states of its tokens.

use crate::error::Result;
use crate::input::Text;
use crate::pools::{Pool, nothing_to_pool, pool_once, pools};
use crate::prepare::{LongText, Prepared, UnknownTokens, Warning, prepare_numbered};
use crate::reading::{self, Progress, Task};
use crate::rows::Unit;
use crate::selected::{MAX_GROUP_TOKENS, Selected, SequenceGroup, States, groups};
use ndarray::{Array3, s};
use rayon::prelude::*;
use std::ops::Range;
use stratoscope_loader::{Model, Pooling};
use stratoscope_transformer::Sequence;

/// Texts, and their chosen words (or the whole texts): all that does not depend on a layer, so that
/// layers can be computed in several passes where memory is short. Each text is tokenized once.
#[derive(Debug, Clone)]
pub struct ChosenWords {
    texts: Vec<Text>,
    pooling: Pooling,
    /// `[texts]`.
    chosen: Vec<Chosen>,
    /// Texts that run together.
    groups: Vec<Range<usize>>,
    tokens: usize,
    dropped: usize,
    unknown: UnknownTokens,
    warnings: Vec<Warning>,
}

/// What is chosen of a text, as the model reads it.
#[derive(Debug, Clone, Default)]
struct Chosen {
    /// The chosen words that have tokens, ascending; 0 for a whole text.
    words: Vec<usize>,
    /// The text in one window or several; none if no word is chosen.
    sequences: Vec<Sequence>,
    /// The tokens of the words, word after word: sequence and place. Two numbers, since a corpus
    /// has many.
    tokens: Vec<(u32, u32)>,
    /// `[words]`: where the tokens of each word end.
    ends: Vec<u32>,
    /// Chosen words that no token stands for.
    dropped: usize,
    unknown: UnknownTokens,
    warnings: Vec<Warning>,
}

/// Which words of a text are chosen.
enum Choice {
    /// Words of [`Text::words`], ascending.
    Words(Vec<usize>),
    /// All words.
    All,
    /// The whole text.
    Text,
}

impl ChosenWords {
    /// Tokenizes texts of which some words are chosen: for each text places in [`Text::words`],
    /// ascending. Words that no token stands for are dropped and counted. Texts without a chosen
    /// word are not run.
    ///
    /// # Errors
    /// The errors of [`prepare`](crate::prepare); a choice for another number of texts, or of a word
    /// that a text does not have.
    pub fn words(
        model: &Model,
        texts: Vec<Text>,
        chosen: Vec<Vec<usize>>,
        pooling: Pooling,
        long: LongText,
    ) -> Result<Self> {
        let fits = texts.len() == chosen.len()
            && texts.iter().zip(&chosen).all(|(text, words)| {
                words.is_sorted_by(|a, b| a < b)
                    && words.last().is_none_or(|w| *w < text.words.len())
            });
        if !fits {
            return Err(nothing_to_pool());
        }
        let choices = chosen.into_iter().map(Choice::Words);
        Self::new(model, texts.into_iter().zip(choices).collect(), pooling, long)
    }

    /// Tokenizes texts of which each becomes one row, pooled over all of its tokens, as
    /// [`Activations::pooled`](crate::Activations::pooled) does it.
    ///
    /// # Errors
    /// The errors of [`prepare`](crate::prepare).
    pub fn whole_texts(
        model: &Model,
        texts: Vec<Text>,
        pooling: Pooling,
        long: LongText,
    ) -> Result<Self> {
        Self::new(model, texts.into_iter().map(|t| (t, Choice::Text)).collect(), pooling, long)
    }

    /// Tokenizes texts of which all words are chosen: the annotated words, or for a text without
    /// annotation the words of the tokenizer, which are then in [`Text::words`] of
    /// [`texts`](Self::texts).
    ///
    /// # Errors
    /// The errors of [`prepare`](crate::prepare).
    pub fn all_words(
        model: &Model,
        texts: Vec<Text>,
        pooling: Pooling,
        long: LongText,
    ) -> Result<Self> {
        Self::new(model, texts.into_iter().map(|t| (t, Choice::All)).collect(), pooling, long)
    }

    fn new(
        model: &Model,
        texts: Vec<(Text, Choice)>,
        pooling: Pooling,
        long: LongText,
    ) -> Result<Self> {
        let read: Vec<Result<(Text, Chosen)>> = (texts.into_par_iter().enumerate())
            .map(|(index, (text, choice))| Chosen::read(model, text, choice, long, index))
            .collect();
        let (mut texts, mut chosen) = (Vec::new(), Vec::new());
        let (mut dropped, mut unknown, mut warnings) = (0, UnknownTokens::default(), Vec::new());
        for read in read {
            let (text, mut own) = read?;
            dropped += own.dropped;
            unknown.add(own.unknown);
            warnings.append(&mut own.warnings);
            texts.push(text);
            chosen.push(own);
        }
        let groups = groups(chosen.iter().map(Chosen::n_tokens), MAX_GROUP_TOKENS);
        let tokens = chosen.iter().map(Chosen::n_tokens).sum();
        Ok(Self { texts, pooling, chosen, groups, tokens, dropped, unknown, warnings })
    }

    /// The texts, with the places of their words.
    pub fn texts(&self) -> &[Text] {
        &self.texts
    }

    /// `[rows]`: the text of each row, and its word there (0 for a whole text), in the order of the
    /// rows of [`states`](Self::states).
    pub fn rows(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let of = |(text, chosen): (usize, &'_ Chosen)| {
            chosen.words.iter().map(move |&word| (text, word)).collect::<Vec<_>>()
        };
        self.chosen.iter().enumerate().flat_map(of)
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.chosen.iter().map(|chosen| chosen.words.len()).sum()
    }

    /// The number of chosen words that no token stands for.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// How many tokens of the texts with a chosen word are unknown.
    pub fn unknown(&self) -> UnknownTokens {
        self.unknown
    }

    /// Warnings about long texts.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The states of these layers, `[layers, rows, d_model]`, f32. Other states are held only of the
    /// few texts that run at a time. `model` is the model that tokenized the texts, or one with the
    /// same tokenizer.
    ///
    /// # Errors
    /// The errors of [`extract`](crate::extract()).
    pub fn states(
        &self,
        model: &Model,
        layers: &[usize],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Array3<f32>> {
        let mut done = 0;
        self.states_of(&self.groups, model, layers, &mut |tokens| {
            done += tokens;
            progress(Progress { done, total: self.tokens });
        })
    }

    /// The states in parts of whole texts, in order: for corpora whose states are larger than the
    /// memory. `take` receives each part and the number of its first row. A part has about `bytes` of
    /// states; where parts end depends on the texts, the model and `bytes` alone.
    ///
    /// # Errors
    /// The errors of [`extract`](crate::extract()) and of `take`.
    pub fn states_in_parts<E: From<crate::Error>>(
        &self,
        model: &Model,
        layers: &[usize],
        bytes: u64,
        take: &mut dyn FnMut(usize, Array3<f32>) -> Result<(), E>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), E> {
        let width = layers.len() * model.transformer.architecture().d_model;
        let max = usize::try_from(bytes / 4).unwrap_or(usize::MAX) / width.max(1);
        let (mut first, mut row, mut done) = (0, 0, 0);
        while first < self.groups.len() {
            let (mut end, mut rows) = (first, 0usize);
            while let Some(group) = self.groups.get(end) {
                let own = self.rows_of(group);
                if end > first && rows + own > max {
                    break;
                }
                (end, rows) = (end + 1, rows + own);
            }
            // A power of two, which cores share evenly.
            let kept = first + (1 << (end - first).ilog2());
            rows -= self.groups[kept..end].iter().map(|group| self.rows_of(group)).sum::<usize>();
            end = kept;
            let states =
                self.states_of(&self.groups[first..end], model, layers, &mut |tokens| {
                    done += tokens;
                    progress(Progress { done, total: self.tokens });
                })?;
            take(row, states)?;
            (first, row) = (end, row + rows);
        }
        Ok(())
    }

    /// The number of rows of a group of texts.
    fn rows_of(&self, group: &Range<usize>) -> usize {
        self.chosen[group.clone()].iter().map(|chosen| chosen.words.len()).sum()
    }

    /// The states of some groups; `computed` receives the tokens of each.
    fn states_of(
        &self,
        groups: &[Range<usize>],
        model: &Model,
        layers: &[usize],
        computed: &mut dyn FnMut(usize),
    ) -> Result<Array3<f32>> {
        let d_model = model.transformer.architecture().d_model;
        let rows = groups.iter().map(|group| self.rows_of(group)).sum();
        let mut states = Array3::zeros((layers.len(), rows, d_model));
        let jobs = groups.iter().filter(|group| self.rows_of(group) > 0).collect();
        let mut row = 0;
        let prepare = |group| Ok(self.prepare(group, layers));
        reading::run(model, jobs, prepare, &mut |(tokens, part): (_, Array3<f32>)| {
            let rows = row..row + part.dim().1;
            states.slice_mut(s![.., rows.clone(), ..]).assign(&part);
            row = rows.end;
            computed(tokens);
            Ok::<_, crate::Error>(())
        })?;
        Ok(states)
    }

    /// Gathers the sequences of one group, and the tokens of its words.
    fn prepare<'a>(&'a self, group: &Range<usize>, layers: &'a [usize]) -> WordGroup<'a> {
        let (mut sequences, mut picks) = (Vec::new(), Vec::new());
        // Per row its tokens among the picks, and per pick its text.
        let (mut rows, mut texts): (Vec<Vec<usize>>, Vec<usize>) = (Vec::new(), Vec::new());
        for text in group.clone() {
            let (chosen, first) = (&self.chosen[text], picks.len());
            let tokens = chosen.tokens.iter();
            picks.extend(tokens.map(|&(s, token)| (sequences.len() + s as usize, token as usize)));
            texts.resize(picks.len(), text);
            let mut start = 0;
            for &end in &chosen.ends {
                rows.push((first + start..first + end as usize).collect());
                start = end as usize;
            }
            sequences.extend(chosen.sequences.iter().cloned());
        }
        WordGroup { chosen: self, layers, sequences, picks, rows, texts }
    }
}

/// A group of texts, and the tokens of its words.
struct WordGroup<'a> {
    chosen: &'a ChosenWords,
    layers: &'a [usize],
    sequences: Vec<Sequence>,
    /// The tokens of all words: sequence and place.
    picks: Vec<(usize, usize)>,
    /// `[words]`: the tokens of each word among the picks.
    rows: Vec<Vec<usize>>,
    /// `[picks]`: the text of each.
    texts: Vec<usize>,
}

impl Task for WordGroup<'_> {
    /// The tokens of the group, and its states `[layers, rows, d_model]`.
    type Output = (usize, Array3<f32>);

    fn selected(&self) -> Result<Selected<'_>> {
        let (sequences, picks) = (self.sequences.as_slice(), self.picks.as_slice());
        Ok(Selected { sequences, picks, layers: self.layers, captures: &[] })
    }

    fn place(&self, pick: usize) -> (String, usize) {
        let text = self.texts[pick];
        (self.chosen.texts[text].place(text), self.picks[pick].1)
    }

    fn finish(self, computed: Vec<(SequenceGroup, States)>) -> Result<Self::Output> {
        let d_model = computed.first().map_or(0, |(_, states)| states.hidden_states.dim().2);
        let states = self.selected()?.joined(d_model, computed);
        let mut pooled = Array3::zeros((self.layers.len(), self.rows.len(), d_model));
        let mut sum = vec![0.0; d_model];
        for (from, mut to) in states.hidden_states.outer_iter().zip(pooled.outer_iter_mut()) {
            for (tokens, to) in self.rows.iter().zip(to.outer_iter_mut()) {
                pool_once(&from, tokens, self.chosen.pooling, &mut sum, to);
            }
        }
        Ok((self.sequences.iter().map(|s| s.token_ids.len()).sum(), pooled))
    }
}

impl Chosen {
    /// Tokenizes a text, and finds the tokens of its chosen words.
    fn read(
        model: &Model,
        mut text: Text,
        choice: Choice,
        long: LongText,
        index: usize,
    ) -> Result<(Text, Self)> {
        if matches!(&choice, Choice::Words(words) if words.is_empty()) {
            return Ok((text, Self::default()));
        }
        let mut prepared = prepare_numbered(model, vec![text.clone()], long.into(), index)?;
        if matches!(choice, Choice::All) && text.words.is_empty() {
            text.words = words_of(&prepared, &text.text);
            prepared.texts[0].words.clone_from(&text.words);
        }
        let (unit, wanted) = match choice {
            Choice::Words(words) => (Unit::Word, words),
            Choice::All => (Unit::Word, (0..text.words.len()).collect()),
            Choice::Text => (Unit::Sentence, vec![0]),
        };
        let mut chosen = Self::default();
        for pool in pools(&prepared.rows, &prepared.texts, unit) {
            // Of a whole text 0.
            let word = pool.word.map_or(0, |word| word as usize);
            if wanted.binary_search(&word).is_ok() {
                let tokens = pool.rows.iter().map(|&row| prepared.picks[row]);
                chosen.tokens.extend(tokens.map(|(s, token)| (s as u32, token as u32)));
                chosen.ends.push(chosen.tokens.len() as u32);
                chosen.words.push(word);
            }
        }
        chosen.dropped = wanted.len() - chosen.words.len();
        chosen.unknown = prepared.unknown();
        chosen.warnings = prepared.warnings;
        if !chosen.words.is_empty() {
            chosen.sequences = prepared.sequences;
        }
        Ok((text, chosen))
    }

    /// The tokens that the model reads.
    fn n_tokens(&self) -> usize {
        self.sequences.iter().map(|s| s.token_ids.len()).sum()
    }
}

/// The places of the tokenizer's words in a text, without surrounding spaces.
fn words_of(prepared: &Prepared, text: &str) -> Vec<Range<usize>> {
    let letters: Vec<char> = text.chars().collect();
    let place = |pool: &Pool| {
        let places = pool.rows.iter().map(|&row| prepared.rows[row].char_offsets);
        let [start, end] = places.fold([usize::MAX, 0], |[a, b], [c, d]| [a.min(c), b.max(d)]);
        let word = letters.get(start..end)?;
        let blank = word.iter().take_while(|c| c.is_whitespace()).count();
        let after = word.iter().rev().take_while(|c| c.is_whitespace()).count();
        (blank < word.len()).then(|| start + blank..end - after)
    };
    let pools = pools(&prepared.rows, &prepared.texts, Unit::Word);
    let mut words: Vec<Range<usize>> = pools.iter().filter_map(place).collect();
    // Words that share letters (the bytes of one letter) are one word.
    words.dedup_by(|next, word| {
        let shared = next.start < word.end;
        word.end = if shared { word.end.max(next.end) } else { word.end };
        shared
    });
    words
}
