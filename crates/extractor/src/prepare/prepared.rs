//! Prepared inputs, and the ways to take parts of them.

use super::warning::{UnknownTokens, Warning};
use crate::activations::{Activations, Origin};
use crate::error::{Error, Result};
use crate::hooks::Capture;
use crate::input::Text;
use crate::media::Media;
use crate::rows::{Row, Unit};
use crate::selected::{Selected, States};
use stratoscope_loader::Model;
use stratoscope_transformer::Sequence;

/// Prepared texts or images: the sequences that the model reads, and the rows of their states.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// The texts; of images and sounds the names of their files.
    pub texts: Vec<Text>,
    /// `[texts]`: the images or sounds; empty for texts.
    pub media: Vec<Media>,
    /// One row per token or patch, text after text.
    pub rows: Vec<Row>,
    /// Warnings about long texts, and about token ids without labels.
    pub warnings: Vec<Warning>,
    /// The sequences that the model reads. Each window of a text is a sequence.
    pub(crate) sequences: Vec<Sequence>,
    /// `[rows]`: the sequence of each row, and its token there.
    pub(crate) picks: Vec<(usize, usize)>,
    /// `[texts]`: the sequences of each text.
    pub(super) windows: Vec<usize>,
}

impl Prepared {
    /// How many of the tokens are unknown.
    pub fn unknown(&self) -> UnknownTokens {
        UnknownTokens::of(&self.rows)
    }

    /// The sequences that the model reads, in order. Each window of a text is a sequence.
    pub fn sequences(&self) -> &[Sequence] {
        &self.sequences
    }

    /// The tokens that the model reads. Where windows overlap, a token counts twice.
    pub fn tokens(&self) -> usize {
        self.sequences.iter().map(|s| s.tokens()).sum()
    }

    /// [`tokens`](Self::tokens) of each text.
    pub(crate) fn text_tokens(&self) -> impl Iterator<Item = usize> + '_ {
        let mut sequences = self.sequences.iter();
        self.windows
            .iter()
            .map(move |&windows| sequences.by_ref().take(windows).map(|s| s.tokens()).sum())
    }

    /// Adds the rows of the next input, which is one sequence: the label of each, and whether it is
    /// special.
    pub(super) fn add_cells(&mut self, sequence: Sequence, labels: Vec<(String, bool)>) {
        let index = self.texts.len();
        for (place, (label, special)) in labels.into_iter().enumerate() {
            self.rows.push(Row {
                sequence: index,
                label,
                token_id: None,
                char_offsets: [0, 0],
                text_id: 0,
                word_id: None,
                special,
                unknown: false,
            });
            self.picks.push((self.sequences.len(), place));
        }
        self.windows.push(1);
        self.sequences.push(sequence);
    }

    /// Moves the texts from `first` on into another one. The warnings stay here.
    pub(crate) fn split_off(&mut self, first: usize) -> Self {
        let row = self.rows.partition_point(|row| row.sequence < first);
        let windows = self.windows.split_off(first);
        let sequence = self.sequences.len() - windows.iter().sum::<usize>();
        let mut rest = Self {
            texts: self.texts.split_off(first),
            media: self.media.split_off(first.min(self.media.len())),
            rows: self.rows.split_off(row),
            warnings: Vec::new(),
            sequences: self.sequences.split_off(sequence),
            picks: self.picks.split_off(row),
            windows,
        };
        rest.rows.iter_mut().for_each(|row| row.sequence -= first);
        rest.picks.iter_mut().for_each(|pick| pick.0 -= sequence);
        rest
    }

    /// All rows, at these layers.
    ///
    /// # Errors
    /// [`Error::HooksInWindows`] for hook points of texts in several windows.
    pub(crate) fn selected<'a>(
        &'a self,
        layers: &'a [usize],
        captures: &'a [Capture],
    ) -> Result<Selected<'a>> {
        if !captures.is_empty() && self.sequences.len() != self.texts.len() {
            return Err(Error::HooksInWindows);
        }
        let (sequences, picks) = (self.sequences.as_slice(), self.picks.as_slice());
        Ok(Selected { sequences, picks, layers, captures })
    }

    /// The activations of all rows, from their states.
    pub(crate) fn activations(
        self,
        model: &Model,
        states: States,
        layers: &[usize],
        captures: &[Capture],
    ) -> Activations {
        Activations {
            origin: Origin::of(model),
            unit: Unit::Token,
            layers: layers.to_vec(),
            texts: self.texts,
            media: self.media,
            rows: self.rows,
            hooks: states.captured(captures),
            hidden_states: states.hidden_states,
        }
    }

    /// The name of a row's text in messages, and the row's token in that text; `first_text` texts
    /// come before these.
    pub(crate) fn place(&self, first_text: usize, row: usize) -> (String, usize) {
        let sequence = self.rows[row].sequence;
        let first = self.rows.partition_point(|row| row.sequence < sequence);
        (self.texts[sequence].place(first_text + sequence), row - first)
    }
}
