//! From texts to the sequences that the model reads: tokens with labels, and long texts refused, cut or
//! in windows.

use crate::activations::{Activations, Origin};
use crate::error::{Error, Result};
use crate::hooks::Capture;
use crate::input::{Text, place};
use crate::lines::{MAX_TEXT_BYTES, beginning};
use crate::rows::{Row, Unit};
use crate::selected::{Selected, States};
use std::ops::Range;
use stratoscope_loader::{Encoding, Model, Tokenizer};
use stratoscope_transformer::Sequence;

/// What is done with a text that is longer than the positions of the model allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LongText {
    /// It is refused, before any computation.
    #[default]
    Refuse,
    /// Its beginning is kept.
    Cut,
    /// It is read in windows that overlap by half. The state of each token is taken from the window in
    /// which the token is farthest from an edge.
    Window,
}

impl LongText {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Cut => "cut",
            Self::Window => "window",
        }
    }
}

/// A warning about the input, such as a long text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A text was cut.
    Cut {
        /// Which text.
        place: String,
        /// The tokens of the text.
        tokens: usize,
        /// The tokens that were kept.
        kept: usize,
    },
    /// A text is so long that only its beginning was tokenized, and it was cut.
    Beginning {
        /// Which text.
        place: String,
        /// The tokens that were kept.
        kept: usize,
    },
    /// A text was read in windows.
    Windows {
        /// Which text.
        place: String,
        /// The tokens of the text.
        tokens: usize,
        /// The number of windows.
        windows: usize,
    },
    /// Many tokens are unknown.
    Unknown {
        /// The unknown tokens.
        unknown: usize,
        /// All tokens, without special tokens.
        tokens: usize,
    },
    /// Token ids have no labels, because the tokenizer cannot be used.
    NoLabels {
        /// Why.
        reason: String,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cut { place, tokens, kept } => {
                write!(f, "{place} was cut from {tokens} tokens to {kept}")
            }
            Self::Beginning { place, kept } => {
                write!(f, "{place} is long and was cut to its first {kept} tokens")
            }
            Self::Unknown { unknown, tokens } => write!(
                f,
                "{unknown} of {tokens} tokens are unknown: the vocabulary does not have their letters, so that their states say nothing about them"
            ),
            Self::NoLabels { reason } => {
                write!(
                    f,
                    "token ids have no labels, because the tokenizer cannot be used: {reason}"
                )
            }
            Self::Windows { place, tokens, windows } => write!(
                f,
                "{place} has {tokens} tokens and was read in {windows} overlapping windows, so that no token sees the whole text"
            ),
        }
    }
}

/// Tokenized texts: the sequences that the model reads, and the rows of their states.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// The texts.
    pub texts: Vec<Text>,
    /// One row per token, text after text.
    pub rows: Vec<Row>,
    /// Warnings.
    pub warnings: Vec<Warning>,
    /// The sequences that the model reads. Each window of a text is a sequence.
    pub(crate) sequences: Vec<Sequence>,
    /// `[rows]`: the sequence of each row, and its token there.
    pub(crate) picks: Vec<(usize, usize)>,
    /// `[texts]`: the sequences of each text.
    windows: Vec<usize>,
}

impl Prepared {
    /// The sequences that the model reads, in order. Each window of a text is a sequence.
    pub fn sequences(&self) -> &[Sequence] {
        &self.sequences
    }

    /// The tokens that the model reads. Where windows overlap, a token counts twice.
    pub fn tokens(&self) -> usize {
        self.sequences.iter().map(|s| s.token_ids.len()).sum()
    }

    /// [`tokens`](Self::tokens) of each text.
    pub(crate) fn text_tokens(&self) -> impl Iterator<Item = usize> + '_ {
        let mut sequences = self.sequences.iter();
        self.windows
            .iter()
            .map(move |&windows| sequences.by_ref().take(windows).map(|s| s.token_ids.len()).sum())
    }

    /// Moves the texts from `first` on into another one. The warnings stay here.
    pub(crate) fn split_off(&mut self, first: usize) -> Self {
        let row = self.rows.partition_point(|row| row.sequence < first);
        let windows = self.windows.split_off(first);
        let sequence = self.sequences.len() - windows.iter().sum::<usize>();
        let mut rest = Self {
            texts: self.texts.split_off(first),
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

/// Tokenizes texts, and checks their length.
///
/// # Errors
/// A blank text, a text that is too long or has no tokens, a model without a tokenizer. A text of more
/// than [`MAX_TEXT_BYTES`] is not tokenized, except for its beginning if texts are cut.
pub fn prepare(model: &Model, texts: Vec<Text>, long: LongText) -> Result<Prepared> {
    let mut prepared = prepare_numbered(model, texts, long, 0)?;
    prepared.warnings.extend(Unknown::of(&prepared.rows).warning());
    Ok(prepared)
}

/// The numbers of tokens and of unknown tokens, without special tokens.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unknown {
    tokens: usize,
    unknown: usize,
}

impl Unknown {
    /// Those of some rows, which are tokens.
    pub(crate) fn of(rows: &[Row]) -> Self {
        Self {
            tokens: rows.iter().filter(|row| !row.special).count(),
            unknown: rows.iter().filter(|row| row.unknown).count(),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.unknown += other.unknown;
    }

    /// A warning if more than a fifth of the tokens is unknown.
    pub(crate) fn warning(self) -> Option<Warning> {
        let Self { tokens, unknown } = self;
        (5 * unknown > tokens).then_some(Warning::Unknown { unknown, tokens })
    }
}

/// [`prepare`] for texts after `before` other texts; messages count these.
pub(crate) fn prepare_numbered(
    model: &Model,
    texts: Vec<Text>,
    long: LongText,
    before: usize,
) -> Result<Prepared> {
    let Some(tokenizer) = &model.tokenizer else {
        model.info.check_tokenizer()?;
        let reason = model.without_tokenizer.clone().unwrap_or_default();
        return Err(Error::NoTokenizer { model: model.info.id.clone(), reason });
    };
    let architecture = model.transformer.architecture();
    let limit = architecture.max_tokens().unwrap_or(usize::MAX);
    let mut prepared = Prepared::default();
    if texts.is_empty() {
        return Err(Error::NoText { place: "no text is given".to_owned() });
    }
    for (index, text) in texts.iter().enumerate() {
        let place = text.place(before + index);
        if text.text.trim().is_empty() {
            return Err(Error::NoText { place: format!("{place} is blank") });
        }
        let pair = text.pair.as_deref();
        if pair.is_some_and(|pair| pair.trim().is_empty()) {
            return Err(Error::NoText { place: format!("the second text of {place} is blank") });
        }
        // Longer texts would fill the memory. Their beginning is enough to cut them.
        let bytes = text.text.len().max(pair.map_or(0, str::len));
        if bytes > MAX_TEXT_BYTES && long != LongText::Cut {
            return Err(Error::TooLarge { place, bytes: bytes as u64, max: MAX_TEXT_BYTES });
        }
        let second = pair.map(|pair| beginning(pair, MAX_TEXT_BYTES));
        let mut first = beginning(&text.text, MAX_TEXT_BYTES);
        if long == LongText::Cut && pair.is_none() {
            first = tokenizer.beginning(first, limit)?;
        }
        let is_begun = first.len() < text.text.len() || second.map(str::len) < pair.map(str::len);
        let whole = tokenizer.encode(first, second)?;
        let tokens = whole.ids.len();
        if whole.special.iter().all(|s| *s) {
            return Err(Error::NoTokens { place });
        }
        let room = limit.saturating_sub(tokenizer.special_tokens(pair.is_some()));
        let (windows, overlap) = match long {
            _ if tokens <= limit => {
                if is_begun {
                    prepared.warnings.push(Warning::Beginning { place, kept: tokens });
                }
                (vec![whole], 0)
            }
            LongText::Window if pair.is_some() => return Err(Error::PairWindows { place }),
            LongText::Cut if room > 0 => {
                let mut windows = tokenizer.encode_windows(first, second, limit, 0)?;
                windows.truncate(1);
                prepared.warnings.push(match is_begun {
                    true => Warning::Beginning { place, kept: limit },
                    false => Warning::Cut { place, tokens, kept: limit },
                });
                (windows, 0)
            }
            LongText::Window if room > 0 => {
                let overlap = room / 2;
                let windows = tokenizer.encode_windows(&text.text, None, limit, overlap)?;
                let n = windows.len();
                prepared.warnings.push(Warning::Windows { place, tokens, windows: n });
                (windows, overlap)
            }
            _ => return Err(Error::TooLong { place, tokens, limit }),
        };
        let rows = architecture.d_vocab;
        let mut ids = windows.iter().flat_map(|window| &window.ids);
        if let Some(&id) = ids.find(|&&id| id as usize >= rows) {
            let (place, token) = (text.place(before + index), tokenizer.token(id));
            return Err(Error::NoRow { place, token: token.unwrap_or_default(), id, rows });
        }
        prepared.windows.push(windows.len());
        let picks = choose(&windows, overlap);
        add(&mut prepared, index, text, &windows, &picks, tokenizer);
        prepared.sequences.extend(windows.into_iter().map(|encoding| Sequence {
            token_ids: encoding.ids,
            // A model with fewer than two types reads every token as type 0.
            token_types: match architecture.embedding.token_types {
                0 | 1 => Vec::new(),
                _ => encoding.type_ids,
            },
        }));
    }
    prepared.texts = texts;
    Ok(prepared)
}

/// Prepares token ids, without special tokens. A tokenizer is not required; if there is one, it gives
/// the labels.
///
/// # Errors
/// An id beyond the vocabulary, or more ids than the positions allow.
pub fn prepare_ids(model: &Model, ids: Vec<(usize, Vec<u32>)>) -> Result<Prepared> {
    let architecture = model.transformer.architecture();
    let (limit, d_vocab) = (architecture.max_tokens().unwrap_or(usize::MAX), architecture.d_vocab);
    let mut prepared = Prepared::default();
    if let Some(error) = &model.info.tokenizer_error {
        prepared.warnings.push(Warning::NoLabels { reason: error.to_string() });
    }
    for (index, (line, ids)) in ids.into_iter().enumerate() {
        let place = place(index, Some(line), "");
        if let Some(&id) = ids.iter().find(|&&id| id as usize >= d_vocab) {
            return Err(Error::TokenId { place, id, d_vocab });
        }
        if ids.len() > limit {
            return Err(Error::TooLong { place, tokens: ids.len(), limit });
        }
        for (token, &id) in ids.iter().enumerate() {
            let name = model.tokenizer.as_ref().and_then(|t| t.token(id));
            prepared.rows.push(Row {
                sequence: index,
                label: name.unwrap_or_else(|| format!("#{id}")),
                token_id: Some(id),
                char_offsets: [0, 0],
                text_id: 0,
                word_id: None,
                special: false,
                unknown: model.tokenizer.as_ref().and_then(Tokenizer::unknown_id) == Some(id),
            });
            prepared.picks.push((prepared.sequences.len(), token));
        }
        prepared.windows.push(1);
        prepared.texts.push(Text { line: Some(line), ..Text::default() });
        prepared.sequences.push(Sequence::from_ids(ids));
    }
    prepared.warnings.extend(Unknown::of(&prepared.rows).warning());
    Ok(prepared)
}

/// The word that shares most characters with a token, the first of several.
fn word_of(token: Range<usize>, words: &[Range<usize>]) -> Option<u32> {
    let near = near(&token, words);
    let shared =
        |word: &Range<usize>| word.end.min(token.end).saturating_sub(word.start.max(token.start));
    let best = near.max_by_key(|&index| (shared(&words[index]), std::cmp::Reverse(index)));
    best.filter(|&index| shared(&words[index]) > 0).and_then(|index| u32::try_from(index).ok())
}

/// The words that may overlap a token. Words are in the order of the text.
fn near(token: &Range<usize>, words: &[Range<usize>]) -> Range<usize> {
    let first = words.partition_point(|word| word.end <= token.start);
    first..first + words[first..].partition_point(|word| word.start < token.end)
}

/// Adds the rows of a text in one window or several.
fn add(
    prepared: &mut Prepared,
    index: usize,
    text: &Text,
    windows: &[Encoding],
    picks: &[(usize, usize)],
    tokenizer: &Tokenizer,
) {
    let first_run = prepared.sequences.len();
    let letters: [Vec<char>; 2] =
        [text.text.chars().collect(), text.pair.as_deref().unwrap_or_default().chars().collect()];
    for &(window, token) in picks {
        let previous = prepared.rows.last().filter(|row| row.sequence == index);
        let row = row(&windows[window], token, index, &letters, &text.words, tokenizer, previous);
        prepared.rows.push(row);
        prepared.picks.push((first_run + window, token));
    }
}

/// For every token of a text the window, and the place there, that its state is taken from: the window
/// in which the token is farthest from an edge within the text.
fn choose(windows: &[Encoding], overlap: usize) -> Vec<(usize, usize)> {
    if let [only] = windows {
        return (0..only.ids.len()).map(|token| (0, token)).collect();
    }
    let last = windows.len() - 1;
    // Special tokens are before and after the text of each window.
    let content: Vec<Range<usize>> = windows
        .iter()
        .map(|w| {
            let start = w.special.iter().take_while(|s| **s).count();
            start..w.ids.len() - w.special.iter().rev().take_while(|s| **s).count()
        })
        .collect();
    let step = content[0].len() - overlap;
    let share = |w: usize| step * w..step * w + content[w].len();
    let mut picks: Vec<_> = (0..content[0].start).map(|token| (0, token)).collect();
    for token in 0..share(last).end {
        // All windows but the last have the length of the first.
        let near = token.saturating_sub(content[0].len()) / step..=last.min(token / step);
        let candidates = near.filter(|&w| share(w).contains(&token));
        let best = candidates.max_by_key(|&w| {
            let before = if w == 0 { usize::MAX } else { token - share(w).start };
            let after = if w == last { usize::MAX } else { share(w).end - 1 - token };
            // The earlier of two equal windows.
            (before.min(after), std::cmp::Reverse(w))
        });
        picks.extend(best.map(|w| (w, content[w].start + token - share(w).start)));
    }
    picks.extend((content[last].end..windows[last].ids.len()).map(|token| (last, token)));
    picks
}

fn row(
    encoding: &Encoding,
    token: usize,
    sequence: usize,
    letters: &[Vec<char>; 2],
    words: &[Range<usize>],
    tokenizer: &Tokenizer,
    previous: Option<&Row>,
) -> Row {
    let id = encoding.ids[token];
    let [start, end] = encoding.char_offsets[token];
    let text_id = encoding.text_ids[token].min(1);
    let special = encoding.special[token];
    // The second text of a pair has no annotated words, and no sentence of a corpus is a pair.
    let word_id = match words {
        [] => encoding.word_ids[token],
        _ if special => None,
        words => word_of(start..end, words),
    };
    let name = || tokenizer.token(id).unwrap_or_else(|| format!("#{id}"));
    let surface: String = letters[text_id].get(start..end).into_iter().flatten().collect();
    // Byte-level tokens include the space before a word, which the label leaves out.
    let surface = match surface.trim() {
        "" => surface,
        letters => letters.to_owned(),
    };
    let unknown = tokenizer.unknown_id() == Some(id);
    let label = if special || surface.is_empty() {
        name()
    } else if unknown {
        // The label shows that the model did not see these letters.
        format!("{surface} {}", name())
    } else if word_id.is_some() && previous.is_some_and(|p| p.word_id == word_id) {
        format!("##{surface}")
    } else {
        surface
    };
    Row {
        sequence,
        label,
        token_id: Some(id),
        char_offsets: [start, end],
        text_id,
        word_id,
        special,
        unknown: unknown && !special,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of `length` tokens between two special tokens, over a text of `tokens` tokens.
    fn windows(tokens: usize, length: usize, overlap: usize) -> Vec<Encoding> {
        let mut start = 0;
        let mut all = Vec::new();
        loop {
            let n = length.min(tokens - start);
            let mut special = vec![false; n + 2];
            (special[0], special[n + 1]) = (true, true);
            all.push(Encoding { ids: vec![0; n + 2], special, ..Encoding::default() });
            if start + n == tokens {
                return all;
            }
            start += length - overlap;
        }
    }

    #[test]
    fn every_token_is_taken_where_it_is_farthest_from_an_edge() {
        for (tokens, length, overlap) in [(30, 8, 4), (31, 8, 4), (9, 8, 4), (40, 7, 3), (25, 6, 0)]
        {
            let windows = windows(tokens, length, overlap);
            let (step, last) = (length - overlap, windows.len() - 1);
            let picks = choose(&windows, overlap);
            assert_eq!(picks.len(), tokens + 2);
            for (token, &(window, place)) in picks[1..=tokens].iter().enumerate() {
                assert_eq!(step * window + place - 1, token);
                let distance = |w: usize| {
                    let (start, n) = (step * w, windows[w].ids.len() - 2);
                    let before = if w == 0 { usize::MAX } else { token.checked_sub(start)? };
                    let after = (start + n).checked_sub(token + 1)?;
                    Some(before.min(if w == last { usize::MAX } else { after }))
                };
                let best = (0..=last).filter_map(|w| Some((distance(w)?, w)));
                let best = best.filter(|(_, w)| step * w <= token);
                let best = best.max_by_key(|&(distance, w)| (distance, std::cmp::Reverse(w)));
                assert_eq!(best.unwrap().1, window, "{tokens} {length} {overlap}: {token}");
            }
        }
    }
}
