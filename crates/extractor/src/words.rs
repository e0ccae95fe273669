//! States of chosen words alone: what a probe needs of a corpus, without the states of its tokens.

use crate::activations::Activations;
use crate::computed::StatesOf;
use crate::error::Result;
use crate::input::Text;
use crate::pools::{Pool, nothing_to_pool, pool, pools};
use crate::prepare::{LongText, UnknownTokens, Warning, prepare_numbered};
use crate::reading::{self, Progress, Task};
use crate::rows::{Row, Unit};
use crate::selected::{MAX_GROUP_TOKENS, Selected, SequenceGroup, States, groups};
use ndarray::{Array3, s};
use rayon::prelude::*;
use std::ops::Range;
use stratoscope_loader::{Model, Pooler};
use stratoscope_transformer::Sequence;

/// Texts, and their chosen words (or the whole texts): all that does not depend on a layer, so that
/// layers can be computed in several passes where memory is short. Each text is tokenized once.
#[derive(Debug, Clone)]
pub struct ChosenWords {
    texts: Vec<Text>,
    pooler: Pooler,
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
    /// The text in one window or several; none if no word is chosen, or if states were computed before.
    sequences: Vec<Sequence>,
    /// The tokens that are read.
    n_tokens: usize,
    /// The tokens of the words, word after word: sequence and place. Two numbers, since a corpus
    /// has many. Of states that were computed before, 0 and the row.
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
    pub fn words<'a>(
        from: impl Into<StatesOf<'a>>,
        texts: Vec<Text>,
        chosen: Vec<Vec<usize>>,
        pooling: impl Into<Pooler>,
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
        Self::new(from.into(), texts.into_iter().zip(choices).collect(), pooling.into(), long)
    }

    /// Tokenizes texts of which each becomes one row, pooled over all of its tokens, as
    /// [`Activations::pooled`](crate::Activations::pooled) does it.
    ///
    /// # Errors
    /// The errors of [`prepare`](crate::prepare).
    pub fn whole_texts<'a>(
        from: impl Into<StatesOf<'a>>,
        texts: Vec<Text>,
        pooling: impl Into<Pooler>,
        long: LongText,
    ) -> Result<Self> {
        let texts = texts.into_iter().map(|text| (text, Choice::Text)).collect();
        Self::new(from.into(), texts, pooling.into(), long)
    }

    /// Tokenizes texts of which all words are chosen: the annotated words, or for a text without
    /// annotation the words of the tokenizer, which are then in [`Text::words`] of
    /// [`texts`](Self::texts).
    ///
    /// # Errors
    /// The errors of [`prepare`](crate::prepare).
    pub fn all_words<'a>(
        from: impl Into<StatesOf<'a>>,
        texts: Vec<Text>,
        pooling: impl Into<Pooler>,
        long: LongText,
    ) -> Result<Self> {
        let texts = texts.into_iter().map(|text| (text, Choice::All)).collect();
        Self::new(from.into(), texts, pooling.into(), long)
    }

    fn new(
        from: StatesOf<'_>,
        texts: Vec<(Text, Choice)>,
        pooler: Pooler,
        long: LongText,
    ) -> Result<Self> {
        let read: Vec<Result<(Text, Chosen)>> = match from {
            StatesOf::Model(model) => (texts.into_par_iter().enumerate())
                .map(|(index, (text, choice))| Chosen::read(model, text, choice, long, index))
                .collect(),
            StatesOf::Computed(states) => {
                let own: Vec<Text> = texts.iter().map(|(text, _)| text.clone()).collect();
                let rows = states.rows_of(&own)?;
                let of = |((text, choice), rows)| Ok(Chosen::find(states, text, choice, rows));
                texts.into_iter().zip(rows).map(of).collect()
            }
        };
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
        Ok(Self { texts, pooler, chosen, groups, tokens, dropped, unknown, warnings })
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

    /// `[texts]`: the tokens that the model reads of each text, special tokens included.
    pub fn text_tokens(&self) -> impl Iterator<Item = usize> + '_ {
        self.chosen.iter().map(Chosen::n_tokens)
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

    /// The states of these layers, `[layers, rows, d_model]`, f32; with a [`Pooler`] that makes vectors
    /// of another width, that width. Other states are held only of the
    /// few texts that run at a time. `from` is what the words were chosen of, or a model with the same
    /// tokenizer.
    ///
    /// # Errors
    /// The errors of [`extract`](crate::extract()); a layer that was not computed.
    pub fn states<'a>(
        &self,
        from: impl Into<StatesOf<'a>>,
        layers: &[usize],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Array3<f32>> {
        let mut done = 0;
        self.states_of(&self.groups, from.into(), layers, &mut |tokens| {
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
        from: StatesOf<'_>,
        layers: &[usize],
        bytes: u64,
        take: &mut dyn FnMut(usize, Array3<f32>) -> Result<(), E>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), E> {
        let d_model = match from {
            StatesOf::Model(model) => model.transformer.architecture().d_model,
            StatesOf::Computed(states) => states.d_model(),
        };
        let width = layers.len() * self.pooler.width(d_model);
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
            let states = self.states_of(&self.groups[first..end], from, layers, &mut |tokens| {
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
        from: StatesOf<'_>,
        layers: &[usize],
        computed: &mut dyn FnMut(usize),
    ) -> Result<Array3<f32>> {
        let model = match from {
            StatesOf::Model(model) => model,
            StatesOf::Computed(states) => return self.pooled(groups, states, layers, computed),
        };
        let d_model = model.transformer.architecture().d_model;
        let rows = groups.iter().map(|group| self.rows_of(group)).sum();
        let mut states = Array3::zeros((layers.len(), rows, self.pooler.width(d_model)));
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

    /// The states of some groups, from states that were computed before.
    fn pooled(
        &self,
        groups: &[Range<usize>],
        states: &Activations,
        layers: &[usize],
        computed: &mut dyn FnMut(usize),
    ) -> Result<Array3<f32>> {
        let places = states.places_of_layers(layers)?;
        let rows = groups.iter().map(|group| self.rows_of(group)).sum();
        let width = self.pooler.width(states.d_model());
        let mut pooled = Array3::zeros((layers.len(), rows, width));
        let chosen = || groups.iter().flat_map(|group| &self.chosen[group.clone()]);
        (places.par_iter().zip(pooled.outer_iter_mut().into_par_iter())).for_each(
            |(&place, mut to)| {
                let (from, mut sum) = (states.layer(place), vec![0.0; states.d_model()]);
                let words = chosen().flat_map(Chosen::rows_of_words);
                for (tokens, to) in words.zip(to.outer_iter_mut()) {
                    pool(&from, &tokens, &self.pooler, &mut sum, to);
                }
            },
        );
        computed(chosen().map(Chosen::n_tokens).sum());
        Ok(pooled)
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
        let width = self.chosen.pooler.width(d_model);
        let mut pooled = Array3::zeros((self.layers.len(), self.rows.len(), width));
        let mut sum = vec![0.0; d_model];
        for (from, mut to) in states.hidden_states.outer_iter().zip(pooled.outer_iter_mut()) {
            for (tokens, to) in self.rows.iter().zip(to.outer_iter_mut()) {
                pool(&from, tokens, &self.chosen.pooler, &mut sum, to);
            }
        }
        Ok((self.sequences.iter().map(|s| s.tokens()).sum(), pooled))
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
        let mut prepared = prepare_numbered(model, vec![text.clone().into()], long.into(), index)?;
        let picks = &prepared.picks;
        let mut chosen = Self::among(&prepared.rows, &mut text, choice, &|row| picks[row]);
        chosen.unknown = prepared.unknown();
        chosen.warnings = std::mem::take(&mut prepared.warnings);
        if !chosen.words.is_empty() {
            chosen.n_tokens = prepared.tokens();
            chosen.sequences = prepared.sequences;
        }
        Ok((text, chosen))
    }

    /// Finds the tokens of the chosen words of a text among states; `rows` are those of the text.
    fn find(
        states: &Activations,
        mut text: Text,
        choice: Choice,
        rows: Range<usize>,
    ) -> (Text, Self) {
        if matches!(&choice, Choice::Words(words) if words.is_empty()) {
            return (text, Self::default());
        }
        let own = states.rows_as(rows.clone(), 0);
        let mut chosen = Self::among(&own, &mut text, choice, &|row| (0, rows.start + row));
        chosen.unknown = UnknownTokens::of(&own);
        if !chosen.words.is_empty() {
            chosen.n_tokens = rows.len();
        }
        (text, chosen)
    }

    /// The chosen words among the rows of a text; `pick` is the sequence and the token of a row. All
    /// words of a text without annotation are then in the text.
    fn among(
        rows: &[Row],
        text: &mut Text,
        choice: Choice,
        pick: &dyn Fn(usize) -> (usize, usize),
    ) -> Self {
        if matches!(choice, Choice::All) && text.words.is_empty() {
            text.words = words_of(rows, text);
        }
        let (unit, wanted) = match choice {
            Choice::Words(words) => (Unit::Word, words),
            Choice::All => (Unit::Word, (0..text.words.len()).collect()),
            Choice::Text => (Unit::Sentence, vec![0]),
        };
        let mut chosen = Self::default();
        for pool in pools(rows, std::slice::from_ref(text), unit) {
            // Of a whole text 0.
            let word = pool.word.map_or(0, |word| word as usize);
            if wanted.binary_search(&word).is_ok() {
                let tokens = pool.rows.iter().map(|&row| pick(row));
                chosen.tokens.extend(tokens.map(|(s, token)| (s as u32, token as u32)));
                chosen.ends.push(chosen.tokens.len() as u32);
                chosen.words.push(word);
            }
        }
        chosen.dropped = wanted.len() - chosen.words.len();
        chosen
    }

    /// The tokens that the model reads.
    fn n_tokens(&self) -> usize {
        self.n_tokens
    }

    /// The rows of each word, of states that were computed before.
    fn rows_of_words(&self) -> impl Iterator<Item = Vec<usize>> + '_ {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let own = &self.tokens[start..end as usize];
            start = end as usize;
            own.iter().map(|&(_, row)| row as usize).collect()
        })
    }
}

/// The places of the tokenizer's words in a text, without surrounding spaces.
fn words_of(rows: &[Row], text: &Text) -> Vec<Range<usize>> {
    let letters: Vec<char> = text.text.chars().collect();
    let place = |pool: &Pool| {
        let places = pool.rows.iter().map(|&row| rows[row].char_offsets);
        let [start, end] = places.fold([usize::MAX, 0], |[a, b], [c, d]| [a.min(c), b.max(d)]);
        let word = letters.get(start..end)?;
        let blank = word.iter().take_while(|c| c.is_whitespace()).count();
        let after = word.iter().rev().take_while(|c| c.is_whitespace()).count();
        (blank < word.len()).then(|| start + blank..end - after)
    };
    let pools = pools(rows, std::slice::from_ref(text), Unit::Word);
    let mut words: Vec<Range<usize>> = pools.iter().filter_map(place).collect();
    // Words that share letters (the bytes of one letter) are one word.
    words.dedup_by(|next, word| {
        let shared = next.start < word.end;
        word.end = if shared { word.end.max(next.end) } else { word.end };
        shared
    });
    words
}
