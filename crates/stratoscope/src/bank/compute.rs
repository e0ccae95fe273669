//! Runs a model on a bank, and keeps the states of its content words.

use super::vectors::{self, Vectors};
use super::{Bank, BankStates, BankSummary, BankWord, is_content};
use crate::given::Subject;
use crate::sinks::{medians, norms, sinks};
use crate::{Error, Explorer, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, Zip};
use rayon::prelude::*;
use stratoscope_extractor::{AnnotatedSentence, Group, LongText, Prepared, Text, prepare};

/// The median norm of a layer is that of the first tokens of the bank, so that sinks can be left out as
/// soon as they are computed: of so many tokens, and of the rest of the texts that run with them.
const MEDIAN_TOKENS: usize = 4096;

/// A dimension with a standard deviation below this share of the median of its layer has no variance: the
/// deviation is rounding, and would be raised to the weight of the other dimensions.
const ROUNDING: f64 = 1e-6;

/// Tokenizes the sentences of a bank, and reports what its words lose by that.
pub(super) fn prepared(
    explorer: &Explorer,
    bank: &Bank,
    sentences: &[AnnotatedSentence],
) -> Result<Prepared> {
    let texts: Vec<Text> = sentences.iter().map(|sentence| sentence.text.clone()).collect();
    let prepared = prepare(explorer.model(), texts, LongText::Cut)?;
    let is_trained = !explorer.origin().states.is_empty();
    if is_trained && !bank.is_builtin() {
        explorer.progress().warn(prepared.unknown().warning().as_slice());
    }
    if is_trained && !prepared.warnings.is_empty() {
        explorer.progress().warning(&format!(
            "{} of {} are longer than the model reads; their last words are left out",
            crate::text::counted(prepared.warnings.len(), "sentence", "sentences"),
            bank.name
        ));
    }
    Ok(prepared)
}

/// The states of the words of a bank, of a model or of states that were computed before.
///
/// # Errors
/// [`Error::NoBankWord`]; the errors of the tokenizer and of the forward pass; states without all layers
/// or without a sentence of the bank.
pub(crate) fn compute(subject: Subject<'_>, bank: &Bank) -> Result<BankStates> {
    subject.needs_all_layers()?;
    let origin = subject.origin();
    let sentences = bank.all_sentences();
    let (n_layers, d_model) = (subject.layers().len(), subject.d_model());
    let mut reading = Reading::new(&sentences, bank.sentences.len(), n_layers, d_model);
    let texts = sentences.iter().map(|sentence| sentence.text.clone()).collect();
    subject.read(
        texts,
        "reading the bank",
        |explorer, _| prepared(explorer, bank, &sentences),
        &mut |group| {
            subject.progress().go_on()?;
            reading.take(group);
            Ok(())
        },
    )?;
    reading.settle();
    let Reading { layers, words, on_sinks, .. } = reading;
    let content_words = words.iter().filter(|w| w.sentence < bank.sentences.len()).count();
    if content_words == 0 {
        return Err(Error::NoBankWord { bank: bank.name.clone() });
    }
    let mut vectors = Vectors::zeros((n_layers, words.len(), d_model));
    let mut means = Array2::zeros((n_layers, d_model));
    let mut scales = means.clone();
    // A layer is dropped as soon as it is rounded.
    (layers.into_par_iter())
        .zip(vectors.layers_mut())
        .zip(means.axis_iter_mut(Axis(0)).into_par_iter())
        .zip(scales.axis_iter_mut(Axis(0)).into_par_iter())
        .for_each(|(((mut layer, rounded), mut all_means), mut all_scales)| {
            let (means, scales) = layer.moments.means_and_scales();
            for row in layer.vectors.chunks_exact_mut(d_model) {
                for (value, (mean, scale)) in row.iter_mut().zip(means.iter().zip(&scales)) {
                    *value = (*value - mean) * scale;
                }
            }
            vectors::round(&layer.vectors, rounded);
            all_means.assign(&ArrayView1::from(&means));
            all_scales.assign(&ArrayView1::from(&scales));
        });
    let stimuli = words[content_words..].to_vec();
    let words = words[..content_words].to_vec();
    let bank = summary(bank, content_words, on_sinks);
    Ok(BankStates { origin, bank, words, stimuli, sentences, means, scales, vectors })
}

pub(super) fn summary(bank: &Bank, content_words: usize, on_sinks: usize) -> BankSummary {
    BankSummary {
        name: bank.name.clone(),
        sha256: bank.sha256.clone(),
        sentences: bank.sentences.len(),
        words: bank.sentences.iter().map(|sentence| sentence.words.len()).sum(),
        content_words,
        on_sinks,
    }
}

/// A layer while the bank is read.
struct Layer {
    moments: Moments,
    /// `[words, d_model]`: the states of the content words and targets.
    vectors: Vec<f32>,
}

/// The state of a pass over a bank.
struct Reading<'a> {
    sentences: &'a [AnnotatedSentence],
    /// The number of sentences of the bank; stimuli come after them.
    of_bank: usize,
    /// `[layers]`: the median norms, once there are enough tokens.
    medians: Option<Vec<f64>>,
    /// What was read before.
    waiting: Vec<Group>,
    layers: Vec<Layer>,
    words: Vec<BankWord>,
    on_sinks: usize,
}

impl<'a> Reading<'a> {
    fn new(
        sentences: &'a [AnnotatedSentence],
        of_bank: usize,
        n_layers: usize,
        d_model: usize,
    ) -> Self {
        let words = sentences.iter().flat_map(|sentence| &sentence.words);
        let content = words.filter(|word| is_content(word.upos.as_deref())).count();
        let layer = |_| Layer {
            moments: Moments::new(d_model),
            vectors: Vec::with_capacity(content * d_model),
        };
        Self {
            sentences,
            of_bank,
            medians: None,
            waiting: Vec::new(),
            layers: (0..n_layers).map(layer).collect(),
            words: Vec::with_capacity(content),
            on_sinks: 0,
        }
    }

    /// Takes the states of some sentences; groups come in order.
    fn take(&mut self, group: Group) {
        if self.medians.is_some() {
            return self.keep(&group);
        }
        self.waiting.push(group);
        let tokens: usize = self.waiting.iter().map(|group| group.states.rows.len()).sum();
        if tokens >= MEDIAN_TOKENS {
            self.settle();
        }
    }

    /// Determines the median norms from what was read, and takes what was waiting for them.
    fn settle(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        if self.medians.is_none() {
            let of_layer =
                |layer| waiting.iter().flat_map(|group| norms(group.states.layer(layer))).collect();
            let norms: Vec<Vec<f64>> = (0..self.layers.len()).map(of_layer).collect();
            self.medians = Some(medians(&norms));
        }
        waiting.iter().for_each(|group| self.keep(group));
    }

    /// Adds the words of a group to the moments, and keeps its content words.
    fn keep(&mut self, group: &Group) {
        let states = &group.states;
        let offsets = states.sequence_offsets();
        let all: Vec<Vec<f64>> =
            (0..self.layers.len()).map(|layer| norms(states.layer(layer))).collect();
        let sink = sinks(&all, self.medians.as_deref().unwrap_or_default());
        // The rows of each word, whether it counts for the moments, and whether it is kept.
        let mut words: Vec<(Vec<usize>, bool, bool)> = Vec::new();
        for word in states.words() {
            let sentence = group.first_text + word.sequence;
            let annotated = &self.sentences[sentence].words[word.word];
            let of_bank = sentence < self.of_bank;
            let kept = is_content(annotated.upos.as_deref());
            if word.rows.iter().any(|&row| sink[row]) {
                self.on_sinks += usize::from(of_bank && kept);
                continue;
            }
            if kept {
                let position = word.rows[0] - offsets[word.sequence];
                self.words.push(BankWord::of(sentence, word.word, position, annotated));
            }
            words.push((word.rows, of_bank, kept));
        }
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let mut mean = Vec::new();
            for (rows, of_bank, kept) in &words {
                mean_of(states.layer(index), rows, &mut mean);
                if *of_bank {
                    layer.moments.add(&mean);
                }
                if *kept {
                    layer.vectors.extend_from_slice(&mean);
                }
            }
        }
    }
}

/// The mean of some rows, `[d_model]`.
pub(crate) fn mean_of(layer: ArrayView2<'_, f32>, rows: &[usize], mean: &mut Vec<f32>) {
    mean.resize(layer.ncols(), 0.0);
    let mut mean = ArrayViewMut1::from(mean);
    match rows {
        [row] => mean.assign(&layer.row(*row)),
        rows => {
            let mut sums = Array1::<f64>::zeros(layer.ncols());
            for &row in rows {
                Zip::from(&mut sums).and(layer.row(row)).for_each(|sum, x| *sum += f64::from(*x));
            }
            mean.zip_mut_with(&sums, |mean, sum| *mean = (sum / rows.len() as f64) as f32);
        }
    }
}

/// Means and variances of dimensions, from rows that are read once. Sums are of differences from the
/// first row, so that they keep their digits, and are exactly 0 for a dimension without variance.
struct Moments {
    n: f64,
    first: Vec<f32>,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    fn new(d_model: usize) -> Self {
        let zeros = vec![0.0; d_model];
        Self { n: 0.0, first: Vec::new(), sums: zeros.clone(), squares: zeros }
    }

    fn add(&mut self, row: &[f32]) {
        if self.first.is_empty() {
            self.first = row.to_vec();
        }
        self.n += 1.0;
        let sums = self.sums.iter_mut().zip(&mut self.squares);
        for ((sum, squares), (value, first)) in sums.zip(row.iter().zip(&self.first)) {
            let difference = f64::from(*value) - f64::from(*first);
            *sum += difference;
            *squares += difference * difference;
        }
    }

    /// The mean, and 1 / the standard deviation (0 if there is no variance) of each dimension.
    fn means_and_scales(&self) -> (Vec<f32>, Vec<f32>) {
        let of = |((sum, squares), first): ((&f64, &f64), &f32)| {
            let mean = sum / self.n;
            let variance = squares / self.n - mean * mean;
            ((f64::from(*first) + mean) as f32, variance.max(0.0).sqrt())
        };
        let all = self.sums.iter().zip(&self.squares).zip(&self.first).map(of);
        let (means, deviations): (Vec<f32>, Vec<f64>) = all.unzip();
        let mut sorted = deviations.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let limit = ROUNDING * sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
        let scale = |deviation: f64| if deviation > limit { (1.0 / deviation) as f32 } else { 0.0 };
        (means, deviations.into_iter().map(scale).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::planted;
    use super::*;
    use ndarray::Array;
    use stratoscope_extractor::{Activations, Row, Unit};

    /// The states of sentences of two words, a token each, and at layer 1 those of layer 0 times the
    /// factors of the words.
    fn group(first_text: usize, sentences: &[AnnotatedSentence], factors: &[f32]) -> Group {
        let texts: Vec<Text> = sentences.iter().map(|sentence| sentence.text.clone()).collect();
        let row = |sequence: usize, word: usize| Row {
            sequence,
            label: String::new(),
            token_id: None,
            char_offsets: [texts[sequence].words[word].start, texts[sequence].words[word].end],
            text_id: 0,
            word_id: Some(word as u32),
            special: false,
            unknown: false,
        };
        let rows: Vec<Row> = (0..texts.len()).flat_map(|s| [row(s, 0), row(s, 1)]).collect();
        let hidden_states = Array::from_shape_fn((2, rows.len(), 3), |(layer, row, d)| {
            let value = [3.0, (first_text * 2 + row) as f32 / 8.0, 1.0][d];
            if layer == 0 { value } else { value * factors[row] }
        });
        let (layers, hooks) = (vec![0, 1], Vec::new());
        let origin = planted(&["a"], &[vec![[0.0; 3]]]).origin;
        let unit = Unit::Token;
        let states = Activations {
            origin,
            unit,
            layers,
            texts,
            media: Vec::new(),
            rows,
            hidden_states,
            hooks,
        };
        Group { first_text, states }
    }

    #[test]
    fn words_on_sinks_are_left_out_of_all_layers() {
        let all = ["big cat", "[the] cat", "old dog", "[the] dog"];
        let sentences = planted(&all, &[vec![[0.0; 3]; 6]]).sentences;
        // The last sentence is a stimulus; "big" and the "the" of the second sentence are sinks at layer 1.
        let mut reading = Reading::new(&sentences, 3, 2, 3);
        reading.take(group(0, &sentences[..2], &[11.0, 1.0, 40.0, 1.0]));
        assert!(reading.words.is_empty());
        reading.take(group(2, &sentences[2..], &[1.0, 1.0, 1.0, 1.0]));
        reading.settle();
        let places: Vec<_> =
            reading.words.iter().map(|w| (w.sentence, w.word, w.position)).collect();
        assert_eq!(places, [(0, 1, 1), (1, 1, 1), (2, 0, 0), (2, 1, 1), (3, 1, 1)]);
        assert_eq!(reading.on_sinks, 1);
        for layer in &reading.layers {
            assert_eq!((layer.moments.n, layer.vectors.len()), (4.0, 15));
            let (means, scales) = layer.moments.means_and_scales();
            // The rows 1, 3, 4 and 5; the other dimensions have no variance.
            let values = [1.0, 3.0, 4.0, 5.0].map(|row: f64| row / 8.0);
            let mean = values.iter().sum::<f64>() / 4.0;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 4.0;
            assert_eq!((means[0], means[2]), (3.0, 1.0));
            assert_eq!((scales[0], scales[2]), (0.0, 0.0));
            assert!((f64::from(means[1]) - mean).abs() < 1e-6);
            assert!((f64::from(scales[1]) * variance.sqrt() - 1.0).abs() < 1e-6);
        }
    }
}
