//! The charts of a comparison, with their titles and captions.

use super::sentences::NEAREST;
use super::{
    AlignedWord, Compared, Comparison, PairsComparison, RandomWords, SentenceComparison,
    WicComparison, WordComparison, WordContext,
};
use crate::Estimate;
use crate::series::series;
use crate::text::short_name;
use stratoscope_chart::{Axis, Chart, Curves, Drawing, MatrixPanel, Panel, Scale, Series, Slice};
use stratoscope_geometry::Metric;

/// Pairs of contexts that have a curve of their own.
const MAX_CURVES: usize = 6;

/// Contexts that a caption quotes.
const MAX_QUOTED: usize = 8;

impl Comparison {
    /// `compare`, the curves by depth; of two sentences also `words`, their words by layer.
    pub(super) fn charts(&self) -> Vec<Chart> {
        let mut charts = vec![self.by_depth()];
        if let Compared::Sentences(of) = &self.result {
            charts.push(self.words(of));
        }
        charts.retain(|chart| !chart.is_empty());
        charts
    }

    fn chart(&self, id: &str, title: &str, drawing: impl Into<Drawing>) -> Chart {
        Chart::new(id, title, drawing).subject(short_name(&self.model.model))
    }

    /// The curves by depth.
    pub(super) fn by_depth(&self) -> Chart {
        // Panels whose curves have long names take the whole width.
        let (title, rows, caption) = match &self.result {
            Compared::Sentences(of) => {
                ("Two sentences by depth", self.of_sentences(of), caption_of_sentences(of))
            }
            Compared::Word(of) => {
                ("One word in its contexts by depth", self.of_word(of), caption_of_word(of))
            }
            Compared::Pairs(of) => {
                ("Minimal pairs by depth", self.of_pairs(of), caption_of_pairs(of))
            }
            Compared::Wic(of) => {
                ("Word in context by depth", self.of_wic(of), self.caption_of_wic(of))
            }
        };
        self.chart("compare", title, Curves::rows(rows)).caption(caption)
    }

    /// The label of an axis of distances.
    fn distance(&self) -> &'static str {
        match self.settings.metric {
            Metric::Cosine => "distance (1 − cosine)",
            Metric::Centred => "distance (1 − centred cosine)",
            Metric::Standardised => "distance (1 − standardised cosine)",
            Metric::Euclidean => "Euclidean distance",
        }
    }

    /// The label of an axis of similarities.
    fn similarity(&self) -> &'static str {
        match self.settings.metric {
            Metric::Cosine => "cosine",
            Metric::Centred => "centred cosine",
            Metric::Standardised => "standardised cosine",
            Metric::Euclidean => "− Euclidean distance",
        }
    }

    fn of_sentences(&self, of: &SentenceComparison) -> Vec<Vec<Panel>> {
        let layers: Vec<usize> = of.layers.iter().map(|l| l.layer).collect();
        let distances = [
            curve("kept words", of.layers.iter().map(|l| l.kept)),
            curve("replaced words", of.layers.iter().map(|l| l.replaced)),
            plain("sentence means", of.layers.iter().map(|l| Some(l.sentence))),
            random("random words", of.layers.iter().map(|l| l.random)),
            median("one word, unrelated", of.layers.iter().map(|l| l.same_word)),
        ];
        let percentiles = [
            plain("kept words", of.layers.iter().map(|l| l.kept_percentile_same_word)),
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
        let alone = of.alignment.iter().enumerate().filter_map(|(step, word)| {
            (word.first.is_none() || word.second.is_none()).then_some(step)
        });
        let rows = Axis::named("word", of.alignment.iter().map(label).collect()).muted(alone);
        let values = (0..of.alignment.len()).flat_map(|step| {
            let words = of.layers.iter().map(move |layer| layer.words[step]);
            words.map(|word| word.map(|w| w.percentile_same_word.unwrap_or(w.percentile)))
        });
        let framed = of.alignment.iter().enumerate().filter_map(|(step, word)| {
            let column = layers.iter().position(|layer| Some(*layer) == word.begins)?;
            Some(step * layers.len() + column)
        });
        let slice = Slice::new(values).framed(framed);
        let value = "pairs from unrelated sentences that are closer, in percent";
        let panel = MatrixPanel::new(rows, Axis::layers(&layers), value, Scale::new(0.0, 100.0));
        let caption = format!(
            "Each row is a word that both sentences have, or a word that replaces another (→); − \
             and + mark words of the first or the second sentence alone. A number is a percentile \
             of the {}: so many percent of reference pairs are closer. The reference pairs come \
             from unrelated sentences: pairs of one word for a kept word, random pairs for a \
             replaced one. Framed: the first layer, from 1 on, at which a kept word is above \
             {NEAREST} %. The figure does not show why a word moves, and a single word has no \
             interval.",
            self.distance(),
        );
        let title = "Where two sentences differ";
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
        vec![vec![Panel::new("", Axis::layers(&layers), self.similarity(), curves)]]
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
            Panel::new("senses told apart", Axis::layers(&layers), "AUC", [auc, chance]),
            Panel::new("similarity", Axis::layers(&layers), self.similarity(), means),
        ]]
    }

    fn caption_of_wic(&self, of: &WicComparison) -> String {
        format!(
            "{} pairs of sentences with one word; in {} of them it has the same sense. AUC: how \
             often the word's vectors are more similar in a pair of the same sense than in a pair \
             of two senses ({}); 0.5 by chance, without a threshold. {}. An AUC above chance at \
             layer 0, which has not read the context, comes from word form and position. The layer \
             of the largest AUC was chosen on these pairs. A probe may find more: similarity \
             weighs all dimensions equally.",
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
            "The kept words begin to differ at layer {layer}: the first layer, from 1 on, at which \
             their mean distance is above that of the nearest {NEAREST} % of pairs of one word. (At \
             layer 0, only position can differ.)"
        ),
        (None, true) => format!(
            "The kept words differ at no layer: their mean distance is nowhere, from layer 1 on, \
             above that of the nearest {NEAREST} % of pairs of one word."
        ),
        (None, false) => "No word is in both sentences.".to_owned(),
    };
    format!(
        "1: {first} 2: {second} Kept words are in both sentences; a replaced word stands in \
         another's place (edit alignment). {}. Dashed: {n} random pairs of words of unrelated \
         built-in sentences (median, and band of the middle 90 %), and {same} pairs of one word in \
         two of these sentences (median). The percentiles of kept words are among pairs of one word, \
         those of replaced words among random pairs. {begins} The figure does not show whether a \
         difference is one of meaning, nor what it does to the model's output: position and length \
         move vectors too. Random words are no reference for sentence means.",
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
    format!(
        "{quoted}{more}The similarity of the word's vectors in two contexts. Dashed: {} built-in \
         homographs in {} sentences, in two contexts of one sense and of two senses; means with 95 % \
         bootstrap intervals over words. Single pairs vary much more than these means: the numbers \
         give the share of homograph pairs that are less similar. The figure does not show which \
         sense a word has; form, position and role move vectors too.",
        of.homographs, of.homograph_sentences,
    )
}

fn caption_of_pairs(of: &PairsComparison) -> String {
    let n = of.layers.first().map_or(0, |l| l.random.n);
    let estimates = of.layers.iter().flat_map(|l| [l.changed, l.after, l.before, l.sentence]);
    format!(
        "{} pairs of sentences, aligned by word. A changed word stands in another's place. Words \
         after and before: words that both sentences have, after and before the first change. {}. \
         Dashed: {n} random pairs of words of unrelated built-in sentences (median, and band of the \
         middle 90 %). The figure does not show which sentence the model prefers: the distance of \
         vectors says nothing about right and wrong. Random words are no reference for sentence \
         means.",
        of.pairs,
        bands(estimates, "pairs"),
    )
}

/// What the bands are.
fn bands(estimates: impl Iterator<Item = Option<Estimate>>, of: &str) -> String {
    match estimates.flatten().any(|estimate| estimate.interval.is_some()) {
        true => format!("Bands: 95 % bootstrap intervals over {of}"),
        false => format!("There are no intervals: there are fewer than two {of}"),
    }
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

/// A curve of estimates over samples of one size.
fn curve(name: &str, estimates: impl Iterator<Item = Option<Estimate>>) -> Series {
    let estimates: Vec<Option<Estimate>> = estimates.collect();
    let n = estimates.iter().flatten().map(|estimate| estimate.n).next();
    Series { n, ..series(name, estimates) }
}

/// A curve without intervals.
fn plain(name: impl Into<String>, values: impl Iterator<Item = Option<f64>>) -> Series {
    Series::new(name).values(values)
}

/// The median of reference pairs, with the middle 90 % of them as its band.
fn random(name: &str, of: impl Iterator<Item = RandomWords>) -> Series {
    let middle = of.map(|pairs| Some((pairs.median, Some([pairs.low, pairs.high]))));
    Series::new(name).estimates(middle).baseline()
}

/// The median of reference pairs.
fn median(name: &str, of: impl Iterator<Item = RandomWords>) -> Series {
    plain(name, of.map(|pairs| Some(pairs.median))).baseline()
}
