//! Sequences in groups, one batch each, and the states of the tokens that are chosen of them.

use crate::error::{Error, Result};
use crate::hooks::{Capture, Captured};
use crate::interventions::Interventions;
use crate::values::{array, with_values};
use candle_core::Tensor;
use ndarray::{Array2, Array3, Axis, concatenate, s};
use std::ops::Range;
use stratoscope_loader::Model;
use stratoscope_transformer::{Batch, HookPoint, Pass, Recorder, Sequence, Transformer};

/// The most tokens of a group; larger groups gain nothing and need more memory.
pub(crate) const MAX_GROUP_TOKENS: usize = 1024;

/// Decides where a group ends.
#[derive(Debug, Default)]
pub(crate) struct GroupTokens(usize);

impl GroupTokens {
    /// Adds the tokens of the next item; true if they begin another group. One item is never split.
    pub(crate) fn begins_group(&mut self, tokens: usize, max: usize) -> bool {
        let begins = self.0 > 0 && tokens > 0 && self.0 + tokens > max;
        self.0 = if begins { tokens } else { self.0 + tokens };
        begins
    }
}

/// Consecutive items in groups of at most `max` tokens.
pub(crate) fn groups(tokens: impl Iterator<Item = usize>, max: usize) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut budget = GroupTokens::default();
    for (index, tokens) in tokens.enumerate() {
        let begins = budget.begins_group(tokens, max);
        match groups.last_mut() {
            Some(group) if !begins => group.end = index + 1,
            _ => groups.push(index..index + 1),
        }
    }
    groups
}

/// Sequences to run, and which of their tokens become rows.
#[derive(Clone, Copy)]
pub(crate) struct Selected<'a> {
    pub(crate) sequences: &'a [Sequence],
    /// `[rows]`: sequence and token of each row, in the order of the sequences.
    pub(crate) picks: &'a [(usize, usize)],
    /// Ascending, each once.
    pub(crate) layers: &'a [usize],
    pub(crate) captures: &'a [Capture],
}

/// Sequences that run as one batch, and their rows.
#[derive(Debug, Clone)]
pub(crate) struct SequenceGroup {
    pub(crate) sequences: Range<usize>,
    pub(crate) rows: Range<usize>,
}

/// States of rows, and what was captured with them.
pub(crate) struct States {
    /// `[layers, rows, d_model]`.
    pub(crate) hidden_states: Array3<f32>,
    /// Per capture, one array per group: `[tokens, width]`, or `[n_heads, Σ n²]` of patterns.
    pub(crate) hooks: Vec<Vec<Array2<f32>>>,
}

/// The name of the text of a row in messages, and the token of the row in that text.
pub(crate) type Place<'a> = dyn Fn(usize) -> (String, usize) + Sync + 'a;

impl Selected<'_> {
    /// The sequences in groups of at most `max` tokens.
    pub(crate) fn groups(&self, max: usize) -> Vec<SequenceGroup> {
        let mut first = 0;
        let group = |sequences: Range<usize>| {
            let own = self.picks[first..].iter().take_while(|(run, _)| *run < sequences.end);
            let rows = first..first + own.count();
            first = rows.end;
            SequenceGroup { sequences, rows }
        };
        let tokens = self.sequences.iter().map(|s| s.tokens());
        groups(tokens, max).into_iter().map(group).collect()
    }

    /// The tokens of a group.
    pub(crate) fn tokens(&self, group: &SequenceGroup) -> usize {
        self.sequences[group.sequences.clone()].iter().map(|s| s.tokens()).sum()
    }

    /// Zeros for all rows.
    pub(crate) fn zeros(&self, d_model: usize) -> States {
        States {
            hidden_states: Array3::zeros((self.layers.len(), self.picks.len(), d_model)),
            hooks: vec![Vec::new(); self.captures.len()],
        }
    }

    /// The states of all rows, from those of all groups, in order.
    pub(crate) fn joined(
        &self,
        d_model: usize,
        mut computed: Vec<(SequenceGroup, States)>,
    ) -> States {
        if computed.len() == 1 {
            return computed.remove(0).1;
        }
        let mut states = self.zeros(d_model);
        computed.into_iter().for_each(|(group, own)| states.put(&group, own));
        states
    }

    /// Runs a group as one batch.
    ///
    /// # Errors
    /// A forward pass that fails, or a state of a row that is not finite.
    pub(crate) fn compute(
        &self,
        model: &Model,
        group: &SequenceGroup,
        interventions: &mut Interventions<'_>,
        place: &Place<'_>,
    ) -> Result<States> {
        let mut run = self.start(model, group, interventions, place)?;
        while run.advance(interventions, place)? {}
        run.finish(interventions)
    }

    /// Begins the run of a group.
    ///
    /// # Errors
    /// The errors of [`compute`](Self::compute).
    pub(crate) fn start<'m>(
        &self,
        model: &'m Model,
        group: &SequenceGroup,
        interventions: &mut Interventions<'_>,
        place: &Place<'_>,
    ) -> Result<Run<'m>> {
        let transformer = &model.transformer;
        let architecture = transformer.architecture();
        let batch = Batch::new(architecture, &self.sequences[group.sequences.clone()])?;
        let points = self.captures.iter().flat_map(|&c| needed(c)).collect();
        let mut hooks = interventions.before(Recorder::new(points));
        let row = |row: usize| {
            let (run, token) = self.picks[row];
            batch.sequence_offsets[run - group.sequences.start] + token
        };
        let rows: Vec<usize> = group.rows.clone().map(row).collect();
        let kept = self.layers.len() * rows.len() * architecture.d_model;
        let pass = transformer.start(batch, &mut hooks)?;
        let mut run = Run {
            model,
            pass,
            recorder: hooks.recorder,
            first_row: group.rows.start,
            rows,
            layers: self.layers.to_vec(),
            captures: self.captures.to_vec(),
            captured: vec![None; self.captures.len()],
            kept: Vec::with_capacity(kept),
        };
        run.keep(place)?;
        Ok(run)
    }
}

/// A group on its way through the blocks.
pub(crate) struct Run<'m> {
    model: &'m Model,
    pass: Pass<'m>,
    recorder: Recorder,
    /// The number of the first row.
    first_row: usize,
    /// `[rows]`: the token of each row in the batch.
    rows: Vec<usize>,
    /// Ascending.
    layers: Vec<usize>,
    captures: Vec<Capture>,
    captured: Vec<Option<Array2<f32>>>,
    /// `[layers so far, rows, d_model]`.
    kept: Vec<f32>,
}

impl Run<'_> {
    /// Runs the next block; false if no later state is wanted. (Without captures, blocks after the last
    /// wanted layer need not run.)
    ///
    /// # Errors
    /// The errors of [`Selected::compute`].
    pub(crate) fn advance(
        &mut self,
        interventions: &mut Interventions<'_>,
        place: &Place<'_>,
    ) -> Result<bool> {
        if self.pass.layer() == self.last_layer() {
            return Ok(false);
        }
        let mut hooks = interventions.before(std::mem::take(&mut self.recorder));
        self.pass.advance(&mut hooks)?;
        self.recorder = hooks.recorder;
        self.capture()?;
        self.keep(place)?;
        Ok(true)
    }

    /// The layer after which nothing is wanted.
    pub(crate) fn last_layer(&self) -> usize {
        match self.captures.is_empty() {
            true => self.layers.last().copied().unwrap_or(0),
            false => self.model.transformer.architecture().n_layers,
        }
    }

    /// Ends the run after the last block. Waits until the files of the model are hashed: states belong to
    /// known files.
    ///
    /// # Errors
    /// The errors of [`Selected::compute`], and a file that cannot be read to its end.
    pub(crate) fn finish(mut self, interventions: &mut Interventions<'_>) -> Result<States> {
        let mut hooks = interventions.before(std::mem::take(&mut self.recorder));
        self.pass.finish(&mut hooks)?;
        self.recorder = hooks.recorder;
        self.capture()?;
        self.model.info.files.all()?;
        // Every point has been passed.
        let hooks = self.captured.into_iter().map(|value| vec![value.unwrap_or_default()]);
        let d_model = self.model.transformer.architecture().d_model;
        let shape = (self.layers.len(), self.rows.len(), d_model);
        // Every layer has been passed.
        let hidden_states = Array3::from_shape_vec(shape, self.kept).unwrap_or_default();
        Ok(States { hidden_states, hooks: hooks.collect() })
    }

    /// Keeps the state of the rows, if this layer is wanted.
    fn keep(&mut self, place: &Place<'_>) -> Result<()> {
        let layer = self.pass.layer();
        if !self.layers.contains(&layer) {
            return Ok(());
        }
        let d_model = self.model.transformer.architecture().d_model;
        with_values(self.pass.state(), |values| {
            for (row, &at) in self.rows.iter().enumerate() {
                let from = &values[at * d_model..][..d_model];
                if !from.iter().fold(true, |all, v| all & v.is_finite()) {
                    let (place, token) = place(self.first_row + row);
                    return Err(Error::NotFinite { layer, place, token });
                }
                self.kept.extend_from_slice(from);
            }
            Ok(())
        })?
    }

    /// Takes the captures whose values have been recorded, while the block that they belong to is there.
    fn capture(&mut self) -> Result<()> {
        for (capture, slot) in self.captures.iter().zip(&mut self.captured) {
            let recorded = |point: &HookPoint| self.recorder.values.contains_key(point);
            if slot.is_none() && needed(*capture).iter().all(recorded) {
                let (transformer, batch) = (&self.model.transformer, self.pass.batch());
                let value = value(*capture, &self.recorder, transformer, batch)?;
                *slot = Some(array(&value)?);
            }
        }
        self.recorder.values.clear();
        Ok(())
    }
}

impl States {
    /// Puts the states of a group in their place; groups come in order.
    pub(crate) fn put(&mut self, group: &SequenceGroup, computed: Self) {
        let rows = group.rows.clone();
        match rows.len() == self.hidden_states.dim().1 {
            true => self.hidden_states = computed.hidden_states,
            false => {
                self.hidden_states.slice_mut(s![.., rows, ..]).assign(&computed.hidden_states);
            }
        }
        for (all, own) in self.hooks.iter_mut().zip(computed.hooks) {
            all.extend(own);
        }
    }

    /// What was captured: of all groups tokens one below the other, patterns side by side.
    pub(crate) fn captured(&self, captures: &[Capture]) -> Vec<Captured> {
        let joined = |(&capture, groups): (&Capture, &Vec<Array2<f32>>)| {
            let axis = Axis(usize::from(capture.is_pattern()));
            let views: Vec<_> = groups.iter().map(Array2::view).collect();
            // Values of one hook point fit together in all groups.
            Captured { capture, values: concatenate(axis, &views).unwrap_or_default() }
        };
        captures.iter().zip(&self.hooks).map(joined).collect()
    }
}

/// The hook points that a capture is made of.
fn needed(capture: Capture) -> Vec<HookPoint> {
    match capture {
        Capture::Hook(point) => vec![point],
        Capture::ValueWeightedNorms(i) => vec![HookPoint::Value(i), HookPoint::Pattern(i)],
    }
}

/// The value of a capture.
fn value(
    capture: Capture,
    seen: &Recorder,
    transformer: &Transformer,
    batch: &Batch,
) -> Result<Tensor> {
    Ok(match capture {
        Capture::Hook(point) => seen.values[&point].clone(),
        Capture::ValueWeightedNorms(i) => {
            let (values, pattern) =
                (&seen.values[&HookPoint::Value(i)], &seen.values[&HookPoint::Pattern(i)]);
            transformer.value_weighted_norms(i, values, pattern, batch)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_to_their_tokens_and_split_no_item() {
        let of = |tokens: &[usize]| groups(tokens.iter().copied(), 10);
        assert_eq!(of(&[4, 6, 1, 9, 30, 2]), [0..2, 2..4, 4..5, 5..6]);
        // Items without tokens begin no group.
        assert_eq!(of(&[0, 30, 0, 5, 0]), [0..3, 3..5]);
        assert!(of(&[]).is_empty());
    }
}
