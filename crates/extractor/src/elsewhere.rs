//! States that were computed elsewhere: from arrays to [`Activations`].

mod align;
mod array;
mod axes;
mod causal;
mod container;
mod npy;
mod read;
mod tokenize;

pub use axes::Axes;
pub(crate) use container::Container;
pub use read::StatesReader;

use crate::activations::{Activations, Origin};
use crate::error::{Error, Result};
use crate::input::{Text, unicode_words};
use crate::prepare::{label, word_of};
use crate::rows::{Row, Unit};
use align::{Placed, align, is_special, text_of};
use ndarray::Array3;
use std::ops::Range;

/// Hidden states that another program computed, with what is known of their tokens. Each part but
/// the states may be missing.
///
/// A token has a place in its text by `offsets`, or else by its letters: `tokens` are aligned with the
/// text, and without texts the texts are put together from the tokens. Words are those of the text if it
/// has words, else those of Unicode.
///
/// ```
/// use stratoscope_extractor::StateArrays;
///
/// let states = StateArrays {
///     hidden_states: ndarray::Array3::zeros((2, 3, 4)), // [layers, tokens, d_model]
///     tokens: Some(["the", "river", "##bank"].map(str::to_owned).to_vec()),
///     texts: Some(vec!["The riverbank".into()]),
///     ..StateArrays::default()
/// };
/// let states = states.activations()?;
/// assert_eq!(states.rows[2].char_offsets, [9, 13]);
/// # Ok::<(), stratoscope_extractor::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct StateArrays {
    /// `[layers, tokens, d_model]`: the states of all texts, end to end, without padding.
    pub hidden_states: Array3<f32>,
    /// `[layers]`: the numbers of the layers, ascending; 0 is the embedding output. By default 0, 1, ….
    pub layers: Option<Vec<usize>>,
    /// `[texts + 1]`: the first token of each text, and the end of the last. By default one text.
    pub sequence_offsets: Option<Vec<usize>>,
    /// `[texts]`: the texts.
    pub texts: Option<Vec<Text>>,
    /// `[tokens]`: the ids of the tokens.
    pub token_ids: Option<Vec<u32>>,
    /// `[tokens]`: the tokens as the vocabulary has them (`Ġbank`, `▁bank`, `##bank`) or as text.
    pub tokens: Option<Vec<String>>,
    /// `[tokens]`: start and end of each token in its text, in characters; `[0, 0]` for special tokens.
    /// They have no meaning without `texts`, and are then not used.
    pub offsets: Option<Vec<[usize; 2]>>,
    /// `[tokens]`: whether a token is a special token of the tokenizer. By default those with the offsets
    /// `[0, 0]`, or those that look like one (`[CLS]`, `</s>`, `<|endoftext|>`).
    pub special: Option<Vec<bool>>,
    /// What is known of the model.
    pub about: About,
}

/// What is known of the model of states that were computed elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub model: Option<String>,
    /// The number type of the computation: `f32`, `bf16`, ….
    pub dtype: Option<String>,
    /// Whether attention is causal. By default what the states show: texts that begin alike have, in a
    /// causal model alone, equal states there.
    pub causal: Option<bool>,
    /// The order of the axes of the array that was read, and its number type.
    pub read_as: Option<String>,
}

impl StateArrays {
    /// The states with a row per token.
    ///
    /// # Errors
    /// [`Error::Arrays`]: parts of different lengths, values that are not finite, layers that do not
    /// ascend, offsets outside the text, tokens that do not stand in the text.
    pub fn activations(self) -> Result<Activations> {
        self.with_rows().map_err(|reason| Error::Arrays { reason })
    }

    /// [`activations`](Self::activations), with the reason of an error.
    pub(crate) fn with_rows(self) -> Result<Activations, String> {
        let (n_layers, n_tokens, d_model) = self.hidden_states.dim();
        if n_layers == 0 || n_tokens == 0 || d_model == 0 {
            return Err(format!(
                "hidden_states is empty: {n_layers} layers, {n_tokens} tokens, width {d_model}"
            ));
        }
        let lengths = [
            ("token_ids", self.token_ids.as_ref().map(Vec::len)),
            ("tokens", self.tokens.as_ref().map(Vec::len)),
            ("offsets", self.offsets.as_ref().map(Vec::len)),
            ("special_tokens_mask", self.special.as_ref().map(Vec::len)),
        ];
        for (name, length) in lengths {
            if let Some(length) = length.filter(|length| *length != n_tokens) {
                return Err(format!("{name} has {length} tokens, and hidden_states {n_tokens}"));
            }
        }
        if let Some(((layer, token, _), value)) =
            self.hidden_states.indexed_iter().find(|(_, value)| !value.is_finite())
        {
            return Err(format!(
                "hidden_states holds {value} in layer {layer}, token {token} (counted from 0)"
            ));
        }
        let mut offsets = self.offsets.iter().flatten().enumerate();
        if let Some((token, [start, end])) = offsets.find(|(_, [start, end])| start > end) {
            let token = token + 1;
            return Err(format!("token {token} ends before it begins: [{start}, {end}]"));
        }
        let layers = self.layers.clone().unwrap_or_else(|| (0..n_layers).collect());
        check_layers(&layers, n_layers)?;
        let sequences = self.sequences(n_tokens)?;
        if let Some(texts) = self.texts.as_ref().filter(|texts| texts.len() != sequences.len()) {
            let (texts, sequences) = (texts.len(), sequences.len());
            return Err(format!("there are {texts} texts for {sequences} sequences of tokens"));
        }
        let mut texts = Vec::with_capacity(sequences.len());
        let mut rows = Vec::with_capacity(n_tokens);
        for (sequence, tokens) in sequences.into_iter().enumerate() {
            let (text, placed) = self
                .placed(sequence, tokens.clone())
                .map_err(|reason| format!("text {}: {reason}", sequence + 1))?;
            self.add_rows(sequence, &text, tokens, &placed, &mut rows);
            texts.push(text);
        }
        let last = layers.last().copied().unwrap_or(0);
        let mut about = self.about;
        about.causal = about.causal.or_else(|| causal::seen(&rows, &self.hidden_states));
        Ok(Activations {
            origin: Origin::elsewhere(last, about),
            unit: Unit::Token,
            layers,
            texts,
            media: Vec::new(),
            rows,
            hidden_states: self.hidden_states,
            hooks: Vec::new(),
        })
    }

    /// The tokens of each text.
    fn sequences(&self, n_tokens: usize) -> Result<Vec<Range<usize>>, String> {
        let whole = vec![0, n_tokens];
        let offsets = self.sequence_offsets.as_ref().unwrap_or(&whole);
        let covers = offsets.first() == Some(&0) && offsets.last() == Some(&n_tokens);
        if !covers || offsets.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(format!(
                "sequence_offsets do not ascend from 0 to {n_tokens}, the number of tokens"
            ));
        }
        Ok(offsets.windows(2).map(|pair| pair[0]..pair[1]).collect())
    }

    /// The text of a sequence, and where its tokens stand in it.
    fn placed(&self, sequence: usize, tokens: Range<usize>) -> Result<(Text, Vec<Placed>), String> {
        let special = self.special.as_ref().map(|special| &special[tokens.clone()]);
        let names = self.tokens.as_ref().map(|names| &names[tokens.clone()]);
        let text = self.texts.as_ref().map(|texts| texts[sequence].clone());
        let mask = |index: usize| special.is_some_and(|special| special[index]);
        match (text, &self.offsets, names) {
            (Some(text), Some(offsets), _) if !text.text.is_empty() => {
                let length = text.text.chars().count();
                let of = |(index, &[start, end]): (usize, &[usize; 2])| {
                    if end > length {
                        return Err(format!(
                            "the offsets [{start}, {end}] of token {} are outside the text of {length} characters",
                            index + 1
                        ));
                    }
                    let is_special = special.map_or(end == 0, |special| special[index]);
                    let place = if is_special { [0, 0] } else { [start, end] };
                    Ok(Placed { place, special: is_special })
                };
                let placed =
                    offsets[tokens].iter().enumerate().map(of).collect::<Result<_, _>>()?;
                Ok((text, placed))
            }
            (Some(text), _, Some(names)) if !text.text.is_empty() => {
                let placed = align(names, special, &text.text)?;
                Ok((text, placed))
            }
            (Some(text), ..) if !text.text.is_empty() => {
                let n = tokens.len();
                Err(format!(
                    "where its {n} tokens stand in it is not known: give offsets, tokens, or a tokenizer for token_ids"
                ))
            }
            (_, _, Some(names)) => {
                let special: Vec<bool> = match special {
                    Some(special) => special.to_vec(),
                    None => names.iter().map(|name| is_special(name)).collect(),
                };
                let text = text_of(names, &special);
                let placed = align(names, Some(&special), &text)?;
                Ok((Text::from(text), placed))
            }
            _ => {
                let of = |index| Placed { place: [0, 0], special: mask(index) };
                Ok((Text::default(), (0..tokens.len()).map(of).collect()))
            }
        }
    }

    fn add_rows(
        &self,
        sequence: usize,
        text: &Text,
        tokens: Range<usize>,
        placed: &[Placed],
        rows: &mut Vec<Row>,
    ) {
        let letters: Vec<char> = text.text.chars().collect();
        let words = match text.words.is_empty() {
            true => unicode_words(&text.text),
            false => text.words.clone(),
        };
        let first = rows.len();
        for (token, placed) in tokens.zip(placed) {
            let [start, end] = placed.place;
            let token_id = self.token_ids.as_ref().map(|ids| ids[token]);
            let word_id = if placed.special { None } else { word_of(start..end, &words) };
            let surface: String = letters.get(start..end).into_iter().flatten().collect();
            let continues = word_id.is_some()
                && rows[first..].last().is_some_and(|row: &Row| row.word_id == word_id);
            let label = match (surface.is_empty() || placed.special, &self.tokens, token_id) {
                (false, ..) => label(&surface, continues),
                (true, Some(names), _) => names[token].clone(),
                (true, None, Some(id)) => format!("#{id}"),
                (true, None, None) => format!("token {}", token + 1),
            };
            rows.push(Row {
                sequence,
                label,
                token_id,
                char_offsets: placed.place,
                text_id: 0,
                word_id,
                special: placed.special,
                unknown: false,
            });
        }
    }
}

/// More layers than any model has. States with more are damaged.
pub(crate) const MAX_LAYERS: usize = 1 << 12;

/// Checks the numbers of the layers.
pub(crate) fn check_layers(layers: &[usize], n_layers: usize) -> Result<(), String> {
    if layers.len() != n_layers {
        return Err(format!("layers has {} numbers for {n_layers} layers", layers.len()));
    }
    if layers.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err("its layers do not ascend".to_owned());
    }
    match layers.last() {
        Some(&last) if last > MAX_LAYERS => {
            Err(format!("it holds layer {last} of a model with at most {MAX_LAYERS} layers"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
