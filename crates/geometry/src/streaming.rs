//! Streaming measures of a layer over a corpus of any length: sums over rows that are read once.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use stratoscope_numerics::{Estimate, add_scatter};

use crate::bootstrap::ratio;
use crate::checks::{finite, same_length};
use crate::error::{GeometryError, Result};
use crate::groups::rows_by_group;
use crate::jackknife::{jackknife_estimate, part_of};
use crate::rogue_dimensions::{CosineSums, RogueDimension};
use crate::sentence::{cosine_to_mean, mean_angle, still_nearest};
use crate::similarity::{Reference, unit_rows};
use crate::spectrum::{PANEL, Spectrum};

/// The streaming measures of one layer, over sentences that are added in groups.
///
/// Memory is about 20 d_model² bytes plus 80 per sentence, for any number of words. The sums of two
/// parts of a corpus can be merged. Sentences are numbered from 0; all rows of a sentence are added at
/// once. The grouping changes results by rounding only. Means over sentences have a bootstrap
/// interval; cosines of pairs and the spectrum have a [jackknife](crate::jackknife()) interval, that
/// of the spectrum with 8 parts.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSums {
    seed: u64,
    sentences: BTreeMap<usize, Sentence>,
    cosines: CosineSums,
    sum: Array1<f64>,
    /// Σ x xᵀ, lower triangle row by row.
    scatter: Vec<f64>,
    /// The same sums by part, for intervals.
    parts: Vec<Part>,
}

/// The sums of one sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sentence {
    rows: f64,
    norms: f64,
    to_mean: Option<f64>,
    angle: Option<f64>,
    /// The number of words that are nearest to themselves at layer 0, and the number of words.
    kept: Option<(f64, f64)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Part {
    rows: usize,
    sum: Array1<f64>,
    scatter: Vec<f32>,
}

/// Parts of the jackknife of the spectrum: each costs d_model² numbers and a decomposition.
const SPECTRUM_PARTS: usize = 8;

/// The measures of a [`Spectrum`] with their intervals.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct SpectrumEstimates {
    /// The Shannon matrix entropy in nats.
    pub entropy: Estimate,
    /// The entropy divided by min(log n, log d_model); None for one row or dimension.
    pub relative_entropy: Option<Estimate>,
    /// exp of the entropy.
    pub effective_rank: Estimate,
    /// The share of the first direction. That of uncentred rows is the baseline of the maximum
    /// explainable variance of a word (Ethayarajh 2019).
    pub first: Estimate,
}

impl LayerSums {
    /// The sums of no rows, of length `d`.
    pub fn new(d: usize, seed: u64) -> Self {
        let triangle = d * (d + 1) / 2;
        let part = Part { rows: 0, sum: Array1::zeros(d), scatter: vec![0.0; triangle] };
        Self {
            seed,
            sentences: BTreeMap::new(),
            cosines: CosineSums::new(d, seed),
            sum: Array1::zeros(d),
            scatter: vec![0.0; triangle],
            parts: vec![part; SPECTRUM_PARTS],
        }
    }

    /// Adds whole sentences: rows `x` `[n, d_model]`, the sentence number of each row, and the same
    /// rows at layer 0, which only identity retention needs.
    ///
    /// # Errors
    /// Different shapes, a sentence that was added before, an entry that is not finite. After an
    /// error, the sums are unchanged.
    pub fn add(
        &mut self,
        x: ArrayView2<f32>,
        sentences: &[usize],
        layer_0: Option<ArrayView2<f32>>,
    ) -> Result<()> {
        same_length("columns", self.sum.len(), x.ncols())?;
        same_length("sentence numbers", x.nrows(), sentences.len())?;
        if let Some(layer_0) = layer_0 {
            same_length("rows of layer 0", x.nrows(), layer_0.nrows())?;
            same_length("columns of layer 0", x.ncols(), layer_0.ncols())?;
        }
        let groups = rows_by_group(sentences);
        self.new_sentences(groups.keys())?;
        let layer_0 = layer_0.map(finite).transpose()?.map(unit_rows);
        let x = finite(x)?;
        let directions = unit_rows(x.clone());
        let mut of_part = vec![Vec::new(); SPECTRUM_PARTS];
        for (&number, rows) in &groups {
            let words = x.select(Axis(0), rows);
            let norm = |row: ndarray::ArrayView1<f64>| row.dot(&row).sqrt();
            let first = layer_0.as_ref().filter(|_| rows.len() > 1);
            let sentence = Sentence {
                rows: rows.len() as f64,
                norms: words.rows().into_iter().map(norm).sum(),
                to_mean: cosine_to_mean(words.view()),
                angle: mean_angle(words.view()),
                kept: first.map(|first| still_nearest(&directions, first, rows)),
            };
            self.sentences.insert(number, sentence);
            self.cosines.add(number, &directions, rows);
            of_part[part_of(number, SPECTRUM_PARTS, self.seed)].extend(rows);
        }
        let mut scatter = Array2::zeros((x.ncols(), x.ncols()));
        for (part, rows) in self.parts.iter_mut().zip(of_part).filter(|(_, rows)| !rows.is_empty())
        {
            let rows = x.select(Axis(0), &rows);
            scatter.fill(0.0);
            add_scatter(rows.view(), &mut scatter, PANEL);
            let sum = rows.sum_axis(Axis(0));
            self.sum += &sum;
            part.rows += rows.nrows();
            part.sum += &sum;
            let entries = scatter.rows().into_iter().enumerate();
            let entries = entries.flat_map(|(i, row)| row.slice_move(s![..=i]));
            for ((sum, own), entry) in self.scatter.iter_mut().zip(&mut part.scatter).zip(entries) {
                *sum += entry;
                *own += *entry as f32;
            }
        }
        Ok(())
    }

    /// Adds the sums of other sentences.
    ///
    /// # Errors
    /// A different width or seed, a sentence that is in both. After an error, the sums are unchanged.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        same_length("columns", self.sum.len(), other.sum.len())?;
        if self.seed != other.seed {
            let expected = "the same seed in both parts";
            return Err(GeometryError::Setting {
                name: "seed",
                value: other.seed as f64,
                expected,
            });
        }
        self.new_sentences(other.sentences.keys())?;
        self.sentences.extend(&other.sentences);
        self.cosines.merge(&other.cosines);
        self.sum += &other.sum;
        self.scatter.iter_mut().zip(&other.scatter).for_each(|(a, b)| *a += b);
        for (part, other) in self.parts.iter_mut().zip(&other.parts) {
            part.rows += other.rows;
            part.sum += &other.sum;
            part.scatter.iter_mut().zip(&other.scatter).for_each(|(a, b)| *a += b);
        }
        Ok(())
    }

    fn new_sentences<'a>(&self, mut numbers: impl Iterator<Item = &'a usize>) -> Result<()> {
        match numbers.find(|number| self.sentences.contains_key(number)) {
            Some(&sentence) => Err(GeometryError::SentenceTwice { sentence }),
            None => Ok(()),
        }
    }

    /// The number of rows so far.
    pub fn n_rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// The number of sentences so far.
    pub fn n_sentences(&self) -> usize {
        self.sentences.len()
    }

    /// The mean and deviation of the rows, for the centred and the standardised cosine.
    ///
    /// # Errors
    /// No rows.
    pub fn reference(&self) -> Result<Reference> {
        let n = self.n_rows();
        if n == 0 {
            return Err(GeometryError::TooFew { measure: "a mean", needed: 1, found: 0 });
        }
        let mean = &self.sum / n as f64;
        let square = |i: usize| self.scatter[i * (i + 3) / 2] / n as f64;
        let variance = |(i, mean): (usize, &f64)| {
            let (square, mean) = (square(i), mean * mean);
            // A smaller difference of squares is rounding.
            if square - mean > ROUNDING * mean { square - mean } else { 0.0 }
        };
        let deviation = mean.iter().enumerate().map(variance).map(f64::sqrt).collect();
        Ok(Reference::new(mean, deviation))
    }

    /// The mean Euclidean norm of a row.
    ///
    /// # Errors
    /// No rows.
    pub fn norm(&self) -> Result<Estimate> {
        self.mean("norms", |s| Some((s.norms, s.rows)))
    }

    /// Intra-sentence similarity: the mean over sentences of [`crate::cosine_to_sentence`];
    /// sentences of one word are left out. [`Estimate::minus`] the [`LayerSums::anisotropy`] adjusts
    /// it as Ethayarajh (2019) does.
    ///
    /// # Errors
    /// No sentence of 2 words.
    pub fn intra_sentence_similarity(&self) -> Result<Estimate> {
        self.mean("intra-sentence similarity (sentences of 2 words)", |s| Some((s.to_mean?, 1.0)))
    }

    /// The mean of [`crate::curvature`] in radians over the sentences where it is defined.
    ///
    /// # Errors
    /// No sentence where it is defined.
    pub fn curvature(&self) -> Result<Estimate> {
        self.mean("curvature (sentences of 3 words)", |s| Some((s.angle?, 1.0)))
    }

    /// Identity retention, the share of words that are nearest to their own layer-0 vector; see
    /// [`crate::identity_retention`].
    ///
    /// # Errors
    /// No sentence of 2 words with its layer-0 rows.
    pub fn identity_retention(&self) -> Result<Estimate> {
        self.mean("identity retention (sentences of 2 words)", |s| s.kept)
    }

    /// The mean cosine of words from different sentences (Ethayarajh 2019); see [`crate::anisotropy`].
    ///
    /// # Errors
    /// Fewer than 3 sentences.
    pub fn anisotropy(&self) -> Result<Estimate> {
        self.cosines.mean_cosine()
    }

    /// See [`crate::rogue_dimensions`].
    ///
    /// # Errors
    /// Fewer than 3 sentences, a mean cosine that is not above 0.
    pub fn rogue_dimensions(&self, count: usize) -> Result<Vec<RogueDimension>> {
        self.cosines.rogue(count)
    }

    /// Entropy, effective rank and first share of the uncentred rows ([`Spectrum::of`]).
    ///
    /// # Errors
    /// All rows are 0.
    pub fn spectrum(&self) -> Result<SpectrumEstimates> {
        self.spectrum_of(false)
    }

    /// Entropy, effective rank and first share of the centred rows ([`Spectrum::centred`]).
    ///
    /// # Errors
    /// All rows are equal.
    pub fn centred_spectrum(&self) -> Result<SpectrumEstimates> {
        self.spectrum_of(true)
    }

    fn spectrum_of(&self, centred: bool) -> Result<SpectrumEstimates> {
        let of = |without: Option<&Part>| {
            let n = self.n_rows() - without.map_or(0, |part| part.rows);
            let sum = match without {
                Some(part) => &self.sum - &part.sum,
                None => self.sum.clone(),
            };
            let mean = if centred && n > 0 { sum / n as f64 } else { Array1::zeros(sum.len()) };
            let d = mean.len();
            let mut gram = Array2::zeros((d, d));
            let (mut all, mut left) = (0.0, 0.0);
            for i in 0..d {
                for j in 0..=i {
                    let place = i * (i + 1) / 2 + j;
                    let part = without.map_or(0.0, |part| f64::from(part.scatter[place]));
                    let entry = self.scatter[place] - part;
                    gram[[i, j]] = entry - n as f64 * mean[i] * mean[j];
                    if i == j {
                        all += entry;
                        left += gram[[i, j]];
                    }
                }
            }
            // The scatter of equal rows is rounding.
            let found = if left > ROUNDING * all { n } else { 0 };
            match found {
                0 => Err(GeometryError::NoVariance { measure: "the spectrum" }),
                n => Spectrum::of_gram(gram, n, d),
            }
        };
        let whole = of(None)?;
        let parts: Vec<&Part> = self.parts.iter().filter(|part| part.rows > 0).collect();
        let without: Option<Vec<Spectrum>> = match parts.len() {
            0 | 1 => None,
            _ => parts.into_par_iter().map(|part| of(Some(part)).ok()).collect(),
        };
        let n = self.n_sentences();
        let estimate = |value: f64, measure: &dyn Fn(&Spectrum) -> Option<f64>| {
            let without: Option<Vec<f64>> =
                without.as_ref().and_then(|spectra| spectra.iter().map(measure).collect());
            jackknife_estimate(value, n, without.as_deref())
        };
        let rank = |spectrum: &Spectrum| spectrum.effective_rank();
        let entropy = |spectrum: &Spectrum| spectrum.effective_rank().ln();
        let d = self.sum.len() as f64;
        Ok(SpectrumEstimates {
            entropy: estimate(entropy(&whole), &|s| Some(entropy(s))).within(0.0, d.ln()),
            relative_entropy: whole
                .relative_entropy()
                .map(|value| estimate(value, &Spectrum::relative_entropy).within(0.0, 1.0)),
            effective_rank: estimate(rank(&whole), &|s| Some(rank(s))).within(1.0, d),
            first: estimate(whole.first(), &|s| Some(s.first())).within(0.0, 1.0),
        })
    }

    /// Σ value / Σ weight over sentences with its bootstrap interval.
    fn mean(
        &self,
        measure: &'static str,
        of: impl Fn(&Sentence) -> Option<(f64, f64)>,
    ) -> Result<Estimate> {
        let pairs: Vec<(f64, f64)> = self.sentences.values().filter_map(of).collect();
        ratio(&pairs, self.seed).ok_or(GeometryError::TooFew { measure, needed: 1, found: 0 })
    }
}

/// Below this share of its terms, a difference of sums of squares is rounding.
const ROUNDING: f64 = 1e-13;
