//! States that were computed before, in place of a model: the rows of given texts among them.

use crate::activations::Activations;
use crate::error::{Error, Result};
use crate::input::Text;
use crate::prepare::word_of;
use crate::reading::{Group, group_tokens};
use crate::rows::{Row, Unit};
use crate::selected::groups;
use ndarray::{Array3, Axis, s};
use std::collections::HashMap;
use std::ops::Range;
use stratoscope_loader::Model;

/// What gives the states of texts.
#[derive(Clone, Copy)]
pub enum StatesOf<'a> {
    /// A model, which runs on them.
    Model(&'a Model),
    /// States of its tokens that were computed before.
    Computed(&'a Activations),
}

impl<'a> From<&'a Model> for StatesOf<'a> {
    fn from(model: &'a Model) -> Self {
        Self::Model(model)
    }
}

impl<'a> From<&'a Activations> for StatesOf<'a> {
    fn from(states: &'a Activations) -> Self {
        Self::Computed(states)
    }
}

impl Activations {
    /// `[texts]`: the rows of each text, by its letters. Of texts that occur more than once, the rows of
    /// the first.
    ///
    /// # Errors
    /// [`Error::NotComputed`] for a text that is not among the states; states whose rows are not tokens.
    pub fn rows_of(&self, texts: &[Text]) -> Result<Vec<Range<usize>>> {
        if self.unit != Unit::Token {
            let reason = "the rows of the states are not tokens, but words or texts".to_owned();
            return Err(Error::NothingToPool { unit: "tokens", reason });
        }
        let offsets = self.sequence_offsets();
        let mut known: HashMap<(&str, Option<&str>), usize> = HashMap::new();
        for (index, text) in self.texts.iter().enumerate() {
            known.entry((&text.text, text.pair.as_deref())).or_insert(index);
        }
        let of = |(index, text): (usize, &Text)| {
            let found = match self.texts.get(index) {
                Some(same) if (&same.text, &same.pair) == (&text.text, &text.pair) => Some(index),
                _ => known.get(&(text.text.as_str(), text.pair.as_deref())).copied(),
            };
            let rows = found.map(|found| offsets[found]..offsets[found + 1]);
            rows.ok_or_else(|| Error::NotComputed { place: text.place(index) })
        };
        texts.iter().enumerate().map(of).collect()
    }

    /// The states with these texts in place of their own, which have the same letters: for their words
    /// and annotation. A token belongs to the word of the new text with which it shares most letters.
    ///
    /// # Errors
    /// [`Error::NotComputed`] for a text that is another one; [`Error::Arrays`] for more or fewer texts.
    pub fn with_texts(mut self, texts: Vec<Text>) -> Result<Self> {
        if texts.len() != self.texts.len() {
            let (own, given) = (self.texts.len(), texts.len());
            let reason = format!("they are of {own} texts, and {given} are given");
            return Err(Error::Arrays { reason });
        }
        for (index, (own, given)) in self.texts.iter_mut().zip(texts).enumerate() {
            if (&own.text, &own.pair) != (&given.text, &given.pair) {
                return Err(Error::NotComputed { place: given.place(index) });
            }
            *own = Text { kept: own.kept, ..given };
        }
        if self.unit == Unit::Token {
            for row in self.rows.iter_mut().filter(|row| !row.special && row.text_id == 0) {
                let words = &self.texts[row.sequence].words;
                if !words.is_empty() {
                    row.word_id = word_of(row.char_offsets[0]..row.char_offsets[1], words);
                }
            }
        }
        Ok(self)
    }

    /// The rows of a text as those of the text number `sequence`.
    pub(crate) fn rows_as(&self, rows: Range<usize>, sequence: usize) -> Vec<Row> {
        self.rows[rows].iter().map(|row| Row { sequence, ..row.clone() }).collect()
    }

    /// The states of some texts in groups, as [`read_groups`](crate::read_groups) gives them for a model
    /// that reads the texts.
    ///
    /// # Errors
    /// The errors of [`rows_of`](Self::rows_of), and those of `take`.
    pub fn groups_of<E: From<Error>>(
        &self,
        texts: Vec<Text>,
        take: &mut dyn FnMut(Group) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows = self.rows_of(&texts)?;
        let total = rows.iter().map(ExactSizeIterator::len).sum();
        let mut texts = texts.into_iter();
        for group in groups(rows.iter().map(ExactSizeIterator::len), group_tokens(total)) {
            let (first_text, own) = (group.start, &rows[group]);
            let all: Vec<Row> = (own.iter().enumerate())
                .flat_map(|(sequence, rows)| self.rows_as(rows.clone(), sequence))
                .collect();
            let (n_layers, _, d_model) = self.hidden_states.dim();
            let mut hidden_states = Array3::zeros((n_layers, all.len(), d_model));
            let mut at = 0;
            for rows in own {
                let from = self.hidden_states.slice_axis(Axis(1), rows.clone().into());
                hidden_states.slice_mut(s![.., at..at + rows.len(), ..]).assign(&from);
                at += rows.len();
            }
            let states = Self {
                origin: self.origin.clone(),
                unit: self.unit,
                layers: self.layers.clone(),
                texts: texts.by_ref().take(own.len()).collect(),
                media: Vec::new(),
                rows: all,
                hidden_states,
                hooks: Vec::new(),
            };
            take(Group { first_text, states })?;
        }
        Ok(())
    }

    /// The place of each layer among the layers that are kept.
    ///
    /// # Errors
    /// [`Error::LayerNotComputed`].
    pub(crate) fn places_of_layers(&self, layers: &[usize]) -> Result<Vec<usize>> {
        let of = |&layer: &usize| {
            let place = self.layers.iter().position(|own| *own == layer);
            place.ok_or(Error::LayerNotComputed { layer })
        };
        layers.iter().map(of).collect()
    }
}
