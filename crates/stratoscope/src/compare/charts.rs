//! The figures of a comparison.

use super::sentences::NEAREST;
use super::{
    Compared, Comparison, PairsComparison, RandomWords, SentenceComparison, WicComparison,
    WordComparison,
};
use crate::analysis::{Analysis, Figure};
use crate::text::short_name;
use crate::{Estimate, Result};
use serde_json::json;
use stratoscope_geometry::Metric;
use stratoscope_plot::{Depth, GridWord, Panel, Series, SeriesKind, WordGrid, XAxis};

/// Pairs of contexts that have a curve of their own.
const MAX_CURVES: usize = 6;

impl Comparison {
    /// `compare`, the curves by depth, and of two sentences `words`, their words by layer.
    pub(super) fn drawn(&self) -> Result<Vec<Figure>> {
        let mut figures = vec![Figure::new("compare", self.curves().draw(), self.numbers()?)];
        if let Compared::Sentences(of) = &self.result {
            let grid = self.grid(of);
            let by_layer = |(layer, index): (&usize, usize)| {
                let at = |word: &GridWord| word.values.get(index).copied().flatten();
                json!({ "layer": layer, "percentiles": grid.words.iter().map(at).collect::<Vec<_>>() })
            };
            let numbers = json!({
                "alignment": of.alignment,
                "layers": grid.layers.iter().zip(0..).map(by_layer).collect::<Vec<_>>(),
            });
            figures.push(Figure::new("words", grid.draw(), numbers));
        }
        Ok(figures)
    }

    pub(super) fn curves(&self) -> Depth {
        let (what, rows, caption) = match &self.result {
            Compared::Sentences(of) => {
                ("Two sentences by depth", self.of_sentences(of), self.says_sentences(of))
            }
            Compared::Word(of) => {
                ("One word in its contexts", self.of_word(of), self.says_word(of))
            }
            Compared::Pairs(of) => {
                ("Minimal pairs by depth", self.of_pairs(of), self.says_pairs(of))
            }
            Compared::Wic(of) => ("Word in context by depth", self.of_wic(of), self.says_wic(of)),
        };
        let title = format!("{what}: {}", short_name(&self.model.model));
        // Panels with many names need the width.
        let rows = match &self.result {
            Compared::Sentences(_) | Compared::Pairs(_) => {
                rows.into_iter().map(|panel| vec![panel]).collect()
            }
            _ => vec![rows],
        };
        Depth { title, caption, rows }
    }

    /// What a distance is, on an axis.
    fn distance(&self) -> &'static str {
        match self.settings.metric {
            Metric::Cosine => "distance (1 − cosine)",
            Metric::Centred => "distance (1 − centred cosine)",
            Metric::Standardised => "distance (1 − standardised cosine)",
            Metric::Euclidean => "Euclidean distance",
        }
    }

    /// What a similarity is, on an axis.
    fn similarity(&self) -> &'static str {
        match self.settings.metric {
            Metric::Cosine => "cosine",
            Metric::Centred => "centred cosine",
            Metric::Standardised => "standardised cosine",
            Metric::Euclidean => "− Euclidean distance",
        }
    }

    fn of_sentences(&self, of: &SentenceComparison) -> Vec<Panel> {
        let layers: Vec<usize> = of.layers.iter().map(|l| l.layer).collect();
        let mut series = vec![
            estimates("kept words", of.layers.iter().map(|l| l.kept)),
            estimates("replaced words", of.layers.iter().map(|l| l.replaced)),
            Series::line("sentence means", of.layers.iter().map(|l| Some(l.sentence)).collect()),
            random("random words", of.layers.iter().map(|l| l.random)),
            Series {
                interval: Vec::new(),
                ..random("one word, unrelated", of.layers.iter().map(|l| l.same_word))
            },
        ];
        // The colours of the other panel are the same.
        let shown = |series: &Series| series.values.iter().any(Option::is_some);
        let places = vec![
            Series::line(
                "kept words",
                of.layers.iter().map(|l| l.kept_percentile_same_word).collect(),
            ),
            Series::line(
                "replaced words",
                of.layers.iter().map(|l| l.replaced_percentile).collect(),
            ),
        ];
        series.retain(shown);
        let places: Vec<Series> = places.into_iter().filter(shown).collect();
        let mut panels = vec![panel("how far apart", self.distance(), &layers, None, series)];
        if !places.is_empty() {
            let label = "% of pairs that are nearer";
            panels.push(panel("beside other pairs", label, &layers, Some((0.0, 100.0)), places));
        }
        panels
    }

    fn says_sentences(&self, of: &SentenceComparison) -> String {
        let [first, second] = &of.texts;
        let n = of.layers.first().map_or(0, |l| l.random.n);
        let same = of.layers.first().map_or(0, |l| l.same_word.n);
        let mut text = format!(
            "1: {first} 2: {second} Kept words are in both sentences, replaced ones stand in \
             another's place (edit alignment). {}. Dashed: {n} random pairs of words of unrelated \
             built-in sentences, median and the band of the middle 90 %; and the median of {same} pairs of \
             one word in two of them. The percentages are of kept words among the latter, of replaced \
             words among the former.",
            intervals(of.layers.iter().flat_map(|l| [l.kept, l.replaced]), "words"),
        );
        text += match (of.begins, of.layers.iter().any(|l| l.kept.is_some())) {
            (Some(layer), _) => format!(
                " The kept words begin to differ at layer {layer}: the first at which their mean \
                 is above the nearest {NEAREST} % of pairs of one word (layer 0, where only position \
                 can differ, left aside)."
            ),
            (None, true) => format!(
                " By the rule that their mean is above the nearest {NEAREST} % of pairs of one word, \
                 the kept words differ at no layer."
            ),
            (None, false) => " No word is in both.".to_owned(),
        }
        .as_str();
        text + " Not shown: what a difference does to the model's answers, nor that it is one of \
                meaning; position and length move vectors too. Random words are no norm for \
                sentence means."
    }

    pub(super) fn grid(&self, of: &SentenceComparison) -> WordGrid {
        let words = of.alignment.iter().enumerate().map(|(step, word)| GridWord {
            first: word.first.clone(),
            second: word.second.clone(),
            values: of
                .layers
                .iter()
                .map(|l| l.words[step].map(|w| w.percentile_same_word.unwrap_or(w.percentile)))
                .collect(),
            framed: word.begins,
        });
        WordGrid {
            title: format!("Where two sentences differ: {}", short_name(&self.model.model)),
            caption: format!(
                "A row is a word of both sentences, or one in another's place (→); − and +: only in \
                 the first, only in the second. A number says how many of a hundred pairs from \
                 unrelated sentences are nearer to each other ({}): of a kept word, pairs of one word; \
                 of a replaced one, random pairs. Framed: the first \
                 layer, from 1 on, at which a kept word is above {NEAREST}. \
                 Not shown: why it moves; a single word has no interval.",
                self.distance(),
            ),
            measure: "pairs from unrelated sentences that are nearer, in percent".to_owned(),
            words: words.collect(),
            layers: of.layers.iter().map(|l| l.layer).collect(),
        }
    }

    fn of_word(&self, of: &WordComparison) -> Vec<Panel> {
        let layers: Vec<usize> = of.layers.iter().map(|l| l.layer).collect();
        let n_pairs = of.layers.first().map_or(0, |l| l.pairs.len());
        let mut series = Vec::new();
        if n_pairs <= MAX_CURVES {
            for index in 0..n_pairs {
                let pairs = || of.layers.iter().filter_map(|l| l.pairs.get(index));
                let name = pairs().next().map(|p| format!("{} and {}", p.first + 1, p.second + 1));
                let values = pairs().map(|p| Some(p.similarity)).collect();
                series.push(Series::line(name.unwrap_or_default(), values));
            }
        } else {
            let mean = of.layers.iter().map(|l| Some(l.similarity)).collect();
            series.push(Series::line(format!("mean of {n_pairs} pairs"), mean));
        }
        let baseline = |name, values: Vec<Option<Estimate>>| Series {
            kind: SeriesKind::Baseline,
            ..estimates(name, values.into_iter())
        };
        series.push(baseline("same sense", of.layers.iter().map(|l| l.same_sense).collect()));
        series.push(baseline("other sense", of.layers.iter().map(|l| l.other_sense).collect()));
        series.retain(|s| s.values.iter().any(Option::is_some));
        vec![panel("", self.similarity(), &layers, None, series)]
    }

    fn says_word(&self, of: &WordComparison) -> String {
        let context = |(index, c): (usize, &super::WordContext)| {
            format!("{}: “{}” in “{}” ", index + 1, c.word, c.text)
        };
        let shown: String = of.contexts.iter().take(8).enumerate().map(context).collect();
        let more = match of.contexts.len() {
            n if n > 8 => format!("and {} more contexts. ", n - 8),
            _ => String::new(),
        };
        format!(
            "{shown}{more}How alike the word's vectors are in them. Dashed: {} built-in homographs \
             in {} sentences, two contexts of one sense and of two, means with 95 % bootstrap \
             intervals over words. Single pairs spread far wider than these means: the numbers beside the \
             figure say how many pairs of either kind are less alike. Not shown: which sense a word \
             has; form, position and role move vectors too.",
            of.homographs, of.homograph_sentences,
        )
    }

    fn of_pairs(&self, of: &PairsComparison) -> Vec<Panel> {
        let layers: Vec<usize> = of.layers.iter().map(|l| l.layer).collect();
        let far = vec![
            estimates("changed words", of.layers.iter().map(|l| l.changed)),
            estimates("words after", of.layers.iter().map(|l| l.after)),
            estimates("words before", of.layers.iter().map(|l| l.before)),
            estimates("sentence means", of.layers.iter().map(|l| l.sentence)),
            random("random words", of.layers.iter().map(|l| l.random)),
        ];
        let places = vec![
            Series::line("changed words", of.layers.iter().map(|l| l.changed_percentile).collect()),
            Series::line("words after", of.layers.iter().map(|l| l.after_percentile).collect()),
            Series::line("words before", of.layers.iter().map(|l| l.before_percentile).collect()),
        ];
        let shown = |series: &Series| series.values.iter().any(Option::is_some);
        let far = far.into_iter().filter(shown).collect();
        let places: Vec<Series> = places.into_iter().filter(shown).collect();
        let mut panels = vec![panel("how far apart", self.distance(), &layers, None, far)];
        if !places.is_empty() {
            panels.push(among_random(&layers, places));
        }
        panels
    }

    fn says_pairs(&self, of: &PairsComparison) -> String {
        let n = of.layers.first().map_or(0, |l| l.random.n);
        let estimates = of.layers.iter().flat_map(|l| [l.changed, l.after, l.before, l.sentence]);
        format!(
            "{} pairs of sentences, aligned by word. Changed words stand in another's place; after \
             and before: words that both have, after and before the first change. {}. Dashed: {n} random \
             pairs of words of unrelated built-in sentences, median and the band of the middle \
             90 %. Not shown: which sentence the model prefers; how far vectors move says nothing \
             of right and wrong. Random words are no norm for sentence means.",
            of.pairs,
            intervals(estimates, "pairs"),
        )
    }

    fn of_wic(&self, of: &WicComparison) -> Vec<Panel> {
        let layers: Vec<usize> = of.layers.iter().map(|l| l.layer).collect();
        let auc = Series { peak: true, ..estimates("AUC", of.layers.iter().map(|l| Some(l.auc))) };
        let chance = Series {
            kind: SeriesKind::Baseline,
            ..Series::line("chance", vec![Some(0.5); layers.len()])
        };
        let means = vec![
            estimates("same sense", of.layers.iter().map(|l| l.same)),
            estimates("other sense", of.layers.iter().map(|l| l.different)),
        ];
        vec![
            panel("senses told apart", "AUC", &layers, None, vec![auc, chance]),
            panel("how alike", self.similarity(), &layers, None, means),
        ]
    }

    fn says_wic(&self, of: &WicComparison) -> String {
        format!(
            "{} pairs of sentences with one word, {} of the same sense. AUC: how often the word's \
             vectors are more alike in a pair of one sense than in a pair of two ({}); 0.5 by chance, no \
             threshold is chosen. {}. Above chance at layer 0, where no context has been read, stands \
             what form and position give away. The layer of the largest AUC was chosen on these \
             pairs. Not shown: what a probe would find; similarity weighs all dimensions alike.",
            of.pairs,
            of.same,
            self.similarity(),
            intervals(of.layers.iter().map(|l| Some(l.auc)), of.resampled),
        )
    }
}

/// What bands are.
fn intervals(estimates: impl Iterator<Item = Option<Estimate>>, of: &str) -> String {
    let most = estimates.flatten().map(|e| e.n).max().unwrap_or(0);
    match most {
        0 | 1 => format!("There are no intervals, which would be over {of}"),
        _ => format!("Bands: 95 % bootstrap intervals over {of}"),
    }
}

fn panel(
    title: &str,
    label: &str,
    layers: &[usize],
    range: Option<(f64, f64)>,
    series: Vec<Series>,
) -> Panel {
    Panel {
        title: title.to_owned(),
        y_label: label.to_owned(),
        layers: layers.to_vec(),
        x: XAxis::Layers,
        range,
        series,
    }
}

fn among_random(layers: &[usize], series: Vec<Series>) -> Panel {
    let label = "random words nearer (%)";
    panel("among random words", label, layers, Some((0.0, 100.0)), series)
}

fn estimates(name: &str, values: impl Iterator<Item = Option<Estimate>>) -> Series {
    let values: Vec<Option<Estimate>> = values.collect();
    Series {
        interval: values.iter().map(|v| v.and_then(|e| Some((e.low?, e.high?)))).collect(),
        n: values.iter().flatten().map(|e| e.n).next(),
        ..Series::line(name, values.iter().map(|v| v.map(|e| e.value)).collect())
    }
}

fn random(name: &str, values: impl Iterator<Item = RandomWords>) -> Series {
    let values: Vec<RandomWords> = values.collect();
    Series {
        interval: values.iter().map(|r| Some((r.low, r.high))).collect(),
        kind: SeriesKind::Baseline,
        ..Series::line(name, values.iter().map(|r| Some(r.median)).collect())
    }
}
