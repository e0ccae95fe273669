//! States of chosen words alone: what a probe needs of a corpus, without the states of its tokens.

use crate::extract::{MOST, extract_here, runs_apart};
use crate::pools::{Pool, nothing_to_pool, pool, pools};
use crate::prepare::prepare_numbered;
use crate::{LongText, Progress, Result, Text, Unit, workers};
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

    fn new(
        model: &Model,
        texts: Vec<Text>,
        mut chosen: Vec<Vec<usize>>,
        unit: Unit,
        pooling: Pooling,
        long: LongText,
    ) -> Result<Self> {
        let counted: Vec<Result<(usize, Vec<usize>)>> = (texts.par_iter().zip(&chosen).enumerate())
            .map(|(index, (text, wanted))| {
                if wanted.is_empty() {
                    return Ok((0, Vec::new()));
                }
                let prepared = prepare_numbered(model, vec![text.clone()], long, index)?;
                let tokens = prepared.sequences.iter().map(|s| s.token_ids.len()).sum();
                let pools = pools(&prepared.rows, &prepared.texts, unit);
                let has = |word: &&usize| pools.iter().any(|pool| word_of(pool) == **word);
                Ok((tokens, wanted.iter().filter(has).copied().collect()))
            })
            .collect();
        let (mut dropped, mut all) = (0, 0);
        let mut groups: Vec<Range<usize>> = Vec::new();
        let mut room = 0;
        for (index, (counted, chosen)) in counted.into_iter().zip(&mut chosen).enumerate() {
            let (tokens, kept) = counted?;
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
        Ok(Self { texts, unit, pooling, long, chosen, groups, tokens: all, dropped })
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
        let d_model = model.transformer.architecture().d_model;
        let mut states = Array3::zeros((layers.len(), self.n_rows(), d_model));
        let mut jobs = Vec::with_capacity(self.groups.len());
        let mut rest = states.view_mut();
        for group in &self.groups {
            let rows = self.chosen[group.clone()].iter().map(Vec::len).sum();
            let (own, after) = rest.split_at(Axis(1), rows);
            rest = after;
            if rows > 0 {
                jobs.push(Job { group: group.clone(), states: own });
            }
        }
        let mut done = 0;
        let mut told = |tokens| {
            done += tokens;
            progress(Progress { done, total: self.tokens });
        };
        let mut jobs = jobs.into_iter();
        let work = |job| self.run(model, layers, job);
        if runs_apart(&model.transformer) {
            workers::run(|| Ok(jobs.next()), work, &mut told)?;
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

/// The word that a pool is of; of a whole text 0.
fn word_of(pool: &Pool) -> usize {
    pool.word.map_or(0, |word| word as usize)
}
