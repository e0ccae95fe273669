//! The figures of the curves, with their titles and captions.

use super::{Curve, Curves, CurvesLayer, Difference};
use crate::series::series;
use crate::text::{model_names, short_name};
use stratoscope_chart::{Axis, Chart, Curves as Drawing, Panel, Series};
use stratoscope_probing::context::{LAST_POSITION, MIN_OWN, NEIGHBOURS};

/// The title of the page, and of a figure without a headline.
pub(in crate::profile) const TITLE: &str = "Grammar, word meaning and sentence by layer";
/// The label of the axis of all curves.
const SHARE: &str = "share of the 10 nearest words (0: chance)";

impl Curves {
    /// The figure: the three curves, and those of random weights.
    pub(crate) fn chart(&self) -> Chart {
        let own = Curve::ALL.map(|curve| self.series(curve, curve.name()));
        let random = Curve::ALL.map(|curve| {
            let name = format!("{}, random weights", curve.name());
            values(&name, &self.random_weights, curve).baseline()
        });
        let (random, dashed) = match self.random_weights.is_empty() {
            true => (&random[..0], ""),
            false => {
                (&random[..], " Dashed: a model with the same architecture and random weights.")
            }
        };
        let layers: Vec<usize> = self.layers.iter().map(|layer| layer.layer).collect();
        let panel = Panel::new("", Axis::layers(&layers), SHARE, own.iter().chain(random).cloned());
        let drawing = Drawing::one(panel);
        let chart = match &self.headline()[..] {
            [] => Chart::new("story", TITLE, drawing).subject(short_name(&self.model.model)),
            headline => Chart::new("story", headline.join(" "), drawing),
        };
        chart.caption(format!("{}{dashed} {}", self.caption(), self.limits()))
    }

    fn series(&self, curve: Curve, name: &str) -> Series {
        values(name, &self.layers, curve)
    }

    /// What is measured, and on what.
    fn caption(&self) -> String {
        let bank = &self.bank;
        format!(
            "Words in context: {} ({} sentences, {} words; compared: {} nouns, {} verbs, and {} \
             content words for the sentence). Grammar and word meaning: of the {NEIGHBOURS} nearest \
             nouns of a noun (verbs of a verb) with another lemma in other sentences, the share with \
             its syntactic relation, or with its supersense (a coarse class of meaning, such as \
             “animal”). 0 is chance, 1 is all of them; chance is what the positions of these \
             neighbours predict (positions from {LAST_POSITION} on count as one). The curve is the \
             mean of nouns and verbs. Sentence: of the {NEIGHBOURS} nearest content words with \
             another lemma, the share that is in the sentence of the word, of the most that there \
             could be (words with fewer than {MIN_OWN} such words are left out). Nearest: by the \
             cosine, with every dimension standardised over the words that are compared. Bands: 95 % \
             intervals by bootstrap over sentences, with the bank fixed.",
            bank.summary.name,
            bank.summary.sentences,
            bank.summary.words,
            bank.nouns,
            bank.verbs,
            bank.summary.content_words,
        )
    }

    /// What the curves do not show.
    fn limits(&self) -> &'static str {
        "The curves do not show whether the model uses what is near, or whether information is lost \
         where a curve falls. Their values depend on the size of the bank. The sentence share also \
         rises if the vectors of a sentence share a constant: it shows that the words of a sentence \
         become more alike, not that they are understood."
    }
}

/// A curve at all layers.
fn values(name: &str, layers: &[CurvesLayer], curve: Curve) -> Series {
    let n = layers.iter().find_map(|layer| curve.of(layer)).map(|estimate| estimate.n);
    Series { n, ..series(name, layers.iter().map(|layer| curve.of(layer))) }
}

/// The figure of several models: a panel for each curve, with relative depth as its axis, and below it the
/// differences to the first model.
pub(crate) fn side_by_side(all: &[&Curves]) -> Chart {
    let names = model_names(all.iter().map(|curves| &curves.model));
    let panel = |curve: Curve| {
        let of = names.iter().zip(all).map(|(name, curves)| {
            let layers: Vec<usize> = curves.layers.iter().map(|layer| layer.layer).collect();
            curves.series(curve, name).shares(&layers, curves.model.n_layers)
        });
        Panel::new(curve.name(), Axis::share(), SHARE, of)
    };
    let differences: Vec<(&String, Difference)> = (names.iter().zip(all).skip(1))
        .filter_map(|(name, curves)| Some((name, curves.minus(all.first()?)?)))
        .collect();
    let first = names.first().map_or("", String::as_str);
    let difference = |curve: Curve| {
        let of = differences.iter().map(|(name, difference)| {
            let depths = &difference.depths;
            let at = depths.iter().map(|at| at.depth).collect();
            Series { at, ..series(*name, depths.iter().map(|at| at.of(curve))) }
        });
        Panel::new(format!("{}, less {first}", curve.name()), Axis::share(), "difference", of)
    };
    let headlines = names.iter().zip(all).flat_map(|(name, curves)| curves.headline_of(name));
    let headlines: Vec<String> = headlines.collect();
    let captions: Vec<String> = all.iter().map(|curves| curves.caption()).collect();
    let caption = match captions.first() {
        Some(first) if captions.iter().all(|caption| caption == first) => first.clone(),
        _ => (names.iter().zip(&captions))
            .map(|(name, caption)| format!("{name}: {caption}"))
            .collect::<Vec<_>>()
            .join(" "),
    };
    let paired = match differences.is_empty() {
        true => String::new(),
        false => format!(
            "Differences: the values of a model less those of {first} at the same depth, on the same \
             resamples of the sentences; between two layers of the deeper model, its values are on a \
             straight line. "
        ),
    };
    let limits = all.first().map_or("", |curves| curves.limits());
    let panels = Curve::ALL.map(panel).into_iter().chain(Curve::ALL.map(difference));
    let headlines = headlines.join(" ");
    Chart::new("story", format!("{TITLE}, by model"), Drawing::multiples(panels))
        .caption(format!("{headlines} {caption} {paired}{limits}").trim_start().to_owned())
}
