//! Minimal pairs: how much a changed word changes its vector, the vectors of the other words, and
//! the mean vector of the sentence.

use super::error::start_of;
use super::reference_distribution::{Reference, ReferenceDistribution};
use super::sentences::{Aligned, sides};
use super::word_vectors::Vectors;
use super::{CompareError, Compared, Comparison, Options, digest, omitted};
use crate::progress::{Silent, TextWarnings};
use crate::text::counted;
use crate::{Estimate, Explorer, Omitted, Result};
use serde::Serialize;
use stratoscope_extractor::{Inputs, parse_pairs};
use stratoscope_geometry::{Edit, grouped_mean};

/// The number of pairs that are read at a time, which limits memory.
const AT_ONCE: usize = 128;

/// Two sentences that differ in few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MinimalPair {
    /// The line in the file, from 1.
    pub line: usize,
    /// The first sentence.
    pub good: String,
    /// The second.
    pub bad: String,
}

/// Minimal pairs by layer.
#[derive(Debug, Clone, Serialize)]
pub struct PairsComparison {
    /// The name of the file.
    pub file: String,
    /// The sha256 of the pairs as JSON.
    pub sha256: String,
    /// The number of pairs.
    pub pairs: usize,
    /// `[n_layers + 1]`: the numbers of each layer.
    pub layers: Vec<PairsLayer>,
}

/// Minimal pairs at one layer: mean distances with intervals over pairs, and the percentiles of
/// these means among the distances of random words. Each pair of sentences has the same weight.
#[derive(Debug, Clone, Serialize)]
pub struct PairsLayer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The distance between replaced words and the words in their place.
    pub changed: Option<Estimate>,
    /// The percentile of `changed`.
    pub changed_percentile: Option<f64>,
    /// The distance between the two vectors of words that both sentences have, after the first
    /// change.
    pub after: Option<Estimate>,
    /// The percentile of `after`.
    pub after_percentile: Option<f64>,
    /// The distance between the two vectors of words that both sentences have, before the first
    /// change.
    pub before: Option<Estimate>,
    /// The percentile of `before`.
    pub before_percentile: Option<f64>,
    /// The distance between the mean vectors of the sentences. It has no percentile, because random
    /// words are not a reference for it.
    pub sentence: Option<Estimate>,
    /// The median distance of random words from unrelated sentences, with the interval of their
    /// middle 90 %; n is the number of pairs.
    pub random: Estimate,
}

/// Parses minimal pairs from lines `good TAB bad`. A first line with names of columns is skipped.
/// `place` is the name of the file in messages.
///
/// # Errors
/// A line without exactly one tab, with an empty sentence, with two equal sentences, or with bytes
/// that are not UTF-8 (the error names the line); no pair.
pub fn parse_minimal_pairs(bytes: &[u8], place: &str) -> Result<Inputs<MinimalPair>> {
    let read = parse_pairs(bytes, place)?;
    let pairs = read.items.into_iter().map(|text| {
        let pair = MinimalPair {
            line: text.line.unwrap_or(0),
            good: text.text,
            bad: text.pair.unwrap_or_default(),
        };
        match pair.good.trim() == pair.bad.trim() {
            true => Err(CompareError::SameSentences {
                place: place.to_owned(),
                line: pair.line,
                text: start_of(&pair.good),
            }
            .into()),
            false => Ok(pair),
        }
    });
    let items = pairs.collect::<Result<_>>()?;
    Ok(Inputs { items, blank_lines: read.blank_lines, header: read.header })
}

/// The words over which distances are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Changed,
    After,
    Before,
}

/// `[n_layers + 1][pairs with such words]`: the mean distance.
type Means = Vec<Vec<f64>>;

impl Explorer {
    /// Measures how much the change in minimal pairs changes the changed word, the words before and
    /// after it, and the mean of the sentence, at every layer. `file` is the name in messages.
    ///
    /// # Errors
    /// A sentence that has no word, has no word with a token, or is too long for the model (the
    /// error names the line); no pairs; a forward pass that fails.
    pub fn compare_pairs(
        &self,
        pairs: &[MinimalPair],
        file: &str,
        options: &Options,
    ) -> Result<Comparison> {
        let mut aligned = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let place = |_| format!("{file}, line {}", pair.line);
            aligned.push(Aligned::of([&pair.good, &pair.bad], place)?);
        }
        let reference = ReferenceDistribution::of(self, options)?;
        let n_layers = self.model().transformer.architecture().n_layers + 1;
        let mut found: [Means; 3] = std::array::from_fn(|_| vec![Vec::new(); n_layers]);
        let mut sentence: Means = vec![Vec::new(); n_layers];
        let mut warnings = TextWarnings::default();
        for (number, some) in pairs.chunks(AT_ONCE).enumerate() {
            let first = number * AT_ONCE;
            self.progress().part("pairs", first, pairs.len());
            let own = &aligned[first..first + some.len()];
            let wanted: Vec<_> = some
                .iter()
                .zip(own)
                .flat_map(|(pair, own)| own.wanted([&pair.good, &pair.bad], Some(pair.line)))
                .collect();
            let mut vectors = Vectors::of(self, &wanted, options.pooling, &Silent)?;
            warnings.add(std::mem::take(&mut vectors.warnings));
            for (index, (pair, own)) in some.iter().zip(own).enumerate() {
                let rows = [&vectors.rows[2 * index], &vectors.rows[2 * index + 1]];
                for (side, text) in [&pair.good, &pair.bad].into_iter().enumerate() {
                    if rows[side].iter().all(Option::is_none) {
                        return Err(CompareError::NoToken {
                            place: format!("{file}, line {}", pair.line),
                            what: "any word".to_owned(),
                            text: start_of(text),
                        }
                        .into());
                    }
                }
                let steps = steps(&own.edits, rows);
                let (a, b): (Vec<usize>, Vec<usize>) = steps.iter().map(|s| (s.1, s.2)).unzip();
                let whole = rows.map(|rows| rows.iter().flatten().copied().collect::<Vec<_>>());
                for layer in 0..n_layers {
                    let (a, b) = (vectors.some(layer, &a), vectors.some(layer, &b));
                    let far = reference.distances(layer, a.view(), b.view())?;
                    for (part, means) in
                        [Part::Changed, Part::After, Part::Before].into_iter().zip(&mut found)
                    {
                        let of = steps.iter().zip(&far).filter(|(step, _)| step.0 == part);
                        let of: Vec<f64> = of.map(|(_, &far)| far).collect();
                        if !of.is_empty() {
                            means[layer].push(of.iter().sum::<f64>() / of.len() as f64);
                        }
                    }
                    let means = [0, 1].map(|side: usize| vectors.mean(layer, &whole[side]));
                    sentence[layer].extend(reference.distances(
                        layer,
                        means[0].view(),
                        means[1].view(),
                    )?);
                }
            }
        }
        self.progress().part("pairs", pairs.len(), pairs.len());
        warnings.report(self.progress());

        let estimate = |values: &[f64]| -> Result<Option<Estimate>> {
            let alone: Vec<usize> = (0..values.len()).collect();
            Ok(grouped_mean(values, &alone, options.seed)?)
        };
        let mut layers = Vec::new();
        for layer in 0..n_layers {
            let of = |part: usize| -> Result<(Option<Estimate>, Option<f64>)> {
                let mean = estimate(&found[part][layer])?;
                Ok((mean, reference.percentile(layer, mean, Reference::Random)?))
            };
            let (changed, changed_percentile) = of(0)?;
            let (after, after_percentile) = of(1)?;
            let (before, before_percentile) = of(2)?;
            layers.push(PairsLayer {
                layer,
                changed,
                changed_percentile,
                after,
                after_percentile,
                before,
                before_percentile,
                sentence: estimate(&sentence[layer])?,
                random: reference.spread(layer, Reference::Random),
            });
        }
        let out = missing(&layers, pairs.len());
        let found = PairsComparison {
            file: file.to_owned(),
            sha256: digest(pairs)?,
            pairs: pairs.len(),
            layers,
        };
        Ok(Comparison::new(self, options, Compared::Pairs(found), out))
    }
}

/// The alignment steps with two words that have vectors: the part, and the two rows.
fn steps(edits: &[Edit], rows: [&Vec<Option<usize>>; 2]) -> Vec<(Part, usize, usize)> {
    let first_change =
        edits.iter().position(|edit| !matches!(edit, Edit::Equal(..))).unwrap_or(edits.len());
    let step = |(index, &edit): (usize, &Edit)| {
        let part = match edit {
            Edit::Equal(..) if index < first_change => Part::Before,
            Edit::Equal(..) => Part::After,
            _ => Part::Changed,
        };
        let (a, b) = sides(edit);
        Some((part, rows[0][a?]?, rows[1][b?]?))
    };
    edits.iter().enumerate().filter_map(step).collect()
}

/// The means that do not include all pairs, with the reasons.
fn missing(layers: &[PairsLayer], pairs: usize) -> Vec<Omitted> {
    let Some(layer) = layers.first() else { return Vec::new() };
    let parts = [
        ("distance of changed words", layer.changed, "has no replaced word"),
        (
            "distance of words after the change",
            layer.after,
            "has no common word after its first change",
        ),
        (
            "distance of words before the change",
            layer.before,
            "has no common word before its first change",
        ),
    ];
    let mut out = Vec::new();
    for (name, mean, why) in parts {
        match mean.map_or(0, |m| m.n) {
            0 => out.push(omitted(name, format!("no pair is counted: each {why}"))),
            n if n < pairs => {
                let without = counted(pairs - n, "pair is", "pairs are");
                out.push(omitted(name, format!("{without} not counted: each {why}")));
            }
            _ => {}
        }
    }
    let means = [
        ("distance of changed words", layer.changed),
        ("distance of words after the change", layer.after),
        ("distance of words before the change", layer.before),
        ("distance of sentence means", layer.sentence),
    ];
    out.extend(means.into_iter().filter_map(|(name, of)| Omitted::interval(name, "pairs", of)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_line_numbers() {
        let read = parse_minimal_pairs(b"a b\ta c\n\n d\te \n", "f").unwrap();
        let (pairs, blank) = (read.items, read.blank_lines);
        assert_eq!((pairs[1].line, pairs[1].good.as_str(), pairs[1].bad.as_str()), (3, " d", "e "));
        assert_eq!(blank, 1);
        let same = parse_minimal_pairs(b"a\tb\nx y\t x y", "f").unwrap_err().to_string();
        assert_eq!(same, "f, line 2: the two sentences are equal: \"x y\"");
    }

    #[test]
    fn steps_are_before_at_or_after_the_first_change() {
        let rows = |n: usize| (0..n).map(Some).collect::<Vec<_>>();
        let edits = [
            Edit::Equal(0, 0),
            Edit::Inserted(1),
            Edit::Equal(1, 2),
            Edit::Substituted(2, 3),
            Edit::Equal(3, 4),
        ];
        let parts: Vec<Part> =
            steps(&edits, [&rows(4), &rows(5)]).into_iter().map(|s| s.0).collect();
        assert_eq!(parts, [Part::Before, Part::After, Part::Changed, Part::After]);
        assert_eq!(steps(&edits[..1], [&vec![None], &rows(1)]), []);
    }
}
