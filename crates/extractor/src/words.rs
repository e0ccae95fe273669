//! States of chosen words alone: what a probe needs of a corpus, without the states of its tokens.

use crate::extract::{MOST, extract_here, runs_apart};
use crate::pools::{Pool, nothing_to_pool, pool, pools};
use crate::prepare::{Prepared, prepare_numbered};
use crate::{LongText, Progress, Result, Text, Unit, Warning, workers};
use ndarray::{Array3, ArrayViewMut3, Axis};
use rayon::prelude::*;
use std::ops::Range;
use stratoscope_loader::{Model, Pooling};

/// Texts, and which of their words (or whole texts) are wanted: everything about them that does not
/// depend on a layer, so that layers can be computed in several passes where memory is short.
#[derive(Debug, Clone)]
pub struct ChosenWords {
    texts: Vec<Text>,
    /// What a row is: a word, or a text.
    unit: Unit,
    pooling: Pooling,
    long: LongText,
    /// `[texts]`: the words that are wanted and have tokens, ascending.
    chosen: Vec<Vec<usize>>,
    /// Texts that are run together.
    groups: Vec<Range<usize>>,
    tokens: usize,
    dropped: usize,
    warnings: Vec<Warning>,
}

/// A group of texts, and where its rows go.
struct Job<'a> {
    group: Range<usize>,
    /// `[layers, rows, d_model]`.
    states: ArrayViewMut3<'a, f32>,
}

impl ChosenWords {
    /// Tokenizes texts of which some words are wanted: for each text places in
    /// [`Text::words`], ascending. Words that no token stands for are dropped, and counted. Texts
    /// of which nothing is wanted are not run.
    ///
    /// # Errors
    /// As [`prepare`](crate::prepare); a choice for another number of texts, or of a word that a text
    /// does not have.
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
        match fits {
            true => Self::new(model, texts, chosen, Unit::Word, pooling, long),
            false => Err(nothing_to_pool()),
        }
    }

    /// The same of whole texts: one row each, pooled over all of its tokens as
    /// [`Activations::pooled`](crate::Activations::pooled) does it.
    ///
    /// # Errors
    /// As [`prepare`](crate::prepare).
    pub fn whole_texts(
        model: &Model,
        texts: Vec<Text>,
        pooling: Pooling,
        long: LongText,
    ) -> Result<Self> {
        let chosen = vec![vec![0]; texts.len()];
        Self::new(model, texts, chosen, Unit::Sentence, pooling, long)
    }

    /// The same of all words: those that are annotated, and of a text without any those of the
    /// tokenizer, which then stand in [`Text::words`] of [`texts`](Self::texts).
    ///
    /// # Errors
    /// As [`prepare`](crate::prepare).
    pub fn all_words(
        model: &Model,
        texts: Vec<Text>,
        pooling: Pooling,
        long: LongText,
    ) -> Result<Self> {
        let texts: Vec<Result<Text>> = (texts.into_par_iter().enumerate())
            .map(|(index, mut text)| {
                if text.words.is_empty() {
                    let prepared = prepare_numbered(model, vec![text.clone()], long, index)?;
                    text.words = words_of(&prepared, &text.text);
                }
                Ok(text)
            })
            .collect();
        let texts: Vec<Text> = texts.into_iter().collect::<Result<_>>()?;
        let chosen = texts.iter().map(|text| (0..text.words.len()).collect()).collect();
        Self::new(model, texts, chosen, Unit::Word, pooling, long)
    }

    fn new(
        model: &Model,
        texts: Vec<Text>,
        mut chosen: Vec<Vec<usize>>,
        unit: Unit,
        pooling: Pooling,
        long: LongText,
    ) -> Result<Self> {
        // The tokens of a text, those of its wanted words that have any, and its warnings.
        type Counted = (usize, Vec<usize>, Vec<Warning>);
        let counted: Vec<Result<Counted>> = (texts.par_iter().zip(&chosen).enumerate())
            .map(|(index, (text, wanted))| {
                if wanted.is_empty() {
                    return Ok((0, Vec::new(), Vec::new()));
                }
                let prepared = prepare_numbered(model, vec![text.clone()], long, index)?;
                let tokens = prepared.sequences.iter().map(|s| s.token_ids.len()).sum();
                let pools = pools(&prepared.rows, &prepared.texts, unit);
                let has = |word: &&usize| pools.iter().any(|pool| word_of(pool) == **word);
                let kept = wanted.iter().filter(has).copied().collect();
                Ok((tokens, kept, prepared.warnings))
            })
            .collect();
        let (mut dropped, mut all, mut warnings) = (0, 0, Vec::new());
        let mut groups: Vec<Range<usize>> = Vec::new();
        let mut room = 0;
        for (index, (counted, chosen)) in counted.into_iter().zip(&mut chosen).enumerate() {
            let (tokens, kept, warned) = counted?;
            warnings.extend(warned);
            dropped += chosen.len() - kept.len();
            *chosen = kept;
            match groups.last_mut() {
                Some(group) if tokens <= room => group.end = index + 1,
                _ => {
                    groups.push(index..index + 1);
                    room = MOST;
                }
            }
            room = room.saturating_sub(tokens);
            all += tokens;
        }
        Ok(Self { texts, unit, pooling, long, chosen, groups, tokens: all, dropped, warnings })
    }

    /// The texts, with the places of their words.
    pub fn texts(&self) -> &[Text] {
        &self.texts
    }

    /// `[rows]`: the text of each row, and its word there (0 for a whole text), in the order of the
    /// rows of [`states`](Self::states).
    pub fn rows(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let of = |(text, words): (usize, &Vec<usize>)| {
            words.iter().map(move |&word| (text, word)).collect::<Vec<_>>()
        };
        self.chosen.iter().enumerate().flat_map(of)
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.chosen.iter().map(Vec::len).sum()
    }

    /// How many of the wanted words no token stands for.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// What was done to texts that are too long.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The states of these layers, `[layers, rows, d_model]`, f32. More than they is held only of
    /// the few texts that are run at a time.
    ///
    /// # Errors
    /// As [`extract`](crate::extract()).
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

    /// The same in parts of whole texts, in order, each handed to `take` with the number of its
    /// first row and then forgotten: for corpora whose states are more than memory holds. A part
    /// has about `bytes` of states, and depends on nothing but the texts, the model and that.
    ///
    /// # Errors
    /// As [`extract`](crate::extract()), and what `take` says.
    pub fn states_in_parts<E: From<crate::Error>>(
        &self,
        model: &Model,
        layers: &[usize],
        bytes: u64,
        take: &mut dyn FnMut(usize, Array3<f32>) -> Result<(), E>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), E> {
        let width = layers.len() * model.transformer.architecture().d_model;
        let most = usize::try_from(bytes / 4).unwrap_or(usize::MAX) / width.max(1);
        let (mut first, mut row, mut done) = (0, 0, 0);
        while first < self.groups.len() {
            let (mut end, mut rows) = (first, 0usize);
            while let Some(group) = self.groups.get(end) {
                let own = self.rows_of(group);
                if end > first && rows + own > most {
                    break;
                }
                (end, rows) = (end + 1, rows + own);
            }
            // Of a few groups as many as cores in even numbers can share.
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

    /// The rows of a group of texts.
    fn rows_of(&self, group: &Range<usize>) -> usize {
        self.chosen[group.clone()].iter().map(Vec::len).sum()
    }

    /// The states of some groups; `told` is told of tokens.
    fn states_of(
        &self,
        groups: &[Range<usize>],
        model: &Model,
        layers: &[usize],
        told: &mut dyn FnMut(usize),
    ) -> Result<Array3<f32>> {
        let d_model = model.transformer.architecture().d_model;
        let rows = groups.iter().map(|group| self.rows_of(group)).sum();
        let mut states = Array3::zeros((layers.len(), rows, d_model));
        let mut jobs = Vec::with_capacity(groups.len());
        let mut rest = states.view_mut();
        for group in groups {
            let rows = self.rows_of(group);
            let (own, after) = rest.split_at(Axis(1), rows);
            rest = after;
            if rows > 0 {
                jobs.push(Job { group: group.clone(), states: own });
            }
        }
        let mut jobs = jobs.into_iter();
        let work = |job| self.run(model, layers, job);
        if runs_apart(&model.transformer) {
            workers::run(|| Ok(jobs.next()), work, told)?;
        } else {
            for job in jobs {
                told(work(job)?);
            }
        }
        Ok(states)
    }

    /// Computes one group; how many tokens it has.
    fn run(&self, model: &Model, layers: &[usize], job: Job<'_>) -> Result<usize> {
        let wanted: Vec<usize> =
            job.group.clone().filter(|&text| !self.chosen[text].is_empty()).collect();
        let texts = wanted.iter().map(|&text| self.texts[text].clone()).collect();
        let prepared = prepare_numbered(model, texts, self.long, job.group.start)?;
        let tokens = prepared.sequences.iter().map(|s| s.token_ids.len()).sum();
        let states = extract_here(model, prepared, layers, &[])?;
        let pools = pools(&states.rows, &states.texts, self.unit);
        let kept = |pool: &&Pool| {
            let text = wanted[states.rows[pool.rows[0]].sequence];
            self.chosen[text].binary_search(&word_of(pool)).is_ok()
        };
        let pools: Vec<&Pool> = pools.iter().filter(kept).collect();
        let mut sum = vec![0.0; states.d_model()];
        let mut all = job.states;
        for (layer, mut to) in all.outer_iter_mut().enumerate() {
            if to.nrows() != pools.len() {
                return Err(nothing_to_pool());
            }
            let from = states.layer(layer);
            for (group, to) in pools.iter().zip(to.outer_iter_mut()) {
                pool(&from, &group.rows, self.pooling, &mut sum, to);
            }
        }
        Ok(tokens)
    }
}

/// Where the tokenizer's words stand in a text, without the space that some take with them.
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
    // Words that share letters (those of one letter's bytes) are one.
    words.dedup_by(|next, word| {
        let shared = next.start < word.end;
        word.end = if shared { word.end.max(next.end) } else { word.end };
        shared
    });
    words
}

/// The word that a pool is of; of a whole text 0.
fn word_of(pool: &Pool) -> usize {
    pool.word.map_or(0, |word| word as usize)
}
