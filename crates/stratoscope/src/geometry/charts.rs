//! The charts of `geometry`, with their titles and captions.

use super::NEIGHBOURS;
use super::measure::Measure;
use super::report::{ChangeStep, LayerPairs, ModelGeometry, PairKind, PairMeasure, Report};
use crate::series::series;
use crate::text::{CKA, listed, model_names};
use crate::{Estimate, Figure};
use std::collections::BTreeSet;
use std::fmt::Write;
use stratoscope_chart::{
    Axis, Chart, Column, Curves, Drawing, Matrix, MatrixPanel, Panel, Scale, Table,
};

/// The description of the chart of a measure of pairs of layers.
struct PairChart {
    measure: PairMeasure,
    /// The id of the chart.
    id: &'static str,
    title: &'static str,
    /// The label of the values.
    value: &'static str,
    /// The kinds that are shown for one model, with their names.
    kinds: &'static [(PairKind, &'static str)],
    /// The kind that is shown for several models.
    main: PairKind,
    /// The meaning of the numbers, and their limits.
    caption: &'static [&'static str],
    paper: (&'static str, &'static str),
}

const PAIR_CHARTS: &[PairChart] = &[
    PairChart {
        measure: PairMeasure::Cka,
        id: "cka",
        title: "Similarity of layers by CKA",
        value: "CKA",
        kinds: &[
            (PairKind::Linear, "linear"),
            (PairKind::Debiased, "debiased"),
            (PairKind::Rbf, "RBF"),
        ],
        main: PairKind::Debiased,
        caption: &[
            "Linear CKA is biased upwards for few words in many dimensions; debiased linear CKA \
             corrects this. RBF: CKA with a Gaussian kernel whose width is half the median \
             distance (Kornblith et al. 2019; Murphy et al. 2024).",
            CKA,
        ],
        paper: ("Kornblith et al. 2019", "10.48550/arXiv.1905.00414"),
    },
    PairChart {
        measure: PairMeasure::Rsa,
        id: "rsa",
        title: "Similarity of layers by RSA",
        value: "Spearman's ρ",
        kinds: &[(PairKind::Cosine, "1 − cosine")],
        main: PairKind::Cosine,
        caption: &["Representational similarity analysis: Spearman's rank correlation of the \
             dissimilarities (1 − cosine) of all pairs of words at two layers (Kriegeskorte et al. \
             2008). 1: both layers rank all pairs of words in the same order. 0: the two orders \
             are unrelated. Only the order of the dissimilarities has an influence, not their \
             values. A few rogue dimensions can dominate the order."],
        paper: ("Kriegeskorte et al. 2008", "10.3389/neuro.06.004.2008"),
    },
];

impl Report {
    /// The figures of all charts that are not empty. The CSV of the first has the n of every value.
    pub(super) fn all_figures(&self) -> Vec<Figure> {
        let depth = Some(self.by_depth()).filter(|chart| !chart.is_empty());
        let depth = depth.map(|chart| Figure::from(chart).with_csv(self.csv()));
        let pairs = PAIR_CHARTS.iter().map(|of| self.pairs_of_layers(of));
        let others = pairs.chain([self.changed_words(), self.kept_neighbours()]);
        let others = others.filter(|chart| !chart.is_empty()).map(Figure::from);
        depth.into_iter().chain(others).collect()
    }

    /// The names of the models in figures.
    pub(super) fn names(&self) -> Vec<String> {
        model_names(self.models.iter().map(|model| &model.model))
    }

    fn is_of_several(&self) -> bool {
        self.models.len() > 1
    }

    fn chart(&self, id: &str, title: &str, drawing: impl Into<Drawing>) -> Chart {
        Chart::new(id, title, drawing).subject(listed(&self.names()))
    }

    /// The chart of all measures of layers, one panel each. For several models, the axis is
    /// relative depth.
    pub(super) fn by_depth(&self) -> Chart {
        let panels = Measure::ALL.into_iter().map(|measure| self.panel(measure));
        let title = "Measures of the space of words by layer";
        self.chart("geometry", title, Curves::multiples(panels)).caption(self.caption())
    }

    fn panel(&self, measure: Measure) -> Panel {
        let (title, unit) = measure.title();
        let curve = |(model, name): (&ModelGeometry, String)| {
            let found: Vec<Option<Estimate>> =
                model.layers.iter().map(|l| l.measures.get(&measure).copied().flatten()).collect();
            let sizes: BTreeSet<usize> = found.iter().flatten().map(|found| found.n).collect();
            let mut curve = series(name, found);
            // If layers have different n, only JSON and CSV give them.
            curve.n = sizes.first().copied().filter(|_| sizes.len() == 1);
            let layers = model.layer_numbers();
            match (self.is_of_several(), layers.last()) {
                (true, Some(&last)) => curve.shares(&layers, last),
                _ => curve,
            }
        };
        let x = match &self.models[..] {
            [model] => Axis::layers(&model.layer_numbers()),
            _ => Axis::share(),
        };
        Panel::new(title, x, unit, self.models.iter().zip(self.names()).map(curve))
    }

    fn caption(&self) -> String {
        let mut text = format!("{}, n = {} sentences. ", self.input.name, self.input.texts);
        for (model, name) in self.models.iter().zip(self.names()) {
            let c = &model.counts;
            let name = if self.is_of_several() { format!("{name}: ") } else { String::new() };
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "{name}{} words; {} of them are sampled for neighbours, and {} occurrences of {} \
                 word forms are sampled for self-similarity and explainable variance. ",
                c.words, c.sampled_words, c.occurrences, c.forms
            );
        }
        text += "Adjusted: minus the value of random words (Ethayarajh 2019). All intervals are 95 \
                 %: for means, by bootstrap over sentences (for explainable variance, over word \
                 forms); for the other measures, by jackknife or subsampling of sentences. If one \
                 dimension contributes a large share of the cosine, cosines mostly measure this \
                 dimension. TwoNN depends on the density of the sample, and it is debated whether \
                 such estimates are meaningful for language models. Effective rank is computed \
                 from squared singular values. The figure does not show how the model uses the \
                 geometry of a layer.";
        let undefined: Vec<&str> = Measure::ALL
            .into_iter()
            .filter(|measure| self.models.iter().all(|m| m.values(*measure).next().is_none()))
            .map(|measure| measure.title().0)
            .collect();
        if !undefined.is_empty() {
            let _ = write!(text, " Not defined here: {}.", undefined.join(", "));
        }
        text
    }

    /// The chart of a measure of pairs of layers: for one model, all kinds; for several models, the
    /// main kind within and between models.
    fn pairs_of_layers(&self, of: &PairChart) -> Chart {
        let matrices = self.matrices(of);
        let values = |matrix: &PairMatrix<'_>| -> Vec<Option<f64>> {
            let cells = matrix.pairs.kinds.get(&matrix.kind).into_iter().flatten().flatten();
            cells.map(|found| found.map(|found| found.value)).collect()
        };
        // All matrices have one scale.
        let scale = Scale::to_one(matrices.iter().flat_map(values).flatten());
        // Of several models, one kind is shown, and its name belongs to the value.
        let main = of.kinds.iter().find(|(kind, _)| *kind == of.main && of.kinds.len() > 1);
        let value = match main {
            Some((_, name)) if self.is_of_several() => format!("{name} {}", of.value),
            _ => of.value.to_owned(),
        };
        let panels = matrices.iter().map(|matrix| {
            let [rows, columns] = matrix.axes.clone();
            let panel = MatrixPanel::new(rows, columns, value.as_str(), scale).title(&matrix.title);
            panel.n(matrix.pairs.words).values(values(matrix))
        });
        let words = matrices.first().map_or(0, |matrix| matrix.pairs.words);
        let shared = if self.is_of_several() { " that all models have" } else { "" };
        let others = match self.is_of_several() && of.kinds.len() > 1 {
            true => " numbers.json has the other kinds.",
            false => "",
        };
        let caption = format!(
            "n = {words} words{shared}. {} numbers.json has the 95 % intervals.{others}",
            of.caption.join(" ")
        );
        let (paper, doi) = of.paper;
        self.chart(of.id, of.title, Matrix::new(panels)).caption(caption).paper(paper, doi)
    }

    fn matrices(&self, of: &PairChart) -> Vec<PairMatrix<'_>> {
        if let [model] = &self.models[..] {
            let Some(pairs) = model.pairs(of.measure) else { return Vec::new() };
            let matrix = |(kind, name): &(PairKind, &str)| PairMatrix {
                title: if of.kinds.len() > 1 { (*name).to_owned() } else { String::new() },
                axes: [&pairs.row_layers, &pairs.column_layers].map(|layers| Axis::layers(layers)),
                pairs,
                kind: *kind,
            };
            return of.kinds.iter().map(matrix).collect();
        }
        let names = self.names();
        let within = self.models.iter().zip(&names).filter_map(|(model, name)| {
            Some(PairMatrix::of(name.clone(), [name, name], model.pairs(of.measure)?, of.main))
        });
        // The order of the pairs of models in `across`.
        let order = (0..names.len()).flat_map(|a| (a + 1..names.len()).map(move |b| [a, b]));
        let between = self.across.iter().zip(order).filter_map(|(across, models)| {
            let pairs = across.cka.as_ref().filter(|_| of.measure == PairMeasure::Cka)?;
            let [a, b] = models.map(|model| &names[model]);
            Some(PairMatrix::of(format!("{a} × {b}"), [a, b], pairs, of.main))
        });
        within.chain(between).collect()
    }

    /// The table of the words that keep the fewest neighbours at each step between layers.
    fn changed_words(&self) -> Chart {
        let rows = self.steps().flat_map(|(name, step)| {
            let step_name = format!("{} → {}{name}", step.from, step.to);
            let kept = |change: f64| ((1.0 - change) * NEIGHBOURS as f64).round() as usize;
            step.words.iter().map(move |word| {
                vec![
                    step_name.clone().into(),
                    kept(word.change).into(),
                    word.before.trim_end().into(),
                    word.word.clone().into(),
                    word.after.trim_start().into(),
                ]
            })
        });
        let columns = [
            Column::from("layers"),
            Column::end("kept"),
            Column::end("before"),
            Column::from("word"),
            Column::from("after"),
        ];
        let caption = format!(
            "For each step between layers: the words that keep the fewest of their {NEIGHBOURS} \
             nearest neighbours, and the number of kept neighbours. Of words with the same number, \
             the first in the text come first. {}",
            self.about_neighbours()
        );
        let title = "Words whose neighbours change most";
        self.chart("neighbour_change", title, Table::new(columns, rows)).caption(caption)
    }

    /// The chart of the distribution of kept neighbours at each step between layers.
    fn kept_neighbours(&self) -> Chart {
        let share = |step: &ChangeStep| -> Vec<f64> {
            let all = step.kept.iter().sum::<usize>().max(1) as f64;
            step.kept.iter().map(|&words| words as f64 / all).collect()
        };
        let scale = Scale::from_zero(self.steps().flat_map(|(_, step)| share(step)));
        let panels = self.models.iter().zip(self.names()).map(|(model, name)| {
            let steps = &model.neighbour_change;
            let to: Vec<usize> = steps.iter().map(|step| step.to).collect();
            let rows = match self.is_of_several() {
                true => Axis::layers_of("step to layer", &to),
                false => Axis::layers(&to).title("step to layer"),
            };
            let counts = 0..steps.iter().map(|step| step.kept.len()).max().unwrap_or(0);
            let columns = Axis::named("neighbours kept", counts.map(|n| n.to_string()).collect());
            let panel = MatrixPanel::new(rows, columns, "share of words", scale);
            let panel = panel.n(model.counts.sampled_words);
            let panel = if self.is_of_several() { panel.title(name) } else { panel };
            panel.values(steps.iter().flat_map(share).map(Some))
        });
        let caption = format!(
            "The share of words that keep 0 to {NEIGHBOURS} of their {NEIGHBOURS} nearest \
             neighbours from one layer to the next. {}",
            self.about_neighbours()
        );
        let title = "Kept neighbours from layer to layer";
        self.chart("neighbours_kept", title, Matrix::new(panels)).caption(caption)
    }

    /// All steps between layers, with the names of the models if there are several.
    fn steps(&self) -> impl Iterator<Item = (String, &ChangeStep)> {
        let several = self.is_of_several();
        self.models.iter().zip(self.names()).flat_map(move |(model, name)| {
            let of = if several { format!(", {name}") } else { String::new() };
            model.neighbour_change.iter().map(move |step| (of.clone(), step))
        })
    }

    fn about_neighbours(&self) -> String {
        let words = self.models.iter().map(|model| model.counts.sampled_words).max().unwrap_or(0);
        format!(
            "Neighbours are found in the full space (Euclidean), among n = {words} sampled words. \
             In a larger sample, words keep fewer neighbours."
        )
    }
}

/// One matrix of the chart of a measure of pairs of layers.
struct PairMatrix<'a> {
    title: String,
    /// The axes of rows and columns.
    axes: [Axis; 2],
    pairs: &'a LayerPairs,
    kind: PairKind,
}

impl<'a> PairMatrix<'a> {
    /// A matrix of the layers of two models; `models` can name one model twice.
    fn of(title: String, models: [&String; 2], pairs: &'a LayerPairs, kind: PairKind) -> Self {
        let of_two = models[0] != models[1];
        let [rows, columns] = models.map(|name| match of_two {
            true => format!("layer of {name}"),
            // The title of the matrix names the model.
            false => "layer".to_owned(),
        });
        let axes = [
            Axis::layers_of(rows, &pairs.row_layers),
            Axis::layers_of(columns, &pairs.column_layers),
        ];
        Self { title, axes, pairs, kind }
    }
}

impl ModelGeometry {
    /// A measure of pairs of layers, if it is defined.
    pub(super) fn pairs(&self, measure: PairMeasure) -> Option<&LayerPairs> {
        self.layer_pairs.get(&measure)?.as_ref()
    }

    /// The layers at which a measure is defined, with its values.
    pub(super) fn values(&self, measure: Measure) -> impl Iterator<Item = (usize, Estimate)> + '_ {
        self.layers
            .iter()
            .filter_map(move |layer| Some((layer.layer, layer.measures.get(&measure)?.as_ref()?)))
            .map(|(layer, found)| (layer, *found))
    }

    fn layer_numbers(&self) -> Vec<usize> {
        self.layers.iter().map(|layer| layer.layer).collect()
    }
}
