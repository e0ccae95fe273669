//! The charts of a comparison, with their titles and captions.

use super::sentences::NEAREST;
use super::{
    AlignedWord, Compared, Comparison, PairsComparison, SentenceComparison, WicComparison,
    WordComparison, WordContext,
};
use crate::series::series;
use crate::text::short_name;
use crate::{Estimate, journey};
use stratoscope_chart::{Axis, Chart, Curves, Drawing, MatrixPanel, Panel, Scale, Series, Slice};
use stratoscope_geometry::{MIN_UNITS, Metric};

/// With more pairs of contexts than this, only their mean has a curve.
const MAX_CURVES: usize = 6;

/// The largest number of contexts that the caption quotes.
const MAX_QUOTED: usize = 8;

impl Comparison {
    /// The chart `compare` (curves by depth); for two sentences also `words` (words by layers), and for
    /// two contexts of one word `journeys` (its nearest words by layer).
    pub(super) fn charts(&self) -> Vec<Chart> {
        let mut charts = vec![self.by_depth()];
        match &self.result {
            Compared::Sentences(of) => charts.push(self.words(of)),
            Compared::Word(WordComparison {
                contexts, journeys: Some(journeys), parts, ..
            }) => {
                let texts: Vec<&str> = contexts.iter().map(|c| c.text.as_str()).collect();
                let chart = journey::both(journeys, &texts, *parts);
                charts.extend(chart.map(|chart| chart.subject(short_name(&self.model.model))));
            }
            _ => {}
        }
        charts.retain(|chart| !chart.is_empty());
        charts
    }

    fn chart(&self, id: &str, title: &str, drawing: impl Into<Drawing>) -> Chart {
        Chart::new(id, title, drawing).subject(short_name(&self.model.model))
    }

    /// The curves by depth.
    pub(super) fn by_depth(&self) -> Chart {
        // A panel takes the whole width if its curves have long names.
        let (title, rows, caption) = match &self.result {
            Compared::Sentences(of) => (
                "Distance of two sentences by layer",
                self.of_sentences(of),
                caption_of_sentences(of),
            ),
            Compared::Word(of) => (
                "Similarity of one word in its contexts by layer",
                self.of_word(of),
                caption_of_word(of),
            ),
            Compared::Pairs(of) => {
                ("Distance of minimal pairs by layer", self.of_pairs(of), caption_of_pairs(of))
            }
            Compared::Wic(of) => (
                "Separation of word senses by similarity and layer",
                self.of_wic(of),
                self.caption_of_wic(of),
            ),
        };
        self.chart("compare", title, Curves::rows(rows)).caption(caption)
    }

    /// The label of an axis of distances.
    fn distance(&self) -> String {
        match self.settings.metric {
            Metric::Euclidean => Metric::Euclidean.label().to_owned(),
            cosine => format!("distance (1 − {})", cosine.label()),
        }
    }

    /// The label of an axis of similarities.
    fn similarity(&self) -> String {
        match self.settings.metric {
            Metric::Euclidean => format!("− {}", Metric::Euclidean.label()),
            cosine => cosine.label().to_owned(),
        }
    }

    fn of_sentences(&self, of: &SentenceComparison) -> Vec<Vec<Panel>> {
        let layers: Vec<usize> = of.layers.iter().map(|l| l.layer).collect();
        let distances = [
            curve("kept content words", of.layers.iter().map(|l| l.kept)),
            curve("replaced words", of.layers.iter().map(|l| l.replaced)),
            plain("sentence means", of.layers.iter().map(|l| Some(l.sentence))),
            random("random words", of.layers.iter().map(|l| l.random)),
            median("same word, unrelated sentences", of.layers.iter().map(|l| l.same_word)),
        ];
        let percentiles = [
            plain("kept content words", of.layers.iter().map(|l| l.kept_percentile_same_word)),
            plain("replaced words", of.layers.iter().map(|l| l.replaced_percentile)),
        ];
        vec![
            vec![Panel::new("distances", Axis::layers(&layers), self.distance(), distances)],
            vec![percentile_panel("among reference pairs", &layers, percentiles)],
        ]
    }

    /// The words of two sentences by layer.
    fn words(&self, of: &SentenceComparison) -> Chart {
        let layers: Vec<usize> = of.layers.iter().map(|l| l.layer).collect();
        let all = rows_of_words(of);
        let alone = all.iter().enumerate().filter(|(_, row)| row.is_alone);
        let alone: Vec<usize> = alone.map(|(index, _)| index).collect();
        let rows = Axis::named("word", all.iter().map(|row| row.label.clone()).collect());
        let rows = rows.muted(alone);
        let values = all.iter().flat_map(|row| {
            let words = of.layers.iter().map(|layer| match row.place {
                Place::Step(step) => layer.words[step],
                Place::Displaced(index) => layer.displaced[index],
            });
            words.map(|word| word.map(|w| w.percentile_same_word.unwrap_or(w.percentile)))
        });
        let framed = all.iter().enumerate().filter_map(|(index, row)| {
            let column = layers.iter().position(|layer| Some(*layer) == row.begins)?;
            Some(index * layers.len() + column)
        });
        let slice = Slice::new(values).framed(framed);
        let value = "pairs from unrelated sentences that are closer, in percent";
        let panel = MatrixPanel::new(rows, Axis::layers(&layers), value, Scale::new(0.0, 100.0));
        let caption = format!(
            "Each row is a kept word (in both sentences) or a replaced word (→). − marks a word \
             that only the first sentence has, + a word that only the second has; long runs of such \
             words are one row. ↔ marks a content word that both have at other places. A number is a \
             percentile of the {}: the percentage of reference pairs that are closer. The two \
             words of a reference pair are from unrelated sentences: for a word of both, two \
             occurrences of one word; for a replaced word, two random words. Framed: the first \
             layer, from layer 1 on, at which a kept word is above {NEAREST} %. The figure does \
             not show why a vector changes, and single words have no intervals.",
            self.distance(),
        );
        let title = "Distance of each word of two sentences, as a percentile by layer";
        self.chart("words", title, panel.decimals(0).slices([slice])).caption(caption)
    }

    fn of_word(&self, of: &WordComparison) -> Vec<Vec<Panel>> {
        let layers: Vec<usize> = of.layers.iter().map(|l| l.layer).collect();
        let n_pairs = of.layers.first().map_or(0, |l| l.pairs.len());
        let mut curves = Vec::new();
        if n_pairs <= MAX_CURVES {
            for index in 0..n_pairs {
                let pairs = || of.layers.iter().filter_map(|l| l.pairs.get(index));
                let name = pairs().next().map(|p| format!("{} and {}", p.first + 1, p.second + 1));
                curves.push(plain(name.unwrap_or_default(), pairs().map(|p| Some(p.similarity))));
            }
        } else {
            let mean = of.layers.iter().map(|l| Some(l.similarity));
            curves.push(plain(format!("mean of {n_pairs} pairs"), mean));
        }
        curves.push(curve("same sense", of.layers.iter().map(|l| l.same_sense)).baseline());
        curves.push(curve("other sense", of.layers.iter().map(|l| l.other_sense)).baseline());
        let mut rows = vec![vec![Panel::new("", Axis::layers(&layers), self.similarity(), curves)]];
        if !of.in_common.is_empty() {
            let share = |&[common, of]: &[usize; 2]| Some(common as f64 / of.max(1) as f64);
            let shares = [
                plain("in both contexts", of.in_common.iter().map(share)),
                plain("half", of.in_common.iter().map(|_| Some(0.5))).baseline(),
            ];
            let title = "nearest words in other sentences";
            let y = format!("share of the {} nearest", journey::NEIGHBOURS);
            rows.push(vec![Panel::new(title, Axis::layers(&layers), y, shares).range(0.0, 1.0)]);
        }
        rows
    }

    fn of_pairs(&self, of: &PairsComparison) -> Vec<Vec<Panel>> {
        let layers: Vec<usize> = of.layers.iter().map(|l| l.layer).collect();
        let distances = [
            curve("changed words", of.layers.iter().map(|l| l.changed)),
            curve("words after", of.layers.iter().map(|l| l.after)),
            curve("words before", of.layers.iter().map(|l| l.before)),
            curve("sentence means", of.layers.iter().map(|l| l.sentence)),
            random("random words", of.layers.iter().map(|l| l.random)),
        ];
        let percentiles = [
            plain("changed words", of.layers.iter().map(|l| l.changed_percentile)),
            plain("words after", of.layers.iter().map(|l| l.after_percentile)),
            plain("words before", of.layers.iter().map(|l| l.before_percentile)),
        ];
        vec![
            vec![Panel::new("distances", Axis::layers(&layers), self.distance(), distances)],
            vec![percentile_panel("among random words", &layers, percentiles)],
        ]
    }

    fn of_wic(&self, of: &WicComparison) -> Vec<Vec<Panel>> {
        let layers: Vec<usize> = of.layers.iter().map(|l| l.layer).collect();
        let auc = curve("AUC", of.layers.iter().map(|l| Some(l.auc))).peak();
        let chance = plain("chance", layers.iter().map(|_| Some(0.5))).baseline();
        let means = [
            curve("same sense", of.layers.iter().map(|l| l.same)),
            curve("other sense", of.layers.iter().map(|l| l.different)),
        ];
        vec![vec![
            Panel::new("separation of senses", Axis::layers(&layers), "AUC", [auc, chance]),
            Panel::new("similarity", Axis::layers(&layers), self.similarity(), means),
        ]]
    }

    fn caption_of_wic(&self, of: &WicComparison) -> String {
        format!(
            "{} pairs of sentences that share a word; in {} of them, the word has the same sense. \
             AUC: the probability that the word's two vectors are more similar in a pair of the \
             same sense than in a pair of two senses ({}). Chance is 0.5; no threshold is needed. \
             {}. Layer 0 has no information about the context: there, an AUC above chance is due \
             to word form and position. The layer of the largest AUC was chosen on these pairs. A \
             probe may separate the senses better, because similarity weighs all dimensions \
             equally.",
            of.pairs,
            of.same,
            self.similarity(),
            bands(of.layers.iter().map(|l| Some(l.auc)), of.resampled),
        )
    }
}

fn caption_of_sentences(of: &SentenceComparison) -> String {
    let [first, second] = &of.texts;
    let n = of.layers.first().map_or(0, |l| l.random.n);
    let same = of.layers.first().map_or(0, |l| l.same_word.n);
    let begins = match (of.begins, of.layers.iter().any(|l| l.kept.is_some())) {
        (Some(layer), _) => format!(
            "The kept content words begin to differ at layer {layer}: the first layer, from layer 1 \
             on, at which their mean distance is above the {NEAREST}th percentile of pairs of one word. \
             (At layer 0, only position can differ.)"
        ),
        (None, true) => format!(
            "The kept content words do not differ: from layer 1 on, their mean distance is never \
             above the {NEAREST}th percentile of pairs of one word."
        ),
        (None, false) => "No content word is in both sentences.".to_owned(),
    };
    format!(
        "1: {first} 2: {second} Kept content words are in both sentences, in the same order or at \
         other places; a replaced word has another word in its place (edit alignment). {}. Dashed: {n} random word pairs from unrelated built-in \
         sentences (median, and band of the middle 90 %), and {same} pairs of one word in two of \
         these sentences (median). Percentiles of kept words are relative to pairs of one word; \
         percentiles of replaced words are relative to random pairs. {begins} The figure does not \
         show whether a difference is a difference of meaning (position and length change vectors \
         too), or how it changes the output of the model. Random words are not a reference for \
         sentence means.",
        bands(of.layers.iter().flat_map(|l| [l.kept, l.replaced]), "words"),
    )
}

fn caption_of_word(of: &WordComparison) -> String {
    let context =
        |(index, c): (usize, &WordContext)| format!("{}: “{}” in “{}” ", index + 1, c.word, c.text);
    let quoted: String = of.contexts.iter().take(MAX_QUOTED).enumerate().map(context).collect();
    let more = match of.contexts.len() {
        n if n > MAX_QUOTED => format!("and {} more contexts. ", n - MAX_QUOTED),
        _ => String::new(),
    };
    let nearest = match of.in_common.is_empty() {
        true => String::new(),
        false => format!(
            " Nearest words: how many of the {} nearest words in other sentences are the same in both \
             contexts; the contexts part where fewer than half are, from there to the last layer.",
            journey::NEIGHBOURS
        ),
    };
    format!(
        "{quoted}{more}Curves: the similarity of the word's vectors in two contexts. Dashed: {} \
         built-in homographs in {} sentences; mean similarity in two contexts of the same sense \
         and of two senses, with 95 % bootstrap intervals over words. Single pairs vary much more \
         than these means; numbers.json has the percentile of each pair among the homograph pairs. \
         The figure does not show which sense a word has: form, position and role change vectors \
         too.{nearest}",
        of.homographs, of.homograph_sentences,
    )
}

fn caption_of_pairs(of: &PairsComparison) -> String {
    let n = of.layers.first().map_or(0, |l| l.random.n);
    let estimates = of.layers.iter().flat_map(|l| [l.changed, l.after, l.before, l.sentence]);
    format!(
        "{} pairs of sentences, aligned word by word. A changed word has another word in its \
         place. Words after and before: words that both sentences have, after and before the first \
         change. {}. Dashed: {n} random word pairs from unrelated built-in sentences (median, and \
         band of the middle 90 %). The figure does not show which sentence the model prefers; for \
         that, compare probabilities, not distances. Random words are not a reference for sentence \
         means.",
        of.pairs,
        bands(estimates, "pairs"),
    )
}

/// The explanation of the bands.
fn bands(estimates: impl Iterator<Item = Option<Estimate>>, of: &str) -> String {
    match estimates.flatten().any(|estimate| estimate.interval.is_some()) {
        true => format!("Bands: 95 % bootstrap intervals over {of}"),
        false => format!("No intervals: they need at least {MIN_UNITS} {of}"),
    }
}

/// A row of the figure of words.
struct WordRow {
    label: String,
    place: Place,
    /// Whether only one sentence has the word, or the words.
    is_alone: bool,
    begins: Option<usize>,
}

/// Where the numbers of a row are.
enum Place {
    Step(usize),
    Displaced(usize),
}

/// The rows of the figure of words: the steps, long runs of words of one sentence as one row, and then
/// the words at other places.
fn rows_of_words(of: &SentenceComparison) -> Vec<WordRow> {
    let folds = of.folds();
    let is_alone = |word: &AlignedWord| word.first.is_none() || word.second.is_none();
    let steps = of.alignment.iter().enumerate().filter_map(|(step, word)| {
        let fold = folds.iter().find(|run| is_alone(word) && run.contains(&step));
        let label = match fold {
            Some(run) if run.start < step => return None,
            Some(run) if word.first.is_some() => format!("− {} words", run.len()),
            Some(run) => format!("+ {} words", run.len()),
            None => label(word),
        };
        let begins = word.begins;
        Some(WordRow { label, place: Place::Step(step), is_alone: is_alone(word), begins })
    });
    let displaced = of.displaced.iter().enumerate().map(|(index, word)| WordRow {
        label: format!("↔ {}", word.word),
        place: Place::Displaced(index),
        is_alone: false,
        begins: word.begins,
    });
    steps.chain(displaced).collect()
}

/// `bank`, `bank → shore`, `− bank`, `+ shore`.
fn label(word: &AlignedWord) -> String {
    match (&word.first, &word.second) {
        (Some(a), Some(b)) if a == b => a.clone(),
        (Some(a), Some(b)) => format!("{a} → {b}"),
        (Some(a), None) => format!("− {a}"),
        (None, Some(b)) => format!("+ {b}"),
        (None, None) => String::new(),
    }
}

fn percentile_panel(
    title: &str,
    layers: &[usize],
    series: impl IntoIterator<Item = Series>,
) -> Panel {
    let label = "reference pairs that are closer (%)";
    Panel::new(title, Axis::layers(layers), label, series).range(0.0, 100.0)
}

/// A curve of estimates that have one n.
fn curve(name: &str, estimates: impl Iterator<Item = Option<Estimate>>) -> Series {
    let estimates: Vec<Option<Estimate>> = estimates.collect();
    let n = estimates.iter().flatten().map(|estimate| estimate.n).next();
    Series { n, ..series(name, estimates) }
}

/// A curve without intervals.
fn plain(name: impl Into<String>, values: impl Iterator<Item = Option<f64>>) -> Series {
    Series::new(name).values(values)
}

/// The median of reference pairs, with a band of their middle 90 %.
fn random(name: &str, of: impl Iterator<Item = Estimate>) -> Series {
    series(name, of.map(Some)).baseline()
}

/// The median of reference pairs.
fn median(name: &str, of: impl Iterator<Item = Estimate>) -> Series {
    plain(name, of.map(|pairs| Some(pairs.value))).baseline()
}
