//! Hidden states with the description of their rows.

use crate::elsewhere::About;
use crate::error::{Error, Result};
use crate::hooks::Captured;
use crate::input::Text;
use crate::media::{self, Media};
use crate::pools::{Pool, nothing_to_pool, pool, pools};
use crate::rows::{Row, Unit};
use candle_core::DeviceLocation;
use ndarray::{Array3, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use stratoscope_loader::{Model, Pooler};

/// Hidden states of texts at chosen layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Activations {
    /// The model.
    pub origin: Origin,
    /// What a row is.
    pub unit: Unit,
    /// The layers kept, ascending; 0 is the embedding output.
    pub layers: Vec<usize>,
    /// The texts, in order; of images and sounds the names of their files.
    pub texts: Vec<Text>,
    /// `[texts]`: the images or sounds, with the cells that the rows are. Empty for texts, and where a
    /// row of a cell is missing.
    pub media: Vec<Media>,
    /// `[rows]`: the rows, in the order of the texts.
    pub rows: Vec<Row>,
    /// `[layers, rows, d_model]`, f32; the layers in the order of `layers`.
    pub hidden_states: Array3<f32>,
    /// The values at other hook points; only if rows are tokens.
    pub hooks: Vec<Captured>,
}

/// A word of a text, and its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordTokens {
    /// The number of the text, counted from 0.
    pub sequence: usize,
    /// The number of the word in the text, counted from 0.
    pub word: usize,
    /// Where the word stands in the text, in characters.
    pub place: Range<usize>,
    /// The rows of its tokens, ascending; at least one.
    pub rows: Vec<usize>,
}

/// The model of some states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its id or path.
    pub model: String,
    /// The commit, if it comes from the hub.
    pub revision: Option<String>,
    /// Its family.
    pub family: String,
    /// The sha256 of the weights files; empty if unknown.
    #[serde(default)]
    pub weights: Vec<String>,
    /// The sha256 that identifies config, weights and tokenizer together; empty if unknown.
    #[serde(default)]
    pub states: String,
    /// The number of blocks. The layers are `0..=n_layers`.
    pub n_layers: usize,
    /// Whether attention is causal.
    #[serde(default)]
    pub causal: bool,
    /// Whether the last layer is the output of a norm after the last block.
    #[serde(default)]
    pub final_norm: bool,
    /// The number type of the computation: `f32`, `f16` or `bf16`.
    #[serde(default = "f32_name")]
    pub dtype: String,
    /// The device of the computation: `cpu`, `cuda:0`, `metal:0`.
    #[serde(default = "cpu_name")]
    pub device: String,
    /// The vector instructions of the kernels ([`vectors`](stratoscope_transformer::vectors())); none
    /// where the model did not run on them, or where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vectors: Option<String>,
    /// Of states that were computed elsewhere: the order of the axes and the number type of the array
    /// that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_as: Option<String>,
}

fn f32_name() -> String {
    "f32".to_owned()
}

fn cpu_name() -> String {
    "cpu".to_owned()
}

impl Origin {
    /// The origin of the states of a model.
    pub fn of(model: &Model) -> Self {
        Self {
            model: model.info.id.clone(),
            revision: model.info.revision.clone(),
            family: model.info.family.to_owned(),
            weights: model.info.weights_sha256(),
            states: model.info.states_sha256(),
            n_layers: model.transformer.architecture().n_layers,
            causal: model.transformer.architecture().is_causal(),
            final_norm: model.transformer.architecture().final_norm,
            dtype: model.info.dtype.as_str().to_owned(),
            device: match model.info.device {
                DeviceLocation::Cpu => cpu_name(),
                DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
                DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
            },
            vectors: model.transformer.vectors().map(str::to_owned),
            read_as: None,
        }
    }

    /// The origin of states that were computed elsewhere, of a model with at least so many blocks.
    pub(crate) fn elsewhere(n_layers: usize, about: About) -> Self {
        let unknown = || UNKNOWN.to_owned();
        Self {
            model: about.model.unwrap_or_else(|| "an unknown model".to_owned()),
            revision: None,
            family: unknown(),
            weights: Vec::new(),
            states: String::new(),
            n_layers,
            causal: about.causal.unwrap_or(false),
            final_norm: false,
            dtype: about.dtype.unwrap_or_else(unknown),
            device: unknown(),
            vectors: None,
            read_as: about.read_as,
        }
    }
}

/// What is not known of states that were computed elsewhere.
const UNKNOWN: &str = "unknown";

impl Activations {
    /// A layer, `[rows, d_model]`, by its place in [`layers`](Self::layers).
    pub fn layer(&self, index: usize) -> ArrayView2<'_, f32> {
        self.hidden_states.index_axis(Axis(0), index)
    }

    /// The width of a row.
    pub fn d_model(&self) -> usize {
        self.hidden_states.dim().2
    }

    /// `[texts + 1]`: the first row of each text, and the end of the last.
    pub fn sequence_offsets(&self) -> Vec<usize> {
        let mut offsets = Vec::with_capacity(self.texts.len() + 1);
        let mut row = 0;
        for sequence in 0..self.texts.len() {
            offsets.push(row);
            row += self.rows[row..].iter().take_while(|r| r.sequence == sequence).count();
        }
        offsets.push(row);
        offsets
    }

    /// The states of some layers. Layers that are not kept are ignored.
    pub fn with_layers(&self, layers: &[usize]) -> Self {
        let kept: Vec<usize> =
            (0..self.layers.len()).filter(|&i| layers.contains(&self.layers[i])).collect();
        Self {
            layers: kept.iter().map(|&i| self.layers[i]).collect(),
            hidden_states: self.hidden_states.select(Axis(0), &kept),
            ..self.clone()
        }
    }

    /// The states without the rows of special tokens, and without other hook points. The model has read
    /// these tokens nevertheless.
    ///
    /// # Errors
    /// [`Error::NothingToPool`] if all tokens are special.
    pub fn without_special(&self) -> Result<Self> {
        let kept = self.without_special_rows();
        match kept.rows.is_empty() {
            true => Err(Error::NothingToPool {
                unit: "tokens",
                reason: "all are special tokens".to_owned(),
            }),
            false => Ok(kept),
        }
    }

    /// [`without_special`](Self::without_special), which may leave no rows.
    pub(crate) fn without_special_rows(&self) -> Self {
        let kept: Vec<usize> = (0..self.rows.len()).filter(|&r| !self.rows[r].special).collect();
        self.with_rows(&kept)
    }

    /// The states of some rows, by ascending places, without other hook points. Places beyond the rows
    /// are ignored.
    pub fn with_rows(&self, rows: &[usize]) -> Self {
        let kept: Vec<usize> = rows.iter().copied().filter(|&r| r < self.rows.len()).collect();
        Self {
            rows: kept.iter().map(|&r| self.rows[r].clone()).collect(),
            hidden_states: self.hidden_states.select(Axis(1), &kept),
            // Patterns belong to all tokens of a text.
            hooks: Vec::new(),
            unit: self.unit,
            origin: self.origin.clone(),
            layers: self.layers.clone(),
            texts: self.texts.clone(),
            media: media::of_rows(&self.media, &self.rows, &kept),
        }
    }

    /// Tokens pooled to words or to sentences, without other hook points. Words have no special tokens;
    /// sentences are pooled over all tokens, as in sentence-transformers. A [`Pooler`] with several
    /// poolings or with steps makes vectors of another width, in each layer.
    ///
    /// # Errors
    /// [`Error::NothingToPool`] if the rows are not tokens, or belong to no words.
    pub fn pooled(&self, unit: Unit, pooler: impl Into<Pooler>) -> Result<Self> {
        if unit != Unit::Token && self.unit != Unit::Token {
            let reason = "the states are pooled already".to_owned();
            return Err(Error::NothingToPool { unit: "tokens", reason });
        }
        let pooled = self.pooled_rows(unit, &pooler.into());
        if pooled.rows.is_empty() && unit != Unit::Token {
            return Err(nothing_to_pool());
        }
        Ok(pooled)
    }

    /// [`pooled`](Self::pooled) of tokens, which may give no rows.
    pub(crate) fn pooled_rows(&self, unit: Unit, pooler: &Pooler) -> Self {
        if unit == Unit::Token {
            return self.clone();
        }
        let groups = pools(&self.rows, &self.texts, unit);
        let (layers, _, d_model) = self.hidden_states.dim();
        let mut hidden_states = Array3::zeros((layers, groups.len(), pooler.width(d_model)));
        let mut sum = vec![0.0; d_model];
        for layer in 0..layers {
            let from = self.layer(layer);
            let mut to = hidden_states.index_axis_mut(Axis(0), layer);
            for (group, to) in groups.iter().zip(to.outer_iter_mut()) {
                pool(&from, &group.rows, pooler, &mut sum, to);
            }
        }
        Self {
            unit,
            rows: groups.iter().map(|group| self.pooled_row(unit, group)).collect(),
            hidden_states,
            hooks: Vec::new(),
            origin: self.origin.clone(),
            layers: self.layers.clone(),
            texts: self.texts.clone(),
            // Their cells are no rows.
            media: Vec::new(),
        }
    }

    /// The words of the texts that have tokens, with their tokens: annotated words, or those of
    /// Unicode ([`unicode_words`](crate::unicode_words)). Empty if rows are not tokens. The second text
    /// of a pair has none.
    pub fn words(&self) -> Vec<WordTokens> {
        if self.unit != Unit::Token {
            return Vec::new();
        }
        let texts: Vec<Text> =
            self.texts.iter().map(|text| text.clone().with_unicode_words()).collect();
        let of = |mut pool: Pool| {
            pool.rows.retain(|&row| self.rows[row].text_id == 0);
            let sequence = self.rows[*pool.rows.first()?].sequence;
            let place = texts[sequence].words.get(pool.word? as usize)?.clone();
            Some(WordTokens { sequence, word: pool.word? as usize, place, rows: pool.rows })
        };
        pools(&self.rows, &texts, Unit::Word).into_iter().filter_map(of).collect()
    }

    /// `[rows]`: the words of which each row is or has a part, as indices of
    /// [`Text::annotation`]. A token can be part of several words. Empty for special tokens, for
    /// sentences, and for texts without annotation.
    pub fn annotated_words(&self) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new(); self.rows.len()];
        let mut add = |row: usize, word: Option<u32>| {
            if !self.texts[self.rows[row].sequence].annotation.is_empty() {
                all[row].extend(word.map(|word| word as usize));
            }
        };
        match self.unit {
            Unit::Sentence => {}
            Unit::Word => (0..self.rows.len()).for_each(|row| add(row, self.rows[row].word_id)),
            Unit::Token => {
                for pool in pools(&self.rows, &self.texts, Unit::Word) {
                    pool.rows.iter().for_each(|&row| add(row, pool.word));
                }
            }
        }
        all
    }

    /// The number of annotated words without a row, since no token overlaps them.
    pub fn words_without_rows(&self) -> usize {
        let annotated = |text: &Text| !text.words.is_empty();
        let words: usize = self.texts.iter().map(|text| text.words.len()).sum();
        let of_words = |row: &&Row| annotated(&self.texts[row.sequence]);
        match self.unit {
            Unit::Word => words.saturating_sub(self.rows.iter().filter(of_words).count()),
            _ => 0,
        }
    }

    fn pooled_row(&self, unit: Unit, pool: &Pool) -> Row {
        let first = &self.rows[pool.rows[0]];
        let text = &self.texts[first.sequence];
        let of_text = if first.text_id == 0 { Some(&text.text) } else { text.pair.as_ref() };
        let [start, end] = match pool.word.and_then(|word| text.words.get(word as usize)) {
            Some(word) => [word.start, word.end],
            None => {
                let places = pool.rows.iter().map(|&r| self.rows[r].char_offsets);
                places.fold([usize::MAX, 0], |[a, b], [c, d]| [a.min(c), b.max(d)])
            }
        };
        let unknown = pool.rows.iter().any(|&row| self.rows[row].unknown);
        match unit {
            Unit::Sentence => Row {
                label: match self.media.get(first.sequence) {
                    Some(media) => media.name.clone(),
                    None => format!("text {}", first.sequence + 1),
                },
                token_id: None,
                char_offsets: match self.media.is_empty() {
                    true => [0, text.text.chars().count()],
                    false => [0, 0],
                },
                text_id: 0,
                word_id: None,
                special: false,
                unknown: false,
                ..*first
            },
            _ => Row {
                label: of_text.map_or_else(String::new, |text| {
                    text.chars().skip(start).take(end.saturating_sub(start)).collect()
                }),
                token_id: None,
                char_offsets: [start, end],
                word_id: pool.word,
                unknown,
                ..*first
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stratoscope_loader::Pooling;

    fn tokens() -> Activations {
        let row = |sequence, label: &str, offsets, word_id, special| Row {
            sequence,
            label: label.to_owned(),
            token_id: Some(7),
            char_offsets: offsets,
            text_id: 0,
            word_id,
            special,
            unknown: false,
        };
        Activations {
            origin: Origin::elsewhere(1, About::default()),
            unit: Unit::Token,
            layers: vec![1],
            texts: vec!["unhappy me".into(), "go".into()],
            rows: vec![
                row(0, "[CLS]", [0, 0], None, true),
                row(0, "un", [0, 2], Some(0), false),
                row(0, "##happy", [2, 7], Some(0), false),
                row(0, "me", [8, 10], Some(1), false),
                row(1, "go", [0, 2], Some(0), false),
            ],
            hidden_states: Array3::from_shape_vec(
                (1, 5, 2),
                vec![9., 9., 1., 4., 3., 0., 5., 5., 7., 7.],
            )
            .unwrap(),
            hooks: Vec::new(),
            media: Vec::new(),
        }
    }

    #[test]
    fn words_pool_their_tokens_and_leave_special_ones() {
        let words = tokens().pooled(Unit::Word, Pooling::Mean).unwrap();
        let labels: Vec<_> = words.rows.iter().map(|r| r.label.as_str()).collect();
        assert_eq!(labels, ["unhappy", "me", "go"]);
        assert_eq!(words.layer(0).row(0).to_vec(), [2., 2.]);
        assert_eq!(words.sequence_offsets(), [0, 2, 3]);
        let max = tokens().pooled(Unit::Word, Pooling::Max).unwrap();
        assert_eq!(max.layer(0).row(0).to_vec(), [3., 4.]);
        let last = tokens().pooled(Unit::Word, Pooling::Last).unwrap();
        assert_eq!(last.layer(0).row(0).to_vec(), [3., 0.]);
        assert!(words.pooled(Unit::Sentence, Pooling::Mean).is_err());
        let places: Vec<_> =
            tokens().words().into_iter().map(|w| (w.sequence, w.word, w.rows)).collect();
        assert_eq!(places, [(0, 0, vec![1, 2]), (0, 1, vec![3]), (1, 0, vec![4])]);
        assert!(words.words().is_empty());
    }

    /// A contraction of two words, a word of two tokens, and an empty node.
    #[test]
    fn rows_have_their_annotated_words() {
        let line = |id: &str, form: &str, upos: &str| {
            format!("{id}\t{form}\t_\t{upos}\t_\t_\t_\t_\t_\t_\n")
        };
        let file = ["1-2\tzum", "1\tzu", "2\tdem", "2.1\twar", "3\tHafen"]
            .map(|start| start.split_once('\t').unwrap())
            .map(|(id, form)| line(id, form, form))
            .concat();
        let place = std::env::temp_dir().join(format!("annotated-{}.conllu", std::process::id()));
        std::fs::write(&place, file).unwrap();
        let read = |annotation| {
            let options = crate::ReadOptions { annotation, ..crate::ReadOptions::default() };
            let read = crate::TextReader::open(&place, &options).unwrap().read_all().unwrap();
            read.items[0].clone()
        };
        let (text, plain) = (read(true), read(false));
        std::fs::remove_file(&place).unwrap();
        assert_eq!((text.text.as_str(), plain.annotation.len()), ("zum Hafen", 0));
        let upos: Vec<_> = text.annotation.iter().flat_map(|word| word.upos.as_deref()).collect();
        assert_eq!(upos, ["zu", "dem", "Hafen"]);

        let mut states = tokens();
        let pieces = [("zum", [0, 3]), ("Ha", [4, 6]), ("##fen", [6, 9])];
        states.rows.truncate(4);
        for (row, (label, offsets)) in states.rows[1..].iter_mut().zip(pieces) {
            (row.label, row.char_offsets) = (label.to_owned(), offsets);
        }
        states.texts = vec![text];
        states.hidden_states = Array3::zeros((1, 4, 2));
        let none: Vec<usize> = Vec::new();
        assert_eq!(states.annotated_words(), [none.clone(), vec![0, 1], vec![2], vec![2]]);
        // Each word has a row of its own.
        let words = states.pooled(Unit::Word, Pooling::Mean).unwrap();
        assert_eq!(words.annotated_words(), [vec![0], vec![1], vec![2]]);
        states.texts[0].annotation.clear();
        assert!(states.annotated_words().iter().all(|words| *words == none));
    }

    #[test]
    fn sentences_pool_all_of_their_tokens() {
        let sentences = tokens().pooled(Unit::Sentence, Pooling::Mean).unwrap();
        assert_eq!(sentences.layer(0).row(0).to_vec(), [4.5, 4.5]);
        let first = tokens().pooled(Unit::Sentence, Pooling::First).unwrap();
        assert_eq!(first.layer(0).row(0).to_vec(), [9., 9.]);
        assert_eq!(tokens().without_special().unwrap().rows.len(), 4);
    }
}
